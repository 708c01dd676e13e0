//! Our client against a tungstenite server that nobody watches, and against servers that are none.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{accept_async, accept_hdr_async};

use super::tests::{Rig, closing, fault, names, next};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Kind, Way};
use crate::model::life::Life;
use crate::model::spec::{Limits, Settings};
use crate::model::view::{Snapshot, State};
use crate::net::{Command, Payload};

async fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    (listener, to)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    tokio::time::timeout(Duration::from_secs(10), listener.accept()).await.unwrap().unwrap().0
}

/// Reads a request's head and answers it with these bytes.
async fn answer(stream: &mut TcpStream, bytes: &[u8]) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(bytes).await.unwrap();
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn our_client_opens_talks_and_closes() {
    let rig = Rig::new();
    let (listener, to) = server().await;
    rig.dial(to, Settings::default().with("subprotocols", "v2 v1").unwrap());
    let stream = accept(&listener).await;
    #[expect(clippy::result_large_err, reason = "the library's callback is made so")]
    let choose = |request: &Request, mut response: Response| {
        assert_eq!(request.uri(), "/chat?a=b");
        assert_eq!(request.headers()["host"], to.to_string());
        assert_eq!(request.headers()["sec-websocket-protocol"], "v2, v1");
        response.headers_mut().insert("sec-websocket-protocol", "v1".parse().unwrap());
        Ok(response)
    };
    let mut peer = accept_hdr_async(stream, choose).await.unwrap();
    let row = rig.open().await;
    rig.send(&row, Command::Send(Payload::Text("ours".into())));
    assert_eq!(next(&mut peer).await, Message::text("ours"));
    peer.send(Message::text("theirs")).await.unwrap();
    rig.send(&row, Command::End);
    assert_eq!(next(&mut peer).await, closing(1000, ""));
    while peer.next().await.is_some() {}
    drop(peer);
    let (row, end, events) = rig.story().await;
    assert_eq!(end, End::Finished { first: Party::Peer }, "our close frame, the server's FIN");
    assert_eq!(names(&events)[..6], ["connect", "request", "head", "upgrade", "open", "message"]);
    let Kind::Open(opened) = &events[4].kind else { panic!("{events:?}") };
    assert_eq!((opened.subprotocols.len(), opened.subprotocol.as_deref()), (2, Some("v1")));
    let heads = String::from_utf8(events[4].head.clone()).unwrap();
    assert!(heads.starts_with("GET /chat?a=b HTTP/1.1\r\n") && heads.contains("\r\n\r\nHTTP/1.1 101 "), "{heads}");
    // A client answers nothing by itself.
    assert_eq!((row.count.sent.messages, row.count.received.messages), (1, 1));
    assert_eq!((row.count.sent.packets, row.count.received.packets), (2, 2));
}

/// RFC 6455 section 4.1: a subprotocol that was not offered fails the handshake, none does not.
#[tokio::test]
async fn a_server_may_choose_none_of_our_subprotocols_and_no_other() {
    for (chosen, opens) in [("", true), ("Sec-WebSocket-Protocol: v3\r\n", false)] {
        let rig = Rig::new();
        let (listener, to) = server().await;
        rig.dial(to, Settings::default().with("subprotocols", "v2 v1").unwrap());
        let mut stream = accept(&listener).await;
        let head = answer(&mut stream, b"").await;
        let (_, key) = head.split_once("Sec-WebSocket-Key: ").unwrap();
        let accept = derive_accept_key(&key.as_bytes()[..24]);
        // In a list with others, and in another case, as section 4.1 has it.
        let head = "HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n";
        let head = format!("{head}Sec-WebSocket-Accept: {accept}\r\n{chosen}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        if opens {
            let event = rig.event(&rig.open().await, |kind| matches!(kind, Kind::Open(_))).await;
            let Kind::Open(opened) = event.kind else { unreachable!() };
            assert_eq!((opened.subprotocols.len(), opened.subprotocol), (2, None));
            continue;
        }
        drop(stream);
        let (_, end, events) = rig.story().await;
        assert!(fault(&events).contains("\"v3\", which was not offered"), "{}", fault(&events));
        assert!(matches!(end, End::Failed(_)), "{end:?}");
    }
}

#[tokio::test]
async fn the_servers_close_is_the_servers() {
    let rig = Rig::new();
    let (listener, to) = server().await;
    rig.dial(to, Settings::default());
    let mut peer = accept_async(accept(&listener).await).await.unwrap();
    peer.send(Message::text("at once")).await.unwrap();
    peer.send(closing(1012, "restart")).await.unwrap();
    while peer.next().await.is_some() {}
    drop(peer);
    let (_, end, events) = rig.story().await;
    assert_eq!(end, End::Finished { first: Party::Peer });
    assert_eq!(names(&events)[4..8], ["open", "message", "closing", "closing"]);
    assert_eq!(events[6].head, b"restart");
}

