//! Rates: how many in the last full second, so that the number stands still while it is read.

use crate::model::view::SPARK;

/// Counts per second, remembering the last full one.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Meter {
    second: u64,
    current: u64,
    previous: u64,
}

impl Meter {
    pub fn add(&mut self, second: u64, n: u64) {
        self.roll(second);
        self.current += n;
    }

    /// Whether nothing was added in this second yet.
    pub fn is_new(&self, second: u64) -> bool {
        second > self.second
    }

    fn roll(&mut self, second: u64) {
        if second > self.second {
            self.previous = if second == self.second + 1 { self.current } else { 0 };
            self.current = 0;
            self.second = second;
        }
    }

    /// The last full second's count, or this second's while there is none yet.
    pub fn rate(&self, second: u64) -> u64 {
        let mut meter = *self;
        meter.roll(second);
        meter.previous.max(if meter.previous == 0 { meter.current } else { 0 })
    }
}

/// Counts of the last [`SPARK`] seconds.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Spark {
    second: u64,
    counts: [u32; SPARK],
}

impl Spark {
    pub fn add(&mut self, second: u64, n: u64) {
        self.roll(second);
        let cell = &mut self.counts[SPARK - 1];
        *cell = cell.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
    }

    fn roll(&mut self, second: u64) {
        let steps = usize::try_from(second.saturating_sub(self.second)).unwrap_or(usize::MAX).min(SPARK);
        if steps > 0 {
            self.counts.copy_within(steps.., 0);
            self.counts[SPARK - steps..].fill(0);
            self.second = second;
        }
    }

    pub fn read(&self, second: u64) -> [u32; SPARK] {
        let mut spark = *self;
        spark.roll(second);
        spark.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_last_full_second() {
        let mut meter = Meter::default();
        meter.add(10, 5);
        assert_eq!(meter.rate(10), 5);
        meter.add(11, 1);
        assert_eq!(meter.rate(11), 5);
        assert_eq!(meter.rate(12), 1);
        assert_eq!(meter.rate(13), 0);
    }

    #[test]
    fn a_spark_moves_left() {
        let mut spark = Spark::default();
        spark.add(100, 3);
        spark.add(102, 4);
        let seen = spark.read(103);
        assert_eq!(seen[SPARK - 4..], [3, 0, 4, 0]);
        assert_eq!(spark.read(500), [0; SPARK]);
    }
}
