//! Against peers nobody here wrote: Node, npm `ws`, curl, OpenSSL, socat, ncat, in both directions.
//!
//! What is missing on a machine is skipped with a line that says so; see `support/peers.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers too; it has a clock of its own"
)]

#[path = "../support/peers.rs"]
mod peers;
#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod chapter;
mod curl;
mod dig;
mod handshake;
mod held;
mod http2;
mod keylog;
mod node_dgram;
mod node_http;
mod node_net;
mod node_socketio;
mod node_tls;
mod node_ws;
mod node_ws_terms;
mod openssl;
mod pkcs12;
mod relays;
mod scanners;
mod scope;
mod starttls;
mod tshark;
mod web;
mod wired;

use std::net::SocketAddr;

use sockscope::model::end::End;
use sockscope::model::event::{Event, Kind};
use sockscope::model::id::SocketId;
use support::Lab;

/// The events of one name on a timeline.
fn named(lab: &Lab, socket: SocketId, name: &str) -> Vec<Event> {
    lab.events(socket).into_iter().filter(|event| event.kind.name() == name).collect()
}

/// The end that the rows of a timeline tell: by whom the first FIN was.
fn first_fin(events: &[Event]) -> End {
    let fin = events.iter().find(|event| matches!(event.kind, Kind::End { .. })).unwrap();
    End::Finished { first: fin.kind.way().unwrap().party() }
}

/// The bytes that came in as `data`, or went out as `write`, end to end.
fn payload(lab: &Lab, socket: SocketId, name: &str) -> String {
    let bytes: Vec<u8> = named(lab, socket, name).into_iter().flat_map(|event| event.head).collect();
    String::from_utf8(bytes).unwrap()
}

/// What went wrong on a timeline: names and sentences.
fn faults(lab: &Lab, socket: SocketId) -> Vec<(&'static str, String)> {
    let fault = |event: Event| match event.kind {
        Kind::Error(fault) | Kind::TlsError(fault) | Kind::ClientError(fault, _) => {
            Some((fault.name(), fault.to_string()))
        }
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(fault).collect()
}

/// The names on a timeline without what the TLS handshake and its alerts say.
fn talk(lab: &Lab, socket: SocketId) -> Vec<&'static str> {
    lab.names(socket).into_iter().filter(|name| !OF_TLS.contains(name)).collect()
}

const OF_TLS: [&str; 5] = ["clientHello", "serverHello", "handshake", "sessionTicket", "alert"];

fn port(address: SocketAddr) -> String {
    address.port().to_string()
}

/// Nothing went wrong, but for a peer that ends TLS without the `close_notify` of RFC 8446 section 6.1, as
/// Node's `destroy` and ncat do: that has to be said.
fn assert_closed_well(lab: &Lab, socket: SocketId) {
    let faults = faults(lab, socket);
    assert!(faults.len() <= 1 && faults.iter().all(|fault| fault.1.contains("close_notify")), "{}", lab.report());
}
