//! Why something went wrong ([`Fault`]) and why a socket is over ([`End`]): a variant each, with its cause.

use std::fmt;
use std::time::Duration;

use super::size;

/// Which side of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Party {
    Us,
    Peer,
}

/// What was being done when the kernel refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    Resolve,
    Bind,
    Accept,
    Connect,
    Read,
    Write,
    Shutdown,
    Close,
    /// A multicast group.
    Join,
    Leave,
    /// Setting a socket option.
    Set,
    /// Making a socket, before it is bound or dials.
    Open,
    /// What came back for something sent earlier (`IP_RECVERR`, ip(7)).
    Queue,
}

impl Op {
    /// Fits behind "while": "ECONNRESET while reading: the peer reset the connection".
    pub fn doing(self) -> &'static str {
        match self {
            Self::Resolve => "resolving the name",
            Self::Bind => "binding",
            Self::Accept => "accepting",
            Self::Connect => "connecting",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::Shutdown => "half-closing",
            Self::Close => "closing",
            Self::Join => "joining the group",
            Self::Leave => "leaving the group",
            Self::Set => "setting an option",
            Self::Open => "opening a socket",
            Self::Queue => "reading the error queue",
        }
    }
}

/// Something that went wrong, with its cause.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The kernel said no. `name` is the errno's (`ECONNRESET`) or, where there is none, the kind's.
    Io { op: Op, name: &'static str, text: Box<str> },
    /// TLS failed. `alert` is the RFC 8446 section 6 name where one was sent, and who sent it.
    Tls { alert: Option<(Party, &'static str)>, text: Box<str> },
    /// A certificate, a key or the store cannot be used as it is.
    Certificate { text: Box<str> },
    /// What came before TLS on one connection did not lead to it (RFC 3207), or went too far.
    Starttls { text: Box<str> },
    /// An HTTP message that is not one (RFC 9112); `status` is the answer that was sent, if any.
    Http { status: Option<u16>, text: Box<str> },
    /// A WebSocket handshake or frame that is not one (RFC 6455).
    WebSocket { text: Box<str> },
    /// A bound that a person can set was reached.
    Limit { what: &'static str, limit: u64 },
    /// Something did not happen in time: `what` says so, "not connected".
    Late { what: &'static str, after: Duration },
    /// A bug of ours, caught at the task's edge.
    Panic { text: Box<str> },
}

impl Fault {
    /// One word for a column: `ECONNRESET`, `tls`, `limit`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Io { name, .. } => name,
            Self::Tls { alert: Some((_, name)), .. } => name,
            Self::Tls { alert: None, .. } => "tls",
            Self::Certificate { .. } => "certificate",
            Self::Starttls { .. } => "starttls",
            Self::Http { .. } => "http",
            Self::WebSocket { .. } => "websocket",
            Self::Limit { .. } => "limit",
            Self::Late { .. } => "timeout",
            Self::Panic { .. } => "panic",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { op, name, text } => write!(f, "{name} while {}: {text}", op.doing()),
            Self::Tls { alert: Some((Party::Us, name)), text } => write!(f, "we sent the alert {name}: {text}"),
            Self::Tls { alert: Some((Party::Peer, name)), text } => write!(f, "the peer sent the alert {name}: {text}"),
            Self::Tls { alert: None, text } => write!(f, "TLS failed: {text}"),
            Self::Http { status: Some(status), text } => write!(f, "{text}; its answer is {status}"),
            Self::Http { status: None, text }
            | Self::WebSocket { text }
            | Self::Starttls { text }
            | Self::Certificate { text } => write!(f, "{text}"),
            Self::Limit { what, limit } => write!(f, "{what}: the limit of {} is reached", bound(what, *limit)),
            Self::Late { what, after } => write!(f, "{what} within {after:?}"),
            Self::Panic { text } => write!(f, "a bug in sockscope ended this: {text}"),
        }
    }
}

impl std::error::Error for Fault {}

/// How the limit of something reads: of bytes as it is configured, with their unit; else a plain number.
pub fn bound(what: &str, limit: u64) -> String {
    if what.starts_with("bytes") { size::bound(limit) } else { size::exact(limit) }
}

/// How TCP ended below what had failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tcp {
    /// RST, and not FIN.
    pub reset: bool,
    /// Who sent it; of two FINs the first.
    pub by: Party,
}

impl Tcp {
    pub fn name(self) -> &'static str {
        if self.reset { "rst" } else { "fin" }
    }
}

