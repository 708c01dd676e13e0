//! What goes out: messages and control frames become frames (RFC 6455 section 5), split and compressed as it was
//! asked, and are written in as few writes as can be. A large payload is never copied where it needs no mask.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::task::{Context as Wakes, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::Clear;
use super::decoder::xor;
use super::deflate::Deflater;
use super::frames::{Frames, Note};
use crate::hub::HEAD;
use crate::model::event::Form;
use crate::model::url::Role;

/// Small frames are gathered up to here before the kernel is asked; a payload above it is written from where it is.
const GATHER: usize = 16 << 10;
/// A buffer above this is given back when all is written: idle sockets hold little.
const KEPT: usize = 1 << 10;
/// What a message costs beside its bytes while it waits.
const EACH: usize = 64;

/// What is to go out.
#[derive(Clone, Debug)]
pub enum Item {
    /// In so many frames, one at the least; where there are more than bytes, some are empty (section 5.4).
    Message {
        form: Form,
        bytes: Bytes,
        frames: u32,
    },
    Ping(Bytes),
    Pong(Bytes),
    /// A close frame's payload. Nothing goes out behind it.
    Close(Bytes),
}

impl Item {
    pub fn message(form: Form, bytes: Bytes) -> Self {
        Self::Message { form, bytes, frames: 1 }
    }

    pub fn len(&self) -> usize {
        let (Self::Message { bytes, .. } | Self::Ping(bytes) | Self::Pong(bytes) | Self::Close(bytes)) = self;
        bytes.len()
    }
}

/// How far our close frame is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Closing {
    No,
    Queued,
    /// On its way to the kernel: the peer's may cross it.
    Begun,
    /// With the kernel.
    Sent,
}

/// See the module.
pub struct Writer {
    masks: Option<Masks>,
    deflater: Option<Deflater>,
    queue: VecDeque<Item>,
    /// Bytes in the queue, with what each message costs.
    queued: usize,
    /// The message that is being written frame by frame.
    split: Option<Split>,
    /// Encoded, and written up to `at`.
    buffer: Vec<u8>,
    at: usize,
    /// The rest of a large payload, behind the buffer, and how to mask it.
    tail: Bytes,
    mask: Option<([u8; 4], u64)>,
    /// Written, and perhaps still held by TLS.
    dirty: bool,
    closing: Closing,
}

/// What is left of a message, and the next frame's first byte.
struct Split {
    first: u8,
    rest: Bytes,
    frames: u32,
}

impl Writer {
    pub fn new(role: Role, deflater: Option<Deflater>) -> Self {
        Self {
            masks: (role == Role::Connect).then(Masks::new),
            deflater,
            queue: VecDeque::new(),
            queued: 0,
            split: None,
            buffer: Vec::new(),
            at: 0,
            tail: Bytes::new(),
            mask: None,
            dirty: false,
            closing: Closing::No,
        }
    }

    pub fn closing(&self) -> Closing {
        self.closing
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        let split = self.split.as_ref().map_or(0, |split| split.rest.len());
        self.queued + split + self.buffer.len() - self.at + self.tail.len()
    }

    /// Behind a close frame nothing is taken.
    pub fn push(&mut self, item: Item) {
        if self.closing != Closing::No {
            return;
        }
        if matches!(item, Item::Close(_)) {
            self.closing = Closing::Queued;
        }
        self.queued += item.len() + EACH;
        self.queue.push_back(item);
    }

