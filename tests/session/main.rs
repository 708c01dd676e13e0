//! The whole app on real loopback, by keys alone: what a person presses, what peers get, what is seen.

#[path = "../support/mod.rs"]
mod support;

mod endpoints;
mod framing;
mod holding;
mod hostile;
mod http;
mod looking;
mod sending;
mod socketio;
mod workbench;

use std::time::Duration;

use sockscope::model::spec::{Reply, Settings};
use support::patience;
use support::runner::Runner;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A listener that only listens: what a peer gets is what was typed.
fn quiet() -> Settings {
    Settings { reply: Reply::None, half_open: true, ..Settings::default() }
}

/// One quiet TCP listener. It keeps its side open when a peer ends.
async fn one_listener() -> Runner {
    Runner::new(120, 40).listen_with("tcp://:0", quiet()).start().await
}

/// One that closes when its peer does.
async fn one_echo() -> Runner {
    Runner::new(120, 40).listen("tcp://:0").start().await
}

/// A peer of the first endpoint; it is on the screen.
async fn peer(runner: &mut Runner) -> TcpStream {
    let peer = TcpStream::connect(runner.address(0)).await.unwrap();
    let port = peer.local_addr().unwrap().port();
    runner.wait_row(&["tcp", &format!(":{port}"), "open"]).await;
    peer
}

/// What the peer gets next, of so many bytes.
async fn got(peer: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut got = vec![0; bytes];
    in_time("the peer's bytes", peer.read_exact(&mut got)).await.unwrap();
    got
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(patience() + Duration::from_secs(1), future).await;
    waited.unwrap_or_else(|_| panic!("not in time: {what}"))
}
