//! The client over loopback, against our own listener and against servers that speak raw bytes.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::Request;
use super::stage::{Stage, bodies, hear, hear_until, told};
use crate::model::end::{End, Party};
use crate::model::event::Way;
use crate::model::spec::{Limits, Reply};
use crate::net::{Command, Payload};

fn request(method: &str, body: &'static [u8]) -> Command {
    let headers = vec![("X-A".to_owned(), "b".to_owned())];
    let request = Request { method: method.into(), target: "/p".into(), headers, body: body.into() };
    Command::Send(Payload::Request(Box::new(request)))
}

#[tokio::test]
async fn requests_go_one_after_another_on_one_connection() {
    let stage = Stage::new(Limits::default());
    let (server, at) = stage.listen(Reply::Echo).await;
    let client = stage.dial(at, "/first");
    let socket = stage.socket(client).await.id;
    stage.endpoints.command(socket, request("GET", b"")).unwrap();
    stage.endpoints.command(socket, request("POST", b"hello")).unwrap();
    stage.until(|seen| (seen.row(socket)?.count.received.messages == 3).then_some(())).await;
    stage.endpoints.command(socket, Command::End).unwrap();
    let (row, events) = stage.closed(client).await;
    let want = [
        "out request 1",
        "in head 1",
        "in body 1",
        "finish 1",
        "out request 2",
        "in head 2",
        "in body 2",
        "finish 2",
        "out request 3",
        "out body 3",
        "in head 3",
        "in body 3",
        "finish 3",
        "out end",
        "in end",
        "close",
    ];
    assert_eq!(told(&events), want);
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    assert_eq!(row.count.errors, 0);
    assert_eq!(bodies(&events, Way::Out), b"hello");
    let first = String::from_utf8(events[1].head.clone()).unwrap();
    assert!(first.starts_with(&format!("GET /first HTTP/1.1\r\nHost: {at}\r\nUser-Agent: sockscope/")), "{first}");
    let (theirs, _) = stage.closed(server).await;
    assert_eq!(theirs.count.received.bytes, row.count.sent.bytes);
    assert_eq!(theirs.count.sent.bytes, row.count.received.bytes);
}

/// A server that hears one request, says `answer` and ends; how the client's socket ends.
async fn against(answer: &str) -> (End, Vec<String>, u64) {
    let stage = Stage::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = stage.dial(listener.local_addr().unwrap(), "/");
    let (mut stream, _) = listener.accept().await.unwrap();
    hear_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    hear(&mut stream).await;
    let (row, events) = stage.closed(client).await;
    assert_eq!(row.count.received.bytes, answer.len() as u64, "{answer}");
    ((*row.end.unwrap()).clone(), told(&events), row.count.errors)
}

#[tokio::test]
async fn a_server_that_ends_in_order_is_no_error() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello",
    ];
    for answer in answers {
        let (end, told, errors) = against(answer).await;
        assert_eq!((end, errors), (End::Finished { first: Party::Peer }, 0), "{answer}: {told:?}");
    }
}

#[tokio::test]
async fn a_response_that_is_none_is_an_error_once() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200",
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ];
    for answer in answers {
        let (end, told, errors) = against(answer).await;
        assert!(matches!(end, End::Broken(_)), "{answer}: {end:?} {told:?}");
        assert_eq!(errors, 1, "{answer}: {told:?}");
    }
}
