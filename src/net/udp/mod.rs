//! UDP: one socket, many peers, each a row with its own timeline. Datagrams keep their borders, and what the
//! kernel says of each is told: see [`port`]. What looks like DNS is read ([`dns`]).
//!
//! One task for one socket, listener or client alike; a connected client has one peer for its whole life.

mod dialogue;
pub(super) mod dns;
mod facts;
mod groups;
mod options;
mod peers;
mod port;
mod said;

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::dialogue::Dialogue;
use self::facts::Socket;
use self::groups::Groups;
use self::peers::Peers;
use self::port::{Arrived, Port};
use super::{BoxFuture, Command, Context, Inbox, Info, Letter, MAILBOX, Payload, Protocol, dial, errno};
use crate::hub::Recorder;
use crate::model::datagram::Note;
use crate::model::draft::{DATAGRAM, Draft, Rejection};
use crate::model::end::{End, Fault, Op};
use crate::model::event::{Form, Framing, Kind, Way};
use crate::model::multicast::{Join, is_many};
use crate::model::setting::udp::Udp as Settings;
use crate::model::spec::Reply;
use crate::model::time::nanos;
use crate::model::url::Scheme;
use crate::model::view::State;

pub struct Udp;

/// Datagrams taken in one go before mail and cancellation are looked at again.
const BURST: usize = 64;
/// Ports where nothing but DNS is expected (RFC 1035 section 4.2, RFC 6762 section 3).
const DNS: [u16; 2] = [53, 5353];
/// How long after a datagram the kernel is asked what it dropped behind it: the last ones of a flood are
/// announced by nothing.
const AFTERMATH: Duration = Duration::from_millis(200);

impl Protocol for Udp {
    fn info(&self) -> &'static Info {
        &Info { plain: Scheme::Udp, secure: None, help: "datagrams: every peer a row, echo or what you type" }
    }

    fn compose(&self, draft: &Draft) -> Result<Payload, Rejection> {
        let bytes = draft.encode()?;
        if bytes.len() > DATAGRAM {
            return Err(Rejection(format!("{} bytes do not fit a datagram: {DATAGRAM} at most", bytes.len())));
        }
        Ok(Payload::Bytes(bytes.into()))
    }

    fn serve(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(serve(cx))
    }

    fn connect(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(connect(cx))
    }
}

async fn serve(cx: Context) -> Result<(), Fault> {
    let port = bind(&cx).await?;
    let local = port.local;
    cx.log.event(Kind::Listening { local: Box::new(local) });
    cx.hub.set_state(cx.endpoint, State::Up, Some(local));
    Talk::new(cx, port, None).run().await.map(drop)
}

async fn connect(cx: Context) -> Result<(), Fault> {
    let asked = &cx.spec.settings.udp;
    let (told, found) = dial::looked_up(&cx).await;
    told.iter().for_each(|told| cx.log.event(told.clone()));
    let peer = *found?.first().ok_or_else(dial::nowhere)?;
    let from = asked.from.unwrap_or_else(|| Port::any(peer));
    let mut port = Port::bind(from, asked)?;
    // From a group or a broadcast address nobody answers: who is connected to one hears nothing.
    let opened = if asked.connected && !is_many(peer.ip()) {
        let began = cx.hub.clock().now();
        port.connect(peer).await.map_err(|error| errno::fault(Op::Connect, &error))?;
        Kind::Connect { peer: Box::new(peer), took: nanos(cx.hub.clock().now().since(began)).max(1) }
    } else {
        Kind::Listening { local: Box::new(port.local) }
    };
    cx.log.event(opened.clone());
    let talk = Talk::new(cx, port, Some((peer, told.into_iter().chain([opened]).collect())));
    // Its peer's row is there by now: whoever waits for the endpoint can send.
    talk.cx.hub.set_state(talk.cx.endpoint, State::Up, Some(talk.port.local));
    let log = talk.cx.log.clone();
    let end = talk.run().await?;
    log.event(Kind::Close(Box::new(end)));
    Ok(())
}

