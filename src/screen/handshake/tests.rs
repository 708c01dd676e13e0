use std::sync::Arc;

use super::*;
use crate::model::end::Party;
use crate::model::event::Kind;
use crate::model::handshake::Terms;
use crate::model::id::SocketId;
use crate::model::tls::{Answer, Certificate, Flight, Hello, Record, Secured, Step};
use crate::model::url::Scheme;
use crate::screen::sample;
use crate::screen::theme::Depth;

fn names(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|name| Box::from(*name)).collect()
}

fn hello(way: Way) -> Hello {
    Hello {
        way,
        server_name: Some("shop.example".into()),
        alpn: names(&["h2", "http/1.1"]),
        versions: names(&["TLS 1.3", "TLS 1.2"]),
        ciphers: names(&[
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ]),
        groups: names(&["X25519MLKEM768", "X25519", "secp521r1"]),
        schemes: names(&["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "ed25519"]),
        extensions: names(&["server_name", "supported_groups", "key_share", "supported_versions", "session_ticket"]),
        ..Hello::default()
    }
}

fn certificate(subject: &str, issuer: &str, until: &str) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        valid: ("2023-01-01T00:00:00Z".into(), until.into()),
        key: "EC P-256".into(),
        is_ca: !subject.contains("shop"),
        ..Certificate::default()
    }
}

/// A client's, that came through.
fn done() -> Handshake {
    let mut it = Handshake { role: Role::Connect, began: Some(Stamp(1_000_000)), ..Handshake::default() };
    let step = |name, len| Step { name, len, sealed: name != "change_cipher_spec" };
    let flight = |way, sealed, steps| Kind::Handshake(Arc::new(Flight { way, sealed, since: 0, steps }));
    let steps = [
        (0, Kind::ClientHello(Arc::new(hello(Way::Out)))),
        (
            310_000,
            Kind::ServerHello(Arc::new(Answer {
                way: Way::In,
                version: "TLS 1.3".into(),
                cipher: "TLS_AES_256_GCM_SHA384".into(),
                group: Some("X25519".into()),
                alpn: None,
                extensions: names(&["key_share", "supported_versions"]),
                retry: false,
                resumes: false,
            })),
        ),
        (
            380_000,
            flight(
                Way::In,
                true,
                vec![
                    step("change_cipher_spec", 1),
                    step("encrypted_extensions", 15),
                    step("certificate", 1_840),
                    step("certificate_verify", 79),
                    step("finished", 48),
                ],
            ),
        ),
        (2_100_000, flight(Way::Out, true, vec![step("change_cipher_spec", 1), step("finished", 48)])),
        (2_400_000, Kind::SessionTicket { way: Way::In, count: 2, lifetime: 7_200, bytes: 416 }),
        (9_000_000_000, Kind::Alert { way: Way::In, name: "close_notify" }),
    ];
    for (since, kind) in steps {
        it.keep(Stamp(1_000_000 + since), since >= 380_000, kind);
    }
    let record = |(kind, len)| Record { kind, len };
    it.records[0] = [(22, 122), (20, 1), (23, 32), (23, 1_861)].map(record).to_vec();
    it.records[1] = [(22, 512), (20, 1), (23, 69)].map(record).to_vec();
    it.choice.alpn = Some("h2".into());
    it.choice.scheme = Some("ecdsa_secp256r1_sha256".into());
    it.choice.extensions = names(&["server_name"]);
    let leaf = certificate("CN=shop.example", "CN=Some Issuing CA 7", "2024-02-01T00:00:00Z");
    let chain = vec![
        Certificate { names: names(&["shop.example", "*.shop.example"]), ..leaf },
        certificate("CN=Some Issuing CA 7", "CN=Some Root", "2033-01-01T00:00:00Z"),
    ];
    it.chains[0] = chain.into();
    let secured = Secured {
        chain: Vec::new(),
        resumed: false,
        group: Some("X25519".into()),
        alpn: Some("h2".into()),
        verified: Some(true),
        objection: None,
        ..sample::secured()
    };
    it.outcome = Outcome::Done { at: Stamp(3_100_000), secured: Arc::new(secured) };
    it
}

