//! The ways a conversation ends, and the number of those that no close frame told.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Error;

use super::tests::{Rig, closing, fault, next, over, peer};
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
