//! The last row: what the keys do here and now, a notice until the next key, or a line that is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::bytes::clean;
use super::cells::{self, span};
use super::field;
use super::theme::Theme;
use crate::app::{App, Key, Mode, keymap};

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
            let hint = address.error.as_deref().unwrap_or("host:port of a UDP peer; empty: every peer heard from");
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

/// As many hints as fit, whole. Help and the way out keep the right end, however much there is to do.
fn hints(app: &App, room: Rect, buf: &mut Buffer, theme: &Theme) {
    let (always, others): (Vec<_>, Vec<_>) =
        keymap::hints(app).into_iter().partition(|(key, _)| matches!(key, Key::Char('?' | 'q')));
    let width = |(key, label): &(Key, &str)| cells::width(&key.to_string()) + 1 + cells::width(label);
    let reserved: usize = always.iter().map(|hint| width(hint) + 2).sum();
    let mut left = usize::from(room.width).saturating_sub(reserved);
    let mut x = room.x;
    for hint in others.iter().chain(&always) {
        let columns = width(hint);
        if always.contains(hint) {
            left = usize::MAX;
        } else if columns > left {
            // The next ones may be shorter, but they matter less: the order must not jump with the width.
            left = 0;
            continue;
        }
        let (key, label) = hint;
        let line = Line::from(vec![span(key.to_string(), theme.accent), Span::raw(" "), span(*label, theme.dim)]);
        let columns = u16::try_from(columns).unwrap_or(u16::MAX);
        buf.set_line(x, room.y, &line, room.right().saturating_sub(x).min(columns));
        x = x.saturating_add(columns + 2);
        left = left.saturating_sub(usize::from(columns) + 2);
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