/// A listener's, that refused: no group in common.
fn refused() -> Handshake {
    let mut it = Handshake { began: Some(Stamp(1_000_000)), ..Handshake::default() };
    let hello = Hello { groups: names(&["secp521r1"]), ..hello(Way::In) };
    it.keep(Stamp(1_000_000), false, Kind::ClientHello(Arc::new(hello)));
    it.keep(Stamp(1_440_000), false, Kind::Alert { way: Way::Out, name: "handshake_failure" });
    let terms = Terms {
        versions: names(&["TLS 1.3", "TLS 1.2"]),
        ciphers: names(&["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]),
        groups: names(&["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"]),
        schemes: names(&["ecdsa_secp256r1_sha256"]),
        alpn: Vec::new(),
    };
    let text = "no cipher suite and group in common; groups: it offers secp521r1, we have X25519MLKEM768 X25519 secp256r1 secp384r1";
    let fault = Fault::Tls { alert: Some((Party::Us, "handshake_failure")), text: text.into() };
    it.outcome = Outcome::Failed { at: Stamp(1_450_000), fault: Arc::new(fault), terms: Some(Arc::new(terms)) };
    it
}

/// A client's, whose server has an old certificate.
fn expired() -> Handshake {
    let mut it = done();
    it.steps.truncate(3);
    let at = |since: u64| Stamp(1_000_000 + since);
    it.keep(at(900_000), false, Kind::Alert { way: Way::Out, name: "certificate_expired" });
    let leaf = certificate("CN=shop.example", "CN=Some Issuing CA 7", "2023-11-12T12:00:00Z");
    it.chains[0] = Arc::from([Certificate { names: names(&["www.shop.example"]), ..leaf }]);
    let text = "its certificate is not good: it has expired";
    let fault = Fault::Tls { alert: Some((Party::Us, "certificate_expired")), text: text.into() };
    it.outcome = Outcome::Failed { at: at(910_000), fault: Arc::new(fault), terms: None };
    it
}

fn snapshot(handshake: Handshake) -> Snapshot {
    let mut snapshot = sample::snapshot();
    if let Some(row) = &mut snapshot.socket {
        (row.scheme, row.accepted) = (Scheme::Tls, handshake.role == Role::Listen);
    }
    snapshot.timeline = Some(sample::timeline(SocketId(3).into(), Vec::new()));
    snapshot.handshake = Some(handshake);
    snapshot
}

/// The page at what the three sizes leave it.
fn pictures(name: &str, make: fn() -> Handshake) {
    for (width, height) in [(80, 22), (120, 38), (200, 58)] {
        let snapshot = snapshot(make());
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        draw(&snapshot, 0, area, &mut buf, &Theme::new(Depth::True));
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), crate::screen::pictures::text(&buf));
    }
}

#[test]
fn one_that_came_through() {
    pictures("done", done);
}

#[test]
fn one_that_we_refused_says_what_we_would_have_taken() {
    pictures("refused", refused);
}

#[test]
fn one_that_an_old_certificate_stopped() {
    pictures("expired", expired);
}

fn texts(handshake: Handshake, width: usize) -> String {
    let lines = page(&snapshot(handshake), width, &Theme::new(Depth::Mono));
    assert!(lines.iter().all(|line| cells::line_width(line) <= width), "{width}: {lines:#?}");
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn no_line_is_wider_than_the_page() {
    for make in [done, refused, expired, Handshake::default] {
        for width in 68..240 {
            texts(make(), width);
        }
    }
}

#[test]
fn what_it_waits_for_is_told_and_how_long() {
    let mut it = refused();
    (it.outcome, it.steps) = (Outcome::Pending, Vec::new());
    let text = texts(it, 80);
    assert!(text.contains("… goes on after ") && text.contains("we are the server"), "{text}");
}

#[test]
fn everything_offered_can_be_scrolled_to() {
    let snapshot = snapshot(done());
    let area = Rect::new(0, 0, 80, 22);
    let total = lines(&snapshot, area);
    assert!(total > room(area), "{total}");
    let mut buf = Buffer::empty(area);
    draw(&snapshot, usize::MAX, area, &mut buf, &Theme::new(Depth::True));
    let last = crate::screen::pictures::text(&buf);
    assert!(last.contains("application_data 69") && last.contains(&format!("of {total}")), "{last}");
}

#[test]
fn times_of_the_steps_are_since_the_first_byte_and_since_the_step_before() {
    let text = texts(done(), 100);
    let line = |word: &str| text.lines().find(|line| line.contains(word)).unwrap_or_default().to_owned();
    assert!(line("serverHello").trim_start().starts_with("310 µs   +310 µs  │◀"), "{text}");
    assert!(line("secureConnect").trim_start().starts_with("2.10 ms     +0 ns  ◆"), "{text}");
    assert!(line("close_notify").trim_start().starts_with("9.00 s   +9.00 s"), "{text}");
}
