//! The vocabulary: one variant for each thing that can happen, named as people know it from Node's API
//! and the protocols' own documents.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;

pub use self::word::{VOCABULARY, Word};
use super::datagram::Note;
use super::dial::{Attempt, Lookup};
use super::end::{End, Fault, Party};
use super::exchange::{Part, Turn, Why};
use super::h2;
use super::id::SocketId;
use super::socketio::Head;
pub use super::starttls::Upgrade;
use super::tally::Cell;
use super::time::Stamp;
pub use super::tls::{Answer, Flight, Hello, Logged, Secured, Shown};
pub use super::websocket::{FrameHead, Framing, Opened, close_name};

/// The direction of an event that has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Way {
    In,
    Out,
}

impl Way {
    pub fn party(self) -> Party {
        match self {
            Self::In => Party::Peer,
            Self::Out => Party::Us,
        }
    }
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    Datagram,
    Text,
    Binary,
}

/// A setting and the value it has from here on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub name: &'static str,
    pub value: Box<str>,
}

/// What says that a side is done sending.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sign {
    #[default]
    Fin,
    /// Our FIN, behind so many bytes that the kernel had still to deliver.
    Queued(u32),
    /// TLS's own end (RFC 8446 section 6.1): the peer's FIN may come later, or never.
    CloseNotify,
}

