//! What a client endpoint keeps from one connection to the next: the judge of its server and the sessions
//! it can resume. rustls resumes a session only under the very judge that saw its certificate.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;

use super::identity::{Identity, amiss, unusable};
use super::judge::Judge;
use super::{choice, fault};
use crate::model::end::Fault;
use crate::model::id::EndpointId;
use crate::model::setting::tls::{Sni, Source, Tls};
use crate::pki::{self, Pair, Store, Trust};

/// Endpoints whose sessions are kept; the oldest goes first. A person has some tens of them.
const MOST: usize = 256;

/// How a server is judged and what it is shown: other terms begin without sessions.
#[derive(PartialEq, Eq, Debug)]
pub struct Terms {
    tls: Tls,
    /// The name to verify, where another is asked for.
    verify: Option<ServerName<'static>>,
    /// What is named as roots, as it is on disk now; what cannot be read is said when it is needed.
    trust: pki::Result<Option<Trust>>,
    own: pki::Result<Option<Pair>>,
}

impl Terms {
    pub fn of(store: &Store, tls: &Tls, verify: ServerName<'static>) -> Self {
        let own = match &tls.certificate {
            Source::Own => Ok(None),
            Source::Named(name) => Pair::read(store, name, tls.key.as_deref()).map(Some),
            Source::Sni | Source::Bad(_) => Err(pki::error(
                "certificate = sni and bad:... are for listeners: a client shows a NAME of the store or a FILE",
            )),
        };
        Self {
            tls: tls.clone(),
            verify: matches!(tls.sni, Sni::Name(_)).then_some(verify),
            trust: tls.ca.as_deref().map(|name| Trust::read(store, name)).transpose(),
            own,
        }
    }

    fn known(self: Arc<Self>, identity: &Identity) -> Result<Known, Fault> {
        let trust = self.trust.as_ref().map_err(|cause| amiss("ca", cause.0.clone()))?;
        let own = self.own.as_ref().map_err(|cause| unusable(cause.clone()))?;
        let provider = choice::provider(&identity.provider, &self.tls)?;
        let judge = Judge::new(&provider, identity.ca(), trust.as_ref(), self.tls.insecure, self.verify.clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(choice::versions(&self.tls))
            .map_err(|error| fault(&error))?
            .dangerous()
            .with_custom_certificate_verifier(judge.clone());
        let mut config = match own {
            Some(pair) => builder
                .with_client_auth_cert(pair.chain.clone(), pair.key.clone_key())
                .map_err(|error| unusable(pki::error(format!("the certificate cannot be used: {error}"))))?,
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = self.tls.sni != Sni::Off;
        if !self.tls.resumption {
            config.resumption = Resumption::disabled();
        }
        Ok(Known { terms: self, config, provider, judge })
    }
}

#[derive(Clone)]
pub struct Known {
    terms: Arc<Terms>,
    pub config: ClientConfig,
    pub provider: Arc<CryptoProvider>,
    pub judge: Arc<Judge>,
}

#[derive(Default)]
pub struct Clients(Mutex<BTreeMap<EndpointId, Known>>);

impl Clients {
    /// Its endpoint is gone.
    pub fn forget(&self, endpoint: EndpointId) {
        self.0.lock().remove(&endpoint);
    }

    /// The endpoint's, made anew if there is none yet or its terms are others.
    pub(super) fn get(&self, endpoint: EndpointId, terms: Terms, identity: &Identity) -> Result<Known, Fault> {
        let found = self.0.lock().get(&endpoint).filter(|known| *known.terms == terms).cloned();
        if let Some(known) = found {
            return Ok(known);
        }
        // Not under the lock: it reads the system's roots.
        let known = Arc::new(terms).known(identity)?;
        let mut clients = self.0.lock();
        clients.insert(endpoint, known.clone());
        if clients.len() > MOST {
            clients.pop_first();
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_keeps_its_judge_until_its_terms_change() {
        let (identity, clients) = (Identity::new().unwrap(), Clients::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), identity.ca_pem()).unwrap();
        let mut tls = Tls { ca: Some(file.path().to_str().unwrap().into()), ..Tls::default() };
        let name = || ServerName::try_from("localhost").unwrap();
        let judge = |endpoint: u32, tls: &Tls| {
            let terms = Terms::of(&identity.store(), tls, name());
            clients.get(EndpointId(endpoint), terms, &identity).unwrap().judge
        };
        let first = judge(1, &tls);
        assert!(Arc::ptr_eq(&first, &judge(1, &tls)));
        assert!(!Arc::ptr_eq(&first, &judge(2, &tls)), "sessions are an endpoint's own");
        std::fs::write(file.path(), Identity::new().unwrap().ca_pem()).unwrap();
        let second = judge(1, &tls);
        assert!(!Arc::ptr_eq(&first, &second), "the file says something else now");
        tls.insecure = true;
        assert!(!Arc::ptr_eq(&second, &judge(1, &tls)));
        clients.forget(EndpointId(1));
        assert_eq!(clients.0.lock().len(), 1);
    }
}
