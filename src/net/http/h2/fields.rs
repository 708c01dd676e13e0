//! One header block as lines a person reads, and what is malformed about it (RFC 9113 section 8).

use super::flaw::Flaw;
use super::hpack::{Broken, Decoder};

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Request,
    Response,
    Trailers,
    /// Read for what it does to the table alone.
    Ignored,
}

/// See the module.
#[derive(Debug)]
pub struct Fields {
    /// `name: value` lines in the order of the block, each with CRLF as HTTP/1 would have it; those that fit
    /// into the bound of a head.
    pub text: Vec<u8>,
    /// As section 6.5.2 counts: names and values, and 32 bytes for each.
    pub size: usize,
    pub status: u16,
    pub flaw: Option<Flaw>,
}

/// The pseudo-headers of a request (section 8.3.1, RFC 8441 section 4), and of a response.
const PSEUDO: [(&[u8], Part); 6] = [
    (b":method", Part::Request),
    (b":scheme", Part::Request),
    (b":path", Part::Request),
    (b":authority", Part::Request),
    (b":protocol", Part::Request),
    (b":status", Part::Response),
];

/// What one has seen so far.
struct Reading {
    fields: Fields,
    part: Part,
    limit: usize,
    /// One bit for each row of [`PSEUDO`].
    seen: u8,
    connect: bool,
    behind: bool,
}

/// Reads a block. At most `limit` bytes of it become text.
///
/// # Errors
/// It is no HPACK.
pub fn read(hpack: &mut Decoder, block: &[u8], part: Part, limit: usize) -> Result<Fields, Broken> {
    let fields = Fields { text: Vec::new(), size: 0, status: 0, flaw: None };
    let mut reading = Reading { fields, part, limit, seen: 0, connect: false, behind: false };
    hpack.decode(block, |name, value| reading.take(name, value))?;
    Ok(reading.done())
}

impl Reading {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        self.fields.size = self.fields.size.saturating_add(name.len() + value.len() + 32);
        if self.part == Part::Ignored {
            return;
        }
        let text = &mut self.fields.text;
        if text.len() + name.len() + value.len() + 4 <= self.limit {
            line(text, name);
            text.extend_from_slice(b": ");
            line(text, value);
            text.extend_from_slice(b"\r\n");
        }
        if let Some(flaw) = self.check(name, value) {
            self.fields.flaw.get_or_insert(flaw);
        }
    }

    fn check(&mut self, name: &[u8], value: &[u8]) -> Option<Flaw> {
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Some(Flaw::FIELD);
        }
        if name.first() == Some(&b':') {
            let row = PSEUDO.iter().position(|(known, part)| *known == name && *part == self.part);
            let Some(bit) = row.map(|row| 1 << row) else { return Some(Flaw::PSEUDO) };
            let again = self.seen & bit != 0;
            self.seen |= bit;
            match name {
                b":method" => self.connect = value == b"CONNECT",
                b":status" => self.fields.status = std::str::from_utf8(value).ok()?.parse().unwrap_or_default(),
                _ => {}
            }
            return (again || self.behind).then_some(Flaw::PSEUDO);
        }
        self.behind = true;
        if name.iter().any(u8::is_ascii_uppercase) {
            return Some(Flaw::UPPER);
        }
        let bad = |byte: &u8| *byte <= b' ' || *byte >= 0x7f || *byte == b':';
        if name.is_empty() || name.iter().any(bad) {
            return Some(Flaw::FIELD);
        }
        let hop = match name {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => true,
            b"te" => value != b"trailers",
            _ => false,
        };
        hop.then_some(Flaw::CONNECTION)
    }

    fn done(mut self) -> Fields {
        let missing = match self.part {
            // The first three.
            Part::Request if !self.connect && self.seen & 7 != 7 => Some(Flaw::MISSING),
            Part::Response if self.fields.status < 100 => Some(Flaw::STATUS),
            _ => None,
        };
        if let Some(flaw) = missing {
            self.fields.flaw.get_or_insert(flaw);
        }
        self.fields
    }
}

/// What would end a line is written as its escape: a header is one line.
fn line(out: &mut Vec<u8>, text: &[u8]) {
    for part in text.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        match part.split_last() {
            Some((b'\r', rest)) => out.extend([rest, b"\\r"].concat()),
            Some((b'\n', rest)) => out.extend([rest, b"\\n"].concat()),
            _ => out.extend_from_slice(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of literals without indexing.
    fn block(fields: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
        fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
    }

    fn flaw(part: Part, fields: &[(&str, &str)]) -> Option<Flaw> {
        read(&mut Decoder::new(), &block(fields), part, 1000).unwrap().flaw
    }

    const GET: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "http"), (":path", "/")];

    #[test]
    fn a_head_is_lines_and_its_size_is_counted_as_the_setting_counts() {
        let fields = [&GET[..], &[("a", "b\r\nc")]].concat();
        let read = read(&mut Decoder::new(), &block(&fields), Part::Request, 1000).unwrap();
        let text = String::from_utf8(read.text).unwrap();
        assert_eq!(text, ":method: GET\r\n:scheme: http\r\n:path: /\r\na: b\\r\\nc\r\n");
        assert_eq!(read.size, 4 * 32 + 10 + 11 + 6 + 5);
        assert_eq!(read.flaw, Some(Flaw::FIELD));
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted_and_not_kept() {
        let long = "x".repeat(100);
        let fields: Vec<_> = (0..50).map(|_| ("a", long.as_str())).collect();
        let read = read(&mut Decoder::new(), &block(&fields), Part::Trailers, 1000).unwrap();
        assert!(read.text.len() <= 1000 && read.text.len() > 800);
        assert_eq!(read.size, 50 * 133);
    }

    #[test]
    fn what_is_malformed_has_its_section() {
        let with = |field| [&GET[..], &[field]].concat();
        assert_eq!(flaw(Part::Request, &GET), None);
        assert_eq!(flaw(Part::Request, &[(":method", "CONNECT"), (":authority", "a:1")]), None);
        assert_eq!(flaw(Part::Request, &GET[..2]), Some(Flaw::MISSING));
        assert_eq!(flaw(Part::Request, &with(("Host", "a"))), Some(Flaw::UPPER));
        assert_eq!(flaw(Part::Request, &with(("ho st", "a"))), Some(Flaw::FIELD));
        assert_eq!(flaw(Part::Request, &with(("connection", "close"))), Some(Flaw::CONNECTION));
        assert_eq!(flaw(Part::Request, &with(("te", "gzip"))), Some(Flaw::CONNECTION));
        assert_eq!(flaw(Part::Request, &with(("te", "trailers"))), None);
        assert_eq!(flaw(Part::Request, &with((":path", "/"))), Some(Flaw::PSEUDO));
        assert_eq!(flaw(Part::Request, &with((":status", "200"))), Some(Flaw::PSEUDO));
        assert_eq!(flaw(Part::Request, &[&[("a", "b")], &GET[..]].concat()), Some(Flaw::PSEUDO));
        assert_eq!(flaw(Part::Response, &[(":status", "200")]), None);
        assert_eq!(flaw(Part::Response, &[("a", "b")]), Some(Flaw::STATUS));
        assert_eq!(flaw(Part::Trailers, &[(":path", "b")]), Some(Flaw::PSEUDO));
    }
}
