//! Each pane as a snapshot at the widths of the three layouts, and the dashboard's panes together as ANSI
//! for a look with one's own eyes (`cargo test -- --ignored the_panes_as_ansi`).

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::theme::{Depth, Ground, Theme};
use super::{endpoints, header, inspector, sample, sockets, timeline};
use crate::app::{Follow, Lens};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::url::Scheme;
use crate::model::view::Snapshot;

fn theme() -> Theme {
    Theme::new(Depth::True)
}

/// The rows of a buffer, without the blanks at their ends.
pub(super) fn text(buf: &Buffer) -> String {
    let rows = (buf.area.top()..buf.area.bottom()).map(|y| {
        let mut row = String::new();
        let mut x = buf.area.left();
        while x < buf.area.right() {
            let symbol = buf[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(super::cells::width(symbol)).unwrap().max(1);
        }
        row.trim_end().to_string() + "\n"
    });
    rows.collect()
}

fn picture(width: u16, height: u16, draw: impl FnOnce(&mut Buffer, Rect)) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    draw(&mut buf, area);
    text(&buf)
}

/// Left and right columns of the layouts at 80x24, 120x40 and 200x60.
const LEFT: [u16; 3] = [38, 47, 80];
const RIGHT: [u16; 3] = [42, 73, 120];

#[test]
fn the_header_shortens_from_the_least_important_end() {
    let mut snapshot = sample::snapshot();
    let mut out = String::new();
    for (width, follow) in [
        (200, Follow::Following),
        (120, Follow::Anchored),
        (80, Follow::Paused),
        (50, Follow::Paused),
        (24, Follow::Following),
    ] {
        out += &picture(width, 1, |buf, area| header::draw(buf, area, &snapshot, follow, &theme()));
        snapshot.dropped = 1_234;
    }
    insta::assert_snapshot!("header", out);
}

#[test]
fn endpoints_at_three_widths() {
    let snapshot = sample::snapshot();
    let view = endpoints::View { selected: Some(EndpointId(2)), top: 0, focused: true, narrowed: Some(EndpointId(3)) };
    let out: String = LEFT
        .iter()
        .map(|width| picture(*width, 10, |buf, area| endpoints::draw(buf, area, &snapshot, view, &theme())))
        .collect();
    insta::assert_snapshot!("endpoints", out);
}

#[test]
fn sockets_at_three_widths() {
    let snapshot = sample::snapshot();
    let view = sockets::View { selected: Some(SocketId(3)), focused: true, ..sockets::View::default() };
    let out: String = LEFT
        .iter()
        .map(|width| picture(*width, 13, |buf, area| sockets::draw(buf, area, &snapshot, view, &theme())))
        .collect();
    insta::assert_snapshot!("sockets", out);
}

#[test]
fn a_filtered_list_says_how_many_of_how_many() {
    let mut snapshot = sample::snapshot();
    snapshot.sockets.rows.truncate(3);
    snapshot.sockets.total = 3;
    let view = sockets::View { filter: "tcp open", narrowed: Some(EndpointId(1)), ..sockets::View::default() };
    let mut out = picture(60, 6, |buf, area| sockets::draw(buf, area, &snapshot, view, &theme()));
    snapshot.sockets.rows.clear();
    snapshot.sockets.total = 0;
    out += &picture(60, 8, |buf, area| sockets::draw(buf, area, &snapshot, view, &theme()));
    insta::assert_snapshot!("sockets_filtered", out);
}

#[test]
fn an_empty_list_says_how_to_fill_it() {
    let mut snapshot = sample::snapshot();
    snapshot.sockets = crate::model::view::SocketList::default();
    let view = sockets::View::default();
    let mut out = picture(47, 9, |buf, area| sockets::draw(buf, area, &snapshot, view, &theme()));
    snapshot.endpoints.clear();
    out += &picture(47, 9, |buf, area| sockets::draw(buf, area, &snapshot, view, &theme()));
    out += &picture(47, 5, |buf, area| endpoints::draw(buf, area, &snapshot, endpoints::View::default(), &theme()));
    insta::assert_snapshot!("empty", out);
}

#[test]
fn a_timeline_at_three_widths() {
    let snapshot = sample::snapshot();
    let view = timeline::View { selected: Some(4), focused: true };
    let out: String = RIGHT
        .iter()
        .map(|width| picture(*width, 17, |buf, area| timeline::draw(buf, area, &snapshot, view, &theme())))
        .collect();
    insta::assert_snapshot!("timeline", out);
}

