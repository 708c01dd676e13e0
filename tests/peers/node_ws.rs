//! npm's `ws`, in both directions, plain and secure.

use sockscope::model::end::End;
use sockscope::model::event::{Event, Form, Kind, Way};
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::peers::{node_with_ws, peer, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{faults, first_fin, named};

async fn ws_talks_to_us(scheme: &str, ca: Option<&str>) {
    let Some(node) = node_with_ws() else { return };
    let lab = Lab::default();
    let settings = Settings::default().with("subprotocols", "v1 v2").unwrap();
    let (_, address) = lab.listen(&format!("{scheme}://:0"), settings).await;
    let url = format!("{scheme}://localhost:{}/chat", address.port());
    let args: Vec<&str> = [&*url].into_iter().chain(ca).collect();
    let said = run_node(&node, "ws-client.mjs", &args).ends().await.ok();
    let wanted = "\
open protocol=v1 extensions=
text binary=false 你好, sockscope
bytes binary=true 000102feff
pong are you there
closed 4001 that is all
";
    assert_eq!(said, wanted);
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let names: Vec<_> = lab.names(socket).into_iter().skip_while(|name| *name != "request").collect();
    let wanted = ["request", "head", "upgrade", "open", "message", "message", "message", "message", "ping", "pong"];
    assert_eq!(names[..10], wanted, "{names:?}");
    assert_eq!(names[10..12], ["closing", "closing"]);
    assert_one_life(&lab.events(socket));
    let message = |event: Event| match event.kind {
        Kind::Message { way, form, frames: 1, .. } => (way, form),
        other => panic!("{other:?}"),
    };
    let kinds: Vec<_> = named(&lab, socket, "message").into_iter().map(message).collect();
    let (text, binary) = (Form::Text, Form::Binary);
    let wanted = [(Way::In, text), (Way::Out, text), (Way::In, binary), (Way::Out, binary)];
    assert_eq!(kinds, wanted);
    let closing = &named(&lab, socket, "closing")[0];
    assert!(matches!(closing.kind, Kind::Closing { way: Way::In, code: Some(4001), .. }));
    assert_eq!(closing.head, b"that is all");
    assert_eq!(row.end.as_deref(), Some(&first_fin(&lab.events(socket))));
    let (received, sent) = (row.count.received, row.count.sent);
    assert_eq!((received.messages, received.bytes, received.packets), (2, 17 + 5, 4), "{}", lab.report());
    assert_eq!((sent.messages, sent.bytes, sent.packets, row.count.errors), (2, 17 + 5, 4, 0));
}

#[tokio::test]
async fn npm_ws_talks_to_us() {
    ws_talks_to_us("ws", None).await;
}

#[tokio::test]
async fn npm_ws_talks_to_us_over_tls() {
    let ca = our_ca();
    ws_talks_to_us("wss", ca.path().to_str()).await;
}

async fn we_talk_to_ws(scheme: &str, certificates: Option<&Certificates>) {
    let Some(node) = node_with_ws() else { return };
    let files = certificates.map(|made| [made.path("server.pem"), made.path("server.key")]);
    let args: Vec<&str> = files.iter().flatten().map(String::as_str).collect();
    let server = run_node(&node, "ws-server.mjs", &args);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    let ca = certificates.map(|made| made.path("ca.pem")).unwrap_or_default();
    let settings = Settings::default().with("ca", &ca).unwrap().with("subprotocols", "v1").unwrap();
    lab.open(Role::Connect, &format!("{scheme}://localhost:{port}/chat?a=b"), settings);
    let socket = lab.nth(1).await;
    let send = |payload| lab.endpoints.command(socket, Command::Send(payload)).unwrap();
    lab.socket(socket, "open", |row| row.life.name() == "open").await;
    server.says("open /chat?a=b protocol=v1\n").await;
    server.says("pong and you\n").await;
    send(Payload::Text("你好, ws".into()));
    server.says("message binary=false 你好, ws\n").await;
    send(Payload::Binary(vec![0, 0xfe, 0xff].into()));
    server.says("message binary=true 00feff\n").await;
    send(Payload::Ping("are you there".into()));
    server.says("ping are you there\n").await;
    let answered = |kind: &Kind| matches!(kind, Kind::Pong { way: Way::In, rtt: Some(_), .. });
    lab.event(socket, "a pong with its round trip", |event| answered(&event.kind)).await;
    lab.until("both echoes", || (named(&lab, socket, "message").len() == 4).then_some(())).await;
    send(Payload::Close { code: Some(4001), reason: "that is all".into() });
    server.says("closed 4001 that is all\n").await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    assert_one_life(&events);
    let open = &named(&lab, socket, "open")[0];
    assert!(matches!(&open.kind, Kind::Open(opened) if opened.subprotocol.as_deref() == Some("v1")), "{open:?}");
    assert_eq!(named(&lab, socket, "ping").len(), 2, "{}", lab.report());
    assert_eq!(row.end.as_deref(), Some(&first_fin(&events)));
    let (received, sent) = (row.count.received, row.count.sent);
    assert_eq!((received.messages, received.bytes, received.packets), (2, 10 + 3, 5), "{}", lab.report());
    assert_eq!((sent.messages, sent.bytes, sent.packets, row.count.errors), (2, 10 + 3, 5, 0));
}

#[tokio::test]
async fn we_talk_to_npm_ws() {
    we_talk_to_ws("ws", None).await;
}

#[tokio::test]
async fn we_talk_to_npm_ws_over_tls() {
    let Some(openssl) = peer("openssl") else { return };
    we_talk_to_ws("wss", Some(&Certificates::make(&openssl).await)).await;
}

#[tokio::test]
async fn npm_ws_sends_in_pieces_and_leaves_without_a_word() {
    let Some(node) = node_with_ws() else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", Settings::default()).await;
    let said = run_node(&node, "ws-pieces.mjs", &[&format!("ws://{address}/")]).ends().await.ok();
    let wanted = "\
echo binary=false same=true 13
echo binary=false same=true 0
echo binary=true same=true 1048576
";
    assert_eq!(said, wanted);
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    assert_one_life(&events);
    let incoming = events.iter().filter(|event| event.kind.way() == Some(Way::In));
    let names: Vec<_> = incoming.skip(1).take(5).map(|event| event.kind.name()).collect();
    assert_eq!(names, ["frame", "frame", "ping", "frame", "message"]);
    let message = |event: Event| match event.kind {
        Kind::Message { way: Way::In, form, frames, .. } => Some((form, frames, event.size)),
        _ => None,
    };
    let incoming: Vec<_> = named(&lab, socket, "message").into_iter().filter_map(message).collect();
    assert_eq!(incoming, [(Form::Text, 3, 13), (Form::Text, 1, 0), (Form::Binary, 1, 1 << 20)]);
    let (received, sent) = (row.count.received, row.count.sent);
    assert_eq!((received.messages, received.packets, received.bytes), (3, 6, 13 + (1 << 20)), "{:?}", row.count);
    assert_eq!((sent.messages, sent.packets, sent.bytes), (3, 4, 13 + (1 << 20)), "{:?}", row.count);
    let faults = faults(&lab, socket);
    assert!(faults.len() == 1 && faults[0].1.contains("without a close frame"), "{faults:?}");
    assert!(matches!(row.end.as_deref(), Some(End::Broken(_))), "{:?}", row.end);
}
