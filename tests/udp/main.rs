//! UDP as it really is: what the kernel drops, what comes back as ICMP, where a datagram arrived, who made room.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod changed;
mod meant;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sockscope::model::datagram::Note;
use sockscope::model::end::End;
use sockscope::model::event::{Event, Kind};
use sockscope::model::id::{EndpointId, SocketId, Subject};
use sockscope::model::life::Life;
use sockscope::model::setting;
use sockscope::model::spec::{Limits, Reply, Settings};
use sockscope::model::tally::Count;
use sockscope::model::url::Role;
use sockscope::model::view::SocketRow;
use sockscope::net::{Command, Payload};
use support::Lab;

fn silent() -> Settings {
    Settings { reply: Reply::None, ..Settings::default() }
}

/// A plain socket on loopback that gives up after a while.
fn plain(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// The notes on a timeline.
fn notes(lab: &Lab, subject: impl Into<Subject>) -> Vec<Note> {
    let events = lab.hub.events(subject.into(), 0, 100_000).unwrap().events;
    let note = |event: Event| match event.kind {
        Kind::Datagram(note) => Some(*note),
        _ => None,
    };
    events.into_iter().filter_map(note).collect()
}

/// The row of a peer, once it is there and good.
async fn peer(lab: &Lab, address: SocketAddr, good: impl Fn(&SocketRow) -> bool) -> SocketRow {
    lab.until("the peer's row", || lab.rows().into_iter().find(|row| row.peer == address && good(row))).await
}

fn fault(lab: &Lab, id: SocketId) -> Option<String> {
    let said = |event: Event| match event.kind {
        Kind::Error(fault) => Some(fault.to_string()),
        _ => None,
    };
    lab.events(id).into_iter().find_map(said)
}

#[tokio::test]
async fn what_was_received_and_what_the_kernel_dropped_is_what_was_sent() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", silent()).await;
    let socket = plain("127.0.0.1:0");
    let mut sent = 0;
    // Twice: the counter of the kernel goes on, and what it dropped last is announced by no datagram.
    for _ in 0..2 {
        // Nothing is awaited, so the endpoint does not run meanwhile and its queue overflows.
        for _ in 0..3000 {
            sent += socket.send_to(&[7; 1000], address).map(|_| 1).unwrap();
        }
        let total = lab
            .until("every datagram is accounted for", || {
                let rows = lab.rows();
                let received = rows.first().map_or(0, |row| row.count.received.packets);
                let notes = notes(&lab, id);
                let lost: u64 =
                    notes.iter().map(|note| if let Note::Overflow { lost, .. } = note { *lost } else { 0 }).sum();
                (received + lost == sent).then_some(lost)
            })
            .await;
        assert!(total > 0, "a queue that takes {sent} datagrams of 1,000 B");
        assert!(matches!(notes(&lab, id).last(), Some(Note::Overflow { total: all, .. }) if *all == total));
    }
    let (_, groups) = lab.hub.details(id.into()).unwrap();
    let told = groups.iter().flat_map(|group| &group.rows).find(|row| row.0 == "dropped").unwrap();
    let lost = sent - lab.rows()[0].count.received.packets;
    assert_eq!(told.1.replace(',', ""), lost.to_string());
    // It was no error of any peer.
    assert_eq!(lab.endpoint(id, "counted", |_| true).await.count.errors, 0);
}

#[tokio::test]
async fn icmp_port_unreachable_is_an_error_of_the_peer_it_is_about() {
    for (host, url) in [("127.0.0.1", "udp://127.0.0.1:0"), ("[::1]", "udp://[::1]:0")] {
        let lab = Lab::default();
        let (id, address) = lab.listen(url, Settings::default()).await;
        let alive = plain(&format!("{host}:0"));
        alive.send_to(b"hello", address).unwrap();
        let gone = plain(&format!("{host}:0")).local_addr().unwrap();
        for _ in 0..3 {
            lab.endpoints.send_to(id, &gone.to_string(), Payload::Bytes("anybody?".into())).unwrap();
            alive.send_to(b"again", address).unwrap();
        }
        let row = peer(&lab, gone, |row| row.count.errors == 3).await;
        let said = fault(&lab, row.id).unwrap();
        assert!(said.contains("ECONNREFUSED") && said.contains("ICMP port unreachable from"), "{said}");
        assert_eq!((row.count.sent.packets, row.life), (3, Life::Open), "{}", lab.report());
        // All that was meant for the other one went there, and nothing else.
        let row = peer(&lab, alive.local_addr().unwrap(), |row| row.count.sent.packets == 4).await;
        assert_eq!((row.count.received.packets, row.count.errors), (4, 0), "{}", lab.report());
    }
}

