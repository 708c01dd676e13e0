//! Engine.IO 4 and Socket.IO 5 packets, as they stand inside WebSocket messages (the protocol documents of
//! socket.io: engine-io-protocol v4, socket-io-protocol v5). Pure: text in, packets out, and back.
//!
//! A text message is one Engine.IO packet: a digit and its data. `4` carries a Socket.IO packet:
//! `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`. The attachments are the binary messages behind it.

use std::borrow::Cow;

use serde_json::Value;

use super::draft::Rejection;

/// Attachments that one packet may announce; more is no packet but an attack on whoever gathers them.
pub const ATTACHMENTS: u32 = 1024;
/// A namespace or an event name that is kept with a packet, in bytes; the rest is in the payload.
pub const NAME: usize = 128;

/// What a packet is, in the documents' words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    Open,
    Close,
    Ping,
    Pong,
    /// An Engine.IO message that is no Socket.IO packet.
    Message,
    Upgrade,
    Noop,
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
    BinaryEvent,
    BinaryAck,
    /// A binary message that belongs to a binary event or ack before it.
    Attachment,
    /// Nothing that either protocol knows.
    Malformed,
}

impl Type {
    pub const ALL: [Self; 16] = [
        Self::Open,
        Self::Close,
        Self::Ping,
        Self::Pong,
        Self::Message,
        Self::Upgrade,
        Self::Noop,
        Self::Connect,
        Self::Disconnect,
        Self::Event,
        Self::Ack,
        Self::ConnectError,
        Self::BinaryEvent,
        Self::BinaryAck,
        Self::Attachment,
        Self::Malformed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Message => "message",
            Self::Upgrade => "upgrade",
            Self::Noop => "noop",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Event => "event",
            Self::Ack => "ack",
            Self::ConnectError => "connect_error",
            Self::BinaryEvent => "binary_event",
            Self::BinaryAck => "binary_ack",
            Self::Attachment => "attachment",
            Self::Malformed => "malformed",
        }
    }

    /// Which of the two protocols it belongs to.
    pub fn layer(self) -> &'static str {
        match self {
            Self::Open | Self::Close | Self::Ping | Self::Pong | Self::Message | Self::Upgrade | Self::Noop => {
                "engine.io"
            }
            _ => "socket.io",
        }
    }

    fn digit(self) -> Option<char> {
        match self {
            Self::Connect => Some('0'),
            Self::Disconnect => Some('1'),
            Self::Event => Some('2'),
            Self::Ack => Some('3'),
            Self::ConnectError => Some('4'),
            Self::BinaryEvent => Some('5'),
            Self::BinaryAck => Some('6'),
            _ => None,
        }
    }

    fn of_digit(digit: u8) -> Option<Self> {
        let all = [
            Self::Connect,
            Self::Disconnect,
            Self::Event,
            Self::Ack,
            Self::ConnectError,
            Self::BinaryEvent,
            Self::BinaryAck,
        ];
        all.get(usize::from(digit.checked_sub(b'0')?)).copied()
    }

    fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// What a timeline says of a packet; its arguments are the event's payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    pub what: Type,
    /// Empty on Engine.IO's own packets.
    pub namespace: Box<str>,
    /// Of an event.
    pub name: Option<Box<str>>,
    pub id: Option<u64>,
    /// Announced by it; of an attachment, how many there are.
    pub attachments: u32,
    /// Of an attachment, from 1.
    pub index: u32,
    /// Nanoseconds from a ping to the pong that this is.
    pub rtt: Option<u64>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            what: Type::Message,
            namespace: Box::default(),
            name: None,
            id: None,
            attachments: 0,
            index: 0,
            rtt: None,
        }
    }
}

impl Head {
    pub fn of(packet: &Packet<'_>) -> Self {
        let short = |text: &str| head(text, NAME).into();
        Self {
            what: packet.what,
            namespace: short(packet.namespace),
            name: packet.event().map(|name| short(&name)),
            id: packet.id,
            attachments: packet.attachments,
            ..Self::default()
        }
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.namespace.len() + self.name.as_ref().map_or(0, |name| name.len())
    }
}

