//! What a draft would be on the wire, for the line under the editor; or why it cannot be sent.

use std::fmt;

use crate::model::draft::{CONTROL, Coding, DATAGRAM, Draft, Ending, Rejection, Shape};
use crate::model::size::exact;
use crate::model::url::Scheme;

/// What would be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// Bytes of the text, decoded; of a file, of its path.
    pub bytes: usize,
    /// Bytes of the line ending.
    pub ending: usize,
    pub coding: Coding,
    pub shape: Shape,
    behind: Ending,
}

impl Preview {
    pub fn total(&self) -> usize {
        self.bytes + self.ending
    }

    /// # Errors
    /// Why the draft cannot be sent.
    pub fn of(draft: &Draft, scheme: Option<Scheme>) -> Result<Self, Rejection> {
        let reject = |text: &str| Err(Rejection(text.to_owned()));
        let ending = if takes_ending(draft.shape) { draft.ending } else { Ending::None };
        let body = Draft { ending, ..draft.clone() };
        let bytes = body.encode()?;
        let behind = ending.bytes().len();
        let preview = Self {
            bytes: bytes.len() - behind,
            ending: behind,
            coding: draft.coding,
            shape: draft.shape,
            behind: ending,
        };
        if draft.coding == Coding::File {
            return match draft.text.trim() {
                "" => reject("type the path of a file"),
                path if path.contains('\n') => reject("a path is one line"),
                _ => Ok(preview),
            };
        }
        match draft.shape {
            Shape::Bytes if scheme == Some(Scheme::Udp) && bytes.len() > DATAGRAM => Err(Rejection(format!(
                "a datagram holds at most {} bytes, this has {}",
                exact(DATAGRAM as u64),
                exact(bytes.len() as u64)
            ))),
            // An empty datagram is one; an empty chunk of a stream is nothing.
            Shape::Bytes if bytes.is_empty() && scheme != Some(Scheme::Udp) => reject("nothing to send"),
            Shape::Text if std::str::from_utf8(&bytes).is_err() => {
                reject("a text message is UTF-8 (RFC 6455 section 5.6): these bytes want a binary message")
            }
            Shape::Ping if bytes.len() > CONTROL => {
                Err(Rejection(format!("a ping holds at most {CONTROL} bytes, this has {}", exact(bytes.len() as u64))))
            }
            Shape::Request if bytes.trim_ascii().is_empty() => {
                reject("a request begins with a method and a target: GET /")
            }
            Shape::Head if bytes.trim_ascii().is_empty() => reject("a head begins with its status: 200 OK"),
            Shape::Body | Shape::Event if bytes.is_empty() => reject("nothing to send"),
            Shape::Reply if bytes.trim_ascii().is_empty() => reject("a reply begins with its status: 200"),
            _ => Ok(preview),
        }
    }
}

/// Whether a line ending means anything behind this: heads and codes have their own.
pub fn takes_ending(shape: Shape) -> bool {
    matches!(shape, Shape::Bytes | Shape::Text | Shape::Binary | Shape::Ping | Shape::Body)
}

impl fmt::Display for Preview {
    /// `11 B + CRLF = 13 B`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.coding, self.ending) {
            (Coding::File, 0) => write!(f, "the bytes of the file"),
            (Coding::File, _) => write!(f, "the bytes of the file + {}", self.behind.name()),
            (_, 0) => write!(f, "{} B", exact(self.bytes as u64)),
            (_, _) => {
                write!(f, "{} B + {} = {} B", exact(self.bytes as u64), self.behind.name(), exact(self.total() as u64))
            }
        }
    }
}
