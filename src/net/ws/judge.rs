//! Whether a request opens a WebSocket (RFC 6455 section 4.2.1), and the answer to it: 101, or an HTTP
//! answer that says what is wrong and what would be right.

use bytes::Bytes;
use http::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HOST, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::offer::{self, Terms};
use crate::model::end::Fault;

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
    let once = |name: HeaderName| headers.get_all(name).iter().count() == 1;
    let bad = |text: &str| Some((StatusCode::BAD_REQUEST, text.to_owned()));
    if request.version() == Version::HTTP_11 && !once(HOST) {
        return bad("a request has exactly one Host (RFC 9112 section 3.2)");
    }
    if !lists(headers, UPGRADE, "websocket") {
        let why = format!("{method} {path} asks for no upgrade, and this is a WebSocket endpoint");
        return Some((StatusCode::UPGRADE_REQUIRED, why));
    }
    if method != Method::GET {
        let why = format!("a WebSocket opens with GET, not {method} (RFC 6455 section 4.1)");
        return Some((StatusCode::METHOD_NOT_ALLOWED, why));
    }
    match version {
        None => return bad("the request has no Sec-WebSocket-Version (RFC 6455 section 4.1)"),
        Some("13") => {}
        // RFC 6455 section 4.4: the answer names the version we speak.
        Some(other) => {
            let why = format!("version {other} of WebSocket is not spoken here, 13 is (RFC 6455 section 4.4)");
            return Some((StatusCode::UPGRADE_REQUIRED, why));
        }
    }
    if !once(SEC_WEBSOCKET_KEY) {
        return bad("a request has exactly one Sec-WebSocket-Key (RFC 6455 section 11.3.1)");
    }
    None
}

/// A header's lines as one list (RFC 9110 section 5.3).
pub fn lines(headers: &HeaderMap, name: HeaderName) -> String {
    let lines: Vec<&str> = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).collect();
    lines.join(", ")
}

/// Whether a header that is a list has this token, in any case (RFC 9110 section 5.6.1).
fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
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
        assert_eq!(without(HOST), 400);
        assert_eq!(ask(|request| request.method("POST")).0.status(), 405);
        assert_eq!(ask(|request| request.header(HOST, "there")).0.status(), 400);
        assert_eq!(ask(|request| request.header(SEC_WEBSOCKET_KEY, KEY)).0.status(), 400);
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
