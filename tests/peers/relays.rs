//! socat and ncat: plain TCP, UDP and TLS from the other side of the shell.

use sockscope::model::end::{End, Party};
use sockscope::model::event::{Kind, Way};
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::certificates::our_ca;
use crate::peers::{Peer, free_tcp_port, free_udp_port, peer, run};
use crate::support::{Lab, assert_one_life};
use crate::{assert_closed_well, payload, port, talk};

/// A client that sends its input, half-closes and reads to the end: the whole story on our side.
async fn half_closing(lab: &Lab, n: u32) {
    let socket = lab.nth(n).await;
    let row = lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connection", "data", "write", "end", "end", "close"]);
    assert_one_life(&lab.events(socket));
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Peer }));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes, row.count.errors), (3, 3, 0));
}

#[tokio::test]
async fn socat_sends_half_closes_and_gets_its_echo() {
    let Some(socat) = peer("socat") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let echo = run(&socat, &["-t", "5", "-", &format!("TCP:{address}")], b"hi\n").await.ok();
    assert_eq!(echo, "hi\n");
    half_closing(&lab, 1).await;
}

#[tokio::test]
async fn ncat_sends_half_closes_and_gets_its_echo() {
    let Some(ncat) = peer("ncat") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let echo = run(&ncat, &["127.0.0.1", &port(address)], b"hi\n").await.ok();
    assert_eq!(echo, "hi\n");
    half_closing(&lab, 1).await;
}

#[tokio::test]
async fn a_mebibyte_through_socat_comes_back_whole() {
    let Some(socat) = peer("socat") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let sent: Vec<u8> = (0..1_u32 << 20).map(|i| (i % 251) as u8).collect();
    let done = run(&socat, &["-t", "5", "-", &format!("TCP:{address}")], &sent).await;
    assert!(done.out == sent, "{} bytes came back: {}", done.out.len(), done.err);
    let row = lab.closed(lab.nth(1).await).await;
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (1 << 20, 1 << 20));
}

