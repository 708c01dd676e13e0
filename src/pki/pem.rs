//! PEM and DER as they come from files: what they hold, and a sentence where they do not hold what was wanted.

use std::borrow::Cow;

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, CertificateSigningRequestDer, PrivateKeyDer};

use super::{Result, error};

/// One section of a PEM file.
#[derive(Debug)]
pub enum Section {
    Certificate(CertificateDer<'static>),
    Request(CertificateSigningRequestDer<'static>),
    Key(PrivateKeyDer<'static>),
    Crl(CertificateRevocationListDer<'static>),
    /// SubjectPublicKeyInfo.
    Public(Vec<u8>),
    /// A private key behind a passphrase (PKCS#8, RFC 5958 section 3); `None` is the old way of openssl.
    Encrypted(Option<Vec<u8>>),
}

impl Section {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "a certificate",
            Self::Request(_) => "a certificate request",
            Self::Key(_) => "a private key",
            Self::Crl(_) => "a revocation list",
            Self::Public(_) => "a public key",
            Self::Encrypted(_) => "an encrypted private key",
        }
    }
}

/// Everything in a PEM file, in order; of a DER file its one thing.
///
/// # Errors
/// It is neither.
pub fn sections(bytes: &[u8], what: &str) -> Result<Vec<Section>> {
    if bytes.is_empty() {
        return Err(error(format!("{what} is empty: expected PEM (-----BEGIN ...-----) or DER")));
    }
    if !contains(bytes, b"-----BEGIN ") {
        if is_pkcs12(bytes) {
            return Err(error(format!(
                "{what} is a PKCS#12 file, and those are written here and not read: openssl pkcs12 -nodes -in {what} \
                 -out all.pem makes PEM of it"
            )));
        }
        return der(bytes).map(|section| vec![section]).ok_or_else(|| {
            error(format!(
                "{what} is neither PEM (there is no -----BEGIN line) nor a DER certificate, request, key or CRL"
            ))
        });
    }
    let (kept, old) = without_old(bytes);
    let mut found = Vec::new();
    for item in <(SectionKind, Vec<u8>)>::pem_slice_iter(&kept) {
        let (kind, der) = item.map_err(|cause| error(format!("{what} is broken PEM: {}", cause_of(&cause))))?;
        found.extend(match kind {
            SectionKind::Certificate => Some(Section::Certificate(der.into())),
            SectionKind::Csr => Some(Section::Request(der.into())),
            SectionKind::Crl => Some(Section::Crl(der.into())),
            SectionKind::PublicKey => Some(Section::Public(der)),
            SectionKind::RsaPrivateKey => Some(Section::Key(PrivateKeyDer::Pkcs1(der.into()))),
            SectionKind::EcPrivateKey => Some(Section::Key(PrivateKeyDer::Sec1(der.into()))),
            SectionKind::PrivateKey => Some(Section::Key(PrivateKeyDer::Pkcs8(der.into()))),
            _ => None,
        });
    }
    // The reader knows no name for it, and passes over it.
    if contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let own = pem::parse_many(bytes).unwrap_or_default();
        let own = own.into_iter().find(|section| section.tag() == "ENCRYPTED PRIVATE KEY");
        found.push(Section::Encrypted(Some(own.map(pem::Pem::into_contents).unwrap_or_default())));
    } else if old {
        found.push(Section::Encrypted(None));
    }
    if found.is_empty() {
        return Err(error(format!("{what} is PEM, but holds no certificate, request, key or CRL that is known here")));
    }
    Ok(found)
}

/// The file without the keys that openssl locked in its old way, and whether there were any: their headers are no
/// base64 (RFC 1421), and the reader would stop at them.
fn without_old(bytes: &[u8]) -> (Cow<'_, [u8]>, bool) {
    if !contains(bytes, b"Proc-Type: 4,ENCRYPTED") {
        return (Cow::Borrowed(bytes), false);
    }
    let (mut kept, mut section, mut locked) = (Vec::new(), Vec::new(), false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        section.extend_from_slice(line);
        locked |= line.starts_with(b"Proc-Type: 4,ENCRYPTED");
        if line.starts_with(b"-----END ") {
            if !std::mem::take(&mut locked) {
                kept.append(&mut section);
            }
            section.clear();
        }
    }
    (Cow::Owned(kept), true)
}

fn cause_of(cause: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error as E;
    match cause {
        E::MissingSectionEnd { .. } => "a section has no -----END line".into(),
        E::IllegalSectionStart { .. } => "a -----BEGIN line is not one".into(),
        E::Base64Decode(_) => "what stands between BEGIN and END is no base64".into(),
        other => format!("{other:?}"),
    }
}

/// Whether it begins as PKCS#12 does: version 3, then content of the type data or signed data (RFC 7292 section 4).
fn is_pkcs12(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(32)];
    bytes.first() == Some(&0x30)
        && contains(head, &[2, 1, 3, 0x30])
        && contains(head, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7])
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn der(bytes: &[u8]) -> Option<Section> {
    use x509_parser::prelude::*;
    let whole = |rest: &[u8]| rest.is_empty();
    if X509Certificate::from_der(bytes).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(Section::Certificate(bytes.to_vec().into()));
    }
    if X509CertificationRequest::from_der(bytes).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(Section::Request(bytes.to_vec().into()));
    }
    if CertificateRevocationList::from_der(bytes).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(Section::Crl(bytes.to_vec().into()));
    }
    if SubjectPublicKeyInfo::from_der(bytes).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(Section::Public(bytes.to_vec()));
    }
    if locked_by(bytes).is_some() {
        return Some(Section::Encrypted(Some(bytes.to_vec())));
    }
    PrivateKeyDer::try_from(bytes.to_vec()).ok().map(Section::Key)
}

