//! A rustls error as a [`Fault`]: the alert's name from RFC 8446 section 6, who sent it, and why.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::records;
use crate::model::end::{Fault, Party};
use crate::model::tls::Certificate;
use crate::pki::verify::span;

/// What went wrong in TLS, as a value.
pub fn fault(error: &Error) -> Fault {
    let (alert, text): (Option<(Party, &'static str)>, String) = match error {
        Error::AlertReceived(alert) => (Some((Party::Peer, records::alert((*alert).into()))), meaning(*alert).into()),
        Error::InvalidCertificate(why) => (
            Some((Party::Us, certificate_alert(why))),
            format!("its certificate is not good: {}", certificate_text(why)),
        ),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (Some((Party::Us, "decode_error")), "what came is no TLS record; does the peer speak plain text?".into())
        }
        Error::InvalidMessage(why) => (Some((Party::Us, "decode_error")), format!("a malformed message: {why:?}")),
        Error::NoApplicationProtocol => {
            (Some((Party::Us, "no_application_protocol")), "no ALPN protocol in common".into())
        }
        Error::NoCertificatesPresented => (
            Some((Party::Us, "certificate_required")),
            "it showed no certificate, and client_auth = required wants one".into(),
        ),
        Error::PeerIncompatible(why) => incompatible(why),
        Error::PeerMisbehaved(why @ PeerMisbehaved::IllegalMiddleboxChangeCipherSpec) => {
            (Some((Party::Us, "unexpected_message")), format!("the peer misbehaved: {why:?}"))
        }
        Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => (
            Some((Party::Us, "illegal_parameter")),
            "the name it asks for (SNI) is no host name: RFC 6066 section 3 wants one, in full and without wildcards"
                .into(),
        ),
        Error::PeerMisbehaved(why) => (Some((Party::Us, "illegal_parameter")), format!("the peer misbehaved: {why:?}")),
        Error::DecryptError => (Some((Party::Us, "bad_record_mac")), "a record could not be decrypted".into()),
        other => (None, other.to_string()),
    };
    Fault::Tls { alert, text: text.into() }
}

/// rustls has TLS 1.2 and 1.3 with (elliptic curve or hybrid) Diffie-Hellman alone: say so where a peer wants more.
fn incompatible(why: &PeerIncompatible) -> (Option<(Party, &'static str)>, String) {
    let (alert, text) = match why {
        PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic => {
            ("protocol_version", "it speaks no version of TLS that is taken here".to_owned())
        }
        PeerIncompatible::NoKxGroupsInCommon => ("handshake_failure", "no group in common".to_owned()),
        PeerIncompatible::NoCipherSuitesInCommon => {
            ("handshake_failure", "no cipher suite in common; RSA key exchange is not spoken here".to_owned())
        }
        PeerIncompatible::NoSignatureSchemesInCommon => {
            ("handshake_failure", "no signature scheme in common for our certificate's key".to_owned())
        }
        other => ("handshake_failure", format!("nothing in common: {other:?}")),
    };
    (Some((Party::Us, alert)), text)
}

/// A CA's own certificate where one of its leaves is wanted: a client may trust it as it is, a listener takes none.
pub const CA_AS_SERVER: &str =
    "it is a CA's own certificate, shown as a server's; name it as ca = ... to trust it as it is";
pub const CA_AS_CLIENT: &str =
    "it is a CA's own certificate, shown as a client's; a client's own is wanted, which a CA of ca has signed";

/// Where a chain leads that leads to nobody who is trusted.
pub fn leads_nowhere(chain: &[Certificate]) -> Option<String> {
    let last = chain.last()?;
    Some(match (last.subject == last.issuer, chain.len()) {
        (true, 1) => format!("{} signed itself and is not among the roots that are trusted here", last.subject),
        (true, _) => format!("it leads to {}, which is not among the roots that are trusted here", last.subject),
        (false, _) => format!(
            "it is issued by {}, which is not among the roots that are trusted here, nor shown behind it",
            last.issuer
        ),
    })
}

/// What speaks against a certificate.
pub fn certificate_text(why: &CertificateError) -> String {
    let span = |from: UnixTime, to: UnixTime| span(i64::try_from(to.as_secs().abs_diff(from.as_secs())).unwrap_or(0));
    match why {
        CertificateError::ExpiredContext { time, not_after } => format!("it expired {} ago", span(*not_after, *time)),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is not valid for {} yet", span(*time, *not_before))
        }
        CertificateError::UnknownIssuer => "it leads to no CA that is trusted here, or a CA between is missing".into(),
        CertificateError::BadSignature | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is not signed by the key of the CA it names as its issuer: is there another CA of that name?".into()
        }
        CertificateError::Revoked => "its CA has taken it back (revoked)".into(),
        CertificateError::InvalidPurposeContext { .. } => "it is not for this use (extended key usage)".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            // As the library names them: DnsName("a.test"), IpAddress(127.0.0.1).
            let name = |shown: &String| {
                let bare = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(shown);
                bare.trim_matches('"').to_owned()
            };
            let names: Vec<_> = presented.iter().map(name).collect();
            let expected = expected.to_str();
            match names.as_slice() {
                [] => format!("the name {expected} is not in it: it has no names (subject alternative names)"),
                names => format!("the name {expected} is not among: {}", names.join(", ")),
            }
        }
        why if why.to_string().contains("CaUsedAsEndEntity") => CA_AS_SERVER.into(),
        why => why.to_string(),
    }
}

