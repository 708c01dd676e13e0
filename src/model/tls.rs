//! What the two sides of a TLS handshake said and agreed on (RFC 8446, RFC 5246), as plain data.
//!
//! Names are those of the RFCs and the IANA registries; what no registry knows is its number in
//! hexadecimal, and a value reserved to keep peers tolerant is `GREASE` (RFC 8701).

use super::event::Way;

/// What a TLS client offered (RFC 8446 section 4.1.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// In: a client speaks to our listener. Out: our client speaks.
    pub way: Way,
    pub server_name: Option<Box<str>>,
    pub alpn: Vec<Box<str>>,
    /// `TLS 1.3`, as they were offered: best first.
    pub versions: Vec<Box<str>>,
    pub ciphers: Vec<Box<str>>,
    pub groups: Vec<Box<str>>,
    /// The groups a key came along for (TLS 1.3): no round trip more if the server takes one of them.
    pub shares: Vec<Box<str>>,
    /// Signature schemes.
    pub schemes: Vec<Box<str>>,
    /// Extensions by name, in the order of the wire.
    pub extensions: Vec<Box<str>>,
    /// Bytes of the session id; TLS 1.3 sends a random one for old middle boxes.
    pub session: u8,
    /// Bytes of a TLS 1.2 session ticket (RFC 5077) that is to be resumed.
    pub ticket: u16,
    /// TLS 1.3 sessions it wants to resume (`pre_shared_key`).
    pub keys: u16,
    /// It sends data along with the hello (0-RTT).
    pub early: bool,
    /// The second one, after a server's HelloRetryRequest.
    pub again: bool,
    /// It came to a port that does not speak TLS.
    pub astray: bool,
}

impl Default for Hello {
    fn default() -> Self {
        Self {
            way: Way::In,
            server_name: None,
            alpn: Vec::new(),
            versions: Vec::new(),
            ciphers: Vec::new(),
            groups: Vec::new(),
            shares: Vec::new(),
            schemes: Vec::new(),
            extensions: Vec::new(),
            session: 0,
            ticket: 0,
            keys: 0,
            early: false,
            again: false,
            astray: false,
        }
    }
}

/// What a TLS server chose (RFC 8446 section 4.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub way: Way,
    pub version: Box<str>,
    pub cipher: Box<str>,
    /// TLS 1.3: the group of its key, or the one it asks a key for.
    pub group: Option<Box<str>>,
    /// TLS 1.2; TLS 1.3 says it encrypted.
    pub alpn: Option<Box<str>>,
    pub extensions: Vec<Box<str>>,
    /// A HelloRetryRequest: the client is to say hello again.
    pub retry: bool,
    /// It takes the session the client wants to resume.
    pub resumes: bool,
}

/// Handshake messages that crossed together in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flight {
    pub way: Way,
    /// Some of it was encrypted, and is known because the keys are ours.
    pub sealed: bool,
    /// Nanoseconds since the handshake's first byte.
    pub since: u64,
    pub steps: Vec<Step>,
}

/// One handshake message, or a change of ciphers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// RFC 8446 section 4, RFC 5246 section 7.4: `certificate`, `finished`.
    pub name: &'static str,
    /// Its body's bytes.
    pub len: u32,
    /// It crossed encrypted: `change_cipher_spec` never does.
    pub sealed: bool,
}

/// A record as it crossed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its type's number, from 20 on.
    pub kind: u8,
    /// Bytes of its body.
    pub len: u16,
}

/// Record types by number (RFC 8446 section 5.1, RFC 6520 for the last), from 20 on.
pub const RECORDS: [&str; 5] = ["change_cipher_spec", "alert", "handshake", "application_data", "heartbeat"];

impl Record {
    pub fn name(self) -> &'static str {
        RECORDS.get(usize::from(self.kind.wrapping_sub(20))).copied().unwrap_or("unknown")
    }
}

/// Secrets of a connection that were appended to a key log. The secrets themselves are only there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logged {
    pub file: Box<str>,
    /// `CLIENT_RANDOM`, `SERVER_TRAFFIC_SECRET_0`, as they were written.
    pub labels: Vec<Box<str>>,
}

/// What both sides of a TLS handshake agreed on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Secured {
    pub version: &'static str,
    pub cipher: Box<str>,
    pub group: Option<Box<str>>,
    pub alpn: Option<Box<str>>,
    pub resumed: bool,
    /// Nanoseconds from the first byte of the handshake to its end.
    pub took: u64,
    /// The peer's certificate was checked and is good; `None` if it showed none.
    pub verified: Option<bool>,
    /// What speaks against the peer's certificate.
    pub objection: Option<Box<str>>,
    /// The peer's certificates, its own first.
    pub chain: Vec<Certificate>,
}

/// What a listener shows to whoever connects from here on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// The value of the setting, or what stands for it: `session`, `sni`, `bad:expired`, `localhost`.
    pub source: Box<str>,
    /// It is bad on purpose.
    pub is_bad: bool,
    /// The name a client asked for, where it was made for that.
    pub asked: Option<Box<str>>,
    /// The certificates that stand behind it.
    pub behind: usize,
    pub certificate: Certificate,
}

/// What a certificate says (RFC 5280), for a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Certificate {
    pub subject: Box<str>,
    pub issuer: Box<str>,
    /// Subject alternative names.
    pub names: Vec<Box<str>>,
    /// From and until, RFC 3339 dates in UTC.
    pub valid: (Box<str>, Box<str>),
    /// `EC P-256`, `RSA 2048`.
    pub key: Box<str>,
    pub serial: Box<str>,
    pub is_ca: bool,
    /// SHA-256 of the whole certificate, in hexadecimal.
    pub fingerprint: Box<str>,
}

impl Certificate {
    /// How it stands with its time at a second since 1970, in words, and whether it is good.
    pub fn validity(&self, now: i64) -> (String, bool) {
        match (seconds(&self.valid.0), seconds(&self.valid.1)) {
            (_, Some(until)) if now > until => (format!("expired {} ago", lasting(now - until)), false),
            (Some(from), _) if now < from => (format!("not valid for {} yet", lasting(from - now)), false),
            (Some(_), Some(until)) => (format!("good for {} more", lasting(until - now)), true),
            _ => ("valid at no known time".into(), false),
        }
    }

    /// Whether one of its names is this one; a `*` stands for one label (RFC 9525 section 6.3).
    pub fn is_for(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        self.names.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => own.eq_ignore_ascii_case(name),
        })
    }
}

/// `3 days`, `2 hours`.
fn lasting(seconds: i64) -> String {
    let (n, unit) = match seconds {
        63_072_000.. => (seconds / 31_536_000, "years"),
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        _ => (seconds, "seconds"),
    };
    format!("{n} {}", if n == 1 { unit.trim_end_matches('s') } else { unit })
}

/// Seconds since 1970 of a date as certificates' are written here: `2026-11-22T21:03:56Z`, of the Gregorian calendar.
fn seconds(date: &str) -> Option<i64> {
    let (day, time) = date.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char| -> Option<[i64; 3]> {
        let parts = text.split(by).map(|part| part.parse::<u16>().ok().map(i64::from)).collect::<Option<Vec<_>>>()?;
        parts.try_into().ok()
    };
    let ([year, month, day], [hours, minutes, seconds]) = (numbers(day, '-')?, numbers(time, ':')?);
    // Years that begin in March end with the leap day: then days count up evenly.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = 365 * year + leaps + (153 * month + 2) / 5 + day - 719_469;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}
