//! The CA that certificates are made by as they are needed: the store's default one, made if there is none.

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;

use super::authority::{Charter, parse};
use super::request::Wish;
use super::store::Kind;
use super::{Algorithm, Authority, Key, Lifetime, Now, Pair, Request, Result, Store, Use, date, error, pem};

/// Its name in the store.
pub const NAME: &str = "ca";
/// The name of the gallery's revoked certificate: one, so that the list does not grow with every use.
pub const REVOKED: &str = "bad-revoked";

/// Days of the CA, and of what it signs here: under the 398 that browsers and systems accept, and longer than a
/// program runs.
const CA_DAYS: i64 = 3650;
pub const DAYS: i64 = 397;

/// A CA that can sign, and what stands between it and its root, itself included unless it is one.
pub struct Local {
    pub authority: Authority,
    pub between: Vec<CertificateDer<'static>>,
}

/// The default CA, and where it was written if it was made now.
///
/// # Errors
/// It cannot be read, its key does not fit, or it cannot be written.
pub fn standing(store: &Store, now: Now) -> Result<(Local, Option<PathBuf>)> {
    if !store.has(NAME, Kind::Certificate) {
        store.list()?;
        let charter =
            Charter { subject: "CN=sockscope local CA".into(), lifetime: Lifetime::days(now, CA_DAYS)?, path: None };
        let held = store.hold()?;
        // Another program may have been the first.
        if !store.has(NAME, Kind::Certificate) {
            let key = Key::generate(Algorithm::default())?;
            let private = key.private_pem();
            let authority = Authority::root(key, &charter)?;
            let text = pem::write("CERTIFICATE", &authority.certificate);
            held.write(NAME, Kind::Key, private.as_bytes(), false)?;
            let path = held.write(NAME, Kind::Certificate, text.as_bytes(), false)?;
            return Ok((Local { authority, between: Vec::new() }, Some(path)));
        }
    }
    let (bytes, what) = store.find(NAME, Kind::Certificate)?;
    let mut chain = pem::certificates(&bytes, &what)?;
    let (key, key_what) = store.find(NAME, Kind::Key)?;
    let authority = Authority::load(chain.remove(0), Key::read(&key, &key_what)?, &what)?;
    let (_, own) = parse(&authority.certificate, &what)?;
    let is_root = own.subject() == own.issuer();
    if own.validity().not_after.timestamp() < now.unix_timestamp() {
        return Err(error(format!(
            "the CA in {what} ended {}: it can sign nothing any more",
            date(own.validity().not_after.to_datetime())
        )));
    }
    let between = if is_root { Vec::new() } else { [vec![authority.certificate.clone()], chain].concat() };
    Ok((Local { authority, between }, None))
}

impl Local {
    /// A server's certificate for these names, good for a year or as long as the CA.
    ///
    /// # Errors
    /// A name is none.
    pub fn leaf(&self, key: &Key, names: &[String], now: Now) -> Result<Vec<CertificateDer<'static>>> {
        let (_, own) = parse(&self.authority.certificate, "the CA")?;
        let mut lifetime = Lifetime::days(now, DAYS)?;
        lifetime.to = lifetime.to.min(own.validity().not_after.to_datetime());
        Ok(std::iter::once(self.authority.sign(&request(key, names)?, Some(Use::Server), lifetime)?)
            .chain(self.between.iter().cloned())
            .collect())
    }
}

/// A request for names, the first of them its common name.
pub(super) fn request(key: &Key, names: &[String]) -> Result<Request> {
    let common = names.first().map_or("localhost", String::as_str);
    let wish = Wish { subject: format!("CN={common}"), names: names.to_vec(), usage: Use::Server, ..Wish::default() };
    Request::make(key, &wish)
}

