//! What a listener shows, and wants to see: built of its settings once, and anew when they change. Open sockets live
//! on with what they agreed on; no session is resumed across a change, for the tickets' key is another then.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SignatureScheme};

use super::chain::chain;
use super::details::showing;
use super::identity::{Identity, Notes, amiss, names, now, unusable};
use super::pername::PerName;
use super::{choice, fault};
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::{Kind, Shown};
use crate::model::id::EndpointId;
use crate::model::setting::tls::{ClientAuth, Flaw, Source, Tls};
use crate::model::spec::Spec;
use crate::model::starttls::Starttls;
use crate::model::view::{Facts, Group};
use crate::net::Context;
use crate::pki::{self, Pair, Store, Trust, gallery, local, pem, trust};

/// See the module.
pub struct Front {
    pub config: Arc<ServerConfig>,
    pub provider: Arc<CryptoProvider>,
    /// What was asked for: the value that says what is shown.
    pub tls: Tls,
    /// What the certificate is for.
    pub names: Vec<String>,
    /// What its key can sign with.
    pub schemes: Vec<String>,
}

/// A certificate as rustls takes it, and as people read it.
struct Face {
    resolver: Arc<dyn ResolvesServerCert>,
    first: Arc<CertifiedKey>,
}

impl Front {
    fn new(identity: &Identity, log: &Recorder, spec: &Spec, notes: &mut Notes) -> Result<(Self, Shown), Fault> {
        let tls = &spec.settings.tls;
        let provider = choice::provider(&identity.provider, tls)?;
        let face = face((identity, log, notes), spec, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(choice::versions(tls))
            .map_err(|error| fault(&error))?;
        let mut config = match tls.client_auth {
            ClientAuth::Off => builder.with_no_client_auth(),
            wanted => builder.with_client_cert_verifier(verifier(identity, tls, wanted, &provider)?),
        }
        .with_cert_resolver(Arc::clone(&face.resolver));
        if tls.resumption {
            // Tickets for TLS 1.2 too, and sessions that are not forgotten with the 257th.
            config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| fault(&error))?;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let shown = shown(tls, &face.first, None);
        let names = shown.certificate.names.iter().map(ToString::to_string).collect();
        let schemes = schemes(&face.first);
        Ok((Self { config: Arc::new(config), provider, tls: tls.clone(), names, schemes }, shown))
    }
}

/// What is told of a certificate that is shown from now on.
pub fn shown(tls: &Tls, key: &CertifiedKey, asked: Option<&str>) -> Shown {
    use crate::model::setting::text::Text;
    let source = if tls.certificate == Source::Own { "session".into() } else { tls.certificate.write().into() };
    Shown {
        source,
        is_bad: tls.certificate.flaw().is_some(),
        asked: asked.map(Into::into),
        behind: key.cert.len().saturating_sub(1),
        certificate: chain(&key.cert).into_iter().next().unwrap_or_default(),
    }
}

fn certified(pair: &Pair, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Fault> {
    let key = CertifiedKey::from_der(pair.chain.clone(), pair.key.clone_key(), provider);
    key.map(Arc::new).map_err(|error| amiss("certificate", format!("it cannot be used: {error}")))
}

fn face(
    (identity, log, notes): (&Identity, &Recorder, &mut Notes),
    spec: &Spec,
    provider: &Arc<CryptoProvider>,
) -> Result<Face, Fault> {
    let tls = &spec.settings.tls;
    let _one_maker = matches!(tls.certificate, Source::Sni | Source::Bad(_)).then(|| identity.making.lock());
    let pair = match &tls.certificate {
        Source::Own => identity.own(),
        Source::Named(name) => Arc::new(pair(&identity.store(), name, tls.key.as_deref())?),
        Source::Bad(flaw) => Arc::new(bad(identity, notes, *flaw, &own_names(spec))?),
        Source::Sni => {
            let ca = identity.local(notes).map_or_else(|| identity.session(), |(_, ca)| ca);
            let made = PerName::new(ca, log.clone(), &own_names(spec), tls.clone(), provider)?;
            let first = made.first();
            return Ok(Face { resolver: Arc::new(made), first });
        }
    };
    let first = certified(&pair, provider)?;
    Ok(Face { resolver: Arc::new(SingleCertAndKey::from(CertifiedKey::clone(&first))), first })
}

/// A certificate with its key, or which of the two settings cannot be used.
fn pair(store: &Store, name: &str, key: Option<&str>) -> Result<Pair, Fault> {
    Pair::read(store, name, key).map_err(|cause| {
        let is_one = || {
            store.find(name, pki::store::Kind::Certificate).and_then(|(bytes, what)| pem::certificates(&bytes, &what))
        };
        amiss(if key.is_some() && is_one().is_ok() { "key" } else { "certificate" }, cause.0)
    })
}

/// What a certificate that is made here is for: this machine, and the host the listener was given.
fn own_names(spec: &Spec) -> Vec<String> {
    let host = match &spec.url.host {
        crate::model::url::Host::Name(name) => name.to_string(),
        crate::model::url::Host::Ip(ip) => ip.to_string(),
    };
    let mut all = names();
    if !all.contains(&host) && !matches!(&spec.url.host, crate::model::url::Host::Ip(ip) if ip.is_unspecified()) {
        all.push(host);
    }
    all
}

/// One of the gallery, by the store's CA, else by the session's; where the list is that revokes one is told.
fn bad(identity: &Identity, notes: &mut Notes, flaw: Flaw, names: &[String]) -> Result<Pair, Fault> {
    let now = now();
    if let Some((store, ca)) = identity.local(notes) {
        if flaw != Flaw::Revoked {
            return gallery::make(flaw, &ca, names, now).map_err(unusable);
        }
        match local::revoked(store, &ca, names, now) {
            Ok((pair, list)) => {
                notes.line(format!("its CA's revocation list (CRL) is {}", list.display()));
                return Ok(pair);
            }
            Err(cause) => notes.instead(&cause),
        }
    }
    let ca = identity.session();
    let pair = gallery::make(flaw, &ca, names, now).map_err(unusable)?;
    if flaw == Flaw::Revoked {
        let list = local::list_of(&ca, &pair, now).map_err(unusable)?;
        notes.line(format!("the session CA's revocation list (CRL):\n{list}"));
    }
    Ok(pair)
}

/// Who judges the certificates of clients.
fn verifier(
    identity: &Identity,
    tls: &Tls,
    wanted: ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    let trust = Trust::read(&identity.store(), tls.ca.as_deref().unwrap_or(trust::STORE))
        .map_err(|cause| amiss("ca", cause.0))?;
    let roots = roots(&trust)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(trust.crls)
        .allow_unknown_revocation_status();
    if wanted == ClientAuth::Optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| amiss("ca", format!("it cannot be used: {error}")))
}

pub fn roots(trust: &Trust) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    for der in &trust.roots {
        roots.add(der.clone()).map_err(|error| fault(&error))?;
    }
    Ok(roots)
}

