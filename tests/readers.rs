//! The workbench's readers against any bytes, and against good files with a few bytes changed: no panic, always a
//! sentence. The same functions are fuzzed (`fuzz/`).

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;
use sockscope::pki::authority::{Charter, Revoked};
use sockscope::pki::request::Wish;
use sockscope::pki::{Algorithm, Authority, Key, Lifetime, Request, Use, noise, pem};
use time::macros::datetime;

/// An Ed25519 key behind the passphrase `swordfish`, with few rounds: PBES2, AES-256-CBC, HMAC-SHA256.
const LOCKED: &str = include_str!("files/locked.key");

/// A good file of each kind, PEM and DER.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let now = datetime!(2026-11-22 12:00 UTC);
        let key = || Key::generate(Algorithm::P256).unwrap();
        let charter = |subject: &str, path| Charter {
            subject: subject.into(),
            lifetime: Lifetime::days(now, 365).unwrap(),
            path: Some(path),
        };
        let root = Authority::root(key(), &charter("CN=Root, O=Org, C=DE", 1)).unwrap();
        let below = root.intermediate(key(), &charter("CN=Below", 0)).unwrap();
        let own = key();
        let names = ["a.test", "*.b.test", "127.0.0.1", "::1", "https://a.test/x", "me@a.test"];
        let names = names.map(str::to_owned).to_vec();
        let wish =
            Wish { subject: "CN=a.test, emailAddress=me@a.test".into(), names, usage: Use::Both, ..Wish::default() };
        let request = Request::make(&own, &wish).unwrap();
        let leaf = below.sign(&request, Some(Use::Both), Lifetime::days(now, 90).unwrap()).unwrap();
        let crl = below.crl(&[Revoked { serial: vec![1, 2, 3], at: now }], 7, now).unwrap();
        let chain = [&leaf, &below.certificate, &root.certificate].map(|der| pem::write("CERTIFICATE", der)).concat();
        let rsa = Key::generate(Algorithm::Rsa2048).unwrap();
        let edwards = Key::generate(Algorithm::Ed25519).unwrap();
        let mut all = vec![leaf.to_vec(), root.certificate.to_vec(), request.der.to_vec(), own.public_der()];
        let texts = [chain + &crl, crl.clone(), own.private_pem(), rsa.private_pem(), edwards.private_pem()];
        for text in texts.into_iter().chain([own.public_pem(), request.pem(), LOCKED.to_owned()]) {
            all.extend(pem_der(&text));
            all.push(text.into_bytes());
        }
        all
    })
}

/// The DER of a text's first section.
fn pem_der(text: &str) -> Option<Vec<u8>> {
    ::pem::parse(text).ok().map(::pem::Pem::into_contents)
}

#[test]
fn every_good_file_is_read() {
    assert!(samples().len() >= 20);
    for sample in samples() {
        assert!(pem::sections(sample, "x").is_ok());
        noise::READERS.iter().for_each(|(_, read)| read(sample));
    }
    assert!(Key::unlock(LOCKED.as_bytes(), "x", Some("swordfish")).is_ok());
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<u8>(), 0u8..4);
    (any::<Index>(), prop::collection::vec(change, 1..6), any::<Index>(), any::<bool>()).prop_map(
        |(which, changes, end, cut)| {
            let mut bytes = which.get(samples()).clone();
            for (at, byte, how) in changes {
                let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
                match how {
                    0 if !bytes.is_empty() => drop(bytes.remove(at)),
                    1 => bytes.insert(at, byte),
                    _ if !bytes.is_empty() => bytes[at] = byte,
                    _ => {}
                }
            }
            if cut {
                bytes.truncate(end.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn damaged_files_never_panic(bytes in damaged()) {
        noise::READERS.iter().for_each(|(_, read)| read(&bytes));
    }

    #[test]
    fn damaged_der_in_good_pem_never_panics(bytes in damaged(), label in prop::sample::select(vec![
        "CERTIFICATE", "CERTIFICATE REQUEST", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "X509 CRL",
        "ENCRYPTED PRIVATE KEY",
    ])) {
        let text = pem::write(label, &bytes);
        noise::READERS.iter().for_each(|(_, read)| read(text.as_bytes()));
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        noise::READERS.iter().for_each(|(_, read)| read(&bytes));
    }
}
