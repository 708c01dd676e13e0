//! TLS between ends of our own, and at doors where it was not expected.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod support;

use std::sync::Arc;

use sockscope::model::event::{Event, Hello, Kind, Secured, Way};
use sockscope::model::handshake::Outcome;
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use support::{Lab, assert_one_life};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn hello(lab: &Lab, socket: SocketId) -> Option<Hello> {
    lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::ClientHello(hello) => Some(Arc::unwrap_or_clone(hello)),
        _ => None,
    })
}

async fn secured(lab: &Lab, socket: SocketId) -> Secured {
    let is = |event: &Event| matches!(event.kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    match lab.event(socket, "secured", is).await.kind {
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => Arc::unwrap_or_clone(secured),
        kind => panic!("{kind:?}"),
    }
}

/// What an error said, whoever recorded it.
fn said(lab: &Lab, socket: SocketId) -> String {
    let text = |event: Event| match event.kind {
        Kind::TlsError(fault) | Kind::ClientError(fault, _) | Kind::Error(fault) => Some(fault.to_string()),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_again_resumes_and_both_ends_say_so() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), Settings::default());
    for round in 0..3u32 {
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let (near, far) = (lab.nth(2 * round + 1).await, lab.nth(2 * round + 2).await);
        let (a, b) = (secured(&lab, near).await, secured(&lab, far).await);
        assert_eq!((a.resumed, b.resumed), (round > 0, round > 0), "round {round}\n{}", lab.report());
        let dialled = if lab.hub.socket(near).unwrap().accepted { far } else { near };
        let shown = secured(&lab, dialled).await;
        assert_eq!(shown.verified, Some(true), "the verdict is that of the session it resumes");
        assert_eq!((shown.chain.len(), &*shown.chain[0].subject), (1, "CN=localhost"));
        let ticket = lab.event(dialled, "ticket", |event| matches!(event.kind, Kind::SessionTicket { .. })).await;
        assert!(matches!(ticket.kind, Kind::SessionTicket { way: Way::In, lifetime: 1.., .. }), "{ticket:?}");
        lab.endpoints.command(dialled, Command::Close).unwrap();
        lab.closed(near).await;
        lab.closed(far).await;
        lab.endpoint(client, "over", |row| row.state != State::Up).await;
        lab.endpoints.start(client);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_notify_is_told_going_and_coming() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), Settings::default());
    let (near, far) = (lab.nth(1).await, lab.nth(2).await);
    let dialled = if lab.hub.socket(near).unwrap().accepted { far } else { near };
    secured(&lab, near).await;
    secured(&lab, far).await;
    lab.endpoints.command(dialled, Command::End).unwrap();
    for socket in [near, far] {
        lab.closed(socket).await;
        let story = |event: Event| match event.kind {
            Kind::Alert { way, name } => Some(format!("{way:?} {name}")),
            Kind::End { way, .. } => Some(format!("{way:?} end")),
            _ => None,
        };
        let story: Vec<String> = lab.events(socket).into_iter().filter_map(story).collect();
        let (first, then) = if socket == dialled { ("Out", "In") } else { ("In", "Out") };
        let expected = [(first, "close_notify"), (first, "end"), (then, "close_notify"), (then, "end")];
        assert_eq!(story, expected.map(|(way, what)| format!("{way} {what}")), "{}", lab.report());
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn a_fin_without_close_notify_is_told_as_truncation() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    // A relay that ends the connection under TLS once both sides are done with their handshake.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = relay.local_addr().unwrap().port();
    lab.open(Role::Connect, &format!("tls://localhost:{port}"), Settings::default().with("insecure", "yes").unwrap());
    let (mut near, _) = relay.accept().await.unwrap();
    let mut far = TcpStream::connect(address).await.unwrap();
    let done = async {
        lab.until("both are secured", || {
            let rows = lab.rows();
            let is = |kind: &Kind| matches!(kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
            let all = rows.iter().all(|row| lab.events(row.id).iter().any(|event| is(&event.kind)));
            (rows.len() == 2 && all).then_some(())
        })
        .await;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => panic!("nobody has closed"),
        () = done => {}
    }
    far.shutdown().await.unwrap();
    let accepted = lab.rows().into_iter().find(|row| row.accepted).unwrap().id;
    let error = lab.event(accepted, "truncation", |event| matches!(event.kind, Kind::TlsError(_))).await;
    let Kind::TlsError(fault) = error.kind else { unreachable!() };
    assert!(fault.to_string().contains("without a close_notify"), "{fault}");
    let notified = |event: &Event| matches!(event.kind, Kind::Alert { way: Way::In, .. });
    assert!(!lab.events(accepted).iter().any(notified), "{}", lab.report());
}

#[tokio::test]
async fn an_echo_is_no_tls_server_and_is_called_one() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), Settings::default());
    lab.endpoint(client, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let dialled = lab.rows().into_iter().find(|row| !row.accepted).unwrap().id;
    let text = said(&lab, dialled);
    assert!(text.contains("sends our own hello back"), "{text}");
}

