//! `dialect = "socket.io"`: what a Socket.IO v4 server, or client, says by itself over the websocket transport
//! (engine-io-protocol v4, socket-io-protocol v5): the handshake, heartbeats, namespaces, acknowledgements, and
//! events back as `reply` says. It hears messages and says messages; the conversation carries them.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Wakes, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep};

use crate::model::event::Form;
use crate::model::socketio::{Packet, Type};
use crate::model::spec::Reply;
use crate::model::url::Role;
use crate::model::view::{Facts, Group};

/// Where Socket.IO's clients look for a server if nobody tells them.
const PATH: &str = "/socket.io/";
/// What a client asks for there.
pub const TARGET: &str = "/socket.io/?EIO=4&transport=websocket";
/// Engine.IO's own defaults.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// What the handshake tells a client of the polling transport, which it does not get here: Engine.IO's default.
const MAX_PAYLOAD: u32 = 1_000_000;
/// Namespaces that one client may be in: each costs a name.
const NAMESPACES: usize = 64;

/// What is to be said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Say {
    Text(String),
    Binary(Bytes),
    /// The conversation is over: as the peer wished, or because of what it did.
    Close(Option<&'static str>),
}

/// What keeps a request from becoming a Socket.IO session, if anything does.
pub fn objection(uri: &Uri) -> Option<(StatusCode, String)> {
    let value = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if uri.path() != PATH && uri.path() != PATH.trim_end_matches('/') {
        return Some((StatusCode::NOT_FOUND, format!("Socket.IO is spoken here at {PATH}, not at {}", uri.path())));
    }
    let bad = |why: String| Some((StatusCode::BAD_REQUEST, why));
    match value("EIO") {
        Some("4") => {}
        Some(other) => return bad(format!("Engine.IO {other} is not spoken here, 4 is: Socket.IO 3 and later")),
        None => return bad("the request has no EIO=4: this is an Engine.IO endpoint".into()),
    }
    match (value("transport"), value("sid")) {
        (Some("websocket"), None) => None,
        (Some("websocket"), Some(_)) => bad("there is no session to upgrade: open with the websocket transport".into()),
        _ => bad("only the websocket transport is spoken here: give the client transports: [\"websocket\"]".into()),
    }
}

/// What both sides know of a session: shown on the details page.
#[derive(Default)]
struct State {
    sid: String,
    namespaces: Vec<String>,
}

/// See [`State`].
struct Page(Arc<Mutex<State>>);

impl Facts for Page {
    fn read(&self) -> Vec<Group> {
        let state = self.0.lock();
        let namespaces = if state.namespaces.is_empty() { "none".into() } else { state.namespaces.join(" ") };
        let rows = vec![("sid".into(), state.sid.clone()), ("namespaces".into(), namespaces)];
        vec![Group { title: "Socket.IO".into(), rows }]
    }
}

/// A binary event or acknowledgement whose attachments are on their way.
struct Gathering {
    what: Type,
    namespace: String,
    id: Option<u64>,
    data: String,
    wanted: usize,
    parts: Vec<Bytes>,
    /// Bytes of the parts.
    size: u64,
}

/// See the module.
pub struct Session {
    role: Role,
    state: Arc<Mutex<State>>,
    every: Duration,
    timer: Pin<Box<Sleep>>,
    /// A ping of ours waits for its pong.
    pinged: bool,
    gathering: Option<Gathering>,
    /// Bytes of attachments that may wait for the rest of theirs.
    limit: u64,
    /// Said to each client that comes into a namespace.
    greet: Option<String>,
}

impl Session {
    /// `every`: between two pings of a server; Engine.IO's own default if not said. `limit`: bytes of one packet.
    pub fn new(role: Role, every: Option<Duration>, limit: u64, greet: Option<&Bytes>) -> Self {
        let every = every.unwrap_or(PING_INTERVAL);
        Self {
            role,
            state: Arc::default(),
            every,
            timer: Box::pin(tokio::time::sleep(every)),
            pinged: false,
            gathering: None,
            limit,
            greet: greet.map(|text| String::from_utf8_lossy(text).into_owned()),
        }
    }

