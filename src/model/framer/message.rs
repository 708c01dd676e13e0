//! A message put together from the chunks it came in, with the borders between them.

use super::Framing;
use super::cursor::Trust;
use crate::model::event::Way;
use crate::model::time::Stamp;

/// Payload bytes kept of one message here: what a person scrolls through, not what a transfer holds.
pub const BYTES: usize = 64 << 10;
/// Chunks of one message that are listed; a message of more is told with their number.
pub const PARTS: usize = 1024;

/// What one chunk brought of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The chunk's event.
    pub seq: u64,
    pub time: Stamp,
    /// Offset in the chunk, and length.
    pub from: u64,
    pub len: u64,
    /// The bytes of it that were kept, from its beginning.
    pub bytes: Vec<u8>,
}

/// How a message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Whole,
    /// Its end is not there yet; how many bytes it still wants, where it began with a length.
    Open {
        missing: Option<u64>,
    },
    /// The stream ended inside it.
    Broken {
        missing: Option<u64>,
    },
}

/// A message of one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub way: Way,
    /// From 1 in its direction; see [`Trust`]. 0: bytes that nobody can tell the borders of.
    pub number: u64,
    pub trust: Trust,
    /// Bytes so far, with prefix and delimiter.
    pub size: u64,
    pub standing: Standing,
    /// The chunks, at most [`PARTS`] of them.
    pub parts: Vec<Part>,
    /// Chunks beyond that.
    pub more: u64,
    /// What precedes the first part was dropped or is out of reach.
    pub torn: bool,
    /// There are later events, and its end may be among them.
    pub beyond: bool,
    /// Bytes kept in the parts.
    pub(super) kept: usize,
}

impl Message {
    /// Bytes that are not in the parts.
    pub fn hidden(&self) -> u64 {
        self.size.saturating_sub(self.kept as u64)
    }

    /// The body without prefix or delimiter, up to the first byte that was not kept.
    pub fn body(&self, framing: &Framing) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.kept);
        let mut whole = self.standing == Standing::Whole && self.more == 0;
        for part in &self.parts {
            bytes.extend_from_slice(&part.bytes);
            if (part.bytes.len() as u64) < part.len {
                whole = false;
                break;
            }
        }
        if self.torn && matches!(framing, Framing::Prefix(_)) {
            // The prefix is not among them.
            return bytes;
        }
        bytes[framing.body(&bytes, whole)].to_vec()
    }
}
