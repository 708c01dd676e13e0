//! Node's `http` and curl where HTTP/1.1 has more than a request and a response: leave to send, trailers,
//! pipelining, upgrades, tunnels, redirects, words before the answer, and what is malformed.

use serde_json::json;
use sockscope::model::draft::{Draft, Shape};
use sockscope::model::event::{Event, Kind, Way};
use sockscope::model::exchange::{Part, Turn, Why};
use sockscope::model::id::SocketId;
use sockscope::model::setting::http::Http;
use sockscope::model::spec::Settings;
use sockscope::model::url::{Role, Scheme};
use sockscope::net::{Command, Payload, protocol};

use crate::peers::{Peer, peer, run, run_node};
use crate::scope::Scope;
use crate::support::{Lab, assert_one_life};
use crate::{named, payload};

fn http(http: Http) -> Settings {
    Settings { http, ..Settings::default() }
}

/// A timeline in words, from the first request on.
fn story(events: &[Event]) -> Vec<String> {
    let begun = events.iter().skip_while(|event| event.kind.name() != "request");
    let words = begun.map(|event| match event.kind.way() {
        Some(Way::In) => format!("{} in", event.kind.name()),
        Some(Way::Out) => format!("{} out", event.kind.name()),
        None => event.kind.name().to_owned(),
    });
    words.collect()
}

#[tokio::test]
async fn nodes_client_takes_every_step_with_our_server() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://127.0.0.1:0", http(Http { upgrade: true, ..Http::default() })).await;
    let said = run_node(&node, "http-steps.mjs", &[&format!("http://{address}/")]).ends().await.ok();
    assert_eq!(said, "continue 200 true\nupgrade 101 chat/1 through\nconnect 200 - through\npipelined 3\n");
    // Its agent keeps the first connection, and upgrades it.
    let mut stories = Vec::new();
    for n in 1..=3 {
        let socket = lab.nth(n).await;
        lab.closed(socket).await;
        assert_one_life(&lab.events(socket));
        stories.push(story(&lab.events(socket)));
    }
    let steps = [
        "request in",
        "continue out",
        "body in",
        "body in",
        "chunk in",
        "trailers in",
        "head out",
        "body out",
        "finish",
    ];
    assert_eq!(stories[0][..9], steps);
    for tunnel in [&stories[0][9..], &stories[1]] {
        assert_eq!(tunnel[..5], ["request in", "head out", "upgrade", "data in", "write out"], "{tunnel:?}");
    }
    let pipelined = lab.nth(3).await;
    let turns: Vec<_> = named(&lab, pipelined, "request")
        .into_iter()
        .map(|event| match event.kind {
            Kind::Request { turn, .. } => turn,
            kind => panic!("{kind:?}"),
        })
        .collect();
    assert_eq!(turns, [Turn::First, Turn::Pipelined(1), Turn::Pipelined(2)]);
    let last = named(&lab, pipelined, "last");
    assert_eq!(last[0].kind, Kind::Last { way: Way::In, exchange: 3, why: Why::Close });
}

/// Our client on Node's server of events.
struct Asking {
    lab: Lab,
    socket: SocketId,
    server: Peer,
}

impl Asking {
    async fn start(redirects: u32) -> Option<Self> {
        let node = peer("node")?;
        let server = run_node(&node, "http-events.mjs", &[]);
        let port = server.line("listening ").await;
        let lab = Lab::default();
        lab.open(Role::Connect, &format!("http://127.0.0.1:{port}"), http(Http { redirects, ..Http::default() }));
        let socket = lab.nth(1).await;
        Some(Self { lab, socket, server })
    }

    fn send(&self, shape: Shape, text: &str) {
        let draft = Draft { text: text.into(), shape, ..Draft::default() };
        let payload = protocol(Scheme::Http).compose(&draft).unwrap();
        self.lab.endpoints.command(self.socket, Command::Send(payload)).unwrap();
    }

    /// Asks, and waits for so many finished exchanges in all.
    async fn ask(&self, text: &str, finished: usize) {
        self.send(Shape::Request, text);
        let done = || (named(&self.lab, self.socket, "finish").len() == finished).then_some(());
        self.lab.until(&format!("{finished} exchanges are finished"), done).await;
    }
}

