//! The server's handshake (RFC 6455 section 4.2): hyper reads the request and writes the answer, on a
//! stream that decoders watch. What asks for no WebSocket gets an HTTP answer that says what this is.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use super::judge::{Verdict, judge, refuse};
use super::offer::Terms;
use super::{Clear, Cut, Desk, finish, socketio, wish};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::Kind;
use crate::model::setting::ws::Dialect;
use crate::net::http::Reason;
use crate::net::{errno, stream};

/// hyper wants room for a head of at least this.
const SMALLEST_HEAD: usize = 8 << 10;

/// The answer to a head that never came, as hyper would write it.
const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Answers one request. On an upgrade: the stream, and what was agreed on. What hyper has read behind the request is
/// with the decoder already.
pub async fn accept(desk: &mut Desk, clear: Clear) -> Result<(Clear, Option<Terms>), End> {
    let said = Arc::new(Mutex::new(None));
    let service = service_fn({
        let (said, spec) = (Arc::clone(&said), Arc::clone(&desk.cx.spec));
        move |request| {
            let settings = &spec.settings.ws;
            let speaks = settings.dialect == Dialect::SocketIo;
            let objection = if speaks { socketio::objection(request.uri()) } else { None };
            let (response, verdict) = objection
                .map(|(status, why)| refuse(status, why))
                .unwrap_or_else(|| judge(&request, &settings.subprotocols, wish(settings).as_ref()));
            *said.lock() = Some(verdict);
            ready(Ok::<_, Infallible>(response))
        }
    });
    let head = usize::try_from(desk.cx.limits.http_head).unwrap_or(usize::MAX).max(SMALLEST_HEAD);
    let mut http = http1::Builder::new().max_buf_size(head).serve_connection(TokioIo::new(clear), service);
    let outcome = desk.wait(poll_fn(|wakes| http.poll_without_shutdown(wakes))).await;
    let parts = http.into_parts();
    let mut clear = parts.io.into_inner();
    let verdict = said.lock().take();
    let fault = match (outcome, verdict) {
        (Ok(Ok(())), Some(Verdict::Upgrade { terms })) => return Ok((clear, terms)),
        (Ok(Ok(())), None) => {
            // It came and went without a word.
            finish(desk, &mut clear).await;
            return Err(End::Finished { first: Party::Peer });
        }
        (Ok(Ok(())), Some(Verdict::Refusal(fault))) => fault,
        (Ok(Err(error)), _) => match wrong(&error, clear.watch().refused()) {
            Ok(fault) => fault,
            Err(end) => return Err(end),
        },
        (Err(Cut::Late), verdict) => {
            if verdict.is_none() {
                let _ = tokio::time::timeout(super::LINGER, clear.write_all(TOO_LATE)).await;
            }
            desk.late()
        }
        (Err(Cut::Close), _) => return Err(stream::shut(&mut clear).await),
        (Err(Cut::Stopped), _) => return Err(stream::farewell(&mut clear).await),
        (Err(Cut::Reset), _) => return Err(End::Reset { by: Party::Us }),
    };
    desk.record.event(Kind::ClientError(Box::new(fault.clone())));
    finish(desk, &mut clear).await;
    Err(End::Failed(fault))
}

/// What hyper could not read, and what it answered; or how the stream ended below it. The decoder often knows
/// better what is wrong.
fn wrong(error: &hyper::Error, seen: Option<&Reason>) -> Result<Fault, End> {
    let status = if error.is_parse_too_large() { Some(431) } else { error.is_parse().then_some(400) };
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match (io, seen) {
        (Some(io), _) => Err(errno::end(Op::Read, io)),
        (None, Some(reason)) => Ok(Fault::Http { status, text: reason.to_string().into() }),
        (None, None) => Ok(Fault::Http { status, text: format!("no HTTP request: {error}").into() }),
    }
}
