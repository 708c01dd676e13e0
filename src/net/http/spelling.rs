//! Header names in the case in which a person wrote them. hyper writes what it read: it keeps the case of
//! a head in an extension that has no constructor. So it reads a head with these names once, and what it
//! kept goes with the response.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Extensions;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::HEADERS;

/// Lets a response leave with these names as they are written; others leave as `Title-Case`.
pub fn keep<'a, B>(response: &mut hyper::Response<B>, names: impl Iterator<Item = &'a str>) {
    let odd: Vec<&str> = names.filter(|name| !is_title(name)).take(HEADERS).collect();
    if !odd.is_empty()
        && let Some(extensions) = read(&odd)
    {
        response.extensions_mut().extend(extensions);
    }
}

/// Whether hyper would write it so by itself: a capital at the start and behind each hyphen.
fn is_title(name: &str) -> bool {
    let mut start = true;
    name.bytes().all(|byte| {
        let good = if start { !byte.is_ascii_lowercase() } else { !byte.is_ascii_uppercase() };
        start = byte == b'-';
        good
    })
}

/// Fields that say how long the body is, and a value that is good.
const FRAMING: [(&str, &str); 2] = [("content-length", "0"), ("transfer-encoding", "chunked")];

/// What hyper keeps of a head with these names.
fn read(names: &[&str]) -> Option<Extensions> {
    let mut head = String::from("GET / HTTP/1.1\r\n");
    let mut framed = false;
    for name in names {
        // Framing has to be good to be read, and there is one of the two.
        let value = FRAMING.iter().find(|(framing, _)| name.eq_ignore_ascii_case(framing)).map(|(_, value)| *value);
        if value.is_none() || !std::mem::replace(&mut framed, true) {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value.unwrap_or_default());
            head.push_str("\r\n");
        }
    }
    head.push_str("\r\n");
    let kept = RefCell::new(None);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        *kept.borrow_mut() = Some(request.into_parts().0.extensions);
        ready(Ok::<_, Infallible>(hyper::Response::new(Empty::<Bytes>::new())))
    });
    {
        let stream = TokioIo::new(Text(head.into_bytes()));
        let mut conn = pin!(http1::Builder::new().preserve_header_case(true).serve_connection(stream, service));
        // All of it is there: one look is enough.
        let _ = conn.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    kept.into_inner()
}

/// A stream that says a text and hears nothing.
struct Text(Vec<u8>);

impl AsyncRead for Text {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let now = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0[..now]);
        self.0.drain(..now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Text {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypers_own_spelling_is_known() {
        for name in ["Content-Type", "X-1a", "Etag", "X--B"] {
            assert!(is_title(name), "{name}");
        }
        for name in ["content-type", "ETag", "X-oDD", "DNT"] {
            assert!(!is_title(name), "{name}");
        }
    }

    #[test]
    fn what_is_written_is_kept() {
        assert!(read(&["x-oDD", "ETag", "Transfer-Encoding", "Host"]).is_some_and(|kept| !kept.is_empty()));
    }
}
