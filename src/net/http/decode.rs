//! One direction of an HTTP/1 connection, decoded while it passes: heads as they were on the wire,
//! bodies in the pieces they came in, trailers. Any split of the stream gives the same.
//!
//! It never waits, never fails and buffers at most one head; what it refuses it says in
//! [`Decoder::refused`], and how much of the stream is not yet good in [`Decoder::behind`].

use super::chunk::{EXTENSIONS, chunk_line, trailers};
use super::h2::frame::{PREFACE, SETTINGS};
use super::head::{self, Asked, Framing, Head, Start};
use super::reason::Reason;
use crate::hub::HEAD;
use crate::model::exchange::Part;

/// What is told of the messages of one direction, in order.
pub trait Sink {
    /// Which kind of request the response at hand answers.
    fn asked(&mut self) -> Asked {
        Asked::Other
    }
    fn head(&mut self, head: &Head<'_>);
    /// A head that is whole, and refused for what it says.
    fn refused(&mut self, _: &Head<'_>) {}
    /// A piece of a body, chunk framing taken off.
    fn body(&mut self, part: Part, piece: &[u8]);
    /// A chunk's size line without its line end. No piece of a body follows the last one, which is of no bytes.
    fn chunk(&mut self, size: u64, line: &[u8]);
    /// The lines behind a chunked body, with their line ends.
    fn trailers(&mut self, raw: &[u8]);
    /// The message is whole.
    fn done(&mut self);
    /// Bytes of the protocol that follows the last head.
    fn tunnel(&mut self, bytes: &[u8]);
}

/// Whose messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    Requests,
    Responses,
}

/// What the preface of HTTP/2 (RFC 9113 section 3.4) is at the beginning of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preface {
    /// No HTTP/1 request, as anything else that is none.
    Refused,
    /// Where HTTP/1 ends: see [`Reason::Preface`].
    Taken,
    /// The same, and nothing else is welcome.
    Wanted,
}

/// A head below this is looked at anew with each piece, so that garbage is refused at once; above it
/// only when it has grown by an eighth or its end is there, so that a slow one costs no square.
const SMALL: usize = 4 << 10;

#[derive(Debug)]
enum State {
    Head,
    Body(u64),
    UntilEnd,
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    /// After a request for an upgrade, until its answer says whose the bytes are.
    Undecided,
    Tunnel,
    /// After a last message: what follows is nobody's.
    Over,
    Refused(Reason),
}

/// See the module.
#[derive(Debug)]
pub struct Decoder {
    half: Half,
    limit: usize,
    state: State,
    /// The start of an element that has not come whole.
    held: Vec<u8>,
    /// The length of `held` at which it is looked at again.
    look: usize,
    extensions: usize,
    /// Bytes since the start of what was refused.
    bad: usize,
    /// The message at hand ends the connection.
    last: bool,
    /// What was refused is a head, or was before one.
    outside: bool,
    /// The length of a head that was refused and told of.
    told: usize,
    /// Bytes a body may have; and those that the one at hand has.
    most: u64,
    size: u64,
    /// Nothing of the chunk at hand has come.
    fresh: bool,
    holds_upgrades: bool,
    /// What the preface is, as long as it can come.
    opening: Preface,
}

impl Decoder {
    /// `limit` bounds a head, in bytes.
    pub fn new(half: Half, limit: usize) -> Self {
        Self {
            half,
            limit,
            state: State::Head,
            held: Vec::new(),
            look: 0,
            extensions: 0,
            bad: 0,
            last: false,
            fresh: false,
            outside: false,
            told: 0,
            most: u64::MAX,
            size: 0,
            holds_upgrades: false,
            opening: Preface::Refused,
        }
    }

    /// Takes what follows a request for an upgrade for no request until [`Decoder::decide`].
    pub fn holding_upgrades(mut self) -> Self {
        self.holds_upgrades = true;
        self
    }

