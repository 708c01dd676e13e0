//! The certificates' screen: the names of the store, and beside them what is kept under the selected one or
//! what the last step said.

mod list;
mod paper;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::cells::span;
use super::overlay;
use super::theme::Theme;
use crate::app::{App, Mode, Workbench};
use crate::model::workbench::{Entry, Standing};

/// From here on the list stands beside the text, not above it.
const WIDE: u16 = 110;

/// The list and the text, within what lies between header and footer.
pub fn panes(app: &App, area: Rect) -> (Rect, Rect) {
    if area.width >= WIDE {
        let left = (area.width * 2 / 5).clamp(54, 96);
        let list = Rect { width: left, ..area };
        return (list, Rect { x: area.x + left, width: area.width - left, ..area });
    }
    // Borders and the heading.
    let rows = u16::try_from(app.workbench.shelf.entries.len()).unwrap_or(u16::MAX).saturating_add(3);
    let height = rows.clamp(6, (area.height * 2 / 5).max(6)).min(area.height);
    let list = Rect { height, ..area };
    (list, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// Lines that the text has there: the bound of its scroll.
pub fn lines(app: &App, area: Rect) -> usize {
    if !matches!(app.mode, Mode::Workbench) {
        return 0;
    }
    let (_, paper) = panes(app, area);
    // The styles do not matter for how many there are.
    paper::lines(&app.workbench, paper::columns(paper), &Theme::new(super::theme::Depth::Mono)).len()
}

/// Draws the screen; where the cursor is, when a form is open.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    Clear.render(area, buf);
    let bench = &app.workbench;
    let (at, beside) = panes(app, area);
    list::draw(bench, at, buf, theme);
    paper::draw(bench, beside, buf, theme);
    let cursor = bench.sheet.as_ref().and_then(|sheet| {
        let mut foot = sheet.trouble().map_or(Vec::new(), |text| overlay::wrapped(text, 70, 4, theme));
        foot.push(Line::default());
        foot.push(Line::from(overlay_command(bench, &sheet.wish().command_in(&bench.shelf), theme)));
        overlay::fields(sheet.step.title.to_owned(), &sheet.shown(), &foot, area, buf, theme)
    });
    match &bench.question {
        Some(question) => {
            overlay::confirm(question, area, buf, theme);
            None
        }
        None => cursor,
    }
}

/// The command that the form comes to, or that it is being done.
fn overlay_command(bench: &Workbench, command: &str, theme: &Theme) -> Vec<ratatui::text::Span<'static>> {
    match bench.doing {
        Some(_) => vec![span("working…", theme.waiting)],
        None => vec![span("= ", theme.faint), span(super::bytes::clean(command).into_owned(), theme.punct)],
    }
}

/// How it stands with a certificate: glyph, words and colour.
fn standing<'a>(entry: &'a Entry, theme: &Theme) -> (&'static str, &'a str, Style) {
    if entry.misfit {
        return ("✗", "key does not fit", theme.bad);
    }
    if entry.revoked {
        return ("⊘", "revoked", theme.bad);
    }
    let words = entry.validity.as_str();
    match entry.standing {
        Standing::None => ("·", words, theme.dim),
        Standing::Good => ("●", words, theme.good),
        Standing::Soon => ("◐", words, theme.waiting),
        Standing::Early => ("◌", words, theme.waiting),
        Standing::Expired => ("○", words, theme.bad),
    }
}

/// What its names are, or whose it is.
fn whose(entry: &Entry) -> String {
    if entry.names.is_empty() { entry.subject.clone() } else { entry.names.join(" ") }
}