#[tokio::test]
async fn a_connected_client_is_told_that_nobody_listens() {
    let lab = Lab::default();
    let gone = plain("127.0.0.1:0").local_addr().unwrap();
    lab.open(Role::Connect, &format!("udp://{gone}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    for n in 1..=2 {
        lab.endpoints.command(socket, Command::Send(Payload::Bytes("anybody?".into()))).unwrap();
        lab.socket(socket, "told", |row| row.count.errors == n).await;
    }
    let said = fault(&lab, socket).unwrap();
    assert!(said.contains("ICMP port unreachable from 127.0.0.1: nobody listens there"), "{said}");
    assert_eq!(lab.names(socket), ["connect", "message", "error", "message", "error"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datagram_says_where_it_arrived_and_is_answered_from_there() {
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://0.0.0.0:0", Settings::default()).await;
    let socket = plain("127.0.0.1:0");
    for host in ["127.0.0.2", "127.0.0.2", "127.0.0.3"] {
        let to: SocketAddr = format!("{host}:{}", address.port()).parse().unwrap();
        socket.send_to(b"where?", to).unwrap();
        let mut buffer = [0; 16];
        // An echo from any other address would not be an answer to whoever is connected.
        assert_eq!(socket.recv_from(&mut buffer).unwrap(), (6, to));
    }
    let row = peer(&lab, socket.local_addr().unwrap(), |row| row.count.sent.packets == 3).await;
    assert_eq!(row.local.map(|local| local.ip().to_string()), Some("127.0.0.2".into()));
    let locals = notes(&lab, row.id).into_iter().map(|note| match note {
        Note::Local { local, interface } => (local.ip().to_string(), interface.unwrap_or_default().to_string()),
        note => panic!("{note:?}"),
    });
    let want = [("127.0.0.2", "lo"), ("127.0.0.3", "lo")].map(|(ip, name)| (ip.to_string(), name.to_string()));
    assert_eq!(locals.collect::<Vec<_>>(), want);
    assert_eq!(lab.names(row.id)[..3], ["connection", "local", "message"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv6_listener_says_where_datagrams_of_both_families_arrived() {
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://[::]:0", Settings::default()).await;
    for (from, to, at) in [("[::1]:0", "[::1]", "::1"), ("127.0.0.1:0", "127.0.0.2", "127.0.0.2")] {
        let socket = plain(from);
        let to: SocketAddr = format!("{to}:{}", address.port()).parse().unwrap();
        socket.send_to(b"where?", to).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(socket.recv_from(&mut buffer).unwrap(), (6, to));
        let port = socket.local_addr().unwrap().port();
        let row = lab.until("its row", || lab.rows().into_iter().find(|row| row.peer.port() == port)).await;
        assert_eq!(row.local.unwrap().ip().to_string(), at);
    }
}

/// Nothing of what an endpoint counted is missing in its rows.
fn assert_rows_sum_up(lab: &Lab, id: EndpointId) {
    let mut sum = Count::default();
    lab.rows().iter().filter(|row| row.endpoint == id).for_each(|row| sum += row.count);
    let snapshot = lab.hub.snapshot(&sockscope::model::view::Query::default());
    assert_eq!(snapshot.endpoint(id).unwrap().count, sum);
}

#[tokio::test]
async fn thousands_crowd_and_every_datagram_stays_counted() {
    const PEERS: usize = 3000;
    let lab = Lab::new(Limits { peers: 50, closed: 20, ..Limits::default() });
    let (id, address) = lab.listen("udp://:0", Settings::default()).await;
    let mut buffer = [0; 64];
    for n in 0..PEERS {
        let socket = plain("127.0.0.1:0");
        let size = 1 + n % 40;
        socket.send_to(&vec![b'x'; size], address).unwrap();
        let answered = async {
            let socket = tokio::net::UdpSocket::from_std({
                socket.set_nonblocking(true).unwrap();
                socket
            });
            socket.unwrap().recv(&mut buffer).await.unwrap()
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), answered).await.unwrap(), size);
        if n % 500 == 0 {
            assert_rows_sum_up(&lab, id);
        }
    }
    let row = lab.endpoint(id, "all counted", |row| row.count.sent.packets == PEERS as u64).await;
    assert_rows_sum_up(&lab, id);
    let bytes: usize = (0..PEERS).map(|n| 1 + n % 40).sum();
    assert_eq!((row.count.received.packets, row.count.received.bytes), (PEERS as u64, bytes as u64));
    // A port that was let go may have come back.
    let peers = usize::try_from(row.ever).unwrap();
    assert!(peers > PEERS / 2, "{peers}");
    assert!(row.open <= 50, "{}", row.open);
    let rows = lab.rows();
    assert_eq!(rows.len(), row.open + 1, "the crowded out are no rows of their own");
    let older = rows.iter().find(|row| row.folded > 0).unwrap();
    assert_eq!(older.folded as usize + row.open, peers);
    assert!(older.seen.is_some() && older.count.received.packets >= older.folded);
    // It is nobody: nothing can be sent to it.
    let refused = lab.endpoints.command(older.id, Command::Send(Payload::Bytes("x".into()))).unwrap_err();
    assert!(refused.0.contains("stands for older peers"), "{refused}");
    assert!(matches!(notes(&lab, older.id).last(), Some(Note::Folded { count, .. }) if count.received.packets >= 1));
    // Closed by hand and forgotten is folded as well.
    for row in rows.iter().filter(|row| row.folded == 0).take(30) {
        lab.endpoints.command(row.id, Command::Close).unwrap();
        lab.until("closed", || lab.hub.socket(row.id).is_none_or(|row| row.life.is_closed()).then_some(())).await;
    }
    lab.hub.clear_closed();
    assert_rows_sum_up(&lab, id);
    assert_eq!(lab.hub.socket(older.id).unwrap().folded as usize + row.open - 30, peers);
}

#[tokio::test]
async fn a_crowded_peers_timeline_ends_with_why() {
    let lab = Lab::new(Limits { peers: 1, ..Limits::default() });
    let (_, address) = lab.listen("udp://:0", silent()).await;
    let (first, second) = (plain("127.0.0.1:0"), plain("127.0.0.1:0"));
    first.send_to(b"1", address).unwrap();
    let row = peer(&lab, first.local_addr().unwrap(), |_| true).await;
    second.send_to(b"2", address).unwrap();
    peer(&lab, second.local_addr().unwrap(), |_| true).await;
    // Not listed any more, but who writes everything down can read it to its end.
    assert!(lab.rows().iter().all(|other| other.id != row.id));
    let last = lab.events(row.id).pop().unwrap();
    assert_eq!(last.kind, Kind::Close(Box::new(End::Crowded)));
}

#[tokio::test]
async fn a_client_that_is_over_connects_anew_to_send() {
    let lab = Lab::default();
    let server = plain("127.0.0.1:0");
    let id = lab.open(Role::Connect, &format!("udp://{}", server.local_addr().unwrap()), Settings::default());
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    lab.endpoints.command(socket, Command::Close).unwrap();
    lab.closed(socket).await;
    let own = || lab.hub.events(id.into(), 0, 10).unwrap().events.pop();
    let over = lab.until("its end is told", || own().filter(|event| event.kind.name() == "close")).await;
    assert_eq!(over.kind, Kind::Close(Box::new(End::Forgotten)));
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("hello".into())).unwrap(), 0);
    let mut buffer = [0; 16];
    let again = lab.nth(2).await;
    lab.socket(again, "sent", |row| row.count.sent.packets == 1).await;
    assert_eq!(server.recv(&mut buffer).unwrap(), 5);
}

#[tokio::test]
async fn dns_is_told_with_its_time() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", silent()).await;
    let socket = plain("127.0.0.1:0");
    let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x04test\0\0\x01\0\x01";
    socket.send_to(question, address).unwrap();
    socket.send_to(question, address).unwrap();
    let row = peer(&lab, socket.local_addr().unwrap(), |row| row.count.received.packets == 2).await;
    let mut answer = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0".to_vec();
    answer.extend(&question[12..]);
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x07");
    lab.endpoints.command(row.id, Command::Send(Payload::Bytes(answer.into()))).unwrap();
    lab.socket(row.id, "answered", |row| row.count.sent.packets == 1).await;
    let wanted = ["connection", "message", "dns", "message", "dns", "message", "dns"];
    lab.until("all is told", || (lab.names(row.id) == wanted).then_some(())).await;
    let told = notes(&lab, row.id).into_iter().map(|note| match note {
        Note::Dns(dns) => (dns.message.asks(), dns.message.says(), dns.tries, dns.took.is_some()),
        note => panic!("{note:?}"),
    });
    let asks = "A example.test".to_string();
    let want = [
        (asks.clone(), "0 answers".into(), 1, false),
        (asks.clone(), "0 answers".into(), 2, true),
        (asks, "1 answer: 192.0.2.7".into(), 1, true),
    ];
    assert_eq!(told.collect::<Vec<_>>(), want);
    // Where it was spoken, what is none is told with a reason.
    let cut = &question[..question.len() - 3];
    let longer = [question, b"more".as_slice()].concat();
    for (bytes, why) in [(cut, "cut short"), (&longer, "4 bytes stand behind it"), (b"GET /", "5 bytes, and a header")]
    {
        socket.send_to(bytes, address).unwrap();
        let told = |event: &Event| event.kind == Kind::Log && String::from_utf8_lossy(&event.head).contains(why);
        lab.event(row.id, why, told).await;
    }
    assert_eq!(lab.endpoint(id, "counted", |_| true).await.count.received.messages, 5);
    // Elsewhere any bytes go.
    let other = plain("127.0.0.1:0");
    other.send_to(cut, address).unwrap();
    let row = peer(&lab, other.local_addr().unwrap(), |row| row.count.received.packets == 1).await;
    assert_eq!(lab.names(row.id), ["connection", "message"]);
}

/// Settings as people write them.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(silent(), |settings, (name, value)| settings.with(name, value).unwrap())
}

fn set(lab: &Lab, id: EndpointId, name: &str, value: &str) {
    lab.endpoints.set(id.into(), setting::find(name).unwrap(), value).unwrap();
}

/// What a peer sent, in order.
fn texts(lab: &Lab, id: SocketId) -> Vec<String> {
    let events = lab.events(id).into_iter().filter(|event| event.kind.name() == "message");
    events.map(|event| String::from_utf8(event.head).unwrap()).collect()
}

/// The groups joined and left, in order.
fn moves(lab: &Lab, id: EndpointId) -> Vec<String> {
    let told = notes(lab, id).into_iter().filter_map(|note| match note {
        Note::Joined(member) => Some(format!("joined {member}")),
        Note::Left(member) => Some(format!("left {member}")),
        _ => None,
    });
    told.collect()
}

/// An interface that takes IPv6 multicast: not every machine has one.
fn interface_v6() -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    let names = table.lines().filter(|line| line.starts_with("fe80")).filter_map(|line| line.split_whitespace().last());
    let name = names.map(str::to_owned).next();
    if name.is_none() {
        eprintln!("skipped: no interface with a link-local IPv6 address");
    }
    name
}

