//! The server over loopback, against clients that speak raw bytes.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::stage::{Stage, ask, bodies, hear, hear_until, told};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Kind, Way};
use crate::model::exchange::Part;
use crate::model::setting::http::Http;
use crate::model::spec::{Escaped, Fixed, Limits, Reply, Settings};
use crate::net::{Command, Payload};

const GET: &str = "GET /a HTTP/1.1\r\nhOsT: x\r\n\r\n";

fn fixed(text: &'static str) -> Fixed {
    Fixed { text: Escaped(text.into()), ..Fixed::default() }
}

#[tokio::test]
async fn three_requests_are_three_exchanges_of_one_socket() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let mut heard = 0;
    for _ in 0..3 {
        stream.write_all(GET.as_bytes()).await.unwrap();
        let answer = hear_until(&mut stream, "hOsT: x\n").await;
        assert!(answer.contains("GET /a HTTP/1.1\nhOsT: x\n"), "{answer}");
        heard += answer.len() as u64;
    }
    drop(stream);
    let (row, events) = stage.closed(id).await;
    let one =
        |n: u32| [format!("in request {n}"), format!("out head {n}"), format!("out body {n}"), format!("finish {n}")];
    let mut want: Vec<String> = (1..=3).flat_map(one).collect();
    want.extend(["in end", "out end", "close"].map(String::from));
    assert_eq!(told(&events), want);
    assert_eq!(events[1].head, GET.as_bytes(), "the head is as it was on the wire");
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (3 * GET.len() as u64, heard));
    assert_eq!((row.count.received.messages, row.count.sent.messages, row.count.errors), (3, 3, 0));
    assert_eq!((row.count.received.wire, row.count.sent.wire), (row.count.received.bytes, row.count.sent.bytes));
    let opened = events.iter().filter(|event| matches!(event.kind, Kind::Connection { .. })).count();
    let closed = events.iter().filter(|event| matches!(event.kind, Kind::Close(_))).count();
    assert_eq!((opened, closed), (1, 1));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_also_after_a_half_close() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let all: String = (0..200).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    let answer = ask(at, all.as_bytes()).await;
    let paths: Vec<_> = answer.lines().filter(|line| line.starts_with("GET /")).collect();
    let want: Vec<_> = (0..200).map(|n| format!("GET /{n} HTTP/1.1")).collect();
    assert_eq!(paths, want);
    let (row, _) = stage.closed(id).await;
    assert_eq!((row.count.received.messages, row.count.sent.messages), (200, 200));
    assert_eq!(row.count.sent.bytes, answer.len() as u64);
}

