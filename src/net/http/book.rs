//! The exchanges of a connection as its decoders tell of them: numbered, timed, and recorded.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::decode::Sink;
use super::exchanges::Heads;
use super::head::{Asked, Head, Start};
use super::hop::Pointer;
use super::table::{Story, Table};
use crate::hub::{At, Recorder};
use crate::model::end::{End, Party};
use crate::model::event::{Kind, Way};
use crate::model::exchange::{Gap, Part, Turn, Why};
use crate::model::time::{Stamp, nanos};
use crate::net::probe::Watch;

pub struct Book<N> {
    pub record: Recorder,
    /// Which way the requests go.
    pub way: Way,
    pub count: u32,
    pub answered: u32,
    /// The exchange of the request at hand, where it has a body to come.
    request: u32,
    /// Requests whose response has not begun. As many as fit in hyper's read buffer: it reads no
    /// further while it answers.
    pub waiting: VecDeque<Open>,
    /// The exchange of the response at hand.
    pub response: Option<Open>,
    /// Who said first that the connection ends, and how.
    pub last: Option<(Way, Why)>,
    pub ended: bool,
    /// Who was the first to leave.
    pub leaver: Option<Party>,
    pub tunnelled: bool,
    /// A 1xx came before the response that is awaited.
    pub continued: bool,
    /// Where the last response points, if it redirects; for a client.
    pub pointer: Option<Pointer>,
    /// Bytes behind the 101 in the read or write at hand.
    pub behind: usize,
    /// How the stream failed, if it did.
    pub failed: Option<End>,
    /// When the bytes at hand passed: one look at the clock serves them all.
    pub now: Instant,
    pub stamp: Stamp,
    /// When the first byte of a head passed that is not whole.
    pub began: Option<Instant>,
    born: Instant,
    /// When the last response ended.
    free: Option<Instant>,
    pub heads: Option<Arc<Heads>>,
    /// The heads of a request for an upgrade and of its answer, for one who asks or is asked for it.
    pub handshake: Option<[Vec<u8>; 2]>,
    pub table: Arc<Table>,
    pub follower: N,
}

/// A request without its whole response.
pub struct Open {
    exchange: u32,
    asked: Asked,
    since: Instant,
    /// Of HTTP/1.1: it knows of answers before the answer.
    new: bool,
    /// Nobody asked: it has no times.
    unasked: bool,
    /// Its head was refused: nobody but us answers it.
    refused: bool,
    /// Its end is on the timeline.
    given_up: bool,
    story: Story,
}

impl Open {
    fn new(exchange: u32, method: &str, since: Instant) -> Self {
        let (asked, story) = (Asked::of(method), Story::default());
        Self { exchange, asked, since, new: false, unasked: false, refused: false, given_up: false, story }
    }

    pub fn is_refused(&self) -> bool {
        self.refused
    }

    pub fn exchange(&self) -> u32 {
        self.exchange
    }

    /// A tunnel has no hints.
    pub fn takes_hints(&self) -> bool {
        self.new && self.asked != Asked::Connect
    }
}

impl<N: Watch> Book<N> {
    pub fn new(record: Recorder, way: Way, follower: N) -> Self {
        Self {
            record,
            way,
            count: 0,
            answered: 0,
            request: 0,
            waiting: VecDeque::new(),
            response: None,
            last: None,
            ended: false,
            leaver: None,
            tunnelled: false,
            continued: false,
            pointer: None,
            behind: 0,
            failed: None,
            now: Instant::now(),
            stamp: Stamp::default(),
            began: None,
            born: Instant::now(),
            free: None,
            heads: None,
            handshake: None,
            table: Arc::default(),
            follower,
        }
    }

    pub fn follow(&mut self, way: Way, bytes: &[u8]) {
        match way {
            Way::In => self.follower.read(bytes),
            Way::Out => self.follower.wrote(bytes),
        }
    }

    pub fn back(&self) -> Way {
        if self.way == Way::In { Way::Out } else { Way::In }
    }

    /// An answer that is not whole by the end of what passed takes its time: the table shows it.
    pub fn show_open(&self) {
        if let Some(open) = &self.response {
            self.table.told(open.exchange, open.story);
        }
    }

    /// Records once who said that no request follows.
    pub fn say_last(&mut self, way: Way, exchange: u32, why: Option<Why>) {
        if let (Some(why), None) = (why, self.last) {
            self.last = Some((way, why));
            self.table.last(way, why);
            self.record.event(Kind::Last { way, exchange, why });
        }
    }

