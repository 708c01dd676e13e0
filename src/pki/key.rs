//! Private keys: made, read in any of their PEM forms, and what is public of them.

use rcgen::{KeyPair, PublicKeyData, RsaKeySize};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::parse;
use super::{Result, error, fingerprint, pem, show};
use crate::model::workbench::KINDS;

/// Why there is no RSA below 2048 bits.
pub(super) const SMALL: &str = "keys of that size have been broken or are within reach (NIST SP 800-131A forbids them \
    since 2014) and no client of today accepts them; take rsa2048 or p256";

/// What a key can be. There is no RSA below 2048 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Algorithm {
    Rsa2048,
    Rsa3072,
    Rsa4096,
    /// ECDSA on NIST P-256 (prime256v1): small, fast, known everywhere.
    #[default]
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    pub const ALL: [Self; 6] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::P384, Self::Ed25519];

    pub fn name(self) -> &'static str {
        // Its place in the list of all is its place in the list of names.
        KINDS[self as usize]
    }

    /// As a key of it is shown.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA 2048 bit",
            Self::Rsa3072 => "RSA 3072 bit",
            Self::Rsa4096 => "RSA 4096 bit",
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::Ed25519 => "Ed25519",
        }
    }
}

impl std::str::FromStr for Algorithm {
    type Err = super::Error;

    fn from_str(text: &str) -> Result<Self> {
        let word: String = text.to_ascii_lowercase().chars().filter(|c| !matches!(c, ':' | '-' | '_' | ' ')).collect();
        Ok(match word.as_str() {
            "rsa" | "rsa2048" => Self::Rsa2048,
            "rsa3072" => Self::Rsa3072,
            "rsa4096" => Self::Rsa4096,
            "ec" | "ecdsa" | "p256" | "ecdsap256" | "prime256v1" | "secp256r1" => Self::P256,
            "p384" | "ecdsap384" | "secp384r1" => Self::P384,
            "ed25519" => Self::Ed25519,
            "rsa512" | "rsa768" | "rsa1024" => {
                return Err(error(format!("{text} is refused: {SMALL}, whatever old notes teach")));
            }
            _ => {
                let names = Self::ALL.map(Self::name).join(", ");
                return Err(error(format!("\"{text}\" is no kind of key: there are {names}")));
            }
        })
    }
}

/// A private key with its public one.
pub struct Key {
    pub(super) pair: KeyPair,
}

