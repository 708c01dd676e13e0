//! The question a screen asks ([`Query`]) and the plain, immutable answer one frame is drawn from
//! ([`Snapshot`]). An answer costs what it shows, never what happened.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::end::{End, Fault};
use super::event::Event;
use super::framer::Framed;
use super::handshake::Handshake;
use super::id::{EndpointId, SocketId, Subject};
use super::life::Life;
use super::spec::{Settings, Spec};
use super::tally::Count;
use super::time::{Stamp, Wall};
use super::url::Scheme;
use super::waiting::Waiting;

/// Seconds of activity an endpoint's sparkline shows at the most.
pub const SPARK: usize = 24;

/// What the kernel knows of a TCP connection (`TCP_INFO`, tcp(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kernel {
    pub segments_in: u64,
    pub segments_out: u64,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    pub retransmits: u32,
}

/// Something that can be asked for the kernel's counters at any time.
pub trait Gauge: Send + Sync {
    /// `None` where the platform has no such counters.
    fn read(&self) -> Option<Kernel>;

    /// Bytes that our FIN waits behind, once it was asked for; `None` if it has left, or nobody knows.
    fn in_front(&self) -> Option<u32> {
        None
    }
}

/// Something that can tell its own state at any time: what was negotiated, what waits, what the kernel says.
pub trait Facts: Send + Sync {
    fn read(&self) -> Vec<Group>;

    /// How some of it went lately.
    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    /// How its TLS handshake went.
    fn handshake(&self) -> Option<Handshake> {
        None
    }

    /// Whether it is HTTP/2, which has pings of its own.
    fn is_h2(&self) -> bool {
        false
    }

    /// Nothing will be told any more: whoever tells next of the same subject takes its place.
    fn is_over(&self) -> bool {
        false
    }
}

/// A number as it went, oldest first: a picture on the details page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    pub name: &'static str,
    pub measure: Measure,
    /// From the first to the last; where nothing happened there is no sample.
    pub over: Duration,
    pub values: Vec<u64>,
}

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    Micros,
    Bytes,
    Segments,
    /// Bytes a second.
    Rate,
}

/// Facts that belong together: a block of the details page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    pub title: Cow<'static, str>,
    /// A name and its value.
    pub rows: Vec<(Cow<'static, str>, String)>,
}

/// The state of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    Starting,
    Up,
    /// It could not start, or broke: what, why. A key retries.
    Failed(Fault),
    Stopped,
}

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Which sockets the list shows, and the window around the selected one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListQuery {
    /// Words that must all occur in a row (protocol, id, addresses, state).
    pub filter: String,
    /// Only this endpoint's.
    pub endpoint: Option<EndpointId>,
    /// The selected socket; the window holds at least `rows` above and below it.
    pub around: Option<SocketId>,
    pub rows: usize,
}

/// Which part of a timeline is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// The newest `rows`.
    Last { rows: usize },
    /// `rows` from a sequence number on, or the nearest that are kept.
    From { seq: u64, rows: usize },
}

/// What a frame needs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    pub list: ListQuery,
    pub subject: Option<Subject>,
    pub window: Option<Window>,
    /// The event to show whole, or the nearest that is kept: `u64::MAX` is the newest.
    pub inspect: Option<u64>,
    /// Whether the subject's own state is wanted: [`Snapshot::details`].
    pub details: bool,
    /// A frozen picture: nothing later than this on the timeline.
    pub until: Option<Stamp>,
}

/// Messages a second, in and out: the last full second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    pub received: u64,
    pub sent: u64,
}

/// An endpoint as the screen sees it.
#[derive(Clone, Debug)]
pub struct EndpointRow {
    pub id: EndpointId,
    pub spec: Arc<Spec>,
    pub state: State,
    /// Where it is bound, once it is: port 0 has become a number.
    pub local: Option<SocketAddr>,
    /// Open sockets.
    pub open: usize,
    /// All sockets it ever had.
    pub ever: u64,
    pub count: Count,
    pub rate: Rate,
    /// Messages in each of the last seconds, oldest first.
    pub spark: [u32; SPARK],
}

/// A socket as the screen sees it.
#[derive(Clone, Debug)]
pub struct SocketRow {
    pub id: SocketId,
    pub endpoint: EndpointId,
    pub scheme: Scheme,
    /// Whether the peer came to us.
    pub accepted: bool,
    pub peer: SocketAddr,
    pub local: Option<SocketAddr>,
    pub life: Life,
    pub end: Option<Arc<End>>,
    pub opened: Stamp,
    pub closed: Option<Stamp>,
    pub count: Count,
    pub rate: Rate,
    pub kernel: Option<Kernel>,
    /// Whether the packet counters mean anything on this platform.
    pub packets_known: bool,
    /// A write waits for the peer to read.
    pub blocked: bool,
    /// When something last came in.
    pub seen: Option<Stamp>,
    /// The row stands for so many older UDP peers that made room; 0 for every other.
    pub folded: u64,
}

/// The window of the socket list.
#[derive(Clone, Debug, Default)]
pub struct SocketList {
    /// Rows the filter lets through, of `all`.
    pub total: usize,
    pub all: usize,
    /// Position of `rows[0]` among `total`.
    pub first: usize,
    pub rows: Vec<SocketRow>,
    /// The ends of the whole list, for Home and End.
    pub top: Option<SocketId>,
    pub bottom: Option<SocketId>,
}

/// A window of one timeline.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub subject: Subject,
    /// Sequence numbers that are kept (and, in a frozen picture, old enough).
    pub range: Range<u64>,
    /// Events dropped from the front.
    pub dropped: u64,
    pub events: Vec<Event>,
    /// The time of the event before the first one shown, for its delta.
    pub before: Option<Stamp>,
    /// The event asked for whole.
    pub inspected: Option<Event>,
    /// The same window as messages, where a framing is set.
    pub framed: Option<Framed>,
}

/// Everything one frame is drawn from.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub now: Stamp,
    pub wall: Wall,
    pub endpoints: Vec<EndpointRow>,
    pub sockets: SocketList,
    /// The selected socket, also when it is outside the list's window.
    pub socket: Option<SocketRow>,
    /// Open sockets in all.
    pub open: usize,
    /// Listed rows that stand for older UDP peers: neither open nor closed.
    pub older: usize,
    pub count: Count,
    pub rate: Rate,
    /// Events that all timelines dropped so far.
    pub dropped: u64,
    pub timeline: Option<Timeline>,
    /// HTTP exchanges that a person is to answer, those that waited longest first.
    pub waiting: Vec<Waiting>,
    /// The socket's own settings, where they are no longer its endpoint's.
    pub settings: Option<Arc<Settings>>,
    /// The subject's own state, where the query asked for it.
    pub details: Vec<Group>,
    pub series: Vec<Series>,
    /// The subject's TLS handshake, where it has begun one.
    pub handshake: Option<Handshake>,
}

impl Snapshot {
    pub fn endpoint(&self, id: EndpointId) -> Option<&EndpointRow> {
        self.endpoints.iter().find(|row| row.id == id)
    }

    /// What waits on a socket, in its order.
    pub fn waiting_on(&self, id: SocketId) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(move |row| row.socket == id)
    }

    pub fn row(&self, id: SocketId) -> Option<&SocketRow> {
        self.socket.iter().chain(&self.sockets.rows).find(|row| row.id == id)
    }
}
