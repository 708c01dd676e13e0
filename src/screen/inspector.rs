//! The selected event whole: its payload as text, JSON, HTTP or hex, or its facts as a table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::bytes::{self, Page};
use super::cells::{self, span};
use super::detail::kept;
use super::tally;
use super::theme::Theme;
use super::{facts, framed, json};
use crate::app::Lens;
use crate::model::end::Party;
use crate::model::event::{Event, Form, Kind};
use crate::model::framer::Framed;
use crate::model::size;
use crate::model::view::Snapshot;

/// What the person does with the pane.
#[derive(Clone, Copy, Default, Debug)]
pub struct View {
    pub lens: Lens,
    /// Lines scrolled off the top.
    pub scroll: usize,
    pub focused: bool,
}

/// Rows and columns of content in an area.
pub fn room(area: Rect) -> (usize, usize) {
    (usize::from(area.height.saturating_sub(2)), usize::from(area.width.saturating_sub(4)))
}

/// How many lines the pane has to show: the bound of its scroll.
pub fn lines(snapshot: &Snapshot, lens: Lens, area: Rect) -> usize {
    let theme = Theme::new(super::theme::Depth::Mono);
    if lens == Lens::Details {
        return tally::page(snapshot, room(area).1, &theme).len();
    }
    let event = snapshot.timeline.as_ref().and_then(|timeline| timeline.inspected.as_ref());
    event.map_or(0, |event| reading(snapshot, event, room(area).1, lens, &theme).len())
}

/// The counters' page.
fn counts(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, view: View, theme: &Theme) {
    let title = Line::from(span("Details", theme.bright));
    let event = snapshot.timeline.as_ref().and_then(|timeline| timeline.inspected.as_ref());
    let reading = if event.is_some_and(reads_as_json) { "json" } else { "text" };
    let inside = cells::pane(
        buf,
        area,
        view.focused,
        title,
        &[choices(reading, messages(snapshot).is_some(), view.lens, theme)],
        theme,
    );
    if !inside.is_empty() {
        scrolled(buf, area, inside, tally::page(snapshot, room(area).1, theme), view, theme);
    }
}

fn scrolled(buf: &mut Buffer, area: Rect, inside: Rect, body: Vec<Line<'static>>, view: View, theme: &Theme) {
    let (total, shown) = (body.len(), usize::from(inside.height));
    let top = view.scroll.min(total.saturating_sub(shown));
    for (y, line) in (inside.y..inside.bottom()).zip(body.into_iter().skip(top)) {
        cells::line(buf, inside.x, y, inside.width, line, theme);
    }
    cells::thumb(buf, area, top as u64, shown as u64, total as u64, theme.edge(view.focused));
}

pub fn draw(buf: &mut Buffer, area: Rect, snapshot: &Snapshot, view: View, theme: &Theme) {
    if view.lens == Lens::Details {
        return counts(buf, area, snapshot, view, theme);
    }
    let event = snapshot.timeline.as_ref().and_then(|timeline| timeline.inspected.as_ref());
    let Some(event) = event else {
        let inside = cells::pane(buf, area, view.focused, span("Inspector", theme.bright).into(), &[], theme);
        if !inside.is_empty() {
            cells::hollow(buf, inside, vec![span("no event is selected", theme.dim).into()], theme);
        }
        return;
    };
    let (hours, minutes, seconds, micros) = snapshot.wall.clock(event.at);
    let time = span(format!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"), theme.dim);
    let rights = if event.head.is_empty() {
        vec![Line::from(time)]
    } else {
        let short = lenses(event, messages(snapshot).is_some(), view.lens, theme);
        let mut long = Line::from(vec![time, span("  ", theme.dim)]);
        long.spans.extend(short.spans.clone());
        vec![long, short]
    };
    let inside = cells::pane(buf, area, view.focused, title(event, theme), &rights, theme);
    if inside.is_empty() {
        return;
    }
    let body = reading(snapshot, event, usize::from(inside.width), view.lens, theme);
    scrolled(buf, area, inside, body, view, theme);
}

/// The event through a lens: as the messages it has a part in, where there are any and that is asked for.
fn reading(snapshot: &Snapshot, event: &Event, width: usize, lens: Lens, theme: &Theme) -> Vec<Line<'static>> {
    match messages(snapshot).filter(|_| lens == Lens::Message) {
        Some(framed) => framed::page(framed, event.seq, width, theme),
        None => body(event, width, lens, theme),
    }
}

/// The framed view of the event, where it has one.
fn messages(snapshot: &Snapshot) -> Option<&Framed> {
    let framed = snapshot.timeline.as_ref()?.framed.as_ref()?;
    Some(framed).filter(|framed| !framed.messages.is_empty())
}

