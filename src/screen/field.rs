//! A line that is edited: what of it is in sight, and where the cursor stands in it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::bytes::clean;
use super::cells;

/// Draws one line of an editor into one row, scrolled sideways so that the cursor is in sight. Returns
/// where the cursor is. `column` counts characters.
pub fn draw(buf: &mut Buffer, row: Rect, text: &str, column: Option<usize>, style: Style) -> Position {
    let at = column.map_or(0, |column| text.char_indices().nth(column).map_or(text.len(), |(at, _)| at));
    let (before, after) = (clean(&text[..at]), clean(&text[at..]));
    let room = usize::from(row.width).saturating_sub(1);
    // What lies left of the sight, in whole clusters.
    let mut hidden = cells::width(&before).saturating_sub(room);
    let mut x = 0;
    let mut seen = String::new();
    for cluster in before.graphemes(true) {
        let width = cells::width(cluster);
        if hidden > 0 {
            hidden = hidden.saturating_sub(width);
        } else {
            x += width;
            seen.push_str(cluster);
        }
    }
    seen.push_str(&after);
    let more = cells::head(&seen, usize::from(row.width));
    cells::left(buf, row.x, row.y, row.width, &more, style);
    Position { x: row.x + u16::try_from(x).unwrap_or(0).min(row.width.saturating_sub(1)), y: row.y }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, column: usize) -> (String, u16) {
        let row = Rect::new(0, 0, 8, 1);
        let mut buf = Buffer::empty(row);
        let at = draw(&mut buf, row, text, Some(column), Style::new());
        (buf.content.iter().map(|cell| cell.symbol()).collect::<String>(), at.x)
    }

    #[test]
    fn the_cursor_is_always_in_sight() {
        assert_eq!(drawn("abc", 1), ("abc     ".into(), 1));
        let (seen, x) = drawn("0123456789abcdef", 16);
        assert_eq!((seen.trim(), x), ("9abcdef", 7));
        // The cursor stands behind two wide characters.
        assert_eq!(drawn("你好x", 2).1, 4);
        assert_eq!(drawn("0123456789", 0), ("0123456…".into(), 0));
    }

    #[test]
    fn a_pasted_bidi_mark_cannot_act() {
        assert!(!drawn("a\u{202e}b", 3).0.contains('\u{202e}'));
    }
}
