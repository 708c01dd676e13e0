//! A certificate with what stands behind it and its private key, as whoever shows it needs them: read from
//! the store or from files, and checked to belong together.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::parse;
use super::name::written;
use super::pem::{self, Section};
use super::store::{self, Kind};
use super::{Cause, Error, Key, Result, Store, error};

/// See the module.
#[derive(PartialEq, Eq, Debug)]
pub struct Pair {
    /// Its own certificate first, then each that signed the one before.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Pair {
    /// Of a key that was made.
    pub fn made(chain: Vec<CertificateDer<'static>>, key: &Key) -> Self {
        Self { chain, key: PrivateKeyDer::Pkcs8(key.pair.serialize_der().into()) }
    }

    /// `certificate`: a name of the store or a PEM or DER file. `key`: the same, where it is neither under that name,
    /// nor in that file, nor in one beside it that ends in `.key`.
    ///
    /// # Errors
    /// A file cannot be read, is not what it should be, or they do not belong together: which, what was found,
    /// and what was expected.
    pub fn read(store: &Store, certificate: &str, key: Option<&str>) -> Result<Self> {
        let (bytes, what) = store.find(certificate, Kind::Certificate)?;
        let chain = pem::certificates(&bytes, &what)?;
        let (key, key_what) = match key {
            Some(key) => {
                let (bytes, key_what) = store.find(key, Kind::Key)?;
                (opened(&bytes, &key_what)?, key_what)
            }
            None => beside(&bytes, &what)?,
        };
        let pair = Key::from_der(&key, &key_what)?;
        fits(&pair, &key_what, &chain, &what)?;
        in_order(&chain, &what)?;
        Ok(Self { chain, key })
    }
}

/// A key that needs no passphrase: an endpoint has nobody to ask for one.
fn opened(bytes: &[u8], what: &str) -> Result<PrivateKeyDer<'static>> {
    pem::private_key(bytes, what, None).map_err(|cause| match cause {
        Error(text, Cause::Locked) => {
            Error(format!("{text}: take it into the store first, with cert import --passphrase-file"), Cause::Locked)
        }
        other => other,
    })
}

/// The key in the certificate's own file, or in the one of the same name that ends in `.key`.
fn beside(bytes: &[u8], what: &str) -> Result<(PrivateKeyDer<'static>, String)> {
    let has_key = |section: &Section| matches!(section, Section::Key(_) | Section::Encrypted(_));
    if pem::sections(bytes, what)?.iter().any(has_key) {
        return Ok((opened(bytes, what)?, what.to_owned()));
    }
    let path = Path::new(what).with_extension(Kind::Key.extension());
    let shown = path.display().to_string();
    if !path.exists() {
        return Err(error(format!(
            "there is no private key in {what}, and no {shown} beside it: name the file that has it as key"
        )));
    }
    Ok((opened(&store::read(&path)?, &shown)?, shown))
}

