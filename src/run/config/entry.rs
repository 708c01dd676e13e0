//! One endpoint as it is written: `listen = URL` or `connect = URL`, and its settings, in one table.
//!
//! The same reader serves TOML and JSON lines. It looks at each key as it passes, so that a complaint
//! is raised while the format still knows where the key or the value stands. Formats hand the keys over
//! in an order of their own: what came before the URL is judged when the URL comes, and pointed at there.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::model::spec::{Reply, Settings, Spec};
use crate::model::url::{Role, Scheme, Url};

pub(super) struct Entry(pub Spec);

/// A setting, where it has a meaning, and what to say elsewhere.
struct Fit(&'static str, fn(Role, Scheme) -> bool, &'static str);

const FITS: &[Fit] = &[
    Fit("reply", |role, _| role == Role::Listen, "reply is what a listener answers; a client sends only what you send"),
    Fit(
        "greet",
        |role, scheme| role == Role::Listen && !scheme.is_http() && scheme != Scheme::Udp,
        "greet is for tcp, tls, ws and wss listeners: there a peer connects and the server can speak first",
    ),
    Fit(
        "half_open",
        |_, scheme| matches!(scheme, Scheme::Tcp | Scheme::Tls),
        "half_open is for tcp and tls: the other protocols decide themselves when a connection ends",
    ),
    Fit("timeout", |_, scheme| scheme != Scheme::Udp, "timeout is for connections: udp has none"),
    Fit("insecure", tls_client, "insecure is for clients over TLS: connect to tls://, https:// or wss://"),
    Fit("ca", tls_client, "ca is for clients over TLS: connect to tls://, https:// or wss://"),
    Fit("server_name", tls_client, "server_name is for clients over TLS: connect to tls://, https:// or wss://"),
    Fit("subprotocols", |_, scheme| scheme.is_ws(), "subprotocols are for ws and wss"),
];

fn tls_client(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && scheme.is_secure()
}

fn check<E: de::Error>(key: &str, role: Role, scheme: Scheme) -> Result<(), E> {
    match FITS.iter().find(|fit| fit.0 == key && !fit.1(role, scheme)) {
        Some(fit) => Err(E::custom(fit.2)),
        None => Ok(()),
    }
}

/// The reply's own fields, which only HTTP can carry.
fn check_reply<E: de::Error>(reply: &Reply, scheme: Scheme) -> Result<(), E> {
    let Reply::Fixed(fixed) = reply else { return Ok(()) };
    if !scheme.is_http() && (fixed.status.is_some() || !fixed.headers.is_empty()) {
        return Err(E::custom(format!("a {scheme} reply has no status and no headers: leave them to http and https")));
    }
    if let Some(status) = fixed.status.filter(|status| !(200..=599).contains(status)) {
        return Err(E::custom(format!("{status} is no status a response can end with: write one from 200 to 599")));
    }
    if let Some(name) = fixed.headers.iter().find_map(|(name, value)| bad_header(name, value).then_some(name)) {
        return Err(E::custom(format!(
            "the header {name:?} cannot be sent: names are letters, digits and -, values one line"
        )));
    }
    Ok(())
}

fn bad_header(name: &str, value: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_err() || http::HeaderValue::from_str(value).is_err()
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an endpoint: listen or connect, and its settings")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Entry, M::Error> {
                let mut seen = Seen::default();
                let settings =
                    Settings::deserialize(de::value::MapAccessDeserializer::new(Split { map, seen: &mut seen }))?;
                let Some((role, url)) = seen.url else {
                    return Err(de::Error::custom(
                        "an endpoint wants one of listen and connect, such as listen = \"tcp://:9000\"",
                    ));
                };
                check_reply(&settings.reply, url.scheme)?;
                Ok(Entry(Spec { role, url, settings }))
            }
        }
        input.deserialize_map(Table)
    }
}

/// What has passed so far.
#[derive(Default)]
struct Seen {
    url: Option<(Role, Url)>,
    /// Settings that came before the URL said whether they fit.
    early: Vec<&'static str>,
}

/// A table without its `listen` and `connect`.
struct Split<'a, M> {
    map: M,
    seen: &'a mut Seen,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Split<'_, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        let mut seed = Some(seed);
        loop {
            match self.map.next_key_seed(Key { seed: &mut seed, seen: self.seen })? {
                None => return Ok(None),
                Some(Passed::Setting(key)) => return Ok(Some(key)),
                Some(Passed::Url(role)) => self.map.next_value_seed(Address { role, seen: self.seen })?,
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.map.next_value_seed(seed)
    }
}

enum Passed<K> {
    Setting(K),
    Url(Role),
}

/// Takes a key: the URL's are ours, the others are for whoever holds the seed.
struct Key<'a, K> {
    seed: &'a mut Option<K>,
    seen: &'a mut Seen,
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, K> {
    type Value = Passed<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Key<'_, K> {
    type Value = Passed<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a setting")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if let Some(role) = [Role::Listen, Role::Connect].into_iter().find(|role| role.name() == key) {
            return match self.seen.url {
                None => Ok(Passed::Url(role)),
                Some(_) => Err(E::custom("an endpoint does one of listen and connect: write two, one for each")),
            };
        }
        if let Some((role, url)) = &self.seen.url {
            check(key, *role, url.scheme)?;
        } else if let Some(fit) = FITS.iter().find(|fit| fit.0 == key) {
            self.seen.early.push(fit.0);
        }
        // A map's visitor asks for a key once for each seed; the loop above ends with the first it hands on.
        let seed = self.seed.take().ok_or_else(|| E::custom("a key was asked for twice"))?;
        seed.deserialize(de::value::StrDeserializer::new(key)).map(Passed::Setting)
    }
}

/// Takes a URL for its role.
struct Address<'a> {
    role: Role,
    seen: &'a mut Seen,
}

impl<'de> DeserializeSeed<'de> for Address<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Address<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL such as \"tcp://127.0.0.1:9000\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let url = Url::parse(text, self.role).map_err(E::custom)?;
        for key in &self.seen.early {
            check(key, self.role, url.scheme)?;
        }
        self.seen.url = Some((self.role, url));
        Ok(())
    }
}
