//! The watch beside real handshakes of rustls with itself, in memory, and beside bytes of any kind.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ServerSessionMemoryCache;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::hub::{Birth, Hub};
use crate::model::event::{Event, Hello};
use crate::model::handshake::Handshake;
use crate::model::id::{EndpointId, SocketId};
use crate::model::spec::{Limits, Spec};
use crate::model::url::{Scheme, Url};
use crate::net::probe::Watch;

/// A hub with one socket, and the watch of its records.
struct Desk {
    hub: Arc<Hub>,
    socket: SocketId,
    records: Records,
}

impl Desk {
    fn new(role: Role) -> Self {
        let clock = Clock::start(0);
        let hub = Hub::new(clock, &Limits::default());
        let url = Url::parse("tls://127.0.0.1:1", role).unwrap();
        let (endpoint, _log): (EndpointId, Recorder) = hub.add_endpoint(Arc::new(Spec::new(role, url)));
        let peer = "127.0.0.1:1".parse().unwrap();
        let birth =
            Birth { endpoint, scheme: Scheme::Tls, accepted: role == Role::Listen, peer, local: None, handshakes: 2 };
        let (socket, record) = hub.open(birth);
        let records = Records::new(record, clock, role, Arc::default(), Arc::default());
        Self { hub, socket, records }
    }

    fn events(&self) -> Vec<Event> {
        self.hub.events(self.socket.into(), 0, 1000).unwrap().events
    }

    /// The timeline in words.
    fn story(&self) -> Vec<String> {
        self.events().into_iter().map(|event| words(&event.kind)).collect()
    }
}

fn words(kind: &Kind) -> String {
    let way = |way: Way| if way == Way::In { "in" } else { "out" };
    match kind {
        Kind::ClientHello(hello) => format!("{} client_hello", way(hello.way)),
        Kind::ServerHello(answer) if answer.retry => format!("{} retry", way(answer.way)),
        Kind::ServerHello(answer) => format!("{} server_hello", way(answer.way)),
        Kind::Handshake(flight) => {
            let steps: Vec<&str> = flight.steps.iter().map(|step| step.name).collect();
            format!("{} {}", way(flight.way), steps.join(" "))
        }
        Kind::SessionTicket { way: side, count, .. } => format!("{} {count} tickets", way(*side)),
        Kind::Alert { way: side, name } => format!("{} alert {name}", way(*side)),
        other => other.name().into(),
    }
}

/// Two ends of rustls, a watch at each, and how the bytes between them are cut.
struct Pair {
    client: Connection,
    server: Connection,
    near: Desk,
    far: Desk,
    piece: usize,
}

struct Ends {
    client: ClientConfig,
    server: ServerConfig,
}

fn ends(versions: &[&'static rustls::SupportedProtocolVersion]) -> Ends {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    // A name of its own: two CAs of one name make a bad signature instead of an unknown CA.
    params.distinguished_name.push(rcgen::DnType::CommonName, hex::encode(&key.public_key_raw()[1..9]));
    let der: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(der.clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    server.session_storage = ServerSessionMemoryCache::new(16);
    server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    Ends { client, server }
}

impl Pair {
    fn new(ends: &Ends, piece: usize) -> Self {
        let (near, far) = (Desk::new(Role::Connect), Desk::new(Role::Listen));
        let (mut client, mut server) = (ends.client.clone(), ends.server.clone());
        client.key_log = near.records.keys.clone();
        server.key_log = far.records.keys.clone();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(client), name).unwrap().into();
        let server = ServerConnection::new(Arc::new(server)).unwrap().into();
        Self { client, server, near, far, piece }
    }

    /// Carries bytes to and fro until nobody has any more.
    fn run(&mut self) -> Result<(), rustls::Error> {
        loop {
            let there = carry(&mut self.client, &mut self.server, &mut self.near, &mut self.far, self.piece)?;
            let back = carry(&mut self.server, &mut self.client, &mut self.far, &mut self.near, self.piece)?;
            if !there && !back {
                self.near.records.settle();
                self.far.records.settle();
                return Ok(());
            }
        }
    }
}

fn carry(
    from: &mut Connection,
    to: &mut Connection,
    teller: &mut Desk,
    hearer: &mut Desk,
    piece: usize,
) -> Result<bool, rustls::Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    for part in bytes.chunks(piece) {
        teller.records.wrote(part);
    }
    teller.records.settle();
    for part in bytes.chunks(piece) {
        // As in life: the watch sees the bytes before rustls has made its keys of them.
        hearer.records.read(part);
        let mut rest = part;
        while !rest.is_empty() {
            to.read_tls(&mut rest).unwrap();
            to.process_new_packets()?;
        }
    }
    Ok(!bytes.is_empty())
}

