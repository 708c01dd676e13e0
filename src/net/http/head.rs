//! One head, parsed: where it ends, what body follows it, and what is wrong with it.
//!
//! As strict as hyper is, and stricter where a lenient reader invites request smuggling (RFC 9112
//! section 11.2): what passes here, hyper takes.

use std::mem::MaybeUninit;

use httparse::Status;

use super::reason::Reason;
use super::wrong;
use crate::model::exchange::Why;

/// Header lines in one head: hyper's own limit.
pub const HEADERS: usize = 100;

/// What a start line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start<'a> {
    Request { method: &'a str, target: &'a str },
    Response { status: u16 },
}

/// A head as it was on the wire, without the empty lines before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    pub raw: &'a [u8],
    pub start: Start<'a>,
    /// Why the connection ends with this message, if it does.
    pub last: Option<Why>,
    /// Asks for, or answers with, another protocol (RFC 9110 section 7.8).
    pub upgrade: bool,
}

/// What the request that a response answers makes of its body (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Asked {
    #[default]
    Other,
    Head,
    Connect,
}

impl Asked {
    pub fn of(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    Length(u64),
    Chunked,
    UntilEnd,
    /// What follows is another protocol's.
    Tunnel,
}

/// What the header lines say that matters here.
#[derive(Default)]
struct Facts<'a> {
    hosts: u32,
    /// A Host that names none.
    bad_host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

#[derive(PartialEq, Eq)]
enum Coding {
    Chunked,
    Other(Box<str>),
}

/// A whole head, and what its body is; or why nothing of it can be taken, although it can be read.
type Asking<'a> = (Head<'a>, Result<Framing, Reason>);

/// Reads a request's head; `None` if it is not all there. One that is whole may still be refused for what it says.
pub fn request(raw: &[u8]) -> Result<Option<Asking<'_>>, Reason> {
    let mut lines = [MaybeUninit::uninit(); HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let len = match head.parse_with_uninit_headers(raw, &mut lines) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(wrong::find(error, raw, 2, head.version.is_some(), HEADERS)),
    };
    let (method, target) = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
    let new = head.version == Some(1);
    let facts = if is_target(target) { Facts::of(head.headers) } else { Err(Reason::Target) };
    let (last, upgrade) = facts.as_ref().map_or((None, false), |facts| (facts.last(new), new && facts.upgrade));
    let start = Start::Request { method, target };
    Ok(Some((Head { raw: &raw[..len], start, last, upgrade }, facts.and_then(|facts| facts.framing(new)))))
}

impl Facts<'_> {
    /// How the end of a request's body is known; `new`: of HTTP/1.1.
    fn framing(self, new: bool) -> Result<Framing, Reason> {
        let facts = self;
        match facts.hosts {
            0 if new => return Err(Reason::NoHost),
            0 | 1 => {}
            _ => return Err(Reason::ManyHosts),
        }
        if let Some(host) = facts.bad_host {
            return Err(Reason::BadHost(String::from_utf8_lossy(host).into()));
        }
        match (facts.coding, facts.length) {
            (None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (Some(_), _) if !new => Err(Reason::CodingIn10),
            (Some(_), Some(_)) => Err(Reason::LengthAndCoding),
            (Some(Coding::Chunked), None) => Ok(Framing::Chunked),
            (Some(Coding::Other(name)), None) => Err(Reason::Coding(name)),
        }
    }
}

/// Reads a response's head; `None` if it is not all there.
pub fn response(raw: &[u8], asked: impl FnOnce() -> Asked) -> Result<Option<(Head<'_>, Framing)>, Reason> {
    let mut lines = [MaybeUninit::uninit(); HEADERS];
    let mut head = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let len = match config.parse_response_with_uninit_headers(&mut head, raw, &mut lines) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(wrong::find(error, raw, 0, head.code.is_some(), HEADERS)),
    };
    let status = head.code.unwrap_or_default();
    let facts = Facts::of(head.headers)?;
    let said = facts.last(head.version == Some(1));
    let framing = match (status, asked()) {
        (101, _) | (200..=299, Asked::Connect) => Framing::Tunnel,
        (100..=199 | 204 | 304, _) | (_, Asked::Head) => Framing::Length(0),
        _ => match (facts.coding, facts.length) {
            (Some(Coding::Chunked), _) => Framing::Chunked,
            (None, Some(length)) => Framing::Length(length),
            _ => Framing::UntilEnd,
        },
    };
    let interim = (100..=199).contains(&status);
    let until_end = (framing == Framing::UntilEnd).then_some(Why::UntilEnd);
    let last = said.or(until_end).filter(|_| !interim);
    Ok(Some((Head { raw: &raw[..len], start: Start::Response { status }, last, upgrade: facts.upgrade }, framing)))
}

