//! What a person wrote down: endpoints and limits as TOML, one endpoint as JSON.
//!
//! Every error says where (file, line, column, with the line itself) and what would be right. The
//! defaults are a file too, so that what is printed and what runs are one.

mod entry;

use std::fmt;

use serde::Deserialize;

use self::entry::Entry;
pub use self::entry::Words;
use crate::model::spec::{Limits, Spec};

/// The commented default, as `--print-config` prints it and as it runs when nothing else is asked for.
pub const DEFAULT: &str = include_str!("../default.toml");

/// Endpoints one file may ask for: a slip of a generator, not a wish.
const MOST_ENDPOINTS: usize = 1000;

/// What a configuration file says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    pub endpoints: Vec<Spec>,
    pub limits: Limits,
}

/// Where a configuration is wrong, and how. Shows as
///
/// ```text
/// config.toml:3:10: "ftp" is no scheme: there are tcp, udp, http, https, ws, wss, tls
///   |
/// 3 | listen = "ftp://a"
///   |          ^^^^^^^^^
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    pub file: String,
    /// Line and column, from 1; `None` where the fault is in what the whole says.
    pub at: Option<(usize, usize)>,
    pub message: String,
    /// The line with a caret under the fault; may be empty.
    pub excerpt: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    endpoint: Vec<Entry>,
}

/// Reads a configuration. `file` is the name that errors carry.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(text: &str, file: &str) -> Result<Config, ConfigError> {
    let whole = |message: String| ConfigError { file: file.into(), at: None, message, excerpt: String::new() };
    let read: File = toml::from_str(text).map_err(|error| point_at(&error, text, file))?;
    if let Some(name) = zero(&read.limits) {
        return Err(whole(format!("limits.{name} is 0, and nothing would work: write at least 1")));
    }
    if read.endpoint.len() > MOST_ENDPOINTS {
        return Err(whole(format!(
            "{} endpoints are more than the {MOST_ENDPOINTS} one file may have",
            read.endpoint.len()
        )));
    }
    Ok(Config { endpoints: read.endpoint.into_iter().map(|entry| entry.0).collect(), limits: read.limits })
}

/// The configuration that runs when nothing else is asked for.
///
/// # Errors
/// None as long as the tests pass: it is the program's own file.
pub fn builtin() -> Result<Config, ConfigError> {
    parse(DEFAULT, "default.toml")
}

/// Reads one endpoint: what a `[[endpoint]]` table holds, as a JSON object.
///
/// # Errors
/// A sentence that says what is wrong and what would be right.
pub fn endpoint_from_json(value: serde_json::Value) -> Result<Spec, String> {
    serde_json::from_value(value).map(|Entry(spec)| spec).map_err(|error| error.to_string())
}

/// The limit that is zero and must not be. No closed sockets kept is a wish one can have.
fn zero(limits: &Limits) -> Option<&'static str> {
    let rows = [
        ("memory", limits.memory == 0),
        ("connections", limits.connections == 0),
        ("peers", limits.peers == 0),
        ("http_head", limits.http_head == 0),
        ("http_head_time", limits.http_head_time.is_zero()),
        ("http_body_time", limits.http_body_time.is_zero()),
        ("ws_message", limits.ws_message == 0),
        ("handshake_time", limits.handshake_time.is_zero()),
    ];
    rows.iter().find(|row| row.1).map(|row| row.0)
}

fn point_at(error: &toml::de::Error, text: &str, file: &str) -> ConfigError {
    let message = error.message().trim_end().to_owned();
    let at = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    });
    // Behind its first line, which says what ours says, and before the message: the line and the caret.
    let shown = error.to_string();
    let excerpt = match shown.split_once('\n') {
        Some((_, rest)) if at.is_some() => rest.trim_end().strip_suffix(message.as_str()).unwrap_or(rest).trim_end(),
        _ => "",
    };
    ConfigError { file: file.into(), at, message, excerpt: excerpt.into() }
}

#[cfg(test)]
mod tests;
