//! Who is meant: whom a message to an endpoint goes to, which groups can be heard where, how a peer is over, and what
//! is told of a client that is connected to nobody.

use sockscope::model::end::{Fault, Op};
use sockscope::model::view::State;

use super::*;

#[tokio::test]
async fn one_message_goes_to_all_peers() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", silent()).await;
    let sockets: Vec<_> = (0..200).map(|_| plain("127.0.0.1:0")).collect();
    for socket in &sockets {
        socket.send_to(b"here", address).unwrap();
    }
    lab.endpoint(id, "knows all", |row| row.open == sockets.len()).await;
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("news".into())).unwrap(), sockets.len());
    lab.endpoint(id, "sent to all", |row| row.count.sent.packets == 200).await;
    for socket in &sockets {
        let mut buffer = [0; 16];
        assert_eq!(socket.recv(&mut buffer).unwrap(), 4);
    }
}

#[tokio::test]
async fn all_are_those_that_were_heard() {
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://127.0.0.1:0", settings(&[("broadcast", "yes")])).await;
    let refused = lab.endpoints.broadcast(id, &Payload::Bytes("news".into())).unwrap_err();
    assert!(refused.0.contains("has heard from nobody yet"), "{refused}");
    // Addressed, but never heard: a broadcast address, a group, somebody silent.
    let (speaks, silent) = (plain("127.0.0.1:0"), plain("127.0.0.1:0"));
    let quiet = silent.local_addr().unwrap();
    for to in ["127.255.255.255:9".into(), "239.1.2.3:9".into(), quiet.to_string()] {
        lab.endpoints.send_to(id, &to, Payload::Bytes("hello".into())).unwrap();
        peer(&lab, to.parse().unwrap(), |row| row.count.sent.packets + row.count.errors > 0).await;
    }
    let refused = lab.endpoints.broadcast(id, &Payload::Bytes("news".into())).unwrap_err();
    assert!(refused.0.contains("has heard from nobody yet"), "{refused}");
    speaks.send_to(b"here", address).unwrap();
    let heard = peer(&lab, speaks.local_addr().unwrap(), |row| row.count.received.packets == 1).await;
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("news".into())).unwrap(), 1);
    lab.socket(heard.id, "sent", |row| row.count.sent.packets == 1).await;
    // What comes after tells that nothing went to the others.
    lab.endpoints.send_to(id, &quiet.to_string(), Payload::Bytes("you".into())).unwrap();
    let row = peer(&lab, quiet, |row| row.count.sent.packets == 2).await;
    assert_eq!(texts(&lab, row.id), ["hello", "you"]);
    assert_eq!(lab.names(row.id), ["addressed", "message", "message"], "it came not to us");
    let sent: u64 = lab.rows().iter().map(|row| row.count.sent.packets).sum();
    assert_eq!(lab.endpoint(id, "counted", |row| row.count.sent.packets == sent).await.open, 4);
}

#[tokio::test]
async fn a_client_means_its_own_address_and_who_was_heard() {
    let lab = Lab::default();
    let (home, stranger) = (plain("127.0.0.1:0"), plain("127.0.0.1:0"));
    let asked = settings(&[("connected", "no"), ("from", "127.0.0.1:0")]);
    let id = lab.open(Role::Connect, &format!("udp://{}", home.local_addr().unwrap()), asked);
    let socket = lab.nth(1).await;
    let local = lab.socket(socket, "open", |row| row.life == Life::Open).await.local.unwrap();
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("one".into())).unwrap(), 1);
    stranger.send_to(b"and I", local).unwrap();
    let heard = peer(&lab, stranger.local_addr().unwrap(), |row| row.count.received.packets == 1).await;
    assert_eq!(lab.endpoints.broadcast(id, &Payload::Bytes("two".into())).unwrap(), 2);
    lab.socket(heard.id, "sent", |row| row.count.sent.packets == 1).await;
    lab.socket(socket, "sent", |row| row.count.sent.packets == 2).await;
}

#[tokio::test]
async fn a_client_of_a_group_means_the_group_alone() {
    let lab = Lab::default();
    let join = Settings { reply: Reply::Echo, ..settings(&[("join", "239.1.2.17@lo")]) };
    let (_, address) = lab.listen("udp://0.0.0.0:0", join).await;
    let url = format!("udp://239.1.2.17:{}", address.port());
    let client = lab.open(Role::Connect, &url, settings(&[("multicast_via", "lo")]));
    let group = lab.nth(1).await;
    lab.socket(group, "open", |row| row.life == Life::Open).await;
    for n in 1..=2 {
        assert_eq!(lab.endpoints.broadcast(client, &Payload::Bytes("who?".into())).unwrap(), 1);
        lab.endpoint(client, "answered", |row| row.count.received.packets == n).await;
    }
    // Who answered heard it as one of the group, once each.
    assert_eq!(lab.hub.socket(group).unwrap().count.sent.packets, 2);
    assert_eq!(lab.endpoint(client, "counted", |_| true).await.count.sent.packets, 2);
}

