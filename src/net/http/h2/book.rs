//! What the frames of a connection mean: exchanges, settings, ends of streams and of the connection. It is
//! told frame by frame, in the order of the wire, and records.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::time::Instant;

use super::fields::{self, Fields, Part};
use super::flaw::Flaw;
use super::frame::{
    ACK, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Head, PING, PUSH_PROMISE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, fragment, number,
};
use super::half::{Block, Half, Window};
use super::ledger::Ledger;
use crate::hub::{HEAD, Recorder};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Kind, Way};
use crate::model::exchange::{self, Turn};
use crate::model::h2::{self, NO_ERROR};
use crate::model::size;
use crate::model::time::nanos;
use crate::net::http::exchanges::Heads;

/// Streams followed at once. More than either side allows; those beyond are not followed.
const STREAMS: usize = 4096;
/// Pings that wait for their answer; the oldest is forgotten.
const PINGS: usize = 16;

/// See the module.
pub struct Book {
    pub record: Recorder,
    /// Which way the requests go.
    pub way: Way,
    pub limit: usize,
    pub halves: [Half; 2],
    pub open: HashMap<u32, Open>,
    /// The last stream that the client opened.
    pub last: u32,
    pub count: u32,
    /// Pings of ours.
    pub pings: VecDeque<(Vec<u8>, Instant)>,
    /// Each side's last GOAWAY.
    pub gone: [Option<u32>; 2],
    /// The first bytes of the peer, until they were a frame: what is shown of what is no HTTP/2.
    pub first: Vec<u8>,
    /// What broke the connection, as it is told.
    pub broken: Option<Fault>,
    pub failed: Option<End>,
    pub ended: bool,
    /// Who was the first to leave.
    pub leaver: Option<Party>,
    pub heads: Option<Arc<Heads>>,
    pub ledger: Arc<Ledger>,
}

/// A stream.
pub struct Open {
    exchange: u32,
    since: Instant,
    /// The request or response is whole.
    done: [bool; 2],
    /// The response has begun.
    answered: bool,
    /// When the first byte of the response's body came, in nanoseconds behind the request's head.
    first: Option<NonZeroU64>,
    windows: [Window; 2],
    /// What is wrong with the request or the response, and the status that says so.
    flaw: Option<(Flaw, Option<u16>)>,
}

pub fn at(way: Way) -> usize {
    usize::from(way == Way::Out)
}

fn other(way: Way) -> Way {
    if way == Way::In { Way::Out } else { Way::In }
}

impl Book {
    pub fn data(&mut self, way: Way, head: &Head, size: u32, kept: &[u8]) {
        let half = &mut self.halves[at(way)];
        // Padding counts (section 6.9.1).
        let mut keeps = half.window.spend(head.len);
        self.ledger.window(way, half.window.left);
        if let Some(open) = self.open.get_mut(&head.stream) {
            keeps &= open.windows[at(way)].spend(head.len);
            if size > 0 {
                if way != self.way && open.first.is_none() {
                    open.first = NonZeroU64::new(nanos(open.since.elapsed()).max(1));
                }
                let kind = Kind::Body { way, exchange: open.exchange, part: exchange::Part::Plain };
                self.record.payload_head(kind, size.into(), kept);
            }
        } else if head.stream > self.last {
            self.halves[at(way)].flaw.get_or_insert(Flaw::IDLE);
        }
        if !keeps {
            self.halves[at(way)].flaw.get_or_insert(Flaw::EXCEEDED);
        }
        if head.has(END_STREAM) {
            self.finish(way, head.stream);
        }
    }

