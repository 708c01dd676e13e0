//! The contract every protocol keeps, plain and secure where it can be: our client against our listener,
//! and raw peers that misbehave.

mod support;

use std::sync::Arc;
use std::time::Duration;

use sockscope::model::draft::{Draft, Shape, shapes};
use sockscope::model::end::{End, Party};
use sockscope::model::event::Kind;
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::life::Life;
use sockscope::model::spec::Settings;
use sockscope::model::url::{Role, Scheme};
use sockscope::model::view::{SocketRow, State};
use sockscope::net::{Command, PROTOCOLS, protocol};
use support::{Lab, assert_one_life, identity};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Every scheme of the protocol list.
fn schemes() -> Vec<Scheme> {
    PROTOCOLS.iter().flat_map(|protocol| [Some(protocol.info().plain), protocol.info().secure]).flatten().collect()
}

fn streams() -> impl Iterator<Item = Scheme> {
    schemes().into_iter().filter(|scheme| *scheme != Scheme::Udp)
}

#[test]
fn every_scheme_is_in_the_list() {
    let mut listed: Vec<_> = schemes().iter().map(|scheme| scheme.name()).collect();
    let mut all: Vec<_> = Scheme::ALL.iter().map(|scheme| scheme.name()).collect();
    listed.sort_unstable();
    all.sort_unstable();
    assert_eq!(listed, all);
}

/// A listener, a client of ours that is connected to it, and both ends' sockets.
struct Pair {
    lab: Lab,
    listener: EndpointId,
    client: EndpointId,
    near: SocketId,
    far: SocketId,
}

