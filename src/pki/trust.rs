//! Whom to trust: the store's CAs, one of its names, or a file; with the revocation lists that go with them.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use super::authority::parse;
use super::pem::{self, Section};
use super::store::Kind;
use super::{Result, Store, error};

/// What names the store's own CAs.
pub const STORE: &str = "store";

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trust {
    pub roots: Vec<CertificateDer<'static>>,
    pub crls: Vec<CertificateRevocationListDer<'static>>,
}

impl Trust {
    /// `store`, a name of the store, or a PEM or DER file. The store's lists go with its CAs, a file's own with it.
    ///
    /// # Errors
    /// A file cannot be read or holds no certificate; the store has no CA.
    pub fn read(store: &Store, name: &str) -> Result<Self> {
        let trust = if name == STORE { Self::of(store)? } else { Self::named(store, name)? };
        for der in &trust.roots {
            parse(der, name)?;
        }
        Ok(trust)
    }

    fn of(store: &Store) -> Result<Self> {
        let mut roots = Vec::new();
        for (name, _) in store.list()?.into_iter().filter(|(_, kinds)| kinds.contains(&Kind::Certificate)) {
            let (bytes, what) = store.find(&name, Kind::Certificate)?;
            // One that is broken is nobody's root, and no reason to trust nobody.
            roots.extend(pem::certificates(&bytes, &what).unwrap_or_default().into_iter().filter(is_root));
        }
        if roots.is_empty() {
            return Err(error(format!(
                "the store {} has no CA to trust: sockscope cert ca makes one",
                store.root().display()
            )));
        }
        Ok(Self { roots, crls: lists(store)? })
    }

    fn named(store: &Store, name: &str) -> Result<Self> {
        let kept = !name.contains(std::path::MAIN_SEPARATOR) && store.has(name, Kind::Certificate);
        let (bytes, what) = store.find(name, Kind::Certificate)?;
        let roots = pem::certificates(&bytes, &what)?;
        let own = pem::sections(&bytes, &what)?.into_iter().filter_map(list);
        Ok(Self { roots, crls: if kept { lists(store)? } else { own.collect() } })
    }
}

fn list(section: Section) -> Option<CertificateRevocationListDer<'static>> {
    match section {
        Section::Crl(der) => Some(der),
        _ => None,
    }
}

/// Every revocation list of the store.
fn lists(store: &Store) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let mut found = Vec::new();
    for (name, _) in store.list()?.into_iter().filter(|(_, kinds)| kinds.contains(&Kind::Crl)) {
        let (bytes, what) = store.find(&name, Kind::Crl)?;
        found.extend(pem::sections(&bytes, &what)?.into_iter().filter_map(list));
    }
    Ok(found)
}

/// Whether a certificate is a CA that signed itself.
fn is_root(der: &CertificateDer<'_>) -> bool {
    parse(der, "").is_ok_and(|(_, certificate)| certificate.is_ca() && certificate.subject() == certificate.issuer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::local;
    use time::macros::datetime;

    #[test]
    fn the_stores_cas_are_trusted_with_their_lists() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let said = Trust::read(&store, STORE).unwrap_err().0;
        assert!(said.contains("has no CA to trust: sockscope cert ca makes one"), "{said}");
        let now = datetime!(2026-11-22 12:00 UTC);
        let (ca, _) = local::standing(&store, now).unwrap();
        local::revoked(&store, &ca, &["a.test".into()], now).unwrap();
        let trust = Trust::read(&store, STORE).unwrap();
        assert_eq!((trust.roots.len(), trust.crls.len()), (1, 1), "the revoked leaf is no root");
        assert_eq!(Trust::read(&store, "ca").unwrap(), trust);
        let file = store.path("ca", Kind::Certificate).unwrap();
        let named = Trust::read(&store, file.to_str().unwrap()).unwrap();
        assert_eq!((named.roots.len(), named.crls.len()), (1, 0), "a file speaks for itself");
        assert!(Trust::read(&store, "nobody").unwrap_err().0.contains("which has bad-revoked, ca"));
    }
}
