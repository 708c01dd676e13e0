//! The exact counters of a socket. Facts: never computed from events, never lost with them.

use std::ops::{AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One direction of a socket, or of a sum of sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    /// What the kernel or the framing counted: TCP segments, datagrams, WebSocket frames.
    pub packets: u64,
    /// Chunks, datagrams, WebSocket messages, HTTP requests or responses.
    pub messages: u64,
    /// Clear bytes: payload as the protocol counts it.
    pub bytes: u64,
    /// Bytes that crossed the network above TCP or UDP: for TLS the records, for WebSocket the frames.
    pub wire: u64,
}

/// All counters of a socket, an endpoint, or everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    pub received: Flow,
    pub sent: Flow,
    pub errors: u64,
}

/// The live form of a [`Count`]: written by one flow, read by anyone without a lock.
///
/// Each cell has one writer at a time (events come under the timeline's lock; wire, clear and packet cells
/// are written by the one task that owns the flow; the kernel's segments by whoever asks, under the lock),
/// so a plain load and store is exact and costs no locked instruction. Readers may see one counter a
/// moment before its neighbour.
#[derive(Debug, Default)]
pub struct Tally {
    cells: [AtomicU64; 9],
}

/// One counter of a tally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Cell {
    PacketsIn,
    MessagesIn,
    BytesIn,
    WireIn,
    PacketsOut,
    MessagesOut,
    BytesOut,
    WireOut,
    Errors,
}

impl Tally {
    /// Adds to one counter. The caller is its one writer (see the type).
    pub fn add(&self, cell: Cell, n: u64) {
        let cell = &self.cells[cell as usize];
        cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Sets one counter, for those the kernel keeps (segments). The caller is its one writer.
    pub fn set(&self, cell: Cell, n: u64) {
        self.cells[cell as usize].store(n, Relaxed);
    }

    pub fn read(&self) -> Count {
        let [pi, mi, bi, wi, po, mo, bo, wo, errors] = &self.cells;
        let flow = |p: &AtomicU64, m: &AtomicU64, b: &AtomicU64, w: &AtomicU64| Flow {
            packets: p.load(Relaxed),
            messages: m.load(Relaxed),
            bytes: b.load(Relaxed),
            wire: w.load(Relaxed),
        };
        Count { received: flow(pi, mi, bi, wi), sent: flow(po, mo, bo, wo), errors: errors.load(Relaxed) }
    }
}

impl AddAssign for Flow {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.wire += other.wire;
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.errors += other.errors;
    }
}

impl Sub for Flow {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(other.packets),
            messages: self.messages.saturating_sub(other.messages),
            bytes: self.bytes.saturating_sub(other.bytes),
            wire: self.wire.saturating_sub(other.wire),
        }
    }
}

impl Sub for Count {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            received: self.received - other.received,
            sent: self.sent - other.sent,
            errors: self.errors.saturating_sub(other.errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_what_is_read() {
        let tally = Tally::default();
        tally.add(Cell::BytesIn, 5);
        tally.add(Cell::BytesIn, 7);
        tally.add(Cell::MessagesIn, 2);
        tally.add(Cell::WireOut, 9);
        tally.add(Cell::Errors, 1);
        tally.set(Cell::PacketsOut, 3);
        let count = tally.read();
        assert_eq!(count.received, Flow { packets: 0, messages: 2, bytes: 12, wire: 0 });
        assert_eq!(count.sent, Flow { packets: 3, messages: 0, bytes: 0, wire: 9 });
        assert_eq!(count.errors, 1);
    }

    #[test]
    fn sums_and_differences_undo_each_other() {
        let a = Count { received: Flow { packets: 1, messages: 2, bytes: 3, wire: 4 }, errors: 1, ..Count::default() };
        let mut sum = a;
        sum += a;
        assert_eq!(sum - a, a);
    }
}
