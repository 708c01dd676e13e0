//! What TCP, HTTP and WebSocket share: listening, accepting, and TLS under any of them. What
//! is left for a protocol is to talk over a [`Flow`].

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

pub use super::dial::resolve;
use super::dial::{Dialled, candidates, dial, nowhere};
use super::endpoints::Mailboxes;
use super::kernel::{Handle, Listener, Tcp, lingering};
use super::parting::settle;
use super::probe::Probe;
use super::tune::Tune;
use super::wire::Wire;
use super::{Context, Inbox, MAILBOX, errno, tls};
use crate::hub::{Birth, Recorder};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::Kind;
use crate::model::setting::tcp as setting;
use crate::model::url::{Host, Role, Scheme};
use crate::model::view::State;

/// Any byte stream; the one place where types are erased.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}
pub type Stream = Box<dyn Io>;
/// The name of a protocol, as TLS negotiates it.
pub type Alpn = Option<Box<[u8]>>;

/// One connection, handshakes of the layers below done: what a protocol talks over.
pub struct Flow {
    pub cx: Context,
    pub role: Role,
    pub peer: SocketAddr,
    /// The clear side: TLS is below it.
    pub stream: Stream,
    pub record: Recorder,
    pub inbox: Inbox,
    /// Asks the kernel, and makes the close a RST.
    pub kernel: Handle,
    /// Its settings, and who changes them.
    pub tune: Tune,
    /// The protocol that TLS agreed on (RFC 7301), where it did.
    pub alpn: Alpn,
}

/// After a failed accept (no descriptors): from the first pause to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long flows get to end in order when their endpoint is stopped.
const GRACE: Duration = Duration::from_millis(400);

/// Runs a listener: every accepted connection talks in a task of its own. `layers` is the number of
/// handshakes above TCP and TLS that make it open.
///
/// # Errors
/// The listener could not be bound.
pub async fn serve<F, T>(cx: Context, layers: u8, alpn: &'static [&'static [u8]], talk: T) -> Result<(), Fault>
where
    F: Future<Output = End> + Send + 'static,
    T: Fn(Flow) -> F + Clone + Send + 'static,
{
    if cx.spec.scheme().is_secure() {
        cx.servers.open(&cx)?;
    }
    let listener = Listener::new(bind(&cx).await?);
    cx.log.explain(Arc::new(listener.backlog()));
    let local = listener.local_addr().map_err(|error| errno::fault(Op::Bind, &error))?;
    cx.log.event(Kind::Listening { local: Box::new(local) });
    cx.hub.set_state(cx.endpoint, State::Up, Some(local));
    let permits = Arc::new(Semaphore::new(cx.limits.connections as usize));
    let mut flows = JoinSet::new();
    let mut pause = BACKOFF.0;
    let mut changes = cx.now.clone();
    loop {
        let permit = tokio::select! {
            () = cx.cancel.cancelled() => break,
            Some(_) = flows.join_next() => continue,
            permit = permit(&permits, &cx) => permit,
        };
        let accepted = tokio::select! {
            () = cx.cancel.cancelled() => break,
            Ok(()) = changes.changed(), if cx.spec.scheme().is_secure() => {
                // Told at once, and not with the next peer.
                let _ = cx.servers.get(&cx);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        // Those that have ended are let go in passing: without this they would pile up here.
        while flows.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                pause = BACKOFF.0;
                let most = cx.now.borrow().settings.tcp.max_peers;
                if let Some(most) = most.filter(|most| flows.len() >= *most as usize) {
                    drop(stream);
                    cx.log.event(Kind::Drop { peer: Box::new(peer), most });
                    continue;
                }
                let local = if local.ip().is_unspecified() { stream.local_addr().ok() } else { Some(local) };
                let flow = accepted_flow(&cx, stream, (peer, local), layers, alpn, talk.clone(), permit);
                // Boxed: a task is moved ten times before it is first polled, all of its bytes each time.
                flows.spawn(Box::pin(flow));
            }
            Err(error) => {
                cx.log.error(errno::fault(Op::Accept, &error));
                tokio::select! {
                    () = cx.cancel.cancelled() => break,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(BACKOFF.1),
                }
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while flows.join_next().await.is_some() {} }).await;
    flows.shutdown().await;
    Ok(())
}

/// Room for one more connection; says so once when there is none.
async fn permit(permits: &Arc<Semaphore>, cx: &Context) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Some(permit);
    }
    cx.log.error(Fault::Limit {
        what: "open connections (the next wait in the backlog)",
        limit: cx.limits.connections.into(),
    });
    Arc::clone(permits).acquire_owned().await.ok()
}

