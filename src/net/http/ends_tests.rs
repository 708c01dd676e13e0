//! What is left on a timeline where an exchange has no whole answer, or what was sent is no request.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::stage::{Stage, hear, hear_until, told};
use crate::model::draft::{Draft, Shape};
use crate::model::end::{End, Party};
use crate::model::event::{Event, Kind};
use crate::model::setting::http::Http;
use crate::model::spec::{Limits, Reply, Settings};
use crate::net::{Command, Payload};

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const NO: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";

fn given_up(events: &[Event]) -> Vec<(u32, Party)> {
    let aborted = |event: &Event| match event.kind {
        Kind::Aborted { exchange, by, .. } => Some((exchange, by)),
        _ => None,
    };
    events.iter().filter_map(aborted).collect()
}

fn raw(text: &'static str) -> Command {
    Command::Send(Payload::Bytes(text.into()))
}

#[tokio::test]
async fn bytes_that_are_no_request_are_on_the_timeline_and_have_their_answer() {
    let cases =
        ["nonsense\r\n\r\n", "GET  / HTTP/9\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"];
    for bad in cases {
        let stage = Stage::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = stage.dial(listener.local_addr().unwrap(), "");
        let (mut stream, _) = listener.accept().await.unwrap();
        let socket = stage.socket(client).await.id;
        stage.endpoints.command(socket, raw(bad)).unwrap();
        hear_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(NO).await.unwrap();
        stage.event(client, "finish").await;
        // What follows is looked at anew.
        stage.endpoints.command(socket, raw(GET)).unwrap();
        hear_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(NO).await.unwrap();
        drop(stream);
        let (row, events) = stage.closed(client).await;
        let exchange =
            |number| ["out request", "in head", "in body", "finish"].map(|name| format!("{name} {number}")).to_vec();
        let want = [exchange(1), exchange(2), vec!["in end".into(), "out end".into(), "close".into()]].concat();
        assert_eq!(told(&events), want, "{bad:?}");
        assert_eq!(events[1].head, bad.as_bytes());
        assert_eq!(row.count.sent.bytes, (bad.len() + GET.len()) as u64);
        assert_eq!(row.count.errors, 0);
    }
}

#[tokio::test]
async fn what_is_behind_bytes_that_are_no_request_and_what_is_not_whole_is_told_too() {
    let stage = Stage::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = stage.dial(listener.local_addr().unwrap(), "");
    let (mut stream, _) = listener.accept().await.unwrap();
    let socket = stage.socket(client).await.id;
    for (text, end) in [("nonsense\r\n\r\n", "\r\n\r\n"), ("and more of it", "of it")] {
        stage.endpoints.command(socket, raw(text)).unwrap();
        hear_until(&mut stream, end).await;
    }
    stage.endpoints.command(socket, Command::Close).unwrap();
    let (_, events) = stage.closed(client).await;
    assert_eq!(told(&events), ["out request 1", "out body 1", "out end", "aborted 1", "close"]);
    let client = stage.dial(listener.local_addr().unwrap(), "");
    let (mut stream, _) = listener.accept().await.unwrap();
    stage.endpoints.command(stage.socket(client).await.id, raw("GET / HT")).unwrap();
    hear_until(&mut stream, "HT").await;
    let last = stage.until(|seen| seen.sockets.rows.iter().map(|row| row.id).max_by_key(|id| id.0)).await;
    stage.endpoints.command(last, Command::Close).unwrap();
    let (_, events) = stage.closed(client).await;
    assert_eq!(events.iter().find(|event| event.kind.name() == "request").unwrap().head, b"GET / HT");
}

#[tokio::test]
async fn a_client_that_is_closed_or_loses_its_server_says_what_had_no_answer() {
    for command in [Some(Command::Close), Some(Command::Reset), None] {
        let stage = Stage::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = stage.dial(listener.local_addr().unwrap(), "/");
        let (mut stream, _) = listener.accept().await.unwrap();
        hear_until(&mut stream, "\r\n\r\n").await;
        let by = if command.is_some() { Party::Us } else { Party::Peer };
        match command {
            Some(command) => stage.endpoints.command(stage.socket(client).await.id, command).unwrap(),
            None => drop(stream),
        }
        assert_eq!(given_up(&stage.closed(client).await.1), [(1, by)]);
    }
}

