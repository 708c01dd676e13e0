//! hyper's side of a held exchange: first it waits for the head, then it is the body.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use hyper::body::Frame;
use tokio_util::sync::CancellationToken;

use super::{Fate, Shelf};
use crate::hub::Recorder;
use crate::model::end::Party;
use crate::model::event::Kind;
use crate::model::time::{Stamp, nanos};
use crate::model::waiting::Phase;
use crate::net::BoxFuture;
use crate::net::http::desk::GaveUp;
use crate::net::http::upload::{Stop, Upload};

/// See the module. Dropped before the end, it says that somebody gave up.
pub struct Ticket {
    shelf: Arc<Shelf>,
    number: u32,
    record: Recorder,
    /// The peer has ended.
    gone: BoxFuture<()>,
    over: CancellationToken,
    /// The request's body: it is taken in while the answer waits, or the peer would wait for us to read.
    incoming: Option<Upload>,
    /// HTTP/2 has frames for trailers; HTTP/1.1 gets them where the last chunk passes.
    framed: bool,
    /// We are done with it, before its end: its body was refused, or a person resets it.
    refused: bool,
    done: bool,
}

/// A head that left.
pub struct Head {
    pub status: StatusCode,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    /// Their names as they were typed.
    pub names: Vec<String>,
    /// hyper's own Date is to be left out.
    pub dateless: bool,
    /// No body follows.
    pub whole: bool,
}

/// What a request is, for whoever answers it.
pub struct Request {
    pub number: u32,
    pub method: Method,
    pub target: String,
    pub version: Version,
    /// When its head came.
    pub since: Stamp,
}

impl Ticket {
    /// Puts an exchange on the shelf; `None` when too many wait already.
    pub fn draw(
        shelf: Arc<Shelf>,
        request: &Request,
        record: Recorder,
        gone: CancellationToken,
        incoming: Upload,
    ) -> Option<Self> {
        if !shelf.put(request) {
            return None;
        }
        record.event(Kind::Held { exchange: request.number });
        Some(Self {
            shelf,
            number: request.number,
            record,
            over: gone.clone(),
            gone: Box::pin(gone.cancelled_owned()),
            incoming: Some(incoming),
            framed: request.version == Version::HTTP_2,
            refused: false,
            done: false,
        })
    }

    /// Waits until the head leaves.
    ///
    /// # Errors
    /// The peer has gone, or the request's body was refused.
    pub async fn head(mut self) -> Result<(Head, Self), Stop> {
        let head = poll_fn(|cx| {
            if self.gone.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Stop::Gone));
            }
            if let Some(stop) = self.listen(cx) {
                // A stream of HTTP/2 that is given up goes by itself.
                self.refused = !self.framed || matches!(stop, Stop::Refused(_));
                return Poll::Ready(Err(stop));
            }
            let head = self.shelf.with(self.number, |slot| {
                slot.waker = Some(cx.waker().clone());
                slot.ledger.left.then(|| Head {
                    status: slot.ledger.status,
                    reason: slot.ledger.reason.clone(),
                    headers: slot.ledger.headers.clone(),
                    names: slot.ledger.names.clone(),
                    dateless: slot.ledger.dateless,
                    whole: slot.ledger.ended
                        && slot.queue.is_empty()
                        && slot.trailers.is_empty()
                        && slot.reset.is_none(),
                })
            });
            match (head.flatten(), self.reset()) {
                (Some(head), _) => Poll::Ready(Ok(head)),
                (None, Some(code)) => Poll::Ready(Err(Stop::Reset(code))),
                (None, None) => Poll::Pending,
            }
        });
        let head = head.await?;
        if head.whole {
            self.finish();
        }
        Ok((head, self))
    }

    /// Takes in what the request still has, and forgets it: the timeline has it. Why it does not go on, if so.
    fn listen(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        while let Some(incoming) = &mut self.incoming {
            match incoming.poll(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(stop))) => {
                    self.incoming = None;
                    return Some(stop);
                }
                Poll::Ready(None) => self.incoming = None,
                Poll::Pending => break,
            }
        }
        None
    }

    /// The code with which a person resets the stream, once all before it has been taken.
    fn reset(&mut self) -> Option<u32> {
        let code = self.shelf.with(self.number, |slot| slot.reset.filter(|_| slot.queue.is_empty())).flatten();
        self.refused |= code.is_some();
        code
    }

    /// The next chunk; `None` at the end.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GaveUp>>> {
        if self.done {
            return Poll::Ready(None);
        }
        self.listen(cx);
        if let Some(code) = self.reset() {
            return Poll::Ready(Some(Err(GaveUp::reset(code))));
        }
        let next = self.shelf.with(self.number, |slot| {
            if let Some(chunk) = slot.queue.pop_front() {
                slot.queued -= chunk.len();
                return Some(Ok((chunk, slot.queue.is_empty() && slot.ledger.ends_by_count())));
            }
            if slot.ledger.ended {
                return Some(Err(std::mem::take(&mut slot.trailers)));
            }
            slot.waker = Some(cx.waker().clone());
            None
        });
        match next.flatten() {
            Some(Ok((chunk, last))) => {
                // hyper counts too, and does not ask for the end.
                if last {
                    self.finish();
                }
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Some(Err(trailers)) => {
                self.finish();
                if trailers.is_empty() {
                    return Poll::Ready(None);
                }
                if self.framed {
                    let trailers: HeaderMap = trailers.into_iter().collect();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                self.shelf.heads.set_trailers(&trailers);
                Poll::Ready(None)
            }
            None => self.gone.as_mut().poll(cx).map(|()| Some(Err(GaveUp::Gone))),
        }
    }

    fn finish(&mut self) {
        self.done = true;
        self.shelf.take(self.number, Fate::Done);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(exchange) = self.shelf.take(self.number, if self.refused { Fate::Cut } else { Fate::Dropped })
            && exchange.phase == Phase::Aborted
            && self.framed
            && !self.over.is_cancelled()
        {
            // Its stream alone: of a whole connection the watch tells.
            let waited = exchange.over.map(|over| nanos(over.since(exchange.since))).unwrap_or_default();
            self.record.event(Kind::Aborted { exchange: exchange.number, waited, by: Party::Peer });
        }
    }
}
