//! What lies over the dashboard while it has the keys: the form, the palette, the history, a question.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::bytes::Page;
use super::cells::{self, span};
use super::field;
use super::theme::Theme;
use crate::app::form::{Of, Shown, Value};
use crate::app::list::reveal;
use crate::app::{Editor, Form, HistorySearch, Palette, Question, keymap};
use crate::model::id::Subject;

/// Columns beside a box that are not worth leaving.
const SLIVER: u16 = 8;

/// A cleared box in the middle of `area`, of at most this size.
pub(super) fn lay(area: Rect, width: u16, height: u16, buf: &mut Buffer) -> Rect {
    // A sliver of the dashboard on either side says nothing.
    let width = if width + SLIVER > area.width { area.width } else { width };
    let height = height.min(area.height);
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let area = Rect { x, y, width, height };
    Clear.render(area, buf);
    area
}

/// Lines of the focused field's help.
const HELP: u16 = 2;
/// Columns of a field's name.
const LABEL: u16 = 14;

/// Rows of a sentence about what is wrong with a field.
const ERROR_ROWS: usize = 3;

/// The form that adds or edits an endpoint.
pub fn form(form: &Form, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    let title = match form.of {
        Of::New => "Add an endpoint".into(),
        Of::Endpoint(id) => format!("Edit endpoint {id}"),
        Of::Options(Subject::Socket(id)) => format!("Options of socket {id}"),
        Of::Options(Subject::Endpoint(id)) => format!("Options of endpoint {id}"),
    };
    fields(title, &form.shown(), &[], area, buf, theme)
}

