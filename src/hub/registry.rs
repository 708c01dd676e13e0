//! Who is there: endpoints, their sockets, and the sums over them. Plain data behind the hub's lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Birth;
use super::log::Log;
use super::meter::{Meter, Spark};
use crate::model::end::End;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::life::Life;
use crate::model::multicast::is_many;
use crate::model::spec::Spec;
use crate::model::tally::Count;
use crate::model::time::Stamp;
use crate::model::url::Scheme;
use crate::model::view::State;

pub(super) struct Endpoint {
    pub log: Arc<Log>,
    pub spec: Arc<Spec>,
    pub state: State,
    pub local: Option<SocketAddr>,
    pub open: usize,
    pub ever: u64,
    pub sum: Sum,
    /// Errors of its own timeline that are in the sums already.
    pub own_errors: u64,
    pub spark: Spark,
    /// The row its older peers are folded into.
    pub older: Option<SocketId>,
}

/// When rows are folded, and what a timeline may hold then.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub now: Stamp,
    pub share: usize,
}

pub(super) struct Socket {
    pub log: Arc<Log>,
    pub birth: Birth,
    pub opened: Stamp,
    pub closed: Option<Stamp>,
    /// What of its tally is already in the sums.
    pub sum: Sum,
    /// What a filter is matched against, made once.
    pub haystack: Box<str>,
    /// How many older peers it stands for.
    pub folded: u64,
}

impl Socket {
    /// What it speaks now: a plain one may have gone on over TLS.
    pub fn scheme(&self) -> Scheme {
        match self.birth.scheme {
            Scheme::Tcp if self.log.secured.load(Relaxed) => Scheme::Tls,
            scheme => scheme,
        }
    }

    pub fn met(&mut self, id: SocketId, peer: SocketAddr, local: Option<SocketAddr>) {
        (self.birth.peer, self.birth.local) = (peer, local.or(self.birth.local));
        self.haystack = haystack(id, &self.birth);
    }
}

fn haystack(id: SocketId, birth: &Birth) -> Box<str> {
    let Birth { scheme, peer, endpoint, .. } = birth;
    let local = birth.local.map(|local| format!(" {local}")).unwrap_or_default();
    format!("{id} {scheme} {peer} {endpoint}{local}").into()
}

/// A count with its two rates.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub count: Count,
    pub received: Meter,
    pub sent: Meter,
}

impl Sum {
    fn add(&mut self, delta: Count, second: u64) {
        self.count += delta;
        self.received.add(second, delta.received.messages);
        self.sent.add(second, delta.sent.messages);
    }
}

pub(super) struct Registry {
    pub endpoints: BTreeMap<EndpointId, Endpoint>,
    pub sockets: HashMap<SocketId, Socket>,
    /// Open ones in the order they came: ids ascend.
    pub live: Vec<SocketId>,
    /// Closed ones in the order they closed.
    pub closed: VecDeque<SocketId>,
    /// Folded ones, which are listed no more but can still be read to their ends; as many as `keep`.
    pub leaving: VecDeque<SocketId>,
    pub total: Sum,
    /// Events that rows of older peers dropped since this was last asked.
    pub dropped: u64,
    /// Number of timelines when they were last trimmed.
    pub trimmed_at: usize,
    pub(super) keep: usize,
    next_endpoint: u32,
    pub(super) next_socket: u32,
}

impl Registry {
    pub fn new(keep: usize) -> Self {
        Self {
            endpoints: BTreeMap::new(),
            sockets: HashMap::new(),
            live: Vec::new(),
            closed: VecDeque::new(),
            leaving: VecDeque::new(),
            total: Sum::default(),
            dropped: 0,
            trimmed_at: 0,
            keep,
            next_endpoint: 1,
            next_socket: 1,
        }
    }

    pub fn add_endpoint(&mut self, spec: Arc<Spec>) -> (EndpointId, Arc<Log>) {
        let id = EndpointId(self.next_endpoint);
        self.next_endpoint += 1;
        let log = Arc::new(Log::new(id.into(), Life::Open, false));
        let endpoint = Endpoint {
            log: Arc::clone(&log),
            spec,
            state: State::Starting,
            local: None,
            open: 0,
            ever: 0,
            sum: Sum::default(),
            own_errors: 0,
            spark: Spark::default(),
            older: None,
        };
        self.endpoints.insert(id, endpoint);
        (id, log)
    }

    pub fn add_socket(&mut self, birth: Birth, life: Life, now: Stamp) -> (SocketId, Arc<Log>) {
        let id = SocketId(self.next_socket);
        self.next_socket += 1;
        let log = Arc::new(Log::new(id.into(), life, birth.scheme.counts_its_packets()));
        if let Some(endpoint) = self.endpoints.get_mut(&birth.endpoint) {
            endpoint.open += 1;
            endpoint.ever += 1;
        }
        let haystack = haystack(id, &birth);
        let sum = Sum::default();
        let socket = Socket { log: Arc::clone(&log), birth, opened: now, closed: None, sum, haystack, folded: 0 };
        self.sockets.insert(id, socket);
        self.live.push(id);
        (id, log)
    }

