//! `messages`: a socket's chunks as the messages that a framing makes of them, a line each.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{VERSION, to_line};
use crate::model::event::Way;
use crate::model::framer::{Framing, Message, Standing, Trust};
use crate::model::id::SocketId;

/// Events looked at, if nothing else is asked for.
const EVENTS: usize = 1_000;
/// The same at the most: with a full head each they are 40 MB.
const MOST: usize = 10_000;

/// Which messages are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    pub socket: SocketId,
    /// Another framing than is set: nothing is changed by it.
    pub framing: Option<Framing>,
    /// The event to begin with, and how many.
    pub from: u64,
    pub events: usize,
    pub way: Option<Way>,
}

impl Look {
    /// # Errors
    /// What was wrong with the fields.
    pub fn read(fields: Map<String, Value>) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wanted {
            socket: u32,
            framing: Option<String>,
            #[serde(default)]
            from: u64,
            events: Option<usize>,
            way: Option<Side>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Side {
            In,
            Out,
        }
        let wanted: Wanted = serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
        let framing = wanted.framing.map(|text| text.parse()).transpose()?;
        let events = wanted.events.unwrap_or(EVENTS);
        if !(1..=MOST).contains(&events) {
            return Err(format!("\"events\" is a number from 1 to {MOST}"));
        }
        let way = wanted.way.map(|side| match side {
            Side::In => Way::In,
            Side::Out => Way::Out,
        });
        Ok(Self { socket: SocketId(wanted.socket), framing, from: wanted.from, events, way })
    }
}

/// One message as one line, without its line end.
pub fn message_line(socket: SocketId, framing: &Framing, message: &Message) -> String {
    let way = if message.way == Way::In { "in" } else { "out" };
    let mut line = json!({
        "v": VERSION,
        "event": "framed",
        "socket": socket.0,
        "framing": framing.to_string(),
        "way": way,
        "number": message.number,
        "number_is": match message.trust {
            _ if message.number == 0 => "unknown",
            Trust::Sure => "sure",
            Trust::Counted => "counted",
            Trust::Assumed => "assumed",
        },
        "size": message.size,
        "whole": message.standing == Standing::Whole && !message.torn,
    });
    let missing = match message.standing {
        Standing::Open { missing } | Standing::Broken { missing } => missing,
        Standing::Whole => None,
    };
    if let Some(missing) = missing {
        line["missing"] = missing.into();
    }
    if matches!(message.standing, Standing::Broken { .. }) {
        line["broken"] = true.into();
    }
    let body = message.body(framing);
    if message.hidden() > 0 {
        line["kept"] = (message.size - message.hidden()).into();
    }
    match String::from_utf8(body) {
        Ok(text) => line["text"] = text.into(),
        Err(error) => line["hex"] = hex::encode(error.as_bytes()).into(),
    }
    let chunks = message.parts.iter().map(|part| json!({ "seq": part.seq, "from": part.from, "size": part.len }));
    line["chunks"] = chunks.collect();
    if message.more > 0 {
        line["more_chunks"] = message.more.into();
    }
    to_line(&line)
}
