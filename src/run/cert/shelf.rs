//! The store as a list: what is under each name, as the command line prints it and the screen draws it.

use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{CertificateRevocationList, FromDer, SubjectPublicKeyInfo, X509Certificate};

use super::Bench;
use super::steps::is_root;
use crate::model::workbench::{Entry, Line, Shelf};
use crate::pki::name::written;
use crate::pki::pem::{self, Section};
use crate::pki::show::{self, Node};
use crate::pki::store::Kind;
use crate::pki::{Result, verify};

/// Names at the most: who keeps more looks them up by name.
const MOST: usize = 500;

impl Bench {
    /// Every name of the store with what is kept under it. A file that cannot be read says so in its tree.
    pub(super) fn shelf(&self) -> Result<Shelf> {
        let all = self.store.list()?;
        let lists: Vec<_> = all
            .iter()
            .filter(|(_, kinds)| kinds.contains(&Kind::Crl))
            .filter_map(|(name, _)| self.crl(name).ok())
            .collect();
        let more = all.len().saturating_sub(MOST);
        let entries = all.into_iter().take(MOST).map(|(name, kinds)| self.entry(name, &kinds, &lists)).collect();
        Ok(Shelf { folder: self.store.root().display().to_string(), entries, more, ..Shelf::default() })
    }

    /// Whether the key that can be read is another than the certificate's.
    fn is_misfit(&self, name: &str) -> bool {
        let key = self.fetch(name, Kind::Key).and_then(|(bytes, what)| crate::pki::Key::read(&bytes, &what));
        let fits = self.fetch_chain(name).and_then(|chain| match (key, chain.first()) {
            (Ok(key), Some(leaf)) => key.fits(leaf, name),
            _ => Ok(true),
        });
        fits.is_ok_and(|fits| !fits)
    }

    fn entry(&self, name: String, kinds: &[Kind], lists: &[CertificateRevocationListDer<'_>]) -> Entry {
        let mut entry = Entry { kept: kinds.iter().map(|kind| kind.extension()).collect(), ..Entry::default() };
        let mut described = false;
        for kind in [Kind::Certificate, Kind::Request, Kind::Key, Kind::Public, Kind::Crl, Kind::Pkcs12] {
            if !kinds.contains(&kind) {
                continue;
            }
            match self.nodes(&name, kind) {
                Ok(nodes) => nodes.iter().for_each(|node| lines(node, 0, &mut entry.tree)),
                Err(error) => entry.tree.push(Line { level: 0, name: kind.extension().into(), value: error.0 }),
            }
            if !described && let Ok((bytes, what)) = self.fetch(&name, kind) {
                described = describe(&mut entry, kind, &bytes, &what, lists, self.now);
            }
        }
        if kinds.contains(&Kind::Key) && kinds.contains(&Kind::Certificate) {
            entry.misfit = self.is_misfit(&name);
        }
        if entry.misfit {
            let value = "does not fit the certificate: it is another one's".to_owned();
            entry.tree.insert(0, Line { level: 0, name: "key".into(), value });
        }
        Entry { name, ..entry }
    }
}

/// A moment for programs (RFC 3339).
fn stamp(at: crate::pki::Now) -> String {
    let (hour, minute, second) = at.time().as_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.date())
}

fn lines(node: &Node, level: u8, out: &mut Vec<Line>) {
    out.push(Line { level, name: node.name.clone(), value: node.value.clone() });
    node.below.iter().for_each(|below| lines(below, level.saturating_add(1), out));
}

/// What the list says of a name, from the file that tells most. Whether it could be read.
fn describe(
    entry: &mut Entry,
    kind: Kind,
    bytes: &[u8],
    what: &str,
    lists: &[CertificateRevocationListDer<'_>],
    now: crate::pki::Now,
) -> bool {
    entry.role = match kind {
        Kind::Certificate => "broken",
        Kind::Request => "request",
        Kind::Key => "key",
        Kind::Public => "public",
        Kind::Crl => "CRL",
        Kind::Pkcs12 => "PKCS#12",
    };
    match kind {
        Kind::Certificate => certificate(entry, bytes, what, lists, now).is_some(),
        Kind::Request => {
            let request =
                pem::sections(bytes, what).unwrap_or_default().into_iter().find_map(|section| match section {
                    Section::Request(der) => Some(der),
                    _ => None,
                });
            let Some((_, request)) = request.as_ref().and_then(|der| X509CertificationRequest::from_der(der).ok())
            else {
                return false;
            };
            entry.subject = written(&request.certification_request_info.subject);
            entry.kind = show::kind(&request.certification_request_info.subject_pki);
            true
        }
        Kind::Key => {
            // An encrypted one stays closed for a list.
            if let Ok(key) = crate::pki::Key::read(bytes, what)
                && let Ok((_, info)) = SubjectPublicKeyInfo::from_der(&key.public_der())
            {
                entry.kind = show::kind(&info);
            }
            true
        }
        Kind::Public | Kind::Crl | Kind::Pkcs12 => true,
    }
}

fn certificate(
    entry: &mut Entry,
    bytes: &[u8],
    what: &str,
    lists: &[CertificateRevocationListDer<'_>],
    now: crate::pki::Now,
) -> Option<()> {
    let chain = pem::certificates(bytes, what).ok()?;
    let der = chain.first()?;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let usage = certificate.extended_key_usage().ok().flatten().map(|usage| usage.value);
    let usage = usage.map(|usage| (usage.server_auth || usage.any, usage.client_auth || usage.any));
    entry.is_ca = certificate.is_ca();
    entry.role = match (entry.is_ca, usage) {
        (true, _) if is_root(der) => "root CA",
        (true, _) => "CA",
        (false, Some((true, true))) => "both",
        (false, Some((false, true))) => "client",
        (false, Some((true, false))) => "server",
        (false, _) => "leaf",
    };
    entry.subject = written(certificate.subject());
    entry.issuer = written(certificate.issuer());
    entry.not_before = stamp(certificate.validity().not_before.to_datetime());
    entry.not_after = stamp(certificate.validity().not_after.to_datetime());
    (entry.serial, entry.sha256) = (show::hex(certificate.raw_serial()), crate::pki::fingerprint(der));
    entry.names = verify::names(&certificate);
    entry.kind = show::kind(certificate.public_key());
    (entry.standing, entry.validity) = verify::standing(&certificate, now);
    entry.revoked = lists.iter().any(|list| {
        CertificateRevocationList::from_der(list).is_ok_and(|(_, list)| {
            list.issuer() == certificate.issuer()
                && list.iter_revoked_certificates().any(|one| one.raw_serial() == certificate.raw_serial())
        })
    });
    Some(())
}
