//! Dialling, told step by step: what a name came to, which address was tried when, and which one stood.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use sockscope::model::dial::{Attempt, Lookup, Step};
use sockscope::model::end::{End, Fault, Op};
use sockscope::model::event::{Event, Kind};
use sockscope::model::id::SocketId;
use sockscope::model::spec::{Limits, Settings};
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::Command;
use support::{Lab, assert_one_life};
use tokio::net::TcpListener;

/// All names, those of the steps too.
fn steps(lab: &Lab, socket: SocketId) -> Vec<&'static str> {
    lab.events(socket).iter().map(|event| event.kind.name()).collect()
}

fn attempt(event: &Event) -> Attempt {
    match &event.kind {
        Kind::Attempt(attempt) => (**attempt).clone(),
        kind => panic!("{kind:?}"),
    }
}

/// An address that answers nothing: its backlog is full, so the kernel drops what comes.
struct Silent {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<socket2::Socket>,
}

impl Silent {
    fn new(ip: &str) -> Self {
        use socket2::{Domain, Socket, Type};
        let address: SocketAddr = format!("{ip}:0").parse().unwrap();
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        // One waits to be accepted; the others' handshakes stay open.
        let waiting = (0..3)
            .map(|_| {
                let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&address.into());
                socket
            })
            .collect();
        Self { address, _listener: listener, _waiting: waiting }
    }
}

#[tokio::test]
async fn a_literal_address_is_tried_and_stands() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let id = lab.open(Role::Connect, &format!("tcp://{address}"), Settings::default());
    let (_peer, from) = server.accept().await.unwrap();
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    let socket = lab.nth(1).await;
    assert_eq!(steps(&lab, socket), ["connectionAttempt", "connect"]);
    let events = lab.events(socket);
    assert_eq!(attempt(&events[0]), Attempt { peer: address, step: Step::Began { nth: 1, of: 1 } });
    let Kind::Connect { peer, took } = &events[1].kind else { panic!("{events:?}") };
    assert_eq!(**peer, address);
    assert!(*took > 0 && u128::from(*took) < Duration::from_secs(10).as_nanos());
    let row = lab.hub.socket(socket).unwrap();
    assert_eq!((row.peer, row.local), (address, Some(from)), "the client knows its own address");
    assert_one_life_so_far(&events);
}

fn assert_one_life_so_far(events: &[Event]) {
    let opened = events.iter().filter(|event| matches!(event.kind, Kind::Connect { .. }));
    assert_eq!(opened.count(), 1);
}

#[tokio::test]
async fn a_name_is_looked_up_and_the_addresses_race_in_order() {
    let lab = Lab::default();
    // Where the name has an IPv6 address too, nobody is there.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let id = lab.open(Role::Connect, &format!("tcp://localhost:{port}"), Settings::default());
    let (_peer, from) = server.accept().await.unwrap();
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    let socket = lab.nth(1).await;
    let events = lab.events(socket);
    let Kind::Lookup(lookup) = &events[0].kind else { panic!("{events:?}") };
    let Lookup { name, addresses, took } = &**lookup;
    assert_eq!(&**name, "localhost");
    assert!(*took > 0 && addresses.contains(&SocketAddr::from(([127, 0, 0, 1], port))), "{addresses:?}");
    let tried: Vec<_> = events.iter().filter(|event| event.kind.name() == "connectionAttempt").map(attempt).collect();
    for (n, (attempt, address)) in tried.iter().zip(addresses).enumerate() {
        let of = u16::try_from(addresses.len()).unwrap();
        assert_eq!(*attempt, Attempt { peer: *address, step: Step::Began { nth: n as u16 + 1, of } });
    }
    assert_eq!(events.last().unwrap().kind.name(), "connect");
    let row = lab.hub.socket(socket).unwrap();
    assert_eq!((row.peer, row.local), (server.local_addr().unwrap(), Some(from)));
    let told: Vec<_> = lab.hub.events(id.into(), 0, 10).unwrap().events;
    assert!(told.iter().any(|event| matches!(&event.kind, Kind::Connect { peer, .. } if **peer == row.peer)));
}

#[tokio::test]
async fn a_refused_address_fails_with_its_errno_before_the_error() {
    let lab = Lab::default();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    lab.open(Role::Connect, &format!("tcp://{free}"), Settings::default());
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(steps(&lab, socket), ["connectionAttempt", "connectionAttemptFailed", "error", "close"]);
    let Step::Failed { fault, took } = attempt(&lab.events(socket)[1]).step else { panic!() };
    assert_eq!((fault.name(), took > 0), ("ECONNREFUSED", true));
    assert_eq!(row.end.as_deref(), Some(&End::Failed(fault)));
    assert!(row.end.unwrap().had_error());
}

