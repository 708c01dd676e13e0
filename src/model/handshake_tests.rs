//! What is kept of a handshake, read.

use super::*;
use crate::model::event::Way;

fn certificate(subject: &str, issuer: &str) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        names: vec!["a.test".into(), "*.b.test".into()],
        valid: ("2026-01-01T00:00:00Z".into(), "2026-01-31T00:00:00Z".into()),
        ..Certificate::default()
    }
}

/// 2026-01-01T00:00:00Z.
const JANUARY: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

#[test]
fn a_certificates_time_is_told_in_words() {
    let it = certificate("CN=a", "CN=b");
    let words = |now| it.validity(now);
    assert_eq!(words(JANUARY + 33 * DAY), ("expired 3 days ago".into(), false));
    assert_eq!(words(JANUARY - 5 * 3600), ("not valid for 5 hours yet".into(), false));
    assert_eq!(words(JANUARY + 3 * DAY), ("good for 27 days more".into(), true));
    assert_eq!(words(JANUARY + 30 * DAY), ("good for 0 seconds more".into(), true));
    let none = Certificate { valid: ("no date".into(), "".into()), ..it.clone() };
    assert_eq!(none.validity(JANUARY), ("valid at no known time".into(), false));
}

#[test]
fn what_speaks_against_each_certificate_of_a_chain_is_told() {
    let now = JANUARY + DAY;
    let chain = [certificate("CN=leaf", "CN=between"), certificate("CN=other", "CN=root")];
    assert_eq!(
        against(&chain, 0, Some("c.test"), now),
        ["not for the name c.test", "the one shown behind it is not its issuer: the chain is out of order"]
    );
    assert_eq!(against(&chain, 1, Some("c.test"), now), ["signs the one below it and is no CA"]);
    let good = [certificate("CN=leaf", "CN=ca"), Certificate { is_ca: true, ..certificate("CN=ca", "CN=ca") }];
    for name in [None, Some("a.test"), Some("A.TEST"), Some("x.b.test")] {
        assert!(against(&good, 0, name, now).is_empty(), "{name:?}");
    }
    for name in ["b.test", "x.y.b.test"] {
        assert_eq!(against(&good, 0, Some(name), now), [format!("not for the name {name}")]);
    }
    assert!(against(&good, 1, None, now).is_empty());
    assert!(against(&good, 2, None, now).is_empty());
    assert_eq!(against(&good, 0, None, now + 40 * DAY), ["expired 11 days ago"]);
}

fn hello() -> Hello {
    let names = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    Hello {
        server_name: Some("a.test".into()),
        versions: names(&["TLS 1.3", "TLS 1.2"]),
        groups: names(&["secp521r1"]),
        ciphers: names(&["TLS_AES_128_GCM_SHA256"]),
        ..Hello::default()
    }
}

fn topic(handshake: &Handshake, name: &str) -> Topic {
    handshake.topics().into_iter().find(|topic| topic.name == name).unwrap()
}

#[test]
fn what_was_chosen_stands_beside_what_was_offered() {
    let mut handshake = Handshake::default();
    assert!(handshake.topics().is_empty());
    handshake.keep(Stamp(1), false, Kind::ClientHello(Arc::new(hello())));
    let answer = |retry, group: &str| Answer {
        way: Way::Out,
        version: "TLS 1.3".into(),
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        group: Some(group.into()),
        alpn: None,
        extensions: vec!["key_share".into()],
        retry,
        resumes: false,
    };
    handshake.keep(Stamp(2), false, Kind::ServerHello(Arc::new(answer(true, "secp384r1"))));
    assert!(topic(&handshake, "groups").chosen.is_empty(), "a retry is a wish");
    handshake.keep(Stamp(3), false, Kind::ServerHello(Arc::new(answer(false, "secp521r1"))));
    handshake.choice.extensions = vec!["server_name".into()];
    handshake.choice.alpn = Some("h2".into());
    assert_eq!(&*topic(&handshake, "groups").chosen, ["secp521r1".into()]);
    assert_eq!(&*topic(&handshake, "versions").offered, ["TLS 1.3".into(), "TLS 1.2".into()]);
    assert_eq!(&*topic(&handshake, "extensions").chosen, ["key_share".into(), "server_name".into()]);
    assert_eq!(&*topic(&handshake, "ALPN").chosen, ["h2".into()]);
    assert_eq!(topic(&handshake, "ALPN").taken, None);
}

#[test]
fn of_a_refusal_of_ours_it_is_known_what_would_have_been_taken() {
    let mut handshake = Handshake::default();
    handshake.keep(Stamp(1), false, Kind::ClientHello(Arc::new(hello())));
    let terms =
        Terms { groups: vec!["X25519".into()], ciphers: vec!["TLS_AES_128_GCM_SHA256".into()], ..Terms::default() };
    let fault = Arc::new(Fault::Tls { alert: None, text: "no".into() });
    handshake.outcome = Outcome::Failed { at: Stamp(2), fault, terms: Some(Arc::new(terms)) };
    assert!(topic(&handshake, "groups").is_hopeless());
    assert!(!topic(&handshake, "ciphers").is_hopeless());
    assert!(!topic(&handshake, "ALPN").is_hopeless());
}

#[test]
fn steps_are_bounded() {
    let mut handshake = Handshake::default();
    for at in 0..1000 {
        handshake.keep(Stamp(at), false, Kind::Alert { way: Way::In, name: "close_notify" });
    }
    assert_eq!(handshake.steps.len(), STEPS);
}

proptest::proptest! {
    #[test]
    fn dates_are_read_as_they_are_written(second in -60_000_000_000_i64..250_000_000_000) {
        let date = jiff::Timestamp::from_second(second).unwrap().to_string();
        let it = Certificate { valid: ("0001-01-01T00:00:00Z".into(), date.into()), ..Certificate::default() };
        proptest::prop_assert_eq!(it.validity(second), ("good for 0 seconds more".to_owned(), true));
        proptest::prop_assert_eq!(it.validity(second + 1), ("expired 1 second ago".to_owned(), false));
    }

    #[test]
    fn no_date_panics(text in "[0-9TZ:-]{0,24}") {
        let it = Certificate { valid: (text.clone().into(), text.into()), ..Certificate::default() };
        it.validity(0);
    }
}