async fn bind(cx: &Context) -> Result<Port, Fault> {
    let mut last = dial::nowhere();
    for address in dial::resolve(cx).await?.into_iter().flat_map(|address| dial::candidates(cx, address)) {
        match Port::bind(address, &cx.spec.settings.udp) {
            Ok(port) => return Ok(port),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// One socket at work.
struct Talk {
    cx: Context,
    port: Port,
    /// What the endpoint was told to be at last.
    asked: Settings,
    groups: Groups,
    /// What of the options was refused at last: it is told once.
    refused: Option<Fault>,
    peers: Peers,
    /// A client's peer: when that is closed, the client is over.
    home: Option<SocketAddr>,
    dialogue: Dialogue,
    letters: Inbox,
    /// When to ask for what was dropped behind the last datagram.
    aftermath: Option<Instant>,
    /// What the details page shows of it.
    facts: Arc<Socket>,
}

/// What a letter or a datagram means for the loop.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Over,
}

impl Talk {
    /// `home`: a client's peer, and what led to it.
    fn new(cx: Context, port: Port, home: Option<(SocketAddr, Vec<Kind>)>) -> Self {
        let (mail, letters) = mpsc::channel(MAILBOX);
        let mut peers = Peers::new(&cx, port.local, mail);
        let home = home.map(|(home, steps)| {
            peers.dialled(home, steps);
            home
        });
        let (groups, dialogue) = (Groups::default(), Dialogue::default());
        let facts = Socket::tell(&port, &cx.log);
        let asked = cx.spec.settings.udp.clone();
        let (refused, aftermath) = (None, None);
        let mut talk = Self { cx, port, asked, groups, refused, peers, home, dialogue, letters, aftermath, facts };
        talk.set_options();
        talk.set_groups();
        talk
    }

    /// Makes the socket what the options say; what is refused is told, and the others go on.
    fn set_options(&mut self) {
        let local = self.port.local.ip();
        let outcome = options::apply(&self.port.options(), local.is_ipv6(), &self.asked);
        let refused = outcome.err().map(|error| errno::fault(Op::Set, &error));
        if let Some(fault) = refused.clone().filter(|fault| self.refused.as_ref() != Some(fault)) {
            self.cx.log.error(fault);
        }
        self.refused = refused;
    }

    /// Joins and leaves as the settings say. What could not be joined is tried again when the groups are set again.
    fn set_groups(&mut self) {
        let local = self.port.local.ip();
        let mut join = self.asked.join.clone();
        // Who listens at a group's own address wants to hear it.
        if local.is_multicast() && !join.iter().any(|join| join.group == local) {
            join.push(Join { group: local, via: None });
        }
        let told = self.groups.apply(&self.port, &join, self.asked.multicast_via.as_ref());
        // Whoever reads of it finds it so.
        self.facts.set_groups(self.groups.names());
        for told in told {
            match told {
                Ok(note) => self.cx.log.event(Kind::Datagram(Box::new(note))),
                Err(fault) => self.cx.log.error(fault),
            }
        }
    }

    async fn run(mut self) -> Result<End, Fault> {
        let mut buffer = Vec::new();
        let mut own = self.cx.inbox.lock().take();
        let outcome = loop {
            let letter = tokio::select! {
                // What the endpoint is told comes before what a peer is: a setting holds for what is sent after it.
                biased;
                () = self.cx.cancel.cancelled() => break Ok(End::Stopped),
                letter = mail(&mut own) => letter,
                letter = self.letters.recv() => letter,
                () = at(self.aftermath) => {
                    self.aftermath = None;
                    self.count_lost();
                    continue;
                }
                ready = self.port.ready() => match ready {
                    Ok(ready) => {
                        // It may have been set anew: what is longer is cut, and told.
                        buffer.resize(self.asked.datagram as usize, 0);
                        self.drain(ready.is_error(), &mut buffer).await;
                        continue;
                    }
                    Err(error) => break Err(errno::fault(Op::Read, &error)),
                }
            };
            let Some(letter) = letter else { break Ok(End::Stopped) };
            if self.perform(*letter).await == Then::Over {
                break Ok(End::Forgotten);
            }
        };
        self.count_lost();
        outcome
    }

    async fn perform(&mut self, letter: Letter) -> Then {
        let known = letter.socket.and_then(|id| self.peers.address_of(id));
        match (letter.command, known) {
            (Command::SendTo(to, Payload::Bytes(bytes)), _) | (Command::Send(Payload::Bytes(bytes)), Some(to)) => {
                self.send(to, &bytes).await;
            }
            (Command::Send(Payload::Bytes(bytes)), None) if letter.socket.is_none() => {
                for to in self.peers.audience(self.home) {
                    self.send(to, &bytes).await;
                }
            }
            (Command::Set(row, _), _) => {
                self.asked = self.cx.now.borrow().settings.udp.clone();
                self.set_options();
                if matches!(row.name, "join" | "multicast_via") {
                    self.set_groups();
                }
            }
            (Command::Close, Some(address)) => {
                self.peers.forget(address, End::Forgotten);
                if self.home == Some(address) {
                    return Then::Over;
                }
            }
            _ => {}
        }
        Then::GoOn
    }

    /// Takes what has arrived, errors of earlier datagrams first, and answers it.
    async fn drain(&mut self, has_errors: bool, buffer: &mut [u8]) {
        // Asked only then: a datagram costs one system call.
        if has_errors {
            self.hear_troubles();
        }
        let reply = self.cx.reply(Reply::clone);
        let answers = self.home.is_none();
        for _ in 0..BURST {
            let arrived = match self.port.receive(buffer) {
                Ok(arrived) => arrived,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    if self.hear_troubles() == 0 {
                        self.blame(self.home.filter(|_| self.port.connected), errno::fault(Op::Read, &error));
                    }
                    continue;
                }
            };
            self.aftermath.get_or_insert_with(|| Instant::now() + AFTERMATH);
            if let Some(counter) = arrived.drops {
                let lost = self.port.lost_by(counter);
                self.tell_lost(lost);
            }
            let bytes = &buffer[..arrived.kept];
            let record = self.received(&arrived, bytes);
            if !answers || self.is_ourselves(&arrived) {
                continue;
            }
            let answer = match &reply {
                Reply::Echo => bytes,
                Reply::Fixed(fixed) => &fixed.text.0,
                Reply::None | Reply::Hold => continue,
            };
            let source = arrived.at.and_then(|at| at.source);
            self.write(&record, arrived.from, source, answer).await;
        }
    }

    fn received(&mut self, arrived: &Arrived, bytes: &[u8]) -> Recorder {
        let record = self.peers.heard(arrived.from, arrived.at);
        record.wire(Way::In, arrived.whole);
        record.packet(Way::In);
        record.payload_head(message(Way::In), arrived.whole as u64, bytes);
        if arrived.whole > arrived.kept {
            let (whole, kept) = (arrived.whole as u64, arrived.kept as u64);
            record.event(Kind::Datagram(Box::new(Note::Truncated { whole, kept })));
        } else {
            self.read_dns(Way::In, arrived.from, bytes, &record);
        }
        self.cx.show(arrived.from, bytes);
        record
    }

    /// A datagram of our own that came back: answering it would never end.
    fn is_ourselves(&self, arrived: &Arrived) -> bool {
        let local = self.port.local;
        let ip = arrived.at.and_then(|at| at.source).unwrap_or(local.ip());
        arrived.from.port() == local.port() && arrived.from.ip() == ip
    }

    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        let (record, source) = self.peers.addressed(to);
        self.write(&record, to, source, bytes).await;
    }

    /// Sends one datagram, and records it as its peer's.
    async fn write(&mut self, record: &Recorder, to: SocketAddr, source: Option<IpAddr>, bytes: &[u8]) {
        let mut outcome = self.port.send(to, source, bytes).await;
        // An error of an earlier datagram, which any call may get: it is told where it belongs, and this one goes.
        if outcome.is_err() && self.hear_troubles() > 0 {
            outcome = self.port.send(to, source, bytes).await;
        }
        match outcome {
            Ok(_) => {
                record.wire(Way::Out, bytes.len());
                record.packet(Way::Out);
                record.payload(message(Way::Out), bytes);
                self.read_dns(Way::Out, to, bytes, record);
            }
            Err(error) => record.error(refused(&error, self.asked.broadcast)),
        }
    }

    fn read_dns(&mut self, way: Way, peer: SocketAddr, bytes: &[u8], record: &Recorder) {
        let now = self.cx.hub.clock().now();
        let local = self.port.local.port();
        if let Some(dns) = self.dialogue.hear(way, peer, local, bytes, now) {
            record.event(Kind::Datagram(Box::new(Note::Dns(dns))));
            self.peers.found_dns(peer);
        } else if [local, peer.port()].iter().any(|port| DNS.contains(port)) || self.peers.speaks_dns(peer) {
            record.payload(Kind::Log, dns::why_not(bytes).as_bytes());
        }
    }

    /// Takes the errors that came back for earlier datagrams; how many.
    fn hear_troubles(&mut self) -> usize {
        let mut heard = 0;
        // A peer cannot keep us here: each is the answer to a datagram of ours.
        while heard < BURST
            && let Some(trouble) = self.port.trouble()
        {
            heard += 1;
            let peer = if self.port.connected { self.home } else { trouble.peer };
            self.blame(peer, trouble.fault);
        }
        heard
    }

    /// Tells an error where it belongs.
    fn blame(&self, peer: Option<SocketAddr>, fault: Fault) {
        match (peer.and_then(|peer| self.peers.known(peer)), peer, fault) {
            (Some(record), _, fault) => record.error(fault),
            // Closed or crowded out since.
            (None, Some(peer), Fault::Io { op, name, text }) => {
                self.cx.log.error(Fault::Io { op, name, text: format!("to {peer}: {text}").into() });
            }
            (None, _, fault) => self.cx.log.error(fault),
        }
    }

    fn count_lost(&mut self) {
        let lost = self.port.lost_by_now();
        self.tell_lost(lost);
    }

    fn tell_lost(&self, lost: u64) {
        if lost > 0 {
            let total = self.port.lost();
            self.facts.set_lost(total);
            self.cx.log.event(Kind::Datagram(Box::new(Note::Overflow { lost, total })));
        }
    }
}

fn message(way: Way) -> Kind {
    Kind::Message { way, form: Form::Datagram, frames: 1, framing: Framing::default() }
}

fn refused(error: &io::Error, broadcasts: bool) -> Fault {
    match errno::fault(Op::Write, error) {
        Fault::Io { op, name: name @ "EACCES", .. } if !broadcasts => {
            Fault::Io { op, name, text: "a broadcast address wants the setting broadcast".into() }
        }
        fault => fault,
    }
}

/// Mail for the endpoint itself, as long as somebody can send it.
async fn mail(own: &mut Option<Inbox>) -> Option<Box<Letter>> {
    match own {
        Some(inbox) => inbox.recv().await,
        None => pending().await,
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

impl Context {
    /// The line an endpoint was asked to show for a message, on its own timeline.
    pub fn show(&self, peer: SocketAddr, message: &[u8]) {
        let Some(template) = &self.spec.settings.show else { return };
        let message = Bytes::copy_from_slice(&message[..message.len().min(crate::hub::HEAD)]);
        let text = template
            .replace("{address}", &peer.ip().to_string())
            .replace("{port}", &peer.port().to_string())
            .replace("{message}", &String::from_utf8_lossy(&message));
        self.log.payload(Kind::Log, text.as_bytes());
    }
}
