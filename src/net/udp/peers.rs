//! The peers of one socket, each with a recorder of its own; bounded, the longest silent crowded out in tenths:
//! one scan for many newcomers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::options;
use super::port::At;
use crate::hub::{Birth, Recorder};
use crate::model::datagram::Note;
use crate::model::end::End;
use crate::model::event::Kind;
use crate::model::id::SocketId;
use crate::model::multicast::is_many;
use crate::model::url::Scheme;
use crate::net::{Context, Outbox};

pub struct Peers {
    cx: Context,
    local: SocketAddr,
    mail: Outbox,
    by_address: HashMap<SocketAddr, Peer>,
    turn: u64,
}

struct Peer {
    record: Recorder,
    /// The turn it was last heard or spoken to.
    seen: u64,
    /// Whether anything came from it.
    heard: bool,
    /// Where its datagrams arrive.
    at: Option<At>,
    /// Whether DNS was spoken with it: what is none then is told.
    dns: bool,
}

impl Peers {
    pub fn new(cx: &Context, local: SocketAddr, mail: Outbox) -> Self {
        Self { cx: cx.clone(), local, mail, by_address: HashMap::new(), turn: 0 }
    }

    /// The one a client is for: it was there before anything crossed.
    pub fn dialled(&mut self, peer: SocketAddr, steps: Vec<Kind>) {
        let record = birth(&self.cx, &self.mail, peer, self.local, false);
        steps.into_iter().for_each(|step| record.event(step));
        self.by_address.insert(peer, Peer { record, seen: 0, heard: false, at: None, dns: false });
    }

    /// A peer that was heard: made if it is new, and told if it arrives elsewhere than before.
    pub fn heard(&mut self, address: SocketAddr, at: Option<At>) -> Recorder {
        let local = at.map(|at| SocketAddr::new(at.address.to_canonical(), self.local.port()));
        let peer = self.get(address, local, true);
        peer.heard = true;
        if at.is_some() && peer.at != at {
            peer.at = at;
            let interface = at.and_then(|at| options::name(at.interface));
            if let Some(local) = local {
                peer.record.event(Kind::Datagram(Box::new(Note::Local { local, interface })));
            }
        }
        peer.record.clone()
    }

    /// A peer to speak to, and the address of ours it knows.
    pub fn addressed(&mut self, address: SocketAddr) -> (Recorder, Option<IpAddr>) {
        let peer = self.get(address, None, false);
        (peer.record.clone(), peer.at.and_then(|at| at.source))
    }

    /// One that is known already.
    pub fn known(&self, address: SocketAddr) -> Option<&Recorder> {
        self.by_address.get(&address).map(|peer| &peer.record)
    }

    pub fn found_dns(&mut self, address: SocketAddr) {
        if let Some(peer) = self.by_address.get_mut(&address) {
            peer.dns = true;
        }
    }

    pub fn speaks_dns(&self, address: SocketAddr) -> bool {
        self.by_address.get(&address).is_some_and(|peer| peer.dns)
    }

    pub fn address_of(&self, id: SocketId) -> Option<SocketAddr> {
        let mut peers = self.by_address.iter();
        peers.find(|(_, peer)| peer.record.socket() == Some(id)).map(|(address, _)| *address)
    }

    /// Whom a message to the endpoint is for: those that were heard, and the one a client is for. A group or a
    /// broadcast address is sent to by its name alone; it reaches those who answered from it. The hub counts
    /// them likewise (`audience`).
    pub fn audience(&self, home: Option<SocketAddr>) -> Vec<SocketAddr> {
        match home {
            Some(home) if is_many(home.ip()) => vec![home],
            home => {
                let is_meant = |(to, peer): &(&SocketAddr, &Peer)| peer.heard || Some(**to) == home;
                self.by_address.iter().filter(is_meant).map(|(to, _)| *to).collect()
            }
        }
    }

    /// `heard`: it is there because it spoke, not because it is spoken to.
    fn get(&mut self, address: SocketAddr, local: Option<SocketAddr>, heard: bool) -> &mut Peer {
        self.turn += 1;
        let turn = self.turn;
        if !self.by_address.contains_key(&address) {
            self.make_room();
        }
        let (cx, mail, own) = (&self.cx, &self.mail, self.local);
        let peer = self.by_address.entry(address).or_insert_with(|| {
            let record = birth(cx, mail, address, local.unwrap_or(own), true);
            let opened = |socket| match heard {
                true => Kind::Connection { peer: Box::new(address), socket },
                false => Kind::Datagram(Box::new(Note::Addressed { peer: address, socket })),
            };
            record.event(opened(None));
            cx.log.event(opened(record.socket()));
            Peer { record, seen: turn, heard, at: None, dns: false }
        });
        peer.seen = turn;
        peer
    }

    fn make_room(&mut self) {
        let most = self.cx.limits.peers.max(1) as usize;
        if self.by_address.len() < most {
            return;
        }
        let mut seen: Vec<u64> = self.by_address.values().map(|peer| peer.seen).collect();
        let nth = (most / 10).min(seen.len() - 1);
        let (_, &mut oldest, _) = seen.select_nth_unstable(nth);
        let silent: Vec<SocketAddr> =
            self.by_address.iter().filter(|(_, peer)| peer.seen <= oldest).map(|(address, _)| *address).collect();
        for address in silent {
            self.forget(address, End::Crowded);
        }
    }

    pub fn forget(&mut self, address: SocketAddr, end: End) {
        if let Some(peer) = self.by_address.remove(&address) {
            over(&self.cx, &peer.record, end);
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for (_, peer) in self.by_address.drain() {
            over(&self.cx, &peer.record, End::Stopped);
        }
    }
}

fn birth(cx: &Context, mail: &Outbox, peer: SocketAddr, local: SocketAddr, accepted: bool) -> Recorder {
    let local = Some(local);
    let birth = Birth { endpoint: cx.endpoint, scheme: Scheme::Udp, accepted, peer, local, handshakes: 1 };
    let (id, record) = cx.hub.open(birth);
    cx.mail.add(id, mail.clone());
    record
}

fn over(cx: &Context, record: &Recorder, end: End) {
    if let Some(id) = record.socket() {
        cx.mail.remove(id);
    }
    record.closed(end);
}
