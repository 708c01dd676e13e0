//! The ways a conversation ends, and the number of those that no close frame told.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Error;

use super::tests::{Rig, closing, fault, next, over, peer, raw};
use crate::model::end::{End, Party};
use crate::model::event::{Kind, Way};
use crate::model::spec::{Limits, Reply, Settings};
use crate::net::{Command, Payload};

#[tokio::test]
async fn an_end_without_a_close_frame_is_1006() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    peer.get_mut().shutdown().await.unwrap();
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).starts_with("1006: the peer ended without a close frame"), "{}", fault(&events));
    assert!(matches!(end, End::Broken(_)));
}

#[tokio::test]
async fn an_end_within_a_frame_says_how_much_of_it_came() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    peer.get_mut().write_all(&[0x81, 0x85, 0, 0, 0, 0, b'h', b'e']).await.unwrap();
    peer.get_mut().shutdown().await.unwrap();
    let (_, _, events) = rig.story().await;
    let wanted = "1006: the peer ended without a close frame, within a text frame, 8 of its 11 B came (";
    assert!(fault(&events).starts_with(wanted), "{}", fault(&events));
    let part = events.iter().find(|event| event.kind.name() == "frame").unwrap();
    assert_eq!((part.size, &part.head[..]), (2, &b"he"[..]));
}

#[tokio::test]
async fn an_end_without_an_answer_to_our_close_frame_is_1006() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    let row = rig.open().await;
    rig.send(&row, Command::End);
    let mut frame = [0; 4];
    peer.get_mut().read_exact(&mut frame).await.unwrap();
    peer.get_mut().shutdown().await.unwrap();
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).starts_with("1006: the peer ended without answering our close frame"), "{}", fault(&events));
    assert!(matches!(end, End::Broken(_)));
}

/// A close frame that a person sends waits as long as a handshake may take, from the last that was heard.
#[tokio::test]
async fn a_close_frame_that_is_not_answered_is_1006() {
    let rig = Rig::with(Limits { handshake_time: Duration::from_millis(300), ..Limits::default() });
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    let row = rig.open().await;
    rig.send(&row, Command::Send(Payload::Close { code: Some(4000), reason: "bye".into() }));
    let closing = rig.event(&row, |kind| matches!(kind, Kind::Closing { way: Way::Out, .. })).await;
    peer.get_mut().write_all(&[0x82, 0x80, 0, 0, 0, 0]).await.unwrap();
    let heard = rig.event(&row, |kind| matches!(kind, Kind::Message { way: Way::In, .. })).await;
    let mut all = Vec::new();
    peer.get_mut().read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [&[0x88, 5, 0x0f, 0xa0][..], b"bye"].concat());
    drop(peer);
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).starts_with("1006: our close frame was not answered within 300ms"), "{}", fault(&events));
    assert!(matches!(end, End::Broken(_)));
    let told = events.iter().find(|event| event.kind.name() == "error").unwrap();
    assert!(told.at.since(heard.at) >= Duration::from_millis(290) && heard.at >= closing.at);
}

#[tokio::test]
async fn a_reset_by_either_side_is_a_reset() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut one = peer(to).await;
    let row = rig.open().await;
    rig.send(&row, Command::Reset);
    assert!(matches!(one.next().await, Some(Err(Error::Io(_)))));
    assert_eq!(rig.story().await.1, End::Reset { by: Party::Us });

    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let two = peer(to).await;
    rig.open().await;
    socket2::SockRef::from(two.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(two);
    let (_, end, events) = rig.story().await;
    assert_eq!(end, End::Reset { by: Party::Peer });
    let said = fault(&events);
    assert!(said.starts_with("ECONNRESET while reading: 1006, no close frame came"), "{said}");
}

#[tokio::test]
async fn a_reset_behind_the_close_frames_is_not_abnormal() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings { reply: Reply::None, ..Settings::default() }).await;
    let mut peer = peer(to).await;
    socket2::SockRef::from(peer.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    peer.send(closing(1000, "")).await.unwrap();
    rig.until(|shot| (shot.count.received.packets > 0).then_some(())).await;
    drop(peer);
    let (_, _, events) = rig.story().await;
    assert!(!format!("{events:?}").contains("1006"), "{events:?}");
}

