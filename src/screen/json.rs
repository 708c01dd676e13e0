//! JSON as people read it: indented, coloured, and as far as it goes. A kept head of a larger payload,
//! a trailing comma or two documents behind each other are shown, not refused: this reads tokens, not values.

use ratatui::style::Style;
use ratatui::text::Line;

use super::bytes::Page;
use super::theme::Theme;

/// Lines at the most: a kept head is 4 KiB, and a document of nothing but brackets is a line each.
pub const LINES: usize = 5_000;
/// Indents at the most; deeper brackets stay on this one.
const DEPTH: usize = 24;
/// Tokens read before a payload counts as JSON.
const GLIMPSE: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token<'a> {
    Open(u8),
    Shut(u8),
    Colon,
    Comma,
    /// With its quotes; without the closing one where the input ends.
    Text(&'a [u8]),
    Number(&'a [u8]),
    /// `true`, `false`, `null`, or the beginning of one at the input's end.
    Word(&'a [u8]),
    /// Nothing that JSON has.
    Other(&'a [u8]),
}

/// Splits off the next token.
fn next(input: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let input = input.trim_ascii_start();
    let first = *input.first()?;
    let (token, length) = match first {
        b'{' | b'[' => (Token::Open(first), 1),
        b'}' | b']' => (Token::Shut(first), 1),
        b':' => (Token::Colon, 1),
        b',' => (Token::Comma, 1),
        b'"' => {
            let mut at = 1;
            while at < input.len() && input[at] != b'"' {
                at += if input[at] == b'\\' { 2 } else { 1 };
            }
            let end = (at + 1).min(input.len());
            (Token::Text(&input[..end]), end)
        }
        _ => {
            let end = input.iter().position(|byte| b"{}[]:,\"".contains(byte) || byte.is_ascii_whitespace());
            let word = &input[..end.unwrap_or(input.len())];
            let at_end = end.is_none();
            let begins = |name: &[u8]| name == word || (at_end && name.starts_with(word));
            let token = match first {
                b'-' | b'0'..=b'9' if word.iter().all(|b| b"+-.0123456789eE".contains(b)) => Token::Number(word),
                b't' | b'f' | b'n' if begins(b"true") || begins(b"false") || begins(b"null") => Token::Word(word),
                _ => Token::Other(word),
            };
            (token, word.len())
        }
    };
    Some((token, &input[length..]))
}

/// Whether the beginning of a payload reads as a JSON object or array.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    let Some((Token::Open(open), mut rest)) = next(bytes) else { return false };
    let mut before = Token::Open(open);
    for count in 0..GLIMPSE {
        let Some((token, behind)) = next(rest) else { return count > 0 };
        if !may_follow(before, token) {
            return false;
        }
        before = token;
        rest = behind;
    }
    true
}

/// Whether a token may stand behind another, as far as two tokens tell.
fn may_follow(before: Token<'_>, token: Token<'_>) -> bool {
    let value = matches!(token, Token::Open(_) | Token::Text(_) | Token::Number(_) | Token::Word(_));
    match before {
        Token::Open(b'{') => matches!(token, Token::Text(_) | Token::Shut(b'}')),
        Token::Open(_) => value || token == Token::Shut(b']'),
        Token::Colon | Token::Comma => value,
        Token::Text(_) => matches!(token, Token::Colon | Token::Comma | Token::Shut(_)),
        // Behind a whole value another document may begin (JSON lines).
        Token::Shut(_) => matches!(token, Token::Comma | Token::Shut(_) | Token::Open(_)),
        Token::Number(_) | Token::Word(_) => matches!(token, Token::Comma | Token::Shut(_)),
        Token::Other(_) => false,
    }
}

/// The document, two columns an indent; short lists of plain values stay on a line.
pub fn pretty(bytes: &[u8], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut printer = Printer { page: Page::new(width, LINES), depth: 0, theme };
    let mut rest = bytes;
    // One deep list on a line, counted by its brackets.
    let mut flat = false;
    let mut before: Option<Token<'_>> = None;
    while let Some((token, behind)) = next(rest) {
        if printer.page.is_full() {
            break;
        }
        match token {
            Token::Open(open) => {
                if matches!(before, Some(Token::Shut(_))) {
                    printer.newline();
                }
                printer.put(&[open], theme.punct);
                flat = fits(behind, printer.page.room());
                let empty = matches!(next(behind), Some((Token::Shut(_), _)));
                if !flat && !empty {
                    printer.depth += 1;
                    printer.newline();
                } else if empty {
                    flat = true;
                }
            }
            Token::Shut(shut) => {
                if flat {
                    flat = false;
                } else {
                    printer.depth = printer.depth.saturating_sub(1);
                    printer.newline();
                }
                printer.put(&[shut], theme.punct);
            }
            Token::Colon => {
                printer.put(b":", theme.punct);
                printer.put(b" ", theme.punct);
            }
            Token::Comma => {
                printer.put(b",", theme.punct);
                if flat {
                    printer.put(b" ", theme.punct);
                } else {
                    printer.newline();
                }
            }
            Token::Text(text) => {
                let is_key = matches!(next(behind), Some((Token::Colon, _)));
                printer.put(text, if is_key { theme.key } else { theme.string });
            }
            Token::Number(text) | Token::Word(text) => printer.put(text, theme.number),
            Token::Other(text) => printer.put(text, theme.bad),
        }
        before = Some(token);
        rest = behind;
    }
    printer.page.finish()
}

/// Whether everything up to the closing bracket is plain values of a list that fit on the line.
fn fits(mut rest: &[u8], room: usize) -> bool {
    let mut used = 1;
    loop {
        match next(rest) {
            Some((Token::Shut(_), _)) => return used <= room,
            Some((Token::Text(text) | Token::Number(text) | Token::Word(text), behind)) => {
                used += text.len();
                rest = behind;
            }
            Some((Token::Comma, behind)) => {
                used += 2;
                rest = behind;
            }
            _ => return false,
        }
        if used > room {
            return false;
        }
    }
}

struct Printer<'a> {
    page: Page,
    depth: usize,
    theme: &'a Theme,
}

impl Printer<'_> {
    fn put(&mut self, bytes: &[u8], style: Style) {
        self.page.inline(bytes, style, self.theme);
    }

    fn newline(&mut self) {
        self.page.newline(self.depth.min(DEPTH) * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::theme::Depth;
    use proptest::prelude::*;

    fn plain(input: &str, width: usize) -> String {
        let lines = pretty(input.as_bytes(), width, &Theme::new(Depth::Mono));
        lines.iter().map(|line| line.to_string() + "\n").collect()
    }

    #[test]
    fn an_object_is_indented_and_a_short_list_stays_on_its_line() {
        let input = r#"{"op":"sub","ch":["ticker","depth"],"id":7731,"in":{"a":null,"b":[]},"note":"订阅"}"#;
        let want = r#"{
  "op": "sub",
  "ch": ["ticker", "depth"],
  "id": 7731,
  "in": {
    "a": null,
    "b": []
  },
  "note": "订阅"
}
"#;
        assert_eq!(plain(input, 60), want);
    }

    #[test]
    fn a_list_too_long_for_a_line_is_a_line_each() {
        assert_eq!(plain("[1000,2000,3000]", 12), "[\n  1000,\n  2000,\n  3000\n]\n");
    }

    #[test]
    fn a_cut_document_is_shown_as_far_as_it_goes() {
        assert_eq!(plain(r#"{"a":[1,{"b":"lon"#, 40), "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"lon\n");
        assert_eq!(plain(r#"{"a":tr"#, 40), "{\n  \"a\": tr\n");
    }

    #[test]
    fn what_a_peer_hides_in_a_string_is_escaped() {
        assert_eq!(plain("{\"a\":\"\u{1b}[2J\n\u{202e}\"}", 60), "{\n  \"a\": \"\\x1b[2J\\n\\u{202e}\"\n}\n");
    }

    #[test]
    fn json_is_told_from_what_only_begins_like_it() {
        for yes in ["{}", "[]", " {\"a\":1}", "[1,2", "[{\"a\":tru", "{\"a\"", "{\"a\":1}\n{\"b\":2}\n"] {
            assert!(looks_like_json(yes.as_bytes()), "{yes}");
        }
        for no in ["", "{", "hello", "[info] started", "[1] done", "{x}", "3", "\"text\"", "{\"a\" 1}"] {
            assert!(!looks_like_json(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn brackets_without_end_are_bounded() {
        assert!(pretty(&b"[".repeat(100_000), 80, &Theme::new(Depth::Mono)).len() <= LINES);
    }

    proptest! {
        #[test]
        fn no_input_is_too_odd_and_no_line_too_long(
            input in "[\\[\\]{}:,\"a1 \\\\\u{1b}你\n]{0,80}",
            width in 1usize..40,
        ) {
            for line in pretty(input.as_bytes(), width, &Theme::new(Depth::Mono)) {
                prop_assert!(super::super::cells::line_width(&line) <= width);
            }
        }
    }
}
