//! What there is to tell of a UDP socket besides its datagrams: where one arrived, what was cut off or lost,
//! which groups it is in, the peers that made room, and the DNS that was in it.

use std::net::{IpAddr, SocketAddr};

use super::dns::Dns;
use super::event::Way;
use super::id::SocketId;
use super::tally::Count;

/// One such thing; its name is the event's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// We send to somebody who was not heard: that makes the peer. On the endpoint's timeline with its socket.
    Addressed {
        peer: SocketAddr,
        socket: Option<SocketId>,
    },
    /// From here on this peer's datagrams arrive at this address of ours.
    Local {
        local: SocketAddr,
        interface: Option<Box<str>>,
    },
    /// The datagram before this was longer than what the endpoint takes.
    Truncated {
        whole: u64,
        kept: u64,
    },
    /// The kernel dropped datagrams, because its queue for this socket was full (`SO_RXQ_OVFL`, socket(7)).
    Overflow {
        lost: u64,
        /// Since the socket was opened.
        total: u64,
    },
    Joined(Membership),
    Left(Membership),
    /// A peer made room: what it counted is in this row now.
    Folded {
        peer: SocketAddr,
        socket: SocketId,
        count: Count,
    },
    Dns(Dns),
}

/// A multicast group, and the interface it is listened to on; `None` is the kernel's choice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub group: IpAddr,
    pub interface: Option<Box<str>>,
}

impl Note {
    /// The name in the vocabulary.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Addressed { .. } => "addressed",
            Self::Local { .. } => "local",
            Self::Truncated { .. } => "truncated",
            Self::Overflow { .. } => "overflow",
            Self::Joined(_) => "joined",
            Self::Left(_) => "left",
            Self::Folded { .. } => "folded",
            Self::Dns(_) => "dns",
        }
    }

    pub fn way(&self) -> Option<Way> {
        match self {
            Self::Dns(dns) => Some(dns.way),
            _ => None,
        }
    }

    /// Bytes on the heap, itself included.
    pub fn weight(&self) -> usize {
        let behind = match self {
            Self::Local { interface, .. } => interface.as_ref().map_or(0, |name| name.len()),
            Self::Joined(member) | Self::Left(member) => member.interface.as_ref().map_or(0, |name| name.len()),
            Self::Dns(dns) => dns.message.weight(),
            Self::Addressed { .. } | Self::Truncated { .. } | Self::Overflow { .. } | Self::Folded { .. } => 0,
        };
        size_of::<Self>() + behind
    }
}

impl std::fmt::Display for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.interface {
            Some(name) => write!(f, "{}@{name}", self.group),
            None => self.group.fmt(f),
        }
    }
}