impl Key {
    /// # Errors
    /// The system gave no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let pair = match algorithm {
            Algorithm::Rsa2048 => rsa(RsaKeySize::_2048),
            Algorithm::Rsa3072 => rsa(RsaKeySize::_3072),
            Algorithm::Rsa4096 => rsa(RsaKeySize::_4096),
            Algorithm::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Algorithm::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Algorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
        };
        let pair = pair.map_err(|cause| error(format!("no key could be made: {cause}")))?;
        match algorithm {
            Algorithm::Ed25519 => Self::first_version(&pair),
            _ => Ok(Self { pair }),
        }
    }

    /// The key in the first version of PKCS#8 (RFC 5208): the second one, with the public key beside it, is
    /// what openssl up to 3.x does not read.
    fn first_version(pair: &KeyPair) -> Result<Self> {
        use aws_lc_rs::encoding::AsDer as _;
        let broken = |_| error("no key could be made: its own encoding is not read");
        let own = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pair.serialized_der());
        let own = own.map_err(|_| error("no key could be made: its own encoding is not read"))?;
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'static> = own.as_der().map_err(|_| error("no key could be made"))?;
        let der = PrivateKeyDer::Pkcs8(der.as_ref().to_vec().into());
        KeyPair::try_from(&der).map(|pair| Self { pair }).map_err(broken)
    }

    /// Reads PKCS#8, PKCS#1 or SEC1 from PEM, or DER.
    ///
    /// # Errors
    /// It is encrypted, no key, or of a kind we do not know. `what` names it (a path).
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        Self::unlock(bytes, what, None)
    }

    /// The same for one that may be behind a passphrase (PBES2, RFC 8018 section 6.2).
    ///
    /// # Errors
    /// As [`Key::read`]; without a passphrase where one is needed, the cause is [`super::Cause::Locked`].
    pub fn unlock(bytes: &[u8], what: &str, passphrase: Option<&str>) -> Result<Self> {
        let der = pem::private_key(bytes, what, passphrase)?;
        Self::from_der(&der, what)
    }

    /// PKCS#8 in DER. A secret.
    pub(super) fn private_der(&self) -> &[u8] {
        self.pair.serialized_der()
    }

    pub(super) fn from_der(der: &PrivateKeyDer<'_>, what: &str) -> Result<Self> {
        // What is kept and written is PKCS#8, whatever it came in.
        let wrapped = pkcs8(der);
        KeyPair::try_from(wrapped.as_ref().unwrap_or(der)).map(|pair| Self { pair }).map_err(|cause| {
            if is_small(der) {
                return error(format!("{what} holds an RSA key below 2048 bits: {SMALL}"));
            }
            error(format!("{what} holds a private key of a kind that is not known here ({cause}): RSA from 2048 bits, ECDSA P-256 or P-384 and Ed25519 are"))
        })
    }

    /// PKCS#8 in PEM (RFC 5958). A secret: for files of mode 0600 and for whoever asked for it.
    pub fn private_pem(&self) -> String {
        self.pair.serialize_pem()
    }

    /// SubjectPublicKeyInfo in PEM (RFC 5280 section 4.1.2.7).
    pub fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    pub fn public_der(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// Whether a certificate is for this key.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn fits(&self, certificate: &CertificateDer<'_>, what: &str) -> Result<bool> {
        Ok(parse(certificate, what)?.1.public_key().raw == self.public_der())
    }

    /// The fingerprint of the public key a certificate is for.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn of_certificate(certificate: &CertificateDer<'_>, what: &str) -> Result<String> {
        Ok(fingerprint(parse(certificate, what)?.1.public_key().raw))
    }

    /// What kind it is: `ECDSA P-256`.
    pub fn kind(&self) -> String {
        use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
        let der = self.public_der();
        SubjectPublicKeyInfo::from_der(&der).map_or_else(|_| String::new(), |(_, info)| show::kind(&info))
    }

    /// Of the public key.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public_der())
    }
}

/// Whether it is an RSA key that is refused for its size alone.
fn is_small(der: &PrivateKeyDer<'_>) -> bool {
    use aws_lc_rs::signature::RsaKeyPair;
    let read = match der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        other => RsaKeyPair::from_pkcs8(other.secret_der()),
    };
    read.is_err_and(|cause| cause.to_string() == "TooSmall")
}

/// The older forms (PKCS#1 of RFC 8017, SEC1 of RFC 5915) as PKCS#8; nothing where it is that, or no key.
fn pkcs8(der: &PrivateKeyDer<'_>) -> Option<PrivateKeyDer<'static>> {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
        RsaKeyPair,
    };
    let whole = |bytes: &[u8]| PrivateKeyDer::Pkcs8(bytes.to_vec().into());
    match der {
        PrivateKeyDer::Pkcs1(der) => {
            let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()?;
            let own: Pkcs8V1Der<'static> = pair.as_der().ok()?;
            Some(whole(own.as_ref()))
        }
        PrivateKeyDer::Sec1(der) => {
            let curves =
                [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];
            let read = |curve| EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok();
            let own = curves.into_iter().find_map(read)?.to_pkcs8v1().ok()?;
            Some(whole(own.as_ref()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_made_and_read_back() {
        // RSA 3072 and 4096 take seconds to make without optimisation; they are the same code.
        for algorithm in [Algorithm::Rsa2048, Algorithm::P256, Algorithm::P384, Algorithm::Ed25519] {
            let key = Key::generate(algorithm).unwrap();
            let again = Key::read(key.private_pem().as_bytes(), "a file").unwrap();
            assert_eq!(again.fingerprint(), key.fingerprint(), "{algorithm:?}");
            assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----"));
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn weak_and_unknown_kinds_are_refused_with_a_reason() {
        let weak = "RSA 1024".parse::<Algorithm>().unwrap_err().0;
        assert!(weak.contains("forbids") && weak.contains("take rsa2048"), "{weak}");
        assert!("dsa".parse::<Algorithm>().unwrap_err().0.contains("there are rsa2048, rsa3072"));
    }
}
