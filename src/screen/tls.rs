//! TLS on a line and as a table: the two hellos, the steps between them, what was agreed on, and the chain.

use std::time::Duration;

use super::bytes::clean;
use super::facts::Row;
use crate::model::event::Way;
use crate::model::size;
use crate::model::starttls::{Starttls, Upgrade};
use crate::model::tls::{Answer, Certificate, Flight, Hello, Logged, Secured, Shown, Step};
use crate::model::url::Role;

/// Foreign names in a row.
pub fn list(names: &[Box<str>]) -> String {
    names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" ")
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.into()
}

/// What a client offered, most telling first.
pub fn offer(hello: &Hello) -> String {
    let mut parts = Vec::new();
    if hello.astray {
        parts.push("TLS on a plain port".into());
    }
    if hello.again {
        parts.push("again".into());
    }
    match &hello.server_name {
        Some(name) => parts.push(format!("SNI {}", clean(name))),
        None => parts.push("no SNI".into()),
    }
    if !hello.alpn.is_empty() {
        parts.push(format!("ALPN {}", list(&hello.alpn)));
    }
    let known: Vec<&str> = hello.versions.iter().filter_map(|name| name.strip_prefix("TLS ")).collect();
    if !known.is_empty() {
        parts.push(format!("TLS {}", clean(&known.join(" "))));
    }
    if hello.keys > 0 || hello.ticket > 0 {
        parts.push("wants to resume".into());
    }
    for (count, what) in [(hello.ciphers.len(), "cipher"), (hello.groups.len(), "group")] {
        parts.push(format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    }
    parts.join(", ")
}

/// What a server chose.
pub fn answer(answer: &Answer) -> String {
    let mut parts = Vec::new();
    if answer.retry {
        let group = answer.group.as_deref().map_or(String::new(), |group| format!(" with {}", clean(group)));
        parts.push(format!("retry: say hello again{group}"));
    }
    parts.push(clean(&answer.version).into_owned());
    if !answer.retry {
        parts.extend(answer.group.as_deref().map(|group| clean(group).into_owned()));
    }
    parts.push(clean(&answer.cipher).into_owned());
    parts.extend(answer.alpn.as_deref().map(|alpn| format!("ALPN {}", clean(alpn))));
    if answer.resumes {
        parts.push("resumes".into());
    }
    parts.join(", ")
}

/// The messages that crossed: their names, and their sizes where there is something in them.
pub fn flight(flight: &Flight) -> String {
    let step = |step: &Step| match (step.name, step.len) {
        // In every handshake, and never what one looks for.
        ("change_cipher_spec", _) => "ccs".into(),
        (name, 0) => name.to_owned(),
        (name, len) => format!("{name} {}", size::bytes(len.into())),
    };
    flight.steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// What lets the next handshake be short.
pub fn ticket(count: u16, lifetime: u32, bytes: u32) -> String {
    let many = if count == 1 { "1 ticket".into() } else { format!("{count} tickets") };
    format!("{many}, {}, good for {}", size::bytes(bytes.into()), lasting(lifetime))
}

/// Where plain text ended: by whose lines, and how much of it there was.
pub fn upgrade(upgrade: &Upgrade) -> String {
    let (by, role) = began(upgrade);
    let (received, sent) = (size::bytes(upgrade.received), size::bytes(upgrade.sent));
    format!("by {by} as {role}, plain {received} in {sent} out")
}

fn began(upgrade: &Upgrade) -> (&'static str, &'static str) {
    let by = if upgrade.by == Starttls::Off { "hand" } else { upgrade.by.name() };
    (by, if upgrade.role == Role::Listen { "server" } else { "client" })
}

/// Every field of an upgrade.
pub fn of_upgrade(upgrade: &Upgrade) -> Vec<Row> {
    let (by, role) = began(upgrade);
    vec![
        ("began by", by.into()),
        ("we are", format!("TLS's {role}")),
        ("plain in", format!("{} B", size::exact(upgrade.received))),
        ("plain out", format!("{} B", size::exact(upgrade.sent))),
        ("means", "what crosses from here on is TLS, on the same connection".into()),
    ]
}

/// Which secrets went to a file.
pub fn logged(logged: &Logged) -> String {
    let plural = if logged.labels.len() == 1 { "" } else { "s" };
    format!("{} secret{plural} to {}", logged.labels.len(), clean(&logged.file))
}

/// Every field of a key log's event.
pub fn of_logged(logged: &Logged) -> Vec<Row> {
    let mut facts = vec![("file", clean(&logged.file).into_owned())];
    facts.extend(rows("secrets", &logged.labels));
    facts.push(("means", "whoever has the file can read this connection, Wireshark and tshark too".into()));
    facts
}

fn lasting(seconds: u32) -> String {
    match seconds {
        0 => "as long as the client likes".into(),
        seconds => size::span(Duration::from_secs(seconds.into())),
    }
}

/// What both sides agreed on.
pub fn agreed(secured: &Secured) -> String {
    let mut parts = vec![secured.version.to_string()];
    parts.extend(secured.group.iter().map(|group| clean(group).into_owned()));
    parts.push(clean(&secured.cipher).into_owned());
    parts.extend(secured.alpn.iter().map(|alpn| format!("ALPN {}", clean(alpn))));
    parts.push(if secured.resumed { "resumed" } else { "full" }.into());
    parts.join(", ")
}

/// A list as rows, its name on the first.
fn rows<'a>(name: &'static str, values: &'a [Box<str>]) -> impl Iterator<Item = Row> + 'a {
    let none = values.is_empty().then(|| (name, "none".to_owned()));
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    none.into_iter().chain(names.zip(values).map(|(name, value)| (name, clean(value).into_owned())))
}

/// Every field of a client's hello.
pub fn of_hello(hello: &Hello) -> Vec<Row> {
    let mut facts = Vec::new();
    if hello.astray {
        facts.push(("means", "the peer speaks TLS, and this port does not".into()));
    }
    if hello.again {
        facts.push(("means", "the second hello, as the server asked".into()));
    }
    facts.push(("SNI", hello.server_name.as_deref().map_or("none".into(), |name| clean(name).into_owned())));
    facts.extend(rows("ALPN", &hello.alpn));
    facts.push(("versions", list(&hello.versions)));
    facts.extend(rows("groups", &hello.groups));
    facts.extend(rows("key shares", &hello.shares));
    facts.extend(rows("ciphers", &hello.ciphers));
    facts.extend(rows("signatures", &hello.schemes));
    facts.extend(rows("extensions", &hello.extensions));
    facts.push(("session id", format!("{} B", hello.session)));
    if hello.ticket > 0 {
        facts.push(("ticket", format!("{} B, to be resumed", size::exact(hello.ticket.into()))));
    }
    if hello.keys > 0 {
        facts.push(("resumes", format!("{} sessions offered", hello.keys)));
    }
    if hello.early {
        facts.push(("early data", "sent along with the hello".into()));
    }
    facts
}

/// Every field of a server's hello.
pub fn of_answer(answer: &Answer) -> Vec<Row> {
    let name = |name: &Option<Box<str>>| name.as_deref().map_or("none".into(), |name| clean(name).into_owned());
    let mut facts = Vec::new();
    if answer.retry {
        facts.push(("means", "HelloRetryRequest: the client is to say hello again, with a key of this group".into()));
    }
    facts.push(("version", clean(&answer.version).into_owned()));
    facts.push(("cipher", clean(&answer.cipher).into_owned()));
    facts.push(("group", name(&answer.group)));
    facts.push(("ALPN", name(&answer.alpn)));
    facts.push(("resumes", yes(answer.resumes)));
    facts.extend(rows("extensions", &answer.extensions));
    facts
}

/// Each step with its size.
pub fn of_flight(flight: &Flight) -> Vec<Row> {
    let who = if flight.way == Way::In { "from the peer" } else { "from us" };
    let mut facts = vec![
        ("who", who.to_owned()),
        ("since start", size::span(Duration::from_nanos(flight.since))),
        ("encrypted", yes(flight.sealed)),
    ];
    let names = std::iter::once("steps").chain(std::iter::repeat(""));
    let steps = flight.steps.iter().map(|step| {
        let clear = if flight.sealed && !step.sealed { ", in the clear" } else { "" };
        format!("{}, {} B{clear}", step.name, size::exact(step.len.into()))
    });
    facts.extend(names.zip(steps));
    facts
}

/// Every field of a ticket's event.
pub fn of_ticket(way: Way, count: u16, lifetime: u32, bytes: u32) -> Vec<Row> {
    vec![
        ("tickets", count.to_string()),
        ("size", format!("{} B in all", size::exact(bytes.into()))),
        ("good for", lasting(lifetime)),
        ("who", super::detail::by(way.party()).into()),
        ("means", "the client may resume this session with a shorter handshake".into()),
    ]
}

/// An alert, and what it says to whoever gets it.
pub fn of_alert(way: Way, name: &'static str) -> Vec<Row> {
    let mut facts = vec![("alert", name.to_owned()), ("who", super::detail::by(way.party()).into())];
    facts.extend(alert_means(name).map(|means| ("means", means.to_owned())));
    facts
}

/// Whether an alert judges a certificate.
pub fn is_about_certificates(alert: &str) -> bool {
    alert == "unknown_ca" || alert.contains("certificate")
}

/// What an alert says, in words.
pub fn alert_means(name: &str) -> Option<&'static str> {
    ALERTS.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// RFC 8446 section 6.
const ALERTS: &[(&str, &str)] = &[
    ("close_notify", "nothing more will be sent; what came is whole"),
    ("unexpected_message", "a message that has no place here"),
    ("bad_record_mac", "a record could not be decrypted, or was changed on its way"),
    ("record_overflow", "a record is longer than allowed"),
    ("handshake_failure", "no parameters that both sides take"),
    ("bad_certificate", "the certificate is broken or its signature is wrong"),
    ("unsupported_certificate", "the certificate is of a kind that is not taken"),
    ("certificate_revoked", "the certificate was revoked"),
    ("certificate_expired", "the certificate is not valid now"),
    ("certificate_unknown", "the certificate is not acceptable"),
    ("illegal_parameter", "a field has a value it must not have"),
    ("unknown_ca", "the certificate leads to no CA that is trusted"),
    ("access_denied", "the certificate is good, and its owner is not let in"),
    ("decode_error", "a message could not be read"),
    ("decrypt_error", "a signature or a Finished did not check out"),
    ("protocol_version", "the version is known and not taken"),
    ("insufficient_security", "better ciphers are required"),
    ("internal_error", "trouble that is not the other side's fault"),
    ("inappropriate_fallback", "a retry with an older version than need be"),
    ("user_canceled", "somebody gave up"),
    ("missing_extension", "an extension that is required is not there"),
    ("unsupported_extension", "an extension that was not offered"),
    ("unrecognized_name", "no server of that name (SNI)"),
    ("unknown_psk_identity", "no key of that name"),
    ("certificate_required", "a client certificate is required"),
    ("no_application_protocol", "no ALPN protocol in common"),
];

/// Every field of what was agreed on, and the peer's chain.
pub fn of_secured(secured: &Secured) -> Vec<Row> {
    let name = |name: &Option<Box<str>>| name.as_deref().map_or("none".into(), |name| clean(name).into_owned());
    let mut facts = vec![
        ("version", secured.version.into()),
        ("cipher", clean(&secured.cipher).into_owned()),
        ("group", name(&secured.group)),
        ("ALPN", name(&secured.alpn)),
        ("handshake", if secured.resumed { "resumed" } else { "full" }.into()),
        ("took", size::span(Duration::from_nanos(secured.took))),
    ];
    facts.push((
        "peer",
        match (secured.verified, &secured.objection) {
            (Some(true), _) => "its certificate is good".into(),
            (Some(false), Some(why)) => format!("its certificate is not good, and was let pass: {}", clean(why)),
            (Some(false), None) => "its certificate was not checked".into(),
            (None, _) => "showed no certificate".into(),
        },
    ));
    for (nth, certificate) in secured.chain.iter().enumerate() {
        facts.extend(of_certificate(nth, certificate));
    }
    facts
}

/// What a listener shows: where it is from, whose it is, for which names, and its fingerprint's head.
pub fn shown(shown: &Shown) -> String {
    let certificate = &shown.certificate;
    let mut parts = vec![clean(&shown.source).into_owned(), clean(&certificate.subject).into_owned()];
    parts.extend(shown.asked.as_deref().map(|name| format!("made for {}", clean(name))));
    let names = list(&certificate.names);
    parts.push(if names.is_empty() { "for no name".into() } else { format!("for {names}") });
    parts.push(format!("SHA-256 {}…", certificate.fingerprint.get(..16).unwrap_or_default()));
    parts.join(", ")
}

/// The certificate a listener shows, whole.
pub fn of_shown(shown: &Shown) -> Vec<Row> {
    let mut facts = vec![("source", clean(&shown.source).into_owned())];
    if shown.is_bad {
        facts.push(("means", "bad on purpose: a client that checks will refuse it".into()));
    }
    facts.extend(shown.asked.as_deref().map(|name| ("made for", clean(name).into_owned())));
    facts.push(("behind it", format!("{} certificates of its chain", shown.behind)));
    facts.extend(of_certificate(0, &shown.certificate));
    facts
}

fn of_certificate(nth: usize, certificate: &Certificate) -> Vec<Row> {
    let said = |text: &str| clean(text).into_owned();
    let title = if nth == 0 { "certificate" } else { "signed by" };
    let mut facts = vec![
        (title, said(&certificate.subject)),
        ("  issuer", said(&certificate.issuer)),
        ("  valid", format!("{} to {}", said(&certificate.valid.0), said(&certificate.valid.1))),
        ("  key", said(&certificate.key)),
        ("  serial", said(&certificate.serial)),
        ("  SHA-256", said(&certificate.fingerprint)),
    ];
    if !certificate.names.is_empty() {
        facts.insert(1, ("  names", list(&certificate.names)));
    }
    if certificate.is_ca {
        facts.push(("  CA", "yes".into()));
    }
    facts
}
