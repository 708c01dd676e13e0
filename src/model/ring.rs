//! A timeline: the bounded window of a subject's newest events, and the count of what it dropped.
//!
//! Entries lie in one deque and the heads of their payloads, end to end, in another: an event costs no
//! allocation of its own. Each deque may take half of the limit.
//!
//! A long timeline lies in memory that no cache holds, and an event that went there alone would wait for it: the lock
//! it is recorded under waits for its stores. So the newest events gather in a small stage and go there together.

use std::collections::VecDeque;

use super::event::{Event, Kind};
use super::time::Stamp;

/// Events that gather, and how long a head may be to be among them.
const STAGE: usize = 32;
const STAGED: usize = 256;
/// What the stage takes of the limit.
const STAGE_BYTES: usize = STAGE * (size_of::<Entry>() + STAGED);
/// Below so many entries a ring lies in the cache as a whole, and needs no stage.
const LONG: usize = 256;

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
    /// The stage: what is behind those.
    fresh: VecDeque<Entry>,
    fresh_heads: Vec<u8>,
    /// Half of the limit, as it was at the last push.
    half: usize,
    first: u64,
    boxed: usize,
}

impl Ring {
    /// Appends an event, and drops the oldest ones until all fit `limit` bytes. An event larger than
    /// the limit loses its head, never itself.
    pub fn push(&mut self, at: Stamp, kind: Kind, size: u64, head: &[u8], limit: usize) {
        // A stage is for those that can spare it.
        let stages = limit >= 16 * STAGE_BYTES;
        self.half = if stages { (limit - STAGE_BYTES) / 2 } else { limit / 2 };
        let head = &head[..head.len().min(self.half / 2)];
        self.boxed += kind.weight();
        let entry = Entry { at, kind, size, kept: u32::try_from(head.len()).unwrap_or(u32::MAX) };
        if stages && self.entries.len() >= LONG && head.len() <= STAGED {
            if self.fresh.capacity() == 0 {
                self.fresh.reserve_exact(STAGE);
                self.fresh_heads.reserve_exact(STAGE * STAGED);
            }
            self.fresh_heads.extend_from_slice(head);
            self.fresh.push_back(entry);
            if self.fresh.len() >= STAGE {
                self.settle();
            }
        } else {
            self.settle();
            self.make_room(1, head.len());
            self.heads.extend(head);
            self.entries.push_back(entry);
        }
        if self.boxed > self.half {
            self.settle();
            self.drop_oldest(|ring, _| ring.boxed > ring.half && ring.entries.len() > 1);
        }
    }

    /// Takes what is on the stage to the rest.
    fn settle(&mut self) {
        if !self.fresh.is_empty() {
            self.make_room(self.fresh.len(), self.fresh_heads.len());
            self.entries.append(&mut self.fresh);
            self.heads.extend(&self.fresh_heads);
            self.fresh_heads.clear();
        }
    }

    /// Grows in powers of two while that fits, and drops from the front when it does not.
    fn make_room(&mut self, entries: usize, head: usize) {
        let most = (self.half / size_of::<Entry>()).max(2);
        if self.entries.len() + entries > self.entries.capacity() && self.entries.len() < most {
            let more = self.entries.len().max(4).max(entries).min(most - self.entries.len());
            self.entries.reserve_exact(more);
        }
        self.drop_oldest(|ring, gone| {
            ring.entries.len() + entries > most || ring.heads.len() - gone + head > ring.half
        });
        let need = self.heads.len() + head;
        if need > self.heads.capacity() {
            let cap = (self.heads.capacity() * 2).min(self.half).max(need);
            self.heads.reserve_exact(cap - self.heads.len());
        }
    }

    /// Drops from the front while there is something, and `more` says so, which is told of the bytes that go.
    fn drop_oldest(&mut self, more: impl Fn(&Self, usize) -> bool) {
        let mut gone = 0;
        while !self.entries.is_empty() && more(self, gone) {
            if let Some(entry) = self.entries.pop_front() {
                gone += entry.kept as usize;
                self.boxed -= entry.kind.weight();
                self.first += 1;
            }
        }
        if gone > 0 {
            self.heads.drain(..gone);
        }
    }

    /// Gives memory back until the ring fits `limit` again.
    pub fn trim(&mut self, limit: usize) {
        if self.bytes() <= limit {
            return;
        }
        self.settle();
        let half = limit / 2;
        self.drop_oldest(|ring, gone| {
            let entries = ring.entries.len();
            entries > 1 && (entries * size_of::<Entry>() > half || ring.heads.len() - gone > half || ring.boxed > half)
        });
        self.entries.shrink_to_fit();
        self.heads.shrink_to_fit();
        (self.fresh, self.fresh_heads) = Default::default();
    }

