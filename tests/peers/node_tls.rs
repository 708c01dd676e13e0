//! Node's `tls`, in both directions.

use sockscope::model::event::Kind;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::peers::{peer, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{faults, payload, port, talk};

#[tokio::test]
async fn node_verifies_us_and_gets_its_echo() {
    let Some(node) = peer("node") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let said = run_node(&node, "tls-client.mjs", &[&port(address), ca.path().to_str().unwrap()]).ends().await.ok();
    assert_eq!(said, "authorized=true TLSv1.3\necho hello over TLS\nclosed hadError=false\n");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let names = talk(&lab, socket);
    assert_eq!(names[..4], ["connection", "secureConnection", "data", "write"]);
    assert_one_life(&lab.events(socket));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes, row.count.errors), (15, 15, 0), "{}", lab.report());
    assert!(!row.end.unwrap().had_error());
}

#[tokio::test]
async fn our_client_talks_to_node_over_tls_and_refuses_a_stranger() {
    let (Some(node), Some(openssl)) = (peer("node"), peer("openssl")) else { return };
    let certificates = Certificates::make(&openssl).await;
    let server =
        run_node(&node, "tls-server.mjs", &[&certificates.path("server.pem"), &certificates.path("server.key")]);
    let url = format!("tls://localhost:{}", server.line("listening ").await);
    let lab = Lab::default();
    let ca = certificates.path("ca.pem");
    lab.open(Role::Connect, &url, Settings::default().with("ca", &ca).unwrap());
    let socket = lab.nth(1).await;
    lab.event(socket, "secure", |event| matches!(event.kind, Kind::SecureConnect(_))).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("through node\n".into()))).unwrap();
    lab.until("the echo", || (payload(&lab, socket, "data") == "through node\n").then_some(())).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    let row = lab.closed(socket).await;
    assert_one_life(&lab.events(socket));
    assert!(!row.end.unwrap().had_error(), "{}", lab.report());

    lab.open(Role::Connect, &url, Settings::default());
    let socket = lab.nth(2).await;
    lab.closed(socket).await;
    assert_eq!(faults(&lab, socket).len(), 1, "{}", lab.report());
    server.says("refused ERR_SSL").await;
}

#[tokio::test]
async fn node_resumes_its_session_and_sees_what_we_see() {
    let Some(node) = peer("node") else { return };
    for (version, name) in [("TLSv1.3", "TLS 1.3"), ("TLSv1.2", "TLS 1.2")] {
        let (lab, ca) = (Lab::default(), our_ca());
        let (_, address) = lab.listen("tls://:0", Settings::default()).await;
        let args = [&port(address), ca.path().to_str().unwrap(), version];
        let said = run_node(&node, "tls-sessions.mjs", &args).ends().await.ok();
        let said: Vec<&str> = said.lines().collect();
        assert_eq!(said.len(), 2, "{said:?}");
        for nth in 1..=2 {
            let socket = lab.nth(nth).await;
            lab.closed(socket).await;
            let secured = lab.events(socket).into_iter().find_map(|event| match event.kind {
                Kind::SecureConnection(secured) => Some(secured),
                _ => None,
            });
            let secured = secured.unwrap();
            assert_eq!((secured.version, secured.resumed), (name, nth == 2), "{}", lab.report());
            let line = said[nth as usize - 1];
            assert!(line.starts_with(&format!("{version} {} ", secured.cipher)), "{line} {secured:?}");
            assert!(line.ends_with(&format!("reused={}", nth == 2)), "{line}");
        }
    }
}

#[tokio::test]
async fn a_node_server_of_another_protocol_refuses_with_its_alert() {
    let (Some(node), Some(openssl)) = (peer("node"), peer("openssl")) else { return };
    let certificates = Certificates::make(&openssl).await;
    let args = [&*certificates.path("server.pem"), &*certificates.path("server.key")];
    let server = run_node(&node, "tls-alpn-server.mjs", &args);
    let url = format!("https://localhost:{}", server.line("listening ").await);
    let lab = Lab::default();
    let ca = Settings::default().with("ca", &certificates.path("ca.pem")).unwrap();
    lab.open(Role::Connect, &url, ca);
    let failed = || lab.rows().into_iter().map(|row| row.id).find(|id| !faults(&lab, *id).is_empty());
    let socket = lab.until("the refusal", failed).await;
    lab.closed(socket).await;
    let faults = faults(&lab, socket);
    assert_eq!(faults[0].0, "no_application_protocol", "{faults:?}");
    assert!(faults[0].1.contains("ALPN: we offered ") && faults[0].1.contains("http/1.1"), "{faults:?}");
    server.says("refused ERR_SSL").await;
}
