//! What dialling tells on its way, in the words of Node's `net.Socket`: the name that was looked up, and each
//! address that was tried (RFC 8305, "Happy Eyeballs").

use std::net::SocketAddr;

use super::end::Fault;

/// A name that was looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    pub name: Box<str>,
    /// In the order they will be tried; none if the name was not found.
    pub addresses: Box<[SocketAddr]>,
    /// Nanoseconds.
    pub took: u64,
}

/// One address being tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub peer: SocketAddr,
    pub step: Step,
}

/// How far an attempt has come. Times are nanoseconds since it began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The `nth` (from 1) of so many.
    Began {
        nth: u16,
        of: u16,
    },
    Failed {
        fault: Fault,
        took: u64,
    },
    /// Not there in time: the next address is tried beside it.
    Late {
        after: u64,
    },
    /// Another one stood first, or there was no more time.
    Cancelled {
        after: u64,
    },
}

impl Step {
    /// The event's name: Node's, but for the last, of which Node does not tell.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Began { .. } => "connectionAttempt",
            Self::Failed { .. } => "connectionAttemptFailed",
            Self::Late { .. } => "connectionAttemptTimeout",
            Self::Cancelled { .. } => "connectionAttemptCancelled",
        }
    }
}
