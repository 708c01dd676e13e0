//! npm's `socket.io-client` against our dialect, and our client against npm's `socket.io`.

use std::path::PathBuf;

use sockscope::model::draft::{Draft, Shape};
use sockscope::model::event::{Kind, Way};
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::{Role, Scheme};
use sockscope::net::{Command, protocol};

use crate::peers::{missing, node_with_ws, programs, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{faults, first_fin, named};

fn node() -> Option<PathBuf> {
    let node = node_with_ws()?;
    if programs().join("node_modules/socket.io-client/package.json").is_file() {
        return Some(node);
    }
    missing("npm socket.io-client not found (npm ci --prefix tests/peers)")
}

fn dialect() -> Settings {
    Settings::default().with("dialect", "socket.io").unwrap()
}

/// The packets of a timeline in words: `< event / chat "hi",1`.
fn packets(lab: &Lab, socket: SocketId) -> Vec<String> {
    let told = named(lab, socket, "packet").into_iter().map(|event| {
        let Kind::Packet { way, packet } = &event.kind else { panic!("{event:?}") };
        let way = if *way == Way::In { "<" } else { ">" };
        let mut words = vec![way.to_owned(), packet.what.name().to_owned()];
        words.extend((!packet.namespace.is_empty()).then(|| packet.namespace.to_string()));
        words.extend(packet.name.as_ref().map(ToString::to_string));
        words.extend(packet.id.map(|id| format!("#{id}")));
        let says = matches!(packet.what.name(), "event" | "ack");
        words.extend(says.then(|| String::from_utf8(event.head.clone()).unwrap()));
        words.join(" ").trim_end().to_owned()
    });
    told.collect()
}

fn emit(lab: &Lab, socket: SocketId, text: &str) {
    let draft = Draft { text: text.into(), shape: Shape::Event, ..Draft::default() };
    let payload = protocol(Scheme::Ws).compose(&draft).unwrap();
    lab.endpoints.command(socket, Command::Send(payload)).unwrap();
}

#[tokio::test]
async fn npm_socket_io_client_talks_to_our_dialect() {
    let Some(node) = node() else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", dialect()).await;
    let client = run_node(&node, "socketio-client.mjs", &[&format!("http://localhost:{}", address.port())]);
    client.says("ready\n").await;
    let socket = lab.nth(1).await;
    emit(&lab, socket, r#"pushed ["from us", {"a": [1]}]"#);
    client.says("ready for a question\n").await;
    emit(&lab, socket, "question? 6 7");
    lab.event(
        socket,
        "the answer",
        |event| matches!(&event.kind, Kind::Packet { way: Way::In, packet } if packet.what.name() == "ack"),
    )
    .await;
    emit(&lab, socket, "/admin told true");
    let said = client.ends().await.ok();
    let wanted = "\
connected over websocket sid=20
chat [\"你好\",1]
ack [2,3]
file 00feff name
admin []
ready
pushed [\"from us\",{\"a\":[1]}]
ready for a question
told [true]
";
    assert_eq!(said, wanted);
    let row = lab.closed(socket).await;
    let packets = packets(&lab, socket);
    let question = packets.iter().find_map(|packet| packet.strip_prefix("> event / question #")).unwrap();
    let id = question.split_once(' ').unwrap().0;
    let wanted = [
        "> open",
        "< connect /",
        "> connect /",
        "< event / chat \"你好\",1",
        "> event / chat \"你好\",1",
        "< event / add #0 2,3",
        "> ack / #0 2,3",
        "> event / add 2,3",
        "< binary_event / file",
        "< attachment",
        "> binary_event / file",
        "> attachment",
        "< connect /admin",
        "> connect /admin",
        "< event /admin hello",
        "> event /admin hello",
        "> event / pushed \"from us\",{\"a\":[1]}",
        &format!("> event / question #{id} 6,7"),
        &format!("< ack / #{id} \"yes\",42"),
        "> event /admin told true",
        "< disconnect /admin",
        "< disconnect /",
    ];
    // "add" comes back as an event too, behind its acknowledgement; nobody at the other end listens to it.
    assert_eq!(packets, wanted, "{}", lab.report());
    assert_one_life(&lab.events(socket));
    assert_eq!((row.end.as_deref(), row.count.errors), (Some(&first_fin(&lab.events(socket))), 0));
}

#[tokio::test]
async fn the_polling_transport_is_refused_with_what_would_be_right() {
    let Some(node) = node() else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", dialect()).await;
    let url = format!("http://localhost:{}", address.port());
    let said = run_node(&node, "socketio-client.mjs", &[&url, "polling"]).ends().await.ok();
    assert!(said.starts_with("refused 400, 400: only the websocket transport is spoken here"), "{said}");
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    assert!(
        faults(&lab, socket).iter().any(|fault| fault.1.contains("transports: [\"websocket\"]")),
        "{}",
        lab.report()
    );
}

#[tokio::test]
async fn we_talk_to_npm_socket_io() {
    let Some(node) = node() else { return };
    let server = run_node(&node, "socketio-server.mjs", &[]);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    lab.open(Role::Connect, &format!("ws://localhost:{port}"), dialect());
    let socket = lab.nth(1).await;
    server.says("connected\n").await;
    // Pings come every 200 ms, and an unanswered one would end the session.
    server.says("heartbeat\nheartbeat\n").await;
    emit(&lab, socket, "chat \"hi\"");
    server.says("event chat [\"hi\"]\n").await;
    emit(&lab, socket, "add? 2 3");
    let ack = lab.event(
        socket,
        "the sum",
        |event| matches!(&event.kind, Kind::Packet { way: Way::In, packet } if packet.what.name() == "ack"),
    );
    assert_eq!(ack.await.head, b"5");
    let told = packets(&lab, socket);
    let beats = |packet: &&String| !packet.ends_with("ping") && !packet.ends_with("pong");
    let first: Vec<_> = told.iter().filter(beats).take(4).map(String::as_str).collect();
    assert_eq!(first, ["< open", "> connect /", "< connect /", "< event / welcome {\"to\":\"you\"}"]);
    let pong = named(&lab, socket, "packet")
        .into_iter()
        .find(|event| matches!(&event.kind, Kind::Packet { way: Way::Out, packet } if packet.what.name() == "pong"));
    assert!(matches!(&pong.unwrap().kind, Kind::Packet { packet, .. } if packet.rtt.is_some()));
    lab.endpoints.command(socket, Command::Close).unwrap();
    server.says("disconnected transport close\n").await;
    assert_eq!(lab.closed(socket).await.count.errors, 0, "{}", lab.report());
}

#[tokio::test]
async fn packets_are_named_without_a_dialect_where_the_query_says_so() {
    let Some(node) = node() else { return };
    let server = run_node(&node, "socketio-server.mjs", &[]);
    let port = server.line("listening ").await;
    let lab = Lab::default();
    lab.open(
        Role::Connect,
        &format!("ws://localhost:{port}/socket.io/?EIO=4&transport=websocket"),
        Settings::default(),
    );
    let socket = lab.nth(1).await;
    lab.event(
        socket,
        "the handshake",
        |event| matches!(&event.kind, Kind::Packet { way: Way::In, packet } if packet.what.name() == "open"),
    )
    .await;
    let send = |text: &str| {
        let payload = sockscope::net::Payload::Text(text.into());
        lab.endpoints.command(socket, Command::Send(payload)).unwrap();
    };
    send("40/admin,");
    server.says("connected to admin\n").await;
    lab.event(socket, "our connect", |event| {
        matches!(&event.kind, Kind::Packet { way: Way::Out, packet }
            if packet.what.name() == "connect" && &*packet.namespace == "/admin")
    })
    .await;
}
