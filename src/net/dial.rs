//! From a URL's host to a connection: the name is looked up, its addresses are raced as RFC 8305 ("Happy
//! Eyeballs") has it, and each step is told on the socket's own timeline.
//!
//! Families take turns; the next address is tried when the last one said no, or beside it when it was silent
//! for 250 ms; the first to stand wins, and the others are given up.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};

use super::{Context, errno, stream};
use crate::hub::Recorder;
use crate::model::dial::{Attempt, Lookup, Step};
use crate::model::end::{End, Fault, Op};
use crate::model::event::Kind;
use crate::model::setting::tcp::{self as setting, Bind};
use crate::model::setting::text::Text;
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::url::Host;

/// How long an address may be silent before the next one is tried beside it (RFC 8305 section 5 recommends this;
/// it is Node's `autoSelectFamilyAttemptTimeout` too).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried: at four a second more would not get their turn in the time there is.
const MOST: usize = 40;

/// A connection that stands.
pub struct Dialled {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// Nanoseconds of the handshake that stood.
    pub took: u64,
}

/// The addresses of the spec's host, as the system sorts them (RFC 6724).
///
/// # Errors
/// The name was not found, or not in time.
pub async fn resolve(cx: &Context) -> Result<Vec<SocketAddr>, Fault> {
    let url = &cx.spec.url;
    let name = match &url.host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, url.port)]),
        Host::Name(name) => name,
    };
    let given = &cx.spec.settings.tcp.lookup;
    if !given.is_empty() {
        return Ok(given.iter().map(|ip| SocketAddr::new(*ip, url.port)).collect());
    }
    let limit = cx.limits.handshake_time;
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((&**name, url.port))).await;
    match found {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => {
            Err(Fault::Io { op: Op::Resolve, name: "ENOTFOUND", text: format!("{name}: {error}").into() })
        }
        Err(_) => Err(Fault::Late { what: "the name was not resolved", after: limit }),
    }
}

/// Looks the host up and dials it. What went wrong is recorded.
///
/// # Errors
/// Nobody took the connection, or the endpoint was stopped.
pub async fn dial(cx: &Context, record: &Recorder) -> Result<Dialled, End> {
    let steps = async {
        let settings = &cx.spec.settings.tcp;
        let addresses = within_reach(settings.bind, look_up(cx, record).await?)?;
        race(cx.hub.clock(), record, cx.limits.handshake_time, settings, &addresses).await
    };
    let outcome = tokio::select! {
        () = cx.cancel.cancelled() => return Err(End::Stopped),
        outcome = steps => outcome,
    };
    match outcome {
        Ok(dialled) => {
            let local = dialled.stream.local_addr().ok();
            record.met(dialled.peer, local);
            record.event(Kind::Connect { peer: Box::new(dialled.peer), took: dialled.took });
            Ok(dialled)
        }
        Err(fault) => {
            record.error(fault.clone());
            Err(End::Failed(fault))
        }
    }
}

/// The addresses in the order they are to be tried. A literal address is not looked up, and nothing is told.
async fn look_up(cx: &Context, record: &Recorder) -> Result<Vec<SocketAddr>, Fault> {
    let (told, found) = looked_up(cx).await;
    told.into_iter().for_each(|told| record.event(told));
    found
}

/// The same, and what there is to tell.
pub async fn looked_up(cx: &Context) -> (Option<Kind>, Result<Vec<SocketAddr>, Fault>) {
    let Host::Name(name) = &cx.spec.url.host else { return (None, resolve(cx).await) };
    let clock = cx.hub.clock();
    let began = clock.now();
    let found = resolve(cx).await;
    let addresses = interleave(found.as_deref().unwrap_or_default());
    let told = Kind::Lookup(Box::new(Lookup {
        name: (**name).into(),
        addresses: addresses.clone().into(),
        took: nanos(clock.now().since(began)),
    }));
    (Some(told), found.map(|_| addresses))
}

/// Those that can be dialled from our own address: of its family.
fn within_reach(bind: Option<Bind>, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Fault> {
    let Some(bind) = bind.filter(|_| !addresses.is_empty()) else { return Ok(addresses) };
    addresses.retain(|address| bind.toward(*address).is_some());
    match bind.ip {
        Some(ip) if addresses.is_empty() => Err(Fault::Io {
            op: Op::Bind,
            name: "EAFNOSUPPORT",
            text: format!("the host has no address of the family of {ip}, our own").into(),
        }),
        _ => Ok(addresses),
    }
}

/// The families in turns, the one the system prefers first (RFC 8305 section 4).
fn interleave(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.iter().copied().partition(|address| address.is_ipv6() == first);
    one.reverse();
    other.reverse();
    let mut turns = Vec::new();
    while turns.len() < MOST && !(one.is_empty() && other.is_empty()) {
        turns.extend(one.pop());
        turns.extend(other.pop());
    }
    turns.truncate(MOST);
    turns
}

/// What is told of the attempts, also of those that are under way when the race is given up.
struct Race<'a> {
    clock: Clock,
    record: &'a Recorder,
    /// Where, since when; those that are under way.
    running: Vec<(SocketAddr, Stamp)>,
    /// Whether any has begun.
    began: bool,
    /// What kept an address of our own side from being tried.
    own: Option<Fault>,
}

