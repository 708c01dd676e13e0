//! What an event says, as a sentence of fact on one line: its payload, or what happened and why.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bytes::{self, clean};
use super::cells::{self, span};
use super::h2;
use super::packets;
use super::theme::Theme;
use super::tls;
use crate::model::dial::{Attempt, Lookup, Step};
use crate::model::end::Party;
use crate::model::event::{Event, Form, FrameHead, Kind, Sign, Way, close_name};
use crate::model::exchange::{Part, Turn};
use crate::model::size;

/// A gap between two requests worth a word, in nanoseconds: shorter ones are how a busy connection breathes.
const LONG: u64 = 100_000_000;

/// Columns that a head's own line has before anything stands behind it.
const LINE: usize = 16;

/// The line, at most `width` columns of it.
pub fn detail(event: &Event, width: usize, theme: &Theme) -> Line<'static> {
    let words = words(event, theme);
    let used: usize = words.iter().map(|word| cells::width(&word.content)).sum();
    let mut line = Line::from(words);
    let payload = payload(event);
    if payload.is_empty() {
        if event.kind.carries_payload() && event.size == 0 && used == 0 {
            line.spans.push(span("empty", theme.dim));
        }
    } else if used < width {
        let more = event.size > payload.len() as u64 && payload.len() == event.head.len();
        let style = if matches!(event.kind, Kind::Head { .. }) { status(&event.kind, theme) } else { theme.plain };
        // What stands behind it gives way to the payload.
        let behind = behind(event, theme);
        let room = width - used;
        let tail = behind.as_ref().map_or(0, |span| cells::width(&span.content));
        let (room, behind) = if room >= tail + LINE { (room - tail, behind) } else { (room, None) };
        line.spans.extend(bytes::excerpt(whole(event, &payload), more, room, style, theme).spans);
        line.spans.extend(behind);
    }
    cells::cut(line, width, theme)
}

/// What a head says beside its line: how long it took, how it stands to the one before.
fn behind(event: &Event, theme: &Theme) -> Option<Span<'static>> {
    let spent = |ns: u64| size::span(Duration::from_nanos(ns));
    let text = match event.kind {
        Kind::Head { took: took @ 1.., .. } => format!("  {}", spent(took)),
        Kind::Request { turn: Turn::Pipelined(before), .. } => format!("  pipelined behind {before}"),
        Kind::Request { turn: Turn::Kept(idle), .. } if idle.nanos() >= LONG => {
            format!("  after {}", spent(idle.nanos()))
        }
        _ => return None,
    };
    Some(span(text, theme.dim))
}

/// The bytes worth showing behind the words: of an HTTP head its first line.
fn payload(event: &Event) -> Cow<'_, [u8]> {
    let head = &event.head[..];
    Cow::Borrowed(match event.kind {
        Kind::Chunk { size: 0, .. } if head == b"0" => &[],
        Kind::Request { .. } | Kind::Head { .. } | Kind::Information { .. } => {
            if let Some(start) = h2::start(head) {
                return start;
            }
            let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
            let line = head[..end].strip_suffix(b"\r").unwrap_or(&head[..end]);
            // The version of an answer repeats; its status does not.
            match event.kind {
                Kind::Head { .. } | Kind::Information { .. } => behind_version(line).unwrap_or(line),
                _ => line,
            }
        }
        // What was wrong comes first; the bytes are in the inspector.
        Kind::Error(_) | Kind::TlsError(_) | Kind::ClientError(..) | Kind::Open(_) => &[],
        _ => head,
    })
}

/// What stands behind the version of a status line.
fn behind_version(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let at = rest.iter().position(|byte| *byte == b' ')?;
    Some(&rest[at + 1..])
}

/// Without the first bytes of a character that was cut where the kept head ends.
fn whole<'a>(event: &Event, payload: &'a [u8]) -> &'a [u8] {
    if event.size <= event.head.len() as u64 {
        return payload;
    }
    match std::str::from_utf8(payload) {
        Err(error) if error.error_len().is_none() => &payload[..error.valid_up_to()],
        _ => payload,
    }
}

