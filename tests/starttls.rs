//! TCP that goes on over TLS, between ends of our own and peers that do not do as they should.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod support;

use sockscope::model::end::{End, Fault, Party};
use sockscope::model::event::{Event, Kind, Upgrade};
use sockscope::model::id::SocketId;
use sockscope::model::life::Life;
use sockscope::model::setting;
use sockscope::model::spec::{Limits, Settings};
use sockscope::model::starttls::Starttls;
use sockscope::model::url::{Role, Scheme};
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use std::time::Duration;
use support::{Lab, assert_one_life};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn with(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(Settings::default(), |settings, (name, text)| settings.with(name, text).unwrap())
}

fn upgrade(lab: &Lab, socket: SocketId) -> Option<Upgrade> {
    lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::Starttls(upgrade) => Some(*upgrade),
        _ => None,
    })
}

/// The bytes that came in as `data` behind the beginning of TLS.
fn clear(lab: &Lab, socket: SocketId) -> String {
    let events = lab.events(socket).into_iter();
    let behind = events.skip_while(|event| event.kind.name() != "starttls");
    let data = behind.filter(|event| event.kind == Kind::Data).flat_map(|event| event.head);
    String::from_utf8(data.collect()).unwrap()
}

fn faults(lab: &Lab, socket: SocketId) -> Vec<String> {
    let fault = |event: Event| match event.kind {
        Kind::Error(fault) | Kind::TlsError(fault) => Some(fault.to_string()),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(fault).collect()
}

async fn secure(lab: &Lab, socket: SocketId) {
    let done = |event: &Event| matches!(event.kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    lab.event(socket, "secure", done).await;
}

fn send(lab: &Lab, socket: SocketId, text: &'static str) {
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(text.into()))).unwrap();
}

