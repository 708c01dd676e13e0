//! What a server tells of its choices behind its hello, and the certificates that either side shows.

use super::names;
use super::read::Reader;
use super::seen::Story;
use crate::model::event::Way;
use crate::model::tls::Certificate;
use crate::net::tls::chain;

/// Extensions that are named, and certificates that are looked at in one message.
const MOST: usize = 64;

/// Keeps what a message tells: its number is that of RFC 8446 section 4 and RFC 5246 section 7.4.
pub fn note(story: &mut Story, (way, kind): (Way, u8), body: &[u8], is_tls13: bool, by_client: bool) {
    match kind {
        11 if way == Way::Out => story.shown = Some(body.into()),
        11 => story.handshake.chains[Way::In as usize] = certificates(body, is_tls13).into(),
        // What a malformed message would have said is left out.
        _ if !by_client => drop(chosen(story, kind, Reader(body))),
        _ => {}
    }
}

fn chosen(story: &mut Story, kind: u8, mut body: Reader<'_>) -> Option<()> {
    let choice = &mut story.handshake.choice;
    match kind {
        // EncryptedExtensions.
        8 => {
            let mut list = body.long()?;
            while let (Some(kind), Some(mut data)) = (list.u16(), list.long()) {
                if choice.extensions.len() < MOST {
                    choice.extensions.push(names::extension(kind));
                }
                if kind == 16 {
                    choice.alpn = data.long()?.short().map(|name| String::from_utf8_lossy(name.0).into());
                }
            }
        }
        // ServerKeyExchange of a named curve (RFC 8422 section 5.4).
        12 if body.u8()? == 3 => {
            choice.group = body.u16().map(names::group);
            body.short()?;
            choice.scheme = body.u16().map(names::scheme);
        }
        // CertificateVerify.
        15 => choice.scheme = body.u16().map(names::scheme),
        _ => {}
    }
    Some(())
}

/// The certificates of a Certificate message, the sender's own first.
pub fn certificates(body: &[u8], is_tls13: bool) -> Vec<Certificate> {
    let mut body = Reader(body);
    if is_tls13 {
        body.short();
    }
    let mut list = body.wide().unwrap_or(Reader(&[]));
    let each = std::iter::from_fn(|| {
        let der = list.wide()?;
        if is_tls13 {
            list.long()?;
        }
        Some(der.0)
    });
    chain::read(each.take(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_its_choices_in_three_messages() {
        let mut story = Story::default();
        let mut said = |kind, body: &[u8]| note(&mut story, (Way::In, kind), body, true, false);
        said(8, &[0, 13, 0, 0, 0, 0, 0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
        said(15, &[0x04, 0x03, 0, 0]);
        let choice = &story.handshake.choice;
        assert_eq!(&*choice.extensions, ["server_name".into(), "application_layer_protocol_negotiation".into()]);
        assert_eq!(choice.alpn.as_deref(), Some("h2"));
        assert_eq!(choice.scheme.as_deref(), Some("ecdsa_secp256r1_sha256"));
        note(&mut story, (Way::In, 12), &[3, 0, 29, 1, 7, 8, 4, 0, 0], false, false);
        let choice = &story.handshake.choice;
        assert_eq!((choice.group.as_deref(), choice.scheme.as_deref()), (Some("X25519"), Some("rsa_pss_rsae_sha256")));
        // A client's proof is no choice of the server's.
        note(&mut story, (Way::Out, 15), &[0x08, 0x07], true, true);
        assert_eq!(story.handshake.choice.scheme.as_deref(), Some("rsa_pss_rsae_sha256"));
    }

    proptest::proptest! {
        #[test]
        fn no_message_panics(kind in 0u8..30, body in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..80)) {
            let mut story = Story::default();
            for is_tls13 in [false, true] {
                note(&mut story, (Way::In, kind), &body, is_tls13, false);
                certificates(&body, is_tls13);
            }
        }
    }
}
