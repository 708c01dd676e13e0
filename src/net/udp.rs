//! UDP: one socket, many peers, each a row with its own timeline. Datagrams keep their borders.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::{BoxFuture, Command, Context, Info, MAILBOX, Outbox, Payload, Protocol, errno, stream};
use crate::hub::{Birth, Recorder};
use crate::model::draft::{DATAGRAM, Draft, Rejection};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::{Form, Kind, Way};
use crate::model::spec::Reply;
use crate::model::url::Scheme;
use crate::model::view::State;

pub struct Udp;

/// Datagrams taken in one go before mail and cancellation are looked at again.
const BURST: usize = 64;

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

/// Peers of one listener, the longest silent crowded out in tenths: one scan for many newcomers.
struct Peers {
    cx: Context,
    local: SocketAddr,
    mail: Outbox,
    by_address: HashMap<SocketAddr, Peer>,
    turn: u64,
}

struct Peer {
    record: Recorder,
    /// The turn it was last heard or spoken to.
    seen: u64,
}

impl Peers {
    fn get(&mut self, address: SocketAddr) -> Recorder {
        self.turn += 1;
        if let Some(peer) = self.by_address.get_mut(&address) {
            peer.seen = self.turn;
            return peer.record.clone();
        }
        self.make_room();
        let record = birth(&self.cx, address, Some(self.local), true, &self.mail);
        let connection = |socket| Kind::Connection { peer: Box::new(address), socket };
        record.event(connection(None));
        self.cx.log.event(connection(record.socket()));
        self.by_address.insert(address, Peer { record: record.clone(), seen: self.turn });
        record
    }

    fn make_room(&mut self) {
        let most = self.cx.limits.peers.max(1) as usize;
        if self.by_address.len() < most {
            return;
        }
        let mut seen: Vec<u64> = self.by_address.values().map(|peer| peer.seen).collect();
        let nth = (most / 10).min(seen.len() - 1);
        let (_, &mut oldest, _) = seen.select_nth_unstable(nth);
        let silent: Vec<SocketAddr> =
            self.by_address.iter().filter(|(_, peer)| peer.seen <= oldest).map(|(address, _)| *address).collect();
        for address in silent {
            self.forget(address, End::Crowded);
        }
    }

    fn forget(&mut self, address: SocketAddr, end: End) {
        if let Some(peer) = self.by_address.remove(&address) {
            over(&self.cx, &peer.record, end);
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for (_, peer) in self.by_address.drain() {
            over(&self.cx, &peer.record, End::Stopped);
        }
    }
}

fn birth(cx: &Context, peer: SocketAddr, local: Option<SocketAddr>, accepted: bool, mail: &Outbox) -> Recorder {
    let birth = Birth { endpoint: cx.endpoint, scheme: Scheme::Udp, accepted, peer, local, handshakes: 1 };
    let (id, record) = cx.hub.open(birth);
    cx.mail.add(id, mail.clone());
    record
}

fn over(cx: &Context, record: &Recorder, end: End) {
    if let Some(id) = record.socket() {
        cx.mail.remove(id);
    }
    record.closed(end);
}

async fn serve(cx: Context) -> Result<(), Fault> {
    let socket = bind(&cx).await?;
    let local = socket.local_addr().map_err(|error| errno::fault(Op::Bind, &error))?;
    cx.log.event(Kind::Listening { local: Box::new(local) });
    cx.hub.set_state(cx.endpoint, State::Up, Some(local));
    let (mail, mut letters) = mpsc::channel(MAILBOX);
    let mut own = cx.inbox.lock().take();
    let mut peers = Peers { cx: cx.clone(), local, mail, by_address: HashMap::new(), turn: 0 };
    let mut buffer = vec![0; 1 << 16];
    loop {
        let letter = tokio::select! {
            () = cx.cancel.cancelled() => return Ok(()),
            letter = letters.recv() => letter,
            letter = async { match &mut own { Some(own) => own.recv().await, None => std::future::pending().await } } => letter,
            ready = socket.readable() => {
                if let Err(error) = ready {
                    return Err(errno::fault(Op::Read, &error));
                }
                drain(&cx, &socket, &mut peers, &mut buffer).await;
                continue;
            }
        };
        let Some(letter) = letter else { return Ok(()) };
        let known = letter.socket.and_then(|id| {
            peers.by_address.iter().find(|(_, peer)| peer.record.socket() == Some(id)).map(|(address, _)| *address)
        });
        match (letter.command, known) {
            (Command::Send(Payload::Bytes(bytes)), Some(to)) | (Command::SendTo(to, Payload::Bytes(bytes)), _) => {
                let record = peers.get(to);
                send(&socket, Some(to), &bytes, &record).await;
            }
            (Command::Close, Some(address)) => peers.forget(address, End::Finished { first: Party::Us }),
            _ => {}
        }
    }
}

/// Takes what has arrived, and answers it.
async fn drain(cx: &Context, socket: &UdpSocket, peers: &mut Peers, buffer: &mut [u8]) {
    let reply = cx.reply(Reply::clone);
    for _ in 0..BURST {
        let (n, from) = match socket.try_recv_from(buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // An ICMP error of an earlier send: not of this socket's making, and it goes on.
            Err(error) => return cx.log.error(errno::fault(Op::Read, &error)),
        };
        let record = peers.get(from);
        received(&record, &buffer[..n]);
        cx.show(from, &buffer[..n]);
        match &reply {
            Reply::Echo => send(socket, Some(from), &buffer[..n], &record).await,
            Reply::Fixed(fixed) => send(socket, Some(from), &fixed.text.0, &record).await,
            Reply::None => {}
        }
    }
}

fn received(record: &Recorder, bytes: &[u8]) {
    record.wire(Way::In, bytes.len());
    record.packet(Way::In);
    record.payload(Kind::Message { way: Way::In, form: Form::Datagram, frames: 1 }, bytes);
}

/// Sends one datagram; `to` is `None` on a connected socket.
async fn send(socket: &UdpSocket, to: Option<SocketAddr>, bytes: &[u8], record: &Recorder) {
    let outcome = match to {
        Some(to) => match socket.try_send_to(bytes, to) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.send_to(bytes, to).await,
            outcome => outcome,
        },
        None => socket.send(bytes).await,
    };
    match outcome {
        Ok(_) => {
            record.wire(Way::Out, bytes.len());
            record.packet(Way::Out);
            record.payload(Kind::Message { way: Way::Out, form: Form::Datagram, frames: 1 }, bytes);
        }
        Err(error) => record.error(errno::fault(Op::Write, &error)),
    }
}

