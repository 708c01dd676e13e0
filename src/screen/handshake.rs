//! The handshake of the selected socket, whole: how it came out, its steps between the two sides, the peer's chain,
//! and what was offered beside what was chosen.

mod chain;
mod ladder;
mod offers;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::bytes::Page;
use super::cells::{self, span};
use super::tally::beside;
use super::theme::Theme;
use crate::model::end::{End, Fault};
use crate::model::event::Way;
use crate::model::handshake::{Handshake, Outcome};
use crate::model::id::Subject;
use crate::model::size;
use crate::model::time::Stamp;
use crate::model::tls::Record;
use crate::model::url::Role;
use crate::model::view::{Snapshot, SocketRow};

/// From here on the chain stands beside the offers, with a gap between them.
const WIDE: usize = 150;
const GAP: usize = 3;
/// Lines of one sentence at the most.
const SENTENCE: usize = 12;

/// Rows of the page in an area.
pub fn room(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2))
}

/// Lines of the page in an area: the bound of its scroll.
pub fn lines(snapshot: &Snapshot, area: Rect) -> usize {
    page(snapshot, usize::from(area.width.saturating_sub(4)), &Theme::new(super::theme::Depth::Mono)).len()
}

/// Draws the page from line `scroll` on, or its last screenful.
pub fn draw(snapshot: &Snapshot, scroll: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
    Clear.render(area, buf);
    let body = page(snapshot, usize::from(area.width.saturating_sub(4)), theme);
    let (total, shown) = (body.len(), room(area));
    let top = scroll.min(total.saturating_sub(shown));
    let place = Line::from(span(format!("{}-{} of {total}", top + 1, (top + shown).min(total)), theme.dim));
    let places = if total > shown { vec![place] } else { Vec::new() };
    let inside = cells::pane(buf, area, true, title(snapshot, theme), &places, theme);
    for (line, y) in body.into_iter().skip(top).zip(inside.y..inside.bottom()) {
        cells::line(buf, inside.x, y, inside.width, line, theme);
    }
    cells::thumb(buf, area, top as u64, shown as u64, total as u64, theme.edge(true));
}

fn title(snapshot: &Snapshot, theme: &Theme) -> Line<'static> {
    let mut words = vec![span("Handshake", theme.bright)];
    if let Some(row) = socket(snapshot) {
        words.push(span(format!("  {} ", row.id), theme.dim));
        words.push(span(row.scheme.name(), theme.scheme(row.scheme)));
        words.push(span(format!("  {} {}", if row.accepted { "from" } else { "to" }, row.peer), theme.plain));
    }
    Line::from(words)
}

fn socket(snapshot: &Snapshot) -> Option<&SocketRow> {
    match snapshot.timeline.as_ref()?.subject {
        Subject::Socket(id) => snapshot.row(id),
        Subject::Endpoint(_) => None,
    }
}

/// The whole page, `width` columns wide.
pub fn page(snapshot: &Snapshot, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(handshake) = &snapshot.handshake else {
        return vec![Line::from(span("no TLS handshake has begun on what is selected", theme.dim))];
    };
    // Seconds since 1970 fit for ever.
    let now = i64::try_from(snapshot.wall.unix(snapshot.now) / 1_000_000_000).unwrap_or(i64::MAX);
    let mut lines = outcome(handshake, snapshot, width, theme);
    lines.push(Line::default());
    lines.extend(ladder::lines(handshake, socket(snapshot), width, theme));
    lines.push(Line::default());
    let (chains, offers) = if width >= WIDE {
        let half = (width - GAP) * 2 / 5;
        let rest = width - GAP - half;
        (chain::lines(handshake, now, half, theme), offers::lines(handshake, rest, theme))
    } else {
        (chain::lines(handshake, now, width, theme), offers::lines(handshake, width, theme))
    };
    let records = records(handshake, width, theme);
    if chains.is_empty() {
        lines.extend(if width >= WIDE { offers::lines(handshake, width, theme) } else { offers });
    } else if width >= WIDE {
        lines.extend(beside(offers, chains, width - GAP - (width - GAP) * 2 / 5, GAP));
    } else {
        lines.extend(chains);
        lines.push(Line::default());
        lines.extend(offers);
    }
    lines.extend(records);
    lines
}

