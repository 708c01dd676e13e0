//! The last row: what the keys do here and now, a notice until the next key, or a line that is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::bytes::clean;
use super::cells::{self, span};
use super::field;
use super::theme::Theme;
use crate::app::{App, Mode, keymap};

/// Draws the row; where the cursor is, when a line is typed there.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    buf.set_style(area, theme.bar);
    let bar = theme.banded();
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    match &app.mode {
        Mode::Filter => {
            let (row, column) = app.filter.cursor();
            let text = app.filter.lines().get(row).map_or("", String::as_str);
            return Some(prompt(room, buf, &bar, "/", text, column, Some("words of a row: tcp open :53312")));
        }
        Mode::Address(address) => {
            let (row, column) = address.editor.cursor();
            let text = address.editor.lines().get(row).map_or("", String::as_str);
            let hint = address.error.as_deref().unwrap_or("host:port of a UDP peer; empty: every peer seen");
            return Some(prompt(room, buf, &bar, "send to ", text, column, Some(hint)));
        }
        _ => {}
    }
    if let Some(notice) = &app.notice {
        let style = if notice.good { bar.good } else { bar.bad };
        let mark = if notice.good { "✓ " } else { "✗ " };
        let line = Line::from(vec![span(mark, style), span(clean(&notice.text).into_owned(), bar.bright)]);
        cells::line(buf, room.x, room.y, room.width, line, theme);
        return None;
    }
    hints(app, room, buf, &bar);
    None
}

/// As many hints as fit, whole.
fn hints(app: &App, room: Rect, buf: &mut Buffer, theme: &Theme) {
    let mut x = room.x;
    for (key, label) in keymap::hints(app) {
        let key = key.to_string();
        let width = u16::try_from(cells::width(&key) + 1 + cells::width(label)).unwrap_or(u16::MAX);
        if x + width > room.right() {
            break;
        }
        let line = Line::from(vec![span(key, theme.accent), Span::raw(" "), span(label, theme.dim)]);
        buf.set_line(x, room.y, &line, width);
        x += width + 2;
    }
}

fn prompt(
    room: Rect,
    buf: &mut Buffer,
    theme: &Theme,
    label: &str,
    text: &str,
    column: usize,
    hint: Option<&str>,
) -> Position {
    let used = u16::try_from(cells::width(label)).unwrap_or(0);
    cells::left(buf, room.x, room.y, used, label, theme.accent);
    let typed = u16::try_from(cells::width(&clean(text))).unwrap_or(u16::MAX);
    let width = room.width.saturating_sub(used);
    let at = field::draw(buf, Rect { x: room.x + used, width, ..room }, text, Some(column), theme.bright);
    let behind = used.saturating_add(typed).saturating_add(3);
    if let Some(hint) = hint.filter(|_| behind < room.width) {
        cells::left(buf, room.x + behind, room.y, room.width - behind, &clean(hint), theme.dim);
    }
    at
}
