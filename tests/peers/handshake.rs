//! What crosses in a TLS handshake, told beside OpenSSL's own client and server: each step, tickets and
//! resumption, alerts and who sent them, and both offers where nothing was in common.

use std::path::Path;
use std::sync::Arc;

use sockscope::model::event::{Event, Hello, Kind, Secured, Way};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};

use crate::certificates::Certificates;
use crate::peers::{Peer, peer, run};
use crate::support::{Lab, assert_one_life};
use crate::{faults, payload};

/// The handshake in words, each message by its name, and who sent it.
pub fn steps(events: &[Event]) -> Vec<String> {
    let mut steps = Vec::new();
    for event in events {
        match &event.kind {
            Kind::ClientHello(hello) => steps.push(format!("{} client_hello", who(hello.way))),
            Kind::ServerHello(answer) if answer.retry => steps.push(format!("{} retry", who(answer.way))),
            Kind::ServerHello(answer) => steps.push(format!("{} server_hello", who(answer.way))),
            Kind::Handshake(flight) => {
                steps.extend(flight.steps.iter().map(|step| format!("{} {}", who(flight.way), step.name)));
            }
            Kind::SecureConnection(_) | Kind::SecureConnect(_) => steps.push("done".into()),
            _ => {}
        }
    }
    steps
}

fn who(way: Way) -> &'static str {
    if way == Way::In { "in" } else { "out" }
}

