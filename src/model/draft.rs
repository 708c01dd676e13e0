//! What a person typed to be sent, and the bytes it means.

use serde::{Deserialize, Serialize};

use super::url::{Role, Scheme};

/// How the typed text becomes bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coding {
    #[default]
    Text,
    /// `\r \n \t \0 \\ \xNN \u{...}`
    Escapes,
    Hex,
    /// The text is a path; its file's bytes are sent.
    File,
}

impl Coding {
    pub const ALL: [Self; 4] = [Self::Text, Self::Escapes, Self::Hex, Self::File];

    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Escapes => "escapes",
            Self::Hex => "hex",
            Self::File => "file",
        }
    }
}

/// What is put behind the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    #[default]
    None,
    Lf,
    CrLf,
}

impl Ending {
    pub const ALL: [Self; 3] = [Self::None, Self::Lf, Self::CrLf];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lf => "LF",
            Self::CrLf => "CRLF",
        }
    }

    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// What kind of thing is sent, where the protocol has more than one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Bytes as they are: TCP, TLS, UDP.
    #[default]
    Bytes,
    /// A WebSocket text message.
    Text,
    /// A WebSocket binary message.
    Binary,
    /// Of WebSocket, or of HTTP/2.
    Ping,
    /// A WebSocket pong that no ping asked for.
    Pong,
    /// `1000 reason`: a WebSocket close frame.
    Close,
    /// `chat ["hello", 1]`: a Socket.IO event.
    Event,
    /// `METHOD target`, header lines, an empty line, a body.
    Request,
    /// Bytes past the protocol: a malformed request, or what is said through a tunnel.
    Raw,
    /// `200`, header lines, an empty line, a body: what a listener answers from now on.
    Reply,
    /// `200 OK` and header lines: the first step of an answer by hand. Without a status they are set, and
    /// leave with it.
    Head,
    /// A chunk of an answer's body.
    Body,
    /// A server-sent event: a chunk too.
    Push,
    /// The end of an answer, with trailers as header lines.
    End,
    /// Head, body and end of an answer in one go, written like [`Shape::Reply`].
    Answer,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Text => "text message",
            Self::Binary => "binary message",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Close => "close frame",
            Self::Event => "Socket.IO event",
            Self::Request => "request",
            Self::Raw => "raw bytes",
            Self::Reply => "default reply",
            Self::Head => "head",
            Self::Body => "body",
            Self::Push => "event",
            Self::End => "end",
            Self::Answer => "whole answer",
        }
    }
}

/// The largest UDP payload over IPv4: 65,535 less 20 of IP and 8 of UDP header (RFC 791, RFC 768).
pub const DATAGRAM: usize = 65_507;
/// The largest payload of a WebSocket control frame (RFC 6455 section 5.5).
pub const CONTROL: usize = 125;
/// The most frames a WebSocket message is split into: each is an event on the timeline.
pub const FRAGMENTS: u32 = 100;

/// The shapes of draft that a scheme's sockets take, the usual one first.
pub fn shapes(scheme: Scheme, role: Role) -> &'static [Shape] {
    match (scheme, role) {
        (Scheme::Tcp | Scheme::Tls | Scheme::Udp, _) => &[Shape::Bytes],
        (Scheme::Ws | Scheme::Wss, _) => {
            &[Shape::Text, Shape::Binary, Shape::Ping, Shape::Pong, Shape::Close, Shape::Event]
        }
        (Scheme::Http | Scheme::Https, Role::Connect) => &[Shape::Request, Shape::Raw, Shape::Ping],
        (Scheme::Http | Scheme::Https, Role::Listen) => &[Shape::Reply],
    }
}

/// The steps of an answer by hand, in their order; the last does all of them in one go.
pub const STEPS: &[Shape] = &[Shape::Head, Shape::Body, Shape::Push, Shape::End, Shape::Answer];

/// Whether a head that was typed begins with its status: `200 OK`.
pub fn has_status(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    text.starts_with(word) && word.len() == 3 && word.bytes().all(|digit| digit.is_ascii_digit())
}

/// A draft, as typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draft {
    pub text: String,
    pub coding: Coding,
    pub ending: Ending,
    pub shape: Shape,
    /// A WebSocket message goes in so many frames; 0, like 1, is whole.
    pub fragments: u32,
}

/// Why a draft cannot be sent, as a sentence; the draft stays in the editor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection(pub String);

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rejection {}

impl Draft {
    /// The bytes of the whole text with its line ending. A file's bytes are not here: its path is
    /// read where files may be read.
    ///
    /// # Errors
    /// What is wrong with the text, where, and what would be right.
    pub fn encode(&self) -> Result<Vec<u8>, Rejection> {
        let mut bytes = encode(&self.text, self.coding)?;
        bytes.extend_from_slice(self.ending.bytes());
        Ok(bytes)
    }
}

/// The bytes that a text means in a coding. For [`Coding::File`], the path's own bytes.
///
/// # Errors
/// See [`Draft::encode`].
pub fn encode(text: &str, coding: Coding) -> Result<Vec<u8>, Rejection> {
    match coding {
        Coding::Text | Coding::File => Ok(text.as_bytes().to_vec()),
        Coding::Escapes => unescape(text),
        Coding::Hex => unhex(text),
    }
}

