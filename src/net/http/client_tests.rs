//! The client over loopback, against our own listener and against servers that speak raw bytes.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::Request;
use super::stage::{Stage, bodies, hear, hear_until, told};
use crate::model::end::{End, Party};
use crate::model::event::Way;
use crate::model::setting::http::Http;
use crate::model::spec::{Limits, Reply, Settings};
use crate::net::{Command, Payload};

fn request(method: &str, body: &'static [u8]) -> Command {
    let headers = vec![("X-A".to_owned(), "b".to_owned())];
    let request =
        Request { method: method.into(), target: "/p".into(), headers, body: body.into(), ..Request::default() };
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

/// A server that hears everything the client says until it ends or `until` has come.
async fn heard(listener: &TcpListener, until: &str) -> (String, tokio::net::TcpStream) {
    let (mut stream, _) = listener.accept().await.unwrap();
    (hear_until(&mut stream, until).await, stream)
}

fn send(stage: &Stage, socket: crate::model::id::SocketId, text: &str) {
    let draft = crate::model::draft::Draft {
        text: text.into(),
        shape: crate::model::draft::Shape::Request,
        ..crate::model::draft::Draft::default()
    };
    let payload = super::compose::compose(&draft).unwrap();
    stage.endpoints.command(socket, Command::Send(payload)).unwrap();
}

/// A client without a first request, and the server's listener.
async fn silent() -> (Stage, TcpListener, crate::model::id::EndpointId, crate::model::id::SocketId) {
    let stage = Stage::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = stage.dial(listener.local_addr().unwrap(), "");
    let socket = stage.socket(client).await.id;
    (stage, listener, client, socket)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn what_was_typed_leaves_in_its_order_and_case() {
    let (stage, listener, _, socket) = silent().await;
    send(&stage, socket, "GET /x\nx-oDD: 1\nACCEPT: a\nhost: me\nuser-agent: it");
    let (text, _stream) = heard(&listener, "\r\n\r\n").await;
    assert_eq!(text, "GET /x HTTP/1.1\r\nx-oDD: 1\r\nACCEPT: a\r\nhost: me\r\nuser-agent: it\r\n\r\n");
}

#[tokio::test]
async fn chunks_and_trailers_leave_as_they_were_parted() {
    let (stage, listener, client, socket) = silent().await;
    send(&stage, socket, "POST /\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\none\n\ntwo\n\nX-Sum: 6");
    let (text, mut stream) = heard(&listener, "0\r\nX-Sum: 6\r\n\r\n").await;
    assert!(text.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n"), "{text}");
    stream.write_all(OK).await.unwrap();
    drop(stream);
    let (_, events) = stage.closed(client).await;
    let want = ["out request 1", "out body 1", "out chunk 1", "out trailers 1", "in head 1", "finish 1"];
    assert_eq!(told(&events)[..6], want);
}

#[tokio::test]
async fn a_body_waits_for_the_continue_that_it_expects() {
    let (stage, listener, client, socket) = silent().await;
    send(&stage, socket, "POST /\nExpect: 100-continue\n\nhello");
    let (text, mut stream) = heard(&listener, "\r\n\r\n").await;
    assert!(text.ends_with("\r\n\r\n"), "the body waits: {text}");
    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    hear_until(&mut stream, "hello").await;
    stream.write_all(OK).await.unwrap();
    drop(stream);
    let (_, events) = stage.closed(client).await;
    assert_eq!(told(&events)[..5], ["out request 1", "in continue 1", "out body 1", "in head 1", "finish 1"]);
}

#[tokio::test]
async fn a_body_that_is_refused_before_it_is_sent_is_not_sent() {
    let (stage, listener, client, socket) = silent().await;
    send(&stage, socket, "POST /\nExpect: 100-continue\n\nhello");
    let (_, mut stream) = heard(&listener, "\r\n\r\n").await;
    stream.write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!(hear(&mut stream).await, "", "no body, and the end");
    drop(stream);
    let (row, events) = stage.closed(client).await;
    assert_eq!(told(&events)[..4], ["out request 1", "in head 1", "finish 1", "out last 1"]);
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
}

#[tokio::test]
async fn a_body_does_not_wait_for_ever() {
    let (stage, listener, client, socket) = silent().await;
    send(&stage, socket, "POST /\nExpect: 100-continue\n\nhello");
    let (_, mut stream) = heard(&listener, "hello").await;
    stream.write_all(OK).await.unwrap();
    drop(stream);
    stage.closed(client).await;
}

#[tokio::test]
async fn a_tunnel_carries_what_is_sent_through_it() {
    let (stage, listener, client, socket) = silent().await;
    send(&stage, socket, "CONNECT far.test:99");
    let (text, mut stream) = heard(&listener, "\r\n\r\n").await;
    assert!(text.starts_with("CONNECT far.test:99 HTTP/1.1\r\nHost: far.test:99\r\n"), "{text}");
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\nwelcome").await.unwrap();
    stage.event(client, "data").await;
    let raw = Payload::Bytes("through".into());
    stage.endpoints.command(socket, Command::Send(raw)).unwrap();
    hear_until(&mut stream, "through").await;
    drop(stream);
    let (row, events) = stage.closed(client).await;
    assert_eq!(told(&events)[..5], ["out request 1", "in head 1", "upgrade 1", "in data", "out write"]);
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }), "{:?}", told(&events));
}

