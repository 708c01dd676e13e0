//! What a connection's records have told so far, for those who ask: the failure's sentence, the details page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use crate::model::event::Way;
use crate::model::tls::{Hello, Secured};

/// Record types by number (RFC 8446 section 5.1, RFC 6520 for the last), from 20 on.
pub const TYPES: [&str; 5] = ["change_cipher_spec", "alert", "handshake", "application_data", "heartbeat"];

/// Shared between the watch, the handshake and whoever looks.
#[derive(Default)]
pub struct Seen {
    /// In and out, by type.
    counts: [[AtomicU64; TYPES.len()]; 2],
    story: Mutex<Story>,
}

#[derive(Default)]
pub struct Story {
    /// Until the handshake is done: 10,000 sockets would hold 20 MB of them.
    pub hello: Option<Hello>,
    pub server_name: Option<Box<str>>,
    /// The last alert in and out.
    pub alerts: [Option<&'static str>; 2],
    /// Session tickets that crossed.
    pub tickets: u32,
    /// The peer's first bytes, if they are no TLS.
    pub first: Option<Box<[u8]>>,
    /// Encrypted messages could not be followed.
    pub lost: bool,
    /// What was agreed on, once it is.
    pub secured: Option<Box<Secured>>,
}

impl Story {
    /// The handshake is done.
    pub fn agreed(&mut self, secured: &Secured) {
        self.hello = None;
        self.secured = Some(Box::new(secured.clone()));
    }
}

impl Seen {
    /// One record. One task counts; the kinds were checked when the stream was cut.
    pub fn count(&self, way: Way, kind: u8) {
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
        TYPES.into_iter().zip(self.counts[way as usize].iter().map(|cell| cell.load(Relaxed)))
    }

    pub fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock()
    }
}