    /// Memory held, in bytes: capacity, not length.
    pub fn bytes(&self) -> usize {
        let entries = self.entries.capacity() + self.fresh.capacity();
        entries * size_of::<Entry>() + self.heads.capacity() + self.fresh_heads.capacity() + self.boxed
    }

    /// Events dropped from the front so far.
    pub fn dropped(&self) -> u64 {
        self.first
    }

    /// Sequence numbers kept: first to one past the last.
    pub fn range(&mut self) -> std::ops::Range<u64> {
        self.settle();
        self.first..self.first + self.entries.len() as u64
    }

    /// Up to `most` events from `from` on. Costs what it returns plus one walk over the entries
    /// between the nearer end and `from`, for the heads' offsets.
    pub fn read(&mut self, from: u64, most: usize) -> Vec<Event> {
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

    /// The time of the newest event.
    pub fn newest(&self) -> Option<Stamp> {
        self.fresh.back().or(self.entries.back()).map(|entry| entry.at)
    }

    /// The time of one event, without its payload.
    pub fn at(&mut self, seq: u64) -> Option<Stamp> {
        self.settle();
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(index).map(|entry| entry.at)
    }

    /// The first sequence number whose event is later than `until`: a frozen picture's end.
    pub fn end_at(&mut self, until: Stamp) -> u64 {
        self.settle();
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
            let check = |ring: &mut Ring| {
                let all = ring.read(0, usize::MAX);
                let first = usize::try_from(ring.dropped()).unwrap();
                prop_assert_eq!(first + all.len(), heads.len());
                for (event, (i, head)) in all.iter().zip(heads.iter().enumerate().skip(first)) {
                    prop_assert_eq!(event.seq, i as u64);
                    prop_assert_eq!(&event.head, head);
                }
                Ok(())
            };
            check(&mut ring)?;
            ring.trim(trim);
            prop_assert!(ring.bytes() <= trim.max(2 * size_of::<Entry>() + 200));
            check(&mut ring)?;
        }

        /// The same where there is room for a stage, looked into at any time.
        #[test]
        fn a_long_ring_is_the_newest_part_of_all(
            sizes in prop::collection::vec(0usize..600, 200..2_500),
            limit in 140_000usize..300_000,
            looks in prop::collection::vec(1usize..400, 1..20),
        ) {
            let mut ring = Ring::default();
            let mut looks = looks.iter().cycle();
            let mut next = *looks.next().unwrap();
            let head = |i: usize, size: usize| vec![u8::try_from(i % 251).unwrap(); size];
            for (i, size) in sizes.iter().enumerate() {
                ring.push(Stamp(i as u64), Kind::Data, *size as u64, &head(i, *size), limit);
                prop_assert!(ring.bytes() <= limit + 2 * size_of::<Entry>(), "{} > {limit}", ring.bytes());
                prop_assert_eq!(ring.newest(), Some(Stamp(i as u64)));
                if i == next {
                    next += *looks.next().unwrap();
                    let seq = i as u64;
                    prop_assert_eq!(ring.range().end, seq + 1);
                    prop_assert_eq!(ring.at(seq), Some(Stamp(seq)));
                    prop_assert_eq!(ring.end_at(Stamp(seq)), seq + 1);
                }
            }
            let all = ring.read(0, usize::MAX);
            let first = usize::try_from(ring.dropped()).unwrap();
            prop_assert_eq!(first + all.len(), sizes.len());
            for (event, (i, size)) in all.iter().zip(sizes.iter().enumerate().skip(first)) {
                prop_assert_eq!((event.seq, &event.head), (i as u64, &head(i, *size)));
            }
        }

        /// A share may fall while events gather.
        #[test]
        fn a_long_ring_that_is_cut_short_keeps_the_newest(before in 300usize..400, limit in 0usize..20_000) {
            let mut ring = Ring::default();
            for i in 0..before {
                ring.push(Stamp(i as u64), Kind::Data, 250, &[b'x'; 250], 1 << 20);
            }
            ring.push(Stamp(before as u64), Kind::Data, 1, b"y", limit);
            ring.push(Stamp(before as u64), Kind::Write, 1, b"z", limit);
            let range = ring.range();
            prop_assert_eq!(range.end, before as u64 + 2);
            prop_assert_eq!(ring.read(range.end - 1, 1).pop().map(|event| event.kind), Some(Kind::Write));
            ring.trim(limit);
            prop_assert_eq!(ring.range().end, before as u64 + 2);
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
