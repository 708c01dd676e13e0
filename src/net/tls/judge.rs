//! The judge of a server's certificate: always verifies, and where a person said so lets the connection
//! stand whatever the verdict, which is remembered and shown.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::alert::certificate_text;
use crate::model::end::Fault;
use crate::model::spec::Settings;

#[derive(Debug)]
pub(super) struct Judge {
    inner: Arc<dyn ServerCertVerifier>,
    /// The roots a person named: a server may show one of them itself (a self-signed certificate).
    named: Vec<CertificateDer<'static>>,
    lenient: bool,
    /// Of the last certificate that was shown: a resumed session has the verdict of the one it began as.
    verdict: Mutex<Option<Result<(), Box<str>>>>,
}

impl Judge {
    /// Roots: the file a person named; else the system's and our own session CA.
    pub fn new(
        provider: &Arc<CryptoProvider>,
        ca: &CertificateDer<'static>,
        settings: &Settings,
    ) -> Result<Arc<Self>, Fault> {
        let named = settings.tls.ca.as_deref().map(super::read_roots).transpose()?;
        let system = || Verifier::new_with_extra_roots([ca.clone()], Arc::clone(provider)).ok();
        let inner: Arc<dyn ServerCertVerifier> = match (&named, system()) {
            (None, Some(verifier)) => Arc::new(verifier),
            // A machine without a root store still trusts our own CA.
            (named, _) => webpki(provider, named.clone().unwrap_or_else(|| vec![ca.clone()]))?,
        };
        let named = named.unwrap_or_default();
        Ok(Arc::new(Self { inner, named, lenient: settings.tls.insecure, verdict: Mutex::default() }))
    }

    /// A named certificate shown as it is: trusted for the names it has.
    fn is_named(&self, leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
        let names = |leaf| ParsedCertificate::try_from(leaf).and_then(|leaf| verify_server_name(&leaf, name));
        self.named.contains(leaf) && names(leaf).is_ok()
    }

    /// Whether the certificate was good, or what speaks against it; `None` before it was seen.
    pub fn verdict(&self) -> Option<Result<(), Box<str>>> {
        self.verdict.lock().clone()
    }
}

fn webpki(
    provider: &Arc<CryptoProvider>,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Arc<WebPkiServerVerifier>, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| super::fault(&error))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| Fault::Tls { alert: None, text: error.to_string().into() })
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut verdict = self.inner.verify_server_cert(leaf, chain, name, ocsp, now);
        // Only what speaks against it as a CA's or an unknown one's: an expired one stays expired.
        let objection = matches!(
            verdict,
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
        );
        if objection && self.is_named(leaf, name) {
            verdict = Ok(ServerCertVerified::assertion());
        }
        *self.verdict.lock() = Some(match &verdict {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(why)) => Err(certificate_text(why).into()),
            Err(other) => Err(other.to_string().into()),
        });
        if self.lenient { Ok(ServerCertVerified::assertion()) } else { verdict }
    }

    // Signatures are checked even when the certificate is not: they prove the peer holds its key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