/// The one private key of a file.
///
/// # Errors
/// There is none, or it is encrypted and the passphrase is missing or wrong.
pub fn private_key(bytes: &[u8], what: &str, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>> {
    let sections = sections(bytes, what)?;
    let held = sections.iter().map(Section::name).collect::<Vec<_>>().join(", ");
    let key = sections.into_iter().find_map(|section| match section {
        Section::Key(key) => Some(Ok(key)),
        Section::Encrypted(own) => Some(unlocked(own, what, passphrase)),
        _ => None,
    });
    key.unwrap_or_else(|| Err(error(format!("{what} holds {held}, and no private key (-----BEGIN PRIVATE KEY-----)"))))
}

/// Rounds of PBKDF2 at the most, and blocks of scrypt: today's tools write a third of it, and a file must not
/// be able to keep a machine busy.
const ROUNDS: u32 = 2_000_000;
const BLOCKS: u64 = 1 << 20;

/// The algorithm of an encrypted key, whether it is known here or not (RFC 5958 section 3).
fn locked_by(der: &[u8]) -> Option<String> {
    use x509_parser::der_parser::asn1_rs::{OctetString, Sequence};
    use x509_parser::prelude::{AlgorithmIdentifier, FromDer};
    let (rest, outer) = Sequence::from_der(der).ok()?;
    let (inner, algorithm) = AlgorithmIdentifier::from_der(outer.as_ref()).ok()?;
    let (after, _) = OctetString::from_der(inner).ok()?;
    (rest.is_empty() && after.is_empty()).then(|| algorithm.algorithm.to_id_string())
}

/// Ways to encrypt a key by their object identifiers (RFC 8018, RFC 7292 appendix C).
const WAYS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.5.13", "PBES2 with a cipher or key derivation of another kind"),
    ("1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES"),
    ("1.2.840.113549.1.12.1.6", "PBE-SHA1-RC2-40"),
    ("1.2.840.113549.1.5.3", "PBE-MD5-DES"),
    ("1.2.840.113549.1.5.10", "PBE-SHA1-DES"),
];

fn unlocked(own: Option<Vec<u8>>, what: &str, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>> {
    let Some(der) = own else {
        return Err(error(format!(
            "{what} is an encrypted private key in the old way of openssl (Proc-Type: 4,ENCRYPTED), which is not read \
             here: openssl pkcs8 -topk8 -in {what} -out new.key makes a PKCS#8 one"
        )));
    };
    let Some(passphrase) = passphrase else {
        let text = format!("{what} is an encrypted private key and no passphrase was given");
        return Err(super::Error(text, super::Cause::Locked));
    };
    let unknown = || match locked_by(&der) {
        None => error(format!("{what} is an encrypted private key whose DER is broken (RFC 5958 section 3)")),
        Some(way) => error(format!(
            "{what} is encrypted with an algorithm that is not supported here ({}): openssl pkcs8 -topk8 -v2 aes-256-cbc \
             -in {what} -out new.key makes one of today (PBES2 with AES)",
            WAYS.iter().find(|row| row.0 == way).map_or(way.as_str(), |row| row.1)
        )),
    };
    let info = pkcs8::EncryptedPrivateKeyInfo::try_from(der.as_slice()).map_err(|_| unknown())?;
    let kdf = info.encryption_algorithm.pbes2().map(|scheme| &scheme.kdf);
    let hard = match kdf {
        Some(pkcs8::pkcs5::pbes2::Kdf::Pbkdf2(pbkdf2)) => pbkdf2.iteration_count > ROUNDS,
        Some(pkcs8::pkcs5::pbes2::Kdf::Scrypt(scrypt)) => {
            scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)) > BLOCKS || scrypt.parallelization > 16
        }
        _ => return Err(unknown()),
    };
    if hard {
        return Err(error(format!(
            "{what} asks for more work to unlock than any tool of today makes it: it is refused"
        )));
    }
    let plain = info
        .decrypt(passphrase)
        .map_err(|_| error(format!("the passphrase does not open {what}: it is another one, or the file is broken")))?;
    Ok(PrivateKeyDer::Pkcs8(plain.as_bytes().to_vec().into()))
}

/// The certificates of a file, in its order.
///
/// # Errors
/// There is none.
pub fn certificates(bytes: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let sections = sections(bytes, what)?;
    let held = sections.iter().map(Section::name).collect::<Vec<_>>().join(", ");
    let found: Vec<_> = sections
        .into_iter()
        .filter_map(|section| match section {
            Section::Certificate(der) => Some(der),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(error(format!("{what} holds {held}, and no certificate (-----BEGIN CERTIFICATE-----)")));
    }
    Ok(found)
}

/// PEM of a DER.
pub fn write(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_what_was_wanted_is_named() {
        let said = |bytes: &[u8]| private_key(bytes, "a.pem", None).unwrap_err().0;
        assert!(said(b"").contains("a.pem is empty"));
        assert!(said(b"hello").contains("neither PEM"));
        assert!(said(b"-----BEGIN PRIVATE KEY-----\nAAAA\n").contains("no -----END line"));
        assert!(
            said(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
                .contains("no passphrase")
        );
        let public = crate::pki::Key::generate(crate::pki::Algorithm::P256).unwrap().public_pem();
        assert!(
            said(public.as_bytes()).contains("a.pem holds a public key, and no private key"),
            "{}",
            said(public.as_bytes())
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), pem in any::<bool>()) {
            let bytes = if pem { write("CERTIFICATE", &bytes).into_bytes() } else { bytes };
            let _ = sections(&bytes, "x");
            let _ = crate::pki::Key::read(&bytes, "x");
        }
    }
}
