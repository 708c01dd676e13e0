//! TCP that goes on over TLS with programs that know nothing of us: OpenSSL, curl, Node.

use sockscope::model::event::{Event, Kind, Upgrade};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::starttls::Starttls;
use sockscope::model::url::{Role, Scheme};
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::peers::{Peer, peer, run, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{assert_closed_well, faults, payload, port};

const ALL: [&str; 4] = ["smtp", "imap", "pop3", "postgresql"];

fn speaking(speaks: &str) -> Settings {
    Settings::default().with("starttls", speaks).unwrap()
}

fn upgrade(lab: &Lab, socket: SocketId) -> Upgrade {
    let found = lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::Starttls(upgrade) => Some(*upgrade),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no upgrade\n{}", lab.report()))
}

/// Plain text, then where it ended, then the handshake, then clear text: in this order and no other.
fn assert_in_order(lab: &Lab, socket: SocketId, done: &str) {
    let names = lab.names(socket);
    let at = names.iter().position(|name| *name == "starttls").unwrap();
    let secure = names.iter().position(|name| *name == done).unwrap();
    assert!(names[1..at].iter().all(|name| ["data", "write"].contains(name)), "{names:?}");
    assert_eq!(names[at + 1..at + 3], ["clientHello", "serverHello"], "{names:?}");
    assert!(names[at..secure].iter().all(|name| !["data", "write"].contains(name)), "{names:?}");
}

#[tokio::test]
async fn s_client_comes_to_tls_by_the_lines_of_each_protocol() {
    let Some(openssl) = peer("openssl") else { return };
    let ca = our_ca();
    for speaks in ALL {
        let lab = Lab::default();
        let (_, address) = lab.listen("tcp://:0", speaking(speaks)).await;
        let address = address.to_string();
        let name = if speaks == "postgresql" { "postgres" } else { speaks };
        let args = ["s_client", "-starttls", name, "-connect", &address, "-CAfile", ca.path().to_str().unwrap()];
        let mut client = Peer::start(&openssl, &[&args[..], &["-verify_hostname", "localhost"]].concat());
        client.says("Verify return code: 0 (ok)").await;
        client.write(b"echo this\n").await;
        client.says("\necho this\n").await;
        let socket = lab.nth(1).await;
        assert_eq!(lab.hub.socket(socket).unwrap().scheme, Scheme::Tls);
        client.ends().await.ok();
        let row = lab.closed(socket).await;
        assert_in_order(&lab, socket, "secureConnection");
        assert_one_life(&lab.events(socket));
        let upgrade = upgrade(&lab, socket);
        assert_eq!((upgrade.by.name(), upgrade.role), (speaks, Role::Listen));
        assert_eq!(row.count.received.bytes, upgrade.received + 10, "{speaks}");
        assert_eq!(row.count.sent.bytes, upgrade.sent + 10, "{speaks}");
        assert_eq!(row.count.errors, 0, "{}", lab.report());
    }
}

#[tokio::test]
async fn curl_sends_its_commands_over_tls_alone() {
    let Some(curl) = peer("curl") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let settings = speaking("smtp").with("reply.text", "250 as you like\\r\\n").unwrap();
    let (_, address) = lab.listen("tcp://:0", settings).await;
    let url = format!("smtp://{address}");
    let args = ["-sS", &url, "--ssl-reqd", "--cacert", ca.path().to_str().unwrap(), "-X", "NOOP"];
    run(&curl, &args, b"").await.ok();
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    assert_in_order(&lab, socket, "secureConnection");
    let said = payload(&lab, socket, "data");
    assert!(said.contains("STARTTLS\r\nEHLO ") && said.ends_with("NOOP\r\nQUIT\r\n"), "{said}");
    assert_closed_well(&lab, socket);
}

#[tokio::test]
async fn our_client_comes_to_tls_with_servers_of_nodes() {
    let (Some(node), Some(openssl)) = (peer("node"), peer("openssl")) else { return };
    let certificates = Certificates::make(&openssl).await;
    let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    for speaks in ALL {
        let server = run_node(&node, "starttls-server.mjs", &[speaks, &cert, &key]);
        let port = server.line("listening ").await;
        let lab = Lab::default();
        let settings = speaking(speaks).with("ca", &certificates.path("ca.pem")).unwrap();
        lab.open(Role::Connect, &format!("tcp://localhost:{port}"), settings);
        let socket = lab.nth(1).await;
        let secure =
            |event: &Event| matches!(&event.kind, Kind::SecureConnect(secured) if secured.verified == Some(true));
        lab.event(socket, "secure", secure).await;
        server.says("secure TLSv1.3").await;
        let before = payload_size(&lab, socket);
        lab.endpoints.command(socket, Command::Send(Payload::Bytes("there and back\n".into()))).unwrap();
        lab.until("echoed", || (payload_size(&lab, socket) == before + 15).then_some(())).await;
        lab.endpoints.command(socket, Command::Close).unwrap();
        let row = lab.closed(socket).await;
        assert_in_order(&lab, socket, "secureConnect");
        let upgrade = upgrade(&lab, socket);
        assert_eq!((upgrade.by.name(), upgrade.role), (speaks, Role::Connect));
        assert_eq!(row.count.received.bytes, upgrade.received + 15, "{speaks}");
        assert_eq!(row.count.sent.bytes, upgrade.sent + 15, "{speaks}");
        assert_closed_well(&lab, socket);
        assert!(!server.all().contains("back"), "nothing of it in plain text: {}", server.all());
    }
}

/// Bytes that came in as `data`.
fn payload_size(lab: &Lab, socket: SocketId) -> u64 {
    lab.hub.socket(socket).map_or(0, |row| row.count.received.bytes)
}

#[tokio::test]
async fn nodes_client_is_answered_by_hand() {
    let Some(node) = peer("node") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tcp://:0", Settings::default().with("reply", "none").unwrap()).await;
    let client = run_node(&node, "starttls-client.mjs", &[&port(address), ca.path().to_str().unwrap()]);
    let socket = lab.nth(1).await;
    lab.until("asked", || (payload(&lab, socket, "data") == "ready?\n").then_some(())).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("220 ready\r\n".into()))).unwrap();
    client.says("plain 220 ready").await;
    // A person needs a moment: its hello is there by then.
    let hello = |event: &Event| event.kind == Kind::Data && event.head.starts_with(&[22, 3]);
    lab.event(socket, "the hello", hello).await;
    lab.endpoints.command(socket, Command::Starttls).unwrap();
    client.says("authorized=true TLSv1.3").await;
    lab.until("clear text", || lab.events(socket).iter().any(|event| event.head == b"over TLS\n").then_some(())).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("typed by hand\n".into()))).unwrap();
    client.says("clear typed by hand").await;
    client.says("closed hadError=false").await;
    client.ends().await.ok();
    let row = lab.closed(socket).await;
    assert_eq!(upgrade(&lab, socket).by, Starttls::Off);
    assert_eq!(row.count.sent.bytes, 11 + 14);
    assert_in_order(&lab, socket, "secureConnection");
    assert_closed_well(&lab, socket);
}

#[tokio::test]
async fn a_plain_client_begins_tls_with_s_server_by_hand() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let server = Peer::start(&openssl, &["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-rev"]);
    let address = server.line("ACCEPT ").await;
    let lab = Lab::default();
    let settings = Settings::default().with("ca", &certificates.path("ca.pem")).unwrap();
    lab.open(Role::Connect, &format!("tcp://{address}"), settings);
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life.name() == "open").await;
    lab.endpoints.command(socket, Command::Starttls).unwrap();
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("stressed\n".into()))).unwrap();
    lab.until("the line, reversed", || (payload(&lab, socket, "data") == "desserts\n").then_some(())).await;
    let upgrade = upgrade(&lab, socket);
    assert_eq!((upgrade.role, upgrade.received, upgrade.sent), (Role::Connect, 0, 0));
    assert_eq!(faults(&lab, socket), [], "{}", lab.report());
}
