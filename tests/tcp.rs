//! TCP and TLS over real loopback sockets: what each timeline says, and how each socket ends.

mod support;

use std::time::Duration;

use bytes::Bytes;
use sockscope::model::end::{End, Party};
use sockscope::model::event::{Kind, Way};
use sockscope::model::life::Life;
use sockscope::model::spec::{Escaped, Fixed, Limits, Reply, Settings};
use sockscope::model::url::Role;
use sockscope::model::view::{Query, State};
use sockscope::net::{Command, Payload};
use support::{Lab, assert_one_life};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn text(text: &str) -> Escaped {
    Escaped(Bytes::copy_from_slice(text.as_bytes()))
}

fn quiet() -> Settings {
    Settings { reply: Reply::None, half_open: true, ..Settings::default() }
}

#[tokio::test]
async fn an_echo_comes_back_and_is_counted() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let mut back = [0; 5];
    peer.write_all(b"hello").await.unwrap();
    peer.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
    let socket = lab.nth(1).await;
    assert_eq!(lab.names(socket), ["connection", "data", "write"]);
    peer.shutdown().await.unwrap();
    assert_eq!(peer.read(&mut back).await.unwrap(), 0);
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (5, 5));
    assert_eq!((row.count.received.wire, row.count.sent.wire), (5, 5));
    assert_eq!(lab.names(socket), ["connection", "data", "write", "end", "end", "close"]);
    if cfg!(target_os = "linux") {
        assert!(row.count.received.packets >= 3 && row.count.sent.packets >= 2, "{:?}", row.count);
    }
    let row = lab.endpoint(id, "idle again", |row| row.open == 0).await;
    assert_eq!((row.ever, row.count.received.bytes), (1, 5));
}

#[tokio::test]
async fn a_server_may_speak_first_and_answer_the_same_always() {
    let lab = Lab::default();
    let reply = Reply::Fixed(Fixed { text: text("你好 ;("), ..Fixed::default() });
    let settings = Settings { reply, greet: Some(text("深入浅出Nodejs\n")), ..Settings::default() };
    let (_, address) = lab.listen("tcp://:0", settings).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let mut greeting = vec![0; "深入浅出Nodejs\n".len()];
    peer.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, "深入浅出Nodejs\n".as_bytes());
    peer.write_all(b"hi").await.unwrap();
    let mut answer = vec![0; "你好 ;(".len()];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, "你好 ;(".as_bytes());
}

#[tokio::test]
async fn both_halves_can_be_closed_apart() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", quiet()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    peer.shutdown().await.unwrap();
    lab.socket(socket, "half-closed by the peer", |row| row.life == Life::PeerEnded).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("still here".into()))).unwrap();
    let mut got = [0; 10];
    peer.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"still here");
    lab.endpoints.command(socket, Command::End).unwrap();
    assert_eq!(peer.read(&mut got).await.unwrap(), 0);
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_one_life(&lab.events(socket));
    let refused = lab.endpoints.command(socket, Command::End).unwrap_err();
    assert!(refused.to_string().contains("closed already"), "{refused}");
}

#[tokio::test]
async fn we_may_end_first_and_still_read() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", quiet()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    lab.socket(socket, "half-closed by us", |row| row.life == Life::WeEnded).await;
    let refused = lab.endpoints.command(socket, Command::Send(Payload::Bytes("x".into()))).unwrap_err();
    assert!(refused.to_string().contains("half-closed"), "{refused}");
    peer.write_all(b"last words").await.unwrap();
    drop(peer);
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    assert_eq!(row.count.received.bytes, 10);
}

#[tokio::test]
async fn a_reset_is_told_apart_from_a_fin() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", quiet()).await;
    let peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Reset { by: Party::Peer }));
    assert_eq!(lab.names(socket), ["connection", "error", "close"]);
    assert_eq!(row.count.errors, 1);

    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(2).await;
    lab.endpoints.command(socket, Command::Reset).unwrap();
    let error = peer.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Reset { by: Party::Us }));
}

