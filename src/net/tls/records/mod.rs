//! A passive watch on the wire side of TLS: the records as they cross, and what the handshake says in them.
//!
//! It lies between the wire's probe and rustls, and changes nothing. Records are counted by their type;
//! messages in the clear are decoded, and what is encrypted is opened with our own keys (see `open`) as far
//! as a timeline tells of it: the handshake, session tickets, alerts. Application data is only counted.
//! Whatever a peer sends, the watch holds at most one record, one message and [`HELD`] bytes that wait for a key.

mod cut;
mod hello;
mod names;
mod open;
mod plain;
mod read;
mod said;
mod seen;
mod suites;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use self::cut::{Cut, Cutter, Head, Joiner};
pub use self::names::{alert, cipher};
pub use self::open::Keys;
use self::open::{Opener, Secret, Suite};
pub use self::plain::{Astray, spoken};
use self::read::Reader;
pub use self::seen::Seen;
use crate::hub::Recorder;
use crate::model::event::{Kind, Way};
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::tls::{Flight, Step};
use crate::model::url::Role;

/// Bytes of records that wait for their key: a server's whole flight may come before rustls has made it.
const HELD: usize = 64 << 10;
/// Records that wait for their key.
const WAITING: usize = 64;
/// Records of one direction that are opened after the handshake, to find session tickets: servers send them
/// first. Opening all of them would double the cost of encryption.
const LOOKED: u32 = 16;
/// What an alert and a KeyUpdate are long in TLS 1.3: found by their size wherever they come.
const ALERT: u16 = 2 + 1 + 16;
const KEY_UPDATE: u16 = 5 + 1 + 16;
/// Steps told in one line; a handshake has ten in all.
const STEPS: usize = 32;

/// How far one direction has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    #[default]
    Clear,
    /// TLS 1.2 after a ChangeCipherSpec.
    Sealed,
    /// TLS 1.3 after the ServerHello.
    Handshake,
    /// TLS 1.3 after this side's Finished.
    Traffic,
    /// It cannot be followed: records are counted and no more.
    Lost,
}

impl Stage {
    /// Whether a record's body is worth keeping. `is_looked_at`: data is opened too, for what may be in it.
    fn wants(self, head: Head, is_looked_at: bool) -> bool {
        match self {
            Self::Clear | Self::Sealed => head.kind != 23,
            Self::Handshake => true,
            Self::Traffic => head.kind != 23 || is_looked_at || matches!(head.len, ALERT | KEY_UPDATE),
            Self::Lost => false,
        }
    }
}

#[derive(Default)]
struct Side {
    cutter: Cutter,
    joiner: Joiner,
    stage: Stage,
    opener: Option<Opener>,
    /// Records whose key is not there yet, and when they crossed.
    waiting: VecDeque<(Head, Option<Vec<u8>>, Stamp)>,
    held: usize,
    /// Records opened since the handshake.
    looked: u32,
}

impl Side {
    fn lose(&mut self) {
        self.stage = Stage::Lost;
        self.opener = None;
        self.waiting = VecDeque::new();
        self.held = 0;
        self.joiner = Joiner::default();
    }
}

/// The watch. See the module.
pub struct Records {
    record: Recorder,
    clock: Clock,
    role: Role,
    keys: Arc<Keys>,
    seen: Arc<Seen>,
    /// In and out.
    sides: [Side; 2],
    /// When the handshake's first byte crossed.
    started: Option<Stamp>,
    /// When what is handled crossed.
    at: Stamp,
    random: [u8; 32],
    /// The session that the client named.
    session: Box<[u8]>,
    hello_seen: bool,
    early: bool,
    suite: Option<Suite>,
    is_tls13: bool,
    /// What has crossed and is not told yet: one write of ours comes in pieces.
    flight: Option<Flight>,
    tickets: Option<(Stamp, Way, u16, u32, u32)>,
    /// Sides whose Finished has crossed.
    finished: u8,
    /// The first bytes that came in, until it is clear that they are TLS.
    first: Vec<u8>,
    /// Application data has come since the clear side last had nothing more to deliver.
    data: bool,
    /// An alert that came behind it: it is told behind it.
    behind: Option<Kind>,
}

