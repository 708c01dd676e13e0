//! Certificate signing requests (PKCS#10, RFC 2986): made for a key, read and checked from elsewhere.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::CertificateSigningRequestDer;
use x509_parser::error::X509Error;
use x509_parser::prelude::{FromDer, X509CertificationRequest};
use x509_parser::public_key::PublicKey;

use super::pem::{self, Section};
use super::{Key, Result, error, fingerprint, name, show};

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// `CN=a.test, O=Org`.
    pub subject: String,
    /// What the certificate is to be valid for.
    pub names: Vec<String>,
    /// Server, client or both; nothing leaves it to the CA.
    pub usage: super::Use,
    /// What its key may do; none is `digitalSignature`.
    pub key_usages: Vec<KeyUsage>,
}

/// What a certificate's key may do (RFC 5280 section 4.2.1.3). What only a CA's may is not among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyUsage(KeyUsagePurpose);

/// By the names of the RFC.
const KEY_USAGES: [(&str, KeyUsagePurpose); 5] = [
    ("digitalSignature", KeyUsagePurpose::DigitalSignature),
    ("nonRepudiation", KeyUsagePurpose::ContentCommitment),
    ("keyEncipherment", KeyUsagePurpose::KeyEncipherment),
    ("dataEncipherment", KeyUsagePurpose::DataEncipherment),
    ("keyAgreement", KeyUsagePurpose::KeyAgreement),
];

impl std::str::FromStr for KeyUsage {
    type Err = super::Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = KEY_USAGES.iter().find(|row| row.0.eq_ignore_ascii_case(text));
        found.map(|row| Self(row.1)).ok_or_else(|| {
            let names: Vec<_> = KEY_USAGES.iter().map(|row| row.0).collect();
            error(format!("\"{text}\" is no key usage of a leaf: there are {}", names.join(", ")))
        })
    }
}

/// A request whose signature is good.
pub struct Request {
    pub der: CertificateSigningRequestDer<'static>,
    pub(super) params: CertificateSigningRequestParams,
}

impl Request {
    /// # Errors
    /// The subject or a name is none.
    pub fn make(key: &Key, wish: &Wish) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name::subject(&wish.subject)?;
        for text in &wish.names {
            let name = name::alternative(text)?;
            if !params.subject_alt_names.contains(&name) {
                params.subject_alt_names.push(name);
            }
        }
        params.key_usages = match wish.key_usages.as_slice() {
            [] => vec![KeyUsagePurpose::DigitalSignature],
            chosen => chosen.iter().map(|usage| usage.0).collect(),
        };
        params.extended_key_usages = wish.usage.purposes();
        let request =
            params.serialize_request(&key.pair).map_err(|cause| error(format!("no request could be made: {cause}")))?;
        Self::from_der(request.der().clone(), "the request")
    }

    /// Reads PEM or DER and checks that whoever made it has the key.
    ///
    /// # Errors
    /// It is no request, its signature is broken, or it asks for what is not known here.
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let sections = pem::sections(bytes, what)?;
        let held = sections.iter().map(Section::name).collect::<Vec<_>>().join(", ");
        let der = sections.into_iter().find_map(|section| match section {
            Section::Request(der) => Some(der),
            _ => None,
        });
        let der = der.ok_or_else(|| {
            error(format!("{what} holds {held}, and no request (-----BEGIN CERTIFICATE REQUEST-----)"))
        })?;
        Self::from_der(der, what)
    }

    fn from_der(der: CertificateSigningRequestDer<'static>, what: &str) -> Result<Self> {
        let broken = || error(format!("{what} is no certificate request: its DER is broken (RFC 2986)"));
        let (_, parsed) = X509CertificationRequest::from_der(&der).map_err(|_| broken())?;
        // rcgen panics at an empty attribute set.
        if parsed.certification_request_info.subject.iter_rdn().any(|set| set.iter().next().is_none()) {
            return Err(broken());
        }
        if let Some(fault) = fault(&parsed) {
            return Err(error(format!("{what} {fault}")));
        }
        let params = CertificateSigningRequestParams::from_der(&der).map_err(|cause| match cause {
            rcgen::Error::UnsupportedExtension => error(format!(
                "{what} asks for an extension that is not known here: subject names, key usages and basic constraints are"
            )),
            cause => error(format!("{what} cannot be used: {cause}")),
        })?;
        Ok(Self { der, params })
    }

    pub fn pem(&self) -> String {
        pem::write("CERTIFICATE REQUEST", &self.der)
    }

    /// What it asks to be valid for.
    pub fn names(&self) -> Vec<String> {
        self.params.params.subject_alt_names.iter().map(name::show).collect()
    }

    /// The public key it is for.
    pub fn key_der(&self) -> Vec<u8> {
        self.params.public_key.subject_public_key_info()
    }

    /// Of the public key it is for.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key_der())
    }

    /// Whether it asks to be a CA, or for usages that only a CA has.
    pub fn wants_ca(&self) -> bool {
        matches!(self.params.params.is_ca, rcgen::IsCa::Ca(_))
    }

    pub(super) fn asks_for(&self) -> Vec<ExtendedKeyUsagePurpose> {
        self.params.params.extended_key_usages.clone()
    }
}

/// What is wrong with its signature, or with its key: `has a broken signature...`.
pub(super) fn fault(request: &X509CertificationRequest<'_>) -> Option<String> {
    let info = &request.certification_request_info.subject_pki;
    let kind = show::kind(info);
    if let Ok(PublicKey::RSA(key)) = info.parsed()
        && key.key_size() < 2048
    {
        return Some(format!("is for a key of {kind}: {}", super::key::SMALL));
    }
    // x509-parser checks no signature of such a key, and says that it is wrong.
    let checked =
        if kind == "RSA-PSS" { Err(X509Error::SignatureUnsupportedAlgorithm) } else { request.verify_signature() };
    match checked {
        Ok(()) => None,
        Err(X509Error::SignatureUnsupportedAlgorithm) => Some(format!(
            "is signed in a way that is not known here (algorithm {}, {kind}), so it cannot be checked: RSA from 2048 \
             bits, ECDSA P-256 or P-384 and Ed25519 are known",
            request.signature_algorithm.algorithm
        )),
        Err(_) => Some(
            "has a broken signature: it was changed after it was made, or whoever made it does not have its key".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Algorithm, Use};

    fn wish() -> Wish {
        Wish {
            subject: "CN=a.test".into(),
            names: vec!["a.test".into(), "127.0.0.1".into()],
            usage: Use::Server,
            ..Wish::default()
        }
    }

    #[test]
    fn a_request_is_made_and_read_back() {
        let key = Key::generate(Algorithm::P256).unwrap();
        let request = Request::make(&key, &wish()).unwrap();
        let again = Request::read(request.pem().as_bytes(), "a.csr").unwrap();
        assert_eq!(again.names(), ["DNS:a.test", "IP:127.0.0.1"]);
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert!(!again.wants_ca());
    }

    #[test]
    fn a_request_that_was_changed_is_refused() {
        let key = Key::generate(Algorithm::P256).unwrap();
        let request = Request::make(&key, &wish()).unwrap();
        let mut der = request.der.to_vec();
        let at = der.windows(6).position(|part| part == b"a.test").unwrap();
        der[at] = b'b';
        let said = Request::read(&der, "a.csr").err().unwrap().0;
        assert!(said.contains("a.csr has a broken signature"), "{said}");
        let said = Request::read(key.public_pem().as_bytes(), "a.csr").err().unwrap().0;
        assert!(said.contains("holds a public key, and no request"), "{said}");
    }
}