#[tokio::test]
async fn what_is_not_http_is_answered_and_recorded_after_what_was() {
    let stage = Stage::new(Limits { http_head: 2000, ..Limits::default() });
    let post = "POST / HTTP/1.1\r\nHost: x\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let http = Http { most_body: Some(1000), ..Http::default() };
    let settings = Settings { http, ..Settings::default() };
    let cases = [
        ("hello\r\n\r\n".to_owned(), 400, "the first line is not HTTP"),
        ("\x16\x03\x01\x02\x00\x01".to_owned(), 400, "TLS on a plain-text port"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "without a Host"),
        (format!("{post}Host: y\r\n\r\n"), 400, "more than one Host"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), 400, "\"a b\" is no name or address"),
        ("GET / HTTP/1.1\r\nHost: http://x\r\n\r\n".to_owned(), 400, "\"http://x\" is no name or address"),
        (format!("{post}Content-Length: 99999999999999999999\r\n\r\n"), 400, "too large to count"),
        (format!("{post}bad line\r\n\r\n"), 400, "header line is malformed"),
        (format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400, "given twice"),
        (format!("{post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, "both Content-Length"),
        (format!("{post}Transfer-Encoding: gzip\r\n\r\n"), 501, "\"gzip\" is not known"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"), 400, "chunked body is malformed"),
        (format!("{post}Content-Length: 10\r\n\r\nabc"), 400, "in the middle of a body"),
        (format!("{post}A: {}\r\n\r\n", "x".repeat(3000)), 431, "larger than"),
        (format!("{post}{}\r\n", "A: b\r\n".repeat(101)), 431, "more than 100 header lines"),
        ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_owned(), 505, "begins like HTTP/2"),
        ("GET / HT".to_owned(), 400, "in the middle of a head"),
        ("GE(T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400, "method is no word"),
        ("GET / HTTP/3.0\r\nHost: x\r\n\r\n".to_owned(), 505, "neither 1.0 nor 1.1"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(3000)), 414, "start line alone"),
        (format!("{post}A: b\r\n c\r\n\r\n"), 400, "obs-fold"),
        (format!("{post}A : b\r\n\r\n"), 400, "colon should be"),
        (format!("{post}Expect: tea\r\n\r\n"), 417, "Expect: tea"),
        (format!("{post}Content-Length: 6000\r\n\r\nabc"), 413, "larger than"),
        (format!("{post}{chunked}1000\r\nabc"), 413, "larger than"),
    ];
    for (text, status, sentence) in cases {
        for before in ["", GET] {
            let (id, at) = stage.listen_as(settings.clone()).await;
            let answer = ask(at, format!("{before}{text}").as_bytes()).await;
            assert_eq!(answer.contains("HTTP/1.1 200 OK"), !before.is_empty(), "{text:?}: {answer}");
            assert!(answer.contains(&format!("HTTP/1.1 {status} ")), "{text:?}: {answer}");
            assert!(answer.contains(sentence), "{text:?}: {answer}");
            let (row, events) = stage.closed(id).await;
            let Some(End::Broken(fault @ Fault::Http { status: answered, text: why })) = row.end.as_deref() else {
                panic!("{text:?}: {:?}", row.end)
            };
            assert_eq!(*answered, Some(status), "{text:?}");
            assert!(why.contains(sentence), "{text:?}: {why}");
            let errors: Vec<_> = events.iter().filter(|event| event.kind.name() == "clientError").collect();
            assert!(
                matches!(&errors[..], [one] if matches!(&one.kind, Kind::ClientError(told, _) if **told == *fault)),
                "{text:?}"
            );
            assert_eq!(row.count.errors, 1, "{text:?}: {:?}", told(&events));
            assert_eq!(row.count.received.bytes, (before.len() + text.len()) as u64, "{text:?}");
            assert_eq!(row.count.sent.bytes, answer.len() as u64, "{text:?}");
        }
    }
}

#[tokio::test]
async fn garbage_after_half_a_head_is_answered_without_waiting() {
    let stage = Stage::new(Limits::default());
    let (_, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(&GET.as_bytes()[..9]).await.unwrap();
    stream.write_all(b"\x00\x00").await.unwrap();
    assert!(hear(&mut stream).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_head_in_pieces_is_one_head() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let text =
        format!("{GET}POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{GET}");
    for byte in text.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.shutdown().await.unwrap();
    let answer = hear(&mut stream).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    let (_, events) = stage.closed(id).await;
    assert_eq!(bodies(&events, Way::In), b"abc");
}

#[tokio::test]
async fn a_slow_head_is_answered_408_and_an_idle_connection_may_stay() {
    let stage = Stage::new(Limits { http_head_time: Duration::from_millis(30), ..Limits::default() });
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut idle = TcpStream::connect(at).await.unwrap();
    idle.write_all(GET.as_bytes()).await.unwrap();
    hear_until(&mut idle, "hOsT: x\n").await;
    let mut slow = TcpStream::connect(at).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    assert!(hear(&mut slow).await.starts_with("HTTP/1.1 408 "));
    drop(slow);
    let (row, _) = stage.closed(id).await;
    assert!(matches!(row.end.as_deref(), Some(End::Broken(Fault::Http { status: Some(408), .. }))));
    idle.write_all(GET.as_bytes()).await.unwrap();
    hear_until(&mut idle, "hOsT: x\n").await;
}

#[tokio::test]
async fn expect_continue_chunks_and_trailers_are_shown() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    hear_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"5\r\nhello\r\n2\r\n!\n\r\n0\r\nX-Sum: 1\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = hear(&mut stream).await;
    assert!(answer.ends_with("\nbody (7 bytes)\nhello!\n"), "{answer}");
    let (_, events) = stage.closed(id).await;
    let want = ["in request 1", "out continue 1", "in body 1", "in chunk 1", "in trailers 1"];
    assert_eq!(told(&events)[..5], want);
    let parts: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::Body { way: Way::In, part, .. } => Some(part),
            _ => None,
        })
        .collect();
    assert_eq!(parts, [Part::Chunk(5), Part::Chunk(2)]);
    assert_eq!(bodies(&events, Way::In), b"hello!\n");
    let trailers = events.iter().find(|event| event.kind.name() == "trailers").unwrap();
    assert_eq!(trailers.head, b"X-Sum: 1\r\n");
}

