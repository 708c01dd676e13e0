//! What a peer sends must not act on the terminal, and wide characters must not break a border.

use ratatui::buffer::CellWidth;
use tokio::io::AsyncWriteExt;

use super::support::runner::{Runner, Shown};
use super::{peer, quiet};

const NASTY: &[&[u8]] = &[
    b"\x1b]52;c;ZXZpbA==\x07",
    b"\x1b[2J\x1b[1;1H\x1b[31mred",
    b"\x1bP+q544e\x1b\\",
    b"\x9b2J\x9d52;c;eA==\x9c",
    "\u{9b}2J\u{85}\u{90}x\u{9c}".as_bytes(),
    "a\u{202e}evil\u{2066}x\u{2069}\u{200f}\u{61c}".as_bytes(),
    "zero\u{200b}\u{200d}\u{feff}\u{ad}width".as_bytes(),
    "\u{e0041}\u{e007f}\u{fff9}x\u{fffb}".as_bytes(),
    b"\r\n\x08\x08\x7f\x00\x0e\x0f\x05\x16",
    b"{\"key\x1b[5m\":\"\\u001b[2J\x1b[2J\"}",
];

/// No character that a terminal acts on, in any cell.
fn assert_harmless(shown: &Shown) {
    for cell in &shown.buffer.content {
        let bad = cell.symbol().chars().find(|c| {
            c.is_control()
                || matches!(*c, '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
                || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
                || matches!(*c, '\u{e0000}'..='\u{e0fff}')
        });
        assert_eq!(bad, None, "{:?}\n{}", cell.symbol(), shown.text());
    }
}

/// Every row is as wide as the screen, and every pane's borders stand in one column.
fn assert_straight(shown: &Shown) {
    let rows = shown.rows();
    let width = shown.buffer.area.width;
    for row in &rows {
        assert_eq!(row.as_str().cell_width(), width, "{row}\n{}", shown.text());
    }
    // The header and the footer have no border.
    for row in &rows[1..rows.len() - 1] {
        let (first, last) = (row.chars().next().unwrap(), row.chars().last().unwrap());
        assert!("╭│╰▸".contains(first), "{row}\n{}", shown.text());
        assert!("╮│╯┃█▐".contains(last), "{row}\n{}", shown.text());
    }
}

#[tokio::test]
async fn nothing_a_peer_sends_reaches_the_terminal_as_it_is() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").listen("udp://:0").start().await;
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = runner.address(1);
    let mut peer = peer(&mut runner).await;
    for (n, bytes) in (1..).zip(NASTY) {
        peer.write_all(bytes).await.unwrap();
        udp.send_to(bytes, to).await.unwrap();
        runner
            .eventually("both are counted", |session| {
                session.hub.snapshot(&Default::default()).count.received.messages >= 2 * n
            })
            .await;
        for keys in ["t", "t", "Tab Tab Tab z", "t t z Esc Tab", "BackTab Tab Down", "Up"] {
            runner.keys(keys).await;
            assert_harmless(&runner.shown());
            assert_straight(&runner.shown());
        }
    }
    runner.quit().await;
}

#[tokio::test]
async fn what_is_typed_and_pasted_is_harmless_too() {
    let mut runner = Runner::new(80, 24).listen_with("tcp://:0", quiet()).start().await;
    peer(&mut runner).await;
    for bytes in NASTY {
        let text = String::from_utf8_lossy(bytes);
        runner.keys("i").await.paste(&text).await;
        assert_harmless(&runner.shown());
        runner.keys("Enter").await;
        assert_harmless(&runner.shown());
        runner.keys("Esc /").await.paste(&text).await;
        assert_harmless(&runner.shown());
        runner.keys("Esc a").await.paste(&text).await.keys("Enter").await;
        assert_harmless(&runner.shown());
        runner.keys("Esc").await;
    }
    runner.quit().await;
}

#[tokio::test]
async fn wide_characters_marks_and_emoji_keep_the_borders_straight() {
    let texts = [
        "你好, 世界 — 深入浅出Nodejs",
        "e\u{301}a\u{308}\u{323} क्षि नमस्ते",
        "👩‍👩‍👧 🇩🇪 👍🏽 ❤️ ☎︎",
        "한국어 ｆｕｌｌ　ｗｉｄｔｈ",
        "你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你你",
    ];
    for (columns, rows) in [(80, 24), (120, 40), (81, 25)] {
        let mut runner = Runner::new(columns, rows).listen("tcp://:0").start().await;
        let mut peer = peer(&mut runner).await;
        for (n, text) in (1..).zip(texts) {
            peer.write_all(text.as_bytes()).await.unwrap();
            runner
                .eventually("it is counted", |session| {
                    session.hub.snapshot(&Default::default()).count.sent.messages >= n
                })
                .await;
            runner.redraw().await;
            assert_straight(&runner.shown());
            runner.keys("i").await.text(text).await;
            assert_straight(&runner.shown());
            runner.keys("Esc").await;
        }
        runner.quit().await;
    }
}
