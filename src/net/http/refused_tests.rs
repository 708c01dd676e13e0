//! What is refused: told when it is seen and answered in its turn, whoever waits before it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::stage::{Stage, hear, hear_until, told};
use crate::model::draft::{Draft, Shape};
use crate::model::end::{End, Fault};
use crate::model::event::Kind;
use crate::model::exchange::Why;
use crate::model::id::EndpointId;
use crate::model::rule::Rules;
use crate::model::setting::http::{Http, Version};
use crate::model::spec::{Limits, Reply, Settings};
use crate::net::Payload;

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn holds() -> Settings {
    Settings { reply: Reply::Hold, ..Settings::default() }
}

async fn answer(stage: &Stage, id: EndpointId, text: &str) {
    let socket = stage.until(|_| stage.hub.waiting().into_iter().find(|row| row.endpoint == id)).await.socket;
    let draft = Draft { text: text.into(), shape: Shape::Answer, ..Draft::default() };
    let Payload::Steps(steps) = super::compose::compose(&draft).unwrap() else { panic!("no steps") };
    stage.endpoints.answer(socket, None, &steps).unwrap();
}

#[tokio::test]
async fn what_is_malformed_behind_a_held_exchange_is_told_at_once_and_answered_in_its_turn() {
    let stage = Stage::new(Limits::default());
    // In one piece with the request before it, and in one of its own.
    for pieces in [&[format!("{GET}nonsense\r\n\r\n")][..], &[GET.to_owned(), "nonsense\r\n\r\n".to_owned()]] {
        let (id, at) = stage.listen_as(holds()).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        for piece in pieces {
            stream.write_all(piece.as_bytes()).await.unwrap();
            stage.event(id, "held").await;
        }
        let error = stage.event(id, "clientError").await;
        assert_eq!(error.head, b"nonsense\r\n\r\n");
        assert!(
            matches!(&error.kind, Kind::ClientError(fault, _) if matches!(**fault, Fault::Http { status: Some(400), .. }))
        );
        answer(&stage, id, "held no more").await;
        let heard = hear(&mut stream).await;
        let [ours, refusal] = ["held no more", "400 Bad Request"].map(|text| heard.find(text).expect(&heard));
        assert!(ours < refusal, "{heard}");
        let (row, events) = stage.closed(id).await;
        assert_eq!(row.count.errors, 1, "{:?}", told(&events));
        assert!(
            matches!(row.end.as_deref(), Some(End::Broken(Fault::Http { status: Some(400), .. }))),
            "{:?}",
            row.end
        );
    }
}

#[tokio::test]
async fn a_peer_that_goes_behind_what_was_refused_is_seen_and_gets_no_answer_of_another() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen_as(holds()).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("{GET}nonsense\r\n\r\n").as_bytes()).await.unwrap();
    stage.event(id, "clientError").await;
    stream.shutdown().await.unwrap();
    // The answer to the second would be taken for the first one's.
    assert_eq!(hear(&mut stream).await, "");
    let (row, events) = stage.closed(id).await;
    assert!(told(&events).contains(&"aborted 1".into()), "{:?}", told(&events));
    assert!(matches!(row.end.as_deref(), Some(End::Broken(Fault::Http { status: None, .. }))), "{:?}", row.end);
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_408_also_where_its_exchange_is_held() {
    let limits = Limits { http_body_time: Duration::from_millis(60), ..Limits::default() };
    let stage = Stage::new(limits);
    let post = "POST / HTTP/1.1\r\nHost: x\r\n";
    for body in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"] {
        for settings in [Settings::default(), holds()] {
            let held = settings.reply == Reply::Hold;
            let (id, at) = stage.listen_as(settings).await;
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(format!("{post}{body}").as_bytes()).await.unwrap();
            let heard = hear(&mut stream).await;
            assert!(heard.starts_with("HTTP/1.1 408 ") && heard.contains("nothing more of the body came for 60ms"));
            drop(stream);
            let (row, events) = stage.closed(id).await;
            let mut want = vec!["in request 1", "in body 1", "clientError 1", "out head 1", "out body 1"];
            if held {
                want.insert(1, "held 1");
            }
            let mut told = told(&events);
            told.retain(|word| want.contains(&word.as_str()) || word.contains("aborted"));
            told.sort();
            want.sort_unstable();
            assert_eq!(told, want);
            assert!(matches!(row.end.as_deref(), Some(End::Broken(Fault::Http { status: Some(408), .. }))));
        }
    }
}

