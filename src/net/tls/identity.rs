//! Who we are without being told: a CA and a certificate, made when the program starts and held in memory alone;
//! and the store, where there are others.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::Kind;
use crate::pki::authority::Charter;
use crate::pki::local::{self, Local};
use crate::pki::{Algorithm, Authority, Key, Lifetime, Pair, Store, pem};

/// See the module.
pub struct Identity {
    session: Arc<Local>,
    own: Arc<Pair>,
    ca_pem: String,
    /// None where nothing is to be kept on disk: certificates are by the session's CA then.
    store: Option<Store>,
    /// Held by who reads and writes the store's CA: listeners start side by side.
    pub(super) making: Mutex<()>,
    pub(super) provider: Arc<CryptoProvider>,
}

/// What the certificate is for, and those that are made where no name was asked for.
pub const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}

/// A sentence of the workbench as what went wrong here.
pub fn unusable(cause: crate::pki::Error) -> Fault {
    amiss("certificate", cause.0)
}

/// What a setting names cannot be used.
pub fn amiss(row: &'static str, text: impl Into<Box<str>>) -> Fault {
    Fault::Certificate { row, text: text.into() }
}

/// What making a listener's front had to say besides: lines, and what went wrong without being in its way. They are
/// told behind what caused them.
#[derive(Default)]
pub struct Notes(Vec<Result<String, Fault>>);

impl Notes {
    pub fn line(&mut self, text: String) {
        self.0.push(Ok(text));
    }

    pub fn tell(&mut self, log: &Recorder) {
        for note in self.0.drain(..) {
            match note {
                Ok(line) => log.payload(Kind::Log, line.as_bytes()),
                Err(fault) => log.error(fault),
            }
        }
    }

    /// The store cannot be used: who signs then.
    pub fn instead(&mut self, cause: &crate::pki::Error) {
        self.0.push(Err(amiss("certificate", format!("{cause}; certificates are made by the session's CA instead"))));
    }
}

/// What time it is for a certificate.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Identity {
    /// Makes a CA and a certificate for `localhost`, `127.0.0.1` and `::1`; there is no store.
    ///
    /// # Errors
    /// What the certificate library said.
    pub fn new() -> Result<Self, Fault> {
        Self::made(None).map_err(unusable)
    }

    /// The same beside a store.
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn over(store: Store) -> Result<Self, Fault> {
        Self::made(Some(store)).map_err(unusable)
    }

    fn made(store: Option<Store>) -> crate::pki::Result<Self> {
        let now = now();
        let key = Key::generate(Algorithm::default())?;
        // Each session's CA has a name of its own: with the same name, a peer that trusts yesterday's would
        // report a bad signature instead of an unknown CA.
        let id: String = key.fingerprint().split(':').take(4).collect::<String>().to_ascii_lowercase();
        let charter = Charter {
            subject: format!("CN=sockscope session CA {id}"),
            lifetime: Lifetime::days(now, local::DAYS)?,
            // The gallery has an intermediate.
            path: Some(1),
        };
        let session = Arc::new(Local { authority: Authority::root(key, &charter)?, between: Vec::new() });
        let key = Key::generate(Algorithm::default())?;
        let own = Arc::new(Pair::made(session.leaf(&key, &names(), now)?, &key));
        let ca_pem = pem::write("CERTIFICATE", &session.authority.certificate);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(Self { session, own, ca_pem, store, making: Mutex::default(), provider })
    }

    /// The CA's certificate, for a peer that is to trust us.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(super) fn ca(&self) -> &CertificateDer<'static> {
        &self.session.authority.certificate
    }

    pub(super) fn session(&self) -> Arc<Local> {
        Arc::clone(&self.session)
    }

    /// The session's own certificate.
    pub(super) fn own(&self) -> Arc<Pair> {
        Arc::clone(&self.own)
    }

    /// Where names are looked up: without a store there are none, only files.
    pub(super) fn store(&self) -> Store {
        self.store.clone().unwrap_or_else(|| Store::at(""))
    }

    /// The store with its CA that signs as it is needed, made if there is none; nothing where there is no store, or
    /// none that can be used. What was done is told.
    pub(super) fn local(&self, notes: &mut Notes) -> Option<(&Store, Arc<Local>)> {
        let store = self.store.as_ref()?;
        let (ca, made) = local::standing(store, now()).map_err(|cause| notes.instead(&cause)).ok()?;
        if let Some(path) = made {
            let path = path.display();
            let line = format!("there was no CA yet: made one in {path}; sockscope cert trust says how to trust it");
            notes.line(line);
        }
        Some((store, Arc::new(ca)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn the_certificate_is_good_for_this_machine() {
        let identity = Identity::new().unwrap();
        assert!(identity.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
        let again = CertificateDer::from_pem_slice(identity.ca_pem().as_bytes()).unwrap();
        assert_eq!(again, *identity.ca());
    }
}
