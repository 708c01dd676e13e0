//! What a TCP connection can be set to, under whatever is spoken on it.

use super::text::{Text, put};
use super::{Live, Look, Row, always, stream};
use crate::model::url::Scheme;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// No Nagle (`TCP_NODELAY`, tcp(7)): small writes are what a person sends and wants to see leave.
    pub nodelay: bool,
}

impl Default for Tcp {
    fn default() -> Self {
        Self { nodelay: true }
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
];
