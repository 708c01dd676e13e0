//! Exchanges that a person answers by hand. Each connection that has one has a [`Shelf`]; hyper's side of
//! an exchange waits as a [`Ticket`], and what a person does is done to the shelf at once, so that a refusal
//! is the answer to the key that asked for it.
//!
//! What really leaves is recorded where it passes, by the watch on the stream; here only the waiting is.

mod compose;
mod ledger;
mod ticket;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Version};
use parking_lot::Mutex;

pub use self::compose::{code, compose, event, patch, status, trailers};
use self::ledger::{Asked, Ledger};
pub use self::ledger::{Patch, Step};
pub use self::ticket::{Request, Ticket};
use super::exchanges::Heads;
use crate::model::draft::Rejection;
use crate::model::id::SocketId;
use crate::model::size;
use crate::model::time::Clock;
use crate::model::view::{Facts, Group};
use crate::model::waiting::{self, Exchange, Phase};

/// Exchanges of all connections that are held at once: more than a person ever answers. The next is
/// answered 503.
pub const MOST: usize = 1000;
/// Chunks of one answer that wait for the peer to read: a person types slower, a script is told.
const CHUNKS: usize = 256;
/// The same in bytes: the largest file that is sent as one chunk.
const BYTES: usize = 16 << 20;
/// Exchanges of a connection that are over and still listed.
const OVER: usize = 16;

/// Where the shelf of a socket is.
#[derive(Clone, Default)]
pub struct Holds(Arc<Rack>);

#[derive(Default)]
struct Rack {
    shelves: Mutex<HashMap<SocketId, Arc<Shelf>>>,
    held: AtomicUsize,
}

impl Holds {
    pub fn add(&self, socket: SocketId, shelf: Arc<Shelf>) {
        self.0.shelves.lock().insert(socket, shelf);
    }

    pub fn remove(&self, socket: SocketId) {
        self.0.shelves.lock().remove(&socket);
    }

    /// Does steps of an answer; without a number, of the oldest that is not answered. What was done, in words.
    ///
    /// # Errors
    /// There is no such exchange, or a step cannot be done: then none of them was.
    pub fn answer(&self, socket: SocketId, exchange: Option<u32>, steps: &[Step]) -> Result<String, Rejection> {
        let shelf = self.0.shelves.lock().get(&socket).cloned();
        let shelf = shelf.ok_or_else(|| Rejection(format!("no exchange of {socket} waits for an answer")))?;
        shelf.answer(exchange, steps).map_err(Rejection)
    }
}

/// The held exchanges of one connection.
pub struct Shelf {
    socket: SocketId,
    clock: Clock,
    holds: Holds,
    /// Requests behind the one that is held.
    heads: Arc<Heads>,
    slots: Mutex<Slots>,
    /// We are closing the connection: what is cut now, the peer did not give up.
    leaving: AtomicBool,
}

#[derive(Default)]
struct Slots {
    open: Vec<Slot>,
    over: VecDeque<Exchange>,
}

/// How an exchange leaves the shelf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// Its side of hyper went: the peer gave up, if we did not.
    Dropped,
    /// Its request was refused.
    Cut,
}

struct Slot {
    exchange: Exchange,
    ledger: Ledger,
    /// Given, and not yet taken by the connection.
    queue: VecDeque<Bytes>,
    queued: usize,
    trailers: Vec<(HeaderName, HeaderValue)>,
    /// Its stream is to be reset once the queue is empty.
    reset: Option<u32>,
    /// Whoever waits for the next step.
    waker: Option<Waker>,
}

impl Shelf {
    pub fn new(socket: SocketId, clock: Clock, holds: Holds, heads: Arc<Heads>) -> Arc<Self> {
        Arc::new(Self { socket, clock, holds, heads, slots: Mutex::default(), leaving: AtomicBool::new(false) })
    }

    pub fn socket(&self) -> SocketId {
        self.socket
    }

    /// The exchange that is answered next.
    pub fn first(&self) -> Option<u32> {
        self.slots.lock().open.first().map(|slot| slot.exchange.number)
    }

    /// From here on what is not answered was cut by us.
    pub fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Puts an exchange on the shelf. Whether there was room.
    fn put(&self, request: &Request) -> bool {
        let Request { number, method, target, version, since } = request;
        if self.holds.0.held.fetch_add(1, Relaxed) >= MOST {
            self.holds.0.held.fetch_sub(1, Relaxed);
            return false;
        }
        let exchange = Exchange {
            number: *number,
            method: method.as_str().into(),
            target: clipped(target).into(),
            phase: Phase::Waiting,
            since: *since,
            over: None,
            body: 0,
        };
        let (old, two) = (*version == Version::HTTP_10, *version == Version::HTTP_2);
        let asked = Asked { head: *method == Method::HEAD, old, two };
        self.slots.lock().open.push(Slot {
            exchange,
            ledger: Ledger::new(asked),
            queue: VecDeque::new(),
            queued: 0,
            trailers: Vec::new(),
            reset: None,
            waker: None,
        });
        true
    }

