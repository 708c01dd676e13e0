//! How connections end on the wire, and that their timelines say the same.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sockscope::model::end::{End, Fault, Party, Tcp};
use sockscope::model::event::{Kind, Sign, Way};
use sockscope::model::id::SocketId;
use sockscope::model::spec::{Reply, Settings};
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use support::{Lab, assert_one_life};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn quiet(pairs: &[(&str, &str)]) -> Settings {
    let settings = Settings { reply: Reply::None, ..Settings::default() };
    pairs.iter().fold(settings, |settings, (name, value)| settings.with(name, value).unwrap())
}

/// What a timeline says of how a socket ended, from its first word on that.
fn ends(lab: &Lab, socket: SocketId) -> Vec<String> {
    let tell = |kind: Kind| match kind {
        Kind::End { way, sign } => Some(format!("{way:?} {sign:?}")),
        Kind::Alert { way, name } => Some(format!("{way:?} {name}")),
        Kind::Error(fault) | Kind::TlsError(fault) => Some(fault.name().into()),
        Kind::Close(end) => Some(end.to_string()),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(|event| tell(event.kind)).collect()
}

fn fault(lab: &Lab, socket: SocketId, name: &str) -> String {
    let faults = lab.events(socket).into_iter().filter_map(|event| match event.kind {
        Kind::Error(fault) if fault.name() == name => Some(fault.to_string()),
        _ => None,
    });
    faults.collect::<Vec<_>>().join("; ")
}

/// A peer that writes and never reads, until the echo is stuck and input waits in the kernel.
async fn flooded(lab: &Lab, address: std::net::SocketAddr, nth: u32) -> (TcpStream, SocketId) {
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(nth).await;
    let chunk = vec![b'y'; 64 << 10];
    while let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(500), peer.write(&chunk)).await {}
    lab.event(socket, "blocked", |event| matches!(event.kind, Kind::Blocked { .. })).await;
    (peer, socket)
}

#[tokio::test]
async fn a_close_on_top_of_unread_input_is_told_as_the_reset_it_is() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    for (nth, by_stop) in [(1, false), (2, true)] {
        let (mut peer, socket) = flooded(&lab, address, nth).await;
        if by_stop {
            lab.endpoints.stop(id);
        } else {
            lab.endpoints.command(socket, Command::Close).unwrap();
        }
        let row = lab.closed(socket).await;
        assert_eq!(row.end.as_deref(), Some(&End::Reset { by: Party::Us }), "{}", lab.report());
        assert_eq!(ends(&lab, socket), ["unsent", "unread", "RST, we reset it"], "no FIN crossed\n{}", lab.report());
        // All that came went into the echo: what the peer did not take is thrown away, with us and in the kernel.
        let unsent = fault(&lab, socket, "unsent");
        assert!(unsent.contains("in the kernel's send queue, not acknowledged"), "{unsent}");
        let error = loop {
            match peer.read(&mut [0; 64 << 10]).await {
                Ok(0) => panic!("a FIN crossed"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn a_stop_with_linger_reset_is_told_as_a_reset() {
    for scheme in ["tcp", "http"] {
        let lab = Lab::default();
        let (id, address) = lab.listen(&format!("{scheme}://:0"), quiet(&[("linger", "reset")])).await;
        let mut peer = TcpStream::connect(address).await.unwrap();
        let socket = lab.nth(1).await;
        peer.write_all(b"GET").await.unwrap();
        lab.socket(socket, "read", |row| row.count.received.wire == 3).await;
        lab.endpoints.stop(id);
        let row = lab.closed(socket).await;
        let read = peer.read(&mut [0; 64]).await;
        let is_reset = read.is_err();
        let told = row.end.as_deref() == Some(&End::Reset { by: Party::Us });
        assert_eq!(told, is_reset, "{scheme}: {read:?}\n{}", lab.report());
        assert!(is_reset || scheme != "tcp");
    }
}

#[tokio::test]
async fn a_fin_behind_what_the_kernel_still_has_to_deliver_says_so() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", quiet(&[])).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    while lab.hub.socket(socket).unwrap().count.sent.bytes < 8 << 20 {
        if lab.endpoints.command(socket, Command::Send(Payload::Bytes(vec![b'z'; 100_000].into()))).is_err() {
            break;
        }
        tokio::task::yield_now().await;
        if lab.hub.socket(socket).unwrap().blocked {
            break;
        }
    }
    lab.endpoints.command(socket, Command::Close).unwrap();
    let end = lab.event(socket, "end", |event| matches!(event.kind, Kind::End { .. })).await;
    let Kind::End { way: Way::Out, sign: Sign::Queued(behind) } = end.kind else { panic!("{}", lab.report()) };
    let sent = lab.closed(socket).await.count.sent.bytes;
    assert!((1..=sent).contains(&u64::from(behind)), "{behind} of {sent}");
    let mut got = Vec::new();
    peer.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len() as u64, sent, "the kernel has gone on trying");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let lab = Lab::default();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let id = lab.open(Role::Listen, &format!("tcp://{address}"), Settings::default());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { unreachable!() };
    assert_eq!(fault.to_string(), format!("EADDRINUSE while binding: {address} is taken"));
}

type Peer = tokio_rustls::client::TlsStream<TcpStream>;

/// A TLS client of rustls: what it writes can be written in one piece with its goodbye.
async fn secured(address: std::net::SocketAddr) -> Peer {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(support::identity().ca_pem().as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

#[tokio::test]
async fn data_and_the_close_notify_behind_it_are_told_in_that_order() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", quiet(&[("half_open", "yes")])).await;
    let mut peer = secured(address).await;
    let socket = lab.nth(1).await;
    let (tcp, session) = peer.get_mut();
    std::io::Write::write_all(&mut session.writer(), b"last words").unwrap();
    session.send_close_notify();
    let mut records = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut records).unwrap();
    }
    tcp.write_all(&records).await.unwrap();
    lab.event(socket, "end", |event| matches!(event.kind, Kind::End { .. })).await;
    let names = lab.names(socket);
    assert_eq!(names.last_chunk(), Some(&["data", "alert", "end"]), "{}", lab.report());
    // No FIN has crossed: what ended is the clear side.
    assert_eq!(ends(&lab, socket).last().unwrap(), "In CloseNotify");
    // So of the FINs ours is the first, though the peer said goodbye first.
    lab.endpoints.command(socket, Command::End).unwrap();
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }), "{}", lab.report());
}

