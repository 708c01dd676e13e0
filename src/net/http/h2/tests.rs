//! HTTP/2 over loopback: our server against frames written by hand, and against our client.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::frame::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Head, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};
use super::peer::{GET, POST, Peer, faults, story};
use crate::model::draft::{Draft, Shape};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Event, Kind, Way};
use crate::model::exchange::Turn;
use crate::model::h2::{ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR};
use crate::model::id::EndpointId;
use crate::model::spec::{Limits, Reply, Settings, Spec};
use crate::model::url::{Role, Url};
use crate::net::http::hold::compose;
use crate::net::http::stage::{Stage, ask, bodies};
use crate::net::{Command, Payload, protocol};

#[tokio::test]
async fn streams_are_exchanges_numbered_as_they_come() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 5, GET).await;
    peer.answered(5).await;
    peer.frame(HEADERS, END_HEADERS, 9, POST).await;
    peer.frame(DATA, frame::PADDED, 9, b"\x02hello\0\0").await;
    peer.frame(DATA, END_STREAM, 9, b" you").await;
    peer.answered(9).await;
    drop(peer);
    let (row, events) = stage.closed(id).await;
    let want = [
        "in request 1",
        "out head 1",
        "out body 1",
        "finish 1",
        "in request 2",
        "in body 2",
        "out head 2",
        "out body 2",
        "finish 2",
        "in end",
        "out end",
        "close",
    ];
    assert_eq!(story(&events), want);
    let asked: Vec<_> = events.iter().filter(|event| event.kind.name() == "request").collect();
    assert_eq!(asked[0].kind, Kind::Request { way: Way::In, exchange: 1, stream: 5, turn: Turn::First });
    assert_eq!(asked[1].kind, Kind::Request { way: Way::In, exchange: 2, stream: 9, turn: Turn::First });
    assert_eq!(asked[1].head, b":method: POST\r\n:scheme: http\r\n:path: /\r\n");
    assert_eq!(bodies(&events, Way::In), b"hello you");
    let said = String::from_utf8(bodies(&events, Way::Out)).unwrap();
    assert!(said.contains(":path: /\n") && said.contains("body (9 bytes)\nhello you\n"), "{said}");
    assert_eq!((row.count.received.messages, row.count.sent.messages, row.count.errors), (2, 2, 0));
    assert_eq!((row.count.received.wire, row.count.sent.wire), (row.count.received.bytes, row.count.sent.bytes));
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
}

#[tokio::test]
async fn settings_and_pings_are_told_by_both_sides() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    peer.frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0, 0x4d, 0x44, 0, 0, 0, 7]).await;
    peer.frame(PING, 0, 0, b"12345678").await;
    peer.until(|frame| frame.0 == PING && frame.1 == ACK && frame.3 == b"12345678").await;
    drop(peer);
    let (row, events) = stage.closed(id).await;
    let settings = |event: &Event| match &event.kind {
        Kind::Settings(settings) => Some((settings.way, settings.ack, settings.values.clone())),
        _ => None,
    };
    let told: Vec<_> = events.iter().filter_map(settings).collect();
    assert!(told.contains(&(Way::In, false, vec![(4, 65_536), (0x4d44, 7)])), "{told:?}");
    assert_eq!(told.iter().filter(|(way, ack, _)| *way == Way::Out && *ack).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|(way, ack, _)| *way == Way::In && *ack).count(), 1, "{told:?}");
    assert!(told.iter().any(|(way, _, values)| *way == Way::Out && values.contains(&(3, 256))), "{told:?}");
    let pings: Vec<_> = events.iter().filter(|event| matches!(event.kind.name(), "ping" | "pong")).collect();
    assert_eq!(pings[0].kind, Kind::Ping { way: Way::In, frame: None });
    assert_eq!(pings[1].kind, Kind::Pong { way: Way::Out, rtt: None, frame: None });
    assert_eq!(pings[1].head, b"12345678");
    let (_, groups) = stage.hub.details(row.id.into()).unwrap();
    let value = |title: &str, name: &str| {
        let group = groups.iter().find(|group| group.title == title);
        group.and_then(|group| group.rows.iter().find(|row| row.0 == name)).map(|row| row.1.clone())
    };
    assert_eq!(value("HTTP/2", "PING").as_deref(), Some("1 in, 1 out"));
    assert_eq!(value("HTTP/2", "SETTINGS").as_deref(), Some("3 in, 3 out"));
    assert_eq!(value("HTTP/2 settings of the peer", "INITIAL_WINDOW_SIZE").as_deref(), Some("65536"));
    assert!(!groups.iter().any(|group| group.title == "exchanges"), "the table of HTTP/1 has gone: {groups:?}");
}