impl Race<'_> {
    fn tell(&self, peer: SocketAddr, step: Step) {
        self.record.event(Kind::Attempt(Box::new(Attempt { peer, step })));
    }

    fn age(&self, since: Stamp) -> u64 {
        nanos(self.clock.now().since(since))
    }

    /// How long an attempt took that is over.
    fn over(&mut self, peer: SocketAddr) -> u64 {
        let at = self.running.iter().position(|(other, _)| *other == peer);
        let began = at.map(|at| self.running.remove(at).1);
        began.map_or(0, |began| self.age(began))
    }
}

impl Drop for Race<'_> {
    fn drop(&mut self) {
        for (peer, since) in &self.running {
            self.tell(*peer, Step::Cancelled { after: self.age(*since) });
        }
        // Where nothing was tried it is what the dial came to.
        if let Some(own) = self.own.take().filter(|_| self.began) {
            self.record.error(own);
        }
    }
}

async fn race(
    clock: Clock,
    record: &Recorder,
    limit: Duration,
    settings: &setting::Tcp,
    addresses: &[SocketAddr],
) -> Result<Dialled, Fault> {
    let deadline = tokio::time::sleep(limit);
    tokio::pin!(deadline);
    let mut race = Race { clock, record, running: Vec::new(), began: false, own: None };
    let mut attempts = FuturesUnordered::new();
    let mut waiting = addresses.iter().zip(1..).peekable();
    let of = u16::try_from(addresses.len()).unwrap_or(u16::MAX);
    let mut first: Option<Fault> = None;
    while let Some((&peer, nth)) = waiting.next() {
        let is_last = waiting.peek().is_none();
        match socket(settings, peer) {
            Ok(socket) => {
                race.began = true;
                race.tell(peer, Step::Began { nth, of });
                race.running.push((peer, clock.now()));
                attempts.push(attempt(socket, peer, settings.bind));
            }
            // Nothing has left for the peer: it is no attempt.
            Err(fault) => {
                race.own.get_or_insert(fault);
                if !is_last || attempts.is_empty() {
                    continue;
                }
            }
        }
        // Until the next one's turn; the last one waits for all.
        let mut turn = Box::pin(tokio::time::sleep(STAGGER));
        loop {
            let (peer, outcome) = tokio::select! {
                Some(done) = attempts.next() => done,
                () = &mut deadline => return Err(Fault::Late { what: "not connected", after: limit }),
                () = async { if is_last { pending().await } else { turn.as_mut().await } } => {
                    race.tell(peer, Step::Late { after: nanos(STAGGER) });
                    break;
                }
            };
            let took = race.over(peer);
            match outcome {
                Ok(stream) => return Ok(Dialled { stream, peer, took }),
                Err(fault) => {
                    race.tell(peer, Step::Failed { fault: fault.clone(), took });
                    first.get_or_insert(fault);
                }
            }
            if !is_last || attempts.is_empty() {
                break;
            }
        }
    }
    Err(match first.or_else(|| race.own.take()) {
        Some(own @ Fault::Io { op: Op::Bind | Op::Open, .. }) => own,
        Some(Fault::Io { op, name, text }) if of > 1 => Fault::Io {
            op,
            name,
            text: format!("none of {of} addresses took the connection; the first: {text}").into(),
        },
        Some(fault) => fault,
        None => nowhere(),
    })
}

/// Where to listen for an address: with port 0 first where we did at last, so that a restart keeps the port.
pub fn candidates(cx: &Context, address: SocketAddr) -> impl Iterator<Item = SocketAddr> + use<> {
    let again = cx.hub.local(cx.endpoint).filter(|last| address.port() == 0 && last.ip() == address.ip());
    again.into_iter().chain([address])
}

/// A name that has no address.
pub fn nowhere() -> Fault {
    Fault::Io { op: Op::Resolve, name: "ENOENT", text: "the name has no address".into() }
}

async fn attempt(socket: TcpSocket, peer: SocketAddr, bind: Option<Bind>) -> (SocketAddr, Result<TcpStream, Fault>) {
    let fault = |error| match (errno::fault(Op::Connect, &error), bind.filter(|bind| bind.port > 0)) {
        // The same two addresses and ports make one connection at a time.
        (Fault::Io { op, name: name @ "EADDRNOTAVAIL", .. }, Some(bind)) => {
            let text = format!(
                "bind = {} is in use toward {peer} already, or nobody can be dialled there",
                Some(bind).write()
            );
            Fault::Io { op, name, text: text.into() }
        }
        (fault, _) => fault,
    };
    (peer, socket.connect(peer).await.map_err(fault))
}

/// A socket that is to dial from where it was asked to.
fn socket(settings: &setting::Tcp, peer: SocketAddr) -> Result<TcpSocket, Fault> {
    let socket = stream::socket(peer, settings).map_err(|error| errno::fault(Op::Open, &error))?;
    if let Some(local) = settings.bind.and_then(|bind| bind.toward(peer)) {
        socket.bind(local).map_err(|error| errno::fault_at(Op::Bind, local, &error))?;
    }
    Ok(socket)
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