fn alerts(lab: &Lab, socket: SocketId) -> Vec<(Way, &'static str)> {
    let alert = |event: Event| match event.kind {
        Kind::Alert { way, name } => Some((way, name)),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(alert).collect()
}

fn hello(lab: &Lab, socket: SocketId) -> Hello {
    let found = lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::ClientHello(hello) => Some(Arc::unwrap_or_clone(hello)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no hello\n{}", lab.report()))
}

async fn secured(lab: &Lab, socket: SocketId) -> Secured {
    let is = |event: &Event| matches!(event.kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    match lab.event(socket, "secured", is).await.kind {
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => Arc::unwrap_or_clone(secured),
        kind => panic!("{kind:?}"),
    }
}

/// Tickets on a timeline, and who gave them.
fn tickets(lab: &Lab, socket: SocketId) -> Vec<(Way, u16)> {
    let ticket = |event: Event| match event.kind {
        Kind::SessionTicket { way, count, .. } => Some((way, count)),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(ticket).collect()
}

#[tokio::test]
async fn every_step_of_s_clients_handshake_is_told_by_its_name() {
    let Some(openssl) = peer("openssl") else { return };
    let tls13 = [
        "in client_hello",
        "out server_hello",
        "out change_cipher_spec",
        "out encrypted_extensions",
        "out certificate",
        "out certificate_verify",
        "out finished",
        "in change_cipher_spec",
        "in finished",
        "done",
    ];
    let tls12 = [
        "in client_hello",
        "out server_hello",
        "out certificate",
        "out server_key_exchange",
        "out server_hello_done",
        "in client_key_exchange",
        "in change_cipher_spec",
        "in finished",
        "out change_cipher_spec",
        "out finished",
        "done",
    ];
    for (option, expected, version) in [("-tls1_3", &tls13[..], "TLS 1.3"), ("-no_tls1_3", &tls12[..], "TLS 1.2")] {
        let lab = Lab::default();
        let (_, address) = lab.listen("https://:0", Settings::default()).await;
        let address = address.to_string();
        let args = ["s_client", "-connect", &address, option, "-servername", "localhost", "-alpn", "http/1.1,foo"];
        let done = run(&openssl, &args, b"").await;
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        assert_eq!(steps(&lab.events(socket)), expected, "{}\n{}", lab.report(), done.text());
        let hello = hello(&lab, socket);
        assert_eq!(hello.server_name.as_deref(), Some("localhost"));
        assert_eq!(hello.alpn, ["http/1.1".into(), "foo".into()]);
        assert!(hello.versions.contains(&version.into()), "{hello:?}");
        assert!(hello.groups.contains(&"X25519".into()) && hello.extensions.contains(&"supported_groups".into()));
        let secured = secured(&lab, socket).await;
        assert_eq!((secured.version, secured.alpn.as_deref()), (version, Some("http/1.1")));
        // OpenSSL's own word for what was agreed on.
        let text = done.text();
        assert!(text.contains(&version.replace("TLS ", "TLSv")) || text.contains("TLSv1"), "{text}");
        assert_eq!(alerts(&lab, socket)[0], (Way::In, "close_notify"), "{}", lab.report());
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn s_client_resumes_with_the_session_it_kept() {
    let Some(openssl) = peer("openssl") else { return };
    let dir = tempfile::tempdir().unwrap();
    for option in ["-tls1_3", "-no_tls1_3"] {
        let lab = Lab::default();
        let (_, address) = lab.listen("tls://:0", Settings::default()).await;
        let (address, file) = (address.to_string(), dir.path().join(option));
        let file = file.to_str().unwrap();
        for (nth, way) in [(1, "-sess_out"), (2, "-sess_in")] {
            let mut client = Peer::start(&openssl, &["s_client", "-connect", &address, option, way, file]);
            client.write(b"over and over\n").await;
            client.says("\nover and over\n").await;
            let text = client.ends().await.text();
            let socket = lab.nth(nth).await;
            lab.closed(socket).await;
            assert_eq!(secured(&lab, socket).await.resumed, nth == 2, "{option}\n{}\n{text}", lab.report());
            assert_eq!(text.contains("Reused, "), nth == 2, "{text}");
            let hello = hello(&lab, socket);
            assert_eq!(hello.keys > 0 || hello.ticket > 0, nth == 2, "{hello:?}");
            assert!(tickets(&lab, socket).iter().all(|ticket| ticket.0 == Way::Out), "{}", lab.report());
            assert!(nth == 2 || !tickets(&lab, socket).is_empty(), "{}", lab.report());
            let shows = steps(&lab.events(socket)).iter().any(|step| step.ends_with(" certificate"));
            assert_eq!(shows, nth == 1, "a resumed handshake shows no certificate");
        }
    }
}

#[tokio::test]
async fn a_group_that_is_not_spoken_costs_another_hello() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let args = ["s_client", "-connect", &address.to_string(), "-groups", "P-521:P-384", "-tls1_3"];
    run(&openssl, &args, b"").await.ok();
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let steps = steps(&lab.events(socket));
    assert_eq!(steps[..2], ["in client_hello", "out retry"], "{steps:?}");
    assert_eq!(steps.iter().filter(|step| *step == "in client_hello").count(), 2, "{steps:?}");
    assert_eq!(secured(&lab, socket).await.group.as_deref(), Some("secp384r1"));
}

#[tokio::test]
async fn new_keys_are_told_and_followed() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let mut client = Peer::start(&openssl, &["s_client", "-connect", &address.to_string(), "-tls1_3"]);
    let socket = lab.nth(1).await;
    secured(&lab, socket).await;
    client.says("Verify return code").await;
    // In s_client a line with K alone asks for new keys in both directions.
    client.write(b"K\n").await;
    client.says("KEYUPDATE").await;
    client.write(b"with new keys\n").await;
    client.says("\nwith new keys\n").await;
    client.ends().await.ok();
    lab.closed(socket).await;
    let told = steps(&lab.events(socket));
    assert!(told.contains(&"in key_update".into()) && told.contains(&"out key_update".into()), "{}", lab.report());
    assert!(alerts(&lab, socket).contains(&(Way::In, "close_notify")), "{}", lab.report());
}

#[tokio::test]
async fn nothing_in_common_is_said_with_both_offers() {
    let Some(openssl) = peer("openssl") else { return };
    let cases: [(&str, &[&str], &str, &[&str]); 3] = [
        ("https", &["-alpn", "foo,bar"], "no_application_protocol", &["it offers foo bar", "we have", "http/1.1"]),
        (
            "tls",
            &["-no_tls1_3", "-no_tls1_2", "-cipher", "ALL:@SECLEVEL=0"],
            "handshake_failure",
            &["it offers TLS 1.1, we have TLS 1.3 TLS 1.2"],
        ),
        (
            "tls",
            &["-no_tls1_3", "-cipher", "AES128-SHA256"],
            "handshake_failure",
            &["ciphers: it offers TLS_RSA_WITH_AES_128_CBC_SHA256", "we have TLS_AES_256_GCM_SHA384"],
        ),
    ];
    for (scheme, options, alert, says) in cases {
        let lab = Lab::default();
        let (_, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let address = address.to_string();
        let args = [&["s_client", "-connect", &address], options].concat();
        let done = run(&openssl, &args, b"").await;
        assert_ne!(done.code, Some(0), "{}", done.text());
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        let faults = faults(&lab, socket);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].0, alert, "{faults:?}");
        for part in says {
            assert!(faults[0].1.contains(part), "{part}: {faults:?}");
        }
        assert_eq!(alerts(&lab, socket), [(Way::Out, alert)], "{}", lab.report());
    }
}

#[tokio::test]
async fn an_alert_of_s_client_is_told_as_it_crossed() {
    let Some(openssl) = peer("openssl") else { return };
    for version in ["-tls1_3", "-tls1_2"] {
        let lab = Lab::default();
        let (_, address) = lab.listen("tls://:0", Settings::default()).await;
        let args = ["s_client", "-connect", &address.to_string(), version, "-verify_return_error"];
        run(&openssl, &args, b"").await;
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        assert_eq!(alerts(&lab, socket)[0], (Way::In, "unknown_ca"), "{}", lab.report());
    }
}

#[tokio::test]
async fn a_name_our_certificate_does_not_have_is_said() {
    let Some(openssl) = peer("openssl") else { return };
    let (lab, ca) = (Lab::default(), crate::certificates::our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let (address, ca) = (address.to_string(), ca.path().to_str().unwrap().to_owned());
    let args = ["s_client", "-connect", &address, "-servername", "elsewhere.test", "-CAfile", &ca];
    let args = [&args[..], &["-verify_hostname", "elsewhere.test", "-verify_return_error"]].concat();
    let done = run(&openssl, &args, b"").await;
    assert_ne!(done.code, Some(0), "{}", done.text());
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let faults = faults(&lab, socket);
    assert!(faults[0].1.contains("asked for the name elsewhere.test"), "{faults:?}");
    assert!(faults[0].1.contains("our certificate is for localhost"), "{faults:?}");
    assert_eq!(alerts(&lab, socket)[0].0, Way::In, "{}", lab.report());
}

/// An `s_server` with options of its own, and where it listens.
async fn s_server(openssl: &Path, certificates: &Certificates, options: &[&str]) -> (Peer, String) {
    let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let args = [&["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-rev"], options].concat();
    let server = Peer::start(openssl, &args);
    let address = server.line("ACCEPT ").await;
    (server, address)
}

fn trusting(certificates: &Certificates) -> Settings {
    Settings::default().with("ca", &certificates.path("ca.pem")).unwrap()
}

#[tokio::test]
async fn our_client_keeps_s_servers_tickets_and_resumes() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    for (options, given) in [(&["-tls1_3", "-num_tickets", "3"][..], 3), (&["-tls1_2"][..], 1)] {
        let (_server, address) = s_server(&openssl, &certificates, options).await;
        let lab = Lab::default();
        let id = lab.open(Role::Connect, &format!("tls://{address}"), trusting(&certificates));
        for nth in 1..=2 {
            let socket = lab.nth(nth).await;
            let secured = secured(&lab, socket).await;
            assert_eq!(secured.resumed, nth == 2, "{}", lab.report());
            assert_eq!((secured.verified, secured.chain.len()), (Some(true), 1));
            let leaf = &secured.chain[0];
            assert!(leaf.subject.contains("server.test") && leaf.issuer.contains("ca.test"), "{leaf:?}");
            assert_eq!((&*leaf.names, &*leaf.key), (&["localhost".into(), "127.0.0.1".into()][..], "EC P-256"));
            // What comes behind the handshake has come when an answer has.
            lab.endpoints.command(socket, Command::Send(Payload::Bytes("stressed\n".into()))).unwrap();
            lab.until("the line, reversed", || (payload(&lab, socket, "data") == "desserts\n").then_some(())).await;
            let told = tickets(&lab, socket);
            assert!(told.iter().all(|ticket| ticket.0 == Way::In), "{told:?}");
            if nth == 1 {
                assert_eq!(told.iter().map(|ticket| ticket.1).sum::<u16>(), given, "{}", lab.report());
            }
            lab.endpoints.command(socket, Command::Close).unwrap();
            lab.closed(socket).await;
            lab.endpoint(id, "over", |row| row.state != State::Up).await;
            lab.endpoints.start(id);
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_our_certificate_is_told() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    for (version, alert) in [("-tls1_3", "certificate_required"), ("-tls1_2", "handshake_failure")] {
        let (_server, address) = s_server(&openssl, &certificates, &[version, "-Verify", "1"]).await;
        let lab = Lab::default();
        lab.open(Role::Connect, &format!("tls://{address}"), trusting(&certificates));
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        let steps = steps(&lab.events(socket));
        assert!(steps.contains(&"in certificate_request".into()), "{steps:?}");
        assert!(steps.contains(&"out certificate".into()), "an empty one of ours: {steps:?}");
        assert!(alerts(&lab, socket).contains(&(Way::In, alert)), "{}", lab.report());
        assert!(faults(&lab, socket).iter().any(|fault| fault.0 == alert), "{}", lab.report());
    }
}

#[tokio::test]
async fn what_s_server_does_not_take_is_said_with_what_we_offered() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let cases: [(&[&str], &str, &str); 2] = [
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol_version", "we offered TLS 1.3 TLS 1.2"),
        (
            &["-servername", "only.test", "-servername_fatal", "-cert2", &cert, "-key2", &key],
            "unrecognized_name",
            "we offered the name localhost",
        ),
    ];
    for (options, alert, says) in cases {
        let (_server, address) = s_server(&openssl, &certificates, options).await;
        let port = address.rsplit(':').next().unwrap().to_owned();
        let lab = Lab::default();
        lab.open(Role::Connect, &format!("tls://localhost:{port}"), trusting(&certificates));
        let failed = || {
            let rows = lab.rows();
            rows.into_iter().map(|row| row.id).find(|id| faults(&lab, *id).iter().any(|fault| fault.0 == alert))
        };
        let socket = lab.until("the alert", failed).await;
        lab.closed(socket).await;
        let faults = faults(&lab, socket);
        assert!(faults[0].1.contains(says), "{faults:?}");
        assert_eq!(alerts(&lab, socket)[0], (Way::In, alert), "{}", lab.report());
    }
}