#[tokio::test]
async fn a_stream_the_peer_gives_up_is_told_and_the_others_go_on() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::None).await;
    let mut peer = Peer::new(at).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, GET).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 3, GET).await;
    stage.until(|shot| shot.sockets.rows.iter().find(|row| row.count.received.messages == 2).map(|_| ())).await;
    peer.frame(RST_STREAM, 0, 1, &8u32.to_be_bytes()).await;
    let reset = stage.event(id, "streamReset").await;
    assert_eq!(reset.kind, Kind::StreamReset { way: Way::In, exchange: 1, stream: 1, code: 8 });
    stage.endpoints.set_reply(id, Reply::Echo).unwrap();
    peer.answered(3).await;
    drop(peer);
    let (row, events) = stage.closed(id).await;
    assert_eq!(row.count.errors, 0, "{:?}", faults(&events));
    assert!(events.iter().any(|event| matches!(event.kind, Kind::Finish { exchange: 2, .. })));
    assert!(!events.iter().any(|event| matches!(event.kind, Kind::Finish { exchange: 1, .. })));
}

#[tokio::test]
async fn what_breaks_the_protocol_is_answered_and_told_with_its_section() {
    let get = |stream| Head::frame(HEADERS, END_HEADERS | END_STREAM, stream, GET);
    let upper = [GET, b"\x00\x01A\x01b"].concat();
    let cases: [(&str, Vec<u8>, &str, &str); 13] = [
        ("DATA on stream 0", Head::frame(DATA, 0, 0, b"a"), "PROTOCOL_ERROR", "section 6)"),
        ("DATA on an idle stream", Head::frame(DATA, 0, 7, b"a"), "PROTOCOL_ERROR", "section 5.1)"),
        ("an even stream", get(2), "PROTOCOL_ERROR", "section 5.1.1)"),
        ("a lone CONTINUATION", Head::frame(CONTINUATION, 4, 1, b""), "PROTOCOL_ERROR", "section 6.10)"),
        (
            "a PING within headers",
            [Head::frame(HEADERS, 0, 1, GET), Head::frame(PING, 0, 0, &[0; 8])].concat(),
            "PROTOCOL_ERROR",
            "section 6.10)",
        ),
        ("a short PING", Head::frame(PING, 0, 0, b"1"), "FRAME_SIZE_ERROR", "section 4.2)"),
        ("a large frame", Head::frame(DATA, 0, 1, &[0; 16_385]), "FRAME_SIZE_ERROR", "section 4.2)"),
        ("half a setting", Head::frame(SETTINGS, 0, 0, b"123"), "FRAME_SIZE_ERROR", "section 4.2)"),
        ("a push switch of 2", Head::frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), "PROTOCOL_ERROR", "section 6.5.2)"),
        ("a window of 2^31", Head::frame(SETTINGS, 0, 0, &[0, 4, 128, 0, 0, 0]), "FLOW_CONTROL_ERROR", "6.5.2)"),
        ("no HPACK", Head::frame(HEADERS, END_HEADERS, 1, &[0x80]), "COMPRESSION_ERROR", "section 4.3)"),
        ("an upper-case name", Head::frame(HEADERS, END_HEADERS, 1, &upper), "PROTOCOL_ERROR", "section 8.2.1)"),
        ("an update of nothing", Head::frame(WINDOW_UPDATE, 0, 0, &[0; 4]), "PROTOCOL_ERROR", "section 6.9)"),
    ];
    let stage = Stage::new(Limits::default());
    for (what, bytes, code, section) in cases {
        let (id, at) = stage.listen(Reply::Echo).await;
        let mut peer = Peer::new(at).await;
        peer.write(&bytes).await;
        let (.., payload) = peer.until(|frame| frame.0 == GOAWAY).await;
        assert_ne!(frame::number(&payload, 4), Some(NO_ERROR), "{what}");
        drop(peer);
        let (row, events) = stage.closed(id).await;
        assert!(events.iter().any(|event| matches!(event.kind, Kind::GoAway { way: Way::Out, .. })), "{what}");
        let told = faults(&events);
        assert!(matches!(&told[..], [one] if one.starts_with(code) && one.ends_with(section)), "{what}: {told:?}");
        assert_eq!(row.count.errors, 1, "{what}");
        assert!(matches!(row.end.as_deref(), Some(End::Broken(Fault::Http { .. }))), "{what}: {:?}", row.end);
    }
}

