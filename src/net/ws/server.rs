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
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol;

use super::judge::{Verdict, judge};
use super::{Clear, Cut, Desk, Socket, config, finish};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::Kind;
use crate::net::http::Reason;
use crate::net::{errno, stream};

/// hyper wants room for a head of at least this.
const SMALLEST_HEAD: usize = 8 << 10;

/// The answer to a head that never came, as hyper would write it.
const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Answers one request. On an upgrade: the socket, and the subprotocol that was chosen.
pub async fn accept(desk: &mut Desk, clear: Clear) -> Result<(Socket, Option<Box<str>>), End> {
    let said = Arc::new(Mutex::new(None));
    let service = service_fn({
        let (said, spec) = (Arc::clone(&said), Arc::clone(&desk.cx.spec));
        move |request| {
            let (response, verdict) = judge(&request, &spec.settings.ws.subprotocols);
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
        (Ok(Ok(())), Some(Verdict::Upgrade { subprotocol })) => {
            let (early, config) = (parts.read_buf.to_vec(), config(&desk.cx.limits));
            let role = protocol::Role::Server;
            let socket = WebSocketStream::from_partially_read(clear, early, role, Some(config)).await;
            return Ok((socket, subprotocol));
        }
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
