//! Node's `http` and `https`: a kept connection is one socket with many exchanges, whoever serves.

use sockscope::model::end::{End, Party};
use sockscope::model::event::{Event, Kind, Way};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::http::Request;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::curl::exchanges;
use crate::peers::{peer, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{assert_closed_well, named, talk};

/// What a kept connection of three requests, the second with a body, looks like.
const KEPT: [&str; 13] = [
    "request", "head", "body", "finish", "request", "body", "head", "body", "finish", "request", "head", "body",
    "finish",
];

/// Waits for the answer to a request, the `n`th of its socket.
async fn answered(lab: &Lab, socket: SocketId, n: u32) {
    lab.until("the answer", || (exchanges(lab, socket).len() as u32 == n).then_some(())).await;
}

async fn keeps_alive(scheme: &str, ca: Option<&str>, before: &[&str]) {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (id, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
    let url = format!("{scheme}://localhost:{}/", address.port());
    let args: Vec<&str> = [&*url].into_iter().chain(ca).collect();
    let said = run_node(&node, "http-client.mjs", &args).ends().await.ok();
    let wanted = "\
200 reused=false GET /first?a=b HTTP/1.1
200 reused=true POST /second HTTP/1.1
echoed=true
200 reused=true GET /third HTTP/1.1
";
    assert_eq!(said, wanted);
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(lab.rows().len(), 1, "one socket: {}", lab.report());
    assert_eq!(exchanges(&lab, socket), [1, 2, 3]);
    let names = talk(&lab, socket);
    assert_eq!(names[..before.len()], *before);
    assert_eq!(names[before.len()..before.len() + KEPT.len()], KEPT);
    assert_one_life(&lab.events(socket));
    assert_eq!((row.count.received.messages, row.count.sent.messages), (3, 3), "{}", lab.report());
    assert_closed_well(&lab, socket);
    let row = lab.endpoint(id, "idle", |row| row.open == 0).await;
    assert_eq!(row.ever, 1);
}

#[tokio::test]
async fn three_requests_of_a_keep_alive_agent_are_one_socket() {
    keeps_alive("http", None, &["connection"]).await;
}

#[tokio::test]
async fn three_requests_over_tls_are_one_socket_too() {
    let ca = our_ca();
    let before = ["connection", "secureConnection"];
    keeps_alive("https", ca.path().to_str(), &before).await;
}

async fn ask(lab: &Lab, socket: SocketId, n: u32, method: &str, target: &str, body: &'static str) {
    let request = Request { method: method.into(), target: target.into(), headers: Vec::new(), body: body.into() };
    lab.endpoints.command(socket, Command::Send(Payload::Request(Box::new(request)))).unwrap();
    answered(lab, socket, n).await;
}

async fn asks_node(scheme: &str, certificates: Option<&Certificates>) {
    let Some(node) = peer("node") else { return };
    let files = certificates.map(|made| [made.path("server.pem"), made.path("server.key")]);
    let args: Vec<&str> = files.iter().flatten().map(String::as_str).collect();
    let server = run_node(&node, "http-server.mjs", &args);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    let ca = certificates.map(|made| made.path("ca.pem")).unwrap_or_default();
    let settings = Settings::default().with("ca", &ca).unwrap();
    lab.open(Role::Connect, &format!("{scheme}://localhost:{port}/one?a=b"), settings);
    let socket = lab.nth(1).await;
    // It asks for its URL when it connects, and for the rest when it is told to.
    answered(&lab, socket, 1).await;
    ask(&lab, socket, 2, "POST", "/two", "你好").await;
    ask(&lab, socket, 3, "DELETE", "/three", "").await;
    server.says("DELETE /three on connection 1").await;
    let said = server.out();
    assert!(said.contains("GET /one?a=b on connection 1: \nPOST /two on connection 1: 你好\n"), "{said}");
    assert_eq!(exchanges(&lab, socket), [1, 2, 3]);
    for event in named(&lab, socket, "head") {
        assert!(matches!(event.kind, Kind::Head { way: Way::In, status: 200, .. }), "{event:?}");
    }
    let second: Vec<u8> = named(&lab, socket, "body")
        .into_iter()
        .filter(|event| event.kind == Kind::Body { way: Way::In, exchange: 2 })
        .flat_map(|event| event.head)
        .collect();
    assert_eq!(String::from_utf8(second).unwrap(), "you said: POST /two on connection 1: 你好");
    lab.endpoints.command(socket, Command::Close).unwrap();
    let row = lab.closed(socket).await;
    assert_eq!((row.count.sent.messages, row.count.received.messages, row.count.errors), (3, 3, 0), "{}", lab.report());
    assert_one_life(&lab.events(socket));
}

#[tokio::test]
async fn our_client_asks_node_three_times_on_one_connection() {
    asks_node("http", None).await;
}

#[tokio::test]
async fn our_client_asks_node_over_tls() {
    let Some(openssl) = peer("openssl") else { return };
    asks_node("https", Some(&Certificates::make(&openssl).await)).await;
}

#[tokio::test]
async fn every_kind_of_answer_is_told_apart() {
    let Some(node) = peer("node") else { return };
    let server = run_node(&node, "http-answers.mjs", &[]);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    lab.open(Role::Connect, &format!("http://127.0.0.1:{port}/"), Settings::default());
    let socket = lab.nth(1).await;
    answered(&lab, socket, 1).await;
    let asked = [
        ("HEAD", "/", &["request", "head", "finish"][..]),
        ("GET", "/nothing", &["request", "head", "finish"]),
        ("GET", "/same", &["request", "head", "finish"]),
        ("GET", "/hints", &["request", "head", "head", "body", "finish"]),
        ("GET", "/trailers", &["request", "head", "body", "trailers", "finish"]),
        ("GET", "/last", &["request", "head", "body", "finish"]),
    ];
    for ((method, target, wanted), n) in asked.into_iter().zip(2..) {
        ask(&lab, socket, n, method, target, "").await;
        let events = lab.events(socket).into_iter().filter(|event| event.kind.exchange() == Some(n));
        let names: Vec<_> = events.map(|event| event.kind.name()).collect();
        assert_eq!(names, wanted, "{method} {target}");
    }
    let status = |event: Event| match event.kind {
        Kind::Head { status, .. } => status,
        kind => panic!("{kind:?}"),
    };
    let statuses: Vec<_> = named(&lab, socket, "head").into_iter().map(status).collect();
    assert_eq!(statuses, [200, 200, 204, 304, 103, 200, 200, 200]);
    assert_eq!(named(&lab, socket, "trailers")[0].head, b"X-Sum: 42\r\n");
    let row = lab.closed(socket).await;
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!(row.count.errors, 0, "{}", lab.report());
}
