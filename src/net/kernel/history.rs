//! A minute of what the kernel said, a sample a second at the most, of connections on which something happens
//! or that somebody looks at: one that is idle keeps none.

use std::collections::VecDeque;
use std::time::Duration;

use super::info::Info;
use crate::model::time::Stamp;
use crate::model::view::{Measure, Series};

/// Samples kept: a minute of a busy connection, 1 KB.
const KEPT: usize = 60;
/// From one sample to the next.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: u32,
    rtt: u32,
    cwnd: u32,
    queue: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct History {
    last: Option<Stamp>,
    samples: VecDeque<Sample>,
}

impl History {
    /// Whether a sample is due. The first look alone takes none: 10,000 connections that are opened and
    /// then idle are looked at once each.
    pub fn is_due(&mut self, now: Stamp) -> bool {
        match self.last {
            None => {
                self.last = Some(now);
                false
            }
            Some(last) => now.since(last) >= EVERY,
        }
    }

    pub fn push(&mut self, now: Stamp, info: &Info, queue: u32) {
        self.last = Some(now);
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            at: u32::try_from(now.0 / 1_000_000_000).unwrap_or(u32::MAX),
            rtt: u32::try_from(info.rtt).unwrap_or(u32::MAX),
            cwnd: info.cwnd,
            queue,
        });
    }

    /// What was sampled, oldest first; nothing while there is nothing to compare.
    pub fn series(&self) -> Vec<Series> {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return Vec::new() };
        if self.samples.len() < 2 {
            return Vec::new();
        }
        let over = Duration::from_secs(u64::from(last.at.saturating_sub(first.at)));
        let series = |name, measure, of: fn(&Sample) -> u32| Series {
            name,
            measure,
            over,
            values: self.samples.iter().map(of).collect(),
        };
        vec![
            series("rtt", Measure::Micros, |sample| sample.rtt),
            series("cwnd", Measure::Segments, |sample| sample.cwnd),
            series("send queue", Measure::Bytes, |sample| sample.queue),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_a_second_and_the_last_minute_of_them() {
        let mut history = History::default();
        let at = |ms: u64| Stamp(ms * 1_000_000);
        assert!(!history.is_due(at(0)), "the first look takes none");
        assert!(!history.is_due(at(999)));
        for second in 1..=100 {
            assert!(history.is_due(at(second * 1000)));
            let rtt = second;
            history.push(at(second * 1000), &Info { rtt, cwnd: 10, ..Info::default() }, 7);
            assert!(!history.is_due(at(second * 1000 + 500)));
        }
        let series = history.series();
        assert_eq!(series[0].values, (41..=100).collect::<Vec<u32>>());
        assert_eq!((series[0].over, series[2].values[0]), (Duration::from_secs(59), 7));
    }

    #[test]
    fn one_sample_is_no_history_and_none_costs_nothing() {
        let mut history = History::default();
        assert!(history.series().is_empty());
        assert_eq!(history.samples.capacity(), 0);
        history.push(Stamp(0), &Info::default(), 0);
        assert!(history.series().is_empty());
    }
}
