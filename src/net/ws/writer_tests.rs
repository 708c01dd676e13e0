//! What is written is what was meant: read back by the decoder of the other side.

use std::future::poll_fn;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::hub::{Birth, Hub, Recorder};
use crate::model::event::{Kind, Opened, Way};
use crate::model::spec::{Limits, Spec};
use crate::model::time::Clock;
use crate::model::url::{Scheme, Url};
use crate::net::http::Exchanges;
use crate::net::probe::{Probe, Watch};
use crate::net::stream::Stream;
use crate::net::ws::deflate::Inflater;
use crate::net::ws::frames::Heard;
use crate::net::ws::offer::{Half, Terms};

/// A recorder nobody reads, with its hub.
fn recorder(hub: &Arc<Hub>) -> Recorder {
    let url = Url::parse("ws://:0", Role::Listen).unwrap();
    let (endpoint, _) = hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)));
    let peer = "127.0.0.1:5000".parse().unwrap();
    hub.open(Birth { endpoint, scheme: Scheme::Ws, accepted: true, peer, local: None, handshakes: 1 }).1
}

fn frames(hub: &Arc<Hub>, record: Recorder, role: Role, terms: Option<&Terms>) -> Frames {
    let mut frames = Frames::new(record, hub.clock(), role, 1 << 24);
    frames.open(Opened::default(), b"", terms.map(|terms| (terms, role)));
    frames
}

/// A stream that speaks WebSocket already, and its far end.
async fn socket(hub: &Arc<Hub>, role: Role, terms: Option<&Terms>, pipe: usize) -> (Clear, DuplexStream, Recorder) {
    let (near, mut far) = tokio::io::duplex(pipe.max(512));
    let record = recorder(hub);
    let follower = Frames::new(record.clone(), hub.clock(), role, 1 << 24);
    let watch = Exchanges::new(role, record.clone(), 4096, follower).upgrading();
    let stream: Stream = Box::new(near);
    let mut clear = Probe::new(stream, watch);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut head = vec![0; request.len().max(answer.len())];
    let (ours, theirs) = if role == Role::Connect { (&request[..], &answer[..]) } else { (&answer[..], &request[..]) };
    if role == Role::Connect {
        clear.write_all(ours).await.unwrap();
        far.read_exact(&mut head[..ours.len()]).await.unwrap();
    }
    far.write_all(theirs).await.unwrap();
    clear.read_exact(&mut head[..theirs.len()]).await.unwrap();
    if role == Role::Listen {
        clear.write_all(ours).await.unwrap();
        far.read_exact(&mut head[..ours.len()]).await.unwrap();
    }
    clear.watch().follower().open(Opened::default(), b"", terms.map(|terms| (terms, role)));
    (clear, far, record)
}

/// Writes all items, and gives back the bytes that crossed.
async fn written(
    hub: &Arc<Hub>,
    role: Role,
    terms: Option<&Terms>,
    pipe: usize,
    items: &[Item],
) -> (Vec<u8>, Recorder) {
    let (mut socket, mut far, record) = socket(hub, role, terms, pipe).await;
    let mut writer = Writer::new(role, terms.and_then(|terms| Deflater::new(terms.sides(role).0)));
    items.iter().for_each(|item| writer.push(item.clone()));
    let mut bytes = Vec::new();
    let write = async {
        poll_fn(|wakes| writer.poll(&mut socket, wakes)).await.unwrap();
        assert_eq!(writer.waiting(), 0);
        assert!(writer.buffer.capacity() <= KEPT);
        drop(socket);
    };
    tokio::join!(write, async { far.read_to_end(&mut bytes).await.unwrap() });
    (bytes, record)
}

fn hub() -> Arc<Hub> {
    Hub::new(Clock::start(0), &Limits::default())
}

