//! Why a handshake failed, with what both sides offered: the sentence a person needs.

use super::alert::{CA_AS_CLIENT, CA_AS_SERVER, leads_nowhere};
use super::choice::{cipher, group};
use super::records::{Seen, spoken};
use crate::model::draft::escape;
use crate::model::end::{Fault, Party};
use crate::model::event::Way;
use crate::model::handshake::{Handshake, Terms};
use crate::model::tls::Hello;
use crate::model::url::Role;

/// What we offer, or accept.
pub struct Ours<'a> {
    pub provider: &'a rustls::crypto::CryptoProvider,
    pub versions: &'a [&'a str],
    pub alpn: &'a [Vec<u8>],
    /// What our certificate is for.
    pub names: &'a [String],
    /// What its key signs with.
    pub schemes: &'a [String],
}

/// Of one list so many are named.
const NAMED: usize = 6;
/// The peer's first bytes that are shown.
const SAID: usize = 16;

/// A handshake's fault, told with what the records showed: the alert as it crossed, the peer's plain text,
/// and what was offered where nothing was in common.
pub fn told(fault: Fault, seen: &Seen, ours: &Ours<'_>) -> Fault {
    let Fault::Tls { alert, text } = fault else { return fault };
    let story = seen.story();
    if let Some(first) = &story.first {
        let who = spoken(first).map_or_else(|| "in plain text".into(), |name| format!("{name} in plain text"));
        let said = escape(&first[..first.len().min(SAID)]);
        let text = format!("the peer speaks {who} and we speak TLS; it said \"{said}\"");
        return Fault::Tls { alert: None, text: text.into() };
    }
    if story.echoed {
        let text = "the peer sends our own hello back: it speaks no TLS, and echoes what it gets";
        return Fault::Tls { alert: None, text: text.into() };
    }
    let alert = match (alert, story.alerts) {
        // What crossed is the truth.
        (Some((Party::Peer, _)), [Some(name), _]) => Some((Party::Peer, name)),
        (Some((Party::Us, _)), [_, Some(name)]) => Some((Party::Us, name)),
        (None, [_, Some(name)]) if name != "close_notify" => Some((Party::Us, name)),
        (alert, _) => alert,
    };
    let offers = match (alert, story.handshake.hello()) {
        (Some((_, name)), Some(hello)) if is_about_offers(name) => offers(name, hello, ours),
        (Some((Party::Peer, name)), Some(hello)) if name.contains("certificate") || name == "unknown_ca" => {
            stranger(hello, ours)
        }
        _ => String::new(),
    };
    Fault::Tls { alert, text: format!("{}{offers}", particular(text, alert, &story.handshake)).into() }
}

/// A sentence with what this handshake has shown: the peer's certificates, which side we are, the version.
fn particular(text: Box<str>, alert: Option<(Party, &'static str)>, handshake: &Handshake) -> String {
    let is_old = || handshake.answer().is_some_and(|answer| &*answer.version == "TLS 1.2");
    match alert {
        Some((Party::Us, "unknown_ca")) => match leads_nowhere(&handshake.chains[Way::In as usize]) {
            Some(where_to) => format!("its certificate is not good: {where_to}"),
            None => text.into(),
        },
        Some((Party::Us, "certificate_required")) if is_old() => {
            format!("{text}; the alert is of TLS 1.3 alone (RFC 8446 section 6.2): a client of TLS 1.2 may not know it")
        }
        _ if handshake.role == Role::Listen => text.replace(CA_AS_SERVER, CA_AS_CLIENT),
        _ => text.into(),
    }
}

/// A client that asked for a name our certificate does not have, and then did not like it.
fn stranger(hello: &Hello, ours: &Ours<'_>) -> String {
    let asked = hello.server_name.as_deref().filter(|_| hello.way == Way::In);
    let foreign = asked.filter(|name| !ours.names.iter().any(|ours| ours.eq_ignore_ascii_case(name)));
    foreign.map_or_else(String::new, |name| {
        format!("; it asked for the name {name}, and our certificate is for {}", ours.names.join(" "))
    })
}

/// Alerts that mean: nothing in common.
fn is_about_offers(name: &str) -> bool {
    matches!(
        name,
        "handshake_failure"
            | "insufficient_security"
            | "protocol_version"
            | "no_application_protocol"
            | "unrecognized_name"
            | "missing_extension"
    )
}

/// The peer's offer and ours, of what the alert is about. A client's hello is the whole of its offer; of a
/// server one knows no more than that it did not take any of it.
fn offers(alert: &str, hello: &Hello, ours: &Ours<'_>) -> String {
    let who = if hello.way == Way::In { "it offers" } else { "we offered" };
    let is_ours = hello.way == Way::Out;
    let terms = ours.terms();
    let mut parts = Vec::new();
    let mut part = |what: &str, offered: &[Box<str>], have: &[Box<str>]| {
        // Of the server that refused us nothing is known; of a client, what we have as well is not the trouble.
        if !is_ours && offered.iter().any(|name| have.contains(name)) {
            return;
        }
        let offered = if offered.is_empty() { "none".into() } else { list(offered) };
        let have = if is_ours { String::new() } else { format!(", we have {}", list(have)) };
        parts.push(format!("{what}: {who} {offered}{have}"));
    };
    match alert {
        "protocol_version" => part("versions", &hello.versions, &terms.versions),
        "no_application_protocol" => part("ALPN", &hello.alpn, &terms.alpn),
        "unrecognized_name" => {
            return format!("; {who} the name {}", hello.server_name.as_deref().unwrap_or("none"));
        }
        _ => {
            part("versions", &hello.versions, &terms.versions);
            part("ciphers", &hello.ciphers, &terms.ciphers);
            part("groups", &hello.groups, &terms.groups);
            part("signatures", &hello.schemes, &terms.schemes);
        }
    }
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join("; ")) }
}

impl Ours<'_> {
    /// What a listener of ours takes.
    pub fn terms(&self) -> Terms {
        let text = |names: Vec<String>| names.into_iter().map(String::into_boxed_str).collect();
        Terms {
            versions: self.versions.iter().map(|name| (*name).into()).collect(),
            ciphers: text(self.provider.cipher_suites.iter().map(|suite| cipher(*suite)).collect()),
            groups: text(self.provider.kx_groups.iter().map(|known| group(*known)).collect()),
            schemes: text(self.schemes.to_vec()),
            alpn: self.alpn.iter().map(|name| String::from_utf8_lossy(name).into()).collect(),
        }
    }
}

fn list<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
    if names.len() > NAMED {
        text += &format!(" and {} more", names.len() - NAMED);
    }
    text
}