#[tokio::test]
async fn a_malformed_request_costs_its_stream_alone() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    let close = [GET, b"\x00\x0aconnection\x05close"].concat();
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, &close).await;
    let (.., payload) = peer.until(|frame| frame.0 == RST_STREAM && frame.2 == 1).await;
    assert_eq!(frame::number(&payload, 0), Some(PROTOCOL_ERROR));
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 3, GET).await;
    peer.answered(3).await;
    drop(peer);
    let (row, events) = stage.closed(id).await;
    let told = faults(&events);
    assert!(matches!(&told[..], [one] if one.contains("HTTP/1 connections") && one.contains("8.2.2")), "{told:?}");
    assert_eq!(row.count.errors, 1);
    assert!(String::from_utf8(bodies(&events, Way::Out)).unwrap().starts_with(":method: GET\n"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let stage = Stage::new(Limits { http_head: 2000, ..Limits::default() });
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    let long: Vec<u8> = (0..40).flat_map(|_| [&b"\x00\x01a\x64"[..], &[b'x'; 100]].concat()).collect();
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, &[GET, &long].concat()).await;
    peer.answered(1).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 3, GET).await;
    peer.answered(3).await;
    drop(peer);
    let (_, events) = stage.closed(id).await;
    assert!(events.iter().any(|event| matches!(event.kind, Kind::Head { exchange: 1, status: 431, .. })));
    let told = faults(&events);
    assert!(matches!(&told[..], [one] if one.contains("larger than 2kB") && one.contains("answer is 431")), "{told:?}");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let stage = Stage::new(Limits { http_head_time: Duration::from_millis(50), ..Limits::default() });
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    peer.frame(HEADERS, END_STREAM, 1, GET).await;
    let (.., payload) = peer.until(|frame| frame.0 == GOAWAY).await;
    assert_eq!(frame::number(&payload, 4), Some(ENHANCE_YOUR_CALM));
    drop(peer);
    let (_, events) = stage.closed(id).await;
    let told = faults(&events);
    assert!(matches!(&told[..], [one] if one.contains("did not come within 50ms")), "{told:?}");
}

#[tokio::test]
async fn a_sender_without_a_window_is_told_when_it_may_go_on() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut peer = Peer::new(at).await;
    peer.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 5]).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, GET).await;
    peer.until(|frame| frame.0 == DATA && frame.3.len() == 5).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    peer.frame(WINDOW_UPDATE, 0, 1, &1000u32.to_be_bytes()).await;
    peer.answered(1).await;
    drop(peer);
    let (_, events) = stage.closed(id).await;
    let update = events.iter().find(|event| event.kind.name() == "windowUpdate").expect("it is told");
    let Kind::WindowUpdate { way: Way::In, exchange: 1, by: 1000, blocked } = update.kind else { panic!("{update:?}") };
    assert!(blocked >= 50_000_000, "{blocked}");
}

#[tokio::test]
async fn a_peer_that_goes_in_the_middle_is_seen() {
    let stage = Stage::new(Limits::default());
    for (bytes, what) in [
        (Head::frame(HEADERS, END_HEADERS, 1, POST), "middle of a body"),
        (Head::frame(DATA, 0, 1, b"abc")[..10].to_vec(), "middle of a frame"),
    ] {
        let (id, at) = stage.listen(Reply::Echo).await;
        let mut peer = Peer::new(at).await;
        peer.write(&bytes).await;
        peer.stream.shutdown().await.unwrap();
        while peer.find(|_| true).await.is_some() {}
        let (_, events) = stage.closed(id).await;
        let told = faults(&events);
        assert!(matches!(&told[..], [one] if one.contains(what)), "{what}: {told:?}");
    }
}