#[tokio::test]
async fn a_request_behind_the_last_one_that_is_answered_is_given_up_by_us() {
    let stage = Stage::new(Limits::default());
    let http = Http { requests: 1, ..Http::default() };
    let (id, at) = stage.listen_as(Settings { http, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("{GET}{GET}{GET}").as_bytes()).await.unwrap();
    hear(&mut stream).await;
    drop(stream);
    assert_eq!(given_up(&stage.closed(id).await.1), [(2, Party::Us), (3, Party::Us)]);
}

#[tokio::test]
async fn an_end_by_hand_is_told_and_waits_for_what_is_owed() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    stage.event(id, "held").await;
    let socket = stage.socket(id).await.id;
    stage.endpoints.command(socket, Command::End).unwrap();
    let log = stage.event(id, "log").await;
    assert!(String::from_utf8_lossy(&log.head).contains("ends when exchange 1 has its answer"), "{log:?}");
    let draft = Draft { text: "owed".into(), shape: Shape::Answer, ..Draft::default() };
    let Payload::Steps(steps) = super::compose::compose(&draft).unwrap() else { panic!("no steps") };
    stage.endpoints.answer(socket, None, &steps).unwrap();
    assert!(hear(&mut stream).await.ends_with("owed"));
    drop(stream);
    assert_eq!(stage.closed(id).await.0.end.as_deref(), Some(&End::Finished { first: Party::Us }));
}

#[tokio::test]
async fn a_head_that_is_whole_and_refused_is_a_request_with_its_answer() {
    let body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nfar too m";
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417),
        (body, 413),
    ];
    for (text, status) in cases {
        let stage = Stage::new(Limits::default());
        let http = Http { most_body: Some(4), ..Http::default() };
        let (id, at) = stage.listen_as(Settings { http, ..Settings::default() }).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        assert!(hear(&mut stream).await.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        drop(stream);
        let (_, events) = stage.closed(id).await;
        let told: Vec<String> = told(&events).into_iter().filter(|word| !word.contains("last")).collect();
        assert_eq!(told[..5], ["in request 1", "clientError 1", "out head 1", "out body 1", "finish 1"], "{text}");
        let (head, rest) = super::split_body(text);
        assert_eq!(events[1].head, format!("{head}\r\n").as_bytes(), "{text}");
        assert_eq!(events[2].head, rest.as_bytes());
    }
}

#[tokio::test]
async fn what_answers_no_request_has_no_times() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    hear(&mut stream).await;
    let finish = stage.event(id, "finish").await;
    assert_eq!(finish.kind, Kind::Finish { exchange: 1, first: None, took: 0 });
    assert_eq!(stage.event(id, "clientError").await.kind.exchange(), Some(1));
}

#[tokio::test]
async fn a_tunnel_has_no_hints_before_it() {
    let stage = Stage::new(Limits::default());
    let http = Http { hints: Some("</a>".into()), upgrade: true, ..Http::default() };
    let (_, at) = stage.listen_as(Settings { http, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await.unwrap();
    let heard = hear_until(&mut stream, "\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
}

#[tokio::test]
async fn an_exchange_waits_since_its_request() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    stage.event(id, "held").await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    let rows = stage.until(|seen| Some(seen.waiting.clone()).filter(|rows| rows.len() == 2)).await;
    let socket = stage.socket(id).await.id;
    let events = stage.hub.events(socket.into(), 0, 100).unwrap().events;
    let asked = events.iter().filter(|event| event.kind.name() == "request").map(|event| event.at);
    assert_eq!(rows.iter().map(|row| row.exchange.since).collect::<Vec<_>>(), asked.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_held_head_keeps_the_case_of_its_length_and_may_have_no_date() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    for head in ["200\ncontent-length: 2\nDate:", "200\ncontent-length: 2"] {
        stream.write_all(GET.as_bytes()).await.unwrap();
        let socket = stage.until(|_| stage.hub.waiting().into_iter().next()).await.socket;
        for (shape, text) in [(Shape::Head, head), (Shape::Body, "hi")] {
            let draft = Draft { text: text.into(), shape, ..Draft::default() };
            let Payload::Steps(steps) = super::compose::compose(&draft).unwrap() else { panic!("no steps") };
            stage.endpoints.answer(socket, None, &steps).unwrap();
        }
        let heard = hear_until(&mut stream, "\r\n\r\nhi").await;
        assert!(heard.contains("\r\ncontent-length: 2\r\n"), "{heard}");
        assert_eq!(heard.to_lowercase().contains("\r\ndate: "), !head.ends_with(':'), "{heard}");
    }
    stage.until(|seen| seen.waiting.is_empty().then_some(())).await;
    drop((stream, id));
}

#[tokio::test]
async fn a_listener_says_that_requests_and_raw_bytes_are_not_its_own() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let _stream = TcpStream::connect(at).await.unwrap();
    stage.endpoints.command(stage.socket(id).await.id, raw(GET)).unwrap();
    let error = stage.event(id, "error").await;
    assert!(matches!(&error.kind, Kind::Error(fault) if fault.to_string().starts_with("a listener answers")));
}
