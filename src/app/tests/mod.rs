//! The app against a small world that answers its queries as the hub would: keys in, state and effects
//! out.

mod any;
mod browse;
mod compose;
mod form;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::model::event::{Event, Kind};
use crate::model::handshake::Handshake;
use crate::model::id::{EndpointId, SocketId};
use crate::model::life::Life;
use crate::model::spec::Spec;
use crate::model::tally::Count;
use crate::model::time::Stamp;
use crate::model::url::{Role, Url};
use crate::model::view::{EndpointRow, Query, Rate, SPARK, SocketList, State, Timeline, Window};

/// What runs, as the hub would know it.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub now: u64,
    pub endpoints: Vec<EndpointRow>,
    pub sockets: Vec<SocketRow>,
    /// Every timeline has the same events.
    pub events: std::ops::Range<u64>,
    pub handshake: Option<Handshake>,
}

pub(super) fn endpoint(id: u32, role: Role, url: &str) -> EndpointRow {
    EndpointRow {
        id: EndpointId(id),
        spec: Arc::new(Spec::new(role, Url::parse(url, role).unwrap())),
        state: State::Up,
        local: None,
        open: 0,
        ever: 0,
        count: Count::default(),
        rate: Rate::default(),
        spark: [0; SPARK],
    }
}

pub(super) fn socket(id: u32, endpoint: &EndpointRow) -> SocketRow {
    SocketRow {
        id: SocketId(id),
        endpoint: endpoint.id,
        scheme: endpoint.spec.scheme(),
        accepted: true,
        peer: SocketAddr::from(([127, 0, 0, 1], 50_000 + id as u16)),
        local: None,
        life: Life::Open,
        end: None,
        opened: Stamp(0),
        closed: None,
        count: Count::default(),
        rate: Rate::default(),
        kernel: None,
        packets_known: true,
        blocked: false,
        seen: None,
        folded: 0,
    }
}

impl World {
    /// A listener for each of tcp, udp, http, ws and a TLS client, ids from 1; no sockets.
    pub fn five() -> Self {
        let endpoints = vec![
            endpoint(1, Role::Listen, "tcp://:8124"),
            endpoint(2, Role::Listen, "udp://:41234"),
            endpoint(3, Role::Listen, "http://:8180"),
            endpoint(4, Role::Listen, "ws://:8181"),
            endpoint(5, Role::Connect, "tls://localhost:8443"),
        ];
        Self { endpoints, events: 0..10, ..Self::default() }
    }

    /// A socket more, of an endpoint by its id.
    pub fn with(mut self, id: u32, of: u32) -> Self {
        let row = self.endpoints.iter_mut().find(|row| row.id.0 == of).unwrap();
        row.open += 1;
        self.sockets.push(socket(id, row));
        self
    }

    pub fn life(&mut self, id: u32, life: Life) {
        self.sockets.iter_mut().find(|row| row.id.0 == id).unwrap().life = life;
    }

    pub fn answer(&self, query: &Query) -> Snapshot {
        let words: Vec<_> = query.list.filter.split_whitespace().collect();
        let shown: Vec<_> = self
            .sockets
            .iter()
            .filter(|row| query.list.endpoint.is_none_or(|id| row.endpoint == id))
            .filter(|row| words.iter().all(|word| format!("{} {}", row.scheme, row.peer).contains(word)))
            .collect();
        let at = shown.iter().position(|row| Some(row.id) == query.list.around).unwrap_or(0);
        let first = at.saturating_sub(query.list.rows);
        let sockets = SocketList {
            total: shown.len(),
            all: self.sockets.len(),
            first,
            rows: shown.iter().skip(first).take(query.list.rows * 3).map(|row| (*row).clone()).collect(),
            top: shown.first().map(|row| row.id),
            bottom: shown.last().map(|row| row.id),
        };
        let socket = match query.subject {
            Some(Subject::Socket(id)) => self.sockets.iter().find(|row| row.id == id).cloned(),
            _ => None,
        };
        Snapshot {
            now: Stamp(self.now),
            endpoints: self.endpoints.clone(),
            open: self.sockets.iter().filter(|row| !row.life.is_closed()).count(),
            timeline: query.subject.map(|subject| self.timeline(subject, query)),
            sockets,
            socket,
            handshake: self.handshake.clone(),
            ..Snapshot::default()
        }
    }

    fn timeline(&self, subject: Subject, query: &Query) -> Timeline {
        let mut range = self.events.clone();
        if let Some(until) = query.until {
            range.end = range.end.min(until.0).max(range.start);
        }
        let (from, rows) = match query.window.unwrap_or(Window::Last { rows: 0 }) {
            Window::Last { rows } => (range.end.saturating_sub(rows as u64).max(range.start), rows),
            Window::From { seq, rows } => (seq.clamp(range.start, range.end), rows),
        };
        let event = |seq| Event { seq, at: Stamp(seq), kind: Kind::Data, size: 2, head: b"hi".to_vec() };
        Timeline {
            subject,
            dropped: range.start,
            events: (from..range.end).take(rows).map(event).collect(),
            before: None,
            framed: None,
            inspected: query
                .inspect
                .filter(|_| !range.is_empty())
                .map(|seq| event(seq.clamp(range.start, range.end - 1))),
            range,
        }
    }
}

/// A person at the app.
pub(super) struct Rig {
    pub app: App,
    pub world: World,
}

impl Rig {
    pub fn new(world: World) -> Self {
        let mut rig = Self { app: App::new(Vec::new()), world };
        let viewport = Viewport {
            endpoints: 3,
            sockets: 4,
            timeline: 5,
            inspector: 4,
            inspector_lines: 40,
            ..Viewport::default()
        };
        rig.app.update(Msg::Viewport(viewport));
        rig.look();
        rig
    }

    /// A frame: until the answer is to the question that is asked now.
    pub fn look(&mut self) {
        for _ in 0..3 {
            let query = self.app.query();
            let picture = self.app.picture(self.world.answer(&query));
            self.app.update(Msg::Saw(Arc::new(picture)));
        }
    }

    /// Keys by name, separated by spaces; a word that names none is typed. A frame after each.
    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for word in keys.split(' ') {
            for key in named(word) {
                effects.extend(self.app.update(Msg::Key(key)));
                self.look();
            }
        }
        effects
    }

    pub fn notice(&self) -> &str {
        self.app.notice.as_ref().map_or("", |notice| &notice.text)
    }

    /// The footer as one reads it.
    pub fn footer(&self) -> String {
        keymap::hints(&self.app).iter().map(|(key, label)| format!("{key} {label}")).collect::<Vec<_>>().join("  ")
    }
}

fn named(word: &str) -> Vec<Key> {
    match word {
        "Enter" => vec![Key::Enter],
        "Esc" => vec![Key::Esc],
        "Tab" => vec![Key::Tab],
        "S-Tab" => vec![Key::BackTab],
        "Space" => vec![Key::Char(' ')],
        "Up" => vec![Key::Up],
        "Down" => vec![Key::Down],
        "Left" => vec![Key::Left],
        "Right" => vec![Key::Right],
        "PgUp" => vec![Key::PageUp],
        "PgDn" => vec![Key::PageDown],
        "Home" => vec![Key::Home],
        "End" => vec![Key::End],
        "Back" => vec![Key::Backspace],
        _ => match word.strip_prefix('^') {
            Some(letter) => letter.chars().map(Key::Ctrl).collect(),
            None => word.chars().map(Key::Char).collect(),
        },
    }
}
