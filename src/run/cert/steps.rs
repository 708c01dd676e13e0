//! The five steps, and all of them at once.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Bench, Report, chain_pem, stem};
use crate::pki::authority::Charter;
use crate::pki::name::written;
use crate::pki::request::Wish;
use crate::pki::store::Kind;
use crate::pki::{
    Algorithm, Authority, Key, KeyUsage, Lifetime, Request, Result, Serial, Use, date, error, pem, pkcs12, show, store,
    verify,
};

/// What a new CA is to be.
pub(super) struct Ca<'a> {
    pub subject: Option<&'a str>,
    pub under: Option<&'a str>,
    pub days: i64,
    pub path: Option<u8>,
}

/// What a certificate made in one go is to be.
pub(super) struct Leaf<'a> {
    pub ca: &'a str,
    pub days: i64,
    pub usage: Use,
    pub kind: Option<Algorithm>,
}

/// What is said of one that no client takes.
const NAMELESS: &str =
    "it has no subject alternative names: clients will refuse it, whatever its common name (RFC 9525)";

/// A request for a key, and its subject: the first of the names if none is given.
fn asked(key: &Key, name: &str, asked: &Asked<'_>) -> Result<(Request, String)> {
    let common = asked.names.first().map_or(stem(name), String::as_str);
    let subject = asked.subject.map_or_else(|| format!("CN={common}"), str::to_owned);
    let wish = Wish {
        subject: subject.clone(),
        names: asked.names.to_vec(),
        usage: asked.usage,
        key_usages: asked.key_usages.to_vec(),
    };
    Ok((Request::make(key, &wish)?, subject))
}

/// What a request is to ask for.
pub(super) struct Asked<'a> {
    /// Without one, the first name's.
    pub subject: Option<&'a str>,
    pub names: &'a [String],
    pub usage: Use,
    pub key_usages: &'a [KeyUsage],
}

/// A leaf, and behind it what stands between it and its root.
fn behind(leaf: &CertificateDer<'static>, ca: &Authority, above: &[CertificateDer<'static>]) -> String {
    let between = (!is_root(&ca.certificate)).then_some(&ca.certificate);
    chain_pem(std::iter::once(leaf).chain(between).chain(above))
}

