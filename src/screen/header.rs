//! The first row: how many, how fast, how much, and whether the picture moves.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::cells::{self, span};
use super::theme::Theme;
use crate::app::Follow;
use crate::model::size;
use crate::model::view::Snapshot;

/// Some words of the row, and how soon they go when it is narrow: the highest rank first.
struct Part {
    rank: u8,
    is_right: bool,
    words: Vec<Span<'static>>,
}

impl Part {
    fn width(&self) -> usize {
        self.words.iter().map(|word| cells::width(&word.content)).sum()
    }
}

pub fn draw(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, follow: Follow, theme: &Theme) {
    let area = Rect { height: 1, ..area }.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    buf.set_style(area, theme.bar);
    let room = usize::from(area.width);
    let mut parts = parts(snapshot, follow, &theme.banded());
    while parts.iter().map(Part::width).sum::<usize>() > room {
        let Some(worst) = parts.iter().map(|part| part.rank).max().filter(|rank| *rank > 0) else { break };
        parts.retain(|part| part.rank < worst);
    }
    let (right, left): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.is_right);
    let line = |parts: Vec<Part>| Line::from_iter(parts.into_iter().flat_map(|part| part.words));
    let (left, right) = (line(left), line(right));
    let columns = u16::try_from(cells::line_width(&right)).unwrap_or(area.width).min(area.width);
    cells::line(buf, area.x, area.y, area.width - columns, left, theme);
    cells::line(buf, area.right() - columns, area.y, columns, right, theme);
}

fn parts(snapshot: &Snapshot, follow: Follow, theme: &Theme) -> Vec<Part> {
    let left = |rank, words| Part { rank, is_right: false, words };
    let right = |rank, words| Part { rank, is_right: true, words };
    let mut parts = vec![
        left(0, vec![span(" sockscope", theme.bright)]),
        left(4, vec![span(counted(snapshot.endpoints.len(), "endpoint"), theme.plain)]),
        left(3, vec![span(counted(snapshot.open, "socket"), theme.plain)]),
    ];
    let flows = [
        ("▼", theme.incoming, snapshot.rate.received, snapshot.count.received.bytes),
        ("▲", theme.outgoing, snapshot.rate.sent, snapshot.count.sent.bytes),
    ];
    for (glyph, style, rate, bytes) in flows {
        let rate = format!(" {:>4}/s", size::si(rate));
        parts.push(left(2, vec![span(format!("  {glyph}"), style), span(rate, theme.bright)]));
        parts.push(left(6, vec![span(format!(" {:>6}", size::bytes(bytes)), theme.dim)]));
    }
    if snapshot.dropped > 0 {
        let dropped = format!("  {} events dropped", size::si(snapshot.dropped));
        parts.push(right(3, vec![span(dropped, theme.waiting)]));
    }
    let (glyph, word, style) = match follow {
        Follow::Following => ("●", "following", theme.good),
        Follow::Anchored => ("◌", "anchored", theme.waiting),
        Follow::Paused => ("‖", "paused", theme.waiting),
    };
    let said = if follow == Follow::Following { theme.plain } else { theme.waiting };
    parts.push(right(1, vec![span(format!("   {glyph}"), style), span(format!(" {word}"), said)]));
    parts.push(right(5, vec![span(format!("   {:>6}", uptime(snapshot)), theme.dim)]));
    parts.push(right(0, vec![span(" ", theme.plain)]));
    parts
}

fn counted(n: usize, what: &str) -> String {
    let count = size::si(n as u64);
    format!("  {count} {what}{}", if n == 1 { "" } else { "s" })
}

/// Moves once a minute, so that an idle program draws nothing.
fn uptime(snapshot: &Snapshot) -> String {
    let time = std::time::Duration::from_nanos(snapshot.now.0);
    if time.as_secs() < 60 { "up <1m".into() } else { format!("up {}", size::age(time)) }
}
