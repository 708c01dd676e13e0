//! Every key and every event's meaning, from the tables they come from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::cells::{self, span};
use super::theme::Theme;
use crate::app::{Place, keymap};
use crate::model::event::VOCABULARY;

/// Draws the page from line `scroll` on, or its last screenful.
pub fn draw(scroll: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
    Clear.render(area, buf);
    let lines = lines(theme);
    let title = Line::from(span("Help", theme.bright));
    let height = usize::from(area.height.saturating_sub(2));
    let top = scroll.min(lines.len().saturating_sub(height));
    let total = lines.len();
    let place = Line::from(span(format!("{}-{} of {total}", top + 1, (top + height).min(total)), theme.dim));
    let inside = cells::pane(buf, area, true, title, &[place], theme);
    for (line, y) in lines.into_iter().skip(top).zip(inside.y..inside.bottom()) {
        cells::line(buf, inside.x, y, inside.width, line, theme);
    }
    cells::thumb(buf, area, top as u64, height as u64, total as u64, theme.dim);
}

/// How many lines there are.
pub fn len() -> usize {
    let keys: usize = Place::ALL.iter().map(|place| keymap::rows(*place).count() + 2).sum();
    keys + VOCABULARY.len() + 3
}

fn lines(theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for place in Place::ALL {
        lines.push(Line::from(span(place.name(), theme.bright)));
        for row in keymap::rows(place) {
            lines.push(Line::from(vec![
                span(format!("  {:<16}", keymap::names(row.keys)), theme.accent),
                span(format!("{:<10}", row.label), theme.plain),
                span(row.help, theme.dim),
            ]));
        }
        lines.push(Line::default());
    }
    lines.push(Line::from(span("Events", theme.bright)));
    for word in VOCABULARY {
        lines.push(Line::from(vec![
            span(format!("  {:<10}", word.home), theme.dim),
            span(format!("{:<17} ", word.name), theme.accent),
            span(word.help, theme.plain),
        ]));
    }
    lines.push(Line::default());
    lines.push(Line::from(span("  ◀ came in   ▶ went out   ▼ in   ▲ out   ‖ a write waits", theme.dim)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::theme::Depth;

    #[test]
    fn no_name_touches_its_text() {
        for line in lines(&Theme::new(Depth::Mono)).iter().filter(|line| line.spans.len() > 1) {
            let (_, names) = line.spans.split_last().unwrap();
            assert!(names.iter().all(|name| name.content.ends_with(' ')), "{line}");
        }
    }
}