    /// Records what the bytes at hand tell.
    fn at(&self) -> At<'_> {
        self.record.at(self.stamp)
    }

    /// Whether the answer to the request at hand has begun.
    pub fn is_answering(&self) -> bool {
        self.response.as_ref().is_some_and(|open| open.exchange == self.request)
    }

    /// When the last response ended; before the first, when the connection began.
    pub fn free(&self) -> Instant {
        self.free.unwrap_or(self.born)
    }

    fn turn(&mut self) -> Turn {
        let began = self.began.take().unwrap_or(self.now);
        let before = self.waiting.len() + usize::from(self.response.is_some());
        match (before, self.free) {
            (0, None) => Turn::First,
            (0, Some(free)) => Turn::Kept(Gap::of_nanos(nanos(began.saturating_duration_since(free)))),
            (before, _) => Turn::Pipelined(u32::try_from(before).unwrap_or(u32::MAX)),
        }
    }

    fn since(&self, open: &Open) -> u64 {
        nanos(self.now.saturating_duration_since(open.since))
    }

    /// A request begins: its event, and its place among those that wait.
    fn asks(&mut self, method: &str, target: &str, size: u64, head: &[u8]) {
        let turn = self.turn();
        self.count = self.count.wrapping_add(1);
        self.request = self.count;
        let exchange = self.count;
        self.table.asked(exchange, turn, method, target);
        self.at().payload_head(Kind::Request { way: self.way, exchange, stream: 0, turn }, size, head);
        self.waiting.push_back(Open::new(exchange, method, self.now));
    }

    /// What a client wrote that is no request: it may have an answer all the same.
    pub fn wrote(&mut self, size: u64, head: &[u8]) {
        self.asks("", "", size, head);
    }

    /// More of it.
    pub fn wrote_on(&mut self, size: u64, bytes: &[u8]) {
        let kind = Kind::Body { way: self.way, exchange: self.request, part: Part::Plain };
        self.record.payload_head(kind, size, bytes);
    }

    /// Its request was refused: whoever answers it, nobody waits for that.
    pub fn refuse(&mut self, exchange: u32) {
        for open in self.waiting.iter_mut().filter(|open| open.exchange == exchange) {
            open.refused = true;
        }
    }

    /// The request at hand, or that an answer to what is no request would be.
    pub fn at_hand(&self, next: bool) -> u32 {
        if next { self.count.wrapping_add(1) } else { self.request }
    }
}

impl<N> Book<N> {
    /// Says of every exchange without its whole answer that it will have none; of what was refused at the very end.
    pub fn give_up(&mut self, by: Party, refused: bool) {
        for open in self.response.iter_mut().chain(&mut self.waiting) {
            if !open.given_up && (refused || !open.refused) {
                open.given_up = true;
                let waited = nanos(open.since.elapsed());
                self.record.event(Kind::Aborted { exchange: open.exchange, waited, by });
            }
        }
    }
}

impl<N> Drop for Book<N> {
    fn drop(&mut self) {
        self.give_up(self.leaver.unwrap_or(Party::Us), true);
    }
}

pub struct Requests<'a, N>(pub &'a mut Book<N>);

impl<N: Watch> Sink for Requests<'_, N> {
    fn head(&mut self, head: &Head<'_>) {
        let Start::Request { method, target } = head.start else { return };
        let book = &mut *self.0;
        let line = head.raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let new = line.trim_ascii_end().ends_with(b" HTTP/1.1");
        book.asks(method, target, head.raw.len() as u64, head.raw);
        let exchange = book.count;
        if let Some(open) = book.waiting.back_mut() {
            open.new = new;
        }
        book.say_last(book.way, exchange, head.last);
        if let Some([asked, _]) = &mut book.handshake {
            *asked = head.raw.to_vec();
        }
        if let Some(heads) = &book.heads {
            heads.push(exchange, Bytes::copy_from_slice(head.raw), book.stamp);
        }
    }

    fn refused(&mut self, head: &Head<'_>) {
        let Start::Request { method, target } = head.start else { return };
        let book = &mut *self.0;
        book.asks(method, target, head.raw.len() as u64, head.raw);
        if let Some(open) = book.waiting.back_mut() {
            open.refused = book.way == Way::In;
        }
    }

    fn body(&mut self, part: Part, piece: &[u8]) {
        let book = &mut *self.0;
        let (request, bytes) = (book.request, piece.len() as u64);
        let mut open = book.waiting.iter_mut().rev().chain(&mut book.response);
        if let Some(open) = open.find(|open| open.exchange == request) {
            open.story.sent += bytes;
        }
        book.at().payload(Kind::Body { way: book.way, exchange: book.request, part }, piece);
    }

    fn chunk(&mut self, size: u64, line: &[u8]) {
        let book = &mut *self.0;
        say_chunk(&book.record, book.way, book.request, size, line);
    }

    fn trailers(&mut self, raw: &[u8]) {
        self.0.record.payload(Kind::Trailers { way: self.0.way, exchange: self.0.request }, raw);
    }

    fn done(&mut self) {}

    fn tunnel(&mut self, bytes: &[u8]) {
        self.0.follow(self.0.way, bytes);
    }
}

