//! A minute of what the kernel said, a sample a second at the most, of connections on which something happens
//! or that somebody looks at: one that is idle keeps none.

use std::collections::VecDeque;
use std::time::Duration;

use super::info::{Info, Queues};
use crate::model::time::Stamp;
use crate::model::view::{Measure, Series};

/// Samples kept: a minute of a busy connection, 3 KB.
const KEPT: usize = 60;
/// From one sample to the next.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: u32,
    info: Brief,
    queues: Queues,
}

/// What is kept of an [`Info`].
#[derive(Clone, Copy, Debug)]
struct Brief {
    rtt: u32,
    rtt_variance: u32,
    cwnd: u32,
    resent: u32,
    unacked: u32,
    delivery_rate: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct History {
    last: Option<Stamp>,
    samples: VecDeque<Sample>,
}

impl History {
    /// Whether a sample is due. The first look alone takes none: 10,000 connections that are opened and
    /// then idle are looked at once each. What somebody wants to see has one at once.
    pub fn is_due(&mut self, now: Stamp, is_wanted: bool) -> bool {
        if is_wanted && self.samples.is_empty() {
            return true;
        }
        match self.last {
            None => {
                self.last = Some(now);
                false
            }
            Some(last) => now.since(last) >= EVERY,
        }
    }

    pub fn push(&mut self, now: Stamp, info: &Info, queues: Queues) {
        self.last = Some(now);
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        let short = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let info = Brief {
            rtt: short(info.rtt),
            rtt_variance: short(info.rtt_variance),
            cwnd: info.cwnd,
            resent: info.resent,
            unacked: info.unacked,
            delivery_rate: info.delivery_rate,
        };
        self.samples.push_back(Sample { at: short(now.0 / 1_000_000_000), info, queues });
    }

    /// What was sampled, oldest first.
    pub fn series(&self) -> Vec<Series> {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return Vec::new() };
        let over = Duration::from_secs(u64::from(last.at.saturating_sub(first.at)));
        let each = SERIES.iter().map(|(name, measure, of)| Series {
            name,
            measure: *measure,
            over,
            values: self.samples.iter().map(of).collect(),
        });
        each.collect()
    }
}

type Of = fn(&Sample) -> u64;

const SERIES: &[(&str, Measure, Of)] = &[
    ("rtt", Measure::Micros, |sample| sample.info.rtt.into()),
    ("rttvar", Measure::Micros, |sample| sample.info.rtt_variance.into()),
    ("cwnd", Measure::Segments, |sample| sample.info.cwnd.into()),
    ("unacked", Measure::Segments, |sample| sample.info.unacked.into()),
    // Of the connection so far.
    ("retransmits", Measure::Segments, |sample| sample.info.resent.into()),
    ("delivery rate", Measure::Rate, |sample| sample.info.delivery_rate),
    ("send queue", Measure::Bytes, |sample| sample.queues.send.unwrap_or(0).into()),
    ("receive queue", Measure::Bytes, |sample| sample.queues.receive.unwrap_or(0).into()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_a_second_and_the_last_minute_of_them() {
        let mut history = History::default();
        let at = |ms: u64| Stamp(ms * 1_000_000);
        assert!(!history.is_due(at(0), false), "the first look takes none");
        assert!(!history.is_due(at(999), false));
        let queues = Queues { send: Some(7), receive: Some(8) };
        for second in 1..=100 {
            assert!(history.is_due(at(second * 1000), false));
            let info = Info { rtt: second, rtt_variance: 1, cwnd: 10, unacked: 2, resent: 3, ..Info::default() };
            history.push(at(second * 1000), &Info { delivery_rate: 5_000_000_000, ..info }, queues);
            assert!(!history.is_due(at(second * 1000 + 500), true));
        }
        let series = history.series();
        assert_eq!(series[0].values, (41..=100).collect::<Vec<u64>>());
        assert_eq!(series[0].over, Duration::from_secs(59));
        let newest: Vec<_> = series.iter().map(|series| (series.name, *series.values.last().unwrap())).collect();
        let want = [
            ("rtt", 100),
            ("rttvar", 1),
            ("cwnd", 10),
            ("unacked", 2),
            ("retransmits", 3),
            ("delivery rate", 5_000_000_000),
            ("send queue", 7),
            ("receive queue", 8),
        ];
        assert_eq!(newest, want);
    }

    #[test]
    fn who_wants_to_see_it_has_a_sample_at_once_and_none_costs_nothing() {
        let mut history = History::default();
        assert!(!history.is_due(Stamp(0), false));
        assert!(history.series().is_empty());
        assert_eq!(history.samples.capacity(), 0);
        assert!(history.is_due(Stamp(1), true));
        history.push(Stamp(1), &Info::default(), Queues::default());
        assert!(!history.is_due(Stamp(2), true), "one a second");
        assert_eq!(history.series()[0].values, [0]);
    }
}
