//! Node's `tls`, in both directions.

use sockscope::model::event::Kind;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::certificates::{Certificates, our_ca};
use crate::peers::{peer, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{faults, payload, port};

#[tokio::test]
async fn node_verifies_us_and_gets_its_echo() {
    let Some(node) = peer("node") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let said = run_node(&node, "tls-client.mjs", &[&port(address), ca.path().to_str().unwrap()]).ends().await.ok();
    assert_eq!(said, "authorized=true TLSv1.3\necho hello over TLS\nclosed hadError=false\n");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let names = lab.names(socket);
    assert_eq!(names[..5], ["connection", "clientHello", "secureConnection", "data", "write"]);
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
