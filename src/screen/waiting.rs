//! Exchanges that wait for a person's answer: what the socket list says of them, and the list of them all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::bytes::clean;
use super::cells::{self, span};
use super::overlay::lay;
use super::theme::Theme;
use crate::app::list::reveal;
use crate::model::exchange::{Phase, Waiting};
use crate::model::id::SocketId;
use crate::model::size;
use crate::model::time::Stamp;
use crate::model::view::Snapshot;

/// For the column of a socket's state, seven wide: `wait12s`, `body 3m`.
pub fn state(row: &Waiting, now: Stamp) -> String {
    let word = match row.exchange.phase {
        Phase::HeadSent(_) => "body",
        _ => "wait",
    };
    format!("{word}{:>3}", size::age(now.since(row.exchange.since)))
}

/// The list over the dashboard; `at` is the selected one.
pub fn draw(snapshot: &Snapshot, at: Option<(SocketId, u32)>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let rows = &snapshot.waiting;
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(3).max(5);
    let area = lay(area, 96, height.min((area.height * 3 / 4).max(5)), buf);
    let count = Line::from(span(size::exact(rows.len() as u64), theme.waiting));
    let title = Line::from(span("Waiting for your answer", theme.bright));
    let inside = cells::pane(buf, area, true, title, &[count], theme);
    if inside.is_empty() {
        return;
    }
    if rows.is_empty() {
        return cells::left(buf, inside.x, inside.y, inside.width, "all exchanges are answered", theme.dim);
    }
    columns(buf, inside.x, inside.y, inside.width, ["#", "peer", "", "request", "answer", "waits"], |_| theme.dim);
    let shown = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
    let chosen = at.and_then(|at| rows.iter().position(|row| (row.socket, row.exchange.number) == at)).unwrap_or(0);
    let top = reveal(0, chosen, rows.len(), usize::from(shown.height));
    for ((n, row), y) in rows.iter().enumerate().skip(top).zip(shown.y..shown.bottom()) {
        let theme = if n == chosen {
            cells::band(buf, Rect { y, height: 1, ..shown }, theme);
            theme.banded()
        } else {
            *theme
        };
        let exchange = &row.exchange;
        let peer = if row.peer.ip().is_loopback() { format!(":{}", row.peer.port()) } else { row.peer.to_string() };
        let request = format!("{} {}", clean(&exchange.method), clean(&exchange.target));
        let phase = match (exchange.phase, exchange.body) {
            (phase, 0) => phase.to_string(),
            (phase, body) => format!("{phase}, {}", size::bytes(body)),
        };
        let waits = size::age(snapshot.now.since(exchange.since));
        let texts = [&*row.socket.to_string(), &*peer, &*exchange.number.to_string(), &*request, &*phase, &*waits];
        let is_open = exchange.phase.is_answerable();
        columns(buf, shown.x, y, shown.width, texts, |n| match n {
            3 if is_open => theme.bright,
            4 | 5 if is_open => theme.waiting,
            1 => theme.plain,
            _ => theme.dim,
        });
    }
}

/// Socket, peer, number, request, answer, time; the request takes what the others leave.
fn columns(
    buf: &mut Buffer,
    x: u16,
    y: u16,
    width: u16,
    texts: [&str; 6],
    style: impl Fn(usize) -> ratatui::style::Style,
) {
    let peer = if width >= 80 { 21 } else { 8 };
    let rest = width.saturating_sub(5 + 1 + peer + 1 + 3 + 1 + 1 + 22 + 1 + 5);
    let widths = [5, peer, 3, rest, 22, 5];
    let mut at = x;
    for (n, (text, columns)) in texts.into_iter().zip(widths).enumerate() {
        let columns = columns.min((x + width).saturating_sub(at));
        match n {
            2 | 5 => cells::right(buf, at, y, columns, text, style(n)),
            _ => cells::left(buf, at, y, columns, text, style(n)),
        }
        at += columns + 1;
    }
}
