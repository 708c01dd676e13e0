//! Looking at what happens: following, scrolling back, pausing, filtering, and the lists of keys.

use sockscope::app::{ACTIONS, Lens};
use sockscope::screen::Theme;
use sockscope::screen::theme::Depth;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::runner::Runner;
use super::{in_time, one_echo, one_listener, peer};

/// The rows of the timeline that show messages, without what stands beside them and moves.
fn timeline(runner: &Runner) -> Vec<String> {
    let rows = runner.shown().rows();
    let messages = rows.iter().filter_map(|row| row.split_once("◀ data"));
    messages.map(|(_, message)| message.trim_end_matches(['│', '┃', '█', '▐']).to_owned()).collect()
}

/// So many messages, each seen before the next is sent: TCP would join them.
async fn talk(runner: &mut Runner, peer: &mut tokio::net::TcpStream, messages: std::ops::Range<u32>) {
    for n in messages {
        peer.write_all(format!("message-{n:03}").as_bytes()).await.unwrap();
        let count = u64::from(n) + 1;
        runner
            .eventually("the message is counted", |session| {
                session.hub.snapshot(&Default::default()).count.received.messages >= count
            })
            .await;
    }
}

#[tokio::test]
async fn scrolling_up_anchors_and_end_follows() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    talk(&mut runner, &mut peer, 0..40).await;
    runner.wait_for("message-039").await.wait_for("● following").await;
    runner.keys("Tab Up Up PageUp").await.wait_for("anchored").await;
    let before = timeline(&runner);
    assert!(!before.is_empty());
    talk(&mut runner, &mut peer, 40..60).await;
    runner.redraw().await;
    assert_eq!(timeline(&runner), before);
    assert!(!runner.screen().contains("message-059"));
    runner.keys("End").await.wait_for("message-059").await.wait_for("● following").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_pause_freezes_the_picture_while_counting_goes_on() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    talk(&mut runner, &mut peer, 0..1).await;
    runner.wait_for("message-000").await;
    runner.keys("p").await.wait_for("‖ paused").await;
    let frozen = runner.screen();
    talk(&mut runner, &mut peer, 1..5).await;
    runner.redraw().await;
    assert_eq!(runner.screen(), frozen);
    runner.keys("p").await.wait_for("message-004").await.wait_for("● following").await.wait_for("55 B").await;
    runner.quit().await;
}

#[tokio::test]
async fn an_event_is_opened_in_hex() {
    let mut runner = one_listener().await;
    let mut peer = peer(&mut runner).await;
    peer.write_all(b"world!\r\n").await.unwrap();
    runner.wait_row(&["data", "world!"]).await;
    runner.keys("Tab Enter t").await.wait_for("77 6f 72 6c 64 21 0d 0a").await.wait_for("world!··").await;
    runner.keys("[").await.wait_for("connection").await;
    runner.keys("] t").await.wait_gone("77 6f 72").await;
    let ended = runner.quit().await;
    assert_eq!(ended.app.lens, Lens::Text);
}

#[tokio::test]
async fn a_pane_takes_the_whole_screen_and_gives_it_back() {
    let mut runner = one_listener().await;
    peer(&mut runner).await;
    runner.keys("Tab z").await.wait_gone("Endpoints").await.wait_for("connection").await;
    runner.keys("Esc").await.wait_for("Endpoints").await;
    runner.quit().await;
}

#[tokio::test]
async fn the_filter_shows_the_rows_that_hold_its_words() {
    let mut runner = one_listener().await;
    let peers = [peer(&mut runner).await, peer(&mut runner).await, peer(&mut runner).await];
    let port = peers[1].local_addr().unwrap().port().to_string();
    runner.keys("/").await.text(&port).await.wait_for("Sockets  1 of 3").await;
    runner.keys("Enter").await.wait_for("#2 tcp").await;
    runner.keys("Esc").await.wait_for("Sockets  3").await;
    runner.keys("/").await.text("nothing-like-it").await.wait_for("no socket matches").await;
    runner.keys("Esc").await.wait_for("Sockets  3").await;
    runner.quit().await;
}

#[tokio::test]
async fn closed_sockets_stay_dimmed_until_they_are_cleared() {
    let mut runner = one_echo().await;
    let stays = peer(&mut runner).await;
    let goes = peer(&mut runner).await;
    let port = format!(":{}", goes.local_addr().unwrap().port());
    drop(goes);
    runner.wait_row(&[&port, "closed"]).await.wait_for("1 socket ").await;
    let style = runner.shown().style_of(&port).unwrap();
    assert_eq!(style.fg, Theme::new(Depth::Ansi16).dim.fg);
    let open = format!(":{}", stays.local_addr().unwrap().port());
    runner.keys("c").await.wait_gone(&port).await.wait_row(&[&open, "open"]).await.wait_for("Sockets  1 ").await;
    runner.quit().await;
}

#[tokio::test]
async fn help_shows_every_actions_key() {
    let mut runner = one_listener().await;
    runner.keys("?").await.wait_for("Help").await;
    let mut seen = runner.screen();
    loop {
        let before = runner.screen();
        runner.keys("PageDown").await;
        if runner.screen() == before {
            break;
        }
        seen += &runner.screen();
    }
    for row in ACTIONS {
        let line = seen.lines().find(|line| line.contains(row.help));
        let line = line.unwrap_or_else(|| panic!("help does not say: {}", row.help));
        for key in row.keys {
            assert!(
                seen.lines().any(|line| line.contains(row.help) && line.contains(&key.to_string())),
                "{key}: {line}"
            );
        }
    }
    runner.keys("Esc").await.wait_gone("Help").await;
    runner.quit().await;
}

#[tokio::test]
async fn the_palette_does_what_is_named() {
    let mut runner = one_listener().await;
    peer(&mut runner).await;
    runner.keys(": pause").await.wait_for("Commands").await.wait_row(&["p", "pause", "Freeze"]).await;
    runner.keys("Enter").await.wait_for("‖ paused").await;
    runner.keys("f").await.wait_for("● following").await;
    runner.quit().await;
}

#[tokio::test]
async fn q_ends_the_loop_and_every_socket_with_it() {
    let mut runner = one_listener().await;
    let mut peers = [peer(&mut runner).await, peer(&mut runner).await, peer(&mut runner).await];
    runner.keys("q").await;
    let session = std::sync::Arc::clone(&runner.session);
    let ended = runner.done().await;
    assert!(ended.frames > 0);
    in_time("the end of the session", session.endpoints.shutdown()).await;
    for peer in &mut peers {
        assert_eq!(in_time("the peer's end", peer.read(&mut [0; 1])).await.unwrap(), 0);
    }
    assert_eq!(session.hub.snapshot(&Default::default()).open, 0);
}
