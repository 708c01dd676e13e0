//! One clock: monotonic nanoseconds since the program started, and the wall time of that start.
//!
//! The only place that reads `Instant::now`. A `Stamp` is what events carry: it orders, it subtracts,
//! and with the [`Wall`] it becomes a time of day.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the clock was started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Stamp(pub u64);

impl Stamp {
    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanos(time)))
    }
}

/// A duration as nanoseconds, saturating after 584 years.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What turns a [`Stamp`] into a time of day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wall {
    /// Nanoseconds since the Unix epoch at `Stamp(0)`.
    pub epoch: u64,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Wall {
    /// Nanoseconds since the Unix epoch.
    pub fn unix(self, at: Stamp) -> u64 {
        self.epoch.saturating_add(at.0)
    }

    /// The local time of day: hours, minutes, seconds, microseconds.
    pub fn clock(self, at: Stamp) -> (u64, u64, u64, u64) {
        let unix = self.unix(at);
        let local = (unix / 1_000_000_000).saturating_add_signed(i64::from(self.offset));
        (local / 3600 % 24, local / 60 % 60, local % 60, unix / 1000 % 1_000_000)
    }
}

/// The clock of one session. Copy it freely: it holds no state but its start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

impl Clock {
    /// `offset` is the local time zone's, in seconds east of UTC.
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    pub fn start(offset: i32) -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos);
        Self { start: Instant::now(), wall: Wall { epoch, offset } }
    }

    pub fn now(&self) -> Stamp {
        Stamp(nanos(self.start.elapsed()))
    }

    /// The stamp of a moment that was looked at already.
    pub fn at(&self, moment: Instant) -> Stamp {
        Stamp(nanos(moment.saturating_duration_since(self.start)))
    }

    pub fn wall(&self) -> Wall {
        self.wall
    }

    /// How far the system's time of day is ahead of the one that goes with this clock, in nanoseconds: it was set,
    /// or the machine slept, which a monotonic clock does not count (clock_gettime(2)).
    pub fn drift(&self) -> i64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos);
        let ours = self.wall.unix(self.now());
        i64::try_from(i128::from(system) - i128::from(ours)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_becomes_the_local_time_of_day() {
        let wall = Wall { epoch: 1_700_000_000_000_000_000, offset: 3600 };
        assert_eq!(wall.clock(Stamp(1_500_001_000)), (23, 13, 21, 500_001));
    }

    #[test]
    fn the_clock_never_runs_backwards() {
        let clock = Clock::start(0);
        let a = clock.now();
        assert!(clock.now() >= a);
        assert_eq!(a.since(a.plus(Duration::from_secs(1))), Duration::ZERO);
    }
}
