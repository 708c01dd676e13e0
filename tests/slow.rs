//! Peers that are slow on purpose, by the thousand: those that never read, and those that send a byte a second.
//! The real binary; the others keep their pace, limits answer, and nothing grows.
#![cfg(target_os = "linux")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::headless::Headless;
use support::patience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const PEERS: usize = 1_000;

/// Both ends need a descriptor each, one of them here.
fn make_room() {
    let want = PEERS as u64 * 2;
    let have = rlimit::increase_nofile_limit(want).unwrap();
    assert!(have >= want, "{have} descriptors are allowed, and this needs {want}");
}

fn start(limits: &str) -> (Headless, Vec<SocketAddr>) {
    make_room();
    let config =
        format!("[[endpoint]]\nlisten = \"tcp://:0\"\n[[endpoint]]\nlisten = \"http://:0\"\n[limits]\n{limits}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let mut scope = Headless::start(&["--config", file.path().to_str().unwrap()]);
    let at = scope.listening(2);
    (scope, at)
}

/// A peer with the smallest buffer the kernel gives.
async fn narrow(at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(at).await.unwrap()
}

/// Round trips of one who does nothing wrong.
async fn keeps_its_pace(tcp: SocketAddr, http: SocketAddr) {
    let trips = async {
        let mut peer = TcpStream::connect(tcp).await.unwrap();
        let mut back = [0; 5];
        for _ in 0..200 {
            peer.write_all(b"hello").await.unwrap();
            peer.read_exact(&mut back).await.unwrap();
        }
        let mut peer = TcpStream::connect(http).await.unwrap();
        peer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    timeout(patience(), trips).await.expect("it keeps its pace");
}

#[tokio::test]
async fn a_thousand_that_never_read_hold_nobody_up() {
    let (mut scope, at) = start("");
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        peers.push(narrow(at[0]).await);
    }
    let before = scope.gauge().resident;
    let end = Instant::now() + Duration::from_secs(2);
    let payload = vec![b'x'; 256 << 10];
    let mut sent = 0;
    while Instant::now() < end {
        for peer in &peers {
            sent += peer.try_write(&payload).unwrap_or(0);
        }
        scope.skip();
        tokio::task::yield_now().await;
    }
    keeps_its_pace(at[0], at[1]).await;
    let held = scope.gauge().resident.saturating_sub(before);
    println!("{PEERS} peers sent {} MiB and read none of it: {} MiB more resident", sent >> 20, held >> 20);
    // What waits for one of them is bounded, and so is what they all do to the timelines.
    assert!(held < PEERS as u64 * (256 << 10) + (256 << 20), "{held} bytes for {PEERS} peers");
    scope.quit();
}

#[tokio::test]
async fn a_thousand_that_send_a_byte_a_second_are_answered_408() {
    let (mut scope, at) = start("http_head_time = \"3s\"\n");
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let mut peer = TcpStream::connect(at[1]).await.unwrap();
        peers.spawn(async move {
            let mut answer = Vec::new();
            let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x'));
            loop {
                // What the server has closed is not written to any more.
                let _ = peer.write_all(&[*bytes.next().unwrap()]).await;
                let read = timeout(Duration::from_secs(1), peer.read_buf(&mut answer)).await;
                if matches!(read, Ok(Ok(0) | Err(_))) {
                    break;
                }
            }
            String::from_utf8(answer).unwrap()
        });
    }
    keeps_its_pace(at[0], at[1]).await;
    let open = scope.count(2)["open"].as_u64().unwrap();
    assert!(open >= PEERS as u64 - 1, "{open} are open: they were not slow");
    let mut told = 0;
    while told < PEERS {
        let line = scope.event("clientError");
        assert_eq!(line["error"]["status"], 408, "{line}");
        told += 1;
    }
    while let Some(answer) = peers.join_next().await {
        let answer = answer.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    keeps_its_pace(at[0], at[1]).await;
    scope.quit();
}