/// One thing that happened. Small (three words): whatever is larger and rare is boxed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Listening {
        local: Box<SocketAddr>,
    },
    /// On an endpoint's timeline `socket` says which; on a socket's own it is `None`.
    Connection {
        peer: Box<SocketAddr>,
        socket: Option<SocketId>,
    },
    /// A connection that was taken from the kernel only to be closed: there were as many as may be (Node's `drop`).
    Drop {
        peer: Box<SocketAddr>,
        most: u32,
    },
    /// On an endpoint's timeline: the system's time of day is now by so many nanoseconds ahead of where it was.
    Clock {
        by: i64,
    },
    Lookup(Box<Lookup>),
    Attempt(Box<Attempt>),
    /// `took` is the handshake's, of the attempt that stood: what was before it has its own events.
    Connect {
        peer: Box<SocketAddr>,
        took: u64,
    },
    Data,
    Write,
    Message {
        way: Way,
        form: Form,
        frames: u32,
        /// How it was on the wire; of a WebSocket message.
        framing: Framing,
    },
    Blocked {
        waiting: u64,
    },
    /// So many bytes of ours waited for so long.
    Drain {
        blocked: u64,
        waited: u64,
    },
    Timeout {
        idle: u64,
    },
    /// That side is done sending.
    End {
        way: Way,
        sign: Sign,
    },
    Error(Box<Fault>),
    Close(Box<End>),
    /// A line that an endpoint was asked to show (`show` in its settings).
    Log,
    /// A setting was changed while it ran.
    Set(Box<Change>),
    /// What a secure listener shows from here on.
    Certificate(Box<Shown>),
    ClientHello(Arc<Hello>),
    ServerHello(Arc<Answer>),
    /// Handshake messages beside the two hellos.
    Handshake(Arc<Flight>),
    /// What lets the next handshake be short (RFC 8446 section 4.6.1, RFC 5077); `lifetime` in seconds.
    SessionTicket {
        way: Way,
        count: u16,
        lifetime: u32,
        bytes: u32,
    },
    /// Plain text ends here: TLS begins on the same connection.
    Starttls(Box<Upgrade>),
    KeyLog(Box<Logged>),
    SecureConnection(Arc<Secured>),
    SecureConnect(Arc<Secured>),
    Alert {
        way: Way,
        name: &'static str,
    },
    TlsError(Box<Fault>),
    /// `stream` is the HTTP/2 stream that the exchange is; 0 in HTTP/1.
    Request {
        way: Way,
        exchange: u32,
        turn: Turn,
        stream: u32,
    },
    Continue {
        way: Way,
        exchange: u32,
    },
    /// A 1xx that is neither 100 nor 101: the response itself is yet to come.
    Information {
        way: Way,
        exchange: u32,
        status: u16,
    },
    Head {
        way: Way,
        exchange: u32,
        status: u16,
        /// Nanoseconds since the request's head.
        took: u64,
    },
    Body {
        way: Way,
        exchange: u32,
        part: Part,
    },
    /// A chunk's size line that says more than a size: extensions, or that it is the last.
    Chunk {
        way: Way,
        exchange: u32,
        size: u64,
    },
    Trailers {
        way: Way,
        exchange: u32,
    },
    Finish {
        exchange: u32,
        /// Nanoseconds from the request's head to the first byte of the response's body, if it has one.
        first: Option<NonZeroU64>,
        took: u64,
    },
    /// No request follows on the connection.
    Last {
        way: Way,
        exchange: u32,
        why: Why,
    },
    Upgrade {
        exchange: u32,
    },
    /// With the exchange it is about, or that its answer is; 0 where there is none.
    ClientError(Box<Fault>, u32),
    /// HTTP/2 (RFC 9113 section 6.5).
    Settings(Box<h2::Settings>),
    /// `last` is the last stream that is still answered; the debug text is the payload (section 6.8).
    GoAway {
        way: Way,
        last: u32,
        code: u32,
    },
    /// RST_STREAM (section 6.4).
    StreamReset {
        way: Way,
        exchange: u32,
        stream: u32,
        code: u32,
    },
    /// A sender that had used up its window may go on; `exchange` is 0 for the connection's (section 6.9).
    WindowUpdate {
        way: Way,
        exchange: u32,
        by: u32,
        blocked: u64,
    },
    /// An exchange met a rule of its listener, which is the payload.
    Rule {
        exchange: u32,
    },
    /// An exchange waits for a person's answer.
    Held {
        exchange: u32,
    },
    /// The connection, or its stream, was left before an exchange had its whole answer.
    Aborted {
        exchange: u32,
        /// Nanoseconds since its request's head.
        waited: u64,
        /// Who gave it up.
        by: Party,
    },
    /// The WebSocket handshake; both heads are the payload.
    Open(Box<Opened>),
    /// An Engine.IO or Socket.IO packet in the message before; its arguments are the payload.
    Packet {
        way: Way,
        packet: Box<Head>,
    },
    Frame {
        way: Way,
        frame: FrameHead,
    },
    /// Of a WebSocket with its frame, of HTTP/2 without one.
    Ping {
        way: Way,
        frame: Option<FrameHead>,
    },
    /// `rtt` in nanoseconds, where it answers a ping of ours.
    Pong {
        way: Way,
        rtt: Option<NonZeroU64>,
        frame: Option<FrameHead>,
    },
    /// A WebSocket close frame; its reason is the payload.
    Closing {
        way: Way,
        code: Option<u16>,
        frame: FrameHead,
    },
    /// What there is to tell of a UDP socket besides its datagrams.
    Datagram(Box<Note>),
}

impl Kind {
    /// A FIN that has left.
    pub fn fin(way: Way) -> Self {
        Self::End { way, sign: Sign::Fin }
    }