fn title(event: &Event, theme: &Theme) -> Line<'static> {
    let mut words = vec![span(event.kind.name(), theme.bright)];
    if event.kind.carries_payload() {
        words.push(span(format!("  {}", size::bytes(event.size)), theme.dim));
    }
    if let Some(way) = event.kind.way() {
        let who = if way.party() == Party::Peer { "  from peer" } else { "  from us" };
        words.push(span(who, theme.dim));
    }
    if let Kind::Message { form, frames, .. } = event.kind {
        let form = match form {
            Form::Datagram => "datagram",
            Form::Text => "text",
            Form::Binary => "binary",
        };
        let frames = if frames > 1 { format!(", {frames} frames") } else { String::new() };
        words.push(span(format!("  {form}{frames}"), theme.dim));
    }
    if let Some(exchange) = event.kind.exchange() {
        words.push(span(format!("  exchange {exchange}"), theme.dim));
    }
    Line::from(words)
}

/// The ways to look at the payload, the one in use accented.
fn lenses(event: &Event, framed: bool, lens: Lens, theme: &Theme) -> Line<'static> {
    choices(if reads_as_json(event) { "json" } else { "text" }, framed, lens, theme)
}

fn choices(reading: &'static str, framed: bool, lens: Lens, theme: &Theme) -> Line<'static> {
    let of = |it: Lens| if it == lens { theme.strong(theme.accent) } else { theme.dim };
    let words = [(reading, Lens::Text), ("hex", Lens::Hex), ("message", Lens::Message), ("details", Lens::Details)];
    let words = words.into_iter().filter(|(_, lens)| framed || *lens != Lens::Message);
    let mut line = Line::default();
    for (word, lens) in words {
        if !line.spans.is_empty() {
            line.push_span(span(" · ", theme.faint));
        }
        line.push_span(span(word, of(lens)));
    }
    line
}

fn reads_as_json(event: &Event) -> bool {
    !is_http_head(&event.kind) && json::looks_like_json(&event.head)
}

fn is_http_head(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Request { .. } | Kind::Head { .. } | Kind::Information { .. } | Kind::Trailers { .. } | Kind::Open(_)
    )
}

fn body(event: &Event, width: usize, lens: Lens, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = facts::table(event, width, theme);
    if event.head.is_empty() {
        if lines.is_empty() {
            let what = if event.size == 0 { "nothing in it" } else { "its bytes were not kept" };
            lines.push(Line::from(span(what, theme.dim)));
        }
        return lines;
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.extend(match lens {
        Lens::Hex => bytes::hex(&event.head, width, theme),
        Lens::Text if is_http_head(&event.kind) => http(event, width, theme),
        Lens::Text if reads_as_json(event) => json::pretty(kept(event), width, theme),
        Lens::Text | Lens::Message | Lens::Details => bytes::text(kept(event), width, theme),
    });
    if event.size > event.head.len() as u64 {
        let (kept, all) = (size::bytes(event.head.len() as u64), size::bytes(event.size));
        let note = Line::from(span(format!("… {kept} of {all} kept"), theme.waiting));
        lines.push(cells::cut(note, width, theme));
    }
    lines
}

/// An HTTP head line by line: its first line bright, the fields' names accented, a body behind it as it is.
fn http(event: &Event, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut page = Page::new(width, usize::MAX);
    page.hang(2);
    let mut rest = kept(event);
    let mut is_first = !matches!(event.kind, Kind::Trailers { .. });
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n').or(rest.len().checked_sub(1)) {
        let (line, behind) = rest.split_at(end + 1);
        rest = behind;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // A line that ends as it should needs no escape to say so; a lone line feed is shown by what it lacks.
        let (line, is_bare) = match line.strip_suffix(b"\r") {
            Some(line) => (line, false),
            None => (line, !rest.is_empty()),
        };
        // A pseudo-header of HTTP/2 begins with a colon.
        let colon = line.iter().skip(1).position(|byte| *byte == b':').map(|at| at + 1);
        if is_first && line.first() != Some(&b':') {
            page.words(line, theme.bright, theme);
        } else if let Some(at) = colon {
            page.inline(&line[..at], theme.accent, theme);
            page.inline(b":", theme.dim, theme);
            page.words(&line[at + 1..], theme.plain, theme);
        } else {
            page.words(line, theme.plain, theme);
        }
        if is_bare {
            page.inline(b"\n", theme.dim, theme);
        }
        let is_blank = line.is_empty() && !is_first;
        is_first = false;
        if is_blank {
            if !rest.is_empty() {
                page.newline(0);
            }
            break;
        }
        page.newline(0);
    }
    let mut lines = page.finish();
    if json::looks_like_json(rest) {
        lines.extend(json::pretty(rest, width, theme));
    } else {
        lines.extend(bytes::text(rest, width, theme));
    }
    lines
}
