//! What a person asked for: an endpoint, its behaviour, and the limits of the whole program.
//! One set of types for the command line, TOML, JSON lines and the form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::draft::{escape, unescape};
use super::headers::Headers;
use super::multicast::is_many;
use super::setting;
use super::size;
use super::url::{Host, Role, Scheme, Url};

/// An endpoint as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    pub role: Role,
    pub url: Url,
    pub settings: Settings,
}

impl Spec {
    pub fn new(role: Role, url: Url) -> Self {
        Self { role, url, settings: Settings::default() }
    }

    pub fn scheme(&self) -> Scheme {
        self.url.scheme
    }

    /// TLS from the start, or by the lines of a protocol that lead there.
    pub fn comes_to_tls(&self) -> bool {
        self.scheme().is_secure() || (self.scheme() == Scheme::Tcp && self.settings.tls.starttls.is_on())
    }

    /// What the settings are beside each other and the URL; each for itself was checked where it was read.
    ///
    /// # Errors
    /// The name of the setting that does not fit, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.settings.reply.fits(self.scheme()).map_err(|text| ("reply", text))?;
        let Settings { udp, .. } = &self.settings;
        let bound = match (self.role, &self.url.host) {
            _ if self.scheme() != Scheme::Udp => None,
            // What a name stands for is known when it is looked up.
            (_, Host::Name(_)) => None,
            (Role::Listen, Host::Ip(ip)) => Some(*ip),
            (Role::Connect, Host::Ip(ip)) if udp.connected && !is_many(*ip) && !udp.join.is_empty() => {
                return Err(("join", "a connected client hears its one peer alone: set connected to no".into()));
            }
            (Role::Connect, Host::Ip(ip)) => Some(udp.from.map_or_else(|| unspecified(*ip), |from| from.ip())),
        };
        let joins = bound.into_iter().flat_map(|local| udp.join.iter().map(move |join| join.heard_at(local)));
        joins.collect::<Result<(), String>>().map_err(|text| ("join", text))
    }
}

/// Every address of a family.
fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// How an endpoint behaves. How each field is written is told by the tables in [`setting`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// What a listener answers. Clients ignore it.
    pub reply: Reply,
    /// Sent to each peer when it connects: the server speaks first.
    pub greet: Option<Escaped>,
    /// A line for the endpoint's own timeline for each message that comes in, with `{message}`,
    /// `{address}` and `{port}` filled in.
    pub show: Option<String>,
    /// Tell when a connection was silent for so long (Node's `setTimeout`): the socket stays open.
    pub timeout: Option<Duration>,
    /// After the peer's FIN keep our side open (Node's `allowHalfOpen`).
    pub half_open: bool,
    pub tcp: setting::tcp::Tcp,
    pub udp: setting::udp::Udp,
    pub http: setting::http::Http,
    pub ws: setting::ws::Ws,
    pub tls: setting::tls::Tls,
}

impl Settings {
    /// The same with one of them changed, as people write it.
    ///
    /// # Errors
    /// There is no such setting, or what is wrong with the text.
    pub fn with(mut self, name: &str, text: &str) -> Result<Self, String> {
        let row = setting::find(name).ok_or_else(|| setting::unknown(name, setting::rows()))?;
        (row.set)(&mut self, text)?;
        Ok(self)
    }
}

/// What a listener answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reply {
    /// TCP, UDP, WebSocket: the same back. HTTP: 200 with a description of the request.
    #[default]
    Echo,
    /// Nothing. An HTTP exchange stays open.
    None,
    /// HTTP: a person answers each exchange by hand.
    Hold,
    /// Always this.
    Fixed(Fixed),
}

/// A fixed answer. Outside HTTP only the text is sent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fixed {
    pub text: Escaped,
    /// HTTP status, 200 if left out.
    pub status: Option<u16>,
    pub headers: Headers,
}

impl Reply {
    /// The words of [`Reply::name`].
    pub const NAMES: &[&str] = &["echo", "none", "text", "hold"];

