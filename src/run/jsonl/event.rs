//! Events and counters as JSON objects.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::{VERSION, tls, to_line};
use crate::model::dial::{Attempt, Step};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Event, Form, FrameHead, Kind, Sign, Way, close_name};
use crate::model::exchange::{Part, Turn};
use crate::model::h2;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::socketio::Head;
use crate::model::tally::{Count, Flow};
use crate::model::time::{Stamp, Wall};
use crate::model::url::Scheme;

/// An event and where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// `None` only if the endpoint was removed before its socket's last event was read.
    pub endpoint: Option<EndpointId>,
    /// `None` on an endpoint's own timeline.
    pub socket: Option<SocketId>,
    pub scheme: Option<Scheme>,
    pub event: &'a Event,
    pub wall: Wall,
}

/// One event as one line, without its line end.
pub fn event_line(event: &EventRef<'_>) -> String {
    to_line(event)
}

/// Whose counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    All,
    Subject(Subject),
}

/// Counters as one line. `open`: sockets that are open, where that is a number. `packets`: whether the
/// packet counters mean anything; else they are null.
pub fn count_line(about: About, count: &Count, open: Option<usize>, packets: bool) -> String {
    let mut line = json!({ "v": VERSION, "event": "count" });
    match about {
        About::All => {}
        About::Subject(Subject::Endpoint(id)) => line["endpoint"] = id.0.into(),
        About::Subject(Subject::Socket(id)) => line["socket"] = id.0.into(),
    }
    line["received"] = flow(count.received, packets);
    line["sent"] = flow(count.sent, packets);
    line["errors"] = count.errors.into();
    if let Some(open) = open {
        line["open"] = open.into();
    }
    to_line(&line)
}

pub(super) fn flow(flow: Flow, packets: bool) -> serde_json::Value {
    json!({
        "packets": packets.then_some(flow.packets),
        "messages": flow.messages,
        "bytes": flow.bytes,
        "wire": flow.wire,
    })
}

impl Serialize for EventRef<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let Event { seq, at, kind, size, head } = self.event;
        let mut map = output.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("time", &time(self.wall, *at))?;
        map.serialize_entry("seq", seq)?;
        entry(&mut map, "endpoint", self.endpoint.map(|id| id.0))?;
        entry(&mut map, "socket", self.socket.map(|id| id.0))?;
        entry(&mut map, "protocol", self.scheme.map(Scheme::name))?;
        map.serialize_entry("event", kind.name())?;
        entry(&mut map, "way", kind.way().map(way))?;
        detail(&mut map, kind)?;
        if kind.carries_payload() || *size > 0 {
            payload(&mut map, *size, head)?;
        }
        map.end()
    }
}

/// RFC 3339 in UTC with microseconds. jiff's range ends in the year 9999, a clock's does not.
fn time(wall: Wall, at: Stamp) -> String {
    let unix = i128::from(wall.unix(at));
    let time = jiff::Timestamp::from_nanosecond(unix - unix % 1000).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.6}")
}

fn way(way: Way) -> &'static str {
    match way {
        Way::In => "in",
        Way::Out => "out",
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Us => "us",
        Party::Peer => "peer",
    }
}

