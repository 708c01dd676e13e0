//! The judge of a server's certificate: always verifies, and where a person said so lets the connection
//! stand whatever the verdict, which is remembered and shown.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::alert::{certificate_text, leads_nowhere};
use super::chain::read;
use super::front::roots;
use super::identity::amiss;
use crate::model::end::Fault;
use crate::pki::Trust;

#[derive(Debug)]
pub(super) struct Judge {
    inner: Arc<dyn ServerCertVerifier>,
    /// The roots a person named: a server may show one of them itself (a self-signed certificate).
    named: Vec<CertificateDer<'static>>,
    lenient: bool,
    /// The name to verify, where it is not the one that is asked for (SNI).
    verify: Option<ServerName<'static>>,
    /// Of the last certificate that was shown: a resumed session has the verdict of the one it began as.
    verdict: Mutex<Option<Result<(), Box<str>>>>,
}

impl Judge {
    /// Roots: those a person named, with their revocation lists; else the system's and our own session CA.
    pub fn new(
        provider: &Arc<CryptoProvider>,
        ca: &CertificateDer<'static>,
        trust: Option<&Trust>,
        lenient: bool,
        verify: Option<ServerName<'static>>,
    ) -> Result<Arc<Self>, Fault> {
        let system = || Verifier::new_with_extra_roots([ca.clone()], Arc::clone(provider)).ok();
        // A machine without a root store still trusts our own CA.
        let ours = || Trust { roots: vec![ca.clone()], crls: Vec::new() };
        let inner: Arc<dyn ServerCertVerifier> = match trust {
            Some(trust) => webpki(provider, trust)?,
            None => match system() {
                Some(verifier) => Arc::new(verifier),
                None => webpki(provider, &ours())?,
            },
        };
        let named = trust.map_or_else(Vec::new, |trust| trust.roots.clone());
        Ok(Arc::new(Self { inner, named, lenient, verify, verdict: Mutex::default() }))
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

fn webpki(provider: &Arc<CryptoProvider>, trust: &Trust) -> Result<Arc<WebPkiServerVerifier>, Fault> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots(trust)?), Arc::clone(provider))
        .with_crls(trust.crls.iter().cloned())
        // A CA without a list has taken nothing back.
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| amiss("ca", format!("it cannot be used: {error}")))
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
        let name = self.verify.as_ref().unwrap_or(name);
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
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let all: Vec<_> = std::iter::once(leaf).chain(chain).map(|der| &**der).collect();
                Err(leads_nowhere(&read(all.into_iter())).unwrap_or_default().into())
            }
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
