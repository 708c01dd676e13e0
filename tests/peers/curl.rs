//! curl: plain and secure, old and new, bodies of both kinds, and the expectation it waits for.

use std::path::Path;

use sockscope::model::event::{Event, Kind, Way};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;

use crate::OF_TLS;
use crate::peers::{peer, run};
use crate::scope::Scope;
use crate::support::{Lab, assert_one_life};

/// Runs curl on one URL of a new listener; what it wrote, and our side's events.
async fn ask(curl: &Path, args: &[&str], input: &[u8]) -> (String, Vec<Event>, Lab) {
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    let url = format!("http://{address}/a?b=c");
    let args: Vec<&str> = ["-sS", "--max-time", "10"].into_iter().chain(args.iter().copied()).chain([&*url]).collect();
    let text = run(curl, &args, input).await.ok();
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    assert_one_life(&events);
    assert_eq!((lab.rows().len(), row.count.errors), (1, 0), "{}", lab.report());
    assert_eq!((row.count.received.messages, row.count.sent.messages), (1, 1));
    (text, events, lab)
}

/// The events in words, up to the end of the exchange, body pieces in a row as one.
fn story(events: &[Event]) -> Vec<String> {
    let mut story: Vec<String> = Vec::new();
    for event in events.iter().take_while(|event| !matches!(event.kind, Kind::End { .. } | Kind::Close(_))) {
        let way = match event.kind.way() {
            Some(Way::In) => " in",
            Some(Way::Out) => " out",
            None => "",
        };
        let word = format!("{}{way}", event.kind.name());
        if story.last() != Some(&word) {
            story.push(word);
        }
    }
    story
}

fn head(events: &[Event], name: &str) -> String {
    let event = events.iter().find(|event| event.kind.name() == name).unwrap();
    String::from_utf8(event.head.clone()).unwrap()
}

const PLAIN: [&str; 5] = ["connection", "request in", "head out", "body out", "finish"];
const WITH_BODY: [&str; 6] = ["connection", "request in", "body in", "head out", "body out", "finish"];
const EXPECTED: [&str; 7] = ["connection", "request in", "continue out", "body in", "head out", "body out", "finish"];

#[tokio::test]
async fn curl_gets() {
    let Some(curl) = peer("curl") else { return };
    let (text, events, _lab) = ask(&curl, &["-i"], b"").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("GET /a?b=c HTTP/1.1\n"), "{text}");
    assert_eq!(story(&events), PLAIN);
    assert!(head(&events, "request").starts_with("GET /a?b=c HTTP/1.1\r\n"));
}

#[tokio::test]
async fn curl_of_the_last_century_gets_its_answer_and_the_end() {
    let Some(curl) = peer("curl") else { return };
    let (text, events, _lab) = ask(&curl, &["--http1.0"], b"").await;
    assert!(text.contains("GET /a?b=c HTTP/1.0\n"), "{text}");
    assert_eq!(story(&events), ["connection", "request in", "last in", "head out", "body out", "finish"]);
    let close = events.iter().find(|event| matches!(event.kind, Kind::End { .. })).unwrap();
    assert_eq!(close.kind, Kind::fin(Way::Out), "a connection of HTTP/1.0 is ended by the server");
}

#[tokio::test]
async fn curl_asks_for_the_head_alone() {
    let Some(curl) = peer("curl") else { return };
    let (text, events, _lab) = ask(&curl, &["-I"], b"").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(story(&events), ["connection", "request in", "head out", "finish"]);
}

#[tokio::test]
async fn curl_posts_json() {
    let Some(curl) = peer("curl") else { return };
    let body = r#"{"你好":[1,2,3]}"#;
    let (text, events, _lab) = ask(&curl, &["-H", "Content-Type: application/json", "-d", body], b"").await;
    assert!(text.starts_with("POST /a?b=c HTTP/1.1\n") && text.contains(body), "{text}");
    assert!(text.contains("Content-Type: application/json\n"), "{text}");
    assert_eq!(story(&events), WITH_BODY);
    assert_eq!(head(&events, "body"), body);
}