#[tokio::test]
async fn stopping_says_going_away() {
    let rig = Rig::new();
    let (id, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    rig.open().await;
    rig.endpoints.stop(id);
    assert_eq!(next(&mut peer).await, closing(1001, ""));
    over(peer).await;
    assert_eq!(rig.story().await.1, End::Stopped);
}

#[tokio::test]
async fn closing_does_not_wait_for_a_peer_that_does_not_answer() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    let row = rig.open().await;
    rig.send(&row, Command::Close);
    // The raw stream: nobody answers the close frame.
    let mut all = Vec::new();
    peer.get_mut().read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [0x88, 2, 0x03, 0xe8]);
    drop(peer);
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).starts_with("1006: our close frame was not answered within 1s"), "{}", fault(&events));
    assert!(matches!(end, End::Broken(_)), "{end:?}");
}

/// The cases of the Autobahn test suite in small: all that we say to a client that sends these frames, whose last is
/// the close frame that answers it.
#[tokio::test]
async fn what_is_answered_is_what_autobahn_wants() {
    let masked = |first: u8, payload: &[u8]| {
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            long => [&[0xfe], &(long as u16).to_be_bytes()[..]].concat(),
        };
        [&[first], &length[..], &[0; 4], payload].concat()
    };
    let close = |code: u16, reason: &str| {
        [&[0x88, 2 + reason.len() as u8], &code.to_be_bytes()[..], reason.as_bytes()].concat()
    };
    let (bad, data, bye) = (close(1002, "protocol error"), close(1007, "invalid payload"), close(1000, ""));
    let end = || masked(0x88, &[3, 232]);
    let echo = [&[0x81, 5][..], b"hello"].concat();
    for (case, frames, answer) in [
        ("1.1.1 an empty text", vec![masked(0x81, b""), end()], vec![vec![0x81, 0], bye.clone()]),
        (
            "2.4 a ping of 125 bytes",
            vec![masked(0x89, &[7; 125]), end()],
            vec![[&[0x8a, 125][..], &[7; 125]].concat(), bye.clone()],
        ),
        ("2.5 a ping of 126 bytes", vec![masked(0x89, &[7; 126])], vec![bad.clone()]),
        ("2.7 a pong that nobody asked for", vec![masked(0x8a, b""), end()], vec![bye.clone()]),
        (
            "3.2 a reserved bit behind a message",
            vec![masked(0x81, b"hello"), masked(0xa1, b"hello")],
            vec![echo.clone(), bad.clone()],
        ),
        ("4.1.1 a reserved opcode", vec![masked(0x83, b"")], vec![bad.clone()]),
        (
            "4.2.4 a reserved control opcode behind a message",
            vec![masked(0x81, b"hello"), masked(0x8e, b"x")],
            vec![echo.clone(), bad.clone()],
        ),
        ("5.1 a ping in fragments", vec![masked(0x09, b"a"), masked(0x80, b"b")], vec![bad.clone()]),
        (
            "5.6 a ping within a message",
            vec![masked(1, b"hel"), masked(0x89, b"?"), masked(0x80, b"lo"), end()],
            vec![vec![0x8a, 1, b'?'], echo.clone(), bye.clone()],
        ),
        ("5.9 a continuation of nothing", vec![masked(0x80, b"x"), masked(0x81, b"hello")], vec![bad.clone()]),
        ("5.18 a message within another", vec![masked(1, b"a"), masked(0x81, b"b")], vec![bad.clone()]),
        ("6.3.1 a text that is not UTF-8", vec![masked(0x81, b"\xce\xba\xed\xa0\x80")], vec![data.clone()]),
        (
            "6.4.3 the same before its frame is whole",
            vec![masked(1, b"\xce\xba\xf4\x90 and more")[..11].to_vec()],
            vec![data.clone()],
        ),
        ("7.1.2 frames behind the close frame", vec![end(), end(), masked(0x81, b"hello")], vec![bye.clone()]),
        ("7.3.1 a close frame with nothing in it", vec![masked(0x88, b"")], vec![vec![0x88, 0]]),
        ("7.3.2 one with a single byte", vec![masked(0x88, b"a")], vec![bad.clone()]),
        ("7.5.1 a reason that is not UTF-8", vec![masked(0x88, b"\x03\xe8\xff")], vec![data.clone()]),
        ("7.7.13 a code of one's own", vec![masked(0x88, b"\x13\x87")], vec![close(4999, "")]),
        ("7.9.4 a code that is none to send", vec![masked(0x88, b"\x03\xed")], vec![bad.clone()]),
    ] {
        let rig = Rig::new();
        let (_, to) = rig.listen(Settings::default()).await;
        assert_eq!(raw(to, &frames.concat()).await, answer.concat(), "{case}");
    }
}
