//! The five steps, and all of them at once.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::{Bench, Report, chain_pem, stem};
use crate::pki::authority::Charter;
use crate::pki::request::Wish;
use crate::pki::store::Kind;
use crate::pki::{Algorithm, Authority, Error, Key, Lifetime, Request, Result, Use, pem, show, store};

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
        let path = self.store.write(name, Kind::Key, key.private_pem().as_bytes(), replace)?;
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
        let path = self.store.write(stem(name), Kind::Public, text.as_bytes(), true)?;
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
        let charter = Charter { subject, lifetime: Lifetime::days(self.now, wish.days)?, path: wish.path };
        let key = Key::generate(kind)?;
        let private = key.private_pem();
        let (ca, above) = match wish.under {
            None => (Authority::root(key, &charter)?, Vec::new()),
            Some(above) => {
                let (root, mut chain) = self.fetch_ca(above)?;
                let ca = root.intermediate(key, &charter)?;
                // A root is known to whoever trusts it: it stands in no chain.
                if !is_root(&root.certificate) {
                    chain.insert(0, root.certificate);
                }
                (ca, chain)
            }
        };
        let chain = chain_pem(std::iter::once(&ca.certificate).chain(&above));
        let key = self.store.write(name, Kind::Key, private.as_bytes(), replace)?;
        let path = self.store.write(name, Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(Report::default().wrote("private key", &key).wrote("CA", &path).described(&ca.certificate))
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
        let mut report = Report::default();
        let key = match self.fetch_key(name) {
            Ok(key) => key,
            Err(_) if !self.store.has(name, Kind::Key) && !Path::new(name).exists() => {
                let key = Key::generate(kind)?;
                match self.store.write(name, Kind::Key, key.private_pem().as_bytes(), false) {
                    Ok(path) => {
                        report = report.wrote("private key", &path);
                        key
                    }
                    // Somebody else made one in this very moment: that is the key, then.
                    Err(_) if self.store.has(name, Kind::Key) => self.fetch_key(name)?,
                    Err(cause) => return Err(cause),
                }
            }
            Err(cause) => return Err(cause),
        };
        let common = names.first().map_or(stem(name), String::as_str);
        let subject = subject.map_or_else(|| format!("CN={common}"), str::to_owned);
        let request = Request::make(&key, &Wish { subject: subject.clone(), names: names.to_vec(), usage })?;
        let path = self.store.write(stem(name), Kind::Request, request.pem().as_bytes(), replace)?;
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
        let leaf = authority.sign(&request, usage, Lifetime::days(self.now, days)?)?;
        let between = (!is_root(&authority.certificate)).then_some(&authority.certificate);
        let chain = chain_pem(std::iter::once(&leaf).chain(between).chain(&above));
        let path = self.store.write(stem(name), Kind::Certificate, chain.as_bytes(), replace)?;
        Ok(Report::default().wrote("certificate", &path).described(&leaf))
    }

    /// Key, request and certificate for names, and the CA if there is none.
    pub(super) fn all(&self, names: &[String], ca: &str, days: i64, usage: Use, kind: Algorithm) -> Result<Report> {
        let mut report = Report::default();
        if !self.store.has(ca, Kind::Certificate) {
            let wish = Ca { subject: Some("CN=sockscope local CA"), under: None, days: 3650, path: None };
            report.lines.extend(self.ca(ca, &wish, Algorithm::default(), false)?.lines);
        }
        let name = names.first().map_or("", String::as_str);
        // A shortcut that is run again gives a new certificate for the key that is there.
        let mut made = self.request(name, None, names, usage, kind, true)?;
        let signed = self.sign(name, ca, days, Some(usage), true)?;
        report.lines.append(&mut made.lines);
        report.lines.extend(signed.lines);
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
        let key = key.map(|path| Key::read(&store::read(path)?, &path.display().to_string())).transpose()?;
        if let (Some(key), Some(leaf)) = (&key, chain.first())
            && !key.fits(leaf, &what)?
        {
            return Err(Error(format!(
                "the key does not fit {what}: the certificate is for another public key, SHA-256 {}, the key's is {}",
                Key::of_certificate(leaf, &what)?,
                key.fingerprint()
            )));
        }
        let mut report = Report::default();
        if let Some(key) = key {
            let path = self.store.write(name, Kind::Key, key.private_pem().as_bytes(), replace)?;
            report = report.wrote("private key", &path);
        }
        let path = self.store.write(name, Kind::Certificate, chain_pem(&chain).as_bytes(), replace)?;
        report = report.wrote("certificate", &path);
        Ok(match chain.first() {
            Some(leaf) => report.described(leaf),
            None => report,
        })
    }

    /// Before anything is made: nothing of these is there, or it may be written over.
    fn free(&self, name: &str, kinds: &[Kind], replace: bool) -> Result<()> {
        for kind in kinds {
            let path = self.store.path(name, *kind)?;
            if path.exists() && !replace {
                return Err(Error(format!("{} is there already: take another name, or add --replace", path.display())));
            }
        }
        Ok(())
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