/// A packet as it was read: everything but its data owned by nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    pub what: Type,
    /// `/` where none is written. Empty on Engine.IO's own packets.
    pub namespace: &'a str,
    /// Of an event that wants an acknowledgement, and of the acknowledgement.
    pub id: Option<u64>,
    pub attachments: u32,
    /// JSON of a Socket.IO packet, the data of an Engine.IO one; of a malformed one all of it.
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads the text of a message, or the beginning of it: data may be cut, what stands before it may not.
    pub fn read(text: &'a str) -> Self {
        let engine = |what, data| Self { what, namespace: "", id: None, attachments: 0, data };
        let Some(data) = text.get(1..) else { return engine(Type::Malformed, text) };
        match text.as_bytes().first() {
            Some(b'0') => engine(Type::Open, data),
            Some(b'1') if data.is_empty() => engine(Type::Close, data),
            Some(b'2') => engine(Type::Ping, data),
            Some(b'3') => engine(Type::Pong, data),
            Some(b'4') => Self::socket(data).unwrap_or(engine(Type::Message, data)),
            Some(b'5') if data.is_empty() => engine(Type::Upgrade, data),
            Some(b'6') if data.is_empty() => engine(Type::Noop, data),
            _ => engine(Type::Malformed, text),
        }
    }

    fn socket(text: &'a str) -> Option<Self> {
        let what = Type::of_digit(*text.as_bytes().first()?)?;
        let mut rest = &text[1..];
        let mut attachments = 0;
        if what.is_binary() {
            let (count, behind) = rest.split_once('-')?;
            attachments = digits(count)?.try_into().ok().filter(|count| *count <= ATTACHMENTS)?;
            rest = behind;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            // Without a comma there is nothing behind the namespace.
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        let id = if end > 0 { Some(digits(&rest[..end])?) } else { None };
        let data = &rest[end..];
        let fits = match what {
            Type::Event | Type::BinaryEvent => data.starts_with('['),
            Type::Ack | Type::BinaryAck => data.starts_with('[') && id.is_some(),
            Type::Disconnect => data.is_empty() && id.is_none(),
            Type::Connect => (data.is_empty() || data.starts_with('{')) && id.is_none(),
            Type::ConnectError => (data.starts_with('{') || data.starts_with('"')) && id.is_none(),
            _ => false,
        };
        fits.then_some(Self { what, namespace, id, attachments, data })
    }

    /// The name of an event: its first argument (a number may be one too).
    pub fn event(&self) -> Option<Cow<'a, str>> {
        if !matches!(self.what, Type::Event | Type::BinaryEvent) {
            return None;
        }
        let list = self.data.strip_prefix('[')?.trim_start();
        let end = if list.starts_with('"') { literal(list)? } else { list.find([',', ']'])? };
        match serde_json::from_str(&list[..end]).ok()? {
            Value::String(name) => Some(Cow::Owned(name)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The arguments as they are written: of an event what stands behind its name, of an acknowledgement all.
    pub fn arguments(&self) -> &'a str {
        let inside = match self.what {
            Type::Event | Type::BinaryEvent | Type::Ack | Type::BinaryAck => {
                self.data.strip_prefix('[').unwrap_or(self.data)
            }
            _ => return self.data,
        };
        // A cut one has no end.
        let inside = inside.strip_suffix(']').unwrap_or(inside).trim();
        if !matches!(self.what, Type::Event | Type::BinaryEvent) {
            return inside;
        }
        let name = if inside.starts_with('"') { literal(inside) } else { inside.find(',') };
        let behind = name.and_then(|end| inside.get(end..)).unwrap_or_default().trim_start();
        behind.strip_prefix(',').unwrap_or(behind).trim_start()
    }

    /// The text of the whole message that carries it.
    pub fn write(&self) -> String {
        let Some(digit) = self.what.digit() else { return self.data.to_owned() };
        let mut text = format!("4{digit}");
        if self.what.is_binary() {
            text.push_str(&format!("{}-", self.attachments));
        }
        if self.namespace != "/" {
            text.push_str(self.namespace);
            text.push(',');
        }
        if let Some(id) = self.id {
            text.push_str(&id.to_string());
        }
        text.push_str(self.data);
        text
    }
}

/// The first bytes of a text, at most so many and no half character.
pub fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// A whole number without a sign.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Where the string literal ends that the text begins with.
fn literal(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Whether a request's target says that Engine.IO 4 follows on this WebSocket: nothing else has both words.
pub fn is_engine(target: &str) -> bool {
    let Some((_, query)) = target.split_once('?') else { return false };
    let has = |pair: &str| query.split('&').any(|other| other == pair);
    has("EIO=4") && has("transport=websocket")
}

/// Events that both of Socket.IO's own libraries keep for themselves: one in a packet is a breach to its receiver.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// What a person wrote as an event: `[/namespace ]name[?] [arguments]`. A `?` behind the name asks for an
/// acknowledgement; a name in quotes is a JSON string; arguments are JSON values with blanks or commas between.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Emit {
    pub namespace: String,
    pub name: String,
    pub arguments: Vec<Value>,
    pub ack: bool,
}

impl Emit {
    /// # Errors
    /// What is missing or no JSON, and what would be right.
    pub fn read(text: &str) -> Result<Self, Rejection> {
        let mut rest = text.trim();
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = rest.trim_start();
        }
        if namespace.contains(',') {
            return Err(Rejection("a namespace has no comma: that ends it in a packet".into()));
        }
        let (name, behind) = if rest.starts_with('"') {
            let end = literal(rest).ok_or_else(|| Rejection("the name of the event has no closing quote".into()))?;
            let name = serde_json::from_str(&rest[..end])
                .map_err(|error| Rejection(format!("the name of the event is no JSON string: {error}")))?;
            (name, &rest[end..])
        } else {
            let end =
                rest.find(|c: char| c.is_whitespace() || matches!(c, '?' | '[' | '{' | '"')).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        if name.is_empty() {
            return Err(Rejection("an event has a name: write chat [\"hello\", 1], or /admin chat? for an ack".into()));
        }
        if RESERVED.contains(&name.as_str()) {
            let all = RESERVED.join(", ");
            return Err(Rejection(format!(
                "\"{name}\" is an event of Socket.IO's own: a peer that receives it breaks off. Reserved are {all}: \
                 take another name"
            )));
        }
        let (ack, behind) = behind.strip_prefix('?').map_or((false, behind), |behind| (true, behind));
        Ok(Self { namespace: namespace.into(), name, arguments: arguments(behind)?, ack })
    }

    /// The event as a person writes it: what [`Emit::read`] reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.namespace != "/" {
            text.push_str(&self.namespace);
            text.push(' ');
        }
        text.push_str(&Value::from(self.name.as_str()).to_string());
        if self.ack {
            text.push('?');
        }
        text.push(' ');
        text.push_str(&Value::from(self.arguments.clone()).to_string());
        text
    }

    /// The message that carries it; `id` where an acknowledgement is asked for.
    pub fn write(&self, id: Option<u64>) -> String {
        let mut list = vec![Value::from(self.name.as_str())];
        list.extend(self.arguments.iter().cloned());
        let data = Value::from(list).to_string();
        Packet { what: Type::Event, namespace: &self.namespace, id, attachments: 0, data: &data }.write()
    }
}

/// One list is the list of arguments; otherwise each value is one.
fn arguments(text: &str) -> Result<Vec<Value>, Rejection> {
    let wrong = |error: serde_json::Error| {
        Rejection(format!("the arguments are no JSON ({error}): write values such as \"hello\" 1 or [\"hello\", 1]"))
    };
    let mut values = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(value) => values.push(value.map_err(wrong)?),
            None => break,
        }
        let read = stream.byte_offset();
        rest = rest[read..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    match values.as_mut_slice() {
        [Value::Array(list)] => Ok(std::mem::take(list)),
        _ => Ok(values),
    }
}

#[cfg(test)]
#[path = "socketio_tests.rs"]
mod tests;
