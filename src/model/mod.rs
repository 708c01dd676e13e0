//! Plain data: ids, events, rings, tallies, endings, specs and the snapshot one frame is drawn from.
//!
//! Everyone may use the model; it uses nobody. It is synchronous and knows no tokio, no ratatui and
//! no protocol's bytes.

pub mod base64;
pub mod datagram;
pub mod dial;
pub mod dns;
pub mod draft;
pub mod end;
pub mod event;
pub mod exchange;
pub mod framer;
pub mod h2;
pub mod handshake;
pub mod headers;
pub mod id;
pub mod life;
pub mod multicast;
pub mod ring;
pub mod rule;
pub mod setting;
pub mod size;
pub mod socketio;
pub mod spec;
pub mod tally;
pub mod time;
pub mod tls;
pub mod url;
pub mod view;
pub mod waiting;
mod websocket;
