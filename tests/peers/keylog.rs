//! The key log against those who read it (tshark) and those who write their own (OpenSSL).

use std::collections::BTreeSet;
use std::path::Path;

use sockscope::model::event::{Event, Kind};
use sockscope::model::setting;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::certificates::Certificates;
use crate::payload;
use crate::peers::{Peer, peer};
use crate::support::Lab;
use crate::tshark::Capture;

const EARLY: &str = "CLIENT_EARLY_TRAFFIC_SECRET";

fn lines(file: &Path) -> BTreeSet<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The labels that a timeline says were written, to a file of that name.
fn told(lab: &Lab, events: &[Event], file: &Path) -> Vec<String> {
    let logged = events.iter().find_map(|event| match &event.kind {
        Kind::KeyLog(logged) => Some(logged),
        _ => None,
    });
    let logged = logged.unwrap_or_else(|| panic!("no keylog\n{}", lab.report()));
    assert_eq!(*logged.file, *file.to_str().unwrap());
    logged.labels.iter().map(|label| label.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_writes_the_same_lines_and_tshark_reads_with_them() {
    let Some(openssl) = peer("openssl") else { return };
    for option in ["-tls1_3", "-tls1_2"] {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs, session) = (dir.path().join("ours"), dir.path().join("theirs"), dir.path().join("session"));
        let (theirs_name, session_name) = (theirs.to_str().unwrap(), session.to_str().unwrap());
        let lab = Lab::default();
        let settings = Settings::default().with("keylog", ours.to_str().unwrap()).unwrap();
        let (_, address) = lab.listen("tls://:0", settings).await;
        let Some(capture) = Capture::start(address.port()).await else { return };
        // Once in full, then resumed.
        for (nth, more) in [(1, ["-sess_out", session_name]), (2, ["-sess_in", session_name])] {
            let at = address.to_string();
            let args = ["s_client", "-connect", &at, option, "-keylogfile", theirs_name];
            let mut client = Peer::start(&openssl, &[&args[..], &more].concat());
            client.write(b"read me\n").await;
            client.says("\nread me\n").await;
            client.ends().await.ok();
            let socket = lab.nth(nth).await;
            lab.closed(socket).await;
            let done = lab.events(socket).into_iter().find_map(|event| match event.kind {
                Kind::SecureConnection(secured) => Some(secured.resumed),
                _ => None,
            });
            assert_eq!(done, Some(nth == 2), "{option}\n{}", lab.report());
            let labels = told(&lab, &lab.events(socket), &ours);
            // A resumed TLS 1.3 has a secret for early data too, which rustls tells of, and OpenSSL where there is some.
            let known = if option == "-tls1_3" { 5 } else { 1 };
            assert_eq!(labels.iter().filter(|label| *label != EARLY).count(), known, "{labels:?}");
            let shown = format!("{:?}", lab.events(socket));
            let secret = |line: &String| line.rsplit(' ').next().unwrap().to_owned();
            assert!(lines(&ours).iter().map(secret).all(|secret| !shown.contains(&secret)), "no secret is shown");
        }
        let mut written = lines(&theirs);
        // OpenSSL's heading.
        written.retain(|line| !line.starts_with('#'));
        let mut known = lines(&ours);
        known.retain(|line| !line.starts_with(EARLY));
        assert_eq!(known, written, "{option}");
        let rows = capture.read_with("data", &["data.text"], address.port(), &ours).await;
        let text: String = rows.concat().concat();
        assert_eq!(text.matches("read me").count(), 4, "{option}: sent and echoed, twice: {rows:?}");
        capture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_secrets_are_its_servers_and_the_file_is_changed_while_it_runs() {
    let Some(openssl) = peer("openssl") else { return };
    let certificates = Certificates::make(&openssl).await;
    let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let dir = tempfile::tempdir().unwrap();
    let (first, second, theirs) = (dir.path().join("first"), dir.path().join("second"), dir.path().join("theirs"));
    let args = ["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-rev", "-keylogfile"];
    let server = Peer::start(&openssl, &[&args[..], &[theirs.to_str().unwrap()]].concat());
    let address = server.line("ACCEPT ").await;
    let lab = Lab::default();
    lab.endpoints.log_keys(first.clone());
    let settings = Settings::default().with("ca", &certificates.path("ca.pem")).unwrap();
    let id = lab.open(Role::Connect, &format!("tls://{address}"), settings);
    for (nth, file) in [(1, &first), (2, &second)] {
        let socket = lab.nth(nth).await;
        lab.event(socket, "secure", |event| event.kind.name() == "secureConnect").await;
        lab.endpoints.command(socket, Command::Send(Payload::Bytes("stressed\n".into()))).unwrap();
        lab.until("reversed", || (payload(&lab, socket, "data") == "desserts\n").then_some(())).await;
        assert_eq!(told(&lab, &lab.events(socket), file).len(), 5);
        lab.endpoints.command(socket, Command::Close).unwrap();
        lab.closed(socket).await;
        if nth == 1 {
            lab.endpoints.set(id.into(), setting::find("keylog").unwrap(), second.to_str().unwrap()).unwrap();
            lab.endpoint(id, "over", |row| row.open == 0 && row.state.name() == "stopped").await;
            lab.endpoints.start(id);
        }
    }
    let mut written = lines(&theirs);
    written.retain(|line| !line.starts_with('#'));
    let ours: BTreeSet<_> = lines(&first).union(&lines(&second)).cloned().collect();
    assert_eq!((lines(&first).len(), lines(&second).len()), (5, 5));
    assert_eq!(ours, written);
}

#[tokio::test]
async fn a_key_log_that_takes_nothing_is_an_error_line_and_no_more() {
    let Some(openssl) = peer("openssl") else { return };
    let lab = Lab::default();
    let settings = Settings::default().with("keylog", "/nowhere/at/all").unwrap();
    let (id, address) = lab.listen("tls://:0", settings).await;
    for nth in [1, 2] {
        let mut client = Peer::start(&openssl, &["s_client", "-connect", &address.to_string()]);
        client.write(b"all the same\n").await;
        client.says("\nall the same\n").await;
        client.ends().await.ok();
        let socket = lab.nth(nth).await;
        lab.closed(socket).await;
        assert!(!lab.names(socket).contains(&"keylog"));
    }
    let errors = lab.hub.events(id.into(), 0, 100).unwrap().events;
    let errors: Vec<_> = errors.iter().filter(|event| event.kind.name() == "error").collect();
    let [Event { kind: Kind::Error(fault), .. }] = errors[..] else { panic!("{errors:?}") };
    assert!(fault.to_string().contains("the key log /nowhere/at/all"), "{fault}");
}
