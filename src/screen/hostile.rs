//! What a peer may try: escape sequences, C1 codes, OSC 52, bidi controls, marks without end, at every place
//! where foreign bytes are shown. No cell may ever hold what acts on a terminal, and no line may be too wide.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::theme::{Depth, Theme};
use super::{bytes, cells, detail, endpoints, facts, handshake, header, inspector, json, sample, sockets, timeline};
use crate::app::{App, Effect, Follow, Key, Lens, Msg};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::{Answer, Event, Hello, Kind, Logged, Opened, Secured, Shown, Way};
use crate::model::handshake::{Choice, Handshake, Outcome, STEPS, Terms};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::socketio::{Head, Type};
use crate::model::time::Stamp;
use crate::model::tls::{Certificate, Record};
use crate::model::url::{Host, Role};
use crate::model::view::{Snapshot, State};
use crate::model::workbench;

const ATTACKS: &[&[u8]] = &[
    b"\x1b[2J\x1b[H\x1b[31mred",
    b"\x1b]52;c;aGVsbG8=\x07\x1b]0;title\x1b\\",
    b"\x1bP+q544e\x1b\\ \x1b_apc\x1b\\ \x1bc",
    b"\x00\x07\x08\x0b\x0c\x0e\x0f\x7f\r\n\t",
    b"\x80\x84\x85\x90\x9b31m\x9d\x9c",
    "\u{80}\u{85}\u{90}\u{9b}31m\u{9d}\u{9c}".as_bytes(),
    "\u{202e}evil\u{202c}\u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}".as_bytes(),
    "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{feff}f\u{ad}g\u{34f}".as_bytes(),
    "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} 👍\u{1f3fd} 🇩🇪".as_bytes(),
    "\u{e000}\u{f0000}\u{378}\u{fffe}\u{e0041}\u{3164}\u{115f}\u{2028}\u{2029}".as_bytes(),
    "e\u{301} \u{301}\u{301}lone z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}".as_bytes(),
    "你好，世界　ｱﾞ กำ नि 한국 שלום لا".as_bytes(),
    b"\xff\xfe\xc3\x28\xe4\xbd\xf0\x9f\x91\xed\xa0\x80",
];

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{34f}' | '\u{115f}' | '\u{3164}' | '\u{feff}' | '\u{fffe}' | '\u{378}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}' | '\u{1f3fb}'..='\u{1f3ff}')
        || c >= '\u{e0000}'
}

fn theme() -> Theme {
    Theme::new(Depth::True)
}

fn check_text(text: &str) {
    if let Some(c) = text.chars().find(|c| is_harmful(*c)) {
        panic!("U+{:04X} reached the screen in {text:?}", u32::from(c));
    }
}

