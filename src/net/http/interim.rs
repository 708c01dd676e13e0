//! Words before the answer itself: 1xx (RFC 9110 section 15.2). hyper sends none but 100, so they are written
//! where its bytes pass: before an answer in HTTP/1, between frames in HTTP/2.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;

use super::h2::frame::{END_HEADERS, HEADERS, Head};

/// Those that wait to be written: more than anybody types before a connection moves.
const MOST: usize = 64;
/// What HTTP/2 has no place for (RFC 9113 section 8.2.2).
pub const OF_HTTP_1: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interim {
    pub status: StatusCode,
    /// The words behind the status, where they are not the usual ones.
    pub reason: Option<String>,
    /// The names as they were typed.
    pub fields: Vec<(String, HeaderValue)>,
}

impl Interim {
    /// 103 Early Hints (RFC 8297).
    pub fn hints(link: &str) -> Option<Self> {
        let fields = vec![("Link".into(), HeaderValue::try_from(link).ok()?)];
        Some(Self { status: StatusCode::EARLY_HINTS, reason: None, fields })
    }

    /// Its head in HTTP/1.
    pub fn head(&self) -> Vec<u8> {
        let reason = self.reason.as_deref().or(self.status.canonical_reason()).unwrap_or_default();
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_str()).into_bytes();
        for (name, value) in &self.fields {
            head.extend_from_slice(&[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Its frame in HTTP/2. Every field is a literal that no table keeps (RFC 7541 section 6.2.2): hyper's own
    /// encoder need not know of it.
    pub fn frame(&self, stream: u32) -> Bytes {
        let mut block = Vec::new();
        literal(&mut block, b":status", self.status.as_str().as_bytes());
        for (name, value) in &self.fields {
            let name = name.to_ascii_lowercase();
            if !OF_HTTP_1.contains(&&*name) {
                literal(&mut block, name.as_bytes(), value.as_bytes());
            }
        }
        Head::frame(HEADERS, END_HEADERS, stream, &block).into()
    }
}

fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        length(block, text.len());
        block.extend_from_slice(text);
    }
}

/// RFC 7541 section 5.1, behind the bit that would say Huffman.
fn length(block: &mut Vec<u8>, len: usize) {
    if len < 0x7f {
        block.push(len as u8);
        return;
    }
    block.push(0x7f);
    let mut rest = len - 0x7f;
    while rest >= 0x80 {
        block.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
}

/// Those of a connection that are to be written, each with its exchange.
#[derive(Default)]
pub struct Interims {
    queue: Mutex<VecDeque<(u32, Interim)>>,
    /// There are some: what every write looks at.
    some: AtomicBool,
}

impl Interims {
    /// Whether there was room.
    pub fn push(&self, exchange: u32, interims: Vec<Interim>) -> bool {
        let mut queue = self.queue.lock();
        let fits = queue.len() + interims.len() <= MOST;
        if fits && !interims.is_empty() {
            queue.extend(interims.into_iter().map(|interim| (exchange, interim)));
            self.some.store(true, Relaxed);
        }
        fits
    }

    pub fn is_empty(&self) -> bool {
        !self.some.load(Relaxed)
    }

    pub fn take(&self) -> Option<(u32, Interim)> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.queue.lock();
        let next = queue.pop_front();
        self.some.store(!queue.is_empty(), Relaxed);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::http::h2::hpack::Decoder;

    #[test]
    fn it_is_a_head_or_a_frame() {
        let long = "x".repeat(300);
        let fields = [("Link", "</a>"), ("Connection", "close"), ("X-Long", &long)];
        let fields = fields.map(|(name, value)| (name.into(), HeaderValue::try_from(value).unwrap())).into();
        let interim = Interim { status: StatusCode::EARLY_HINTS, reason: None, fields };
        let head = String::from_utf8(interim.head()).unwrap();
        let want = format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\nX-Long: {long}\r\n\r\n");
        assert_eq!(head, want);
        let frame = interim.frame(5);
        let (start, block) = frame.split_at(9);
        assert_eq!(start[3..], [HEADERS, END_HEADERS, 0, 0, 0, 5]);
        let mut read = Vec::new();
        let each = |name: &[u8], value: &[u8]| read.push([name, b"=", value].concat());
        Decoder::new().decode(block, each).unwrap();
        let want = [":status=103", "link=</a>", &format!("x-long={long}")].map(|text| text.as_bytes().to_vec());
        assert_eq!(read, want);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let interims = Interims::default();
        let hints = Interim::hints("</a>").unwrap();
        assert!(interims.is_empty() && interims.push(1, vec![hints.clone(); MOST]));
        assert!(!interims.push(2, vec![hints.clone()]));
        assert_eq!(interims.take(), Some((1, hints)));
        assert!(!interims.is_empty());
        assert_eq!(Interim::hints("\n"), None);
    }
}
