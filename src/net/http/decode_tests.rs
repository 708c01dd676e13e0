//! The decoder against whole streams, every split of them, and noise.

use proptest::prelude::*;

use super::decode::{Decoder, Half, Sink};
use super::head::{Asked, Head, Start};
use super::reason::Reason;
use crate::model::exchange::Part;

#[derive(Default, PartialEq, Eq, Debug, Clone)]
struct Seen {
    told: Vec<(&'static str, Vec<u8>)>,
    chunks: Vec<(u64, Vec<u8>)>,
    asked: Asked,
}

impl Seen {
    /// Pieces of one body are one: where it was cut is the network's affair.
    fn add(&mut self, name: &'static str, bytes: &[u8]) {
        match self.told.last_mut() {
            Some((last, held)) if *last == name && matches!(name, "body" | "tunnel") => held.extend(bytes),
            _ => self.told.push((name, bytes.to_vec())),
        }
    }
}

impl Sink for Seen {
    fn asked(&mut self) -> Asked {
        self.asked
    }
    fn head(&mut self, head: &Head<'_>) {
        let name = match head.start {
            Start::Request { .. } => "request",
            Start::Response { .. } => "response",
        };
        self.add(name, head.raw);
    }
    fn body(&mut self, _: Part, piece: &[u8]) {
        assert!(!piece.is_empty());
        self.add("body", piece);
    }
    fn chunk(&mut self, size: u64, line: &[u8]) {
        self.chunks.push((size, line.to_vec()));
    }
    fn trailers(&mut self, raw: &[u8]) {
        self.add("trailers", raw);
    }
    fn done(&mut self) {
        self.add("done", b"");
    }
    fn tunnel(&mut self, bytes: &[u8]) {
        self.add("tunnel", bytes);
    }
}

const LIMIT: usize = 300;

fn decode<'a>(half: Half, asked: Asked, pieces: impl Iterator<Item = &'a [u8]>) -> (Seen, Decoder) {
    let mut seen = Seen { asked, ..Seen::default() };
    let mut decoder = Decoder::new(half, LIMIT);
    for piece in pieces {
        decoder.feed(piece, &mut seen);
    }
    (seen, decoder)
}

fn whole(half: Half, stream: &[u8]) -> (Seen, Decoder) {
    decode(half, Asked::Other, std::iter::once(stream))
}

fn names(seen: &Seen) -> Vec<&'static str> {
    seen.told.iter().map(|told| told.0).collect()
}

const GET: &str = "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n";

#[test]
fn a_head_is_told_as_it_was_on_the_wire() {
    let (seen, decoder) = whole(Half::Requests, format!("\r\n\n{GET}{GET}GET /ha").as_bytes());
    assert_eq!(names(&seen), ["request", "done", "request", "done"]);
    assert_eq!(seen.told[0].1, GET.as_bytes());
    assert_eq!(decoder.behind(), 7);
    assert!(decoder.within_head());
}

#[test]
fn a_chunked_body_loses_its_framing_and_keeps_its_trailers() {
    let stream = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3\r\nabc\r\n4;x=\"y\"\r\ndefg\r\n0\r\nA: b\r\n\r\n";
    let (seen, _) = whole(Half::Requests, format!("{stream}{GET}").as_bytes());
    assert_eq!(names(&seen), ["request", "body", "trailers", "done", "request", "done"]);
    assert_eq!((&*seen.told[1].1, &*seen.told[2].1), (&b"abcdefg"[..], &b"A: b\r\n"[..]));
    let lines: Vec<_> = seen.chunks.iter().map(|(size, line)| (*size, &**line)).collect();
    assert_eq!(lines, [(3, &b"3"[..]), (4, b"4;x=\"y\""), (0, b"0")]);
}

#[test]
fn some_responses_have_no_body_whatever_they_say() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (seen, decoder) = decode(Half::Responses, Asked::Head, std::iter::once(head.as_bytes()));
    assert_eq!(names(&seen), ["response", "done"]);
    assert!(decoder.between_messages());
    for status in [100, 204, 304] {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(names(&whole(Half::Responses, head.as_bytes()).0), ["response", "done"], "{status}");
    }
}

