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
use super::identity::{Identity, instead, names, now, unusable};
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
use crate::pki::{Pair, Trust, gallery, local, trust};

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
    fn new(cx: &Context, spec: &Spec) -> Result<(Self, Shown), Fault> {
        let tls = &spec.settings.tls;
        let provider = choice::provider(&cx.identity.provider, tls)?;
        let face = face(&cx.identity, &cx.log, spec, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(choice::versions(tls))
            .map_err(|error| fault(&error))?;
        let mut config = match tls.client_auth {
            ClientAuth::Off => builder.with_no_client_auth(),
            wanted => builder.with_client_cert_verifier(verifier(&cx.identity, tls, wanted, &provider)?),
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
    key.map(Arc::new)
        .map_err(|error| Fault::Certificate { text: format!("the certificate cannot be used: {error}").into() })
}

fn face(identity: &Identity, log: &Recorder, spec: &Spec, provider: &Arc<CryptoProvider>) -> Result<Face, Fault> {
    let tls = &spec.settings.tls;
    let _one_maker = matches!(tls.certificate, Source::Sni | Source::Bad(_)).then(|| identity.making.lock());
    let pair = match &tls.certificate {
        Source::Own => identity.own(),
        Source::Named(name) => Arc::new(Pair::read(&identity.store(), name, tls.key.as_deref()).map_err(unusable)?),
        Source::Bad(flaw) => Arc::new(bad(identity, log, *flaw, &own_names(spec))?),
        Source::Sni => {
            let ca = identity.local(log).map_or_else(|| identity.session(), |(_, ca)| ca);
            let made = PerName::new(ca, log.clone(), &own_names(spec), tls.clone(), provider)?;
            let first = made.first();
            return Ok(Face { resolver: Arc::new(made), first });
        }
    };
    let first = certified(&pair, provider)?;
    Ok(Face { resolver: Arc::new(SingleCertAndKey::from(CertifiedKey::clone(&first))), first })
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
fn bad(identity: &Identity, log: &Recorder, flaw: Flaw, names: &[String]) -> Result<Pair, Fault> {
    let now = now();
    if let Some((store, ca)) = identity.local(log) {
        if flaw != Flaw::Revoked {
            return gallery::make(flaw, &ca, names, now).map_err(unusable);
        }
        match local::revoked(store, &ca, names, now) {
            Ok((pair, list)) => {
                let line = format!("its CA's revocation list (CRL) is {}", list.display());
                log.payload(Kind::Log, line.as_bytes());
                return Ok(pair);
            }
            Err(cause) => instead(log, &cause),
        }
    }
    let ca = identity.session();
    let pair = gallery::make(flaw, &ca, names, now).map_err(unusable)?;
    if flaw == Flaw::Revoked {
        let list = local::list_of(&ca, &pair, now).map_err(unusable)?;
        log.payload(Kind::Log, format!("the session CA's revocation list (CRL):\n{list}").as_bytes());
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
    let trust = Trust::read(&identity.store(), tls.ca.as_deref().unwrap_or(trust::STORE)).map_err(unusable)?;
    let roots = roots(&trust)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(trust.crls)
        .allow_unknown_revocation_status();
    if wanted == ClientAuth::Optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| Fault::Certificate { text: format!("ca cannot be used: {error}").into() })
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
        let shown = entry.as_ref().and_then(|entry| entry.as_ref()).map(|entry| showing(&entry.shown));
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
    front: Arc<Front>,
    shown: Shown,
}

impl Servers {
    /// Its endpoint is gone.
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

    /// The front as the settings have it now. One that cannot be had leaves the one before, and says so.
    ///
    /// # Errors
    /// There is none before.
    pub fn get(&self, cx: &Context) -> Result<Arc<Front>, Fault> {
        let place = self.place(cx);
        let mut entry = place.lock();
        let spec = Arc::clone(&cx.now.borrow());
        if let Some(entry) = entry.as_ref().filter(|entry| Arc::ptr_eq(&entry.spec, &spec)) {
            return Ok(Arc::clone(&entry.front));
        }
        // Where secrets go and how TLS begins are no part of it.
        let asked = Tls { keylog: None, starttls: Starttls::default(), ..spec.settings.tls.clone() };
        if let Some(entry) = entry.as_mut().filter(|entry| entry.asked == asked) {
            entry.spec = spec;
            return Ok(Arc::clone(&entry.front));
        }
        let (front, shown) = match (Front::new(cx, &spec), entry.as_mut()) {
            (Ok(made), _) => made,
            (Err(fault), None) => return Err(fault),
            (Err(cause), Some(entry)) => {
                (entry.spec, entry.asked) = (spec, asked);
                let text = format!("{cause}; new peers are shown {} as before", entry.shown.source);
                cx.log.error(Fault::Certificate { text: text.into() });
                return Ok(Arc::clone(&entry.front));
            }
        };
        // The session's own is what everybody expects of a listener that was told nothing else.
        let is_new = entry.as_ref().map_or(asked.certificate != Source::Own, |before| before.shown != shown);
        if is_new {
            cx.log.event(Kind::Certificate(Box::new(shown.clone())));
        }
        let front = Arc::new(front);
        *entry = Some(Entry { spec, asked, front: Arc::clone(&front), shown });
        Ok(front)
    }

    fn place(&self, cx: &Context) -> Arc<Place> {
        Arc::clone(self.0.lock().entry(cx.endpoint).or_default())
    }
}
