//! The steps as a ladder: we on the left, the peer on the right, an arrow for what crossed. A doubled line was
//! encrypted.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::heading;
use crate::model::event::{Kind, Way};
use crate::model::handshake::{Crossed, Handshake, Outcome};
use crate::model::size;
use crate::model::time::Stamp;
use crate::model::tls::{Flight, Step};
use crate::model::url::Role;
use crate::model::view::SocketRow;
use crate::screen::bytes::clean;
use crate::screen::cells::{self, span};
use crate::screen::theme::Theme;
use crate::screen::tls;

/// Columns of the time since the first byte, and of the time since the step before.
const SINCE: usize = 8;
const DELTA: usize = 9;
/// Columns between the two sides at the most: a longer arrow leads the eye nowhere.
const LANES: usize = 130;
/// Columns that a shaft takes at the least: its tail, its point, and the blanks around its words.
const SHAFT: usize = 8;

/// What an arrow says.
struct Label {
    name: String,
    detail: String,
    style: Style,
    sealed: bool,
}

pub fn lines(handshake: &Handshake, socket: Option<&SocketRow>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let began = handshake.began.unwrap_or_default();
    let lanes = width.saturating_sub(SINCE + DELTA + 3).clamp(SHAFT + 12, LANES);
    let mut lines =
        vec![heading("Steps", "── in the clear  ══ encrypted", width, theme), sides(handshake, socket, lanes, theme)];
    let mut before = None;
    let mut end = ended(handshake, theme);
    for Crossed { at, sealed, kind } in &handshake.steps {
        if let Some((ended, line)) = end.take_if(|(ended, _)| *ended < *at) {
            lines.push(row(began, &mut before, Some(ended), line, theme));
        }
        let Some(way) = kind.way() else { continue };
        for (n, label) in labels(kind, *sealed, lanes - SHAFT, theme).into_iter().enumerate() {
            let at = (n == 0).then_some(*at);
            lines.push(row(began, &mut before, at, arrow(way, label, lanes, theme), theme));
        }
    }
    if let Some((ended, line)) = end {
        lines.push(row(began, &mut before, Some(ended), line, theme));
    }
    lines
}

/// Who stands where.
fn sides(handshake: &Handshake, socket: Option<&SocketRow>, lanes: usize, theme: &Theme) -> Line<'static> {
    let (us, peer) = match handshake.role {
        Role::Listen => ("we, the server", "the client"),
        Role::Connect => ("we, the client", "the server"),
    };
    let address = socket.map_or(String::new(), |row| format!("  {}", row.peer));
    let used = cells::width(us) + cells::width(peer) + cells::width(&address);
    let address = if used + 2 > lanes { String::new() } else { address };
    let gap = lanes.saturating_sub(cells::width(us) + cells::width(peer) + cells::width(&address));
    Line::from(vec![
        span(format!("{:>SINCE$} {:>DELTA$}  ", "since", "step"), theme.dim),
        span(us, theme.plain),
        Span::raw(" ".repeat(gap)),
        span(peer, theme.plain),
        span(address, theme.dim),
    ])
}

/// A step with its times; the lines that go on with it have none.
fn row(
    began: Stamp,
    before: &mut Option<Stamp>,
    at: Option<Stamp>,
    drawn: Vec<Span<'static>>,
    theme: &Theme,
) -> Line<'static> {
    let since = at.map_or(String::new(), |at| size::span(at.since(began)));
    let delta = at.zip(*before).map_or(String::new(), |(at, before)| format!("+{}", size::span(at.since(before))));
    *before = at.or(*before);
    let mut line =
        Line::from(vec![span(format!("{since:>SINCE$} "), theme.plain), span(format!("{delta:>DELTA$}  "), theme.dim)]);
    line.spans.extend(drawn);
    line
}