async fn connect(cx: Context) -> Result<(), Fault> {
    let peer = *stream::resolve(&cx).await?.first().ok_or(Fault::Io {
        op: Op::Resolve,
        name: "ENOENT",
        text: "the name has no address".into(),
    })?;
    let any: SocketAddr =
        if peer.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(|error| errno::fault(Op::Bind, &error))?;
    socket.connect(peer).await.map_err(|error| errno::fault(Op::Connect, &error))?;
    let (mail, mut letters) = mpsc::channel(MAILBOX);
    let record = birth(&cx, peer, socket.local_addr().ok(), false, &mail);
    let ending = Ending { cx: cx.clone(), record: record.clone() };
    record.event(Kind::Connect { peer: Box::new(peer), took: 0 });
    cx.log.event(Kind::Connect { peer: Box::new(peer), took: 0 });
    cx.hub.set_state(cx.endpoint, State::Up, socket.local_addr().ok());
    let mut buffer = vec![0; 1 << 16];
    loop {
        tokio::select! {
            () = cx.cancel.cancelled() => return Ok(()),
            letter = letters.recv() => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Bytes(bytes))) => send(&socket, None, &bytes, &record).await,
                Some(Command::Close) => {
                    over(&ending.cx, &record, End::Finished { first: Party::Us });
                    return Ok(());
                }
                Some(_) => {}
                None => return Ok(()),
            },
            outcome = socket.recv(&mut buffer) => match outcome {
                Ok(n) => {
                    received(&record, &buffer[..n]);
                    cx.show(peer, &buffer[..n]);
                }
                // ICMP port unreachable: an error of the peer, and the socket goes on.
                Err(error) => record.error(errno::fault(Op::Read, &error)),
            },
        }
    }
}

/// Closes the client's one row whatever ends its loop.
struct Ending {
    cx: Context,
    record: Recorder,
}

impl Drop for Ending {
    fn drop(&mut self) {
        over(&self.cx, &self.record, End::Stopped);
    }
}

async fn bind(cx: &Context) -> Result<Arc<UdpSocket>, Fault> {
    let mut last = None;
    for address in stream::resolve(cx).await? {
        match UdpSocket::bind(address).await {
            Ok(socket) => return Ok(Arc::new(socket)),
            Err(error) => last = Some(errno::fault(Op::Bind, &error)),
        }
    }
    Err(last.unwrap_or(Fault::Io { op: Op::Resolve, name: "ENOENT", text: "the name has no address".into() }))
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
