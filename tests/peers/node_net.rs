//! Node's `net`: every event its documentation lists for `net.Server` and `net.Socket`, provoked in Node itself
//! and here by the same peer, and held side by side: the same names in the same order.
//!
//! What Node says twice or we say beside it is left out: its `ready` is the moment of `connect`, it says `lookup`
//! for each address, chunks of `data` are the network's, and what we send has no event there.

use serde_json::{Value, json};
use sockscope::model::dial::Step;
use sockscope::model::event::{Kind, Way};
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::life::Life;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::peers::{Peer, peer, run_node};
use crate::port;
use crate::support::Lab;

/// What a Node program said behind `event` or `server`, without what is said twice.
fn theirs(said: &str, of: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix(of)?.strip_prefix(' '));
    let mut names: Vec<String> = lines.filter(|name| *name != "ready").map(str::to_owned).collect();
    names.dedup();
    names
}

/// The same of a timeline of ours.
fn told(kinds: impl Iterator<Item = Kind>) -> Vec<String> {
    let mut names: Vec<String> = kinds
        .filter_map(|kind| match &kind {
            Kind::Write | Kind::Blocked { .. } | Kind::Set(_) | Kind::End { way: Way::Out, .. } => None,
            Kind::Attempt(attempt) if matches!(attempt.step, Step::Cancelled { .. }) => None,
            Kind::Error(fault) => Some(format!("error {}", fault.name())),
            Kind::Close(end) => Some(format!("close {}", end.had_error())),
            kind => Some(kind.name().to_owned()),
        })
        .collect();
    names.dedup();
    names
}

fn ours(lab: &Lab, socket: SocketId) -> Vec<String> {
    told(lab.events(socket).into_iter().map(|event| event.kind))
}

/// An endpoint's own; whether it had an error is no question there.
fn listeners(lab: &Lab, id: EndpointId) -> Vec<String> {
    let events = lab.hub.events(id.into(), 0, 100).unwrap().events;
    told(events.into_iter().map(|event| event.kind))
        .into_iter()
        .map(|name| name.replace("close false", "close"))
        .collect()
}

fn node_server(node: &std::path::Path, options: &Value) -> Peer {
    run_node(node, "net-server.mjs", &[&options.to_string()])
}

fn node_client(node: &std::path::Path, options: &Value) -> Peer {
    run_node(node, "net-client.mjs", &[&options.to_string()])
}

fn send(lab: &Lab, socket: SocketId, bytes: Vec<u8>) {
    lab.endpoints.command(socket, Command::Send(Payload::Bytes(bytes.into()))).unwrap();
}

async fn dialled(lab: &Lab, url: &str, settings: Settings) -> SocketId {
    lab.open(Role::Connect, url, settings);
    lab.nth(1).await
}

async fn opened(lab: &Lab, socket: SocketId) {
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
}

#[tokio::test]
async fn a_conversation_by_name() {
    let Some(node) = peer("node") else { return };
    let server = node_server(&node, &json!({"port": 0, "reply": "hi", "endOn": "data"}));
    let port: u16 = server.line("port ").await.parse().unwrap();
    let said = node_client(&node, &json!({"port": port, "host": "localhost", "write": "hello", "endOn": "end"}));
    said.says("event close").await;
    let wanted = theirs(&said.out(), "event");
    assert_eq!(wanted, ["lookup", "connectionAttempt", "connect", "data", "end", "close false"]);
    let lab = Lab::default();
    let socket = dialled(&lab, &format!("tcp://localhost:{port}"), Settings::default()).await;
    opened(&lab, socket).await;
    send(&lab, socket, b"hello".into());
    lab.closed(socket).await;
    let mut mine = ours(&lab, socket);
    // Where the name has two families, the first may have been refused.
    mine.retain(|name| name != "connectionAttemptFailed");
    mine.dedup();
    assert_eq!(mine, wanted);
}