/// `│── serverHello  TLS 1.3 ─────▶│`
fn arrow(way: Way, label: Label, lanes: usize, theme: &Theme) -> Vec<Span<'static>> {
    let shaft = if label.sealed { "═" } else { "─" };
    let room = lanes.saturating_sub(SHAFT);
    let name = cells::head(&label.name, room);
    let detail = match room.saturating_sub(cells::width(&name) + 2) {
        0..4 => String::new(),
        rest if label.detail.is_empty() => cells::head(&label.detail, rest),
        rest => format!("  {}", cells::head(&label.detail, rest)),
    };
    let words = cells::width(&name) + cells::width(&detail);
    let rest = shaft.repeat(lanes.saturating_sub(words + 7));
    let (line, tail) = (theme.way(way), shaft.repeat(2));
    let words = [span(format!(" {name}"), label.style), span(format!("{detail} "), theme.plain)];
    let edge = || span("│", theme.faint);
    match way {
        Way::Out => {
            let [name, detail] = words;
            vec![edge(), span(tail, line), name, detail, span(format!("{rest}▶"), line), edge()]
        }
        Way::In => {
            let [name, detail] = words;
            vec![edge(), span(format!("◀{rest}"), line), name, detail, span(tail, line), edge()]
        }
    }
}

/// The words of a step, each at most `room` columns: what does not fit goes on under it.
fn labels(kind: &Kind, sealed: bool, room: usize, theme: &Theme) -> Vec<Label> {
    let one = |name: &str, detail: String| vec![Label { name: name.into(), detail, style: theme.bright, sealed }];
    match kind {
        Kind::ClientHello(hello) => one("clientHello", tls::offer(hello)),
        Kind::ServerHello(answer) if answer.retry => one("helloRetryRequest", tls::answer(answer)),
        Kind::ServerHello(answer) => one("serverHello", tls::answer(answer)),
        Kind::Handshake(flight) => flight_labels(flight, room, theme),
        Kind::SessionTicket { count, lifetime, bytes, .. } => {
            vec![Label {
                name: "sessionTicket".into(),
                detail: tls::ticket(*count, *lifetime, *bytes),
                style: theme.plain,
                sealed,
            }]
        }
        Kind::Alert { name, .. } => {
            let style = if *name == "close_notify" { theme.plain } else { theme.bad };
            let means = tls::alert_means(name).unwrap_or_default();
            vec![Label { name: format!("alert {name}"), detail: means.into(), style, sealed }]
        }
        _ => Vec::new(),
    }
}

fn flight_labels(flight: &Flight, room: usize, theme: &Theme) -> Vec<Label> {
    let word = |step: &Step| match (step.name, step.len) {
        ("change_cipher_spec", _) | (_, 0) => step.name.to_owned(),
        (name, len) => format!("{name} {}", size::bytes(len.into())),
    };
    // What crossed in the clear has an arrow of its own.
    let mut rows: Vec<(bool, String)> = Vec::new();
    for step in &flight.steps {
        let word = word(step);
        match rows.last_mut() {
            Some((sealed, row)) if *sealed == step.sealed && cells::width(row) + 2 + cells::width(&word) <= room => {
                row.push_str(", ");
                row.push_str(&word);
            }
            _ => rows.push((step.sealed, word)),
        }
    }
    let label = |(sealed, name)| Label { name, detail: String::new(), style: theme.plain, sealed };
    rows.into_iter().map(label).collect()
}

/// The line that says how it came out, and when.
fn ended(handshake: &Handshake, theme: &Theme) -> Option<(Stamp, Vec<Span<'static>>)> {
    match &handshake.outcome {
        Outcome::Pending => None,
        Outcome::Done { at, secured } => {
            let name = if handshake.role == Role::Listen { "secureConnection" } else { "secureConnect" };
            let said = format!("  {}", clean(secured.version));
            Some((*at, vec![span("◆ ", theme.good), span(name, theme.good), span(said, theme.plain)]))
        }
        Outcome::Failed { at, .. } => Some((*at, vec![span("✗ ", theme.bad), span("failed", theme.bad)])),
    }
}
