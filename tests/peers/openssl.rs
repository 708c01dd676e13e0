//! OpenSSL's own client and server: who trusts whom, and what the timeline says when somebody does not.

use std::path::Path;
use std::sync::Arc;

use sockscope::model::end::End;
use sockscope::model::event::{Kind, Secured};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::peers::{Peer, peer, run};
use crate::support::{Lab, assert_one_life};
use crate::{faults, payload, talk};

/// What a handshake agreed on, once it is done.
async fn secured(lab: &Lab, socket: SocketId) -> Secured {
    let done = |kind: &Kind| matches!(kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    match lab.event(socket, "secure", |event| done(&event.kind)).await.kind {
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => Arc::unwrap_or_clone(secured),
        kind => panic!("{kind:?}"),
    }
}

async fn s_client_talks(openssl: &Path, version: &str, name: &'static str) {
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let (address, ca) = (address.to_string(), ca.path().to_str().unwrap());
    let mut client = Peer::start(
        openssl,
        &[
            "s_client",
            "-connect",
            &address,
            "-servername",
            "localhost",
            "-verify_hostname",
            "localhost",
            version,
            "-CAfile",
            ca,
        ],
    );
    client.says("Verify return code: 0 (ok)").await;
    client.write(b"echo this\n").await;
    client.says("\necho this\n").await;
    client.ends().await.ok();
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let names = talk(&lab, socket);
    assert_eq!(names[..4], ["connection", "secureConnection", "data", "write"]);
    assert_one_life(&lab.events(socket));
    let Kind::ClientHello(hello) = &lab.events(socket)[1].kind else { panic!() };
    assert_eq!(hello.server_name.as_deref(), Some("localhost"));
    let secured = secured(&lab, socket).await;
    assert_eq!((secured.version, secured.verified), (name, None));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes, row.count.errors), (10, 10, 0), "{}", lab.report());
    assert!(!row.end.unwrap().had_error());
}

#[tokio::test]
async fn s_client_verifies_us_and_gets_its_echo() {
    let Some(openssl) = peer("openssl") else { return };
    s_client_talks(&openssl, "-tls1_3", "TLS 1.3").await;
    s_client_talks(&openssl, "-tls1_2", "TLS 1.2").await;
}

#[tokio::test]
async fn a_resumed_handshake_is_told_from_a_full_one() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    // Connects once, and five times more with the session of the first.
    let mut client = Peer::start(&openssl, &["s_client", "-connect", &address.to_string(), "-tls1_2", "-reconnect"]);
    let sixth = lab.nth(6).await;
    secured(&lab, sixth).await;
    client.write(b"here again\n").await;
    client.says("\nhere again\n").await;
    client.ends().await.ok();
    lab.closed(sixth).await;
    for n in 1..=6 {
        assert_eq!(secured(&lab, SocketId(n)).await.resumed, n > 1, "connection {n}");
    }
}

#[tokio::test]
async fn s_client_that_does_not_trust_us_is_named_by_its_alert() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    for (n, version) in [(1, "-tls1_3"), (2, "-tls1_2")] {
        let args = ["s_client", "-connect", &address.to_string(), version, "-verify_return_error"];
        let done = run(&openssl, &args, b"").await;
        assert_ne!(done.code, Some(0), "{}", done.text());
        let socket = lab.nth(n).await;
        let row = lab.closed(socket).await;
        let faults = faults(&lab, socket);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].0, "unknown_ca", "{faults:?}");
        assert!(faults[0].1.contains("the peer sent the alert unknown_ca"), "{faults:?}");
        assert_one_life(&lab.events(socket));
        assert!(matches!(row.end.as_deref(), Some(End::Unsecured { .. } | End::Broken(_))), "{:?}", row.end);
        assert_eq!(row.count.errors, 1);
    }
}

#[tokio::test]
async fn a_version_we_do_not_speak_is_an_alert_of_ours() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let args = ["s_client", "-connect", &address.to_string(), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-ign_eof"];
    let done = run(&openssl, &args, b"").await;
    assert_ne!(done.code, Some(0), "{}", done.text());
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let faults = faults(&lab, socket);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].1.starts_with("we sent the alert "), "{faults:?}");
    assert_one_life(&lab.events(socket));
}