/// The kept payload without a character cut at its end.
pub fn kept(event: &Event) -> &[u8] {
    whole(event, &event.head)
}

/// Everything the sentence says before the payload.
fn words(event: &Event, theme: &Theme) -> Vec<Span<'static>> {
    let plain = |text: String| span(text, theme.plain);
    let dim = |text: String| span(text, theme.dim);
    let waiting = |text: String| span(text, theme.waiting);
    let bad = |text: String| span(text, theme.bad);
    let spent = |ns: &u64| size::span(Duration::from_nanos(*ns));
    match &event.kind {
        Kind::Listening { local } => vec![plain(format!("on {local}"))],
        Kind::Connection { peer, socket: None } => vec![plain(format!("from {peer}"))],
        Kind::Connection { peer, socket: Some(id) } => {
            vec![span(id.to_string(), theme.accent), plain(format!(" from {peer}"))]
        }
        Kind::Drop { peer, most } => {
            vec![waiting(format!("{peer} was turned away: {} are connected", size::exact(u64::from(*most))))]
        }
        Kind::Clock { by } => vec![waiting(jumped(*by)), dim("  times here go on as before".into())],
        Kind::Lookup(lookup) => looked_up(lookup, theme),
        Kind::Attempt(attempt) => tried(attempt, theme),
        // UDP has no handshake that could take time.
        Kind::Connect { peer, took: 0 } => vec![plain(format!("to {peer}"))],
        Kind::Connect { peer, took } => vec![plain(format!("to {peer}")), dim(format!(" in {}", spent(took)))],
        Kind::Data | Kind::Write | Kind::Log => Vec::new(),
        Kind::Message { form, frames, framing, .. } => {
            let form = if *form == Form::Binary { "binary  " } else { "" };
            let frames = if *frames > 1 { format!("{frames} frames  ") } else { String::new() };
            let small =
                if framing.deflated { format!("{} deflated  ", size::bytes(framing.payload)) } else { String::new() };
            // RSV1 of a compressed one is what it says already.
            let told = if framing.deflated { framing.rsv & 3 } else { framing.rsv };
            let rsv = if told == 0 { String::new() } else { format!("{}  ", reserved(told)) };
            let text = format!("{form}{rsv}{frames}{small}");
            if text.is_empty() { Vec::new() } else { vec![dim(text)] }
        }
        Kind::Blocked { waiting: bytes } => {
            vec![waiting(format!("{} wait: the peer does not read", size::bytes(*bytes)))]
        }
        Kind::Drain { blocked, waited } => {
            vec![waiting(format!("after {}", spent(blocked))), dim(format!(", {} waited", size::bytes(*waited)))]
        }
        Kind::Timeout { idle } => vec![waiting(format!("idle for {}; still open", spent(idle)))],
        Kind::End { way, sign } => {
            let who = if *way == Way::In { "the peer is" } else { "we are" };
            let mut words = vec![waiting(format!("{who} done sending"))];
            match sign {
                Sign::Fin => {}
                Sign::Queued(bytes) => {
                    words.push(dim(format!(
                        ", once the kernel has delivered {} B more",
                        size::exact(u64::from(*bytes))
                    )));
                }
                Sign::CloseNotify => words.push(dim(" over TLS; of its FIN nothing is known yet".into())),
            }
            words
        }
        Kind::Error(fault) | Kind::TlsError(fault) | Kind::ClientError(fault, _) => {
            vec![bad(clean(&fault.to_string()).into_owned())]
        }
        Kind::Close(end) => {
            let text = clean(&end.to_string()).into_owned();
            vec![if end.had_error() { bad(text) } else { plain(text) }]
        }
        Kind::Set(change) => vec![plain(format!("{} = {}", change.name, clean(&change.value)))],
        Kind::Certificate(shown) if shown.is_bad => vec![bad(tls::shown(shown))],
        Kind::Certificate(shown) => vec![plain(tls::shown(shown))],
        Kind::ClientHello(hello) if hello.astray => vec![waiting(tls::offer(hello))],
        Kind::ClientHello(hello) => vec![plain(tls::offer(hello))],
        Kind::ServerHello(answer) => vec![plain(tls::answer(answer))],
        Kind::Handshake(flight) => vec![plain(tls::flight(flight))],
        Kind::SessionTicket { count, lifetime, bytes, .. } => vec![plain(tls::ticket(*count, *lifetime, *bytes))],
        Kind::Starttls(upgrade) => vec![plain(tls::upgrade(upgrade))],
        Kind::KeyLog(logged) => vec![plain(tls::logged(logged))],
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => {
            let mut words = vec![plain(tls::agreed(secured))];
            if secured.verified == Some(false) {
                words.push(waiting(", unverified".into()));
            }
            words.push(dim(format!(", {}", spent(&secured.took))));
            words
        }
        Kind::Alert { way, name } => {
            let text = format!("{name} {}", by(way.party()));
            vec![if *name == "close_notify" { plain(text) } else { bad(text) }]
        }
        Kind::Request { exchange, stream: stream @ 1.., .. } => vec![dim(format!("{exchange}  stream {stream}  "))],
        Kind::Settings(_) | Kind::GoAway { .. } | Kind::StreamReset { .. } | Kind::WindowUpdate { .. } => {
            let (text, wrong) = h2::words(&event.kind);
            let number = event.kind.exchange().map(|number| dim(format!("{number}  ")));
            number.into_iter().chain([if wrong { bad(text) } else { plain(text) }]).collect()
        }
        Kind::Body { exchange, part: Part::Chunk(bytes), .. } if *bytes > event.size => {
            vec![dim(format!("{exchange}  of a chunk of {}  ", size::bytes(*bytes)))]
        }
        Kind::Body { exchange, part: Part::Chunk(_), .. } => vec![dim(format!("{exchange}  chunk  "))],
        Kind::Request { exchange, .. }
        | Kind::Body { exchange, .. }
        | Kind::Trailers { exchange, .. }
        | Kind::Rule { exchange }
        | Kind::Information { exchange, .. } => {
            vec![dim(format!("{exchange}  "))]
        }
        Kind::Chunk { exchange, size: 0, .. } => {
            let plainly = event.head == b"0";
            let words = vec![dim(format!("{exchange}  ")), plain("the last chunk".into())];
            words.into_iter().chain((!plainly).then(|| dim("  ".into()))).collect()
        }
        Kind::Chunk { exchange, .. } => vec![dim(format!("{exchange}  with an extension  "))],
        Kind::Last { exchange, way, why } => {
            let who = by(way.party());
            vec![dim(format!("{exchange}  ")), waiting(format!("{}, {who}", why.text()))]
        }
        Kind::Continue { exchange, .. } => vec![dim(format!("{exchange}  ")), plain("the body may come".into())],
        Kind::Head { exchange, status: code, .. } => {
            let mut words = vec![dim(format!("{exchange}  "))];
            if event.head.is_empty() {
                words.push(span(code.to_string(), status(&event.kind, theme)));
            }
            words
        }
        Kind::Finish { exchange, took, first } => {
            let mut words = vec![dim(format!("{exchange}  "))];
            // What answers no request took no time.
            words.extend((*took > 0).then(|| plain(format!("in {}", spent(took)))));
            words.extend(first.map(|first| dim(format!(", first byte {}", spent(&first.get())))));
            words
        }
        Kind::Held { exchange } => {
            vec![dim(format!("{exchange}  ")), waiting("your answer: i".into())]
        }
        Kind::Aborted { exchange, waited, by } => {
            let who = if *by == Party::Us { "we gave it up" } else { "the peer gave it up" };
            vec![dim(format!("{exchange}  ")), bad(format!("{who} after {}", spent(waited)))]
        }
        Kind::Upgrade { exchange } => {
            vec![dim(format!("{exchange}  ")), plain("another protocol from here".into())]
        }
        Kind::Open(opened) => {
            let mut parts = Vec::new();
            parts.extend(match opened.subprotocol.as_deref() {
                None if opened.subprotocols.is_empty() => None,
                None => Some(format!("no subprotocol, offered {}", clean(&opened.subprotocols.join(", ")))),
                Some(name) => Some(format!("subprotocol {}", clean(name))),
            });
            parts.extend(opened.extensions.iter().map(|name| clean(name).into_owned()));
            let text = if parts.is_empty() { "the handshake is done".into() } else { parts.join(", ") };
            vec![plain(text)]
        }
        Kind::Packet { packet, .. } => packets::words(packet, theme),
        Kind::Frame { frame, .. } => vec![plain(framed(*frame))],
        Kind::Ping { .. } => Vec::new(),
        Kind::Pong { rtt, .. } => match rtt {
            Some(rtt) => vec![plain(format!("round trip {}  ", spent(&rtt.get())))],
            None => Vec::new(),
        },
        Kind::Closing { code: Some(code), .. } => {
            let text = format!("{code} {}{}", close_name(*code), if event.head.is_empty() { "" } else { ": " });
            vec![if matches!(code, 1000 | 1001) { plain(text) } else { waiting(text) }]
        }
        Kind::Closing { code: None, .. } => vec![plain("without a code".into())],
        Kind::Datagram(note) => super::datagram::words(note, theme),
    }
}

