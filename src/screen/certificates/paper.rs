//! What is kept under the selected name, as it reads, or what the last step said.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::standing;
use crate::app::{Said, Workbench};
use crate::model::workbench::Entry;
use crate::screen::bytes::{Page, clean};
use crate::screen::cells::{self, span};
use crate::screen::theme::Theme;

/// Columns of a fact's name, its indent included.
const LABEL: usize = 22;
/// Lines at the most: a chain of hundreds is read with `cert show`.
const MOST: usize = 2_000;

/// Columns of its text.
pub fn columns(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4))
}

pub fn draw(bench: &Workbench, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let lines = lines(bench, columns(area), theme);
    let title = match (&bench.said, bench.selected()) {
        (Some(said), _) => span(clean(&said.title).into_owned(), theme.bright),
        (None, Some(entry)) => span(clean(&entry.name).into_owned(), theme.bright),
        (None, None) => span("", theme.plain),
    };
    let height = usize::from(area.height.saturating_sub(2));
    let top = bench.scroll.min(lines.len().saturating_sub(height));
    let total = lines.len();
    let place = match total > height {
        true => Line::from(span(format!("{}-{} of {total}", top + 1, (top + height).min(total)), theme.dim)),
        false => Line::default(),
    };
    let inside = cells::pane(buf, area, false, Line::from(title), &[place], theme);
    for (line, y) in lines.into_iter().skip(top).zip(inside.y..inside.bottom()) {
        cells::line(buf, inside.x, y, inside.width, line, theme);
    }
    cells::thumb(buf, area, top as u64, height as u64, total as u64, theme.dim);
}

pub fn lines(bench: &Workbench, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut page = Page::new(width, MOST);
    match (&bench.said, bench.selected()) {
        (Some(said), _) => answer(&mut page, said, theme),
        (None, Some(entry)) => facts(&mut page, entry, width, theme),
        (None, None) => {}
    }
    page.finish()
}

/// The first line says how it went.
fn answer(page: &mut Page, said: &Said, theme: &Theme) {
    let (mark, style) = if said.good { ("✓ ", theme.good) } else { ("✗ ", theme.bad) };
    for (n, line) in said.lines.iter().enumerate() {
        match n {
            // PEM is copied as it stands.
            0 if line.starts_with("-----BEGIN ") => page.words(line.as_bytes(), theme.plain, theme),
            0 => {
                put(page, mark, style, theme);
                page.hang(2);
                page.words(line.as_bytes(), if said.good { theme.bright } else { style }, theme);
            }
            _ => {
                // What does not fit goes on under what stands behind the first gap: a label's text.
                let at = behind_gap(line);
                put(page, &line[..at], theme.dim, theme);
                page.hang(cells::width(&clean(&line[..at])));
                page.words(&line.as_bytes()[at..], theme.plain, theme);
            }
        }
        page.newline(0);
    }
}

/// Where the text behind a label begins: `  curl     curl --cacert ...`. Without a label, behind the indent.
fn behind_gap(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let Some(gap) = line[indent..].find("  ").filter(|gap| *gap < LABEL) else { return indent };
    let rest = &line[indent + gap..];
    indent + gap + (rest.len() - rest.trim_start().len())
}

fn facts(page: &mut Page, entry: &Entry, width: usize, theme: &Theme) {
    let (glyph, words, style) = standing(entry, theme);
    put(page, &format!("{glyph} "), style, theme);
    put(page, &format!("{}  ", entry.role), if entry.is_ca { theme.accent } else { theme.bright }, theme);
    put(page, words, style, theme);
    if entry.revoked && !entry.misfit {
        put(page, ": it is in its CA's revocation list", style, theme);
    }
    page.newline(0);
    put(page, "  kept  ", theme.dim, theme);
    page.hang(8);
    let files: Vec<_> = entry.kept.iter().map(|extension| format!("{}.{extension}", entry.name)).collect();
    page.words(files.join("  ").as_bytes(), theme.plain, theme);
    page.newline(0);
    let whose = [("for", entry.names.join("  ")), ("by", entry.issuer.clone())];
    for (label, text) in whose.iter().filter(|(_, text)| !text.is_empty()) {
        put(page, &format!("  {label:<6}"), theme.dim, theme);
        page.hang(8);
        page.words(text.as_bytes(), theme.plain, theme);
        page.newline(0);
    }
    for line in &entry.tree {
        if line.level == 0 {
            page.newline(0);
            put(page, &line.name, theme.accent, theme);
            put(page, "  ", theme.plain, theme);
            page.hang(2);
            page.words(line.value.as_bytes(), theme.bright, theme);
        } else {
            let indent = 2 * usize::from(line.level);
            let label = if width >= 2 * LABEL { LABEL } else { 0 };
            put(page, &" ".repeat(indent), theme.plain, theme);
            put(page, &line.name, theme.dim, theme);
            let used = indent + cells::width(&clean(&line.name));
            put(page, &" ".repeat(label.saturating_sub(used).max(2)), theme.plain, theme);
            page.hang(label.max(used + 2));
            page.words(line.value.as_bytes(), theme.plain, theme);
        }
        page.newline(0);
    }
}

fn put(page: &mut Page, text: &str, style: Style, theme: &Theme) {
    page.inline(text.as_bytes(), style, theme);
}
