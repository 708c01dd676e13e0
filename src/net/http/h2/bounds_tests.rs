//! HTTP/2 within the bounds a person sets: what is kept, how much is taken, what is said before an answer.

use std::sync::Arc;
use std::time::Duration;

use super::frame::{DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Head, PREFACE, RST_STREAM, SETTINGS, number};
use super::ledger::Ledger;
use super::peer::{GET, POST, Peer, faults, story};
use super::streams::Streams;
use crate::hub::Birth;
use crate::model::draft::{Draft, Shape};
use crate::model::end::{End, Op, Party};
use crate::model::event::{Event, Kind};
use crate::model::exchange::Why;
use crate::model::h2::NO_ERROR;
use crate::model::rule::Rules;
use crate::model::setting::http::{Http, Version};
use crate::model::spec::{Limits, Reply, Settings, Spec};
use crate::model::url::{Role, Scheme, Url};
use crate::net::Command;
use crate::net::http::hold::compose;
use crate::net::http::stage::Stage;

fn http(http: Http) -> Settings {
    Settings { http, ..Settings::default() }
}

fn statuses(events: &[Event]) -> Vec<(u32, u16)> {
    let status = |event: &Event| match event.kind {
        Kind::Head { exchange, status, .. } | Kind::Information { exchange, status, .. } => Some((exchange, status)),
        _ => None,
    };
    events.iter().filter_map(status).collect()
}

#[tokio::test]
async fn a_connection_without_streams_is_kept_for_so_long() {
    let stage = Stage::new(Limits::default());
    let keep = Some(Duration::from_millis(60));
    let (id, at) = stage.listen_as(http(Http { keep, ..Http::default() })).await;
    let mut peer = Peer::new(at).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, GET).await;
    peer.answered(1).await;
    let (.., payload) = peer.until(|frame| frame.0 == GOAWAY).await;
    assert_eq!((number(&payload, 0), number(&payload, 4)), (Some(1), Some(NO_ERROR)));
    assert!(peer.find(|_| false).await.is_none());
    drop(peer);
    let (row, events) = stage.closed(id).await;
    let is_idle = |event: &Event| matches!(event.kind, Kind::Last { exchange: 1, why: Why::Idle, .. });
    assert!(events.iter().any(is_idle), "{:?}", story(&events));
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
}

#[tokio::test]
async fn a_stream_that_waits_is_not_idle() {
    let stage = Stage::new(Limits::default());
    let settings =
        Settings { reply: Reply::None, ..http(Http { keep: Some(Duration::from_millis(20)), ..Http::default() }) };
    let (id, at) = stage.listen_as(settings).await;
    let mut peer = Peer::new(at).await;
    peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, GET).await;
    stage.event(id, "request").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(stage.socket(id).await.end.is_none());
}

#[tokio::test]
async fn after_so_many_requests_it_says_that_it_goes() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen_as(http(Http { requests: 2, ..Http::default() })).await;
    let mut peer = Peer::new(at).await;
    for stream in [1, 3] {
        peer.frame(HEADERS, END_HEADERS | END_STREAM, stream, GET).await;
    }
    // It takes what is on its way, then nothing more: RFC 9113 section 6.8.
    let mut last = 0x7fff_ffff;
    while last > 3 {
        let (kind, _, _, payload) = peer.until(|frame| matches!(frame.0, GOAWAY | super::frame::PING)).await;
        match kind {
            GOAWAY => last = number(&payload, 0).unwrap(),
            _ => peer.frame(super::frame::PING, super::frame::ACK, 0, &payload).await,
        }
    }
    assert!(peer.find(|_| false).await.is_none());
    drop(peer);
    let (_, events) = stage.closed(id).await;
    assert_eq!(statuses(&events), [(1, 200), (2, 200)]);
    assert_eq!(faults(&events), [""; 0]);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_stalls_costs_its_stream_alone() {
    let stage = Stage::new(Limits { http_body_time: Duration::from_millis(60), ..Limits::default() });
    for reply in [Reply::Echo, Reply::Hold] {
        let settings = Settings { reply, ..http(Http { most_body: Some(8), ..Http::default() }) };
        let (id, at) = stage.listen_as(settings).await;
        let mut peer = Peer::new(at).await;
        peer.frame(HEADERS, END_HEADERS, 1, POST).await;
        peer.frame(DATA, 0, 1, b"more than eight").await;
        peer.answered(1).await;
        peer.frame(HEADERS, END_HEADERS, 3, POST).await;
        peer.frame(DATA, 0, 3, b"some").await;
        peer.answered(3).await;
        drop(peer);
        let (_, events) = stage.closed(id).await;
        assert_eq!(statuses(&events), [(1, 413), (2, 408)], "{:?}", story(&events));
        let faults = faults(&events);
        assert!(faults[0].contains("larger than 8B; its answer is 413"), "{faults:?}");
        assert!(faults[1].contains("for 60ms; its answer is 408"), "{faults:?}");
        assert!(!story(&events).iter().any(|line| line.contains("aborted")), "{:?}", story(&events));
    }
}

