//! Messages in a stream that has none: how a person says where one ends and the next begins.
//!
//! TCP and TLS carry chunks. A framing re-slices them into messages, for reading ([`Slices`]) and for
//! sending ([`Framing::encode`]); it counts nothing: the counters stay those of chunks.

mod cursor;
mod message;
mod slices;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

pub use cursor::{Cursor, Piece, Trust};
pub use message::{Message, Part, Standing};
pub use slices::{Slice, Slices};

use super::draft::{Rejection, escape, unescape};
use super::size;

/// The longest delimiter: real ones have a few bytes, and one byte numbers where a match stands.
pub const DELIMITER: usize = 64;

/// Where messages end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// Chunks, as TCP has them.
    #[default]
    None,
    /// Behind each LF; a CR before it belongs to the line's end.
    Line,
    Delimiter(Delimiter),
    /// A number before each message says how many bytes follow it.
    Prefix(Prefix),
}

/// Bytes that end a message, and for each number of them that matched where a match that broke goes on
/// (Knuth, Morris, Pratt).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delimiter {
    bytes: Arc<[u8]>,
    back: Arc<[u8]>,
}

impl Delimiter {
    /// # Errors
    /// It is empty or longer than [`DELIMITER`].
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() || bytes.len() > DELIMITER {
            return Err(format!("a delimiter has 1 to {DELIMITER} bytes, this one has {}", bytes.len()));
        }
        let mut back = vec![0u8; bytes.len()];
        let mut matched = 0usize;
        for at in 1..bytes.len() {
            while matched > 0 && bytes[at] != bytes[matched] {
                matched = usize::from(back[matched - 1]);
            }
            matched += usize::from(bytes[at] == bytes[matched]);
            // At most 64, by the check above.
            back[at] = u8::try_from(matched).unwrap_or(u8::MAX);
        }
        Ok(Self { bytes: bytes.into(), back: back.into() })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Looks for the rest of the delimiter, `matched` bytes of which came before. The bytes taken up to its
    /// end, if it is there.
    fn find(&self, matched: &mut u8, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if *matched == 0 {
                at += bytes[at..].iter().position(|byte| *byte == self.bytes[0])?;
            }
            while *matched > 0 && bytes[at] != self.bytes[usize::from(*matched)] {
                *matched = self.back[usize::from(*matched) - 1];
            }
            if bytes[at] == self.bytes[usize::from(*matched)] {
                *matched += 1;
            }
            at += 1;
            if usize::from(*matched) == self.bytes.len() {
                *matched = 0;
                return Some(at);
            }
        }
        None
    }
}

/// A length before each message: of what follows it, itself not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefix {
    U8,
    U16Be,
    U16Le,
    U32Be,
    U32Le,
}

impl Prefix {
    pub const ALL: [Self; 5] = [Self::U8, Self::U16Be, Self::U16Le, Self::U32Be, Self::U32Le];

    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16Be => "u16be",
            Self::U16Le => "u16le",
            Self::U32Be => "u32be",
            Self::U32Le => "u32le",
        }
    }

    /// How many bytes it takes.
    pub fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16Be | Self::U16Le => 2,
            Self::U32Be | Self::U32Le => 4,
        }
    }

    /// The longest message it can announce.
    pub fn most(self) -> u64 {
        (1 << (8 * self.width())) - 1
    }

    fn is_little(self) -> bool {
        matches!(self, Self::U16Le | Self::U32Le)
    }

    /// The number with one more byte of it, `got` of which came before.
    fn add(self, number: u32, got: u8, byte: u8) -> u32 {
        if self.is_little() { number | u32::from(byte) << (8 * u32::from(got)) } else { number << 8 | u32::from(byte) }
    }

    fn write(self, number: u32) -> Vec<u8> {
        match self {
            Self::U8 => number.to_be_bytes()[3..].to_vec(),
            Self::U16Be => number.to_be_bytes()[2..].to_vec(),
            Self::U16Le => number.to_le_bytes()[..2].to_vec(),
            Self::U32Be => number.to_be_bytes().to_vec(),
            Self::U32Le => number.to_le_bytes().to_vec(),
        }
    }
}

/// A window of a timeline as messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Framed {
    pub framing: Framing,
    /// How each event of the window is cut, in the same order.
    pub slices: Vec<Slice>,
    /// The messages that the inspected event has a part in, whole as far as they are kept.
    pub messages: Vec<Message>,
}

impl Framing {
    /// The forms a person can write, as examples.
    pub const FORMS: [&str; 8] = ["none", "line", "u8", "u16be", "u16le", "u32be", "u32le", r"delimiter:\r\n\r\n"];

    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// A message as it is sent. What ends in its delimiter already is left as it is.
    ///
    /// # Errors
    /// The message is too long for the prefix: both lengths, and what would do.
    pub fn encode(&self, body: &[u8]) -> Result<Vec<u8>, Rejection> {
        self.check(body.len())?;
        let mut out = Vec::with_capacity(body.len() + DELIMITER);
        let end: &[u8] = match self {
            Self::None => b"",
            Self::Line => b"\n",
            Self::Delimiter(delimiter) => delimiter.bytes(),
            Self::Prefix(prefix) => {
                out.extend(prefix.write(u32::try_from(body.len()).unwrap_or(u32::MAX)));
                b""
            }
        };
        out.extend_from_slice(body);
        if !body.ends_with(end) {
            out.extend_from_slice(end);
        }
        Ok(out)
    }

