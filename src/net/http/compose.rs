//! What a person typed, as a request or as the reply a listener gives from now on.

use http::{HeaderName, HeaderValue, Method, Uri};

use super::Request;
use super::curl::{Curl, is_curl};
use crate::model::draft::{Coding, Draft, Rejection, Shape, encode, has_status};
use crate::model::headers::Headers;
use crate::model::spec::{Escaped, Fixed};
use crate::net::Payload;

/// What is typed before the body, and the body: they are parted by the first empty line.
pub fn split_body(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']).is_empty() {
            return (&text[..at], &text[at + line.len()..]);
        }
        at += line.len();
    }
    (text, "")
}

/// Turns a draft into a request or a reply. For [`Coding::File`] the body is the path's own text: who may
/// read files puts the file's bytes in its place.
///
/// # Errors
/// What is wrong with the text, and what would be right.
pub fn compose(draft: &Draft) -> Result<Payload, Rejection> {
    match draft.shape {
        Shape::Ping => ping(draft).map(Payload::Ping),
        Shape::Raw => draft.encode().map(|bytes| Payload::Bytes(bytes.into())),
        Shape::Reply => reply(draft).map(|fixed| Payload::Reply(Box::new(fixed))),
        Shape::Head | Shape::Body | Shape::Push | Shape::End | Shape::Answer => {
            super::hold::compose(draft).map(Payload::Steps)
        }
        _ => request(draft).map(|request| Payload::Request(Box::new(request))),
    }
}

/// What is said to who sends one all the same.
pub const NO_PING: &str = "HTTP/1 has no ping: that is for HTTP/2";
/// What is said to who sends a listener's socket what is a client's.
pub const ANSWERS: &str = "a listener answers: give a reply, or an answer by hand; raw bytes are for its tunnels";
/// RFC 9113 section 6.7.
const PING: usize = 8;

/// Eight bytes; what is shorter is filled up with zeros.
fn ping(draft: &Draft) -> Result<bytes::Bytes, Rejection> {
    let mut bytes = draft.encode()?;
    if bytes.len() > PING {
        return Err(Rejection(format!("a ping of HTTP/2 holds {PING} bytes, this has {}", bytes.len())));
    }
    bytes.resize(PING, 0);
    Ok(bytes.into())
}

fn request(draft: &Draft) -> Result<Request, Rejection> {
    if is_curl(&draft.text) {
        let curl = Curl::read(&draft.text)?;
        return match curl.files().next() {
            // Who may read files puts their bytes in their place before this.
            Some(file) => Err(Rejection(format!("{file} was not read"))),
            None => Ok(curl.request(&[])),
        };
    }
    let (head, body) = split_body(&draft.text);
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().trim();
    let (method, target) = start(first)?;
    let headers = headers(lines)?;
    let named = |wanted: &'static str| {
        headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| &**value)
    };
    if named("content-length").next().is_some() {
        return Err(Rejection("leave out Content-Length: the body is counted for you".into()));
    }
    if named("host").count() > 1 {
        return Err(Rejection("there are two Host headers: a request has one".into()));
    }
    let mut codings = named("transfer-encoding");
    let chunked = match (codings.next(), codings.next()) {
        (None, _) => false,
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => true,
        _ => return Err(Rejection("the one transfer coding here is chunked".into())),
    };
    if !chunked {
        let body = encoded(body, draft)?.into();
        return Ok(Request { method, target, headers, body, ..Request::default() });
    }
    let announced: Vec<&str> = named("trailer").flat_map(|names| names.split(',')).map(str::trim).collect();
    let (pieces, trailers) = pieces(body, &announced)?;
    let mut body = Vec::new();
    let mut chunks = Vec::new();
    for piece in pieces {
        let piece = encoded(piece, draft)?;
        chunks.push(piece.len());
        body.extend(piece);
    }
    Ok(Request { method, target, headers, body: body.into(), chunks, trailers })
}

/// Names and values, in their order.
type Fields = Vec<(String, String)>;

/// The chunks of a body, parted by empty lines; and where the head announces trailers, the last part.
fn pieces<'a>(body: &'a str, announced: &[&str]) -> Result<(Vec<&'a str>, Fields), Rejection> {
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, behind) = split_body(rest);
        pieces.push(piece.strip_suffix('\n').unwrap_or(piece));
        rest = behind;
    }
    if announced.is_empty() {
        // A body that is chunked has chunks, if only the last.
        if pieces.is_empty() {
            pieces.push("");
        }
        return Ok((pieces, Vec::new()));
    }
    let last = pieces.pop().unwrap_or_default();
    let trailers = headers(last.lines())?;
    let strange = trailers.iter().find(|(name, _)| !announced.iter().any(|named| named.eq_ignore_ascii_case(name)));
    match strange {
        Some((name, _)) => Err(Rejection(format!("{name} stands behind the body, and Trailer does not name it"))),
        None if trailers.is_empty() => Err(Rejection("Trailer names fields: write them behind the last chunk".into())),
        None => {
            if pieces.is_empty() {
                pieces.push("");
            }
            Ok((pieces, trailers))
        }
    }
}