#[tokio::test]
async fn a_preface_is_recognised_in_any_pieces_and_only_where_it_is_wanted() {
    let stage = Stage::new(Limits::default());
    let hello = [PREFACE, &Head::frame(SETTINGS, 0, 0, b"")].concat();
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in &hello {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut peer = Peer { stream, heard: Vec::new() };
    peer.until(|frame| frame.0 == SETTINGS && frame.1 == ACK).await;
    drop(peer);
    let (row, _) = stage.closed(id).await;
    assert_eq!(row.count.received.bytes, hello.len() as u64, "counted once");

    let one = listen(&stage, "1.1").await;
    assert!(ask(one, &hello).await.starts_with("HTTP/1.1 505 "));
    let two = listen(&stage, "2").await;
    let said = ask(two, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 505 ") && said.contains("only HTTP/2"), "{said}");
}

async fn listen(stage: &Stage, version: &str) -> SocketAddr {
    let mut spec = Spec::new(Role::Listen, Url::parse("http://127.0.0.1:0", Role::Listen).unwrap());
    spec.settings = Settings::default().with("http", version).unwrap();
    let id = stage.endpoints.open(spec);
    stage.until(|seen| seen.endpoint(id)?.local).await
}

fn dial(stage: &Stage, at: SocketAddr, path: &str) -> EndpointId {
    let mut spec = Spec::new(Role::Connect, Url::parse(&format!("http://{at}{path}"), Role::Connect).unwrap());
    spec.settings = Settings::default().with("http", "2").unwrap();
    stage.endpoints.open(spec)
}

async fn send(stage: &Stage, client: EndpointId, text: &str) {
    let url = stage.until(|seen| Some(seen.endpoint(client)?.spec.url.clone())).await;
    let draft = Draft { text: text.into(), shape: Shape::Request, ..Draft::default() };
    let payload = protocol(url.scheme).compose(&draft).unwrap();
    let socket = stage.socket(client).await.id;
    stage.endpoints.command(socket, Command::Send(payload)).unwrap();
}

#[tokio::test]
async fn our_client_asks_many_at_once_on_one_connection() {
    let stage = Stage::new(Limits::default());
    let (server, at) = stage.listen(Reply::None).await;
    let client = dial(&stage, at, "/first");
    send(&stage, client, "POST /second\nX-Odd: Yes\n\nhello").await;
    send(&stage, client, "GET /third").await;
    let asked = |seen: &crate::model::view::Snapshot| {
        seen.sockets.rows.iter().find(|row| row.endpoint == server && row.count.received.messages == 3).map(|_| ())
    };
    stage.until(asked).await;
    stage.endpoints.set_reply(server, Reply::Echo).unwrap();
    let socket = stage.socket(client).await.id;
    stage
        .until(|seen| {
            seen.sockets.rows.iter().find(|row| row.id == socket && row.count.received.messages == 3).map(|_| ())
        })
        .await;
    stage.endpoints.command(socket, Command::End).unwrap();
    let (row, events) = stage.closed(client).await;
    let requests: Vec<_> = events.iter().filter(|event| event.kind.name() == "request").collect();
    assert_eq!(requests.len(), 3);
    let text = |event: &Event| String::from_utf8(event.head.clone()).unwrap();
    assert!(text(requests[0]).starts_with(":method: GET\r\n:scheme: http\r\n"), "{}", text(requests[0]));
    assert!(
        requests.iter().any(|event| text(event).contains(":path: /second\r\n") && text(event).contains("x-odd: Yes"))
    );
    assert!(!requests.iter().any(|event| text(event).contains("\nhost: ")), "it is :authority");
    assert_eq!(events.iter().filter(|event| event.kind.name() == "finish").count(), 3);
    assert!(events.iter().any(|event| matches!(event.kind, Kind::GoAway { way: Way::Out, code: NO_ERROR, .. })));
    assert_eq!(row.count.errors, 0, "{:?}", faults(&events));
    let (_, theirs) = stage.closed(server).await;
    assert_eq!(theirs.iter().filter(|event| event.kind.name() == "finish").count(), 3);
    assert!(theirs.iter().any(|event| matches!(event.kind, Kind::GoAway { way: Way::In, code: NO_ERROR, .. })));
}

#[tokio::test]
async fn what_is_of_http_1_alone_is_said_or_becomes_frames() {
    let stage = Stage::new(Limits::default());
    let mut spec = Spec::new(Role::Listen, Url::parse("http://127.0.0.1:0", Role::Listen).unwrap());
    spec.settings = Settings::default().with("upgrade", "yes").unwrap();
    let server = stage.endpoints.open(spec);
    let at = stage.until(|seen| seen.endpoint(server)?.local).await;
    let client = dial(&stage, at, "");
    send(&stage, client, "POST /\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\nhello\n\nworld\n\nX-Sum: 7").await;
    send(&stage, client, "CONNECT a.test:1").await;
    let socket = stage.socket(client).await.id;
    stage.endpoints.command(socket, Command::Send(Payload::Bytes("GET /".into()))).unwrap();
    stage.until(|seen| (seen.row(socket)?.count.received.messages == 2).then_some(())).await;
    stage.endpoints.command(socket, Command::Close).unwrap();
    let (_, events) = stage.closed(client).await;
    assert_eq!(bodies(&events, Way::Out), b"helloworld");
    let named = |name: &str| events.iter().filter(|event| event.kind.name() == name).collect::<Vec<_>>();
    assert_eq!(named("trailers")[0].head, b"x-sum: 7\r\n");
    let mut statuses: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::Head { status, took, .. } => Some((status, took > 0)),
            _ => None,
        })
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [(200, true), (501, true)]);
    assert!(named("finish").iter().any(|event| matches!(event.kind, Kind::Finish { first: Some(_), .. })));
    assert!(faults(&events)[0].contains("bytes as they are typed are for 1.1"), "{:?}", faults(&events));
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let stage = Stage::new(Limits::default());
    let (server, at) = stage.listen(Reply::Echo).await;
    let client = dial(&stage, at, "/");
    let socket = stage.socket(client).await.id;
    stage
        .until(|seen| {
            seen.sockets.rows.iter().find(|row| row.id == socket && row.count.received.messages == 1).map(|_| ())
        })
        .await;
    stage.endpoints.stop(server);
    let (row, events) = stage.closed(server).await;
    assert_eq!(row.end.as_deref(), Some(&End::Stopped));
    assert!(events.iter().any(|event| matches!(event.kind, Kind::GoAway { way: Way::Out, code: NO_ERROR, .. })));
    let (row, events) = stage.closed(client).await;
    assert!(events.iter().any(|event| matches!(event.kind, Kind::GoAway { way: Way::In, code: NO_ERROR, .. })));
    assert_eq!((row.count.errors, row.end.as_deref()), (0, Some(&End::Finished { first: Party::Peer })));
}

