//! What is kept of one subject: its counters, its timeline, its state.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::model::end::End;
use crate::model::framer::Slices;
use crate::model::handshake::Handshake;
use crate::model::id::Subject;
use crate::model::life::Life;
use crate::model::ring::Ring;
use crate::model::spec::Settings;
use crate::model::tally::{Cell, Tally};
use crate::model::view::{Facts, Gauge, Group, Kernel, Series};

pub(super) struct Log {
    pub subject: Subject,
    pub tally: Tally,
    /// Held for one push or one read of a screenful; never across an await.
    pub ring: Mutex<Ring>,
    pub life: AtomicU8,
    pub blocked: AtomicBool,
    /// TLS stands on it.
    pub secured: AtomicBool,
    /// The peer's close_notify came, and not its FIN alone.
    pub notified: AtomicBool,
    /// Its FIN came alone.
    pub truncated: AtomicBool,
    /// The time something last came in; 0 is never.
    pub seen: AtomicU64,
    /// Something changed since the last look; keeps the list of changed subjects short.
    pub dirty: AtomicBool,
    pub end: OnceLock<Arc<End>>,
    pub gauge: OnceLock<Box<dyn Gauge>>,
    /// Who can tell of its state. Empty for most, and never longer than the layers of a protocol.
    pub facts: Mutex<Vec<Arc<dyn Facts>>>,
    /// A socket's own settings, where they are no longer its endpoint's.
    pub settings: Mutex<Option<Arc<Settings>>>,
    /// Where its messages begin and end, while somebody looks at it framed.
    pub slices: Mutex<Option<Box<Slices>>>,
    /// A framing of ours knows its packets and messages (datagrams, WebSocket frames): the kernel's segments
    /// are not asked for, and an HTTP exchange on it is a handshake, not traffic.
    pub framed: bool,
}

impl Log {
    pub fn new(subject: Subject, life: Life, framed: bool) -> Self {
        Self {
            subject,
            tally: Tally::default(),
            ring: Mutex::default(),
            life: AtomicU8::new(life.code()),
            blocked: AtomicBool::new(false),
            secured: AtomicBool::new(false),
            notified: AtomicBool::new(false),
            truncated: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            end: OnceLock::new(),
            gauge: OnceLock::new(),
            facts: Mutex::default(),
            settings: Mutex::default(),
            slices: Mutex::default(),
            framed,
        }
    }

    pub fn life(&self) -> Life {
        Life::from_code(self.life.load(Relaxed))
    }

    /// What those who know of its state say. Asked outside the lock: they have locks of their own.
    pub fn details(&self) -> Vec<Group> {
        let facts = self.facts.lock().clone();
        facts.iter().flat_map(|facts| facts.read()).collect()
    }

    /// How some of it went lately.
    pub fn series(&self) -> Vec<Series> {
        let facts = self.facts.lock().clone();
        facts.iter().flat_map(|facts| facts.series()).collect()
    }

    /// How its TLS handshake went.
    pub fn handshake(&self) -> Option<Handshake> {
        let facts = self.facts.lock().clone();
        facts.iter().find_map(|facts| facts.handshake())
    }

    /// Whether it speaks HTTP/2.
    pub fn is_h2(&self) -> bool {
        self.facts.lock().iter().any(|facts| facts.is_h2())
    }

    /// Asks the kernel, and makes its segments the packet counters where nothing better counts them.
    pub fn ask_kernel(&self) -> Option<Kernel> {
        let kernel = self.gauge.get()?.read()?;
        if self.framed {
            return Some(kernel);
        }
        let _one_writer = self.ring.lock();
        self.tally.set(Cell::PacketsIn, kernel.segments_in);
        self.tally.set(Cell::PacketsOut, kernel.segments_out);
        Some(kernel)
    }
}
