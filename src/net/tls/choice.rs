//! What settings choose of the handshake itself, as rustls takes it: versions, cipher suites, groups.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::kx_group;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use super::identity::amiss;
use crate::model::end::Fault;
use crate::model::setting::tls::{Tls, Versions};

/// Every group that is spoken; those in use by default are the provider's.
static GROUPS: [&dyn SupportedKxGroup; 7] = [
    kx_group::X25519MLKEM768,
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
    kx_group::SECP256R1MLKEM768,
    kx_group::MLKEM768,
    kx_group::MLKEM1024,
];

/// Its name in the IANA registry.
pub fn cipher(suite: SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

pub fn group(group: &dyn SupportedKxGroup) -> String {
    format!("{:?}", group.name())
}

static TWO: [&SupportedProtocolVersion; 1] = [&version::TLS12];
static THREE: [&SupportedProtocolVersion; 1] = [&version::TLS13];

pub fn versions(tls: &Tls) -> &'static [&'static SupportedProtocolVersion] {
    match tls.versions {
        Versions::Both => rustls::ALL_VERSIONS,
        Versions::Two => &TWO,
        Versions::Three => &THREE,
    }
}

/// The provider with what is chosen of it.
///
/// # Errors
/// Nothing that is chosen goes with a version that is.
pub fn provider(all: &Arc<CryptoProvider>, tls: &Tls) -> Result<Arc<CryptoProvider>, Fault> {
    if tls.ciphers.is_empty() && tls.groups.is_empty() {
        return Ok(Arc::clone(all));
    }
    let mut provider = CryptoProvider::clone(all);
    if !tls.ciphers.is_empty() {
        let find = |name: &&str| all.cipher_suites.iter().find(|suite| cipher(**suite) == **name).copied();
        provider.cipher_suites = tls.ciphers.iter().filter_map(find).collect();
    }
    if !tls.groups.is_empty() {
        let find = |name: &&str| GROUPS.iter().find(|known| group(**known) == **name).copied();
        provider.kx_groups = tls.groups.iter().filter_map(find).collect();
    }
    let spoken = |suite: &SupportedCipherSuite| versions(tls).iter().any(|version| **version == *suite.version());
    if !provider.cipher_suites.iter().any(spoken) {
        let (ciphers, versions) = (tls.ciphers.join(" "), tls.versions.list().join(" and "));
        let text = format!("{ciphers}: none of them is of {versions}, which is what versions has");
        return Err(amiss("ciphers", text));
    }
    Ok(Arc::new(provider))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::setting::tls;

    #[test]
    fn the_settings_names_are_those_of_the_provider() {
        let all = rustls::crypto::aws_lc_rs::default_provider();
        let ciphers: Vec<_> = all.cipher_suites.iter().map(|suite| cipher(*suite)).collect();
        assert_eq!(ciphers, tls::CIPHERS);
        assert_eq!(GROUPS.map(group).to_vec(), tls::GROUPS);
        let used: Vec<_> = all.kx_groups.iter().map(|known| group(*known)).collect();
        assert_eq!(used, tls::GROUPS[..used.len()]);
    }

    #[test]
    fn what_is_chosen_is_what_is_left_in_its_order() {
        let all = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut chosen = Tls { ciphers: vec![tls::CIPHERS[2], tls::CIPHERS[0]], ..Tls::default() };
        chosen.groups = vec!["secp384r1", "X25519"];
        let provider_of = provider(&all, &chosen).unwrap();
        let ciphers: Vec<_> = provider_of.cipher_suites.iter().map(|suite| cipher(*suite)).collect();
        assert_eq!(ciphers, [tls::CIPHERS[2], tls::CIPHERS[0]]);
        let groups: Vec<_> = provider_of.kx_groups.iter().map(|known| group(*known)).collect();
        assert_eq!(groups, ["secp384r1", "X25519"]);
        chosen.versions = Versions::Two;
        let said = provider(&all, &chosen).unwrap_err().to_string();
        assert!(said.contains("none of them is of TLS 1.2"), "{said}");
    }
}
