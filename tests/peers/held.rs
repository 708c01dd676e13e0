//! Answers by hand and by rule, as curl and Node take them: each step when it leaves, trailers and events too.

use sockscope::model::draft::{Draft, Shape};
use sockscope::model::event::Kind;
use sockscope::model::id::SocketId;
use sockscope::model::spec::{Reply, Settings};
use sockscope::model::waiting::Waiting;
use sockscope::net::{Payload, protocol};

use crate::named;
use crate::peers::{Peer, peer, run, run_node};
use crate::support::Lab;

fn holds() -> Settings {
    Settings { reply: Reply::Hold, ..Settings::default() }
}

async fn waiting(lab: &Lab) -> Waiting {
    lab.until("an exchange waits", || lab.hub.waiting().into_iter().next()).await
}

fn answer(lab: &Lab, socket: SocketId, shape: Shape, text: &str) {
    let draft = Draft { text: text.into(), shape, ..Draft::default() };
    let Payload::Steps(steps) = protocol(sockscope::model::url::Scheme::Http).compose(&draft).unwrap() else {
        panic!("no steps: {draft:?}")
    };
    lab.endpoints.answer(socket, None, &steps).unwrap();
}

#[tokio::test]
async fn node_gets_each_step_when_it_leaves_and_the_trailers() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", holds()).await;
    let said = run_node(&node, "http-held.mjs", &[&format!("http://{address}/held")]);
    let row = waiting(&lab).await;
    assert_eq!(&*row.exchange.target, "/held");
    answer(&lab, row.socket, Shape::Head, "201 By Hand\nx-by: hand\ntrailer: x-sum");
    assert_eq!(said.line("head ").await, "201 By Hand hand");
    for chunk in ["one", "two"] {
        answer(&lab, row.socket, Shape::Body, chunk);
        said.says(&format!("chunk {chunk}")).await;
    }
    answer(&lab, row.socket, Shape::End, "X-Sum: 7\nX-Not-Announced: 8");
    let text = said.ends().await.ok();
    assert!(text.ends_with("end complete=true {\"x-sum\":\"7\",\"x-not-announced\":\"8\"}\n"), "{text}");
    assert_eq!(named(&lab, row.socket, "trailers").len(), 1, "{}", lab.report());
}

#[tokio::test]
async fn node_hears_a_word_before_the_answer_in_both_versions() {
    let Some(node) = peer("node") else { return };
    for version in [&[][..], &["2"]] {
        let lab = Lab::default();
        let (_, address) = lab.listen("http://:0", holds()).await;
        let url = format!("http://{address}/early");
        let said = run_node(&node, "http-early.mjs", &[&[&*url], version].concat());
        let row = waiting(&lab).await;
        for text in ["103\nlink: </a.css>; rel=preload", "103 Again\nLink: </b.css>; rel=preload"] {
            answer(&lab, row.socket, Shape::Head, text);
            said.says(&format!("early 103 {}\n", text.split_once(": ").unwrap().1)).await;
        }
        answer(&lab, row.socket, Shape::Answer, "200 OK\n\nbody");
        let text = said.ends().await.ok();
        assert!(text.ends_with("head 200 undefined\n") && !text.contains("error"), "{text}");
        assert_eq!(named(&lab, row.socket, "information").len(), 2, "{}", lab.report());
    }
}

#[tokio::test]
async fn curl_gets_server_sent_events_at_once_over_tls_too() {
    let Some(curl) = peer("curl") else { return };
    for scheme in ["http", "https"] {
        let lab = Lab::default();
        let (_, address) = lab.listen(&format!("{scheme}://:0"), holds()).await;
        // As a browser's EventSource asks.
        let url = format!("{scheme}://{address}/events");
        let said = Peer::start(
            &curl,
            &["-sSkNi", "--http1.1", "-H", "Accept: text/event-stream", "-H", "Cache-Control: no-cache", &url],
        );
        let row = waiting(&lab).await;
        for event in ["one", "event: tick\nid: 2\ndata: two", "three\nlines\nhere"] {
            answer(&lab, row.socket, Shape::Push, event);
            let last = event.rsplit(['\n', ' ']).next().unwrap();
            said.says(&format!("data: {last}\n\n")).await;
        }
        answer(&lab, row.socket, Shape::End, "");
        let text = said.ends().await.ok();
        assert!(text.contains("Content-Type: text/event-stream\r\n"), "{text}");
        assert!(text.ends_with("event: tick\nid: 2\ndata: two\n\ndata: three\ndata: lines\ndata: here\n\n"), "{text}");
    }
}

#[tokio::test]
async fn curl_gives_up_and_it_is_seen() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", holds()).await;
    let done = run(&curl, &["-sS", "--max-time", "0.3", &format!("http://{address}/")], b"").await;
    assert_eq!(done.code, Some(28), "{}", done.err);
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let gave_up = named(&lab, socket, "aborted");
    let [event] = &gave_up[..] else { panic!("{}", lab.report()) };
    // It waited about as long as curl did.
    assert!(matches!(event.kind, Kind::Aborted { exchange: 1, waited, .. } if waited > 100_000_000), "{event:?}");
}

#[tokio::test]
async fn curl_meets_rules_and_a_whole_answer() {
    let Some(curl) = peer("curl") else { return };
    let page = tempfile::NamedTempFile::with_suffix(".html").unwrap();
    std::fs::write(page.path(), "<p>page</p>").unwrap();
    let rules =
        format!("GET /old redirect=/page ; /page file={} ; /cut drop ; /late delay=50ms 202", page.path().display());
    let settings = Settings::default().with("rules", &rules).unwrap();
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", settings).await;
    let url = |path: &str| format!("http://{address}{path}");
    let text = run(&curl, &["-sSiL", &url("/old")], b"").await.ok();
    assert!(text.starts_with("HTTP/1.1 302 Found\r\n") && text.contains("Content-Type: text/html"), "{text}");
    assert!(text.ends_with("<p>page</p>"), "{text}");
    let done = run(&curl, &["-sS", &url("/cut")], b"").await;
    assert_eq!(done.code, Some(56), "a reset: {}", done.err);
    let text =
        run(&curl, &["-sS", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", &url("/late")], b"").await.ok();
    let (code, took) = text.split_once(' ').unwrap();
    assert_eq!(code, "202");
    assert!(took.parse::<f64>().unwrap() >= 0.05, "{took}");
}
