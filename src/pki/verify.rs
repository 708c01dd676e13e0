//! Whether a chain is good, and if not, why, in words a person can act on (RFC 5280 section 6, RFC 9525).

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, RevocationOptionsBuilder, anchor_from_trusted_cert};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer, GeneralName, X509Certificate};

use super::authority::parse;
use super::name::{escaped, written};
use super::{Cause, Error, Now, Result, Use, date, error};
use crate::model::workbench::Standing;

/// What a chain is checked against.
pub struct Check<'a> {
    pub roots: &'a [CertificateDer<'static>],
    /// Certificates that may stand between; the chain's own are used too.
    pub between: &'a [CertificateDer<'static>],
    pub crls: &'a [CertificateRevocationListDer<'static>],
    /// The name a client would ask for; not checked if left out.
    pub name: Option<&'a str>,
    pub usage: Use,
    pub now: Now,
}

/// That a chain is bad: which certificate, what about it, what would be right.
fn verdict(text: impl Into<String>) -> Error {
    Error(text.into(), Cause::Verdict)
}

/// The subjects from the leaf to the root, where the chain is good.
///
/// # Errors
/// Why it is not, with [`Cause::Verdict`]; or, with another, why it could not be looked at.
pub fn verify(chain: &[CertificateDer<'static>], check: &Check<'_>) -> Result<Vec<String>> {
    let (leaf, rest) = chain.split_first().ok_or_else(|| error("there is no certificate to verify"))?;
    in_order(chain)?;
    let all: Vec<_> = chain.iter().chain(check.between).collect();
    for der in &all {
        let (_, certificate) = parse(der, "a certificate of the chain")?;
        in_time(&certificate, check.now)?;
    }
    let (_, parsed) = parse(leaf, "the certificate")?;
    let self_signed = parsed.subject() == parsed.issuer();
    let anchors: Vec<TrustAnchor<'_>> = check
        .roots
        .iter()
        .map(|der| anchor_from_trusted_cert(der).map_err(|_| error("a root is no certificate that can be trusted")))
        .collect::<Result<_>>()?;
    let between: Vec<CertificateDer<'_>> = rest.iter().chain(check.between).cloned().collect();
    let end = EndEntityCert::try_from(leaf).map_err(|cause| reason(&cause, &parsed, &between, check))?;
    if let Some(name) = check.name {
        let wanted =
            ServerName::try_from(name).map_err(|_| error(format!("\"{name}\" is no DNS name and no IP address")))?;
        end.verify_is_valid_for_subject_name(&wanted).map_err(|_| not_for(name, &parsed))?;
    }
    let usage = |usage| {
        let lists: Vec<webpki::CertRevocationList<'_>> = check
            .crls
            .iter()
            .map(|der| webpki::BorrowedCertRevocationList::from_der(der).map(Into::into))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| error("a revocation list is broken (RFC 5280 section 5)"))?;
        let lists: Vec<_> = lists.iter().collect();
        // A CA without a list has taken nothing back.
        let revocation = RevocationOptionsBuilder::new(&lists)
            .ok()
            .map(|builder| builder.with_status_policy(webpki::UnknownStatusPolicy::Allow).build());
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            u64::try_from(check.now.unix_timestamp()).unwrap_or(0),
        ));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let path =
            end.verify_for_usage(algorithms, &anchors, &between, time, usage, revocation, None).map_err(|cause| {
                match cause {
                    // A leaf that is its own root: whoever trusts it has said so.
                    webpki::Error::UnknownIssuer if self_signed => self_signed_error(&parsed),
                    cause => reason(&cause, &parsed, &between, check),
                }
            })?;
        let mut subjects = vec![written(parsed.subject())];
        let mut below = 0;
        for between in path.intermediate_certificates() {
            let der = between.der();
            let (_, between) = parse(&der, "a certificate")?;
            // One that a CA made for itself takes no room (RFC 5280 section 6.1.4 l).
            below += u32::from(between.subject() != between.issuer());
            subjects.push(written(between.subject()));
        }
        let (own, key) = (&path.anchor().subject, &path.anchor().subject_public_key_info);
        let same = |anchor: &TrustAnchor<'_>| anchor.subject == *own && anchor.subject_public_key_info == *key;
        let roots = check.roots.iter().zip(&anchors).filter(|(_, anchor)| same(anchor)).map(|(der, _)| der);
        // One that was renewed is there twice: any that allows it will do.
        let mut outcome = Ok(());
        for der in roots {
            let (_, root) = parse(der, "a root")?;
            outcome = allows(&root, below).and_then(|()| in_time(&root, check.now));
            if outcome.is_ok() {
                subjects.push(written(root.subject()));
                break;
            }
        }
        outcome.map(|()| subjects)
    };
    match check.usage {
        Use::Server => usage(KeyUsage::server_auth()),
        Use::Client => usage(KeyUsage::client_auth()),
        Use::Both => usage(KeyUsage::server_auth()).and_then(|_| usage(KeyUsage::client_auth())),
    }
}

