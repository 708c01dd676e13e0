//! hyper's side of a held exchange: first it waits for the head, then it is the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use hyper::body::{Body as _, Frame, Incoming};
use tokio_util::sync::CancellationToken;

use super::Shelf;
use crate::hub::Recorder;
use crate::model::event::Kind;
use crate::model::time::nanos;
use crate::model::waiting::Phase;
use crate::net::BoxFuture;
use crate::net::http::desk::GaveUp;

/// See the module. Dropped before the end, it says that somebody gave up.
pub struct Ticket {
    shelf: Arc<Shelf>,
    number: u32,
    record: Recorder,
    /// The peer has ended.
    gone: BoxFuture<()>,
    /// The request's body: it is taken in while the answer waits, or the peer would wait for us to read.
    incoming: Option<Incoming>,
    /// HTTP/2 has frames for trailers; HTTP/1.1 gets them where the last chunk passes.
    framed: bool,
    done: bool,
}

/// A head that left.
pub struct Head {
    pub status: StatusCode,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    /// Their names as they were typed.
    pub names: Vec<String>,
    /// No body follows.
    pub whole: bool,
}

/// What a request is, for whoever answers it.
pub struct Request {
    pub number: u32,
    pub method: Method,
    pub target: String,
    pub version: Version,
}

impl Ticket {
    /// Puts an exchange on the shelf; `None` when too many wait already.
    pub fn draw(
        shelf: Arc<Shelf>,
        request: &Request,
        record: Recorder,
        gone: CancellationToken,
        incoming: Incoming,
    ) -> Option<Self> {
        if !shelf.put(request.number, &request.method, &request.target, request.version) {
            return None;
        }
        record.event(Kind::Held { exchange: request.number });
        Some(Self {
            shelf,
            number: request.number,
            record,
            gone: Box::pin(gone.cancelled_owned()),
            incoming: Some(incoming),
            framed: request.version == Version::HTTP_2,
            done: false,
        })
    }

    /// Waits until the head leaves.
    pub async fn head(mut self) -> Result<(Head, Self), GaveUp> {
        let head = poll_fn(|cx| {
            self.listen(cx);
            let head = self.shelf.with(self.number, |slot| {
                slot.waker = Some(cx.waker().clone());
                slot.ledger.left.then(|| Head {
                    status: slot.ledger.status,
                    reason: slot.ledger.reason.clone(),
                    headers: slot.ledger.headers.clone(),
                    names: slot.ledger.names.clone(),
                    whole: slot.ledger.ended && slot.queue.is_empty() && slot.trailers.is_empty(),
                })
            });
            match head.flatten() {
                Some(head) => Poll::Ready(Ok(head)),
                None => self.gone.as_mut().poll(cx).map(|()| Err(GaveUp)),
            }
        });
        let head = head.await?;
        if head.whole {
            self.finish();
        }
        Ok((head, self))
    }

    /// Takes in what the request still has, and forgets it: the timeline has it.
    fn listen(&mut self, cx: &mut Context<'_>) {
        while let Some(incoming) = &mut self.incoming {
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => self.incoming = None,
                Poll::Pending => return,
            }
        }
    }

    /// The next chunk; `None` at the end.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GaveUp>>> {
        if self.done {
            return Poll::Ready(None);
        }
        self.listen(cx);
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
            None => self.gone.as_mut().poll(cx).map(|()| Some(Err(GaveUp))),
        }
    }

    fn finish(&mut self) {
        self.done = true;
        self.shelf.take(self.number, true);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(exchange) = self.shelf.take(self.number, false)
            && exchange.phase == Phase::Aborted
        {
            let waited = exchange.over.map(|over| nanos(over.since(exchange.since))).unwrap_or_default();
            self.record.event(Kind::Aborted { exchange: exchange.number, waited });
        }
    }
}