fn check_lines(lines: &[Line<'_>], width: usize) {
    for line in lines {
        assert!(cells::line_width(line) <= width, "{} > {width}: {line}", cells::line_width(line));
        check_text(&line.to_string());
    }
}

fn check_bytes(input: &[u8], width: usize) {
    let theme = theme();
    check_lines(&[bytes::preview(input, width, &theme)], width);
    check_lines(&[bytes::excerpt(input, true, width, theme.plain, &theme)], width);
    check_lines(&bytes::text(input, width, &theme), width.max(1));
    check_lines(&bytes::hex(input, width, &theme), width);
    check_lines(&json::pretty(input, width, &theme), width.max(1));
    check_text(&bytes::clean(&String::from_utf8_lossy(input)));
}

fn check_buffer(buf: &Buffer) {
    for cell in &buf.content {
        check_text(cell.symbol());
        assert!(cells::width(cell.symbol()) <= 6, "{:?}", cell.symbol());
    }
    for y in 0..buf.area.height {
        let last = buf[(buf.area.width - 1, y)].symbol();
        assert!(cells::width(last) <= 1, "a wide character hangs over the edge");
    }
}

/// Every kind there is, with the foreign text in every field that holds one.
fn events(input: &[u8]) -> Vec<Event> {
    let text: Box<str> = String::from_utf8_lossy(input).into();
    let mut kinds: Vec<Kind> = sample::every_event().into_iter().map(|(_, kind, _)| kind).collect();
    let faults = [
        Fault::Io { op: Op::Read, name: "EIO", text: text.clone() },
        Fault::Tls { alert: Some((Party::Peer, "unknown_ca")), text: text.clone() },
        Fault::Tls { alert: None, text: text.clone() },
        Fault::Certificate { row: "ca", text: text.clone() },
        Fault::Http { status: None, text: text.clone() },
        Fault::WebSocket { text: text.clone() },
        Fault::Starttls { text: text.clone() },
        Fault::Panic { text: text.clone() },
    ];
    for fault in faults {
        kinds.push(Kind::Error(Box::new(fault.clone())));
        kinds.push(Kind::Close(Box::new(End::Broken(fault))));
    }
    let names = vec![text.clone(); 3];
    kinds.push(Kind::ClientHello(Arc::new(Hello {
        server_name: Some(text.clone()),
        alpn: names.clone(),
        ciphers: names.clone(),
        groups: names.clone(),
        extensions: names.clone(),
        ..Hello::default()
    })));
    kinds.push(Kind::KeyLog(Box::new(Logged { file: text.clone(), labels: names.clone() })));
    kinds.push(Kind::Certificate(Box::new(Shown {
        source: text.clone(),
        is_bad: true,
        asked: Some(text.clone()),
        behind: 1,
        certificate: Certificate { subject: text.clone(), names: names.clone(), ..Certificate::default() },
    })));
    kinds.push(Kind::ServerHello(Arc::new(Answer {
        way: Way::In,
        version: text.clone(),
        cipher: text.clone(),
        group: Some(text.clone()),
        alpn: Some(text.clone()),
        extensions: names.clone(),
        retry: true,
        resumes: true,
    })));
    kinds.push(Kind::SecureConnect(Arc::new(Secured {
        cipher: text.clone(),
        group: Some(text.clone()),
        alpn: Some(text.clone()),
        objection: Some(text.clone()),
        chain: vec![Certificate { subject: text.clone(), issuer: text.clone(), names, ..Certificate::default() }],
        ..sample::secured()
    })));
    let names = vec![text.clone()];
    let (subprotocols, offered, extensions) = (names.clone(), names.clone(), names);
    let (namespace, name) = (text.clone(), Some(text.clone()));
    let packet = Box::new(Head { what: Type::Event, namespace, name, id: Some(7), ..Head::default() });
    kinds.push(Kind::Packet { way: Way::In, packet });
    kinds.extend(super::datagram::samples(&text));
    kinds.push(Kind::Open(Box::new(Opened { subprotocols, subprotocol: Some(text), offered, extensions })));
    let event = |(kind, seq): (Kind, u64)| Event {
        seq,
        at: crate::model::time::Stamp(seq * 1_500_000),
        kind,
        size: input.len() as u64 + seq % 2,
        head: input.to_vec(),
    };
    kinds.into_iter().zip(0..).map(event).collect()
}

/// A handshake that failed, with the foreign text in every name that a peer gives.
fn shaken(input: &[u8]) -> Handshake {
    let text: Box<str> = String::from_utf8_lossy(input).into();
    let mut it = Handshake { role: Role::Connect, began: Some(Stamp(0)), ..Handshake::default() };
    for event in events(input) {
        it.keep(event.at, event.seq % 2 == 0, event.kind);
    }
    // Also where what came before filled it.
    it.steps.truncate(STEPS - 8);
    for event in events(input).into_iter().rev() {
        if matches!(event.kind, Kind::ClientHello(_) | Kind::ServerHello(_) | Kind::Handshake(_)) {
            it.keep(event.at, event.seq % 2 == 0, event.kind);
        }
    }
    let one = || Some(text.clone());
    it.records = std::array::from_fn(|_| vec![Record { kind: 99, len: 7 }; 9]);
    it.choice = Choice { group: one(), scheme: one(), alpn: one(), extensions: vec![text.clone(); 3] };
    let certificate = Certificate {
        subject: text.clone(),
        issuer: format!("{text}!").into(),
        names: vec![text.clone(); 3],
        valid: (text.clone(), text.clone()),
        key: text.clone(),
        ..Certificate::default()
    };
    it.chains = [vec![certificate.clone(); 4].into(), vec![certificate].into()];
    let fault = Arc::new(Fault::Tls { alert: None, text: text.clone() });
    let names = || vec![text.clone(); 2];
    let terms = Terms { versions: names(), ciphers: names(), groups: names(), schemes: names(), alpn: names() };
    it.outcome = Outcome::Failed { at: Stamp(9), fault, terms: Some(Arc::new(terms)) };
    it
}

/// A snapshot with the foreign text wherever a peer, a file or a person can put it.
fn snapshot(input: &[u8]) -> Snapshot {
    let text = String::from_utf8_lossy(input);
    let mut snapshot = sample::snapshot();
    let mut row = sample::endpoint(9, Role::Connect, "ws://example.org/", State::Up, 1);
    let spec = std::sync::Arc::make_mut(&mut row.spec);
    spec.url.host = Host::Name((&*text).into());
    snapshot.endpoints.push(row.clone());
    row.state = State::Failed(Fault::Panic { text: (&*text).into() });
    snapshot.endpoints.insert(0, row);
    snapshot
}

fn check_panes(input: &[u8], width: u16) {
    let theme = theme();
    let area = Rect::new(0, 0, width, 12);
    let mut snapshot = snapshot(input);
    let filter = String::from_utf8_lossy(input);
    let mut buf = Buffer::empty(area);
    header::draw(&mut buf, area, &snapshot, Follow::Paused, &theme);
    check_buffer(&buf);
    let mut buf = Buffer::empty(area);
    endpoints::draw(&mut buf, area, &snapshot, endpoints::View::default(), &theme);
    check_buffer(&buf);
    let mut buf = Buffer::empty(area);
    let view = sockets::View { filter: &filter, ..sockets::View::default() };
    sockets::draw(&mut buf, area, &snapshot, view, &theme);
    check_buffer(&buf);
    let events = events(input);
    let tall = Rect { height: 80, ..area };
    for subject in [Subject::Socket(SocketId(3)), Subject::Endpoint(EndpointId(9))] {
        let mut timeline = sample::timeline(subject, Vec::new());
        timeline.range = 0..events.len() as u64;
        timeline.events = events.clone();
        snapshot.timeline = Some(timeline);
        let mut buf = Buffer::empty(tall);
        timeline::draw(&mut buf, tall, &snapshot, timeline::View::default(), &theme);
        check_buffer(&buf);
    }
    snapshot.handshake = Some(shaken(input));
    for height in [12, 80] {
        let area = Rect { height, ..area };
        let mut buf = Buffer::empty(area);
        handshake::draw(&snapshot, 0, area, &mut buf, &theme);
        check_buffer(&buf);
    }
    for event in events {
        let inside = usize::from(width);
        check_lines(&[detail::detail(&event, inside, &theme)], inside);
        check_lines(&facts::table(&event, inside, &theme), inside.max(12));
        for lens in [Lens::Text, Lens::Hex] {
            if let Some(timeline) = &mut snapshot.timeline {
                timeline.inspected = Some(event.clone());
            }
            let mut buf = Buffer::empty(area);
            let view = inspector::View { lens, ..inspector::View::default() };
            inspector::draw(&mut buf, area, &snapshot, view, &theme);
            check_buffer(&buf);
        }
    }
}

/// A store whose every text comes from somebody else's certificate.
fn check_certificates(input: &[u8], width: u16) {
    let text = String::from_utf8_lossy(input).into_owned();
    let tree = (0..3).map(|level| workbench::Line { level, name: text.clone(), value: text.clone() }).collect();
    let entry = workbench::Entry {
        name: text.clone(),
        kept: vec!["key", "crt"],
        kind: text.clone(),
        subject: text.clone(),
        names: vec![text.clone(); 2],
        issuer: text.clone(),
        tree,
        ..workbench::Entry::default()
    };
    let unnamed = workbench::Entry { names: Vec::new(), ..entry.clone() };
    let entries = vec![entry, unnamed];
    let shelf = workbench::Shelf { folder: text.clone(), entries, ..workbench::Shelf::default() };
    let trouble = workbench::Shelf { trouble: Some(text.clone()), ..workbench::Shelf::default() };
    let refusal = workbench::Refusal { text, option: None, is_taken: false };
    let refused = workbench::Outcome::Refused(refusal.clone());
    let taken = workbench::Outcome::Refused(workbench::Refusal { is_taken: true, ..refusal });
    for (keys, outcome, shelf) in [
        (&['C'][..], workbench::Outcome::Looked, trouble),
        (&['C', 'P'], workbench::Outcome::Looked, shelf.clone()),
        (&['C', 'v', '\n'], refused.clone(), shelf.clone()),
        (&['C', 's', '\n'], refused, shelf.clone()),
        (&['C', 's', '\n'], taken, shelf),
    ] {
        let mut app = App::new(Vec::new());
        for (n, key) in keys.iter().enumerate() {
            let key = if *key == '\n' { Key::Enter } else { Key::Char(*key) };
            let effects = app.update(Msg::Key(key));
            let Some(Effect::Workbench { ticket, .. }) = effects.first() else { continue };
            let outcome = if n == 0 { workbench::Outcome::Looked } else { outcome.clone() };
            app.update(Msg::Told(Box::new(workbench::Told { ticket: *ticket, outcome, shelf: shelf.clone() })));
        }
        let area = Rect::new(0, 0, width, 30);
        let mut buf = Buffer::empty(area);
        super::certificates::draw(&app, area, &mut buf, &theme());
        check_buffer(&buf);
    }
}

#[test]
fn no_attack_reaches_a_cell_of_any_pane() {
    for attack in ATTACKS {
        for width in [1, 38, 120] {
            check_bytes(attack, usize::from(width));
            check_panes(attack, width);
            check_certificates(attack, width);
        }
    }
    let all = ATTACKS.concat();
    for width in 0..90 {
        check_bytes(&all, width);
    }
    check_panes(&all, 120);
}

#[test]
fn what_is_shown_says_what_was_sent() {
    let line = |input: &[u8]| bytes::preview(input, 200, &theme()).to_string();
    assert_eq!(line(b"a\r\n\t\x1b[2J\x00\x7f"), r"a\r\n\t\x1b[2J\x00\x7f");
    assert_eq!(line(b"\xff\xc3"), r"\xff\xc3");
    assert_eq!(line("\u{9b}\u{202e}\u{200d}\u{feff}".as_bytes()), r"\u{9b}\u{202e}\u{200d}\u{feff}");
    assert_eq!(line("你好 👍 é e\u{301}".as_bytes()), "你好 👍 é e\u{301}");
    assert_eq!(line("❤\u{fe0f}".as_bytes()), r"❤\u{fe0f}");
    assert_eq!(line("\u{301}a".as_bytes()), r"\u{301}a");
}

#[test]
fn a_preview_is_cut_between_characters() {
    let line = |input: &str, width| bytes::preview(input.as_bytes(), width, &theme()).to_string();
    assert_eq!(line("hello", 5), "hello");
    assert_eq!(line("hello!", 5), "hell…");
    assert_eq!(line("你好吗", 5), "你好…");
    assert_eq!(line("你好吗", 4), "你…");
    assert_eq!(line("a\u{1b}b", 4), "a…");
    assert_eq!(line("hello", 0), "");
}

#[test]
fn text_breaks_where_the_peer_broke_and_where_it_must() {
    let lines = |input: &str, width| -> Vec<String> {
        bytes::text(input.as_bytes(), width, &theme()).iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines("one\r\ntwo\n", 20), [r"one\r\n", r"two\n"]);
    assert_eq!(lines("a\n\nb", 20), [r"a\n", r"\n", "b"]);
    assert_eq!(lines("你好吗", 5), ["你好", "吗"]);
    assert!(lines("", 5).is_empty());
}

#[test]
fn a_hex_row_has_as_many_bytes_as_fit() {
    let first = |width| bytes::hex(b"hello, sockscope!\x00\xff", width, &theme())[0].to_string();
    assert_eq!(first(80), "0000  68 65 6c 6c 6f 2c 20 73  6f 63 6b 73 63 6f 70 65  hello, sockscope");
    assert_eq!(first(42), "0000  68 65 6c 6c 6f 2c 20 73  hello, s");
    assert_eq!(first(25), "0000  68 65 6c 6c  hell");
    let last = bytes::hex(b"hello, sockscope!\x00\xff", 80, &theme())[1].to_string();
    assert_eq!(last, format!("0010  21 00 ff{}!··", " ".repeat(42)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_reach_the_terminal_as_they_are(input in prop::collection::vec(any::<u8>(), 0..200), width in 0usize..120) {
        check_bytes(&input, width);
    }

    #[test]
    fn no_characters_reach_the_terminal_that_act_on_it(input in "\\PC{0,20}[\\p{C}\\p{M}\\p{Z}]{0,20}.{0,20}", width in 0usize..120) {
        check_bytes(input.as_bytes(), width);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_pane_lets_anything_through(input in "[\\p{C}\\p{M}\\p{Z}a{}\\[\\]\":\n你]{0,40}", width in 1u16..130) {
        check_panes(input.as_bytes(), width);
        check_certificates(input.as_bytes(), width);
    }
}
