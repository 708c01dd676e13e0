//! The details page: the exact counters of what is selected, in and out side by side, its own state and
//! settings, then its endpoint's counters and everything's.

use std::borrow::Cow;

use ratatui::text::Line;

use super::bytes::{Page, clean};
use super::cells::{self, span};
use super::history;
use super::theme::Theme;
use crate::model::event::Way;
use crate::model::id::{EndpointId, Subject};
use crate::model::setting;
use crate::model::size;
use crate::model::spec::{Settings, Spec};
use crate::model::tally::{Count, Flow};
use crate::model::time::Stamp;
use crate::model::url::Scheme;
use crate::model::view::{Rate, Snapshot, SocketRow};

/// Columns of a number, exact to the last digit: `99,999,999,999`. Two and a name fit the narrowest pane.
const NUMBER: usize = 14;
const NAME: usize = 10;
/// From here on the page has two columns, with a gap between them.
const WIDE: usize = 100;
const GAP: usize = 3;
/// Lines of one value at the most.
const FACT: usize = 20;

/// One block of the page: whose counters.
struct Block {
    title: String,
    count: Count,
    rate: Rate,
    /// Whether the packet counters mean anything, and what they are.
    packets: Option<&'static str>,
    facts: Vec<(&'static str, String)>,
}

/// The page for the selected socket or endpoint, `width` columns wide.
pub fn page(snapshot: &Snapshot, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut blocks = Vec::new();
    let subject = snapshot.timeline.as_ref().map(|timeline| timeline.subject);
    let endpoint = match subject {
        Some(Subject::Socket(id)) => snapshot.row(id).map(|row| {
            blocks.push(socket(row, snapshot.now));
            row.endpoint
        }),
        Some(Subject::Endpoint(id)) => Some(id),
        None => None,
    };
    blocks.extend(endpoint.and_then(|id| snapshot.endpoint(id)).map(|row| Block {
        title: format!("endpoint {} {}", row.id, row.spec.scheme()),
        count: row.count,
        rate: row.rate,
        packets: Some(packets(row.spec.scheme())),
        facts: vec![("sockets", format!("{} open, {} ever", row.open, size::exact(row.ever)))],
    }));
    blocks.push(Block {
        title: "everything".into(),
        count: snapshot.count,
        rate: snapshot.rate,
        packets: Some("packets"),
        facts: vec![("dropped", format!("{} events of timelines", size::exact(snapshot.dropped)))],
    });
    // What is looked for first comes first: the subject's counters, then its state.
    let own = usize::from(subject.is_some());
    let columns = if width >= WIDE { (width - GAP) / 2 } else { width };
    let mut counts: Vec<_> = blocks.iter().take(own).flat_map(|block| lines(block, theme)).collect();
    counts.extend(history::lines(&snapshot.series, columns, theme));
    let details = snapshot.details.iter().flat_map(|group| facts(&group.title, &group.rows, columns, theme)).collect();
    let set = subject.zip(endpoint).and_then(|(_, id)| settings(snapshot, id));
    let set = set.map_or_else(Vec::new, |(spec, settings)| {
        let own = matches!(subject, Some(Subject::Socket(_)));
        let rows = setting::fitting(spec.role, spec.scheme()).filter(|row| (row.when)(settings));
        // What is the endpoint's for all is on the endpoint's page.
        let rows = rows.filter(|row| !own || row.is_a_sockets(spec.scheme()));
        let rows: Vec<_> = rows.map(|row| (row.name.into(), (row.get)(settings))).collect();
        if rows.is_empty() { Vec::new() } else { facts("settings", &rows, columns, theme) }
    });
    let mut rest = blocks.iter().skip(own).map(|block| lines(block, theme));
    let sums = [rest.next().unwrap_or_default(), rest.flatten().collect()];
    if columns == width {
        return [counts, details, set].into_iter().chain(sums).flatten().collect();
    }
    let (left, right) = if details.is_empty() { (counts, set) } else { ([counts, set].concat(), details) };
    let [one, other] = sums;
    beside(left, right, columns, GAP).into_iter().chain(beside(one, other, columns, GAP)).collect()
}

/// Two columns of lines as one.
pub fn beside(left: Vec<Line<'static>>, right: Vec<Line<'static>>, columns: usize, gap: usize) -> Vec<Line<'static>> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let row = |_| {
        let mut line = left.next().unwrap_or_default();
        let pad = (columns + gap).saturating_sub(line.width());
        line.push_span(" ".repeat(pad));
        line.spans.extend(right.next().unwrap_or_default().spans);
        line
    };
    (0..rows).map(row).collect()
}

