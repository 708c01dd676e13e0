//! TLS under any stream protocol: our CA and certificate, the two handshakes, and their faults.
//!
//! One provider, aws-lc-rs, passed explicitly; rustls has no TLS 1.1, no RSA key exchange and no
//! renegotiation, and the faults say so where a peer needs them.

mod alert;
mod chain;
mod details;
mod failure;
mod judge;
mod known;
mod records;
mod refuse;
mod truncation;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::Acceptor;
use rustls::{ClientConfig, CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};

pub use self::alert::fault;
use self::failure::Ours;
use self::judge::Judge;
pub use self::known::Clients;
use self::known::Terms;
pub use self::records::Astray;
use self::records::{Keys, Records, Seen};
pub use self::refuse::refuse;
pub use self::truncation::Truncation;
use super::probe::Probe;
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::{Kind, Secured};
use crate::model::id::EndpointId;
use crate::model::spec::Settings;
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::url::{Host, Role, Url};

/// The certificate every secure listener shows, signed by a CA; both made when the program starts and
/// held in memory alone.
pub struct Identity {
    ca: CertificateDer<'static>,
    ca_pem: String,
    server: Arc<ServerConfig>,
    provider: Arc<CryptoProvider>,
}

/// How long the certificate is good: under the 398 days that browsers and systems accept.
const LIFETIME: time::Duration = time::Duration::days(397);

/// What the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Identity {
    /// Makes a CA and a certificate for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    /// What the certificate library said.
    pub fn new() -> Result<Self, Fault> {
        let failed = |text: String| Fault::Tls { alert: None, text: text.into() };
        let (ca, ca_pem, chain, key) = certificates().map_err(|error| failed(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|error| fault(&error))?;
        // Tickets for TLS 1.2 too, and sessions that are not forgotten with the 257th.
        server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| fault(&error))?;
        Ok(Self { ca, ca_pem, server: Arc::new(server), provider })
    }

    /// The CA's certificate, for a peer that is to trust us.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    fn client(&self, settings: &Settings) -> Result<(ClientConfig, Arc<Judge>), Fault> {
        let judge = Judge::new(&self.provider, &self.ca, settings)?;
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(&error))?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        Ok((config, judge))
    }
}

type Made = (CertificateDer<'static>, String, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn certificates() -> Result<Made, rcgen::Error> {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    };
    let now = time::OffsetDateTime::now_utc();
    // An hour back: a peer's clock may be a little behind ours.
    let from = now - time::Duration::hours(1);

    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (from, now + LIFETIME);
    let ca_key = KeyPair::generate()?;
    // Each session's CA has a name of its own: with the same name, a peer that trusts yesterday's would
    // report a bad signature instead of an unknown CA.
    let id = hex::encode(&ca_key.public_key_raw()[1..5]);
    ca.distinguished_name.push(DnType::CommonName, format!("sockscope session CA {id}"));
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned))?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (leaf.not_before, leaf.not_after) = (from, now + LIFETIME);
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    let ca_der = ca_certificate.der().clone();
    Ok((ca_der, ca_certificate.pem(), vec![leaf_certificate.der().clone()], key))
}

/// The certificates in a PEM file.
fn read_roots(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let failed = |text: String| Fault::Tls { alert: None, text: text.into() };
    let name = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(format!("cannot read the roots in {name}: {error}")))?;
    if certificates.is_empty() {
        return Err(failed(format!("{name} holds no PEM certificate (-----BEGIN CERTIFICATE-----)")));
    }
    Ok(certificates)
}

/// The watch of records by itself, without keys.
pub fn watch(record: Recorder, clock: Clock, role: Role) -> Records {
    Records::new(record, clock, role, Arc::default(), Arc::default())
}

