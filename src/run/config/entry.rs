//! One endpoint as it is written: `listen = URL` or `connect = URL`, and its settings, in one table.
//!
//! The same reader serves TOML and JSON lines. It looks at each key as it passes, so that a complaint
//! is raised while the format still knows where the key or the value stands. Formats hand the keys over
//! in an order of their own: what came before the URL is judged when the URL comes, and pointed at there.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::setting::{self, Row};
use crate::model::spec::{Reply, Settings, Spec};
use crate::model::url::{Role, Scheme, Url};

pub(super) struct Entry(pub Spec);

fn check<E: de::Error>(row: &Row, role: Role, scheme: Scheme) -> Result<(), E> {
    if (row.fits)(role, scheme) { Ok(()) } else { Err(E::custom(row.elsewhere)) }
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

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entry, M::Error> {
                let mut seen = Seen::default();
                let mut settings = Settings::default();
                while let Some(key) = map.next_key_seed(Key { seen: &mut seen })? {
                    match key {
                        Passed::Url(role) => map.next_value_seed(Address { role, seen: &mut seen })?,
                        // More than a word or a line.
                        Passed::Setting(row) if row.name == "reply" => settings.reply = map.next_value()?,
                        Passed::Setting(row) if row.name == "rules" => settings.http.rules = map.next_value()?,
                        Passed::Setting(row) => map.next_value_seed(Setting { row, settings: &mut settings })?,
                    }
                }
                let Some((role, url)) = seen.url else {
                    return Err(de::Error::custom(
                        "an endpoint wants one of listen and connect, such as listen = \"tcp://:9000\"",
                    ));
                };
                check_reply(&settings.reply, url.scheme)?;
                let spec = Spec { role, url, settings };
                spec.check().map_err(|(_, text)| de::Error::custom(text))?;
                Ok(Entry(spec))
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
    early: Vec<&'static Row>,
}

enum Passed {
    Setting(&'static Row),
    Url(Role),
}

/// Takes a key.
struct Key<'a> {
    seen: &'a mut Seen,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Passed;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Passed, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Passed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a setting")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Passed, E> {
        if let Some(role) = [Role::Listen, Role::Connect].into_iter().find(|role| role.name() == key) {
            return match self.seen.url {
                None => Ok(Passed::Url(role)),
                Some(_) => Err(E::custom("an endpoint does one of listen and connect: write two, one for each")),
            };
        }
        let row = match (setting::find(key), &self.seen.url) {
            (Some(row), _) => row,
            (None, Some((role, url))) => {
                return Err(E::custom(setting::unknown(key, setting::fitting(*role, url.scheme))));
            }
            (None, None) => return Err(E::custom(setting::unknown(key, setting::rows()))),
        };
        match &self.seen.url {
            Some((role, url)) => check(row, *role, url.scheme)?,
            None => self.seen.early.push(row),
        }
        Ok(Passed::Setting(row))
    }
}

/// Takes a setting's value.
struct Setting<'a> {
    row: &'static Row,
    settings: &'a mut Settings,
}

impl<'de> DeserializeSeed<'de> for Setting<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        let Words(text) = Words::deserialize(input)?;
        (self.row.set)(self.settings, &text).map_err(de::Error::custom)
    }
}

/// A value as the settings' table reads it: yes or no, a number, a text, or a list of words.
pub struct Words(pub String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false, a number, a text, or a list of words")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Words, E> {
                Ok(Words(if value { "yes" } else { "no" }.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Words, E> {
                Ok(Words(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Words, E> {
                Ok(Words(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Words, E> {
                Ok(Words(value.into()))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Words, S::Error> {
                let mut words: Vec<String> = Vec::new();
                while let Some(word) = list.next_element::<String>()? {
                    if word.is_empty() || word.contains(char::is_whitespace) {
                        return Err(de::Error::custom(format!("{word:?} is no word: write each without blanks")));
                    }
                    words.push(word);
                }
                Ok(Words(words.join(" ")))
            }
        }
        input.deserialize_any(Any)
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
        for row in &self.seen.early {
            check(row, self.role, url.scheme)?;
        }
        self.seen.url = Some((self.role, url));
        Ok(())
    }
}