#[tokio::test]
async fn ipv6_groups_are_joined_on_their_interface() {
    let Some(name) = interface_v6() else { return };
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://[::]:0", settings(&[("join", &format!("ff12::1234@{name}"))])).await;
    let asked = settings(&[("multicast_via", &name)]);
    let client = lab.open(Role::Connect, &format!("udp://[ff12::1234]:{}", address.port()), asked);
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("hello".into()))).unwrap();
    lab.endpoint(id, "heard it", |row| row.count.received.packets == 1).await;
    assert_eq!(moves(&lab, id), [format!("joined ff12::1234@{name}")]);
    assert_eq!(lab.endpoint(client, "counted", |_| true).await.count.errors, 0);
}

#[tokio::test]
async fn a_client_of_a_group_hears_everybody_who_answers() {
    let lab = Lab::default();
    let join = Settings { reply: Reply::Echo, ..settings(&[("join", "239.1.2.7@lo")]) };
    let (_, address) = lab.listen("udp://0.0.0.0:0", join).await;
    let url = format!("udp://239.1.2.7:{}", address.port());
    let client = lab.open(Role::Connect, &url, settings(&[("multicast_via", "lo")]));
    let group = lab.nth(1).await;
    lab.socket(group, "open", |row| row.life == Life::Open).await;
    lab.endpoints.broadcast(client, &Payload::Bytes("who?".into())).unwrap();
    let find = || lab.rows().into_iter().find(|row| row.endpoint == client && row.id != group);
    let answer = lab.until("somebody answers", find).await;
    let answer = lab.socket(answer.id, "counted", |row| row.count.received.bytes == 4).await;
    assert_eq!(answer.peer.ip().to_string(), "127.0.0.1");
    assert_eq!(lab.hub.socket(group).unwrap().count.received.packets, 0);
}

