//! Everything that reads what others wrote, by name: each takes any bytes, and neither panics nor goes beyond its
//! bounds. Fuzzing drives them for hours (`fuzz`), `cargo test` for a moment (`tests/noise.rs`).

use super::config;
use super::jsonl::{self, Follower};
use crate::model::event::{Kind, Way};
use crate::model::framer::{Framing, Slices};
use crate::model::rule::Rules;
use crate::model::spec::Settings;
use crate::model::url::{Role, Scheme, Url};
use crate::model::{draft, setting, size, socketio};
use crate::net::noise;
use crate::pki::noise::READERS;

/// Takes any bytes.
pub type Target = fn(&[u8]);
type Reader = fn(&str);

/// What reads text; bytes that are none are shown to it as text in any case.
const TEXTS: &[(&str, Reader)] = &[
    ("url", |text| {
        for role in [Role::Listen, Role::Connect] {
            if let Ok(url) = Url::parse(text, role) {
                // What was read is written so that it is read again as the same.
                assert_eq!(Url::parse(&url.to_string(), role).as_ref(), Ok(&url));
            }
        }
    }),
    ("draft", noise::typed),
    ("escapes", |text| {
        if let Ok(bytes) = draft::unescape(text) {
            assert_eq!(draft::unescape(&draft::escape(&bytes)).ok(), Some(bytes));
        }
    }),
    ("config", |text| drop(config::parse(text, "noise.toml"))),
    ("command", |text| drop(jsonl::parse_command(text))),
    ("settings", settings),
    ("rules", |text| {
        if let Ok(rules) = Rules::parse(text) {
            assert_eq!(Rules::parse(&rules.to_string()), Ok(rules));
        }
    }),
    ("sizes", |text| {
        let _ = (size::parse_bytes(text), size::parse_span(text));
    }),
    ("socketio", |text| {
        let packet = socketio::Packet::read(text);
        let _ = (packet.event(), packet.arguments(), packet.write());
        let _ = socketio::Emit::read(text);
    }),
    ("filter", filter),
];

/// What reads bytes, besides the watches.
const BYTES: &[(&str, Target)] = &[("dns", noise::dns), ("starttls", noise::starttls), ("framing", framing)];

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    let watches = noise::WATCHES.iter().map(|row| row.0);
    let readers = BYTES.iter().chain(READERS);
    watches.chain(readers.map(|row| row.0)).chain(TEXTS.iter().map(|row| row.0))
}

/// Puts bytes through the one of a name. Whether there is such a one.
///
/// # Panics
/// On a fault that was found.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    if let Some((_, scheme, make)) = noise::WATCHES.iter().find(|row| row.0 == name) {
        if let Some((hub, _)) = noise::through(*scheme, *make, bytes) {
            // What was recorded can be written down, one JSON object a line.
            let mut out = Vec::new();
            let written = Follower::default().drain(&hub, &mut out);
            assert!(written.is_ok());
            for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let value: Result<serde_json::Value, _> = serde_json::from_slice(line);
                assert!(value.is_ok_and(|value| value["v"] == jsonl::VERSION), "{}", String::from_utf8_lossy(line));
            }
        }
        return true;
    }
    if let Some((_, target)) = BYTES.iter().chain(READERS).find(|row| row.0 == name) {
        target(bytes);
        return true;
    }
    let text = TEXTS.iter().find(|row| row.0 == name);
    text.inspect(|(_, target)| target(&String::from_utf8_lossy(bytes))).is_some()
}

/// `NAME VALUE`: what a setting takes, it writes so that it takes it again.
fn settings(text: &str) {
    let (name, value) = text.split_once([' ', '=']).unwrap_or((text, ""));
    let rows = setting::rows().filter(|row| name.is_empty() || row.name == name.trim());
    for row in rows {
        let mut settings = Settings::default();
        if (row.set)(&mut settings, value).is_ok() {
            let written = (row.get)(&settings);
            assert_eq!((row.set)(&mut settings, &written), Ok(()), "{}", row.name);
            assert_eq!((row.get)(&settings), written, "{}", row.name);
        }
    }
}

fn filter(text: &str) {
    if let Some((hub, id, _record)) = noise::socket(Scheme::Tcp, Role::Listen) {
        let endpoint = hub.endpoint_of(id);
        let found = endpoint.map_or_else(Vec::new, |endpoint| hub.matching(endpoint, text));
        assert!(found.len() <= 1);
    }
}

/// The first byte says how messages are framed, the second in how large chunks they come: no byte is in two messages,
/// and none is lost.
fn framing(bytes: &[u8]) {
    let [form, piece, stream @ ..] = bytes else { return };
    let form = Framing::FORMS[usize::from(*form) % Framing::FORMS.len()];
    let (Ok(framing), Some((hub, id, record))) = (form.parse::<Framing>(), noise::socket(Scheme::Tcp, Role::Listen))
    else {
        return;
    };
    for part in stream.chunks(usize::from(*piece).max(1)) {
        record.payload(Kind::Data, part);
    }
    let Some(timeline) = hub.events(id.into(), 0, usize::MAX) else { return };
    let mut slices = Slices::new(framing);
    slices.take(&timeline.events);
    let messages = slices.messages(&timeline.events);
    let whole: u64 = messages.iter().map(|message| message.size).sum();
    if !slices.framing().is_none() {
        assert_eq!(whole, stream.len() as u64, "{messages:?}");
    }
    assert!(messages.iter().all(|message| message.way == Way::In));
}
