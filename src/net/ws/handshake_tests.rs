//! What comes to a listener and opens no WebSocket: its answer, and what is kept of it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tests::{Rig, UPGRADE, ask, fault, names};
use crate::model::end::{End, Fault};
use crate::model::spec::{Limits, Settings};
use crate::model::view::Query;

#[tokio::test]
async fn what_is_no_upgrade_gets_an_answer_that_says_so() {
    for (request, status, says) in [
        ("GET /x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 426, "asks for no upgrade"),
        (UPGRADE.replace("jZQ==", "j"), 400, "\"dGhlIHNhbXBsZSBub25j\", 20 characters; one is right"),
        (UPGRADE.replace("Version: 13", "Version: 12"), 426, "13 is"),
        (UPGRADE.replace("Host: here\r\n", ""), 400, "Host"),
        ("this is no HTTP\r\n\r\n".to_owned(), 400, "not HTTP"),
        ("\x16\x03\x01\x02\0\x01".to_owned(), 400, "TLS"),
        (UPGRADE.replace("Host: here", "Host: a\r\nHost: b"), 400, "more than one Host"),
        (UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive"), 400, "is \"keep-alive\", and it must list"),
        (UPGRADE.replace("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1, not HTTP/1.0"),
        (UPGRADE.replace("Version: 13", "Version: 13\r\nbroken line"), 400, "malformed"),
        (UPGRADE.replace("Host: here", &format!("Host: here\r\nX: {}", "x".repeat(1 << 20))), 431, "larger than"),
    ] {
        let rig = Rig::new();
        let (_, to) = rig.listen(Settings::default()).await;
        let answer = String::from_utf8(ask(to, request.as_bytes()).await).unwrap();
        assert!(answer.starts_with("HTTP/1.") && answer[8..].starts_with(&format!(" {status} ")), "{answer}");
        if status == 426 {
            let answer = answer.to_lowercase();
            assert!(answer.contains("upgrade: websocket\r\n") && answer.contains("sec-websocket-version: 13\r\n"));
        }
        let (_, end, events) = rig.story().await;
        assert!(fault(&events).contains(says), "{}", fault(&events));
        // The answer's body is the same sentence.
        let (sentence, _) = answer.split_once("\r\n\r\n").map(|(_, body)| body.split_at(body.len() - 1)).unwrap();
        assert!(fault(&events).starts_with(sentence.trim_end_matches('.')) && !sentence.is_empty(), "{answer}");
        assert!(matches!(end, End::Failed(Fault::Http { status: Some(its), .. }) if its == status), "{end:?}");
        assert!(!names(&events).contains(&"open"));
        // What is no request at all is kept as it came.
        if !names(&events).contains(&"request") {
            let error = events.iter().find(|event| event.kind.name() == "clientError").unwrap();
            assert_eq!(error.head, &request.as_bytes()[..request.len().min(crate::hub::HEAD)], "{status}");
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_kept_however_it_was_cut() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in ["GET / HTTP/1.1\r\nHo", "st: here\r\nno header"] {
        let before = rig.hub.snapshot(&Query::default()).count.received.wire;
        stream.write_all(piece.as_bytes()).await.unwrap();
        rig.until(|shot| (shot.count.received.wire == before + piece.len() as u64).then_some(())).await;
    }
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("a header line is malformed"), "{answer}");
    let (_, _, events) = rig.story().await;
    let error = events.iter().find(|event| event.kind.name() == "clientError").unwrap();
    assert_eq!(error.head, b"GET / HTTP/1.1\r\nHost: here\r\nno header");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_answered_408() {
    let rig = Rig::with(Limits { handshake_time: Duration::from_millis(50), ..Limits::default() });
    let (_, to) = rig.listen(Settings::default()).await;
    let answer = ask(to, b"GET / HT").await;
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    let (_, end, events) = rig.story().await;
    assert!(matches!(end, End::Failed(Fault::Http { status: Some(408), .. })), "{end:?}");
    assert!(fault(&events).contains("not come within 50ms"));
    assert_eq!(events.iter().find(|event| event.kind.name() == "clientError").unwrap().head, b"GET / HT");
}
