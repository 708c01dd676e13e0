//! HTTP exchanges that wait for a person's answer, as plain data: what a list of them shows.

use std::net::SocketAddr;

use super::id::{EndpointId, SocketId};
use super::time::Stamp;
use super::url::Scheme;

/// How far the answer to an exchange has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It came behind another one on its connection, which is answered first (RFC 9112 section 9.3.2).
    Queued,
    /// Nothing has left yet.
    Waiting,
    /// The head left; the body may follow, and the end is still to come.
    HeadSent(u16),
    /// The end left.
    Ended(u16),
    /// The peer gave up before the end.
    Aborted,
    /// We closed the connection before the end.
    Cut,
}

impl Phase {
    /// Whether somebody still waits for it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Waiting | Self::HeadSent(_))
    }

    /// Whether a person can do something about it now.
    pub fn is_answerable(self) -> bool {
        matches!(self, Self::Waiting | Self::HeadSent(_))
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Queued => f.write_str("queued"),
            Self::Waiting => f.write_str("waiting"),
            Self::HeadSent(status) => write!(f, "head {status} sent"),
            Self::Ended(status) => write!(f, "ended {status}"),
            Self::Aborted => f.write_str("the peer gave up"),
            Self::Cut => f.write_str("cut by us"),
        }
    }
}

/// One exchange that was held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// From 1, for each connection.
    pub number: u32,
    pub method: Box<str>,
    pub target: Box<str>,
    pub phase: Phase,
    /// When its request's head came: since then it waits.
    pub since: Stamp,
    /// When it ended, however it did.
    pub over: Option<Stamp>,
    /// Bytes of the body that were given so far.
    pub body: u64,
}

/// An exchange of the session that somebody waits for, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub socket: SocketId,
    pub endpoint: EndpointId,
    pub scheme: Scheme,
    pub peer: SocketAddr,
    pub exchange: Exchange,
}

/// Who can tell at any time which exchanges of a connection are held.
pub trait Shelf: Send + Sync {
    /// In the order they came; those that are over are the last few.
    fn exchanges(&self) -> Vec<Exchange>;
}
