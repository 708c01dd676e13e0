//! The loads: one row each.

use crate::Res;

/// What a load generator does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One message of so many bytes and its echo, again and again.
    Echo(usize),
    /// Batches of 16 KiB writes, read back meanwhile.
    Bulk,
    /// Connect, one message and its echo, close.
    Churn,
    Datagrams,
    Http(Ask),
    /// Messages of so many bytes, so many at a time.
    Messages {
        size: usize,
        text: bool,
        depth: usize,
    },
    /// A handshake, one byte and its echo, close.
    Handshakes,
    /// Opened, used once, and then silent.
    Idle,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Get,
    /// So many requests in one write.
    Pipelined(usize),
    /// A body of so many bytes.
    Post(usize),
}

pub struct Load {
    pub name: &'static str,
    pub title: &'static str,
    /// Which bare server, and which scheme of sockscope's.
    pub bare: &'static str,
    pub scheme: &'static str,
    pub kind: Kind,
    pub connections: usize,
    /// The least ratio that is wanted.
    pub goal: Option<f64>,
}

impl Load {
    pub fn secure(&self) -> bool {
        matches!(self.scheme, "tls" | "https" | "wss")
    }
}

const fn load(
    name: &'static str,
    title: &'static str,
    (bare, scheme): (&'static str, &'static str),
    kind: Kind,
    connections: usize,
    goal: Option<f64>,
) -> Load {
    Load { name, title, bare, scheme, kind, connections, goal }
}

const TCP: (&str, &str) = ("tcp", "tcp");
const HTTP: (&str, &str) = ("http", "http");
const TLS: (&str, &str) = ("tls", "tls");
const WS: (&str, &str) = ("ws", "ws");
const TEXT: Kind = Kind::Messages { size: 64, text: true, depth: 1 };
const LARGE: Kind = Kind::Messages { size: 64 << 10, text: false, depth: 4 };

/// Loads that take time.
pub const LOADS: &[Load] = &[
    load("tcp-1", "TCP, 64 B round trips, 1 connection", TCP, Kind::Echo(64), 1, None),
    load("tcp-32", "TCP, 64 B round trips, 32 connections", TCP, Kind::Echo(64), 32, Some(0.95)),
    load("tcp-bulk", "TCP, 16 KiB writes, 4 connections", TCP, Kind::Bulk, 4, Some(0.95)),
    load("tcp-churn", "TCP, connect, 64 B, close, 16 at a time", TCP, Kind::Churn, 16, Some(0.85)),
    load("udp-32", "UDP, 64 B round trips, 32 peers", ("udp", "udp"), Kind::Datagrams, 32, Some(0.95)),
    load("http-1", "HTTP, GET, 1 connection", HTTP, Kind::Http(Ask::Get), 1, None),
    load("http-32", "HTTP, GET, 32 connections", HTTP, Kind::Http(Ask::Get), 32, Some(0.95)),
    load(
        "http-pipelined",
        "HTTP, GET, 16 pipelined, 32 connections",
        HTTP,
        Kind::Http(Ask::Pipelined(16)),
        32,
        Some(0.9),
    ),
    load("http-post", "HTTP, POST of 1 KiB, 32 connections", HTTP, Kind::Http(Ask::Post(1024)), 32, Some(0.95)),
    load("ws-32", "WebSocket, 64 B text, 32 connections", WS, TEXT, 32, Some(0.95)),
    load("ws-32-small", "the same; bare with a buffer of 4 KiB", ("ws-small", "ws"), TEXT, 32, Some(0.95)),
    load("ws-bulk", "WebSocket, 64 KiB binary, 4 at a time, 4 connections", WS, LARGE, 4, Some(0.95)),
    load("tls-handshakes", "TLS 1.3, full handshakes, P-256, 16 at a time", TLS, Kind::Handshakes, 16, Some(0.97)),
    load("tls-32", "TLS, 64 B round trips, 32 connections", TLS, Kind::Echo(64), 32, Some(0.95)),
    load("tls-bulk", "TLS, 16 KiB writes, 4 connections", TLS, Kind::Bulk, 4, Some(0.95)),
    load("https-32", "https, GET, 32 connections", ("https", "https"), Kind::Http(Ask::Get), 32, Some(0.95)),
];

/// Loads that take memory: one number, a connection's share.
pub const IDLE: &[Load] = &[
    load("idle-tcp", "TCP", TCP, Kind::Idle, 9_500, Some(12.0)),
    load("idle-http", "HTTP", HTTP, Kind::Idle, 9_500, None),
    load("idle-ws", "WebSocket", WS, Kind::Idle, 9_500, Some(16.0)),
    load("idle-tls", "TLS", TLS, Kind::Idle, 9_500, Some(28.0)),
];

pub fn find(name: &str) -> Res<&'static Load> {
    let found = LOADS.iter().chain(IDLE).find(|load| load.name == name);
    found.ok_or_else(|| format!("there is no load {name}").into())
}
