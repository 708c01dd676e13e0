//! Endpoints come and go by key while the others run.

use std::net::TcpListener;

use sockscope::model::setting::{self, Live};
use sockscope::model::url::{Role, Scheme};
use sockscope::model::view::{Query, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::runner::Runner;
use super::{got, in_time, one_listener, peer};

const FIVE: [&str; 5] = ["tcp", "udp", "http", "ws", "tls"];

#[tokio::test]
async fn five_listeners_are_up_at_once_and_shown() {
    let stage = FIVE.iter().fold(Runner::new(120, 40), |stage, scheme| stage.listen(&format!("{scheme}://:0")));
    let mut runner = stage.start().await;
    runner.wait_for("5 endpoints").await;
    for (n, scheme) in FIVE.iter().enumerate() {
        let address = runner.address(n).to_string();
        runner.wait_row(&["●", scheme, &address]).await;
    }
    assert!(!runner.screen().contains("failed"), "{}", runner.screen());
    runner.quit().await;
}

#[tokio::test]
async fn an_endpoint_is_added_while_others_run() {
    let mut runner = one_listener().await;
    let mut first = peer(&mut runner).await;
    runner.keys("a").await.wait_for("Add an endpoint").await;
    runner.keys("^a ^k").await.text("udp://:0").await;
    runner.keys("Enter").await.wait_for("2 endpoints").await;
    runner.wait_row(&["● udp", "127.0.0.1:"]).await;
    first.write_all(b"still there").await.unwrap();
    runner.wait_row(&["data", "11 B", "still there"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn a_wrong_url_says_what_is_wrong_and_nothing_is_lost() {
    let mut runner = one_listener().await;
    runner.keys("a ^a ^k").await.text("tpc://:9000").await;
    // A greeting besides: it must be there when the URL is right.
    runner.keys("Tab Tab").await.text("welcome\\n").await;
    runner.keys("Enter").await;
    runner.wait_for("\"tpc\" is no scheme").await.wait_for("tpc://:9000").await.wait_for("welcome\\n").await;
    assert!(runner.screen().contains("1 endpoint "), "{}", runner.screen());
    runner.keys("^a ^k").await.text("tcp://:0").await;
    runner.keys("Enter").await.wait_gone("Add an endpoint").await.wait_for("2 endpoints").await;
    runner.eventually("the second endpoint is up", |session| session.hub.states()[1] == State::Up).await;
    let mut peer = TcpStream::connect(runner.address(1)).await.unwrap();
    assert_eq!(got(&mut peer, 8).await, b"welcome\n");
    runner.quit().await;
}

#[tokio::test]
async fn a_taken_port_is_a_line_and_r_tries_again() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port();
    let mut runner = Runner::new(120, 40).listen(&format!("tcp://:{port}")).listen("tcp://:0").start().await;
    runner.wait_for("1 failed").await.wait_row(&["○ tcp", &format!(":{port}"), "port taken, r retry"]).await;
    let other = runner.address(1).to_string();
    runner.wait_row(&["● tcp", &other]).await;
    // Its own timeline has the whole sentence.
    runner.keys("BackTab").await.wait_for("EADDRINUSE").await;
    drop(taken);
    runner.keys("r").await.wait_row(&["● tcp", &address.to_string()]).await.wait_gone("failed").await;
    TcpStream::connect(address).await.unwrap();
    runner.quit().await;
}

#[tokio::test]
async fn s_stops_an_endpoint_and_starts_it_on_its_port() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut runner = Runner::new(120, 40).listen(&format!("tcp://{address}")).start().await;
    let mut first = peer(&mut runner).await;
    runner.keys("s").await.wait_row(&["○ tcp", "stopped", "r start"]).await;
    assert_eq!(in_time("the end", first.read(&mut [0; 1])).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
    runner.keys("s").await.wait_row(&["● tcp", &address.to_string()]).await;
    peer(&mut runner).await;
    runner.quit().await;
}

#[tokio::test]
async fn an_edited_endpoint_answers_as_it_now_should() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").start().await;
    let mut first = peer(&mut runner).await;
    first.write_all(b"echo").await.unwrap();
    assert_eq!(got(&mut first, 4).await, b"echo");
    runner.keys("E").await.wait_for("Edit endpoint @1").await.wait_for("[echo]").await;
    runner.keys("Tab Right").await.wait_for("[none]").await;
    runner.keys("Enter").await.wait_row(&["● tcp", "none"]).await;
    let mut second = peer(&mut runner).await;
    runner.keys("Home").await;
    second.write_all(b"one").await.unwrap();
    runner.wait_row(&["data", "one"]).await;
    second.write_all(b"two").await.unwrap();
    runner.wait_row(&["data", "two"]).await;
    assert!(!runner.screen().contains("▶ write"), "{}", runner.screen());
    runner.quit().await;
}

#[tokio::test]
async fn an_endpoint_with_sockets_is_removed_only_after_a_yes() {
    let mut runner = one_listener().await;
    let mut first = peer(&mut runner).await;
    runner.keys("D").await.wait_for("Sure?").await.wait_for("and close its open socket?").await;
    runner.keys("n").await.wait_gone("Sure?").await.wait_for("1 endpoint ").await;
    runner.keys("D y").await.wait_for("0 endpoints").await.wait_for("a adds one").await;
    assert_eq!(in_time("the end", first.read(&mut [0; 1])).await.unwrap(), 0);
    let total = runner.session.hub.snapshot(&Query::default()).endpoints.len();
    assert_eq!(total, 0);
    runner.quit().await;
}

#[tokio::test]
async fn a_client_dials_and_talks_both_ways() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let mut runner = Runner::new(120, 40).connect(&format!("tcp://{address}")).start().await;
    let (mut accepted, _) = in_time("the connection", server.accept()).await.unwrap();
    runner.wait_row(&["connect", &format!("to {address}")]).await;
    accepted.write_all(b"hello client").await.unwrap();
    runner.wait_row(&["data", "hello client"]).await;
    runner.keys("i hello Enter").await.wait_row(&["write", "hello"]).await;
    assert_eq!(got(&mut accepted, 5).await, b"hello");
    drop(accepted);
    runner.wait_row(&["close", "FIN"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn narrowing_lists_one_endpoints_sockets() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").listen("tcp://:0").start().await;
    peer(&mut runner).await;
    let other = TcpStream::connect(runner.address(1)).await.unwrap();
    let port = format!(":{}", other.local_addr().unwrap().port());
    runner.wait_row(&["tcp", &port, "open"]).await;
    runner.keys("BackTab End Enter").await.wait_for("Sockets  1 of 2").await.wait_row(&[&port, "open"]).await;
    runner.keys("Esc").await.wait_for("Sockets  2").await;
    runner.quit().await;
}

#[tokio::test]
async fn options_of_a_socket_are_changed_by_keys_and_told() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").start().await;
    let _peer = peer(&mut runner).await;
    let live = setting::fitting(Role::Listen, Scheme::Tcp).filter(|row| row.live == Live::Now);
    let tabs = live.take_while(|row| row.name != "nodelay").count();
    runner.keys("o").await.wait_for("Options of socket #1").await;
    for _ in 0..tabs {
        runner.keys("Tab").await;
    }
    runner.wait_row(&["nodelay", "no · [yes]"]).await;
    runner.keys("Space").await.wait_row(&["nodelay", "[no] · yes"]).await;
    runner.keys("Enter").await.wait_row(&["set", "nodelay = no"]).await;
    runner.keys("Tab Tab z t t").await.wait_for("Details").await.wait_row(&["nodelay", "no"]).await;
    runner.quit().await;
}