/// Waits for bytes that end so; all of them.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "{:?}", String::from_utf8_lossy(&got));
    }
    String::from_utf8(got).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_and_our_listener_come_to_tls_by_each_protocols_lines() {
    for speaks in ["smtp", "imap", "pop3", "postgresql"] {
        let lab = Lab::default();
        let (_, address) = lab.listen("tcp://:0", with(&[("starttls", speaks), ("greet", "welcome\\n")])).await;
        let url = format!("tcp://localhost:{}", address.port());
        lab.open(Role::Connect, &url, with(&[("starttls", speaks)]));
        let dialled = lab.nth(1).await;
        // While it dials, or at the latest while the lines are said: it is for TLS.
        let secret = || Command::Send(Payload::Bytes("secret\n".into()));
        lab.until("mail is taken", || lab.endpoints.command(dialled, secret()).ok()).await;
        let accepted = lab.nth(2).await;
        for socket in [dialled, accepted] {
            secure(&lab, socket).await;
            let row = lab.socket(socket, "open", |row| row.life == Life::Open).await;
            assert_eq!(row.scheme, Scheme::Tls, "the row says what it speaks now");
            let names = lab.names(socket);
            let at = |name: &str| names.iter().position(|seen| *seen == name).unwrap();
            assert!(at("write") < at("starttls") && at("starttls") + 1 == at("clientHello"), "{names:?}");
        }
        lab.until("greeted, then echoed", || (clear(&lab, dialled) == "welcome\nsecret\n").then_some(())).await;
        let (ours, theirs) = (upgrade(&lab, dialled).unwrap(), upgrade(&lab, accepted).unwrap());
        assert_eq!((ours.by.name(), theirs.by.name()), (speaks, speaks));
        assert_eq!((ours.role, theirs.role), (Role::Connect, Role::Listen));
        assert_eq!((ours.received, ours.sent), (theirs.sent, theirs.received), "{speaks}");
        let plain = theirs.received + theirs.sent;
        let row = lab.hub.socket(accepted).unwrap();
        assert_eq!(row.count.received.bytes + row.count.sent.bytes, plain + 7 + 8 + 7, "plain, then clear text");
        assert!(row.count.received.wire > theirs.received + 7 + 200, "and on the wire the handshake too");
        let details = lab.hub.details(accepted.into()).unwrap().1;
        assert!(details.iter().any(|group| group.title == "TLS"), "{details:?}");
        assert_eq!(row.count.errors, 0, "{}", lab.report());
        lab.endpoints.command(dialled, Command::Close).unwrap();
        for socket in [dialled, accepted] {
            lab.closed(socket).await;
            assert_one_life(&lab.events(socket));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_go_on_over_tls_by_hand() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", with(&[("reply", "none")])).await;
    lab.open(Role::Connect, &format!("tcp://localhost:{}", address.port()), Settings::default());
    let (dialled, accepted) = (lab.nth(1).await, lab.nth(2).await);
    send(&lab, dialled, "begin?\n");
    lab.event(accepted, "asked", |event| event.kind == Kind::Data).await;
    send(&lab, accepted, "220 ready\n");
    lab.event(dialled, "answered", |event| event.kind == Kind::Data).await;
    // The client begins first: its hello is there before its server is told.
    lab.endpoints.command(dialled, Command::Starttls).unwrap();
    let is_hello = |event: &Event| event.kind == Kind::Data && event.head.starts_with(&[22, 3]);
    let hello = lab.event(accepted, "the hello as data", is_hello).await;
    send(&lab, dialled, "while it shakes hands\n");
    lab.endpoints.command(accepted, Command::Starttls).unwrap();
    secure(&lab, dialled).await;
    secure(&lab, accepted).await;
    lab.until("clear", || (clear(&lab, accepted) == "while it shakes hands\n").then_some(())).await;
    let upgrade = upgrade(&lab, accepted).unwrap();
    assert_eq!((upgrade.by, upgrade.role), (Starttls::Off, Role::Listen));
    assert_eq!((upgrade.received, upgrade.sent), (7 + hello.size, 10));
    assert_eq!(faults(&lab, dialled), [""; 0], "{}", lab.report());
    for socket in [dialled, accepted] {
        let refused = lab.endpoints.command(socket, Command::Starttls).unwrap_err();
        assert!(refused.0.contains("already"), "{refused}");
    }
    lab.endpoints.command(accepted, Command::End).unwrap();
    for socket in [dialled, accepted] {
        let row = lab.closed(socket).await;
        assert!(!row.end.unwrap().had_error(), "{}", lab.report());
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn what_comes_in_plain_text_behind_the_last_line_is_thrown_away() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", with(&[("starttls", "smtp")])).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"EHLO a\r\nSTARTTLS\r\nRSET\r\n").await.unwrap();
    until(&mut stream, "220 2.0.0 go ahead\r\n").await;
    let socket = lab.nth(1).await;
    lab.event(socket, "upgrade", |event| event.kind.name() == "starttls").await;
    assert_eq!(faults(&lab, socket).len(), 1, "{}", lab.report());
    assert!(faults(&lab, socket)[0].starts_with("6 B came in plain text behind the last line"), "{}", lab.report());
    // And what comes in a piece of its own is no TLS record.
    stream.write_all(b"MAIL FROM:<a@b>\r\n").await.unwrap();
    let row = lab.closed(socket).await;
    assert_eq!(clear(&lab, socket), "");
    assert!(matches!(row.end.as_deref(), Some(End::Unsecured { open: false, .. })), "{:?}", row.end);
    assert_eq!((row.count.received.bytes, row.count.errors), (24, 2), "{}", lab.report());
}

#[tokio::test]
async fn what_a_server_says_behind_its_last_line_is_thrown_away_too() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    lab.open(Role::Connect, &format!("tcp://{}", server.local_addr().unwrap()), with(&[("starttls", "pop3")]));
    let (mut stream, _) = server.accept().await.unwrap();
    stream.write_all(b"+OK\r\n").await.unwrap();
    until(&mut stream, "CAPA\r\n").await;
    stream.write_all(b"+OK\r\nSTLS\r\n.\r\n").await.unwrap();
    until(&mut stream, "STLS\r\n").await;
    stream.write_all(b"+OK go\r\n+OK injected\r\n").await.unwrap();
    let socket = lab.nth(1).await;
    lab.event(socket, "hello", |event| event.kind.name() == "clientHello").await;
    drop(stream);
    lab.closed(socket).await;
    assert!(faults(&lab, socket)[0].starts_with("14 B came in plain text"), "{}", lab.report());
    assert_eq!(clear(&lab, socket), "");
}

#[tokio::test]
async fn a_client_that_is_not_let_go_on_over_tls_says_nothing_more() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", server.local_addr().unwrap());
    let id = lab.open(Role::Connect, &url, with(&[("starttls", "smtp")]));
    let (mut stream, _) = server.accept().await.unwrap();
    let socket = lab.nth(1).await;
    lab.socket(socket, "opening", |row| matches!(row.life, Life::Opening(1))).await;
    send(&lab, socket, "AUTH PLAIN secret\r\n");
    stream.write_all(b"220 here\r\n").await.unwrap();
    assert_eq!(until(&mut stream, "\r\n").await, "EHLO localhost\r\n");
    stream.write_all(b"250-here\r\n250 SIZE\r\n").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"", "nothing leaves in plain text");
    let row = lab.closed(socket).await;
    let Some(End::Failed(fault @ Fault::Starttls { .. })) = row.end.as_deref() else { panic!("{:?}", row.end) };
    assert_eq!(fault.to_string(), "the server does not offer STARTTLS");
    assert_eq!(row.count.errors, 1);
    lab.endpoint(id, "failed", |row| matches!(&row.state, State::Failed(seen) if seen == fault)).await;
}