#[tokio::test]
async fn nobody_there_and_no_such_name() {
    let Some(node) = peer("node") else { return };
    let free = crate::peers::free_tcp_port();
    let cases = [
        ("127.0.0.1", free, vec!["connectionAttempt", "connectionAttemptFailed", "error ECONNREFUSED", "close true"]),
        ("nowhere.invalid", 80, vec!["lookup", "error ENOTFOUND", "close true"]),
    ];
    for (host, port, wanted) in cases {
        let client = node_client(&node, &json!({"port": port, "host": host}));
        client.says("event close").await;
        assert_eq!(theirs(&client.out(), "event"), wanted, "Node, {host}");
        let lab = Lab::default();
        let socket = dialled(&lab, &format!("tcp://{host}:{port}"), Settings::default()).await;
        lab.closed(socket).await;
        assert_eq!(ours(&lab, socket), wanted, "ours, {host}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_address_is_followed_by_the_next() {
    let Some(node) = peer("node") else { return };
    let server = node_server(&node, &json!({"port": 0, "greet": "hi", "endOn": "end"}));
    let port: u16 = server.line("port ").await.parse().unwrap();
    // The same port of another loopback address, its backlog full: the kernel drops what comes.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind(([127, 0, 0, 9], port).into()).unwrap();
    let silent = silent.listen(0).unwrap();
    let at = silent.local_addr().unwrap();
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(tokio::net::TcpStream::connect(at))).collect();
    let addresses = ["127.0.0.9", "127.0.0.1"];
    let client = node_client(&node, &json!({"port": port, "host": "two.test", "lookup": addresses, "endOn": "data"}));
    client.says("event close").await;
    let wanted = theirs(&client.out(), "event");
    let attempts = ["connectionAttempt", "connectionAttemptTimeout", "connectionAttempt"];
    assert_eq!(wanted, [&["lookup"][..], &attempts, &["connect", "data", "end", "close false"]].concat());
    let lab = Lab::default();
    let settings = Settings::default().with("lookup", &addresses.join(" ")).unwrap();
    let socket = dialled(&lab, &format!("tcp://two.test:{port}"), settings).await;
    lab.event(socket, "data", |event| event.kind == Kind::Data).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    lab.closed(socket).await;
    assert_eq!(ours(&lab, socket), wanted);
    let row = lab.hub.socket(socket).unwrap();
    assert_eq!(row.peer.to_string(), format!("127.0.0.1:{port}"));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_reset_is_an_error_and_a_close_with_one() {
    let Some(node) = peer("node") else { return };
    let wanted = ["connectionAttempt", "connect", "error ECONNRESET", "close true"];
    let mut server = node_server(&node, &json!({"port": 0}));
    let port: u16 = server.line("port ").await.parse().unwrap();
    let client = node_client(&node, &json!({"port": port, "host": "127.0.0.1", "endOn": "never"}));
    client.says("event ready").await;
    server.says("server connection").await;
    server.write(b"reset\n").await;
    client.says("event close").await;
    assert_eq!(theirs(&client.out(), "event"), wanted);
    let lab = Lab::default();
    let socket = dialled(&lab, &format!("tcp://127.0.0.1:{port}"), Settings::default()).await;
    opened(&lab, socket).await;
    server
        .until("a second connection", |server| (server.out().matches("server connection").count() == 2).then_some(()))
        .await;
    server.write(b"reset\n").await;
    lab.closed(socket).await;
    assert_eq!(ours(&lab, socket), wanted);
}

#[tokio::test]
async fn silence_fires_and_the_socket_stays() {
    let Some(node) = peer("node") else { return };
    let wanted = ["connectionAttempt", "connect", "timeout", "end", "close false"];
    let server = node_server(&node, &json!({"port": 0}));
    let port: u16 = server.line("port ").await.parse().unwrap();
    let client = node_client(&node, &json!({"port": port, "host": "127.0.0.1", "timeout": 60, "endOn": "timeout"}));
    client.says("event close").await;
    assert_eq!(theirs(&client.out(), "event"), wanted);
    let lab = Lab::default();
    let settings = Settings::default().with("timeout", "60ms").unwrap();
    let socket = dialled(&lab, &format!("tcp://127.0.0.1:{port}"), settings).await;
    lab.event(socket, "timeout", |event| matches!(event.kind, Kind::Timeout { .. })).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    lab.closed(socket).await;
    assert_eq!(ours(&lab, socket), wanted);
}

#[tokio::test]
async fn what_waited_for_a_slow_reader_drains() {
    let Some(node) = peer("node") else { return };
    let wanted = ["connectionAttempt", "connect", "drain", "end", "close false"];
    // Larger than what both kernels hold, and within what we let wait.
    let big = 900_000;
    let mut server = node_server(&node, &json!({"port": 0, "paused": true}));
    let port: u16 = server.line("port ").await.parse().unwrap();
    let client = node_client(&node, &json!({"port": port, "host": "127.0.0.1", "big": 8_000_000, "endOn": "drain"}));
    client.says("event ready").await;
    server.says("server connection").await;
    server.write(b"resume\n").await;
    client.says("event close").await;
    assert_eq!(theirs(&client.out(), "event"), wanted);
    let lab = Lab::default();
    let settings = Settings::default().with("send_buffer", "8KiB").unwrap();
    let socket = dialled(&lab, &format!("tcp://127.0.0.1:{port}"), settings).await;
    opened(&lab, socket).await;
    let mut sent = 0;
    // As much as it takes until the far kernel's buffers are full.
    while !lab.hub.socket(socket).unwrap().blocked {
        if lab.hub.socket(socket).unwrap().count.sent.bytes >= sent {
            send(&lab, socket, vec![b'x'; big]);
            sent += big as u64;
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(60), lab.hub.changed()).await;
    }
    server.write(b"resume\n").await;
    lab.event(socket, "drain", |event| matches!(event.kind, Kind::Drain { .. })).await;
    lab.socket(socket, "sent", |row| row.count.sent.bytes == sent).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    lab.closed(socket).await;
    assert_eq!(ours(&lab, socket), wanted);
}

#[tokio::test]
async fn a_server_listens_takes_drops_and_closes() {
    let Some(node) = peer("node") else { return };
    let wanted = ["listening", "connection", "drop", "close"];
    let visit = async |port: u16| {
        let stays = node_client(&node, &json!({"port": port, "host": "127.0.0.1", "write": "hello"}));
        stays.says("event data").await;
        let dropped = node_client(&node, &json!({"port": port, "host": "127.0.0.1", "endOn": "end"}));
        dropped.says("event close").await;
        assert_eq!(theirs(&dropped.out(), "event"), ["connectionAttempt", "connect", "end", "close false"]);
        stays
    };
    let mut server = node_server(&node, &json!({"port": 0, "reply": "hi", "maxConnections": 1}));
    let stays = visit(server.line("port ").await.parse().unwrap()).await;
    stays.ends().await.ok();
    server.write(b"close\n").await;
    server.says("server close").await;
    assert_eq!(theirs(&server.out(), "server"), wanted);
    let lab = Lab::default();
    let settings = Settings::default().with("max_peers", "1").unwrap();
    let (id, address) = lab.listen("tcp://:0", settings).await;
    let stays = visit(port(address).parse().unwrap()).await;
    stays.ends().await.ok();
    lab.closed(lab.nth(1).await).await;
    lab.endpoints.stop(id);
    lab.until("it is closed", || listeners(&lab, id).contains(&"close".to_owned()).then_some(())).await;
    assert_eq!(listeners(&lab, id), wanted);
}

#[tokio::test]
async fn a_taken_port_is_an_error_of_the_server() {
    let Some(node) = peer("node") else { return };
    let holder = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port();
    let server = node_server(&node, &json!({"port": port}));
    server.says("server error").await;
    assert_eq!(theirs(&server.out(), "server"), ["error EADDRINUSE"]);
    let lab = Lab::default();
    let id = lab.open(Role::Listen, &format!("tcp://127.0.0.1:{port}"), Settings::default());
    lab.endpoint(id, "failed", |row| row.state.name() == "failed").await;
    assert_eq!(listeners(&lab, id), ["error EADDRINUSE"]);
}

#[tokio::test]
async fn an_accepted_socket_tells_what_nodes_does() {
    let Some(node) = peer("node") else { return };
    let wanted = ["data", "timeout", "end", "close false"];
    let mut server = node_server(&node, &json!({"port": 0, "reply": "hello", "timeout": 60}));
    let at: u16 = server.line("port ").await.parse().unwrap();
    let hello = |port: u16| json!({"port": port, "host": "127.0.0.1", "write": "hello"});
    let client = node_client(&node, &hello(at));
    server.says("event timeout").await;
    client.ends().await.ok();
    server.says("event close").await;
    server.write(b"close\n").await;
    assert_eq!(theirs(&server.out(), "event"), wanted);
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default().with("timeout", "60ms").unwrap()).await;
    let client = node_client(&node, &hello(address.port()));
    let socket = lab.nth(1).await;
    lab.event(socket, "timeout", |event| matches!(event.kind, Kind::Timeout { .. })).await;
    client.ends().await.ok();
    lab.closed(socket).await;
    assert_eq!(ours(&lab, socket)[1..], wanted);
}
