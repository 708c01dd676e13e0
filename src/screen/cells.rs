//! What the panes share: exact columns, cutting, frames with a title on either side, the selection band.

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Widget};
use unicode_segmentation::UnicodeSegmentation;

use super::theme::Theme;

/// Columns as they are drawn: cluster by cluster, as [`Buffer::set_line`] goes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(|cluster| usize::from(cluster.cell_width())).sum()
}

pub fn line_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| width(&span.content)).sum()
}

/// The front of a text, `…` where the rest was.
pub fn head(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    if columns == 0 { String::new() } else { format!("{}…", front(text, columns - 1)) }
}

/// As much of a text as fits.
fn front(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = text.grapheme_indices(true).take_while(|(_, cluster)| {
        used += usize::from(cluster.cell_width());
        used <= columns
    });
    fits.last().map_or("", |(at, cluster)| &text[..at + cluster.len()])
}

/// The end of a text, `…` where the front was: addresses tell most at their end.
pub fn tail(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut used = 1;
    let fits = text.grapheme_indices(true).rev().take_while(|(_, cluster)| {
        used += usize::from(cluster.cell_width());
        used <= columns
    });
    let from = fits.last().map_or(text.len(), |(at, _)| at);
    if columns == 0 { String::new() } else { format!("…{}", &text[from..]) }
}