#[tokio::test]
async fn a_clients_patience_with_its_server_is_the_handshakes() {
    let lab = Lab::new(Limits { handshake_time: Duration::from_millis(50), ..Limits::default() });
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", server.local_addr().unwrap());
    lab.open(Role::Connect, &url, with(&[("starttls", "imap")]));
    let (_stream, _) = server.accept().await.unwrap();
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert!(matches!(row.end.as_deref(), Some(End::Failed(Fault::Late { .. }))), "{:?}", row.end);
    // One that leaves is told apart.
    let id = lab.open(Role::Connect, &url, with(&[("starttls", "imap")]));
    drop(server.accept().await.unwrap());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { panic!() };
    assert_eq!(fault.to_string(), "the server ended before TLS began");
}

#[tokio::test]
async fn a_handshake_by_hand_that_comes_to_nothing_ends_the_socket() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut nth = 0;
    // A peer that goes on in plain text, one that resets, and three ways of our own to end it.
    for what in ["plain", "reset", "close", "reset by us", "stop"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        nth += 1;
        let socket = lab.nth(nth).await;
        lab.endpoints.command(socket, Command::Starttls).unwrap();
        lab.event(socket, "upgrade", |event| event.kind.name() == "starttls").await;
        assert_eq!(lab.hub.socket(socket).unwrap().scheme, Scheme::Tcp, "not yet");
        match what {
            "plain" => stream.write_all(b"hello in plain text\n").await.unwrap(),
            "reset" => stream.set_zero_linger().unwrap(),
            "close" => lab.endpoints.command(socket, Command::Close).unwrap(),
            "reset by us" => lab.endpoints.command(socket, Command::Reset).unwrap(),
            _ => lab.endpoints.stop(sockscope::model::id::EndpointId(1)),
        }
        if what == "reset" {
            drop(stream);
        }
        let row = lab.closed(socket).await;
        match (what, row.end.as_deref().unwrap()) {
            ("plain", End::Unsecured { open: true, .. })
            | ("reset", End::Reset { by: Party::Peer })
            | ("close", End::Finished { first: Party::Us })
            | ("reset by us", End::Reset { by: Party::Us })
            | ("stop", End::Stopped) => {}
            (_, end) => panic!("{what}: {end:?}\n{}", lab.report()),
        }
        assert_eq!(clear(&lab, socket), "");
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn where_tls_cannot_begin_one_is_told() {
    let lab = Lab::default();
    let (_, http) = lab.listen("http://:0", Settings::default()).await;
    let _stream = TcpStream::connect(http).await.unwrap();
    let socket = lab.nth(1).await;
    let refused = lab.endpoints.command(socket, Command::Starttls).unwrap_err();
    assert!(refused.0.contains("is http: TLS begins by hand on plain tcp"), "{refused}");
    let (_, tcp) = lab.listen("tcp://:0", with(&[("half_open", "yes")])).await;
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    let socket = lab.nth(2).await;
    stream.shutdown().await.unwrap();
    lab.socket(socket, "half", |row| row.life == Life::PeerEnded).await;
    let refused = lab.endpoints.command(socket, Command::Starttls).unwrap_err();
    assert!(refused.0.contains("a handshake needs both"), "{refused}");
    let (_, smtp) = lab.listen("tcp://:0", with(&[("starttls", "smtp")])).await;
    let _stream = TcpStream::connect(smtp).await.unwrap();
    let socket = lab.nth(3).await;
    let refused = lab.endpoints.command(socket, Command::Starttls).unwrap_err();
    assert!(refused.0.contains("not open yet"), "{refused}");
}

#[tokio::test]
async fn a_preset_is_changed_for_the_peers_that_come_next() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    lab.nth(1).await;
    lab.endpoints.set(id.into(), setting::find("starttls").unwrap(), "pop3").unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    assert_eq!(until(&mut next, "\r\n").await, "+OK sockscope\r\n");
    plain.write_all(b"as before\n").await.unwrap();
    assert_eq!(until(&mut plain, "\n").await, "as before\n");
    next.write_all(b"QUIT\r\n").await.unwrap();
    let mut rest = String::new();
    next.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "+OK bye\r\n");
    drop(next);
    let row = lab.closed(SocketId(2)).await;
    assert!(!row.end.unwrap().had_error(), "{}", lab.report());
}