    /// Writes as far as the stream takes it; ready when all is through.
    pub fn poll(&mut self, socket: &mut Clear, wakes: &mut Wakes<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.at == self.buffer.len() {
                self.buffer.clear();
                self.at = 0;
                self.encode(socket.watch().follower());
            }
            let head = self.buffer.get(self.at..).unwrap_or_default();
            // A payload that needs a mask passes through the buffer.
            let tail: &[u8] = if self.mask.is_some() { &[] } else { &self.tail };
            let taken = match (head.is_empty(), tail.is_empty()) {
                (true, true) => break,
                (false, false) if socket.is_write_vectored() => {
                    let both = [io::IoSlice::new(head), io::IoSlice::new(tail)];
                    ready!(Pin::new(&mut *socket).poll_write_vectored(wakes, &both))?
                }
                (true, false) => ready!(Pin::new(&mut *socket).poll_write(wakes, tail))?,
                _ => ready!(Pin::new(&mut *socket).poll_write(wakes, head))?,
            };
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.dirty = true;
            let of_head = taken.min(self.buffer.len() - self.at);
            self.at += of_head;
            self.tail.advance(taken - of_head);
        }
        if self.dirty {
            ready!(Pin::new(&mut *socket).poll_flush(wakes))?;
            self.dirty = false;
        }
        if self.closing == Closing::Begun {
            self.closing = Closing::Sent;
        }
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Fills the empty buffer with what comes next.
    fn encode(&mut self, frames: &mut Frames) {
        loop {
            if let Some((mask, turned)) = self.mask {
                let now = self.tail.len().min(GATHER);
                let from = self.buffer.len();
                self.buffer.extend_from_slice(&self.tail[..now]);
                xor(mask, turned, &mut self.buffer[from..]);
                self.tail.advance(now);
                self.mask = (!self.tail.is_empty()).then_some((mask, turned + now as u64));
            }
            if self.buffer.len() >= GATHER || !self.tail.is_empty() {
                return;
            }
            if self.split.is_none() && !self.begin(frames) {
                return;
            }
            self.frame();
        }
    }

    /// Takes the next one off the queue.
    fn begin(&mut self, frames: &mut Frames) -> bool {
        let Some(item) = self.queue.pop_front() else { return false };
        self.queued -= item.len() + EACH;
        self.split = Some(match item {
            Item::Message { form, bytes, frames: count } => {
                let opcode = if form == Form::Text { 1 } else { 2 };
                let small = self.deflater.as_mut().filter(|_| !bytes.is_empty()).and_then(|it| it.message(&bytes));
                match small {
                    Some(small) => {
                        let head = bytes.get(..HEAD).unwrap_or(&bytes).to_vec();
                        frames.note(Note { size: bytes.len() as u64, head });
                        Split { first: opcode | 0x40, rest: small.into(), frames: count.max(1) }
                    }
                    None => Split { first: opcode, rest: bytes, frames: count.max(1) },
                }
            }
            Item::Ping(rest) => Split { first: 9, rest, frames: 1 },
            Item::Pong(rest) => Split { first: 10, rest, frames: 1 },
            Item::Close(rest) => {
                self.closing = Closing::Begun;
                Split { first: 8, rest, frames: 1 }
            }
        });
        true
    }

    /// Encodes the next frame: the rest shared out evenly over the frames that are left.
    fn frame(&mut self) {
        let Some(split) = &mut self.split else { return };
        let size = split.rest.len().div_ceil(split.frames as usize);
        let payload = split.rest.split_to(size);
        let fin = split.frames == 1;
        let mask = self.masks.as_mut().map(Masks::next);
        head(&mut self.buffer, split.first | if fin { 0x80 } else { 0 }, payload.len(), mask);
        // What follows is a continuation, and its reserved bits are clear.
        split.first = 0;
        split.frames -= 1;
        if fin {
            self.split = None;
        }
        if payload.len() > GATHER {
            self.mask = mask.map(|mask| (mask, 0));
            self.tail = payload;
            return;
        }
        let from = self.buffer.len();
        self.buffer.extend_from_slice(&payload);
        if let Some(mask) = mask {
            xor(mask, 0, &mut self.buffer[from..]);
        }
    }
}

/// Writes a head (section 5.2).
fn head(out: &mut Vec<u8>, first: u8, len: usize, mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(first);
    match len {
        0..126 => out.push(masked | len as u8),
        126..0x1_0000 => {
            out.push(masked | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(mask.as_ref().map_or(&[], |mask| mask));
}

/// Masking keys nobody can guess (section 5.3, section 10.3): the standard library's keyed hash of a counter,
/// its key from the system's entropy.
struct Masks {
    keyed: RandomState,
    count: u64,
}

impl Masks {
    fn new() -> Self {
        Self { keyed: RandomState::new(), count: 0 }
    }

    fn next(&mut self) -> [u8; 4] {
        self.count = self.count.wrapping_add(1);
        let [a, b, c, d, ..] = self.keyed.hash_one(self.count).to_ne_bytes();
        [a, b, c, d]
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