#[tokio::test]
async fn the_rfcs_examples_are_written() {
    // RFC 6455 section 5.7, RFC 7692 section 7.2.3.
    let hub = hub();
    let hello = |frames| Item::Message { form: Form::Text, bytes: "Hello".into(), frames };
    let (bytes, _) = written(&hub, Role::Listen, None, 4096, &[hello(1), Item::Ping("Hello".into())]).await;
    assert_eq!(bytes, b"\x81\x05Hello\x89\x05Hello");
    let (bytes, _) = written(&hub, Role::Listen, None, 4096, &[hello(2), Item::Close("\x03\u{68}".into())]).await;
    assert_eq!(bytes, b"\x01\x03Hel\x80\x02lo\x88\x02\x03\x68");
    let terms = Terms::default();
    let (bytes, record) = written(&hub, Role::Listen, Some(&terms), 4096, &[hello(2), hello(1)]).await;
    assert_eq!(bytes[..11], [0x41, 4, 0xf2, 0x48, 0xcd, 0xc9, 0x80, 3, 0xc9, 0x07, 0x00]);
    assert_eq!(bytes[11..], [0xc1, 5, 0xf2, 0x00, 0x11, 0x00, 0x00]);
    let events = hub.events(record.subject(), 0, 100).unwrap().events;
    let messages: Vec<_> = events.iter().filter(|event| event.kind.name() == "message").collect();
    assert!(messages.iter().all(|event| (event.size, &event.head[..]) == (5, b"Hello")), "{messages:?}");
    let Kind::Message { framing, frames, .. } = messages[0].kind else { unreachable!() };
    assert_eq!((framing.payload, framing.heads, framing.deflated, framing.masked, frames), (7, 4, true, false, 2));
}

#[tokio::test]
async fn behind_a_close_frame_nothing_goes_out() {
    let hub = hub();
    let items = [Item::Close(Bytes::new()), Item::message(Form::Text, "late".into()), Item::Close(Bytes::new())];
    assert_eq!(written(&hub, Role::Listen, None, 4096, &items).await.0, [0x88, 0]);
}

#[test]
fn masks_differ() {
    let mut masks = Masks::new();
    let mut all: Vec<_> = (0..1000).map(|_| masks.next()).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() > 990);
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        Just(vec![7; 70_000]),
        (0usize..100_000).prop_map(|n| (0..n).map(|at| (at / 3) as u8).collect()),
    ];
    let message = (bytes, 1u32..9).prop_map(|(bytes, frames)| {
        let form = if std::str::from_utf8(&bytes).is_ok() { Form::Text } else { Form::Binary };
        Item::Message { form, bytes: bytes.into(), frames }
    });
    let ping = prop::collection::vec(any::<u8>(), 0..126).prop_map(|bytes| Item::Ping(bytes.into()));
    prop::collection::vec(prop_oneof![3 => message, 1 => ping], 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_heard_in_any_pieces(
        items in items(),
        client in any::<bool>(),
        deflate in any::<Option<(bool, bool)>>(),
        bits in 8u8..=15,
        pipe in 1usize..40_000,
        step in 1usize..5000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let terms = deflate.map(|(server, client)| Terms {
            server: Half { takeover: server, bits },
            client: Half { takeover: client, bits },
        });
        let (role, other) = if client { (Role::Connect, Role::Listen) } else { (Role::Listen, Role::Connect) };
        let hub = hub();
        let (bytes, record) = runtime.block_on(written(&hub, role, terms.as_ref(), pipe, &items));
        let mut reader = frames(&hub, recorder(&hub), other, terms.as_ref());
        let mut heard = Vec::new();
        for piece in bytes.chunks(step) {
            reader.read(piece);
            heard.extend(std::iter::from_fn(|| reader.next()));
        }
        prop_assert!(reader.broken().is_none(), "{:?}", reader.broken());
        let wanted: Vec<Heard> = items.iter().map(|item| match item.clone() {
            Item::Message { form, bytes, .. } => Heard::Message(form, bytes),
            Item::Ping(bytes) | Item::Pong(bytes) => Heard::Ping(bytes),
            Item::Close(bytes) => Heard::Close(bytes),
        }).collect();
        prop_assert_eq!(heard, wanted);
        // What was recorded of the writing is the same.
        let told = hub.events(record.subject(), 0, 1000).unwrap().events;
        let told = told.into_iter().filter(|event| event.kind.name() == "message" && event.kind.way() == Some(Way::Out));
        let told: Vec<_> = told.map(|event| (event.size, event.head)).collect();
        let meant: Vec<_> = items.iter().filter_map(|item| match item {
            Item::Message { bytes, .. } => Some((bytes.len() as u64, bytes[..bytes.len().min(HEAD)].to_vec())),
            _ => None,
        }).collect();
        prop_assert_eq!(told, meant);
    }

    #[test]
    fn noise_behind_a_handshake_harms_nobody(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        takeover in any::<bool>(),
    ) {
        let hub = hub();
        let half = Half { takeover, bits: 15 };
        let terms = Terms { server: half, client: half };
        let mut reader = frames(&hub, recorder(&hub), Role::Listen, Some(&terms));
        reader.read(&bytes);
        reader.wrote(&bytes);
        while reader.next().is_some() {}
        let _ = Inflater::new(half).piece(&bytes, &mut Vec::new(), 1000);
    }
}
