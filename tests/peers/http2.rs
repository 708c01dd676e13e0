//! HTTP/2 with those who speak it: curl, nghttp2's client and load, Node's client and server.

use sockscope::model::end::{End, Party};
use sockscope::model::event::{Event, Kind, Way};
use sockscope::model::exchange::{Part, Turn};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::http::Request;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::curl::exchanges;
use crate::peers::{peer, run, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{assert_closed_well, named};

fn two() -> Settings {
    Settings::default().with("http", "2").unwrap()
}

/// The events of one exchange in words, body pieces in a row as one.
fn story(events: &[Event], exchange: u32) -> Vec<String> {
    let mut story: Vec<String> = Vec::new();
    for event in events.iter().filter(|event| event.kind.exchange() == Some(exchange)) {
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

fn text(event: &Event) -> String {
    String::from_utf8(event.head.clone()).unwrap()
}

/// A value on the details page.
fn detail(lab: &Lab, socket: SocketId, title: &str, name: &str) -> Option<String> {
    let (_, groups) = lab.hub.details(socket.into()).unwrap();
    let group = groups.into_iter().find(|group| group.title == title)?;
    group.rows.into_iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Both sides' settings, each acknowledged.
fn assert_settled(lab: &Lab, socket: SocketId) {
    let mut told: Vec<_> = named(lab, socket, "settings")
        .into_iter()
        .map(|event| match event.kind {
            Kind::Settings(settings) => (settings.way == Way::In, settings.ack),
            kind => panic!("{kind:?}"),
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(false, false), (false, true), (true, false), (true, true)], "{}", lab.report());
}

const PLAIN: [&str; 4] = ["request in", "head out", "body out", "finish"];
const WITH_BODY: [&str; 5] = ["request in", "body in", "head out", "body out", "finish"];

#[tokio::test]
async fn curl_speaks_it_with_prior_knowledge() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    // One URL: curl 7.88 breaks its connection at the second, whoever serves.
    let url = format!("http://{address}/1");
    let args = ["-sS", "-i", "--max-time", "10", "--http2-prior-knowledge", &url];
    let said = run(&curl, &args, b"").await.ok();
    assert!(said.starts_with("HTTP/2 200 ") && said.contains(":path: /1\n"), "{said}");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    assert_one_life(&events);
    assert_eq!((lab.rows().len(), row.count.errors), (1, 0), "{}", lab.report());
    assert_eq!((row.count.received.messages, row.count.sent.messages), (1, 1));
    assert_eq!(story(&events, 1), PLAIN);
    let request = &named(&lab, socket, "request")[0];
    assert_eq!(request.kind, Kind::Request { way: Way::In, exchange: 1, stream: 1, turn: Turn::First });
    let head = text(request);
    assert!(head.starts_with(":method: GET\r\n:path: /1\r\n:scheme: http\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\n:authority: {address}\r\n")) && head.contains("\r\nuser-agent: curl/"),
        "{head}"
    );
}

#[tokio::test]
async fn curl_agrees_on_it_over_tls_and_posts() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("https://:0", Settings::default()).await;
    let ca = our_ca();
    let url = format!("https://localhost:{}/a", address.port());
    let args = ["-4", "-sS", "--max-time", "10", "--cacert", ca.path().to_str().unwrap(), "-d", "hello", &url];
    let said = run(&curl, &args, b"").await.ok();
    assert!(said.contains(":method: POST\n") && said.contains("body (5 bytes)\nhello"), "{said}");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    let secured = named(&lab, socket, "secureConnection");
    let Kind::SecureConnection(secured) = &secured[0].kind else { panic!("{secured:?}") };
    assert_eq!(secured.alpn.as_deref(), Some("h2"));
    assert_eq!(story(&events, 1), WITH_BODY);
    assert_eq!((row.count.received.messages, row.count.sent.messages), (1, 1));
    assert_closed_well(&lab, socket);
}

#[tokio::test]
async fn an_offer_to_upgrade_is_answered_in_what_it_was_made() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    let url = format!("http://{address}/");
    let said = run(&curl, &["-sS", "-i", "--max-time", "10", "--http2", &url], b"").await.ok();
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.contains("Upgrade: h2c\n"), "{said}");
    let socket = lab.nth(1).await;
    assert_eq!(lab.closed(socket).await.count.errors, 0, "{}", lab.report());
}