#[tokio::test]
async fn head_http_1_0_and_upgrades_are_answered_as_requests() {
    let stage = Stage::new(Limits::default());
    let (_, at) = stage.listen(Reply::Fixed(fixed("hi"))).await;
    let answer = ask(at, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\nrubbish").await;
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("hi").count(), 1, "{answer}");
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = ask(at, format!("{upgrade}{GET}").as_bytes()).await;
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    let answer = ask(at, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

#[tokio::test]
async fn no_answer_is_held_back_when_a_reply_closes() {
    let stage = Stage::new(Limits::default());
    let mut reply = fixed("bye");
    reply.status = Some(503);
    reply.headers.0.push(("Connection".into(), "close".into()));
    let (id, at) = stage.listen(Reply::Fixed(reply)).await;
    let answer = ask(at, GET.repeat(3).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("bye"), "{answer}");
    stage.closed(id).await;
}

#[tokio::test]
async fn an_exchange_without_a_reply_waits_for_one() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::None).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    stage.event(id, "request").await;
    let socket = stage.socket(id).await.id;
    stage.endpoints.command(socket, Command::Send(Payload::Reply(Box::new(fixed("at last"))))).unwrap();
    assert!(hear_until(&mut stream, "at last").await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_peer_that_gives_up_ends_its_exchange() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::None).await;
    assert_eq!(ask(at, GET.as_bytes()).await, "");
    let (row, events) = stage.closed(id).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }), "{:?}", told(&events));
    assert_eq!(row.count.errors, 0);
}

#[tokio::test]
async fn a_socket_can_be_ended_closed_reset_and_stopped() {
    for (command, end) in [
        (Some(Command::End), End::Finished { first: Party::Us }),
        (Some(Command::Close), End::Finished { first: Party::Us }),
        (Some(Command::Reset), End::Reset { by: Party::Us }),
        (None, End::Stopped),
    ] {
        let stage = Stage::new(Limits::default());
        let (id, at) = stage.listen(Reply::Echo).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(GET.as_bytes()).await.unwrap();
        hear_until(&mut stream, "hOsT: x\n").await;
        let socket = stage.socket(id).await.id;
        match command {
            Some(command) => stage.endpoints.command(socket, command).unwrap(),
            None => stage.endpoints.stop(id),
        }
        if !matches!(end, End::Reset { .. }) {
            assert_eq!(hear(&mut stream).await, "");
        }
        drop(stream);
        let (row, _) = stage.closed(id).await;
        assert_eq!(row.end.as_deref(), Some(&end));
    }
}

#[tokio::test]
async fn a_large_upload_is_counted_whole_and_repeated_in_part() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Echo).await;
    let size = 300_000;
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
    let answer = ask(at, &[head.as_bytes(), &vec![b'x'; size]].concat()).await;
    assert!(answer.contains("body (300000 bytes, the first 65536 of them)"), "{}", &answer[..300]);
    let (row, _) = stage.closed(id).await;
    assert_eq!(row.count.received.bytes, (head.len() + size) as u64);
}

#[tokio::test]
async fn a_reset_is_the_peers_wherever_it_comes() {
    for text in ["", GET, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"] {
        let stage = Stage::new(Limits::default());
        let (id, at) = stage.listen(Reply::None).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        if text.is_empty() {
            stage.socket(id).await;
        } else {
            stage.event(id, "request").await;
        }
        stream.set_zero_linger().unwrap();
        drop(stream);
        let (row, events) = stage.closed(id).await;
        assert_eq!(row.end.as_deref(), Some(&End::Reset { by: Party::Peer }), "{text:?}: {:?}", told(&events));
    }
}

#[tokio::test]
async fn what_passes_the_gate_hyper_takes() {
    let stage = Stage::new(Limits::default());
    let (_, at) = stage.listen(Reply::Fixed(fixed("ok"))).await;
    let start = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
    let chunked = |body: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let cases = [
        start("GET http://h:1/a?b"),
        start("OPTIONS *"),
        start("M-SEARCH *"),
        start("GET /é?ü"),
        start("GET /\"{}|~[]"),
        start("GET host"),
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a_b-c.%41!:\r\n\r\n".to_owned(),
        start(&format!("GET /{}", "x".repeat(20_000))),
        "GET / HTTP/1.1\nHost: x\n\n".to_owned(),
        "\r\n\r\nGET / HTTP/1.1\r\nHost: \r\nA:\r\nB: \t ÿ \t\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(99)),
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0005\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        chunked("0005 \r\nhello\r\n0\r\n\r\n"),
        chunked("5 ;a=b;c=\"d e\"\r\nhello\r\n000\r\nA: b\r\n\r\n"),
        chunked(&format!("{}0\r\n\r\n", "1;aaaaaaaaaa\r\nx\r\n".repeat(1000))),
        chunked(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(90))),
    ];
    for text in cases {
        let answer = ask(at, format!("{text}{GET}").as_bytes()).await;
        let good = answer.matches("200 OK").count();
        assert_eq!(good, 2, "{:?}: {answer}", text.get(..80).unwrap_or(&text));
    }
}
