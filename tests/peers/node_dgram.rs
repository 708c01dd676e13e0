//! Node's `dgram` in both directions: each event its documentation lists for `dgram.Socket` (listening, connect,
//! message, error, close) is provoked, and matched to ours.

use std::path::Path;

use sockscope::model::datagram::Note;
use sockscope::model::event::Kind;
use sockscope::model::id::SocketId;
use sockscope::model::life::Life;
use sockscope::model::spec::{Reply, Settings};
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::peers::{Peer, peer, run_node};
use crate::support::Lab;
use crate::{faults, named, port};

/// A socket of Node's, told what to do a line at a time.
struct Node(Peer);

impl Node {
    fn start(node: &Path) -> Self {
        Self(run_node(node, "dgram.mjs", &[]))
    }

    async fn does(&mut self, line: &str) {
        self.0.write(format!("{line}\n").as_bytes()).await;
    }

    /// Does it, and waits for a line that begins so; the rest of it.
    async fn until(&mut self, line: &str, start: &str) -> String {
        self.does(line).await;
        self.0.line(start).await
    }
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(Settings::default(), |settings, (name, value)| settings.with(name, value).unwrap())
}

fn text(lab: &Lab, socket: SocketId) -> Vec<String> {
    named(lab, socket, "message").into_iter().map(|event| String::from_utf8(event.head).unwrap()).collect()
}

#[tokio::test]
async fn a_dgram_server_and_our_client_tell_the_same() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let mut server = Node::start(&node);
    let address = server.until("bind 127.0.0.1 0", "listening ").await;
    lab.open(Role::Connect, &format!("udp://{address}"), Settings::default());
    let socket = lab.nth(1).await;
    let row = lab.socket(socket, "open", |row| row.life == Life::Open).await;
    let local = row.local.unwrap();
    let send = |text: &'static str| lab.endpoints.command(socket, Command::Send(Payload::Bytes(text.into()))).unwrap();
    send("hello");
    assert_eq!(server.0.line("message ").await, format!("{local} 5 hello"));
    server.until(&format!("send answer 127.0.0.1 {}", local.port()), "sent").await;
    lab.socket(socket, "answered", |row| row.count.received.packets == 1).await;
    // Their close is not told to us, until we send to nobody.
    server.until("close", "close").await;
    send("anybody?");
    lab.socket(socket, "told", |row| row.count.errors == 1).await;
    assert_eq!(lab.names(socket), ["connect", "message", "message", "message", "error"]);
    assert_eq!(text(&lab, socket), ["hello", "answer", "anybody?"]);
    let (name, said) = faults(&lab, socket).remove(0);
    assert!(name == "ECONNREFUSED" && said.contains("ICMP port unreachable from 127.0.0.1"), "{said}");
}

#[tokio::test]
async fn a_connected_dgram_client_and_our_listener_tell_the_same() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (id, address) = lab.listen("udp://:0", Settings::default()).await;
    let mut client = Node::start(&node);
    assert_eq!(client.until(&format!("connect 127.0.0.1 {}", port(address)), "connect ").await, address.to_string());
    let own = client.0.line("listening ").await;
    client.until("send hello", "sent").await;
    assert_eq!(client.0.line("message ").await, format!("{address} 5 hello"));
    let socket = lab.nth(1).await;
    let row = lab.socket(socket, "answered", |row| row.count.sent.packets == 1).await;
    assert_eq!(row.peer.port().to_string(), own.rsplit(':').next().unwrap());
    lab.endpoints.stop(id);
    lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connection", "message", "message", "close"]);
    let told: Vec<_> = lab.hub.events(id.into(), 0, 10).unwrap().events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(told, ["listening", "connection", "close"]);
    // What we would tell as an ICMP error is theirs now.
    client.does("send anybody?").await;
    assert_eq!(client.0.line("error ").await, "ECONNREFUSED");
    client.until("close", "close").await;
}

#[tokio::test]
async fn a_group_joined_by_dgram_hears_us_and_answers() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let mut theirs = Node::start(&node);
    let address = theirs.until("bind 0.0.0.0 0", "listening ").await;
    let at = address.rsplit(':').next().unwrap().to_owned();
    theirs.until("join 239.7.7.7 127.0.0.1", "joined").await;
    let asked = settings(&[("multicast_interface", "127.0.0.1")]);
    let id = lab.open(Role::Connect, &format!("udp://239.7.7.7:{at}"), asked);
    let group = lab.nth(1).await;
    lab.socket(group, "open", |row| row.life == Life::Open).await;
    lab.endpoints.command(group, Command::Send(Payload::Bytes("who?".into()))).unwrap();
    let heard = theirs.0.line("message ").await;
    assert!(heard.ends_with(" 4 who?"), "{heard}");
    let from = heard.split(' ').next().unwrap().replace(':', " ");
    theirs.until(&format!("send me {from}"), "sent").await;
    let answers = lab.endpoint(id, "answered", |row| row.count.received.packets == 1).await;
    assert_eq!((answers.open, answers.count.sent.packets), (2, 1), "the group, and the one who answered");
    // Left, it hears no more; what comes after tells that.
    theirs.until("leave 239.7.7.7 127.0.0.1", "left").await;
}

#[tokio::test]
async fn we_join_a_group_that_dgram_sends_to() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let asked = Settings { reply: Reply::None, ..settings(&[("join", "239.7.7.8@127.0.0.1")]) };
    let (id, address) = lab.listen("udp://0.0.0.0:0", asked).await;
    let mut theirs = Node::start(&node);
    theirs.until("bind 127.0.0.1 0", "listening ").await;
    theirs.until("via 127.0.0.1", "via").await;
    theirs.until(&format!("send news 239.7.7.8 {}", port(address)), "sent").await;
    let socket = lab.nth(1).await;
    lab.socket(socket, "heard", |row| row.count.received.packets == 1).await;
    assert_eq!(lab.names(socket), ["connection", "local", "message"]);
    let told = lab.hub.events(id.into(), 0, 10).unwrap().events;
    let joined = told.iter().any(|event| {
        matches!(&event.kind, Kind::Datagram(note) if matches!(&**note, Note::Joined(member) if member.to_string() == "239.7.7.8@lo"))
    });
    assert!(joined, "{told:#?}");
}

#[tokio::test]
async fn a_broadcast_of_dgram_is_told_as_one_and_wants_leave_on_both_sides() {
    let Some(node) = peer("node") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://0.0.0.0:0", Settings { reply: Reply::None, ..Settings::default() }).await;
    let mut theirs = Node::start(&node);
    theirs.until("bind 127.0.0.1 0", "listening ").await;
    let line = format!("send all 127.255.255.255 {}", port(address));
    assert_eq!(theirs.until(&line, "failed ").await, "EACCES");
    theirs.until("broadcast", "broadcast").await;
    theirs.until(&line, "sent").await;
    let socket = lab.nth(1).await;
    let row = lab.socket(socket, "heard", |row| row.count.received.packets == 1).await;
    assert_eq!(row.local.unwrap().ip().to_string(), "127.255.255.255");
}