#[tokio::test]
async fn a_peer_that_never_reads_blocks_only_itself() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut lazy = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let flood = tokio::spawn(async move {
        let chunk = vec![b'x'; 64 << 10];
        let mut sent = 0;
        // Writes until both sides' buffers are full and the echo has stopped reading.
        while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(500), lazy.write(&chunk)).await {
            sent += n;
        }
        (lazy, sent)
    });
    let (mut lazy, sent) = flood.await.unwrap();
    lab.socket(socket, "blocked", |row| row.blocked).await;
    lab.event(socket, "blocked", |event| matches!(event.kind, Kind::Blocked { .. })).await;
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"me too").await.unwrap();
    let mut back = [0; 6];
    other.read_exact(&mut back).await.unwrap();
    lazy.shutdown().await.unwrap();
    let mut all = Vec::new();
    lazy.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), sent);
    let row = lab.closed(socket).await;
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (sent as u64, sent as u64));
    lab.event(socket, "drain", |event| matches!(event.kind, Kind::Drain { .. })).await;
}

#[tokio::test]
async fn a_taken_port_is_a_line_and_can_be_retried() {
    let lab = Lab::default();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let id = lab.open(Role::Listen, &format!("tcp://:{port}"), Settings::default());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { unreachable!() };
    assert_eq!(fault.name(), "EADDRINUSE");
    drop(taken);
    lab.endpoints.start(id);
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
}

#[tokio::test]
async fn a_listener_stops_restarts_on_its_port_and_goes() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    lab.endpoints.stop(id);
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Stopped));
    lab.endpoint(id, "stopped", |row| row.state == State::Stopped).await;
    assert!(TcpStream::connect(address).await.is_err());
    lab.endpoints.start(id);
    lab.endpoint(id, "up again", |row| row.state == State::Up).await;
    lab.endpoints.remove(id);
    lab.until("the endpoint is gone", || {
        lab.hub.snapshot(&sockscope::model::view::Query::default()).endpoints.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_dials_talks_and_is_refused() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let id = lab.open(Role::Connect, &format!("tcp://{address}"), Settings::default());
    let (mut peer, _) = server.accept().await.unwrap();
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    peer.write_all(b"hello client").await.unwrap();
    let socket = lab.nth(1).await;
    lab.event(socket, "data", |event| event.kind == Kind::Data && event.head == b"hello client").await;
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("hello server".into())).unwrap(), 1);
    let mut got = [0; 12];
    peer.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"hello server");
    drop(peer);
    drop(server);
    lab.closed(socket).await;
    lab.endpoint(id, "over", |row| row.state == State::Stopped).await;
    lab.endpoints.start(id);
    let row = lab.endpoint(id, "refused", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { unreachable!() };
    assert_eq!(fault.name(), "ECONNREFUSED");
    let refused = lab.nth(2).await;
    assert_eq!(lab.names(refused), ["error", "close"]);
    // The endpoint tells it too, and nobody counts it twice.
    let told = lab.hub.events(id.into(), 0, 100).unwrap().events;
    assert!(told.iter().any(|event| event.kind.name() == "error"), "{told:?}");
    lab.endpoint(id, "counted", |row| row.count.errors == 1).await;
    assert_eq!(lab.hub.snapshot(&Query::default()).count.errors, 1);
}

