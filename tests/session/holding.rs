//! Answers by hand: exchanges wait in sight, and are answered by keys in the protocol's three steps.

use sockscope::model::rule::Rules;
use sockscope::model::setting;
use sockscope::model::spec::{Reply, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::in_time;
use super::support::runner::Runner;

async fn holding() -> Runner {
    let settings = Settings { reply: Reply::Hold, ..Settings::default() };
    Runner::new(120, 40).listen_with("http://:0", settings).start().await
}

/// A peer that has asked for a path, and waits as the screen says.
async fn asks(runner: &mut Runner, path: &str) -> TcpStream {
    let mut peer = TcpStream::connect(runner.address(0)).await.unwrap();
    peer.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let port = peer.local_addr().unwrap().port();
    runner.wait_row(&["http", &format!(":{port}"), "wait"]).await;
    peer
}

/// What the peer hears up to and with these words.
async fn hears(peer: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(end) {
        heard.push(in_time(end, peer.read_u8()).await.unwrap());
    }
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn an_exchange_is_answered_by_keys_step_by_step() {
    let mut runner = holding().await;
    let mut peer = asks(&mut runner, "/slow").await;
    let name = peer.local_addr().unwrap();
    runner.wait_row(&["Sockets", "1", "1 waiting"]).await.wait_row(&["‖ held", "1", "your answer: i"]).await;
    runner.keys("i").await.wait_row(&["Send", "#1 http", &name.to_string(), "1 GET /slow", "head"]).await;
    // What is usual stands there, to be changed or sent as it is.
    runner.wait_row(&["› 200 OK"]).await.wait_row(&["content-type: text/plain; charset=utf-8"]).await;
    runner.text("x-by: hand").await;
    runner.keys("Enter").await.wait_row(&["▶ head", "200 OK"]).await.wait_for("✓ exchange 1: head 200 left").await;
    let head = hears(&mut peer, "\r\n\r\n").await;
    assert!(head.contains("x-by: hand\r\n") && head.contains("chunked"), "{head}");
    // The head is fixed from here; the panel has gone on to the body.
    runner.wait_for("head 200 sent").await;
    runner.keys("hello Enter").await;
    assert_eq!(hears(&mut peer, "hello\r\n").await, "5\r\nhello\r\n");
    runner.keys("^t").await.text("tick").await;
    runner.keys("Enter").await.wait_row(&["▶ body", "data: tick"]).await;
    assert!(hears(&mut peer, "\n\n\r\n").await.contains("data: tick"));
    runner.keys("^t ^t ^t").await.wait_row(&["› 200 OK"]).await;
    runner.keys("Enter").await.wait_for("headers already sent: the head 200 has left").await;
    runner.keys("^t ^t ^t").await.wait_for("⏎ ends it").await.text("X-Sum: 7").await;
    runner.keys("Enter").await.wait_for("✓ exchange 1: the end left").await.wait_row(&["finish", "1"]).await;
    assert_eq!(hears(&mut peer, "\r\n\r\n").await, "0\r\nx-sum: 7\r\n\r\n");
    // Nothing waits: the dashboard has the keys again.
    runner.wait_for("i types to").await.wait_gone("1 waiting").await;
    runner.quit().await;
}

#[tokio::test]
async fn the_waiting_list_shows_all_and_one_is_chosen_from_it() {
    let mut runner = holding().await;
    runner.keys("w").await.wait_for("no exchange waits for an answer").await;
    let mut first = asks(&mut runner, "/first").await;
    let mut second = asks(&mut runner, "/second").await;
    second.write_all(b"GET /third HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    runner.wait_row(&["Sockets", "3 waiting"]).await;
    runner.keys("w").await.wait_row(&["Waiting for your answer", "3"]).await;
    runner.wait_row(&["#1", "1", "GET /first", "waiting"]).await.wait_row(&["#2", "1", "GET /second", "waiting"]).await;
    runner.wait_row(&["#2", "2", "GET /third", "queued"]).await;
    runner.keys("Down A").await.wait_row(&["Send", "#2", "1 GET /second", "whole answer"]).await;
    runner.text("two").await;
    runner.keys("Enter").await;
    assert!(hears(&mut second, "two").await.contains("Content-Length: 3\r\n"));
    // On to what waited behind it on its connection.
    runner.wait_row(&["Send", "#2", "2 GET /third", "waiting"]).await.keys("Esc A").await;
    runner.keys("three Enter").await.wait_for("i types to").await;
    hears(&mut second, "three").await;
    // Then the oldest of all, wherever the selection is.
    runner.keys("A").await.wait_row(&["Send", "1 GET /first"]).await.keys("one Enter").await;
    hears(&mut first, "one").await;
    runner.wait_gone("waiting").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_peer_that_gives_up_is_seen_and_its_draft_cannot_be_sent() {
    let mut runner = holding().await;
    let peer = asks(&mut runner, "/slow").await;
    runner.keys("i").await.wait_for("waiting, 0s").await;
    drop(peer);
    runner.wait_row(&["✕ aborted", "the peer gave it"]).await.wait_for("exchange 1 is over").await;
    runner.keys("Enter").await.wait_for("exchange 1 is over").await.wait_for("› 200 OK").await;
    runner.quit().await;
}

#[tokio::test]
async fn an_event_goes_to_every_stream_of_the_endpoint() {
    let mut runner = holding().await;
    let mut peers = [asks(&mut runner, "/a").await, asks(&mut runner, "/b").await];
    runner.keys("i ^t ^t ^b").await.wait_row(&["Send", "every waiting exchange of http", "(2)"]).await;
    runner.keys("tick Enter").await.wait_for("✓ 2 exchanges took it").await;
    for peer in &mut peers {
        let heard = hears(peer, "data: tick\n\n").await;
        assert!(heard.contains("Content-Type: text/event-stream\r\n"), "{heard}");
    }
    runner.quit().await;
}

#[tokio::test]
async fn rules_change_while_their_listener_runs() {
    let mut runner = Runner::new(120, 40).listen("http://:0").start().await;
    let rules = setting::find("rules").unwrap();
    let mut settings = Settings::default();
    (rules.set)(&mut settings, "/tea 418 ; /wait hold").unwrap();
    assert_eq!(settings.http.rules, Rules::parse("/tea 418 ; /wait hold").unwrap());
    let id = runner.session.hub.spec(sockscope::model::id::EndpointId(1)).map(|_| sockscope::model::id::EndpointId(1));
    runner
        .session
        .perform(sockscope::app::Effect::Set {
            subject: id.unwrap().into(),
            changes: vec![(rules, "/tea 418 ; /wait hold".into())],
        })
        .unwrap();
    let mut peer = TcpStream::connect(runner.address(0)).await.unwrap();
    peer.write_all(b"GET /tea HTTP/1.1\r\nHost: x\r\n\r\nGET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(hears(&mut peer, "\r\n\r\n").await.starts_with("HTTP/1.1 418 "));
    runner.wait_row(&["‖ held", "2"]).await;
    // What each rule met stands on the endpoint's details.
    runner.keys("BackTab t t").await.wait_row(&["1 hits", "/tea 418"]).await;
    runner.quit().await;
}
