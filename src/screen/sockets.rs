//! Every flow as a row of exact counters. Columns are a table; the width decides how many of them there are.

use std::net::SocketAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bytes::clean;
use super::cells::{self, span};
use super::theme::Theme;
use super::waiting;
use crate::model::end::End;
use crate::model::event::Way;
use crate::model::id::{EndpointId, SocketId};
use crate::model::life::Life;
use crate::model::size;
use crate::model::time::Stamp;
use crate::model::url::{Role, Scheme};
use crate::model::view::{EndpointRow, Snapshot, SocketRow, State};

/// What the person does with the pane.
#[derive(Clone, Copy, Default, Debug)]
pub struct View<'a> {
    pub selected: Option<SocketId>,
    /// Rows of the whole (filtered) list scrolled off the top. The selected row is shown whatever this says.
    pub top: usize,
    pub focused: bool,
    pub filter: &'a str,
    /// The one endpoint whose sockets are listed.
    pub narrowed: Option<EndpointId>,
}

/// Rows of content in an area: the frame and the columns' names take three.
pub fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(3))
}

/// A column: its name, its width, and what stands in it.
struct Column {
    name: &'static str,
    width: u16,
    side: Side,
    /// Shown only where the peer's column keeps so many columns beside it. Zero: always.
    peer_keeps: u16,
    cell: fn(&SocketRow, Stamp, &Theme) -> (String, Style),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    /// Takes what the others leave.
    Rest,
}

const fn column(
    name: &'static str,
    width: u16,
    side: Side,
    peer_keeps: u16,
    cell: fn(&SocketRow, Stamp, &Theme) -> (String, Style),
) -> Column {
    Column { name, width, side, peer_keeps, cell }
}

const COLUMNS: &[Column] = &[
    column("#", 3, Side::Left, 0, |row, _, theme| (row.id.0.to_string(), theme.dim)),
    column("", 5, Side::Left, 0, |row, _, theme| {
        (row.scheme.name().to_string(), theme.strong(theme.scheme(row.scheme)))
    }),
    column("peer", 0, Side::Rest, 0, |row, _, theme| (peer(row), theme.plain)),
    column("state", 7, Side::Left, 0, state),
    column("▼pkt", 4, Side::Right, 0, |row, _, theme| packets(row, row.count.received.packets, Way::In, theme)),
    column("▲pkt", 4, Side::Right, 0, |row, _, theme| packets(row, row.count.sent.packets, Way::Out, theme)),
    column("▼msg", 4, Side::Right, 11, |row, _, theme| number(row.count.received.messages, Way::In, theme)),
    column("▲msg", 4, Side::Right, 11, |row, _, theme| number(row.count.sent.messages, Way::Out, theme)),
    column("▼bytes", 6, Side::Right, 10, |row, _, theme| (size::bytes(row.count.received.bytes), theme.plain)),
    column("▲bytes", 6, Side::Right, 10, |row, _, theme| (size::bytes(row.count.sent.bytes), theme.plain)),
    column("rate", 6, Side::Right, 12, |row, _, theme| match row.rate.received + row.rate.sent {
        0 => ("·".into(), theme.dim),
        rate => (format!("{}/s", size::si(rate)), theme.plain),
    }),
    column("seen", 4, Side::Right, 20, |row, now, theme| match row.seen {
        Some(seen) => (size::age(row.closed.unwrap_or(now).since(seen)), theme.dim),
        None => ("·".into(), theme.dim),
    }),
    column("age", 4, Side::Right, 8, |row, now, theme| {
        (size::age(row.closed.unwrap_or(now).since(row.opened)), theme.dim)
    }),
];

/// Each column with where it stands and its width; `id` is how wide the ids are.
fn place(width: u16, id: u16) -> Vec<(&'static Column, u16, u16)> {
    let taken = |keeps: u16| -> u16 {
        let chosen = COLUMNS.iter().filter(|column| column.peer_keeps <= keeps && column.side != Side::Rest);
        chosen.map(|column| column.width + 1).sum()
    };
    // Columns come in by what they leave to the peer, the least demanding first.
    let mut steps: Vec<u16> = COLUMNS.iter().map(|column| column.peer_keeps).collect();
    steps.sort_unstable();
    let keeps = steps.into_iter().rfind(|step| width.saturating_sub(taken(*step)) >= *step).unwrap_or(0);
    let rest = width.saturating_sub(taken(keeps) + id.saturating_sub(COLUMNS[0].width));
    let mut x = 0;
    let mut placed = Vec::with_capacity(COLUMNS.len());
    for column in COLUMNS.iter().filter(|column| column.peer_keeps <= keeps) {
        let columns = match column.side {
            Side::Rest => rest,
            _ if column.name == "#" => id.max(column.width),
            _ => column.width,
        };
        if x + columns > width {
            break;
        }
        placed.push((column, x, columns));
        x += columns + 1;
    }
    placed
}

