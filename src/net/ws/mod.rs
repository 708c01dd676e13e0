//! WebSocket (RFC 6455). hyper and tungstenite speak it; what the timeline says comes from decoders of the
//! clear stream below them ([`mod@frames`], and HTTP's for the handshake), which hide nothing.

mod broken;
mod client;
mod compose;
mod decoder;
mod frames;
mod judge;
mod server;
mod talk;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use self::frames::Frames;
use self::talk::Talk;
use super::http::Exchanges;
use super::kernel::Handle;
use super::probe::Probe;
use super::stream::{self, Flow, Stream};
use super::tune::Tune;
use super::{BoxFuture, Command, Context, Inbox, Info, MAILBOX, Payload, Protocol};
use crate::hub::Recorder;
use crate::model::draft::{Draft, Rejection};
use crate::model::end::{End, Fault};
use crate::model::spec::Limits;
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

/// The stream that tungstenite speaks over, seen by the decoders.
type Clear = Probe<Stream, Exchanges<Frames>>;
type Socket = WebSocketStream<Clear>;

fn frames(socket: &mut Socket) -> &mut Frames {
    socket.get_mut().watch().follower()
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
        Ok(mut talk) => talk.run().await,
        Err(end) => end,
    }
}

async fn open(flow: Flow) -> Result<Box<Talk>, End> {
    let Flow { cx, role, peer, stream, record, inbox, kernel, tune, .. } = flow;
    let follower = Frames::new(record.clone(), cx.hub.clock(), role);
    let head = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    let clear = Probe::new(stream, Exchanges::new(role, record.clone(), head, follower).upgrading());
    let mut desk = Desk { cx, role, peer, record, inbox, kernel, tune, early: Vec::new() };
    let (mut socket, subprotocol) = match role {
        Role::Listen => server::accept(&mut desk, clear).await?,
        Role::Connect => client::open(&mut desk, clear).await?,
    };
    frames(&mut socket).open(subprotocol);
    Ok(Box::new(Talk::new(desk, socket)))
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
        Fault::Late { what: "the WebSocket handshake was done", after: self.cx.limits.handshake_time }
    }
}

/// The read buffer of a connection, there while it lives: tungstenite's own 128 KiB would be 1.3 GB for
/// 10,000 idle sockets, and a small one is faster on small messages.
const READ: usize = 8 << 10;
/// Small messages are gathered up to here before the kernel is asked.
const WRITE: usize = 16 << 10;

fn config(limits: &Limits) -> WebSocketConfig {
    let message = usize::try_from(limits.ws_message).unwrap_or(usize::MAX);
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(WRITE)
        // One message of the largest kind fits behind what waits; `talk` bounds the rest.
        .max_write_buffer_size(message.saturating_add(talk::HIGH + WRITE))
        .max_message_size(Some(message))
        .max_frame_size(Some(message))
}

/// How long a peer that was told it is over may take to be done too.
const LINGER: Duration = Duration::from_secs(1);

/// Our FIN, then what the peer still sends is read and dropped until its FIN: closing with bytes unread is
/// a RST, which may destroy what we said last (RFC 6455 section 7.1.1).
async fn finish(desk: &Desk, clear: &mut Clear) {
    stream::shut(clear).await;
    let drain = async {
        let mut buffer = vec![0; READ];
        while let Ok(1..) = tokio::io::AsyncReadExt::read(clear, &mut buffer).await {}
    };
    tokio::select! {
        () = desk.cx.cancel.cancelled() => {}
        _ = tokio::time::timeout(LINGER, drain) => {}
    }
}

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod tests;
