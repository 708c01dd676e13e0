//! Commands: a line becomes something to do, or a sentence that says what was wrong and what is right.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::emit::Emit;
use super::messages::Look;
use super::request::Request;
use super::target::target;
use crate::app::effect::Target;
use crate::model::draft::{Coding, Draft, Ending, FRAGMENTS, Rejection, Shape, escape};
use crate::model::headers::Headers;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::rule::Rules;
use crate::model::spec::Spec;
use crate::model::url::Scheme;
use crate::net::http::Step;
use crate::net::http::curl::is_curl;
use crate::run::config::{Words, endpoint_from_json};

/// A command line in bytes: the largest WebSocket message of the default limits would need 128 MiB as
/// hex; whoever sends that much uses `file`.
pub const MOST_LINE: usize = 16 << 20;

/// Something to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Send {
        to: Target,
        draft: Draft,
    },
    /// Half-close. An endpoint stands for all its open sockets, here and in the next two.
    End(Subject),
    Close(Subject),
    /// Close with RST.
    Reset(Subject),
    /// Go on over TLS where it was plain TCP.
    Starttls(Subject),
    /// Add an endpoint and start it.
    Open(Box<Spec>),
    Start(EndpointId),
    Stop(EndpointId),
    Remove(EndpointId),
    /// Write counters: one subject's, or everything's.
    Count(Option<Subject>),
    /// Change a setting of what runs.
    Set {
        subject: Subject,
        name: String,
        value: String,
    },
    /// Write a subject's settings and state.
    Details(Subject),
    /// Steps of an answer by hand.
    Answer {
        to: Target,
        steps: Vec<Step>,
    },
    /// Write an exchange's request as a curl command.
    Curl {
        socket: SocketId,
        exchange: u32,
    },
    /// Write the messages that a framing makes of a socket's chunks.
    Messages(Look),
    Quit,
}

/// A line that was read: its `id`, which the answer repeats, and what it asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// A number or a string.
    pub id: Option<Value>,
    pub command: Result<Command, String>,
}

pub(super) type Fields = Map<String, Value>;
type Reader = fn(Fields) -> Result<Command, String>;

/// Every command and how its fields are read.
const TABLE: &[(&str, Reader)] = &[
    ("send", send),
    ("end", |fields| whom(fields).map(Command::End)),
    ("close", |fields| whom(fields).map(Command::Close)),
    ("reset", |fields| whom(fields).map(Command::Reset)),
    ("starttls", |fields| whom(fields).map(Command::Starttls)),
    ("open", |fields| endpoint_from_json(Value::Object(fields)).map(Box::new).map(Command::Open)),
    ("start", |fields| endpoint(fields).map(Command::Start)),
    ("stop", |fields| endpoint(fields).map(Command::Stop)),
    ("remove", |fields| endpoint(fields).map(Command::Remove)),
    ("set", set),
    ("details", |fields| whom(fields).map(Command::Details)),
    ("answer", super::answer::answer),
    ("curl", curl),
    ("messages", |fields| Look::read(fields).map(Command::Messages)),
    ("count", count),
    ("quit", |fields| typed::<Nothing>(fields).map(|Nothing {}| Command::Quit)),
];

/// The names of all commands.
pub const COMMANDS: [&str; TABLE.len()] = {
    let mut names = [""; TABLE.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = TABLE[i].0;
        i += 1;
    }
    names
};

/// Reads a line with its `id`.
pub fn read(line: &str) -> Asked {
    let no_id = |reason: String| Asked { id: None, command: Err(reason) };
    if line.len() > MOST_LINE {
        return no_id(format!("a command has at most {MOST_LINE} bytes: send a \"file\" instead"));
    }
    let mut fields = match serde_json::from_str(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return no_id("a command is a JSON object, such as {\"command\":\"quit\"}".into()),
        Err(error) => return no_id(format!("not JSON: {error}")),
    };
    let id = match fields.remove("id") {
        None | Some(Value::Null) => None,
        Some(id @ (Value::Number(_) | Value::String(_))) => Some(id),
        Some(_) => return no_id("\"id\" is a number or a string".into()),
    };
    Asked { id, command: dispatch(fields) }
}