impl Pair {
    async fn new(scheme: Scheme) -> Self {
        let lab = Lab::default();
        let (listener, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let client = lab.open(Role::Connect, &format!("{scheme}://localhost:{}", address.port()), Settings::default());
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let mut pair = Self { lab, listener, client, near: SocketId(0), far: SocketId(0) };
        if scheme == Scheme::Udp {
            // A UDP listener knows a peer when it has spoken.
            pair.send(scheme).await;
        }
        let (near, far) = pair.lab.until("both ends are open", || pair.ends()).await;
        (pair.near, pair.far) = (near.id, far.id);
        pair
    }

    fn ends(&self) -> Option<(SocketRow, SocketRow)> {
        let rows = self.lab.rows();
        let open = |accepted| rows.iter().find(move |row| row.accepted == accepted && row.life == Life::Open).cloned();
        Some((open(false)?, open(true)?))
    }

    /// Sends the protocol's usual thing, and waits for what comes back.
    async fn send(&self, scheme: Scheme) {
        let shape = shapes(scheme, Role::Connect)[0];
        let text = match shape {
            Shape::Request => "POST /contract HTTP/1.1\nX-Case: Kept\n\nhello",
            _ => "hello",
        };
        let draft = Draft { text: text.into(), shape, ..Draft::default() };
        let payload = protocol(scheme).compose(&draft).unwrap();
        let before = self.lab.endpoint(self.client, "counted", |_| true).await.count.received.messages;
        let sent = self.lab.endpoints.broadcast(self.client, &payload).unwrap();
        assert_eq!(sent, 1, "{scheme}");
        self.lab.endpoint(self.client, "answered", |row| row.count.received.messages > before).await;
    }

    fn row(&self, id: SocketId) -> SocketRow {
        self.lab.hub.socket(id).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_is_counted_alike_on_both_ends() {
    for scheme in schemes() {
        let pair = Pair::new(scheme).await;
        pair.send(scheme).await;
        pair.send(scheme).await;
        let same = || {
            let (near, far) = (pair.row(pair.near).count, pair.row(pair.far).count);
            let agree = near.sent.bytes == far.received.bytes
                && near.received.bytes == far.sent.bytes
                && near.sent.wire == far.received.wire
                && near.received.wire == far.sent.wire;
            agree.then_some((near, far))
        };
        let (near, far) = pair.lab.until(&format!("{scheme}: both ends agree"), same).await;
        let messages = if scheme == Scheme::Udp { 3 } else { 2 };
        assert_eq!((near.sent.messages, far.received.messages), (messages, messages), "{scheme}");
        if !scheme.is_http() {
            assert_eq!((near.sent.bytes, near.received.bytes), (5 * messages, 5 * messages), "{scheme}");
        }
        for count in [near, far] {
            assert!(
                count.sent.wire >= count.sent.bytes && count.received.wire >= count.received.bytes,
                "{scheme}: {count:?}"
            );
            assert!(!scheme.is_secure() || count.sent.wire > count.sent.bytes, "{scheme}: {count:?}");
            assert_eq!(count.errors, 0, "{scheme}\n{}", pair.lab.report());
        }
        if cfg!(target_os = "linux") || scheme == Scheme::Udp || scheme.is_ws() {
            let row = pair.row(pair.far);
            assert!(row.packets_known && row.count.received.packets >= 2, "{scheme}: {row:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_ends_both_ends_once() {
    for scheme in schemes() {
        let pair = Pair::new(scheme).await;
        pair.lab.endpoints.command(pair.near, Command::Close).unwrap();
        pair.lab.closed(pair.near).await;
        if scheme == Scheme::Udp {
            // Nobody tells a UDP listener.
            pair.lab.endpoints.command(pair.far, Command::Close).unwrap();
        }
        pair.lab.closed(pair.far).await;
        for id in [pair.near, pair.far] {
            assert_one_life(&pair.lab.events(id));
        }
        pair.lab.endpoint(pair.listener, "without sockets", |row| row.open == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_close_ends_in_order() {
    for scheme in streams() {
        let pair = Pair::new(scheme).await;
        pair.send(scheme).await;
        pair.lab.endpoints.command(pair.near, Command::End).unwrap();
        let (near, far) = (pair.lab.closed(pair.near).await, pair.lab.closed(pair.far).await);
        if scheme == Scheme::Tls {
            // The peer may answer our close_notify with its own and its FIN before our FIN has left.
            let ends = [near.end.as_deref(), far.end.as_deref()].map(|end| end.map(End::name));
            assert_eq!(ends, [Some("fin"); 2], "{}", pair.lab.report());
        } else {
            // A client's close frame is answered by one, and the server's FIN is the first (RFC 6455 section 7.1.1).
            let (first, second) = if scheme.is_ws() { (Party::Peer, Party::Us) } else { (Party::Us, Party::Peer) };
            assert_eq!(near.end.as_deref(), Some(&End::Finished { first }), "{scheme}\n{}", pair.lab.report());
            assert_eq!(far.end.as_deref(), Some(&End::Finished { first: second }), "{scheme}\n{}", pair.lab.report());
        }
        assert_eq!((near.count.errors, far.count.errors), (0, 0), "{scheme}\n{}", pair.lab.report());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_is_told_on_both_ends() {
    for scheme in streams() {
        let pair = Pair::new(scheme).await;
        pair.send(scheme).await;
        pair.lab.endpoints.command(pair.near, Command::Reset).unwrap();
        let (near, far) = (pair.lab.closed(pair.near).await, pair.lab.closed(pair.far).await);
        assert_eq!(near.end.as_deref(), Some(&End::Reset { by: Party::Us }), "{scheme}\n{}", pair.lab.report());
        assert_eq!(far.end.as_deref(), Some(&End::Reset { by: Party::Peer }), "{scheme}\n{}", pair.lab.report());
        let reset = |kind: &Kind| matches!(kind, Kind::Error(fault) if fault.name() == "ECONNRESET");
        assert!(pair.lab.events(pair.far).iter().any(|event| reset(&event.kind)), "{scheme}\n{}", pair.lab.report());
        assert_one_life(&pair.lab.events(pair.far));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_refused() {
    for scheme in streams() {
        let lab = Lab::default();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let id = lab.open(Role::Connect, &format!("{scheme}://{free}"), Settings::default());
        let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
        let State::Failed(fault) = row.state else { unreachable!() };
        assert_eq!(fault.name(), "ECONNREFUSED", "{scheme}");
        let socket = lab.nth(1).await;
        assert_eq!(lab.names(socket), ["error", "close"], "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_listener_lets_go_within_its_deadline() {
    for scheme in schemes() {
        let pair = Pair::new(scheme).await;
        let started = std::time::Instant::now();
        pair.lab.endpoints.stop(pair.listener);
        let far = pair.lab.closed(pair.far).await;
        pair.lab.endpoint(pair.listener, "stopped", |row| row.state == State::Stopped).await;
        assert_eq!(far.end.as_deref(), Some(&End::Stopped), "{scheme}");
        assert!(started.elapsed() < Duration::from_secs(3), "{scheme}: {:?}", started.elapsed());
        assert_one_life(&pair.lab.events(pair.far));
    }
}

trait Raw: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Raw for S {}

/// A peer below the protocol: TCP, or TLS that trusts the test's CA.
async fn raw(scheme: Scheme, port: u16) -> Box<dyn Raw> {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    if !scheme.is_secure() {
        return Box::new(tcp);
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity().ca_pem().as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Box::new(connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap())
}

/// Bytes that make a listener of this scheme answer much, to be repeated; and what must go before them.
fn greed(scheme: Scheme) -> (Vec<u8>, Vec<u8>) {
    let body = vec![b'x'; 60_000];
    if scheme.is_http() {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
        return (Vec::new(), [head.into_bytes(), body].concat());
    }
    if scheme.is_ws() {
        let open = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        // A masked binary frame with a 16-bit length and the mask 0.
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let head = [0x82, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
        return (open.into(), [head.to_vec(), body].concat());
    }
    (Vec::new(), body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_blocks_nobody_else() {
    for scheme in streams() {
        let lab = Lab::default();
        let (_, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let mut greedy = raw(scheme, address.port()).await;
        let (before, again) = greed(scheme);
        greedy.write_all(&before).await.unwrap();
        if !before.is_empty() {
            let mut answer = [0; 12];
            greedy.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 101", "{scheme}");
        }
        // Until nothing more is taken: the listener has stopped reading, because nobody reads what it writes.
        while let Ok(written) = tokio::time::timeout(Duration::from_millis(600), greedy.write_all(&again)).await {
            written.unwrap();
        }
        let stuck = lab.rows().into_iter().find(|row| row.accepted).unwrap().id;
        lab.socket(stuck, "blocked", |row| row.blocked).await;
        lab.event(stuck, "blocked", |event| matches!(event.kind, Kind::Blocked { .. })).await;
        let client = lab.open(Role::Connect, &format!("{scheme}://localhost:{}", address.port()), Settings::default());
        lab.endpoint(client, "up beside it", |row| row.state == State::Up).await;
        drop(greedy);
        let end = lab.closed(stuck).await.end.unwrap();
        assert!(end.had_error(), "{scheme}: {end}");
        assert_one_life(&lab.events(stuck));
    }
}
