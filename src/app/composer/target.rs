//! Who a draft is for: fixed when one begins to type, and said in words.

use super::super::effect::Target;
use crate::model::draft::{self, Shape};
use crate::model::framer::Framing;
use crate::model::id::{EndpointId, SocketId};
use crate::model::life::Life;
use crate::model::size;
use crate::model::url::{Role, Scheme};
use crate::model::view::{EndpointRow, Snapshot, SocketRow};
use crate::model::waiting::{Phase, Waiting};

/// Whom one types to. It does not move with the selection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aim {
    pub endpoint: EndpointId,
    pub scheme: Scheme,
    pub role: Role,
    /// The one socket or address it began with, if it did.
    pub near: Option<Target>,
    pub target: Target,
    /// How what is typed becomes a message.
    pub framing: Framing,
}

/// The target in words, and what a person should know before sending.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audience {
    /// `#3 tcp 127.0.0.1:53312`, `all sockets of tcp 127.0.0.1:8124`.
    pub name: String,
    /// Sockets it would go to.
    pub count: usize,
    pub note: Option<Note>,
}

/// A sentence about a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub text: String,
    /// Nothing can be sent.
    pub stop: bool,
}

impl Aim {
    pub fn socket(row: &SocketRow, endpoint: &EndpointRow) -> Self {
        let target = Target::Socket(row.id);
        Self {
            endpoint: row.endpoint,
            scheme: row.scheme,
            role: endpoint.spec.role,
            near: Some(target.clone()),
            target,
            framing: endpoint.spec.settings.tcp.framing.clone(),
        }
    }

    pub fn all(row: &EndpointRow) -> Self {
        let (scheme, role) = (row.spec.scheme(), row.spec.role);
        Self {
            endpoint: row.id,
            scheme,
            role,
            near: None,
            target: Target::All(row.id),
            framing: row.spec.settings.tcp.framing.clone(),
        }
    }

    pub fn address(row: &EndpointRow, address: String) -> Self {
        let target = Target::Address(row.id, address);
        Self { near: Some(target.clone()), target, ..Self::all(row) }
    }

    /// A held exchange.
    pub fn exchange(row: &Waiting, endpoint: &EndpointRow) -> Self {
        let target = Target::Exchange(row.socket, row.exchange.number);
        Self { near: Some(target.clone()), target, ..Self::all(endpoint) }
    }

    /// The exchange it began with.
    pub fn held(&self) -> Option<(SocketId, u32)> {
        match self.near {
            Some(Target::Exchange(socket, number)) => Some((socket, number)),
            _ => None,
        }
    }

