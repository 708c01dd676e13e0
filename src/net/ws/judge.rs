//! Whether a request opens a WebSocket (RFC 6455 section 4.2.1), and the answer to it: 101, or an HTTP
//! answer that says what is wrong and what would be right.

use bytes::Bytes;
use http::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use tungstenite::handshake::server::create_response_with_body;

use super::offer::{self, Terms};
use crate::model::end::Fault;
use crate::model::socketio::head;

/// Bytes that a sentence repeats of what was wrong.
const SHOWN: usize = 60;

pub enum Verdict {
    /// With permessage-deflate on these terms.
    Upgrade {
        terms: Option<Terms>,
    },
    Refusal(Fault),
}

/// The answer to a request, and what it means. `subprotocols` are ours, best first; `deflate` is how
/// we would compress, if we do.
pub fn judge<B>(
    request: &Request<B>,
    subprotocols: &[String],
    deflate: Option<&Terms>,
) -> (Response<Full<Bytes>>, Verdict) {
    if let Some((status, why)) = objection(request) {
        return refuse(status, why);
    }
    match create_response_with_body(request, Full::default) {
        Ok(mut response) => {
            let subprotocol = choose(request.headers(), subprotocols);
            if let Some(name) = subprotocol.and_then(|name| HeaderValue::from_str(name).ok()) {
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
            }
            let offers = lines(request.headers(), SEC_WEBSOCKET_EXTENSIONS);
            let taken = deflate.and_then(|wish| offer::take(&offers, wish));
            let (terms, line) = taken.map_or((None, None), |(terms, line)| (Some(terms), Some(line)));
            if let Some(line) = line.and_then(|line| HeaderValue::try_from(line).ok()) {
                response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, line);
            }
            (response, Verdict::Upgrade { terms })
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, format!("the WebSocket handshake is wrong: {error}")),
    }
}

/// The first thing that is wrong, where a better answer than 400 or a clearer sentence is due.
fn objection<B>(request: &Request<B>) -> Option<(StatusCode, String)> {
    let headers = request.headers();
    let (method, path) = (request.method(), request.uri().path());
    let version = headers.get(SEC_WEBSOCKET_VERSION).and_then(|version| version.to_str().ok());
    let bad = |text: String| Some((StatusCode::BAD_REQUEST, text));
    if !lists(headers, UPGRADE, "websocket") {
        let why = format!("{method} {path} asks for no upgrade, and this is a WebSocket endpoint");
        return Some((StatusCode::UPGRADE_REQUIRED, why));
    }
    if method != Method::GET {
        let why = format!("a WebSocket opens with GET, not {method} (RFC 6455 section 4.1)");
        return Some((StatusCode::METHOD_NOT_ALLOWED, why));
    }
    if request.version() < Version::HTTP_11 {
        return bad(format!("a WebSocket opens with HTTP/1.1, not {:?} (RFC 6455 section 4.1)", request.version()));
    }
    if !lists(headers, CONNECTION, "upgrade") {
        let found = match &*lines(headers, CONNECTION) {
            "" => "there is no Connection header".into(),
            line => format!("Connection is \"{}\"", head(line, SHOWN)),
        };
        return bad(format!("{found}, and it must list Upgrade (RFC 6455 section 4.1)"));
    }
    let versions = headers.get_all(SEC_WEBSOCKET_VERSION).iter().count();
    if versions > 1 {
        let found = lines(headers, SEC_WEBSOCKET_VERSION);
        let found = head(&found, SHOWN);
        return bad(format!(
            "there are {versions} Sec-WebSocket-Version ({found}), and one is right: 13 (RFC 6455 section 11.3.5)"
        ));
    }
    match version {
        None => return bad("the request has no Sec-WebSocket-Version, and 13 is right (RFC 6455 section 4.1)".into()),
        Some("13") => {}
        // RFC 6455 section 4.4: the answer names the version we speak.
        Some(other) => {
            let why = format!("version {other} of WebSocket is not spoken here, 13 is (RFC 6455 section 4.4)");
            return Some((StatusCode::UPGRADE_REQUIRED, why));
        }
    }
    let keys: Vec<&HeaderValue> = headers.get_all(SEC_WEBSOCKET_KEY).iter().collect();
    let found = match *keys {
        [key] if is_key(key.as_bytes()) => return None,
        [key] => {
            let key = String::from_utf8_lossy(key.as_bytes());
            format!("Sec-WebSocket-Key is \"{}\", {} characters", head(&key, SHOWN), key.chars().count())
        }
        [] => "there is no Sec-WebSocket-Key".into(),
        _ => format!("there are {} Sec-WebSocket-Key", keys.len()),
    };
    let right = "one is right, of 16 bytes in base64: 24 characters such as dGhlIHNhbXBsZSBub25jZQ==";
    bad(format!("{found}; {right} (RFC 6455 section 4.1)"))
}

/// Whether it is 16 bytes in base64 (RFC 4648 section 4): the last character before the padding has four bits to spare.
fn is_key(key: &[u8]) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(key, [digits @ .., b'A' | b'Q' | b'g' | b'w', b'=', b'='] if digits.len() == 21 && digits.iter().all(base64))
}

/// A header's lines as one list (RFC 9110 section 5.3).
pub fn lines(headers: &HeaderMap, name: HeaderName) -> String {
    let lines: Vec<&str> = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).collect();
    lines.join(", ")
}