#[test]
fn a_body_without_a_length_ends_with_the_stream() {
    let (mut seen, mut decoder) = whole(Half::Responses, b"HTTP/1.0 200 OK\r\n\r\nabc");
    assert_eq!(names(&seen), ["response", "body"]);
    decoder.finish(&mut seen);
    assert_eq!(names(&seen), ["response", "body", "done"]);
}

#[test]
fn what_is_behind_a_switch_is_the_tunnels() {
    let (seen, _) = whole(Half::Responses, b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\x81\x00");
    assert_eq!(names(&seen), ["response", "tunnel"]);
    let connect = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
    let (seen, _) = decode(Half::Responses, Asked::Connect, std::iter::once(&connect[..]));
    assert_eq!(names(&seen), ["response", "tunnel"]);
}

#[test]
fn after_a_last_request_nothing_is_read() {
    let (seen, decoder) = whole(Half::Requests, b"GET / HTTP/1.0\r\n\r\nrubbish");
    assert_eq!(names(&seen), ["request", "done"]);
    assert!(decoder.refused().is_none());
}

#[test]
fn an_upgrade_holds_what_follows_until_it_is_answered() {
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    for (switched, want) in [(true, "tunnel"), (false, "request")] {
        let mut seen = Seen::default();
        let mut decoder = Decoder::new(Half::Requests, LIMIT).holding_upgrades();
        decoder.feed(format!("{ask}{GET}").as_bytes(), &mut seen);
        assert_eq!((names(&seen).len(), decoder.behind()), (2, GET.len()));
        if switched {
            decoder.switch(&mut seen)
        } else {
            decoder.decide(&mut seen)
        }
        assert_eq!((names(&seen)[2], &*seen.told[2].1), (want, GET.as_bytes()));
    }
}

fn host(rest: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}")
}

/// Streams that are refused, and why.
fn refused() -> Vec<(String, Reason)> {
    vec![
        ("\x16\x03\x01\x02\x00\x01".into(), Reason::Tls),
        ("\x00\x01\r\n\r\n".into(), Reason::Method),
        ("GE(T / HTTP/1.1\r\n\r\n".into(), Reason::Method),
        ("GET /\x01 HTTP/1.1\r\n\r\n".into(), Reason::Target),
        ("hello\r\n\r\n".into(), Reason::StartLine),
        ("GET /\r\n\r\n".into(), Reason::StartLine),
        ("GET / FOO\r\n\r\n".into(), Reason::StartLine),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), Reason::Version),
        ("GET / HTTP/1.7\r\n\r\n".into(), Reason::Version),
        ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n".into(), Reason::Target),
        (host("a b: c\r\n\r\n"), Reason::Header("a space stands where its colon should be")),
        (host("a : c\r\n\r\n"), Reason::Header("a space stands where its colon should be")),
        (host("nocolon\r\n\r\n"), Reason::Header("it has no colon")),
        (host("a: \x01\r\n\r\n"), Reason::Header("its value has a control character")),
        (host("Expect: tea\r\n\r\n"), Reason::Expect("tea".into())),
        (host("a: b\r\n c\r\n\r\n"), Reason::Header("it begins with a space (obs-fold)")),
        (host(" folded: x\r\n\r\n"), Reason::Header("it begins with a space (obs-fold)")),
        ("GET / HTTP/1.1\r\n\r\n".into(), Reason::NoHost),
        (host("Host: b\r\n\r\n"), Reason::ManyHosts),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n".into(), Reason::ManyHosts),
        (host("Content-Length: +5\r\n\r\n"), Reason::Length),
        (host("Content-Length: 5, 5\r\n\r\n"), Reason::Length),
        (host("Content-Length:\r\n\r\n"), Reason::Length),
        (host("Content-Length: 18446744073709551615\r\n\r\n"), Reason::Length),
        (host("Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), Reason::ManyLengths),
        (host("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), Reason::LengthAndCoding),
        (host("Transfer-Encoding: gzip\r\n\r\n"), Reason::Coding("gzip".into())),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), Reason::CodingIn10),
        (host("Transfer-Encoding: chunked\r\n\r\nxyz"), Reason::Chunk("its size is no hexadecimal number")),
        (host("Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n"), Reason::Chunk("its size line ends without CR")),
        (host("Transfer-Encoding: chunked\r\n\r\n1\r\nxy"), Reason::Chunk("it is longer than its size says")),
        (host("Transfer-Encoding: chunked\r\n\r\n\r\n"), Reason::Chunk("its size is no hexadecimal number")),
        (
            host("Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n"),
            Reason::Chunk("its size has more than 16 digits"),
        ),
        (host("Transfer-Encoding: chunked\r\n\r\n0\r\na b\r\n\r\n"), Reason::Trailers),
        (host("Transfer-Encoding: chunked\r\n\r\n0\r\na: b\n\n"), Reason::Trailers),
        (host(&format!("a: {}\r\n\r\n", "x".repeat(300))), Reason::TooLarge(LIMIT)),
        (format!("GET /{}", "x".repeat(300)), Reason::TooLong(LIMIT)),
        (host(&"a:\r\n".repeat(101))[..].to_owned(), Reason::TooLarge(LIMIT)),
    ]
}