/// Reads hex with spaces, commas, colons, line ends and `0x` between the bytes.
fn unhex(text: &str) -> Result<Vec<u8>, Rejection> {
    let mut out = Vec::with_capacity(text.len() / 2);
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '-')) {
        let word = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
        let padded = if word.len() == 1 { format!("0{word}") } else { word.to_owned() };
        let bytes = hex::decode(&padded).map_err(|error| match error {
            hex::FromHexError::OddLength => {
                Rejection(format!("\"{word}\" has an odd number of hex digits; write two for each byte, such as 0a ff"))
            }
            _ => Rejection(format!("\"{word}\" is not hex; write digits 0-9 and a-f, such as 68 65 6c or 0x68, 0x65")),
        })?;
        out.extend_from_slice(&bytes);
    }
    Ok(out)
}

/// Reads `\r \n \t \0 \\ \" \' \e \xNN \u{...}`; everything else stands for itself.
///
/// # Errors
/// The escape that is not one, with its position.
pub fn unescape(text: &str) -> Result<Vec<u8>, Rejection> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut buffer = [0; 4];
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let column = text[..text.len() - rest.len() + at].chars().count() + 1;
        let tail = &rest[at + 1..];
        let Some(letter) = tail.chars().next() else {
            return Err(Rejection(format!("the text ends in a lone backslash (column {column}); write \\\\ for one")));
        };
        let after = &tail[letter.len_utf8()..];
        rest = match letter {
            'r' => push(&mut out, b'\r', after),
            'n' => push(&mut out, b'\n', after),
            't' => push(&mut out, b'\t', after),
            '0' => push(&mut out, 0, after),
            'e' => push(&mut out, 0x1b, after),
            '\\' | '"' | '\'' => push(&mut out, letter as u8, after),
            'x' => {
                let byte = after
                    .get(..2)
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or_else(|| Rejection(format!("\\x at column {column} wants two hex digits, such as \\x0a")))?;
                push(&mut out, byte, &after[2..])
            }
            'u' => {
                let (c, after) = code_point(after).ok_or_else(|| {
                    Rejection(format!("\\u at column {column} wants a code point in braces, such as \\u{{4f60}}"))
                })?;
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                after
            }
            other => {
                return Err(Rejection(format!(
                    "\\{other} at column {column} is no escape; there are \\r \\n \\t \\0 \\e \\\\ \\xNN \\u{{...}}"
                )));
            }
        };
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn push<'a>(out: &mut Vec<u8>, byte: u8, rest: &'a str) -> &'a str {
    out.push(byte);
    rest
}

fn code_point(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.strip_prefix('{')?.split_once('}')?;
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    Some((c, rest))
}

/// Writes bytes so that [`unescape`] reads them back: the other half, for history and copying.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\0' => out.push_str("\\0"),
                '\\' => out.push_str("\\\\"),
                c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
                c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft(text: &str, coding: Coding) -> Result<Vec<u8>, String> {
        Draft { text: text.into(), coding, ..Draft::default() }.encode().map_err(|rejection| rejection.0)
    }

    #[test]
    fn hex_is_tolerant() {
        for text in ["68656c6c6f", "68 65 6c 6c 6f", "0x68, 0x65,0x6c 0x6c:6f", "68:65:6c:6c:6f", "68-65-6C-6C-6F"] {
            assert_eq!(draft(text, Coding::Hex).as_deref(), Ok(&b"hello"[..]), "{text}");
        }
        assert_eq!(draft("a 0xb", Coding::Hex).as_deref(), Ok(&[10, 11][..]));
        assert!(draft("6g", Coding::Hex).unwrap_err().contains("\"6g\" is not hex"));
        assert!(draft("abc", Coding::Hex).unwrap_err().contains("odd number"));
    }

    #[test]
    fn escapes_say_what_is_wrong() {
        assert_eq!(draft(r"a\r\n\t\0\x1b\u{4f60}\\", Coding::Escapes).unwrap(), "a\r\n\t\0\x1b你\\".as_bytes());
        assert!(draft(r"你\q", Coding::Escapes).unwrap_err().contains("\\q at column 2"));
        assert!(draft(r"\x4", Coding::Escapes).unwrap_err().contains("two hex digits"));
        assert!(draft(r"\u{110000}", Coding::Escapes).unwrap_err().contains("code point"));
        assert!(draft("end\\", Coding::Escapes).unwrap_err().contains("lone backslash"));
    }

    #[test]
    fn the_line_ending_comes_last() {
        let draft = Draft { text: "hi".into(), ending: Ending::CrLf, ..Draft::default() };
        assert_eq!(draft.encode().unwrap(), b"hi\r\n");
    }

    proptest! {
        #[test]
        fn what_escape_writes_unescape_reads(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(unescape(&escape(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn hex_reads_what_hex_writes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(draft(&hex::encode(&bytes), Coding::Hex).unwrap(), bytes);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            for coding in Coding::ALL {
                let _ = encode(&text, coding);
            }
        }
    }
}
