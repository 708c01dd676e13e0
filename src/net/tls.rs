//! TLS under any stream protocol: who we are, the two handshakes, and their faults.
//!
//! One provider, aws-lc-rs, passed explicitly; rustls has no TLS 1.1, no RSA key exchange and no
//! renegotiation, and the faults say so where a peer needs them.

mod alert;
mod chain;
mod choice;
mod details;
mod failure;
mod front;
mod identity;
mod judge;
mod keylog;
mod known;
mod pername;
mod records;
mod refuse;
mod truncation;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};

pub use self::alert::fault;
use self::failure::Ours;
pub use self::front::Servers;
pub use self::identity::Identity;
use self::judge::Judge;
pub use self::keylog::{KeyLogs, Sink};
pub use self::known::Clients;
use self::known::Terms;
pub use self::records::Astray;
use self::records::{Keys, Records, Seen};
pub use self::refuse::refuse;
pub use self::truncation::{Truncation, cut};
use super::Context;
use super::probe::Probe;
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::{Kind, Secured};
use crate::model::setting::tls::{Sni, Tls};
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::url::{Host, Role, Url};

/// The watch of records by itself, without keys.
pub fn watch(record: Recorder, clock: Clock, role: Role) -> Records {
    Records::new(record, clock, role, Arc::default(), Arc::default())
}

/// TLS on one connection: who does the handshake, and who is told of it.
pub struct Layer<'a> {
    /// Its endpoint, with the settings a client goes by; a listener's are those of this moment.
    pub cx: &'a Context,
    pub record: &'a Recorder,
    /// What the protocol speaks, unless the settings name something else.
    pub alpn: &'a [&'a [u8]],
}

/// A stream below TLS with the watch of its records.
pub type Watched<S> = Probe<S, Records>;