#[tokio::test]
async fn a_server_that_is_none_is_told_of() {
    let accepting = |more: &str| format!("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}\r\n");
    for (bytes, says) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(), "the server answered 404"),
        ("HTTP/1.1 103 X\r\n\r\nHTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno".to_owned(), "the server answered 404"),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n".to_owned(), "no upgrade, and websocket is right"),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n".to_owned(), "connection: close"),
        (accepting(""), "no sec-websocket-accept"),
        (accepting("Sec-WebSocket-Accept: AAAA\r\n"), "AAAA, which does not answer our key"),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "HTTP"),
        (String::new(), "ended"),
    ] {
        let rig = Rig::new();
        let (listener, to) = server().await;
        let id = rig.dial(to, Settings::default());
        let mut stream = accept(&listener).await;
        answer(&mut stream, bytes.as_bytes()).await;
        drop(stream);
        let (_, end, events) = rig.story().await;
        assert!(fault(&events).contains(says), "{says}: {}", fault(&events));
        assert!(matches!(end, End::Failed(_)), "{end:?}");
        rig.until(|shot| matches!(shot.endpoint(id)?.state, State::Failed(_)).then_some(())).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_late() {
    let rig = Rig::with(Limits { handshake_time: Duration::from_millis(50), ..Limits::default() });
    let (listener, to) = server().await;
    rig.dial(to, Settings::default());
    let _stream = accept(&listener).await;
    let (_, end, events) = rig.story().await;
    assert!(matches!(end, End::Failed(Fault::Late { .. })));
    assert!(fault(&events).contains("handshake was not done within 50ms"));
}

#[tokio::test]
async fn a_handshake_that_hangs_can_be_closed() {
    let rig = Rig::new();
    let (listener, to) = server().await;
    rig.dial(to, Settings::default());
    let _stream = accept(&listener).await;
    let row = rig.until(|shot| shot.sockets.rows.first().filter(|row| row.local.is_some()).cloned()).await;
    rig.send(&row, Command::Close);
    assert_eq!(rig.story().await.1, End::Finished { first: Party::Us });
}

#[tokio::test]
async fn what_is_sent_during_the_handshake_goes_out_after_it() {
    let rig = Rig::new();
    let (listener, to) = server().await;
    rig.dial(to, Settings::default());
    let stream = accept(&listener).await;
    let row = rig.until(|shot| shot.sockets.rows.first().cloned()).await;
    rig.send(&row, Command::Send(Payload::Text("early".into())));
    let mut peer = accept_async(stream).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::text("early"));
}

#[tokio::test]
async fn over_tls_both_ends_tell_the_same_story() {
    let rig = Rig::new();
    let (_, to) = rig.listen_at("wss://127.0.0.1:0/", Settings::default()).await;
    let client = rig.dial_at(&format!("wss://{to}/"), Settings::default().with("insecure", "yes").unwrap());
    let open = |shot: &Snapshot| {
        let mut open = shot.sockets.rows.iter().filter(|row| row.life == Life::Open);
        let two = (open.next()?.clone(), open.next()?.clone());
        Some(if two.0.endpoint == client { two } else { (two.1, two.0) })
    };
    let (ours, theirs) = rig.until(open).await;
    rig.send(&ours, Command::Send(Payload::Text("secret".into())));
    rig.event(&ours, |kind| matches!(kind, Kind::Message { way: Way::In, .. })).await;
    rig.send(&ours, Command::Close);
    rig.until(|shot| (shot.open == 0).then_some(())).await;
    for (row, first, secured) in [(ours, Party::Peer, "secureConnect"), (theirs, Party::Us, "secureConnection")] {
        let row = rig.hub.socket(row.id).unwrap();
        assert_eq!(row.end.as_deref(), Some(&End::Finished { first }));
        assert!(names(&rig.events(&row)).contains(&secured));
        let flows = [row.count.received, row.count.sent];
        assert!(flows.iter().all(|flow| (flow.messages, flow.bytes, flow.packets) == (1, 6, 2)), "{flows:?}");
    }
}

#[tokio::test]
async fn a_message_above_the_limit_is_not_sent_and_nothing_breaks() {
    let rig = Rig::new();
    let (listener, to) = server().await;
    rig.dial(to, Settings::default());
    let mut peer = accept_async(accept(&listener).await).await.unwrap();
    let row = rig.open().await;
    rig.send(&row, Command::Send(Payload::Binary(vec![0; (2 << 20) + 1].into())));
    rig.send(&row, Command::Send(Payload::Text("still here".into())));
    assert_eq!(next(&mut peer).await, Message::text("still here"));
    assert!(fault(&rig.events(&row)).contains("it was not sent"));
}