const TLS13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
const TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

#[test]
fn the_encrypted_steps_of_tls_1_3_are_told_by_name_on_both_ends() {
    for piece in [1, 7, 100, 1 << 20] {
        let mut pair = Pair::new(&ends(TLS13), piece);
        pair.run().unwrap();
        pair.client.send_close_notify();
        pair.run().unwrap();
        let messages = |desk: &Desk| desk.story().join(" ").replace("in ", "").replace("out ", "");
        let steps = "client_hello server_hello change_cipher_spec encrypted_extensions certificate certificate_verify \
                     finished change_cipher_spec finished 2 tickets alert close_notify";
        // In pieces of a byte each ticket comes alone.
        let joined = |text: String| text.replace("1 tickets 1 tickets", "2 tickets");
        assert_eq!(joined(messages(&pair.near)), steps, "client, in pieces of {piece}");
        assert_eq!(joined(messages(&pair.far)), steps, "server, in pieces of {piece}");
        for desk in [&pair.near, &pair.far] {
            assert!(!desk.records.seen.story().lost);
        }
        if piece == 1 << 20 {
            let flight = "in change_cipher_spec encrypted_extensions certificate certificate_verify finished";
            assert!(pair.near.story().contains(&flight.to_owned()), "{:?}", pair.near.story());
        }
    }
}

#[test]
fn tls_1_2_is_told_with_its_encrypted_finished_and_alerts() {
    for piece in [1, 100, 1 << 20] {
        let mut pair = Pair::new(&ends(TLS12), piece);
        pair.run().unwrap();
        pair.server.send_close_notify();
        pair.run().unwrap();
        let messages = |desk: &Desk| desk.story().join(" ").replace("in ", "").replace("out ", "");
        let steps = "client_hello server_hello certificate server_key_exchange server_hello_done client_key_exchange \
                     change_cipher_spec finished 1 tickets change_cipher_spec finished alert close_notify";
        // As they cross: RFC 5077 has the ticket before the server's Finished.
        assert_eq!(messages(&pair.near), steps, "client, in pieces of {piece}");
        assert_eq!(messages(&pair.far), steps, "server, in pieces of {piece}");
        assert_eq!(pair.far.records.seen.story().tickets, 1);
    }
}

#[test]
fn both_ends_count_the_same_records() {
    let mut pair = Pair::new(&ends(TLS13), 1 << 20);
    pair.run().unwrap();
    let (near, far) = (&pair.near.records.seen, &pair.far.records.seen);
    assert!(near.by_type(Way::In).eq(far.by_type(Way::Out)));
    assert!(near.by_type(Way::Out).eq(far.by_type(Way::In)));
    assert_eq!(
        near.by_type(Way::Out).collect::<Vec<_>>()[..3],
        [("change_cipher_spec", 1), ("alert", 0), ("handshake", 1)]
    );
}

#[test]
fn a_hello_says_what_is_offered_and_a_resumption_is_seen_in_it() {
    let ends = ends(TLS13);
    let hello = |desk: &Desk| match desk.events().remove(0).kind {
        Kind::ClientHello(hello) => Arc::unwrap_or_clone(hello),
        kind => panic!("{kind:?}"),
    };
    let mut pair = Pair::new(&ends, 1 << 20);
    pair.run().unwrap();
    let first: Hello = hello(&pair.far);
    assert_eq!((first.server_name.as_deref(), &*first.alpn), (Some("localhost"), &["h2".into()][..]));
    assert_eq!((&*first.versions, first.keys), (&["TLS 1.3".into()][..], 0));
    assert!(first.ciphers.contains(&"TLS_AES_128_GCM_SHA256".into()), "{first:?}");
    assert!(first.shares.contains(&"X25519".into()) && !first.schemes.is_empty(), "{first:?}");
    assert!(first.extensions.contains(&"key_share".into()), "{first:?}");

    let mut pair = Pair::new(&ends, 1 << 20);
    pair.run().unwrap();
    let second = hello(&pair.far);
    assert_eq!(second.keys, 1);
    let steps = "server_hello change_cipher_spec encrypted_extensions finished";
    assert!(pair.near.story().join(" ").replace("in ", "").contains(steps), "{:?}", pair.near.story());
}