#[tokio::test]
async fn raw_bytes_need_not_be_http() {
    let (stage, listener, client, socket) = silent().await;
    let raw = Payload::Bytes("GET  / HTTP/9\n\n".into());
    stage.endpoints.command(socket, Command::Send(raw)).unwrap();
    let (text, mut stream) = heard(&listener, "\n\n").await;
    assert_eq!(text, "GET  / HTTP/9\n\n");
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    drop(stream);
    let (row, events) = stage.closed(client).await;
    assert!(told(&events).contains(&"in head 1".to_owned()), "{:?}", told(&events));
    assert_eq!(row.count.sent.bytes, 15);
}

fn follows(redirects: u32) -> Settings {
    Settings { http: Http { redirects, ..Http::default() }, ..Settings::default() }
}

fn pointing(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn redirects_are_shown_and_followed_only_so_far_as_was_said() {
    for (redirects, exchanges) in [(0, 1), (2, 3)] {
        let stage = Stage::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = stage.dial_as(listener.local_addr().unwrap(), "/0", follows(redirects));
        let (mut stream, _) = listener.accept().await.unwrap();
        for n in 0..exchanges {
            let text = hear_until(&mut stream, "\r\n\r\n").await;
            assert!(text.starts_with(&format!("GET /{n} ")), "{text}");
            stream.write_all(&pointing(&(n + 1).to_string())).await.unwrap();
        }
        // Then it is silent: what a person asks is the next.
        let socket = stage.socket(client).await.id;
        send(&stage, socket, "GET /typed");
        let text = hear_until(&mut stream, "\r\n\r\n").await;
        assert!(text.starts_with("GET /typed "), "{text}");
        drop(stream);
        let (_, events) = stage.closed(client).await;
        let finished = events.iter().filter(|event| event.kind.name() == "finish").count();
        assert_eq!(finished, exchanges, "{:?}", told(&events));
    }
}

#[tokio::test]
async fn a_redirect_to_another_server_is_another_socket() {
    let stage = Stage::new(Limits::default());
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = stage.dial_as(near.local_addr().unwrap(), "/", follows(5));
    let (mut stream, _) = near.accept().await.unwrap();
    hear_until(&mut stream, "\r\n\r\n").await;
    let there = far.local_addr().unwrap();
    stream.write_all(&pointing(&format!("http://{there}/there?x"))).await.unwrap();
    let (text, mut stream) = heard(&far, "\r\n\r\n").await;
    assert!(text.starts_with(&format!("GET /there?x HTTP/1.1\r\nHost: {there}\r\n")), "{text}");
    // It may be asked to come back on a new connection.
    stream
        .write_all(b"HTTP/1.1 301 M\r\nLocation: /back\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    drop(stream);
    let (text, mut stream) = heard(&far, "\r\n\r\n").await;
    assert!(text.starts_with("GET /back "), "{text}");
    stream.write_all(OK).await.unwrap();
    drop(stream);
    let rows = stage.until(|seen| {
        let closed = seen.sockets.rows.iter().filter(|row| row.endpoint == client && row.end.is_some()).count();
        (closed == 3).then_some(closed)
    });
    assert_eq!(rows.await, 3);
}

#[tokio::test]
async fn a_response_that_is_malformed_is_named() {
    let answers = [
        ("HTTP/1.1 2x0 OK\r\n\r\n", "status is no number"),
        ("HTTP/3.1 200 OK\r\n\r\n", "neither 1.0 nor 1.1"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "obs-fold"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length is not a number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "given twice"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz", "longer than its size says"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "in the middle of"),
    ];
    for (answer, want) in answers {
        let (end, _, errors) = against(answer).await;
        let End::Broken(fault) = end else { panic!("{answer}: {end:?}") };
        assert!(fault.to_string().contains(want), "{answer}: {fault}");
        assert_eq!(errors, 1);
    }
}
