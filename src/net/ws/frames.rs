//! The one decoder of a WebSocket: a passive watch over the bytes that cross the clear stream, in both
//! directions. It counts frames, assembles and inflates messages, times pings, and says once for each
//! direction where the protocol was broken; then it goes on as well as it can.
//!
//! What it makes of the incoming side is also what the conversation hears ([`Frames::next`]): bytes are decoded,
//! unmasked and inflated once, and what is answered is what was recorded. Our own compressed messages are not
//! inflated again: whoever writes them leaves a [`Note`] of what they were.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::deflate::Inflater;
use super::offer::Terms;
use super::packets::Packets;
use super::side::Side;
use super::sums::Sums;
use crate::hub::Recorder;
use crate::model::end::{Fault, Op, Party};
use crate::model::event::{Form, Kind, Opened, Way};
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::url::Role;
use crate::net::probe::Watch;
use crate::net::{errno, wire};

/// Pings of ours that may still be answered; older ones are forgotten.
const PINGS: usize = 16;
/// Room for what was heard that is kept when all of it is taken: a flood of tiny frames in one read needs more.
const ROOM: usize = 32;

/// What came in whole, in order. Nothing behind a breach or a close frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Message(Form, Bytes),
    Ping(Bytes),
    /// The payload of a close frame.
    Close(Bytes),
}

/// How the peer broke the protocol, and how that is said to it (RFC 6455 section 7.4.1).
#[derive(Clone, Debug)]
pub struct Broken {
    pub fault: Fault,
    pub code: u16,
    pub reason: &'static str,
}

impl Broken {
    /// `text` names the section.
    pub fn protocol(text: impl Into<Box<str>>) -> Self {
        Self { fault: Fault::WebSocket { text: text.into() }, code: 1002, reason: "protocol error" }
    }

    pub fn data(text: impl Into<Box<str>>) -> Self {
        Self { fault: Fault::WebSocket { text: text.into() }, code: 1007, reason: "invalid payload" }
    }

    pub fn too_big(limit: u64) -> Self {
        let fault = Fault::Limit { what: "bytes of a WebSocket message (1009, RFC 6455 section 7.4.1)", limit };
        Self { fault, code: 1009, reason: "message too big" }
    }
}

/// What a compressed message of ours is: its size, and the head that a timeline keeps.
pub struct Note {
    pub size: u64,
    pub head: Vec<u8>,
}

/// See the module.
pub struct Frames {
    record: Record,
    received: Side,
    sent: Side,
    /// What came behind the handshake before [`Frames::open`]: its events belong behind that one. Bounded by
    /// the one read that brought the head's end: nobody reads on before `open`.
    early: Option<Vec<u8>>,
    /// Who was the first to be done sending.
    first: Option<Party>,
}

/// Where events go, what was heard, and what both directions share.
pub(super) struct Record {
    pub to: Recorder,
    clock: Clock,
    pings: VecDeque<(Vec<u8>, Stamp)>,
    /// Names what is inside messages, where that is known.
    pub packets: Option<Packets>,
    /// Bounded by one read, and what deflate can make of it: taken before the next.
    pub heard: VecDeque<Heard>,
    pub sums: Arc<Sums>,
}

impl Frames {
    /// `limit`: bytes of a message that is heard.
    pub fn new(to: Recorder, clock: Clock, role: Role, limit: u64) -> Self {
        Self {
            record: Record {
                to,
                clock,
                pings: VecDeque::new(),
                packets: None,
                heard: VecDeque::new(),
                sums: Arc::default(),
            },
            received: Side::new(Way::In, role == Role::Listen, Some(limit)),
            sent: Side::new(Way::Out, role == Role::Connect, None),
            early: Some(Vec::new()),
            first: None,
        }
    }

