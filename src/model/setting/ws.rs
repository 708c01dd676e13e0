//! What a WebSocket endpoint can be set to.

use std::time::Duration;

use super::text::{Text, put};
use super::{Live, Look, Row, always};
use crate::model::url::{Role, Scheme};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ws {
    /// Subprotocols to offer (client) or to choose from (listener), best first.
    pub subprotocols: Vec<String>,
    /// Offer permessage-deflate (client), or take it where it is offered (listener): RFC 7692.
    pub deflate: bool,
    /// Whether a side keeps its window from message to message (RFC 7692 section 7.1.1).
    pub server_takeover: bool,
    pub client_takeover: bool,
    /// The largest window of a side, 2^n bytes (RFC 7692 section 7.1.2): 8 to 15.
    pub server_window_bits: Bits,
    pub client_window_bits: Bits,
    /// Send a ping at this interval.
    pub ping_every: Option<Duration>,
    /// Answer pings, as RFC 6455 section 5.5.2 wants.
    pub answer_pings: bool,
    /// What is spoken in the messages.
    pub dialect: Dialect,
}

/// What is spoken in messages by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dialect {
    #[default]
    None,
    /// Socket.IO 5 over Engine.IO 4, on the websocket transport.
    SocketIo,
}

impl Text for Dialect {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "socket.io" => Ok(Self::SocketIo),
            _ => Err(format!("\"{text}\" is no dialect: write none or socket.io")),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::None => "none",
            Self::SocketIo => "socket.io",
        }
        .into()
    }
}

impl Default for Ws {
    fn default() -> Self {
        Self {
            subprotocols: Vec::new(),
            deflate: false,
            server_takeover: true,
            client_takeover: true,
            server_window_bits: Bits::default(),
            client_window_bits: Bits::default(),
            ping_every: None,
            answer_pings: true,
            dialect: Dialect::None,
        }
    }
}

/// A window of 2^n bytes, n from 8 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits(u8);

impl Bits {
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Bits {
    fn default() -> Self {
        Self(15)
    }
}

/// What there is to choose from, the usual first.
const BITS: &[&str] = &["15", "14", "13", "12", "11", "10", "9", "8"];

impl Text for Bits {
    fn read(text: &str) -> Result<Self, String> {
        let good = text.parse().ok().filter(|bits| (8..=15).contains(bits));
        good.map(Self).ok_or_else(|| format!("\"{text}\" is no window: write the bits of its size, 8 to 15"))
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}

fn fits(_: Role, scheme: Scheme) -> bool {
    scheme.is_ws()
}

pub const ROWS: &[Row] = &[
    Row {
        name: "subprotocols",
        look: Look::Line("graphql-ws mqtt"),
        live: Live::Next,
        fits,
        elsewhere: "subprotocols are for ws and wss",
        when: always,
        help: "to offer (client) or to choose from (listener), best first, spaces between; none taken opens too",
        get: |settings| settings.ws.subprotocols.write(),
        set: |settings, text| put(&mut settings.ws.subprotocols, text),
    },
    Row {
        name: "deflate",
        look: Look::Switch,
        live: Live::Next,
        fits,
        elsewhere: "deflate is for ws and wss",
        when: always,
        help: "offer permessage-deflate (client), or take it where it is offered (listener)",
        get: |settings| settings.ws.deflate.write(),
        set: |settings, text| put(&mut settings.ws.deflate, text),
    },
    Row {
        name: "server_takeover",
        look: Look::Switch,
        live: Live::Next,
        fits,
        elsewhere: "server_takeover is for ws and wss",
        when: |settings| settings.ws.deflate,
        help: "the server keeps its window between messages; no is server_no_context_takeover",
        get: |settings| settings.ws.server_takeover.write(),
        set: |settings, text| put(&mut settings.ws.server_takeover, text),
    },
    Row {
        name: "client_takeover",
        look: Look::Switch,
        live: Live::Next,
        fits,
        elsewhere: "client_takeover is for ws and wss",
        when: |settings| settings.ws.deflate,
        help: "the client keeps its window between messages; no is client_no_context_takeover",
        get: |settings| settings.ws.client_takeover.write(),
        set: |settings, text| put(&mut settings.ws.client_takeover, text),
    },
    Row {
        name: "server_window_bits",
        look: Look::Choice(BITS),
        live: Live::Next,
        fits,
        elsewhere: "server_window_bits is for ws and wss",
        when: |settings| settings.ws.deflate,
        help: "the largest window the server compresses with, 2^n bytes (server_max_window_bits)",
        get: |settings| settings.ws.server_window_bits.write(),
        set: |settings, text| put(&mut settings.ws.server_window_bits, text),
    },
    Row {
        name: "client_window_bits",
        look: Look::Choice(BITS),
        live: Live::Next,
        fits,
        elsewhere: "client_window_bits is for ws and wss",
        when: |settings| settings.ws.deflate,
        help: "the largest window the client compresses with, 2^n bytes (client_max_window_bits)",
        get: |settings| settings.ws.client_window_bits.write(),
        set: |settings, text| put(&mut settings.ws.client_window_bits, text),
    },
    Row {
        name: "ping_every",
        look: Look::Line("30s"),
        live: Live::Now,
        fits,
        elsewhere: "ping_every is for ws and wss",
        when: always,
        help: "send a ping at this interval; off for none",
        get: |settings| settings.ws.ping_every.write(),
        set: |settings, text| put(&mut settings.ws.ping_every, text),
    },
    Row {
        name: "answer_pings",
        look: Look::Switch,
        live: Live::Now,
        fits,
        elsewhere: "answer_pings is for ws and wss",
        when: always,
        help: "answer the peer's pings; no lets it think that we are gone",
        get: |settings| settings.ws.answer_pings.write(),
        set: |settings, text| put(&mut settings.ws.answer_pings, text),
    },
    Row {
        name: "dialect",
        look: Look::Choice(&["none", "socket.io"]),
        live: Live::Next,
        fits,
        elsewhere: "dialect is for ws and wss",
        when: always,
        help: "socket.io: handshake, heartbeats, namespaces and acks by themselves, events back as reply says",
        get: |settings| settings.ws.dialect.write(),
        set: |settings, text| put(&mut settings.ws.dialect, text),
    },
];
