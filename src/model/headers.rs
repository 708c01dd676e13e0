//! Header fields as a person writes them: in their order, in their case, a name as often as it stands there.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An object, whose values may be lists; or pairs, where a name comes twice with others between.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers(pub Vec<(String, String)>);

/// What an object may have for a name.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a value is a text, or a list of texts for a line each")]
enum Value {
    One(String),
    Each(Vec<String>),
}

impl Headers {
    pub fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }

    /// # Errors
    /// The first field that cannot be sent, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let good = |value: &str| value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
        match self.0.iter().find(|(name, value)| !is_token(name) || !good(value)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(format!("the header {name:?} cannot be sent: names are letters, digits and -, values one line"))
            }
        }
    }

    /// A line each.
    ///
    /// # Errors
    /// See [`Headers::check`].
    pub fn lines(&self) -> Result<String, String> {
        self.check()?;
        Ok(self.0.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
    }
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers such as {\"accept\":\"*/*\"} or [[\"accept\",\"*/*\"]]")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Headers, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    match value {
                        Value::One(value) => fields.push((name, value)),
                        Value::Each(values) => fields.extend(values.into_iter().map(|value| (name.clone(), value))),
                    }
                }
                Ok(Headers(fields))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Headers, S::Error> {
                let mut fields = Vec::new();
                while let Some(field) = list.next_element()? {
                    fields.push(field);
                }
                Ok(Headers(fields))
            }
        }
        input.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_a_list_and_pairs_keep_their_order() {
        let read = |text: &str| serde_json::from_str::<Headers>(text).map_err(|error| error.to_string());
        let names =
            |text: &str| read(text).unwrap().0.into_iter().map(|(name, value)| name + &value).collect::<Vec<_>>();
        assert_eq!(names(r#"{"b":"1","A":["2","3"],"c":"4"}"#), ["b1", "A2", "A3", "c4"]);
        assert_eq!(names(r#"[["b","1"],["a","2"],["b","3"]]"#), ["b1", "a2", "b3"]);
        assert!(read(r#"{"a":1}"#).unwrap_err().contains("a text, or a list of texts"));
        let table: Headers = toml::from_str("z = '1'\na = ['2', '3']\nm = '4'").unwrap();
        assert_eq!(table.lines().unwrap(), "z: 1\na: 2\na: 3\nm: 4\n");
        assert!(read(r#"{"a b":"1"}"#).unwrap().check().unwrap_err().contains("cannot be sent"));
        assert!(read(r#"{"a":"1\n2"}"#).unwrap().lines().unwrap_err().contains("cannot be sent"));
    }
}