fn accepted_flow<F, T>(
    cx: &Context,
    stream: TcpStream,
    (peer, local): (SocketAddr, Option<SocketAddr>),
    layers: u8,
    alpn: &'static [&'static [u8]],
    talk: T,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Future<Output = ()> + Send + use<F, T>
where
    F: Future<Output = End> + Send + 'static,
    T: Fn(Flow) -> F + Send + 'static,
{
    // What was set by now holds for it.
    let cx = cx.fresh();
    let (record, inbox) = register(&cx, true, peer, local, layers);
    record.event(Kind::Connection { peer: Box::new(peer), socket: None });
    cx.log.event(Kind::Connection { peer: Box::new(peer), socket: record.socket() });
    let (probe, tune) = wire(&cx, stream, &record);
    async move {
        let _room = permit;
        watched(cx, record, tune.kernel().clone(), |cx, record| async move {
            match secure_server(&cx, (probe, tune), &record, alpn).await {
                Ok(made) => followed(flow(cx, Role::Listen, peer, made, record, inbox), talk).await,
                Err(end) => end,
            }
        })
        .await;
    }
}

fn flow(
    cx: Context,
    role: Role,
    peer: SocketAddr,
    (stream, tune, alpn): (Stream, Tune, Alpn),
    record: Recorder,
    inbox: Inbox,
) -> Flow {
    let kernel = tune.kernel().clone();
    Flow { cx, role, peer, stream, record, inbox, kernel, tune, alpn }
}

/// Lets a flow talk, and lingers behind it.
fn followed<F: Future<Output = End>>(flow: Flow, talk: impl FnOnce(Flow) -> F) -> impl Future<Output = End> {
    let (kernel, record, cancel) = (flow.kernel.clone(), flow.record.clone(), flow.cx.cancel.clone());
    lingering(kernel, record, cancel, talk(flow))
}

/// Births a socket, and gives its flow a recorder and a mailbox.
fn register(
    cx: &Context,
    accepted: bool,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    layers: u8,
) -> (Recorder, Inbox) {
    let scheme = cx.spec.scheme();
    let handshakes = 1 + u8::from(cx.spec.comes_to_tls()) + layers;
    let (id, record) = cx.hub.open(Birth { endpoint: cx.endpoint, scheme, accepted, peer, local, handshakes });
    let (tx, inbox) = mpsc::channel(MAILBOX);
    cx.mail.add(id, tx);
    (record, inbox)
}

/// Runs a flow so that its socket is closed exactly once whatever happens: an end, a panic, an abort.
///
/// Its end as it was on the wire.
async fn watched<F>(cx: Context, record: Recorder, kernel: Handle, flow: impl FnOnce(Context, Recorder) -> F) -> End
where
    F: Future<Output = End>,
{
    struct Guard(Mailboxes, Recorder, Handle, Scheme);
    impl Drop for Guard {
        fn drop(&mut self) {
            if !self.1.is_closed() {
                self.1.closed(settle(&self.1, &self.2, self.3, End::Stopped));
            }
            if let Some(id) = self.1.socket() {
                self.0.remove(id);
            }
        }
    }
    let guard = Guard(cx.mail.clone(), record.clone(), kernel, cx.spec.scheme());
    let end = match AssertUnwindSafe(flow(cx, record.clone())).catch_unwind().await {
        Ok(end) => end,
        Err(panic) => {
            let fault = Fault::Panic { text: super::endpoints::panic_text(panic.as_ref()).into() };
            record.error(fault.clone());
            End::Broken(fault)
        }
    };
    let end = settle(&record, &guard.2, guard.3, end);
    record.closed(end.clone());
    drop(guard);
    end
}

/// The probe around a TCP stream. On the heap: the task of every connection is moved with what it begins with.
type Wired = Box<Probe<Tcp, Wire>>;

/// The probe around the TCP stream, and who tunes it.
fn wire(cx: &Context, stream: TcpStream, record: &Recorder) -> (Wired, Tune) {
    let tcp = Tcp::new(stream, cx.hub.clock());
    let handle = tcp.handle();
    record.gauge(Box::new(handle.clone()));
    record.explain(handle.facts());
    let tune = Tune::new(Arc::clone(&cx.spec), record.clone(), handle.clone());
    (Box::new(Probe::new(tcp, Wire::new(record.clone(), handle))), tune)
}