#[tokio::test]
async fn words_before_an_answer_leave_between_the_frames_of_others() {
    let stage = Stage::new(Limits::default());
    let hints = Some("</a.css>; rel=preload".to_owned());
    let (id, at) = stage.listen_as(Settings { reply: Reply::Hold, ..http(Http { hints, ..Http::default() }) }).await;
    let mut peer = Peer::new(at).await;
    for stream in [1, 3] {
        peer.frame(HEADERS, END_HEADERS | END_STREAM, stream, GET).await;
        peer.until(|frame| frame.0 == HEADERS && frame.2 == stream && frame.1 & END_STREAM == 0).await;
    }
    stage.until(|seen| (seen.waiting.len() == 2).then_some(())).await;
    let socket = stage.socket(id).await.id;
    let steps = |shape, text: &str| compose(&Draft { text: text.into(), shape, ..Draft::default() }).unwrap();
    let answer = |number, steps: &[_]| stage.endpoints.answer(socket, Some(number), steps).map_err(|error| error.0);
    answer(1, &steps(Shape::Head, "200")).unwrap();
    answer(1, &steps(Shape::Body, "piece")).unwrap();
    // One by itself, and one together with the head that follows it.
    answer(2, &steps(Shape::Head, "102\nX-Far: away")).unwrap();
    let both = [steps(Shape::Head, "103\nLink: </b.css>"), steps(Shape::Answer, "204")].concat();
    answer(2, &both).unwrap();
    assert!(answer(1, &steps(Shape::Head, "103")).unwrap_err().starts_with("headers already sent"));
    peer.answered(3).await;
    answer(1, &steps(Shape::End, "")).unwrap();
    peer.answered(1).await;
    drop(peer);
    let (_, events) = stage.closed(id).await;
    let of = |number| statuses(&events).into_iter().filter(move |(exchange, _)| *exchange == number).map(|(_, s)| s);
    assert_eq!(of(1).collect::<Vec<_>>(), [103, 200]);
    assert_eq!(of(2).collect::<Vec<_>>(), [103, 102, 103, 204]);
    let texts: Vec<_> = events.iter().filter(|event| event.kind.name() == "information").collect();
    assert!(texts[0].head.windows(12).any(|text| text == b"rel=preload\r"), "{:?}", texts[0]);
    assert!(texts.iter().any(|event| String::from_utf8_lossy(&event.head).contains("x-far: away")));
    assert_eq!(faults(&events), [""; 0]);
}

