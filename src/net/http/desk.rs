//! What a listener answers: what a rule says, else an echo that describes the request as it came, a fixed
//! reply, what a person answers by hand, or nothing until the reply is changed.

use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::ext::ReasonPhrase;
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::exchanges::Heads;
use super::hold::{self, Shelf, Ticket};
use super::interim::Interim;
use super::rules::{self, Book, Line};
use super::spelling;
use super::upload::{Bounds, Stop, Upload};
use crate::hub::Recorder;
use crate::model::event::Kind;
use crate::model::rule::{Act, Cut};
use crate::model::spec::{Fixed, Reply};
use crate::net::Context;

pub type Response = hyper::Response<Body>;

/// How much of a request's body an echo repeats; the rest is counted.
const KEPT: usize = 64 << 10;
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The peer went before it was answered, or a rule cuts the connection.
#[derive(Debug, thiserror::Error)]
pub enum GaveUp {
    #[error("the peer went before it was answered")]
    Gone,
    /// hyper looks there for the code of its RST_STREAM.
    #[error("its stream was reset by hand")]
    Reset(#[source] h2::Error),
}

impl GaveUp {
    pub fn reset(code: u32) -> Self {
        Self::Reset(h2::Reason::from(code).into())
    }
}

/// What answers the requests of one connection.
pub struct Desk {
    pub cx: Context,
    pub peer: SocketAddr,
    pub heads: Arc<Heads>,
    /// Fires when the peer has ended.
    pub gone: CancellationToken,
    pub record: Recorder,
    /// The listener's rules at work.
    pub book: Arc<Book>,
    /// Made for the first exchange that is held.
    pub shelf: OnceLock<Arc<Shelf>>,
    /// A rule cuts the connection.
    pub cut: OnceLock<Cut>,
    /// The setting, as it is now: a peer's FIN is no goodbye.
    pub half_open: AtomicBool,
}

/// What of a request decides about its answer.
struct Point {
    head: Bytes,
    connect: bool,
    /// Of HTTP/2, which says with a GOAWAY what HTTP/1 says in an answer.
    two: bool,
    /// A `CONNECT` that is granted.
    tunnels: bool,
    exchange: u32,
    /// The protocol it asks for, where that is granted.
    upgrade: Option<HeaderValue>,
    /// The rule it meets.
    line: Option<Arc<Line>>,
}

/// A request that cannot be answered at once.
pub struct Asked {
    point: Point,
    body: Upload,
    request: hold::Request,
}

/// A request's body, as far as an echo wants it.
#[derive(Default)]
struct Taken {
    kept: Vec<u8>,
    size: u64,
}

impl Desk {
    /// The answer, if it needs neither a body nor a person.
    pub fn at_once(&self, request: hyper::Request<Incoming>) -> Result<Response, Box<Asked>> {
        let (number, head, since) = self.heads.pop().unwrap_or_default();
        if self.cx.spec.settings.show.is_some() {
            let line = head.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
            self.cx.show(self.peer, line);
        }
        let connect = request.method() == Method::CONNECT;
        // HTTP/1 has its hints where its answers pass; a tunnel has none.
        if let (Some(link), Version::HTTP_2, false) = (&self.cx.spec.settings.http.hints, request.version(), connect) {
            self.heads.interims.push(number, Interim::hints(link).into_iter().collect());
        }
        let line = {
            let now = self.cx.now.borrow();
            let meet = || self.book.meet(&now.settings.http.rules, request.method().as_str(), request.uri().path());
            if connect { None } else { meet() }
        };
        if let Some(line) = &line {
            self.record.payload(Kind::Rule { exchange: number }, line.text.as_bytes());
        }
        // Streams of HTTP/2 stay what they are.
        let grants = self.cx.spec.settings.http.upgrade && request.version() != Version::HTTP_2;
        let upgrade = request.headers().get(header::UPGRADE).cloned().filter(|_| grants);
        let two = request.version() == Version::HTTP_2;
        let point = Point { head, connect, two, tunnels: connect && grants, exchange: number, upgrade, line };
        let answer = if request.body().is_end_stream() { self.answer(&point, &Taken::default()) } else { None };
        self.heads.set_busy(answer.is_none());
        answer.ok_or_else(|| {
            let (parts, body) = request.into_parts();
            let target = parts.uri.path_and_query().map_or("*", |target| target.as_str()).to_owned();
            let request = hold::Request { number, method: parts.method, target, version: parts.version, since };
            let http = &self.cx.spec.settings.http;
            let most = http.most_body.unwrap_or(u64::MAX);
            let bounds = Bounds { most, patience: self.cx.limits.http_body_time };
            let body = Upload::new(body, (parts.version == Version::HTTP_2).then_some(bounds));
            Box::new(Asked { point, body, request })
        })
    }

