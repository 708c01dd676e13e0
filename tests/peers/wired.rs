//! Certificates wired to endpoints, before OpenSSL, Node and curl: what they are shown, what they show, and how they
//! take what is bad on purpose.

use std::net::SocketAddr;
use std::path::Path;

use sockscope::model::event::{Event, Kind, Secured, Way};
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::setting;
use sockscope::model::setting::tls::Flaw;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::peers::{Peer, peer, run, run_node};
use crate::support::Lab;
use crate::support::store::{settings, store};
use crate::{faults, payload, port};

/// A store with a CA, a server's certificate and a client's; and a file in it.
fn both() -> tempfile::TempDir {
    store(&["for localhost 127.0.0.1", "for me --use client"])
}

fn file(dir: &tempfile::TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

fn set(lab: &Lab, id: EndpointId, name: &str, value: &str) {
    lab.endpoints.set(id.into(), setting::find(name).unwrap(), value).unwrap();
}

async fn secured(lab: &Lab, socket: SocketId) -> Secured {
    let is = |event: &Event| matches!(event.kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    match lab.event(socket, "secured", is).await.kind {
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => (*secured).clone(),
        kind => panic!("{kind:?}"),
    }
}

/// The alert that came in, if one did.
fn alert(lab: &Lab, socket: SocketId) -> Option<&'static str> {
    lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::Alert { way: Way::In, name } if name != "close_notify" => Some(name),
        _ => None,
    })
}

/// A listener over this store that shows what `certificate` says.
async fn listener(lab: &Lab, pairs: &[(&str, &str)]) -> (EndpointId, SocketAddr) {
    lab.listen("tls://:0", settings(pairs)).await
}

#[tokio::test]
async fn node_names_what_is_wrong_with_each_of_the_gallery() {
    let Some(node) = peer("node") else { return };
    let dir = both();
    let lab = Lab::over(dir.path());
    let (id, address) = listener(&lab, &[("certificate", "localhost")]).await;
    let (port, ca, crl) = (port(address), file(&dir, "ca.crt"), file(&dir, "ca.crl"));
    let said = run_node(&node, "tls-checks.mjs", &[&port, &ca]).ends().await.ok();
    assert_eq!(said, "good\n");
    for flaw in Flaw::ALL {
        set(&lab, id, "certificate", flaw.value());
        lab.until("it is shown", || {
            let events = lab.hub.events(id.into(), 0, 1000).unwrap().events;
            let shown =
                |event: &Event| matches!(&event.kind, Kind::Certificate(shown) if *shown.source == *flaw.value());
            events.iter().any(shown).then_some(())
        })
        .await;
        let mut args = vec![&*port, &*ca];
        if flaw == Flaw::Revoked {
            args.push(&crl);
        }
        let said = run_node(&node, "tls-checks.mjs", &args).ends().await.ok();
        let expected = match flaw {
            Flaw::Expired => "CERT_HAS_EXPIRED",
            Flaw::Early => "CERT_NOT_YET_VALID",
            Flaw::Name => "ERR_TLS_CERT_ALTNAME_INVALID",
            Flaw::SelfSigned => "DEPTH_ZERO_SELF_SIGNED_CERT",
            Flaw::UnknownCa => "SELF_SIGNED_CERT_IN_CHAIN",
            Flaw::Intermediate => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            Flaw::Usage => "INVALID_PURPOSE",
            Flaw::Revoked => "CERT_REVOKED",
        };
        assert_eq!(said.trim(), expected, "{flaw:?}");
    }
}