#[tokio::test]
async fn nghttp_sees_what_the_timeline_tells() {
    let Some(nghttp) = peer("nghttp") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    let url = format!("http://{address}/a");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "x".repeat(40_000)).unwrap();
    let data = file.path().to_str().unwrap();
    let said = run(&nghttp, &["-nv", "-t", "10", "-d", data, "--trailer", "x-sum: 7", &url], b"").await.ok();
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    assert_eq!(row.count.errors, 0, "{}", lab.report());
    let events = lab.events(socket);
    let wanted = ["request in", "body in", "trailers in", "head out", "body out", "finish"];
    assert_eq!(story(&events, 1), wanted);
    assert_eq!(text(&named(&lab, socket, "trailers")[0]), "x-sum: 7\r\n");
    let body = |event: &&Event| event.kind == Kind::Body { way: Way::In, exchange: 1, part: Part::Plain };
    assert_eq!(events.iter().filter(body).map(|event| event.size).sum::<u64>(), 40_000);
    // It opens its request behind streams that are priorities alone.
    let Kind::Request { stream, .. } = named(&lab, socket, "request")[0].kind else { panic!() };
    assert!(said.contains(&format!("recv (stream_id={stream}) :status: 200")), "{said}");
    let sent = |frame: &str| said.matches(&format!("send {frame} frame")).count() as u64;
    let received = |frame: &str| said.matches(&format!("recv {frame} frame")).count() as u64;
    for frame in ["SETTINGS", "HEADERS", "DATA", "PRIORITY", "WINDOW_UPDATE"] {
        let told = detail(&lab, socket, "HTTP/2", frame).unwrap_or_else(|| "0 in, 0 out".into());
        assert_eq!(told, format!("{} in, {} out", sent(frame), received(frame)), "{frame}: {said}");
    }
    assert_eq!(named(&lab, socket, "settings").len() as u64, sent("SETTINGS") + received("SETTINGS"), "{said}");
    // It leaves with its own GOAWAY: whether it still reads ours is a race.
    let told = named(&lab, socket, "goAway");
    let ours = told.iter().filter(|event| event.kind.way() == Some(Way::Out)).count() as u64;
    assert_eq!(told.len() as u64 - ours, sent("GOAWAY"), "{said}");
    assert!(ours >= received("GOAWAY"), "{said}");
}

#[tokio::test]
async fn h2load_gets_every_answer_and_every_one_is_counted() {
    let Some(h2load) = peer("h2load") else { return };
    let lab = Lab::default();
    let (id, address) = lab.listen("http://:0", Settings::default()).await;
    let url = format!("http://{address}/");
    let said = run(&h2load, &["-n", "600", "-c", "3", "-m", "20", &url], b"").await.ok();
    assert!(said.contains("600 succeeded, 0 failed"), "{said}");
    let row = lab.endpoint(id, "idle", |row| row.open == 0 && row.ever == 3).await;
    assert_eq!((row.count.received.messages, row.count.sent.messages, row.count.errors), (600, 600, 0));
    for row in lab.rows() {
        assert_eq!(exchanges(&lab, row.id).len(), 200, "{}", lab.report());
    }
}

async fn node_asks(scheme: &str, ca: Option<&str>) {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
    let url = format!("{scheme}://localhost:{}", address.port());
    let args: Vec<&str> = [&*url].into_iter().chain(ca).collect();
    let said = run_node(&node, "http2-client.mjs", &args).ends().await.ok();
    assert_eq!(said, "streams=256\n200 true\n200 true\nping number\nreset 8\n");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let events = lab.events(socket);
    assert_one_life(&events);
    assert_eq!(story(&events, 1), PLAIN);
    let posted = ["request in", "body in", "trailers in", "head out", "body out", "finish"];
    assert_eq!(story(&events, 2), posted);
    assert_eq!(text(&named(&lab, socket, "trailers")[0]), "x-sum: 42\r\n");
    let requests = named(&lab, socket, "request");
    let (first, second) = (requests[0].seq, requests[1].seq);
    let finish = named(&lab, socket, "finish")[0].seq;
    assert!(first < finish && second < finish, "both were open at once: {}", lab.report());
    assert_eq!(text(&named(&lab, socket, "ping")[0]), "sockscop");
    assert_eq!(named(&lab, socket, "pong")[0].kind, Kind::Pong { way: Way::Out, rtt: None, frame: None });
    // Given up before it was asked, or just after: what was on the wire is what is told.
    if let Some(reset) = named(&lab, socket, "streamReset").first() {
        assert!(matches!(reset.kind, Kind::StreamReset { way: Way::In, exchange: 3, code: 8, .. }), "{reset:?}");
    }
    assert!(matches!(named(&lab, socket, "goAway")[0].kind, Kind::GoAway { way: Way::In, code: 0, .. }));
    assert_settled(&lab, socket);
    assert_eq!(row.count.errors, 0, "{}", lab.report());
}

#[tokio::test]
async fn node_asks_several_at_once_pings_and_gives_up() {
    node_asks("http", None).await;
}

#[tokio::test]
async fn node_does_the_same_over_tls() {
    let ca = our_ca();
    node_asks("https", ca.path().to_str()).await;
}