/// The signature schemes a key can do (RFC 8446 section 4.2.3).
fn schemes(key: &CertifiedKey) -> Vec<String> {
    use SignatureScheme as S;
    let all = [
        (S::ECDSA_NISTP256_SHA256, "ecdsa_secp256r1_sha256"),
        (S::ECDSA_NISTP384_SHA384, "ecdsa_secp384r1_sha384"),
        (S::ECDSA_NISTP521_SHA512, "ecdsa_secp521r1_sha512"),
        (S::ED25519, "ed25519"),
        (S::RSA_PSS_SHA256, "rsa_pss_rsae_sha256"),
        (S::RSA_PSS_SHA384, "rsa_pss_rsae_sha384"),
        (S::RSA_PSS_SHA512, "rsa_pss_rsae_sha512"),
        (S::RSA_PKCS1_SHA256, "rsa_pkcs1_sha256"),
        (S::RSA_PKCS1_SHA384, "rsa_pkcs1_sha384"),
        (S::RSA_PKCS1_SHA512, "rsa_pkcs1_sha512"),
    ];
    let able = all.into_iter().filter(|(scheme, _)| key.key.choose_scheme(&[*scheme]).is_some());
    able.map(|(_, name)| name.to_owned()).collect()
}

/// The fronts of listeners: an endpoint's goes with it.
#[derive(Default)]
pub struct Servers(Mutex<BTreeMap<EndpointId, Arc<Place>>>);

/// Held while a front is made: who comes meanwhile gets the new one.
type Place = Mutex<Option<Entry>>;

/// What is shown, for the details page of a listener that runs.
struct Showing(Weak<Place>);