/// How far the time of day has moved.
pub fn jumped(by: i64) -> String {
    let by_how_much = size::span(Duration::from_nanos(by.unsigned_abs()));
    format!("{by_how_much} {}", if by > 0 { "ahead" } else { "back" })
}

/// A name, and its addresses in the order they are tried.
fn looked_up(lookup: &Lookup, theme: &Theme) -> Vec<Span<'static>> {
    let name = clean(&lookup.name).into_owned();
    let took = span(format!(" in {}", size::span(Duration::from_nanos(lookup.took))), theme.dim);
    if lookup.addresses.is_empty() {
        return vec![span(format!("{name}: nothing found"), theme.bad), took];
    }
    let ips: Vec<_> = lookup.addresses.iter().map(|address| address.ip().to_string()).collect();
    vec![span(format!("{name}: {}", ips.join(" ")), theme.plain), took]
}

/// An address being tried, and what came of it. Of several the port is the same, and stands in the pane's title.
fn tried(attempt: &Attempt, theme: &Theme) -> Vec<Span<'static>> {
    let spent = |ns: &u64| size::span(Duration::from_nanos(*ns));
    let ip = span(attempt.peer.ip().to_string(), theme.plain);
    match &attempt.step {
        Step::Began { of: 1, .. } => vec![span(attempt.peer.to_string(), theme.plain)],
        Step::Began { nth, of } => vec![ip, span(format!(" {nth} of {of}"), theme.dim)],
        Step::Failed { fault, took } => {
            vec![ip, span(format!(" {}", fault.name()), theme.bad), span(format!(" in {}", spent(took)), theme.dim)]
        }
        Step::Late { after } => vec![
            ip,
            span(format!(" silent for {}", spent(after)), theme.waiting),
            span("; the next beside it", theme.dim),
        ],
        Step::Cancelled { after } => vec![ip, span(format!(" given up after {}", spent(after)), theme.dim)],
    }
}

/// An answer's status by its class.
pub fn status(kind: &Kind, theme: &Theme) -> Style {
    match kind {
        Kind::Head { status: 200..300, .. } => theme.good,
        Kind::Head { status: 400..500, .. } => theme.waiting,
        Kind::Head { status: 500.., .. } => theme.bad,
        _ => theme.plain,
    }
}

pub fn by(party: Party) -> &'static str {
    match party {
        Party::Us => "from us",
        Party::Peer => "from the peer",
    }
}

fn framed(frame: FrameHead) -> String {
    let fin = if frame.fin { ", fin" } else { "" };
    let masked = if frame.masked { ", masked" } else { "" };
    let rsv = if frame.rsv == 0 { String::new() } else { format!(", {}", reserved(frame.rsv)) };
    format!("{}, {}{fin}{rsv}{masked}", frame.name(), size::bytes(u64::from(frame.len)))
}

/// The reserved bits that are set (RFC 6455 section 5.2): `RSV1 RSV3`.
pub fn reserved(rsv: u8) -> String {
    let bits = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")].into_iter().filter(|(bit, _)| rsv & bit != 0);
    bits.map(|(_, name)| name).collect::<Vec<_>>().join(" ")
}
