//! Frames in, events out: RFC 6455 section 5.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::side::wrong_close;
use super::*;
use crate::hub::{Birth, HEAD, Hub};
use crate::model::event::{Event, FrameHead, Framing};
use crate::model::spec::{Limits, Spec};
use crate::model::url::{Scheme, Url};

/// Bytes of a message that is heard.
const LIMIT: u64 = 80_000;

struct Bench {
    hub: Arc<Hub>,
    record: Recorder,
    frames: Frames,
}

impl Bench {
    /// A server's socket that is open.
    fn new() -> Self {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let url = Url::parse("ws://:0", Role::Listen).unwrap();
        let (endpoint, _) = hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)));
        let peer = "127.0.0.1:5000".parse().unwrap();
        let birth = Birth { endpoint, scheme: Scheme::Ws, accepted: true, peer, local: None, handshakes: 1 };
        let (_, record) = hub.open(birth);
        let mut frames = Frames::new(record.clone(), hub.clock(), Role::Listen, LIMIT);
        frames.open(Opened::default(), b"", None);
        Self { hub, record, frames }
    }

    /// What was recorded behind `open`.
    fn events(&self) -> Vec<Event> {
        self.hub.events(self.record.subject(), 1, 10_000).unwrap().events
    }

    fn heard(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.frames.next()).collect()
    }

    fn seen(&self) -> Vec<(Kind, u64, Vec<u8>)> {
        self.events().into_iter().map(|event| (event.kind, event.size, event.head)).collect()
    }
}