    /// Bounds a body, in bytes.
    pub fn limiting(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// Looks for the preface of HTTP/2 at the beginning of the stream.
    pub fn opening(mut self, preface: Preface) -> Self {
        self.opening = preface;
        self
    }

    pub fn refused(&self) -> Option<&Reason> {
        match &self.state {
            State::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    /// What was refused, as far as it was there then, and its size. A head that was told of is not part of it.
    pub fn rejected(&self) -> (u64, &[u8]) {
        let kept = if self.refused().is_some() { &self.held[..] } else { &[] };
        let told = self.told.min(kept.len());
        (self.behind().saturating_sub(self.told) as u64, &kept[told..])
    }

    /// Whether what was refused is a head that was told of.
    pub fn has_told(&self) -> bool {
        self.told > 0
    }

    /// What was refused is over: the next byte begins a head.
    pub fn begin(&mut self) {
        self.held.clear();
        (self.look, self.bad, self.told, self.state) = (0, 0, 0, State::Head);
    }

    /// How many of the bytes fed last belong to an element that is not whole, or to what was refused.
    pub fn behind(&self) -> usize {
        if self.refused().is_some() { self.bad } else { self.held.len() }
    }

    /// Bytes of which nobody knows yet whose they are.
    pub fn undecided(&self) -> usize {
        if matches!(self.state, State::Undecided) { self.held.len() } else { 0 }
    }

    /// Whether a head is expected, has begun, or was refused.
    pub fn between_messages(&self) -> bool {
        match &self.state {
            State::Head | State::Undecided | State::Tunnel | State::Over => true,
            State::Refused(_) => self.outside,
            _ => false,
        }
    }

    /// Whether a head has begun that is not whole.
    pub fn within_head(&self) -> bool {
        matches!(self.state, State::Head) && !self.held.is_empty()
    }

    /// Whether a body has begun that is not whole, trailers included.
    pub fn within_body(&self) -> bool {
        matches!(self.state, State::Body(_) | State::ChunkSize | State::Chunk(_) | State::ChunkEnd | State::Trailers)
    }

    /// Takes no further byte, for a reason found elsewhere.
    pub fn refuse(&mut self, reason: Reason) {
        if self.refused().is_none() {
            self.outside = self.between_messages();
            self.bad = self.held.len();
            self.state = State::Refused(reason);
        }
    }

    /// The other direction switched: what was held and all that comes is the tunnel's.
    pub fn switch(&mut self, sink: &mut impl Sink) {
        if self.refused().is_some() {
            return;
        }
        self.state = State::Tunnel;
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            sink.tunnel(&held);
        }
    }

    /// The request for an upgrade was answered with something else: what was held are requests.
    pub fn decide(&mut self, sink: &mut impl Sink) {
        if matches!(self.state, State::Undecided) {
            self.state = State::Head;
            let held = std::mem::take(&mut self.held);
            self.feed(&held, sink);
        }
    }

    /// The next bytes of the stream.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl Sink) {
        while !bytes.is_empty() {
            match self.step(bytes, sink) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(reason) => {
                    self.refuse(reason);
                    self.bad += bytes.len();
                    let room = HEAD.saturating_sub(self.held.len());
                    self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    return;
                }
            }
        }
    }