/// How a socket's life ended. The first one recorded wins.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// Both sides sent FIN; `first` began.
    Finished { first: Party },
    /// A RST tore it down.
    Reset { by: Party },
    /// It never opened.
    Failed(Fault),
    /// It was open and something broke it.
    Broken(Fault),
    /// TLS came to nothing, or its end was cut off: whether it was open by then, and how TCP below it ended.
    Unsecured { fault: Fault, open: bool, tcp: Option<Tcp> },
    /// Its endpoint was stopped, or the program ended.
    Stopped,
    /// A UDP peer that made room for newer ones.
    Crowded,
    /// A UDP peer that a person closed: there is no connection, and nothing is sent for it.
    Forgotten,
    /// A flow went away without a word: a bug of ours, made visible.
    Abandoned,
}

impl End {
    /// Node's `hadError`: whether the close was anything but orderly.
    pub fn had_error(&self) -> bool {
        !matches!(self, Self::Finished { .. } | Self::Stopped | Self::Crowded | Self::Forgotten)
    }

    /// One word for JSON and columns.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished { .. } => "fin",
            Self::Reset { .. } => "rst",
            Self::Failed(_) | Self::Unsecured { open: false, .. } => "failed",
            Self::Broken(_) | Self::Unsecured { open: true, .. } => "broken",
            Self::Stopped => "stopped",
            Self::Crowded => "crowded",
            Self::Forgotten => "forgotten",
            Self::Abandoned => "abandoned",
        }
    }

    /// Who closed, where it was one of the two.
    pub fn by(&self) -> Option<Party> {
        match self {
            Self::Finished { first: party } | Self::Reset { by: party } => Some(*party),
            Self::Stopped | Self::Crowded | Self::Forgotten | Self::Abandoned => Some(Party::Us),
            // It had our answer, and then our FIN.
            Self::Broken(Fault::Http { status: Some(_), .. }) => Some(Party::Us),
            Self::Unsecured { tcp, .. } => tcp.map(|tcp| tcp.by),
            Self::Failed(_) | Self::Broken(_) => None,
        }
    }

    /// What went wrong, where that ended it.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Failed(fault) | Self::Broken(fault) | Self::Unsecured { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished { first: Party::Peer } => f.write_str("FIN, the peer closed first"),
            Self::Finished { first: Party::Us } => f.write_str("FIN, we closed first"),
            Self::Reset { by: Party::Peer } => f.write_str("RST from the peer"),
            Self::Reset { by: Party::Us } => f.write_str("RST, we reset it"),
            Self::Broken(fault @ Fault::Http { status: Some(_), .. }) => write!(f, "{fault}; FIN, we closed first"),
            Self::Failed(fault) | Self::Broken(fault) | Self::Unsecured { fault, tcp: None, .. } => fault.fmt(f),
            Self::Unsecured { fault, tcp: Some(tcp), .. } => {
                let from = if tcp.by == Party::Us { "us" } else { "the peer" };
                let first = if tcp.reset { "" } else { " first" };
                write!(f, "{fault}; {} from {from}{first}", tcp.name().to_uppercase())
            }
            Self::Stopped => f.write_str("its endpoint was stopped"),
            Self::Crowded => f.write_str("made room for newer peers"),
            Self::Forgotten => f.write_str("forgotten by hand; UDP tells the peer nothing"),
            Self::Abandoned => f.write_str("its task went away without a word (a bug)"),
        }
    }
}