#[tokio::test]
async fn openssl_sends_the_alert_for_each_of_the_gallery() {
    let Some(openssl) = peer("openssl") else { return };
    let dir = both();
    let lab = Lab::over(dir.path());
    let ca = file(&dir, "ca.crt");
    for (nth, flaw) in (1..).zip(Flaw::ALL) {
        let (_, address) = listener(&lab, &[("certificate", flaw.value())]).await;
        let (to, crl) = (address.to_string(), file(&dir, "ca.crl"));
        let mut args = vec!["s_client", "-connect", &to, "-servername", "localhost", "-verify_return_error"];
        args.extend(["-verify_hostname", "localhost", "-CAfile", &ca]);
        if flaw == Flaw::Revoked {
            args.extend(["-CRL", &crl, "-crl_check"]);
        }
        let done = run(&openssl, &args, b"").await;
        assert_ne!(done.code, Some(0), "{}", done.text());
        let expected = match flaw {
            Flaw::Expired => "certificate_expired",
            Flaw::Early => "bad_certificate",
            Flaw::Name => "bad_certificate",
            Flaw::SelfSigned | Flaw::UnknownCa | Flaw::Intermediate => "unknown_ca",
            Flaw::Usage => "unsupported_certificate",
            Flaw::Revoked => "certificate_revoked",
        };
        let socket = lab.nth(nth).await;
        lab.closed(socket).await;
        assert_eq!(alert(&lab, socket), Some(expected), "{flaw:?}\n{}\n{}", done.text(), done.err);
    }
}

#[tokio::test]
async fn curl_is_let_in_with_its_certificate_and_not_without() {
    let Some(curl) = peer("curl") else { return };
    let dir = both();
    let lab = Lab::over(dir.path());
    let wants = settings(&[("certificate", "localhost"), ("client_auth", "required"), ("reply.text", "come in\n")]);
    let (_, address) = lab.listen("https://:0", wants).await;
    let url = format!("https://localhost:{}/", address.port());
    let (ca, cert, key) = (file(&dir, "ca.crt"), file(&dir, "me.crt"), file(&dir, "me.key"));
    let args = ["-4", "-sS", "--max-time", "10", "--cacert", &ca, "--cert", &cert, "--key", &key, &url];
    assert_eq!(run(&curl, &args, b"").await.ok(), "come in\n");
    let socket = lab.nth(1).await;
    let secured = secured(&lab, socket).await;
    assert_eq!((secured.verified, &*secured.chain[0].subject), (Some(true), "CN=me"));
    let done = run(&curl, &["-4", "-sS", "--max-time", "10", "--cacert", &ca, &url], b"").await;
    // TLS 1.3: the alert comes when its side is done, while it sends (55) or waits (56).
    assert!(matches!(done.code, Some(55 | 56)), "{:?} {}", done.code, done.err);
    let socket = lab.nth(2).await;
    lab.closed(socket).await;
    assert_eq!(faults(&lab, socket)[0].0, "certificate_required", "{}", lab.report());
}

#[tokio::test]
async fn node_shows_its_certificate_and_wants_ours() {
    let Some(node) = peer("node") else { return };
    let dir = both();
    let lab = Lab::over(dir.path());
    let wants = [("certificate", "localhost"), ("client_auth", "required"), ("ca", "ca")];
    let (_, address) = listener(&lab, &wants).await;
    let (port, ca, cert, key) = (port(address), file(&dir, "ca.crt"), file(&dir, "me.crt"), file(&dir, "me.key"));
    let said = run_node(&node, "tls-mutual.mjs", &["client", &port, &ca, &cert, &key]).ends().await.ok();
    assert_eq!(said, "authorized=true hello\n");
    let first = lab.nth(1).await;
    assert_eq!(&*secured(&lab, first).await.chain[0].subject, "CN=me");

    let (cert, key) = (file(&dir, "localhost.crt"), file(&dir, "localhost.key"));
    let server = run_node(&node, "tls-mutual.mjs", &["server", &ca, &cert, &key]);
    let url = format!("tls://127.0.0.1:{}", server.line("listening ").await);
    lab.open(Role::Connect, &url, settings(&[("certificate", "me"), ("ca", "store")]));
    assert_eq!(server.line("peer ").await, "me authorized=true");
    let second = lab.nth(2).await;
    lab.endpoints.command(second, Command::Send(Payload::Bytes("to node\n".into()))).unwrap();
    lab.until("the echo", || (payload(&lab, second, "data") == "to node\n").then_some(())).await;
    lab.endpoints.command(second, Command::Close).unwrap();
    // Without one it is refused.
    lab.open(Role::Connect, &url, settings(&[("ca", "store")]));
    server.line("refused ").await;
    let third = lab.nth(3).await;
    lab.closed(third).await;
    assert_eq!(alert(&lab, third), Some("certificate_required"), "{}", lab.report());
}