/// First bytes that are kept, for the sentence that says what they are.
const FIRST: usize = 32;

impl Records {
    pub fn new(record: Recorder, clock: Clock, role: Role, keys: Arc<Keys>, seen: Arc<Seen>) -> Self {
        seen.story().handshake.role = role;
        Self {
            record,
            clock,
            role,
            keys,
            seen,
            sides: <[Side; 2]>::default(),
            started: None,
            at: Stamp::default(),
            random: [0; 32],
            session: Box::default(),
            hello_seen: false,
            early: false,
            suite: None,
            is_tls13: false,
            flight: None,
            tickets: None,
            finished: 0,
            first: Vec::new(),
            data: false,
            behind: None,
        }
    }

    fn is_client(&self, way: Way) -> bool {
        (way == Way::Out) == (self.role == Role::Connect)
    }

    fn side(&mut self, way: Way) -> &mut Side {
        &mut self.sides[way as usize]
    }

    fn take(&mut self, way: Way, mut bytes: &[u8]) {
        if way == Way::In {
            self.settle();
            self.deliver();
        } else {
            self.open_waiting();
        }
        self.at = self.clock.now();
        if self.started.is_none() {
            self.started = Some(self.at);
            self.seen.story().handshake.began = self.started;
        }
        if way == Way::In && self.first.len() < FIRST && self.seen.records(Way::In) == 0 {
            let n = bytes.len().min(FIRST - self.first.len());
            self.first.extend_from_slice(&bytes[..n]);
            self.seen.story().came = true;
        }
        while !bytes.is_empty() {
            let Side { cutter, stage, looked, waiting, .. } = self.side(way);
            let is_looked_at = *looked < LOOKED || !waiting.is_empty();
            match cutter.next(&mut bytes, |head| stage.wants(head, is_looked_at)) {
                Cut::Record(head, body) => {
                    self.seen.count(way, head.kind, head.len);
                    self.enqueue(way, head, body);
                }
                Cut::More => {}
                Cut::Alien => {
                    if way == Way::In && self.seen.records(Way::In) == 0 {
                        self.seen.story().first = Some(self.first.clone().into());
                    }
                    self.side(way).lose();
                }
            }
        }
        // Within the handshake what we send is told together, as soon as nothing more is written; and what came with
        // records that wait for their key is told with them.
        let is_whole = way == Way::In && self.side(way).waiting.is_empty();
        if is_whole || self.finished >= 2 {
            self.tell();
        }
    }

    /// A record: handled now, or behind those that wait for their key.
    fn enqueue(&mut self, way: Way, head: Head, body: Option<Vec<u8>>) {
        if self.side(way).waiting.is_empty() {
            if let Err(body) = self.handle(way, head, body) {
                self.wait(way, head, body);
            }
        } else {
            self.wait(way, head, body);
        }
    }

    fn wait(&mut self, way: Way, head: Head, body: Option<Vec<u8>>) {
        let now = self.at;
        let side = self.side(way);
        if side.stage == Stage::Lost {
            return;
        }
        side.held += body.as_ref().map_or(0, Vec::len);
        side.waiting.push_back((head, body, now));
        if side.held > HELD || side.waiting.len() > WAITING {
            side.lose();
        }
    }

    /// Handles what waited for a key that is there by now.
    fn open_waiting(&mut self) {
        for way in [Way::In, Way::Out] {
            if self.side(way).waiting.is_empty() {
                continue;
            }
            while let Some((head, body, at)) = self.side(way).waiting.pop_front() {
                let len = body.as_ref().map_or(0, Vec::len);
                self.at = at;
                if let Err(body) = self.handle(way, head, body) {
                    self.side(way).waiting.push_front((head, body, at));
                    break;
                }
                let side = self.side(way);
                side.held = side.held.saturating_sub(len);
            }
        }
    }

