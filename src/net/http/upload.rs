//! A request's body with its bounds. Over HTTP/1 the gate holds it to them, before hyper sees it; a stream of
//! HTTP/2 is held to them here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, Sleep};

use super::reason::Reason;

/// How large it may be, and for how long nothing of it may come.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub most: u64,
    pub patience: Duration,
}

/// See the module.
pub struct Upload {
    body: Incoming,
    bounds: Option<Bounds>,
    size: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why it does not go on.
#[derive(Debug)]
pub enum Stop {
    Gone,
    Refused(Reason),
    /// A person resets the stream, with this error code.
    Reset(u32),
}

impl Upload {
    pub fn new(body: Incoming, bounds: Option<Bounds>) -> Self {
        Self { body, bounds, size: 0, timer: None }
    }

    /// The next piece; `None` at the end.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Stop>>> {
        let Some(Bounds { most, patience }) = self.bounds else { return self.piece(cx) };
        // What it says of its length is believed where it is too much.
        if self.size.saturating_add(self.body.size_hint().lower()) > most {
            return Poll::Ready(Some(Err(Stop::Refused(Reason::TooMuch(most)))));
        }
        if let Poll::Ready(piece) = self.piece(cx) {
            self.timer = None;
            if let Some(Ok(piece)) = &piece {
                self.size += piece.len() as u64;
            }
            let large = self.size > most;
            return Poll::Ready(if large { Some(Err(Stop::Refused(Reason::TooMuch(most)))) } else { piece });
        }
        let due = || Box::pin(tokio::time::sleep_until(Instant::now() + patience));
        ready!(self.timer.get_or_insert_with(due).as_mut().poll(cx));
        Poll::Ready(Some(Err(Stop::Refused(Reason::Stalled(patience)))))
    }

    fn piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Stop>>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(Stop::Gone))),
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
            }
        }
    }
}
