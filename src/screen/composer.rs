//! The send panel: to whom, what, in which coding, and what it comes to.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::bytes::clean;
use super::cells::{self, span};
use super::field;
use super::theme::Theme;
use crate::app::composer::{Note, takes_ending};
use crate::app::{App, Mode};
use crate::model::draft::{Coding, Ending, Shape};

/// Draws the panel; where the cursor is, when it has the keys.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    let composing = matches!(app.mode, Mode::Compose | Mode::History(_));
    let note = app.audience().and_then(|audience| audience.note).filter(|_| composing);
    let modes = modes(app, composing, theme);
    // A note stands in the title where the choices still fit beside it, else before the sum.
    let least = modes.last().map_or(0, cells::line_width);
    let whole = title(app, composing, note.as_ref(), theme);
    let fits = cells::line_width(&whole) + least + 10 <= usize::from(area.width);
    let (title, below) = if fits { (whole, None) } else { (title(app, composing, None, theme), note) };
    let inside = cells::pane(buf, area, composing, title, &modes, theme);
    if inside.height == 0 {
        return None;
    }
    if !composing {
        invite(app, inside, buf, theme);
        return None;
    }
    let info = Rect { y: inside.bottom() - 1, height: 1, ..inside };
    let text = Rect { height: inside.height - 1, ..inside };
    let cursor = draft(app, text, buf, theme);
    let mut line = sum(app, theme);
    if let Some(note) = below {
        line.spans.insert(0, span(format!("{}  ", note.text), if note.stop { theme.bad } else { theme.waiting }));
    }
    cells::line(buf, info.x + 2, info.y, info.width.saturating_sub(2), line, theme);
    Some(cursor)
}

fn title(app: &App, composing: bool, note: Option<&Note>, theme: &Theme) -> Line<'static> {
    let mut spans = vec![span("Send", theme.bright)];
    match app.audience().filter(|_| composing) {
        Some(audience) => {
            spans.push(span(" → ", theme.dim));
            spans.push(span(clean(&audience.name).into_owned(), theme.accent));
            if audience.count != 1 && app.composer.shape != Shape::Reply {
                spans.push(span(format!(" ({})", audience.count), theme.bright));
            }
        }
        None => {
            if let Some(row) = app.socket() {
                spans.push(span(format!(" → {} ", row.id), theme.dim));
                spans.push(span(row.scheme.name(), theme.scheme(row.scheme)));
            }
        }
    }
    if let Some(note) = note.filter(|_| composing) {
        spans.push(Span::raw("  "));
        spans.push(span(note.text.clone(), if note.stop { theme.bad } else { theme.waiting }));
    }
    Line::from(spans)
}

/// The choices on the right, the longest form first.
fn modes(app: &App, composing: bool, theme: &Theme) -> Vec<Line<'static>> {
    if !composing {
        return Vec::new();
    }
    let composer = &app.composer;
    let mut codings = Vec::new();
    for coding in Coding::ALL {
        if !codings.is_empty() {
            codings.push(span(" · ", theme.faint));
        }
        codings.push(span(coding.name(), if coding == composer.coding { theme.accent } else { theme.dim }));
    }
    let mut tail = Vec::new();
    if takes_ending(composer.shape) {
        let style = if composer.ending == Ending::None { theme.dim } else { theme.bright };
        tail.push(span(format!("   ⏎ {}", composer.ending.name()), style));
    }
    let split = if composer.is_split() { format!(", {} frames", composer.fragments) } else { String::new() };
    let shape =
        (composer.shape != Shape::Bytes).then(|| span(format!("{}{split}   ", composer.shape.name()), theme.bright));
    let long: Vec<_> = shape.clone().into_iter().chain(codings).chain(tail.clone()).collect();
    let short: Vec<_> = shape.into_iter().chain([span(composer.coding.name(), theme.accent)]).chain(tail).collect();
    vec![Line::from(long), Line::from(short)]
}

/// What stands there while nobody types: how to begin, or the draft that waits.
fn invite(app: &App, inside: Rect, buf: &mut Buffer, theme: &Theme) {
    let draft =
        app.composer.editor.lines().first().filter(|_| !app.composer.editor.is_empty() && app.composer.aim.is_some());
    let line = match draft {
        Some(text) => vec![span("› ", theme.dim), span(clean(text).into_owned(), theme.dim)],
        None if app.seen().endpoints.is_empty() => vec![span("a", theme.accent), span(" adds an endpoint", theme.dim)],
        None => {
            vec![span("i", theme.accent), span(" types to the selected socket, or to all of an endpoint", theme.dim)]
        }
    };
    cells::line(buf, inside.x, inside.y, inside.width, Line::from(line), theme);
}

