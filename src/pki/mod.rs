//! Keys, certificate requests, CAs and certificates: made, read, checked and kept, each step by itself.
//!
//! Knows the model's sizes and nothing else of the program: no endpoint, no screen. What time it is comes
//! as an argument, so that every answer is a function of what was asked. Every error is one sentence that
//! says what was found and what was expected.

pub mod authority;
pub mod gallery;
pub mod key;
pub mod local;
pub mod name;
pub mod noise;
pub mod pair;
pub mod pem;
pub mod pkcs12;
pub mod request;
pub mod show;
pub mod store;
pub mod trust;
pub mod verify;

pub use self::authority::{Authority, Lifetime, Serial, Use};
pub use self::key::{Algorithm, Key};
pub use self::pair::Pair;
pub use self::request::{KeyUsage, Request};
pub use self::store::Store;
pub use self::trust::Trust;

/// What was wrong and what would be right, as a sentence; and whether there is a way on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(pub String, pub Cause);

/// Why, where whoever asked can go on from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    #[default]
    Wrong,
    /// There is one already: say that it is to be replaced.
    Taken,
    /// A passphrase is missing.
    Locked,
    /// Nothing went wrong: a chain was looked at, and is bad.
    Verdict,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

pub(crate) fn error(text: impl Into<String>) -> Error {
    Error(text.into(), Cause::Wrong)
}

pub type Result<T> = std::result::Result<T, Error>;

/// Seconds since 1970 in UTC.
pub type Now = time::OffsetDateTime;

/// A moment as one reads it: `2026-11-22 12:00:00 UTC`.
pub fn date(at: Now) -> String {
    let (hour, minute, second) = at.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
}

/// A SHA-256 fingerprint as people compare it: `AB:CD:...`.
pub fn fingerprint(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let pairs: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