#[test]
fn a_resumption_is_seen_in_the_servers_hello_of_either_version() {
    for version in [TLS12, TLS13] {
        let ends = ends(version);
        for round in [false, true] {
            let mut pair = Pair::new(&ends, 1 << 20);
            pair.run().unwrap();
            for desk in [&pair.near, &pair.far] {
                let story = desk.records.seen.story();
                assert_eq!(story.handshake.answer().unwrap().resumes, round, "{:?}", desk.story());
            }
        }
    }
}

#[test]
fn what_is_kept_of_a_handshake_is_what_crossed() {
    for version in [TLS12, TLS13] {
        let mut pair = Pair::new(&ends(version), 1 << 20);
        pair.run().unwrap();
        let (near, far) = (pair.near.records.seen.story(), pair.far.records.seen.story());
        let (near, far) = (&near.handshake, &far.handshake);
        assert_eq!(near.choice, far.choice);
        assert_eq!(near.choice.scheme.as_deref(), Some("ecdsa_secp256r1_sha256"));
        assert!(near.choice.alpn.is_some() == (version[0].version == rustls::ProtocolVersion::TLSv1_3));
        assert_eq!(near.records[0], far.records[1]);
        assert_eq!(near.records[1], far.records[0]);
        let names = |it: &Handshake| it.steps.iter().map(|step| step.kind.name()).collect::<Vec<_>>();
        assert_eq!(names(near), names(far));
        assert!(near.steps.is_sorted_by_key(|step| step.at), "{near:?}");
        assert_eq!(near.steps[0].at, near.began.unwrap(), "the hello is the beginning");
        // RFC 5077: before the ciphers are changed; RFC 8446: behind the Finished.
        let ticket = near.steps.iter().find(|step| matches!(step.kind, Kind::SessionTicket { .. })).unwrap();
        assert_eq!(ticket.sealed, near.choice.alpn.is_some());
        assert_eq!(near.peers_chain().len(), 1);
        assert_eq!(&*near.peers_chain()[0].names, ["localhost".into()]);
        assert!(far.peers_chain().is_empty());
    }
}

#[test]
fn a_retry_is_told_and_what_follows_it() {
    let mut ends = ends(TLS13);
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::SECP384R1];
    let chain = ends.server.cert_resolver.clone();
    ends.server = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(chain);
    let mut pair = Pair::new(&ends, 1 << 20);
    pair.run().unwrap();
    let story = pair.near.story();
    assert_eq!(story[..2], ["out client_hello", "in retry"]);
    assert!(story.iter().any(|line| line == "in server_hello"), "{story:?}");
    assert!(story.last().unwrap().contains("tickets"), "{story:?}");
    let again = |event: &Event| matches!(&event.kind, Kind::ClientHello(hello) if hello.again);
    assert_eq!(pair.far.events().iter().filter(|event| again(event)).count(), 1);
}

#[test]
fn an_alert_is_told_on_both_ends_whether_encrypted_or_not() {
    // The client does not trust the certificate: it says so encrypted.
    let mut strangers = ends(TLS13);
    strangers.client = ends(TLS13).client;
    let mut pair = Pair::new(&strangers, 1 << 20);
    assert!(pair.run().is_err());
    let _ = carry(&mut pair.client, &mut pair.server, &mut pair.near, &mut pair.far, 1 << 20);
    assert_eq!(pair.near.story().last().unwrap(), "out alert unknown_ca");
    assert_eq!(pair.far.story().last().unwrap(), "in alert unknown_ca");

    // No protocol in common: the server says so, and the client learns it with the keys that come before it.
    let mut foreign = ends(TLS13);
    foreign.client.alpn_protocols = vec![b"other".to_vec()];
    let mut pair = Pair::new(&foreign, 1 << 20);
    assert!(pair.run().is_err());
    let _ = carry(&mut pair.server, &mut pair.client, &mut pair.far, &mut pair.near, 1 << 20);
    pair.near.records.settle();
    assert_eq!(pair.far.story().last().unwrap(), "out alert no_application_protocol");
    assert_eq!(pair.near.story().last().unwrap(), "in alert no_application_protocol");
}

