//! What the client offered beside what the server chose of it, or would have taken.

use ratatui::text::Line;

use super::{flow, heading};
use crate::model::handshake::{Handshake, Topic};
use crate::model::url::Role;
use crate::screen::cells::{self, span};
use crate::screen::theme::Theme;

/// Columns of a topic's name, and between the columns.
const NAME: usize = 12;
const GAP: usize = 2;
/// Lines of one list: a peer may offer hundreds, and thirty are usual.
const MOST: usize = 120;

pub fn lines(handshake: &Handshake, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut topics = handshake.topics();
    // What there was nothing in common of is why it failed.
    topics.sort_by_key(|topic| !topic.is_hopeless());
    if topics.is_empty() {
        return Vec::new();
    }
    // The names of ciphers decide: those of TLS 1.3 fit the narrow column.
    let right = (width.saturating_sub(NAME + GAP) * 2 / 5).clamp(24, 48);
    let left = width.saturating_sub(NAME + GAP + right).max(8);
    let (client, server) = match handshake.role {
        Role::Listen => ("the client offered", "we chose"),
        Role::Connect => ("we offered", "the server chose"),
    };
    let (chosen, taken) =
        (topics.iter().any(|topic| !topic.chosen.is_empty()), topics.iter().any(|topic| topic.taken.is_some()));
    let marks = match (chosen, taken) {
        (true, true) => "● chosen  ✓ we take it too",
        (true, false) => "● chosen",
        (false, true) => "✓ we take it too",
        (false, false) => "",
    };
    let mut lines = vec![
        heading("Offered and chosen", marks, width, theme),
        Line::from(vec![
            span(format!("{:NAME$}", ""), theme.dim),
            span(format!("{:<columns$}", cells::head(client, left), columns = left + GAP), theme.dim),
            span(cells::head(server, right), theme.dim),
        ]),
    ];
    for topic in &topics {
        lines.extend(row(topic, left, right, theme));
    }
    lines
}

fn row(topic: &Topic, left: usize, right: usize, theme: &Theme) -> Vec<Line<'static>> {
    let has = |names: &[Box<str>], name: &str| names.iter().any(|own| **own == *name);
    let of = |name: &str| {
        let is_taken = topic.taken.as_ref().is_some_and(|taken| has(taken, name));
        match has(&topic.chosen, name) {
            true => (format!("●{name}"), theme.strong(theme.accent)),
            false if is_taken => (format!("✓{name}"), theme.good),
            false if topic.name == "SNI" => (name.to_string(), theme.plain),
            false => (name.to_string(), theme.dim),
        }
    };
    let nothing = |text: &str| vec![(text.to_owned(), theme.dim)];
    let offered = match &topic.offered[..] {
        [] => nothing("none"),
        names => names.iter().map(|name| of(name)).collect(),
    };
    let chosen = match (&topic.chosen[..], topic.taken.as_deref()) {
        ([], Some(taken)) if !taken.is_empty() => {
            let (word, style) =
                if topic.is_hopeless() { ("none of these; we take:", theme.bad) } else { ("we take:", theme.dim) };
            let words = std::iter::once((word.to_owned(), style));
            words.chain(taken.iter().map(|name| (name.to_string(), style))).collect()
        }
        // What a server answers to the rest is said below.
        ([], _) if topic.name == "SNI" => Vec::new(),
        ([], _) => nothing("—"),
        (names, _) => names.iter().map(|name| (name.to_string(), theme.accent)).collect(),
    };
    let (mut offered, mut chosen) =
        (flow(&offered, left, MOST, theme).into_iter(), flow(&chosen, right, MOST, theme).into_iter());
    let rows = offered.len().max(chosen.len());
    let line = |n| {
        let name = if n == 0 { topic.name } else { "" };
        let mut line = Line::from(span(format!("{name:<NAME$}"), theme.dim));
        let offered = offered.next().unwrap_or_default();
        let pad = (left + GAP).saturating_sub(cells::line_width(&offered));
        line.spans.extend(offered.spans);
        line.push_span(" ".repeat(pad));
        line.spans.extend(chosen.next().unwrap_or_default().spans);
        line
    };
    (0..rows).map(line).collect()
}