#[tokio::test]
async fn who_hears_itself_does_not_answer_itself() {
    let lab = Lab::default();
    let asked = [("join", "239.1.2.8@lo"), ("multicast_via", "lo")];
    let (id, address) = lab.listen("udp://0.0.0.0:0", Settings { reply: Reply::Echo, ..settings(&asked) }).await;
    let to = format!("239.1.2.8:{}", address.port());
    lab.endpoints.send_to(id, &to, Payload::Bytes("all".into())).unwrap();
    let own = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let row = peer(&lab, own, |row| row.count.received.packets == 1).await;
    // Whoever comes next is answered, and by then a storm would have begun.
    let socket = plain("127.0.0.1:0");
    socket.send_to(b"hello", own).unwrap();
    peer(&lab, socket.local_addr().unwrap(), |row| row.count.sent.packets == 1).await;
    assert_eq!(lab.hub.socket(row.id).unwrap().count.sent.packets, 0, "{}", lab.report());
}

#[tokio::test]
async fn broadcast_wants_its_setting_and_says_so() {
    let lab = Lab::default();
    let (heard, address) = lab.listen("udp://0.0.0.0:0", silent()).await;
    let (id, _) = lab.listen("udp://127.0.0.1:0", silent()).await;
    let to = format!("127.255.255.255:{}", address.port());
    let send = || lab.endpoints.send_to(id, &to, Payload::Bytes("all".into())).unwrap();
    send();
    let row = peer(&lab, to.parse().unwrap(), |row| row.count.errors == 1).await;
    let said = fault(&lab, row.id).unwrap();
    assert_eq!(said, "EACCES while writing: a broadcast address wants the setting broadcast");
    set(&lab, id, "broadcast", "yes");
    send();
    lab.endpoint(heard, "heard it", |row| row.count.received.packets == 1).await;
    let find = || lab.rows().into_iter().find(|row| row.endpoint == heard);
    let row = lab.until("who sent it", find).await;
    assert!(
        matches!(&notes(&lab, row.id)[..], [Note::Local { local, .. }] if local.ip().to_string() == "127.255.255.255")
    );
}