#[test]
fn what_is_not_http_is_refused_with_its_reason_however_it_is_cut() {
    for (stream, want) in refused() {
        let (told, decoder) = whole(Half::Requests, stream.as_bytes());
        assert_eq!(decoder.refused(), Some(&want), "{stream:?}");
        let (bytewise, slow) = decode(Half::Requests, Asked::Other, stream.as_bytes().chunks(1));
        assert_eq!((slow.refused(), &bytewise), (Some(&want), &told), "{stream:?}");
        assert_eq!(decoder.behind(), slow.behind(), "{stream:?}");
        // After a good one, the good one is told.
        let (told, after) = whole(Half::Requests, format!("{GET}{stream}").as_bytes());
        assert_eq!(after.refused(), Some(&want), "{stream:?}");
        assert_eq!(names(&told)[..2], ["request", "done"]);
    }
}

#[test]
fn a_stream_cut_short_says_where() {
    for (stream, want) in [(GET[..9].to_owned(), "a head"), (host("Content-Length: 5\r\n\r\nab"), "a body")] {
        let (mut seen, mut decoder) = whole(Half::Requests, stream.as_bytes());
        decoder.finish(&mut seen);
        assert_eq!(decoder.refused(), Some(&Reason::Cut(want)));
    }
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        Just(GET.as_bytes().to_vec()),
        body.clone()
            .prop_map(|body| { [host(&format!("Content-Length: {}\r\n\r\n", body.len())).as_bytes(), &body].concat() }),
        (prop::collection::vec(body, 0..4), any::<bool>()).prop_map(|(chunks, trailed)| {
            let mut out = host("Transfer-Encoding: Chunked\r\n\r\n").into_bytes();
            for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
                out.extend(format!("{:X};e\r\n", chunk.len()).bytes());
                out.extend(chunk);
                out.extend(b"\r\n");
            }
            out.extend(if trailed { &b"0\r\nA: b\r\n\r\n"[..] } else { b"0\r\n\r\n" });
            out
        }),
        Just(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\n\r\nuntil the end".to_vec()),
        Just(b"\r\n".to_vec()),
        prop::sample::select(refused()).prop_map(|(stream, _)| stream.into_bytes()),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn cut<'a>(stream: &'a [u8], cuts: &'a [prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

#[test]
fn a_line_without_a_method_is_refused_at_its_first_byte() {
    let stream = b" \0GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for at in 0..stream.len() {
        let (_, decoder) = decode(Half::Requests, Asked::Other, [&stream[..at], &stream[at..]].into_iter());
        assert_eq!(decoder.refused(), Some(&Reason::StartLine), "cut at {at}");
    }
}

proptest! {
    #[test]
    fn no_cut_changes_what_is_told(
        messages in prop::collection::vec(message(), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        half in prop::sample::select(&[Half::Requests, Half::Responses][..]),
    ) {
        let stream = messages.concat();
        let (mut told, mut decoder) = whole(half, &stream);
        let (mut pieces, mut slow) = decode(half, Asked::Other, cut(&stream, &cuts).into_iter());
        prop_assert_eq!(decoder.behind(), slow.behind());
        decoder.finish(&mut told);
        slow.finish(&mut pieces);
        prop_assert_eq!(told, pieces);
        prop_assert_eq!(decoder.refused(), slow.refused());
    }
}
