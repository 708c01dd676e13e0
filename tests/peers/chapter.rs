//! The four programs of the classic Node.js network chapter, written anew for today's Node: their clients
//! against our listeners, set up by `examples/nodejs.toml`, and their servers against our clients.

use sockscope::model::end::{End, Party};
use sockscope::model::event::Kind;
use sockscope::model::id::EndpointId;
use sockscope::model::spec::Settings;
use sockscope::model::url::{Role, Scheme};
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use sockscope::run::config;

use crate::peers::{peer, run_node};
use crate::scope::Scope;
use crate::support::{Lab, assert_one_life};
use crate::{payload, port};

const EXAMPLE: &str = include_str!("../../examples/nodejs.toml");

/// An endpoint of the example, on a port that is free here.
async fn example(lab: &Lab, scheme: Scheme) -> (EndpointId, String) {
    let config = config::parse(EXAMPLE, "nodejs.toml").unwrap();
    let mut spec = config.endpoints.into_iter().find(|spec| spec.scheme() == scheme).unwrap();
    spec.url.port = 0;
    let id = lab.endpoints.open(spec);
    let row = lab.endpoint(id, "up", |row| row.state == State::Up).await;
    (id, port(row.local.unwrap()))
}

#[tokio::test]
async fn the_chapters_tcp_client_is_greeted_and_answered() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (id, port) = example(&lab, Scheme::Tcp).await;
    let said = run_node(&node, "tcp-client.mjs", &[&port]).ends().await.ok();
    assert_eq!(said, "client connected\n深入浅出Nodejs\n你好 ;(\nclient disconnected\n");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connection", "write", "data", "write", "end", "end", "close"]);
    assert_one_life(&lab.events(socket));
    assert_eq!(payload(&lab, socket, "data"), "world!\r\n");
    assert_eq!(payload(&lab, socket, "write"), "深入浅出Nodejs\n你好 ;(");
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!((row.count.received.bytes, row.count.received.messages), (8, 1));
    assert_eq!((row.count.sent.bytes, row.count.sent.messages), (19 + 9, 2));
    assert_eq!((row.count.received.wire, row.count.sent.wire, row.count.errors), (8, 28, 0));
    let row = lab.endpoint(id, "idle", |row| row.open == 0).await;
    assert_eq!((row.ever, row.count.sent.bytes), (1, 28));
}

#[tokio::test]
async fn our_tcp_client_talks_to_the_chapters_server() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let server = run_node(&node, "tcp-server.mjs", &["0"]);
    let port = server.line("server bound ").await;
    lab.open(Role::Connect, &format!("tcp://127.0.0.1:{port}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.until("the greeting", || (payload(&lab, socket, "data") == "深入浅出Node.js:\n").then_some(())).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("world!\r\n".into()))).unwrap();
    lab.until("the answer", || payload(&lab, socket, "data").ends_with("你好").then_some(())).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    let row = lab.closed(socket).await;
    server.says("client left").await;
    assert_eq!(lab.names(socket), ["connect", "data", "write", "data", "end", "end", "close"]);
    assert_one_life(&lab.events(socket));
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    assert_eq!((row.count.sent.bytes, row.count.received.bytes), (8, 21 + 6));
    assert_eq!((row.count.sent.messages, row.count.received.messages, row.count.errors), (1, 2, 0));
}

#[tokio::test]
async fn the_chapters_udp_client_is_shown() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (id, port) = example(&lab, Scheme::Udp).await;
    let said = run_node(&node, "udp-client.mjs", &[&port]).ends().await.ok();
    assert_eq!(said, "sent 19 bytes\n");
    let socket = lab.nth(1).await;
    let row = lab.socket(socket, "counted", |row| row.count.received.messages == 1).await;
    assert_eq!(lab.names(socket), ["connection", "message"]);
    assert_eq!((row.count.received.packets, row.count.received.bytes), (1, 19));
    assert_eq!((row.count.sent.packets, row.count.sent.bytes), (0, 0));
    let line = lab
        .until("the line", || {
            let events = lab.hub.events(id.into(), 0, 100).unwrap().events;
            events.into_iter().find(|event| event.kind == Kind::Log)
        })
        .await;
    let said = format!("server got: 深入浅出Node.js from 127.0.0.1:{}", row.peer.port());
    assert_eq!(String::from_utf8(line.head).unwrap(), said);
}

#[tokio::test]
async fn our_udp_client_is_shown_by_the_chapters_server() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let server = run_node(&node, "udp-server.mjs", &["0"]);
    let address = server.line("server listening ").await;
    lab.open(Role::Connect, &format!("udp://{address}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life.name() == "open").await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("深入浅出Node.js".into()))).unwrap();
    let row = lab.socket(socket, "sent", |row| row.count.sent.packets == 1).await;
    server.says(&format!("server got: 深入浅出Node.js from {}\n", row.local.unwrap())).await;
    assert_eq!((row.count.sent.bytes, row.count.received.packets), (19, 0));
    lab.endpoints.command(socket, Command::Close).unwrap();
    lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connect", "message", "close"]);
}

#[tokio::test]
async fn the_example_runs_headless_and_serves_both_clients() {
    let Some(node) = peer("node") else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nodejs.toml");
    let text = EXAMPLE.replace("127.0.0.1:8124\"", "127.0.0.1:0\"").replace("127.0.0.1:41234\"", "127.0.0.1:0\"");
    std::fs::write(&file, text).unwrap();
    let scope = Scope::start(&["--config", file.to_str().unwrap()]);
    let (tcp, udp) = (scope.listening(1).await, scope.listening(2).await);
    run_node(&node, "tcp-client.mjs", &[&port(tcp)]).ends().await.ok();
    run_node(&node, "udp-client.mjs", &[&port(udp)]).ends().await.ok();
    let log = scope.event("the line", |event| event["event"] == "log").await;
    assert!(log["text"].as_str().unwrap().starts_with("server got: 深入浅出Node.js from 127.0.0.1:"), "{log}");
    let data = scope.event("data", |event| event["event"] == "data").await;
    assert_eq!((&data["text"], &data["size"]), (&"world!\r\n".into(), &8.into()));
    let close = scope.event("close", |event| event["event"] == "close" && event["endpoint"] == 1).await;
    assert_eq!((&close["had_error"], &close["end"]["by"]), (&false.into(), &"peer".into()));
    scope.quit().await;
}
