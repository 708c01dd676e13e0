//! Starting and stopping endpoints, and the mail to their flows. Each endpoint is one task with its own
//! cancellation; a panic in it is caught at its edge and becomes a line.

mod able;
mod change;
mod clock;

use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http::{Holds, Step};
use super::{BoxFuture, Command, Context, Inbox, Letter, MAILBOX, Outbox, Payload, protocol, tls};
use crate::hub::{Hub, Recorder};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::{End, Fault};
use crate::model::event::Kind;
use crate::model::id::{EndpointId, SocketId};
use crate::model::life::Life;
use crate::model::spec::{Limits, Reply, Spec};
use crate::model::url::{Role, Scheme};
use crate::model::view::State;

/// How long everything gets to end when the program does.
const DEADLINE: Duration = Duration::from_millis(500);

/// Who reads the mail of which socket.
#[derive(Clone, Default)]
pub struct Mailboxes(Arc<Mutex<HashMap<SocketId, Outbox>>>);

impl Mailboxes {
    pub fn add(&self, id: SocketId, outbox: Outbox) {
        self.0.lock().insert(id, outbox);
    }

    pub fn remove(&self, id: SocketId) {
        self.0.lock().remove(&id);
    }

    /// # Errors
    /// The socket is gone, or does not read its mail.
    pub fn send(&self, id: SocketId, command: Command) -> Result<(), Rejection> {
        let closed = || Rejection(format!("{id} is closed already"));
        let outbox = self.0.lock().get(&id).cloned().ok_or_else(closed)?;
        deliver(&outbox, Letter { socket: Some(id), command }).map_err(|full| match full {
            true => Rejection(format!("{MAILBOX} messages wait for {id} already: its peer does not read")),
            false => closed(),
        })
    }
}