fn certificate_alert(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => "certificate_expired",
        CertificateError::Revoked => "certificate_revoked",
        CertificateError::UnknownIssuer => "unknown_ca",
        CertificateError::BadSignature => "decrypt_error",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "unsupported_certificate",
        _ => "bad_certificate",
    }
}

/// What a peer's alert means to the person who sees it.
fn meaning(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => "it does not trust the CA of our certificate",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => "it does not accept our certificate",
        AlertDescription::CertificateExpired => {
            "it says our certificate has expired or is not valid yet: look at its dates, and at the clocks"
        }
        AlertDescription::CertificateRevoked => "it says our certificate was taken back by its CA (revoked)",
        AlertDescription::UnsupportedCertificate => {
            "it says our certificate is of a kind it does not take, or not for this use (extended key usage)"
        }
        AlertDescription::CertificateRequired => "it wants a certificate of ours",
        AlertDescription::ProtocolVersion => "no TLS version in common",
        AlertDescription::HandshakeFailure => "no cipher, group or signature in common",
        AlertDescription::NoApplicationProtocol => "no ALPN protocol in common",
        AlertDescription::UnrecognisedName => "it does not know the server name (SNI)",
        _ => "it ended the handshake",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_their_rfc_names() {
        let fault = fault(&Error::AlertReceived(AlertDescription::UnknownCA));
        assert_eq!(fault.name(), "unknown_ca");
        assert!(fault.to_string().starts_with("the peer sent the alert unknown_ca"));
    }

    #[test]
    fn time_is_told_in_words() {
        let at = |days: u64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(days * 86_400));
        let text = certificate_text(&CertificateError::ExpiredContext { time: at(103), not_after: at(100) });
        assert_eq!(text, "it expired 3 days ago");
        let text = certificate_text(&CertificateError::NotValidYetContext { time: at(99), not_before: at(100) });
        assert_eq!(text, "it is not valid for 1 day yet");
    }

    #[test]
    fn sentences_are_for_people_and_not_the_librarys() {
        let expected = rustls::pki_types::ServerName::try_from("a.test").unwrap().to_owned();
        let presented = vec!["DnsName(\"b.test\")".to_owned(), "IpAddress(127.0.0.1)".to_owned()];
        let text = certificate_text(&CertificateError::NotValidForNameContext { expected, presented });
        assert_eq!(text, "the name a.test is not among: b.test, 127.0.0.1");
        let said = |error| fault(&error).to_string();
        let text = said(Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName));
        assert!(text.contains("(SNI) is no host name"), "{text}");
        let text = said(Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon));
        assert!(text.ends_with("no group in common"), "{text}");
        let text = said(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic));
        assert!(!text.contains("1.2"), "{text}");
        for (alert, words) in [
            (AlertDescription::UnsupportedCertificate, "extended key usage"),
            (AlertDescription::CertificateRevoked, "revoked"),
            (AlertDescription::CertificateExpired, "or is not valid yet"),
        ] {
            assert!(said(Error::AlertReceived(alert)).contains(words), "{alert:?}");
        }
    }

    #[test]
    fn a_bad_certificate_says_why() {
        let fault = fault(&Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(fault.name(), "unknown_ca");
    }
}