    /// The longest message it can carry, in bytes.
    pub fn most(&self) -> u64 {
        match self {
            Self::Prefix(prefix) => prefix.most(),
            Self::None | Self::Line | Self::Delimiter(_) => u64::MAX,
        }
    }

    /// Whether a message of so many bytes can be sent.
    ///
    /// # Errors
    /// See [`Framing::encode`].
    pub fn check(&self, len: usize) -> Result<(), Rejection> {
        if len as u64 <= self.most() {
            return Ok(());
        }
        Err(Rejection(format!(
            "a {self} prefix announces at most {} bytes, and this message has {}: set a longer framing, such as {}",
            size::exact(self.most()),
            size::exact(len as u64),
            if len <= usize::from(u16::MAX) { "u16be" } else { "u32be" },
        )))
    }

    /// Where the body stands in a message of `bytes`; `whole` if its end is there.
    pub fn body(&self, bytes: &[u8], whole: bool) -> Range<usize> {
        match self {
            Self::Line if whole => {
                let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                0..line.strip_suffix(b"\r").unwrap_or(line).len()
            }
            Self::Delimiter(delimiter) if whole => {
                0..bytes.strip_suffix(delimiter.bytes()).map_or(bytes.len(), <[u8]>::len)
            }
            Self::Prefix(prefix) => prefix.width().min(bytes.len())..bytes.len(),
            _ => 0..bytes.len(),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Line => f.write_str("line"),
            Self::Delimiter(delimiter) => write!(f, "delimiter:{}", escape(delimiter.bytes())),
            Self::Prefix(prefix) => f.write_str(prefix.name()),
        }
    }
}

impl FromStr for Framing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if let Some(delimiter) = text.trim_start().strip_prefix("delimiter:") {
            let bytes = unescape(delimiter).map_err(|rejection| rejection.0)?;
            return Delimiter::new(&bytes).map(Self::Delimiter);
        }
        match name {
            "none" => Ok(Self::None),
            "line" => Ok(Self::Line),
            _ => Prefix::ALL.into_iter().find(|prefix| prefix.name() == name).map(Self::Prefix).ok_or_else(|| {
                format!("\"{name}\" is no framing: write none, line, u8, u16be, u16le, u32be, u32le or delimiter:\\r\\n\\r\\n")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_is_read_as_it_is_written() {
        for form in Framing::FORMS {
            assert_eq!(form.parse::<Framing>().unwrap().to_string(), form);
        }
        assert_eq!("delimiter: ".parse::<Framing>().unwrap(), Framing::Delimiter(Delimiter::new(b" ").unwrap()));
        assert!("u16".parse::<Framing>().unwrap_err().contains("u16be"));
        assert!("delimiter:".parse::<Framing>().unwrap_err().contains("1 to 64"));
        assert!(format!("delimiter:{}", "x".repeat(65)).parse::<Framing>().is_err());
        assert!(r"delimiter:\q".parse::<Framing>().unwrap_err().contains("no escape"));
    }

    #[test]
    fn what_is_typed_is_framed() {
        let framed = |form: &str, body: &[u8]| form.parse::<Framing>().unwrap().encode(body).unwrap();
        assert_eq!(framed("none", b"hi"), b"hi");
        assert_eq!(framed("line", b"hi"), b"hi\n");
        assert_eq!(framed("line", b"hi\r\n"), b"hi\r\n");
        assert_eq!(framed(r"delimiter:\0\0", b"hi"), b"hi\0\0");
        assert_eq!(framed("u8", b""), b"\0");
        assert_eq!(framed("u16be", b"hi"), b"\0\x02hi");
        assert_eq!(framed("u16le", b"hi"), b"\x02\0hi");
        assert_eq!(framed("u32be", b"hi"), b"\0\0\0\x02hi");
        assert_eq!(framed("u32le", b"hi"), b"\x02\0\0\0hi");
    }

    #[test]
    fn a_message_too_long_for_its_prefix_is_refused_with_both_lengths() {
        let refusal = |form: &str, len| form.parse::<Framing>().unwrap().check(len).unwrap_err().0;
        let text = refusal("u8", 300);
        assert!(text.contains("255") && text.contains("300") && text.contains("u16be"), "{text}");
        assert!(refusal("u16le", 70_000).contains("u32be"));
        assert!("u8".parse::<Framing>().unwrap().check(255).is_ok());
        assert!("u16be".parse::<Framing>().unwrap().encode(&vec![0; 65_536]).is_err());
    }

    proptest! {
        /// The automaton finds what a plain search finds, however the bytes are split.
        #[test]
        fn a_delimiter_is_found_where_it_stands(
            needle in "[ab]{1,4}",
            bytes in "[ab]{0,40}",
            at in 0usize..40,
        ) {
            let delimiter = Delimiter::new(needle.as_bytes()).unwrap();
            let want = bytes.find(&needle).map(|at| at + needle.len());
            let (left, right) = bytes.as_bytes().split_at(at.min(bytes.len()));
            let mut matched = 0;
            let found = delimiter.find(&mut matched, left)
                .or_else(|| delimiter.find(&mut matched, right).map(|end| end + left.len()));
            prop_assert_eq!(found, want);
        }
    }
}
