//! A request as the fields of `send` give it, in the words in which one would type it.

use serde::Deserialize;

use crate::model::draft::{Coding, Draft, Shape, escape};
use crate::model::headers::Headers;

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
