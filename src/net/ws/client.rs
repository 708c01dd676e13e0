//! The client's handshake (RFC 6455 section 4.1) on a stream that decoders watch.

use std::io;
use std::str::FromStr;

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use super::judge::{lines, lists};
use super::offer::{self, Terms};
use super::{Clear, Cut, Desk, finish, socketio, wish};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::setting::ws::Dialect;
use crate::model::spec::Spec;
use crate::net::errno;

/// What is read of an answer at a time.
const READ: usize = 4 << 10;
/// Header lines of an answer that are looked at: the decoder refuses more.
const FIELDS: usize = 128;

/// Asks for the upgrade. On success: the stream, and what was agreed on. What was read behind the answer is with the
/// decoder already.
pub async fn open(desk: &mut Desk, mut clear: Clear) -> Result<(Clear, Option<Terms>), End> {
    let fail = |desk: &Desk, fault: Fault| {
        desk.record.error(fault.clone());
        End::Failed(fault)
    };
    let broken = |text: String| Fault::WebSocket { text: text.into() };
    let wish = wish(&desk.cx.spec.settings.ws);
    let key = generate_key();
    let asked = match request(&desk.cx.spec, &key, wish.as_ref()) {
        Ok(asked) => asked,
        Err(why) => {
            let text = format!("no request can be made of {}: {why}", desk.cx.spec.url);
            return Err(fail(desk, broken(text)));
        }
    };
    let answer = match desk.wait(ask(&mut clear, &asked)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(errno::end(Op::Read, &error)),
        Err(Cut::Late) => return Err(fail(desk, desk.late())),
        Err(Cut::Close) => return Err(End::Finished { first: Party::Us }),
        Err(Cut::Reset) => return Err(End::Reset { by: Party::Us }),
        Err(Cut::Stopped) => return Err(End::Stopped),
    };
    if let Some(reason) = clear.watch().refused() {
        // Its decoder has complained of it.
        return Err(End::Failed(reason.fault(false)));
    }
    match agreed(&answer, &key, &desk.cx.spec.settings.ws.subprotocols, wish.as_ref()) {
        Ok(terms) => Ok((clear, terms)),
        Err(why) => {
            let end = fail(desk, broken(why));
            // What else it has to say, such as why not.
            finish(desk, &mut clear).await;
            Err(end)
        }
    }
}

/// Writes the request and reads until the answer has begun that is the last; all that was read.
async fn ask(clear: &mut Clear, request: &[u8]) -> io::Result<Vec<u8>> {
    clear.write_all(request).await?;
    clear.flush().await?;
    let mut answer = Vec::new();
    loop {
        answer.reserve(READ);
        let ended = clear.read_buf(&mut answer).await? == 0;
        let watch = clear.watch();
        if ended || watch.answered() > 0 || watch.refused().is_some() {
            return Ok(answer);
        }
    }
}

/// The request's head, every part of it checked.
fn request(spec: &Spec, key: &str, deflate: Option<&Terms>) -> Result<Vec<u8>, String> {
    let target = target(spec);
    let target = PathAndQuery::from_str(target).map_err(|error| format!("{target}: {error}"))?;
    let mut fields = vec![
        ("Host", spec.url.authority().to_string()),
        ("Connection", "Upgrade".into()),
        ("Upgrade", "websocket".into()),
        ("Sec-WebSocket-Version", "13".into()),
        ("Sec-WebSocket-Key", key.into()),
    ];
    if !spec.settings.ws.subprotocols.is_empty() {
        fields.push(("Sec-WebSocket-Protocol", spec.settings.ws.subprotocols.join(", ")));
    }
    fields.extend(deflate.map(|terms| ("Sec-WebSocket-Extensions", offer::offer(terms))));
    let mut head = format!("GET {target} HTTP/1.1\r\n");
    for (name, value) in fields {
        HeaderValue::from_str(&value).map_err(|error| format!("{name} \"{value}\": {error}"))?;
        head += &format!("{name}: {value}\r\n");
    }
    Ok((head + "\r\n").into_bytes())
}

/// What to ask for: a Socket.IO session is at its usual place if the URL names no other.
fn target(spec: &Spec) -> &str {
    match (&*spec.url.path, spec.settings.ws.dialect) {
        ("" | "/", Dialect::SocketIo) => socketio::TARGET,
        ("", Dialect::None) => "/",
        (path, _) => path,
    }
}

/// The status and the header of the answer, which may stand behind others (RFC 9110 section 15.2).
fn last(mut answer: &[u8]) -> Option<(StatusCode, HeaderMap)> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(size) = head.parse(answer).ok()? else { return None };
        let status = StatusCode::from_u16(head.code?).ok()?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            let pair = |field: &httparse::Header<'_>| {
                Some((HeaderName::from_str(field.name).ok()?, HeaderValue::from_bytes(field.value).ok()?))
            };
            let mut headers = HeaderMap::new();
            for (name, value) in head.headers.iter().filter_map(pair) {
                headers.append(name, value);
            }
            return Some((status, headers));
        }
        answer = answer.get(size..)?;
    }
}

/// What the server's answer agrees to, or why it opens no WebSocket: what section 4.1 has a client check, in its order.
fn agreed(answer: &[u8], key: &str, offered: &[String], wish: Option<&Terms>) -> Result<Option<Terms>, String> {
    let Some((status, headers)) = last(answer) else { return Err("the server ended before it answered".into()) };
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("the server answered {status} instead of 101: no WebSocket"));
    }
    let found = |name: HeaderName| match &*lines(&headers, name.clone()) {
        "" => format!("no {name}"),
        line => format!("{name}: {line}"),
    };
    for (name, token) in [(UPGRADE, "websocket"), (CONNECTION, "upgrade")] {
        if !lists(&headers, name.clone(), token) {
            return Err(format!("the server's 101 has {}, and {token} is right (RFC 6455 section 4.1)", found(name)));
        }
    }
    if lines(&headers, SEC_WEBSOCKET_ACCEPT) != derive_accept_key(key.as_bytes()) {
        let found = found(SEC_WEBSOCKET_ACCEPT);
        return Err(format!("the server's 101 has {found}, which does not answer our key (RFC 6455 section 4.1)"));
    }
    let terms = offer::taken(&lines(&headers, SEC_WEBSOCKET_EXTENSIONS), wish)?;
    // None of ours is an answer too: what to do without is for whoever asked to decide.
    match &*lines(&headers, SEC_WEBSOCKET_PROTOCOL) {
        "" => Ok(terms),
        chosen if offered.iter().any(|ours| ours == chosen) => Ok(terms),
        chosen => {
            Err(format!("the server chose the subprotocol \"{chosen}\", which was not offered (RFC 6455 section 4.1)"))
        }
    }
}
