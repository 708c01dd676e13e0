//! Latencies in buckets of 3 %: what a percentile needs, in a few kilobytes.

use std::time::Duration;

/// Buckets of one power of two.
const FINE: u32 = 5;

pub struct Hist {
    buckets: Vec<u64>,
    count: u64,
}

impl Default for Hist {
    fn default() -> Self {
        Self { buckets: vec![0; 64 << FINE], count: 0 }
    }
}

impl Hist {
    pub fn add(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1 << FINE);
        let power = nanos.ilog2();
        let part = (nanos >> (power - FINE)) & ((1 << FINE) - 1);
        self.buckets[(power << FINE) as usize + usize::try_from(part).unwrap_or(0)] += 1;
        self.count += 1;
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Microseconds below which so many thousandths lie.
    pub fn at(&self, thousandths: u64) -> f64 {
        let rank = (self.count * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let (power, part) = (at >> FINE, at & ((1 << FINE) - 1));
                let low = ((1usize << FINE) + part) as f64 / f64::from(1u32 << FINE);
                return low * 2f64.powi(i32::try_from(power).unwrap_or(0)) / 1000.0;
            }
        }
        0.0
    }
}
