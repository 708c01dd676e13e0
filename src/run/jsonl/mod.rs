//! The headless wire, version 1: events out and commands in, one JSON object a line.
//!
//! `docs/headless.md` is its contract. Pure but for [`Follower`], which reads the hub. What a peer sent
//! may be printed on a terminal, so every character that could act on one leaves as `\uXXXX`.

mod answer;
mod command;
mod datagram;
mod emit;
mod event;
mod follower;
mod handshake;
mod messages;
mod request;
mod target;
mod tls;

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};
use serde_json::{Map, Serializer, Value, json};

pub use self::command::{Asked, COMMANDS, Command, MOST_LINE, parse_command, read, suit};
pub use self::event::{About, EventRef, count_line, event_line};
pub use self::follower::Follower;
pub use self::handshake::handshake;
pub use self::messages::{Look, message_line};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::view::{Group, Measure, Series};

/// The version of the schema. It grows when a field changes its meaning or goes; new fields and new
/// event names do not change it.
pub const VERSION: u32 = 1;

/// The first line: who speaks, and which schema.
pub fn hello_line() -> String {
    to_line(&Notice { version: Some(env!("CARGO_PKG_VERSION")), program: Some("sockscope"), ..Notice::of("hello") })
}

/// Events of a timeline that made room before they could be written. `None`: the socket was forgotten
/// whole, nobody knows with how many.
pub fn dropped_line(subject: Subject, count: Option<u64>) -> String {
    to_line(&Notice { count: Some(count), ..Notice::about("dropped", subject) })
}

/// An endpoint is gone, and its sockets with it.
pub fn removed_line(id: EndpointId) -> String {
    to_line(&Notice::about("removed", id.into()))
}

/// A command was carried out. `result` holds what it made, such as the new endpoint's id; `restarted` that
/// the endpoint's sockets were closed for it.
pub fn done_line(id: Option<&Value>, result: Option<EndpointId>, restarted: bool) -> String {
    let restarted = restarted.then_some(true);
    to_line(&Notice { id, endpoint: result.map(|id| id.0), restarted, ..Notice::of("done") })
}

/// A command could not be carried out, though it was well formed.
pub fn refused_line(id: Option<&Value>, reason: &str) -> String {
    to_line(&Notice { id, reason: Some(reason), ..Notice::of("refused") })
}

/// A line that is no command: why, and its beginning.
pub fn error_line(id: Option<&Value>, reason: &str, input: &str) -> String {
    /// Enough to find the line by.
    const SHOWN: usize = 200;
    let input: String = input.chars().take(SHOWN).collect();
    to_line(&Notice { id, reason: Some(reason), input: Some(&input), ..Notice::of("badCommand") })
}

/// The settings and the state of a subject: every value as the text a person reads.
pub fn details_line(
    subject: Subject,
    settings: &[(&str, String)],
    groups: &[Group],
    series: &[Series],
    handshake: Option<Value>,
) -> String {
    let texts = |rows: &[(Cow<'static, str>, String)]| -> Map<String, Value> {
        rows.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str()))).collect()
    };
    let settings: Map<String, Value> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    let groups: Vec<_> =
        groups.iter().map(|group| json!({ "title": group.title, "facts": texts(&group.rows) })).collect();
    let about = match subject {
        Subject::Endpoint(id) => ("endpoint", id.0),
        Subject::Socket(id) => ("socket", id.0),
    };
    let mut line =
        json!({ "v": VERSION, "event": "details", about.0: about.1, "settings": settings, "groups": groups });
    if !series.is_empty() {
        let each = |series: &Series| {
            let unit = match series.measure {
                Measure::Micros => "us",
                Measure::Bytes => "B",
                Measure::Segments => "segments",
                Measure::Rate => "B/s",
            };
            json!({ "name": series.name, "unit": unit, "seconds": series.over.as_secs(), "values": series.values })
        };
        line["series"] = series.iter().map(each).collect();
    }
    if let Some(handshake) = handshake {
        line["handshake"] = handshake;
    }
    to_line(&line)
}

/// A request as a curl command.
pub fn curl_line(socket: SocketId, exchange: u32, command: &str) -> String {
    to_line(&json!({ "v": VERSION, "event": "curl", "socket": socket.0, "exchange": exchange, "text": command }))
}

/// The lines that are no event of a timeline. `docs/headless.md` explains each.
pub const NOTICES: [&str; 10] =
    ["hello", "dropped", "removed", "count", "details", "curl", "done", "refused", "badCommand", "framed"];

#[derive(Serialize, Default)]
struct Notice<'a> {
    v: u32,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restarted: Option<bool>,
}

impl Notice<'_> {
    fn of(event: &'static str) -> Self {
        Self { v: VERSION, event, ..Self::default() }
    }

    fn about(event: &'static str, subject: Subject) -> Self {
        match subject {
            Subject::Endpoint(EndpointId(id)) => Self { endpoint: Some(id), ..Self::of(event) },
            Subject::Socket(SocketId(id)) => Self { socket: Some(id), ..Self::of(event) },
        }
    }
}

/// One object as one line, without its line end.
fn to_line(value: &impl Serialize) -> String {
    let mut out = Vec::with_capacity(256);
    match value.serialize(&mut Serializer::with_formatter(&mut out, Safe)) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        // Our own types have string keys and no failing fields; should one ever, it is seen, not lost.
        Err(error) => json!({ "v": VERSION, "event": "badCommand", "reason": error.to_string() }).to_string(),
    }
}

/// Compact JSON in which no character can act on a terminal: JSON itself escapes C0, this escapes DEL,
/// C1, and what turns the direction of text or breaks its lines.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(acts) {
            out.write_all(&rest.as_bytes()[..at])?;
            let c = rest[at..].chars().next().unwrap_or_default();
            write!(out, "\\u{:04x}", c as u32)?;
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

fn acts(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests;