#[tokio::test]
async fn tls_counts_clear_and_wire_apart() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), Settings::default());
    lab.endpoint(client, "up", |row| row.state == State::Up).await;
    let open = || lab.rows().into_iter().filter(|row| row.life == Life::Open).collect::<Vec<_>>();
    let both = lab.until("both sides are open", || Some(open()).filter(|rows| rows.len() == 2)).await;
    let server = both.iter().find(|row| row.accepted).unwrap().id;
    let dialled = both.iter().find(|row| !row.accepted).unwrap().id;
    lab.endpoints.broadcast(client, &Payload::Bytes("secret".into())).unwrap();
    lab.event(dialled, "the echo", |event| event.kind == Kind::Data && event.head == b"secret").await;
    let names = lab.names(server);
    assert_eq!(names[..5], ["connection", "clientHello", "serverHello", "handshake", "handshake"]);
    // The tickets leave with the last of the handshake: they may be told before it is.
    assert!(names[5..8].contains(&"secureConnection") && names.contains(&"sessionTicket"), "{names:?}");
    let row = lab.hub.socket(server).unwrap();
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (6, 6));
    assert!(row.count.received.wire > 100 && row.count.sent.wire > 100, "{:?}", row.count);
    let secured = lab.event(dialled, "secureConnect", |event| matches!(event.kind, Kind::SecureConnect(_))).await;
    let Kind::SecureConnect(secured) = secured.kind else { unreachable!() };
    assert_eq!((secured.version, secured.verified), ("TLS 1.3", Some(true)));
    lab.endpoints.command(dialled, Command::End).unwrap();
    assert_eq!(lab.closed(server).await.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!(lab.closed(dialled).await.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    assert_one_life(&lab.events(server));
    assert_one_life(&lab.events(dialled));
}

#[tokio::test]
async fn plain_text_on_a_tls_port_is_named() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let end = row.end.unwrap().to_string();
    assert!(end.contains("plain text") && end.contains("GET /"), "{end}");
    assert_one_life(&lab.events(socket));
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_unless_told_otherwise() {
    // Two labs of one binary share a CA; a root file with another one makes ours unknown.
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let other = sockscope::net::tls::Identity::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, other.ca_pem()).unwrap();
    let strict = Settings::default().with("ca", ca.to_str().unwrap()).unwrap();
    let url = format!("tls://127.0.0.1:{}", address.port());
    let id = lab.open(Role::Connect, &url, strict.clone());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { unreachable!() };
    assert_eq!(fault.name(), "unknown_ca");
    let server = lab.rows().into_iter().find(|row| row.accepted).unwrap().id;
    let end = lab.closed(server).await.end.unwrap().to_string();
    assert!(end.contains("the peer sent the alert unknown_ca"), "{end}");
    let id = lab.open(Role::Connect, &url, strict.with("insecure", "yes").unwrap());
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    let secured = lab
        .until("secureConnect", || {
            let all = lab.rows().into_iter().flat_map(|row| lab.events(row.id));
            all.into_iter().find_map(|event| match event.kind {
                Kind::SecureConnect(secured) => Some(secured),
                _ => None,
            })
        })
        .await;
    assert_eq!(secured.verified, Some(false));
}

#[tokio::test]
async fn the_limit_of_connections_is_said_and_lifts() {
    let lab = Lab::new(Limits { connections: 2, ..Limits::default() });
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let first = TcpStream::connect(address).await.unwrap();
    let _second = TcpStream::connect(address).await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(b"wait").await.unwrap();
    lab.until("the limit is said", || {
        let events = lab.hub.events(id.into(), 0, 100).unwrap().events;
        events.iter().any(|event| matches!(&event.kind, Kind::Error(fault) if fault.name() == "limit")).then_some(())
    })
    .await;
    drop(first);
    let mut back = [0; 4];
    third.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"wait");
}

#[tokio::test]
async fn udp_peers_are_rows_and_datagrams_keep_their_borders() {
    let lab = Lab::default();
    let settings = Settings { show: Some("server got: {message} from {address}:{port}".into()), ..Settings::default() };
    let (id, address) = lab.listen("udp://:0", settings).await;
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut buffer = vec![0; 1 << 16];
    for message in [&b"hello"[..], b"", &vec![b'x'; 65_507]] {
        peer.send_to(message, address).await.unwrap();
        let (n, _) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..n], message);
    }
    let socket = lab.nth(1).await;
    let row = lab.hub.socket(socket).unwrap();
    assert_eq!((row.count.received.packets, row.count.received.bytes), (3, 65_512));
    assert_eq!((row.count.sent.packets, row.count.sent.bytes), (3, 65_512));
    let lines = lab.hub.events(id.into(), 0, 100).unwrap().events;
    let said = format!("server got: hello from {}", peer.local_addr().unwrap());
    assert!(lines.iter().any(|event| event.kind == Kind::Log && event.head == said.as_bytes()), "{lines:?}");
    let other = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = other.local_addr().unwrap().to_string();
    lab.endpoints.send_to(id, &to, Payload::Bytes("unasked".into())).unwrap();
    let (n, from) = other.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..n], from), (&b"unasked"[..], address));
    assert!(lab.endpoints.send_to(id, "nowhere", Payload::Bytes("x".into())).is_err());
    lab.endpoints.command(socket, Command::Close).unwrap();
    lab.closed(socket).await;
    assert!(lab.endpoints.command(lab.nth(2).await, Command::Reset).is_err());
}