    /// The handshake is done: records it with both heads, and what came early after it.
    pub fn open(&mut self, opened: Opened, heads: &[u8], terms: Option<(&Terms, Role)>) {
        if let Some((terms, role)) = terms {
            self.received.deflate(Some(Inflater::new(terms.sides(role).1)));
            self.sent.deflate(None);
        }
        self.record.to.payload(Kind::Open(Box::new(opened)), heads);
        if let Some(early) = self.early.take() {
            self.received.feed(&mut self.record, &early);
        }
    }

    /// What it adds up, for the details page.
    pub fn sums(&self) -> Arc<Sums> {
        Arc::clone(&self.record.sums)
    }

    /// From here on the packets inside messages are named.
    pub fn name_packets(&mut self, packets: Packets) {
        self.record.packets = Some(packets);
    }

    /// What came in next.
    pub fn next(&mut self) -> Option<Heard> {
        let next = self.record.heard.pop_front();
        if next.is_none() && self.record.heard.capacity() > ROOM {
            self.record.heard = VecDeque::new();
        }
        next
    }

    /// What the next compressed message of ours is.
    pub fn note(&mut self, note: Note) {
        self.sent.note(note);
    }

    /// What a failure of the stream is. Before the peer's close frame it is also the end that has the number 1006,
    /// because no frame said one (RFC 6455 section 7.1.5).
    pub fn fault(&self, op: Op, error: &io::Error) -> Fault {
        let mut fault = errno::fault(op, error);
        if let (false, Fault::Io { text, .. } | Fault::Tls { text, .. }) = (self.received.closed(), &mut fault) {
            let part = self.part();
            *text = format!("1006, no close frame came{part}: {text} (RFC 6455 section 7.1.5)").into();
        }
        fault
    }

    /// How far the peer's frame came that is not whole, as words behind others; nothing where there is none.
    pub fn part(&self) -> String {
        self.received.part().map(|part| format!(", {part}")).unwrap_or_default()
    }

    /// No more is waited for: tells of a frame that is not whole, and what is wrong with it.
    pub fn torn(&mut self) {
        self.received.torn(&self.record);
        self.sent.torn(&self.record);
    }

    /// Who sent the first FIN, or over TLS the `close_notify` before it.
    pub fn first(&self) -> Option<Party> {
        self.first
    }

    /// What the peer broke first, if anything; recorded already. What it did behind its close frame does not
    /// count: that has ended the conversation.
    pub fn broken(&self) -> Option<&Broken> {
        self.received.broken()
    }
}

impl Watch for Frames {
    fn read(&mut self, bytes: &[u8]) {
        match &mut self.early {
            None => self.received.feed(&mut self.record, bytes),
            Some(early) => early.extend_from_slice(bytes),
        }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.sent.feed(&mut self.record, bytes);
    }

    fn ended(&mut self) {
        self.first.get_or_insert(Party::Peer);
        self.received.torn(&self.record);
        self.record.to.ended(Way::In);
    }

    fn shut(&mut self) {
        self.first.get_or_insert(Party::Us);
        self.sent.torn(&self.record);
        self.record.to.ended(Way::Out);
    }

    fn failed(&mut self, op: Op, error: &io::Error) {
        self.torn();
        wire::tell(&self.record.to, self.fault(op, error));
    }
}

impl Record {
    /// Remembers a ping of ours, to time its pong.
    pub fn ping(&mut self, payload: &[u8]) {
        if self.pings.len() == PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((payload.to_vec(), self.clock.now()));
        self.sums.ping();
    }

    /// The round trip of the ping that a pong answers; those before it will not be answered any more
    /// (RFC 6455 section 5.5.3).
    pub fn pong(&mut self, payload: &[u8]) -> Option<u64> {
        let at = self.pings.iter().rposition(|(sent, _)| sent == payload)?;
        let (_, since) = self.pings.drain(..=at).next_back()?;
        let trip = nanos(self.clock.now().since(since));
        self.sums.pong(trip);
        Some(trip)
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