pub fn draw(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, view: View<'_>, theme: &Theme) {
    let list = &snapshot.sockets;
    let rights = rights(snapshot, view, theme);
    let inside = cells::pane(buf, area, view.focused, title(snapshot, theme), &rights, theme);
    if inside.is_empty() {
        return;
    }
    if list.rows.is_empty() {
        cells::hollow(buf, inside, empty(snapshot, view, theme), theme);
        return;
    }
    let widest = list.rows.iter().map(|row| row.id.0).max().unwrap_or(0);
    let columns = place(inside.width, widest.checked_ilog10().map_or(1, |digits| digits as u16 + 1));
    for (column, x, width) in &columns {
        put(buf, inside.x + x, inside.y, *width, column.side, (column.name.to_string(), theme.dim));
    }
    let shown = rows(area);
    let at = view.selected.and_then(|id| list.rows.iter().position(|row| row.id == id));
    let top = cells::top(view.top, at.map(|at| at + list.first), shown, list.total).max(list.first);
    for (y, row) in (inside.y + 1..inside.bottom()).zip(&list.rows[(top - list.first).min(list.rows.len())..]) {
        let selected = view.selected == Some(row.id);
        if selected {
            cells::band(buf, Rect { y, ..inside }, theme);
        }
        let theme = if selected { theme.banded() } else { *theme };
        for (column, x, width) in &columns {
            let (mut text, mut style) = (column.cell)(row, snapshot.now, &theme);
            let waits = snapshot.waiting_on(row.id).next().filter(|_| column.name == "state" && !row.life.is_closed());
            if let Some(waits) = waits {
                (text, style) = (waiting::state(waits, snapshot.now), theme.waiting);
            }
            if selected && column.name == "#" {
                style = theme.bright;
            } else if row.life.is_closed() && column.name != "state" {
                style = theme.dim;
            }
            put(buf, inside.x + x, y, *width, column.side, (text, style));
        }
    }
    cells::thumb(buf, area, top as u64, shown as u64, list.total as u64, theme.edge(view.focused));
}

fn put(buf: &mut Buffer, x: u16, y: u16, columns: u16, side: Side, (text, style): (String, Style)) {
    match side {
        Side::Left => cells::left(buf, x, y, columns, &text, style),
        Side::Right => cells::right(buf, x, y, columns, &text, style),
        Side::Rest => cells::left(buf, x, y, columns, &cells::tail(&text, usize::from(columns)), style),
    }
}

fn title(snapshot: &Snapshot, theme: &Theme) -> Line<'static> {
    let list = &snapshot.sockets;
    let count = match (list.total, list.all) {
        (total, all) if total == all => format!("  {}", size::exact(all as u64)),
        (total, all) => format!("  {} of {}", size::exact(total as u64), size::exact(all as u64)),
    };
    let mut words = vec![span("Sockets", theme.bright), span(count, theme.dim)];
    if !snapshot.waiting.is_empty() {
        words.push(span(format!("  {} waiting", snapshot.waiting.len()), theme.strong(theme.waiting)));
    }
    Line::from(words)
}

fn rights(snapshot: &Snapshot, view: View<'_>, theme: &Theme) -> Vec<Line<'static>> {
    let mut words = Vec::new();
    if let Some(endpoint) = view.narrowed.and_then(|id| snapshot.endpoint(id)) {
        let port = endpoint.local.map_or(endpoint.spec.url.port, |local| local.port());
        words.push(span("only ", theme.dim));
        words.push(span(endpoint.spec.scheme().name(), theme.scheme(endpoint.spec.scheme())));
        words.push(span(format!(" :{port}"), theme.plain));
    }
    let dot = |words: &mut Vec<Span<'static>>| {
        if !words.is_empty() {
            words.push(span(" · ", theme.faint));
        }
    };
    let filter = view.filter.trim();
    if filter.is_empty() {
        if words.is_empty() {
            words.push(span("all", theme.dim));
        }
        let short = Line::from(words.clone());
        dot(&mut words);
        words.extend([span("/", theme.accent), span(" filter", theme.dim)]);
        return vec![Line::from(words), short];
    }
    let text = cells::head(&clean(filter), 24);
    let short = Line::from(vec![span("/", theme.accent), span(cells::head(&text, 10), theme.bright)]);
    dot(&mut words);
    words.extend([span("/ ", theme.accent), span(text, theme.bright)]);
    vec![Line::from(words), short]
}

