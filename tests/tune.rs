//! What a connection and a listener can be set to, as the kernel has it: before they exist and while they do.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use sockscope::model::end::{End, Fault, Op, Party};
use sockscope::model::event::{Event, Kind};
use sockscope::model::id::{EndpointId, SocketId, Subject};
use sockscope::model::life::Life;
use sockscope::model::setting;
use sockscope::model::size;
use sockscope::model::spec::{Limits, Settings};
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use support::Lab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(Settings::default(), |settings, (name, text)| settings.with(name, text).unwrap())
}

/// A fact of the details page.
fn fact(lab: &Lab, subject: impl Into<Subject>, title: &str, name: &str) -> Option<String> {
    let (_, groups) = lab.hub.details(subject.into())?;
    let group = groups.into_iter().find(|group| group.title == title)?;
    group.rows.into_iter().find(|row| row.0 == name).map(|row| row.1)
}

fn set(lab: &Lab, subject: impl Into<Subject>, name: &str, text: &str) {
    lab.endpoints.set(subject.into(), setting::find(name).unwrap(), text).unwrap();
}

fn endpoint_events(lab: &Lab, id: EndpointId) -> Vec<Event> {
    lab.hub.events(id.into(), 0, 100).unwrap().events
}

async fn says(lab: &Lab, subject: impl Into<Subject> + Copy, name: &str, text: &str) {
    let find = || fact(lab, subject, "TCP", name).filter(|value| value.contains(text));
    lab.until(&format!("{name} says {text}"), find).await;
}

