//! Older peers: a UDP row that is forgotten leaves what it counted to one row of its endpoint, so that the rows
//! of an endpoint always sum up to what the endpoint counted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Birth;
use super::log::Log;
use super::registry::{Moment, Registry, Socket, Sum};
use crate::model::datagram::Note;
use crate::model::event::Kind;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::life::Life;
use crate::model::tally::Cell;
use crate::model::url::Scheme;

impl Registry {
    /// Takes closed rows off the list: those of UDP are folded, all others are forgotten. Returns the rows of
    /// older peers that have grown.
    pub(super) fn fold_all(&mut self, ids: Vec<SocketId>, at: Moment) -> Vec<Subject> {
        let mut grown = Vec::new();
        for id in ids {
            match self.sockets.get(&id).map(|socket| socket.birth.scheme) {
                Some(Scheme::Udp) => grown.extend(self.fold(id, at)),
                _ => _ = self.sockets.remove(&id),
            }
        }
        // Their ends may not have been read yet, by who writes everything down.
        while self.leaving.len() > self.keep {
            if let Some(id) = self.leaving.pop_front() {
                self.sockets.remove(&id);
            }
        }
        grown.dedup();
        grown
    }

    /// Moves what a row counted to the older peers of its endpoint.
    fn fold(&mut self, id: SocketId, at: Moment) -> Option<Subject> {
        let socket = self.sockets.get(&id)?;
        let (endpoint, peer, count) = (socket.birth.endpoint, socket.birth.peer, socket.sum.count);
        let seen = socket.log.seen.load(Relaxed);
        let older = self.older(endpoint, peer, at)?;
        let row = self.sockets.get_mut(&older)?;
        row.folded += 1;
        let cells = [
            (Cell::PacketsIn, count.received.packets),
            (Cell::MessagesIn, count.received.messages),
            (Cell::BytesIn, count.received.bytes),
            (Cell::WireIn, count.received.wire),
            (Cell::PacketsOut, count.sent.packets),
            (Cell::MessagesOut, count.sent.messages),
            (Cell::BytesOut, count.sent.bytes),
            (Cell::WireOut, count.sent.wire),
            (Cell::Errors, count.errors),
        ];
        for (cell, n) in cells {
            row.log.tally.add(cell, n);
        }
        // It is in the endpoint's sum already, from when its own row counted it.
        row.sum.count += count;
        row.log.seen.fetch_max(seen, Relaxed);
        let note = Note::Folded { peer, socket: id, count };
        let mut ring = row.log.ring.lock();
        let before = ring.dropped();
        ring.push(at.now, Kind::Datagram(Box::new(note)), 0, b"", at.share);
        self.dropped += ring.dropped() - before;
        drop(ring);
        self.leaving.push_back(id);
        Some(older.into())
    }

    /// The row of an endpoint's older peers; the first to be folded makes it. It is nobody's socket: it opens
    /// and closes nothing, and does not count as one.
    fn older(&mut self, id: EndpointId, like: SocketAddr, at: Moment) -> Option<SocketId> {
        let endpoint = self.endpoints.get_mut(&id)?;
        if let Some(older) = endpoint.older {
            return Some(older);
        }
        let older = SocketId(self.next_socket);
        self.next_socket += 1;
        endpoint.older = Some(older);
        let any = match like.ip() {
            IpAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
            IpAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
        };
        let birth = Birth {
            endpoint: id,
            scheme: Scheme::Udp,
            accepted: true,
            peer: any,
            local: endpoint.local,
            handshakes: 0,
        };
        let socket = Socket {
            log: Arc::new(Log::new(older.into(), Life::Open, true)),
            haystack: format!("{older} {} older peers {id}", Scheme::Udp).into(),
            birth,
            opened: at.now,
            closed: None,
            sum: Sum::default(),
            folded: 0,
        };
        self.sockets.insert(older, socket);
        // The newest id: the list stays in order.
        self.live.push(older);
        Some(older)
    }

    /// Rows that are listed as live but are nobody's socket.
    pub(super) fn older_rows(&self) -> usize {
        self.endpoints.values().filter(|endpoint| endpoint.older.is_some()).count()
    }
}
