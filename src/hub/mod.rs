//! The state that endpoints write and screens read: a registry of endpoints and sockets, one log each,
//! the memory they share, and one bell that rings when something changed.
//!
//! Knows the model and one `Notify`; no protocol, no screen, no key. Three locks, never held together
//! with an await: a log's ring (one push), the registry (one open, one snapshot), the list of changed
//! subjects (one append). Order: registry before ring; a log's slices before its ring.

mod framed;
mod log;
mod meter;
mod older;
mod recorder;
mod registry;
mod snapshot;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use self::recorder::{At, HEAD, Recorder};
use self::registry::{Moment, Registry};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::life::Life;
use crate::model::spec::{Limits, Spec};
use crate::model::time::Clock;
use crate::model::url::Scheme;
use crate::model::view::State;
use crate::model::waiting::Shelf;

/// What a socket is born with.
#[derive(Clone, Debug)]
pub struct Birth {
    pub endpoint: EndpointId,
    pub scheme: Scheme,
    /// Whether the peer came to us.
    pub accepted: bool,
    pub peer: SocketAddr,
    pub local: Option<SocketAddr>,
    /// Handshakes until it is open: TCP, TLS, WebSocket.
    pub handshakes: u8,
}

/// See the module.
pub struct Hub {
    clock: Clock,
    /// Bytes for all timelines together.
    memory: usize,
    /// What one timeline may hold now: the budget over the number of timelines.
    share: AtomicUsize,
    registry: Mutex<Registry>,
    changed: Mutex<Vec<Subject>>,
    bell: Notify,
    /// Sockets with exchanges that wait for a person: those that are over go when they are looked at.
    shelves: Mutex<Vec<(SocketId, Arc<dyn Shelf>)>>,
    /// Events that all timelines dropped.
    dropped: AtomicU64,
}