#[tokio::test]
async fn a_name_that_is_none_is_a_lookup_without_addresses() {
    let lab = Lab::default();
    // RFC 6761 section 6.4: never resolved.
    let id = lab.open(Role::Connect, "tcp://nowhere.invalid:80", Settings::default());
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(steps(&lab, socket), ["lookup", "error", "close"]);
    let events = lab.events(socket);
    assert!(matches!(&events[0].kind, Kind::Lookup(lookup) if lookup.addresses.is_empty()), "{events:?}");
    assert!(matches!(&events[1].kind, Kind::Error(fault) if fault.name() == "ENOTFOUND"), "{events:?}");
    assert_eq!((row.peer.port(), row.local), (80, None));
    lab.endpoint(id, "failed", |row| matches!(&row.state, State::Failed(fault) if fault.name() == "ENOTFOUND")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_answers_nothing_is_late() {
    let silent = Silent::new("127.0.0.1");
    let lab = Lab::new(Limits { handshake_time: Duration::from_millis(300), ..Limits::default() });
    lab.open(Role::Connect, &format!("tcp://{}", silent.address), Settings::default());
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(steps(&lab, socket), ["connectionAttempt", "connectionAttemptCancelled", "error", "close"]);
    let Step::Cancelled { after } = attempt(&lab.events(socket)[1]).step else { panic!() };
    assert!(after >= 299_000_000, "{after}");
    assert!(matches!(row.end.as_deref(), Some(End::Failed(Fault::Late { .. }))), "{:?}", row.end);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_is_stopped_while_it_dials_says_what_it_gave_up() {
    let silent = Silent::new("127.0.0.1");
    let lab = Lab::default();
    let id = lab.open(Role::Connect, &format!("tcp://{}", silent.address), Settings::default());
    let socket = lab.nth(1).await;
    lab.event(socket, "an attempt", |event| matches!(event.kind, Kind::Attempt(_))).await;
    lab.endpoints.stop(id);
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Stopped));
    assert_eq!(steps(&lab, socket), ["connectionAttempt", "connectionAttemptCancelled", "close"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dial_can_be_given_up_by_closing_it() {
    for command in [Command::Close, Command::Reset] {
        let silent = Silent::new("127.0.0.1");
        let lab = Lab::default();
        let id = lab.open(Role::Connect, &format!("tcp://{}", silent.address), Settings::default());
        let socket = lab.nth(1).await;
        lab.event(socket, "an attempt", |event| matches!(event.kind, Kind::Attempt(_))).await;
        lab.endpoints.command(socket, command).unwrap();
        assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Stopped));
        lab.endpoint(id, "stopped", |row| row.state == State::Stopped).await;
    }
}

#[tokio::test]
async fn what_cannot_be_listened_on_is_an_error_of_binding() {
    let lab = Lab::default();
    // TEST-NET-1 (RFC 5737): no interface has it.
    let id = lab.open(Role::Listen, "tcp://192.0.2.1:0", Settings::default());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(Fault::Io { op, name, .. }) = row.state else { panic!("{:?}", row.state) };
    assert_eq!((op, name), (Op::Bind, "EADDRNOTAVAIL"));
}

#[tokio::test]
async fn a_dialled_life_has_one_opening_and_one_end() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    lab.open(Role::Connect, &format!("tcp://localhost:{}", server.local_addr().unwrap().port()), Settings::default());
    drop(server.accept().await.unwrap());
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    assert_one_life(&lab.events(socket));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_own_port_that_is_in_use_toward_the_peer_is_named() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", server.local_addr().unwrap());
    let own = TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap().to_string();
    let settings = Settings::default().with("bind", &own).unwrap();
    let first = lab.open(Role::Connect, &url, settings.clone());
    lab.endpoint(first, "up", |row| row.state == State::Up).await;
    lab.open(Role::Connect, &url, settings);
    let second = lab.nth(2).await;
    let row = lab.closed(second).await;
    let Some(End::Failed(fault)) = row.end.as_deref() else { panic!("{:?}", row.end) };
    assert_eq!(fault.name(), "EADDRNOTAVAIL");
    assert!(fault.to_string().contains(&format!("bind = {own} is in use")), "{fault}");
}
