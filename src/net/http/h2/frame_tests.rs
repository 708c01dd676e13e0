//! Frames in any split, and whatever bytes there are.

use proptest::prelude::*;

use super::flaw::Flaw;
use super::frame::{self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Head, PADDED, PREFACE, SETTINGS, Sink};
use crate::hub::HEAD;

/// What is told, in words.
#[derive(Default, PartialEq, Debug)]
struct Told(Vec<String>);

impl Sink for Told {
    fn head(&mut self, head: &Head) -> Result<(), Flaw> {
        self.0.push(format!("{} {} {} {}", head.kind, head.flags, head.stream, head.len));
        if head.kind == frame::RST_STREAM && head.len != 4 { Err(Flaw::SIZE) } else { Ok(()) }
    }
    fn data(&mut self, head: &Head, size: u32, kept: &[u8]) {
        assert!(kept.len() <= HEAD && kept.len() <= size as usize && size <= head.len);
        assert_eq!(kept.len(), HEAD.min(size as usize));
        self.0.push(format!("data {size} {}", hex::encode(kept)));
    }
    fn frame(&mut self, head: &Head, payload: &[u8]) {
        assert_eq!(payload.len(), head.len as usize);
        self.0.push(format!("whole {}", hex::encode(payload)));
    }
    fn flaw(&mut self, flaw: Flaw) {
        self.0.push(flaw.text.into_owned());
    }
}

fn tell(preface: bool, pieces: &[&[u8]]) -> (Told, bool) {
    let mut told = Told::default();
    let mut frames = Frames::new(preface);
    for piece in pieces {
        frames.feed(piece, &mut told);
    }
    (told, frames.between_frames())
}

fn stream() -> Vec<u8> {
    let body: Vec<u8> = (0..HEAD + 100).map(|n| n as u8).collect();
    [
        PREFACE.to_vec(),
        Head::frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]),
        Head::frame(SETTINGS, frame::ACK, 0, b""),
        Head::frame(HEADERS, END_HEADERS, 1, &[0x82, 0x84]),
        Head::frame(DATA, 0, 1, b"hello"),
        Head::frame(DATA, PADDED, 1, b"\x03hello\0\0\0"),
        Head::frame(DATA, PADDED, 1, b"\x09hello"),
        Head::frame(DATA, PADDED, 1, b""),
        Head::frame(DATA, 0, 1, &body),
        Head::frame(frame::RST_STREAM, 0, 1, b"12345"),
        Head::frame(0xfa, 7, 1, b"unknown"),
        Head::frame(DATA, END_STREAM, 1, b""),
    ]
    .concat()
}

#[test]
fn frames_are_told_in_order() {
    let (told, whole) = tell(true, &[&stream()]);
    assert!(whole);
    let told: Vec<_> = told.0.iter().map(|line| &line[..line.len().min(30)]).collect();
    let want = [
        "4 0 0 6",
        "whole 000300000064",
        "4 1 0 0",
        "whole ",
        "1 4 1 2",
        "whole 8284",
        "0 0 1 5",
        "data 5 68656c6c6f",
        "0 8 1 9",
        "data 5 68656c6c6f",
        "0 8 1 6",
        "the padding is longer than the",
        "data 0 ",
        "0 8 1 0",
        "the padding is longer than the",
        "data 0 ",
        "0 0 1 4196",
        "data 4196 00010203040506070809",
        "3 0 1 5",
        "a frame has the wrong size",
        "250 7 1 7",
        "0 1 1 0",
        "data 0 ",
    ];
    assert_eq!(told, want);
}

#[test]
fn what_does_not_begin_with_the_preface_is_nobodys() {
    let (told, _) = tell(true, &[b"PRI * HTTP/2.0\r\n\r\nXX", &stream()]);
    assert_eq!(told.0, ["the connection does not begin with the HTTP/2 preface"]);
}

#[test]
fn a_control_frame_beyond_all_reason_is_passed_over() {
    let large = Head::frame(HEADERS, 0, 1, &vec![0; 100_000]);
    let (told, whole) = tell(false, &[&large, &Head::frame(DATA, 0, 1, b"a")]);
    assert!(whole);
    assert_eq!(told.0, ["1 0 1 100000", "a frame has the wrong size", "0 0 1 1", "data 1 61"]);
}

#[test]
fn headers_lose_their_padding_and_priority() {
    let of = |flags, payload: &'static [u8]| {
        let head = Head { len: payload.len() as u32, kind: HEADERS, flags, stream: 1 };
        frame::fragment(&head, payload).map_err(|flaw| flaw.text)
    };
    assert_eq!(of(0, b"abc"), Ok(&b"abc"[..]));
    assert_eq!(of(PADDED, b"\x01abc\0"), Ok(&b"abc"[..]));
    assert_eq!(of(PADDED | frame::PRIORITISED, b"\x0100001abc\0"), Ok(&b"abc"[..]));
    for (flags, payload) in [(PADDED, &b""[..]), (PADDED, b"\x05abc"), (frame::PRIORITISED, b"abc")] {
        assert!(of(flags, payload).is_err(), "{flags} {payload:?}");
    }
}

proptest! {
    #[test]
    fn any_split_tells_the_same(cuts in prop::collection::vec(0..5000usize, 0..12)) {
        let stream = stream();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut at = 0;
        for cut in cuts {
            pieces.push(&stream[at..cut]);
            at = cut;
        }
        pieces.push(&stream[at..]);
        prop_assert_eq!(tell(true, &pieces), tell(true, &[&stream]));
    }

    #[test]
    fn no_bytes_panic_and_any_split_of_them_tells_the_same(
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(8), any::<u8>()], 0..300),
        preface: bool,
        size in 1..20usize,
    ) {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(tell(preface, &pieces), tell(preface, &[&bytes]));
    }
}