    pub fn frame(&mut self, way: Way, head: &Head, payload: &[u8]) -> Result<(), Flaw> {
        match head.kind {
            HEADERS | PUSH_PROMISE => {
                self.halves[at(way)].block = Some(Block { head: *head, bytes: Vec::new() });
                self.fragment(way, head, fragment(head, payload))
            }
            CONTINUATION => self.fragment(way, head, Ok(payload)),
            RST_STREAM => self.reset(way, head.stream, number(payload, 0).unwrap_or_default()),
            SETTINGS => self.settings(way, head.has(ACK), payload),
            PING => self.ping(way, head.has(ACK), payload),
            GOAWAY => self.away(way, payload),
            WINDOW_UPDATE => self.window(way, head.stream, number(payload, 0).unwrap_or_default() & 0x7fff_ffff),
            // PRIORITY is deprecated (section 5.3.2): it is counted.
            _ => Ok(()),
        }
    }

    /// A piece of a header block, and the block if it is the last.
    fn fragment(&mut self, way: Way, head: &Head, piece: Result<&[u8], Flaw>) -> Result<(), Flaw> {
        let half = &mut self.halves[at(way)];
        half.extend(piece.as_deref().unwrap_or_default());
        if head.has(END_HEADERS)
            && let Some(block) = half.block.take()
        {
            self.block(way, &block)?;
        }
        piece.map(|_| ())
    }

    fn block(&mut self, way: Way, block: &Block) -> Result<(), Flaw> {
        let stream = block.head.stream;
        let asks = way == self.way;
        let part = match self.open.get(&stream) {
            _ if block.head.kind == PUSH_PROMISE => Part::Ignored,
            Some(open) if asks || open.answered => {
                if open.done[at(way)] {
                    Part::Ignored
                } else {
                    Part::Trailers
                }
            }
            Some(_) => Part::Response,
            None if asks && stream > self.last => Part::Request,
            // Of a stream that is over, or that was pushed.
            None => Part::Ignored,
        };
        let half = &mut self.halves[at(way)];
        let fields = if half.lost {
            Fields { text: Vec::new(), size: 0, status: 0, flaw: None }
        } else {
            match fields::read(&mut half.hpack, &block.bytes, part, self.limit) {
                Ok(fields) => fields,
                Err(broken) => {
                    half.lost = true;
                    return Err(Flaw::hpack(broken.0));
                }
            }
        };
        match part {
            Part::Ignored if asks && block.head.kind == PUSH_PROMISE => return Err(Flaw::PROMISE),
            Part::Ignored => return Ok(()),
            Part::Request => self.request(way, stream, &fields)?,
            Part::Response => self.response(way, stream, &fields),
            Part::Trailers => {
                let exchange = self.open.get(&stream).map_or(0, |open| open.exchange);
                self.record.payload(Kind::Trailers { way, exchange }, &fields.text);
            }
        }
        if let Some(open) = self.open.get_mut(&stream)
            && let Some(flaw) = fields.flaw
        {
            open.flaw.get_or_insert((flaw, None));
        }
        if block.head.has(END_STREAM) {
            self.finish(way, stream);
        }
        Ok(())
    }

    fn request(&mut self, way: Way, stream: u32, fields: &Fields) -> Result<(), Flaw> {
        if stream.is_multiple_of(2) {
            return Err(Flaw::STREAM_ID);
        }
        self.last = stream;
        self.count = self.count.wrapping_add(1);
        let exchange = self.count;
        self.record.payload(Kind::Request { way, exchange, stream, turn: Turn::First }, &fields.text);
        if let Some(heads) = &self.heads {
            let since = self.record.stamp(Instant::now().into_std());
            heads.offer(exchange, fields.text.clone().into(), since);
        }
        if self.open.len() < STREAMS {
            let large = way == Way::In && fields.size > self.limit;
            let windows = [0, 1].map(|way| Window::new(self.halves[way].initial));
            let open = Open {
                exchange,
                since: Instant::now(),
                done: [false; 2],
                answered: false,
                first: None,
                windows,
                flaw: large.then(|| (Flaw::large(size::bound(self.limit as u64)), Some(431))),
            };
            self.open.insert(stream, open);
        }
        self.ledger.streams(self.open.len(), self.count);
        Ok(())
    }