/// A frame of the client's, masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        n @ 0..126 => out.push(0x80 | n as u8),
        n @ 126..0x10000 => {
            out.push(0xfe);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(0xff);
            out.extend((n as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn message(form: Form, frames: u32, payload: u64, heads: u32) -> Kind {
    let framing = Framing { payload, heads, masked: true, deflated: false, rsv: 0 };
    Kind::Message { way: Way::In, form, frames, framing }
}

#[test]
fn the_rfcs_examples_are_read() {
    // RFC 6455 section 5.7.
    let mut bench = Bench::new();
    bench.frames.read(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    bench.frames.wrote(&[0x01, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f]);
    bench.frames.wrote(&[0x89, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    bench.frames.read(&[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    let events = bench.events();
    let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["message", "frame", "frame", "message", "ping", "pong"]);
    assert!([0, 3, 4, 5].iter().all(|at| events[*at].head == b"Hello"));
    let first = FrameHead { opcode: 1, fin: false, rsv: 0, masked: false, len: 3, size: 2 };
    assert_eq!(events[1].kind, Kind::Frame { way: Way::Out, frame: first });
    let framing = Framing { payload: 5, heads: 4, masked: false, deflated: false, rsv: 0 };
    assert_eq!(events[3].kind, Kind::Message { way: Way::Out, form: Form::Text, frames: 2, framing });
    assert_eq!(bench.heard(), [Heard::Message(Form::Text, "Hello".into())]);
    assert!(matches!(events[5].kind, Kind::Pong { way: Way::In, rtt: Some(_), .. }));
    let count = bench.record.count();
    assert_eq!((count.received.packets, count.received.messages, count.received.bytes), (2, 1, 5));
    assert_eq!((count.sent.packets, count.sent.messages, count.sent.bytes), (3, 1, 5));
}

#[test]
fn a_large_message_is_heard_whole_and_its_head_kept() {
    let mut bench = Bench::new();
    let payload: Vec<u8> = (0..70_000u32).map(|n| n as u8).collect();
    for piece in masked(0x82, &payload).chunks(1000) {
        bench.frames.read(piece);
    }
    assert_eq!(bench.seen(), [(message(Form::Binary, 1, 70_000, 14), 70_000, payload[..HEAD].to_vec())]);
    assert_eq!(bench.heard(), [Heard::Message(Form::Binary, payload.into())]);
}

#[test]
fn one_above_the_limit_is_counted_and_not_heard() {
    let mut bench = Bench::new();
    let payload = vec![7; 100_000];
    bench.frames.read(&masked(0x02, &payload[..50_000]));
    assert!(bench.frames.broken().is_none());
    bench.frames.read(&masked(0x80, &payload[50_000..]));
    assert_eq!(bench.frames.broken().unwrap().code, 1009);
    let told = bench.seen();
    assert!(matches!(told.last(), Some((Kind::Error(_), ..))));
    assert_eq!(told[told.len() - 2], (message(Form::Binary, 2, 100_000, 16), 100_000, payload[..HEAD].to_vec()));
    assert_eq!(bench.heard(), []);
}

#[test]
fn nothing_behind_a_close_frame_is_heard() {
    let mut bench = Bench::new();
    bench.frames.read(&masked(0x88, b"\x03\xe8bye"));
    bench.frames.read(&[masked(0x81, b"late"), masked(0x83, b"")].concat());
    let names: Vec<_> = bench.events().iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["closing", "message", "error", "frame"]);
    assert_eq!(bench.heard(), [Heard::Close(Bytes::from_static(b"\x03\xe8bye"))]);
    // The conversation was over: this does not make its end another.
    assert!(bench.frames.broken().is_none());
}

#[test]
fn a_compressed_message_is_what_it_was() {
    let mut bench = Bench::new();
    bench.frames = Frames::new(bench.record.clone(), bench.hub.clock(), Role::Listen, LIMIT);
    bench.frames.open(Opened::default(), b"", Some((&Terms::default(), Role::Listen)));
    bench.frames.read(&masked(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]));
    bench.frames.read(&masked(0x81, b"as it is"));
    let Kind::Message { framing, .. } = bench.events()[1].kind else { unreachable!() };
    assert_eq!(framing, Framing { payload: 7, heads: 6, masked: true, deflated: true, rsv: 4 });
    assert_eq!((bench.events()[1].size, &bench.events()[1].head[..]), (5, &b"Hello"[..]));
    let texts = ["Hello", "as it is"].map(|text| Heard::Message(Form::Text, text.into()));
    assert_eq!(bench.heard(), texts);
    // RSV1 where it means nothing, and data that is none.
    for (frame, says) in [
        (masked(0xc9, b""), "RFC 7692 section 6"),
        ([masked(0x41, &[0xf2]), masked(0xc0, b"")].concat(), "RFC 7692 section 6"),
        (masked(0xa1, b""), "RFC 6455 section 5.2"),
        (masked(0xc2, &[0xff; 20]), "RFC 7692 section 7.2.2"),
        (masked(0xc1, &[0x0a, 0x00, 0x00, 0x00, 0xff, 0xff, 0xfa, 0xdf, 0x00]), "section"),
    ] {
        let mut bench = Bench::new();
        bench.frames = Frames::new(bench.record.clone(), bench.hub.clock(), Role::Listen, LIMIT);
        bench.frames.open(Opened::default(), b"", Some((&Terms::default(), Role::Listen)));
        bench.frames.read(&frame);
        assert!(bench.frames.broken().unwrap().fault.to_string().contains(says), "{says}");
    }
}

#[test]
fn text_is_checked_as_it_comes() {
    let mut bench = Bench::new();
    // A character cut by a frame is whole again; one that never can be is told at once.
    bench.frames.read(&masked(0x01, "é".as_bytes().split_at(1).0));
    bench.frames.read(&masked(0x00, "é".as_bytes().split_at(1).1));
    assert!(bench.frames.broken().is_none());
    bench.frames.read(&masked(0x00, b"\xf8")[..7]);
    let broken = bench.frames.broken().unwrap();
    assert!(broken.fault.to_string().contains("byte 2 of it"), "{broken:?}");
    assert_eq!(broken.code, 1007);
    let mut bench = Bench::new();
    bench.frames.read(&masked(0x81, b"\xc3"));
    assert!(bench.frames.broken().unwrap().fault.to_string().contains("ends within a character"));
}

#[test]
fn a_pong_answers_its_ping_and_none_before_it() {
    let mut bench = Bench::new();
    for ping in 0..20u8 {
        bench.frames.wrote(&[0x89, 1, ping]);
    }
    assert_eq!(bench.frames.record.pings.len(), PINGS);
    for (pong, answers) in [(3, false), (10, true), (10, false), (9, false), (19, true), (99, false)] {
        bench.frames.read(&masked(0x8a, &[pong]));
        let Kind::Pong { rtt, .. } = bench.events().pop().unwrap().kind else { unreachable!() };
        assert_eq!(rtt.is_some(), answers, "{pong}");
    }
}

#[test]
fn a_breach_is_said_once_and_reading_goes_on() {
    let mut bench = Bench::new();
    bench.frames.read(&[0x81, 1, b'x']);
    bench.frames.read(&masked(0x83, b"reserved"));
    bench.frames.read(&masked(0x81, b"good"));
    let names: Vec<_> = bench.events().iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["message", "error", "frame", "message"]);
    assert!(bench.frames.broken().unwrap().fault.to_string().contains("section 5.1"));
    assert_eq!(bench.record.count().errors, 1);
}

/// The names of what is told of a frame, and its last event but the error.
fn told(deflate: bool, bytes: &[u8]) -> (Vec<&'static str>, Event) {
    let mut bench = Bench::new();
    if deflate {
        bench.frames = Frames::new(bench.record.clone(), bench.hub.clock(), Role::Listen, LIMIT);
        bench.frames.open(Opened::default(), b"", Some((&Terms::default(), Role::Listen)));
    }
    bench.frames.read(bytes);
    let events: Vec<_> = bench.events().into_iter().filter(|event| event.kind.name() != "open").collect();
    assert_eq!(bench.heard(), []);
    let names = events.iter().map(|event| event.kind.name()).collect();
    (names, events.into_iter().rfind(|event| event.kind.name() != "error").unwrap())
}

#[test]
fn a_frame_that_is_wrong_is_shown_as_it_was_and_then_what_is_wrong() {
    let framing = |rsv| Framing { payload: 5, heads: 6, masked: true, deflated: false, rsv };
    let text = |rsv| Kind::Message { way: Way::In, form: Form::Text, frames: 1, framing: framing(rsv) };
    // Reserved bits that nobody agreed on.
    for (first, rsv) in [(0xc1, 4), (0xa1, 2), (0x91, 1), (0xb1, 3)] {
        let (names, event) = told(false, &masked(first, b"hello"));
        assert_eq!((names, event.kind, event.size), (vec!["message", "error"], text(rsv), 5));
        assert_eq!(event.head, b"hello");
    }
    // What is no deflate stream, and what follows it, as they came.
    let junk = [0xff; 20];
    let binary = |way| Kind::Message {
        way,
        form: Form::Binary,
        frames: 1,
        framing: Framing { payload: 20, heads: 6, masked: true, deflated: false, rsv: 4 },
    };
    for (bytes, names) in [
        (masked(0xc2, &junk), vec!["message", "error"]),
        ([masked(0xc2, &junk), masked(0xc2, &junk)].concat(), vec!["message", "error", "message"]),
    ] {
        let (seen, event) = told(true, &bytes);
        assert_eq!((seen, event.kind, event.size), (names, binary(Way::In), 20));
        assert_eq!(event.head, junk);
    }
    let parts = [masked(0x42, &[0xff; 10]), masked(0x80, &[0xfe; 10])].concat();
    let (names, event) = told(true, &parts);
    assert_eq!((names, event.size), (vec!["frame", "error", "frame", "message"], 20));
    assert_eq!(event.head, [[0xff; 10], [0xfe; 10]].concat());
    // A control frame that is too long, and opcodes that are reserved.
    let head = |opcode, len: u32, size| FrameHead { opcode, fin: true, rsv: 0, masked: true, len, size };
    let (names, event) = told(false, &masked(0x89, &[b'x'; 126]));
    let kind = Kind::Ping { way: Way::In, frame: Some(head(9, 126, 8)) };
    assert_eq!((names, event.kind, event.size, event.head.len()), (vec!["ping", "error"], kind, 126, 126));
    for opcode in [0x3, 0xb] {
        let (names, event) = told(false, &masked(0x80 | opcode, b"what"));
        let kind = Kind::Frame { way: Way::In, frame: head(opcode, 4, 6) };
        assert_eq!((names, event.kind, event.size), (vec!["frame", "error"], kind, 4));
        assert_eq!(event.head, b"what");
    }
    assert_eq!(
        [0x3, 0xb, 0xf].map(|opcode| head(opcode, 0, 6).name()),
        ["reserved 0x3", "reserved 0xb", "reserved 0xf"]
    );
    // A continuation of nothing; a length written longer than it needs is that long on the wire.
    let (names, event) = told(false, &masked(0x80, b"more"));
    assert_eq!((names, event.size, &event.head[..]), (vec!["frame", "error"], 4, &b"more"[..]));
    let (_, event) = told(false, &[0x83, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'x']);
    assert!(matches!(event.kind, Kind::Frame { frame, .. } if (frame.size, frame.wire()) == (14, 15)), "{event:?}");
    for (bytes, names) in [
        (masked(0x81, b"\xff"), ["message", "error"]),
        (vec![0x81, 1, b'x'], ["message", "error"]),
        (masked(0x88, b"\x03\xed"), ["closing", "error"]),
    ] {
        assert_eq!(told(false, &bytes).0, names);
    }
}

#[test]
fn a_control_frame_has_the_facts_of_its_head() {
    let mut bench = Bench::new();
    bench.frames.read(&[masked(0x89, b"one"), masked(0x8a, b""), masked(0x88, b"\x03\xe8bye")].concat());
    bench.frames.wrote(&[0x89, 1, b'x']);
    let head =
        |opcode, len, masked| FrameHead { opcode, fin: true, rsv: 0, masked, len, size: if masked { 6 } else { 2 } };
    let kinds: Vec<_> = bench.events().into_iter().map(|event| event.kind).collect();
    let wanted = [
        Kind::Ping { way: Way::In, frame: Some(head(9, 3, true)) },
        Kind::Pong { way: Way::In, rtt: None, frame: Some(head(10, 0, true)) },
        Kind::Closing { way: Way::In, code: Some(1000), frame: head(8, 5, true) },
        Kind::Ping { way: Way::Out, frame: Some(head(9, 1, false)) },
    ];
    assert_eq!(kinds, wanted);
}

#[test]
fn a_frame_that_is_not_whole_is_told_at_the_end() {
    let all = masked(0x81, b"hello");
    for (cut, words, came) in [
        (8, ", within a text frame, 8 of its 11 B came", Some(&b"he"[..])),
        (6, ", within a text frame, 6 of its 11 B came", Some(b"")),
        (1, ", within a frame's head, 1 B of it came", None),
        (0, "", None),
        (11, "", None),
    ] {
        let mut bench = Bench::new();
        bench.frames.read(&all[..cut]);
        assert_eq!(bench.frames.part(), words);
        bench.frames.ended();
        let told = bench.seen();
        let part = told.iter().find(|(kind, ..)| matches!(kind, Kind::Frame { .. }));
        assert_eq!(part.map(|(_, size, head)| (*size, &head[..])), came.map(|came| (came.len() as u64, came)));
        assert_eq!(told.last().unwrap().0, Kind::fin(Way::In));
        assert_eq!(bench.frames.first(), Some(Party::Peer));
    }
    // One that is wrong is told as far as it came, with what is wrong, and only once.
    let mut bench = Bench::new();
    bench.frames.read(&masked(0xc1, b"hello")[..8]);
    assert!(bench.events().is_empty() && bench.frames.broken().is_some());
    bench.frames.torn();
    bench.frames.read(&masked(0xc1, b"hello")[8..]);
    bench.frames.read(&masked(0x81, b"next"));
    let names: Vec<_> = bench.events().iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["frame", "error", "message"]);
    assert_eq!(bench.events()[2].head, b"next");
}

#[test]
fn what_comes_before_open_is_told_after_it() {
    let mut bench = Bench::new();
    bench.frames = Frames::new(bench.record.clone(), bench.hub.clock(), Role::Listen, LIMIT);
    bench.frames.read(&masked(0x81, b"early"));
    assert!(bench.events().is_empty());
    bench.frames.open(Opened::default(), b"both heads", None);
    let names: Vec<_> = bench.events().iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["open", "message"]);
    assert_eq!(bench.events()[0].head, b"both heads");
    assert_eq!(bench.heard().len(), 1);
}

#[test]
fn the_codes_of_section_7_4_are_checked() {
    let good = [&b""[..], b"\x03\xe8", b"\x03\xe8bye"].map(|payload| (payload, false));
    let bad = [&b"\x03"[..], b"\x03\xed", b"\x03\xe8\xff"].map(|payload| (payload, true));
    for (payload, bad) in good.into_iter().chain(bad) {
        assert_eq!(wrong_close(payload).is_some(), bad, "{payload:?}");
    }
}

/// Some frames, fragmented and interleaved as they may be, and some that may not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        Just(0x81u8),
        Just(0x82),
        Just(0x01),
        Just(0x00),
        Just(0x80),
        Just(0x88),
        Just(0x89),
        Just(0x8a),
        Just(0x83),
        Just(0xf1),
    ];
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        prop::collection::vec(any::<u8>(), 120..130),
        Just(vec![9; 5000]),
        Just(vec![8; 70_000])
    ];
    prop::collection::vec((first, payload), 0..8)
        .prop_map(|frames| frames.iter().flat_map(|(first, payload)| masked(*first, payload)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_a_stream_is_the_same_story(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut whole = Bench::new();
        whole.frames.read(&bytes);
        let mut parts = Bench::new();
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        for pair in at.windows(2) {
            parts.frames.read(&bytes[pair[0]..pair[1]]);
        }
        prop_assert_eq!(parts.seen(), whole.seen());
        prop_assert_eq!(parts.heard(), whole.heard());
        prop_assert_eq!(parts.record.count(), whole.record.count());
        let mut single = Bench::new();
        for byte in bytes.iter().take(3000) {
            single.frames.read(std::slice::from_ref(byte));
        }
        let (seen, all) = (single.seen(), whole.seen());
        prop_assert_eq!(&seen[..], &all[..seen.len()]);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bench = Bench::new();
        bench.frames.read(&bytes);
        bench.frames.wrote(&bytes);
    }
}
