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
        Note::Addressed { peer, socket: None } => vec![plain(format!("to {peer}"))],
        Note::Addressed { peer, socket: Some(id) } => {
            vec![span(id.to_string(), theme.accent), plain(format!(" to {peer}"))]
        }
        Note::Local { local, interface } => {
            let via = interface.as_deref().map_or(String::new(), |name| format!(" via {}", clean(name)));
            vec![plain(format!("at {}", local.ip())), dim(via)]
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
        Note::Addressed { peer, socket } => {
            let rows = [("peer", peer.to_string())].into_iter();
            rows.chain(socket.map(|id| ("socket", id.to_string()))).collect()
        }
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
        Note::Addressed { .. } => ("◆", theme.good, theme.bright),
        Note::Local { .. } => ("◇", theme.dim, theme.plain),
        Note::Truncated { .. } => ("‖", theme.waiting, theme.bright),
        Note::Overflow { .. } => ("✕", theme.bad, theme.strong(theme.bad)),
        Note::Joined(_) => ("◆", theme.good, theme.bright),
        Note::Left(_) => ("○", theme.dim, theme.bright),
        Note::Folded { .. } => ("·", theme.dim, theme.plain),
        Note::Dns(dns) => ("·", theme.way(dns.way), theme.plain),
    }
}

/// One of each, with a text of a peer's wherever one can be.
#[cfg(test)]
pub(super) fn samples(text: &str) -> Vec<crate::model::event::Kind> {
    use crate::model::event::{Kind, Way};
    use crate::model::id::SocketId;
    let at = "192.0.2.7:5353".parse().unwrap();
    let member = Membership { group: "239.1.2.3".parse().unwrap(), interface: Some(text.into()) };
    let record = |section, kind, value: &str| dns::Record {
        section,
        name: text.into(),
        kind,
        class: 1,
        ttl: 300,
        value: value.into(),
    };
    let message = |is_answer, code, counts| dns::Message {
        id: 4660,
        is_answer,
        opcode: 0,
        code,
        flags: 0x0100,
        counts,
        questions: vec![dns::Question { name: text.into(), kind: 1, class: 1 }],
        records: Vec::new(),
        edns: Some(dns::Edns { version: 0, size: 1232, dnssec_ok: true }),
    };
    let mut answer = message(true, 0, [1, 2, 1, 1]);
    answer.records = vec![
        record(dns::Section::Answer, 5, text),
        record(dns::Section::Answer, 1, "192.0.2.1"),
        record(dns::Section::Authority, 2, text),
    ];
    let notes = [
        Note::Addressed { peer: at, socket: Some(SocketId(9)) },
        Note::Local { local: at, interface: Some(text.into()) },
        Note::Truncated { whole: 1400, kept: 512 },
        Note::Overflow { lost: 37, total: 37 },
        Note::Overflow { lost: 1, total: 1_038 },
        Note::Joined(member.clone()),
        Note::Left(Membership { interface: None, ..member }),
        Note::Folded { peer: at, socket: SocketId(9), count: Count::default() },
        Note::Dns(Dns { way: Way::In, message: message(false, 0, [1, 0, 0, 1]), took: None, tries: 1 }),
        Note::Dns(Dns { way: Way::In, message: message(false, 0, [3, 0, 0, 1]), took: Some(5_000_000_000), tries: 2 }),
        Note::Dns(Dns { way: Way::Out, message: answer, took: Some(1_200_000), tries: 1 }),
        Note::Dns(Dns { way: Way::Out, message: message(true, 3, [1, 0, 0, 1]), took: None, tries: 1 }),
    ];
    notes.into_iter().map(|note| Kind::Datagram(Box::new(note))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Kind;
    use crate::screen::theme::Depth;

    #[test]
    fn each_is_a_sentence() {
        let theme = Theme::new(Depth::Mono);
        let said: Vec<String> = samples("a.test")
            .iter()
            .map(|kind| match kind {
                Kind::Datagram(note) => words(note, &theme).iter().map(|word| word.content.as_ref()).collect(),
                kind => panic!("{kind:?}"),
            })
            .collect();
        let want = [
            "#9 to 192.0.2.7:5353",
            "at 192.0.2.7 via a.test",
            "512 B of 1.4 kB taken, the rest is lost",
            "the kernel dropped 37 datagrams",
            "the kernel dropped 1 datagram, 1,038 in all",
            "239.1.2.3 on a.test",
            "239.1.2.3 on the default interface",
            "#9 192.0.2.7:5353  0 ▼ 0 ▲",
            "? A a.test",
            "? A a.test, 2 more, asked again after 5.00 s (try 2)",
            "= NOERROR 2 answers: a.test 192.0.2.1, 1.20 ms",
            "= NXDOMAIN 0 answers",
        ];
        assert_eq!(said, want);
    }
}