impl Bench {
    pub(super) fn key(&self, name: &str, kind: Algorithm, replace: bool) -> Result<Report> {
        let key = Key::generate(kind)?;
        let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), replace)?;
        let print = key.fingerprint();
        Ok(Report::default()
            .wrote("private key", &path)
            .line(format!("{:<12} {print}", "SHA-256"))
            .field("kind", kind.name())
            .field("fingerprint", print))
    }

    pub(super) fn public(&self, name: &str, replace: bool) -> Result<Report> {
        let key = self.fetch_key(name)?;
        let (text, print) = (key.public_pem(), key.fingerprint());
        // The same again loses nothing.
        let same = self.store.read(stem(name), Kind::Public).is_ok_and(|kept| kept == text.as_bytes());
        let path = self.put(stem(name), Kind::Public, text.as_bytes(), replace || same)?;
        Ok(Report::default()
            .text(text.trim_end())
            .wrote("public key", &path)
            .line(format!("{:<12} {print}", "SHA-256"))
            .field("pem", text)
            .field("fingerprint", print))
    }

    pub(super) fn ca(&self, name: &str, wish: &Ca<'_>, kind: Option<Algorithm>, replace: bool) -> Result<Report> {
        self.free(name, &[Kind::Certificate], replace)?;
        let subject = wish.subject.map_or_else(|| format!("CN=sockscope {name}"), str::to_owned);
        let mut charter = Charter { subject, lifetime: Lifetime::days(self.now, wish.days)?, path: wish.path };
        let mut report = Report::default();
        // A key that somebody else makes in this very moment would be another one.
        self.alone()?;
        // A key that is there alone was made for this; one with a certificate goes with it.
        let (key, fresh) = match self.store.has(name, Kind::Certificate) {
            true => (Key::generate(kind.unwrap_or_default())?, true),
            false => self.key_for(name, kind)?,
        };
        let private = key.private_pem();
        let (ca, above) = match wish.under {
            None => (Authority::root(key, &charter)?, Vec::new()),
            Some(above) => {
                let (root, mut chain) = self.fetch_ca(above)?;
                verify::current(&root.certificate, self.now)?;
                let end = root.end()?;
                if charter.lifetime.to > end {
                    charter.lifetime.to = end;
                    report = report.remark(format!("it ends with the CA above it, {}", date(end)));
                }
                self.room(above, &root.certificate, &chain, wish.path)?;
                let ca = root.intermediate(key, &charter)?;
                // A root is known to whoever trusts it: it stands in no chain.
                if !is_root(&root.certificate) {
                    chain.insert(0, root.certificate);
                }
                (ca, chain)
            }
        };
        let chain = chain_pem(std::iter::once(&ca.certificate).chain(&above));
        if fresh {
            report = report.wrote("private key", &self.put(name, Kind::Key, private.as_bytes(), replace)?);
        }
        let path = self.put(name, Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(report.wrote("CA", &path).described(&ca.certificate))
    }

    /// Whether every CA above allows one more, and one with this path length, below.
    fn room(
        &self,
        ca: &str,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'static>],
        path: Option<u8>,
    ) -> Result<()> {
        let roots = self.roots()?;
        let mut at: Vec<&CertificateDer<'_>> = std::iter::once(own).chain(above).collect();
        let top = at.last().and_then(|der| X509Certificate::from_der(der).ok()).map(|(_, top)| top);
        if let Some(top) = top.filter(|top| top.subject() != top.issuer()) {
            let is_above = |der: &&CertificateDer<'_>| {
                X509Certificate::from_der(der).is_ok_and(|(_, root)| root.subject() == top.issuer())
            };
            at.extend(roots.iter().find(is_above));
        }
        for (below, der) in at.into_iter().enumerate() {
            let Ok((_, one)) = X509Certificate::from_der(der) else { continue };
            let allowed = one.basic_constraints().ok().flatten().and_then(|basic| basic.value.path_len_constraint);
            // Those that stand between it and the new one, and the new one itself.
            let needed =
                u32::try_from(below).unwrap_or(u32::MAX).saturating_add(1).saturating_add(path.unwrap_or(0).into());
            if allowed.is_some_and(|allowed| needed > allowed) {
                return Err(error(format!(
                    "{} allows {} CAs between itself and a leaf (path length), and a CA below {ca} would make {needed}",
                    written(one.subject()),
                    allowed.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// The key of a name, or a new one that is to be written; whether it is new.
    fn key_for(&self, name: &str, kind: Option<Algorithm>) -> Result<(Key, bool)> {
        if !self.store.has(name, Kind::Key) && !Path::new(name).exists() {
            self.store.path(name, Kind::Key)?;
            return Ok((Key::generate(kind.unwrap_or_default())?, true));
        }
        let key = self.fetch_key(name)?;
        match kind.filter(|kind| kind.title() != key.kind()) {
            None => Ok((key, false)),
            Some(kind) => Err(error(format!(
                "the key of {name} is there already and is {}, not {}: leave --kind out to use it, or take another name",
                key.kind(),
                kind.title()
            ))),
        }
    }

    /// A CA's name is for no leaf: its certificate would be gone, and with it all that it signed.
    fn no_ca(&self, name: &str) -> Result<()> {
        let name = stem(name);
        let Ok(bytes) = self.store.read(name, Kind::Certificate) else { return Ok(()) };
        let chain = pem::certificates(&bytes, name).unwrap_or_default();
        let is_ca =
            chain.first().and_then(|der| X509Certificate::from_der(der).ok()).is_some_and(|(_, own)| own.is_ca());
        match is_ca {
            false => Ok(()),
            true => Err(error(format!(
                "\"{name}\" is a CA of the store, and a certificate under its name would destroy it: take another name"
            ))),
        }
    }

    pub(super) fn request(
        &self,
        name: &str,
        wish: &Asked<'_>,
        kind: Option<Algorithm>,
        replace: bool,
    ) -> Result<Report> {
        self.no_ca(name)?;
        self.free(stem(name), &[Kind::Request], replace)?;
        // A key that somebody else makes in this very moment would be another one.
        self.alone()?;
        let (key, fresh) = self.key_for(name, kind)?;
        let (request, subject) = asked(&key, name, wish)?;
        let mut report = Report::default();
        if fresh {
            let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), false)?;
            report = report.wrote("private key", &path);
        }
        let path = self.put(stem(name), Kind::Request, request.pem().as_bytes(), replace)?;
        let report = report
            .wrote("request", &path)
            .line(format!("{:<12} {subject}", "subject"))
            .line(format!("{:<12} {}", "names", request.names().join(", ")))
            .field("subject", subject)
            .field("names", request.names());
        Ok(if request.names().is_empty() { report.remark(NAMELESS.into()) } else { report })
    }

    pub(super) fn sign(
        &self,
        name: &str,
        ca: &str,
        days: i64,
        (usage, serial): (Option<Use>, Option<&Serial>),
        replace: bool,
    ) -> Result<Report> {
        let request = self.fetch_request(name)?;
        self.no_ca(name)?;
        let (authority, above) = self.fetch_ca(ca)?;
        let (leaf, report) = self.leaf(&request, &authority, days, (usage, serial))?;
        let chain = behind(&leaf, &authority, &above);
        let path = self.put(stem(name), Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(report.wrote("certificate", &path).described(&leaf))
    }

    /// By its own key: a root.
    pub(super) fn sign_self(&self, name: &str, days: i64, replace: bool) -> Result<Report> {
        let request = self.fetch_request(name)?;
        let names = request.names();
        if !names.is_empty() {
            return Err(error(format!(
                "the request of {name} has names ({}), as a server's or client's has: what signs itself is a CA, which has \
                 none",
                names.join(", ")
            )));
        }
        let lifetime = Lifetime::days(self.now, days)?;
        let root = Authority::self_signed(self.fetch_key(stem(name))?, &request, lifetime, None)?;
        let text = chain_pem([&root.certificate]);
        let path = self.put(stem(name), Kind::Certificate, text.as_bytes(), replace)?;
        Ok(Report::default().wrote("CA", &path).described(&root.certificate))
    }

    /// What a CA makes of a request; nothing is written.
    fn leaf(
        &self,
        request: &Request,
        authority: &Authority,
        days: i64,
        (usage, serial): (Option<Use>, Option<&Serial>),
    ) -> Result<(CertificateDer<'static>, Report)> {
        verify::current(&authority.certificate, self.now)?;
        let (mut lifetime, mut report) = (Lifetime::days(self.now, days)?, Report::default());
        let end = authority.end()?;
        // As many days as the CA had when it was made: the moments since then are not worth a refusal.
        if lifetime.to > end && lifetime.to - end < time::Duration::days(1) {
            lifetime.to = end;
            report = report.remark(format!("it ends with its CA, {}", date(end)));
        }
        Ok((authority.sign_as(request, usage, lifetime, serial)?, report))
    }

    /// Key, request and certificate for names, and the CA if there is none. All is made before the first is written.
    pub(super) fn all(&self, names: &[String], leaf: &Leaf<'_>, replace: bool) -> Result<Report> {
        let name = names.first().map_or("", String::as_str);
        let ca = leaf.ca;
        self.no_ca(name)?;
        if stem(name) == stem(ca) {
            return Err(error(format!("\"{name}\" is the name of the CA that is to sign it: take another one")));
        }
        // From here on nobody else makes the same CA, key or request.
        self.alone()?;
        self.free(name, &[Kind::Request, Kind::Certificate], replace)?;
        let (key, fresh) = self.key_for(name, leaf.kind)?;
        let (request, _) = asked(&key, name, &Asked { subject: None, names, usage: leaf.usage, key_usages: &[] })?;
        let mut root = None;
        let (authority, above) = if self.store.has(ca, Kind::Certificate) {
            self.fetch_ca(ca)?
        } else {
            let lifetime = Lifetime::days(self.now, 3650)?;
            let charter = Charter { subject: "CN=sockscope local CA".into(), lifetime, path: None };
            let (key, fresh) = self.key_for(ca, None)?;
            root = Some(fresh.then(|| key.private_pem()));
            (Authority::root(key, &charter)?, Vec::new())
        };
        let (certificate, mut report) = self.leaf(&request, &authority, leaf.days, (Some(leaf.usage), None))?;
        if let Some(private) = root {
            if let Some(private) = private {
                report = report.wrote("private key", &self.put(ca, Kind::Key, private.as_bytes(), false)?);
            }
            let text = chain_pem([&authority.certificate]);
            report = report.wrote("CA", &self.put(ca, Kind::Certificate, text.as_bytes(), false)?);
        }
        if fresh {
            let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), false)?;
            report = report.wrote("private key", &path);
        }
        report = report.wrote("request", &self.put(name, Kind::Request, request.pem().as_bytes(), true)?);
        let chain = behind(&certificate, &authority, &above);
        report = report.wrote("certificate", &self.put(name, Kind::Certificate, chain.as_bytes(), true)?);
        let paths = [("key", Kind::Key), ("csr", Kind::Request), ("crt", Kind::Certificate)];
        let mut files = serde_json::Map::new();
        for (key, kind) in paths {
            files.insert(key.into(), self.store.path(name, kind)?.display().to_string().into());
        }
        files.insert("ca".into(), self.store.path(ca, Kind::Certificate)?.display().to_string().into());
        report.fields.insert("files".into(), files.into());
        Ok(report.described(&certificate))
    }

    pub(super) fn import(
        &self,
        name: &str,
        certificate: Option<&Path>,
        key: Option<&Path>,
        replace: bool,
    ) -> Result<Report> {
        let kinds = [certificate.map(|_| Kind::Certificate), key.map(|_| Kind::Key)];
        self.free(name, &kinds.into_iter().flatten().collect::<Vec<_>>(), replace)?;
        let mut chain = Vec::new();
        let what = certificate.map(|path| path.display().to_string()).unwrap_or_default();
        if let Some(path) = certificate {
            chain = pem::certificates(&store::read(path)?, &what)?;
            verify::in_order(&chain)?;
        }
        // A CA may stand in a CA's place.
        let is_ca = |der: &CertificateDer<'_>| X509Certificate::from_der(der).is_ok_and(|(_, own)| own.is_ca());
        if !chain.first().is_some_and(is_ca) {
            self.no_ca(name)?;
        }
        let key = key.map(|path| Ok((self.unlock(&store::read(path)?, &path.display().to_string())?, path)));
        let key: Option<(Key, &Path)> = key.transpose()?;
        if let (Some((key, path)), Some(leaf)) = (&key, chain.first())
            && !key.fits(leaf, &what)?
        {
            return Err(error(format!(
                "the key in {} does not fit {what}: the certificate is for another public key, SHA-256 {}, the key's is {}",
                path.display(),
                Key::of_certificate(leaf, &what)?,
                key.fingerprint()
            )));
        }
        let mut report = Report::default();
        if let Some((key, _)) = key {
            let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), replace)?;
            report = report.wrote("private key", &path);
        }
        let Some(leaf) = chain.first() else { return Ok(report) };
        let path = self.put(name, Kind::Certificate, chain_pem(&chain).as_bytes(), replace)?;
        Ok(report.wrote("certificate", &path).described(leaf))
    }

    pub(super) fn pkcs12(&self, name: &str, replace: bool) -> Result<Report> {
        let short = stem(name);
        self.free(short, &[Kind::Pkcs12], replace)?;
        let key = self.fetch_key(name)?;
        let (bytes, what) = self.fetch(name, Kind::Certificate)?;
        let chain = pem::certificates(&bytes, &what)?;
        let passphrase = self.passphrase()?.ok_or_else(|| {
            let text = format!(
                "a PKCS#12 file is locked by a passphrase: write it into a file and name that with --passphrase-file, or \
                 set {}",
                super::PASSPHRASE
            );
            crate::pki::Error(text, crate::pki::Cause::Locked)
        })?;
        let file = pkcs12::write(short, &key, &chain, &passphrase, &what)?;
        let path = self.put(short, Kind::Pkcs12, &file, replace)?;
        Ok(Report::default().wrote("PKCS#12", &path))
    }

    /// Before anything is made: nothing of these is there, or it may be written over.
    fn free(&self, name: &str, kinds: &[Kind], replace: bool) -> Result<()> {
        if replace { Ok(()) } else { self.store.free(name, kinds) }
    }
}

/// Whether a certificate signed itself.
pub(super) fn is_root(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.subject() == certificate.issuer())
}

impl Report {
    /// What a certificate says, as its tree.
    fn described(self, der: &CertificateDer<'_>) -> Self {
        let Some(node) = show::certificate(der) else { return self };
        let report = node.lines().into_iter().fold(self, Report::line);
        let report = report.field("certificate", super::checks::tree(&node));
        let nameless = X509Certificate::from_der(der)
            .is_ok_and(|(_, own)| !own.is_ca() && own.subject_alternative_name().is_ok_and(|names| names.is_none()));
        if nameless { report.remark(NAMELESS.into()) } else { report }
    }
}