/// `Err(true)` when the queue is full, `Err(false)` when nobody reads it any more.
fn deliver(outbox: &Outbox, letter: Letter) -> Result<(), bool> {
    outbox.try_send(Box::new(letter)).map_err(|error| matches!(error, TrySendError::Full(_)))
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

struct Running {
    spec: Arc<Spec>,
    log: Recorder,
    cancel: CancellationToken,
    /// Cancelled when the task is over: the next start waits for it, or the port would be taken by ourselves.
    over: CancellationToken,
    /// The spec as it is now, for the flows that run.
    now: watch::Sender<Arc<Spec>>,
    /// Mail for the endpoint itself: a UDP address nobody has a socket for yet.
    mail: Option<Outbox>,
}

/// All endpoints of a session.
pub struct Endpoints {
    hub: Arc<Hub>,
    limits: Arc<Limits>,
    identity: Arc<tls::Identity>,
    clients: Arc<tls::Clients>,
    keylogs: Arc<tls::KeyLogs>,
    servers: Arc<tls::Servers>,
    mail: Mailboxes,
    holds: Holds,
    root: CancellationToken,
    tasks: TaskTracker,
    running: Mutex<HashMap<EndpointId, Running>>,
    /// How far the system's time of day was from ours when that was last told, in nanoseconds.
    drift: AtomicI64,
}

impl Endpoints {
    pub fn new(hub: Arc<Hub>, limits: Limits, identity: Arc<tls::Identity>) -> Self {
        Self {
            hub,
            limits: Arc::new(limits),
            identity,
            clients: Arc::default(),
            keylogs: Arc::default(),
            servers: Arc::default(),
            mail: Mailboxes::default(),
            holds: Holds::default(),
            root: CancellationToken::new(),
            tasks: TaskTracker::new(),
            running: Mutex::default(),
            drift: AtomicI64::new(0),
        }
    }

    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub fn identity(&self) -> &tls::Identity {
        &self.identity
    }

    /// Appends the TLS secrets of all endpoints without a `keylog` of their own to a file.
    pub fn log_keys(&self, file: PathBuf) {
        self.keylogs.for_all(file);
    }

    /// Adds an endpoint and starts it. What goes wrong is told on its own line.
    pub fn open(&self, spec: Spec) -> EndpointId {
        let spec = Arc::new(spec);
        let (id, log) = self.hub.add_endpoint(Arc::clone(&spec));
        let over = CancellationToken::new();
        over.cancel();
        let (now, _) = watch::channel(Arc::clone(&spec));
        let running = Running { spec, log, cancel: CancellationToken::new(), over, now, mail: None };
        self.running.lock().insert(id, running);
        self.start(id);
        id
    }

    /// Starts a stopped or failed endpoint; a running one is stopped first.
    pub fn start(&self, id: EndpointId) {
        self.start_with(id, None);
    }

    /// The same, with a first message for a client to send when it is connected.
    fn start_with(&self, id: EndpointId, first: Option<Payload>) {
        let mut running = self.running.lock();
        let Some(endpoint) = running.get_mut(&id) else { return };
        if self.root.is_cancelled() {
            return;
        }
        endpoint.cancel.cancel();
        let before = std::mem::take(&mut endpoint.over);
        endpoint.cancel = self.root.child_token();
        let (outbox, inbox) = mpsc::channel(MAILBOX);
        if let Some(payload) = first {
            // A new queue has room.
            let _ = deliver(&outbox, Letter { socket: None, command: Command::Send(payload) });
        }
        endpoint.mail = Some(outbox);
        self.hub.set_state(id, State::Starting, None);
        let cx = self.context(id, endpoint, inbox);
        let over = endpoint.over.clone();
        self.tasks.spawn(async move {
            // Dropped last, also by a panic: who waits for the end must not wait for ever.
            let _over = over.drop_guard();
            before.cancelled().await;
            supervise(cx).await;
        });
    }

    fn context(&self, id: EndpointId, endpoint: &Running, inbox: Inbox) -> Context {
        Context {
            endpoint: id,
            spec: Arc::clone(&endpoint.spec),
            limits: Arc::clone(&self.limits),
            hub: Arc::clone(&self.hub),
            log: endpoint.log.clone(),
            cancel: endpoint.cancel.clone(),
            mail: self.mail.clone(),
            holds: self.holds.clone(),
            identity: Arc::clone(&self.identity),
            clients: Arc::clone(&self.clients),
            keylogs: Arc::clone(&self.keylogs),
            servers: Arc::clone(&self.servers),
            now: endpoint.now.subscribe(),
            inbox: Arc::new(Mutex::new(Some(inbox))),
        }
    }

    pub fn stop(&self, id: EndpointId) {
        if let Some(endpoint) = self.running.lock().get(&id) {
            endpoint.cancel.cancel();
        }
    }

    /// Gives an endpoint a new spec and restarts it.
    pub fn edit(&self, id: EndpointId, spec: Spec) {
        let spec = Arc::new(spec);
        if let Some(endpoint) = self.running.lock().get_mut(&id) {
            endpoint.spec = Arc::clone(&spec);
            endpoint.now.send_replace(Arc::clone(&spec));
        }
        self.hub.set_spec(id, spec);
        self.start(id);
    }

    /// Stops an endpoint and forgets it, its sockets and their timelines.
    pub fn remove(&self, id: EndpointId) {
        let Some(endpoint) = self.running.lock().remove(&id) else { return };
        endpoint.cancel.cancel();
        self.clients.forget(id);
        self.keylogs.forget(id);
        self.servers.forget(id);
        let hub = Arc::clone(&self.hub);
        self.tasks.spawn(async move {
            endpoint.over.cancelled().await;
            hub.remove_endpoint(id);
        });
    }

    pub fn spec(&self, id: EndpointId) -> Option<Arc<Spec>> {
        self.running.lock().get(&id).map(|endpoint| Arc::clone(&endpoint.spec))
    }

    /// Turns a draft into what the endpoint's protocol sends.
    ///
    /// # Errors
    /// Why the draft cannot be sent.
    pub fn compose(&self, id: EndpointId, draft: &Draft) -> Result<Payload, Rejection> {
        let spec = self.spec(id).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))?;
        protocol(spec.scheme()).compose(draft)
    }

    /// # Errors
    /// The socket is gone, its mailbox is full, or its state does not allow the command.
    pub fn command(&self, id: SocketId, command: Command) -> Result<(), Rejection> {
        let (scheme, life) = self.hub.state_of(id).ok_or_else(|| Rejection(format!("there is no socket {id}")))?;
        if self.hub.is_folded(id) {
            return Err(Rejection(format!("{id} stands for older peers: there is nobody behind it any more")));
        }
        if let (Command::Send(Payload::Reply(fixed)), Some(endpoint)) = (&command, self.hub.endpoint_of(id)) {
            return self.set_reply(endpoint, Reply::Fixed((**fixed).clone()));
        }
        if let Some(reason) = able::refusal(id, scheme, life, &command) {
            return Err(Rejection(reason));
        }
        if let (Command::Close | Command::Reset, Life::Opening(_)) = (&command, life) {
            let birth = self.hub.birth(id);
            if let Some(birth) = birth.filter(|birth| !birth.accepted && birth.local.is_none()) {
                // It is still dialling, and reads no mail: to give that up is to stop its client.
                self.stop(birth.endpoint);
                return Ok(());
            }
        }
        self.mail.send(id, command)
    }

    /// Sends to every open socket of an endpoint, of UDP peers to those that were heard; how many took it. A client whose connection is over
    /// connects anew and sends then: that is 0.
    ///
    /// # Errors
    /// None did, and why.
    pub fn broadcast(&self, id: EndpointId, payload: &Payload) -> Result<usize, Rejection> {
        if let Payload::Reply(fixed) = payload {
            return self.set_reply(id, Reply::Fixed((**fixed).clone())).map(|()| 1);
        }
        let sockets = self.hub.audience(id);
        if self.hub.open_sockets(id).is_empty() && self.spec(id).is_some_and(|spec| spec.role == Role::Connect) {
            self.start_with(id, Some(payload.clone()));
            return Ok(0);
        }
        let is_udp = self.spec(id).is_some_and(|spec| spec.scheme() == Scheme::Udp);
        // One letter for all: a thousand peers have one mailbox.
        if is_udp && !sockets.is_empty() {
            self.post(id, Command::Send(payload.clone()))?;
            return Ok(sockets.len());
        }
        if is_udp {
            return Err(Rejection(format!("{id} has heard from nobody yet: send to an address")));
        }
        if sockets.is_empty() {
            return Err(Rejection(format!("{id} has no open socket to send to")));
        }
        self.spread(&sockets, payload)
    }

    /// Sends to each of these sockets; to how many it went.
    ///
    /// # Errors
    /// None did, and why.
    pub fn spread(&self, sockets: &[SocketId], payload: &Payload) -> Result<usize, Rejection> {
        let outcomes: Vec<_> =
            sockets.iter().map(|socket| self.command(*socket, Command::Send(payload.clone()))).collect();
        let sent = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        match outcomes.into_iter().find_map(Result::err) {
            Some(rejection) if sent == 0 => Err(rejection),
            None if sent == 0 => Err(Rejection("no open socket is among them".into())),
            _ => Ok(sent),
        }
    }

    /// Does steps of the answer to a held exchange; without a number, to the oldest of the socket that is
    /// not answered. What was done, in words.
    ///
    /// # Errors
    /// There is no such exchange, or a step cannot be done: then none of them was.
    pub fn answer(&self, id: SocketId, exchange: Option<u32>, steps: &[Step]) -> Result<String, Rejection> {
        self.holds.answer(id, exchange, steps)
    }

    /// UDP: sends to an address a person typed.
    ///
    /// # Errors
    /// The endpoint is not UDP, is not running, or the text is no address.
    pub fn send_to(&self, id: EndpointId, address: &str, payload: Payload) -> Result<(), Rejection> {
        let spec = self.spec(id).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))?;
        if spec.scheme() != Scheme::Udp || spec.role != Role::Listen {
            return Err(Rejection(format!("{id} is no UDP listener: only those send to any address")));
        }
        let to = address.trim().parse().map_err(|_| {
            Rejection(format!("\"{address}\" is no address: write IP:PORT, such as 127.0.0.1:9999 or [::1]:9999"))
        })?;
        able::unreachable(self.hub.local(id), to).map_or(Ok(()), |reason| Err(Rejection(reason)))?;
        self.post(id, Command::SendTo(to, payload))
    }

    /// Puts a letter for the endpoint itself into its mailbox.
    fn post(&self, id: EndpointId, command: Command) -> Result<(), Rejection> {
        let running = self.running.lock();
        let endpoint = running.get(&id).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))?;
        let stopped = || Rejection(format!("{id} is not running: start it first"));
        let outbox = endpoint.mail.as_ref().ok_or_else(stopped)?;
        deliver(outbox, Letter { socket: None, command }).map_err(|full| match full {
            true => Rejection(format!("{MAILBOX} messages wait for {id} already")),
            false => stopped(),
        })
    }

    /// Runs something that ends with the session at the latest.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let root = self.root.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = root.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Ends everything: in order if that is quick, else cut.
    pub async fn shutdown(&self) {
        self.root.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(DEADLINE, self.tasks.wait()).await;
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        self.root.cancel();
    }
}