#[tokio::test]
async fn s_server_wants_our_certificate_and_gets_it() {
    let Some(openssl) = peer("openssl") else { return };
    let dir = both();
    let lab = Lab::over(dir.path());
    let (ca, cert, key) = (file(&dir, "ca.crt"), file(&dir, "localhost.crt"), file(&dir, "localhost.key"));
    let args = ["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-Verify", "1", "-CAfile", &ca];
    let server = Peer::start(&openssl, &[&args[..], &["-verify_return_error", "-rev"]].concat());
    let url = format!("tls://{}", server.line("ACCEPT ").await);
    for versions in ["1.3", "1.2"] {
        lab.open(Role::Connect, &url, settings(&[("certificate", "me"), ("ca", "store"), ("versions", versions)]));
        let row = lab.until("open", || lab.rows().into_iter().find(|row| !row.life.is_closed())).await;
        assert_eq!(secured(&lab, row.id).await.version, format!("TLS {versions}"));
        lab.endpoints.command(row.id, Command::Send(Payload::Bytes("stressed\n".into()))).unwrap();
        lab.until("the line, reversed", || (payload(&lab, row.id, "data") == "desserts\n").then_some(())).await;
        lab.endpoints.command(row.id, Command::Close).unwrap();
        lab.closed(row.id).await;
    }
    server.says("Peer certificate: CN = me").await;
}

/// What `s_client` gets of a listener with these settings.
async fn s_client(openssl: &Path, lab: &Lab, address: SocketAddr, args: &[&str]) -> String {
    let to = address.to_string();
    let done = run(openssl, &[&["s_client", "-connect", &to, "-servername", "localhost"], args].concat(), b"Q\n").await;
    assert!(lab.rows().iter().any(|row| row.accepted), "{}", lab.report());
    format!("{}{}", done.text(), done.err)
}

#[tokio::test]
async fn openssl_negotiates_what_the_settings_leave() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    // A setting with its value, what s_client is asked to do, and what both say then.
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("versions", "1.2", &[], "TLSv1.2"),
        ("versions", "1.3", &["-tls1_2"], "alert protocol version"),
        ("ciphers", "TLS_CHACHA20_POLY1305_SHA256", &[], "TLS_CHACHA20_POLY1305_SHA256"),
        ("ciphers", "TLS_AES_128_GCM_SHA256", &["-ciphersuites", "TLS_AES_256_GCM_SHA384"], "alert handshake failure"),
        ("groups", "secp384r1", &["-groups", "X25519:P-384"], "384 bits"),
        ("groups", "secp384r1", &["-groups", "X25519"], "alert handshake failure"),
        ("alpn", "one two", &["-alpn", "two"], "ALPN protocol: two"),
        ("alpn", "one", &["-alpn", "three"], "alert no application protocol"),
    ];
    for (name, value, args, want) in cases {
        let (_, address) = listener(&lab, &[(name, value)]).await;
        let said = s_client(&openssl, &lab, address, args).await;
        assert!(said.contains(want), "{name} = {value}: {said}");
    }
}

#[tokio::test]
async fn openssl_resumes_only_where_it_may() {
    let Some(openssl) = peer("openssl") else { return };
    for (resumption, resumed) in [("yes", true), ("no", false)] {
        let lab = Lab::default();
        let (_, address) = listener(&lab, &[("resumption", resumption)]).await;
        let _client = Peer::start(&openssl, &["s_client", "-connect", &address.to_string(), "-tls1_2", "-reconnect"]);
        let sixth = lab.nth(6).await;
        assert_eq!(secured(&lab, sixth).await.resumed, resumed, "resumption = {resumption}");
        // TLS 1.3 gives its tickets behind the handshake.
        let to = address.to_string();
        let mut client = Peer::start(&openssl, &["s_client", "-connect", &to, "-tls1_3", "-servername", "localhost"]);
        client.write(b"echo\n").await;
        client.says("\necho\n").await;
        let ticket = |event: &Event| matches!(event.kind, Kind::SessionTicket { .. });
        assert_eq!(lab.events(SocketId(7)).iter().any(ticket), resumed, "{}", lab.report());
    }
}
