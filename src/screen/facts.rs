//! An event without payload as a table: every field it has, a name and a value a row.

use std::time::Duration;

use ratatui::text::Line;

use super::bytes::{Page, clean};
use super::cells::span;
use super::detail::{by, jumped, reserved};
use super::packets;
use super::theme::Theme;
use super::tls;
use crate::model::dial::{Attempt, Lookup, Step};
use crate::model::end::{End, Fault, bound};
use crate::model::event::{Event, Form, FrameHead, Framing, Kind, Opened, Sign, close_name};
use crate::model::size;

/// Columns of the names.
const NAME: usize = 12;
/// Lines at the most: a hello lists its ciphers and groups, and a peer may offer 32,767 of them.
const LINES: usize = 500;

pub type Row = (&'static str, String);

/// The table, wrapped to `width` columns.
pub fn table(event: &Event, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (name, value) in rows(event) {
        if width < NAME + 12 {
            lines.push(Line::from(span(name, theme.dim)));
            let mut page = Page::new(width, LINES);
            page.words(value.as_bytes(), theme.plain, theme);
            lines.extend(page.finish());
            continue;
        }
        let mut page = Page::new(width - NAME, LINES);
        page.words(value.as_bytes(), theme.plain, theme);
        for (count, mut line) in page.finish().into_iter().enumerate() {
            let name = if count == 0 { name } else { "" };
            line.spans.insert(0, span(format!("{name:<NAME$}"), theme.dim));
            lines.push(line);
        }
    }
    lines.truncate(LINES);
    lines
}

/// Every field of an event that has no payload to show, in words.
fn rows(event: &Event) -> Vec<Row> {
    let spent = |ns: &u64| size::span(Duration::from_nanos(*ns));
    match &event.kind {
        Kind::Listening { local } => vec![("address", local.to_string())],
        Kind::Connection { peer, socket } => {
            let mut rows = vec![("peer", peer.to_string())];
            rows.extend(socket.map(|id| ("socket", id.to_string())));
            rows
        }
        Kind::Drop { peer, most } => {
            vec![
                ("peer", peer.to_string()),
                ("connected", size::exact(u64::from(*most))),
                ("set by", "max_peers".into()),
            ]
        }
        Kind::Clock { by } => vec![("time of day", jumped(*by)), ("times here", "go on as before".into())],
        Kind::Lookup(lookup) => of_lookup(lookup),
        Kind::Attempt(attempt) => of_attempt(attempt),
        Kind::Connect { peer, took: 0 } => vec![("peer", peer.to_string())],
        Kind::Connect { peer, took } => vec![("peer", peer.to_string()), ("took", spent(took))],
        Kind::Blocked { waiting } => vec![
            ("waiting", format!("{} B", size::exact(*waiting))),
            ("why", "the peer does not read, and its window and our buffers are full".into()),
        ],
        Kind::Drain { blocked, waited } => {
            vec![("blocked for", spent(blocked)), ("waited", format!("{} B", size::exact(*waited)))]
        }
        Kind::Timeout { idle } => vec![("idle for", spent(idle)), ("state", "still open".into())],
        Kind::End { way, sign } => {
            let said = match sign {
                Sign::Fin => None,
                Sign::Queued(bytes) => Some(format!(
                    "FIN, behind {} B in the kernel's send queue: it goes on trying to deliver them",
                    size::exact(u64::from(*bytes))
                )),
                Sign::CloseNotify => {
                    Some("close_notify, the end of what TLS carries; the FIN of TCP may come later, or never".into())
                }
            };
            let mut rows = vec![("who", by(way.party()).into())];
            rows.extend(said.map(|said| ("said by", said)));
            rows.push(("means", "this side is done sending; the other may go on".into()));
            rows
        }
        Kind::Error(fault) | Kind::TlsError(fault) | Kind::ClientError(fault, _) => of_fault(fault),
        Kind::Close(end) => of_end(end),
        Kind::Set(change) => vec![("setting", change.name.into()), ("value", clean(&change.value).into_owned())],
        Kind::Certificate(shown) => tls::of_shown(shown),
        Kind::ClientHello(hello) => tls::of_hello(hello),
        Kind::ServerHello(answer) => tls::of_answer(answer),
        Kind::Handshake(flight) => tls::of_flight(flight),
        Kind::SessionTicket { way, count, lifetime, bytes } => tls::of_ticket(*way, *count, *lifetime, *bytes),
        Kind::Starttls(upgrade) => tls::of_upgrade(upgrade),
        Kind::KeyLog(logged) => tls::of_logged(logged),
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => tls::of_secured(secured),
        Kind::Alert { way, name } => tls::of_alert(*way, name),
        Kind::Continue { way, exchange } => {
            vec![("exchange", exchange.to_string()), ("who", by(way.party()).into())]
        }
        Kind::Settings(settings) => super::h2::settings(settings),
        Kind::GoAway { .. }
        | Kind::StreamReset { .. }
        | Kind::WindowUpdate { .. }
        | Kind::Request { stream: 1.., .. } => super::h2::rows(&event.kind),
        Kind::Finish { exchange, first, took } => {
            let mut rows = vec![("exchange", exchange.to_string())];
            rows.extend(first.map(|first| ("first byte", spent(&first.get()))));
            rows.extend((*took > 0).then(|| ("took", spent(took))));
            rows
        }
        Kind::Last { way, exchange, why } => vec![
            ("exchange", exchange.to_string()),
            ("means", "no request follows on this connection".into()),
            ("why", why.text().into()),
            ("who", by(way.party()).into()),
        ],
        Kind::Rule { exchange } => vec![
            ("exchange", exchange.to_string()),
            ("means", "it met this rule of its listener, which decides about its answer".into()),
        ],
        Kind::Held { exchange } => vec![
            ("exchange", exchange.to_string()),
            ("means", "it waits for your answer, as the peer does: head, body, end".into()),
        ],
        Kind::Aborted { exchange, waited, by: who } => vec![
            ("exchange", exchange.to_string()),
            ("waited", spent(waited)),
            ("who", by(*who).into()),
            ("means", "it was given up before its whole answer".into()),
        ],
        Kind::Upgrade { exchange } => vec![
            ("exchange", exchange.to_string()),
            ("means", "the connection speaks another protocol from here".into()),
        ],
        Kind::Open(opened) => of_opened(opened),
        Kind::Packet { packet, .. } => packets::rows(packet),
        Kind::Message { form: form @ (Form::Text | Form::Binary), frames, framing, .. } => {
            of_message(event.size, *form, *frames, *framing)
        }
        Kind::Frame { way, frame } => vec![
            ("opcode", opcode(frame)),
            ("fin", yes(frame.fin)),
            ("reserved", if frame.rsv == 0 { "none set".into() } else { reserved(frame.rsv) }),
            ("masked", yes(frame.masked)),
            ("length", format!("{} B, and {} B of head", size::exact(u64::from(frame.len)), frame.size)),
            ("who", by(way.party()).into()),
        ],
        Kind::Ping { frame, .. } => frame.iter().flat_map(of_frame).collect(),
        Kind::Pong { way, rtt, frame } => {
            let trip = rtt.map(|rtt| [("round trip", spent(&rtt.get())), ("who", by(way.party()).into())]);
            trip.into_iter().flatten().chain(frame.iter().flat_map(of_frame)).collect()
        }
        Kind::Closing { way, code, frame } => {
            let code = code.map_or("none".into(), |code| format!("{code} {}", close_name(code)));
            [("code", code), ("who", by(way.party()).into())].into_iter().chain(of_frame(frame)).collect()
        }
        Kind::Datagram(note) => super::datagram::rows(note),
        Kind::Data
        | Kind::Write
        | Kind::Message { .. }
        | Kind::Log
        | Kind::Request { .. }
        | Kind::Information { .. }
        | Kind::Chunk { .. }
        | Kind::Head { .. }
        | Kind::Body { .. }
        | Kind::Trailers { .. } => Vec::new(),
    }
}

/// The number and the name; the name of a reserved one has the number.
fn opcode(frame: &FrameHead) -> String {
    let name = frame.name();
    if name.starts_with("reserved") { name.into() } else { format!("0x{:x} {name}", frame.opcode) }
}

/// A control frame's head, in short: its payload is what matters.
fn of_frame(frame: &FrameHead) -> [Row; 2] {
    let flags = [(frame.fin, ", fin".to_owned()), (frame.rsv > 0, format!(", {}", reserved(frame.rsv)))];
    let flags = flags.into_iter().chain([(frame.masked, ", masked".to_owned())]);
    let flags: String = flags.filter(|(is, _)| *is).map(|(_, flag)| flag).collect();
    [
        ("frame", format!("{}{flags}", opcode(frame))),
        ("on the wire", format!("{} B, {} B of them head", size::exact(frame.wire()), frame.size)),
    ]
}

/// What the handshake offered and took.
fn of_opened(opened: &Opened) -> Vec<Row> {
    let name = |name: &str| clean(name).into_owned();
    let mut rows = Vec::new();
    let taken = opened.subprotocol.as_deref().map_or("none taken".into(), name);
    rows.push(("subprotocol", if opened.subprotocols.is_empty() { "none offered".into() } else { taken }));
    rows.extend(opened.subprotocols.iter().take(LINES).map(|its| ("  offered", name(its))));
    if opened.offered.is_empty() {
        rows.push(("extension", "none offered".into()));
    } else if opened.extensions.is_empty() {
        rows.push(("extension", "none taken".into()));
    }
    rows.extend(opened.extensions.iter().take(LINES).map(|its| ("extension", name(its))));
    rows.extend(opened.offered.iter().take(LINES).map(|its| ("  offered", name(its))));
    rows
}

/// What a message was in its frames; nothing to say of one that was not on the wire.
fn of_message(message: u64, form: Form, frames: u32, framing: Framing) -> Vec<Row> {
    if framing.heads == 0 {
        return Vec::new();
    }
    let masked = if framing.masked { ", masked" } else { "" };
    let rsv = if framing.rsv == 0 { String::new() } else { format!(", {}", reserved(framing.rsv)) };
    let opcode = if form == Form::Text { "0x1 text" } else { "0x2 binary" };
    let fin = if frames == 1 { ", fin" } else { "" };
    let exact = size::exact;
    let mut rows = vec![
        ("frames", format!("{}: {opcode}{fin}{rsv}{masked}", exact(frames.into()))),
        ("on the wire", format!("{} B, {} B of them heads", exact(framing.wire()), exact(framing.heads.into()))),
    ];
    if framing.deflated {
        let share = framing.payload as f64 * 100.0 / (message.max(1)) as f64;
        let text = format!("{} B for {} B of message, {share:.0} %", exact(framing.payload), exact(message));
        rows.push(("deflated", text));
    }
    rows
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.into()
}

fn of_lookup(lookup: &Lookup) -> Vec<Row> {
    let mut rows =
        vec![("name", clean(&lookup.name).into_owned()), ("took", size::span(Duration::from_nanos(lookup.took)))];
    if lookup.addresses.is_empty() {
        rows.push(("addresses", "none".into()));
    }
    let names = std::iter::once("addresses").chain(std::iter::repeat(""));
    rows.extend(names.zip(&lookup.addresses).map(|(name, address)| (name, address.to_string())));
    rows
}

fn of_attempt(attempt: &Attempt) -> Vec<Row> {
    let spent = |ns: &u64| size::span(Duration::from_nanos(*ns));
    let mut rows = vec![("event", attempt.step.name().into()), ("address", attempt.peer.to_string())];
    match &attempt.step {
        Step::Began { nth, of } => rows.push(("is", format!("{nth} of {of}"))),
        Step::Failed { fault, took } => {
            rows.push(("took", spent(took)));
            rows.extend(of_fault(fault));
        }
        Step::Late { after } => {
            rows.push(("silent for", spent(after)));
            rows.push(("means", "the next address is tried beside it (RFC 8305 section 5)".into()));
        }
        Step::Cancelled { after } => {
            rows.push(("after", spent(after)));
            rows.push(("means", "another address stood first, or time was over".into()));
        }
    }
    rows
}

fn of_fault(fault: &Fault) -> Vec<Row> {
    let text = |text: &str| ("says", clean(text).into_owned());
    match fault {
        Fault::Io { op, name, text: said } => {
            vec![("error", (*name).into()), ("while", op.doing().into()), text(said)]
        }
        Fault::Tls { alert, text: said } => {
            let mut rows = Vec::new();
            if let Some((party, name)) = alert {
                rows.push(("alert", format!("{name}, {}", by(*party))));
            }
            rows.push(text(said));
            rows
        }
        Fault::Certificate { text: said } => vec![("error", "not usable for TLS".into()), text(said)],
        Fault::Http { status, text: said } => {
            let answered = status.map_or("nothing".into(), |status| status.to_string());
            vec![("error", "not HTTP as it should be".into()), text(said), ("answered", answered)]
        }
        Fault::Starttls { text: said } => vec![("error", "plain text and TLS on one connection".into()), text(said)],
        Fault::WebSocket { text: said } => vec![("error", "not WebSocket as it should be".into()), text(said)],
        Fault::Limit { what, limit } => vec![("limit", (*what).into()), ("is", bound(what, *limit))],
        Fault::Late { what, after } => vec![("late", (*what).into()), ("waited", size::span(*after))],
        Fault::Panic { text: said } => vec![("error", "a bug in sockscope".into()), text(said)],
    }
}

fn of_end(end: &End) -> Vec<Row> {
    let mut rows = vec![("end", end.name().to_string())];
    rows.extend(end.by().map(|party| ("who", by(party).to_string())));
    match end {
        End::Unsecured { fault, tcp: Some(tcp), .. } => {
            rows.push(("TCP ended by", tcp.name().to_uppercase()));
            rows.extend(of_fault(fault));
        }
        End::Failed(fault) | End::Broken(fault) | End::Unsecured { fault, .. } => rows.extend(of_fault(fault)),
        _ => rows.push(("means", clean(&end.to_string()).into_owned())),
    }
    rows.push(("had error", yes(end.had_error())));
    rows
}
