//! Messages in a stream: what is typed is framed, what comes is read as messages, and the counts stay those of chunks.

use tokio::io::AsyncWriteExt;

use super::{got, one_listener, peer};

#[tokio::test]
async fn a_framing_set_by_hand_cuts_what_has_come_and_frames_what_is_typed() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    peer.write_all(b"\x00\x05hel").await.unwrap();
    runner.wait_row(&["◀ data", "5 B"]).await;
    peer.write_all(b"lo\x00\x01a").await.unwrap();
    runner.wait_row(&["◀ data", "lo\\x00"]).await;
    runner.keys("o").await.wait_for("Options of socket #1").await;
    let form = runner.screen();
    let fields = form.lines().skip_while(|row| !row.contains("Options of")).skip(2);
    let downs = fields.take_while(|row| !row.contains(" framing ")).count();
    for _ in 0..downs {
        runner.keys("Down").await;
    }
    runner.keys("^u").await.text("u16be").await;
    runner.keys("Enter").await.wait_row(&["set", "framing = u16be"]).await;
    runner.wait_row(&["┌◀ data", "5 B", "m1 ", "+2 B"]).await;
    runner.wait_row(&["└◀ data", "5 B", "…m1 lo  m2 a"]).await;
    runner.keys("i").await.text("hello").await;
    runner.wait_for("5 B, framed u16be: 7 B").await;
    runner.keys("Enter").await.wait_for("✓ sent a message of 5 B (u16be) to #1").await;
    assert_eq!(got(&mut peer, 7).await, b"\x00\x05hello");
    runner.wait_row(&["▶╴write", "7 B", "m1 hello"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn the_whole_message_stands_in_the_inspector_with_the_borders_of_its_chunks() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    runner
        .eventually("the framing is set", |session| {
            let row = sockscope::model::setting::find("framing").unwrap();
            let subject = sockscope::model::id::SocketId(1).into();
            session.perform(sockscope::app::Effect::Set { subject, changes: vec![(row, "line".into())] }).is_ok()
        })
        .await;
    peer.write_all(b"one mes").await.unwrap();
    runner.wait_row(&["┌◀ data", "m1 one mes"]).await;
    peer.write_all(b"sage\r\nnext").await.unwrap();
    runner.wait_row(&["├◀ data", "…m1 sage\\r\\n", "m2 next"]).await;
    runner.keys("t t").await.wait_for("message m1").await.wait_for("13 B in 2 chunks").await;
    runner.wait_for("message m2").await.wait_for("not whole yet").await;
    peer.shutdown().await.unwrap();
    runner.wait_row(&["end", "FIN"]).await;
    runner.keys("Tab k").await.wait_for("the stream ended in it").await;
    runner
        .eventually("counts are those of chunks", |session| {
            let row = session.hub.socket(sockscope::model::id::SocketId(1)).unwrap();
            (row.count.received.messages, row.count.received.bytes) == (2, 17)
        })
        .await;
    runner.quit().await;
}

#[tokio::test]
async fn a_message_too_long_for_its_length_is_refused_and_stays() {
    let mut runner = one_listener().await;
    let peer = peer(&mut runner).await;
    runner
        .eventually("the framing is set", |session| {
            let row = sockscope::model::setting::find("framing").unwrap();
            let subject = sockscope::model::id::SocketId(1).into();
            session.perform(sockscope::app::Effect::Set { subject, changes: vec![(row, "u8".into())] }).is_ok()
        })
        .await;
    runner.wait_row(&["set", "framing = u8"]).await;
    runner.keys("i").await.text(&"x".repeat(256)).await;
    runner.keys("Enter").await.wait_for("a u8 prefix announces at most 255 bytes").await;
    runner.keys("Backspace Enter").await.wait_for("✓ sent a message of 255 B (u8)").await;
    drop(peer);
    runner.quit().await;
}