/// A plain stream with the watch that tells of TLS on it; TCP has its own above, for TLS may be wanted there.
fn unsecured(cx: &Context, probe: Wired, record: &Recorder, role: Role) -> Stream {
    match cx.spec.scheme() {
        Scheme::Tcp => probe,
        scheme => Box::new(Probe::new(probe, tls::Astray::new(record.clone(), role, scheme))),
    }
}

/// TLS over a stream that began in plain text.
///
/// # Errors
/// The end that the handshake came to, recorded.
pub async fn upgrade<S>(cx: &Context, role: Role, stream: S, record: &Recorder) -> Result<Stream, End>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let layer = tls::Layer { cx, record, alpn: &[] };
    Ok(match role {
        Role::Listen => {
            let stream = secured(cx, record, layer.accept(stream)).await?;
            Box::new(tls::Truncation::new(stream, record.clone()))
        }
        Role::Connect => {
            let stream = secured(cx, record, layer.connect(stream)).await?;
            Box::new(tls::Truncation::new(stream, record.clone()))
        }
    })
}

async fn secure_server(
    cx: &Context,
    (mut probe, tune): (Wired, Tune),
    record: &Recorder,
    alpn: &'static [&'static [u8]],
) -> Result<(Stream, Tune, Alpn), End> {
    if !cx.spec.scheme().is_secure() {
        return Ok((unsecured(cx, probe, record, Role::Listen), tune, None));
    }
    let limit = cx.limits.handshake_time;
    let scheme = cx.spec.scheme();
    let layer = tls::Layer { cx, record, alpn };
    // On the heap, and only while it lasts: the task of every plain connection would be larger by it.
    let handshake = Box::pin(async {
        if scheme.has_path() {
            // A browser that was told http:// is answered in its own language.
            let mut first = [0; 16];
            let peeked = tokio::time::timeout(limit, probe.get_ref().peek(&mut first)).await;
            if let Some(fault) = tls::refuse(&mut probe, &first[..peeked.map_or(0, |n| n.unwrap_or(0))], scheme).await {
                return Err(fault);
            }
        }
        layer.accept(probe).await
    });
    let stream = secured(cx, record, handshake).await?;
    let alpn = stream.get_ref().1.alpn_protocol().map(Into::into);
    Ok((Box::new(tls::Truncation::new(stream, record.clone())), tune, alpn))
}

/// A handshake's stream, or the end it came to, recorded.
async fn secured<S>(
    cx: &Context,
    record: &Recorder,
    handshake: impl Future<Output = Result<S, Fault>>,
) -> Result<S, End> {
    let outcome = tokio::select! {
        () = cx.cancel.cancelled() => return Err(End::Stopped),
        outcome = handshake => outcome,
    };
    outcome.map_err(|fault| {
        record.event(match &fault {
            Fault::Io { .. } => Kind::Error(Box::new(fault.clone())),
            _ => Kind::TlsError(Box::new(fault.clone())),
        });
        match &fault {
            Fault::Io { name: "ECONNRESET", .. } => End::Reset { by: Party::Peer },
            _ => End::Unsecured { fault, open: false, tcp: None },
        }
    })
}

/// Runs a client: dials, on a socket that exists from the first step on, and talks until it is over.
///
/// # Errors
/// Nothing could be dialled.
pub async fn connect<F, T>(cx: Context, layers: u8, alpn: &'static [&'static [u8]], talk: T) -> Result<(), Fault>
where
    F: Future<Output = End> + Send,
    T: Fn(Flow) -> F + Send,
{
    let unknown = match cx.spec.url.host {
        Host::Ip(ip) => ip,
        // Until it is looked up and one of its addresses stands.
        Host::Name(_) => Ipv4Addr::UNSPECIFIED.into(),
    };
    let (record, inbox) = register(&cx, false, SocketAddr::new(unknown, cx.spec.url.port), None, layers);
    let Dialled { stream, peer, took } = match dial(&cx, &record).await {
        Ok(dialled) => dialled,
        Err(end) => {
            if let Some(id) = record.socket() {
                cx.mail.remove(id);
            }
            record.closed(end.clone());
            return match end {
                End::Failed(fault) => Err(fault),
                _ => Ok(()),
            };
        }
    };
    forward(&cx, &record);
    cx.log.event(Kind::Connect { peer: Box::new(peer), took });
    cx.hub.set_state(cx.endpoint, State::Up, None);
    let (probe, tune) = wire(&cx, stream, &record);
    let end = watched(cx.clone(), record, tune.kernel().clone(), |cx, record| async {
        match secure_client(&cx, (probe, tune), &record, alpn).await {
            Ok(made) => followed(flow(cx, Role::Connect, peer, made, record, inbox), talk).await,
            Err(end) => end,
        }
    })
    .await;
    match end.fault() {
        Some(fault) => Err(fault.clone()),
        None => {
            cx.log.event(Kind::Close(Box::new(end)));
            Ok(())
        }
    }
}