/// TLS on one connection: who does the handshake, and who is told of it.
pub struct Layer<'a> {
    pub identity: &'a Identity,
    /// What our clients keep from one connection to the next.
    pub clients: &'a Clients,
    pub record: &'a Recorder,
    pub clock: Clock,
    pub alpn: &'a [&'a [u8]],
    /// How long the handshake may take.
    pub limit: Duration,
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
        let started = self.clock.now();
        let (stream, keys, seen) = self.watched(stream, Role::Listen);
        let handshake = async {
            let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let mut config = ServerConfig::clone(&self.identity.server);
            config.alpn_protocols = self.protocols();
            config.key_log = keys;
            start.into_stream(Arc::new(config)).await
        };
        let mut stream = self.finish(handshake, &seen, Role::Listen).await?;
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
    pub async fn connect<S>(
        &self,
        stream: S,
        endpoint: EndpointId,
        (url, settings): (&Url, &Settings),
    ) -> Result<client::TlsStream<Watched<S>>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = server_name(url, settings)?;
        let known = self.clients.get(endpoint, Terms::of(settings), || self.identity.client(settings))?;
        let (stream, keys, seen) = self.watched(stream, Role::Connect);
        let mut config = known.config;
        config.alpn_protocols = self.protocols();
        config.key_log = keys;
        let connector = TlsConnector::from(Arc::new(config));
        // The system's roots have been read by now.
        let started = self.clock.now();
        let mut stream = self.finish(connector.connect(name, stream), &seen, Role::Connect).await?;
        let (below, state) = stream.get_mut();
        below.watch().settle();
        let secured = self.secured(state, started, &seen, Some(&known.judge));
        self.record.event(Kind::SecureConnect(secured));
        Ok(stream)
    }

    fn watched<S>(&self, stream: S, role: Role) -> (Watched<S>, Arc<Keys>, Arc<Seen>) {
        let (keys, seen) = (Arc::new(Keys::default()), Arc::new(Seen::default()));
        let records = Records::new(self.record.clone(), self.clock, role, Arc::clone(&keys), Arc::clone(&seen));
        self.record.explain(seen.clone());
        (Probe::new(stream, records), keys, seen)
    }

    fn protocols(&self) -> Vec<Vec<u8>> {
        self.alpn.iter().map(|name| name.to_vec()).collect()
    }

    async fn finish<T>(
        &self,
        handshake: impl Future<Output = io::Result<T>>,
        seen: &Seen,
        role: Role,
    ) -> Result<T, Fault> {
        let fault = match tokio::time::timeout(self.limit, handshake).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Fault::Tls { alert: None, text: "the peer went away in the middle of the handshake".into() }
            }
            Ok(Err(error)) => super::errno::fault(crate::model::end::Op::Read, &error),
            Err(_) => Fault::Late { what: "the TLS handshake was done", after: self.limit },
        };
        let ours = Ours { provider: &self.identity.provider, alpn: self.alpn, names: &NAMES };
        let fault = failure::told(fault, seen, &ours);
        let terms = (role == Role::Listen).then(|| ours.terms());
        seen.story().failed(self.clock.now(), fault.clone(), terms);
        Err(fault)
    }

    /// What was agreed on, remembered for the details page.
    fn secured(&self, state: &CommonState, started: Stamp, seen: &Seen, judge: Option<&Judge>) -> Arc<Secured> {
        let now = self.clock.now();
        // What is done before the first byte crosses is none of the handshake's time.
        let started = seen.story().handshake.began.unwrap_or(started);
        let verdict = judge.and_then(Judge::verdict);
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

fn server_name(url: &Url, settings: &Settings) -> Result<ServerName<'static>, Fault> {
    let host = match (&settings.tls.server_name, &url.host) {
        (Some(name), _) => name.clone(),
        (None, Host::Name(name)) => name.to_string(),
        (None, Host::Ip(ip)) => return Ok(ServerName::from(*ip)),
    };
    ServerName::try_from(host.clone()).map_err(|_| Fault::Tls {
        alert: None,
        text: format!("\"{host}\" is no server name: write a DNS name or an IP address").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_good_for_this_machine() {
        let identity = Identity::new().unwrap();
        assert!(identity.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
        let again = CertificateDer::from_pem_slice(identity.ca_pem().as_bytes()).unwrap();
        assert_eq!(again, identity.ca);
    }
}
