//! Who a draft is for: fixed when one begins to type, and said in words.

use super::super::effect::Target;
use crate::model::draft::{self, Shape};
use crate::model::framer::Framing;
use crate::model::id::EndpointId;
use crate::model::life::Life;
use crate::model::url::{Role, Scheme};
use crate::model::view::{EndpointRow, Snapshot, SocketRow};

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

    /// What the protocol lets one send, the usual first.
    pub fn shapes(&self) -> &'static [Shape] {
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
            Target::Socket(_) | Target::These(_) | Target::Address(..) => Some(Target::All(self.endpoint)),
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
