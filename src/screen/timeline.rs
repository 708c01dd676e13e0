//! The life of a socket or an endpoint: a row an event, with when, how long after the one before, what, how much.

use std::net::SocketAddr;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::bytes::clean;
use super::cells::{self, span};
use super::detail::{detail, status};
use super::framed;
use super::theme::Theme;
use crate::model::dial::Step;
use crate::model::event::{Event, Kind, Sign, Way};
use crate::model::framer::{Framing, Slice};
use crate::model::id::Subject;
use crate::model::size;
use crate::model::time::{Stamp, Wall};
use crate::model::url::{Role, Scheme};
use crate::model::view::{EndpointRow, Snapshot, SocketRow, Timeline};

/// What the person does with the pane.
#[derive(Clone, Copy, Default, Debug)]
pub struct View {
    /// The selected event's sequence number.
    pub selected: Option<u64>,
    pub focused: bool,
}

/// Rows of content in an area: the frame and the columns' names take three.
pub fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(3))
}

/// Where the columns stand, from the left edge. What a narrow pane leaves out has no columns.
#[derive(Clone, Copy, Debug)]
struct Columns {
    clock: u16,
    delta: u16,
    glyph: u16,
    size: u16,
    preview: u16,
    width: u16,
}

const CLOCK: u16 = 15;
const DELTA: u16 = 8;
const SIZE: u16 = 6;
/// `connection`. The few longer names belong to events without a size and go on in its column.
const NAME: u16 = 10;

impl Columns {
    /// Under 60 columns the clock goes, under 44 the size.
    fn of(width: u16) -> Self {
        let clock = if width >= 60 { CLOCK } else { 0 };
        let delta = if clock > 0 { clock + 1 } else { 0 };
        let glyph = delta + DELTA + 1;
        let size = glyph + 2 + NAME + 1;
        let preview = if width >= 44 { size + SIZE + 2 } else { size };
        Self { clock, delta, glyph, size, preview, width }
    }
}

pub fn draw(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, view: View, theme: &Theme) {
    let Some(timeline) = &snapshot.timeline else {
        let inside = cells::pane(buf, area, view.focused, span("Timeline", theme.bright).into(), &[], theme);
        if !inside.is_empty() {
            cells::hollow(buf, inside, vec![span("select a socket to see its life", theme.dim).into()], theme);
        }
        return;
    };
    let found = match timeline.subject {
        Subject::Socket(id) => snapshot.row(id).map(|row| {
            let endpoint = snapshot.endpoint(row.endpoint);
            (socket_title(row, endpoint, theme), measures(row, snapshot.now, theme))
        }),
        Subject::Endpoint(id) => snapshot.endpoint(id).map(|row| (endpoint_title(row, theme), totals(row, theme))),
    };
    let gone = || (Line::from(span("Timeline", theme.bright)), Vec::new());
    let (title, rights) = found.unwrap_or_else(gone);
    let inside = cells::pane(buf, area, view.focused, title, &rights, theme);
    if inside.is_empty() {
        return;
    }
    let columns = Columns::of(inside.width);
    draw_names(buf, inside, columns, theme);
    draw_events(buf, inside, columns, snapshot, timeline, view, theme);
    let first = timeline.events.first().map_or(timeline.range.start, |event| event.seq) - timeline.range.start;
    let total = timeline.range.end - timeline.range.start;
    cells::thumb(buf, area, first, rows(area) as u64, total, theme.edge(view.focused));
}

fn draw_names(buf: &mut Buffer, inside: Rect, at: Columns, theme: &Theme) {
    let (x, y) = (inside.x, inside.y);
    let mut name = |from: u16, columns: u16, text: &str, is_right: bool| {
        let columns = columns.min(at.width.saturating_sub(from));
        if is_right {
            cells::right(buf, x + from, y, columns, text, theme.dim);
        } else {
            cells::left(buf, x + from, y, columns, text, theme.dim);
        }
    };
    name(0, at.clock, "time", false);
    name(at.delta, DELTA, "delta", true);
    name(at.glyph + 2, NAME, "event", false);
    if at.preview > at.size {
        name(at.size, SIZE, "size", true);
    }
    name(at.preview, at.width, "preview", false);
}

