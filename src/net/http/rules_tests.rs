//! Rules over loopback.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::stage::{Stage, ask, hear, hear_until, told};
use crate::model::end::{End, Party};
use crate::model::exchange::Phase;
use crate::model::id::EndpointId;
use crate::model::rule::Rules;
use crate::model::spec::{Limits, Reply, Spec};
use crate::model::url::{Role, Url};

async fn listen(stage: &Stage, rules: &str) -> (EndpointId, std::net::SocketAddr) {
    let mut spec = Spec::new(Role::Listen, Url::parse("http://127.0.0.1:0", Role::Listen).unwrap());
    spec.settings.http.rules = Rules::parse(rules).unwrap();
    spec.settings.reply = Reply::Echo;
    let id = stage.endpoints.open(spec);
    (id, stage.until(|seen| seen.endpoint(id)?.local).await)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[tokio::test]
async fn each_request_gets_what_its_rule_says_and_the_others_the_reply() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    std::fs::write(&page, "<p>hi</p>").unwrap();
    let stage = Stage::new(Limits::default());
    let file = page.display();
    let rules = format!(
        "GET '/a/*' 404 X-Why:gone 'text=no such thing' ; /page file={file} ; /none file={file}.not ; /dir file={} ; \
         /old redirect=/new ; /soon delay=1ms ; /empty 204",
        dir.path().display()
    );
    let (_, at) = listen(&stage, &rules).await;
    let answer = ask(at, get("/a/b?c").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("X-Why: gone\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nno such thing"), "{answer}");
    let answer = ask(at, get("/page").as_bytes()).await;
    assert!(answer.contains("Content-Type: text/html; charset=utf-8\r\n"), "{answer}");
    assert!(answer.contains("Content-Length: 9\r\n") && answer.ends_with("<p>hi</p>"), "{answer}");
    assert!(ask(at, get("/none").as_bytes()).await.starts_with("HTTP/1.1 404 "));
    assert!(ask(at, get("/dir").as_bytes()).await.starts_with("HTTP/1.1 500 "));
    let answer = ask(at, get("/old").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 302 ") && answer.contains("Location: /new\r\n"), "{answer}");
    assert!(ask(at, get("/empty").as_bytes()).await.starts_with("HTTP/1.1 204 "));
    for path in ["/soon", "/other"] {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(get(path).as_bytes()).await.unwrap();
        assert!(hear_until(&mut stream, "Host: x\n").await.contains(&format!("GET {path} HTTP/1.1\n")));
    }
    // Pipelined, with a body, and in order.
    let text = format!("POST /a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi{}{}", get("/page"), get("/a/x"));
    let answer = ask(at, text.as_bytes()).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(statuses, ["200", "200", "404"], "{answer}");
}

#[tokio::test]
async fn a_large_file_is_streamed_whole() {
    let file = tempfile::NamedTempFile::with_suffix(".bin").unwrap();
    std::fs::write(file.path(), vec![b'x'; 3_000_000]).unwrap();
    let stage = Stage::new(Limits::default());
    let (_, at) = listen(&stage, &format!("'*' file={}", file.path().display())).await;
    let answer = ask(at, get("/").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: application/octet-stream"), "{head}");
    assert_eq!(body.len(), 3_000_000);
}

#[tokio::test]
async fn a_dropped_connection_ends_as_the_rule_says() {
    for (how, end) in [("drop", End::Reset { by: Party::Us }), ("drop=fin", End::Finished { first: Party::Us })] {
        let stage = Stage::new(Limits::default());
        let (id, at) = listen(&stage, &format!("/cut {how}")).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(get("/cut").as_bytes()).await.unwrap();
        if how == "drop" {
            let error = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1]).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        } else {
            assert_eq!(hear(&mut stream).await, "");
        }
        drop(stream);
        let (row, events) = stage.closed(id).await;
        assert_eq!(row.end.as_deref(), Some(&end), "{:?}", told(&events));
        assert_eq!(row.count.errors, 0, "{:?}", told(&events));
    }
}

#[tokio::test]
async fn a_delay_ends_with_the_peer_and_with_the_endpoint() {
    let stage = Stage::new(Limits::default());
    let (id, at) = listen(&stage, "'*' delay=1h 200").await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    stage.event(id, "request").await;
    drop(stream);
    let (row, _) = tokio::time::timeout(Duration::from_secs(20), stage.closed(id)).await.unwrap();
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    let (id, at) = listen(&stage, "'*' delay=1h 200").await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    stage.event(id, "request").await;
    stage.endpoints.stop(id);
    stage.closed(id).await;
}

#[tokio::test]
async fn hold_is_for_http_alone() {
    let stage = Stage::new(Limits::default());
    let id = stage.endpoints.open(Spec::new(Role::Listen, Url::parse("tcp://:0", Role::Listen).unwrap()));
    let reply = crate::model::setting::find("reply").unwrap();
    let refused = stage.endpoints.set(id.into(), reply, "hold").unwrap_err();
    assert_eq!(refused.0, "a tcp peer waits for no answer: leave \"hold\" to http and https");
    assert_eq!(stage.endpoints.spec(id).unwrap().settings.reply, Reply::Echo);
}

#[tokio::test]
async fn a_rule_may_hold_what_it_meets() {
    let stage = Stage::new(Limits::default());
    let (_, at) = listen(&stage, "/held hold").await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(get("/held").as_bytes()).await.unwrap();
    let row = stage.until(|seen| seen.waiting.first().cloned()).await;
    assert_eq!(row.exchange.phase, Phase::Waiting);
    let steps = [crate::net::http::Step::End(Vec::new())];
    stage.endpoints.answer(row.socket, None, &steps).unwrap();
    assert!(hear_until(&mut stream, "\r\n\r\n").await.contains("Content-Length: 0\r\n"));
}
