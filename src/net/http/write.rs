//! A request as it leaves: what a person wrote, in its order and case, with what HTTP wants and they left
//! out. Written here and not by hyper, which sends header names in a case of its own and a body in
//! pieces of its own.

use std::collections::VecDeque;
use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};

use super::Request;
use crate::model::url::{Scheme, Url};

pub const AGENT: &str = concat!("sockscope/", env!("CARGO_PKG_VERSION"));
/// A body up to this leaves with its head, in one segment where it fits one.
const TOGETHER: usize = 16 << 10;

/// The pieces, in the order in which they leave; each is a write of its own.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Written {
    pub head: Bytes,
    pub body: VecDeque<Bytes>,
    /// The body waits for 100 Continue (RFC 9110 section 10.1.1).
    pub waits: bool,
}

impl Written {
    /// What leaves, one after another.
    pub fn of(url: &Url, request: &Request) -> Self {
        let has = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let chunked = !request.chunks.is_empty();
        let host = host(url);
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
        let mut line = |name: &str, value: &str| {
            // Into a string this cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        if !has("host") {
            // RFC 9110 section 7.2; section 9.3.6: a tunnel's is where it leads.
            let connects = request.method == "CONNECT";
            line("Host", if connects { &request.target } else { &host })
        }
        for (name, value) in &request.headers {
            line(name, value);
        }
        if !has("user-agent") {
            line("User-Agent", AGENT);
        }
        if chunked && !has("transfer-encoding") {
            line("Transfer-Encoding", "chunked");
        }
        let expects = matches!(&*request.method, "POST" | "PUT" | "PATCH");
        if !chunked && !has("content-length") && (expects || !request.body.is_empty()) {
            line("Content-Length", &request.body.len().to_string());
        }
        head.push_str("\r\n");
        let waits = !request.body.is_empty()
            && request
                .headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case("expect") && value.eq_ignore_ascii_case("100-continue"));
        if chunked {
            return Self { head: head.into(), body: chunks(request), waits };
        }
        if waits || request.body.len() > TOGETHER {
            return Self { head: head.into(), body: [request.body.clone()].into(), waits };
        }
        let mut head = BytesMut::from(head.as_bytes());
        head.extend_from_slice(&request.body);
        Self { head: head.freeze(), body: VecDeque::new(), waits }
    }
}

/// Each chunk with its size line, and the last one with the trailers.
fn chunks(request: &Request) -> VecDeque<Bytes> {
    let mut rest = request.body.clone();
    let mut out = VecDeque::with_capacity(request.chunks.len() + 1);
    for size in &request.chunks {
        let piece = rest.split_to((*size).min(rest.len()));
        if !piece.is_empty() {
            out.push_back([format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat().into());
        }
    }
    let mut last = String::from("0\r\n");
    for (name, value) in &request.trailers {
        let _ = write!(last, "{name}: {value}\r\n");
    }
    last.push_str("\r\n");
    out.push_back(last.into());
    out
}

/// RFC 9110 section 7.2: without the port where it is the scheme's own.
pub fn host(url: &Url) -> String {
    match (url.scheme, url.port) {
        (Scheme::Http, 80) | (Scheme::Https, 443) => url.host.to_string(),
        _ => url.authority(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::url::Role;

    fn written(request: &Request) -> (String, Vec<String>) {
        let url = Url::parse("http://a.test:81/", Role::Connect).unwrap();
        let Written { head, body, .. } = Written::of(&url, request);
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&head), body.iter().map(text).collect())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn names_keep_their_case_and_their_order() {
        let request = Request {
            method: "GET".into(),
            target: "/a".into(),
            headers: vec![pair("x-oDD", "1"), pair("ACCEPT", "*/*"), pair("hOst", "b"), pair("user-agent", "me")],
            ..Request::default()
        };
        let (head, body) = written(&request);
        assert_eq!(head, "GET /a HTTP/1.1\r\nx-oDD: 1\r\nACCEPT: */*\r\nhOst: b\r\nuser-agent: me\r\n\r\n");
        assert!(body.is_empty());
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let request = Request { method: "POST".into(), target: "/".into(), ..Request::default() };
        let agent = format!("User-Agent: {AGENT}\r\n");
        let post = format!("POST / HTTP/1.1\r\nHost: a.test:81\r\n{agent}Content-Length: ");
        assert_eq!(written(&request).0, format!("{post}0\r\n\r\n"));
        let request = Request { body: "hi".into(), ..request };
        assert_eq!(written(&request), (format!("{post}2\r\n\r\nhi"), vec![]));
        let connect = Request { method: "CONNECT".into(), target: "b:1".into(), ..Request::default() };
        assert_eq!(written(&connect).0, format!("CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n{agent}\r\n"));
    }

    #[test]
    fn chunks_leave_one_by_one_and_the_trailers_behind_them() {
        let request = Request {
            method: "PUT".into(),
            target: "/".into(),
            headers: vec![pair("Host", "a"), pair("User-Agent", "b"), pair("transfer-encoding", "chunked")],
            body: "hello world of chunks".into(),
            chunks: vec![5, 16],
            trailers: vec![pair("X-Sum", "42")],
        };
        let (head, body) = written(&request);
        assert_eq!(head, "PUT / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(body, ["5\r\nhello\r\n", "10\r\n world of chunks\r\n", "0\r\nX-Sum: 42\r\n\r\n"]);
    }

    #[test]
    fn a_body_that_is_expected_waits() {
        let headers = vec![pair("Expect", "100-continue")];
        let request =
            Request { method: "POST".into(), target: "/".into(), headers, body: "x".into(), ..Request::default() };
        let url = Url::parse("http://a/", Role::Connect).unwrap();
        let written = Written::of(&url, &request);
        assert!(written.waits && written.head.ends_with(b"\r\n\r\n"));
        assert_eq!(written.body, [Bytes::from("x")]);
    }
}