/// Reads a line's command.
///
/// # Errors
/// What was wrong and what would be right.
pub fn parse_command(line: &str) -> Result<Command, String> {
    read(line).command
}

fn dispatch(mut fields: Fields) -> Result<Command, String> {
    let name = match fields.remove("command") {
        Some(Value::String(name)) => name,
        _ => return Err(format!("\"command\" is missing: write one of {}", COMMANDS.join(", "))),
    };
    let Some((name, read)) = TABLE.iter().find(|row| row.0 == name) else {
        return Err(format!("{name:?} is no command: there are {}", COMMANDS.join(", ")));
    };
    read(fields).map_err(|reason| format!("{name}: {reason}"))
}

pub(super) fn typed<T: DeserializeOwned>(fields: Fields) -> Result<T, String> {
    let culprits = fields.clone();
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let text = error.to_string();
        // serde does not say which field it was: the one that is wrong alone in the same way.
        let alone = |(name, value)| serde_json::from_value::<T>(Value::Object(Map::from_iter([(name, value)]))).err();
        let wrong = culprits
            .into_iter()
            .find(|(name, value)| alone((name.clone(), value.clone())).is_some_and(|error| error.to_string() == text));
        match wrong {
            Some((name, _)) if !text.starts_with("missing") && !text.starts_with("unknown field") => {
                format!("{name:?}: {}", plain(text))
            }
            _ => plain(text),
        }
    })
}

/// What serde says, in words of JSON.
const WORDS: &[(&str, &str)] = &[
    ("invalid type: ", ""),
    ("invalid value: ", ""),
    ("expected u16", "where a number from 0 to 65535 belongs"),
    ("expected u32", "where a number from 0 up belongs"),
    ("expected u64", "where a number from 0 up belongs"),
    ("expected a sequence", "where a list belongs, such as [1,2]"),
    ("expected a map", "where an object belongs"),
    ("expected a string", "where a string belongs"),
    ("expected a boolean", "where true or false belongs"),
];

fn plain(text: String) -> String {
    let text = WORDS.iter().fold(text, |text, (serde, ours)| text.replace(serde, ours));
    match text.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected one of ")) {
        Some((found, known)) => format!("{found} is none of {known}"),
        None => text,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    socket: Option<u32>,
    endpoint: Option<u32>,
}

pub(super) fn subject(socket: Option<u32>, endpoint: Option<u32>) -> Result<Option<Subject>, String> {
    match (socket, endpoint) {
        (Some(_), Some(_)) => Err("give \"socket\" or \"endpoint\", not both".into()),
        (Some(id), None) => Ok(Some(SocketId(id).into())),
        (None, Some(id)) => Ok(Some(EndpointId(id).into())),
        (None, None) => Ok(None),
    }
}

fn whom(fields: Fields) -> Result<Subject, String> {
    let Whom { socket, endpoint } = typed(fields)?;
    subject(socket, endpoint)?.ok_or_else(|| "give \"socket\":ID, or \"endpoint\":ID for all its open sockets".into())
}

fn set(fields: Fields) -> Result<Command, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Set {
        socket: Option<u32>,
        endpoint: Option<u32>,
        name: String,
        value: Value,
    }
    let Set { socket, endpoint, name, value } = typed(fields)?;
    let value = match value {
        // Tables, as in the configuration.
        Value::Array(_) if name == "rules" => {
            serde_json::from_value::<Rules>(value).map_err(|error| error.to_string())?.to_string()
        }
        value => serde_json::from_value(value).map(|Words(value)| value).map_err(|error| error.to_string())?,
    };
    let subject = subject(socket, endpoint)?.ok_or("give \"socket\":ID or \"endpoint\":ID")?;
    Ok(Command::Set { subject, name, value })
}

fn curl(fields: Fields) -> Result<Command, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Curl {
        socket: u32,
        exchange: u32,
    }
    typed(fields).map(|Curl { socket, exchange }| Command::Curl { socket: SocketId(socket), exchange })
}