#[tokio::test]
async fn either_side_pings_by_hand_and_hears_the_answer() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let two = http(Http { version: Version::Two, ..Http::default() });
    let client = stage.dial_as(at, "/", two);
    stage.event(client, "finish").await;
    let draft = Draft { text: "hello".into(), shape: Shape::Ping, ..Draft::default() };
    let ping = crate::net::http::compose::compose(&draft).unwrap();
    for endpoint in [client, id] {
        let socket = stage.socket(endpoint).await.id;
        stage.endpoints.command(socket, Command::Send(ping.clone())).unwrap();
        let pong = stage
            .until(|_| {
                let events = stage.hub.events(socket.into(), 0, 1000)?.events;
                events.into_iter().find(|event| matches!(event.kind, Kind::Pong { rtt: Some(_), .. }))
            })
            .await;
        assert_eq!(pong.head, b"hello\0\0\0");
    }
    let draft = Draft { text: "nine bytes".into(), ..draft };
    assert!(crate::net::http::compose::compose(&draft).unwrap_err().0.contains("holds 8 bytes"));
    // HTTP/1 has none, and says so.
    let one = stage.dial(at, "/");
    stage.event(one, "finish").await;
    let socket = stage.socket(one).await.id;
    stage.endpoints.command(socket, Command::Send(ping)).unwrap();
    let error = stage.event(one, "error").await;
    assert!(matches!(&error.kind, Kind::Error(fault) if fault.to_string().contains("no ping")), "{error:?}");
}

#[tokio::test]
async fn a_held_stream_is_reset_with_the_code_one_names() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let mut peer = Peer::new(at).await;
    for stream in [1, 3] {
        peer.frame(HEADERS, END_HEADERS | END_STREAM, stream, GET).await;
    }
    stage.until(|seen| (seen.waiting.len() == 2).then_some(())).await;
    let socket = stage.socket(id).await.id;
    let steps = |shape, text: &str| compose(&Draft { text: text.into(), shape, ..Draft::default() }).unwrap();
    let answer = |number, steps: &[_]| stage.endpoints.answer(socket, Some(number), steps).map_err(|error| error.0);
    // One of which nothing has left, and one whose body has begun.
    assert_eq!(
        answer(1, &steps(Shape::End, "reset REFUSED_STREAM")).unwrap(),
        "exchange 1: RST_STREAM REFUSED_STREAM left"
    );
    let frame = peer.until(|frame| frame.0 == RST_STREAM).await;
    assert_eq!((frame.2, number(&frame.3, 0)), (1, Some(7)));
    answer(2, &steps(Shape::Body, "piece")).unwrap();
    peer.until(|frame| frame.0 == DATA && frame.3 == b"piece").await;
    answer(2, &steps(Shape::End, "reset 0x63")).unwrap();
    let frame = peer.until(|frame| frame.0 == RST_STREAM).await;
    assert_eq!((frame.2, number(&frame.3, 0)), (3, Some(0x63)));
    drop(peer);
    let (_, events) = stage.closed(id).await;
    let codes = events.iter().filter_map(|event| match event.kind {
        Kind::StreamReset { exchange, code, .. } => Some((exchange, code)),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [(1, 7), (2, 0x63)]);
    assert!(!story(&events).iter().any(|line| line.contains("aborted")), "{:?}", story(&events));
    // HTTP/1 has no streams.
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let waiting = stage.until(|seen| seen.waiting.first().map(|row| row.socket).filter(|other| *other != socket)).await;
    let error = stage.endpoints.answer(waiting, Some(1), &steps(Shape::End, "reset CANCEL")).unwrap_err().0;
    assert!(error.contains("no streams"), "{error}");
}

#[tokio::test]
async fn our_client_follows_redirects_as_far_as_was_said() {
    let stage = Stage::new(Limits::default());
    let rules = Rules::parse("/1 redirect=/2 ; /2 redirect=/3 ; /3 redirect=/4").unwrap();
    let (_, at) = stage.listen_as(http(Http { rules, ..Http::default() })).await;
    let elsewhere = Rules::parse(&format!("/far redirect=http://{at}/3")).unwrap();
    let (_, far) = stage.listen_as(http(Http { rules: elsewhere, ..Http::default() })).await;
    let two = |redirects| http(Http { version: Version::Two, redirects, ..Http::default() });
    let client = stage.dial_as(at, "/1", two(2));
    let finished =
        |number| move |event: &Event| matches!(event.kind, Kind::Finish { exchange, .. } if exchange == number);
    let socket = stage.socket(client).await.id;
    let events = |seen: u32| {
        let events = stage.hub.events(socket.into(), 0, 1000)?.events;
        events.iter().any(finished(seen)).then_some(events)
    };
    let events = stage.until(|_| events(3)).await;
    assert_eq!(statuses(&events), [(1, 302), (2, 302), (3, 302)]);
    // Another server is another socket.
    let client = stage.dial_as(far, "/far", two(5));
    let last = stage
        .until(|seen| {
            let mut rows = seen.sockets.rows.iter().filter(|row| row.endpoint == client && row.peer == at);
            let events = stage.hub.events(rows.next()?.id.into(), 0, 1000)?.events;
            events.iter().any(finished(2)).then_some(events)
        })
        .await;
    assert_eq!(statuses(&last), [(1, 302), (2, 200)]);
}