/// The settings that hold for the subject: a socket's own, or its endpoint's.
fn settings(snapshot: &Snapshot, id: EndpointId) -> Option<(&Spec, &Settings)> {
    let spec = &*snapshot.endpoint(id)?.spec;
    Some((spec, snapshot.settings.as_deref().unwrap_or(&spec.settings)))
}

/// A block of names and values; what a peer had a say in is escaped, and what is long is wrapped.
fn facts(title: &str, rows: &[(Cow<'static, str>, String)], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let names = rows.iter().map(|(name, _)| cells::width(name)).max().unwrap_or(0).clamp(NAME, NAME + 8);
    let mut lines = vec![Line::from(span(title.to_owned(), theme.bright))];
    for (name, value) in rows {
        let mut page = Page::new(width.saturating_sub(names + 2).max(8), FACT);
        page.words(value.as_bytes(), theme.plain, theme);
        let name = clean(name);
        for (n, mut line) in page.finish().into_iter().enumerate() {
            let name = if n == 0 { &*name } else { "" };
            line.spans.insert(0, span(format!("{name:<names$}  "), theme.dim));
            lines.push(line);
        }
    }
    lines.push(Line::default());
    lines
}

fn socket(row: &SocketRow, now: Stamp) -> Block {
    let mut facts = Vec::new();
    if let Some(kernel) = &row.kernel {
        facts.push(("rtt", size::span(kernel.rtt)));
        facts.push(("resent", format!("{} segments", size::exact(kernel.retransmits.into()))));
        if row.scheme.counts_its_packets() {
            let (received, sent) = (size::exact(kernel.segments_in), size::exact(kernel.segments_out));
            facts.push(("segments", format!("{received} in, {sent} out")));
        }
    }
    if row.folded > 0 {
        facts.push(("stands for", format!("{} peers", size::exact(row.folded))));
    }
    facts.extend(row.seen.map(|seen| ("last seen", format!("{} ago", size::span(now.since(seen))))));
    Block {
        title: format!("socket {} {}", row.id, row.scheme),
        count: row.count,
        rate: row.rate,
        packets: row.packets_known.then(|| packets(row.scheme)),
        facts,
    }
}

/// What a packet is.
fn packets(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Udp => "datagrams",
        Scheme::Ws | Scheme::Wss => "frames",
        _ => "segments",
    }
}

fn lines(block: &Block, theme: &Theme) -> Vec<Line<'static>> {
    let (received, sent) = (block.count.received, block.count.sent);
    let heading = |text: &str, way| span(format!("{text:>NUMBER$}"), theme.way(way));
    let head = format!("{:<NAME$}", "");
    let mut lines = vec![
        Line::from(span(block.title.clone(), theme.bright)),
        Line::from(vec![span(head, theme.dim), heading("▼ in", Way::In), heading("▲ out", Way::Out)]),
    ];
    let mut pair = |name: &str, received: String, sent: String| {
        lines.push(Line::from(vec![
            span(format!("{name:<NAME$}"), theme.dim),
            span(format!("{received:>NUMBER$}"), theme.plain),
            span(format!("{sent:>NUMBER$}"), theme.plain),
        ]));
    };
    let mut each = |name: &str, of: fn(&Flow) -> u64| pair(name, size::exact(of(&received)), size::exact(of(&sent)));
    if let Some(name) = block.packets {
        each(name, |flow| flow.packets);
    }
    each("messages", |flow| flow.messages);
    each("bytes", |flow| flow.bytes);
    each("wire", |flow| flow.wire);
    if block.packets.is_none() {
        pair("packets", "n/a".into(), "n/a".into());
    }
    pair("per second", size::exact(block.rate.received), size::exact(block.rate.sent));
    let errors = size::exact(block.count.errors);
    let style = if block.count.errors > 0 { theme.bad } else { theme.plain };
    lines.push(Line::from(vec![
        span(format!("{:<NAME$}", "errors"), theme.dim),
        span(format!("{errors:>NUMBER$}"), style),
    ]));
    for (name, value) in &block.facts {
        lines.push(Line::from(vec![
            span(format!("{name:<NAME$}"), theme.dim),
            span(format!("{value:>width$}", width = 2 * NUMBER), theme.plain),
        ]));
    }
    lines.push(Line::default());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(|line| line.spans.iter().map(|span| &*span.content).collect()).collect()
    }

    #[test]
    fn two_columns_stand_beside_each_other_however_long_they_are() {
        let left = vec![Line::from("one"), Line::from("two")];
        let right = vec![Line::from("a"), Line::from("b"), Line::from("c")];
        let lines = beside(left.clone(), right.clone(), 5, GAP);
        assert_eq!(texts(&lines), ["one     a", "two     b", "        c"]);
        assert_eq!(texts(&beside(right, left, 5, GAP)), ["a       one", "b       two", "c       "]);
    }
}