    /// The answer once the body is here and there is something to say.
    pub async fn later(self: Arc<Self>, mut asked: Box<Asked>) -> Result<Response, GaveUp> {
        let line = asked.point.line.clone();
        if let Some(line) = &line {
            if let Some(delay) = line.rule.delay {
                self.unless_gone(tokio::time::sleep(delay)).await?;
            }
            match &line.rule.act {
                Act::Hold => return self.held(asked).await,
                Act::Drop(cut) => {
                    let _ = self.cut.set(*cut);
                    return Err(GaveUp::Gone);
                }
                // It is answered as if there were no rule: its delay is over.
                Act::Reply => asked.point.line = None,
                Act::File(_) | Act::Text(_) | Act::Redirect(_) => {}
            }
        }
        if asked.point.line.is_none() && self.holds(&asked.point) {
            return self.held(asked).await;
        }
        let mut taken = Taken::default();
        while let Some(piece) = poll_fn(|cx| asked.body.poll(cx)).await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(stop) => return self.stopped(stop, asked.point.exchange),
            };
            taken.size += piece.len() as u64;
            let room = KEPT - taken.kept.len();
            taken.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let mut reply = self.cx.now.clone();
        reply.mark_unchanged();
        if let Some(line) = &asked.point.line {
            if let Act::File(path) = &line.rule.act {
                return Ok(self.last(&asked.point, rules::file(&line.rule, path).await));
            }
            self.heads.set_busy(false);
            return rules::at_once(&line.rule).map(|response| self.last(&asked.point, response)).ok_or(GaveUp::Gone);
        }
        loop {
            if self.holds(&asked.point) {
                return self.held(asked).await;
            }
            if let Some(response) = self.answer(&asked.point, &taken) {
                self.heads.set_busy(false);
                return Ok(response);
            }
            tokio::select! {
                changed = reply.changed() => changed.map_err(|_| GaveUp::Gone)?,
                () = self.gone.cancelled(), if !self.half_open.load(Relaxed) => return Err(GaveUp::Gone),
            }
        }
    }

    /// What is said to a body that is not taken.
    fn stopped(&self, stop: Stop, exchange: u32) -> Result<Response, GaveUp> {
        let reason = match stop {
            Stop::Refused(reason) => reason,
            Stop::Gone => return Err(GaveUp::Gone),
            Stop::Reset(code) => return Err(GaveUp::reset(code)),
        };
        self.heads.set_busy(false);
        self.record.event(Kind::ClientError(Box::new(reason.fault(true)), exchange));
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Ok(text(status, format!("{reason}\n")))
    }

    async fn unless_gone(&self, wait: impl Future<Output = ()>) -> Result<(), GaveUp> {
        tokio::select! {
            () = wait => Ok(()),
            () = self.gone.cancelled(), if !self.half_open.load(Relaxed) => Err(GaveUp::Gone),
        }
    }

    /// Whether the listener's reply is a person's.
    fn holds(&self, point: &Point) -> bool {
        !point.connect && point.upgrade.is_none() && self.cx.reply(|reply| *reply == Reply::Hold)
    }

