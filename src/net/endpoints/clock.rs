//! The system's time of day, where it jumps.

use std::sync::atomic::Ordering::Relaxed;

use super::Endpoints;
use crate::model::event::Kind;

/// Nanoseconds. What keeps a clock right moves it by less at once, and slews the rest (adjtimex(2)).
const JUMP: u64 = 1_000_000_000;

impl Endpoints {
    /// Says on each endpoint's timeline when the system's time of day has jumped. For whoever looks now and then: what
    /// nobody looks at costs nothing.
    pub fn heed_clock(&self) {
        let drift = self.hub.clock().drift();
        let by = drift.saturating_sub(self.drift.load(Relaxed));
        if by.unsigned_abs() < JUMP {
            return;
        }
        self.drift.store(drift, Relaxed);
        for endpoint in self.running.lock().values() {
            endpoint.log.event(Kind::Clock { by });
        }
    }
}
