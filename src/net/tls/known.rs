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

/// Endpoints whose sessions are kept; the oldest goes first. A person has some tens of them.
const MOST: usize = 256;

/// How a server is judged: another way of judging begins without sessions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    pub insecure: bool,
    pub ca: Option<PathBuf>,
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