async fn ask(lab: &Lab, socket: SocketId, method: &str, target: &str, body: &'static str) {
    let request = Request { method: method.into(), target: target.into(), body: body.into(), ..Request::default() };
    lab.endpoints.command(socket, Command::Send(Payload::Request(Box::new(request)))).unwrap();
}

async fn asks_node(scheme: &str, certificates: Option<&Certificates>) {
    let Some(node) = peer("node") else { return };
    let files = certificates.map(|made| [made.path("server.pem"), made.path("server.key")]);
    let args: Vec<&str> = files.iter().flatten().map(String::as_str).collect();
    let server = run_node(&node, "http2-server.mjs", &args);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    // Over TLS both agree on it by themselves.
    let settings = match certificates {
        Some(made) => Settings::default().with("ca", &made.path("ca.pem")).unwrap(),
        None => two(),
    };
    lab.open(Role::Connect, &format!("{scheme}://localhost:{port}/one?a=b"), settings);
    let socket = lab.nth(1).await;
    for (target, body) in [("/two", "你好"), ("/hints", ""), ("/trailers", ""), ("/ping", ""), ("/reset", "")] {
        ask(&lab, socket, "POST", target, body).await;
    }
    lab.until("all answers", || (exchanges(&lab, socket).len() == 5).then_some(())).await;
    lab.event(socket, "the reset", |event| event.kind.name() == "streamReset").await;
    let said = server.out();
    assert!(said.contains(&format!("GET /one?a=b from localhost:{port} on 1: \n")), "{said}");
    assert!(said.contains(&format!("POST /two from localhost:{port} on 3: 你好\n")), "{said}");
    let told = |target: &str| {
        let line = format!("\r\n:path: {target}\r\n");
        let asked = named(&lab, socket, "request").into_iter().find(|event| text(event).contains(&line)).unwrap();
        story(&lab.events(socket), asked.kind.exchange().unwrap())
    };
    assert_eq!(told("/one?a=b"), ["request out", "head in", "body in", "finish"]);
    assert_eq!(told("/two"), ["request out", "body out", "head in", "body in", "finish"]);
    assert_eq!(told("/hints"), ["request out", "information in", "head in", "body in", "finish"], "103 and 200");
    assert_eq!(told("/trailers"), ["request out", "head in", "body in", "trailers in", "finish"]);
    assert_eq!(told("/reset"), ["request out", "streamReset in"]);
    let mut statuses: Vec<_> = named(&lab, socket, "head")
        .into_iter()
        .map(|event| match event.kind {
            Kind::Head { way: Way::In, status, .. } => status,
            kind => panic!("{kind:?}"),
        })
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200; 5]);
    assert!(matches!(
        named(&lab, socket, "information")[..],
        [Event { kind: Kind::Information { status: 103, .. }, .. }]
    ));
    assert_eq!(named(&lab, socket, "ping")[0].kind, Kind::Ping { way: Way::In, frame: None });
    let Kind::StreamReset { code, .. } = named(&lab, socket, "streamReset")[0].kind else { panic!() };
    assert_eq!(code, 2);
    assert_settled(&lab, socket);

    ask(&lab, socket, "GET", "/goaway", "").await;
    let row = lab.closed(socket).await;
    let away = named(&lab, socket, "goAway");
    assert!(matches!(away[0].kind, Kind::GoAway { way: Way::In, code: 11, .. }), "{away:?}");
    assert_eq!(text(&away[0]), "enough");
    assert!(matches!(row.end.as_deref(), Some(End::Broken(_))), "{:?}", row.end);
    assert_eq!(row.count.errors, 1, "{}", lab.report());
    assert_one_life(&lab.events(socket));
}

#[tokio::test]
async fn our_client_asks_node_with_prior_knowledge() {
    asks_node("http", None).await;
}

#[tokio::test]
async fn our_client_and_node_agree_on_it_over_tls() {
    let Some(openssl) = peer("openssl") else { return };
    asks_node("https", Some(&Certificates::make(&openssl).await)).await;
}

#[tokio::test]
async fn a_server_of_http_1_is_told_apart() {
    let Some(node) = peer("node") else { return };
    let server = run_node(&node, "http-server.mjs", &[]);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    lab.open(Role::Connect, &format!("http://localhost:{port}/"), two());
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    // It answers 400 in text, which is no frame.
    assert!(matches!(row.end.as_deref(), Some(End::Broken(_) | End::Finished { first: Party::Peer })), "{:?}", row.end);
    let faults = crate::faults(&lab, socket);
    // Whether the RST that follows is met is a matter of time.
    assert!(matches!(&faults[..], [one, ..] if one.1.contains("the server answers in HTTP/1")), "{}", lab.report());
}