#[tokio::test]
async fn a_peer_closed_by_hand_is_forgotten_and_comes_back_as_a_new_one() {
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", silent()).await;
    let socket = plain("127.0.0.1:0");
    socket.send_to(b"one", address).unwrap();
    let row = peer(&lab, socket.local_addr().unwrap(), |row| row.count.received.packets == 1).await;
    lab.endpoints.command(row.id, Command::Close).unwrap();
    let end = lab.closed(row.id).await.end.unwrap();
    assert_eq!((&*end, end.name(), end.had_error()), (&End::Forgotten, "forgotten", false));
    assert_eq!(end.to_string(), "forgotten by hand; UDP tells the peer nothing");
    socket.send_to(b"two", address).unwrap();
    let again = peer(&lab, socket.local_addr().unwrap(), |row| !row.life.is_closed()).await;
    assert_ne!(again.id, row.id);
    assert_eq!(lab.names(row.id), ["connection", "message", "close"]);
}

#[tokio::test]
async fn a_client_tells_whether_it_connects() {
    let lab = Lab::default();
    let server = plain("127.0.0.1:0");
    for (n, connected) in [(1, "yes"), (2, "no")] {
        let asked = settings(&[("connected", connected)]);
        let id = lab.open(Role::Connect, &format!("udp://{}", server.local_addr().unwrap()), asked);
        let socket = lab.nth(n).await;
        let row = lab.socket(socket, "open", |row| row.life == Life::Open).await;
        let own = lab.hub.events(id.into(), 0, 10).unwrap().events;
        for event in [lab.events(socket).first(), own.first()] {
            match &event.unwrap().kind {
                Kind::Connect { peer, took } => {
                    assert_eq!((connected, **peer), ("yes", server.local_addr().unwrap()));
                    assert!(*took > 0);
                }
                Kind::Listening { local } => assert_eq!((connected, Some(**local)), ("no", row.local)),
                kind => panic!("{kind:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_client_tells_what_its_name_stands_for() {
    let lab = Lab::default();
    let server = plain("127.0.0.1:0");
    let asked = settings(&[]);
    let id = lab.open(Role::Connect, &format!("udp://localhost:{}", server.local_addr().unwrap().port()), asked);
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    let own = lab.hub.events(id.into(), 0, 10).unwrap().events;
    for events in [lab.events(socket), own] {
        let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
        assert_eq!(names, ["lookup", "connect"]);
        let Kind::Lookup(lookup) = &events[0].kind else { panic!("{events:?}") };
        assert!(!lookup.addresses.is_empty() && lookup.took > 0);
    }
}

#[tokio::test]
async fn what_came_back_says_that_it_is_of_an_earlier_datagram() {
    let lab = Lab::default();
    let gone = plain("127.0.0.1:0").local_addr().unwrap();
    let (id, _) = lab.listen("udp://127.0.0.1:0", silent()).await;
    lab.endpoints.send_to(id, &gone.to_string(), Payload::Bytes("anybody?".into())).unwrap();
    let row = peer(&lab, gone, |row| row.count.errors == 1).await;
    let want = "ECONNREFUSED while reading the error queue: ICMP port unreachable from 127.0.0.1: nobody listens there";
    assert_eq!(fault(&lab, row.id).unwrap(), want);
}

#[tokio::test]
async fn a_group_that_could_not_be_heard_is_refused_where_it_is_typed() {
    let lab = Lab::default();
    for (url, group, right) in [
        ("udp://0.0.0.0:0", "ff12::1@lo", "bound to [::]"),
        ("udp://[::1]:0", "239.1.2.3@lo", "bound to 0.0.0.0"),
        ("udp://127.0.0.1:0", "239.1.2.3@lo", "bound to 0.0.0.0"),
    ] {
        let (id, _) = lab.listen(url, silent()).await;
        let refused = lab.endpoints.set(id.into(), setting::find("join").unwrap(), group).unwrap_err();
        assert!(refused.0.contains(&format!("wants a socket {right}, not ")), "{refused}");
        assert_eq!(lab.hub.spec(id).unwrap().settings.udp.join, []);
    }
    // An IPv6 socket on every address hears IPv4 groups too.
    let (id, address) = lab.listen("udp://[::]:0", settings(&[("join", "239.1.2.18@lo")])).await;
    let socket = plain("127.0.0.1:0");
    socket2::SockRef::from(&socket).set_multicast_if_v4(&std::net::Ipv4Addr::LOCALHOST).unwrap();
    socket.send_to(b"hello", ("239.1.2.18", address.port())).unwrap();
    lab.endpoint(id, "heard it", |row| row.count.received.packets == 1).await;
}

#[tokio::test]
async fn a_group_that_cannot_be_heard_at_what_a_name_stands_for_is_a_line() {
    let lab = Lab::default();
    let id = lab.open(Role::Listen, "udp://localhost:0", settings(&[("join", "239.1.2.3@lo")]));
    lab.endpoint(id, "up", |row| row.state == State::Up).await;
    let told = lab.hub.events(id.into(), 0, 10).unwrap().events;
    let faults: Vec<Fault> = told
        .into_iter()
        .filter_map(|event| if let Kind::Error(fault) = event.kind { Some(*fault) } else { None })
        .collect();
    let [Fault::Io { op: Op::Join, name: "unfit", text }] = &faults[..] else { panic!("{faults:?}") };
    assert!(text.contains("wants a socket bound to 0.0.0.0"), "{text}");
}