#[tokio::test]
async fn s_client_that_speaks_only_plain_text_is_told_so() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let done = run(&openssl, &["s_client", "-connect", &address.to_string()], b"").await;
    assert_ne!(done.code, Some(0), "an echo is no TLS server: {}", done.text());
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    assert_eq!(lab.names(socket)[..3], ["connection", "clientHello", "data"], "its hello is plain bytes to us");
    assert_one_life(&lab.events(socket));
}

/// An `s_server` that sends each line back reversed; and where it listens.
async fn s_server(openssl: &Path, certificates: &Certificates, name: &str) -> (Peer, String) {
    let (cert, key) = (certificates.path(&format!("{name}.pem")), certificates.path(&format!("{name}.key")));
    let server = Peer::start(openssl, &["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-rev"]);
    let address = server.line("ACCEPT ").await;
    (server, address)
}

async fn reversed(lab: &Lab, socket: SocketId) {
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("stressed\n".into()))).unwrap();
    lab.until("the line, reversed", || (payload(lab, socket, "data") == "desserts\n").then_some(())).await;
    assert_eq!(talk(lab, socket), ["connect", "secureConnect", "write", "data"]);
    lab.endpoints.command(socket, Command::Close).unwrap();
    let row = lab.closed(socket).await;
    assert_eq!((row.count.received.bytes, row.count.sent.bytes, row.count.errors), (9, 9, 0), "{}", lab.report());
    assert_one_life(&lab.events(socket));
}

#[tokio::test]
async fn our_client_trusts_s_server_by_its_ca() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    let (_server, address) = s_server(&openssl, &certificates, "server").await;
    let lab = Lab::default();
    let settings = Settings::default().with("ca", &certificates.path("ca.pem")).unwrap();
    lab.open(Role::Connect, &format!("tls://{address}"), settings);
    let socket = lab.nth(1).await;
    let secured = secured(&lab, socket).await;
    assert_eq!((secured.version, secured.verified), ("TLS 1.3", Some(true)));
    reversed(&lab, socket).await;
}

#[tokio::test]
async fn our_client_refuses_a_stranger_with_a_sentence() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    for name in ["server", "self"] {
        let (server, address) = s_server(&openssl, &certificates, name).await;
        let lab = Lab::default();
        let id = lab.open(Role::Connect, &format!("tls://{address}"), Settings::default());
        let row = lab.endpoint(id, "failed", |row| matches!(row.state, State::Failed(_))).await;
        let State::Failed(fault) = row.state else { panic!() };
        let text = fault.to_string();
        assert!(text.starts_with("we sent the alert ") && text.contains("certificate"), "{text}");
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        assert_eq!(lab.names(socket)[0], "connect");
        assert_eq!(faults(&lab, socket).len(), 1, "{}", lab.report());
        assert_one_life(&lab.events(socket));
        server.says("alert").await;
    }
}

#[tokio::test]
async fn insecure_lets_a_stranger_in_and_says_so() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    for name in ["server", "self"] {
        let (_server, address) = s_server(&openssl, &certificates, name).await;
        let lab = Lab::default();
        lab.open(Role::Connect, &format!("tls://{address}"), Settings::default().with("insecure", "yes").unwrap());
        let socket = lab.nth(1).await;
        assert_eq!(secured(&lab, socket).await.verified, Some(false));
        reversed(&lab, socket).await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    let (_server, address) = s_server(&openssl, &certificates, "server").await;
    let lab = Lab::default();
    let ca = certificates.path("ca.pem");
    let settings = Settings::default().with("ca", &ca).unwrap().with("server_name", "elsewhere.test").unwrap();
    lab.open(Role::Connect, &format!("tls://{address}"), settings);
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let faults = faults(&lab, socket);
    assert!(faults.len() == 1 && faults[0].1.contains("elsewhere.test"), "{faults:?}");
}
