//! The gallery of bad certificates: each good in all but one thing, to see how a client takes that.

use rcgen::{CertificateParams, IsCa};
use time::Duration;

use super::authority::Charter;
use super::local::{Local, request};
use super::{Algorithm, Authority, Key, Lifetime, Now, Pair, Result, Use, error, name};
use crate::model::setting::tls::Flaw;

/// The name of the one for another host.
const ELSEWHERE: &str = "wrong.test";

/// A certificate by `ca` for `names` with this flaw. One that is to be revoked is good until the CA says so.
///
/// # Errors
/// A name is none, or the CA may not sign what is asked for.
pub fn make(flaw: Flaw, ca: &Local, names: &[String], now: Now) -> Result<Pair> {
    let key = Key::generate(Algorithm::default())?;
    let signed = |by: &Authority, usage, lifetime| by.sign(&request(&key, names)?, Some(usage), lifetime);
    let behind = |leaf| std::iter::once(leaf).chain(ca.between.iter().cloned()).collect();
    // Under a month each: no CA that is good now ends before that, but one in its last days.
    let month = Lifetime::days(now, 30)?;
    let chain = match flaw {
        Flaw::Expired => {
            let past = Lifetime { from: now - Duration::days(31), to: now - Duration::days(1) };
            behind(signed(&ca.authority, Use::Server, past)?)
        }
        Flaw::Early => {
            let ahead = Lifetime { from: now + Duration::days(7), to: now + Duration::days(37) };
            behind(signed(&ca.authority, Use::Server, ahead)?)
        }
        Flaw::Name => ca.leaf(&key, &[ELSEWHERE.to_owned()], now)?,
        Flaw::Revoked => ca.leaf(&key, names, now)?,
        Flaw::Usage => behind(signed(&ca.authority, Use::Client, month)?),
        Flaw::SelfSigned => vec![self_signed(&key, names, month)?],
        Flaw::UnknownCa => {
            let subject = "CN=a CA that nobody knows".to_owned();
            let unknown = Authority::root(Key::generate(Algorithm::default())?, &charter(subject, now, None)?)?;
            let leaf = signed(&unknown, Use::Server, month)?;
            vec![leaf, unknown.certificate]
        }
        Flaw::Intermediate => {
            let subject = "CN=an intermediate that is not shown".to_owned();
            let below =
                ca.authority.intermediate(Key::generate(Algorithm::default())?, &charter(subject, now, Some(0))?)?;
            vec![signed(&below, Use::Server, month)?]
        }
    };
    Ok(Pair::made(chain, &key))
}

fn charter(subject: String, now: Now, path: Option<u8>) -> Result<Charter> {
    Ok(Charter { subject, lifetime: Lifetime::days(now, 60)?, path })
}

fn self_signed(key: &Key, names: &[String], lifetime: Lifetime) -> Result<rustls::pki_types::CertificateDer<'static>> {
    let mut params = CertificateParams::default();
    let common = names.first().map_or("localhost", String::as_str);
    params.distinguished_name = name::subject(common)?;
    params.subject_alt_names = names.iter().map(|name| name::alternative(name)).collect::<Result<_>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = Use::Server.purposes();
    (params.not_before, params.not_after) = (lifetime.from, lifetime.to);
    let made = params.self_signed(&key.pair);
    made.map(|made| made.der().clone()).map_err(|cause| error(format!("no certificate could be made: {cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::pem::{Section, sections};
    use crate::pki::verify::{Check, verify};
    use crate::pki::{Store, local};
    use time::macros::datetime;

    const NOW: Now = datetime!(2026-11-22 12:00 UTC);

    #[test]
    fn each_is_bad_in_the_one_way_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let (ca, _) = local::standing(&store, NOW).unwrap();
        let roots = [ca.authority.certificate.clone()];
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let wants = |flaw| match flaw {
            Flaw::Expired => "expired 1 day ago",
            Flaw::Early => "is not valid before",
            Flaw::Name => "name localhost is not among: wrong.test",
            Flaw::SelfSigned => "signed itself",
            Flaw::UnknownCa => "issued by CN=a CA that nobody knows, which is not in the given roots",
            Flaw::Intermediate => "issued by CN=an intermediate that is not shown, which is not in the given roots",
            Flaw::Usage => "not for use as a server",
            Flaw::Revoked => "was revoked by its issuer",
        };
        for flaw in Flaw::ALL {
            let (pair, lists) = if flaw == Flaw::Revoked {
                let (pair, path) = local::revoked(&store, &ca, &names, NOW).unwrap();
                (pair, sections(&std::fs::read(path).unwrap(), "ca.crl").unwrap())
            } else {
                (make(flaw, &ca, &names, NOW).unwrap(), Vec::new())
            };
            let crls: Vec<_> = lists
                .into_iter()
                .filter_map(|section| match section {
                    Section::Crl(der) => Some(der),
                    _ => None,
                })
                .collect();
            let check = Check {
                roots: &roots,
                between: &[],
                crls: &crls,
                name: Some("localhost"),
                usage: Use::Server,
                now: NOW,
            };
            let said = verify(&pair.chain, &check).unwrap_err().0;
            assert!(said.contains(wants(flaw)), "{flaw:?}: {said}");
        }
    }
}