/// What a root says of itself is for whoever trusts it too; webpki looks at its name and key alone.
fn allows(root: &X509Certificate<'_>, below: u32) -> Result<()> {
    let path = root.basic_constraints().ok().flatten().and_then(|basic| basic.value.path_len_constraint);
    match path.filter(|path| below > *path) {
        None => Ok(()),
        Some(path) => Err(verdict(format!(
            "path length constraint exceeded: {} allows {path} CAs between itself and a leaf, and here are {below}",
            written(root.subject())
        ))),
    }
}

/// How a certificate stands in time, and in words: `74 days left`, `expired 3 days ago`.
pub fn standing(certificate: &X509Certificate<'_>, now: Now) -> (Standing, String) {
    /// What is left when one should begin to think of the next one.
    const SOON: i64 = 30 * 86_400;
    /// What was made for 90 days a moment ago has 90 left.
    const SLACK: i64 = 60;
    let (from, to) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let now = now.unix_timestamp();
    match now {
        _ if now > to => (Standing::Expired, format!("expired {} ago", span(now - to))),
        _ if now < from => (Standing::Early, format!("valid in {}", span(from - now))),
        _ if to - now <= SOON => (Standing::Soon, format!("{} left", span(to - now + SLACK))),
        _ => (Standing::Good, format!("{} left", span(to - now + SLACK))),
    }
}

/// Whether a CA is valid now, and so may sign.
///
/// # Errors
/// It is over, or not yet: then somebody's clock is off.
pub fn current(der: &CertificateDer<'_>, now: Now) -> Result<()> {
    in_time(&parse(der, "the CA")?.1, now)
}

