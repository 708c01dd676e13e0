//! TLS under any stream protocol: our CA and certificate, the two handshakes, and their faults.
//!
//! One provider, aws-lc-rs, passed explicitly; rustls has no TLS 1.1, no RSA key exchange and no
//! renegotiation, and the faults say so where a peer needs them.

mod alert;
mod judge;
mod truncation;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{Acceptor, ClientHello};
use rustls::{ClientConfig, CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};

pub use self::alert::fault;
use self::judge::Judge;
pub use self::truncation::Truncation;
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::{Hello, Kind, Secured};
use crate::model::spec::Settings;
use crate::model::time::{Clock, nanos};
use crate::model::url::{Host, Url};

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

impl Identity {
    /// Makes a CA and a certificate for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    /// What the certificate library said.
    pub fn new() -> Result<Self, Fault> {
        let failed = |text: String| Fault::Tls { alert: None, text: text.into() };
        let (ca, ca_pem, chain, key) = certificates().map_err(|error| failed(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|error| fault(&error))?;
        Ok(Self { ca, ca_pem, server: Arc::new(server), provider })
    }

    /// The CA's certificate, for a peer that is to trust us.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    fn client(&self, settings: &Settings, alpn: &[&[u8]]) -> Result<(ClientConfig, Arc<Judge>), Fault> {
        let judge = Judge::new(&self.provider, &self.ca, settings)?;
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(&error))?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
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

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut leaf = CertificateParams::new(names)?;
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

/// The server's side of a handshake: `clientHello`, then `secureConnection`.
///
/// # Errors
/// The fault; the caller records it, who may know better.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    identity: &Identity,
    stream: S,
    record: &Recorder,
    clock: Clock,
    alpn: &[&[u8]],
    limit: Duration,
) -> Result<server::TlsStream<S>, Fault> {
    let started = clock.now();
    let handshake = async {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        record.event(Kind::ClientHello(Box::new(hello(&start.client_hello()))));
        let mut config = ServerConfig::clone(&identity.server);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        start.into_stream(Arc::new(config)).await
    };
    let stream = finish(handshake, limit).await?;
    let secured = secured(stream.get_ref().1, nanos(clock.now().since(started)), None);
    record.event(Kind::SecureConnection(Box::new(secured)));
    Ok(stream)
}

/// The client's side: `secureConnect`.
///
/// # Errors
/// The fault; the caller records it.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    identity: &Identity,
    stream: S,
    record: &Recorder,
    clock: Clock,
    (url, settings): (&Url, &Settings),
    alpn: &[&[u8]],
    limit: Duration,
) -> Result<client::TlsStream<S>, Fault> {
    let started = clock.now();
    let prepared = identity.client(settings, alpn).and_then(|made| Ok((made, server_name(url, settings)?)));
    let ((config, judge), name) = prepared?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = finish(connector.connect(name, stream), limit).await?;
    let secured = secured(stream.get_ref().1, nanos(clock.now().since(started)), judge.verdict());
    record.event(Kind::SecureConnect(Box::new(secured)));
    Ok(stream)
}

async fn finish<T>(handshake: impl Future<Output = io::Result<T>>, limit: Duration) -> Result<T, Fault> {
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Fault::Tls { alert: None, text: "the peer went away in the middle of the handshake".into() })
        }
        Ok(Err(error)) => Err(super::errno::fault(crate::model::end::Op::Read, &error)),
        Err(_) => Err(Fault::Late { what: "the TLS handshake was done", after: limit }),
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

fn hello(hello: &ClientHello<'_>) -> Hello {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned().into_boxed_str();
    let debug = |item: &dyn std::fmt::Debug| format!("{item:?}").into_boxed_str();
    Hello {
        server_name: hello.server_name().map(Into::into),
        alpn: hello.alpn().into_iter().flatten().map(text).collect(),
        ciphers: hello.cipher_suites().iter().map(|suite| debug(suite)).collect(),
        groups: hello.named_groups().into_iter().flatten().map(|group| debug(group)).collect(),
    }
}

fn secured(state: &CommonState, took: u64, verified: Option<bool>) -> Secured {
    Secured {
        version: match state.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        },
        cipher: state
            .negotiated_cipher_suite()
            .map_or_else(Box::default, |suite| format!("{:?}", suite.suite()).into()),
        group: state.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()).into()),
        alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into()),
        resumed: state.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        took,
        verified,
    }
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