/// Whether a header that is a list has this token, in any case (RFC 9110 section 5.6.1).
pub fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    words(headers, name).any(|word| word.eq_ignore_ascii_case(token))
}

fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The best of ours that the client offers too.
fn choose<'a>(headers: &HeaderMap, ours: &'a [String]) -> Option<&'a str> {
    let offered: Vec<&str> = words(headers, SEC_WEBSOCKET_PROTOCOL).collect();
    ours.iter().map(String::as_str).find(|name| offered.contains(name))
}

pub(super) fn refuse(status: StatusCode, why: String) -> (Response<Full<Bytes>>, Verdict) {
    let mut response = Response::new(Full::from(format!("{why}.\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    match status {
        StatusCode::UPGRADE_REQUIRED => {
            // RFC 9110 section 15.5.22 wants `Upgrade`, and that is a hop's own header (section 7.8).
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade, close"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        _ => {}
    }
    (response, Verdict::Refusal(Fault::Http { status: Some(status.as_u16()), text: why.into() }))
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn ask(change: impl FnOnce(http::request::Builder) -> http::request::Builder) -> (Response<Full<Bytes>>, Verdict) {
        let good = Request::get("/chat")
            .header(HOST, "here")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(UPGRADE, "WebSocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, KEY);
        judge(&change(good).body(()).unwrap(), &["v2".into(), "v1".into()], Some(&Terms::default()))
    }

    fn without(name: HeaderName) -> u16 {
        let (response, verdict) = ask(|mut request| {
            request.headers_mut().unwrap().remove(name);
            request
        });
        assert!(matches!(verdict, Verdict::Refusal(_)));
        response.status().as_u16()
    }

    #[test]
    fn the_rfcs_own_key_gets_the_rfcs_own_answer() {
        let (response, verdict) = ask(|request| request);
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(matches!(verdict, Verdict::Upgrade { terms: None }));
    }

    #[test]
    fn our_best_subprotocol_that_was_offered_is_chosen() {
        let (response, _) =
            ask(|request| request.header(SEC_WEBSOCKET_PROTOCOL, "v0, v1").header(SEC_WEBSOCKET_PROTOCOL, "v2"));
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "v2");
        let (response, _) = ask(|request| request.header(SEC_WEBSOCKET_PROTOCOL, "v9"));
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn deflate_is_taken_where_it_is_offered() {
        let (response, verdict) = ask(|request| {
            let request = request.header(SEC_WEBSOCKET_EXTENSIONS, "x-foo");
            request.header(SEC_WEBSOCKET_EXTENSIONS, "permessage-deflate; server_max_window_bits=10")
        });
        let line = "permessage-deflate; server_max_window_bits=10";
        assert_eq!(response.headers()[SEC_WEBSOCKET_EXTENSIONS], line);
        assert!(matches!(verdict, Verdict::Upgrade { terms: Some(terms) } if terms.server.bits == 10));
        assert!(!ask(|request| request).0.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS));
    }

    #[test]
    fn each_flaw_has_its_status() {
        assert_eq!(without(UPGRADE), 426);
        assert_eq!(without(CONNECTION), 400);
        assert_eq!(without(SEC_WEBSOCKET_VERSION), 400);
        assert_eq!(without(SEC_WEBSOCKET_KEY), 400);
        assert_eq!(ask(|request| request.method("POST")).0.status(), 405);
        assert_eq!(ask(|request| request.header(SEC_WEBSOCKET_KEY, KEY)).0.status(), 400);
        for second in ["13", "12"] {
            let (response, verdict) = ask(|request| request.header(SEC_WEBSOCKET_VERSION, second));
            assert_eq!(response.status(), 400);
            let Verdict::Refusal(fault) = verdict else { panic!("refused") };
            assert!(fault.to_string().contains("section 11.3.5"), "{fault}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_shown_beside_what_is_right() {
        let said = |keys: &[&str]| {
            let verdict = ask(|mut request| {
                let headers = request.headers_mut().unwrap();
                headers.remove(SEC_WEBSOCKET_KEY);
                for key in keys {
                    headers.append(SEC_WEBSOCKET_KEY, key.parse().unwrap());
                }
                request
            });
            let Verdict::Refusal(fault) = verdict.1 else { return String::new() };
            fault.to_string()
        };
        for good in [KEY, "AQIDBAUGBwgJCgsMDQ4PEA==", "+/+/+/+/+/+/+/+/+/+/+w=="] {
            assert_eq!(said(&[good]), "", "{good}");
        }
        for (keys, found) in [
            (&[][..], "there is no Sec-WebSocket-Key;"),
            (&[KEY, KEY], "there are 2 Sec-WebSocket-Key;"),
            (&["short"], "Sec-WebSocket-Key is \"short\", 5 characters;"),
            (&["dGhlIHNhbXBsZSBub25jZR=="], "24 characters;"),
            (&["dGhlIHNhbXBsZSBub25jZ!=="], "24 characters;"),
        ] {
            let said = said(keys);
            assert!(said.contains(found) && said.contains("16 bytes in base64"), "{said}");
        }
    }

    #[test]
    fn another_version_is_told_ours() {
        let (response, _) = ask(|mut request| {
            request.headers_mut().unwrap().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
            request
        });
        assert_eq!(
            (response.status().as_u16(), &response.headers()[SEC_WEBSOCKET_VERSION]),
            (426, &"13".parse().unwrap())
        );
    }
}
