//! Certificates wired to endpoints: from the store, made by name, bad on purpose, swapped while sockets are open, and
//! asked of clients; between ends of our own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod support;

use std::net::SocketAddr;

use sockscope::model::event::{Event, Kind, Secured, Shown, Way};
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::setting;
use sockscope::model::setting::tls::Flaw;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use support::store::{run, settings, store};
use support::{Lab, assert_one_life};

fn set(lab: &Lab, id: EndpointId, name: &str, value: &str) {
    lab.endpoints.set(id.into(), setting::find(name).unwrap(), value).unwrap();
}

fn told(lab: &Lab, id: EndpointId) -> Vec<Event> {
    lab.hub.events(id.into(), 0, 10_000).unwrap().events
}

/// What a listener has said it shows, in order.
fn shown(lab: &Lab, id: EndpointId) -> Vec<Shown> {
    let shown = |event: Event| match event.kind {
        Kind::Certificate(shown) => Some(*shown),
        _ => None,
    };
    told(lab, id).into_iter().filter_map(shown).collect()
}

/// The lines and errors of an endpoint.
fn said(lab: &Lab, id: EndpointId) -> String {
    let text = |event: Event| match event.kind {
        Kind::Log => Some(String::from_utf8(event.head).unwrap()),
        Kind::Error(fault) => Some(fault.to_string()),
        _ => None,
    };
    told(lab, id).into_iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// A client's socket and the one it has at our listener, both there.
async fn pair(lab: &Lab, to: SocketAddr, pairs: &[(&str, &str)]) -> (SocketId, SocketId) {
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", to.port()), settings(pairs));
    let ours = |accepted: bool, known: Option<SocketAddr>| {
        let row = lab.rows().into_iter().find(|row| {
            row.accepted == accepted && (accepted || row.endpoint == client) && known.is_none_or(|at| row.peer == at)
        });
        row.map(|row| (row.id, row.local))
    };
    let (near, local) = lab.until("the client's socket", || ours(false, None).filter(|row| row.1.is_some())).await;
    let (far, _) = lab.until("the listener's socket", || ours(true, local)).await;
    (near, far)
}

async fn secured(lab: &Lab, socket: SocketId) -> Secured {
    let is = |event: &Event| matches!(event.kind, Kind::SecureConnection(_) | Kind::SecureConnect(_));
    match lab.event(socket, "secured", is).await.kind {
        Kind::SecureConnection(secured) | Kind::SecureConnect(secured) => (*secured).clone(),
        kind => panic!("{kind:?}"),
    }
}

/// What went wrong on a socket.
fn faults(lab: &Lab, socket: SocketId) -> String {
    let text = |event: Event| match event.kind {
        Kind::TlsError(fault) | Kind::Error(fault) => Some(fault.to_string()),
        _ => None,
    };
    lab.events(socket).into_iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// The alert that crossed, by its name: seen on this socket in this direction.
fn alert(lab: &Lab, socket: SocketId, side: Way) -> Option<&'static str> {
    lab.events(socket).into_iter().find_map(|event| match event.kind {
        Kind::Alert { way, name } if way == side && name != "close_notify" => Some(name),
        _ => None,
    })
}

async fn echo(lab: &Lab, socket: SocketId) {
    let before = lab.hub.socket(socket).unwrap().count.received.bytes;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("still here\n".into()))).unwrap();
    lab.socket(socket, "has its echo", |row| row.count.received.bytes == before + 11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_certificate_is_for_new_peers_and_open_sockets_live_on() {
    let dir = store(&["for localhost", "ca other", "for localhost 127.0.0.1 --ca other --replace"]);
    run(dir.path(), "for localhost --replace");
    run(
        dir.path(),
        "import second --certificate DIR/localhost.crt --key DIR/localhost.key"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    run(dir.path(), "for localhost --ca other --replace");
    let lab = Lab::over(dir.path());
    let (id, address) = lab.listen("tls://:0", settings(&[("certificate", "localhost")])).await;
    let (first, _) = pair(&lab, address, &[("ca", "store")]).await;
    let before = secured(&lab, first).await;
    assert_eq!((before.verified, &*before.chain[0].issuer), (Some(true), "CN=sockscope other"));
    set(&lab, id, "certificate", "second");
    lab.until("it is told", || (shown(&lab, id).len() == 2).then_some(())).await;
    let (second, _) = pair(&lab, address, &[("ca", "store")]).await;
    let after = secured(&lab, second).await;
    assert_eq!((after.verified, &*after.chain[0].issuer), (Some(true), "CN=sockscope local CA"));
    echo(&lab, first).await;
    let told = shown(&lab, id);
    assert_eq!((&*told[0].source, &*told[1].source), ("localhost", "second"));
    let groups = lab.hub.details(id.into()).unwrap().1;
    let page: Vec<_> =
        groups.iter().filter(|group| group.title == "certificate").flat_map(|group| &group.rows).collect();
    assert!(page[0].0 == "source" && page[0].1 == "second", "the details page says what is shown: {groups:?}");
    for (told, secured) in told.iter().zip([&before, &after]) {
        assert_eq!((&told.certificate, told.is_bad), (&secured.chain[0], false), "the event names what peers see");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_made_for_each_name_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::over(&dir.path().join("certs"));
    let (id, address) = lab.listen("tls://:0", settings(&[("certificate", "sni")])).await;
    assert!(said(&lab, id).contains("there was no CA yet: made one in "), "{}", said(&lab, id));
    for name in ["a.test", "b.test", "a.test"] {
        let (socket, _) = pair(&lab, address, &[("ca", "store"), ("server_name", name)]).await;
        let secured = secured(&lab, socket).await;
        assert_eq!((secured.verified, &*secured.chain[0].names), (Some(true), &[name.into()][..]));
    }
    // By address there is no SNI: what the machine is called serves.
    let client = lab.open(Role::Connect, &format!("tls://{address}"), settings(&[("ca", "store")]));
    lab.endpoint(client, "up", |row| row.state == State::Up).await;
    let asked: Vec<_> = shown(&lab, id).into_iter().map(|shown| shown.asked).collect();
    assert_eq!(asked, [None, Some("a.test".into()), Some("b.test".into())], "each is made once");
    assert_eq!(said(&lab, id).lines().count(), 1, "the CA too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_start_side_by_side_share_the_ca_that_one_of_them_makes() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::over(&dir.path().join("certs"));
    let values = ["sni", "bad:revoked", "sni", "bad:revoked"];
    let ids = values.map(|value| lab.open(Role::Listen, "tls://:0", settings(&[("certificate", value)])));
    let mut made = 0;
    for id in ids {
        lab.endpoint(id, "up", |row| row.state == State::Up).await;
        let text = said(&lab, id);
        made += text.matches("there was no CA yet").count();
        assert!(!text.contains("instead"), "{text}");
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_be_used_leaves_the_sessions_ca_and_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lab = Lab::over(file.path());
    let (id, address) = lab.listen("tls://:0", settings(&[("certificate", "sni")])).await;
    let text = said(&lab, id);
    assert!(text.contains(file.path().to_str().unwrap()) && text.contains("by the session's CA instead"), "{text}");
    let (socket, _) = pair(&lab, address, &[]).await;
    assert_eq!(secured(&lab, socket).await.verified, Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_certificate_is_refused_with_an_alert_that_both_sides_name() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::over(dir.path());
    let (id, address) = lab.listen("tls://:0", Settings::default()).await;
    for flaw in Flaw::ALL {
        set(&lab, id, "certificate", flaw.value());
        lab.until("it is told", || shown(&lab, id).last().filter(|shown| *shown.source == *flaw.value()).cloned())
            .await;
        let (near, far) = pair(&lab, address, &[("ca", "store")]).await;
        lab.closed(near).await;
        lab.closed(far).await;
        let expected = match flaw {
            Flaw::Expired | Flaw::Early => "certificate_expired",
            Flaw::Name => "bad_certificate",
            Flaw::SelfSigned | Flaw::UnknownCa | Flaw::Intermediate => "unknown_ca",
            Flaw::Usage => "unsupported_certificate",
            Flaw::Revoked => "certificate_revoked",
        };
        let crossed = (alert(&lab, near, Way::Out), alert(&lab, far, Way::In));
        assert_eq!(crossed, (Some(expected), Some(expected)), "{flaw:?}\n{}", lab.report());
        assert!(faults(&lab, near).contains("its certificate is not good"), "{}", faults(&lab, near));
        assert!(faults(&lab, far).contains("the peer sent the alert"), "{}", faults(&lab, far));
        assert_one_life(&lab.events(near));
        assert_one_life(&lab.events(far));
        // Who lets it pass is told what there is against it.
        let (near, _) = pair(&lab, address, &[("ca", "store"), ("insecure", "yes")]).await;
        let secured = secured(&lab, near).await;
        assert_eq!(secured.verified, Some(false), "{flaw:?}");
        assert!(secured.objection.is_some());
        lab.endpoints.command(near, Command::Close).unwrap();
    }
    assert!(shown(&lab, id).iter().all(|shown| shown.is_bad));
    set(&lab, id, "certificate", "session");
    let (near, _) = pair(&lab, address, &[]).await;
    assert_eq!(secured(&lab, near).await.verified, Some(true), "out of the gallery all is well");
    assert!(said(&lab, id).contains("ca.crl"), "{}", said(&lab, id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_show_certificates_of_the_store() {
    let dir = store(&["for localhost", "for me --use client"]);
    let lab = Lab::over(dir.path());
    let wants = settings(&[("certificate", "localhost"), ("client_auth", "required"), ("ca", "store")]);
    let (id, address) = lab.listen("tls://:0", wants).await;
    let me = [("certificate", "me"), ("ca", "store")];
    let (near, far) = pair(&lab, address, &me).await;
    let (server, client) = (secured(&lab, near).await, secured(&lab, far).await);
    assert_eq!((server.verified, &*server.chain[0].subject), (Some(true), "CN=localhost"));
    assert_eq!((client.verified, &*client.chain[0].subject), (Some(true), "CN=me"));
    echo(&lab, near).await;

    let (near, far) = pair(&lab, address, &[("ca", "store")]).await;
    lab.closed(far).await;
    lab.closed(near).await;
    assert_eq!(alert(&lab, near, Way::In), Some("certificate_required"), "{}", lab.report());
    assert!(faults(&lab, far).contains("it showed no certificate"), "{}", faults(&lab, far));

    set(&lab, id, "client_auth", "optional");
    let (_, far) = pair(&lab, address, &[("ca", "store")]).await;
    assert_eq!(secured(&lab, far).await.verified, None, "none is fine");
    let (_, far) = pair(&lab, address, &me).await;
    assert_eq!(secured(&lab, far).await.verified, Some(true));
    // A server's certificate is not for clients.
    let (near, far) = pair(&lab, address, &[("certificate", "localhost"), ("ca", "store")]).await;
    lab.closed(far).await;
    lab.closed(near).await;
    assert_eq!(alert(&lab, near, Way::In), alert(&lab, far, Way::Out), "{}", lab.report());
    assert!(faults(&lab, far).contains("its certificate is not good"), "{}", faults(&lab, far));

    run(dir.path(), "revoke me");
    // What the listener has read holds until it is told to read again.
    lab.endpoints.start(id);
    lab.endpoint(id, "up again", |row| row.state == State::Up && row.ever > 0).await;
    let again = lab.endpoint(id, "up again", |row| row.local.is_some()).await.local.unwrap();
    let (near, far) = pair(&lab, again, &me).await;
    lab.closed(far).await;
    lab.closed(near).await;
    assert_eq!(alert(&lab, far, Way::Out), Some("certificate_revoked"), "{}", lab.report());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_loaded_is_refused_and_leaves_what_was_there() {
    let dir = store(&["for localhost", "for me --use client"]);
    let lab = Lab::over(dir.path());
    let file = dir.path().join("words.txt");
    std::fs::write(&file, "no certificate").unwrap();
    let file = file.to_str().unwrap();
    let (id, address) = lab.listen("tls://:0", settings(&[("certificate", "localhost")])).await;
    let cases = [
        ("certificate", file, "words.txt is neither PEM"),
        ("certificate", "nobody", "\"nobody\" is neither a file nor a name"),
        ("certificate", "localhost", ""),
        ("key", "me", "me.key does not fit"),
        ("key", "", ""),
        ("ciphers", "TLS_AES_128_GCM_SHA256", ""),
        ("versions", "1.2", "none of them is of TLS 1.2"),
        ("ca", "nobody", ""),
        ("client_auth", "required", "which has ca, localhost, me"),
    ];
    for (name, value, want) in cases {
        let before = lab.endpoints.spec(id).unwrap();
        match lab.endpoints.set(id.into(), setting::find(name).unwrap(), value) {
            Ok(()) => assert_eq!(want, "", "{name} = {value}"),
            Err(refusal) => {
                assert!(!want.is_empty() && refusal.0.contains(want), "{refusal:?}");
                assert_eq!(lab.endpoints.spec(id).unwrap(), before, "nothing is changed");
            }
        }
        let (near, _) = pair(&lab, address, &[("ca", "store")]).await;
        assert_eq!(&*secured(&lab, near).await.chain[0].subject, "CN=localhost", "{name} = {value}");
    }
    // One that has nothing to fall back to does not start.
    let bad = lab.open(Role::Listen, "tls://:0", settings(&[("certificate", "nobody")]));
    let row = lab.endpoint(bad, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { panic!() };
    assert!(fault.name() == "certificate" && fault.to_string().contains("\"nobody\" is neither"), "{fault}");
    let client = lab.open(Role::Connect, &format!("tls://{address}"), settings(&[("certificate", "bad:expired")]));
    let row = lab.endpoint(client, "failed", |row| matches!(row.state, State::Failed(_))).await;
    let State::Failed(fault) = row.state else { panic!() };
    assert!(fault.to_string().contains("are for listeners"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_negotiated_is_what_the_settings_leave() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tls://:0", Settings::default()).await;
    type Read = fn(&Secured) -> String;
    let cases: [(&str, &str, Read); 4] = [
        ("versions", "1.2", |secured| secured.version.to_string()),
        ("ciphers", "TLS_CHACHA20_POLY1305_SHA256 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", |secured| {
            secured.cipher.to_string()
        }),
        ("groups", "secp384r1", |secured| secured.group.as_deref().unwrap_or("none").to_owned()),
        ("alpn", "one two", |secured| secured.alpn.as_deref().unwrap_or("none").to_owned()),
    ];
    let wants = ["TLS 1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "secp384r1", "two"];
    for ((name, value, read), want) in cases.into_iter().zip(wants) {
        set(&lab, id, name, value);
        let (near, far) = pair(&lab, address, &[("alpn", if name == "alpn" { "two one" } else { "" })]).await;
        let (a, b) = (secured(&lab, near).await, secured(&lab, far).await);
        // A server takes the first of its own that the client offers too.
        let want = if name == "alpn" { "one" } else { want };
        assert_eq!((read(&a), read(&b)), (want.into(), want.into()), "{name}\n{}", lab.report());
    }
    let (near, far) = pair(&lab, address, &[("versions", "1.3")]).await;
    lab.closed(near).await;
    lab.closed(far).await;
    assert_eq!(alert(&lab, far, Way::Out), Some("protocol_version"), "{}", lab.report());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_resumed_until_something_changes_and_not_where_that_is_off() {
    let dir = store(&["for localhost"]);
    let lab = Lab::over(dir.path());
    let (id, address) = lab.listen("tls://:0", settings(&[("certificate", "localhost")])).await;
    let client = lab.open(Role::Connect, &format!("tls://localhost:{}", address.port()), settings(&[("ca", "store")]));
    let rounds = [("", "", false), ("", "", true), ("certificate", "session", false), ("resumption", "no", false)];
    for (round, (name, value, resumed)) in rounds.into_iter().enumerate() {
        match name {
            "" => {}
            "certificate" => {
                set(&lab, id, name, value);
                set(&lab, client, "ca", "");
            }
            _ => set(&lab, id, name, value),
        }
        if round > 0 {
            lab.endpoints.start(client);
        }
        let side = |accepted: bool| {
            let mut ids: Vec<_> =
                lab.rows().into_iter().filter(|row| row.accepted == accepted).map(|row| row.id).collect();
            ids.sort_unstable();
            ids.get(round).copied()
        };
        let far = lab.until("the next", || side(true)).await;
        assert_eq!(secured(&lab, far).await.resumed, resumed, "round {round}\n{}", lab.report());
        let near = side(false).unwrap();
        let ticket = |event: &Event| matches!(event.kind, Kind::SessionTicket { .. });
        if value == "no" {
            echo(&lab, near).await;
            assert!(!lab.events(near).iter().any(ticket), "{}", lab.report());
        } else {
            lab.event(near, "ticket", ticket).await;
        }
        lab.endpoints.command(near, Command::Close).unwrap();
        lab.closed(near).await;
        lab.closed(far).await;
        lab.endpoint(client, "over", |row| row.state != State::Up).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_asks_for_one_name_and_verifies_another() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    for (sni, want) in [("", Some("localhost")), ("off", None), ("else.test", Some("else.test"))] {
        let (near, far) = pair(&lab, address, &[("sni", sni)]).await;
        assert_eq!(secured(&lab, near).await.verified, Some(true), "sni = {sni}");
        let hello = lab.event(far, "hello", |event| matches!(event.kind, Kind::ClientHello(_))).await;
        let Kind::ClientHello(hello) = hello.kind else { panic!() };
        assert_eq!(hello.server_name.as_deref(), want);
    }
    // The name that is verified stays what it was: asking for a good one does not make a bad one good.
    let (near, _) = pair(&lab, address, &[("sni", "localhost"), ("server_name", "else.test")]).await;
    lab.closed(near).await;
    assert!(faults(&lab, near).contains("else.test"), "{}", faults(&lab, near));
}
