//! Typed names of the things that run. Sequential, so a test and a talk on stage repeat.

use std::fmt;

/// Something a person runs: a listener or a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EndpointId(pub u32);

/// One flow with its own timeline: a TCP connection, or one peer of a UDP socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketId(pub u32);

/// Whose timeline it is: an endpoint has one of its own (listening, errors), and so has each socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    Endpoint(EndpointId),
    Socket(SocketId),
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl From<EndpointId> for Subject {
    fn from(id: EndpointId) -> Self {
        Self::Endpoint(id)
    }
}

impl From<SocketId> for Subject {
    fn from(id: SocketId) -> Self {
        Self::Socket(id)
    }
}
