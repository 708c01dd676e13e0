//! A key and its chain as one file (PKCS#12, RFC 7292) behind a passphrase: what keychains, browsers and Java take.

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
use rustls::pki_types::CertificateDer;

use super::{Key, Result, error, fingerprint};

/// Encrypted with AES-256 by PBKDF2, and bound by a MAC, both with SHA-256.
///
/// # Errors
/// The passphrase is empty, the key is another certificate's, or the chain is none.
pub fn write(name: &str, key: &Key, chain: &[CertificateDer<'_>], passphrase: &str, what: &str) -> Result<Vec<u8>> {
    if passphrase.is_empty() {
        return Err(error("an empty passphrase protects nothing: write one into the file"));
    }
    let leaf = chain.first().ok_or_else(|| error(format!("{what} holds no certificate")))?;
    if !key.fits(leaf, what)? {
        return Err(error(format!("the key does not fit {what}: the certificate is for another public key")));
    }
    let failed = |cause: p12_keystore::error::Error| error(format!("no PKCS#12 file could be made of {what}: {cause}"));
    let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<std::result::Result<Vec<_>, _>>();
    // Ties the key to its certificate within the file.
    let id = fingerprint(leaf);
    let entry = PrivateKeyChain::new(key.private_der(), id.as_bytes(), certificates.map_err(failed)?);
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(entry));
    store.writer(passphrase).write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::authority::Charter;
    use crate::pki::{Algorithm, Authority, Lifetime};
    use time::macros::datetime;

    #[test]
    fn only_a_key_with_its_own_certificate_is_written() {
        let make = || {
            let lifetime = Lifetime::days(datetime!(2026-11-22 12:00 UTC), 9).unwrap();
            let key = Key::generate(Algorithm::P256).unwrap();
            let pem = key.private_pem();
            let ca = Authority::root(key, &Charter { subject: "CN=X".into(), lifetime, path: None }).unwrap();
            (Key::read(pem.as_bytes(), "k").unwrap(), [ca.certificate])
        };
        let ((key, chain), (other, _)) = (make(), make());
        let said = write("x", &other, &chain, "secret", "x.crt").unwrap_err().0;
        assert!(said.contains("does not fit x.crt"), "{said}");
        assert!(write("x", &key, &chain, "", "x.crt").unwrap_err().0.contains("empty passphrase"));
        let bytes = write("x", &key, &chain, "secret", "x.crt").unwrap();
        let read = KeyStore::from_pkcs12(&bytes, "secret").unwrap();
        let (name, held) = read.private_key_chain().unwrap();
        assert_eq!((name, held.key(), held.chain().len()), ("x", key.private_der(), 1));
        assert!(KeyStore::from_pkcs12(&bytes, "other").is_err());
    }
}