impl Layer<'_> {
    /// The server's side of a handshake: `clientHello` and what follows it, then `secureConnection`.
    ///
    /// # Errors
    /// The fault; the caller records it.
    pub async fn accept<S>(&self, stream: S) -> Result<server::TlsStream<Watched<S>>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let started = self.clock().now();
        let front = self.cx.servers.get(self.cx)?;
        let (stream, keys, seen) = self.watched(stream, Role::Listen);
        let alpn = self.protocols(&front.tls);
        let mut config = ServerConfig::clone(&front.config);
        config.alpn_protocols.clone_from(&alpn);
        config.key_log = keys.clone();
        let handshake = async {
            let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            start.into_stream(Arc::new(config)).await
        };
        let ours = Ours {
            provider: &front.provider,
            versions: front.tls.versions.list(),
            alpn: &alpn,
            names: &front.names,
            schemes: &front.schemes,
        };
        let mut stream = self.finish(handshake, (&seen, &keys), &ours, Role::Listen).await?;
        let (below, state) = stream.get_mut();
        below.watch().settle();
        let secured = self.secured(state, started, &seen, None);
        self.record.event(Kind::SecureConnection(secured));
        Ok(stream)
    }

    /// The client's side: ends with `secureConnect`.
    ///
    /// # Errors
    /// The fault; the caller records it.
    pub async fn connect<S>(&self, stream: S) -> Result<client::TlsStream<Watched<S>>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let tls = &self.cx.spec.settings.tls;
        let verified = server_name(&self.cx.spec.url, tls)?;
        let asked = match &tls.sni {
            Sni::Name(name) => named(name)?,
            Sni::Verified | Sni::Off => verified.clone(),
        };
        let identity = &self.cx.identity;
        let known = self.cx.clients.get(self.cx.endpoint, Terms::of(&identity.store(), tls, verified), identity)?;
        let (stream, keys, seen) = self.watched(stream, Role::Connect);
        let alpn = self.protocols(tls);
        let mut config = known.config;
        config.alpn_protocols.clone_from(&alpn);
        config.key_log = keys.clone();
        let connector = TlsConnector::from(Arc::new(config));
        // The system's roots have been read by now.
        let started = self.clock().now();
        let ours =
            Ours { provider: &known.provider, versions: tls.versions.list(), alpn: &alpn, names: &[], schemes: &[] };
        let mut stream = self.finish(connector.connect(asked, stream), (&seen, &keys), &ours, Role::Connect).await?;
        let (below, state) = stream.get_mut();
        below.watch().settle();
        let secured = self.secured(state, started, &seen, Some(&known.judge));
        self.record.event(Kind::SecureConnect(secured));
        Ok(stream)
    }

    fn clock(&self) -> Clock {
        self.cx.hub.clock()
    }

    fn watched<S>(&self, stream: S, role: Role) -> (Watched<S>, Arc<Keys>, Arc<Seen>) {
        let sink = self.cx.keylogs.sink(self.cx.endpoint, &self.cx.log, &self.cx.spec.settings);
        let (keys, seen) = (Arc::new(Keys::new(sink)), Arc::new(Seen::default()));
        let records = Records::new(self.record.clone(), self.clock(), role, Arc::clone(&keys), Arc::clone(&seen));
        self.record.explain(seen.clone());
        (Probe::new(stream, records), keys, seen)
    }

    fn protocols(&self, tls: &Tls) -> Vec<Vec<u8>> {
        match tls.alpn.as_slice() {
            [] => self.alpn.iter().map(|name| name.to_vec()).collect(),
            chosen => chosen.iter().map(|name| name.as_bytes().to_vec()).collect(),
        }
    }

    async fn finish<T>(
        &self,
        handshake: impl Future<Output = io::Result<T>>,
        (seen, keys): (&Seen, &Keys),
        ours: &Ours<'_>,
        role: Role,
    ) -> Result<T, Fault> {
        let limit = self.cx.limits.handshake_time;
        let done = tokio::time::timeout(limit, handshake).await;
        keys.tell(self.record);
        let fault = match done {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let text = match seen.story().came {
                    true => "the peer went away in the middle of the handshake",
                    false => "the peer went away before the handshake: not one byte came",
                };
                Fault::Tls { alert: None, text: text.into() }
            }
            Ok(Err(error)) => super::errno::fault(crate::model::end::Op::Read, &error),
            Err(_) => Fault::Late { what: "the TLS handshake was not done", after: limit },
        };
        let fault = failure::told(fault, seen, ours);
        let terms = (role == Role::Listen).then(|| ours.terms());
        seen.story().failed(self.clock().now(), fault.clone(), terms);
        Err(fault)
    }

    /// What was agreed on, remembered for the details page.
    fn secured(&self, state: &CommonState, started: Stamp, seen: &Seen, judge: Option<&Judge>) -> Arc<Secured> {
        let now = self.clock().now();
        // What is done before the first byte crosses is none of the handshake's time.
        let started = seen.story().handshake.began.unwrap_or(started);
        // A listener lets nobody in whose certificate is bad: one that is here is good.
        let good = || state.peer_certificates().filter(|chain| !chain.is_empty()).map(|_| Ok(()));
        let verdict = judge.map_or_else(good, Judge::verdict);
        let secured = Secured {
            version: match state.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS",
            },
            cipher: state
                .negotiated_cipher_suite()
                .map_or_else(Box::default, |suite| records::cipher(suite.suite().into())),
            group: state.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()).into()),
            alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into()),
            resumed: state.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            took: nanos(now.since(started)),
            verified: verdict.as_ref().map(Result::is_ok),
            objection: verdict.and_then(Result::err),
            chain: state.peer_certificates().map_or_else(Vec::new, chain::chain),
        };
        let secured = Arc::new(secured);
        seen.story().agreed(now, Arc::clone(&secured));
        secured
    }
}

fn server_name(url: &Url, tls: &Tls) -> Result<ServerName<'static>, Fault> {
    match (&tls.server_name, &url.host) {
        (Some(name), _) => named(name),
        (None, Host::Name(name)) => named(name),
        (None, Host::Ip(ip)) => Ok(ServerName::from(*ip)),
    }
}

fn named(name: &str) -> Result<ServerName<'static>, Fault> {
    ServerName::try_from(name.to_owned()).map_err(|_| Fault::Tls {
        alert: None,
        text: format!("\"{name}\" is no server name: write a DNS name or an IP address").into(),
    })
}