fn given_up(events: &[Event]) -> Vec<(u32, Party)> {
    let aborted = |event: &Event| match event.kind {
        Kind::Aborted { exchange, by, .. } => Some((exchange, by)),
        _ => None,
    };
    events.iter().filter_map(aborted).collect()
}

#[tokio::test]
async fn a_stream_without_its_answer_is_given_up_once_and_by_whom_is_told() {
    for command in [Some(Command::Close), Some(Command::Reset), None] {
        let stage = Stage::new(Limits::default());
        let (id, at) = stage.listen(Reply::Hold).await;
        let mut peer = Peer::new(at).await;
        peer.frame(HEADERS, END_HEADERS | END_STREAM, 1, GET).await;
        peer.frame(HEADERS, END_HEADERS | END_STREAM, 3, GET).await;
        stage.until(|seen| (seen.waiting.len() == 2).then_some(())).await;
        let by = if command.is_some() { Party::Us } else { Party::Peer };
        match command {
            Some(command) => stage.endpoints.command(stage.socket(id).await.id, command).unwrap(),
            None => drop(peer),
        }
        assert_eq!(given_up(&stage.closed(id).await.1), [(1, by), (2, by)]);
    }
}

#[tokio::test]
async fn a_server_that_goes_gives_up_what_is_behind_its_last_stream() {
    let stage = Stage::new(Limits::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let two = http(Http { version: Version::Two, ..Http::default() });
    let client = stage.dial_as(listener.local_addr().unwrap(), "/", two);
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = Peer { stream, heard: Vec::new() };
    peer.write(&Head::frame(SETTINGS, 0, 0, b"")).await;
    stage.event(client, "request").await;
    peer.write(&Head::frame(GOAWAY, 0, 0, &[0; 8])).await;
    let aborted = stage.event(client, "aborted").await;
    assert!(matches!(aborted.kind, Kind::Aborted { exchange: 1, by: Party::Peer, .. }), "{aborted:?}");
    drop(peer);
    assert_eq!(given_up(&stage.closed(client).await.1), [(1, Party::Peer)]);
}

#[test]
fn a_peer_that_does_not_wait_for_our_fin_behind_a_goaway_is_no_error() {
    use crate::net::probe::Watch;
    for (goes, errors) in [(true, 0), (false, 1)] {
        let stage = Stage::new(Limits::default());
        let spec = Spec::new(Role::Listen, Url::parse("http://", Role::Listen).unwrap());
        let (endpoint, _) = stage.hub.add_endpoint(spec.into());
        let peer = ([127, 0, 0, 1], 1).into();
        let (scheme, accepted, local, handshakes) = (Scheme::Http, true, None, 1);
        let (_, record) = stage.hub.open(Birth { endpoint, scheme, accepted, peer, local, handshakes });
        let mut watch = Streams::new(Role::Listen, record.clone(), 1000, Arc::new(Ledger::new()));
        watch.read(PREFACE);
        if goes {
            watch.wrote(&Head::frame(GOAWAY, 0, 0, &[0; 8]));
        }
        watch.failed(Op::Shutdown, &std::io::ErrorKind::BrokenPipe.into());
        assert_eq!((record.count().errors, watch.failure().is_some()), (errors, !goes));
    }
}
