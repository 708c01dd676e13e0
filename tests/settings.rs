//! Settings that are changed while an endpoint runs: what holds from when on, for whom, and what is told.

mod support;

use sockscope::model::event::{Change, Event, Kind};
use sockscope::model::id::SocketId;
use sockscope::model::life::Life;
use sockscope::model::setting::{self, Live, Row};
use sockscope::model::spec::Settings;
use sockscope::model::url::{Role, Scheme};
use sockscope::model::view::State;
use support::{Lab, patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn row(name: &str) -> &'static Row {
    setting::find(name).unwrap()
}

fn changed(event: &Event, name: &str, value: &str) -> bool {
    matches!(&event.kind, Kind::Set(change) if **change == Change { name: row(name).name, value: value.into() })
}

/// The next six bytes.
async fn heard(stream: &mut TcpStream) -> [u8; 6] {
    let mut bytes = [0; 6];
    tokio::time::timeout(patience(), stream.read_exact(&mut bytes)).await.expect("in time").unwrap();
    bytes
}

#[tokio::test]
async fn every_setting_of_a_socket_can_be_set_on_every_scheme_it_fits() {
    for scheme in Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Udp) {
        let lab = Lab::default();
        let (listener, address) = lab.listen(&format!("{scheme}://:0"), Settings::default()).await;
        let settings =
            if scheme.is_secure() { Settings::default().with("insecure", "yes").unwrap() } else { Settings::default() };
        let client = lab.open(Role::Connect, &format!("{scheme}://localhost:{}", address.port()), settings);
        lab.endpoint(client, "up", |row| row.state == State::Up).await;
        let (near, far) = (lab.nth(1).await, lab.nth(2).await);
        for (socket, role) in [near, far].map(|id| {
            let accepted = lab.hub.socket(id).unwrap().accepted;
            (id, if accepted { Role::Listen } else { Role::Connect })
        }) {
            lab.socket(socket, "open", |row| row.life == Life::Open).await;
            for row in setting::fitting(role, scheme).filter(|row| row.live == Live::Now) {
                let Some(options) = row.look.options() else { continue };
                let value = options.iter().find(|word| **word != (row.get)(&Settings::default())).unwrap();
                lab.endpoints.set(socket.into(), row, value).unwrap();
                lab.event(socket, row.name, |event| changed(event, row.name, value)).await;
                let (settings, _) = lab.hub.details(socket.into()).unwrap();
                assert_eq!((row.get)(&settings), *value, "{scheme} {}", row.name);
            }
        }
        assert_eq!(lab.hub.details(listener.into()).unwrap().0, Settings::default().into(), "{scheme}: a socket's own");
    }
}

#[tokio::test]
async fn what_an_endpoint_is_set_to_reaches_its_open_sockets_and_the_next() {
    let lab = Lab::default();
    let (id, address) = lab.listen("tcp://:0", Settings::default()).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    lab.socket(socket, "open", |row| row.life == Life::Open).await;
    lab.endpoints.set(id.into(), row("nodelay"), "no").unwrap();
    lab.event(socket, "set", |event| changed(event, "nodelay", "no")).await;
    // What is answered changes at once, for open sockets too, and is theirs to tell by what they send.
    lab.endpoints.set(id.into(), row("reply.text"), "later\\n").unwrap();
    first.write_all(b"now").await.unwrap();
    assert_eq!(heard(&mut first).await, *b"later\n");
    // What can only begin with a socket does.
    lab.endpoints.set(id.into(), row("greet"), "hello ").unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(heard(&mut second).await, *b"hello ");
    let told = lab.hub.events(id.into(), 0, 100).unwrap().events;
    for (name, value) in [("nodelay", "no"), ("reply.text", "later\\n"), ("greet", "hello ")] {
        assert!(told.iter().any(|event| changed(event, name, value)), "{name}: {told:#?}");
    }
    let spec = lab.endpoints.spec(id).unwrap();
    assert_eq!((row("nodelay").get)(&spec.settings), "no", "the form shows what holds");
}

#[tokio::test]
async fn what_cannot_be_set_says_why_and_changes_nothing() {
    let lab = Lab::default();
    let (tcp, address) = lab.listen("tcp://:0", Settings::default()).await;
    let (udp, _) = lab.listen("udp://:0", Settings::default()).await;
    let _stream = TcpStream::connect(address).await.unwrap();
    let socket = lab.nth(1).await;
    let refused = |subject, name: &str, value: &str| lab.endpoints.set(subject, row(name), value).unwrap_err().0;
    assert!(refused(tcp.into(), "nodelay", "perhaps").contains("neither yes nor no"));
    assert!(refused(tcp.into(), "insecure", "yes").starts_with("insecure is for clients"));
    assert!(refused(udp.into(), "nodelay", "no").starts_with("nodelay is for connections"));
    assert!(refused(socket.into(), "reply", "none").contains("the endpoint's: set it on @1"));
    assert!(refused(SocketId(99).into(), "nodelay", "no").contains("there is no socket #99"));
    assert_eq!(lab.endpoints.spec(tcp).unwrap().settings, Settings::default());
}
