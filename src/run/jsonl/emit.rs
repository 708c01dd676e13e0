//! `emit`: a Socket.IO event as JSON, in the words of Socket.IO's own `emit`.

use serde::Deserialize;
use serde_json::Value;

use crate::model::socketio;

/// `{"name":"chat","args":["hello",1],"namespace":"/admin","ack":true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Emit {
    name: String,
    #[serde(default)]
    args: Vec<Value>,
    namespace: Option<String>,
    /// Ask for an acknowledgement.
    #[serde(default)]
    ack: bool,
}

impl Emit {
    /// The event as a person writes it.
    ///
    /// # Errors
    /// It has no name, or a namespace that is none.
    pub fn write(self) -> Result<String, String> {
        let namespace = self.namespace.unwrap_or_else(|| "/".into());
        if !namespace.starts_with('/') || namespace.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(format!("{namespace:?} is no namespace: write one such as /admin"));
        }
        let emit = socketio::Emit { namespace, name: self.name, arguments: self.args, ack: self.ack };
        let text = emit.text();
        socketio::Emit::read(&text).map(|_| text).map_err(|rejection| rejection.0)
    }
}
