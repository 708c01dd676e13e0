//! What a client endpoint keeps from one connection to the next: the judge of its server and the sessions
//! it can resume. rustls resumes a session only under the very judge that saw its certificate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ClientConfig;

use super::judge::Judge;
use crate::model::end::Fault;
use crate::model::id::EndpointId;
use crate::model::spec::Settings;

/// Endpoints whose sessions are kept; the oldest goes first. A person has some tens of them.
const MOST: usize = 256;

/// How a server is judged: another way of judging begins without sessions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    pub insecure: bool,
    /// What the file of roots holds now; an empty one, if it cannot be read, which is said then.
    pub ca: Option<(PathBuf, Vec<u8>)>,
}

impl Terms {
    pub fn of(settings: &Settings) -> Self {
        let ca = settings.tls.ca.clone();
        Self {
            insecure: settings.tls.insecure,
            ca: ca.map(|file| {
                let roots = std::fs::read(&file).unwrap_or_default();
                (file, roots)
            }),
        }
    }
}

#[derive(Clone)]
pub struct Known {
    terms: Terms,
    pub config: ClientConfig,
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
    pub(super) fn get(
        &self,
        endpoint: EndpointId,
        terms: Terms,
        make: impl FnOnce() -> Result<(ClientConfig, Arc<Judge>), Fault>,
    ) -> Result<Known, Fault> {
        let found = self.0.lock().get(&endpoint).filter(|known| known.terms == terms).cloned();
        if let Some(known) = found {
            return Ok(known);
        }
        // Not under the lock: it reads files.
        let (config, judge) = make()?;
        let known = Known { terms, config, judge };
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
    use crate::net::tls::Identity;

    #[test]
    fn an_endpoint_keeps_its_judge_until_its_terms_change() {
        let (identity, clients) = (Identity::new().unwrap(), Clients::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), identity.ca_pem()).unwrap();
        let mut settings = Settings::default();
        settings.tls.ca = Some(file.path().into());
        let judge = |endpoint: u32, settings: &Settings| {
            let made = || identity.client(settings);
            clients.get(EndpointId(endpoint), Terms::of(settings), made).unwrap().judge
        };
        let first = judge(1, &settings);
        assert!(Arc::ptr_eq(&first, &judge(1, &settings)));
        assert!(!Arc::ptr_eq(&first, &judge(2, &settings)), "sessions are an endpoint's own");
        std::fs::write(file.path(), Identity::new().unwrap().ca_pem()).unwrap();
        let second = judge(1, &settings);
        assert!(!Arc::ptr_eq(&first, &second), "the file says something else now");
        settings.tls.insecure = true;
        assert!(!Arc::ptr_eq(&second, &judge(1, &settings)));
        clients.forget(EndpointId(1));
        assert_eq!(clients.0.lock().len(), 1);
    }
}