#[tokio::test]
async fn who_sends_slowly_or_waits_for_an_answer_is_not_late() {
    let stage = Stage::new(Limits { http_body_time: Duration::from_millis(150), ..Limits::default() });
    let (id, at) = stage.listen_as(holds()).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n").await.unwrap();
    for _ in 0..8 {
        stream.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    // The body is whole: however long a person takes now, it is not the peer's.
    tokio::time::sleep(Duration::from_millis(300)).await;
    answer(&stage, id, "well").await;
    assert!(hear_until(&mut stream, "well").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_rule_says_that_it_was_met_and_that_it_drops() {
    let stage = Stage::new(Limits::default());
    let http = Http { rules: Rules::parse("/cut drop ; /gone 404").unwrap(), ..Http::default() };
    let (id, at) = stage.listen_as(Settings { http, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET /gone HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    hear_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (row, events) = stage.closed(id).await;
    let rules: Vec<_> = events.iter().filter(|event| event.kind.name() == "rule").collect();
    let texts: Vec<_> = rules.iter().map(|event| (event.kind.exchange(), &event.head[..])).collect();
    assert_eq!(texts, [(Some(1), &b"/gone 404"[..]), (Some(2), b"/cut drop")]);
    let drops =
        |event: &crate::model::event::Event| matches!(event.kind, Kind::Last { exchange: 2, why: Why::Rule, .. });
    assert!(events.iter().any(drops), "{:?}", told(&events));
    let (_, groups) = stage.hub.details(row.id.into()).unwrap();
    let exchanges = groups.iter().find(|group| group.title == "exchanges").unwrap();
    assert!(exchanges.rows[0].1.ends_with(": dropped by a rule"), "{:?}", exchanges.rows);
}

#[tokio::test]
async fn a_peer_that_half_closes_is_answered_where_that_is_set() {
    let stage = Stage::new(Limits::default());
    for half_open in [true, false] {
        let (id, at) = stage.listen_as(Settings { half_open, ..holds() }).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(GET.as_bytes()).await.unwrap();
        stage.event(id, "held").await;
        stream.shutdown().await.unwrap();
        stage.event(id, "end").await;
        if half_open {
            answer(&stage, id, "still here").await;
        }
        assert_eq!(hear(&mut stream).await.ends_with("still here"), half_open);
        let (_, events) = stage.closed(id).await;
        assert_eq!(told(&events).contains(&"aborted 1".into()), !half_open, "{:?}", told(&events));
    }
}

#[tokio::test]
async fn another_version_than_ours_is_named_with_its_bytes() {
    // Our HTTP/1 asks a server of HTTP/2 alone.
    let stage = Stage::new(Limits::default());
    let two = Settings { http: Http { version: Version::Two, ..Http::default() }, ..Settings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = stage.dial(listener.local_addr().unwrap(), "/");
    let (mut server, _) = listener.accept().await.unwrap();
    hear_until(&mut server, "\r\n\r\n").await;
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
    server.write_all(settings).await.unwrap();
    drop(server);
    let (_, events) = stage.closed(client).await;
    let error = events.iter().find(|event| event.kind.name() == "error").unwrap();
    assert!(matches!(&error.kind, Kind::Error(fault) if fault.to_string().contains("SETTINGS frame")), "{error:?}");
    assert_eq!(error.head, settings);
    // Our HTTP/2 asks a server of HTTP/1 alone.
    let client = stage.dial_as(listener.local_addr().unwrap(), "/", two);
    let (mut server, _) = listener.accept().await.unwrap();
    let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    server.write_all(refusal).await.unwrap();
    let (_, events) = stage.closed(client).await;
    let error = events.iter().find(|event| event.kind.name() == "error").unwrap();
    assert!(matches!(&error.kind, Kind::Error(fault) if fault.to_string().contains("answers in HTTP/1")), "{error:?}");
    assert_eq!(error.head, refusal);
}
