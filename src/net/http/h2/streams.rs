//! The watch on the clear stream of an HTTP/2 connection: reads the frames of both directions and records
//! what they say. A stream is an exchange, numbered as it comes. Sees bytes alone; it does not know who speaks.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use super::book::{Book, at};
use super::flaw::Flaw;
use super::frame::{Frames, HEAD_LEN, Head, Sink};
use super::half::Half;
use super::ledger::Ledger;
use crate::hub::Recorder;
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::Way;
use crate::model::url::Role;
use crate::net::http::exchanges::Heads;
use crate::net::probe::Watch;
use crate::net::{errno, wire};

/// Bytes that are shown of a server that does not speak HTTP/2: a status line and some of its reasons.
const FIRST: usize = 256;

/// See the module.
pub struct Streams {
    frames: [Frames; 2],
    book: Book,
}

impl Streams {
    /// `limit` bounds a head in bytes.
    pub fn new(role: Role, record: Recorder, limit: usize, ledger: Arc<Ledger>) -> Self {
        let way = if role == Role::Listen { Way::In } else { Way::Out };
        let client = |of| Frames::new(of == way);
        Self {
            frames: [client(Way::In), client(Way::Out)],
            book: Book {
                record,
                way,
                limit,
                halves: [Half::new(), Half::new()],
                open: HashMap::new(),
                last: 0,
                count: 0,
                pings: VecDeque::new(),
                gone: [None; 2],
                first: Vec::new(),
                broken: None,
                failed: None,
                ended: false,
                leaver: None,
                heads: None,
                ledger,
            },
        }
    }

    /// Also keeps the heads of the requests, for whoever takes them out of there.
    pub fn keeping(mut self, heads: Arc<Heads>) -> Self {
        self.book.heads = Some(heads);
        self
    }

    /// Reads bytes that have been counted already.
    pub fn replay(&mut self, bytes: &[u8]) {
        self.frames[at(Way::In)].feed(bytes, &mut Hand { way: Way::In, book: &mut self.book });
    }

    /// Whether a head of the peer has begun that is not whole.
    pub fn within_head(&self) -> bool {
        self.book.halves[at(Way::In)].block.is_some() || self.frames[at(Way::In)].within_headers()
    }

    /// Whether a frame of ours can be written behind what has been.
    pub fn writable(&self) -> bool {
        self.frames[at(Way::Out)].between_frames() && self.book.halves[at(Way::Out)].block.is_none()
    }

    /// How much has to be written before that may change.
    pub fn until_writable(&self) -> usize {
        match self.frames[at(Way::Out)].left() {
            0 => HEAD_LEN,
            left => left,
        }
    }

    /// The stream that an open exchange is.
    pub fn stream(&self, exchange: u32) -> Option<u32> {
        self.book.stream(exchange)
    }

    /// The last stream the peer opened, for a GOAWAY of ours.
    pub fn last(&self) -> u32 {
        if self.book.way == Way::In { self.book.last } else { 0 }
    }

    /// The error code of a side's last GOAWAY.
    pub fn gone(&self, way: Way) -> Option<u32> {
        self.book.gone[at(way)]
    }

    /// What the peer is told is wrong, for a reason found elsewhere.
    pub fn blame(&mut self, flaw: Flaw) {
        self.book.halves[at(Way::In)].flaw = Some(flaw);
    }

    pub fn flaw(&self) -> Option<&Flaw> {
        self.book.halves[at(Way::In)].flaw.as_ref()
    }

    /// Whether the peer has ended.
    pub fn peer_ended(&self) -> bool {
        self.book.ended
    }

    /// How the connection ended, if reading or writing failed.
    pub fn failure(&self) -> Option<End> {
        self.book.failed.clone()
    }

    /// What broke it, if something did that is on the timeline.
    pub fn broken(&self) -> Option<Fault> {
        self.book.broken.clone()
    }

    fn pass(&mut self, way: Way, bytes: &[u8]) {
        if way == Way::In && self.book.way == Way::Out && !self.book.halves[at(way)].is_under_way() {
            let room = FIRST.saturating_sub(self.book.first.len());
            self.book.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.frames[at(way)].feed(bytes, &mut Hand { way, book: &mut self.book });
        self.book.record.clear(way, bytes.len());
        if self.book.halves[at(way)].is_under_way() {
            self.book.first = Vec::new();
        }
    }
}

impl Watch for Streams {
    fn read(&mut self, bytes: &[u8]) {
        self.pass(Way::In, bytes);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.pass(Way::Out, bytes);
    }

    fn ended(&mut self) {
        self.book.ended = true;
        self.book.leaver.get_or_insert(Party::Peer);
        self.book.record.ended(Way::In);
        let whole = self.frames[at(Way::In)].between_frames() && self.book.halves[at(Way::In)].block.is_none();
        self.book.cut(whole);
    }

    fn shut(&mut self) {
        self.book.leaver.get_or_insert(Party::Us);
        self.book.record.ended(Way::Out);
    }

    fn failed(&mut self, op: Op, error: &io::Error) {
        // Both said that they go, and nothing is open: a peer that does not wait for our FIN has lost nothing.
        let done = self.book.open.is_empty() && self.book.gone.iter().any(Option::is_some);
        if done && op == Op::Shutdown && errno::is_reset(error) {
            return;
        }
        let end = self.book.failed.get_or_insert_with(|| errno::end(op, error));
        self.book.leaver = self.book.leaver.or(end.by());
        wire::failed(&self.book.record, op, error);
    }
}

/// The book, open at one direction.
struct Hand<'a> {
    way: Way,
    book: &'a mut Book,
}

impl Sink for Hand<'_> {
    fn head(&mut self, head: &Head) -> Result<(), Flaw> {
        self.book.ledger.frame(self.way, head.kind);
        self.book.halves[at(self.way)].admits(head)
    }

    fn data(&mut self, head: &Head, size: u32, kept: &[u8]) {
        self.book.data(self.way, head, size, kept);
    }

    fn frame(&mut self, head: &Head, payload: &[u8]) {
        if let Err(flaw) = self.book.frame(self.way, head, payload) {
            self.flaw(flaw);
        }
    }

    fn flaw(&mut self, flaw: Flaw) {
        self.book.halves[at(self.way)].flaw.get_or_insert(flaw);
    }
}
