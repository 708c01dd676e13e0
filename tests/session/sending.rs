//! The send panel: what is typed is what the peer gets, and the timeline shows it because it was sent.

use std::io::ErrorKind;

use sockscope::model::draft::Draft;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use super::support::runner::Runner;
use super::{got, in_time, one_echo, one_listener, peer};

#[tokio::test]
async fn an_echo_is_seen_both_ways() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").start().await;
    let mut peer = peer(&mut runner).await;
    peer.write_all("你好, sockscope".as_bytes()).await.unwrap();
    runner.wait_row(&["connection", "from", &peer.local_addr().unwrap().to_string()]).await;
    runner.wait_row(&["◀ data", "17 B", "你好, sockscope"]).await;
    runner.wait_row(&["▶ write", "17 B", "你好, sockscope"]).await;
    assert_eq!(got(&mut peer, 17).await, "你好, sockscope".as_bytes());
    runner.quit().await;
}

#[tokio::test]
async fn a_typed_message_reaches_the_peer_and_the_timeline() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    let name = format!("Send → #1 tcp {}", peer.local_addr().unwrap());
    runner.keys("i").await.wait_for(name).await;
    runner.text("hello you").await.wait_for("9 B").await;
    runner.keys("Enter").await.wait_for("✓ sent 9 B to #1").await.wait_row(&["▶ write", "9 B", "hello you"]).await;
    assert_eq!(got(&mut peer, 9).await, b"hello you");
    // The panel stays open, and is empty.
    runner.wait_row(&["›"]).await;
    runner.keys("again Enter").await;
    assert_eq!(got(&mut peer, 5).await, b"again");
    runner.keys("Esc").await.wait_for("q quit").await;
    runner.quit().await;
}

#[tokio::test]
async fn escapes_hex_and_files_become_bytes() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("i Tab").await.text(r"a\r\n\0\xff\u{4f60}").await;
    runner.keys("Enter").await;
    assert_eq!(got(&mut peer, 8).await, b"a\r\n\0\xff\xe4\xbd\xa0");
    runner.keys("Tab").await.text("0x68, 65:6c 6c6f").await;
    runner.keys("Enter").await;
    assert_eq!(got(&mut peer, 5).await, b"hello");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"from\0a file").unwrap();
    runner.keys("Tab").await.text(file.path().to_str().unwrap()).await;
    runner.keys("Enter").await.wait_for("✓ sent 11 B").await;
    assert_eq!(got(&mut peer, 11).await, b"from\0a file");
    runner.quit().await;
}

#[tokio::test]
async fn a_draft_that_cannot_be_sent_says_why_and_stays() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("i Tab Tab").await.text("68 6g").await;
    runner.keys("Enter").await.wait_for("\"6g\" is not hex").await.wait_for("› 68 6g").await;
    runner.keys("Backspace 5 Enter").await.wait_row(&["write", "2 B", "he"]).await;
    assert_eq!(got(&mut peer, 2).await, b"he");
    runner.keys("Tab").await.text("/no/such/file").await;
    runner.keys("Enter").await.wait_for("there is no such file").await.wait_for("› /no/such/file").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_line_ending_is_put_behind() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("i BackTab BackTab").await.wait_for("⏎ CRLF").await;
    runner.keys("hi").await.wait_for("2 B + CRLF = 4 B").await;
    runner.keys("Enter").await.wait_row(&["write", "4 B", "hi\\r\\n"]).await;
    assert_eq!(got(&mut peer, 4).await, b"hi\r\n");
    runner.quit().await;
}