#[tokio::test]
async fn of_a_handshake_that_failed_both_sides_know_what_was_shown() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    // A root that has nothing to do with the server.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.pem");
    let other = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).unwrap();
    std::fs::write(&file, other.cert.pem()).unwrap();
    let settings = Settings::default().with("ca", file.to_str().unwrap()).unwrap();
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), settings);
    lab.endpoint(client, "failed", |row| matches!(row.state, State::Failed(_))).await;
    lab.until("both are over", || (lab.rows().iter().filter(|row| row.life.is_closed()).count() == 2).then_some(()))
        .await;
    for row in lab.rows() {
        let it = lab.hub.handshake(row.id.into()).unwrap();
        let Outcome::Failed { fault, terms, .. } = &it.outcome else { panic!("{it:?}") };
        assert!(fault.to_string().contains("unknown_ca"), "{fault}");
        assert_eq!(terms.is_some(), row.accepted, "a listener says what it takes");
        let shown = &it.chains[usize::from(row.accepted)];
        assert_eq!(shown.iter().map(|shown| &*shown.subject).collect::<Vec<_>>(), ["CN=localhost"], "{it:?}");
        let topics = it.topics();
        let groups = topics.iter().find(|topic| topic.name == "groups").unwrap();
        assert_eq!(groups.chosen, groups.offered[..1], "{it:?}");
        let last = it.steps.last().unwrap();
        assert!(matches!(last.kind, Kind::Alert { name: "unknown_ca", .. }), "{it:?}");
    }
}

#[tokio::test]
async fn tls_on_a_plain_port_is_recognised_and_the_plain_answer_too() {
    // A server that speaks first, as mail servers do.
    let lab = Lab::default();
    let (_, address) =
        lab.listen("tcp://:0", Settings::default().with("greet", "220 mail.test ESMTP\\r\\n").unwrap()).await;
    lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), Settings::default());
    lab.until("both are over", || (lab.rows().iter().filter(|row| row.life.is_closed()).count() == 2).then_some(()))
        .await;
    let rows = lab.rows();
    let find = |accepted: bool| rows.iter().find(|row| row.accepted == accepted).unwrap().id;
    let hello = hello(&lab, find(true)).unwrap();
    assert!(hello.astray, "{hello:?}");
    assert_eq!((hello.way, hello.server_name.as_deref()), (Way::In, Some("localhost")));
    let text = said(&lab, find(false));
    assert!(text.contains("SMTP or FTP in plain text") && text.contains("220 mail.test"), "{text}");
}

#[tokio::test]
async fn a_plain_client_at_a_tls_port_is_told_what_it_meets() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let client = lab.open(Role::Connect, &format!("tcp://localhost:{}", address.port()), Settings::default());
    lab.endpoint(client, "up", |row| row.state == State::Up).await;
    lab.endpoints.broadcast(client, &Payload::Bytes("hello there\n".into())).unwrap();
    let dialled = lab.rows().into_iter().find(|row| !row.accepted).unwrap().id;
    lab.closed(dialled).await;
    let text = said(&lab, dialled);
    assert!(
        text.contains("the peer sent the alert decode_error: it speaks TLS") && text.contains("use tls://"),
        "{text}"
    );
    let accepted = lab.rows().into_iter().find(|row| row.accepted).unwrap().id;
    assert!(said(&lab, accepted).contains("in plain text and we speak TLS; it said \"hello there"), "{}", lab.report());
    let alert = |event: &Event| matches!(event.kind, Kind::Alert { way: Way::Out, name: "decode_error" });
    assert!(lab.events(accepted).iter().any(alert), "{}", lab.report());
}

#[tokio::test]
async fn plain_http_on_an_https_port_is_answered_in_plain_http() {
    for scheme in ["https", "wss"] {
        let lab = Lab::default();
        let (_, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(b"GET /where HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(&format!("{scheme}://")), "{answer}");
        let socket = lab.nth(1).await;
        lab.closed(socket).await;
        let text = said(&lab, socket);
        assert!(text.contains("HTTP in plain text") && text.contains("GET /where") && text.contains("400"), "{text}");
        assert_one_life(&lab.events(socket));
    }
}

#[tokio::test]
async fn the_details_page_tells_of_tls() {
    let lab = Lab::default();
    let (_, address) = lab.listen("https://:0", Settings::default()).await;
    lab.open(Role::Connect, &format!("https://localhost:{}", address.port()), Settings::default());
    let (near, far) = (lab.nth(1).await, lab.nth(2).await);
    let dialled = if lab.hub.socket(near).unwrap().accepted { far } else { near };
    secured(&lab, dialled).await;
    let groups = lab.hub.details(dialled.into()).unwrap().1;
    let find = |title: &str, name: &str| {
        let group = groups.iter().find(|group| group.title == title).unwrap_or_else(|| panic!("{groups:?}"));
        group.rows.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name} {group:?}")).1.clone()
    };
    assert_eq!((find("TLS", "version"), find("TLS", "SNI")), ("TLS 1.3".into(), "localhost".into()));
    assert!(find("TLS", "records in").contains("handshake 1"), "{groups:?}");
    assert_eq!(find("TLS", "peer"), "certificate good");
    assert!(find("certificate", "names").contains("localhost"));
    assert!(find("certificate", "issuer").contains("sockscope session CA"));
}