#[tokio::test]
async fn udp_peers_are_bounded_and_their_totals_stay() {
    let lab = Lab::new(Limits { peers: 10, ..Limits::default() });
    let (id, address) = lab.listen("udp://:0", Settings::default()).await;
    for _ in 0..30 {
        let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.send_to(b"12345", address).await.unwrap();
        peer.recv_from(&mut [0; 8]).await.unwrap();
    }
    let row = lab.endpoint(id, "all are counted", |row| row.count.received.bytes == 150).await;
    assert!(row.open <= 10, "{}", row.open);
    let rows = lab.rows();
    assert_eq!(rows.iter().map(|row| row.folded).sum::<u64>(), 20, "the older ones are one row");
    assert_eq!(rows.iter().map(|row| row.count.received.bytes).sum::<u64>(), 150);
}

#[tokio::test]
async fn a_udp_client_names_a_port_nobody_listens_on() {
    let lab = Lab::default();
    let free = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let id = lab.open(Role::Connect, &format!("udp://{free}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    lab.endpoints.broadcast(id, &Payload::Bytes("anyone?".into())).unwrap();
    let refused = |kind: &Kind| matches!(kind, Kind::Error(fault) if fault.name() == "ECONNREFUSED");
    lab.event(socket, "ECONNREFUSED", |event| refused(&event.kind)).await;
    assert!(!lab.hub.socket(socket).unwrap().life.is_closed(), "a UDP client goes on");
    assert!(lab.events(socket).iter().any(|event| matches!(event.kind, Kind::Message { way: Way::Out, .. })));
}

#[tokio::test]
async fn stopping_everything_is_quick_even_when_peers_are_not() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut peers = Vec::new();
    for _ in 0..50 {
        let peer = TcpStream::connect(address).await.unwrap();
        let _ = peer.try_write(&vec![b'x'; 1 << 20]);
        peers.push(peer);
    }
    lab.until("all are accepted", || (lab.rows().len() == 50).then_some(())).await;
    let started = std::time::Instant::now();
    lab.endpoints.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    lab.until("all are closed", || lab.rows().iter().all(|row| row.life.is_closed()).then_some(())).await;
}

#[tokio::test]
async fn silence_is_told_once_each_time_and_the_socket_stays_open() {
    for scheme in ["tcp", "tls", "http", "ws"] {
        let lab = Lab::default();
        let settings = Settings { timeout: Some(Duration::from_millis(60)), ..Settings::default() };
        let (_, address) = lab.listen(&format!("{scheme}://:0"), settings).await;
        let url = format!("{scheme}://localhost:{}", address.port());
        let client = lab.open(Role::Connect, &url, Settings::default());
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let far = || lab.rows().into_iter().find(|row| row.accepted && row.life == Life::Open);
        let far = lab.until(&format!("{scheme}: the listener's side is open"), far).await.id;
        let told = || lab.names(far).iter().filter(|name| **name == "timeout").count();
        lab.until(&format!("{scheme}: the silence is told"), || (told() == 1).then_some(())).await;
        let payload = match scheme {
            "ws" => Payload::Text("again".into()),
            "http" => Payload::Request(Box::new(sockscope::net::http::Request {
                method: "GET".into(),
                target: "/".into(),
                ..Default::default()
            })),
            _ => Payload::Bytes("again".into()),
        };
        lab.endpoints.broadcast(client, &payload).unwrap();
        lab.until(&format!("{scheme}: and the next one"), || (told() == 2).then_some(())).await;
        assert_eq!(lab.hub.socket(far).unwrap().life, Life::Open, "{scheme}");
    }
}

#[tokio::test]
async fn a_client_whose_connection_is_over_connects_anew_to_send() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id = lab.open(Role::Connect, &format!("tcp://{}", server.local_addr().unwrap()), Settings::default());
    let (peer, _) = server.accept().await.unwrap();
    drop(peer);
    lab.endpoint(id, "over", |row| row.state == State::Stopped).await;
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("again".into())).unwrap(), 0);
    let (mut peer, _) = server.accept().await.unwrap();
    let mut got = [0; 5];
    peer.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"again");
}
