//! What is said in plain text before TLS begins: hears bytes, says bytes, and knows when both sides agreed. Knows no
//! socket.

mod client;
mod server;
#[cfg(test)]
mod tests;

use bytes::BytesMut;

use crate::model::draft::escape;
use crate::model::starttls::Starttls;
use crate::model::url::Role;

/// The longest line that is read: IMAP's (RFC 7162 section 4).
const LINE: usize = 8192;
/// Lines a client listens to before it gives up: no server has so many extensions.
const LINES: u32 = 1000;
/// What of a peer's words stands in a sentence.
const SAID: usize = 120;

/// PostgreSQL's first message, when it is not the startup message itself: its own length, then a code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

/// Where the conversation stands.
#[derive(PartialEq, Eq, Debug)]
pub enum Heard {
    More,
    /// TLS begins. So many bytes came behind the last line of plain text, where none may be (RFC 3207 section 4.2).
    Agreed {
        behind: usize,
    },
    /// The peer leaves in order.
    Bye,
    /// It does not come to TLS, and why.
    Refused(String),
}

/// How far a client has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Greeting,
    /// What the server can do is being listed.
    Offers,
    /// We have asked for TLS.
    Answer,
}

pub struct Dialogue {
    speaks: Starttls,
    role: Role,
    step: Step,
    /// Bytes of a line that is not whole.
    held: Vec<u8>,
    /// The server can do it.
    offered: bool,
    lines: u32,
}

impl Dialogue {
    /// Begins, with what is said first; `None` where nobody's lines were asked for.
    pub fn begin(speaks: Starttls, role: Role, say: &mut BytesMut) -> Option<Self> {
        let step = match (speaks, role) {
            (Starttls::Off, _) => return None,
            (Starttls::Postgresql, _) => Step::Answer,
            _ => Step::Greeting,
        };
        let first: &[u8] = match (role, speaks) {
            (Role::Listen, speaks) => server::greeting(speaks).as_bytes(),
            (Role::Connect, Starttls::Postgresql) => &SSL_REQUEST,
            (Role::Connect, _) => b"",
        };
        say.extend_from_slice(first);
        Some(Self { speaks, role, step, held: Vec::new(), offered: false, lines: 0 })
    }

    /// Takes what came in; what is to be answered goes into `say`.
    pub fn hear(&mut self, bytes: &[u8], say: &mut BytesMut) -> Heard {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let mut rest = &held[..];
        let heard = match (self.speaks, self.role) {
            (Starttls::Postgresql, Role::Listen) => server::startup(&mut rest, say),
            (Starttls::Postgresql, Role::Connect) => client::one_byte(&mut rest),
            _ => self.lines(&mut rest, say),
        };
        match heard {
            Heard::Agreed { .. } => Heard::Agreed { behind: rest.len() },
            Heard::More if rest.len() > LINE => Heard::Refused(format!("a line of more than {LINE} bytes came")),
            Heard::More => {
                self.held = rest.to_vec();
                Heard::More
            }
            over => over,
        }
    }

    fn lines(&mut self, rest: &mut &[u8], say: &mut BytesMut) -> Heard {
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]);
            *rest = &rest[at + 1..];
            let heard = match self.role {
                Role::Listen => server::line(self.speaks, line, say),
                Role::Connect => self.answered(line, say),
            };
            if heard != Heard::More {
                return heard;
            }
        }
        Heard::More
    }
}

/// A peer's words, for a sentence.
fn said(line: &[u8]) -> String {
    escape(&line[..line.len().min(SAID)])
}
