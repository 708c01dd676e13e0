//! What the details of a connection show of HTTP/2: how many frames of each type, what each side asked for,
//! how much each may still send. Written by the watch, read by whoever looks.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::half::WINDOW;
use crate::model::event::Way;
use crate::model::h2::{self, FRAMES};
use crate::model::size;
use crate::model::view::{Facts, Group};

/// The settings that are told: more identifiers than there are, and a bound for what a peer invents.
const SETTINGS: usize = 32;

/// One direction.
#[derive(Debug)]
pub struct Page {
    /// By type; the last is every unknown one.
    frames: [AtomicU64; FRAMES.len() + 1],
    /// What is left of the connection's window.
    window: AtomicI64,
    /// What its sender asked of the other side, the latest of each.
    settings: Mutex<Vec<(u16, u32)>>,
}

/// See the module.
#[derive(Debug)]
pub struct Ledger {
    received: Page,
    sent: Page,
    open: AtomicU32,
    streams: AtomicU32,
}

impl Page {
    fn new() -> Self {
        Self { frames: Default::default(), window: AtomicI64::new(WINDOW), settings: Mutex::default() }
    }
}

impl Ledger {
    pub fn new() -> Self {
        Self { received: Page::new(), sent: Page::new(), open: AtomicU32::new(0), streams: AtomicU32::new(0) }
    }

    fn page(&self, way: Way) -> &Page {
        if way == Way::In { &self.received } else { &self.sent }
    }

    pub fn frame(&self, way: Way, kind: u8) {
        let at = usize::from(kind).min(FRAMES.len());
        self.page(way).frames[at].fetch_add(1, Relaxed);
    }

    pub fn window(&self, way: Way, left: i64) {
        self.page(way).window.store(left, Relaxed);
    }

    /// So many streams are open, of so many that there have been.
    pub fn streams(&self, open: usize, ever: u32) {
        self.open.store(u32::try_from(open).unwrap_or(u32::MAX), Relaxed);
        self.streams.store(ever, Relaxed);
    }

    /// The same as they are now.
    pub fn now(&self) -> (u32, u32) {
        (self.open.load(Relaxed), self.streams.load(Relaxed))
    }

    pub fn setting(&self, way: Way, id: u16, value: u32) {
        let mut settings = self.page(way).settings.lock();
        if let Some(setting) = settings.iter_mut().find(|(known, _)| *known == id) {
            setting.1 = value;
        } else if settings.len() < SETTINGS {
            settings.push((id, value));
        }
    }
}

impl Facts for Ledger {
    fn is_h2(&self) -> bool {
        true
    }

    fn read(&self) -> Vec<Group> {
        let (received, sent) = (&self.received, &self.sent);
        let both = |of: fn(&Page) -> u64| format!("{} in, {} out", size::exact(of(received)), size::exact(of(sent)));
        let left = |page: &Page| u64::try_from(page.window.load(Relaxed)).unwrap_or_default();
        let mut rows = vec![
            ("streams".into(), format!("{} open of {}", self.open.load(Relaxed), self.streams.load(Relaxed))),
            ("window in".into(), format!("{} B left to the peer", size::exact(left(received)))),
            ("window out".into(), format!("{} B left to us", size::exact(left(sent)))),
            ("frames".into(), both(|page| page.frames.iter().map(|count| count.load(Relaxed)).sum())),
        ];
        for (kind, name) in FRAMES.into_iter().chain(["unknown"]).enumerate() {
            let [theirs, ours] = [received, sent].map(|page| page.frames[kind].load(Relaxed));
            if theirs + ours > 0 {
                rows.push((name.into(), format!("{} in, {} out", size::exact(theirs), size::exact(ours))));
            }
        }
        let asked = |title: &'static str, page: &Page| {
            let rows = page.settings.lock().iter().map(|(id, value)| (h2::setting(*id), value.to_string())).collect();
            Group { title: title.into(), rows }
        };
        let groups = [
            Group { title: "HTTP/2".into(), rows },
            asked("HTTP/2 settings of the peer", received),
            asked("HTTP/2 settings of ours", sent),
        ];
        groups.into_iter().filter(|group| !group.rows.is_empty()).collect()
    }
}
