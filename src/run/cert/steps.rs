//! The five steps, and all of them at once.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::{Bench, Report, chain_pem, stem};
use crate::pki::authority::Charter;
use crate::pki::name::alternative;
use crate::pki::request::Wish;
use crate::pki::store::Kind;
use crate::pki::{
    Algorithm, Authority, Key, Lifetime, Request, Result, Use, date, error, pem, pkcs12, show, store, verify,
};

/// What a new CA is to be.
pub(super) struct Ca<'a> {
    pub subject: Option<&'a str>,
    pub under: Option<&'a str>,
    pub days: i64,
    pub path: Option<u8>,
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

    pub(super) fn public(&self, name: &str) -> Result<Report> {
        let key = self.fetch_key(name)?;
        let (text, print) = (key.public_pem(), key.fingerprint());
        let path = self.put(stem(name), Kind::Public, text.as_bytes(), true)?;
        Ok(Report::default()
            .line(text.trim_end())
            .wrote("public key", &path)
            .line(format!("{:<12} {print}", "SHA-256"))
            .field("pem", text)
            .field("fingerprint", print))
    }

    pub(super) fn ca(&self, name: &str, wish: &Ca<'_>, kind: Algorithm, replace: bool) -> Result<Report> {
        self.free(name, &[Kind::Key, Kind::Certificate], replace)?;
        let subject = wish.subject.map_or_else(|| format!("CN=sockscope {name}"), str::to_owned);
        let mut charter = Charter { subject, lifetime: Lifetime::days(self.now, wish.days)?, path: wish.path };
        let mut report = Report::default();
        let key = Key::generate(kind)?;
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
                let ca = root.intermediate(key, &charter)?;
                // A root is known to whoever trusts it: it stands in no chain.
                if !is_root(&root.certificate) {
                    chain.insert(0, root.certificate);
                }
                (ca, chain)
            }
        };
        let chain = chain_pem(std::iter::once(&ca.certificate).chain(&above));
        let key = self.put(name, Kind::Key, private.as_bytes(), replace)?;
        let path = self.put(name, Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(report.wrote("private key", &key).wrote("CA", &path).described(&ca.certificate))
    }

    pub(super) fn request(
        &self,
        name: &str,
        subject: Option<&str>,
        names: &[String],
        usage: Use,
        kind: Algorithm,
        replace: bool,
    ) -> Result<Report> {
        self.free(stem(name), &[Kind::Request], replace)?;
        // A key that somebody else makes in this very moment would be another one.
        self.alone()?;
        let mut report = Report::default();
        let key = match self.fetch_key(name) {
            Ok(key) => key,
            Err(_) if !self.store.has(name, Kind::Key) && !Path::new(name).exists() => {
                let key = Key::generate(kind)?;
                let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), false)?;
                report = report.wrote("private key", &path);
                key
            }
            Err(cause) => return Err(cause),
        };
        let common = names.first().map_or(stem(name), String::as_str);
        let subject = subject.map_or_else(|| format!("CN={common}"), str::to_owned);
        let request = Request::make(&key, &Wish { subject: subject.clone(), names: names.to_vec(), usage })?;
        let path = self.put(stem(name), Kind::Request, request.pem().as_bytes(), replace)?;
        Ok(report
            .wrote("request", &path)
            .line(format!("{:<12} {subject}", "subject"))
            .line(format!("{:<12} {}", "names", request.names().join(", ")))
            .field("subject", subject)
            .field("names", request.names()))
    }

    pub(super) fn sign(&self, name: &str, ca: &str, days: i64, usage: Option<Use>, replace: bool) -> Result<Report> {
        let request = self.fetch_request(name)?;
        let (authority, above) = self.fetch_ca(ca)?;
        verify::current(&authority.certificate, self.now)?;
        let (mut lifetime, mut report) = (Lifetime::days(self.now, days)?, Report::default());
        let end = authority.end()?;
        // As many days as the CA had when it was made: the moments since then are not worth a refusal.
        if lifetime.to > end && lifetime.to - end < time::Duration::days(1) {
            lifetime.to = end;
            report = report.remark(format!("it ends with its CA, {}", date(end)));
        }
        let leaf = authority.sign(&request, usage, lifetime)?;
        let between = (!is_root(&authority.certificate)).then_some(&authority.certificate);
        let chain = chain_pem(std::iter::once(&leaf).chain(between).chain(&above));
        let path = self.put(stem(name), Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(report.wrote("certificate", &path).described(&leaf))
    }

    /// Key, request and certificate for names, and the CA if there is none.
    pub(super) fn all(&self, names: &[String], ca: &str, days: i64, usage: Use, kind: Algorithm) -> Result<Report> {
        // Before a CA is made for it.
        Lifetime::days(self.now, days)?;
        names.iter().try_for_each(|name| alternative(name).map(drop))?;
        let mut report = Report::default();
        // From here on nobody else makes the same CA, key or request.
        self.alone()?;
        if !self.store.has(ca, Kind::Certificate) {
            let wish = Ca { subject: Some("CN=sockscope local CA"), under: None, days: 3650, path: None };
            let made = self.ca(ca, &wish, Algorithm::default(), false)?;
            report = Report { lines: made.lines, wrote: made.wrote, ..report };
        }
        let name = names.first().map_or("", String::as_str);
        // A shortcut that is run again gives a new certificate for the key that is there.
        let mut made = self.request(name, None, names, usage, kind, true)?;
        let signed = self.sign(name, ca, days, Some(usage), true)?;
        report.lines.append(&mut made.lines);
        report.lines.extend(signed.lines);
        report.wrote.append(&mut made.wrote);
        report.wrote.extend(signed.wrote);
        let paths = [("key", Kind::Key), ("csr", Kind::Request), ("crt", Kind::Certificate)];
        let mut files = serde_json::Map::new();
        for (key, kind) in paths {
            files.insert(key.into(), self.store.path(name, kind)?.display().to_string().into());
        }
        files.insert("ca".into(), self.store.path(ca, Kind::Certificate)?.display().to_string().into());
        report.fields = signed.fields;
        report.fields.insert("files".into(), files.into());
        Ok(report)
    }

    pub(super) fn import(&self, name: &str, certificate: &Path, key: Option<&Path>, replace: bool) -> Result<Report> {
        self.free(name, &[Kind::Certificate, Kind::Key], replace)?;
        let what = certificate.display().to_string();
        let chain = pem::certificates(&store::read(certificate)?, &what)?;
        verify::in_order(&chain)?;
        let key = key.map(|path| self.unlock(&store::read(path)?, &path.display().to_string())).transpose()?;
        if let (Some(key), Some(leaf)) = (&key, chain.first())
            && !key.fits(leaf, &what)?
        {
            return Err(error(format!(
                "the key does not fit {what}: the certificate is for another public key, SHA-256 {}, the key's is {}",
                Key::of_certificate(leaf, &what)?,
                key.fingerprint()
            )));
        }
        let mut report = Report::default();
        if let Some(key) = key {
            let path = self.put(name, Kind::Key, key.private_pem().as_bytes(), replace)?;
            report = report.wrote("private key", &path);
        }
        let path = self.put(name, Kind::Certificate, chain_pem(&chain).as_bytes(), replace)?;
        report = report.wrote("certificate", &path);
        Ok(match chain.first() {
            Some(leaf) => report.described(leaf),
            None => report,
        })
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
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.subject() == certificate.issuer())
}

impl Report {
    /// What a certificate says, as its tree.
    fn described(self, der: &CertificateDer<'_>) -> Self {
        let Some(node) = show::certificate(der) else { return self };
        let report = node.lines().into_iter().fold(self, Report::line);
        report.field("certificate", super::checks::tree(&node))
    }
}