    /// Becomes what a word says; a fixed answer that is there stays.
    ///
    /// # Errors
    /// The words there are.
    pub fn choose(&mut self, word: &str) -> Result<(), String> {
        *self = match (word, &*self) {
            ("echo", _) => Self::Echo,
            ("none", _) => Self::None,
            ("hold", _) => Self::Hold,
            ("text", Self::Fixed(_)) => return Ok(()),
            ("text", _) => Self::Fixed(Fixed::default()),
            _ => return Err(format!("\"{word}\" is no reply: there are {}", Self::NAMES.join(", "))),
        };
        Ok(())
    }

    /// # Errors
    /// It has no meaning over a scheme: there nobody waits for an answer.
    pub fn fits(&self, scheme: Scheme) -> Result<(), String> {
        if *self != Self::Hold || scheme.is_http() {
            return Ok(());
        }
        Err(format!("a {scheme} peer waits for no answer: leave \"hold\" to http and https"))
    }

    /// One word for a column.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::None => "none",
            Self::Hold => "hold",
            Self::Fixed(_) => "text",
        }
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Reply;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"echo\", \"none\", over HTTP \"hold\", or a fixed answer such as { text = \"hello\\n\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Reply, E> {
                match text {
                    "echo" => Ok(Reply::Echo),
                    "none" => Ok(Reply::None),
                    "hold" => Ok(Reply::Hold),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Reply, M::Error> {
                Fixed::deserialize(de::value::MapAccessDeserializer::new(map)).map(Reply::Fixed)
            }
        }
        input.deserialize_any(Reader)
    }
}

/// Bytes written as text with escapes (`\n`, `\xNN`, `\u{...}`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Escaped(pub Bytes);

impl std::fmt::Display for Escaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl<'de> Deserialize<'de> for Escaped {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        unescape(&text).map(|bytes| Self(bytes.into())).map_err(de::Error::custom)
    }
}

impl Serialize for Escaped {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

/// The bounds of the whole program; each can be set, and each has its reason here.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// All timelines together, in bytes. They are a window; the counters are exact without them.
    #[serde(deserialize_with = "read_bytes")]
    pub memory: u64,
    /// Connections open at once on one listener; the next wait in the kernel's backlog.
    pub connections: u32,
    /// UDP peers remembered on one endpoint; the longest silent makes room.
    pub peers: u32,
    /// Closed sockets kept listed.
    pub closed: u32,
    /// An HTTP head, in bytes; a longer one is answered 431.
    #[serde(deserialize_with = "read_bytes")]
    pub http_head: u64,
    /// How long an HTTP head may take; a slower one is answered 408.
    #[serde(deserialize_with = "read_span")]
    pub http_head_time: Duration,
    /// How long nothing may come of an HTTP request's body while we read it; a slower one is answered 408.
    #[serde(deserialize_with = "read_span")]
    pub http_body_time: Duration,
    /// A WebSocket message, in bytes; a longer one is closed with 1009.
    #[serde(deserialize_with = "read_bytes")]
    pub ws_message: u64,
    /// How long a connect or a TLS or WebSocket handshake may take, and a close frame may wait for its answer.
    #[serde(deserialize_with = "read_span")]
    pub handshake_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            connections: 10_000,
            peers: 1_000,
            closed: 200,
            http_head: 64 << 10,
            http_head_time: Duration::from_secs(30),
            http_body_time: Duration::from_secs(30),
            ws_message: 64 << 20,
            handshake_time: Duration::from_secs(10),
        }
    }
}

fn read_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(u64),
        Text(String),
    }
    match Size::deserialize(input)? {
        Size::Number(n) => Ok(n),
        Size::Text(text) => size::parse_bytes(&text).map_err(de::Error::custom),
    }
}

fn read_span<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    size::parse_span(&String::deserialize(input)?).map_err(de::Error::custom)
}