impl Hub {
    pub fn new(clock: Clock, limits: &Limits) -> Arc<Self> {
        let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
        Arc::new(Self {
            clock,
            memory,
            share: AtomicUsize::new(share(memory, 0)),
            registry: Mutex::new(Registry::new(limits.closed as usize)),
            changed: Mutex::default(),
            bell: Notify::new(),
            shelves: Mutex::default(),
            dropped: AtomicU64::new(0),
        })
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits until something has changed since the last [`Hub::snapshot`] or [`Hub::collect`]. Many
    /// changes are one wake-up.
    pub async fn changed(&self) {
        self.bell.notified().await;
    }

    /// Registers an endpoint; the recorder is its own timeline's.
    pub fn add_endpoint(self: &Arc<Self>, spec: Arc<Spec>) -> (EndpointId, Recorder) {
        let mut registry = self.registry.lock();
        let (id, log) = registry.add_endpoint(spec);
        self.share_out(&mut registry);
        drop(registry);
        self.mark(id.into());
        (id, Recorder::new(Arc::clone(self), log))
    }

    /// Registers a socket; whoever holds the recorder owns its story.
    pub fn open(self: &Arc<Self>, birth: Birth) -> (SocketId, Recorder) {
        let life = Life::Opening(birth.handshakes.max(1));
        let now = self.clock.now();
        let mut registry = self.registry.lock();
        let (id, log) = registry.add_socket(birth, life, now);
        self.share_out(&mut registry);
        drop(registry);
        self.mark(id.into());
        (id, Recorder::new(Arc::clone(self), log))
    }

    pub fn set_state(&self, id: EndpointId, state: State, local: Option<SocketAddr>) {
        if let Some(endpoint) = self.registry.lock().endpoints.get_mut(&id) {
            endpoint.state = state;
            endpoint.local = local.or(endpoint.local);
        }
        self.mark(id.into());
    }

    /// Where an endpoint is bound, or was at last.
    pub fn local(&self, id: EndpointId) -> Option<SocketAddr> {
        self.registry.lock().endpoints.get(&id)?.local
    }

    /// The addresses a socket came to have.
    fn met(&self, id: SocketId, peer: SocketAddr, local: Option<SocketAddr>) {
        if let Some(socket) = self.registry.lock().sockets.get_mut(&id) {
            socket.met(id, peer, local);
        }
    }

    pub fn set_spec(&self, id: EndpointId, spec: Arc<Spec>) {
        if let Some(endpoint) = self.registry.lock().endpoints.get_mut(&id) {
            if endpoint.spec.url != spec.url {
                endpoint.local = None;
            }
            endpoint.spec = spec;
        }
        self.mark(id.into());
    }

    /// Forgets an endpoint and its sockets. The totals keep what they counted.
    pub fn remove_endpoint(&self, id: EndpointId) {
        self.collect();
        self.registry.lock().remove_endpoint(id);
        self.mark(id.into());
    }

    /// Forgets the closed sockets of the list; their counts stay in every total.
    pub fn clear_closed(&self) {
        self.collect();
        let at = Moment { now: self.clock.now(), share: self.share.load(Relaxed) };
        let grown = self.registry.lock().clear_closed(at);
        grown.into_iter().for_each(|subject| self.mark(subject));
        self.bell.notify_one();
    }

    /// The state of each endpoint. Takes nothing in: see [`Hub::collect`].
    pub fn states(&self) -> Vec<State> {
        self.registry.lock().endpoints.values().map(|endpoint| endpoint.state.clone()).collect()
    }

    /// Whether an endpoint is up or about to be.
    pub fn is_running(&self, id: EndpointId) -> bool {
        let registry = self.registry.lock();
        registry.endpoints.get(&id).is_some_and(|endpoint| matches!(endpoint.state, State::Up | State::Starting))
    }

    /// How many sockets an endpoint ever had.
    pub fn ever(&self, id: EndpointId) -> u64 {
        self.registry.lock().endpoints.get(&id).map_or(0, |endpoint| endpoint.ever)
    }

    /// The open sockets of an endpoint that a filter lets through.
    pub fn matching(&self, id: EndpointId, filter: &str) -> Vec<SocketId> {
        self.registry.lock().matching(id, filter)
    }

    /// The open sockets of an endpoint, oldest first.
    pub fn open_sockets(&self, id: EndpointId) -> Vec<SocketId> {
        self.registry.lock().open_sockets(id)
    }

    /// Those of them that a message to the endpoint is for: all, but of UDP peers only who can be meant.
    pub fn audience(&self, id: EndpointId) -> Vec<SocketId> {
        self.registry.lock().audience(id)
    }

    /// What a socket speaks and how it stands.
    pub fn state_of(&self, id: SocketId) -> Option<(Scheme, Life)> {
        self.registry.lock().sockets.get(&id).map(|socket| (socket.scheme(), socket.log.life()))
    }

    /// Whether a socket speaks HTTP/2.
    pub fn is_h2(&self, id: SocketId) -> bool {
        self.registry.lock().sockets.get(&id).is_some_and(|socket| socket.log.is_h2())
    }

    /// Whether a row stands for older peers, and so for nobody one could send to.
    pub fn is_folded(&self, id: SocketId) -> bool {
        self.registry.lock().sockets.get(&id).is_some_and(|socket| socket.folded > 0)
    }

    pub fn endpoint_of(&self, id: SocketId) -> Option<EndpointId> {
        self.registry.lock().sockets.get(&id).map(|socket| socket.birth.endpoint)
    }

    /// What a socket was born with.
    pub fn birth(&self, id: SocketId) -> Option<Birth> {
        self.registry.lock().sockets.get(&id).map(|socket| socket.birth.clone())
    }

    /// What an endpoint was asked for.
    pub fn spec(&self, id: EndpointId) -> Option<Arc<Spec>> {
        self.registry.lock().endpoints.get(&id).map(|endpoint| Arc::clone(&endpoint.spec))
    }

    fn mark(&self, subject: Subject) {
        let mut changed = self.changed.lock();
        changed.push(subject);
        let first = changed.len() == 1;
        drop(changed);
        if first {
            self.bell.notify_one();
        }
    }

    /// Takes in what changed: totals, rates, who is closed. Returns the subjects that did.
    pub fn collect(&self) -> Vec<Subject> {
        let mut registry = self.registry.lock();
        let changed = std::mem::take(&mut *self.changed.lock());
        let mut changed = changed;
        let at = Moment { now: self.clock.now(), share: self.share.load(Relaxed) };
        changed.extend(registry.collect(&changed, at));
        self.share_out(&mut registry);
        changed
    }

    /// Divides the memory anew; those above their share give back when the number has grown by a
    /// twentieth, so that the whole never exceeds the budget by more than that.
    fn share_out(&self, registry: &mut Registry) {
        self.dropped.fetch_add(std::mem::take(&mut registry.dropped), Relaxed);
        let timelines = registry.timelines();
        let share = share(self.memory, timelines);
        self.share.store(share, Relaxed);
        if timelines > registry.trimmed_at + registry.trimmed_at / 20 + 8 {
            registry.trimmed_at = timelines;
            self.dropped.fetch_add(registry.trim(share), Relaxed);
        } else if timelines < registry.trimmed_at / 2 {
            registry.trimmed_at = timelines;
        }
    }

    /// Bytes that all timelines hold now. Walks them all: for tests and the details pane.
    pub fn memory_held(&self) -> usize {
        self.registry.lock().memory_held()
    }
}

/// No timeline takes more than an eighth of the budget, and each can hold at least a few events.
fn share(memory: usize, timelines: usize) -> usize {
    (memory / timelines.max(8)).max(1024)
}

#[cfg(test)]
mod tests;