fn draw_events(
    buf: &mut Buffer,
    inside: Rect,
    at: Columns,
    snapshot: &Snapshot,
    timeline: &Timeline,
    view: View,
    theme: &Theme,
) {
    let mut y = inside.y + 1;
    let room = usize::from(inside.bottom().saturating_sub(y));
    let events = &timeline.events;
    let chosen = view.selected.and_then(|seq| events.iter().position(|event| event.seq == seq));
    let at_start = events.first().is_none_or(|event| event.seq == timeline.range.start);
    // What is gone stands above the first that is kept, unless it would push the selected event out of sight.
    if timeline.dropped > 0 && at_start && room > 1 && chosen.is_none_or(|row| row + 1 < room) {
        let text = format!("… {} older events were dropped", size::exact(timeline.dropped));
        cells::left(buf, inside.x, y, inside.width, &text, theme.dim);
        y += 1;
    } else if events.is_empty() && timeline.dropped == 0 {
        cells::left(buf, inside.x, y, inside.width, "nothing happened yet", theme.dim);
    }
    let rows = usize::from(inside.bottom().saturating_sub(y));
    let skip = cells::top(0, chosen, rows, events.len());
    let mut before = match skip.checked_sub(1) {
        Some(last) => events.get(last).map(|event| event.at),
        None => timeline.before,
    };
    let mut second = None;
    for (y, event) in (y..inside.bottom()).zip(&events[skip..]) {
        let row = Rect { y, height: 1, ..inside };
        let selected = view.selected == Some(event.seq);
        if selected {
            cells::band(buf, row, theme);
        }
        let theme = if selected { theme.banded() } else { *theme };
        let now = snapshot.wall.unix(event.at) / 1_000_000_000;
        if at.clock > 0 {
            let text = clock(snapshot.wall, event.at, second != Some(now));
            cells::right(buf, row.x, y, at.clock, &text, theme.dim);
        }
        let delta = before.map(|before| delta(event.at.since(before)));
        cells::right(buf, row.x + at.delta, y, DELTA, delta.as_deref().unwrap_or(""), theme.dim);
        draw_event(buf, row, at, event, slice(timeline, event.seq), &theme);
        before = Some(event.at);
        second = Some(now);
    }
}

/// How the framing that is set cuts an event.
fn slice(timeline: &Timeline, seq: u64) -> Option<(&Slice, &Framing)> {
    let first = timeline.events.first()?.seq;
    let framed = timeline.framed.as_ref()?;
    let slice = framed.slices.get(usize::try_from(seq.checked_sub(first)?).ok()?)?;
    Some((slice, &framed.framing))
}

fn draw_event(buf: &mut Buffer, row: Rect, at: Columns, event: &Event, cut: Option<(&Slice, &Framing)>, theme: &Theme) {
    let left = |from: u16, columns: u16| columns.min(row.width.saturating_sub(from));
    let (glyph, style, weight) = mark(&event.kind, theme);
    cells::left(buf, row.x + at.glyph, row.y, left(at.glyph, 1), glyph, style);
    if let Some((slice, _)) = cut {
        let [before, behind] = framed::braces(event, slice);
        cells::left(buf, row.x + at.glyph - 1, row.y, left(at.glyph - 1, 1), before, theme.incoming);
        cells::left(buf, row.x + at.glyph + 1, row.y, left(at.glyph + 1, 1), behind, theme.outgoing);
    }
    if at.preview > at.size {
        let text = match event.kind {
            Kind::End { sign: Sign::CloseNotify, .. } => "TLS".into(),
            Kind::End { .. } => "FIN".into(),
            Kind::Packet { .. } if event.size == 0 => String::new(),
            _ if event.kind.carries_payload() => size::bytes(event.size),
            _ => String::new(),
        };
        cells::right(buf, row.x + at.size, row.y, left(at.size, SIZE), &text, theme.dim);
    }
    let name = label(event.kind.name());
    let behind = at.glyph + 2 + u16::try_from(name.len()).unwrap_or(NAME);
    cells::left(buf, row.x + at.glyph + 2, row.y, left(at.glyph + 2, row.width), name, weight);
    let from = at.preview.max(behind + 1);
    let columns = row.width.saturating_sub(from);
    if columns > 0 {
        let line = match cut.filter(|(slice, _)| slice.count > 0) {
            Some((slice, framing)) => framed::line(event, slice, framing, usize::from(columns), theme),
            None => detail(event, usize::from(columns), theme),
        };
        cells::line(buf, row.x + from, row.y, columns, line, theme);
    }
}