/// Whether the first certificate of a chain is its leaf, and each is followed by its issuer (RFC 5246 section
/// 7.4.2). Several roots are no chain, and in any order.
///
/// # Errors
/// It is not: which one is where, and which should be.
pub fn in_order(chain: &[CertificateDer<'_>]) -> Result<()> {
    let parsed: Vec<_> = chain.iter().filter_map(|der| parse(der, "").ok()).map(|(_, parsed)| parsed).collect();
    let Some(first) = parsed.first() else { return Ok(()) };
    if parsed.iter().all(|one| one.is_ca() && one.subject() == one.issuer()) {
        return Ok(());
    }
    match parsed.iter().position(|other| !other.is_ca()).filter(|_| first.is_ca()) {
        None => linked(&parsed),
        Some(at) => Err(verdict(format!(
            "the chain is in the wrong order: it begins with {}, a CA, and its leaf {} is number {}; the leaf comes \
             first, then each one's issuer",
            written(first.subject()),
            written(parsed[at].subject()),
            at + 1
        ))),
    }
}

fn linked(chain: &[X509Certificate<'_>]) -> Result<()> {
    for (at, pair) in chain.windows(2).enumerate() {
        if pair[0].issuer() != pair[1].subject() {
            return Err(verdict(format!(
                "the chain is in the wrong order: behind {} at place {} stands {}; expected there is {}, which signed it, \
                 or nothing",
                written(pair[0].subject()),
                at + 1,
                written(pair[1].subject()),
                written(pair[0].issuer())
            )));
        }
    }
    Ok(())
}

fn in_time(certificate: &X509Certificate<'_>, now: Now) -> Result<()> {
    let subject = written(certificate.subject());
    let (from, to) = (certificate.validity().not_before, certificate.validity().not_after);
    let now = now.unix_timestamp();
    if now > to.timestamp() {
        let ago = span(now - to.timestamp());
        return Err(verdict(format!("{subject} expired {ago} ago ({})", date(to.to_datetime()))));
    }
    if now < from.timestamp() {
        let ahead = span(from.timestamp() - now);
        return Err(verdict(format!(
            "{subject} is not valid before {}, in {ahead}: it was made for later, or a clock is off",
            date(from.to_datetime())
        )));
    }
    Ok(())
}

/// `3 days`, `2 hours`, `40 seconds`.
pub fn span(seconds: i64) -> String {
    let (n, unit) = match seconds {
        // Two years and more: the days do not matter.
        63_072_000.. => (seconds / 31_536_000, "year"),
        86_400.. => (seconds / 86_400, "day"),
        3_600.. => (seconds / 3_600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

fn not_for(name: &str, certificate: &X509Certificate<'_>) -> Error {
    let names = names(certificate);
    if names.is_empty() {
        return verdict(format!(
            "name {name} is not in the certificate: it has no subject alternative names, and clients do not look at the common name (RFC 9525)"
        ));
    }
    verdict(format!("name {name} is not among: {}", names.join(", ")))
}

/// The DNS names and addresses it is for.
pub fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(escaped(name, ",\\")),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        GeneralName::URI(uri) => Some(escaped(uri, ",\\")),
        GeneralName::RFC822Name(name) => Some(escaped(name, ",\\")),
        _ => None,
    });
    names.collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn self_signed_error(certificate: &X509Certificate<'_>) -> Error {
    verdict(format!(
        "{} signed itself and is not among the given roots: nobody vouches for it; add it to the roots to trust it",
        written(certificate.subject())
    ))
}

fn reason(cause: &webpki::Error, leaf: &X509Certificate<'_>, above: &[CertificateDer<'_>], check: &Check<'_>) -> Error {
    use webpki::Error as E;
    let (subject, issuer) = (written(leaf.subject()), written(leaf.issuer()));
    verdict(match cause {
        E::UnknownIssuer => format!(
            "{subject} is issued by {}, which is not in the given roots, nor is a chain from there to one of the {} roots: \
             an intermediate is missing or the root is another",
            issuer,
            check.roots.len()
        ),
        E::CertRevoked => format!("{} was revoked by its issuer", revoked(leaf, above, check).unwrap_or(subject)),
        E::UnsupportedCriticalExtension => {
            unknown(leaf, above).unwrap_or_else(|| format!("{subject} is not good: {cause}"))
        }
        E::CaUsedAsEndEntity => format!("{subject} is a CA, and a CA is no server's or client's own certificate"),
        E::EndEntityUsedAsCa => {
            format!("a certificate above {subject} is no CA (its basic constraints do not say CA:TRUE)")
        }
        E::PathLenConstraintViolated => {
            format!("a CA above {subject} may not have so many CAs below it (its path length)")
        }
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => {
            format!("{subject} is not for use as {}: its extended key usage says something else", role(check.usage))
        }
        E::InvalidSignatureForPublicKey => {
            format!(
                "the signature on {subject} or on a CA above it is wrong: {} did not sign it, though it bears that name",
                issuer
            )
        }
        E::NameConstraintViolation => {
            format!("a CA above {subject} may not sign for these names (its name constraints)")
        }
        E::UnsupportedCertVersion => format!("{subject} is an X.509 version 1 certificate: only version 3 is accepted"),
        E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            format!("{subject} or a CA above it is signed in a way that is not accepted any more (such as SHA-1)")
        }
        cause => format!("{subject} is not good: {cause}"),
    })
}

/// Which of them is on a list of its issuer's.
fn revoked(leaf: &X509Certificate<'_>, above: &[CertificateDer<'_>], check: &Check<'_>) -> Option<String> {
    let is_listed = |one: &X509Certificate<'_>| {
        check.crls.iter().any(|der| {
            CertificateRevocationList::from_der(der).is_ok_and(|(_, list)| {
                list.issuer() == one.issuer()
                    && list.iter_revoked_certificates().any(|other| other.raw_serial() == one.raw_serial())
            })
        })
    };
    first(leaf, above, |one| is_listed(one).then(|| written(one.subject())))
}

/// The critical extension that nobody here understands (RFC 5280 section 4.2).
fn unknown(leaf: &X509Certificate<'_>, above: &[CertificateDer<'_>]) -> Option<String> {
    first(leaf, above, |one| {
        let odd = one.extensions().iter().find(|extension| {
            extension.critical && matches!(extension.parsed_extension(), ParsedExtension::UnsupportedExtension { .. })
        })?;
        Some(format!(
            "{} has the critical extension {}, which is not known here: who does not know it must refuse the certificate \
             (RFC 5280 section 4.2)",
            written(one.subject()),
            odd.oid
        ))
    })
}