fn reply(draft: &Draft) -> Result<Fixed, Rejection> {
    if !has_status(&draft.text) {
        let text = Escaped(encoded(&draft.text, draft)?.into());
        return Ok(Fixed { text, status: Some(200), headers: Headers::default() });
    }
    let (head, body) = split_body(&draft.text);
    let mut lines = head.lines();
    let word = lines.next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
    let status = word
        .parse()
        .ok()
        .filter(|status| (200..=599).contains(status))
        .ok_or_else(|| Rejection(format!("{word} is no status of an answer: write one from 200 to 599")))?;
    let given = Headers(headers(lines)?);
    for (name, _) in &given.0 {
        if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Rejection(format!("leave out {name}: the body is counted for you")));
        }
    }
    Ok(Fixed { text: Escaped(encoded(body, draft)?.into()), status: Some(status), headers: given })
}

/// The body in the draft's coding; the line ending only behind a body that is there.
fn encoded(body: &str, draft: &Draft) -> Result<Vec<u8>, Rejection> {
    let text = if draft.coding == Coding::File { body.trim() } else { body };
    let mut bytes = encode(text, draft.coding)?;
    if !bytes.is_empty() && draft.coding != Coding::File {
        bytes.extend_from_slice(draft.ending.bytes());
    }
    Ok(bytes)
}

/// `METHOD target [HTTP/1.1]`, or a target alone, which is a GET.
fn start(line: &str) -> Result<(String, String), Rejection> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    if let Some(version) = words.pop_if(|word| word.to_ascii_uppercase().starts_with("HTTP/"))
        && !version.eq_ignore_ascii_case("HTTP/1.1")
    {
        return Err(Rejection(format!("{version} is not spoken here: leave it out, or write HTTP/1.1")));
    }
    let (method, target) = match words[..] {
        [] => ("GET", "/"),
        [target] if target.starts_with('/') || target.contains("://") => ("GET", target),
        [method] => (method, "/"),
        [method, target] => (method, target),
        _ => return Err(Rejection(format!("\"{line}\" is no request: write a method and a path, such as GET /"))),
    };
    let known = Method::from_bytes(method.as_bytes())
        .map_err(|_| Rejection(format!("\"{method}\" is no method: write one such as GET or POST")))?;
    if known == Method::CONNECT {
        return Ok((method.to_owned(), authority(target)?));
    }
    Ok((method.to_owned(), path(target)?))
}

/// RFC 9112 section 3.2.3: where a tunnel is to lead.
fn authority(target: &str) -> Result<String, Rejection> {
    let port = target.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if port && target.parse::<http::uri::Authority>().is_ok() {
        Ok(target.to_owned())
    } else {
        Err(Rejection(format!("\"{target}\" is nowhere a tunnel could lead: write CONNECT host:port")))
    }
}

/// The path and query of a target that may be a whole URL.
fn path(target: &str) -> Result<String, Rejection> {
    let wrong = || Rejection(format!("\"{target}\" is no path: start it with / and write %20 for a space"));
    let target = target.split('#').next().unwrap_or_default();
    if target == "*" {
        return Ok(target.to_owned());
    }
    let uri: Uri = target.parse().map_err(|_| wrong())?;
    if !target.starts_with('/') && uri.scheme().is_none() {
        return Err(wrong());
    }
    Ok(uri.path_and_query().map_or("/", |path| path.as_str()).to_owned())
}