fn count(fields: Fields) -> Result<Command, String> {
    let Whom { socket, endpoint } = typed(fields)?;
    subject(socket, endpoint).map(Command::Count)
}

fn endpoint(fields: Fields) -> Result<EndpointId, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Only {
        endpoint: u32,
    }
    typed(fields).map(|Only { endpoint }| EndpointId(endpoint))
}

/// The fields of `send`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    socket: Option<u32>,
    sockets: Option<Vec<u32>>,
    filter: Option<String>,
    endpoint: Option<u32>,
    address: Option<String>,
    text: Option<String>,
    escapes: Option<String>,
    hex: Option<String>,
    file: Option<String>,
    #[serde(default)]
    ending: Ending,
    shape: Option<Frame>,
    fragments: Option<u32>,
    code: Option<u16>,
    reason: Option<String>,
    request: Option<Request>,
    curl: Option<String>,
    reply: Option<Reply>,
    emit: Option<Emit>,
}

/// What a WebSocket can carry; and what an HTTP client can beside requests.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Frame {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Reply {
    status: u16,
    headers: Headers,
    body: String,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: 200, headers: Headers::default(), body: String::new() }
    }
}

fn send(fields: Fields) -> Result<Command, String> {
    let mut send: Send = typed(fields)?;
    let subject = subject(send.socket, send.endpoint)?;
    let to = target(subject, send.sockets.take(), send.filter.take(), send.address.take())?;
    draft(send).map(|draft| Command::Send { to, draft })
}

/// What is to be sent: exactly one of the ways to say it.
fn draft(send: Send) -> Result<Draft, String> {
    let ending = send.ending;
    let frame = send.shape;
    let closes = matches!(frame, Some(Frame::Close));
    if (send.code.is_some() || send.reason.is_some()) && !closes {
        return Err("\"code\" and \"reason\" belong to \"shape\":\"close\"".into());
    }
    let written = [
        (Coding::Text, send.text),
        (Coding::Escapes, send.escapes),
        (Coding::Hex, send.hex),
        (Coding::File, send.file),
    ];
    let mut written: Vec<(Coding, String)> =
        written.into_iter().filter_map(|(coding, text)| text.map(|text| (coding, text))).collect();
    let others = [send.request.is_some(), send.curl.is_some(), send.reply.is_some(), send.emit.is_some()];
    let ways = written.len() + others.into_iter().filter(|one| *one).count();
    if ways > 1 || (closes && ways > 0) {
        return Err(
            "give only one of \"text\", \"escapes\", \"hex\", \"file\", \"request\", \"curl\", \"reply\", \"emit\" and \"shape\":\"close\""
                .into(),
        );
    }
    let bare = |text, shape| Draft { text, coding: Coding::Text, ending: Ending::None, shape, fragments: 0 };
    if let Some(asked) = send.fragments.filter(|asked| !(1..=FRAGMENTS).contains(asked)) {
        return Err(format!("\"fragments\" are 1 to {FRAGMENTS}, and {asked} were asked for"));
    }
    let fragments = send.fragments.unwrap_or(0);
    if fragments > 1 && (matches!(frame, Some(Frame::Ping | Frame::Pong | Frame::Close)) || written.is_empty()) {
        return Err(
            "\"fragments\" are of a text or binary message: control frames are whole (RFC 6455 section 5.5)".into()
        );
    }
    if closes {
        return close(send.code, send.reason).map(|text| bare(text, Shape::Close));
    }
    if others.contains(&true) && (frame.is_some() || ending != Ending::None) {
        return Err("\"request\", \"reply\" and \"emit\" take no \"shape\" and no \"ending\"".into());
    }
    if let Some(request) = send.request {
        return request.write();
    }
    if let Some(curl) = send.curl {
        if !is_curl(&curl) {
            return Err(format!("{curl:?} is no curl command: it begins with curl"));
        }
        return Ok(bare(curl, Shape::Request));
    }
    if let Some(reply) = send.reply {
        return reply.write().map(|text| bare(text, Shape::Reply));
    }
    if let Some(emit) = send.emit {
        return emit.write().map(|text| bare(text, Shape::Event));
    }
    let shape = match frame {
        None | Some(Frame::Close) => Shape::Bytes,
        Some(Frame::Text) => Shape::Text,
        Some(Frame::Binary) => Shape::Binary,
        Some(Frame::Ping) => Shape::Ping,
        Some(Frame::Raw) => Shape::Raw,
        Some(Frame::Pong) => Shape::Pong,
    };
    let (coding, text) = match (written.pop(), shape) {
        (Some(written), _) => written,
        (None, Shape::Ping | Shape::Pong) => (Coding::Text, String::new()),
        (None, _) => {
            return Err("give what to send: \"text\", \"escapes\", \"hex\", \"file\", \"request\" or \"reply\"".into());
        }
    };
    let draft = Draft { text, coding, ending, shape, fragments };
    draft.encode().map_err(|Rejection(reason)| reason)?;
    Ok(draft)
}