impl<'a> Facts<'a> {
    /// Whether the connection ends with the message (RFC 9112 section 9.3). `new`: of HTTP/1.1.
    fn last(&self, new: bool) -> Option<Why> {
        let old = (!new && !self.keep_alive).then_some(Why::Old);
        if self.close { Some(Why::Close) } else { old }
    }

    /// RFC 9110 section 10.1.1: there is one thing to expect.
    fn expects(what: &[u8]) -> Result<(), Reason> {
        let known = what.eq_ignore_ascii_case(b"100-continue");
        if known { Ok(()) } else { Err(Reason::Expect(String::from_utf8_lossy(what).into())) }
    }

    fn of(lines: &[httparse::Header<'a>]) -> Result<Self, Reason> {
        let mut facts = Self::default();
        for line in lines {
            // The length tells the few that matter from the many that do not.
            match line.name.len() {
                4 if line.name.eq_ignore_ascii_case("host") => {
                    facts.hosts += 1;
                    facts.bad_host = facts.bad_host.or((!is_host(line.value)).then_some(line.value));
                }
                6 if line.name.eq_ignore_ascii_case("expect") => Self::expects(line.value)?,
                7 if line.name.eq_ignore_ascii_case("upgrade") => facts.upgrade = true,
                10 if line.name.eq_ignore_ascii_case("connection") => {
                    facts.close |= lists(line.value, b"close");
                    facts.keep_alive |= lists(line.value, b"keep-alive");
                }
                14 if line.name.eq_ignore_ascii_case("content-length") => {
                    let length = digits(line.value)?;
                    if facts.length.is_some_and(|before| before != length) {
                        return Err(Reason::ManyLengths);
                    }
                    facts.length = Some(length);
                }
                17 if line.name.eq_ignore_ascii_case("transfer-encoding") => {
                    let once = facts.coding.is_none() && line.value.eq_ignore_ascii_case(b"chunked");
                    let other = || Coding::Other(String::from_utf8_lossy(line.value).into());
                    facts.coding = Some(if once { Coding::Chunked } else { other() });
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// Whether a comma-separated list has the word (RFC 9110 section 5.6.1).
fn lists(value: &[u8], word: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// RFC 9110 section 8.6: digits alone, no sign. The two highest values are hyper's marks.
fn digits(value: &[u8]) -> Result<u64, Reason> {
    let digits = value.iter().all(u8::is_ascii_digit) && !value.is_empty();
    let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(Reason::Length)?;
    text.parse().ok().filter(|number| *number < u64::MAX - 1).ok_or(Reason::HugeLength)
}

/// RFC 9112 section 3.2: `uri-host [":" port]` as RFC 3986 section 3.2 has them; nothing at all where the
/// target has no authority.
fn is_host(value: &[u8]) -> bool {
    let literal = |byte: &u8| byte.is_ascii_alphanumeric() || b":.-_~!$&'()*+,;=%".contains(byte);
    let name = |byte: &u8| *byte != b':' && literal(byte);
    let (host, rest, fits): (_, _, &dyn Fn(&u8) -> bool) = match value.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            Some(end) if end > 0 => (&rest[..end], &rest[end + 1..], &literal),
            _ => return false,
        },
        None => {
            let (host, rest) = value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len()));
            (host, rest, &name)
        }
    };
    let port = rest.strip_prefix(b":").map_or(rest.is_empty(), |port| port.iter().all(u8::is_ascii_digit));
    host.iter().all(fits) && port
}

/// The forms of RFC 9112 section 3.2, as hyper takes them.
fn is_target(target: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%+,:;@!$'()*".contains(byte);
    let common = target.starts_with('/') && target.len() < 8192 && target.as_bytes().iter().all(plain);
    common || target.parse::<http::Uri>().is_ok()
}