#[tokio::test]
async fn curl_uploads_in_chunks_what_it_does_not_know_the_length_of() {
    let Some(curl) = peer("curl") else { return };
    let args = ["-X", "POST", "-T", "-", "-H", "Expect:"];
    let (text, events, _lab) = ask(&curl, &args, b"piece by piece").await;
    assert!(text.contains("Transfer-Encoding: chunked\n") && text.contains("piece by piece"), "{text}");
    assert_eq!(story(&events), ["connection", "request in", "body in", "chunk in", "head out", "body out", "finish"]);
    let body = |event: &&Event| matches!(event.kind, Kind::Body { way: Way::In, exchange: 1, .. });
    assert_eq!(events.iter().filter(body).flat_map(|event| event.head.clone()).collect::<Vec<_>>(), b"piece by piece");
}

#[tokio::test]
async fn curl_waits_for_100_continue_and_gets_it() {
    let Some(curl) = peer("curl") else { return };
    // Longer than the test may take: a body that came without our word is told apart.
    let wait = ["--expect100-timeout", "60"];
    let with_length = [&wait[..], &["-H", "Expect: 100-continue", "-d", "after your word"]].concat();
    let (text, events, _lab) = ask(&curl, &with_length, b"").await;
    assert!(text.contains("after your word"), "{text}");
    assert_eq!(story(&events), EXPECTED);
    let chunked = [&wait[..], &["-T", "-"]].concat();
    let (text, events, _lab) = ask(&curl, &chunked, b"in chunks, after your word").await;
    assert!(text.starts_with("PUT ") && text.contains("in chunks, after your word"), "{text}");
    let mut chunked = EXPECTED.to_vec();
    chunked.insert(4, "chunk in");
    assert_eq!(story(&events), chunked);
}

#[tokio::test]
async fn curl_asks_twice_on_one_connection() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    let (first, second) = (format!("http://{address}/1"), format!("http://{address}/2"));
    let text = run(&curl, &["-sS", "--max-time", "10", &first, &second], b"").await.ok();
    assert!(text.contains("GET /1 ") && text.contains("GET /2 "), "{text}");
    let row = lab.closed(lab.nth(1).await).await;
    assert_eq!((lab.rows().len(), row.count.received.messages), (1, 2));
    assert_eq!(exchanges(&lab, row.id), [1, 2]);
}

/// The exchanges that finished on a socket.
pub fn exchanges(lab: &Lab, socket: SocketId) -> Vec<u32> {
    let finish = |event: Event| match event.kind {
        Kind::Finish { exchange, .. } => Some(exchange),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(finish).collect()
}

#[tokio::test]
async fn curl_trusts_the_program_by_the_ca_file_it_writes() {
    let Some(curl) = peer("curl") else { return };
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let scope = Scope::start(&["-l", "https://:0", "--ca-file", ca]);
    let port = scope.listening(1).await.port();
    let url = format!("https://localhost:{port}/over/tls");
    let text = run(&curl, &["-4", "-sS", "--http1.1", "--max-time", "10", "--cacert", ca, &url], b"").await.ok();
    assert!(text.starts_with("GET /over/tls HTTP/1.1\n"), "{text}");
    scope.event("the end", |event| event["event"] == "close" && event["socket"] == 1).await;
    let names: Vec<_> = scope.names(1).into_iter().filter(|name| !OF_TLS.contains(&name.as_str())).collect();
    assert_eq!(names[..5], ["connection", "secureConnection", "request", "head", "body"], "{names:?}");
    let secured = scope.event("secure", |event| event["event"] == "secureConnection").await;
    assert_eq!(secured["alpn"], "http/1.1", "{secured}");

    let done = run(&curl, &["-4", "-sS", "--max-time", "10", &url], b"").await;
    assert_eq!(done.code, Some(60), "not trusted without it: {}", done.err);
    let error = scope.event("the alert", |event| event["event"] == "tlsError" && event["socket"] == 2).await;
    assert_eq!(error["error"]["name"], "unknown_ca", "{error}");
    scope.quit().await;
}