#[tokio::test]
async fn streams_are_answered_by_hand_side_by_side() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let mut peer = Peer::new(at).await;
    for stream in [1, 3, 5] {
        peer.frame(HEADERS, END_HEADERS | END_STREAM, stream, GET).await;
    }
    stage.until(|seen| (seen.waiting.len() == 3).then_some(())).await;
    let socket = stage.socket(id).await.id;
    let answer = |number, shape, text: &str| {
        let steps = compose(&Draft { text: text.into(), shape, ..Draft::default() }).unwrap();
        stage.endpoints.answer(socket, Some(number), &steps).unwrap();
    };
    // The last one first, in its three steps; the one in the middle is given up.
    answer(3, Shape::Head, "201 Made\nX-By: hand");
    peer.until(|frame| frame.0 == HEADERS && frame.2 == 5).await;
    answer(3, Shape::Body, "piece");
    peer.until(|frame| frame.0 == DATA && frame.2 == 5 && frame.3 == b"piece").await;
    peer.frame(RST_STREAM, 0, 3, &8u32.to_be_bytes()).await;
    stage.event(id, "aborted").await;
    answer(3, Shape::End, "");
    peer.answered(5).await;
    answer(1, Shape::Answer, "hello");
    peer.answered(1).await;
    drop(peer);
    let (row, events) = stage.closed(id).await;
    let of = |number: u32| -> Vec<_> {
        let of = events.iter().filter(|event| event.kind.exchange() == Some(number));
        of.map(|event| event.kind.name()).collect()
    };
    assert_eq!(of(1), ["request", "held", "head", "body", "finish"]);
    let mut given_up = of(2);
    given_up.sort_unstable();
    assert_eq!(given_up, ["aborted", "held", "request", "streamReset"]);
    assert_eq!(of(3), ["request", "held", "head", "body", "finish"]);
    assert_eq!(row.count.errors, 0, "{:?}", faults(&events));
}
