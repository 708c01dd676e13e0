//! What a certificate, a request, a key or a list says, as a tree of names and values.

use rustls::pki_types::CertificateDer;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, FromDer, SubjectPublicKeyInfo, X509Certificate, X509Extension};
use x509_parser::public_key::PublicKey;

use super::name::{escaped, written};
use super::pem::{self, Section};
use super::{Key, Result, date, error, fingerprint, request as csr};

/// One line of the tree, with what is below it. Names come from files and peers: show them escaped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Node {
    pub name: String,
    pub value: String,
    pub below: Vec<Node>,
}

impl Node {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), below: Vec::new() }
    }

    fn with(mut self, below: impl IntoIterator<Item = Self>) -> Self {
        self.below.extend(below);
        self
    }

    /// The tree as lines, two blanks for each level.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.write(0, &mut lines);
        lines
    }

    fn write(&self, level: usize, lines: &mut Vec<String>) {
        let gap = if self.value.is_empty() { "" } else { ": " };
        lines.push(format!("{:width$}{}{gap}{}", "", self.name, self.value, width = 2 * level));
        for node in &self.below {
            node.write(level + 1, lines);
        }
    }
}

/// Everything a file holds.
///
/// # Errors
/// It is neither PEM nor DER of anything known.
pub fn file(bytes: &[u8], what: &str) -> Result<Vec<Node>> {
    pem::sections(bytes, what)?.iter().map(|section| section_node(section, what)).collect()
}

fn section_node(section: &Section, what: &str) -> Result<Node> {
    let broken = || error(format!("{} in {what} is broken DER", section.name()));
    Ok(match section {
        Section::Certificate(der) => certificate(der).ok_or_else(broken)?,
        Section::Request(der) => {
            let (_, request) = X509CertificationRequest::from_der(der).map_err(|_| broken())?;
            let fault = csr::fault(&request);
            Node::new("certificate request", written(&request.certification_request_info.subject))
                .with([
                    Node::new("signature", fault.unwrap_or_else(|| "good: whoever made it has the key".into())),
                    public_key(&request.certification_request_info.subject_pki),
                ])
                .with(request.requested_extensions().into_iter().flatten().filter_map(parsed))
        }
        Section::Key(_) => {
            let key = match section {
                Section::Key(der) => Key::from_der(der, what)?,
                _ => return Err(broken()),
            };
            private_key(&key).ok_or_else(broken)?
        }
        Section::Public(der) => {
            let (_, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| broken())?;
            public_key(&info)
        }
        Section::Crl(der) => {
            let (_, list) = CertificateRevocationList::from_der(der).map_err(|_| broken())?;
            let revoked = list.iter_revoked_certificates().map(|one| {
                Node::new(
                    "revoked",
                    format!("{} on {}", hex(one.raw_serial()), date(one.revocation_date.to_datetime())),
                )
            });
            Node::new("revocation list", written(list.issuer()))
                .with([Node::new("this update", date(list.last_update().to_datetime()))])
                .with(list.next_update().map(|time| Node::new("next update", date(time.to_datetime()))))
                .with(revoked)
        }
        Section::Encrypted(_) => Node::new("private key", "(encrypted: its passphrase is needed to read it)"),
    })
}

/// Of a private key only what is public is shown.
pub fn private_key(key: &Key) -> Option<Node> {
    let spki = key.public_der();
    let (_, info) = SubjectPublicKeyInfo::from_der(&spki).ok()?;
    Some(Node::new("private key", "(not shown)").with([public_key(&info)]))
}

/// One certificate.
pub fn certificate(der: &CertificateDer<'_>) -> Option<Node> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(
        Node::new("certificate", written(certificate.subject()))
            .with([
                Node::new("issuer", written(certificate.issuer())),
                Node::new(
                    "valid",
                    format!(
                        "{} to {}",
                        date(validity.not_before.to_datetime()),
                        date(validity.not_after.to_datetime())
                    ),
                ),
                Node::new("serial", hex(certificate.raw_serial())),
                public_key(certificate.public_key()),
            ])
            .with(certificate.extensions().iter().filter_map(extension))
            .with([Node::new("SHA-256", fingerprint(der))]),
    )
}

fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Node {
    Node::new("public key", kind(info)).with([Node::new("SHA-256", fingerprint(info.raw))])
}

