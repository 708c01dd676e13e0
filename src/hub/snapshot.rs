//! The answer to a [`Query`]: the rows that are asked for, and nothing else is touched.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::framed;
use super::log::Log;
use super::registry::{Registry, Socket};
use super::{Birth, Hub};
use crate::model::framer::Framing;
use crate::model::handshake::Handshake;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::life::Life;
use crate::model::spec::Settings;
use crate::model::time::Stamp;
use crate::model::view::{
    EndpointRow, Group, ListQuery, Query, Rate, Series, Snapshot, SocketList, SocketRow, Timeline, Window,
};
use crate::model::waiting::Waiting;

/// Waiting exchanges in one picture: more than anybody answers, and all that may be held.
const WAITING: usize = 1000;

impl Hub {
    /// Takes in what changed, then answers.
    pub fn snapshot(&self, query: &Query) -> Snapshot {
        self.collect();
        let now = self.clock.now();
        let second = now.0 / 1_000_000_000;
        let mut registry = self.registry.lock();
        let sockets = registry.list(&query.list, second);
        let log = query.subject.and_then(|subject| registry.log(subject));
        let socket = match query.subject {
            Some(Subject::Socket(id)) => registry.sockets.get(&id).map(|socket| row(id, socket, second)),
            _ => None,
        };
        // The rows have asked the kernel: what it counted since is in the sums beside them too.
        for row in sockets.rows.iter().chain(&socket) {
            registry.add_up(row.id, second);
        }
        let settings = registry.own_settings(query.subject);
        let framing = query.subject.and_then(|subject| registry.framing(subject)).unwrap_or_default();
        let snapshot = Snapshot {
            now,
            wall: self.clock.wall(),
            endpoints: registry.endpoint_rows(second),
            sockets,
            socket,
            open: registry.live.len() - registry.older_rows(),
            older: registry.older_rows(),
            count: registry.total.count,
            rate: rate(&registry.total, second),
            dropped: self.dropped.load(Relaxed),
            timeline: None,
            waiting: Vec::new(),
            settings,
            details: Vec::new(),
            series: Vec::new(),
            handshake: None,
        };
        // The timeline is read without the registry: a long copy must not hold up an accept.
        drop(registry);
        let details = log.as_ref().filter(|_| query.details).map_or_else(Vec::new, |log| log.details());
        let series = log.as_ref().filter(|_| query.details).map_or_else(Vec::new, |log| log.series());
        let handshake = log.as_ref().and_then(|log| log.handshake());
        let timeline = log.map(|log| {
            let read = timeline(&log, query);
            let framed = framed::look(&log, framing, &read.events, read.inspected.as_ref());
            Timeline { framed, ..read }
        });
        let waiting = self.waiting();
        Snapshot { waiting, timeline, details, series, handshake, ..snapshot }
    }

    /// How some of a subject's state went lately.
    pub fn series(&self, subject: Subject) -> Vec<Series> {
        let log = self.registry.lock().log(subject);
        log.map_or_else(Vec::new, |log| log.series())
    }

    /// How a subject's TLS handshake went.
    pub fn handshake(&self, subject: Subject) -> Option<Handshake> {
        let log = self.registry.lock().log(subject)?;
        log.handshake()
    }

    /// The settings a socket has now.
    pub fn settings(&self, id: SocketId) -> Option<Arc<Settings>> {
        settings(&self.registry.lock(), id.into())
    }

    /// The settings a subject has now, and what those who know of its state say.
    pub fn details(&self, subject: Subject) -> Option<(Arc<Settings>, Vec<Group>)> {
        let registry = self.registry.lock();
        let settings = settings(&registry, subject)?;
        let log = registry.log(subject)?;
        let peer = match subject {
            Subject::Socket(id) => registry.sockets.get(&id).and_then(|socket| socket.tell(self.clock.now())),
            Subject::Endpoint(_) => None,
        };
        drop(registry);
        Some((settings, log.details().into_iter().chain(peer).collect()))
    }

    /// Everything after `from` on one timeline, for those who write it all down. At most `most`.
    pub fn events(&self, subject: Subject, from: u64, most: usize) -> Option<Timeline> {
        let window = Some(Window::From { seq: from, rows: most });
        let registry = self.registry.lock();
        let log = registry.log(subject)?;
        drop(registry);
        Some(timeline(&log, &Query { subject: Some(subject), window, ..Query::default() }))
    }