/// `1000 reason`, or nothing (RFC 6455 section 5.5.1: the reason has at most 123 bytes, and needs a code).
fn close(code: Option<u16>, reason: Option<String>) -> Result<String, String> {
    match (code, reason) {
        (None, None) => Ok(String::new()),
        (None, Some(_)) => Err("a close frame with a reason has a code, such as \"code\":1000".into()),
        (Some(_), Some(reason)) if reason.len() > 123 => Err("a close frame's reason has at most 123 bytes".into()),
        (Some(code), Some(reason)) => Ok(format!("{code} {reason}")),
        (Some(code), None) => Ok(code.to_string()),
    }
}

impl Reply {
    fn write(self) -> Result<String, String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("{} is no status a response can end with: write one from 200 to 599", self.status));
        }
        Ok(format!("{}\n{}\n{}", self.status, self.headers.lines()?, self.body))
    }
}

/// Gives a draft the shape that the protocol it goes to wants: text on a WebSocket is a text message,
/// bytes a binary one.
///
/// # Errors
/// What that protocol cannot carry, and what it can.
pub fn suit(draft: Draft, scheme: Scheme) -> Result<Draft, Rejection> {
    if draft.fragments > 1 && !scheme.is_ws() {
        return Err(Rejection(format!("{scheme} has no fragments: they are for ws and wss")));
    }
    let shape = match (draft.shape, scheme) {
        (Shape::Bytes, scheme) if scheme.is_ws() => match draft.coding {
            Coding::Text | Coding::Escapes => Shape::Text,
            Coding::Hex | Coding::File => Shape::Binary,
        },
        (Shape::Bytes, scheme) if scheme.is_http() => {
            return Err(Rejection(format!(
                "{scheme} carries messages: give \"request\" to a client, \"reply\" to a listener, or \"shape\":\"raw\" to a client"
            )));
        }
        // HTTP/2 has pings; which version a socket speaks is its own business.
        (Shape::Ping, scheme) if scheme.is_http() => Shape::Ping,
        (shape @ (Shape::Text | Shape::Binary | Shape::Ping | Shape::Pong | Shape::Close | Shape::Event), scheme)
            if !scheme.is_ws() =>
        {
            return Err(Rejection(format!("{scheme} has no {}: that is for ws and wss", shape.name())));
        }
        (shape @ (Shape::Request | Shape::Reply | Shape::Raw), scheme) if !scheme.is_http() => {
            return Err(Rejection(format!("{scheme} has no {}: that is for http and https", shape.name())));
        }
        (shape, _) => shape,
    };
    if shape == Shape::Text && draft.coding == Coding::Escapes {
        // A text message is UTF-8 (RFC 6455 section 5.6); escapes may say otherwise.
        let bytes = draft.encode()?;
        if std::str::from_utf8(&bytes).is_err() {
            let text = escape(&bytes);
            return Err(Rejection(format!("\"{text}\" is not UTF-8: give it \"shape\":\"binary\"")));
        }
    }
    Ok(Draft { shape, ..draft })
}
