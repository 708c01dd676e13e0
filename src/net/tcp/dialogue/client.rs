//! A client that wants nothing but TLS.

use bytes::BytesMut;

use super::{Dialogue, Heard, LINES, Step, said};
use crate::model::starttls::Starttls;

/// What a line of a server means to a client.
enum Means {
    /// Something before the answer, or a part of it.
    Part,
    /// It can do TLS.
    Offer,
    Yes,
    /// Yes to what was asked, and it was not to list what it can do: then TLS is asked for blindly.
    Unlisted,
    No,
}

/// What a client says at each step: after the greeting, and when TLS was offered.
fn says(speaks: Starttls) -> [&'static str; 2] {
    match speaks {
        Starttls::Imap => ["a1 CAPABILITY\r\n", "a2 STARTTLS\r\n"],
        Starttls::Pop3 => ["CAPA\r\n", "STLS\r\n"],
        Starttls::Smtp | Starttls::Postgresql | Starttls::Off => ["EHLO localhost\r\n", "STARTTLS\r\n"],
    }
}

impl Dialogue {
    /// A line of the server's answer.
    pub(super) fn answered(&mut self, line: &[u8], say: &mut BytesMut) -> Heard {
        self.lines += 1;
        if self.lines > LINES {
            return Heard::Refused(format!("the server talks on: more than {LINES} lines, and no TLS"));
        }
        let text = String::from_utf8_lossy(line).to_ascii_uppercase();
        let means = match self.speaks {
            Starttls::Imap => imap(self.step, &text),
            Starttls::Pop3 => pop3(self.step, &text),
            Starttls::Smtp | Starttls::Postgresql | Starttls::Off => smtp(self.step, &text, &mut self.offered),
        };
        let [list, ask] = says(self.speaks);
        match (means, self.step) {
            (Means::Part, _) => {}
            (Means::Offer, _) => self.offered = true,
            (Means::Yes, Step::Greeting) => {
                say.extend_from_slice(list.as_bytes());
                self.step = Step::Offers;
            }
            (Means::Yes, Step::Offers) if !self.offered => {
                return Heard::Refused(format!(
                    "the server does not offer {}",
                    ask.trim_end().trim_start_matches("a2 ")
                ));
            }
            (Means::Yes | Means::Unlisted, Step::Offers) => {
                say.extend_from_slice(ask.as_bytes());
                self.step = Step::Answer;
            }
            (Means::Yes | Means::Unlisted, _) => return Heard::Agreed { behind: 0 },
            (Means::No, _) => {
                return Heard::Refused(format!("the server does not go on over TLS: it said \"{}\"", said(line)));
            }
        }
        Heard::More
    }
}

/// RFC 5321 section 4.2: three digits, and a hyphen where more lines follow.
fn smtp(step: Step, line: &str, offered: &mut bool) -> Means {
    let (code, rest) = line.split_at_checked(3).unwrap_or((line, ""));
    let wanted = if step == Step::Offers { "250" } else { "220" };
    if step == Step::Offers && rest.get(1..).is_some_and(|word| word.trim_end() == "STARTTLS") {
        // The line may be the last one too.
        *offered = true;
    }
    match (code == wanted, rest.starts_with('-')) {
        (false, _) => Means::No,
        (true, true) => Means::Part,
        (true, false) => Means::Yes,
    }
}

/// RFC 9051 section 7: untagged lines, then the one with our tag.
fn imap(step: Step, line: &str) -> Means {
    let mut words = line.split_ascii_whitespace();
    match (step, words.next(), words.next()) {
        (Step::Greeting, Some("*"), Some("OK")) => Means::Yes,
        (Step::Greeting, ..) | (_, Some("*"), Some("BYE")) => Means::No,
        (Step::Offers, Some("*"), Some("CAPABILITY")) if words.any(|word| word == "STARTTLS") => Means::Offer,
        (Step::Offers, Some("A1"), Some("OK")) | (Step::Answer, Some("A2"), Some("OK")) => Means::Yes,
        (_, Some("*"), _) => Means::Part,
        _ => Means::No,
    }
}

/// RFC 1939 section 3, RFC 2449 section 5: a server without CAPA may know STLS all the same.
fn pop3(step: Step, line: &str) -> Means {
    let is_ok = line.split_ascii_whitespace().next() == Some("+OK");
    match (step, line.trim_end()) {
        (Step::Offers, "STLS") => Means::Offer,
        (Step::Offers, ".") => Means::Yes,
        (Step::Offers, line) if line.starts_with("-ERR") => Means::Unlisted,
        (Step::Offers, _) => Means::Part,
        _ if is_ok => Means::Yes,
        _ => Means::No,
    }
}

/// PostgreSQL's server answers with one byte, or with an error message if it is very old.
pub fn one_byte(rest: &mut &[u8]) -> Heard {
    match rest.split_first() {
        None => Heard::More,
        Some((b'S', behind)) => {
            *rest = behind;
            Heard::Agreed { behind: 0 }
        }
        Some((b'N', _)) => Heard::Refused("the server does no SSL: it said \"N\"".into()),
        Some(_) => Heard::Refused(format!("the server does not go on over TLS: it said \"{}\"", said(rest))),
    }
}