#[test]
fn every_protocol_has_its_words() {
    let mut snapshot = sample::snapshot();
    let mut out = String::new();
    let socket = Subject::Socket(SocketId(3));
    for (subject, scheme, kinds) in [
        (socket, Scheme::Tls, sample::tls()),
        (socket, Scheme::Http, sample::http()),
        (socket, Scheme::Wss, sample::ws()),
        (Subject::Endpoint(EndpointId(1)), Scheme::Tcp, sample::listener()),
    ] {
        snapshot.socket.as_mut().unwrap().scheme = scheme;
        let rows = u16::try_from(kinds.len()).unwrap();
        snapshot.timeline = Some(sample::timeline(subject, kinds));
        let view = timeline::View::default();
        for width in [120, 42] {
            out += &picture(width, rows + 3, |buf, area| timeline::draw(buf, area, &snapshot, view, &theme()));
        }
    }
    insta::assert_snapshot!("timeline_protocols", out);
}

#[test]
fn dropped_events_are_counted_above_the_first_that_is_kept() {
    let mut snapshot = sample::snapshot();
    let timeline = snapshot.timeline.as_mut().unwrap();
    timeline.dropped = 12_345;
    let view = timeline::View::default();
    let out = picture(73, 8, |buf, area| timeline::draw(buf, area, &snapshot, view, &theme()));
    assert!(out.contains("… 12,345 older events were dropped"), "{out}");
}

#[test]
fn the_selected_event_is_in_sight_though_a_row_is_missing() {
    let mut snapshot = sample::snapshot();
    snapshot.timeline.as_mut().unwrap().dropped = 7;
    for seq in 0..13 {
        let view = timeline::View { selected: Some(seq), focused: true };
        let area = Rect::new(0, 0, 73, 8);
        let mut buf = Buffer::empty(area);
        timeline::draw(&mut buf, area, &snapshot, view, &theme());
        let is_band = |y: u16| buf[(20, y)].bg == theme().selection.bg.unwrap();
        assert_eq!((0..8).filter(|y| is_band(*y)).count(), 1, "{seq}");
    }
}

#[test]
fn the_inspector_reads_json_http_hex_and_facts() {
    let mut snapshot = sample::snapshot();
    let mut out = String::new();
    let text = inspector::View::default();
    let hex = inspector::View { lens: Lens::Hex, focused: true, ..text };
    let show = |snapshot: &Snapshot, width, height, view| {
        picture(width, height, |buf, area| inspector::draw(buf, area, snapshot, view, &theme()))
    };
    for width in RIGHT {
        out += &show(&snapshot, width, 13, text);
        out += &show(&snapshot, width, 6, hex);
    }
    let events: Vec<_> = sample::every_event();
    for at in [0, 1, 8, 11, 12, 14, 15, 18, 20, 22, 32, 37, 43] {
        let mut timeline = sample::timeline(SocketId(3).into(), vec![events[at].clone()]);
        timeline.inspected = timeline.events.first().cloned();
        snapshot.timeline = Some(timeline);
        out += &show(&snapshot, 73, 10, text);
    }
    insta::assert_snapshot!("inspector", out);
}

#[test]
fn a_payload_kept_in_part_says_so_in_its_last_line() {
    let mut snapshot = sample::snapshot();
    let event = snapshot.timeline.as_mut().unwrap().inspected.as_mut().unwrap();
    event.head = "你".repeat(40).into_bytes();
    event.head.truncate(100);
    event.size = 65_000;
    let count = inspector::lines(&snapshot, Lens::Text, Rect::new(0, 0, 44, 5));
    let view = inspector::View { scroll: usize::MAX, ..inspector::View::default() };
    let out = picture(44, 5, |buf, area| inspector::draw(buf, area, &snapshot, view, &theme()));
    assert_eq!(count, 3);
    assert!(out.contains("… 100 B of 65 kB kept"), "{out}");
    assert!(!out.contains("\\x"), "a character cut by us is not an error of the peer's: {out}");
}

#[test]
fn the_counts_are_exact_and_side_by_side() {
    let snapshot = sample::snapshot();
    let view = inspector::View { lens: Lens::Details, ..inspector::View::default() };
    let show = |width| picture(width, 34, |buf, area| inspector::draw(buf, area, &snapshot, view, &theme()));
    insta::assert_snapshot!("counts", show(73) + &show(46));
}