/// One run of an endpoint, from start to the state it leaves behind.
async fn supervise(cx: Context) {
    let protocol = protocol(cx.spec.scheme());
    let run = match cx.spec.role {
        Role::Listen => protocol.serve(cx.clone()),
        Role::Connect => protocol.connect(cx.clone()),
    };
    watch_over(cx, run).await;
}

/// Turns whatever a run comes to, a panic too, into the endpoint's state and a line.
async fn watch_over(cx: Context, run: BoxFuture<Result<(), Fault>>) {
    let Context { endpoint: id, hub, log, cancel, spec, .. } = cx;
    let role = spec.role;
    let before = hub.ever(id);
    let outcome = AssertUnwindSafe(run).catch_unwind().await;
    let fault = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault),
        Err(panic) => Some(Fault::Panic { text: panic_text(panic.as_ref()).into() }),
    };
    match fault {
        // A person who stops an endpoint does not want to read what its end cost.
        Some(fault) if !cancel.is_cancelled() => {
            let error = Kind::Error(Box::new(fault.clone()));
            // A client's connection is a socket, which has counted what went wrong with it.
            match role == Role::Connect && hub.ever(id) > before && !matches!(fault, Fault::Panic { .. }) {
                true => log.repeat(error),
                false => log.event(error),
            }
            hub.set_state(id, State::Failed(fault), None);
        }
        _ => {
            // A client has said how its connection ended.
            if role == Role::Listen {
                log.event(Kind::Close(Box::new(End::Stopped)));
            }
            hub.set_state(id, State::Stopped, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::model::url::Url;
    use crate::model::view::Query;
    use crate::net::stream::{self, Flow};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    /// Endpoints with one listener that is registered but run by the test.
    fn idle() -> (Endpoints, Context) {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let identity = Arc::new(tls::Identity::new().unwrap());
        let endpoints = Endpoints::new(Arc::clone(&hub), Limits::default(), identity);
        let spec = Arc::new(Spec::new(Role::Listen, Url::parse("tcp://:0", Role::Listen).unwrap()));
        let (id, log) = hub.add_endpoint(Arc::clone(&spec));
        let (now, _) = watch::channel(Arc::clone(&spec));
        let (mail, inbox) = mpsc::channel(1);
        let running = Running {
            spec,
            log,
            cancel: CancellationToken::new(),
            over: CancellationToken::new(),
            now,
            mail: Some(mail),
        };
        let cx = endpoints.context(id, &running, inbox);
        (endpoints, cx)
    }

    async fn until<T>(hub: &Hub, mut find: impl FnMut() -> Option<T>) -> T {
        let wait = async {
            loop {
                // The bell rings again only for one who has taken in what it rang for.
                hub.collect();
                if let Some(found) = find() {
                    return found;
                }
                hub.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
    }

    #[tokio::test]
    async fn a_panic_in_a_flow_ends_that_socket_alone() {
        let (endpoints, cx) = idle();
        let (hub, id, cancel) = (Arc::clone(&cx.hub), cx.endpoint, cx.cancel.clone());
        let talk = |flow: Flow| async move {
            let mut flow = flow;
            let mut byte = [0];
            flow.stream.read_exact(&mut byte).await.expect("a byte");
            assert_ne!(byte, *b"!", "a bug");
            End::Stopped
        };
        endpoints.tasks.spawn(watch_over(cx.clone(), Box::pin(stream::serve(cx, 0, &[], talk))));
        let address = until(&hub, || hub.snapshot(&Query::default()).endpoint(id)?.local).await;
        let mut bad = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut bad, b"!").await.unwrap();
        let end = until(&hub, || hub.socket(SocketId(1))?.end).await;
        assert!(end.to_string().contains("a bug"), "{end}");
        let mut good = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut good, b".").await.unwrap();
        let end = until(&hub, || hub.socket(SocketId(2))?.end).await;
        assert_eq!(*end, End::Stopped);
        cancel.cancel();
        until(&hub, || (hub.states() == [State::Stopped]).then_some(())).await;
    }

    #[tokio::test]
    async fn a_panic_in_an_endpoint_is_its_failure_and_nobody_elses() {
        let (endpoints, cx) = idle();
        let hub = Arc::clone(&cx.hub);
        let other = endpoints.open(Spec::new(Role::Listen, Url::parse("tcp://:0", Role::Listen).unwrap()));
        endpoints.tasks.spawn(watch_over(cx, Box::pin(async { panic!("a bug in the endpoint") })));
        let fault = until(&hub, || match hub.states().first()? {
            State::Failed(fault) => Some(fault.clone()),
            _ => None,
        })
        .await;
        assert!(fault.to_string().contains("a bug in the endpoint"), "{fault}");
        until(&hub, || (hub.snapshot(&Query::default()).endpoint(other)?.state == State::Up).then_some(())).await;
    }
}