/// The first records of each direction, each with its length, in order.
fn records(handshake: &Handshake, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if handshake.records.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let mut lines = vec![Line::default(), heading("First records", "type and bytes", width, theme)];
    for (way, records) in [Way::In, Way::Out].into_iter().zip(&handshake.records) {
        let word = |record: &Record| (format!("{} {}", record.name(), size::exact(record.len.into())), theme.plain);
        let words: Vec<_> = records.iter().map(word).collect();
        let name = if way == Way::In { "◀ in" } else { "▶ out" };
        for (n, mut line) in flow(&words, width.saturating_sub(8), SENTENCE, theme).into_iter().enumerate() {
            line.spans.insert(0, span(format!("{:<8}", if n == 0 { name } else { "" }), theme.way(way)));
            lines.push(line);
        }
    }
    lines
}

/// How it came out, in the first lines.
fn outcome(handshake: &Handshake, snapshot: &Snapshot, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let took = |at: Stamp| size::span(at.since(handshake.began.unwrap_or(at)));
    let us = if handshake.role == Role::Listen { "we are the server" } else { "we are the client" };
    let mut page = Page::new(width, 2 * SENTENCE);
    page.hang(2);
    match &handshake.outcome {
        Outcome::Pending => {
            let is_over = socket(snapshot).is_some_and(|row| row.life.is_closed());
            let (word, style) = if is_over { ("was broken off", theme.bad) } else { ("goes on", theme.waiting) };
            page.words(format!("… {word}").as_bytes(), style, theme);
            let for_so_long = format!(" after {}; {us}", took(snapshot.now));
            page.words(if is_over { format!("; {us}") } else { for_so_long }.as_bytes(), theme.dim, theme);
        }
        Outcome::Done { at, secured } => {
            page.words("● done".as_bytes(), theme.good, theme);
            page.words(format!(" in {}", took(*at)).as_bytes(), theme.bright, theme);
            page.words(format!("; {us}").as_bytes(), theme.dim, theme);
            page.newline(2);
            page.words(super::tls::agreed(secured).as_bytes(), theme.plain, theme);
            // What happened behind it belongs to it: a client's certificate is judged after TLS 1.3 is done.
            let end = socket(snapshot).and_then(|row| row.end.as_deref());
            if let Some(End::Failed(fault @ Fault::Tls { .. }) | End::Broken(fault @ Fault::Tls { .. })) = end {
                page.newline(0);
                page.words(format!("✗ then it broke: {fault}").as_bytes(), theme.bad, theme);
            }
        }
        Outcome::Failed { at, fault, .. } => {
            page.words("✗ failed".as_bytes(), theme.bad, theme);
            page.words(format!(" after {}", took(*at)).as_bytes(), theme.bright, theme);
            page.words(format!("; {us}").as_bytes(), theme.dim, theme);
            page.newline(2);
            page.words(fault.to_string().as_bytes(), theme.bad, theme);
        }
    }
    page.finish()
}

/// A heading with a rule behind it.
fn heading(text: &str, behind: &str, width: usize, theme: &Theme) -> Line<'static> {
    let mut line = Line::from(span(format!("{text} "), theme.bright));
    let used = cells::line_width(&line) + cells::width(behind) + usize::from(!behind.is_empty());
    line.push_span(span("─".repeat(width.saturating_sub(used)), theme.faint));
    if !behind.is_empty() {
        line.push_span(span(format!(" {behind}"), theme.dim));
    }
    cells::cut(line, width, theme)
}

/// Foreign words that flow, each whole where it fits a line.
fn flow(words: &[(String, Style)], width: usize, most: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut page = Page::new(width, most);
    for (n, (word, style)) in words.iter().enumerate() {
        if n > 0 && page.room() > 1 {
            page.words(b"  ", *style, theme);
        }
        for part in parts(word, width) {
            page.word(part.as_bytes(), *style, theme);
        }
    }
    page.finish()
}

/// A name that is wider than the column in parts: cut behind a `_`, where it has some.
fn parts(name: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = name;
    while rest.len() > width {
        let Some(at) = rest.as_bytes().iter().take(width).rposition(|byte| *byte == b'_') else { break };
        let (part, behind) = rest.split_at(at + 1);
        parts.push(part);
        rest = behind;
    }
    parts.push(rest);
    parts
}
