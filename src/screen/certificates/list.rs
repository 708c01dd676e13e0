//! The names of the store, one row each: what it is, how long it is good, its key, whose it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::{standing, whose};
use crate::app::Workbench;
use crate::app::list::reveal;
use crate::model::workbench::Entry;
use crate::screen::bytes::clean;
use crate::screen::cells::{self, span};
use crate::screen::theme::Theme;

/// Columns, blanks between them included: the glyph, what it is, how long, the key's kind.
const GLYPH: u16 = 2;
const ROLE: u16 = 9;
const VALID: u16 = 21;
const KIND: u16 = 13;
/// The name's least and most.
const NAME: (u16, u16) = (12, 20);
/// Columns worth a heading of their own.
const LEAST: u16 = 8;

pub fn draw(bench: &Workbench, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let entries = &bench.shelf.entries;
    let title = Line::from(vec![
        span("Certificates", theme.bright),
        span(format!(" {}", entries.len() + bench.shelf.more), theme.dim),
    ]);
    let room = usize::from(area.width.saturating_sub(26));
    let folder = Line::from(span(cells::tail(&clean(&bench.shelf.folder), room), theme.dim));
    let busy = Line::from(span("working…", theme.waiting));
    let right = if bench.doing.is_some() { busy } else { folder };
    let inside = cells::pane(buf, area, bench.sheet.is_none(), title, &[right], theme);
    if inside.is_empty() {
        return;
    }
    if let Some(trouble) = &bench.shelf.trouble {
        return words(buf, inside, &[span(clean(trouble).into_owned(), theme.bad).into()], theme);
    }
    if entries.is_empty() {
        let first = if bench.is_known { "no certificates yet" } else { "the store is being read…" };
        let second = Line::from(vec![
            span("n", theme.accent),
            span(" makes one for localhost, and a CA of your own", theme.dim),
        ]);
        let lines = [span(first, theme.plain).into(), second];
        return words(buf, inside, &lines[..if bench.is_known { 2 } else { 1 }], theme);
    }
    columns(buf, inside, inside.y, ["", "name", "is", "valid", "key", "for"], |_| theme.dim);
    let rows = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let chosen = bench.row();
    let top = reveal(0, chosen, entries.len(), usize::from(rows.height));
    cells::thumb(buf, area, top as u64, u64::from(rows.height), entries.len() as u64, theme.edge(true));
    for ((n, entry), y) in entries.iter().enumerate().skip(top).zip(rows.y..rows.bottom()) {
        let theme = if n == chosen {
            cells::band(buf, Rect { y, height: 1, ..rows }, theme);
            theme.banded()
        } else {
            *theme
        };
        row(buf, rows, y, entry, &theme);
    }
}

fn row(buf: &mut Buffer, rows: Rect, y: u16, entry: &Entry, theme: &Theme) {
    let (glyph, words, style) = standing(entry, theme);
    let (name, kind, whose) = (clean(&entry.name), clean(&entry.kind), whose(entry));
    let texts = [glyph, &*name, entry.role, words, &*kind, &*clean(&whose)];
    columns(buf, rows, y, texts, |n| match n {
        0 | 3 => style,
        1 => theme.bright,
        2 if entry.is_ca => theme.accent,
        2 => theme.plain,
        _ => theme.dim,
    });
}

/// The name takes what the others leave; where it is narrow the last columns go.
fn columns(buf: &mut Buffer, room: Rect, y: u16, texts: [&str; 6], style: impl Fn(usize) -> Style) {
    let fixed = GLYPH + ROLE + VALID;
    let spare = room.width.saturating_sub(fixed);
    let kind = if spare >= NAME.0 + KIND { KIND } else { 0 };
    let name = spare.saturating_sub(kind).clamp(NAME.0, NAME.1).min(room.width.saturating_sub(GLYPH));
    let (name, whose) = match spare.saturating_sub(kind + name) {
        rest if rest < LEAST => (name + rest, 0),
        rest => (name, rest),
    };
    let (widths, mut x) = ([GLYPH, name, ROLE, VALID, kind, whose], room.x);
    for (n, (text, width)) in texts.into_iter().zip(widths).enumerate() {
        let width = width.min(room.right().saturating_sub(x));
        cells::left(buf, x, y, width.saturating_sub(1), text, style(n));
        x += width;
    }
}

fn words(buf: &mut Buffer, inside: Rect, lines: &[Line<'static>], theme: &Theme) {
    cells::hollow(buf, inside, lines.to_vec(), theme);
}