/// The whole time of day where its second is new, else its fraction.
fn clock(wall: Wall, at: Stamp, is_new: bool) -> String {
    let (hours, minutes, seconds, micros) = wall.clock(at);
    if is_new { format!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06}") } else { format!(".{micros:06}") }
}

fn delta(time: Duration) -> String {
    format!("+{}", size::span(time))
}

/// The name as the column shows it: Node's names for the steps of dialling would leave no room for the address.
fn label(name: &'static str) -> &'static str {
    match name {
        "connectionAttempt" => "attempt",
        "connectionAttemptFailed" => "attemptFailed",
        "connectionAttemptTimeout" => "attemptTimeout",
        "connectionAttemptCancelled" => "attemptCancelled",
        name => name,
    }
}

/// The glyph, its colour, and the weight of the name.
fn mark(kind: &Kind, theme: &Theme) -> (&'static str, Style, Style) {
    let way = |way: Way| if way == Way::In { "◀" } else { "▶" };
    match kind {
        Kind::Listening { .. } => ("●", theme.good, theme.bright),
        Kind::Connection { .. } | Kind::Connect { .. } | Kind::Open(_) => ("◆", theme.plain, theme.bright),
        Kind::SecureConnection(_) | Kind::SecureConnect(_) | Kind::Upgrade { .. } | Kind::Starttls(_) => {
            ("◆", theme.plain, theme.bright)
        }
        Kind::KeyLog(_) => ("·", theme.dim, theme.dim),
        Kind::ClientHello(hello) if hello.astray => (way(hello.way), theme.waiting, theme.bright),
        Kind::ClientHello(hello) => (way(hello.way), theme.dim, theme.plain),
        Kind::ServerHello(answer) => (way(answer.way), theme.dim, theme.plain),
        Kind::Handshake(flight) => (way(flight.way), theme.dim, theme.dim),
        Kind::SessionTicket { way: side, .. } => (way(*side), theme.dim, theme.dim),
        Kind::Lookup(lookup) if lookup.addresses.is_empty() => ("✕", theme.bad, theme.strong(theme.bad)),
        Kind::Lookup(_) => ("◇", theme.dim, theme.plain),
        Kind::Attempt(attempt) => match attempt.step {
            Step::Began { .. } => ("◇", theme.dim, theme.plain),
            Step::Failed { .. } => ("✕", theme.bad, theme.plain),
            Step::Late { .. } => ("‖", theme.waiting, theme.plain),
            Step::Cancelled { .. } => ("·", theme.dim, theme.dim),
        },
        Kind::Drop { .. } => ("✕", theme.waiting, theme.bright),
        Kind::Clock { .. } => ("↷", theme.waiting, theme.bright),
        Kind::Blocked { .. } => ("‖", theme.waiting, theme.plain),
        Kind::Drain { .. } => ("▶", theme.waiting, theme.plain),
        Kind::Timeout { .. } => ("‖", theme.waiting, theme.bright),
        Kind::End { way: side, .. } => (way(*side), theme.waiting, theme.bright),
        Kind::Error(_) | Kind::TlsError(_) | Kind::ClientError(..) => ("✕", theme.bad, theme.strong(theme.bad)),
        Kind::Close(end) if end.had_error() => ("○", theme.bad, theme.bright),
        Kind::Close(_) => ("○", theme.dim, theme.bright),
        Kind::Log => ("·", theme.dim, theme.plain),
        Kind::Set(_) => ("≡", theme.dim, theme.plain),
        Kind::Certificate(shown) if shown.is_bad => ("≡", theme.bad, theme.strong(theme.bad)),
        Kind::Certificate(_) => ("≡", theme.plain, theme.bright),
        Kind::Finish { .. } => ("◇", theme.dim, theme.dim),
        Kind::Rule { .. } => ("·", theme.dim, theme.plain),
        Kind::Held { .. } => ("‖", theme.waiting, theme.strong(theme.waiting)),
        Kind::Aborted { .. } => ("✕", theme.bad, theme.strong(theme.bad)),
        Kind::Closing { way: side, .. } | Kind::Last { way: side, .. } | Kind::GoAway { way: side, .. } => {
            (way(*side), theme.waiting, theme.bright)
        }
        Kind::StreamReset { way: side, .. } => (way(*side), theme.bad, theme.plain),
        Kind::WindowUpdate { way: side, .. } => (way(*side), theme.waiting, theme.plain),
        Kind::Settings(settings) => (way(settings.way), theme.way(settings.way), theme.dim),
        Kind::Head { way: side, .. } => {
            let style = status(kind, theme);
            (way(*side), theme.way(*side), style.patch(theme.plain))
        }
        Kind::Alert { way: side, .. }
        | Kind::Message { way: side, .. }
        | Kind::Request { way: side, .. }
        | Kind::Continue { way: side, .. }
        | Kind::Information { way: side, .. }
        | Kind::Chunk { way: side, .. }
        | Kind::Body { way: side, .. }
        | Kind::Trailers { way: side, .. }
        | Kind::Packet { way: side, .. }
        | Kind::Frame { way: side, .. }
        | Kind::Ping { way: side, .. }
        | Kind::Pong { way: side, .. } => (way(*side), theme.way(*side), theme.plain),
        Kind::Datagram(note) => super::datagram::mark(note, theme),
        Kind::Data => ("◀", theme.incoming, theme.plain),
        Kind::Write => ("▶", theme.outgoing, theme.plain),
    }
}

/// Who, and between where and where: the arrow goes from the one who connected.
fn socket_title(row: &SocketRow, endpoint: Option<&EndpointRow>, theme: &Theme) -> Line<'static> {
    if row.folded > 0 {
        return Line::from(vec![
            span(format!("{} ", row.id), theme.dim),
            span(row.scheme.name(), theme.strong(theme.scheme(row.scheme))),
            span(format!(" {} older peers", size::exact(row.folded)), theme.bright),
            span(", which made room", theme.dim),
        ]);
    }
    let short = |at: SocketAddr| if at.ip() == row.peer.ip() { format!(":{}", at.port()) } else { at.to_string() };
    let unknown = row.peer.ip().is_unspecified();
    let peer = if unknown { format!("…:{}", row.peer.port()) } else { row.peer.to_string() };
    let local = row.local.map(short).unwrap_or_default();
    let (from, to) = if row.accepted { (peer, local) } else { (local, peer) };
    let mut words = vec![
        span(format!("{} ", row.id), theme.dim),
        span(row.scheme.name(), theme.strong(theme.scheme(row.scheme))),
        span(format!(" {from} "), theme.bright),
        span("→ ", theme.dim),
        span(to, theme.bright),
    ];
    if endpoint.is_some_and(|endpoint| row.scheme.is_secure() && !row.accepted && endpoint.spec.settings.tls.insecure) {
        words.push(span("  !unverified", theme.strong(theme.bad)));
    }
    if row.life.is_closed() {
        words.push(span("  closed", theme.dim));
    }
    Line::from(words)
}

