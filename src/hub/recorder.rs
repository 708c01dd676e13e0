//! The handle a flow holds: every call is synchronous, cannot fail and never waits for a reader.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::time::Instant;

use super::Hub;
use super::log::Log;
use crate::model::end::{End, Fault};
use crate::model::event::{Kind, Sign, Way};
use crate::model::id::{SocketId, Subject};
use crate::model::life::Life;
use crate::model::spec::Settings;
use crate::model::tally::{Cell, Count};
use crate::model::time::Stamp;
use crate::model::view::{Facts, Gauge};
use crate::model::waiting::Shelf;

/// How much of one payload a timeline keeps. A screenful of text is 12 KB; more is a file's business.
pub const HEAD: usize = 4096;

/// Records one subject's events. Cheap to clone; the last clone of a socket's recorder that is dropped
/// without a close records [`End::Abandoned`].
#[derive(Clone)]
pub struct Recorder {
    held: Arc<Held>,
}

struct Held {
    hub: Arc<Hub>,
    log: Arc<Log>,
}

impl Recorder {
    pub(super) fn new(hub: Arc<Hub>, log: Arc<Log>) -> Self {
        Self { held: Arc::new(Held { hub, log }) }
    }

    pub fn subject(&self) -> Subject {
        self.held.log.subject
    }

    /// The socket this records, if it is one.
    pub fn socket(&self) -> Option<SocketId> {
        match self.subject() {
            Subject::Socket(id) => Some(id),
            Subject::Endpoint(_) => None,
        }
    }

    /// Records something that happened.
    pub fn event(&self, kind: Kind) {
        self.held.record(kind, 0, b"");
    }

    /// Tells on an endpoint's timeline what a socket of it has told, and counted, already.
    pub fn repeat(&self, kind: Kind) {
        self.held.push(None, kind, 0, b"", false);
    }

    /// Records something that happened with its payload: the tally always, the head of it in the ring.
    pub fn payload(&self, kind: Kind, bytes: &[u8]) {
        self.held.record(kind, bytes.len() as u64, bytes);
    }

    /// For several events of one moment: a look at the clock costs as much as recording one.
    pub fn at(&self, at: Stamp) -> At<'_> {
        At { held: &self.held, at }
    }

    /// When that was, for [`Recorder::at`].
    pub fn stamp(&self, moment: Instant) -> Stamp {
        self.held.hub.clock.at(moment)
    }

    /// The same where only the head is at hand and the whole size is known.
    pub fn payload_head(&self, kind: Kind, size: u64, head: &[u8]) {
        self.held.record(kind, size, head);
    }

    /// Counts bytes that crossed the network. The caller is the one task that owns the flow.
    pub fn wire(&self, way: Way, bytes: usize) {
        let cell = if way == Way::In { Cell::WireIn } else { Cell::WireOut };
        self.held.count(cell, bytes as u64);
    }

    /// Counts clear bytes whose events do not count them themselves (HTTP, whose framing is part of
    /// its stream). On a WebSocket they are its handshake, and no traffic. The caller is the one task that
    /// owns the flow.
    pub fn clear(&self, way: Way, bytes: usize) {
        if self.held.log.framed {
            return;
        }
        let cell = if way == Way::In { Cell::BytesIn } else { Cell::BytesOut };
        self.held.count(cell, bytes as u64);
    }

    /// Counts packets that a framing of ours knows: datagrams, WebSocket frames. The caller is the one
    /// task that owns the flow.
    pub fn packet(&self, way: Way) {
        let cell = if way == Way::In { Cell::PacketsIn } else { Cell::PacketsOut };
        self.held.count(cell, 1);
    }

    /// Where the kernel's own counters of this socket are to be had. The first one wins.
    pub fn gauge(&self, gauge: Box<dyn Gauge>) {
        let _ = self.held.log.gauge.set(gauge);
    }

    /// Whom a dialled socket has met, where that was not known when it was born.
    pub fn met(&self, peer: SocketAddr, local: Option<SocketAddr>) {
        if let Some(id) = self.socket() {
            self.held.hub.met(id, peer, local);
            self.held.touch();
        }
    }

    /// Who can tell which exchanges of this socket wait for a person, for as long as it is open.
    pub fn shelve(&self, shelf: Arc<dyn Shelf>) {
        if let Some(id) = self.socket() {
            self.held.hub.shelves.lock().push((id, shelf));
        }
    }

    /// Somebody who can tell of the subject's state from here on: a block of the details page.
    pub fn explain(&self, facts: Arc<dyn Facts>) {
        let mut all = self.held.log.facts.lock();
        // An endpoint that starts again tells anew.
        all.retain(|facts| !facts.is_over());
        all.push(facts);
    }

    /// The settings this socket has from now on, if they are not its endpoint's.
    pub fn settings(&self, settings: Arc<Settings>) {
        *self.held.log.settings.lock() = Some(settings);
        self.held.touch();
    }

    pub fn error(&self, fault: Fault) {
        self.event(Kind::Error(Box::new(fault)));
    }

    /// The peer's close_notify came: what ends now is the clear side.
    pub fn notified(&self) {
        self.held.log.notified.store(true, Relaxed);
    }

    /// The peer's FIN came, and no close_notify before it.
    pub fn truncated(&self) {
        self.held.log.truncated.store(true, Relaxed);
    }

    pub fn is_truncated(&self) -> bool {
        self.held.log.truncated.load(Relaxed)
    }

    /// That side is done sending.
    pub fn ended(&self, way: Way) {
        let log = &self.held.log;
        let sign = match way {
            Way::In if log.notified.load(Relaxed) => Sign::CloseNotify,
            Way::In => Sign::Fin,
            Way::Out => log.gauge.get().and_then(|gauge| gauge.in_front()).map_or(Sign::Fin, Sign::Queued),
        };
        self.event(Kind::End { way, sign });
    }

    /// Whether it is told that this side is done sending.
    pub fn has_ended(&self, way: Way) -> bool {
        match self.held.log.life() {
            Life::PeerEnded => way == Way::In,
            Life::WeEnded => way == Way::Out,
            Life::Closing | Life::Closed => true,
            Life::Opening(_) | Life::Open => false,
        }
    }

    /// Ends the timeline. The first one wins; nothing is recorded after it.
    pub fn closed(&self, end: End) {
        self.held.closed(end);
    }

    pub fn is_closed(&self) -> bool {
        self.held.log.life().is_closed()
    }

    pub fn count(&self) -> Count {
        self.held.log.tally.read()
    }
}

