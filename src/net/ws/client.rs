//! The client's handshake (RFC 6455 section 4.1), by tungstenite on a stream that decoders watch.

use http::Request;
use http::header::{CONNECTION, HOST, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::judge::lines;
use super::offer::{self, Terms};
use super::{Clear, Cut, Desk, socketio, wish};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::setting::ws::Dialect;
use crate::model::spec::Spec;
use crate::net::errno;

/// What tungstenite reads at a time: it does the handshake and no more.
const READ: usize = 4 << 10;

/// Asks for the upgrade. On success: the stream, and what was agreed on. What tungstenite has read behind the answer
/// is with the decoder already.
pub async fn open(desk: &mut Desk, clear: Clear) -> Result<(Clear, Option<Terms>), End> {
    let before = desk.record.count().errors;
    let fail = |desk: &Desk, fault: Fault| {
        // A response that is no HTTP was complained of by its decoder.
        if desk.record.count().errors == before {
            desk.record.error(fault.clone());
        }
        End::Failed(fault)
    };
    let wish = wish(&desk.cx.spec.settings.ws);
    let request = match request(&desk.cx.spec, wish.as_ref()) {
        Ok(request) => request,
        Err(error) => {
            let text = format!("no request can be made of {}: {error}", desk.cx.spec.url);
            return Err(fail(desk, Fault::WebSocket { text: text.into() }));
        }
    };
    let config = WebSocketConfig::default().read_buffer_size(READ).write_buffer_size(0);
    let handshake = tokio_tungstenite::client_async_with_config(request, clear, Some(config));
    let (socket, response) = match desk.wait(handshake).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(Error::Io(error))) => return Err(errno::end(Op::Read, &error)),
        Ok(Err(error)) => return Err(fail(desk, Fault::WebSocket { text: sentence(&error).into() })),
        Err(Cut::Late) => return Err(fail(desk, desk.late())),
        Err(Cut::Close) => return Err(End::Finished { first: Party::Us }),
        Err(Cut::Reset) => return Err(End::Reset { by: Party::Us }),
        Err(Cut::Stopped) => return Err(End::Stopped),
    };
    let answer = lines(response.headers(), SEC_WEBSOCKET_EXTENSIONS);
    match offer::taken(&answer, wish.as_ref()) {
        Ok(terms) => Ok((socket.into_inner(), terms)),
        Err(text) => Err(fail(desk, Fault::WebSocket { text: text.into() })),
    }
}

fn request(spec: &Spec, deflate: Option<&Terms>) -> Result<Request<()>, http::Error> {
    let url = &spec.url;
    let mut request = Request::get(format!("{}://{}{}", url.scheme, url.authority(), target(spec)))
        .header(HOST, url.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key());
    if !spec.settings.ws.subprotocols.is_empty() {
        request = request.header(SEC_WEBSOCKET_PROTOCOL, spec.settings.ws.subprotocols.join(", "));
    }
    if let Some(terms) = deflate {
        request = request.header(SEC_WEBSOCKET_EXTENSIONS, offer::offer(terms));
    }
    request.body(())
}

/// What to ask for: a Socket.IO session is at its usual place if the URL names no other.
fn target(spec: &Spec) -> &str {
    match (&*spec.url.path, spec.settings.ws.dialect) {
        ("" | "/", Dialect::SocketIo) => socketio::TARGET,
        ("", Dialect::None) => "/",
        (path, _) => path,
    }
}

/// Why the server's answer is none (RFC 6455 section 4.1, what the client checks).
fn sentence(error: &Error) -> String {
    match error {
        Error::Http(response) => {
            format!("the server answered {} instead of 101: no WebSocket", response.status())
        }
        Error::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch) => {
            "the server's Sec-WebSocket-Accept does not answer our key (RFC 6455 section 4.1)".into()
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol)) => {
            "the server chose none of our subprotocols".into()
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => "the server ended before it answered".into(),
        error => format!("the server's answer opens no WebSocket: {error} (RFC 6455 section 4.1)"),
    }
}