/// Writes what is there; what is not there is left out.
pub fn entry<M: SerializeMap>(map: &mut M, key: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

/// `size`, and the head as `text` where it is UTF-8, else as `hex`; `kept` where that is not all.
fn payload<M: SerializeMap>(map: &mut M, size: u64, head: &[u8]) -> Result<(), M::Error> {
    map.serialize_entry("size", &size)?;
    let cut = (head.len() as u64) < size;
    let (kept, text) = match std::str::from_utf8(head) {
        Ok(text) => (head.len(), Some(text)),
        // The cut may have gone through a character: what stands before it is text all the same.
        Err(error) if cut && error.error_len().is_none() => {
            (error.valid_up_to(), std::str::from_utf8(&head[..error.valid_up_to()]).ok())
        }
        Err(_) => (head.len(), None),
    };
    match text {
        Some(text) => map.serialize_entry("text", text)?,
        None => map.serialize_entry("hex", &hex::encode(head))?,
    }
    entry(map, "kept", cut.then_some(kept))
}

pub fn micros(nanos: u64) -> u64 {
    nanos / 1000
}

/// What is particular to each kind.
fn detail<M: SerializeMap>(map: &mut M, kind: &Kind) -> Result<(), M::Error> {
    match kind {
        Kind::Data | Kind::Write | Kind::End { sign: Sign::Fin, .. } | Kind::Log => Ok(()),
        Kind::End { sign: Sign::CloseNotify, .. } => map.serialize_entry("by", "close_notify"),
        Kind::End { sign: Sign::Queued(bytes), .. } => map.serialize_entry("behind", bytes),
        Kind::Set(change) => {
            map.serialize_entry("name", change.name)?;
            map.serialize_entry("value", &*change.value)
        }
        Kind::Listening { local } => map.serialize_entry("local", local),
        Kind::Connection { peer, socket } => {
            map.serialize_entry("peer", peer)?;
            entry(map, "accepted", socket.map(|id| id.0))
        }
        Kind::Drop { peer, most } => {
            map.serialize_entry("peer", peer)?;
            map.serialize_entry("most", most)
        }
        Kind::Clock { by } => map.serialize_entry("by_us", &(by / 1000)),
        Kind::Lookup(lookup) => {
            map.serialize_entry("name", &*lookup.name)?;
            map.serialize_entry("addresses", &*lookup.addresses)?;
            map.serialize_entry("took_us", &micros(lookup.took))
        }
        Kind::Attempt(attempt) => tried(map, attempt),
        Kind::Connect { peer, took } => {
            map.serialize_entry("peer", peer)?;
            map.serialize_entry("took_us", &micros(*took))
        }
        Kind::Message { form, frames, framing, .. } => {
            map.serialize_entry(
                "form",
                match form {
                    Form::Datagram => "datagram",
                    Form::Text => "text",
                    Form::Binary => "binary",
                },
            )?;
            if *form == Form::Datagram {
                return Ok(());
            }
            map.serialize_entry("frames", frames)?;
            map.serialize_entry("opcode", if *form == Form::Text { "text" } else { "binary" })?;
            map.serialize_entry("fin", &(*frames == 1))?;
            entry(map, "rsv", Some(framing.rsv).filter(|rsv| *rsv > 0))?;
            map.serialize_entry("masked", &framing.masked)?;
            map.serialize_entry("wire", &framing.wire())?;
            entry(map, "compressed", framing.deflated.then_some(framing.payload))
        }
        Kind::Blocked { waiting } => map.serialize_entry("waiting", waiting),
        Kind::Drain { blocked, waited } => {
            map.serialize_entry("blocked_us", &micros(*blocked))?;
            map.serialize_entry("waited", waited)
        }
        Kind::Timeout { idle } => map.serialize_entry("idle_us", &micros(*idle)),
        Kind::Error(fault) | Kind::TlsError(fault) => map.serialize_entry("error", &Error(fault)),
        Kind::ClientError(fault, exchange) => {
            entry(map, "exchange", Some(*exchange).filter(|exchange| *exchange > 0))?;
            map.serialize_entry("error", &Error(fault))
        }
        Kind::Close(end) => {
            map.serialize_entry("had_error", &end.had_error())?;
            map.serialize_entry("end", &Ending(end))
        }
        Kind::Certificate(shown) => tls::shown(map, shown),
        Kind::ClientHello(hello) => tls::client_hello(map, hello),
        Kind::ServerHello(answer) => tls::server_hello(map, answer),
        Kind::Handshake(flight) => tls::handshake(map, flight),
        Kind::SessionTicket { count, lifetime, bytes, .. } => {
            map.serialize_entry("tickets", count)?;
            map.serialize_entry("lifetime_s", lifetime)?;
            map.serialize_entry("bytes", bytes)
        }
        Kind::Starttls(upgrade) => tls::starttls(map, upgrade),
        Kind::KeyLog(logged) => tls::keylog(map, logged),
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => tls::secured(map, secured),
        Kind::Alert { name, .. } => map.serialize_entry("alert", name),
        Kind::Request { exchange, stream, turn, .. } => {
            map.serialize_entry("exchange", exchange)?;
            entry(map, "stream", Some(*stream).filter(|stream| *stream > 0))?;
            match turn {
                Turn::First => Ok(()),
                Turn::Kept(idle) => map.serialize_entry("idle_us", &micros(idle.nanos())),
                Turn::Pipelined(behind) => map.serialize_entry("pipelined", behind),
            }
        }
        Kind::Body { exchange, part, .. } => {
            map.serialize_entry("exchange", exchange)?;
            match part {
                Part::Plain => Ok(()),
                Part::Chunk(size) => map.serialize_entry("chunk", size),
                Part::More => map.serialize_entry("chunk", "more"),
            }
        }
        Kind::Chunk { exchange, size, .. } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("chunk", size)
        }
        Kind::Settings(settings) => {
            map.serialize_entry("ack", &settings.ack)?;
            let values = settings.values.iter().map(|(id, value)| (h2::setting(*id), *value));
            map.serialize_entry("settings", &values.collect::<BTreeMap<_, _>>())
        }
        Kind::GoAway { last, code, .. } => {
            map.serialize_entry("last", last)?;
            map.serialize_entry("code", &h2::code(*code))
        }
        Kind::StreamReset { exchange, stream, code, .. } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("stream", stream)?;
            map.serialize_entry("code", &h2::code(*code))
        }
        Kind::WindowUpdate { exchange, by, blocked, .. } => {
            entry(map, "exchange", Some(*exchange).filter(|exchange| *exchange > 0))?;
            map.serialize_entry("by", by)?;
            map.serialize_entry("blocked_us", &micros(*blocked))
        }
        Kind::Information { exchange, status, .. } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("status", status)
        }
        Kind::Aborted { exchange, waited, by } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("waited_us", &micros(*waited))?;
            map.serialize_entry("by", party(*by))
        }
        Kind::Rule { exchange } | Kind::Held { exchange } => map.serialize_entry("exchange", exchange),
        Kind::Last { exchange, why, .. } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("why", why.name())
        }
        Kind::Continue { exchange, .. } | Kind::Trailers { exchange, .. } | Kind::Upgrade { exchange } => {
            map.serialize_entry("exchange", exchange)
        }
        Kind::Head { exchange, status, took, .. } => {
            map.serialize_entry("exchange", exchange)?;
            map.serialize_entry("status", status)?;
            // An answer nobody asked for took no time.
            entry(map, "took_us", Some(micros(*took)).filter(|_| *took > 0))
        }
        Kind::Finish { exchange, first, took } => {
            map.serialize_entry("exchange", exchange)?;
            entry(map, "first_us", first.map(|first| micros(first.get())))?;
            entry(map, "took_us", Some(micros(*took)).filter(|_| *took > 0))
        }
        Kind::Open(opened) => {
            map.serialize_entry("subprotocols", &tls::list(&opened.subprotocols))?;
            entry(map, "subprotocol", opened.subprotocol.as_deref())?;
            map.serialize_entry("offered", &tls::list(&opened.offered))?;
            map.serialize_entry("extensions", &tls::list(&opened.extensions))
        }
        Kind::Packet { packet, .. } => packet_head(map, packet),
        Kind::Frame { frame, .. } => frame_head(map, *frame),
        Kind::Ping { frame, .. } => frame.map_or(Ok(()), |frame| frame_head(map, frame)),
        Kind::Pong { rtt, frame, .. } => {
            entry(map, "rtt_us", rtt.map(|rtt| micros(rtt.get())))?;
            frame.map_or(Ok(()), |frame| frame_head(map, frame))
        }
        Kind::Closing { code, frame, .. } => {
            entry(map, "code", *code)?;
            entry(map, "name", code.map(close_name))?;
            frame_head(map, *frame)
        }
        Kind::Datagram(note) => super::datagram::detail(map, note),
    }
}