/// A form's fields in a box: what is wrong below its field, `foot` below them all, and the field's help last.
pub(super) fn fields(
    title: String,
    shown: &[Shown<'_>],
    foot: &[Line<'static>],
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) -> Option<Position> {
    const WIDTH: u16 = 76;
    // Borders and the blanks beside them; the fields' names.
    let columns = usize::from(WIDTH.min(area.width).saturating_sub(4 + LABEL + 2));
    let wrong = |shown: &Shown<'_>| shown.error.map_or(Vec::new(), |text| wrapped(text, columns, ERROR_ROWS, theme));
    let errors: usize = shown.iter().map(|shown| wrong(shown).len()).sum();
    let height = u16::try_from(shown.len() + errors + foot.len()).unwrap_or(u16::MAX).saturating_add(4 + HELP);
    let area = lay(area, WIDTH, height, buf);
    let inside = cells::pane(buf, area, true, Line::from(span(title, theme.bright)), &[], theme);
    let mut cursor = None;
    let mut y = inside.y + 1;
    // An empty line, the foot and the help stand below the fields.
    let last = u16::try_from(foot.len()).unwrap_or(0);
    let bottom = inside.bottom().saturating_sub(1 + HELP + last);
    let room = usize::from(bottom.saturating_sub(y)).saturating_sub(errors).max(1);
    let at = shown.iter().position(|shown| shown.focused).unwrap_or(0);
    let top = reveal(0, at, shown.len(), room);
    cells::thumb(buf, area, top as u64, room as u64, shown.len() as u64, theme.edge(true));
    for shown in shown.iter().skip(top) {
        if y >= bottom {
            break;
        }
        let style = if shown.focused { theme.accent } else { theme.dim };
        cells::right(buf, inside.x, y, LABEL, shown.label, style);
        let room = Rect { x: inside.x + LABEL + 2, y, width: inside.width.saturating_sub(LABEL + 2), height: 1 };
        match shown.value {
            Value::Text(editor) => {
                let at = line(buf, room, editor, shown.focused, theme);
                if editor.is_empty() {
                    cells::left(buf, room.x + 1, y, room.width.saturating_sub(1), shown.example, theme.dim);
                }
                if shown.focused {
                    cursor = Some(at);
                }
            }
            Value::Choice { options, chosen } => choice(buf, room, options, chosen, shown.focused, theme),
        }
        y += 1;
        for text in wrong(shown) {
            if y < bottom {
                cells::line(buf, room.x, y, room.width, text, theme);
                y += 1;
            }
        }
    }
    let help = shown.iter().find(|shown| shown.focused).map_or("", |shown| shown.help);
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(1));
    for (text, y) in foot.iter().zip(inside.bottom().saturating_sub(HELP + last)..) {
        cells::line(buf, x, y, width, text.clone(), theme);
    }
    let mut page = Page::new(usize::from(width), usize::from(HELP));
    page.words(help.as_bytes(), theme.dim, theme);
    for (line, y) in page.finish().into_iter().zip(inside.bottom().saturating_sub(HELP)..) {
        cells::line(buf, x, y, width, line, theme);
    }
    cursor
}

/// A sentence in the colour of what is wrong, in a few lines at the most.
pub(super) fn wrapped(text: &str, columns: usize, rows: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut page = Page::new(columns, rows);
    page.words(text.as_bytes(), theme.bad, theme);
    page.finish()
}

fn line(buf: &mut Buffer, room: Rect, editor: &Editor, focused: bool, theme: &Theme) -> Position {
    let text = editor.lines().first().map_or("", String::as_str);
    let column = focused.then(|| editor.cursor().1);
    field::draw(buf, room, text, column, theme.bright)
}

fn choice(buf: &mut Buffer, room: Rect, options: &[&'static str], chosen: usize, focused: bool, theme: &Theme) {
    let mut spans = Vec::new();
    for (n, option) in options.iter().enumerate() {
        if n > 0 {
            spans.push(span(" · ", theme.faint));
        }
        let style = match (n == chosen, focused) {
            (true, true) => theme.accent,
            (true, false) => theme.bright,
            (false, _) => theme.dim,
        };
        spans.push(span(if n == chosen { format!("[{option}]") } else { (*option).to_owned() }, style));
    }
    cells::line(buf, room.x, room.y, room.width, Line::from(spans), theme);
}

/// The command list.
pub fn palette(palette: &Palette, area: Rect, buf: &mut Buffer, theme: &Theme) -> Position {
    let area = lay(area, 84, (area.height * 3 / 4).max(8), buf);
    let count = Line::from(span(palette.found.len().to_string(), theme.dim));
    let inside = cells::pane(buf, area, true, Line::from(span("Commands", theme.bright)), &[count], theme);
    let at = ask(buf, inside, ":", &palette.query, theme);
    // The last line has the whole sentence of the chosen one, where its row has no room for it.
    let rows = Rect { y: inside.y + 2, height: inside.height.saturating_sub(3), ..inside };
    let whole = palette.found.get(palette.at).map_or("", |found| found.help);
    if cells::width(whole) + 23 > usize::from(inside.width) {
        cells::left(buf, inside.x, inside.bottom().saturating_sub(1), inside.width, whole, theme.dim);
    }
    if palette.found.is_empty() {
        cells::left(buf, rows.x, rows.y, rows.width, "nothing here is called that", theme.dim);
    }
    let top = reveal(0, palette.at, palette.found.len(), usize::from(rows.height));
    let found = palette.found.iter().enumerate().skip(top).take(usize::from(rows.height));
    for ((n, found), y) in found.zip(rows.y..) {
        let here = Rect { y, height: 1, ..rows };
        let theme = if n == palette.at {
            cells::band(buf, here, theme);
            theme.banded()
        } else {
            *theme
        };
        let keys = keymap::names(found.row.keys);
        cells::right(buf, here.x, y, 9, &keys, theme.accent);
        let name = marked(found.label, &found.label_hits, theme.bright, &theme);
        // Those of the gallery and of settings are longer than an action's.
        let columns = match (&found.certificate, found.setting) {
            (Some(_), _) => 26,
            (None, Some(_)) => 20,
            (None, None) => 12,
        };
        cells::line(buf, here.x + 11, y, columns, name, &theme);
        let help = marked(found.help, &found.help_hits, theme.dim, &theme);
        cells::line(buf, here.x + 11 + columns, y, here.width.saturating_sub(11 + columns), help, &theme);
    }
    at
}

/// A text with the letters that were found underlined in the accent.
fn marked(text: &str, hits: &[usize], style: ratatui::style::Style, theme: &Theme) -> Line<'static> {
    let letter = |(n, c): (usize, char)| {
        let hit = hits.contains(&n);
        Span::styled(c.to_string(), if hit { theme.accent.patch(ratatui::style::Modifier::UNDERLINED) } else { style })
    };
    Line::from(text.chars().enumerate().map(letter).collect::<Vec<_>>())
}

fn ask(buf: &mut Buffer, inside: Rect, mark: &str, editor: &Editor, theme: &Theme) -> Position {
    let used = u16::try_from(cells::width(mark)).unwrap_or(0) + 1;
    cells::left(buf, inside.x, inside.y, used, mark, theme.accent);
    let room = Rect { x: inside.x + used, width: inside.width.saturating_sub(used), height: 1, ..inside };
    line(buf, room, editor, true, theme)
}

/// What was sent before, over the send panel.
pub fn history(search: &HistorySearch, area: Rect, buf: &mut Buffer, theme: &Theme) -> Position {
    let area = lay(area, 90, (area.height * 2 / 3).max(8), buf);
    let count = Line::from(span(search.found.len().to_string(), theme.dim));
    let inside = cells::pane(buf, area, true, Line::from(span("Sent before", theme.bright)), &[count], theme);
    let at = ask(buf, inside, "search", &search.query, theme);
    let rows = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    if search.found.is_empty() {
        cells::left(buf, rows.x, rows.y, rows.width, "nothing that was sent holds this", theme.dim);
    }
    let top = reveal(0, search.at, search.found.len(), usize::from(rows.height));
    let found = search.found.iter().enumerate().skip(top).take(usize::from(rows.height));
    for ((n, draft), y) in found.zip(rows.y..) {
        let here = Rect { y, height: 1, ..rows };
        let theme = if n == search.at {
            cells::band(buf, here, theme);
            theme.banded()
        } else {
            *theme
        };
        cells::left(buf, here.x, y, 8, draft.coding.name(), theme.dim);
        let text = super::bytes::preview(draft.text.as_bytes(), usize::from(here.width.saturating_sub(9)), &theme);
        cells::line(buf, here.x + 9, y, here.width.saturating_sub(9), text, &theme);
    }
    at
}

/// A question with its two answers.
pub fn confirm(question: &Question, area: Rect, buf: &mut Buffer, theme: &Theme) {
    /// Borders and the blanks beside the text.
    const BESIDE: u16 = 6;
    let columns = usize::from(area.width.saturating_sub(BESIDE));
    let mut page = Page::new(columns, 4);
    page.words(question.text.as_bytes(), theme.bright, theme);
    let lines = page.finish();
    let longest = lines.iter().map(cells::line_width).max().unwrap_or(0);
    let width = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(BESIDE).max(30);
    let rows = u16::try_from(lines.len()).unwrap_or(1);
    let area = lay(area, width, rows + 4, buf);
    let inside = cells::pane(buf, area, true, Line::from(span("Sure?", theme.waiting)), &[], theme);
    let answers =
        vec![span("y", theme.accent), span(" yes   ", theme.dim), span("n", theme.accent), span(" no", theme.dim)];
    let lines = lines.into_iter().chain([Line::default(), Line::from(answers)]);
    for (line, y) in lines.zip(inside.y..inside.bottom()) {
        cells::line(buf, inside.x + 1, y, inside.width.saturating_sub(1), line, theme);
    }
}