    /// The name in the vocabulary.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::Connection { .. } => "connection",
            Self::Drop { .. } => "drop",
            Self::Clock { .. } => "clock",
            Self::Lookup(_) => "lookup",
            Self::Attempt(attempt) => attempt.step.name(),
            Self::Connect { .. } => "connect",
            Self::Data => "data",
            Self::Write => "write",
            Self::Message { .. } => "message",
            Self::Blocked { .. } => "blocked",
            Self::Drain { .. } => "drain",
            Self::Timeout { .. } => "timeout",
            Self::End { .. } => "end",
            Self::Error(_) => "error",
            Self::Close(_) => "close",
            Self::Log => "log",
            Self::Set(_) => "set",
            Self::Certificate(_) => "certificate",
            Self::ClientHello(_) => "clientHello",
            Self::ServerHello(_) => "serverHello",
            Self::Handshake(_) => "handshake",
            Self::SessionTicket { .. } => "sessionTicket",
            Self::Starttls(_) => "starttls",
            Self::KeyLog(_) => "keylog",
            Self::SecureConnection(_) => "secureConnection",
            Self::SecureConnect(_) => "secureConnect",
            Self::Alert { .. } => "alert",
            Self::TlsError(_) => "tlsError",
            Self::Request { .. } => "request",
            Self::Continue { .. } => "continue",
            Self::Information { .. } => "information",
            Self::Head { .. } => "head",
            Self::Body { .. } => "body",
            Self::Chunk { .. } => "chunk",
            Self::Trailers { .. } => "trailers",
            Self::Finish { .. } => "finish",
            Self::Last { .. } => "last",
            Self::Upgrade { .. } => "upgrade",
            Self::ClientError(..) => "clientError",
            Self::Settings(_) => "settings",
            Self::GoAway { .. } => "goAway",
            Self::StreamReset { .. } => "streamReset",
            Self::WindowUpdate { .. } => "windowUpdate",
            Self::Rule { .. } => "rule",
            Self::Held { .. } => "held",
            Self::Aborted { .. } => "aborted",
            Self::Open(_) => "open",
            Self::Packet { .. } => "packet",
            Self::Frame { .. } => "frame",
            Self::Ping { .. } => "ping",
            Self::Pong { .. } => "pong",
            Self::Closing { .. } => "closing",
            Self::Datagram(note) => note.name(),
        }
    }

    pub fn way(&self) -> Option<Way> {
        match self {
            Self::Data => Some(Way::In),
            Self::Settings(settings) => Some(settings.way),
            Self::ClientHello(hello) => Some(hello.way),
            Self::ServerHello(answer) => Some(answer.way),
            Self::Handshake(flight) => Some(flight.way),
            Self::Write | Self::Blocked { .. } | Self::Drain { .. } => Some(Way::Out),
            Self::Message { way, .. }
            | Self::End { way, .. }
            | Self::Alert { way, .. }
            | Self::SessionTicket { way, .. }
            | Self::Request { way, .. }
            | Self::Continue { way, .. }
            | Self::Information { way, .. }
            | Self::Head { way, .. }
            | Self::Body { way, .. }
            | Self::Chunk { way, .. }
            | Self::Last { way, .. }
            | Self::Trailers { way, .. }
            | Self::Packet { way, .. }
            | Self::GoAway { way, .. }
            | Self::StreamReset { way, .. }
            | Self::WindowUpdate { way, .. }
            | Self::Frame { way, .. }
            | Self::Ping { way, .. }
            | Self::Pong { way, .. }
            | Self::Closing { way, .. } => Some(*way),
            Self::Datagram(note) => note.way(),
            Self::Listening { .. }
            | Self::Connection { .. }
            | Self::Drop { .. }
            | Self::Clock { .. }
            | Self::Lookup(_)
            | Self::Attempt(_)
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Error(_)
            | Self::Close(_)
            | Self::Log
            | Self::Set(_)
            | Self::Certificate(_)
            | Self::Starttls(_)
            | Self::KeyLog(_)
            | Self::SecureConnection(_)
            | Self::SecureConnect(_)
            | Self::TlsError(_)
            | Self::Finish { .. }
            | Self::Upgrade { .. }
            | Self::ClientError(..)
            | Self::Rule { .. }
            | Self::Held { .. }
            | Self::Aborted { .. }
            | Self::Open(_) => None,
        }
    }

    /// Whether the bytes beside the event are payload: they have a size worth a column.
    pub fn carries_payload(&self) -> bool {
        matches!(
            self,
            Self::Data
                | Self::Write
                | Self::Message { .. }
                | Self::Request { .. }
                | Self::Head { .. }
                | Self::Body { .. }
                | Self::Trailers { .. }
                | Self::Open(_)
                | Self::Packet { .. }
                | Self::Information { .. }
                | Self::Ping { .. }
                | Self::Pong { .. }
        )
    }

    /// The HTTP exchange the event belongs to.
    pub fn exchange(&self) -> Option<u32> {
        match self {
            Self::Request { exchange, .. }
            | Self::Continue { exchange, .. }
            | Self::Information { exchange, .. }
            | Self::Head { exchange, .. }
            | Self::Body { exchange, .. }
            | Self::Chunk { exchange, .. }
            | Self::Last { exchange, .. }
            | Self::Trailers { exchange, .. }
            | Self::Finish { exchange, .. }
            | Self::StreamReset { exchange, .. }
            | Self::Rule { exchange }
            | Self::Held { exchange }
            | Self::Aborted { exchange, .. }
            | Self::Upgrade { exchange } => Some(*exchange),
            Self::WindowUpdate { exchange, .. } | Self::ClientError(_, exchange) => {
                Some(*exchange).filter(|exchange| *exchange > 0)
            }
            _ => None,
        }
    }

    /// Which counters the event moves by one, and whether by its size too: the one place where
    /// an event becomes a fact. HTTP's bytes are counted where its stream is, chunk framing included.
    pub fn counts(&self) -> (Option<Cell>, Option<Cell>) {
        match self {
            Self::Data => (Some(Cell::MessagesIn), Some(Cell::BytesIn)),
            Self::Write => (Some(Cell::MessagesOut), Some(Cell::BytesOut)),
            Self::Message { way: Way::In, .. } => (Some(Cell::MessagesIn), Some(Cell::BytesIn)),
            Self::Message { way: Way::Out, .. } => (Some(Cell::MessagesOut), Some(Cell::BytesOut)),
            Self::Request { way: Way::In, .. } | Self::Head { way: Way::In, .. } => (Some(Cell::MessagesIn), None),
            Self::Request { way: Way::Out, .. } | Self::Head { way: Way::Out, .. } => (Some(Cell::MessagesOut), None),
            Self::Error(_) | Self::TlsError(_) | Self::ClientError(..) => (Some(Cell::Errors), None),
            _ => (None, None),
        }
    }

    /// Bytes on the heap behind the event, for the memory budget.
    pub fn weight(&self) -> usize {
        match self {
            Self::Listening { .. } | Self::Connection { .. } | Self::Connect { .. } | Self::Drop { .. } => {
                size_of::<SocketAddr>()
            }
            Self::Lookup(lookup) => size_of::<Lookup>() + lookup.name.len() + size_of_val(&*lookup.addresses),
            Self::Attempt(_) => size_of::<Attempt>() + 64,
            Self::Error(_) | Self::TlsError(_) | Self::ClientError(..) => size_of::<Fault>() + 64,
            Self::Close(_) => size_of::<End>() + 64,
            Self::Set(_) => size_of::<Change>() + 32,
            Self::Certificate(_) => size_of::<Shown>() + 640,
            Self::Settings(settings) => {
                size_of::<h2::Settings>() + settings.values.capacity() * size_of::<(u16, u32)>()
            }
            Self::ClientHello(_) => size_of::<Hello>() + 2048,
            Self::ServerHello(_) => size_of::<Answer>() + 256,
            Self::Handshake(flight) => size_of::<Flight>() + flight.steps.len() * 24,
            Self::Starttls(_) => size_of::<Upgrade>(),
            Self::KeyLog(logged) => size_of::<Logged>() + logged.file.len() + logged.labels.len() * 48,
            Self::SecureConnection(secured) | Self::SecureConnect(secured) => {
                size_of::<Secured>() + 96 + secured.chain.len() * 640
            }
            Self::Open(opened) => opened.weight(),
            Self::Datagram(note) => note.weight(),
            Self::Packet { packet, .. } => packet.weight(),
            _ => 0,
        }
    }
}

/// An event as it is read: a copy, with the head of its payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Position on its timeline, from 0, without gaps; a gap in what is read is what was dropped.
    pub seq: u64,
    pub at: Stamp,
    pub kind: Kind,
    /// Payload size in bytes, whole.
    pub size: u64,
    /// The head of the payload that was kept.
    pub head: Vec<u8>,
}

mod word;

#[cfg(test)]
mod tests;
