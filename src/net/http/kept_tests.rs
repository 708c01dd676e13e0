//! Connections that are kept, pipelined, ended and upgraded, as their timelines and details tell it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::stage::{Stage, ask, hear, hear_until, told};
use crate::model::end::{End, Party};
use crate::model::event::{Event, Kind, Way};
use crate::model::exchange::{Turn, Why};
use crate::model::headers::Headers;
use crate::model::rule::Rules;
use crate::model::setting::http::Http;
use crate::model::spec::{Escaped, Fixed, Limits, Reply, Settings};
use crate::net::{Command, Payload};

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn http(http: Http) -> Settings {
    Settings { http, ..Settings::default() }
}

fn turns(events: &[Event]) -> Vec<Turn> {
    let turn = |event: &Event| match event.kind {
        Kind::Request { turn, .. } => Some(turn),
        _ => None,
    };
    events.iter().filter_map(turn).collect()
}

fn last(events: &[Event]) -> Vec<(Way, u32, Why)> {
    let last = |event: &Event| match event.kind {
        Kind::Last { way, exchange, why } => Some((way, exchange, why)),
        _ => None,
    };
    events.iter().filter_map(last).collect()
}

#[tokio::test]
async fn a_request_says_how_it_stands_to_the_one_before() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    hear_until(&mut stream, "Host: x\n").await;
    stage.event(id, "finish").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    // Two in one write: the second came although the first had no answer.
    stream.write_all(GET.repeat(2).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    hear(&mut stream).await;
    let (row, events) = stage.closed(id).await;
    let turns = turns(&events);
    assert!(
        matches!(turns[..], [Turn::First, Turn::Kept(gap), Turn::Pipelined(1)] if gap.nanos() >= 20_000_000),
        "{turns:?}"
    );
    assert!(last(&events).is_empty());
    for event in &events {
        match event.kind {
            Kind::Head { took, .. } => assert!(took > 0),
            Kind::Finish { first, took, .. } => assert!(first.unwrap().get() <= took),
            _ => {}
        }
    }
    let (_, groups) = stage.hub.details(row.id.into()).unwrap();
    let find = |title: &str| groups.iter().find(|group| group.title == title).unwrap();
    assert_eq!(find("connection").rows[0].1, "3");
    let exchanges = &find("exchanges").rows;
    assert_eq!(exchanges.len(), 3);
    assert!(exchanges[0].1.starts_with("GET /a, pipelined behind 1: 200, head "), "{exchanges:?}");
}

#[tokio::test]
async fn who_says_that_the_connection_ends_is_told_once() {
    let stage = Stage::new(Limits::default());
    let close = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (text, want) in [(close, (Way::In, 1, Why::Close)), ("GET / HTTP/1.0\r\n\r\n", (Way::In, 1, Why::Old))] {
        let (id, at) = stage.listen(Reply::Echo).await;
        ask(at, text.as_bytes()).await;
        let (_, events) = stage.closed(id).await;
        assert_eq!(last(&events), [want]);
    }
    let mut fixed = Fixed { text: Escaped("x".into()), ..Fixed::default() };
    fixed.headers.0.push(("Connection".into(), "close".into()));
    let (id, at) = stage.listen(Reply::Fixed(fixed)).await;
    ask(at, GET.as_bytes()).await;
    let (_, events) = stage.closed(id).await;
    assert_eq!(last(&events), [(Way::Out, 1, Why::Close)]);
}

#[tokio::test]
async fn a_connection_is_kept_for_so_many_requests() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen_as(http(Http { requests: 2, ..Http::default() })).await;
    let answer = ask(at, GET.repeat(3).as_bytes()).await;
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    assert_eq!(answer.to_lowercase().matches("connection: close").count(), 1, "{answer}");
    let (row, events) = stage.closed(id).await;
    assert_eq!(last(&events), [(Way::Out, 2, Why::Close)]);
    assert!(matches!(row.end.as_deref(), Some(End::Finished { .. })), "{:?}", row.end);
}

#[tokio::test]
async fn a_connection_is_kept_for_so_long() {
    let stage = Stage::new(Limits::default());
    let keep = Some(Duration::from_millis(40));
    for (text, exchanges) in [("", 0), (GET, 1)] {
        let (id, at) = stage.listen_as(http(Http { keep, ..Http::default() })).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let heard = hear(&mut stream).await;
        assert_eq!(heard.contains("200 OK"), exchanges == 1, "{heard}");
        drop(stream);
        let (row, events) = stage.closed(id).await;
        assert_eq!(last(&events), [(Way::Out, exchanges, Why::Idle)]);
        assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }), "{:?}", told(&events));
        assert_eq!(row.count.errors, 0);
    }
}

#[tokio::test]
async fn an_exchange_that_waits_is_not_idle() {
    let stage = Stage::new(Limits::default());
    let settings =
        Settings { reply: Reply::None, ..http(Http { keep: Some(Duration::from_millis(20)), ..Http::default() }) };
    let (id, at) = stage.listen_as(settings).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    stage.event(id, "request").await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    let socket = stage.socket(id).await;
    assert!(socket.end.is_none(), "{:?}", socket.end);
}