async fn our_client_gets_its_echo(server: &Peer, port: u16) {
    let lab = Lab::default();
    lab.open(Role::Connect, &format!("tcp://127.0.0.1:{port}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("你好\n".into()))).unwrap();
    lab.until("the echo", || (payload(&lab, socket, "data") == "你好\n").then_some(())).await;
    lab.endpoints.command(socket, Command::End).unwrap();
    let row = lab.closed(socket).await;
    assert_eq!(lab.names(socket), ["connect", "write", "data", "end", "end", "close"], "{}", server.all());
    assert_eq!(row.end.as_deref(), Some(&End::Finished { first: Party::Us }));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (7, 7));
}

#[tokio::test]
async fn our_client_talks_to_socat() {
    let Some(socat) = peer("socat") else { return };
    let server = Peer::start(&socat, &["-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", "PIPE"]);
    let find = |peer: &Peer| {
        let said = peer.all();
        let rest = said.split_once("listening on AF=2 127.0.0.1:")?.1;
        rest.split_once('\n')?.0.trim().parse().ok()
    };
    let port = server.until("its port", find).await;
    our_client_gets_its_echo(&server, port).await;
}

#[tokio::test]
async fn our_client_talks_to_ncat() {
    let Some(ncat) = peer("ncat") else { return };
    let port = free_tcp_port();
    let server = Peer::start(&ncat, &["-v", "-l", "127.0.0.1", &port.to_string(), "--exec", "/bin/cat"]);
    server.says("Listening on").await;
    our_client_gets_its_echo(&server, port).await;
}

/// A program that sends its input as datagrams, against our UDP listener.
async fn datagrams(program: &str, args: impl FnOnce(u16) -> Vec<String>) {
    let Some(program) = peer(program) else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", Settings::default()).await;
    let args = args(address.port());
    let mut client = Peer::start(&program, &args.iter().map(String::as_str).collect::<Vec<_>>());
    client.write("数据报\n".as_bytes()).await;
    client.says("数据报\n").await;
    client.write(b"second\n").await;
    client.says("second\n").await;
    let socket = lab.nth(1).await;
    let row = lab.socket(socket, "counted", |row| row.count.sent.packets == 2).await;
    assert_eq!(lab.names(socket), ["connection", "message", "message", "message", "message"]);
    assert_eq!((row.count.received.packets, row.count.received.bytes), (2, 17));
    assert_eq!((row.count.sent.packets, row.count.sent.bytes), (2, 17));
}

#[tokio::test]
async fn socat_gets_its_datagrams_back() {
    datagrams("socat", |port| vec!["-".into(), format!("UDP:127.0.0.1:{port}")]).await;
}

#[tokio::test]
async fn ncat_gets_its_datagrams_back() {
    datagrams("ncat", |port| vec!["-u".into(), "127.0.0.1".into(), port.to_string()]).await;
}

/// Our UDP client against a program that echoes datagrams.
async fn echoed_datagram(server: &Peer, port: u16) {
    let lab = Lab::default();
    lab.open(Role::Connect, &format!("udp://127.0.0.1:{port}"), Settings::default());
    let socket = lab.nth(1).await;
    lab.endpoints.command(socket, Command::Send(Payload::Bytes("datagram".into()))).unwrap();
    let back = |kind: &Kind| matches!(kind, Kind::Message { way: Way::In, .. });
    let event = lab.event(socket, "the echo", |event| back(&event.kind)).await;
    assert_eq!(event.head, b"datagram", "{}", server.all());
    assert_eq!(lab.names(socket), ["connect", "message", "message"]);
}

#[tokio::test]
async fn our_udp_client_talks_to_socat() {
    let Some(socat) = peer("socat") else { return };
    let port = free_udp_port();
    let address = format!("UDP-RECVFROM:{port},bind=127.0.0.1,fork");
    let server = Peer::start(&socat, &["-d", "-d", &address, "PIPE"]);
    server.says("receiving on").await;
    echoed_datagram(&server, port).await;
}

#[tokio::test]
async fn our_udp_client_talks_to_ncat() {
    let Some(ncat) = peer("ncat") else { return };
    let port = free_udp_port();
    let server = Peer::start(&ncat, &["-v", "-u", "-l", "127.0.0.1", &port.to_string(), "--exec", "/bin/cat"]);
    server.says("Listening on").await;
    echoed_datagram(&server, port).await;
}

/// A client that checks our certificate, half-closes and gets its echo.
async fn over_tls(lab: &Lab, echo: &str) {
    assert_eq!(echo, "hi\n");
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let names = talk(lab, socket);
    assert_eq!(names[..4], ["connection", "secureConnection", "data", "write"]);
    assert_one_life(&lab.events(socket));
    assert_eq!((row.count.received.bytes, row.count.sent.bytes), (3, 3), "{}", lab.report());
    assert_closed_well(lab, socket);
    assert!(row.count.received.wire > 100 && row.count.sent.wire > 500, "{:?}", row.count);
}

#[tokio::test]
async fn socat_verifies_us_and_gets_its_echo() {
    let Some(socat) = peer("socat") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let to = format!("OPENSSL:{address},verify=1,commonname=localhost,cafile={}", ca.path().display());
    let mut client = Peer::start(&socat, &["-t", "5", "-", &to]);
    client.write(b"hi\n").await;
    client.says("hi\n").await;
    let echo = client.ends().await.ok();
    over_tls(&lab, &echo).await;
}

#[tokio::test]
async fn ncat_verifies_us_and_gets_its_echo() {
    let Some(ncat) = peer("ncat") else { return };
    let (lab, ca) = (Lab::default(), our_ca());
    let (_, address) = lab.listen("tls://:0", Settings::default()).await;
    let (ca, port) = (ca.path().to_str().unwrap(), port(address));
    let args = ["--ssl-verify", "--ssl-trustfile", ca, "localhost", &port, "-4"];
    let mut client = Peer::start(&ncat, &args);
    client.write(b"hi\n").await;
    client.says("hi\n").await;
    let echo = client.ends().await.ok();
    over_tls(&lab, &echo).await;
}