    /// Adds what each changed socket has counted since the last time to its endpoint and to the total.
    /// Returns what changed by that itself: the rows of older peers.
    pub fn collect(&mut self, changed: &[Subject], at: Moment) -> Vec<Subject> {
        let second = at.now.0 / 1_000_000_000;
        let mut crowded = Vec::new();
        for subject in changed {
            match *subject {
                Subject::Endpoint(id) => self.collect_endpoint(id, second),
                Subject::Socket(id) => crowded.extend(self.collect_socket(id, at.now, second)),
            }
        }
        while self.closed.len() > self.keep {
            crowded.extend(self.closed.pop_front());
        }
        self.fold_all(crowded, at)
    }

    fn collect_endpoint(&mut self, id: EndpointId, second: u64) {
        if let Some(endpoint) = self.endpoints.get_mut(&id) {
            endpoint.log.dirty.swap(false, std::sync::atomic::Ordering::AcqRel);
            // Of an endpoint's own events only its errors count.
            let own = endpoint.log.tally.read().errors;
            let new = Count { errors: own - endpoint.own_errors, ..Count::default() };
            endpoint.own_errors = own;
            endpoint.sum.add(new, second);
            self.total.add(new, second);
        }
    }

    /// Returns the socket if it has made room for others.
    fn collect_socket(&mut self, id: SocketId, now: Stamp, second: u64) -> Option<SocketId> {
        let socket = self.sockets.get_mut(&id)?;
        // Cleared before it is read: what is counted from here on marks it again.
        socket.log.dirty.swap(false, std::sync::atomic::Ordering::AcqRel);
        // The kernel is asked when a second has begun, and by `closed` at the end: a system call for
        // each busy socket a second, not a frame.
        if socket.log.gauge.get().is_some() && !socket.log.life().is_closed() && socket.sum.received.is_new(second) {
            socket.log.ask_kernel();
        }
        let life = socket.log.life();
        let socket = self.add_up(id, second)?;
        let ended = life.is_closed() && socket.closed.is_none();
        if ended {
            socket.closed = Some(now);
            let crowded = matches!(socket.log.end.get().map(|end| &**end), Some(End::Crowded));
            let endpoint = socket.birth.endpoint;
            if let Some(endpoint) = self.endpoints.get_mut(&endpoint) {
                endpoint.open -= 1;
            }
            if let Ok(at) = self.live.binary_search(&id) {
                self.live.remove(at);
            }
            if crowded {
                return Some(id);
            }
            self.closed.push_back(id);
        }
        None
    }

    /// Adds what a socket has counted since the last time to the sums.
    pub(super) fn add_up(&mut self, id: SocketId, second: u64) -> Option<&mut Socket> {
        let socket = self.sockets.get_mut(&id)?;
        let delta = socket.log.tally.read() - socket.sum.count;
        socket.sum.add(delta, second);
        self.total.add(delta, second);
        if let Some(endpoint) = self.endpoints.get_mut(&socket.birth.endpoint) {
            endpoint.sum.add(delta, second);
            endpoint.spark.add(second, delta.received.messages + delta.sent.messages);
        }
        Some(socket)
    }

    pub fn remove_endpoint(&mut self, id: EndpointId) {
        self.endpoints.remove(&id);
        self.sockets.retain(|_, socket| socket.birth.endpoint != id);
        self.live.retain(|socket| self.sockets.contains_key(socket));
        self.closed.retain(|socket| self.sockets.contains_key(socket));
        self.leaving.retain(|socket| self.sockets.contains_key(socket));
    }

    pub fn clear_closed(&mut self, at: Moment) -> Vec<Subject> {
        let closed = self.closed.drain(..).collect();
        self.fold_all(closed, at)
    }

    pub fn open_sockets(&self, id: EndpointId) -> Vec<SocketId> {
        let open = |socket: &&SocketId| {
            self.sockets.get(socket).is_some_and(|socket| {
                socket.birth.endpoint == id && socket.folded == 0 && !socket.log.life().is_closed()
            })
        };
        self.live.iter().filter(open).copied().collect()
    }

    /// See [`super::Hub::audience`]: UDP peers that were heard and the one a client is for, which stands for
    /// all where it is a group.
    pub fn audience(&self, id: EndpointId) -> Vec<SocketId> {
        let open = self.open_sockets(id);
        let of = |socket: &SocketId| self.sockets.get(socket);
        let is_group =
            |socket: &&SocketId| of(socket).is_some_and(|it| !it.birth.accepted && is_many(it.birth.peer.ip()));
        let is_udp = |it: &Socket| it.birth.scheme == Scheme::Udp;
        if !open.first().and_then(of).is_some_and(is_udp) {
            return open;
        }
        if let Some(group) = open.iter().find(is_group) {
            return vec![*group];
        }
        let is_meant = |it: &Socket| !it.birth.accepted || it.log.tally.read().received.packets > 0;
        open.into_iter().filter(|socket| of(socket).is_some_and(is_meant)).collect()
    }

    pub fn timelines(&self) -> usize {
        self.endpoints.len() + self.sockets.len()
    }

    fn logs(&self) -> impl Iterator<Item = &Arc<Log>> {
        let endpoints = self.endpoints.values().map(|endpoint| &endpoint.log);
        endpoints.chain(self.sockets.values().map(|socket| &socket.log))
    }

    /// Brings every timeline down to its share; how many events that dropped.
    pub fn trim(&self, share: usize) -> u64 {
        self.logs()
            .map(|log| {
                let mut ring = log.ring.lock();
                let before = ring.dropped();
                ring.trim(share);
                ring.dropped() - before
            })
            .sum()
    }

    pub fn memory_held(&self) -> usize {
        self.logs().map(|log| log.ring.lock().bytes()).sum()
    }
}