/// Elliptic curves by their object identifiers.
const CURVES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
];

/// What kind of key it is: `RSA 2048 bit`, `ECDSA P-256`, `Ed25519`.
pub fn kind(info: &SubjectPublicKeyInfo<'_>) -> String {
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {} bit", key.key_size()),
        // Curves of one size are not one curve (RFC 5480 section 2.1.1.1).
        Ok(PublicKey::EC(_)) => match info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok()) {
            Some(curve) => {
                let curve = curve.to_id_string();
                let known = CURVES.iter().find(|row| row.0 == curve);
                known.map_or_else(|| format!("EC curve {curve}"), |row| format!("ECDSA {}", row.1))
            }
            None => "EC with a curve of its own".into(),
        },
        _ if info.algorithm.algorithm.to_id_string() == "1.2.840.113549.1.1.10" => "RSA-PSS".into(),
        _ if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".into(),
        _ => format!("algorithm {}", info.algorithm.algorithm),
    }
}

fn extension(extension: &X509Extension<'_>) -> Option<Node> {
    parsed(extension.parsed_extension()).map(|mut node| {
        if extension.critical {
            node.name.push_str(" (critical)");
        }
        node
    })
}

fn parsed(extension: &ParsedExtension<'_>) -> Option<Node> {
    Some(match extension {
        ParsedExtension::SubjectAlternativeName(names) => {
            let names: Vec<_> = names.general_names.iter().map(general).collect();
            Node::new("names", names.join(", "))
        }
        ParsedExtension::BasicConstraints(basic) => {
            let path = basic.path_len_constraint.map(|n| format!(", path length {n}")).unwrap_or_default();
            Node::new("CA", if basic.ca { format!("yes{path}") } else { "no".into() })
        }
        ParsedExtension::KeyUsage(usage) => Node::new("key usage", usage.to_string()),
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let known = [
                (usage.any, "any"),
                (usage.server_auth, "server"),
                (usage.client_auth, "client"),
                (usage.code_signing, "code signing"),
                (usage.email_protection, "email"),
                (usage.time_stamping, "time stamping"),
                (usage.ocsp_signing, "OCSP signing"),
            ];
            let mut words: Vec<String> = known.iter().filter(|row| row.0).map(|row| row.1.to_owned()).collect();
            words.extend(usage.other.iter().map(ToString::to_string));
            Node::new("for use as", words.join(", "))
        }
        ParsedExtension::SubjectKeyIdentifier(id) => Node::new("subject key id", hex(id.0)),
        ParsedExtension::AuthorityKeyIdentifier(id) => {
            Node::new("authority key id", id.key_identifier.as_ref().map(|id| hex(id.0))?)
        }
        ParsedExtension::UnsupportedExtension { oid } => Node::new("extension", oid.to_string()),
        _ => return None,
    })
}

fn general(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{}", escaped(name, ",\\")),
        GeneralName::URI(uri) => format!("URI:{}", escaped(uri, ",\\")),
        GeneralName::RFC822Name(name) => format!("email:{}", escaped(name, ",\\")),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .map(std::net::Ipv4Addr::from)
                .map(|ip| format!("IP:{ip}"))
                .unwrap_or_default(),
            16 => <[u8; 16]>::try_from(*bytes)
                .map(std::net::Ipv6Addr::from)
                .map(|ip| format!("IP:{ip}"))
                .unwrap_or_default(),
            _ => format!("IP:{}", hex(bytes)),
        },
        GeneralName::DirectoryName(name) => format!("dirName:{}", written(name)),
        other => escaped(&other.to_string(), ",\\"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Algorithm;
    use proptest::prelude::*;

    #[test]
    fn a_private_key_is_never_shown() {
        let key = Key::generate(Algorithm::Ed25519).unwrap();
        let nodes = file(key.private_pem().as_bytes(), "a.key").unwrap();
        let text = nodes[0].lines().join("\n");
        assert!(text.contains("private key: (not shown)") && text.contains("public key: Ed25519"), "{text}");
        assert!(text.contains(&key.fingerprint()), "{text}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = file(&bytes, "x");
            let _ = file(pem::write("CERTIFICATE", &bytes).as_bytes(), "x");
            let _ = file(pem::write("CERTIFICATE REQUEST", &bytes).as_bytes(), "x");
        }
    }
}
