//! What a connection's records have told so far, for those who ask: the failure's sentence, the details page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use super::said;
use crate::model::end::Fault;
use crate::model::event::Way;
use crate::model::handshake::{self, Handshake, Outcome, Terms};
use crate::model::time::Stamp;
use crate::model::tls::{RECORDS, Record, Secured};

/// Shared between the watch, the handshake and whoever looks.
#[derive(Default)]
pub struct Seen {
    /// In and out, by type.
    counts: [[AtomicU64; RECORDS.len()]; 2],
    story: Mutex<Story>,
}

#[derive(Default)]
pub struct Story {
    /// What crossed is shared with the timeline that told it.
    pub handshake: Handshake,
    /// The body of our own certificate message, for a handshake that fails: 10,000 sockets show the same.
    pub shown: Option<Box<[u8]>>,
    /// The last alert in and out.
    pub alerts: [Option<&'static str>; 2],
    /// Session tickets that crossed.
    pub tickets: u32,
    /// The peer's first bytes, if they are no TLS.
    pub first: Option<Box<[u8]>>,
    /// Encrypted messages could not be followed.
    pub lost: bool,
    /// Anything has come in.
    pub came: bool,
    /// A server sent back our own hello.
    pub echoed: bool,
}

impl Story {
    /// The handshake is done.
    pub fn agreed(&mut self, at: Stamp, secured: Arc<Secured>) {
        self.shown = None;
        self.handshake.outcome = Outcome::Done { at, secured };
    }

    /// It came to nothing; `terms` are ours, where we are the server.
    pub fn failed(&mut self, at: Stamp, fault: Fault, terms: Option<Terms>) {
        if let Some(shown) = self.shown.take() {
            let is_tls13 = self.handshake.answer().is_some_and(|answer| &*answer.version == "TLS 1.3");
            self.handshake.chains[Way::Out as usize] = said::certificates(&shown, is_tls13).into();
        }
        self.handshake.outcome = Outcome::Failed { at, fault: Arc::new(fault), terms: terms.map(Arc::new) };
    }
}

impl Seen {
    /// One record. One task counts; the kinds were checked when the stream was cut.
    pub fn count(&self, way: Way, kind: u8, len: u16) {
        if self.records(way) < handshake::RECORDS as u64 {
            self.story().handshake.records[way as usize].push(Record { kind, len });
        }
        if let Some(cell) = self.counts[way as usize].get(usize::from(kind.wrapping_sub(20))) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// Records of one direction, all types.
    pub fn records(&self, way: Way) -> u64 {
        self.counts[way as usize].iter().map(|cell| cell.load(Relaxed)).sum()
    }

    /// Records of one direction by type.
    pub fn by_type(&self, way: Way) -> impl Iterator<Item = (&'static str, u64)> {
        RECORDS.into_iter().zip(self.counts[way as usize].iter().map(|cell| cell.load(Relaxed)))
    }

    pub fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock()
    }
}
