//! Looking: show, list, verify, and what is taken back.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::steps::is_root;
use super::{Bench, Report, stem};
use crate::pki::name::written;
use crate::pki::pem::{self, Section};
use crate::pki::show::Node;
use crate::pki::store::Kind;
use crate::pki::verify::{self, Check};
use crate::pki::{Result, Use, error, show};

/// What a chain is verified against.
pub(super) struct Against<'a> {
    pub roots: &'a [String],
    pub between: &'a [String],
    pub crls: &'a [String],
    pub host: Option<&'a str>,
    pub usage: Use,
}

/// A tree as JSON: `{name, value, below}`.
pub(super) fn tree(node: &Node) -> Value {
    let mut value = json!({ "name": node.name, "value": node.value });
    if !node.below.is_empty() {
        value["below"] = node.below.iter().map(tree).collect();
    }
    value
}

impl Bench {
    pub(super) fn show(&self, name: &str) -> Result<Report> {
        // A name stands for all that is kept under it.
        let kept: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| self.store.has(name, *kind)).collect();
        let nodes = if kept.is_empty() {
            let (bytes, what) = self.fetch(name, Kind::Certificate)?;
            self.opened(&bytes, &what)?
        } else {
            kept.into_iter().map(|kind| self.nodes(name, kind)).collect::<Result<Vec<_>>>()?.concat()
        };
        let mut report = nodes.iter().flat_map(Node::lines).fold(Report::default(), Report::line);
        report.fields.insert("holds".into(), nodes.iter().map(tree).collect());
        Ok(report)
    }

    /// What a file says, a locked key opened where there is a passphrase.
    fn opened(&self, bytes: &[u8], what: &str) -> Result<Vec<Node>> {
        let mut nodes = show::file(bytes, what)?;
        let is_locked = pem::sections(bytes, what)?.iter().any(|section| matches!(section, Section::Encrypted(_)));
        if is_locked && self.passphrase()?.is_some() {
            let key = self.unlock(bytes, what)?;
            if let Some((last, own)) = nodes.last_mut().zip(show::private_key(&key)) {
                *last = own;
            }
        }
        Ok(nodes)
    }

    pub(super) fn list(&self) -> Result<Report> {
        let shelf = self.shelf()?;
        let mut report = Report::default().field("store", shelf.folder.clone());
        if shelf.entries.is_empty() {
            report = report.line(format!(
                "nothing is kept in {} yet: sockscope cert for localhost 127.0.0.1 makes a first certificate",
                shelf.folder
            ));
        }
        let mut entries = Vec::new();
        for entry in shelf.entries {
            let whose = if entry.names.is_empty() { entry.subject.clone() } else { entry.names.join(", ") };
            let end = match (entry.misfit, entry.revoked) {
                (true, _) => "KEY DOES NOT FIT",
                (_, true) => "REVOKED",
                _ => &entry.validity,
            };
            let about = [entry.role, &whose, end].into_iter().filter(|word| !word.is_empty());
            let about = about.collect::<Vec<_>>().join("  ");
            report = report.line(format!("{:<24} {:<16} {about}", entry.name, entry.kept.join(" ")));
            entries.push(json!({
                "name": entry.name, "kinds": entry.kept, "about": about, "role": entry.role, "key": entry.kind,
                "subject": entry.subject, "names": entry.names, "issuer": entry.issuer, "valid": entry.validity,
                "revoked": entry.revoked, "not_before": entry.not_before, "not_after": entry.not_after,
                "serial": entry.serial, "sha256": entry.sha256, "misfit": entry.misfit,
            }));
        }
        if shelf.more > 0 {
            report = report.line(format!("and {} more", shelf.more));
        }
        Ok(report.field("entries", entries))
    }

    pub(super) fn verify(&self, name: &str, against: &Against<'_>) -> Result<Report> {
        let chain = self.fetch_chain(name)?;
        let roots = match against.roots {
            [] => self.roots()?,
            names => self.chains(names)?,
        };
        if roots.is_empty() {
            return Err(error("there is no root to check against: name one with --roots"));
        }
        let crls = match against.crls {
            [] => self
                .store
                .list()?
                .into_iter()
                .filter(|(_, kinds)| kinds.contains(&Kind::Crl))
                .map(|(name, _)| name)
                .collect(),
            names => names.to_vec(),
        };
        let crls = crls.iter().map(|name| self.crl(name)).collect::<Result<Vec<_>>>()?;
        let between = self.chains(against.between)?;
        let check = Check {
            roots: &roots,
            between: &between,
            crls: &crls,
            name: against.host,
            usage: against.usage,
            now: self.now,
        };
        let path = verify::verify(&chain, &check)?;
        Ok(Report::default().line(format!("good: {}", path.join(" < "))).field("good", true).field("path", path))
    }

    fn chains(&self, names: &[String]) -> Result<Vec<CertificateDer<'static>>> {
        names.iter().map(|name| self.fetch_chain(name)).collect::<Result<Vec<_>>>().map(|all| all.concat())
    }

    /// Every self-signed CA of the store.
    pub(super) fn roots(&self) -> Result<Vec<CertificateDer<'static>>> {
        let names = self.store.list()?.into_iter().filter(|(_, kinds)| kinds.contains(&Kind::Certificate));
        let chains = names.filter_map(|(name, _)| self.fetch_chain(&name).ok());
        Ok(chains.flatten().filter(is_root).collect())
    }

    /// What one file of a name says.
    pub(super) fn nodes(&self, name: &str, kind: Kind) -> Result<Vec<Node>> {
        if kind == Kind::Pkcs12 {
            return Ok(vec![Node::new("PKCS#12", "(key and chain behind a passphrase)")]);
        }
        let (bytes, what) = self.fetch(name, kind)?;
        show::file(&bytes, &what)
    }

    pub(super) fn crl(&self, name: &str) -> Result<CertificateRevocationListDer<'static>> {
        let (bytes, what) = self.fetch(name, Kind::Crl)?;
        let found = pem::sections(&bytes, &what)?.into_iter().find_map(|section| match section {
            Section::Crl(der) => Some(der),
            _ => None,
        });
        found.ok_or_else(|| error(format!("{what} holds no revocation list (-----BEGIN X509 CRL-----)")))
    }

    pub(super) fn revoke(&self, name: &str) -> Result<Report> {
        let chain = self.fetch_chain(name)?;
        let broken = || error(format!("{name} is no certificate"));
        let leaf = chain.first().ok_or_else(broken)?;
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| broken())?;
        let (ca, authority) = self.issuer_of(&certificate)?;
        // The list is read and written anew: nobody else adds to it meanwhile.
        self.alone()?;
        let before = self.store.has(&ca, Kind::Crl).then(|| self.crl(&ca)).transpose()?;
        let before = before.as_ref().map(|der| der.as_ref());
        let (text, revoked) = authority
            .revoke(before, certificate.raw_serial(), self.now)
            .map_err(|cause| error(format!("{name}: {cause}")))?;
        let path = self.put(&ca, Kind::Crl, text.as_bytes(), true)?;
        Ok(Report::default().wrote("revoked in", &path).field("revoked", revoked))
    }

    /// The CA of the store that signed a certificate.
    fn issuer_of(&self, certificate: &X509Certificate<'_>) -> Result<(String, crate::pki::Authority)> {
        for (name, kinds) in self.store.list()? {
            if !kinds.contains(&Kind::Key) || !kinds.contains(&Kind::Certificate) {
                continue;
            }
            let Ok((authority, _)) = self.fetch_ca(&name) else { continue };
            let signed = X509Certificate::from_der(&authority.certificate)
                .is_ok_and(|(_, ca)| certificate.verify_signature(Some(ca.public_key())).is_ok());
            if signed {
                return Ok((name, authority));
            }
        }
        Err(error(format!(
            "its issuer {} is no CA of the store with its key: only who signed it can take it back",
            written(certificate.issuer())
        )))
    }

    pub(super) fn trust(&self, ca: &str) -> Result<Report> {
        let (bytes, path) = self.fetch(ca, Kind::Certificate)?;
        let chain = pem::certificates(&bytes, &path)?;
        let own = chain.first().and_then(|der| X509Certificate::from_der(der).ok()).map(|(_, own)| own);
        if let Some(own) = own.filter(|own| !own.is_ca()) {
            return Err(error(format!(
                "{ca} is no CA: {} is a certificate of its own, and what one trusts is the CA that signed it, {}",
                written(own.subject()),
                written(own.issuer())
            )));
        }
        let name: String =
            stem(ca).chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
        let file = path;
        let path = crate::model::workbench::quoted(&file);
        let ways = [
            (
                "Debian, Ubuntu",
                format!("sudo cp {path} /usr/local/share/ca-certificates/{name}.crt && sudo update-ca-certificates"),
            ),
            (
                "Fedora, RHEL",
                format!("sudo cp {path} /etc/pki/ca-trust/source/anchors/{name}.crt && sudo update-ca-trust"),
            ),
            (
                "macOS",
                format!("sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {path}"),
            ),
            ("Windows", format!("certutil -addstore -f ROOT {path}")),
            ("Firefox", "Settings, Privacy & Security, View Certificates, Authorities, Import".to_owned()),
            ("curl", format!("curl --cacert {path} https://localhost:8543/")),
            ("Node", format!("NODE_EXTRA_CA_CERTS={path} node app.js")),
            ("openssl", format!("openssl s_client -CAfile {path} -connect localhost:8443")),
        ];
        let intro =
            "Whoever has this CA's key can pretend to be anyone to who trusts it. Nothing is changed; to trust it:";
        let report = ways
            .iter()
            .fold(Report::default().line(intro), |report, (system, how)| report.line(format!("  {system:<15} {how}")));
        Ok(report
            .field("certificate", file)
            .field("ways", ways.iter().map(|(system, how)| json!({ "on": system, "how": how })).collect::<Vec<_>>()))
    }

    pub(super) fn private(&self, name: &str, yes: bool) -> Result<Report> {
        let key = self.fetch_key(name)?;
        if !yes {
            return Err(error(format!(
                "this would print the private key of {name}, and who reads it can pretend to be it: add --yes if that is meant"
            )));
        }
        Ok(Report::default().text(key.private_pem().trim_end()).field("pem", key.private_pem()))
    }
}