#[tokio::test]
async fn node_hears_our_clients_headers_chunks_and_trailers_as_they_were_typed() {
    let Some(asking) = Asking::start(0).await else { return };
    let text =
        "PUT /x\nx-oDD: 1\nAccept: a\nHOST: me\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\none\n\nthree\n\nX-Sum: 8";
    asking.ask(text, 1).await;
    asking.server.says("request PUT /x \"onethree\" 3+5 {\"x-sum\":\"8\"}").await;
    asking.server.says("raw [\"x-oDD\",\"1\",\"Accept\",\"a\",\"HOST\",\"me\",").await;
    let sizes: Vec<_> = named(&asking.lab, asking.socket, "body")
        .into_iter()
        .filter_map(|event| match event.kind {
            Kind::Body { way: Way::Out, part: Part::Chunk(size), .. } => Some(size),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [3, 5]);
}

#[tokio::test]
async fn node_is_asked_for_leave_and_may_refuse() {
    let Some(asking) = Asking::start(0).await else { return };
    asking.ask("POST /taken\nExpect: 100-continue\n\nhello", 1).await;
    asking.server.says("checkContinue /taken\nrequest POST /taken \"hello\"").await;
    let told = story(&asking.lab.events(asking.socket));
    assert_eq!(told[..4], ["request out", "continue in", "body out", "head in"], "{told:?}");
    asking.ask("POST /refused\nExpect: 100-continue\n\nhello", 2).await;
    asking.lab.closed(asking.socket).await;
    assert!(!asking.server.all().contains("request POST /refused"), "{}", asking.server.all());
    let bodies = named(&asking.lab, asking.socket, "body").into_iter();
    assert_eq!(bodies.filter(|event| matches!(event.kind, Kind::Body { way: Way::Out, .. })).count(), 1);
}

#[tokio::test]
async fn words_before_an_answer_redirects_and_trailers_of_node_are_told() {
    let Some(asking) = Asking::start(3).await else { return };
    asking.ask("GET /early", 1).await;
    let informed: Vec<_> = named(&asking.lab, asking.socket, "information")
        .into_iter()
        .map(|event| match event.kind {
            Kind::Information { status, .. } => status,
            kind => panic!("{kind:?}"),
        })
        .collect();
    assert_eq!(informed, [102, 103]);
    asking.ask("GET /pieces", 2).await;
    assert_eq!(named(&asking.lab, asking.socket, "trailers")[0].head, b"X-Sum: 6\r\n");
    // One request, and one more that it points to.
    asking.ask("POST /away\n\nx", 4).await;
    asking.server.says("request GET /landed \"\"").await;
}

#[tokio::test]
async fn an_upgrade_and_a_tunnel_of_node_carry_what_we_send() {
    for (ask, said, through) in [
        ("GET /\nConnection: Upgrade\nUpgrade: chat/1", "upgrade chat/1 0", "helloecho through"),
        ("CONNECT far.test:99", "connect far.test:99", "far through"),
    ] {
        let Some(asking) = Asking::start(0).await else { return };
        asking.send(Shape::Request, ask);
        asking.server.says(said).await;
        asking.lab.until("the switch", || named(&asking.lab, asking.socket, "upgrade").pop()).await;
        asking.lab.endpoints.command(asking.socket, Command::Send(Payload::Bytes("through".into()))).unwrap();
        let all = || (payload(&asking.lab, asking.socket, "data") == through).then_some(());
        asking.lab.until("the echo", all).await;
        assert_eq!(payload(&asking.lab, asking.socket, "write"), "through");
    }
}

#[tokio::test]
async fn nodes_client_error_is_what_our_raw_bytes_provoke() {
    let Some(asking) = Asking::start(0).await else { return };
    asking.send(Shape::Raw, "GET / HTTP/1.1\nnonsense\n\n");
    asking.server.says("clientError HPE_").await;
    let row = asking.lab.closed(asking.socket).await;
    let head = named(&asking.lab, asking.socket, "head").pop().unwrap();
    assert!(matches!(head.kind, Kind::Head { way: Way::In, status: 400, .. }), "{head:?}");
    assert_eq!(row.count.sent.bytes, 25);
}

#[tokio::test]
async fn curl_reads_what_we_refuse_and_why() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://127.0.0.1:0", http(Http { most_body: Some(10), ..Http::default() })).await;
    let url = format!("http://{address}/");
    let cases: [(&[&str], &str, &str); 3] = [
        (&["-d", "more than ten bytes"], "413", "larger than"),
        (&["-H", "Host:"], "400", "without a Host"),
        (&["-H", "Transfer-Encoding: gzip", "-X", "POST"], "501", "gzip"),
    ];
    for (args, status, sentence) in cases {
        let args = [&["-sS", "-i", "--max-time", "10"], args, &[&*url]].concat();
        let text = run(&curl, &args, b"").await.ok();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains(sentence), "{args:?}: {text}");
    }
}