pub fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Fields, Rejection> {
    lines
        .map(|line| {
            let (name, value) =
                line.split_once(':').ok_or_else(|| Rejection(format!("\"{line}\" is no header: write Name: value")))?;
            let (name, value) = (name.trim(), value.trim());
            HeaderName::try_from(name)
                .map_err(|_| Rejection(format!("\"{name}\" is no header name: write letters, digits and -")))?;
            HeaderValue::try_from(value)
                .map_err(|_| Rejection(format!("the value of {name} has a control character: leave it out")))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::draft::Ending;
    use proptest::prelude::*;

    fn draft(shape: Shape, text: &str) -> Draft {
        Draft { text: text.into(), shape, ..Draft::default() }
    }

    fn request(text: &str) -> Result<Request, String> {
        match compose(&draft(Shape::Request, text)).map_err(|rejection| rejection.0)? {
            Payload::Request(request) => Ok(*request),
            other => Err(format!("{other:?}")),
        }
    }

    fn reply(text: &str) -> Result<Fixed, String> {
        match compose(&draft(Shape::Reply, text)).map_err(|rejection| rejection.0)? {
            Payload::Reply(fixed) => Ok(*fixed),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn what_is_left_out_of_a_request_is_filled_in() {
        let cases = [
            ("", "GET", "/"),
            ("/a?b", "GET", "/a?b"),
            ("delete", "delete", "/"),
            ("POST /a HTTP/1.1", "POST", "/a"),
            ("http://h:1/a?b#c", "GET", "/a?b"),
            ("PUT https://h", "PUT", "/"),
            ("OPTIONS *", "OPTIONS", "*"),
            ("CONNECT a.test:443", "CONNECT", "a.test:443"),
        ];
        for (text, method, target) in cases {
            let request = request(text).unwrap();
            assert_eq!((&*request.method, &*request.target), (method, target), "{text}");
        }
    }

    #[test]
    fn headers_keep_their_case_and_the_body_follows_an_empty_line() {
        let request = request("POST /\nX-oDD:  a b \nB:\n\nline 1\n\nline 2").unwrap();
        assert_eq!(request.headers, [("X-oDD".to_owned(), "a b".to_owned()), ("B".to_owned(), String::new())]);
        assert_eq!(request.body, "line 1\n\nline 2");
    }

    #[test]
    fn a_chunked_body_is_parted_by_empty_lines_and_its_trailers_are_announced() {
        let chunked = "POST /\nTransfer-Encoding: chunked";
        let cases: [(&str, &str, &[usize], usize); 5] = [
            ("\n\none\n\ntwo\nlines", "onetwo\nlines", &[3, 9], 0),
            ("\n\none", "one", &[3], 0),
            ("\n\n", "", &[0], 0),
            ("\nTrailer: X-A, x-b\n\none\n\nX-B: 2\nx-a: 1", "one", &[3], 2),
            ("\nTrailer: X-A\n\nX-A: 1", "", &[0], 1),
        ];
        for (text, body, chunks, trailers) in cases {
            let request = request(&format!("{chunked}{text}")).unwrap();
            assert_eq!((&request.body[..], &request.chunks[..]), (body.as_bytes(), chunks), "{text:?}");
            assert_eq!(request.trailers.len(), trailers, "{text:?}");
        }
    }

    #[test]
    fn raw_bytes_are_what_was_typed() {
        let draft = Draft { coding: Coding::Escapes, ..draft(Shape::Raw, "GET  /\\n") };
        assert_eq!(compose(&draft), Ok(Payload::Bytes("GET  /\n".into())));
    }

    #[test]
    fn only_a_body_is_coded_and_ended() {
        let mut draft = draft(Shape::Request, "POST /\nA: \\x\n\n\\x41");
        draft.coding = Coding::Escapes;
        draft.ending = Ending::CrLf;
        let Ok(Payload::Request(request)) = compose(&draft) else { panic!("no request") };
        assert_eq!((&request.body[..], &*request.headers[0].1), (&b"A\r\n"[..], "\\x"));
        draft.text = "GET /".into();
        let Ok(Payload::Request(request)) = compose(&draft) else { panic!("no request") };
        assert!(request.body.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("GE[T /", "is no method"),
            ("GET /a b c", "is no request"),
            ("GET a", "is no path"),
            ("GET / HTTP/2", "not spoken here"),
            ("GET /\nnocolon", "is no header: write"),
            ("GET /\na b: c", "is no header name"),
            ("GET /\na: \x01", "control character"),
            ("GET /\nContent-Length: 5", "leave out"),
            ("GET /\nHost: a\nhost: b", "two Host"),
            ("CONNECT /", "host:port"),
            ("POST /\nTransfer-Encoding: gzip", "is chunked"),
            ("POST /\nTransfer-Encoding: chunked\nTrailer: A\n\na\n\nB: c", "does not name"),
            ("POST /\nTransfer-Encoding: chunked\nTrailer: A\n\n", "behind the last chunk"),
        ];
        for (text, want) in cases {
            let error = request(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        assert!(reply("999\n\n").unwrap_err().contains("no status"));
        assert!(reply("101\n\n").unwrap_err().contains("no status"));
    }

    #[test]
    fn a_reply_is_a_head_and_a_body_or_a_body_alone() {
        let fixed = reply("404 Not Found\nX-A: b\n\nnothing").unwrap();
        assert_eq!((fixed.status, &fixed.text.0[..]), (Some(404), &b"nothing"[..]));
        assert_eq!(fixed.headers.0, [("X-A".into(), "b".into())]);
        let fixed = reply("hello\n\nworld").unwrap();
        assert_eq!((fixed.status, &fixed.text.0[..]), (Some(200), &b"hello\n\nworld"[..]));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(GET |200 |)(/|http://|)(\nTransfer-Encoding: chunked\n|)(.|\n|: ){0,40}", coding in prop::sample::select(&Coding::ALL[..])) {
            for shape in [Shape::Request, Shape::Reply, Shape::Raw] {
                let _ = compose(&Draft { coding, ..draft(shape, &text) });
            }
            let (head, body) = split_body(&text);
            prop_assert!(head.len() + body.len() <= text.len());
        }
    }
}
