//! A timeline: the bounded window of a subject's newest events, and the count of what it dropped.
//!
//! Entries lie in one deque and the heads of their payloads, end to end, in another: an event costs no
//! allocation of its own. Each deque may take half of the limit.

use std::collections::VecDeque;

use super::event::{Event, Kind};
use super::time::Stamp;

#[derive(Debug)]
struct Entry {
    at: Stamp,
    kind: Kind,
    size: u64,
    /// Bytes of the payload that were kept.
    kept: u32,
}

/// See the module. `first` is the sequence number of the oldest entry, and so the number dropped.
#[derive(Debug, Default)]
pub struct Ring {
    entries: VecDeque<Entry>,
    heads: VecDeque<u8>,
    first: u64,
    boxed: usize,
}

impl Ring {
    /// Appends an event, and drops the oldest ones until all fit `limit` bytes. An event larger than
    /// the limit loses its head, never itself.
    pub fn push(&mut self, at: Stamp, kind: Kind, size: u64, head: &[u8], limit: usize) {
        let half = limit / 2;
        let head = &head[..head.len().min(half / 2)];
        self.make_room(head.len(), half);
        self.boxed += kind.weight();
        self.heads.extend(head);
        self.entries.push_back(Entry { at, kind, size, kept: u32::try_from(head.len()).unwrap_or(u32::MAX) });
        while self.boxed > half && self.entries.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Grows in powers of two while that fits, and drops from the front when it does not.
    fn make_room(&mut self, head: usize, half: usize) {
        let most = (half / size_of::<Entry>()).max(2);
        if self.entries.len() == self.entries.capacity() && self.entries.len() < most {
            let more = self.entries.len().max(4).min(most - self.entries.len());
            self.entries.reserve_exact(more);
        }
        while self.entries.len() >= most {
            self.drop_oldest();
        }
        while self.heads.len() + head > half && !self.entries.is_empty() {
            self.drop_oldest();
        }
        let need = self.heads.len() + head;
        if need > self.heads.capacity() {
            let cap = (self.heads.capacity() * 2).clamp(need, half);
            self.heads.reserve_exact(cap - self.heads.len());
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.heads.drain(..entry.kept as usize);
            self.boxed -= entry.kind.weight();
            self.first += 1;
        }
    }

    /// Gives memory back until the ring fits `limit` again.
    pub fn trim(&mut self, limit: usize) {
        if self.bytes() <= limit {
            return;
        }
        let half = limit / 2;
        while self.entries.len() > 1
            && (self.entries.len() * size_of::<Entry>() > half || self.heads.len() > half || self.boxed > half)
        {
            self.drop_oldest();
        }
        self.entries.shrink_to_fit();
        self.heads.shrink_to_fit();
    }

    /// Memory held, in bytes: capacity, not length.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.heads.capacity() + self.boxed
    }

    /// Events dropped from the front so far.
    pub fn dropped(&self) -> u64 {
        self.first
    }

    /// Sequence numbers kept: first to one past the last.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.entries.len() as u64
    }

    /// Up to `most` events from `from` on. Costs what it returns plus one walk over the entries
    /// between the nearer end and `from`, for the heads' offsets.
    pub fn read(&self, from: u64, most: usize) -> Vec<Event> {
        let range = self.range();
        let from = from.clamp(range.start, range.end);
        let skip = usize::try_from(from - range.start).unwrap_or(usize::MAX);
        let mut offset = if skip * 2 <= self.entries.len() {
            self.entries.range(..skip).map(|entry| entry.kept as usize).sum()
        } else {
            let behind: usize = self.entries.range(skip..).map(|entry| entry.kept as usize).sum();
            self.heads.len() - behind
        };
        let mut out = Vec::with_capacity(most.min(self.entries.len() - skip));
        for (entry, seq) in self.entries.range(skip..).take(most).zip(from..) {
            let end = offset + entry.kept as usize;
            out.push(Event {
                seq,
                at: entry.at,
                kind: entry.kind.clone(),
                size: entry.size,
                head: self.heads.range(offset..end).copied().collect(),
            });
            offset = end;
        }
        out
    }

    /// The time of one event, without its payload.
    pub fn at(&self, seq: u64) -> Option<Stamp> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(index).map(|entry| entry.at)
    }

    /// The first sequence number whose event is later than `until`: a frozen picture's end.
    pub fn end_at(&self, until: Stamp) -> u64 {
        self.first + self.entries.partition_point(|entry| entry.at <= until) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The ring is the last n of everything that was pushed, byte for byte, within its limit.
        #[test]
        fn the_ring_is_the_newest_part_of_all(
            heads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..300),
            limit in 2_000usize..8_000,
            trim in 1_000usize..4_000,
        ) {
            let mut ring = Ring::default();
            for (i, head) in heads.iter().enumerate() {
                ring.push(Stamp(i as u64), Kind::Data, head.len() as u64, head, limit);
                prop_assert!(ring.bytes() <= limit + 2 * size_of::<Entry>(), "{} > {limit}", ring.bytes());
            }
            let check = |ring: &Ring| {
                let all = ring.read(0, usize::MAX);
                let first = usize::try_from(ring.dropped()).unwrap();
                prop_assert_eq!(first + all.len(), heads.len());
                for (event, (i, head)) in all.iter().zip(heads.iter().enumerate().skip(first)) {
                    prop_assert_eq!(event.seq, i as u64);
                    prop_assert_eq!(&event.head, head);
                }
                Ok(())
            };
            check(&ring)?;
            ring.trim(trim);
            prop_assert!(ring.bytes() <= trim.max(2 * size_of::<Entry>() + 200));
            check(&ring)?;
        }

        #[test]
        fn a_window_is_a_slice_of_the_whole(n in 1u64..100, from in 0u64..120, most in 0usize..50) {
            let mut ring = Ring::default();
            for i in 0..n {
                ring.push(Stamp(i), Kind::Write, 1, &[u8::try_from(i).unwrap()], 1 << 20);
            }
            let all = ring.read(0, usize::MAX);
            let skip = usize::try_from(from.min(n)).unwrap();
            let want: Vec<_> = all.into_iter().skip(skip).take(most).collect();
            prop_assert_eq!(ring.read(from, most), want);
        }
    }

    #[test]
    fn an_entry_is_at_most_six_words() {
        assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
    }

    #[test]
    fn a_frozen_picture_ends_where_it_was_frozen() {
        let mut ring = Ring::default();
        for i in 0..10 {
            ring.push(Stamp(i * 10), Kind::Data, 0, b"", 1 << 16);
        }
        assert_eq!(ring.end_at(Stamp(35)), 4);
        assert_eq!(ring.at(3), Some(Stamp(30)));
    }
}
