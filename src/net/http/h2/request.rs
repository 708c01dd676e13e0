//! A request as HTTP/2 has it, from what a person composed: its chunks are frames, and the names of HTTP/1
//! that have no place are left out (RFC 9113 section 8.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use hyper::body::{Frame, SizeHint};

use crate::model::url::Url;
use crate::net::http::Request;
use crate::net::http::write::{AGENT, host};

/// The pieces that are left, and what stands behind them.
pub struct Body {
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body {
    fn of(body: &Bytes, chunks: &[usize], trailers: Option<HeaderMap>) -> Self {
        let mut rest = body.clone();
        let mut pieces: VecDeque<_> = chunks.iter().map(|size| rest.split_to((*size).min(rest.len()))).collect();
        pieces.push_back(rest);
        pieces.retain(|piece| !piece.is_empty());
        Self { pieces, trailers }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front().map(Frame::data);
        Poll::Ready(piece.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum())
    }
}

/// What leaves, with what HTTP wants and a person left out. `None` for what is no request, which composing
/// has refused already.
pub fn build(url: &Url, request: Request) -> Option<http::Request<Body>> {
    let chunked = !request.chunks.is_empty();
    let trailers = fields(&request.trailers)?;
    let trailers = Some(trailers).filter(|trailers| !trailers.is_empty());
    let mut out = http::Request::new(Body::of(&request.body, &request.chunks, trailers));
    *out.method_mut() = Method::from_bytes(request.method.as_bytes()).ok()?;
    *out.version_mut() = http::Version::HTTP_2;
    let mut headers = fields(&request.headers)?;
    // Scheme and host become pseudo-headers (section 8.3.1), and `Host` is where the host comes from.
    let given = headers.remove(header::HOST);
    *out.uri_mut() = if out.method() == Method::CONNECT {
        // Section 8.5: neither scheme nor path.
        request.target.parse().ok()?
    } else {
        let scheme = if url.scheme.is_secure() { "https" } else { "http" };
        let authority = given.map_or_else(|| host(url).into_bytes(), |host| host.as_bytes().to_vec());
        let uri = Uri::builder().scheme(scheme).authority(&*authority).path_and_query(&*request.target);
        uri.build().ok()?
    };
    if !headers.contains_key(header::USER_AGENT) {
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    }
    headers.remove(header::TRANSFER_ENCODING);
    let expects = matches!(*out.method(), Method::POST | Method::PUT | Method::PATCH);
    if !chunked && (expects || !request.body.is_empty()) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    *out.headers_mut() = headers;
    Some(out)
}

fn fields(list: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::model::url::Role;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    fn built(url: &str, request: Request) -> http::Request<Body> {
        build(&Url::parse(url, Role::Connect).unwrap(), request).unwrap()
    }

    #[tokio::test]
    async fn chunks_become_frames_and_the_trailers_follow_them() {
        let request = Request {
            method: "PUT".into(),
            target: "/a?b".into(),
            headers: vec![pair("Host", "b.test"), pair("Transfer-Encoding", "chunked"), pair("Trailer", "X-Sum")],
            body: "hello world".into(),
            chunks: vec![5, 6],
            trailers: vec![pair("X-Sum", "42")],
        };
        let mut built = built("http://a.test:81/", request);
        assert_eq!(built.uri(), "http://b.test/a?b");
        let names: Vec<_> = built.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["trailer", "user-agent"]);
        for piece in ["hello", " world"] {
            let frame = built.body_mut().frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), piece);
        }
        let frame = built.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_trailers().unwrap()["x-sum"], "42");
        assert!(built.body_mut().frame().await.is_none());
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let post = Request { method: "POST".into(), target: "/".into(), ..Request::default() };
        let empty = built("https://a.test/", post.clone());
        assert_eq!(
            (empty.uri().to_string(), &empty.headers()["content-length"]),
            ("https://a.test/".into(), &HeaderValue::from(0))
        );
        let hi = built("https://a.test:1/", Request { body: "hi".into(), ..post });
        assert_eq!(
            (hi.uri().to_string(), &hi.headers()["content-length"]),
            ("https://a.test:1/".into(), &HeaderValue::from(2))
        );
        let connect = Request { method: "CONNECT".into(), target: "b:1".into(), ..Request::default() };
        assert_eq!(built("http://a/", connect).uri(), "b:1");
    }
}
