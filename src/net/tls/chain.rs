//! What certificates say (RFC 5280), read for a person; what cannot be read is said to be so.

use rustls::pki_types::CertificateDer;
use x509_parser::der_parser::oid;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::model::tls::Certificate;

/// Certificates of one chain, and names of one certificate, that are kept: real chains have four, and the
/// certificate with the most names on the public web has some hundreds.
const MOST: usize = 16;
const NAMES: usize = 100;
/// Bytes of one name.
const NAME: usize = 256;

/// The peer's chain, its own certificate first.
pub fn chain(chain: &[CertificateDer<'_>]) -> Vec<Certificate> {
    read(chain.iter().map(|der| &**der))
}

/// The same of certificates as they cross.
pub fn read<'a>(chain: impl Iterator<Item = &'a [u8]>) -> Vec<Certificate> {
    chain.take(MOST).map(certificate).collect()
}

fn certificate(der: &[u8]) -> Certificate {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let fingerprint = hex::encode(digest).into();
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return Certificate { subject: "not readable".into(), fingerprint, ..Certificate::default() };
    };
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map_or(&[][..], |found| &found.value.general_names);
    let validity = parsed.validity();
    Certificate {
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        names: names.iter().take(NAMES).map(alternative).collect(),
        valid: (date(validity.not_before.timestamp()), date(validity.not_after.timestamp())),
        key: key(parsed.public_key()),
        serial: cut(parsed.raw_serial_as_string()),
        is_ca: parsed.is_ca(),
        fingerprint,
    }
}

fn cut(mut text: String) -> Box<str> {
    let end = (0..=NAME.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text.into()
}

fn name(name: &X509Name<'_>) -> Box<str> {
    let text = name.to_string();
    if text.is_empty() { "without a name".into() } else { cut(text) }
}

fn alternative(name: &GeneralName<'_>) -> Box<str> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => cut((*name).into()),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => std::net::Ipv4Addr::from(v4).to_string().into(),
            (_, Ok(v6)) => std::net::Ipv6Addr::from(v6).to_string().into(),
            _ => "an IP address that is none".into(),
        },
        other => cut(other.to_string()),
    }
}

/// `2026-11-22T21:03:56Z`.
fn date(timestamp: i64) -> Box<str> {
    jiff::Timestamp::from_second(timestamp).map_or_else(|_| "no date".into(), |time| time.to_string().into())
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> Box<str> {
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()).into(),
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let named = curve.as_ref().and_then(|curve| CURVES.iter().find(|row| row.0 == *curve));
            named.map_or_else(|| "EC".into(), |row| format!("EC {}", row.1).into())
        }
        _ if info.algorithm.algorithm == oid!(1.3.101.112) => "Ed25519".into(),
        _ if info.algorithm.algorithm == oid!(1.3.101.113) => "Ed448".into(),
        _ => cut(format!("algorithm {}", info.algorithm.algorithm)),
    }
}

static CURVES: [(x509_parser::asn1_rs::Oid<'static>, &str); 3] =
    [(oid!(1.2.840.10045.3.1.7), "P-256"), (oid!(1.3.132.0.34), "P-384"), (oid!(1.3.132.0.35), "P-521")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_who_it_is_for_and_until_when() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["a.test".into(), "127.0.0.1".into()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "somebody");
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        let made = params.self_signed(&key).unwrap();
        let read = certificate(made.der());
        assert!(read.subject.contains("CN=somebody") && read.issuer.contains("CN=somebody"), "{read:?}");
        assert_eq!(read.names, ["a.test".into(), "127.0.0.1".into()]);
        assert_eq!((&*read.valid.0, &*read.valid.1), ("2020-01-02T00:00:00Z", "2030-01-02T00:00:00Z"));
        assert_eq!((&*read.key, read.is_ca, read.fingerprint.len()), ("EC P-256", false, 64));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200)) {
            certificate(&bytes);
        }
    }
}
