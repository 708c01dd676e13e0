//! HTTP/2 (RFC 9113). hyper speaks it; what the timeline says comes from decoding the clear stream as it
//! passes, frame by frame, as for HTTP/1: a stream is an exchange.

mod book;
pub mod client;
mod crew;
mod fields;
mod flaw;
pub mod frame;
mod half;
mod hpack;
mod huffman;
mod leave;
mod ledger;
mod line;
mod request;
pub mod server;
mod streams;

use std::sync::Arc;

use crate::hub::Recorder;
use crate::model::url::Role;

/// The watch by itself.
pub fn watch(role: Role, record: Recorder, limit: usize) -> streams::Streams {
    streams::Streams::new(role, record, limit, Arc::new(ledger::Ledger::new()))
}

#[cfg(test)]
mod frame_tests;
#[cfg(test)]
mod tests;
