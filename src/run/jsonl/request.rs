//! A request as the fields of `send` give it, in the words in which one would type it.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::draft::{Coding, Draft, Shape, escape};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    method: String,
    target: String,
    headers: Headers,
    body: String,
    /// Instead of `body`: it leaves in these chunks.
    chunks: Vec<String>,
    trailers: Headers,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            target: "/".into(),
            headers: Headers::default(),
            body: String::new(),
            chunks: Vec::new(),
            trailers: Headers::default(),
        }
    }
}

impl Request {
    /// As one would type it.
    pub fn write(self) -> Result<Draft, String> {
        if http::Method::from_bytes(self.method.as_bytes()).is_err() {
            return Err(format!("{:?} is no method: write a word such as GET", self.method));
        }
        if self.target.is_empty() || self.target.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("{:?} is no target: write a path such as /a?b=c, without spaces", self.target));
        }
        let start = format!("{} {}\n{}", self.method, self.target, self.headers.lines()?);
        if self.chunks.is_empty() && self.trailers.0.is_empty() {
            let text = format!("{start}\n{}", self.body);
            return Ok(Draft { text, shape: Shape::Request, ..Draft::default() });
        }
        if !self.body.is_empty() {
            return Err("give \"body\" or \"chunks\", not both".into());
        }
        let chunked = if self.headers.has("transfer-encoding") { "" } else { "transfer-encoding: chunked\n" };
        let names: Vec<&str> = self.trailers.0.iter().map(|(name, _)| &**name).collect();
        let announced = match names[..] {
            [] => String::new(),
            _ if self.headers.has("trailer") => String::new(),
            _ => format!("trailer: {}\n", names.join(", ")),
        };
        // Escaped, so that an empty line within a chunk does not part it.
        let mut parts: Vec<String> = self.chunks.iter().map(|chunk| escape(chunk.as_bytes())).collect();
        if !names.is_empty() {
            parts.push(self.trailers.lines()?);
        }
        let text = format!("{start}{chunked}{announced}\n{}", parts.join("\n\n"));
        Ok(Draft { text, coding: Coding::Escapes, shape: Shape::Request, ..Draft::default() })
    }
}

/// Header fields in the order they were given: an object, or pairs where a name comes twice.
#[derive(Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }

    /// A line each.
    pub fn lines(&self) -> Result<String, String> {
        let mut lines = String::new();
        for (name, value) in &self.0 {
            let good =
                http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok();
            if !good {
                return Err(format!(
                    "the header {name:?} cannot be sent: names are letters, digits and -, values one line"
                ));
            }
            lines.push_str(&format!("{name}: {value}\n"));
        }
        Ok(lines)
    }
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
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
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
