//! The framing of a chunked body: its size lines, and the trailers behind it.

use super::head;
use super::reason::Reason;

/// A chunk's size line, extensions included: far more than anybody sends.
const CHUNK_LINE: usize = 1024;
/// Chunk extensions of one body, and its trailers: hyper's limits.
pub const EXTENSIONS: usize = 16 << 10;

/// What a size line says.
pub struct Size {
    /// Its own length, in bytes, with its line end.
    pub line: usize,
    /// The chunk's.
    pub bytes: u64,
    /// Its extensions'.
    pub extensions: usize,
}

/// `1a; extension CRLF` (RFC 9112 section 7.1); `None` if it is not all there.
///
/// # Errors
/// What is wrong with it.
pub fn chunk_line(raw: &[u8]) -> Result<Option<Size>, Reason> {
    let end = raw.iter().take(CHUNK_LINE).position(|byte| *byte == b'\n');
    let line = &raw[..end.unwrap_or(raw.len().min(CHUNK_LINE))];
    let line = match (end, line.split_last()) {
        (Some(_), Some((b'\r', line))) => line,
        (Some(_), _) => return Err(Reason::Chunk("its size line ends without CR")),
        // Its line feed may be the next byte.
        (None, Some((b'\r', line))) => line,
        (None, _) => line,
    };
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let mut bytes = 0u64;
    for digit in &line[..digits] {
        let digit = (*digit as char).to_digit(16).unwrap_or_default();
        bytes = bytes.checked_mul(16).ok_or(Reason::Chunk("its size has more than 16 digits"))? + u64::from(digit);
    }
    let rest = &line[digits..];
    let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let good = rest.get(blank).is_none_or(|byte| *byte == b';') && !rest.contains(&b'\r');
    if !good || (digits == 0 && (end.is_some() || !line.is_empty() || raw.len() > line.len())) {
        return Err(Reason::Chunk("its size is no hexadecimal number"));
    }
    match end {
        Some(end) => Ok(Some(Size { line: end + 1, bytes, extensions: rest.len() })),
        None if raw.len() >= CHUNK_LINE => Err(Reason::Chunk("its size line is endless")),
        None => Ok(None),
    }
}

/// The length of the trailers with the empty line that ends them; `None` if it is not all there.
///
/// # Errors
/// What is wrong with it.
pub fn trailers(raw: &[u8]) -> Result<Option<usize>, Reason> {
    let window = &raw[..raw.len().min(EXTENSIONS)];
    let mut lines = [httparse::EMPTY_HEADER; head::HEADERS];
    match httparse::parse_headers(window, &mut lines) {
        Ok(httparse::Status::Complete((len, _))) => {
            // A line feed alone is a line's end to some and not to others (RFC 9112 section 11.2).
            let bare = |at: usize| window[at] == b'\n' && (at == 0 || window[at - 1] != b'\r');
            if (0..len).any(bare) { Err(Reason::Trailers) } else { Ok(Some(len)) }
        }
        Ok(httparse::Status::Partial) if raw.len() > EXTENSIONS => Err(Reason::Trailers),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Reason::Trailers),
    }
}