    /// The exchanges that somebody waits for, the oldest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut shelves = self.shelves.lock();
        if shelves.is_empty() {
            return Vec::new();
        }
        let registry = self.registry.lock();
        // A shelf is of no use behind the end of its socket.
        shelves.retain(|(id, _)| registry.sockets.get(id).is_some_and(|socket| !socket.log.life().is_closed()));
        let mut waiting = Vec::new();
        for (id, shelf) in shelves.iter() {
            let Some(socket) = registry.sockets.get(id) else { continue };
            let Birth { endpoint, scheme, peer, .. } = socket.birth;
            let open = shelf.exchanges().into_iter().filter(|exchange| exchange.phase.is_open());
            waiting.extend(open.map(|exchange| Waiting { socket: *id, endpoint, scheme, peer, exchange }));
        }
        drop((registry, shelves));
        waiting.sort_by_key(|row| (row.exchange.since, row.socket, row.exchange.number));
        waiting.truncate(WAITING);
        waiting
    }

    /// One socket's row, with the kernel's counters as they are now.
    pub fn socket(&self, id: SocketId) -> Option<SocketRow> {
        self.collect();
        let second = self.clock.now().0 / 1_000_000_000;
        let registry = self.registry.lock();
        registry.sockets.get(&id).map(|socket| row(id, socket, second))
    }
}

impl Registry {
    fn log(&self, subject: Subject) -> Option<Arc<Log>> {
        Some(match subject {
            Subject::Socket(id) => Arc::clone(&self.sockets.get(&id)?.log),
            Subject::Endpoint(id) => Arc::clone(&self.endpoints.get(&id)?.log),
        })
    }

    /// A socket's own settings, where it has any.
    fn own_settings(&self, subject: Option<Subject>) -> Option<Arc<Settings>> {
        match subject? {
            Subject::Endpoint(_) => None,
            Subject::Socket(id) => self.sockets.get(&id)?.log.settings.lock().clone(),
        }
    }

    /// How a socket's chunks are cut into messages: its own framing, or its endpoint's.
    pub(super) fn framing(&self, subject: Subject) -> Option<Framing> {
        let Subject::Socket(id) = subject else { return None };
        let socket = self.sockets.get(&id)?;
        if let Some(settings) = &*socket.log.settings.lock() {
            return Some(settings.tcp.framing.clone());
        }
        self.endpoints.get(&socket.birth.endpoint).map(|endpoint| endpoint.spec.settings.tcp.framing.clone())
    }

    fn endpoint_rows(&self, second: u64) -> Vec<EndpointRow> {
        self.endpoints
            .iter()
            .map(|(&id, endpoint)| EndpointRow {
                id,
                spec: Arc::clone(&endpoint.spec),
                state: endpoint.state.clone(),
                local: endpoint.local,
                open: endpoint.open,
                ever: endpoint.ever,
                count: endpoint.sum.count,
                rate: rate(&endpoint.sum, second),
                spark: endpoint.spark.read(second),
            })
            .collect()
    }

    /// Open sockets in the order they came, then closed ones, the latest first. Without a filter the
    /// window is found by position; with one, every row is matched once.
    fn list(&self, query: &ListQuery, second: u64) -> SocketList {
        let all = self.live.len() + self.closed.len();
        let ids = self.live.iter().chain(self.closed.iter().rev()).copied();
        if query.filter.trim().is_empty() && query.endpoint.is_none() {
            let at = query.around.and_then(|id| self.position(id)).unwrap_or(0);
            let first = at.saturating_sub(query.rows);
            let rows = ids.clone().skip(first).take(query.rows * 3);
            let mut ends = ids.clone();
            return SocketList {
                total: all,
                all,
                first,
                rows: rows.filter_map(|id| self.row(id, second)).collect(),
                top: ends.next(),
                bottom: self.closed.front().or(self.live.last()).copied(),
            };
        }
        let words: Vec<String> = query.filter.split_whitespace().map(str::to_lowercase).collect();
        let shown: Vec<SocketId> = ids.filter(|id| self.matches(*id, query.endpoint, &words)).collect();
        let at = query.around.and_then(|id| shown.iter().position(|other| *other == id)).unwrap_or(0);
        let first = at.saturating_sub(query.rows);
        let rows = shown.iter().skip(first).take(query.rows * 3);
        SocketList {
            total: shown.len(),
            all,
            first,
            rows: rows.filter_map(|id| self.row(*id, second)).collect(),
            top: shown.first().copied(),
            bottom: shown.last().copied(),
        }
    }

