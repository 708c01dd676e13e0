//! CAs: roots and intermediates, what they sign, and what they take back.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use time::Duration;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::{Key, Now, Request, Result, date, error, name, pem};
use crate::model::workbench::USES;

/// What a certificate may be used for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Use {
    #[default]
    Server,
    Client,
    Both,
}

impl Use {
    pub const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Both];

    pub fn name(self) -> &'static str {
        USES[self as usize]
    }

    pub(super) fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose as P;
        match self {
            Self::Server => vec![P::ServerAuth],
            Self::Client => vec![P::ClientAuth],
            Self::Both => vec![P::ServerAuth, P::ClientAuth],
        }
    }
}

impl std::str::FromStr for Use {
    type Err = super::Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|usage| usage.name() == text);
        found.ok_or_else(|| error(format!("\"{text}\" is no use: a certificate is for server, client or both")))
    }
}

/// From when to when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime {
    pub from: Now,
    pub to: Now,
}

impl Lifetime {
    /// From an hour ago, because a peer's clock may be a little behind, for so many days.
    ///
    /// # Errors
    /// No days, or more than a certificate can say.
    pub fn days(now: Now, days: i64) -> Result<Self> {
        // A certificate's dates end with the year 9999 (RFC 5280 section 4.1.2.5).
        let span = (1..=2_900_000).contains(&days).then(|| Duration::days(days));
        let to = span.and_then(|span| now.checked_add(span)).filter(|to| to.year() < 9999);
        let to = to.ok_or_else(|| error(format!("{days} days is no lifetime: write a number of days such as 90")))?;
        Ok(Self { from: now - Duration::hours(1), to })
    }
}

/// A CA's certificate with its key.
pub struct Authority {
    pub certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a new CA is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charter {
    pub subject: String,
    pub lifetime: Lifetime,
    /// How many CAs may stand between it and a leaf; `None` is without limit.
    pub path: Option<u8>,
}

impl Charter {
    fn params(&self) -> Result<CertificateParams> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name::subject(&self.subject)?;
        params.is_ca = IsCa::Ca(self.path.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(serial()?);
        (params.not_before, params.not_after) = (self.lifetime.from, self.lifetime.to);
        Ok(params)
    }
}

/// A serial number that a person chose (RFC 5280 section 4.1.2.2): positive, 20 bytes at the most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serial(Vec<u8>);

impl std::str::FromStr for Serial {
    type Err = super::Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
        let bytes = hex::decode(&even).ok().filter(|bytes| {
            // A leading 1 bit wants a byte of zeros before it, or the number would be negative.
            let len = bytes.len() + usize::from(bytes.first().is_some_and(|first| first & 0x80 != 0));
            bytes.iter().any(|byte| *byte != 0) && len <= 20
        });
        bytes.map(Self).ok_or_else(|| {
            error(format!(
                "\"{text}\" is no serial number: write 1 to 20 bytes in hexadecimal, such as 01 or 4A:2F, not 0"
            ))
        })
    }
}

/// 127 random bits: unique without a book of what was given out, and positive (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| error("the system gave no randomness"))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn made<T>(result: std::result::Result<T, rcgen::Error>, what: &str) -> Result<T> {
    result.map_err(|cause| error(format!("{what} could not be made: {cause}")))
}

