//! What a WebSocket endpoint can be set to.

use super::text::{Text, put};
use super::{Live, Look, Row, always};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ws {
    /// Subprotocols to offer (client) or to choose from (listener), best first.
    pub subprotocols: Vec<String>,
}

pub const ROWS: &[Row] = &[Row {
    name: "subprotocols",
    look: Look::Line("graphql-ws mqtt"),
    live: Live::Next,
    fits: |_, scheme| scheme.is_ws(),
    elsewhere: "subprotocols are for ws and wss",
    when: always,
    help: "to offer (client) or to choose from (listener), best first, with spaces between",
    get: |settings| settings.ws.subprotocols.write(),
    set: |settings, text| put(&mut settings.ws.subprotocols, text),
}];