    fn position(&self, id: SocketId) -> Option<usize> {
        self.live.binary_search(&id).ok().or_else(|| {
            let behind = self.closed.iter().rev().position(|other| *other == id)?;
            Some(self.live.len() + behind)
        })
    }

    /// The open sockets of an endpoint that a filter lets through, as it does with the list's rows.
    pub fn matching(&self, id: EndpointId, filter: &str) -> Vec<SocketId> {
        let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
        let shown = |socket: &SocketId| self.matches(*socket, Some(id), &words);
        self.open_sockets(id).into_iter().filter(shown).collect()
    }

    fn matches(&self, id: SocketId, endpoint: Option<EndpointId>, words: &[String]) -> bool {
        let Some(socket) = self.sockets.get(&id) else { return false };
        if endpoint.is_some_and(|endpoint| endpoint != socket.birth.endpoint) {
            return false;
        }
        let state = if socket.folded > 0 { "older" } else { state_name(socket.log.life(), &socket.birth) };
        let speaks = socket.scheme().name();
        let held = |word: &String| [&socket.haystack, state, speaks].iter().any(|text| text.contains(word.as_str()));
        words.iter().all(held)
    }

    fn row(&self, id: SocketId, second: u64) -> Option<SocketRow> {
        self.sockets.get(&id).map(|socket| row(id, socket, second))
    }
}

fn state_name(life: Life, birth: &super::Birth) -> &'static str {
    match life {
        Life::Open if birth.scheme == crate::model::url::Scheme::Udp => "peer",
        life => life.name(),
    }
}

/// A socket's own settings, or its endpoint's.
fn settings(registry: &Registry, subject: Subject) -> Option<Arc<Settings>> {
    registry.own_settings(Some(subject)).or_else(|| {
        let id = match subject {
            Subject::Endpoint(id) => id,
            Subject::Socket(id) => registry.sockets.get(&id)?.birth.endpoint,
        };
        registry.endpoints.get(&id).map(|endpoint| Arc::new(endpoint.spec.settings.clone()))
    })
}

/// A row that is looked at asks the kernel: one system call for each.
fn row(id: SocketId, socket: &Socket, second: u64) -> SocketRow {
    let log = &socket.log;
    let kernel = log.ask_kernel();
    SocketRow {
        id,
        endpoint: socket.birth.endpoint,
        scheme: socket.scheme(),
        accepted: socket.birth.accepted,
        peer: socket.birth.peer,
        local: socket.birth.local,
        life: log.life(),
        end: log.end.get().cloned(),
        opened: socket.opened,
        closed: socket.closed,
        count: log.tally.read(),
        rate: rate(&socket.sum, second),
        kernel,
        packets_known: kernel.is_some() || socket.birth.scheme.counts_its_packets(),
        blocked: log.blocked.load(Relaxed),
        seen: Some(log.seen.load(Relaxed)).filter(|at| *at > 0).map(Stamp),
        folded: socket.folded,
    }
}

fn rate(sum: &super::registry::Sum, second: u64) -> Rate {
    Rate { received: sum.received.rate(second), sent: sum.sent.rate(second) }
}

fn timeline(log: &Log, query: &Query) -> Timeline {
    let mut ring = log.ring.lock();
    let mut range = ring.range();
    if let Some(until) = query.until {
        range.end = ring.end_at(until);
    }
    let (from, rows) = match query.window.unwrap_or(Window::Last { rows: 0 }) {
        Window::Last { rows } => (range.end.saturating_sub(rows as u64).max(range.start), rows),
        Window::From { seq, rows } => (seq.clamp(range.start, range.end), rows),
    };
    let most = usize::try_from(range.end - from).unwrap_or(usize::MAX).min(rows);
    let before: Option<Stamp> = from.checked_sub(1).and_then(|seq| ring.at(seq));
    // Dropped or not there yet: the nearest that is kept serves, so `u64::MAX` is the newest.
    let nearest = |seq: u64| {
        range.end.checked_sub(1).filter(|last| *last >= range.start).map(|last| seq.clamp(range.start, last))
    };
    let inspected = query.inspect.and_then(nearest).and_then(|seq| ring.read(seq, 1).pop());
    Timeline {
        subject: log.subject,
        range,
        dropped: ring.dropped(),
        events: ring.read(from, most),
        before,
        inspected,
        framed: None,
    }
}