    /// What can be told of it.
    pub fn facts(&self) -> Arc<dyn Facts> {
        Arc::new(Page(Arc::clone(&self.state)))
    }

    /// The first word: a server's handshake. A client waits for it.
    pub fn open(&mut self) -> Option<Say> {
        if self.role == Role::Connect {
            return None;
        }
        let sid = sid();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let handshake = json!({
            "sid": sid,
            "upgrades": [],
            "pingInterval": millis(self.every),
            "pingTimeout": millis(PING_TIMEOUT),
            "maxPayload": MAX_PAYLOAD,
        });
        self.state.lock().sid = sid;
        Some(Say::Text(format!("0{handshake}")))
    }

    /// What is said to a message.
    pub fn heard(&mut self, form: Form, bytes: &Bytes, reply: &Reply) -> Vec<Say> {
        let text = match form {
            Form::Text => std::str::from_utf8(bytes).unwrap_or_default(),
            Form::Binary | Form::Datagram => return self.attachment(bytes, reply),
        };
        if self.gathering.is_some() {
            return vec![Say::Close(Some("a text message before all attachments were there"))];
        }
        let packet = Packet::read(text);
        match (packet.what, self.role) {
            (Type::Ping, _) => vec![Say::Text(format!("3{}", packet.data))],
            (Type::Pong, Role::Listen) => {
                self.pinged = false;
                self.timer.as_mut().reset(Instant::now() + self.every);
                Vec::new()
            }
            (Type::Pong | Type::Noop | Type::Upgrade, _) => Vec::new(),
            (Type::Close, _) => vec![Say::Close(None)],
            (Type::Open, Role::Connect) => self.opened(packet.data),
            (Type::Connect, Role::Listen) => self.connect(packet.namespace),
            (Type::Connect, Role::Connect) => {
                self.enter(packet.namespace);
                Vec::new()
            }
            (Type::Disconnect, _) => {
                self.state.lock().namespaces.retain(|name| name != packet.namespace);
                Vec::new()
            }
            (Type::ConnectError, Role::Connect) => Vec::new(),
            (Type::Event | Type::Ack | Type::BinaryEvent | Type::BinaryAck, _) => self.packet(&packet, reply),
            _ => vec![Say::Close(Some("no packet that belongs here"))],
        }
    }

    /// A server's handshake came: a client goes into the main namespace.
    fn opened(&mut self, data: &str) -> Vec<Say> {
        let told = serde_json::from_str::<Value>(data).unwrap_or_default();
        self.state.lock().sid = told["sid"].as_str().unwrap_or_default().chars().take(NAMESPACES).collect();
        vec![Say::Text("40".into())]
    }

    /// Whether there was room.
    fn enter(&self, namespace: &str) -> bool {
        let mut state = self.state.lock();
        if state.namespaces.iter().any(|name| name == namespace) {
            return true;
        }
        let room = state.namespaces.len() < NAMESPACES;
        if room {
            state.namespaces.push(namespace.to_owned());
        }
        room
    }

    fn connect(&mut self, namespace: &str) -> Vec<Say> {
        let answer = |what, data: &Value| {
            let data = data.to_string();
            Say::Text(Packet { what, namespace, id: None, attachments: 0, data: &data }.write())
        };
        if !self.enter(namespace) {
            let why = format!("a client may be in {NAMESPACES} namespaces at the most");
            return vec![answer(Type::ConnectError, &json!({ "message": why }))];
        }
        let mut said = vec![answer(Type::Connect, &json!({ "sid": sid() }))];
        if let Some(greet) = &self.greet {
            said.push(answer(Type::Event, &json!(["message", greet])));
        }
        said
    }