/// The certificate that is kept to be shown revoked, and the file of the list that says so; both made if need be.
///
/// # Errors
/// The store cannot be read or written.
pub fn revoked(store: &Store, ca: &Local, names: &[String], now: Now) -> Result<(Pair, PathBuf)> {
    // The list is read and written anew: nobody else adds to it meanwhile.
    let held = store.hold()?;
    if let Some(kept) = kept(store, ca, now) {
        return Ok((kept, store.path(NAME, Kind::Crl)?));
    }
    let key = Key::generate(Algorithm::default())?;
    let chain = ca.leaf(&key, names, now)?;
    let (list, _) = ca.authority.revoke(list(store)?.as_deref(), &serial(&chain)?, now)?;
    let text: String = chain.iter().map(|der| pem::write("CERTIFICATE", der)).collect();
    held.write(REVOKED, Kind::Key, key.private_pem().as_bytes(), true)?;
    held.write(REVOKED, Kind::Certificate, text.as_bytes(), true)?;
    let path = held.write(NAME, Kind::Crl, list.as_bytes(), true)?;
    Ok((Pair::made(chain, &key), path))
}

/// The one that is there, if it is by this CA, in its time, and on the list.
fn kept(store: &Store, ca: &Local, now: Now) -> Option<Pair> {
    let pair = Pair::read(store, REVOKED, None).ok()?;
    let leaf = pair.chain.first()?;
    let (_, parsed) = parse(leaf, REVOKED).ok()?;
    let (_, issuer) = parse(&ca.authority.certificate, NAME).ok()?;
    parsed.verify_signature(Some(issuer.public_key())).ok()?;
    let in_time = parsed.validity().not_after.timestamp() > now.unix_timestamp();
    let again = ca.authority.revoke(list(store).ok()?.as_deref(), parsed.raw_serial(), now);
    (in_time && again.is_err()).then_some(pair)
}

fn serial(chain: &[CertificateDer<'static>]) -> Result<Vec<u8>> {
    let leaf = chain.first().ok_or_else(|| error("there is no certificate"))?;
    Ok(parse(leaf, "the certificate")?.1.raw_serial().to_vec())
}

/// A list by a CA, in PEM, with one certificate on it: for a CA that keeps nothing.
///
/// # Errors
/// The list could not be signed.
pub fn list_of(ca: &Local, pair: &Pair, now: Now) -> Result<String> {
    ca.authority.revoke(None, &serial(&pair.chain)?, now).map(|(text, _)| text)
}

/// The default CA's revocation list.
fn list(store: &Store) -> Result<Option<Vec<u8>>> {
    if !store.has(NAME, Kind::Crl) {
        return Ok(None);
    }
    let (bytes, what) = store.find(NAME, Kind::Crl)?;
    Ok(pem::sections(&bytes, &what)?.into_iter().find_map(|section| match section {
        pem::Section::Crl(der) => Some(der.to_vec()),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Now = datetime!(2026-11-22 12:00 UTC);

    #[test]
    fn the_default_ca_is_made_once_and_then_found() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("certs"));
        let (first, made) = standing(&store, NOW).unwrap();
        assert!(made.unwrap().ends_with("ca.crt"));
        let (second, made) = standing(&store, NOW).unwrap();
        assert_eq!((second.authority.certificate, made), (first.authority.certificate, None));
        let late = standing(&store, NOW + time::Duration::days(4000)).err().unwrap().0;
        assert!(late.contains("can sign nothing any more"), "{late}");
    }

    #[test]
    fn a_store_that_cannot_be_used_is_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = standing(&Store::at(file.path()), NOW).err().unwrap().0;
        assert!(said.contains(file.path().to_str().unwrap()), "{said}");
    }

    #[test]
    fn the_revoked_one_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let (ca, _) = standing(&store, NOW).unwrap();
        let (first, list) = revoked(&store, &ca, &["a.test".into()], NOW).unwrap();
        let before = std::fs::read(&list).unwrap();
        let (second, _) = revoked(&store, &ca, &["a.test".into()], NOW).unwrap();
        assert_eq!((&second, std::fs::read(&list).unwrap()), (&first, before));
        let (third, _) = revoked(&store, &ca, &["a.test".into()], NOW + time::Duration::days(400)).unwrap();
        assert!(third.chain.len() == 1 && third != first, "one that has ended is made anew");
    }
}