/// The front of a line, `…` where the rest was.
pub fn cut(line: Line<'static>, columns: usize, theme: &Theme) -> Line<'static> {
    if line_width(&line) <= columns {
        return line;
    }
    let mut room = columns.saturating_sub(1);
    let mut spans = Vec::with_capacity(line.spans.len());
    for span in line.spans {
        let used = width(&span.content);
        if used <= room {
            room -= used;
            spans.push(span);
            continue;
        }
        spans.push(Span::styled(front(&span.content, room).to_string(), span.style));
        break;
    }
    if columns > 0 {
        spans.push(Span::styled("…", theme.dim));
    }
    Line::from(spans)
}

/// Writes a text into `columns` columns from `x` on, cut at its end.
pub fn left(buf: &mut Buffer, x: u16, y: u16, columns: u16, text: &str, style: Style) {
    buf.set_stringn(x, y, head(text, usize::from(columns)), usize::from(columns), style);
}

/// Writes a text against the right edge of `columns` columns from `x` on, cut at its front.
pub fn right(buf: &mut Buffer, x: u16, y: u16, columns: u16, text: &str, style: Style) {
    let text = tail(text, usize::from(columns));
    let used = u16::try_from(width(&text)).unwrap_or(columns);
    buf.set_stringn(x + columns.saturating_sub(used), y, text, usize::from(used), style);
}

/// Writes a line into `columns` columns from `x` on, cut at its end.
pub fn line(buf: &mut Buffer, x: u16, y: u16, columns: u16, line: Line<'static>, theme: &Theme) {
    buf.set_line(x, y, &cut(line, usize::from(columns), theme), columns);
}

/// Writes a line against the right edge of `columns` columns from `x` on, cut at its end.
pub fn right_line(buf: &mut Buffer, x: u16, y: u16, columns: u16, text: Line<'static>, theme: &Theme) {
    let text = cut(text, usize::from(columns), theme);
    let used = u16::try_from(line_width(&text)).unwrap_or(columns).min(columns);
    buf.set_line(x + columns - used, y, &text, used);
}

/// The first row to show of `total`, when `shown` fit: as asked, but the selected row is always in sight and
/// no room is left empty below the last.
pub fn top(asked: usize, selected: Option<usize>, shown: usize, total: usize) -> usize {
    let top = match selected {
        Some(at) if at < asked => at,
        Some(at) if at >= asked + shown => at + 1 - shown.max(1),
        _ => asked,
    };
    top.min(total.saturating_sub(shown))
}

/// A frame with facts on its upper edge: on the left what it is, on the right the first of `rights` that fits.
/// Returns the room inside, a blank column off the edges.
pub fn pane(
    buf: &mut Buffer,
    area: Rect,
    focused: bool,
    left: Line<'static>,
    rights: &[Line<'static>],
    theme: &Theme,
) -> Rect {
    let area = area.intersection(buf.area);
    if area.width < 4 || area.height < 2 {
        return Rect::ZERO;
    }
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(theme.edge(focused));
    let inside = block.inner(area);
    block.render(area, buf);
    // A corner, an edge and a blank before the title; the same behind; a bit of edge between two titles.
    let room = usize::from(area.width).saturating_sub(6);
    let title = cut(left, room, theme);
    let used = line_width(&title);
    let behind = rights.iter().find(|line| line_width(line) > 0 && used + line_width(line) + 3 <= room);
    let y = area.y;
    let mut x = area.x + 2;
    if used > 0 {
        x = padded(buf, x, y, &title);
    }
    if let Some(line) = behind {
        let columns = u16::try_from(line_width(line)).unwrap_or(0);
        padded(buf, (area.right() - 4 - columns).max(x), y, line);
    }
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

fn padded(buf: &mut Buffer, x: u16, y: u16, line: &Line<'static>) -> u16 {
    let columns = u16::try_from(line_width(line) + 2).unwrap_or(u16::MAX);
    let gap = Rect { x, y, width: columns, height: 1 }.intersection(buf.area);
    for cell in gap.columns() {
        buf[(cell.x, cell.y)].reset();
    }
    buf.set_line(x + 1, y, line, gap.width.saturating_sub(2));
    gap.right()
}

/// Lays the selection band over a row and the blank columns beside it; text goes on top with [`Theme::banded`].
pub fn band(buf: &mut Buffer, row: Rect, theme: &Theme) {
    let row = Rect { x: row.x.saturating_sub(1), width: row.width + 2, height: 1, ..row };
    buf.set_style(row.intersection(buf.area), theme.selection);
}

/// A thumb on the right edge of a pane, where there is more than it shows.
pub fn thumb(buf: &mut Buffer, pane: Rect, first: u64, shown: u64, total: u64, style: Style) {
    let track = u64::from(pane.height.saturating_sub(2));
    if shown >= total || track == 0 {
        return;
    }
    let length = (track * shown / total).clamp(1, track);
    let spare = total - shown;
    // Rounded, so that only the very first row stands at the top and only the last at the bottom.
    let at = ((track - length) * first.min(spare) + spare / 2) / spare;
    for row in at..at + length {
        let y = pane.y + 1 + u16::try_from(row).unwrap_or(0);
        buf.set_string(pane.right().saturating_sub(1), y, "▐", style);
    }
}

/// A sentence in the middle of an empty pane.
pub fn hollow(buf: &mut Buffer, area: Rect, lines: Vec<Line<'static>>, theme: &Theme) {
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let top = area.y + (area.height - rows) / 3;
    for (y, text) in (top..top + rows).zip(lines) {
        let text = cut(text, usize::from(area.width), theme);
        let columns = u16::try_from(line_width(&text)).unwrap_or(area.width);
        buf.set_line(area.x + (area.width - columns) / 2, y, &text, columns);
    }
}

/// A word in a style.
pub fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::theme::Depth;

    #[test]
    fn texts_are_cut_at_the_end_that_tells_least() {
        assert_eq!(head("sockscope", 5), "sock…");
        assert_eq!(tail("192.168.100.200:53312", 9), "…00:53312");
        assert_eq!(head("abc", 3), "abc");
        assert_eq!((head("abc", 0), tail("abc", 0)), (String::new(), String::new()));
    }

    #[test]
    fn a_wide_character_is_not_cut_in_half() {
        assert_eq!(head("你好吗", 4), "你…");
        assert_eq!(tail("你好吗", 4), "…吗");
        assert_eq!(width("你好"), 4);
    }

    #[test]
    fn a_right_title_that_does_not_fit_gives_way_to_a_shorter_one() {
        let theme = Theme::new(Depth::Mono);
        let area = Rect::new(0, 0, 30, 3);
        let mut buf = Buffer::empty(area);
        let rights = [Line::from("much too long for this pane"), Line::from("short")];
        pane(&mut buf, area, false, Line::from("Sockets 9"), &rights, &theme);
        let top: String = (0..30).map(|x| buf[(x, 0)].symbol().to_string()).collect();
        assert_eq!(top, "╭─ Sockets 9 ──────── short ─╮");
    }

    #[test]
    fn a_title_never_breaks_the_border() {
        let theme = Theme::new(Depth::Mono);
        for columns in 0..40 {
            let area = Rect::new(0, 0, columns, 3);
            let mut buf = Buffer::empty(area);
            let title = Line::from("#3 tcp 127.0.0.1:53312 → :8124");
            pane(&mut buf, area, false, title, &[Line::from("rtt 42 µs")], &theme);
            if columns >= 4 {
                assert_eq!(buf[(columns - 1, 0)].symbol(), "╮");
                assert_eq!(buf[(columns - 2, 0)].symbol(), "─");
            }
        }
    }

    #[test]
    fn the_selected_row_is_always_in_sight() {
        assert_eq!(top(0, Some(12), 10, 40), 3);
        assert_eq!(top(20, Some(12), 10, 40), 12);
        assert_eq!(top(5, Some(12), 10, 40), 5);
        assert_eq!(top(35, None, 10, 40), 30);
        assert_eq!(top(7, None, 10, 4), 0);
    }

    #[test]
    fn the_thumb_reaches_both_ends() {
        let area = Rect::new(0, 0, 4, 12);
        let thumb_at = |first: u64| {
            let mut buf = Buffer::empty(area);
            thumb(&mut buf, area, first, 10, 1000, Style::new());
            (0..12).find(|y| buf[(3, *y)].symbol() == "▐")
        };
        assert_eq!(thumb_at(0), Some(1));
        assert_eq!(thumb_at(990), Some(10));
    }
}