fn draft(app: &App, area: Rect, buf: &mut Buffer, theme: &Theme) -> Position {
    let editor = &app.composer.editor;
    let (row, column) = editor.cursor();
    let top = (row + 1).saturating_sub(usize::from(area.height));
    let mut cursor = Position::new(area.x, area.y);
    let lines = editor.lines().iter().enumerate().skip(top).take(usize::from(area.height));
    for ((n, text), y) in lines.zip(area.y..) {
        let mark = if n == 0 { "› " } else { "  " };
        cells::left(buf, area.x, y, 2, mark, theme.accent);
        let line = Rect { x: area.x + 2, y, width: area.width.saturating_sub(2), height: 1 };
        let here = (n == row).then_some(column);
        let at = field::draw(buf, line, text, here, theme.bright);
        if here.is_some() {
            cursor = at;
        }
    }
    cursor
}

/// The line under the text: what it comes to, or why it cannot be sent.
fn sum(app: &App, theme: &Theme) -> Line<'static> {
    let composer = &app.composer;
    if let Some(reason) = &composer.refused {
        return Line::from(span(clean(reason).into_owned(), theme.bad));
    }
    if composer.is_sending() {
        return Line::from(span("on its way …", theme.waiting));
    }
    if composer.editor.is_empty() {
        return Line::from(span(hint(composer.shape, composer.coding), theme.dim));
    }
    match composer.preview() {
        Ok(preview) => {
            let mut spans = vec![span(preview.to_string(), theme.dim)];
            spans.extend(step(composer.shape).map(|step| span(format!("  {step}"), theme.dim)));
            Line::from(spans)
        }
        Err(rejection) => Line::from(span(clean(&rejection.0).into_owned(), theme.waiting)),
    }
}

/// Of an answer by hand: what the key does now, and what comes after it.
fn step(shape: Shape) -> Option<&'static str> {
    Some(match shape {
        Shape::Head => "⏎ sends the head; the body and its end come after (^T)",
        Shape::Body => "⏎ sends the chunk; ^T: an event, the end",
        Shape::Push => "⏎ sends the event; ^T: the end",
        Shape::End => "⏎ ends the answer with these trailers",
        Shape::Answer => "⏎ sends head, body and end",
        _ => return None,
    })
}

fn hint(shape: Shape, coding: Coding) -> &'static str {
    match (shape, coding) {
        (Shape::Close, _) => "a code and a reason: 1000 bye; nothing for none",
        (Shape::Event, _) => "an event: chat [\"hello\", 1], or /admin add? 2 3 for an ack",
        (Shape::Request, _) => "GET /path, then header lines, an empty line, the body (M-⏎ begins a line)",
        (Shape::Head, _) => "200 OK and headers leave, 103 before it; headers alone are set, Name: unset",
        (Shape::Body, Coding::Text) => "a chunk, sent at once; ^T: an event, the end; Tab: a file",
        (Shape::Push, _) => "the data of an event, or its lines: event: tick, data: ...",
        (Shape::End, _) => "⏎ ends it; trailers first, Name: value; HTTP/2: reset CANCEL",
        (Shape::Answer, _) => "200 OK, headers, an empty line, the body; or only a text",
        (Shape::Ping, Coding::Text) => "as typed; HTTP/2 takes 8 bytes; Tab for escapes, hex or a file",
        (Shape::Raw, Coding::Text) => "bytes as they are, HTTP or not; through a tunnel, what is said in it",
        (Shape::Reply, _) => "200, then header lines, an empty line, the body; or only a text, for a 200",
        (_, Coding::Text) => "as typed; Tab for escapes, hex or a file",
        (_, Coding::Escapes) => "\\r \\n \\t \\0 \\e \\\\ \\xNN \\u{...}",
        (_, Coding::Hex) => "68 65 6c 6c 6f, or 0x68, 0x65, or 68:65",
        (_, Coding::File) => "a path; the file's bytes are sent",
    }
}