    /// Takes an exchange off the shelf; how far it had come.
    fn take(&self, number: u32, fate: Fate) -> Option<Exchange> {
        let mut slots = self.slots.lock();
        let at = slots.open.iter().position(|slot| slot.exchange.number == number)?;
        let Slot { mut exchange, ledger, .. } = slots.open.remove(at);
        exchange.over = Some(self.clock.now());
        exchange.phase = match fate {
            Fate::Done => Phase::Ended(ledger.status.as_u16()),
            Fate::Dropped if !self.leaving.load(Relaxed) => Phase::Aborted,
            Fate::Dropped | Fate::Cut => Phase::Cut,
        };
        if slots.over.len() >= OVER {
            slots.over.pop_front();
        }
        slots.over.push_back(exchange.clone());
        self.holds.0.held.fetch_sub(1, Relaxed);
        Some(exchange)
    }

    fn answer(&self, number: Option<u32>, steps: &[Step]) -> Result<String, String> {
        let mut slots = self.slots.lock();
        // In the order they came, the one that was begun first.
        let at = match number {
            Some(number) => slots.open.iter().position(|slot| slot.exchange.number == number),
            None => (0..slots.open.len()).find(|at| !slots.open[*at].ledger.ended),
        };
        let Some(slot) = at.and_then(|at| slots.open.get_mut(at)) else {
            let over = |number| slots.over.iter().find(|exchange| exchange.number == number);
            let first = slots.open.first().map(|slot| slot.exchange.number);
            return Err(match number {
                None => format!("no exchange of {} waits for an answer", self.socket),
                Some(number) if over(number).is_some_and(|exchange| exchange.phase == Phase::Aborted) => {
                    format!("exchange {number} is over: the peer gave up")
                }
                Some(number) if over(number).is_some() => format!("exchange {number} has its whole answer already"),
                Some(number) => match first.filter(|_| self.heads.has(number)) {
                    Some(first) => format!("exchange {number} waits behind {first}: HTTP/1.1 answers in order"),
                    None => format!("{} holds no exchange {number}", self.socket),
                },
            });
        };
        let before = slot.ledger.clone();
        let mut after = before.clone();
        let given = after.take(steps)?;
        let size: usize = given.chunks.iter().map(Bytes::len).sum();
        // One chunk may always come: a bound must not forbid what an empty queue would take.
        if !slot.queue.is_empty() && (slot.queue.len() >= CHUNKS || slot.queued + size > BYTES) {
            return Err(format!(
                "{} chunks of {} bytes wait already: the peer does not read",
                slot.queue.len(),
                slot.queued
            ));
        }
        let number = slot.exchange.number;
        if !self.heads.interims.push(number, given.interims) {
            return Err("too many 1xx wait already: the peer does not read".into());
        }
        let told = after.told(&before, steps);
        slot.queued += size;
        slot.queue.extend(given.chunks);
        slot.trailers = given.trailers;
        slot.reset = given.reset;
        slot.exchange.body = after.sent;
        if after.left {
            slot.exchange.phase = Phase::HeadSent(after.status.as_u16());
        }
        slot.ledger = after;
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
        Ok(format!("exchange {}: {told}", slot.exchange.number))
    }

    fn with<T>(&self, number: u32, look: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let mut slots = self.slots.lock();
        slots.open.iter_mut().find(|slot| slot.exchange.number == number).map(look)
    }
}

impl waiting::Shelf for Shelf {
    fn exchanges(&self) -> Vec<Exchange> {
        let slots = self.slots.lock();
        let mut all: Vec<Exchange> = slots.over.iter().cloned().collect();
        all.extend(slots.open.iter().map(|slot| slot.exchange.clone()));
        // Without one that is answered, those behind it are the connection's own business.
        if !slots.open.is_empty() {
            drop(slots);
            self.heads.each(|number, head, since| all.push(queued(number, head, since)));
        }
        all
    }
}

/// What is held on the connection, and what was.
impl Facts for Shelf {
    fn read(&self) -> Vec<Group> {
        let now = self.clock.now();
        let row = |exchange: Exchange| {
            let waited = size::age(exchange.over.unwrap_or(now).since(exchange.since));
            let body = if exchange.body > 0 { format!(", {}", size::bytes(exchange.body)) } else { String::new() };
            let text = format!("{} {}  {}{body}, {waited}", exchange.method, exchange.target, exchange.phase);
            (format!("exchange {}", exchange.number).into(), text)
        };
        let rows = waiting::Shelf::exchanges(self).into_iter().map(row).collect();
        vec![Group { title: "answered by hand".into(), rows }]
    }
}

/// A request that waits behind another, as its head says.
fn queued(number: u32, head: &[u8], since: crate::model::time::Stamp) -> Exchange {
    let line = head.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Exchange {
        number,
        method: method.into(),
        target: clipped(target).into(),
        phase: Phase::Queued,
        since,
        over: None,
        body: 0,
    }
}

/// What of a target is kept for a list: a line.
fn clipped(target: &str) -> &str {
    let end = target.char_indices().nth(256).map_or(target.len(), |(at, _)| at);
    &target[..end]
}

#[cfg(test)]
mod ledger_tests;
#[cfg(test)]
mod tests;