fn tried<M: SerializeMap>(map: &mut M, attempt: &Attempt) -> Result<(), M::Error> {
    map.serialize_entry("peer", &attempt.peer)?;
    match &attempt.step {
        Step::Began { nth, of } => {
            map.serialize_entry("nth", nth)?;
            map.serialize_entry("of", of)
        }
        Step::Failed { fault, took } => {
            map.serialize_entry("took_us", &micros(*took))?;
            map.serialize_entry("error", &Error(fault))
        }
        Step::Late { after } | Step::Cancelled { after } => map.serialize_entry("after_us", &micros(*after)),
    }
}

fn packet_head<M: SerializeMap>(map: &mut M, packet: &Head) -> Result<(), M::Error> {
    map.serialize_entry("layer", packet.what.layer())?;
    map.serialize_entry("packet", packet.what.name())?;
    entry(map, "namespace", (!packet.namespace.is_empty()).then_some(&*packet.namespace))?;
    entry(map, "name", packet.name.as_deref())?;
    entry(map, "ack", packet.id)?;
    entry(map, "attachments", (packet.attachments > 0).then_some(packet.attachments))?;
    entry(map, "index", (packet.index > 0).then_some(packet.index))?;
    entry(map, "rtt_us", packet.rtt.map(micros))
}

fn frame_head<M: SerializeMap>(map: &mut M, frame: FrameHead) -> Result<(), M::Error> {
    map.serialize_entry("opcode", frame.name())?;
    map.serialize_entry("fin", &frame.fin)?;
    map.serialize_entry("rsv", &frame.rsv)?;
    map.serialize_entry("masked", &frame.masked)?;
    map.serialize_entry("length", &frame.len)?;
    map.serialize_entry("wire", &frame.wire())
}

/// `{name, text}`, and the alert or the status where there is one.
pub(super) struct Error<'a>(pub &'a Fault);

impl Serialize for Error<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let mut map = output.serialize_map(None)?;
        map.serialize_entry("name", self.0.name())?;
        map.serialize_entry("text", &self.0.to_string())?;
        match self.0 {
            Fault::Http { status, .. } => entry(&mut map, "status", *status)?,
            Fault::Tls { alert: Some((by, _)), .. } => map.serialize_entry("by", party(*by))?,
            _ => {}
        }
        map.end()
    }
}

/// `{how, by, tcp, error}`.
struct Ending<'a>(&'a End);

impl Serialize for Ending<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let mut map = output.serialize_map(None)?;
        map.serialize_entry("how", self.0.name())?;
        entry(&mut map, "by", self.0.by().map(party))?;
        if let End::Unsecured { tcp: Some(tcp), .. } = self.0 {
            map.serialize_entry("tcp", tcp.name())?;
        }
        entry(&mut map, "error", self.0.fault().map(Error))?;
        map.end()
    }
}