impl Authority {
    /// A CA by the key and for the subject of a request.
    ///
    /// # Errors
    /// The key is another one.
    pub fn self_signed(key: Key, request: &Request, lifetime: Lifetime, path: Option<u8>) -> Result<Self> {
        let mut params = Charter { subject: "CN=-".into(), lifetime, path }.params()?;
        params.distinguished_name = request.params.params.distinguished_name.clone();
        if request.key_der() != key.public_der() {
            return Err(error("the request is for another key: only its own key can sign it as itself"));
        }
        let certificate = made(params.self_signed(&key.pair), "the CA")?;
        Ok(Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key.pair) })
    }

    /// A self-signed root.
    ///
    /// # Errors
    /// The subject is none.
    pub fn root(key: Key, charter: &Charter) -> Result<Self> {
        let params = charter.params()?;
        let certificate = made(params.self_signed(&key.pair), "the CA")?;
        Ok(Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key.pair) })
    }

    /// A CA below this one.
    ///
    /// # Errors
    /// The subject is none, or this CA may have none below it.
    pub fn intermediate(&self, key: Key, charter: &Charter) -> Result<Self> {
        if self.path()? == Some(0) {
            return Err(error("this CA may sign leaves only (path length 0): make the root with a path length of 1"));
        }
        if let (Some(own), Some(asked)) = (self.path()?, charter.path)
            && u32::from(asked) >= own
        {
            return Err(error(format!(
                "a path length of {asked} is more than the CA above allows, which has {own}: {} at the most",
                own - 1
            )));
        }
        let mut params = charter.params()?;
        params.use_authority_key_identifier_extension = true;
        let certificate = made(params.signed_by(&key.pair, &self.issuer), "the CA")?;
        Ok(Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key.pair) })
    }

    /// A CA from elsewhere.
    ///
    /// # Errors
    /// The certificate is no CA's, or the key is not its key.
    pub fn load(certificate: CertificateDer<'static>, key: Key, what: &str) -> Result<Self> {
        let (_, parsed) = parse(&certificate, what)?;
        if !parsed.is_ca() {
            return Err(error(format!("{what} is no CA: its basic constraints do not say CA:TRUE")));
        }
        if parsed.public_key().raw != key.public_der() {
            return Err(error(format!("the key does not fit {what}: the certificate is for another public key")));
        }
        let issuer = made(Issuer::from_ca_cert_der(&certificate, key.pair), "the CA")?;
        Ok(Self { certificate, issuer })
    }

    /// When it ends.
    ///
    /// # Errors
    /// Its certificate is broken.
    pub fn end(&self) -> Result<Now> {
        Ok(parse(&self.certificate, "the CA")?.1.validity().not_after.to_datetime())
    }

    fn path(&self) -> Result<Option<u32>> {
        let (_, parsed) = parse(&self.certificate, "the CA")?;
        Ok(parsed.basic_constraints().ok().flatten().and_then(|found| found.value.path_len_constraint))
    }

    /// Signs a request: its names and its key, our serial, lifetime and use.
    ///
    /// # Errors
    /// It asks to be a CA, or would outlive this CA.
    pub fn sign(&self, request: &Request, usage: Option<Use>, lifetime: Lifetime) -> Result<CertificateDer<'static>> {
        self.sign_as(request, usage, lifetime, None)
    }

    /// The same under a serial number that was chosen.
    ///
    /// # Errors
    /// See [`Authority::sign`].
    pub fn sign_as(
        &self,
        request: &Request,
        usage: Option<Use>,
        lifetime: Lifetime,
        chosen: Option<&Serial>,
    ) -> Result<CertificateDer<'static>> {
        if request.wants_ca() {
            return Err(error("the request asks to be a CA: make an intermediate with its own command"));
        }
        let end = self.end()?;
        if lifetime.to > end {
            // A lifetime begins an hour ago.
            // Of the last day what is left is given.
            let most = (end - lifetime.from - Duration::hours(1)).whole_days().max(1);
            let s = if most == 1 { "" } else { "s" };
            return Err(error(format!(
                "the certificate would outlive its CA, which ends {}: ask for {most} day{s} at the most",
                date(end)
            )));
        }
        let mut asked = request.params.clone();
        asked.params.serial_number = Some(match chosen {
            Some(Serial(bytes)) => SerialNumber::from_slice(bytes),
            None => serial()?,
        });
        asked.params.use_authority_key_identifier_extension = true;
        asked.params.is_ca = IsCa::ExplicitNoCa;
        (asked.params.not_before, asked.params.not_after) = (lifetime.from, lifetime.to);
        if asked.params.key_usages.is_empty() {
            asked.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
        asked.params.extended_key_usages = match usage {
            Some(usage) => usage.purposes(),
            None if request.asks_for().is_empty() => Use::default().purposes(),
            None => request.asks_for(),
        };
        made(asked.signed_by(&self.issuer), "the certificate").map(|certificate| certificate.der().clone())
    }

    /// The list of what was taken back (RFC 5280 section 5), with a number that grows.
    ///
    /// # Errors
    /// The list could not be signed.
    pub fn crl(&self, revoked: &[Revoked], number: u64, now: Now) -> Result<String> {
        let certificates = revoked.iter().map(|one| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&one.serial),
            revocation_time: one.at,
            reason_code: Some(RevocationReason::Unspecified),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(30),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: certificates.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = made(params.signed_by(&self.issuer), "the revocation list")?;
        Ok(pem::write("X509 CRL", list.der()))
    }
}