/// A chunk's size is on the piece that begins it; a line of its own is for what that does not say.
fn say_chunk(record: &Recorder, way: Way, exchange: u32, size: u64, line: &[u8]) {
    if size == 0 || line.contains(&b';') {
        record.payload(Kind::Chunk { way, exchange, size }, line);
    }
}

pub struct Responses<'a, N>(pub &'a mut Book<N>);

impl<N: Watch> Responses<'_, N> {
    fn exchange(&self) -> u32 {
        self.0.response.as_ref().map_or(self.0.count, |open| open.exchange)
    }
}

impl<N: Watch> Sink for Responses<'_, N> {
    fn asked(&mut self) -> Asked {
        self.0.waiting.front().map_or(Asked::Other, |open| open.asked)
    }

    fn head(&mut self, head: &Head<'_>) {
        let Start::Response { status } = head.start else { return };
        let book = &mut *self.0;
        let way = book.back();
        if (100..=199).contains(&status) && status != 101 {
            let exchange = book.waiting.front().map_or(book.count, |open| open.exchange);
            let kind = match status {
                100 => Kind::Continue { way, exchange },
                _ => Kind::Information { way, exchange, status },
            };
            book.record.payload(kind, head.raw);
            book.continued |= status == 100;
            // No body follows; what `done` would finish is yet to come.
            book.response = None;
            return;
        }
        let mut open = book.waiting.pop_front().unwrap_or_else(|| {
            // An answer nobody asked for, such as a 408 to an idle client: an exchange of its own.
            book.count = book.count.wrapping_add(1);
            book.table.asked(book.count, Turn::First, "", "");
            Open { unasked: true, ..Open::new(book.count, "", book.now) }
        });
        let (exchange, took) = (open.exchange, book.since(&open));
        open.story.status = status;
        open.story.head = took;
        book.continued = false;
        if book.way == Way::Out {
            book.pointer = Pointer::of(status, head.raw);
        }
        book.answered = book.answered.wrapping_add(1);
        book.at().payload(Kind::Head { way, exchange, status, took }, head.raw);
        let switches = status == 101 || (open.asked == Asked::Connect && (200..=299).contains(&status));
        if switches {
            if let Some([_, answered]) = &mut book.handshake {
                *answered = head.raw.to_vec();
            }
            book.table.told(exchange, open.story);
            book.record.event(Kind::Upgrade { exchange });
            book.tunnelled = true;
        } else {
            book.say_last(way, exchange, head.last);
            book.response = Some(open);
        }
    }

    fn body(&mut self, part: Part, piece: &[u8]) {
        let exchange = self.exchange();
        let book = &mut *self.0;
        if let Some(open) = &mut book.response {
            open.story.back += piece.len() as u64;
            if open.story.first.is_none() && !open.unasked {
                open.story.first = NonZeroU64::new(nanos(book.now.saturating_duration_since(open.since)).max(1));
            }
        }
        book.at().payload(Kind::Body { way: book.back(), exchange, part }, piece);
    }

    fn chunk(&mut self, size: u64, line: &[u8]) {
        say_chunk(&self.0.record, self.0.back(), self.exchange(), size, line);
    }

    fn trailers(&mut self, raw: &[u8]) {
        let kind = Kind::Trailers { way: self.0.back(), exchange: self.exchange() };
        self.0.record.payload(kind, raw);
    }

    fn done(&mut self) {
        let book = &mut *self.0;
        if let Some(open) = book.response.take() {
            let took = if open.unasked { 0 } else { book.since(&open) };
            book.free = Some(book.now);
            book.table.told(open.exchange, Story { took: Some(took), ..open.story });
            book.at().event(Kind::Finish { exchange: open.exchange, first: open.story.first, took });
        }
    }

    fn tunnel(&mut self, bytes: &[u8]) {
        self.0.behind += bytes.len();
        self.0.follow(self.0.back(), bytes);
    }
}