/// What the kernel says, and for TLS and WebSocket what crossed the wire; shorter ones behind.
fn measures(row: &SocketRow, now: Stamp, theme: &Theme) -> Vec<Line<'static>> {
    let mut facts: Vec<String> = Vec::new();
    let (received, sent) = (row.count.received, row.count.sent);
    if let Some(kernel) = row.kernel {
        facts.push(format!("rtt {}", size::span(kernel.rtt)));
        if row.scheme.is_secure() || row.scheme.is_ws() {
            facts.push(format!("wire {} ▼ {} ▲", size::bytes(received.wire), size::bytes(sent.wire)));
        }
        facts.push(format!("{}/{} seg", size::si(kernel.segments_in), size::si(kernel.segments_out)));
        if kernel.retransmits > 0 {
            facts.push(format!("{} retrans", kernel.retransmits));
        }
    } else if row.scheme.is_secure() || row.scheme.is_ws() {
        facts.push(format!("wire {} ▼ {} ▲", size::bytes(received.wire), size::bytes(sent.wire)));
    } else {
        facts.push(format!("{} ▼ {} ▲", size::bytes(received.bytes), size::bytes(sent.bytes)));
    }
    // A connection is there as long as it is open; of a UDP peer one knows only when it last spoke.
    if let Some(seen) = row.seen.filter(|_| row.scheme == Scheme::Udp) {
        facts.push(format!("seen {} ago", size::age(now.since(seen))));
    }
    (1..=facts.len()).rev().map(|count| dotted(&facts[..count], theme)).collect()
}

