//! What a TCP connection can be set to, under whatever is spoken on it.

use super::text::{Text, put};
use super::{Live, Look, Row, always, stream};
use crate::model::framer::Framing;
use crate::model::url::Scheme;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// No Nagle (`TCP_NODELAY`, tcp(7)): small writes are what a person sends and wants to see leave.
    pub nodelay: bool,
    /// Where messages end in the stream, for reading and for sending.
    pub framing: Framing,
}

impl Default for Tcp {
    fn default() -> Self {
        Self { nodelay: true, framing: Framing::None }
    }
}

pub const ROWS: &[Row] = &[
    Row {
        name: "half_open",
        look: Look::Switch,
        live: Live::Next,
        fits: |_, scheme| matches!(scheme, Scheme::Tcp | Scheme::Tls),
        elsewhere: "half_open is for tcp and tls: the other protocols decide themselves when a connection ends",
        when: always,
        help: "after the peer's FIN keep our side open",
        get: |settings| settings.half_open.write(),
        set: |settings, text| put(&mut settings.half_open, text),
    },
    Row {
        name: "nodelay",
        look: Look::Switch,
        live: Live::Now,
        fits: stream,
        elsewhere: "nodelay is for connections: udp has no Nagle to switch off",
        when: always,
        help: "send small writes at once (TCP_NODELAY); no is Nagle's algorithm",
        get: |settings| settings.tcp.nodelay.write(),
        set: |settings, text| put(&mut settings.tcp.nodelay, text),
    },
    Row {
        name: "framing",
        look: Look::Line(r"line, u16be, delimiter:\r\n"),
        live: Live::Now,
        fits: |_, scheme| matches!(scheme, Scheme::Tcp | Scheme::Tls),
        elsewhere: "framing is for tcp and tls: the other protocols have messages of their own",
        when: always,
        help: "messages in the stream: none, line, u8, u16be, u16le, u32be, u32le, delimiter:TEXT",
        get: |settings| settings.tcp.framing.to_string(),
        set: |settings, text| {
            settings.tcp.framing = text.parse()?;
            Ok(())
        },
    },
];