    /// One record; its body back if the key is not there yet.
    fn handle(&mut self, way: Way, head: Head, body: Option<Vec<u8>>) -> Result<(), Option<Vec<u8>>> {
        match (self.side(way).stage, head.kind) {
            (Stage::Lost, _) => {}
            (Stage::Clear, 20) => {
                self.step(way, "change_cipher_spec", 1, false);
                if self.suite.is_some() && !self.is_tls13 {
                    self.side(way).stage = Stage::Sealed;
                }
            }
            (Stage::Clear, 21 | 22) => self.content(way, head.kind, body.as_deref().unwrap_or_default(), false),
            // Data before any key: 0-RTT of a client that we do not take.
            (Stage::Clear, _) => {}
            // For old middle boxes, in the clear and without a number (RFC 8446 appendix D.4).
            (Stage::Handshake | Stage::Traffic, 20) => self.step(way, "change_cipher_spec", 1, false),
            // From a peer that has no key yet, or never will.
            (Stage::Handshake | Stage::Traffic, 21 | 22) => {
                self.content(way, head.kind, body.as_deref().unwrap_or_default(), false);
            }
            (Stage::Sealed | Stage::Handshake | Stage::Traffic, _) => return self.sealed(way, head, body),
        }
        Ok(())
    }

    fn sealed(&mut self, way: Way, head: Head, body: Option<Vec<u8>>) -> Result<(), Option<Vec<u8>>> {
        if self.side(way).opener.is_none() {
            let stage = self.side(way).stage;
            let secret = match (stage, self.is_client(way)) {
                (Stage::Handshake, true) => Secret::ClientHandshake,
                (Stage::Handshake, false) => Secret::ServerHandshake,
                (Stage::Traffic, true) => Secret::ClientTraffic,
                (Stage::Traffic, false) => Secret::ServerTraffic,
                (Stage::Clear | Stage::Sealed | Stage::Lost, _) => Secret::Master,
            };
            let is_client = self.is_client(way);
            let found = self.suite.as_ref().and_then(|suite| Opener::new(&self.keys, suite, secret, is_client));
            let Some(opener) = found else { return Err(body) };
            self.side(way).opener = Some(opener);
        }
        let is_early = self.early && self.is_client(way);
        let side = self.side(way);
        let Some(opener) = &mut side.opener else { return Ok(()) };
        let Some(mut body) = body else {
            opener.skip();
            self.data |= way == Way::In && head.kind == 23;
            return Ok(());
        };
        side.looked += u32::from(side.stage == Stage::Traffic);
        match opener.open(head, &mut body) {
            Some((kind @ (21 | 22), content)) => {
                let content = content.to_vec();
                self.content(way, kind, &content, true);
            }
            Some(_) => self.data |= way == Way::In,
            // 0-RTT that is thrown away has a key of its own.
            None if is_early && side.stage == Stage::Handshake && opener.seq() == 0 => {}
            None => {
                side.lose();
                self.seen.story().lost = true;
            }
        }
        Ok(())
    }

    /// The content of a record of alerts or handshake messages.
    fn content(&mut self, way: Way, kind: u8, content: &[u8], sealed: bool) {
        if kind == 21 {
            if let [_, description] = content {
                let name = names::alert(*description);
                self.seen.story().alerts[way as usize] = Some(name);
                let alert = Kind::Alert { way, name };
                if way == Way::Out || !self.data {
                    return self.tell_event(sealed, alert);
                }
                self.tell();
                self.seen.story().handshake.keep(self.at, sealed, alert.clone());
                if let Some(earlier) = self.behind.replace(alert) {
                    self.record.event(earlier);
                }
            }
            return;
        }
        if !self.side(way).joiner.push(content) {
            self.side(way).lose();
            return;
        }
        while let Some((kind, body)) = self.side(way).joiner.next() {
            self.message(way, kind, &body, sealed);
        }
    }

