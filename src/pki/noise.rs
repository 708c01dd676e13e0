//! Every reader of the workbench as a function of any bytes: no panic, and where it refuses, a sentence. Fuzzing
//! drives them (`fuzz`), and property tests with good files that were damaged (`tests/readers.rs`).

use super::pem::Section;
use super::verify::{Check, verify};
use super::{Key, Request, Result, Use, name, pem, show};

/// What stands for the file's name.
const WHAT: &str = "some.pem";

/// Takes any bytes.
pub type Reader = fn(&[u8]);

pub const READERS: &[(&str, Reader)] = &[
    ("pki_pem", |bytes| sentence(pem::sections(bytes, WHAT))),
    ("pki_key", |bytes| sentence(Key::unlock(bytes, WHAT, Some("swordfish")))),
    ("pki_request", |bytes| sentence(Request::read(bytes, WHAT))),
    ("pki_show", |bytes| sentence(show::file(bytes, WHAT))),
    ("pki_verify", chain),
    ("pki_name", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        sentence(name::subject(&text));
        sentence(name::alternative(&text));
    }),
];

/// The bytes as a chain: good against its own certificates, or bad for a reason.
fn chain(bytes: &[u8]) {
    let Ok(chain) = pem::certificates(bytes, WHAT) else { return };
    let crls: Vec<_> = pem::sections(bytes, WHAT)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|section| match section {
            Section::Crl(der) => Some(der),
            _ => None,
        })
        .collect();
    let now = time::macros::datetime!(2026-11-22 12:00 UTC);
    for usage in Use::ALL {
        let check = Check { roots: &chain, between: &chain, crls: &crls, name: Some("a.test"), usage, now };
        sentence(verify(&chain, &check));
    }
}

fn sentence<T>(result: Result<T>) {
    if let Err(error) = result {
        assert!(error.0.contains(' '), "{:?} is no sentence", error.0);
    }
}