    /// An event or an acknowledgement, of which the attachments may still come.
    fn packet(&mut self, packet: &Packet<'_>, reply: &Reply) -> Vec<Say> {
        if !self.state.lock().namespaces.iter().any(|name| name == packet.namespace) {
            return vec![Say::Close(Some("a packet for a namespace that nobody connected to"))];
        }
        let whole = Gathering {
            what: packet.what,
            namespace: packet.namespace.into(),
            id: packet.id,
            data: packet.data.into(),
            wanted: usize::try_from(packet.attachments).unwrap_or(usize::MAX),
            parts: Vec::new(),
            size: 0,
        };
        if whole.wanted > 0 {
            self.gathering = Some(whole);
            return Vec::new();
        }
        self.answer(whole, reply)
    }

    fn attachment(&mut self, bytes: &Bytes, reply: &Reply) -> Vec<Say> {
        let Some(gathering) = &mut self.gathering else {
            return vec![Say::Close(Some("a binary message that no packet announced"))];
        };
        gathering.size += bytes.len() as u64;
        if gathering.size > self.limit {
            return vec![Say::Close(Some("the attachments of one packet are too large"))];
        }
        gathering.parts.push(bytes.clone());
        match self.gathering.take_if(|gathering| gathering.parts.len() == gathering.wanted) {
            Some(whole) => self.answer(whole, reply),
            None => Vec::new(),
        }
    }

    /// Acknowledges what asked for it, and sends events back as `reply` says. A client only listens.
    fn answer(&self, heard: Gathering, reply: &Reply) -> Vec<Say> {
        let Gathering { what, namespace, id, data, parts, .. } = heard;
        if self.role == Role::Connect || !matches!(what, Type::Event | Type::BinaryEvent) {
            return Vec::new();
        }
        let attachments = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let packet = |what, id, attachments, data: &str| {
            Say::Text(Packet { what, namespace: &namespace, id, attachments, data }.write())
        };
        let mut said = Vec::new();
        match reply {
            Reply::Echo => {
                let binary = what == Type::BinaryEvent;
                let parts = || parts.iter().cloned().map(Say::Binary);
                if id.is_some() {
                    let heard = Packet { what, namespace: &namespace, id, attachments, data: &data };
                    let list = format!("[{}]", heard.arguments());
                    said.push(packet(if binary { Type::BinaryAck } else { Type::Ack }, id, attachments, &list));
                    said.extend(parts());
                }
                said.push(packet(what, None, attachments, &data));
                said.extend(parts());
            }
            Reply::Fixed(fixed) => {
                let text = String::from_utf8_lossy(&fixed.text.0);
                if id.is_some() {
                    said.push(packet(Type::Ack, id, 0, &json!([text]).to_string()));
                }
                said.push(packet(Type::Event, None, 0, &json!(["message", text]).to_string()));
            }
            Reply::None | Reply::Hold => {}
        }
        said
    }

    /// Ready with a ping that is due, or with the end of a client that answered none.
    pub fn poll(&mut self, wakes: &mut Wakes<'_>) -> Poll<Say> {
        if self.role == Role::Connect || self.timer.as_mut().poll(wakes).is_pending() {
            return Poll::Pending;
        }
        // Where it says the end, the conversation polls no more.
        self.timer.as_mut().reset(Instant::now() + PING_TIMEOUT);
        if self.timer.as_mut().poll(wakes).is_ready() {
            wakes.waker().wake_by_ref();
        }
        Poll::Ready(match std::mem::replace(&mut self.pinged, true) {
            false => Say::Text("2".into()),
            true => Say::Close(Some("a ping was not answered in 20 s")),
        })
    }
}

/// A name for a session, as Engine.IO's are: 20 characters that can stand in a URL. Unique, and no secret: a
/// session of the one transport spoken here cannot be taken over by its name.
fn sid() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = || RandomState::new().build_hasher().finish();
    let mut bits = u128::from(random()) << 64 | u128::from(random());
    let mut sid = String::with_capacity(20);
    for _ in 0..20 {
        sid.push(char::from(LETTERS[usize::try_from(bits & 63).unwrap_or(0)]));
        bits >>= 6;
    }
    sid
}

#[cfg(test)]
mod tests;