fn dotted(facts: &[String], theme: &Theme) -> Line<'static> {
    let mut words = Vec::new();
    for fact in facts {
        if !words.is_empty() {
            words.push(span(" · ", theme.faint));
        }
        words.push(span(fact.clone(), theme.dim));
    }
    Line::from(words)
}

fn endpoint_title(row: &EndpointRow, theme: &Theme) -> Line<'static> {
    let scheme = row.spec.scheme();
    let at = match (row.spec.role, row.local) {
        (Role::Listen, Some(local)) => local.to_string(),
        _ => clean(&row.spec.url.authority()).into_owned(),
    };
    let word = match (row.spec.role, row.state.name()) {
        (Role::Listen, "up") => "listening",
        (Role::Connect, "up") => "client",
        (_, word) => word,
    };
    Line::from(vec![
        span(scheme.name(), theme.strong(theme.scheme(scheme))),
        span(format!(" {at}"), theme.bright),
        span(" · ", theme.faint),
        span(word, theme.dim),
    ])
}

fn totals(row: &EndpointRow, theme: &Theme) -> Vec<Line<'static>> {
    let facts = [
        format!("{} socket{} so far", size::exact(row.ever), if row.ever == 1 { "" } else { "s" }),
        format!("{} ▼ {} ▲", size::bytes(row.count.received.bytes), size::bytes(row.count.sent.bytes)),
    ];
    vec![dotted(&facts, theme), dotted(&facts[..1], theme)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::VOCABULARY;

    #[test]
    fn a_long_name_ends_before_the_preview() {
        let longest = VOCABULARY.iter().map(|word| label(word.name).len()).max().unwrap_or(0);
        assert!(longest <= usize::from(NAME + 1 + SIZE), "{longest}");
        let sized = ["data", "write", "message", "request", "head", "body", "trailers", "ping", "pong", "end"];
        assert!(sized.iter().all(|name| name.len() <= usize::from(NAME)));
    }

    #[test]
    fn the_clock_is_whole_only_where_its_second_is_new() {
        let wall = Wall { epoch: 1_700_000_000_000_000_000, offset: 0 };
        assert_eq!(clock(wall, Stamp(1_002_000), true), "22:13:20.001002");
        assert_eq!(clock(wall, Stamp(1_002_000), false), ".001002");
    }

    #[test]
    fn a_narrow_pane_drops_the_clock_and_then_the_size() {
        let columns = |width| {
            let at = Columns::of(width);
            (at.clock > 0, at.preview > at.size)
        };
        assert_eq!(columns(60), (true, true));
        assert_eq!(columns(59), (false, true));
        assert_eq!(columns(43), (false, false));
    }
}