#[tokio::test]
async fn the_end_of_a_stream_that_was_cut_off_is_an_error() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", quiet(&[])).await;
    let mut peer = secured(address).await;
    let socket = lab.nth(1).await;
    peer.get_mut().0.shutdown().await.unwrap();
    let end = lab.closed(socket).await.end.unwrap();
    assert!(end.had_error(), "{end}");
    assert_eq!((end.name(), end.by()), ("broken", Some(Party::Peer)), "{}", lab.report());
    let told = ends(&lab, socket);
    assert_eq!(told[..2], ["tls", "In Fin"], "{told:?}");
}

#[tokio::test]
async fn a_handshake_that_failed_says_how_tcp_ended() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    // Whoever comes, says nothing and goes.
    drop(TcpStream::connect(address).await.unwrap());
    let socket = lab.nth(1).await;
    let end = lab.closed(socket).await.end.unwrap();
    let End::Unsecured { fault: Fault::Tls { text, .. }, open: false, tcp } = &*end else { panic!("{end:?}") };
    assert!(text.contains("not one byte came"), "{text}");
    assert_eq!(*tcp, Some(Tcp { reset: false, by: Party::Peer }));
    let told = ends(&lab, socket);
    assert_eq!(told[..3], ["tls", "In Fin", "Out Fin"], "{}", lab.report());
    assert!(told[3].ends_with("; FIN from the peer first"), "{told:?}");

    // What is no TLS is answered with an alert and our FIN.
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00").await.unwrap();
    let socket = lab.nth(2).await;
    let end = lab.closed(socket).await.end.unwrap();
    let mut got = Vec::new();
    peer.read_to_end(&mut got).await.unwrap();
    let End::Unsecured { open: false, tcp, .. } = &*end else { panic!("{end:?}") };
    assert_eq!(*tcp, Some(Tcp { reset: false, by: Party::Us }), "{}", lab.report());
    assert!(ends(&lab, socket).contains(&"Out Fin".to_owned()), "{}", lab.report());

    // One that says more than is read gets a RST.
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(&[b"\x16\x03\x01\x00\x04\x01\x00\x00\x00".to_vec(), vec![0; 300_000]].concat()).await.unwrap();
    let socket = lab.nth(3).await;
    let end = lab.closed(socket).await.end.unwrap();
    let End::Unsecured { open: false, tcp, .. } = &*end else { panic!("{end:?}") };
    assert_eq!(*tcp, Some(Tcp { reset: true, by: Party::Us }), "{}", lab.report());
    assert!(!ends(&lab, socket).contains(&"Out Fin".to_owned()), "{}", lab.report());
}

#[tokio::test]
async fn after_close_notify_a_reset_is_told_and_a_fin_is_believed() {
    for is_reset in [false, true] {
        let lab = Lab::default();
        let (_, address) = lab.listen("tls://:0", quiet(&[("half_open", "yes")])).await;
        let mut peer = secured(address).await;
        let socket = lab.nth(1).await;
        let (tcp, session) = peer.get_mut();
        session.send_close_notify();
        let mut records = Vec::new();
        session.write_tls(&mut records).unwrap();
        tcp.write_all(&records).await.unwrap();
        lab.event(socket, "end", |event| matches!(event.kind, Kind::End { .. })).await;
        if is_reset {
            socket2::SockRef::from(&*tcp).set_linger(Some(Duration::ZERO)).unwrap();
            drop(peer);
        } else {
            tcp.shutdown().await.unwrap();
            // What it does not want any more is read all the same: unread, it would make its close a RST.
            tokio::spawn(async move { peer.read_to_end(&mut Vec::new()).await });
        }
        lab.endpoints.command(socket, Command::End).unwrap();
        let end = lab.closed(socket).await.end.unwrap();
        let by_peer = if is_reset { End::Reset { by: Party::Peer } } else { End::Finished { first: Party::Peer } };
        assert_eq!(*end, by_peer, "{}", lab.report());
    }
}
