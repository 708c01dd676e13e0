//! Certificates that are made as they are asked for: one for each name in a client's hello (SNI, RFC 6066 section 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::fault;
use super::front::shown;
use super::identity::{now, unusable};
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::Kind;
use crate::model::setting::tls::Tls;
use crate::pki::local::Local;
use crate::pki::{Algorithm, Key, Pair};

/// Names that are remembered: more than one listener is asked for by anybody but a scanner, whose names make room
/// for each other. A certificate has about a kilobyte.
const MOST: usize = 256;

/// See the module.
pub struct PerName {
    ca: Arc<Local>,
    /// One for all of them.
    key: Key,
    /// Where each new one is told.
    log: Recorder,
    tls: Tls,
    /// For a client that asks for no name, or for one that no certificate can have.
    first: Arc<CertifiedKey>,
    made: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl PerName {
    pub fn new(
        ca: Arc<Local>,
        log: Recorder,
        names: &[String],
        tls: Tls,
        provider: &CryptoProvider,
    ) -> Result<Self, Fault> {
        let key = Key::generate(Algorithm::default()).map_err(unusable)?;
        let pair = Pair::made(ca.leaf(&key, names, now()).map_err(unusable)?, &key);
        let first = CertifiedKey::from_der(pair.chain, pair.key, provider).map_err(|error| fault(&error))?;
        Ok(Self { ca, key, log, tls, first: Arc::new(first), made: Mutex::default() })
    }

    pub fn first(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.first)
    }

    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        // Pair while one is made: whoever asks for the same name meanwhile gets the same one. It takes a signature.
        let mut made = self.made.lock();
        if let Some(found) = made.get(&name) {
            return Some(Arc::clone(found));
        }
        let chain = self.ca.leaf(&self.key, std::slice::from_ref(&name), now()).ok()?;
        let new = Arc::new(CertifiedKey::new(chain, Arc::clone(&self.first.key)));
        self.log.event(Kind::Certificate(Box::new(shown(&self.tls, &new, Some(&name)))));
        if made.len() >= MOST {
            made.pop_first();
        }
        made.insert(name, Arc::clone(&new));
        Some(new)
    }
}

impl std::fmt::Debug for PerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerName").field("made", &self.made.lock().len()).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for PerName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        hello.server_name().and_then(|name| self.find(name)).or_else(|| Some(self.first()))
    }
}