#[tokio::test]
async fn a_broadcast_shows_to_how_many_and_all_get_it() {
    let mut runner = one_listener().await;
    let mut peers = [peer(&mut runner).await, peer(&mut runner).await, peer(&mut runner).await];
    runner.keys("i ^b").await.wait_row(&["Send → all sockets of tcp", "(3)"]).await;
    runner.keys("all Enter").await.wait_for("to 3 sockets of @1").await;
    for peer in &mut peers {
        assert_eq!(got(peer, 3).await, b"all");
    }
    // From the endpoint's own line it goes to all from the start.
    runner.keys("Esc BackTab i").await.wait_row(&["Send → all sockets of tcp", "(3)"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn e_half_closes_and_the_peer_can_still_speak() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("e").await.wait_row(&["▶ end", "FIN"]).await.wait_for("half ▶").await;
    assert_eq!(in_time("the peer's end", peer.read(&mut [0; 1])).await.unwrap(), 0);
    peer.write_all(b"last words").await.unwrap();
    runner.wait_row(&["data", "last words"]).await;
    // There is nothing more to send: the key says so, and does not open the panel.
    runner.keys("i").await.wait_for("✗ you half-closed it").await;
    drop(peer);
    runner.wait_row(&["close", "we closed first"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn x_closes_and_shift_x_resets() {
    let mut runner = one_listener().await;
    let mut closed = peer(&mut runner).await;
    runner.keys("x").await.wait_row(&["close", "we closed first"]).await;
    assert_eq!(in_time("the peer's end", closed.read(&mut [0; 1])).await.unwrap(), 0);
    let mut reset = peer(&mut runner).await;
    runner.keys("Home").await.wait_for("#2 tcp").await;
    runner.keys("X").await.wait_row(&["close", "RST, we reset it"]).await;
    let error = in_time("the reset", reset.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    runner.keys("e").await.wait_for("✗ the socket is closed").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_reset_by_the_peer_is_named() {
    let mut runner = one_listener().await;
    let peer = peer(&mut runner).await;
    socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(peer);
    runner.wait_row(&["error", "ECONNRESET"]).await.wait_row(&["close", "RST from the peer"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn a_datagram_goes_to_a_typed_address() {
    let mut runner = Runner::new(120, 40).listen("udp://:0").start().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = stranger.local_addr().unwrap();
    runner.keys("BackTab i").await.wait_for("send to").await;
    runner.keys("nobody Enter").await.wait_for("\"nobody\" is no address").await;
    runner.keys("^a ^k").await.text(&address.to_string()).await;
    runner.keys("Enter").await.wait_for(format!("Send → {address}")).await;
    runner.keys("hello Enter").await;
    let mut buffer = [0; 64];
    let (read, from) = in_time("the datagram", stranger.recv_from(&mut buffer)).await.unwrap();
    assert_eq!((&buffer[..read], from), (&b"hello"[..], runner.address(0)));
    runner.keys("Esc Tab").await.wait_row(&["▶ message", "5 B", "hello"]).await;
    // And what answers is the same peer.
    stranger.send_to(b"world", from).await.unwrap();
    runner.wait_row(&["◀ message", "5 B", "world"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn history_is_walked_and_searched() {
    let before = Draft { text: "from an earlier run".into(), ..Draft::default() };
    let mut runner = Runner::new(120, 40).listen_with("tcp://:0", super::quiet()).history(vec![before]).start().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("i first Enter").await.wait_row(&["write", "first"]).await;
    runner.keys("second Enter").await.wait_row(&["write", "second"]).await;
    assert_eq!(got(&mut peer, 11).await, b"firstsecond");
    runner.keys("dra Up").await.wait_for("› second").await;
    runner.keys("Up").await.wait_for("› first").await;
    runner.keys("Up").await.wait_for("› from an earlier run").await;
    runner.keys("Down Down Down").await.wait_for("› dra").await;
    runner.keys("^r").await.wait_for("Sent before").await;
    runner.keys("earl Enter").await.wait_for("› from an earlier run").await;
    runner.keys("Enter").await;
    assert_eq!(got(&mut peer, 19).await, b"from an earlier run");
    runner.quit().await;
}

#[tokio::test]
async fn a_paste_is_text_with_every_byte_of_it() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner.keys("i").await.paste("GET / HTTP/1.0\r\n\r\n\x1b[31m").await;
    runner.wait_for("written as escapes").await.keys("Enter").await;
    assert_eq!(got(&mut peer, 23).await, b"GET / HTTP/1.0\r\n\r\n\x1b[31m");
    // On the dashboard a paste presses no keys.
    runner.keys("Esc").await.paste("qqqXXX").await.wait_for("1 socket ").await;
    runner.quit().await;
}

#[tokio::test]
async fn what_is_typed_goes_to_whom_it_was_aimed_at() {
    let mut runner = one_echo().await;
    let mut first = peer(&mut runner).await;
    let second = peer(&mut runner).await;
    runner.keys("i for-one").await;
    drop(second);
    runner.wait_row(&["tcp", "closed"]).await;
    runner.keys("Enter").await.wait_for("✓ sent 7 B to #1").await;
    assert_eq!(got(&mut first, 7).await, b"for-one");
    drop(first);
    runner.keys("late").await.wait_for("nothing more can be sent").await;
    runner.keys("Enter").await.wait_for("› late").await;
    runner.quit().await;
}