impl Facts for Showing {
    fn read(&self) -> Vec<Group> {
        let Some(place) = self.0.upgrade() else { return Vec::new() };
        // The one that is just being made is told in a moment.
        let entry = place.try_lock();
        let shown = entry.as_ref().and_then(|entry| entry.as_ref()).and_then(|entry| entry.shown.as_ref()).map(showing);
        shown.into_iter().collect()
    }

    fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

struct Entry {
    /// Of which it was made, or which asks for the same.
    spec: Arc<Spec>,
    /// The settings this was made of, or that could not be had: they are not tried again and again.
    asked: Tls,
    made: Result<Arc<Front>, Fault>,
    /// What was last told of.
    shown: Option<Shown>,
}

/// Whether the front of one asks for the same as that of the other: where secrets go and how TLS begins are no part.
fn asked(spec: &Spec) -> Tls {
    Tls { keylog: None, starttls: Starttls::default(), ..spec.settings.tls.clone() }
}

impl Servers {
    /// Its endpoint is gone, or has no TLS for now.
    pub fn forget(&self, endpoint: EndpointId) {
        self.0.lock().remove(&endpoint);
    }

    /// Reads everything anew, for a listener that starts.
    ///
    /// # Errors
    /// What its settings name cannot be used: why.
    pub fn open(&self, cx: &Context) -> Result<(), Fault> {
        let place = Arc::default();
        cx.log.explain(Arc::new(Showing(Arc::downgrade(&place))));
        self.0.lock().insert(cx.endpoint, place);
        self.get(cx).map(drop)
    }

    /// The front as the settings have it now.
    ///
    /// # Errors
    /// What they name cannot be used: nobody is served with other terms than those that were asked for.
    pub fn get(&self, cx: &Context) -> Result<Arc<Front>, Fault> {
        let place = self.place(cx.endpoint);
        let mut entry = place.lock();
        let spec = Arc::clone(&cx.now.borrow());
        if let Some(entry) = entry.as_ref().filter(|entry| Arc::ptr_eq(&entry.spec, &spec)) {
            return entry.made.clone();
        }
        let asked = asked(&spec);
        if let Some(entry) = entry.as_mut().filter(|entry| entry.asked == asked) {
            entry.spec = spec;
            return entry.made.clone();
        }
        let mut notes = Notes::default();
        let made = Front::new(&cx.identity, &cx.log, &spec, &mut notes);
        notes.tell(&cx.log);
        replace(&mut entry, &cx.log, (spec, asked), made)
    }

    /// Lets settings change if the front they ask for can be had: then `change` is done, and told before what is
    /// shown from there on.
    ///
    /// # Errors
    /// It cannot be had: nothing is changed.
    pub fn change(
        &self,
        (endpoint, log): (EndpointId, &Recorder),
        identity: &Identity,
        spec: Arc<Spec>,
        change: impl FnOnce(),
    ) -> Result<(), Fault> {
        let place = self.place(endpoint);
        // A handshake that begins meanwhile waits, and finds settings and front changed together.
        let mut entry = place.lock();
        let asked = asked(&spec);
        if entry.as_ref().is_some_and(|entry| entry.asked == asked && entry.made.is_ok()) {
            change();
            return Ok(());
        }
        let mut notes = Notes::default();
        let made = Front::new(identity, log, &spec, &mut notes);
        if made.is_ok() {
            change();
        }
        notes.tell(log);
        let made = made?;
        replace(&mut entry, log, (spec, asked), Ok(made)).map(drop)
    }

    fn place(&self, endpoint: EndpointId) -> Arc<Place> {
        Arc::clone(self.0.lock().entry(endpoint).or_default())
    }
}

/// Puts what was made into its place, and tells what is shown where that is another.
fn replace(
    entry: &mut Option<Entry>,
    log: &Recorder,
    (spec, asked): (Arc<Spec>, Tls),
    made: Result<(Front, Shown), Fault>,
) -> Result<Arc<Front>, Fault> {
    let before = entry.take().and_then(|entry| entry.shown);
    let (made, shown) = match made {
        Ok((front, shown)) => (Ok(Arc::new(front)), Some(shown)),
        Err(fault) => (Err(fault), before.clone()),
    };
    // The session's own is what everybody expects of a listener that was told nothing else.
    let is_new = before.as_ref().map_or(asked.certificate != Source::Own, |before| Some(before) != shown.as_ref());
    if let Some(shown) = shown.as_ref().filter(|_| is_new) {
        log.event(Kind::Certificate(Box::new(shown.clone())));
    }
    *entry = Some(Entry { spec, asked, made: made.clone(), shown });
    made
}