/// Where the panes stand at one size of the terminal.
fn dashboard(width: u16, height: u16, theme: &Theme, snapshot: &Snapshot) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    let left = if width < 100 {
        38
    } else if width < 160 {
        47
    } else {
        80
    };
    let tall = 10.min(height / 3);
    let split = height - 12.min(height / 3);
    header::draw(&mut buf, Rect::new(0, 0, width, 1), snapshot, Follow::Following, theme);
    let view = endpoints::View { narrowed: Some(EndpointId(1)), ..endpoints::View::default() };
    endpoints::draw(&mut buf, Rect::new(0, 1, left, tall), snapshot, view, theme);
    let view = sockets::View { selected: Some(SocketId(3)), focused: true, ..sockets::View::default() };
    sockets::draw(&mut buf, Rect::new(0, 1 + tall, left, height - 1 - tall), snapshot, view, theme);
    let view = timeline::View { selected: Some(4), focused: false };
    timeline::draw(&mut buf, Rect::new(left, 1, width - left, split - 1), snapshot, view, theme);
    let view = inspector::View::default();
    inspector::draw(&mut buf, Rect::new(left, split, width - left, height - split), snapshot, view, theme);
    buf
}

fn ansi(buf: &Buffer) -> String {
    let colour = |colour: Color, base: u8| match colour {
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(n) => format!(";{};5;{n}", base + 8),
        Color::Black => format!(";{base}"),
        Color::Red => format!(";{}", base + 1),
        Color::Green => format!(";{}", base + 2),
        Color::Yellow => format!(";{}", base + 3),
        Color::Blue => format!(";{}", base + 4),
        Color::Magenta => format!(";{}", base + 5),
        Color::Cyan => format!(";{}", base + 6),
        Color::Gray => format!(";{}", base + 7),
        Color::DarkGray => format!(";{}", base + 60),
        Color::LightRed => format!(";{}", base + 61),
        Color::White => format!(";{}", base + 67),
        _ => String::new(),
    };
    let mut out = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut x = buf.area.left();
        while x < buf.area.right() {
            let cell = &buf[(x, y)];
            let mut code = String::from("0");
            for (modifier, number) in [
                (Modifier::BOLD, ";1"),
                (Modifier::DIM, ";2"),
                (Modifier::UNDERLINED, ";4"),
                (Modifier::REVERSED, ";7"),
            ] {
                if cell.modifier.contains(modifier) {
                    code += number;
                }
            }
            code += &colour(cell.fg, 30);
            code += &colour(cell.bg, 40);
            write!(out, "\x1b[{code}m{}", cell.symbol()).unwrap();
            x += u16::try_from(super::cells::width(cell.symbol())).unwrap().max(1);
        }
        out += "\x1b[0m\n";
    }
    out
}

/// Writes files into the directory that `PICTURES` names.
#[test]
#[ignore = "for one's own eyes: writes files"]
fn the_panes_as_ansi() {
    let Ok(directory) = std::env::var("PICTURES") else { return };
    let mut snapshot = sample::snapshot();
    let grounds = [
        ("true", Theme::new(Depth::True)),
        ("light", Theme::on(Depth::True, Ground::Light)),
        ("256", Theme::new(Depth::Ansi256)),
        ("16", Theme::new(Depth::Ansi16)),
        ("mono", Theme::new(Depth::Mono)),
    ];
    for (name, theme) in grounds {
        for (width, height) in [(80, 24), (120, 36), (200, 60)] {
            let path = format!("{directory}/{name}-{width}.ansi");
            std::fs::write(path, ansi(&dashboard(width, height, &theme, &snapshot))).unwrap();
        }
    }
    let theme = Theme::new(Depth::True);
    for (name, scheme, kinds) in
        [("tls", Scheme::Tls, sample::tls()), ("http", Scheme::Http, sample::http()), ("ws", Scheme::Wss, sample::ws())]
    {
        snapshot.socket.as_mut().unwrap().scheme = scheme;
        snapshot.timeline = Some(sample::timeline(SocketId(3).into(), kinds));
        let path = format!("{directory}/{name}-120.ansi");
        std::fs::write(path, ansi(&dashboard(120, 36, &theme, &snapshot))).unwrap();
    }
}