impl Authority {
    /// The list of `before`, if there is one, with one certificate more; and how many it has then.
    ///
    /// # Errors
    /// The list that is there is broken, or has the certificate already.
    pub fn revoke(&self, before: Option<&[u8]>, serial: &[u8], now: Now) -> Result<(String, usize)> {
        let mut revoked = Vec::new();
        let mut number = 0;
        if let Some(der) = before {
            let (_, list) = CertificateRevocationList::from_der(der)
                .map_err(|_| error("the revocation list is broken (RFC 5280 section 5)"))?;
            number = list.crl_number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
            revoked.extend(
                list.iter_revoked_certificates()
                    .map(|one| Revoked { serial: one.raw_serial().to_vec(), at: one.revocation_date.to_datetime() }),
            );
        }
        if revoked.iter().any(|one| one.serial == serial) {
            return Err(error("the certificate was revoked already"));
        }
        revoked.push(Revoked { serial: serial.to_vec(), at: now });
        Ok((self.crl(&revoked, number + 1, now)?, revoked.len()))
    }
}

/// A certificate that was taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revoked {
    pub serial: Vec<u8>,
    pub at: Now,
}

pub(super) fn parse<'a>(der: &'a CertificateDer<'_>, what: &str) -> Result<(&'a [u8], X509Certificate<'a>)> {
    X509Certificate::from_der(der).map_err(|_| error(format!("{what} is no certificate: its DER is broken (RFC 5280)")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Algorithm;
    use crate::pki::request::Wish;
    use time::macros::datetime;

    const NOW: Now = datetime!(2026-11-22 12:00 UTC);

    fn root(path: Option<u8>) -> Authority {
        let lifetime = Lifetime::days(NOW, 365).unwrap();
        let charter = Charter { subject: "CN=Test CA".into(), lifetime, path };
        Authority::root(Key::generate(Algorithm::P256).unwrap(), &charter).unwrap()
    }

    fn request() -> Request {
        let wish =
            Wish { subject: "CN=a.test".into(), names: vec!["a.test".into()], usage: Use::Server, ..Wish::default() };
        Request::make(&Key::generate(Algorithm::P256).unwrap(), &wish).unwrap()
    }

    #[test]
    fn a_leaf_has_the_requests_names_and_the_cas_signature() {
        let ca = root(None);
        let leaf = ca.sign(&request(), Some(Use::Both), Lifetime::days(NOW, 90).unwrap()).unwrap();
        let (_, parsed) = parse(&leaf, "leaf").unwrap();
        let (_, issuer) = parse(&ca.certificate, "ca").unwrap();
        assert_eq!(parsed.issuer(), issuer.subject());
        parsed.verify_signature(Some(issuer.public_key())).unwrap();
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && usage.client_auth && !parsed.is_ca());
        let other = ca.sign(&request(), None, Lifetime::days(NOW, 90).unwrap()).unwrap();
        assert_ne!(parse(&other, "leaf").unwrap().1.raw_serial(), parsed.raw_serial());
    }

    #[test]
    fn what_a_ca_must_not_do_is_refused() {
        let said = root(None).sign(&request(), None, Lifetime::days(NOW, 400).unwrap()).unwrap_err().0;
        assert!(said.contains("outlive its CA"), "{said}");
        let charter = Charter { subject: "CN=Below".into(), lifetime: Lifetime::days(NOW, 30).unwrap(), path: Some(0) };
        let key = || Key::generate(Algorithm::P256).unwrap();
        assert!(root(Some(1)).intermediate(key(), &charter).is_ok());
        let said = root(Some(0)).intermediate(key(), &charter).err().unwrap().0;
        assert!(said.contains("path length"), "{said}");
        assert!(Lifetime::days(NOW, 0).is_err() && Lifetime::days(NOW, i64::MAX).is_err());
    }

    #[test]
    fn a_ca_is_loaded_with_its_own_key_only() {
        let key = Key::generate(Algorithm::P256).unwrap();
        let pem = key.private_pem();
        let charter = Charter { subject: "CN=X".into(), lifetime: Lifetime::days(NOW, 30).unwrap(), path: None };
        let ca = Authority::root(key, &charter).unwrap();
        let again = Authority::load(ca.certificate.clone(), Key::read(pem.as_bytes(), "k").unwrap(), "ca.crt").unwrap();
        let leaf = again.sign(&request(), None, Lifetime::days(NOW, 9).unwrap()).unwrap();
        let said =
            Authority::load(ca.certificate.clone(), Key::generate(Algorithm::P256).unwrap(), "ca.crt").err().unwrap().0;
        assert!(said.contains("the key does not fit ca.crt"), "{said}");
        let said = Authority::load(leaf, Key::generate(Algorithm::P256).unwrap(), "leaf.crt").err().unwrap().0;
        assert!(said.contains("leaf.crt is no CA"), "{said}");
    }
}
