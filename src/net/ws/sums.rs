//! What the details page tells of a WebSocket beside its counts: what was agreed on, what compression saves, how
//! pings fare.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::offer::Terms;
use crate::model::event::{Opened, Way};
use crate::model::size;
use crate::model::view::{Facts, Group};

/// Numbers that one task writes and a page reads.
#[derive(Default)]
pub struct Sums {
    received: Packed,
    sent: Packed,
    pings: AtomicU64,
    pongs: AtomicU64,
    /// Nanoseconds, 0 before the first.
    round_trip: AtomicU64,
    /// 0 while it is open.
    code: AtomicU16,
}

/// What the code of an end is that no close frame said (RFC 6455 section 7.1.5).
pub const ABNORMAL: u16 = 1006;
/// The same for a close frame without a code.
pub const NO_CODE: u16 = 1005;

/// Compressed messages of one direction.
#[derive(Default)]
struct Packed {
    messages: AtomicU64,
    bytes: AtomicU64,
    payload: AtomicU64,
}

impl Sums {
    /// A compressed message went through.
    pub fn deflated(&self, way: Way, bytes: u64, payload: u64) {
        let side = if way == Way::In { &self.received } else { &self.sent };
        side.messages.fetch_add(1, Relaxed);
        side.bytes.fetch_add(bytes, Relaxed);
        side.payload.fetch_add(payload, Relaxed);
    }

    /// How the conversation ended.
    pub fn closed(&self, code: u16) {
        self.code.store(code, Relaxed);
    }

    /// A ping of ours left.
    pub fn ping(&self) {
        self.pings.fetch_add(1, Relaxed);
    }

    /// One was answered.
    pub fn pong(&self, nanos: u64) {
        self.pongs.fetch_add(1, Relaxed);
        self.round_trip.store(nanos.max(1), Relaxed);
    }
}

impl Packed {
    /// `3 messages, 1,200 B from 40,000 B, 3 %`
    fn line(&self) -> String {
        let [messages, bytes, payload] = [&self.messages, &self.bytes, &self.payload].map(|sum| sum.load(Relaxed));
        if messages == 0 {
            return "no message".into();
        }
        let share = payload as f64 * 100.0 / bytes.max(1) as f64;
        let [messages, bytes, payload] = [messages, bytes, payload].map(size::exact);
        format!("{messages} messages, {payload} B for {bytes} B, {share:.0} %")
    }
}

/// See the module.
pub struct Page {
    pub sums: Arc<Sums>,
    pub subprotocol: Option<Box<str>>,
    pub extensions: Vec<Box<str>>,
    pub terms: Option<Terms>,
}

impl Page {
    pub fn new(sums: Arc<Sums>, opened: &Opened, terms: Option<Terms>) -> Self {
        Self { sums, subprotocol: opened.subprotocol.clone(), extensions: opened.extensions.clone(), terms }
    }
}

impl Facts for Page {
    fn read(&self) -> Vec<Group> {
        let none = || "none".to_owned();
        let mut rows = vec![
            ("subprotocol".into(), self.subprotocol.as_deref().map_or_else(none, str::to_owned)),
            ("extensions".into(), if self.extensions.is_empty() { none() } else { self.extensions.join(", ") }),
        ];
        if let Some(terms) = &self.terms {
            rows.push(("deflate".into(), terms.to_string()));
            rows.push(("received".into(), self.sums.received.line()));
            rows.push(("sent".into(), self.sums.sent.line()));
        }
        let [pings, pongs, trip] =
            [&self.sums.pings, &self.sums.pongs, &self.sums.round_trip].map(|sum| sum.load(Relaxed));
        let trip =
            if trip == 0 { String::new() } else { format!(", the last in {}", size::span(Duration::from_nanos(trip))) };
        rows.push(("pings".into(), format!("{} sent, {} answered{trip}", size::exact(pings), size::exact(pongs))));
        let closed = match self.sums.code.load(Relaxed) {
            0 => "no".into(),
            ABNORMAL => "1006, abnormal: no close frame came".into(),
            NO_CODE => "1005, with a close frame without a code".into(),
            code => format!("{code}, said by a close frame"),
        };
        rows.push(("closed".into(), closed));
        vec![Group { title: "WebSocket".into(), rows }]
    }
}