/// The first answer of the leaf or of one above it.
fn first(
    leaf: &X509Certificate<'_>,
    above: &[CertificateDer<'_>],
    ask: impl Fn(&X509Certificate<'_>) -> Option<String>,
) -> Option<String> {
    ask(leaf).or_else(|| above.iter().find_map(|der| ask(&parse(der, "").ok()?.1)))
}

fn role(usage: Use) -> &'static str {
    match usage {
        Use::Server => "a server",
        Use::Client => "a client",
        Use::Both => "a server and a client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::authority::Charter;
    use crate::pki::request::Wish;
    use crate::pki::{Algorithm, Authority, Key, Lifetime, Request};
    use time::macros::datetime;

    const NOW: Now = datetime!(2026-11-22 12:00 UTC);

    fn key() -> Key {
        Key::generate(Algorithm::P256).unwrap()
    }

    fn charter(subject: &str, path: Option<u8>) -> Charter {
        Charter { subject: subject.into(), lifetime: Lifetime::days(NOW, 365).unwrap(), path }
    }

    fn leaf(ca: &Authority, names: &[&str], usage: Use) -> CertificateDer<'static> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let request =
            Request::make(&key(), &Wish { subject: "CN=leaf".into(), names, usage, ..Wish::default() }).unwrap();
        ca.sign(&request, Some(usage), Lifetime::days(NOW, 90).unwrap()).unwrap()
    }

    fn check<'a>(roots: &'a [CertificateDer<'static>], name: &'a str) -> Check<'a> {
        Check { roots, between: &[], crls: &[], name: Some(name), usage: Use::Server, now: NOW }
    }

    #[test]
    fn a_good_chain_is_told_from_leaf_to_root() {
        let root = Authority::root(key(), &charter("CN=Root", Some(1))).unwrap();
        let below = root.intermediate(key(), &charter("CN=Below", Some(0))).unwrap();
        let leaf = leaf(&below, &["a.test", "127.0.0.1"], Use::Server);
        let roots = [root.certificate.clone()];
        let chain = [leaf, below.certificate.clone()];
        for name in ["a.test", "127.0.0.1"] {
            assert_eq!(verify(&chain, &check(&roots, name)).unwrap(), ["CN=leaf", "CN=Below", "CN=Root"]);
        }
        let missing = verify(&chain[..1], &check(&roots, "a.test")).unwrap_err().0;
        assert!(missing.contains("issued by CN=Below, which is not in the given roots"), "{missing}");
    }

    #[test]
    fn why_it_is_bad_is_said() {
        let root = Authority::root(key(), &charter("CN=Root", None)).unwrap();
        let other = Authority::root(key(), &charter("CN=Other", None)).unwrap();
        let chain = [leaf(&root, &["b.test", "127.0.0.1"], Use::Server)];
        let roots = [root.certificate.clone()];
        let said = |check: &Check<'_>| verify(&chain, check).unwrap_err().0;
        let good = || check(&roots, "b.test");
        assert!(said(&check(&roots, "a.test")).contains("name a.test is not among: b.test, 127.0.0.1"));
        let late = said(&Check { now: NOW + time::Duration::days(93), ..good() });
        assert!(late.starts_with("CN=leaf expired 3 days ago"), "{late}");
        let early = said(&Check { now: NOW - time::Duration::days(2), ..good() });
        assert!(early.contains("not valid before") && early.contains("in 1 day"), "{early}");
        let others = [other.certificate.clone()];
        assert!(said(&check(&others, "b.test")).contains("issued by CN=Root, which is not in the given roots"));
        assert!(said(&Check { usage: Use::Client, ..good() }).contains("not for use as a client"));
        let alone = [root.certificate.clone()];
        let own = verify(&alone, &Check { name: None, ..check(&others, "") }).unwrap_err().0;
        assert!(own.contains("signed itself") || own.contains("is a CA"), "{own}");
    }

    #[test]
    fn what_was_taken_back_is_bad() {
        let root = Authority::root(key(), &charter("CN=Root", None)).unwrap();
        let chain = [leaf(&root, &["a.test"], Use::Server)];
        let serial = parse(&chain[0], "leaf").unwrap().1.raw_serial().to_vec();
        let roots = [root.certificate.clone()];
        for (serial, bad) in [(serial, true), (vec![1, 2, 3], false)] {
            let list = root.crl(&[crate::pki::authority::Revoked { serial, at: NOW }], 1, NOW).unwrap();
            let crl = crate::pki::pem::sections(list.as_bytes(), "a.crl").unwrap().into_iter().find_map(|section| {
                match section {
                    crate::pki::pem::Section::Crl(crl) => Some(crl),
                    _ => None,
                }
            });
            let crls = [crl.unwrap()];
            let outcome = verify(&chain, &Check { crls: &crls, ..check(&roots, "a.test") });
            assert_eq!(outcome.is_err(), bad, "{outcome:?}");
            assert!(!bad || outcome.unwrap_err().0.contains("revoked by its issuer"));
        }
    }
}
