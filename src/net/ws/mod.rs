//! WebSocket (RFC 6455) with permessage-deflate (RFC 7692). hyper reads a
//! handshake's request; then the conversation hears what the decoder of the clear stream ([`mod@frames`]) makes of
//! it, which is also what the timeline says, and [`writer`] speaks.

mod beat;
mod client;
mod compose;
mod decoder;
mod deflate;
mod frames;
mod judge;
mod offer;
mod opened;
mod packets;
mod server;
mod side;
mod socketio;
mod sums;
mod talk;
mod writer;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::deflate::Deflater;
use self::frames::Frames;
use self::offer::{Half, Terms};
use self::opened::opened;
use self::packets::Packets;
use self::sums::Page;
use self::talk::Talk;
use self::writer::Writer;
use super::http::Exchanges;
use super::kernel::Handle;
use super::probe::Probe;
use super::stream::{self, Flow, Stream};
use super::tune::Tune;
use super::{BoxFuture, Command, Context, Inbox, Info, MAILBOX, Payload, Protocol};
use crate::hub::Recorder;
use crate::model::draft::{Draft, Rejection};
use crate::model::end::{End, Fault};
use crate::model::event::Opened;
use crate::model::setting::ws::Dialect;
use crate::model::setting::{self, ws::Bits};
use crate::model::socketio::is_engine;
use crate::model::time::Clock;
use crate::model::url::{Role, Scheme};

pub struct Ws;

/// The handshake is HTTP/1.1's (RFC 6455 section 4; RFC 8441 would be another).
const ALPN: &[&[u8]] = &[b"http/1.1"];

impl Protocol for Ws {
    fn info(&self) -> &'static Info {
        &Info { plain: Scheme::Ws, secure: Some(Scheme::Wss), help: "messages both ways over one upgraded connection" }
    }

    fn compose(&self, draft: &Draft) -> Result<Payload, Rejection> {
        compose::compose(draft)
    }

    fn serve(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(stream::serve(cx, 1, ALPN, run))
    }

    fn connect(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(stream::connect(cx, 1, ALPN, run))
    }
}

/// The stream, seen by the decoders.
type Clear = Probe<Stream, Exchanges<Frames>>;

fn frames(socket: &mut Clear) -> &mut Frames {
    socket.watch().follower()
}

/// On which terms messages are to be compressed, if they are.
fn wish(settings: &setting::ws::Ws) -> Option<Terms> {
    let half = |takeover, bits: Bits| Half { takeover, bits: bits.get() };
    settings.deflate.then(|| Terms {
        server: half(settings.server_takeover, settings.server_window_bits),
        client: half(settings.client_takeover, settings.client_window_bits),
    })
}

/// What a request's head asks for.
fn target(head: &[u8]) -> &str {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    line.split(' ').nth(1).unwrap_or_default()
}

/// What a flow has beside its stream.
struct Desk {
    cx: Context,
    role: Role,
    peer: SocketAddr,
    record: Recorder,
    inbox: Inbox,
    kernel: Handle,
    tune: Tune,
    /// What a person sent before the handshake was done.
    early: Vec<Command>,
}

/// Why a handshake was not waited for.
enum Cut {
    Late,
    Close,
    Reset,
    Stopped,
}

/// One connection: the handshake, then the conversation.
async fn run(flow: Flow) -> End {
    // Boxed, both: what the handshake needs must not be carried along for the life of the connection.
    match Box::pin(open(flow)).await {
        Ok(mut talk) => {
            let end = talk.run().await;
            talk.done();
            end
        }
        Err(end) => end,
    }
}

async fn open(flow: Flow) -> Result<Box<Talk>, End> {
    let Flow { cx, role, peer, stream, record, inbox, kernel, tune, .. } = flow;
    let follower = Frames::new(record.clone(), cx.hub.clock(), role, cx.limits.ws_message);
    let head = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    let clear = Probe::new(stream, Exchanges::new(role, record.clone(), head, follower).upgrading());
    let mut desk = Desk { cx, role, peer, record, inbox, kernel, tune, early: Vec::new() };
    let (mut socket, terms) = match role {
        Role::Listen => server::accept(&mut desk, clear).await?,
        Role::Connect => client::open(&mut desk, clear).await?,
    };
    let [request, response] = socket.watch().handshake();
    let engine = is_engine(target(&request)) || desk.tune.settings().ws.dialect == Dialect::SocketIo;
    let opened = opened(&request, &response);
    let heads = [request, response].concat();
    if engine {
        frames(&mut socket).name_packets(Packets::new(desk.cx.hub.clock()));
    }
    let sums = frames(&mut socket).sums();
    desk.record.explain(Arc::new(Page::new(sums, &opened, terms)));
    frames(&mut socket).open(opened, &heads, terms.as_ref().map(|terms| (terms, role)));
    let deflater = terms.and_then(|terms| Deflater::new(terms.sides(role).0));
    let writer = Writer::new(role, deflater);
    Ok(Box::new(Talk::new(desk, socket, writer, terms.is_some())))
}

impl Desk {
    /// Waits for a handshake, and hears meanwhile what a person wants of the socket.
    async fn wait<T>(&mut self, handshake: impl Future<Output = T>) -> Result<T, Cut> {
        let late = tokio::time::sleep(self.cx.limits.handshake_time);
        tokio::pin!(handshake, late);
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                () = self.cx.cancel.cancelled() => return Err(Cut::Stopped),
                outcome = &mut handshake => return Ok(outcome),
                () = &mut late => return Err(Cut::Late),
                letter = self.inbox.recv(), if open => match letter.map(|letter| letter.command) {
                    None => open = false,
                    Some(Command::End | Command::Close) => return Err(Cut::Close),
                    Some(Command::Reset) => {
                        self.kernel.reset_on_close();
                        return Err(Cut::Reset);
                    }
                    Some(command) if self.early.len() < MAILBOX => self.early.push(command),
                    Some(_) => {}
                },
            }
        }
    }

    /// What is said of a handshake that was too slow.
    fn late(&self) -> Fault {
        Fault::Late { what: "the WebSocket handshake was not done", after: self.cx.limits.handshake_time }
    }
}

/// How long a peer that was told it is over may take to be done too.
const LINGER: Duration = Duration::from_secs(1);
/// What one read takes of what nobody hears any more.
const SCRAP: usize = 4 << 10;

/// Our FIN, then what the peer still sends is read and dropped until its FIN: closing with bytes unread is
/// a RST, which may destroy what we said last (RFC 6455 section 7.1.1).
async fn finish(desk: &Desk, clear: &mut Clear) {
    stream::shut(clear).await;
    let drain = async {
        let mut buffer = vec![0; SCRAP];
        while let Ok(1..) = tokio::io::AsyncReadExt::read(clear, &mut buffer).await {}
    };
    tokio::select! {
        () = desk.cx.cancel.cancelled() => {}
        _ = tokio::time::timeout(LINGER, drain) => {}
    }
}

/// The watch of an open connection by itself; deflated with windows of 2^9 bytes that are kept.
pub fn watch(record: Recorder, clock: Clock, role: Role, limit: u64, deflated: bool) -> Frames {
    let mut frames = Frames::new(record, clock, role, limit);
    let half = offer::Half { takeover: true, bits: 9 };
    let terms = offer::Terms { server: half, client: half };
    frames.open(Opened::default(), b"", deflated.then_some((&terms, role)));
    frames
}

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod ends_tests;
#[cfg(test)]
mod handshake_tests;
#[cfg(test)]
mod terms_tests;
#[cfg(test)]
mod tests;
