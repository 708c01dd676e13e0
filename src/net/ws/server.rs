//! The server's handshake (RFC 6455 section 4.2): hyper reads the request and writes the answer, on a
//! stream that decoders watch and a gate guards. What asks for no WebSocket gets an HTTP answer that says what this is.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;

use super::judge::{Verdict, judge, refuse};
use super::offer::Terms;
use super::{Clear, Cut, Desk, LINGER, finish, socketio, wish};
use crate::model::end::{End, Party};
use crate::model::event::Kind;
use crate::model::setting::ws::Dialect;
use crate::net::http::{self, Gate, Patience, Reason};
use crate::net::stream;

/// hyper wants room for a head of at least this.
const SMALLEST_HEAD: usize = 8 << 10;

/// Answers one request. On an upgrade: the stream, and what was agreed on. What hyper has read behind the request is
/// with the decoder already.
pub async fn accept(desk: &mut Desk, clear: Clear) -> Result<(Clear, Option<Terms>), End> {
    let said = Arc::new(Mutex::new(None));
    let service = service_fn({
        let (said, spec, record) = (Arc::clone(&said), Arc::clone(&desk.cx.spec), desk.record.clone());
        move |request| {
            let settings = &spec.settings.ws;
            let speaks = settings.dialect == Dialect::SocketIo;
            let objection = if speaks { socketio::objection(request.uri()) } else { None };
            let (response, verdict) = objection
                .map(|(status, why)| refuse(status, why))
                .unwrap_or_else(|| judge(&request, &settings.subprotocols, wish(settings).as_ref()));
            if let Verdict::Refusal(fault) = &verdict {
                record.event(Kind::ClientError(Box::new(fault.clone()), 1));
            }
            *said.lock() = Some(verdict);
            ready(Ok::<_, Infallible>(response))
        }
    });
    let head = usize::try_from(desk.cx.limits.http_head).unwrap_or(usize::MAX).max(SMALLEST_HEAD);
    let limit = desk.cx.limits.handshake_time;
    let gate = TokioIo::new(Gate::new(clear, Arc::default(), Patience { head: limit, body: limit }));
    let mut http = http1::Builder::new().max_buf_size(head).serve_connection(gate, service);
    let outcome = desk.wait(poll_fn(|wakes| http.poll_without_shutdown(wakes))).await;
    let gate = http.into_parts().io.into_inner();
    let ended = gate.has_ended();
    let mut clear = gate.into_inner(LINGER).await;
    let verdict = said.lock().take();
    let fault = match (outcome, verdict) {
        (Err(Cut::Close), _) => return Err(stream::shut(&mut clear).await),
        (Err(Cut::Stopped), _) => return Err(stream::farewell(&mut clear).await),
        (Err(Cut::Reset), _) => return Err(End::Reset { by: Party::Us }),
        (Err(Cut::Late), Some(_)) => {
            let fault = desk.late();
            desk.record.event(Kind::ClientError(Box::new(fault.clone()), 1));
            fault
        }
        (Ok(Ok(())), Some(Verdict::Upgrade { terms })) => return Ok((clear, terms)),
        (Ok(_), Some(Verdict::Refusal(fault))) => fault,
        (outcome, _) => {
            let watch = clear.watch();
            if let Some(end) = watch.failure() {
                return Err(end);
            }
            match outcome {
                Err(_) => watch.refuse(Reason::Slow(limit)),
                // What hyper refuses although the gate did not; all the same it is answered.
                Ok(Err(error)) if !ended => watch.refuse(Reason::Other(error.to_string().into())),
                Ok(_) => {}
            }
            let Some(reason) = watch.refused().cloned() else {
                // It came and went without a word.
                finish(desk, &mut clear).await;
                return Err(End::Finished { first: Party::Peer });
            };
            return Err(End::Failed(http::refuse(&desk.cx, &mut clear, &reason).await));
        }
    };
    finish(desk, &mut clear).await;
    Err(End::Failed(fault))
}