#[tokio::test]
async fn an_upgrade_and_a_tunnel_that_are_granted_carry_bytes() {
    let upgrade = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: Echo/2\r\n\r\n";
    let connect = "CONNECT far.test:1 HTTP/1.1\r\nHost: far.test:1\r\n\r\n";
    for (text, status) in [(upgrade, "HTTP/1.1 101 "), (connect, "HTTP/1.1 200 ")] {
        let stage = Stage::new(Limits::default());
        let (id, at) = stage.listen_as(http(Http { upgrade: true, ..Http::default() })).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        // What comes right behind the head is the tunnel's too.
        stream.write_all(format!("{text}early").as_bytes()).await.unwrap();
        let answer = hear_until(&mut stream, "early").await;
        assert!(answer.starts_with(status), "{answer}");
        assert_eq!(status.contains("101"), answer.contains("Upgrade: Echo/2\r\n"), "{answer}");
        stream.write_all(b"late").await.unwrap();
        hear_until(&mut stream, "late").await;
        let socket = stage.socket(id).await.id;
        stage.endpoints.command(socket, Command::Send(Payload::Bytes("ours".into()))).unwrap();
        hear_until(&mut stream, "ours").await;
        drop(stream);
        let (row, events) = stage.closed(id).await;
        let want =
            ["in request 1", "out head 1", "upgrade 1", "in data", "out write", "in data", "out write", "out write"];
        assert_eq!(told(&events)[..8], want);
        assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    }
}

#[tokio::test]
async fn header_names_of_a_reply_leave_as_they_are_written() {
    let stage = Stage::new(Limits::default());
    let mut fixed = Fixed { text: Escaped("x".into()), ..Fixed::default() };
    for name in ["x-lower", "ETag", "X-oDD", "Plain-Name"] {
        fixed.headers.0.push((name.into(), "1".into()));
    }
    let (_, at) = stage.listen(Reply::Fixed(fixed)).await;
    let answer = ask(at, GET.as_bytes()).await;
    for line in ["x-lower: 1", "ETag: 1", "X-oDD: 1", "Plain-Name: 1", "Content-Length: 1"] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line}: {answer}");
    }
}

#[tokio::test]
async fn headers_leave_in_the_order_in_which_they_are_written() {
    let stage = Stage::new(Limits::default());
    let want = ["x-last", "Set-Cookie: a=1", "Set-Cookie: b=2", "a-First"];
    let pairs = [("x-last", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("a-First", "2")];
    let headers = Headers(pairs.map(|(name, value)| (name.into(), value.into())).into());
    let fixed = Reply::Fixed(Fixed { headers, ..Fixed::default() });
    let rules = Rules::parse("/rule 201 x-last:1 Set-Cookie:a=1 Set-Cookie:b=2 a-First:2").unwrap();
    let (_, at) = stage.listen_as(Settings { reply: fixed, ..http(Http { rules, ..Http::default() }) }).await;
    for path in ["/", "/rule"] {
        let answer = ask(at, GET.replace("/a", path).as_bytes()).await;
        let places: Vec<_> = want.iter().map(|line| answer.find(&format!("\r\n{line}")).expect(&answer)).collect();
        assert!(places.is_sorted(), "{answer}");
    }
}

#[tokio::test]
async fn chunks_with_extensions_and_the_last_one_are_told() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    ask(at, text.as_bytes()).await;
    let (_, events) = stage.closed(id).await;
    let want = ["in request 1", "in chunk 1", "in body 1", "in chunk 1", "out head 1"];
    assert_eq!(told(&events)[..5], want);
    let lines: Vec<_> =
        events.iter().filter(|event| event.kind.name() == "chunk").map(|event| &event.head[..]).collect();
    assert_eq!(lines, [&b"3;a=b"[..], b"0"]);
}

#[tokio::test]
async fn hints_come_before_each_answer() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen_as(http(Http { hints: Some("</a.css>".into()), ..Http::default() })).await;
    let expects = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("{}{expects}", GET.repeat(2)).as_bytes()).await.unwrap();
    hear_until(&mut stream, "100 Continue\r\n\r\n").await;
    stream.write_all(b"xGET / HTTP/1.0\r\n\r\n").await.unwrap();
    hear(&mut stream).await;
    drop(stream);
    let (row, events) = stage.closed(id).await;
    let mut told = told(&events);
    told.retain(|word| word.starts_with("out"));
    let one = |n: u32| [format!("out information {n}"), format!("out head {n}"), format!("out body {n}")];
    let mut want = [one(1), one(2)].concat();
    want.push("out continue 3".into());
    want.extend(one(3));
    want.extend(["out head 4".into(), "out body 4".into()]);
    assert_eq!(told[..want.len()], want);
    assert_eq!(row.count.errors, 0);
    assert_eq!(row.count.sent.messages, 4);
}