    /// The stream has ended.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        match &self.state {
            State::UntilEnd => {
                self.state = State::Over;
                sink.done();
            }
            State::Head if self.held.is_empty() => {}
            State::Head => self.refuse(Reason::Cut("a head")),
            State::Body(_) | State::ChunkSize | State::Chunk(_) | State::ChunkEnd | State::Trailers => {
                self.refuse(Reason::Cut("a body"));
            }
            State::Undecided | State::Tunnel | State::Over | State::Refused(_) => {}
        }
    }

    /// Takes some of `bytes`, which are not empty; how many.
    fn step(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<usize, Reason> {
        match self.state {
            State::Head => self.head(bytes, sink),
            State::Body(left) => {
                let now = shorter(bytes.len(), left);
                sink.body(Part::Plain, &bytes[..now]);
                self.state = State::Body(left - now as u64);
                if left == now as u64 {
                    self.done(sink);
                }
                Ok(now)
            }
            State::UntilEnd => {
                sink.body(Part::Plain, bytes);
                Ok(bytes.len())
            }
            State::ChunkSize => self.element(bytes, |this, line| {
                let Some(size) = chunk_line(line)? else { return Ok(None) };
                this.extensions += size.extensions;
                if this.extensions > EXTENSIONS {
                    return Err(Reason::Chunk("its extensions are endless"));
                }
                this.size = this.size.saturating_add(size.bytes);
                if this.size > this.most {
                    return Err(Reason::TooMuch(this.most));
                }
                sink.chunk(size.bytes, &line[..size.line - 2]);
                this.fresh = true;
                this.state = if size.bytes == 0 { State::Trailers } else { State::Chunk(size.bytes) };
                Ok(Some(size.line))
            }),
            State::Chunk(left) => {
                let now = shorter(bytes.len(), left);
                let part = if std::mem::take(&mut self.fresh) { Part::Chunk(left) } else { Part::More };
                sink.body(part, &bytes[..now]);
                self.state = if left == now as u64 { State::ChunkEnd } else { State::Chunk(left - now as u64) };
                Ok(now)
            }
            State::ChunkEnd => self.element(bytes, |this, end| match end {
                [b'\r', b'\n', ..] => {
                    this.state = State::ChunkSize;
                    Ok(Some(2))
                }
                [b'\r'] => Ok(None),
                _ => Err(Reason::Chunk("it is longer than its size says")),
            }),
            State::Trailers => self.element(bytes, |this, raw| {
                let Some(len) = trailers(raw)? else { return Ok(None) };
                if len > 2 {
                    sink.trailers(&raw[..len - 2]);
                }
                this.done(sink);
                Ok(Some(len))
            }),
            State::Undecided => {
                if self.held.len() + bytes.len() > self.limit {
                    return Err(Reason::TooLarge(self.limit));
                }
                self.held.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Tunnel => {
                sink.tunnel(bytes);
                Ok(bytes.len())
            }
            State::Over => Ok(bytes.len()),
            State::Refused(_) => {
                self.bad += bytes.len();
                Ok(bytes.len())
            }
        }
    }

    /// Takes one element of the stream, which may have come in pieces: `read` gives its length once it is
    /// whole.
    fn element(
        &mut self,
        bytes: &[u8],
        read: impl FnOnce(&mut Self, &[u8]) -> Result<Option<usize>, Reason>,
    ) -> Result<usize, Reason> {
        if self.held.is_empty() {
            // The common case: nothing is copied.
            let taken = read(self, bytes)?;
            if taken.is_none() {
                self.held.extend_from_slice(bytes);
                self.look = self.held.len();
            }
            return Ok(taken.unwrap_or(bytes.len()));
        }
        let before = self.held.len();
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        match read(self, &held) {
            Ok(Some(taken)) => Ok(taken.saturating_sub(before)),
            Ok(None) => {
                self.held = held;
                Ok(bytes.len())
            }
            Err(reason) => {
                held.truncate(before);
                self.held = held;
                Err(reason)
            }
        }
    }

    fn head(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<usize, Reason> {
        if self.held == b"\r" && bytes[0] == b'\n' {
            self.held.clear();
            return Ok(1);
        }
        if self.held.is_empty() {
            // Section 2.2: empty lines before a start line are passed over.
            let empty = empty_lines(bytes);
            if empty > 0 {
                return Ok(empty);
            }
        }
        let before = self.held.len();
        self.element(bytes, |this, raw| {
            if this.opening != Preface::Refused {
                if raw.starts_with(PREFACE) {
                    return Err(Reason::Preface);
                }
                if PREFACE.starts_with(raw) {
                    return Ok(None);
                }
                if this.opening == Preface::Wanted {
                    return Err(Reason::NoPreface);
                }
                this.opening = Preface::Refused;
            }
            if this.half == Half::Responses && raw[0] == 0 {
                // No response begins so, but a frame of HTTP/2 does: three bytes of length, and its type.
                return match raw {
                    [_, _, _, SETTINGS, ..] => Err(Reason::Frame),
                    [_, _, _, _, ..] => Err(Reason::StartLine),
                    _ => Ok(None),
                };
            }
            let grown = raw.len() >= this.look;
            if before > 0 && !grown && !ends_within(raw, before) && raw.len() <= this.limit {
                return Ok(None);
            }
            this.look = if raw.len() < SMALL { 0 } else { raw.len() + raw.len() / 8 };
            let window = &raw[..raw.len().min(this.limit)];
            let read = match this.half {
                Half::Requests => head::request(window)?,
                Half::Responses => head::response(window, || sink.asked())?.map(|(head, framing)| (head, Ok(framing))),
            };
            match read {
                Some((head, framing)) => {
                    let framing = framing.and_then(|framing| match framing {
                        Framing::Length(length) if length > this.most => Err(Reason::TooMuch(this.most)),
                        framing => Ok(framing),
                    });
                    match framing {
                        Ok(framing) => this.take(&head, framing, sink),
                        Err(reason) => {
                            this.told = head.raw.len();
                            sink.refused(&head);
                            return Err(reason);
                        }
                    }
                    Ok(Some(head.raw.len()))
                }
                None if raw.len() > this.limit => Err(too_large(window, this.limit)),
                None => Ok(None),
            }
        })
    }

    fn take(&mut self, head: &Head<'_>, framing: Framing, sink: &mut impl Sink) {
        sink.head(head);
        self.last = head.last.is_some();
        self.extensions = 0;
        self.size = 0;
        match framing {
            Framing::Tunnel => self.state = State::Tunnel,
            Framing::Chunked => self.state = State::ChunkSize,
            Framing::UntilEnd => self.state = State::UntilEnd,
            Framing::Length(0) => {
                self.done(sink);
                let asks = matches!(head.start, Start::Request { method, .. } if head.upgrade || method == "CONNECT");
                if asks && self.holds_upgrades {
                    self.state = State::Undecided;
                }
            }
            Framing::Length(length) => self.state = State::Body(length),
        }
    }

    fn done(&mut self, sink: &mut impl Sink) {
        self.state = if self.last { State::Over } else { State::Head };
        sink.done();
    }
}

fn shorter(here: usize, left: u64) -> usize {
    usize::try_from(left).map_or(here, |left| left.min(here))
}

fn empty_lines(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b'\r', b'\n', ..] => at += 2,
            [b'\n', ..] => at += 1,
            _ => return at,
        }
    }
}

/// Whether an empty line ends in what came after `before`.
fn ends_within(raw: &[u8], before: usize) -> bool {
    let tail = &raw[before.saturating_sub(3)..];
    tail.windows(2).any(|end| end == b"\n\n") || tail.windows(3).any(|end| end == b"\n\r\n")
}

/// What of a head is too large.
fn too_large(window: &[u8], limit: usize) -> Reason {
    if window.contains(&b'\n') { Reason::TooLarge(limit) } else { Reason::TooLong(limit) }
}
