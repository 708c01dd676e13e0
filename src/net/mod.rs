//! Sockets: one protocol a file (or folder), each behind a probe that records what crosses it.
//!
//! Knows the model and the [`Recorder`]; no app, no screen, no terminal.

mod dial;
pub mod endpoints;
mod errno;
pub mod http;
mod kernel;
#[doc(hidden)]
pub mod noise;
mod parting;
mod probe;
mod stream;
mod tcp;
pub mod tls;
mod tune;
mod udp;
mod wire;

mod ws;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::endpoints::Endpoints;
use self::endpoints::Mailboxes;
use crate::hub::{Hub, Recorder};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::Fault;
use crate::model::event::Form;
use crate::model::id::{EndpointId, SocketId};
use crate::model::setting::Row;
use crate::model::spec::{Fixed, Limits, Reply, Spec};
use crate::model::url::Scheme;

pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a person or a script wants of one socket.
#[derive(Debug)]
pub enum Command {
    Send(Payload),
    /// UDP: to an address, known or not.
    SendTo(std::net::SocketAddr, Payload),
    /// A setting that was checked, and its new value as text.
    Set(&'static Row, String),
    /// Go on over TLS: a plain TCP connection.
    Starttls,
    /// Half-close: FIN, and keep reading.
    End,
    Close,
    /// Close with RST.
    Reset,
}

/// What is sent, as the protocol takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    Bytes(Bytes),
    Text(String),
    Binary(Bytes),
    Ping(Bytes),
    /// One that no ping asked for (RFC 6455 section 5.5.3).
    Pong(Bytes),
    /// A WebSocket message in so many frames.
    Split {
        form: Form,
        bytes: Bytes,
        frames: u32,
    },
    /// A WebSocket close frame (RFC 6455 section 5.5.1).
    Close {
        code: Option<u16>,
        reason: String,
    },
    Request(Box<http::Request>),
    /// What a listener answers from now on.
    Reply(Box<Fixed>),
    /// Steps of one answer by hand.
    Steps(Vec<http::Step>),
}

/// A command with the socket it is for: one queue may serve many (UDP peers).
#[derive(Debug)]
pub struct Letter {
    pub socket: Option<SocketId>,
    pub command: Command,
}

/// Letters that wait for one flow: a person types slower than this, and a script is told when it is full.
pub const MAILBOX: usize = 32;

/// Boxed, because a queue allocates room for its items up front, for each of 10,000 sockets.
pub type Inbox = mpsc::Receiver<Box<Letter>>;
pub type Outbox = mpsc::Sender<Box<Letter>>;

/// What every flow of an endpoint shares.
#[derive(Clone)]
pub struct Context {
    pub endpoint: EndpointId,
    pub spec: Arc<Spec>,
    pub limits: Arc<Limits>,
    pub hub: Arc<Hub>,
    /// The endpoint's own timeline.
    pub log: Recorder,
    /// Fires when the endpoint is stopped.
    pub cancel: CancellationToken,
    pub mail: Mailboxes,
    /// Exchanges that a person answers.
    pub holds: http::Holds,
    pub identity: Arc<tls::Identity>,
    /// Sessions our TLS clients can resume.
    pub clients: Arc<tls::Clients>,
    /// Files that TLS secrets go to.
    pub keylogs: Arc<tls::KeyLogs>,
    /// What our TLS listeners show.
    pub servers: Arc<tls::Servers>,
    /// What was asked for as it is now: `spec` is how it was when the run or the flow began.
    pub now: watch::Receiver<Arc<Spec>>,
    /// Mail for the endpoint itself; the one flow that reads it takes it.
    pub inbox: Arc<parking_lot::Mutex<Option<Inbox>>>,
}

impl Context {
    /// For a flow that begins now.
    pub fn fresh(&self) -> Self {
        Self { spec: Arc::clone(&self.now.borrow()), ..self.clone() }
    }

    /// What a listener answers at this moment.
    pub fn reply<T>(&self, read: impl FnOnce(&Reply) -> T) -> T {
        read(&self.now.borrow().settings.reply)
    }
}

/// One row of the protocol list.
pub struct Info {
    pub plain: Scheme,
    /// The same over TLS.
    pub secure: Option<Scheme>,
    pub help: &'static str,
}

/// The whole of what a protocol is.
pub trait Protocol: Sync {
    fn info(&self) -> &'static Info;

    /// Turns a draft into what this protocol sends.
    ///
    /// # Errors
    /// Why the draft cannot be sent.
    fn compose(&self, draft: &Draft) -> Result<Payload, Rejection>;

    /// Runs a listener until it is cancelled.
    fn serve(&self, cx: Context) -> BoxFuture<Result<(), Fault>>;

    /// Runs a client until its connection is over or it is cancelled.
    fn connect(&self, cx: Context) -> BoxFuture<Result<(), Fault>>;
}

/// The one list. Help, form, contract tests and the demo go through it.
pub static PROTOCOLS: &[&dyn Protocol] = &[&tcp::Tcp, &udp::Udp, &http::Http, &ws::Ws];

/// The protocol that speaks a scheme.
pub fn protocol(scheme: Scheme) -> &'static dyn Protocol {
    let speaks = |protocol: &&&dyn Protocol| {
        let info = protocol.info();
        info.plain == scheme || info.secure == Some(scheme)
    };
    // A test holds every scheme against the list.
    PROTOCOLS.iter().find(speaks).copied().unwrap_or(&tcp::Tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_its_protocol() {
        for scheme in Scheme::ALL {
            let info = protocol(scheme).info();
            assert!(info.plain == scheme || info.secure == Some(scheme), "{scheme}");
        }
    }
}