#[tokio::test]
async fn peers_beyond_the_most_are_turned_away_and_told() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", settings(&[("max_peers", "1")])).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0, "closed at once");
    let dropped = |event: &Event| match &event.kind {
        Kind::Drop { peer, most } => Some((**peer, *most)),
        _ => None,
    };
    let told = || endpoint_events(&lab, id).iter().find_map(dropped);
    assert_eq!(lab.until("the drop is told", told).await, (second.local_addr().unwrap(), 1));
    assert_eq!(lab.rows().len(), 1, "it is no socket");
    // The first goes on, and with more room, set while it runs, the next one stays.
    first.write_all(b"me").await.unwrap();
    first.read_exact(&mut [0; 2]).await.unwrap();
    set(&lab, id, "max_peers", "2");
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(b"me too").await.unwrap();
    third.read_exact(&mut [0; 6]).await.unwrap();
    assert!(!lab.hub.socket(socket).unwrap().life.is_closed());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_waits_to_be_accepted_is_on_the_listeners_details() {
    let lab = Lab::new(Limits { connections: 1, ..Limits::default() });
    let (id, address) = lab.listen("tcp://:0", settings(&[("backlog", "7")])).await;
    says(&lab, id, "state", "listen").await;
    says(&lab, id, "backlog", "7: the kernel lets 8 wait").await;
    says(&lab, id, "waiting", "0 to be accepted").await;
    let _first = TcpStream::connect(address).await.unwrap();
    lab.nth(1).await;
    // One more than those that wait is held by the accept that was under way.
    let _others = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    says(&lab, id, "waiting", "2 to be accepted").await;
    lab.endpoints.stop(id);
    lab.endpoint(id, "stopped", |row| row.state == State::Stopped).await;
    assert_eq!(fact(&lab, id, "TCP", "backlog"), None);
    lab.endpoints.start(id);
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    let (_, groups) = lab.hub.details(id.into()).unwrap();
    assert_eq!(groups.iter().filter(|group| group.title == "TCP").count(), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_option_is_the_kernels_on_either_side() {
    let lab = Lab::default();
    let options = [
        ("nodelay", "no"),
        ("keepalive", "90s"),
        ("send_buffer", "32KiB"),
        ("receive_buffer", "16KiB"),
        ("reuse_address", "no"),
    ];
    let (_, address) = lab.listen("tcp://:0", settings(&options)).await;
    lab.open(Role::Connect, &format!("tcp://{address}"), settings(&options));
    for n in [1, 2] {
        let socket = lab.nth(n).await;
        lab.socket(socket, "open", |row| row.life == Life::Open).await;
        says(&lab, socket, "options", "Nagle on, keep-alive after 90s").await;
        // The kernel doubles them (socket(7)).
        says(&lab, socket, "buffers", "65,536 B to send, 32,768 B to read").await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn options_change_under_an_open_connection() {
    for scheme in ["tcp", "tls", "http", "ws"] {
        let lab = Lab::default();
        let (id, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let client = lab.open(Role::Connect, &format!("{scheme}://localhost:{}", address.port()), Settings::default());
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let far = || lab.rows().into_iter().find(|row| row.accepted && row.life == Life::Open);
        let far = lab.until(&format!("{scheme} is open"), far).await.id;
        says(&lab, far, "options", "Nagle off, no keep-alive").await;
        // One socket alone, then all of the endpoint.
        set(&lab, far, "nodelay", "no");
        says(&lab, far, "options", "Nagle on").await;
        set(&lab, id, "keepalive", "30s");
        says(&lab, far, "options", "keep-alive after 30s").await;
        set(&lab, far, "send_buffer", "64KiB");
        says(&lab, far, "buffers", "131,072 B to send").await;
        let told: Vec<_> = lab.names(far).into_iter().filter(|name| *name == "set").collect();
        assert_eq!(told.len(), 3, "{scheme}: {}", lab.report());
        let (its, _) = lab.hub.details(far.into()).unwrap();
        assert_eq!((its.tcp.nodelay, its.tcp.keepalive), (false, Some(Duration::from_secs(30))), "{scheme}");
    }
}

#[tokio::test]
async fn a_client_dials_from_where_it_was_told_to() {
    let lab = Lab::default();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    lab.open(Role::Connect, &format!("tcp://{address}"), settings(&[("bind", "127.0.0.2")]));
    let (_peer, from) = server.accept().await.unwrap();
    assert_eq!(from.ip().to_string(), "127.0.0.2");
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.local == Some(from)).await;
    // A port that somebody has.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let holder = TcpListener::bind(taken).await.unwrap();
    let bind = taken.to_string();
    lab.open(Role::Connect, &format!("tcp://{address}"), settings(&[("bind", &bind), ("reuse_address", "no")]));
    assert_failed_to_bind(&lab, lab.nth(2).await, "EADDRINUSE").await;
    drop(holder);
    // TEST-NET-1: no interface has it; and a family that does not fit.
    lab.open(Role::Connect, &format!("tcp://{address}"), settings(&[("bind", "192.0.2.1")]));
    assert_failed_to_bind(&lab, lab.nth(3).await, "EADDRNOTAVAIL").await;
    let end = lab.hub.socket(SocketId(3)).unwrap().end.unwrap().to_string();
    assert_eq!(end, "EADDRNOTAVAIL while binding: 192.0.2.1:0: no interface of this machine has that address");
    lab.open(Role::Connect, &format!("tcp://{address}"), settings(&[("bind", "::1")]));
    assert_failed_to_bind(&lab, lab.nth(4).await, "EAFNOSUPPORT").await;
}

async fn assert_failed_to_bind(lab: &Lab, socket: SocketId, errno: &str) {
    let end = lab.closed(socket).await.end.unwrap();
    let End::Failed(Fault::Io { op, name, .. }) = &*end else { panic!("{end:?}") };
    assert_eq!((*op, *name), (Op::Bind, errno));
    // Nothing left for the peer: it is no attempt.
    let told: Vec<_> = lab.events(socket).iter().map(|event| event.kind.name()).collect();
    assert_eq!(told, ["error", "close"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_listeners_share_a_port_when_both_say_so() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", settings(&[("reuse_port", "yes")])).await;
    let url = format!("tcp://{address}");
    lab.listen(&url, settings(&[("reuse_port", "yes")])).await;
    let id = lab.open(Role::Listen, &url, Settings::default());
    let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
    assert!(matches!(row.state, State::Failed(fault) if fault.name() == "EADDRINUSE"));
}

#[tokio::test]
async fn a_close_that_does_not_linger_is_a_reset() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", settings(&[("linger", "reset")])).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    lab.endpoints.command(socket, Command::Close).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Reset { by: Party::Us }));
    // Changed while it is open, it is FIN again.
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(2).await;
    set(&lab, socket, "linger", "default");
    lab.event(socket, "set", |event| matches!(event.kind, Kind::Set(_))).await;
    lab.endpoints.command(socket, Command::Close).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    // A listener that is stopped resets those that are left.
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(3).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    lab.endpoints.stop(id);
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Reset { by: Party::Us }), "what crossed is told");
}

/// A listener whose socket has more to say than its peer takes, closed by hand.
async fn closed_full(lab: &Lab, linger: &str) -> (TcpStream, SocketId) {
    let (_, address) = lab.listen("tcp://:0", settings(&[("reply", "none"), ("send_buffer", "16KiB")])).await;
    let peer = small_window(address).await;
    let socket = lab.nth(u32::try_from(lab.rows().len()).unwrap().max(1)).await;
    set(lab, socket, "linger", linger);
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(vec![b'y'; 900_000].into()))).unwrap();
    lab.event(socket, "blocked", |event| matches!(event.kind, Kind::Blocked { .. })).await;
    lab.endpoints.command(socket, Command::Close).unwrap();
    (peer, socket)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_close_that_lingers_waits_for_the_peer_to_have_it_all() {
    let lab = Lab::default();
    let (mut peer, socket) = closed_full(&lab, "60s").await;
    let mut got = Vec::new();
    peer.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), 900_000);
    let row = lab.closed(socket).await;
    assert_eq!((row.end.as_deref(), row.count.errors), (Some(&End::Finished { first: Party::Us }), 0));
    assert_eq!(lab.names(socket).last_chunk(), Some(&["end", "close"]));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_close_that_lingered_in_vain_says_so() {
    let lab = Lab::default();
    let (_peer, socket) = closed_full(&lab, "1s").await;
    let row = lab.closed(socket).await;
    assert_eq!((row.end.as_deref(), row.count.errors), (Some(&End::Finished { first: Party::Us }), 2));
    let events = lab.events(socket);
    let [error, close] = events.last_chunk().unwrap();
    let Kind::Error(fault) = &error.kind else { panic!("{error:?}") };
    assert!(fault.to_string().ends_with("what was not acknowledged within 1s"), "{fault}");
    assert_eq!(close.kind.name(), "close");
    let asked = events.iter().find(|event| event.kind.name() == "blocked").unwrap();
    assert!(close.at.since(asked.at) >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_close_tells_what_it_leaves_unsent() {
    let lab = Lab::default();
    let (mut peer, socket) = closed_full(&lab, "default").await;
    let mut got = Vec::new();
    peer.read_to_end(&mut got).await.unwrap();
    lab.closed(socket).await;
    assert_eq!(lab.names(socket).last_chunk(), Some(&["error", "end", "close"]));
    let told = lab.event(socket, "unsent", |event| matches!(event.kind, Kind::Error(_))).await;
    let Kind::Error(fault) = told.kind else { panic!() };
    let unsent = size::exact((900_000 - got.len()) as u64);
    assert_eq!(fault.to_string(), format!("unsent while writing: {unsent} B waited to be written when it was closed"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lingering_close_is_cut_short_by_a_stop() {
    let lab = Lab::default();
    let (_peer, socket) = closed_full(&lab, "60s").await;
    lab.endpoints.stop(lab.hub.endpoint_of(socket).unwrap());
    assert!(lab.closed(socket).await.closed.is_some());
}

#[tokio::test]
async fn silence_can_be_asked_for_and_no_longer_on_an_open_connection() {
    for scheme in ["tcp", "tls", "http", "ws"] {
        let lab = Lab::default();
        let (id, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let client = lab.open(Role::Connect, &format!("{scheme}://localhost:{}", address.port()), Settings::default());
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let open = |accepted| {
            move |lab: &Lab| lab.rows().into_iter().find(|row| row.accepted == accepted && row.life == Life::Open)
        };
        let far = lab.until(&format!("{scheme}: the listener's side"), || open(true)(&lab)).await.id;
        let near = lab.until(&format!("{scheme}: our side"), || open(false)(&lab)).await.id;
        let told = |socket| lab.names(socket).iter().filter(|name| **name == "timeout").count();
        assert_eq!((told(far), told(near)), (0, 0), "{scheme}");
        // One socket alone.
        set(&lab, far, "timeout", "50ms");
        lab.until(&format!("{scheme}: the silence is told"), || (told(far) == 1).then_some(())).await;
        // It fires once for each silence; set anew, it begins anew.
        set(&lab, far, "timeout", "60ms");
        lab.until(&format!("{scheme}: and anew"), || (told(far) == 2).then_some(())).await;
        // A client's, by its endpoint.
        set(&lab, client, "timeout", "50ms");
        lab.until(&format!("{scheme}: the client's"), || (told(near) == 1).then_some(())).await;
        let idle = lab.event(near, "timeout", |event| matches!(event.kind, Kind::Timeout { .. })).await;
        assert!(matches!(idle.kind, Kind::Timeout { idle } if idle >= 50_000_000), "{scheme}: {idle:?}");
        set(&lab, id, "timeout", "off");
        let off = |event: &Event| matches!(&event.kind, Kind::Set(change) if &*change.value == "off");
        lab.event(far, "set off", off).await;
        for socket in [far, near] {
            assert_eq!(lab.hub.socket(socket).unwrap().life, Life::Open, "{scheme}");
        }
    }
}

#[tokio::test]
async fn half_open_goes_both_ways_and_can_be_taken_back() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", settings(&[("half_open", "yes"), ("reply", "none")])).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    peer.shutdown().await.unwrap();
    lab.socket(socket, "half", |row| row.life == Life::PeerEnded).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("still".into()))).unwrap();
    peer.read_exact(&mut [0; 5]).await.unwrap();
    // Silence is told on half a connection too.
    set(&lab, socket, "timeout", "50ms");
    lab.event(socket, "timeout", |event| matches!(event.kind, Kind::Timeout { .. })).await;
    set(&lab, socket, "half_open", "no");
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0, "our side ends too");
    assert_eq!(lab.closed(socket).await.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!(lab.names(socket), ["connection", "end", "write", "set", "timeout", "set", "end", "close"]);
}

#[tokio::test]
async fn a_reset_of_half_a_connection_is_heard() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", settings(&[("half_open", "yes"), ("reply", "none")])).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    peer.shutdown().await.unwrap();
    lab.socket(socket, "half", |row| row.life == Life::PeerEnded).await;
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let row = lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connection", "end", "error", "close"]);
    assert_eq!(row.end.as_deref(), Some(&End::Reset { by: Party::Peer }));
    assert!(row.end.unwrap().had_error());
}

#[tokio::test]
async fn a_buffer_that_was_given_a_size_keeps_one_while_it_is_open() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let _peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let row = setting::find("send_buffer").unwrap();
    set(&lab, socket, "send_buffer", "default");
    set(&lab, socket, "send_buffer", "64KiB");
    let is_set = |event: &Event| matches!(&event.kind, Kind::Set(change) if &*change.value == "65536");
    lab.event(socket, "it is set", is_set).await;
    let refused = lab.endpoints.set(socket.into(), row, "default").unwrap_err();
    assert!(refused.0.contains("no way back"), "{refused}");
    // The endpoint's is for those to come: nothing is told of one that it does not change.
    set(&lab, id, "send_buffer", "default");
    set(&lab, id, "nodelay", "no");
    let is_set = |event: &Event| matches!(&event.kind, Kind::Set(change) if change.name == "nodelay");
    lab.event(socket, "what came after", is_set).await;
    let sets = lab.names(socket).into_iter().filter(|name| *name == "set").count();
    assert_eq!(sets, 3);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_look_at_a_silent_connection_has_a_sample() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let _peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let names = ["rtt", "rttvar", "cwnd", "unacked", "retransmits", "delivery rate", "send queue", "receive queue"];
    lab.hub.details(socket.into()).unwrap();
    let series = lab.hub.series(socket.into());
    assert_eq!(series.iter().map(|series| series.name).collect::<Vec<_>>(), names);
    assert!(series.iter().all(|series| series.values.len() == 1));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernels_facts_live_go_on_a_minute_and_stay_when_it_is_over() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", settings(&[("reply", "none"), ("half_open", "yes")])).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let local = format!("{address} to ");
    for (name, text) in [
        ("state", "established"),
        ("addresses", &local),
        ("rtt", "±"),
        ("cwnd", "10 segments"),
        ("queues", "0 B to read"),
    ] {
        says(&lab, socket, name, text).await;
    }
    // What the peer does not read waits in our send queue, and what it sent is counted.
    peer.write_all(&[b'x'; 1000]).await.unwrap();
    says(&lab, socket, "bytes", "1,000 received").await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(vec![b'y'; 900_000].into()))).unwrap();
    let queue = || {
        let text = fact(&lab, socket, "TCP", "queues")?;
        let queued: u64 = text.split(' ').next()?.replace(',', "").parse().ok()?;
        let known = lab.hub.series(socket.into());
        let seen = known.iter().find(|series| series.name == "send queue")?;
        let sampled = seen.values.iter().any(|value| *value > 0) || queued == 0;
        (sampled && seen.values.len() >= 2).then_some(known.len())
    };
    assert_eq!(lab.until("two samples", queue).await, 8);
    peer.shutdown().await.unwrap();
    says(&lab, socket, "state", "close-wait").await;
    drop(peer);
    lab.endpoints.command(socket, Command::Reset).unwrap();
    lab.closed(socket).await;
    says(&lab, socket, "state", "closed; as it last was").await;
    assert!(fact(&lab, socket, "TCP", "queues").is_none());
}

#[tokio::test]
async fn a_write_that_waited_says_how_long_and_how_much() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", settings(&[("reply", "none"), ("send_buffer", "16KiB")])).await;
    let mut peer = small_window(address).await;
    let socket = lab.nth(1).await;
    let all = 900_000;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(vec![b'y'; all].into()))).unwrap();
    let blocked = lab.event(socket, "blocked", |event| matches!(event.kind, Kind::Blocked { .. })).await;
    let Kind::Blocked { waiting } = blocked.kind else { panic!() };
    assert!(waiting > 0 && waiting <= all as u64, "{waiting}");
    let mut got = vec![0; all];
    peer.read_exact(&mut got).await.unwrap();
    let drain = lab.event(socket, "drain", |event| matches!(event.kind, Kind::Drain { .. })).await;
    let Kind::Drain { blocked: time, waited } = drain.kind else { panic!() };
    assert_eq!(waited, waiting);
    assert!(time >= 50_000_000, "{time}");
    assert!(!lab.hub.socket(socket).unwrap().blocked);
}

async fn small_window(address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    socket.connect(address).await.unwrap()
}