    /// What the protocol lets one send, the usual first.
    pub fn shapes(&self) -> &'static [Shape] {
        if self.held().is_some() {
            return draft::STEPS;
        }
        draft::shapes(self.scheme, self.role)
    }

    /// What a draft belongs to: the one it began with, or the endpoint.
    pub fn home(&self) -> &Target {
        self.near.as_ref().unwrap_or(&self.target)
    }

    /// Between the one, all, and those that a filter lets through, where there is one.
    pub fn toggled(&self, filter: &str) -> Option<Target> {
        let some = || (!filter.trim().is_empty()).then(|| Target::Matching(self.endpoint, filter.trim().to_owned()));
        match &self.target {
            Target::All(_) => some().or_else(|| self.near.clone()),
            Target::Matching(..) => Some(self.near.clone().unwrap_or(Target::All(self.endpoint))),
            Target::Socket(_) | Target::Exchange(..) | Target::These(_) | Target::Address(..) => {
                Some(Target::All(self.endpoint))
            }
        }
    }

    pub fn audience(&self, shape: Shape, seen: &Snapshot) -> Audience {
        let endpoint = seen.endpoint(self.endpoint);
        let home = endpoint.map_or_else(|| format!("{} {}", self.scheme, self.endpoint), name);
        // What a listener answers from now on is the endpoint's, not a socket's.
        if shape == Shape::Reply {
            let count = endpoint.map_or(0, |row| row.open);
            return Audience { name: format!("what {home} answers from now on"), count, note: None };
        }
        match &self.target {
            Target::Socket(id) => {
                let row = seen.row(*id);
                let peer = row.map_or_else(String::new, |row| format!(" {}", row.peer));
                let note = row.and_then(|row| standing(row.life));
                Audience { name: format!("{id} {}{peer}", self.scheme), count: 1, note }
            }
            Target::Exchange(id, number) => {
                let row = seen.waiting_on(*id).find(|row| row.exchange.number == *number);
                let name = match row {
                    Some(Waiting { exchange, peer, .. }) => {
                        format!("{id} {} {peer}  {number} {} {}", self.scheme, exchange.method, exchange.target)
                    }
                    None => format!("{id} {}  {number}", self.scheme),
                };
                let note = match row.map(|row| (row.exchange.phase, seen.now.since(row.exchange.since))) {
                    None => Note { text: format!("exchange {number} is over"), stop: true },
                    Some((Phase::Queued, _)) => {
                        Note { text: "the one before it on its connection is answered first".into(), stop: true }
                    }
                    Some((phase, waits)) => Note { text: format!("{phase}, {}", size::age(waits)), stop: false },
                };
                Audience { name, count: 1, note: Some(note) }
            }
            Target::All(_) if self.held().is_some() => {
                let mut sockets: Vec<_> = seen
                    .waiting
                    .iter()
                    .filter(|row| row.endpoint == self.endpoint && row.exchange.phase.is_answerable())
                    .map(|row| row.socket)
                    .collect();
                sockets.sort_unstable();
                sockets.dedup();
                let note = sockets.is_empty().then(|| Note { text: "none waits any more".into(), stop: true });
                Audience { name: format!("every waiting exchange of {home}"), count: sockets.len(), note }
            }
            // How many were heard, the hub knows when it goes off, and says.
            Target::All(_) if self.scheme == Scheme::Udp && endpoint.is_some_and(|row| row.open > 0) => {
                let name = match self.role {
                    Role::Listen => format!("every peer that {home} has heard from"),
                    Role::Connect => home,
                };
                Audience { name, count: 1, note: None }
            }
            Target::All(_) => {
                let count = endpoint.map_or(0, |row| row.open);
                let note = (count == 0).then(|| match self.role {
                    Role::Listen => Note { text: "it has no open socket".into(), stop: true },
                    Role::Connect => Note { text: "sending connects it anew".into(), stop: false },
                });
                Audience { name: format!("all sockets of {home}"), count, note }
            }
            // How many, the hub knows when it goes off, and says.
            Target::Matching(_, filter) => {
                Audience { name: format!("sockets of {home} with \"{filter}\""), count: 1, note: None }
            }
            Target::These(ids) => Audience { name: format!("sockets of {home}"), count: ids.len(), note: None },
            Target::Address(_, address) => Audience { name: format!("{address} from {home}"), count: 1, note: None },
        }
    }
}

/// An endpoint in words: `tcp 127.0.0.1:8124`.
pub fn name(row: &EndpointRow) -> String {
    match row.local.filter(|_| row.spec.role == Role::Listen) {
        Some(local) => format!("{} {local}", row.spec.scheme()),
        None => format!("{} {}", row.spec.scheme(), row.spec.url.authority()),
    }
}

/// What a socket's life means for one who wants to send; nothing to say of an open one.
pub fn standing(life: Life) -> Option<Note> {
    let (text, stop) = match life {
        Life::Open => return None,
        Life::Opening(_) => ("not open yet", false),
        Life::PeerEnded => ("half-closed by the peer, you can still send", false),
        Life::WeEnded => ("you half-closed it: nothing more can be sent", true),
        Life::Closing => ("both sides have ended: nothing more can be sent", true),
        Life::Closed => ("it is closed: nothing more can be sent", true),
    };
    Some(Note { text: text.into(), stop })
}