fn fits(key: &Key, key_what: &str, chain: &[CertificateDer<'static>], what: &str) -> Result<()> {
    let mut of = Vec::new();
    for der in chain {
        of.push(key.fits(der, what)?);
    }
    match of.iter().position(|fits| *fits) {
        Some(0) => Ok(()),
        Some(at) => Err(error(format!(
            "{what} has its certificates in the wrong order: the one for the key stands at place {}, behind {}; \
             it has to stand first, then each that signed the one before",
            at + 1,
            subject(&chain[0], what)?
        ))),
        None => Err(error(format!(
            "the key in {key_what} does not fit {what}: the certificate is for the public key SHA-256 {}, the key's is {}",
            chain.first().map_or_else(|| Ok("none".into()), |leaf| Key::of_certificate(leaf, what))?,
            key.fingerprint()
        ))),
    }
}

fn subject(der: &CertificateDer<'_>, what: &str) -> Result<String> {
    Ok(written(parse(der, what)?.1.subject()))
}

fn in_order(chain: &[CertificateDer<'static>], what: &str) -> Result<()> {
    for (at, pair) in chain.windows(2).enumerate() {
        let (_, below) = parse(&pair[0], what)?;
        let (_, above) = parse(&pair[1], what)?;
        if below.issuer() != above.subject() {
            return Err(error(format!(
                "{what} has its certificates in the wrong order: at place {} stands {}, and behind it {}; \
                 expected there is {}, which signed it, or nothing",
                at + 1,
                written(below.subject()),
                written(above.subject()),
                written(below.issuer())
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::authority::Charter;
    use crate::pki::request::Wish;
    use crate::pki::{Algorithm, Authority, Lifetime, Now, Request, Use};
    use time::macros::datetime;

    const NOW: Now = datetime!(2026-11-22 12:00 UTC);

    fn key() -> Key {
        Key::generate(Algorithm::P256).unwrap()
    }

    fn charter(subject: &str) -> Charter {
        Charter { subject: subject.into(), lifetime: Lifetime::days(NOW, 365).unwrap(), path: None }
    }

    /// A store with `leaf` by an intermediate, and its chain's PEM texts: leaf, intermediate, root.
    fn store(dir: &Path) -> (Store, Vec<String>) {
        let root = Authority::root(key(), &charter("CN=Root")).unwrap();
        let below = root.intermediate(key(), &charter("CN=Below")).unwrap();
        let leaf = key();
        let wish =
            Wish { subject: "CN=leaf".into(), names: vec!["a.test".into()], usage: Use::Server, ..Wish::default() };
        let request = Request::make(&leaf, &wish).unwrap();
        let signed = below.sign(&request, None, Lifetime::days(NOW, 90).unwrap()).unwrap();
        let chain = [signed, below.certificate.clone(), root.certificate.clone()];
        let chain: Vec<_> = chain.iter().map(|der| pem::write("CERTIFICATE", der)).collect();
        let store = Store::at(dir);
        store.write("leaf", Kind::Key, leaf.private_pem().as_bytes(), true).unwrap();
        store.write("leaf", Kind::Certificate, chain.concat().as_bytes(), true).unwrap();
        (store, chain)
    }

    #[test]
    fn a_name_and_files_of_every_shape_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (store, chain) = store(dir.path());
        let by_name = Pair::read(&store, "leaf", None).unwrap();
        assert_eq!(by_name.chain.len(), 3);
        let one = dir.path().join("one.pem");
        let key = String::from_utf8(store.read("leaf", Kind::Key).unwrap()).unwrap();
        std::fs::write(&one, format!("{key}{}", chain.concat())).unwrap();
        assert_eq!(Pair::read(&store, one.to_str().unwrap(), None).unwrap(), by_name);
        let alone = dir.path().join("alone.pem");
        std::fs::write(&alone, chain.concat()).unwrap();
        assert_eq!(Pair::read(&store, alone.to_str().unwrap(), Some("leaf")).unwrap(), by_name);
        let said = Pair::read(&store, alone.to_str().unwrap(), None).unwrap_err().0;
        assert!(said.contains("there is no private key in") && said.contains("alone.key beside it"), "{said}");
    }

    #[test]
    fn what_does_not_belong_together_is_said_with_what_was_found() {
        let dir = tempfile::tempdir().unwrap();
        let (store, chain) = store(dir.path());
        let said = |certificate: &str, key: Option<&str>| Pair::read(&store, certificate, key).unwrap_err().0;
        store.write("other", Kind::Key, key().private_pem().as_bytes(), true).unwrap();
        let text = said("leaf", Some("other"));
        assert!(text.contains("other.key does not fit") && text.contains("SHA-256"), "{text}");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let turned = file("turned.pem", &[&*chain[1], &chain[0]].concat());
        let text = said(&turned, Some("leaf"));
        assert!(text.contains("wrong order") && text.contains("place 2, behind CN=Below"), "{text}");
        let gap = file("gap.pem", &[&*chain[0], &chain[2]].concat());
        let text = said(&gap, Some("leaf"));
        assert!(text.contains("behind it CN=Root; expected there is CN=Below"), "{text}");
        let words = file("words.pem", "no certificate at all");
        assert!(said(&words, None).contains("words.pem is neither PEM"), "{}", said(&words, None));
        let text = said("nobody", None);
        assert!(text.contains("\"nobody\" is neither a file nor a name") && text.contains("which has leaf"), "{text}");
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let text = said("leaf", Some(&file("locked.key", locked)));
        assert!(text.contains("locked.key is an encrypted private key and no passphrase"), "{text}");
    }
}