    /// Waits for a person to send a head; what they send then is the body.
    async fn held(&self, asked: Box<Asked>) -> Result<Response, GaveUp> {
        let Some(socket) = self.record.socket() else { return Err(GaveUp::Gone) };
        let shelf = self.shelf.get_or_init(|| {
            let shelf = Shelf::new(socket, self.cx.hub.clock(), self.cx.holds.clone(), Arc::clone(&self.heads));
            self.cx.holds.add(socket, Arc::clone(&shelf));
            self.record.shelve(Arc::clone(&shelf) as _);
            self.record.explain(Arc::clone(&shelf) as _);
            shelf
        });
        // A peer that may half-close has not gone with its FIN.
        let gone = if self.half_open.load(Relaxed) { CancellationToken::new() } else { self.gone.clone() };
        let ticket = Ticket::draw(Arc::clone(shelf), &asked.request, self.record.clone(), gone, asked.body);
        let Some(ticket) = ticket else {
            self.heads.set_busy(false);
            let reason = format!("{} exchanges wait for an answer already\n", hold::MOST);
            return Ok(text(StatusCode::SERVICE_UNAVAILABLE, reason));
        };
        let (head, ticket) = match ticket.head().await {
            Ok(answer) => answer,
            Err(stop) => return self.stopped(stop, asked.point.exchange),
        };
        if head.dateless {
            self.heads.leave_out_date();
        }
        let mut response =
            Response::new(if head.whole { Body::from(Bytes::new()) } else { Body::Held(Box::new(ticket)) });
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        spelling::keep(&mut response, head.names.iter().map(String::as_str));
        if let Some(reason) = head.reason.and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
            response.extensions_mut().insert(reason);
        }
        Ok(response)
    }

    /// Nobody waits here any more: the connection is over, or we are ending it.
    pub fn leave(&self) {
        if let Some(shelf) = self.shelf.get() {
            shelf.leave();
        }
    }

    fn answer(&self, point: &Point, taken: &Taken) -> Option<Response> {
        self.fresh(point, taken).map(|response| self.last(point, response))
    }

    /// Says that it is the last of its connection, where it is.
    fn last(&self, point: &Point, mut response: Response) -> Response {
        let most = self.cx.spec.settings.http.requests;
        if most > 0 && point.exchange >= most && !point.two {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn fresh(&self, point: &Point, taken: &Taken) -> Option<Response> {
        if let Some(line) = &point.line {
            return if line.rule.delay.is_none() { rules::at_once(&line.rule) } else { None };
        }
        if point.tunnels {
            return Some(Response::new(Body::from(Bytes::new())));
        }
        if let Some(protocol) = &point.upgrade {
            let mut response = Response::new(Body::from(Bytes::new()));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            response.headers_mut().insert(header::UPGRADE, protocol.clone());
            return Some(response);
        }
        if point.connect {
            // RFC 9110 section 9.3.6: a 2xx would open a tunnel to nowhere.
            return Some(text(StatusCode::NOT_IMPLEMENTED, "this is no proxy\n".into()));
        }
        match &self.cx.now.borrow().settings.reply {
            Reply::Echo => Some(text(StatusCode::OK, describe(&point.head, taken))),
            Reply::Fixed(fixed) => Some(fill(fixed)),
            Reply::None | Reply::Hold => None,
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.get() {
            self.cx.holds.remove(shelf.socket());
        }
    }
}

pub fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    response
}

/// A fixed reply. What would contradict the body's framing is left out: hyper writes it.
fn fill(fixed: &Fixed) -> Response {
    let mut response = Response::new(Body::from(fixed.text.0.clone()));
    let status = fixed.status.filter(|status| *status >= 200).and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in &fixed.headers.0 {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else { continue };
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            headers.append(name, value);
        }
    }
    headers.entry(header::CONTENT_TYPE).or_insert(TEXT);
    spelling::keep(&mut response, fixed.headers.0.iter().map(|(name, _)| &**name));
    response
}

/// The request as it came, in words a person reads.
fn describe(head: &[u8], taken: &Taken) -> String {
    let head = String::from_utf8_lossy(head);
    let mut out = String::with_capacity(head.len() + taken.kept.len() + 32);
    for line in head.lines().filter(|line| !line.is_empty()) {
        out.push_str(line);
        out.push('\n');
    }
    if taken.size == 0 {
        return out;
    }
    let _ = write!(out, "\nbody ({} bytes", taken.size);
    if taken.size > taken.kept.len() as u64 {
        let _ = write!(out, ", the first {} of them", taken.kept.len());
    }
    out.push_str(")\n");
    match std::str::from_utf8(&taken.kept) {
        Ok(text) => out.push_str(text),
        // Cut within a character, where we stopped keeping.
        Err(error) if error.error_len().is_none() && taken.kept.len() == KEPT => {
            out.push_str(&String::from_utf8_lossy(&taken.kept[..error.valid_up_to()]));
        }
        Err(_) => dump(&mut out, &taken.kept),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// `00000010  68 65 ..  |he..|`, as `hexdump -C` does.
fn dump(out: &mut String, bytes: &[u8]) {
    for (row, bytes) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:08x} ", row * 16);
        for at in 0..16 {
            let gap = if at == 8 { "  " } else { " " };
            let _ = match bytes.get(at) {
                Some(byte) => write!(out, "{gap}{byte:02x}"),
                None => write!(out, "{gap}  "),
            };
        }
        out.push_str("  |");
        out.extend(bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { *byte as char } else { '.' }));
        out.push_str("|\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_shows_text_as_text_and_bytes_as_hex() {
        let taken = |kept: &[u8]| Taken { size: kept.len() as u64, kept: kept.to_vec() };
        let head = b"POST /a HTTP/1.1\r\nhOst: x\r\n\r\n";
        assert_eq!(describe(head, &taken(b"")), "POST /a HTTP/1.1\nhOst: x\n");
        assert_eq!(describe(head, &taken("é".as_bytes())), "POST /a HTTP/1.1\nhOst: x\n\nbody (2 bytes)\né\n");
        let hex = describe(head, &taken(b"\xff\x00a"));
        assert!(hex.contains("body (3 bytes)\n00000000  ff 00 61  "), "{hex}");
        assert!(hex.ends_with("|..a|\n"), "{hex}");
    }

    #[test]
    fn what_is_too_long_is_counted() {
        let taken = Taken { kept: [&[b'x'; KEPT - 1][..], &[0xc3]].concat(), size: 1 << 20 };
        let text = describe(b"", &taken);
        assert!(text.contains("body (1048576 bytes, the first 65536 of them)\nxxx"));
        assert!(text.ends_with("x\n"));
    }
}