/// A recorder at a moment. See [`Recorder::at`].
#[derive(Clone, Copy)]
pub struct At<'a> {
    held: &'a Held,
    at: Stamp,
}

impl At<'_> {
    /// As [`Recorder::event`].
    pub fn event(&self, kind: Kind) {
        self.held.push(Some(self.at), kind, 0, b"", true);
    }

    /// As [`Recorder::payload`].
    pub fn payload(&self, kind: Kind, bytes: &[u8]) {
        self.payload_head(kind, bytes.len() as u64, bytes);
    }

    /// As [`Recorder::payload_head`].
    pub fn payload_head(&self, kind: Kind, size: u64, head: &[u8]) {
        self.held.push(Some(self.at), kind, size, head, true);
    }
}

impl Held {
    fn record(&self, kind: Kind, size: u64, bytes: &[u8]) {
        self.push(None, kind, size, bytes, true);
    }

    fn push(&self, at: Option<Stamp>, kind: Kind, size: u64, bytes: &[u8], counts: bool) {
        let log = &*self.log;
        let mut ring = log.ring.lock();
        let before = log.life();
        if before.is_closed() {
            return;
        }
        // An endpoint's timeline goes on behind a close: it can be started again.
        let lives = matches!(log.subject, Subject::Socket(_));
        let handshake = log.framed && kind.exchange().is_some();
        let (one, sized) = if handshake || !counts { (None, None) } else { kind.counts() };
        if let Some(cell) = one {
            log.tally.add(cell, 1);
        }
        if let Some(cell) = sized {
            log.tally.add(cell, size);
        }
        match kind {
            Kind::Data | Kind::Write | Kind::Message { .. } => {}
            Kind::Blocked { .. } => log.blocked.store(true, Relaxed),
            Kind::Drain { .. } => log.blocked.store(false, Relaxed),
            Kind::SecureConnection(_) | Kind::SecureConnect(_) => {
                log.secured.store(true, Relaxed);
                log.life.store(before.after(&kind).code(), Relaxed);
            }
            _ if lives => log.life.store(before.after(&kind).code(), Relaxed),
            _ => {}
        }
        let limit = self.hub.share.load(Relaxed);
        let head = &bytes[..bytes.len().min(HEAD)];
        let dropped = ring.dropped();
        // The time is taken under the lock, and one that was taken before is no earlier than the newest: a
        // timeline's times never run backwards.
        let now = at.map_or_else(|| self.hub.clock.now(), |at| ring.newest().map_or(at, |newest| newest.max(at)));
        if kind.way() == Some(Way::In) {
            log.seen.store(now.0, Relaxed);
        }
        ring.push(now, kind, size, head, limit);
        let dropped = ring.dropped() - dropped;
        drop(ring);
        if dropped > 0 {
            self.hub.dropped.fetch_add(dropped, Relaxed);
        }
        self.touch();
    }

    fn count(&self, cell: Cell, n: u64) {
        self.log.tally.add(cell, n);
        self.touch();
    }

    fn touch(&self) {
        // A swap, not a load first: it pairs with the collector's swap, so that either the collector sees
        // what was just counted or this call sees that it has to be told again.
        if !self.log.dirty.swap(true, AcqRel) {
            self.hub.mark(self.log.subject);
        }
    }

    fn closed(&self, end: End) {
        if self.log.life() == Life::Closed {
            return;
        }
        self.log.ask_kernel();
        if self.log.end.set(Arc::new(end.clone())).is_ok() {
            self.log.blocked.store(false, Relaxed);
            self.record(Kind::Close(Box::new(end)), 0, b"");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if matches!(self.log.subject, Subject::Socket(_)) {
            self.closed(End::Abandoned);
        }
    }
}
