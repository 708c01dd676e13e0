//! What there is to tell of a UDP socket besides its datagrams: the sentence, the table, the mark.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::Span;

use super::bytes::clean;
use super::cells::span;
use super::detail::by;
use super::theme::Theme;
use crate::model::datagram::{Membership, Note};
use crate::model::dns::{self, Dns};
use crate::model::size;
use crate::model::tally::Count;

type Row = (&'static str, String);

fn spent(ns: u64) -> String {
    size::span(Duration::from_nanos(ns))
}

/// The sentence on the timeline.
pub fn words(note: &Note, theme: &Theme) -> Vec<Span<'static>> {
    let plain = |text: String| span(text, theme.plain);
    let dim = |text: String| span(text, theme.dim);
    match note {
        Note::Local { local, interface } => {
            let via = interface.as_deref().map_or(String::new(), |name| format!(" via {}", clean(name)));
            vec![plain(format!("arrives at {local}")), dim(via)]
        }
        Note::Truncated { whole, kept } => {
            let (kept, whole) = (size::bytes(*kept), size::bytes(*whole));
            vec![span(format!("{kept} of {whole} taken, the rest is lost"), theme.waiting)]
        }
        Note::Overflow { lost, total } => {
            let plural = if *lost == 1 { "" } else { "s" };
            let text = format!("the kernel dropped {} datagram{plural}", size::exact(*lost));
            let all = if lost == total { String::new() } else { format!(", {} in all", size::exact(*total)) };
            vec![span(text, theme.bad), dim(all)]
        }
        Note::Joined(member) => vec![plain(group(member))],
        Note::Left(member) => vec![plain(group(member))],
        Note::Folded { peer, socket, count } => {
            let (received, sent) = (size::si(count.received.messages), size::si(count.sent.messages));
            vec![
                span(socket.to_string(), theme.accent),
                plain(format!(" {peer}")),
                dim(format!("  {received} ▼ {sent} ▲")),
            ]
        }
        Note::Dns(dns) => talk(dns, theme),
    }
}

fn group(member: &Membership) -> String {
    let on = member.interface.as_deref().map_or("the default interface".into(), clean);
    format!("{} on {on}", member.group)
}

/// `? A example.test`, `= NOERROR 2 answers: 192.0.2.1 192.0.2.2, 1.2 ms`.
fn talk(dns: &Dns, theme: &Theme) -> Vec<Span<'static>> {
    let message = &dns.message;
    if message.is_answer {
        let code = dns::code_name(message.code);
        let style = match message.code {
            0 => theme.good,
            3 => theme.waiting,
            _ => theme.bad,
        };
        let mut words = vec![span("= ", theme.accent), span(code, style)];
        words.push(span(format!(" {}", clean(&message.says())), theme.plain));
        words.extend(dns.took.map(|ns| span(format!(", {}", spent(ns)), theme.dim)));
        return words;
    }
    let opcode = if message.opcode == 0 { String::new() } else { format!("{} ", message.opcode_name()) };
    let mut words = vec![span("? ", theme.accent), span(format!("{opcode}{}", clean(&message.asks())), theme.plain)];
    if dns.tries > 1 {
        let after = dns.took.map_or(String::new(), |ns| format!(" after {}", spent(ns)));
        words.push(span(format!(", asked again{after} (try {})", dns.tries), theme.waiting));
    }
    words
}

/// The table in the inspector.
pub fn rows(note: &Note) -> Vec<Row> {
    let name = |name: &Option<Box<str>>| name.as_deref().map_or("n/a".into(), |name| clean(name).into_owned());
    match note {
        Note::Local { local, interface } => vec![("address", local.to_string()), ("interface", name(interface))],
        Note::Truncated { whole, kept } => {
            vec![("sent", format!("{} B", size::exact(*whole))), ("taken", format!("{} B", size::exact(*kept)))]
        }
        Note::Overflow { lost, total } => vec![
            ("dropped", format!("{} datagrams", size::exact(*lost))),
            ("in all", format!("{} since the socket was opened", size::exact(*total))),
            ("why", "they came faster than they were read, and the receive buffer was full".into()),
        ],
        Note::Joined(member) | Note::Left(member) => {
            let on = member.interface.as_deref().map_or("the default one".into(), |name| clean(name).into_owned());
            vec![("group", member.group.to_string()), ("interface", on)]
        }
        Note::Folded { peer, socket, count } => {
            let mut rows = vec![("peer", peer.to_string()), ("socket", socket.to_string())];
            rows.extend(counted(count));
            rows
        }
        Note::Dns(dns) => of_dns(dns),
    }
}

fn counted(count: &Count) -> Vec<Row> {
    let flow = |messages, bytes| format!("{} datagrams, {} B", size::exact(messages), size::exact(bytes));
    vec![
        ("received", flow(count.received.messages, count.received.bytes)),
        ("sent", flow(count.sent.messages, count.sent.bytes)),
        ("errors", size::exact(count.errors)),
    ]
}

fn of_dns(dns: &Dns) -> Vec<Row> {
    let message = &dns.message;
    let kind = if message.is_answer { "answer" } else { "question" };
    let mut rows = vec![
        ("message", format!("{} {kind} {}", message.opcode_name(), by(dns.way.party()))),
        ("id", format!("{} (0x{:04x})", message.id, message.id)),
    ];
    if message.is_answer {
        rows.push(("code", dns::code_name(message.code)));
        rows.extend(dns.took.map(|ns| ("took", spent(ns))));
    } else if dns.tries > 1 {
        rows.push(("try", dns.tries.to_string()));
        rows.extend(dns.took.map(|ns| ("first", format!("{} ago", spent(ns)))));
    }
    let flags: Vec<_> = message.flag_names().collect();
    rows.push(("flags", if flags.is_empty() { "none".into() } else { flags.join(" ") }));
    if let Some(edns) = message.edns {
        let secure = if edns.dnssec_ok { ", DNSSEC" } else { "" };
        rows.push(("EDNS", format!("version {}, takes {} B{secure}", edns.version, size::exact(edns.size.into()))));
    }
    let [questions, answers, authority, additional] = message.counts;
    rows.push((
        "counts",
        format!("{questions} asked, {answers} answers, {authority} authority, {additional} additional"),
    ));
    for question in &message.questions {
        let class = dns::class_name(question.class).unwrap_or("");
        let text = format!("{} {class} {}", question.name, dns::kind_name(question.kind));
        rows.push(("question", clean(&text).into_owned()));
    }
    for record in &message.records {
        let (class, kind) = (dns::class_name(record.class).unwrap_or(""), dns::kind_name(record.kind));
        let text = format!("{} {} {class} {kind} {}", record.name, record.ttl, record.value);
        rows.push((record.section.name(), clean(&text).into_owned()));
    }
    rows
}

/// The glyph, its colour, and the weight of the name.
pub fn mark(note: &Note, theme: &Theme) -> (&'static str, Style, Style) {
    match note {
        Note::Local { .. } => ("◇", theme.dim, theme.plain),
        Note::Truncated { .. } => ("‖", theme.waiting, theme.bright),
        Note::Overflow { .. } => ("✕", theme.bad, theme.strong(theme.bad)),
        Note::Joined(_) => ("◆", theme.good, theme.bright),
        Note::Left(_) => ("○", theme.dim, theme.bright),
        Note::Folded { .. } => ("·", theme.dim, theme.plain),
        Note::Dns(dns) => ("·", theme.way(dns.way), theme.plain),
    }
}