#[tokio::test]
async fn curl_and_node_take_hints_before_the_answer() {
    let Some(curl) = peer("curl") else { return };
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let hints = Some("</a.css>; rel=preload".to_owned());
    let (_, address) = lab.listen("http://127.0.0.1:0", http(Http { hints, ..Http::default() })).await;
    let text = run(&curl, &["-sS", "-i", "--max-time", "10", &format!("http://{address}/")], b"").await.ok();
    let first = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(text.starts_with(first), "{text}");
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    assert_eq!(story(&lab.events(socket))[..4], ["request in", "information out", "head out", "body out"]);
    let program = "const http = require('http'); const r = http.get(process.argv[1], (a) => { a.resume(); \
                   console.log('status ' + a.statusCode); }); \
                   r.on('information', (i) => console.log('information ' + i.statusCode + ' ' + i.headers.link));";
    let said = run(&node, &["-e", program, &format!("http://{address}/")], b"").await.ok();
    assert_eq!(said, "information 103 </a.css>; rel=preload\nstatus 200\n");
}

#[tokio::test]
async fn curl_is_told_when_the_connection_ends() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://127.0.0.1:0", http(Http { requests: 2, ..Http::default() })).await;
    let urls: Vec<String> = (1..=3).map(|n| format!("http://{address}/{n}")).collect();
    let args: Vec<&str> = ["-sS", "--max-time", "10"].into_iter().chain(urls.iter().map(String::as_str)).collect();
    run(&curl, &args, b"").await.ok();
    let first = lab.nth(1).await;
    lab.closed(first).await;
    assert_eq!(named(&lab, first, "last")[0].kind, Kind::Last { way: Way::Out, exchange: 2, why: Why::Close });
    assert_eq!(named(&lab, lab.nth(2).await, "request").len(), 1);
}

/// A request that curl made is copied as a command, and curl makes the same again; then ours does.
#[tokio::test]
async fn a_copied_command_sends_the_same_again() {
    let Some(curl) = peer("curl") else { return };
    let Some(sh) = peer("sh") else { return };
    let mut scope = Scope::start(&["-l", "http://127.0.0.1:0"]);
    let address = scope.listening(1).await;
    let url = format!("http://{address}/a?b=c%20d");
    let body = "it's \"this\" $HOME `x` \\ 你好\n";
    let args =
        ["-sS", "--max-time", "10", "-X", "PUT", "-H", "x-oDD: 'q'", "-u", "me:secret", "--data-raw", body, &url];
    run(&curl, &args, b"").await.ok();
    scope.event("the first", |event| event["event"] == "finish" && event["socket"] == 1).await;
    scope.command(json!({"command": "curl", "socket": 1, "exchange": 1, "id": "a"})).await;
    let line = scope.event("the command", |event| event["event"] == "curl").await;
    let command = line["text"].as_str().unwrap().to_owned();
    run(&sh, &["-c", &command], b"").await.ok();
    scope.event("the second", |event| event["event"] == "finish" && event["socket"] == 2).await;
    scope.command(json!({"command": "open", "connect": format!("http://{address}"), "id": "b"})).await;
    scope.event("our client", |event| event["event"] == "connect" && event["socket"] == 3).await;
    scope.command(json!({"command": "send", "socket": 3, "curl": command})).await;
    scope.event("the third", |event| event["event"] == "finish" && event["socket"] == 4).await;
    let find = |socket: u32, name: &str| {
        let event = scope.events().into_iter().find(|event| event["socket"] == socket && event["event"] == name);
        event.unwrap()["text"].as_str().unwrap().to_owned()
    };
    let sorted = |socket: u32| {
        let head = find(socket, "request").to_lowercase();
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        lines[1..].sort();
        lines
    };
    assert_eq!(find(1, "body"), body);
    for again in [2, 4] {
        assert_eq!(sorted(again), sorted(1), "{command}");
        assert_eq!(find(again, "body"), body, "{command}");
    }
    scope.quit().await;
}
