//! The client's handshake (RFC 6455 section 4.1), by tungstenite on a stream that decoders watch.

use http::header::{CONNECTION, HOST, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, Request};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::{Clear, Cut, Desk, Socket, config};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::spec::Spec;
use crate::net::errno;

/// Asks for the upgrade. On success: the socket, and the subprotocol the server chose.
pub async fn open(desk: &mut Desk, clear: Clear) -> Result<(Socket, Option<Box<str>>), End> {
    let before = desk.record.count().errors;
    let fail = |desk: &Desk, fault: Fault| {
        // A response that is no HTTP was complained of by its decoder.
        if desk.record.count().errors == before {
            desk.record.error(fault.clone());
        }
        End::Failed(fault)
    };
    let request = match request(&desk.cx.spec) {
        Ok(request) => request,
        Err(error) => {
            let text = format!("no request can be made of {}: {error}", desk.cx.spec.url);
            return Err(fail(desk, Fault::WebSocket { text: text.into() }));
        }
    };
    let config = config(&desk.cx.limits);
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
    if let Some(extension) = text(response.headers(), SEC_WEBSOCKET_EXTENSIONS) {
        let text =
            format!("the server uses the extension \"{extension}\", which was not offered (RFC 6455 section 4.1)");
        return Err(fail(desk, Fault::WebSocket { text: text.into() }));
    }
    let subprotocol = text(response.headers(), SEC_WEBSOCKET_PROTOCOL).map(Into::into);
    Ok((socket, subprotocol))
}

fn request(spec: &Spec) -> Result<Request<()>, http::Error> {
    let url = &spec.url;
    let path = if url.path.is_empty() { "/" } else { &*url.path };
    let mut request = Request::get(format!("{}://{}{path}", url.scheme, url.authority()))
        .header(HOST, url.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key());
    if !spec.settings.ws.subprotocols.is_empty() {
        request = request.header(SEC_WEBSOCKET_PROTOCOL, spec.settings.ws.subprotocols.join(", "));
    }
    request.body(())
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
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