/// What was to be sent as soon as there is a connection: into the mailbox of the one there is now.
fn forward(cx: &Context, record: &Recorder) {
    let (Some(id), Some(mut waiting)) = (record.socket(), cx.inbox.lock().take()) else { return };
    while let Ok(letter) = waiting.try_recv() {
        if let Err(rejection) = cx.mail.send(id, letter.command) {
            cx.log.payload(Kind::Log, rejection.0.as_bytes());
        }
    }
}

async fn secure_client(
    cx: &Context,
    (probe, tune): (Wired, Tune),
    record: &Recorder,
    alpn: &'static [&'static [u8]],
) -> Result<(Stream, Tune, Alpn), End> {
    if !cx.spec.scheme().is_secure() {
        return Ok((unsecured(cx, probe, record, Role::Connect), tune, None));
    }
    let layer = tls::Layer { cx, record, alpn };
    let stream = secured(cx, record, Box::pin(layer.connect(probe))).await?;
    let alpn = stream.get_ref().1.alpn_protocol().map(Into::into);
    Ok((Box::new(tls::Truncation::new(stream, record.clone())), tune, alpn))
}

/// Binds the listener of the spec.
async fn bind(cx: &Context) -> Result<TcpListener, Fault> {
    let addresses = resolve(cx).await?;
    let mut last = None;
    for address in addresses.into_iter().flat_map(|address| candidates(cx, address)) {
        match listen(address, &cx.spec.settings.tcp) {
            Ok(listener) => return Ok(listener),
            Err(fault) => last = Some(fault),
        }
    }
    Err(last.unwrap_or_else(nowhere))
}

fn listen(address: SocketAddr, settings: &setting::Tcp) -> Result<TcpListener, Fault> {
    let socket = socket(address, settings).map_err(|error| errno::fault(Op::Open, &error))?;
    let bound = socket.bind(address).and_then(|()| socket.listen(settings.backlog));
    bound.map_err(|error| errno::fault_at(Op::Bind, address, &error))
}

/// A new socket for an address, with what has to be set before it is bound; accepted ones inherit the buffers.
pub fn socket(address: SocketAddr, settings: &setting::Tcp) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Elsewhere (Windows) this option would let others take the port.
    #[cfg(unix)]
    socket.set_reuseaddr(settings.reuse_address)?;
    #[cfg(unix)]
    socket.set_reuseport(settings.reuse_port)?;
    if let Some(size) = settings.send_buffer {
        socket.set_send_buffer_size(u32::try_from(size).unwrap_or(u32::MAX))?;
    }
    if let Some(size) = settings.receive_buffer {
        socket.set_recv_buffer_size(u32::try_from(size).unwrap_or(u32::MAX))?;
    }
    Ok(socket)
}

/// How a flow that was told to stop says goodbye: FIN, within the time an endpoint has to stop.
pub async fn farewell(stream: &mut (impl AsyncWrite + Unpin)) -> End {
    shut(stream).await;
    End::Stopped
}

/// Our FIN (over TLS the `close_notify` before it), unless the peer's window stays shut.
pub async fn shut(stream: &mut (impl AsyncWrite + Unpin)) -> End {
    let _ = tokio::time::timeout(GRACE / 2, tokio::io::AsyncWriteExt::shutdown(stream)).await;
    End::Finished { first: Party::Us }
}

/// How large the task of an accepted connection is, TLS handshake apart.
#[cfg(test)]
pub fn weight<F, T>(_: T) -> usize
where
    F: Future<Output = End> + Send + 'static,
    T: Fn(Flow) -> F + Send + 'static,
{
    type Permit = Option<OwnedSemaphorePermit>;
    type Ends = (SocketAddr, Option<SocketAddr>);
    type Make<R, T> = fn(&Context, TcpStream, Ends, u8, &'static [&'static [u8]], T, Permit) -> R;
    fn of<R, T>(_: Make<R, T>) -> usize {
        size_of::<R>()
    }
    of(accepted_flow::<F, T>)
}