#[tokio::test]
async fn what_is_longer_than_what_is_taken_is_cut_and_named() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", settings(&[("datagram", "100B")])).await;
    let socket = plain("127.0.0.1:0");
    for size in [1000, 100] {
        socket.send_to(&vec![b'x'; size], address).unwrap();
    }
    let row = peer(&lab, socket.local_addr().unwrap(), |row| row.count.received.packets == 2).await;
    assert_eq!(notes(&lab, row.id), [Note::Truncated { whole: 1000, kept: 100 }]);
    let message = lab.events(row.id).into_iter().find(|event| event.kind.name() == "message").unwrap();
    assert_eq!((message.size, message.head.len()), (1000, 100));
    assert_eq!((row.count.received.bytes, row.count.received.wire), (1100, 1100));
    // From the next datagram on, and for the longest there is.
    set(&lab, id, "datagram", "64KiB");
    lab.until("it is set", || {
        let events = lab.hub.events(id.into(), 0, 100).unwrap().events;
        events.iter().any(|event| event.kind.name() == "set").then_some(())
    })
    .await;
    // The letter is read before what comes later, but two queues have no order: ask until it holds.
    let mut sent = 0;
    loop {
        socket.send_to(&vec![b'y'; 65_507], address).unwrap();
        sent += 1;
        lab.socket(row.id, "heard", |row| row.count.received.packets == 2 + sent).await;
        if notes(&lab, row.id).len() < 1 + sent as usize {
            break;
        }
        assert!(sent < 100, "{}", lab.report());
    }
}

#[tokio::test]
async fn a_connected_client_hears_its_peer_alone_and_another_hears_all() {
    for (connected, rows) in [("yes", 1), ("no", 2)] {
        let lab = Lab::default();
        let (server, stranger) = (plain("127.0.0.1:0"), plain("127.0.0.1:0"));
        let asked = settings(&[("connected", connected), ("from", "127.0.0.1:0")]);
        let id = lab.open(Role::Connect, &format!("udp://{}", server.local_addr().unwrap()), asked);
        let socket = lab.nth(1).await;
        let row = lab.socket(socket, "open", |row| row.life == Life::Open).await;
        // In this order, from two who are both heard or not.
        stranger.send_to(b"stranger", row.local.unwrap()).unwrap();
        server.send_to(b"server", row.local.unwrap()).unwrap();
        lab.socket(socket, "heard", |row| row.count.received.packets == 1).await;
        let rows_now = lab.rows().len();
        assert_eq!(rows_now, rows, "connected = {connected}\n{}", lab.report());
        assert_eq!(texts(&lab, socket), ["server"]);
        lab.endpoints.command(socket, Command::Close).unwrap();
        lab.endpoint(id, "stopped", |row| row.open == 0).await;
    }
}