    fn response(&mut self, way: Way, stream: u32, fields: &Fields) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        let (exchange, status) = (open.exchange, fields.status);
        let kind = match status {
            100 => Kind::Continue { way, exchange },
            101..=199 => Kind::Information { way, exchange, status },
            _ => Kind::Head { way, exchange, status, took: nanos(open.since.elapsed()) },
        };
        self.record.payload(kind, &fields.text);
        open.answered = !(100..=199).contains(&status);
        if let Some((flaw, Some(says))) = &open.flaw
            && *says == status
        {
            let fault = Fault::Http { status: Some(status), text: flaw.text.clone().into() };
            self.record.event(Kind::ClientError(Box::new(fault), exchange));
            open.flaw = None;
        }
    }

    /// One side of a stream is done.
    fn finish(&mut self, way: Way, stream: u32) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        let first = !std::mem::replace(&mut open.done[at(way)], true);
        if first && way != self.way {
            let took = nanos(open.since.elapsed());
            self.record.event(Kind::Finish { exchange: open.exchange, first: open.first, took });
        }
        if open.done == [true; 2] {
            self.forget(stream);
        }
    }

    /// The stream that an exchange is, as long as it is open.
    pub fn stream(&self, exchange: u32) -> Option<u32> {
        self.open.iter().find(|(_, open)| open.exchange == exchange).map(|(stream, _)| *stream)
    }

    fn forget(&mut self, stream: u32) -> Option<Open> {
        let open = self.open.remove(&stream)?;
        if let Some(heads) = &self.heads {
            heads.forget(open.exchange);
        }
        self.ledger.streams(self.open.len(), self.count);
        Some(open)
    }

    fn reset(&mut self, way: Way, stream: u32, code: u32) -> Result<(), Flaw> {
        if stream > self.last && stream % 2 == 1 {
            return Err(Flaw::IDLE);
        }
        let Some(open) = self.forget(stream) else { return Ok(()) };
        let exchange = open.exchange;
        self.record.event(Kind::StreamReset { way, exchange, stream, code });
        let flaw = open.flaw.map(|(flaw, _)| flaw).filter(|flaw| flaw.code == code);
        if let (Way::Out, Some(flaw)) = (way, flaw) {
            self.complain(flaw.fault(), exchange);
        }
        Ok(())
    }

    fn settings(&mut self, way: Way, ack: bool, payload: &[u8]) -> Result<(), Flaw> {
        let pairs = payload.chunks_exact(6).map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), number(pair, 2)));
        let values: Vec<_> = pairs.filter_map(|(id, value)| Some((id, value?))).collect();
        let wrong = ack && !values.is_empty();
        let back = other(way);
        let mut outcome = if wrong { Err(Flaw::ACK) } else { Ok(()) };
        for (id, value) in values.iter().copied().filter(|_| !ack) {
            self.ledger.setting(way, id, value);
            match self.halves[at(back)].ask(id, value) {
                Ok(0) => {}
                Ok(change) => {
                    for open in self.open.values_mut() {
                        outcome = outcome.and(open.windows[at(back)].open(change).map(|_| ()));
                    }
                }
                Err(flaw) => outcome = outcome.and(Err(flaw)),
            }
        }
        self.record.event(Kind::Settings(Box::new(h2::Settings { way, ack, values })));
        outcome
    }

    fn ping(&mut self, way: Way, ack: bool, payload: &[u8]) -> Result<(), Flaw> {
        if !ack {
            self.record.payload(Kind::Ping { way, frame: None }, payload);
            if way == Way::Out {
                if self.pings.len() == PINGS {
                    self.pings.pop_front();
                }
                self.pings.push_back((payload.to_vec(), Instant::now()));
            }
            return Ok(());
        }
        let asked = self.pings.iter().position(|(sent, _)| way == Way::In && sent == payload);
        let rtt = asked.and_then(|asked| self.pings.remove(asked)).map(|(_, since)| nanos(since.elapsed()));
        self.record.payload(Kind::Pong { way, rtt: rtt.and_then(NonZeroU64::new), frame: None }, payload);
        Ok(())
    }

    fn away(&mut self, way: Way, payload: &[u8]) -> Result<(), Flaw> {
        let last = number(payload, 0).unwrap_or_default() & 0x7fff_ffff;
        let code = number(payload, 4).unwrap_or_default();
        let debug = payload.get(8..).unwrap_or_default();
        let kept = &debug[..debug.len().min(HEAD)];
        self.record.payload_head(Kind::GoAway { way, last, code }, debug.len() as u64, kept);
        let first = self.gone[at(way)].replace(code).is_none_or(|before| before == NO_ERROR);
        if code == NO_ERROR || !first {
            self.left_behind(way, last);
            return Ok(());
        }
        self.leaver.get_or_insert(way.party());
        let fault = if way == Way::Out {
            // A library may take a malformed message for the end of everything.
            let stream = || self.open.get(&self.last)?.flaw.as_ref().map(|(flaw, _)| flaw.clone());
            let flaw = self.halves[at(Way::In)].flaw.clone().or_else(stream);
            flaw.unwrap_or_else(|| Flaw::code(code)).fault()
        } else {
            let text = format!("the peer gave the connection up: {}", h2::code(code));
            Fault::Http { status: None, text: text.into() }
        };
        self.broken = Some(fault.clone());
        self.complain(fault, 0);
        self.left_behind(way, last);
        Ok(())
    }

    fn window(&mut self, way: Way, stream: u32, by: u32) -> Result<(), Flaw> {
        let back = other(way);
        let (window, exchange) = match self.open.get_mut(&stream) {
            _ if stream == 0 => (&mut self.halves[at(back)].window, 0),
            Some(open) => (&mut open.windows[at(back)], open.exchange),
            None if stream > self.last && stream % 2 == 1 => return Err(Flaw::IDLE),
            // Of a stream that is over.
            None => return Ok(()),
        };
        if by == 0 {
            return Err(Flaw::INCREMENT);
        }
        let waited = window.open(by.into());
        if stream == 0 {
            self.ledger.window(back, window.left);
        }
        if let Some(waited) = waited? {
            self.record.event(Kind::WindowUpdate { way, exchange, by, blocked: nanos(waited) });
        }
        Ok(())
    }

    /// The peer has ended: what it leaves unfinished.
    pub fn cut(&mut self, whole: bool) {
        let theirs = at(Way::In);
        let what = if !whole {
            "a frame"
        } else if self.open.values().any(|open| !open.done[theirs]) {
            if self.way == Way::In { "a body" } else { "an exchange" }
        } else {
            return;
        };
        if self.broken.is_none() {
            let fault = Fault::Http { status: None, text: format!("the peer ended in the middle of {what}").into() };
            self.broken = Some(fault.clone());
            self.complain(fault, 0);
        }
    }

    /// What a GOAWAY says is not answered.
    fn left_behind(&mut self, way: Way, last: u32) {
        if way != self.way {
            self.give_up(way.party(), last);
        }
    }

    /// Says of the streams behind `last` that are open that they will have no answer.
    fn give_up(&mut self, by: Party, last: u32) {
        let mut over: Vec<u32> = self.open.keys().copied().filter(|stream| *stream > last).collect();
        over.sort_unstable();
        let back = at(other(self.way));
        for stream in over {
            let Some(open) = self.forget(stream).filter(|open| !open.done[back]) else { continue };
            let waited = nanos(open.since.elapsed());
            self.record.event(Kind::Aborted { exchange: open.exchange, waited, by });
        }
    }

    /// What the peer did wrong: a server calls it the client's error.
    fn complain(&self, fault: Fault, exchange: u32) {
        let fault = Box::new(fault);
        let kind = if self.way == Way::In { Kind::ClientError(fault, exchange) } else { Kind::Error(fault) };
        self.record.payload(kind, &self.first);
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.give_up(self.leaver.unwrap_or(Party::Us), 0);
    }
}