    fn message(&mut self, way: Way, kind: u8, body: &[u8], sealed: bool) {
        match kind {
            1 => {
                if let Some(mut client) = hello::client(body, way) {
                    client.hello.again = std::mem::replace(&mut self.hello_seen, true);
                    (self.random, self.early) = (client.random, client.hello.early);
                    self.session = client.session;
                    // A server that says what a client says echoes: it speaks no TLS.
                    self.seen.story().echoed |= !self.is_client(way);
                    return self.tell_event(false, Kind::ClientHello(Arc::new(client.hello)));
                }
            }
            2 => {
                if let Some(mut server) = hello::server(body, way) {
                    let is_named = !server.session.is_empty() && server.session == self.session;
                    server.answer.resumes |= is_named && server.version < 0x0304;
                    self.chosen(&server);
                    return self.tell_event(false, Kind::ServerHello(Arc::new(server.answer)));
                }
            }
            4 => return self.ticket(way, body),
            20 => {
                self.finished = self.finished.saturating_add(1);
                let side = self.side(way);
                if side.stage == Stage::Handshake {
                    (side.stage, side.opener) = (Stage::Traffic, None);
                }
            }
            24 => self.update(way),
            8 | 11 | 12 | 15 => {
                said::note(&mut self.seen.story(), (way, kind), body, self.is_tls13, self.is_client(way))
            }
            _ => {}
        }
        self.step(way, names::message(kind), body.len(), sealed);
    }

    /// From the ServerHello on it is known how the rest is encrypted.
    fn chosen(&mut self, server: &hello::Server) {
        if server.answer.retry {
            return;
        }
        self.is_tls13 = server.version == 0x0304;
        self.suite = Suite::find(server.cipher, server.random, self.random);
        for side in &mut self.sides {
            match (&self.suite, self.is_tls13) {
                (None, _) => side.lose(),
                (Some(_), true) => side.stage = Stage::Handshake,
                (Some(_), false) => {}
            }
        }
    }

    fn update(&mut self, way: Way) {
        let Some(suite) = self.suite else { return };
        let side = self.side(way);
        match side.opener.as_ref().and_then(|opener| opener.updated(&suite)) {
            Some(next) if side.stage == Stage::Traffic => side.opener = Some(next),
            _ => side.lose(),
        }
    }

    /// RFC 8446 section 4.6.1, RFC 5077 section 3.3.
    fn ticket(&mut self, way: Way, body: &[u8]) {
        let mut body = Reader(body);
        let ticket = (|| {
            let lifetime = body.u32()?;
            if self.is_tls13 {
                body.u32()?;
                body.short()?;
            }
            Some((lifetime, body.long()?.0.len()))
        })();
        if let Some((lifetime, len)) = ticket {
            // TLS 1.2 sends it before its Finished, TLS 1.3 behind: told in that order.
            if self.flight.is_some() || self.tickets.is_some_and(|tickets| tickets.1 != way) {
                self.tell();
            }
            let (at, _, count, _, bytes) = self.tickets.unwrap_or((self.at, way, 0, 0, 0));
            let len = u32::try_from(len).unwrap_or(u32::MAX);
            self.tickets = Some((at, way, count.saturating_add(1), lifetime, bytes.saturating_add(len)));
        }
    }

    fn step(&mut self, way: Way, name: &'static str, len: usize, sealed: bool) {
        let is_other = self.flight.as_ref().is_some_and(|flight| flight.way != way || flight.steps.len() >= STEPS);
        if is_other || self.tickets.is_some() {
            self.tell();
        }
        let since = self.started.map_or(0, |started| nanos(self.at.since(started)));
        let flight = self.flight.get_or_insert_with(|| Flight { way, sealed, since, steps: Vec::new() });
        flight.sealed |= sealed;
        flight.steps.push(Step { name, len: u32::try_from(len).unwrap_or(u32::MAX) });
    }

    /// An event, behind what came before it.
    fn tell_event(&mut self, sealed: bool, kind: Kind) {
        self.tell();
        self.keep(self.at, sealed, kind);
    }

    fn keep(&self, at: Stamp, sealed: bool, kind: Kind) {
        self.seen.story().handshake.keep(at, sealed, kind.clone());
        self.record.event(kind);
    }

    /// The messages that wait to be told, in one line.
    fn tell(&mut self) {
        if let Some(flight) = self.flight.take() {
            let at = self.started.map_or(Stamp(flight.since), |start| start.plus(Duration::from_nanos(flight.since)));
            self.keep(at, flight.sealed, Kind::Handshake(Arc::new(flight)));
        }
        if let Some((at, way, count, lifetime, bytes)) = self.tickets.take() {
            self.seen.story().tickets += u32::from(count);
            self.keep(at, self.is_tls13, Kind::SessionTicket { way, count, lifetime, bytes });
        }
    }
}