#[test]
fn new_keys_are_followed() {
    let mut pair = Pair::new(&ends(TLS13), 1 << 20);
    pair.run().unwrap();
    for _ in 0..2 {
        pair.client.refresh_traffic_keys().unwrap();
        std::io::Write::write_all(&mut pair.client.writer(), b"hello").unwrap();
        pair.run().unwrap();
    }
    pair.client.send_close_notify();
    pair.run().unwrap();
    for desk in [&pair.near, &pair.far] {
        let story = desk.story().join(", ");
        // The peer answers each with one of its own.
        assert!(story.matches("key_update").count() >= 2 && story.ends_with("alert close_notify"), "{story}");
    }
}

#[test]
fn an_alert_is_found_behind_a_flood_of_data() {
    let mut pair = Pair::new(&ends(TLS13), 4096);
    pair.run().unwrap();
    for _ in 0..100 {
        std::io::Write::write_all(&mut pair.client.writer(), &[b'x'; 3000]).unwrap();
        pair.run().unwrap();
        let mut plain = Vec::new();
        let _ = std::io::Read::read_to_end(&mut pair.server.reader(), &mut plain);
    }
    pair.client.send_close_notify();
    pair.run().unwrap();
    assert_eq!(pair.far.story().last().unwrap(), "in alert close_notify");
    assert!(pair.far.records.sides[0].looked < 30, "not all of it was opened twice");
}

/// What a listener's peer says first, and what is kept of it.
fn first(bytes: &[u8]) -> Option<Box<[u8]>> {
    let mut desk = Desk::new(Role::Listen);
    desk.records.read(bytes);
    desk.records.seen.story().first.clone()
}

#[test]
fn plain_text_is_recognised() {
    for (said, name) in [
        (&b"GET / HTTP/1.1\r\n"[..], Some("HTTP")),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Some("SSH")),
        (b"EHLO localhost\r\n", Some("SMTP")),
        (b"PRI * HTTP/2.0\r\n", Some("HTTP/2")),
        (b"\x80\x2e\x01\x00\x02\x00", Some("SSL 2.0")),
        (b"hello there\r\n", None),
    ] {
        assert_eq!(spoken(said), name);
        assert_eq!(first(said).as_deref(), Some(&said[..said.len().min(FIRST)]));
    }
    assert_eq!(first(&[22, 3, 1, 0, 4, 1, 0, 0, 0]), None, "a record, if a poor one");
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_split_matters(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(22), Just(3), Just(0), Just(1)], 0..400),
        piece in 1..50usize,
    ) {
        let run = |piece: usize| {
            let mut desk = Desk::new(Role::Listen);
            for part in bytes.chunks(piece) {
                desk.records.read(part);
            }
            let alien = desk.records.sides[0].stage == Stage::Lost;
            let count: Vec<_> = desk.records.seen.by_type(Way::In).collect();
            (count, alien, desk.story().join(" "))
        };
        // Steps that crossed together are one line, so only what they say is compared.
        let (whole, split) = (run(bytes.len().max(1)), run(piece));
        prop_assert_eq!((whole.0, whole.1, whole.2.replace("in ", "")), (split.0, split.1, split.2.replace("in ", "")));
    }

    #[test]
    fn no_bytes_on_a_plain_port_panic_and_no_split_matters(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(22), Just(3), Just(0), Just(1)], 0..400),
        listens in any::<bool>(),
        piece in 1..50usize,
    ) {
        let role = if listens { Role::Listen } else { Role::Connect };
        let run = |piece: usize| {
            let desk = Desk::new(role);
            let mut astray = Astray::new(desk.records.record.clone(), role, Scheme::Tcp);
            for part in bytes.chunks(piece) {
                astray.read(part);
            }
            desk.story()
        };
        prop_assert_eq!(run(bytes.len().max(1)), run(piece));
    }

    #[test]
    fn no_hello_panics(mut body in prop::collection::vec(any::<u8>(), 0..300), flips in prop::collection::vec((0..300usize, any::<u8>()), 0..8)) {
        let _ = hello::client(&body, Way::In);
        let _ = hello::server(&body, Way::In);
        // Behind a good beginning, so that the extensions are reached.
        let mut good = vec![3, 3];
        good.extend([7; 32]);
        good.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.truncate(200);
        good.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        good.append(&mut body);
        for (at, byte) in flips {
            if let Some(slot) = good.get_mut(at) {
                *slot = byte;
            }
        }
        let _ = hello::client(&good, Way::In);
        let _ = hello::server(&good, Way::In);
    }
}