/// What to do about an empty list.
fn empty(snapshot: &Snapshot, view: View<'_>, theme: &Theme) -> Vec<Line<'static>> {
    let dim = |text: &'static str| Line::from(span(text, theme.dim));
    if snapshot.sockets.all > 0 {
        return vec![dim("no socket matches"), Line::from(span("Esc", theme.accent)) + span(" shows all", theme.dim)];
    }
    let up = |row: &&EndpointRow| row.state == State::Up && row.spec.role == Role::Listen && row.local.is_some();
    let of_view = |row: &&EndpointRow| view.narrowed.is_none_or(|id| id == row.id);
    let listeners = || snapshot.endpoints.iter().filter(up).filter(of_view);
    let first = listeners().find(|row| row.spec.scheme() == Scheme::Tcp).or_else(|| listeners().next());
    match first.and_then(|row| Some((row.spec.scheme(), row.local?))) {
        Some((scheme, at)) => vec![
            dim("no sockets yet: connect something, e.g."),
            Line::default(),
            Line::from(span(invitation(scheme, at), theme.bright)),
        ],
        None => vec![
            dim("no sockets yet, and nothing listens"),
            Line::from(span("a", theme.accent)) + span(" adds an endpoint", theme.dim),
        ],
    }
}

/// A command that connects.
fn invitation(scheme: Scheme, at: SocketAddr) -> String {
    let (ip, port) = (at.ip(), at.port());
    match scheme {
        Scheme::Tcp => format!("nc {ip} {port}"),
        Scheme::Udp => format!("nc -u {ip} {port}"),
        Scheme::Http => format!("curl http://{at}/"),
        Scheme::Https => format!("curl -k https://{at}/"),
        Scheme::Ws | Scheme::Wss => format!("npx wscat -n -c {scheme}://{at}/"),
        Scheme::Tls => format!("openssl s_client -connect {at}"),
    }
}

/// The end of a peer's name tells most: on this machine the port alone.
fn peer(row: &SocketRow) -> String {
    if row.folded > 0 {
        let plural = if row.folded == 1 { "" } else { "s" };
        // The state says that they are older ones.
        return format!("{} peer{plural}", size::si(row.folded));
    }
    let arrow = if row.accepted { "" } else { "→" };
    // A name that is still looked up, or was not found.
    if row.peer.ip().is_unspecified() {
        return format!("{arrow}…:{}", row.peer.port());
    }
    if row.peer.ip().is_loopback() { format!("{arrow}:{}", row.peer.port()) } else { format!("{arrow}{}", row.peer) }
}

/// One word, and the way where half of the socket is over.
fn state(row: &SocketRow, _: Stamp, theme: &Theme) -> (String, Style) {
    let (word, style) = match (row.life, row.end.as_deref()) {
        (Life::Closed, Some(End::Reset { .. })) => ("reset", theme.bad),
        (Life::Closed, Some(End::Failed(_) | End::Unsecured { open: false, .. })) => ("failed", theme.bad),
        (Life::Closed, Some(End::Broken(_) | End::Unsecured { .. } | End::Abandoned)) => ("broken", theme.bad),
        (Life::Closed, _) => ("closed", theme.dim),
        (_, _) if row.folded > 0 => ("older", theme.dim),
        (_, _) if row.blocked => ("blocked", theme.waiting),
        (Life::PeerEnded, _) => ("half ◀", theme.waiting),
        (Life::WeEnded, _) => ("half ▶", theme.waiting),
        (Life::Open, _) if row.scheme == Scheme::Udp => ("peer", theme.good),
        (Life::Open, _) => ("open", theme.good),
        (life @ (Life::Opening(_) | Life::Closing), _) => (life.name(), theme.waiting),
    };
    (word.to_string(), style)
}

fn packets(row: &SocketRow, n: u64, way: Way, theme: &Theme) -> (String, Style) {
    if row.packets_known { number(n, way, theme) } else { ("n/a".into(), theme.dim) }
}

fn number(n: u64, way: Way, theme: &Theme) -> (String, Style) {
    (size::si(n), if n == 0 { theme.dim } else { theme.way(way) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_with_the_width_and_never_overlap() {
        for width in 0..200 {
            let mut free = 0;
            for (_, x, columns) in place(width, 1 + width % 7) {
                assert!(x >= free);
                free = x + columns + 1;
            }
            assert!(free <= width + 1, "{width}: {free}");
        }
        let names = |width| place(width, 2).iter().map(|(column, ..)| column.name).collect::<Vec<_>>();
        assert_eq!(names(34), ["#", "", "peer", "state", "▼pkt", "▲pkt"]);
        assert_eq!(names(43), ["#", "", "peer", "state", "▼pkt", "▲pkt", "age"]);
        assert_eq!(names(76).len(), COLUMNS.len() - 1);
        assert_eq!(names(91).len(), COLUMNS.len());
    }
}
