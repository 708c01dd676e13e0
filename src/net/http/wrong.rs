//! What exactly is wrong with a head that the parser refused: it says that something is, and a person
//! wants to know what. Looks only at heads that are refused already.

use httparse::Error;

use super::reason::Reason;

/// What a parser's error means. `version` is the word of the start line that should be one, `lines` says
/// that the start line was good. The same whether the head came whole or in pieces: the first bad byte decides.
pub fn find(error: Error, raw: &[u8], version: usize, lines: bool, most: usize) -> Reason {
    let raw = &raw[raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..];
    let line = raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let word = |n: usize| line.split(|byte| *byte == b' ').nth(n).unwrap_or_default();
    let rest = raw.get(line.len() + 1..).unwrap_or_default();
    match error {
        _ if raw.first() == Some(&22) => Reason::Tls,
        Error::TooManyHeaders => Reason::TooMany(most),
        Error::Version if is_version(word(version)) => Reason::Version,
        _ if lines => Reason::Header(header(rest)),
        Error::Status => Reason::Status,
        Error::Token if version == 2 && has_bad(word(0), is_token) => Reason::Method,
        // A line that begins with a space has no method: what comes behind it is not judged.
        Error::Token if version == 2 && word(0).is_empty() => Reason::StartLine,
        Error::Token if version == 2 && has_bad(word(1), |byte| byte > b' ' && byte != 0x7f) => Reason::Target,
        _ => Reason::StartLine,
    }
}

/// Whether a word has a byte that is not `good`, before a line's end.
fn has_bad(word: &[u8], good: fn(u8) -> bool) -> bool {
    word.iter().find(|byte| !good(**byte)).is_some_and(|byte| *byte != b'\r')
}

/// Whether a word names a version of HTTP, if not one of ours.
fn is_version(word: &[u8]) -> bool {
    word.strip_prefix(b"HTTP/").and_then(|rest| rest.first()).is_some_and(u8::is_ascii_digit)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What is wrong with the first header line that is (RFC 9112 section 5).
fn header(raw: &[u8]) -> &'static str {
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let name = line.iter().take_while(|byte| is_token(**byte)).count();
        let behind = line.get(name + 1..).unwrap_or_default();
        match (line.get(name), name) {
            (Some(b' ' | b'\t'), 0) => return "it begins with a space (obs-fold)",
            (Some(b' ' | b'\t'), _) => return "a space stands where its colon should be",
            (Some(b':'), 0) => return "it has no name",
            (Some(b':'), _) => {}
            (Some(b'\r' | b'\n'), 0) => break,
            (Some(b'\r' | b'\n') | None, _) => return "it has no colon",
            (Some(_), _) => return "its name has a character that names do not have",
        }
        let is_bad = |byte: &&u8| (**byte < 0x20 && **byte != b'\t') || **byte == 0x7f;
        match behind.iter().find(is_bad) {
            Some(b'\r') if !behind.ends_with(b"\r\n") || behind.iter().filter(|byte| **byte == b'\r').count() > 1 => {
                return "its value has a CR without its LF";
            }
            Some(b'\r' | b'\n') | None => {}
            Some(_) => return "its value has a control character",
        }
    }
    "it is none"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_line_is_named() {
        let cases = [
            ("A: b\r\n c\r\n", "obs-fold"),
            ("A: b\r\nc\r\n", "no colon"),
            (": b\r\n", "no name"),
            ("A : b\r\n", "colon should be"),
            ("A(b: c\r\n", "names do not have"),
            ("A: b\rc\r\n", "CR without"),
            ("A: \x01\r\n", "control character"),
            ("A: b\r\n\r\nc", "it is none"),
        ];
        for (lines, want) in cases {
            assert!(header(lines.as_bytes()).contains(want), "{lines:?}: {}", header(lines.as_bytes()));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_head_that_is_refused_has_a_reason(
            raw in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
            version in 0usize..3,
            lines in proptest::prelude::any::<bool>(),
        ) {
            for error in [Error::HeaderName, Error::HeaderValue, Error::NewLine, Error::Status, Error::Token, Error::Version] {
                proptest::prop_assert!(!find(error, &raw, version, lines, 100).to_string().is_empty());
            }
        }
    }
}
