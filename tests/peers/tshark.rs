//! The same conversation seen twice: by us, and by tshark on the loopback interface. Same segments, same
//! sizes, same frames, in the same order.
//!
//! Capturing wants CAP_NET_RAW. Where the kernel forbids it the test is skipped with a line that says so.

use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sockscope::model::event::{Event, Kind, Way};
use sockscope::model::handshake;
use sockscope::model::id::SocketId;
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::model::view::State;
use sockscope::net::{Command, Payload};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::{Peer, peer, run};
use crate::support::Lab;

/// tshark, watching one port of the loopback interface.
pub struct Capture {
    tshark: PathBuf,
    live: Peer,
    dir: TempDir,
    port: u16,
}

/// What tshark says when it may not capture, in its versions.
const FORBIDDEN: [&str; 4] = ["ermission", "not permitted", "could not be initiated", "no interfaces"];

impl Capture {
    /// Begins to capture; `None` where that is not possible, which has been said then.
    pub async fn start(port: u16) -> Option<Self> {
        let tshark = peer("tshark")?;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("all.pcapng");
        let filter = format!("port {port}");
        let mut args = vec!["-i", "lo", "-f", &filter, "-w", file.to_str().unwrap(), "-P", "-l", "-T", "fields"];
        // Should this test be killed, it ends by itself.
        args.extend(["-a", "duration:120", "-E", "separator=|"]);
        args.extend(["-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "udp.srcport"]);
        let live = Peer::start(&tshark, &args);
        let capture = Self { tshark, live, dir, port };
        if capture.mark().await {
            return Some(capture);
        }
        let said = format!("skipped: capturing is not permitted here: {}\n", capture.live.all().trim());
        let _ = std::io::stderr().write_all(said.as_bytes());
        None
    }

    /// Packets so far with these TCP ports.
    fn segments(&self, from: u16, to: u16) -> u64 {
        let line = format!("{from}|{to}|");
        self.live.out().lines().filter(|said| *said == line).count() as u64
    }

    /// Waits until all that was sent before this has been captured; `false` if there is no capturing.
    async fn mark(&self) -> bool {
        // A datagram that says: everything before this has been captured. Each time from another port, for one of an
        // earlier time may be seen late.
        let marker = UdpSocket::bind("127.0.0.1:0").unwrap();
        let line = format!("||{}", marker.local_addr().unwrap().port());
        for _ in 0..100 {
            marker.send_to(b"mark", ("127.0.0.1", self.port)).unwrap();
            let seen = self.live.until("a mark", |peer| peer.out().lines().any(|said| said == line).then_some(()));
            if tokio::time::timeout(Duration::from_millis(200), seen).await.is_ok() {
                return true;
            }
            let said = self.live.all();
            if FORBIDDEN.iter().any(|words| said.contains(words)) {
                return false;
            }
        }
        panic!("tshark captures nothing: {}", self.live.all());
    }

    /// What tshark reads in the packets that pass `filter`: one row each, of these fields.
    async fn read(&self, filter: &str, fields: &[&str], decode: &[&str]) -> Vec<Vec<String>> {
        self.read_as(filter, fields, decode, &[]).await
    }

    /// The same of TLS on a port, read with the secrets in a file.
    pub async fn read_with(&self, filter: &str, fields: &[&str], port: u16, keys: &Path) -> Vec<Vec<String>> {
        let keys = format!("tls.keylog_file:{}", keys.display());
        let decode = format!("tcp.port=={port},tls");
        self.read_as(filter, fields, &[&decode], &["-o", &keys, "-o", "data.show_as_text:TRUE"]).await
    }

    async fn read_as(&self, filter: &str, fields: &[&str], decode: &[&str], more: &[&str]) -> Vec<Vec<String>> {
        assert!(self.mark().await);
        let file = self.dir.path().join("all.pcapng");
        let mut args = vec!["-r", file.to_str().unwrap(), "-Y", filter, "-T", "fields", "-E", "separator=|"];
        args.extend(more);
        args.extend(fields.iter().flat_map(|field| ["-e", field]));
        args.extend(decode.iter().flat_map(|decode| ["-d", decode]));
        let done = run(&self.tshark, &args, b"").await;
        let row = |line: &str| line.split('|').map(str::to_owned).collect();
        done.ok().lines().map(row).collect()
    }

    pub async fn stop(self) {
        let id = self.live.id().unwrap().to_string();
        run(&peer("kill").unwrap(), &["-INT", &id], b"").await.ok();
        self.live.ends().await;
    }
}

/// Payload of one kind of event, in order.
fn payloads(lab: &Lab, socket: SocketId, name: &str) -> Vec<Event> {
    lab.events(socket).into_iter().filter(|event| event.kind.name() == name).collect()
}

/// Sends, and waits for the echo.
async fn echoed(lab: &Lab, socket: SocketId, payload: Payload) {
    let before = lab.hub.socket(socket).unwrap().count.received.messages;
    lab.endpoints.command(socket, Command::Send(payload)).unwrap();
    lab.socket(socket, "answered", |row| row.count.received.messages > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_has_the_segments_and_sizes_tshark_sees() {
    let lab = Lab::default();
    let (_, address) = lab.listen("tcp://:0", Settings::default()).await;
    let port = address.port();
    let Some(capture) = Capture::start(port).await else { return };
    let client = lab.open(Role::Connect, &format!("tcp://{address}"), Settings::default());
    lab.endpoint(client, "up", |row| row.state == State::Up).await;
    let sizes = [3, 700, 1400, 1];
    let find = |accepted: bool| lab.rows().into_iter().find(|row| row.accepted == accepted).map(|row| row.id);
    let dialled = lab.until("our end", || find(false)).await;
    let accepted = lab.until("the other end", || find(true)).await;
    for size in sizes {
        echoed(&lab, dialled, Payload::Bytes(vec![b'x'; size].into())).await;
    }
    // Our end has counted from its SYN on, as tshark has.
    let local = lab.hub.socket(accepted).unwrap().peer.port();
    lab.until("the kernel and tshark count the same segments", || {
        let count = lab.hub.socket(dialled)?.count;
        let seen = (capture.segments(local, port), capture.segments(port, local));
        (seen.0 > 0 && seen == (count.sent.packets, count.received.packets)).then_some(())
    })
    .await;
    lab.endpoints.command(dialled, Command::End).unwrap();
    lab.closed(accepted).await;
    lab.closed(dialled).await;
    let rows = capture.read("tcp.len > 0", &["tcp.dstport", "tcp.len"], &[]).await;
    for (way, name) in [(port, "data"), (local, "write")] {
        let seen = rows.iter().filter(|row| row[0] == way.to_string()).map(|row| row[1].parse::<u64>().unwrap());
        let told = payloads(&lab, accepted, name).into_iter().map(|event| event.size);
        assert_eq!(seen.collect::<Vec<_>>(), told.collect::<Vec<_>>(), "{name} {}", lab.report());
    }
    let fins = capture.read("tcp.flags.fin == 1", &["tcp.srcport"], &[]).await;
    let told = payloads(&lab, accepted, "end").into_iter().map(|event| {
        let from = if event.kind == Kind::fin(Way::In) { local } else { port };
        vec![from.to_string()]
    });
    assert_eq!(fins, told.collect::<Vec<_>>(), "the FINs, in order");
    capture.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn udp_has_the_datagrams_tshark_sees() {
    let lab = Lab::default();
    let (_, address) = lab.listen("udp://:0", Settings::default()).await;
    let Some(capture) = Capture::start(address.port()).await else { return };
    let client = lab.open(Role::Connect, &format!("udp://{address}"), Settings::default());
    lab.endpoint(client, "up", |row| row.state == State::Up).await;
    let ours = || lab.rows().into_iter().find(|row| !row.accepted && row.life.name() == "open");
    let dialled = lab.until("our end", ours).await;
    for size in [1, 5, 1400, 9000] {
        echoed(&lab, dialled.id, Payload::Bytes(vec![b'x'; size].into())).await;
    }
    let local = lab.hub.socket(dialled.id).unwrap().local.unwrap().port();
    let filter = format!("udp.port == {local}");
    let rows = capture.read(&filter, &["udp.srcport", "udp.length"], &[]).await;
    let told = payloads(&lab, dialled.id, "message").into_iter().map(|event| {
        let from = if event.kind.way() == Some(Way::Out) { local } else { address.port() };
        // udp.length has the header's eight bytes in it (RFC 768).
        vec![from.to_string(), (event.size + 8).to_string()]
    });
    assert_eq!(rows, told.collect::<Vec<_>>(), "{}", lab.report());
    assert_eq!(rows.len(), 8);
    capture.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_has_the_exchanges_tshark_sees() {
    let Some(curl) = peer("curl") else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("http://:0", Settings::default()).await;
    let Some(capture) = Capture::start(address.port()).await else { return };
    let urls = ["first", "second?q=1"].map(|path| format!("http://{address}/{path}"));
    run(&curl, &["-sS", "-d", "name=tea", &urls[0], &urls[1]], b"").await.ok();
    let socket = lab.nth(1).await;
    lab.closed(socket).await;
    let decode = format!("tcp.port=={},http", address.port());
    let fields = ["http.request.method", "http.request.uri", "http.response.code"];
    let rows = capture.read("http.request or http.response", &fields, &[&decode]).await;
    let seen: Vec<String> = rows.iter().map(|row| row.join(" ").trim().to_owned()).collect();
    let told = lab.events(socket).into_iter().filter_map(|event| {
        let line = String::from_utf8_lossy(&event.head).lines().next().unwrap_or_default().to_owned();
        match event.kind {
            Kind::Request { .. } => line.strip_suffix(" HTTP/1.1").map(str::to_owned),
            Kind::Head { status, .. } => Some(status.to_string()),
            _ => None,
        }
    });
    assert_eq!(seen, told.collect::<Vec<_>>(), "{}", lab.report());
    assert_eq!(seen, ["POST /first", "200", "POST /second?q=1", "200"]);
    capture.stop().await;
}

/// A client's frame with the mask 0 (RFC 6455 section 5.2), which leaves its payload readable.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_has_the_frames_tshark_sees() {
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", Settings::default()).await;
    let Some(capture) = Capture::start(address.port()).await else { return };
    let mut peer = TcpStream::connect(address).await.unwrap();
    let open = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    peer.write_all(open.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(peer.read_u8().await.unwrap());
    }
    // A whole message, one in two fragments with a ping between them, and a goodbye.
    let sent =
        [frame(0x81, b"hello"), frame(0x02, &[1, 2]), frame(0x89, b"?"), frame(0x80, &[3]), frame(0x88, &[3, 0xe8])];
    peer.write_all(&sent.concat()).await.unwrap();
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.unwrap();
    drop(peer);
    let socket = lab.nth(1).await;
    let row = lab.closed(socket).await;
    let decode = format!("tcp.port=={},http", address.port());
    let fields = ["tcp.dstport", "websocket.opcode", "websocket.fin", "websocket.mask", "websocket.payload_length"];
    let rows = capture.read("websocket", &fields, &[&decode]).await;
    let frames = |is_in: bool| -> Vec<(u8, bool, u64)> {
        let rows = rows.iter().filter(|row| (row[0] == address.port().to_string()) == is_in);
        rows.flat_map(|row| {
            let column = |at: usize| row[at].split(',').map(str::to_owned).collect::<Vec<_>>();
            let (opcodes, fins, masks, lengths) = (column(1), column(2), column(3), column(4));
            assert!(masks.iter().all(|mask| truth(mask) == is_in), "a client masks, a server does not: {row:?}");
            let each = opcodes.into_iter().zip(fins).zip(lengths);
            each.map(|((opcode, fin), len)| (opcode.parse().unwrap(), truth(&fin), len.parse().unwrap()))
                .collect::<Vec<_>>()
        })
        .collect()
    };
    for (way, is_in) in [(Way::In, true), (Way::Out, false)] {
        let told: Vec<_> = lab.events(socket).iter().filter_map(|event| told(event, way)).collect();
        assert_eq!(frames(is_in), told, "{way:?}\n{}", lab.report());
    }
    assert_eq!(frames(true), [(1, true, 5), (2, false, 2), (9, true, 1), (0, true, 1), (8, true, 2)]);
    let counted = (frames(true).len() as u64, frames(false).len() as u64);
    assert_eq!((row.count.received.packets, row.count.sent.packets), counted, "{}", lab.report());
    capture.stop().await;
}

/// tshark says 1 or, in newer versions, True.
fn truth(text: &str) -> bool {
    matches!(text, "1" | "True")
}

/// An event as the frame it tells of: opcode, whether it is final, and its payload's length.
fn told(event: &Event, wanted: Way) -> Option<(u8, bool, u64)> {
    match &event.kind {
        Kind::Frame { way, frame } if *way == wanted => Some((frame.opcode, frame.fin, u64::from(frame.len))),
        // One in fragments has a line for each of them.
        Kind::Message { way, form, frames: 1, .. } if *way == wanted => {
            let opcode = if *form == sockscope::model::event::Form::Binary { 2 } else { 1 };
            Some((opcode, true, event.size))
        }
        Kind::Ping { way, frame: Some(frame) }
        | Kind::Pong { way, frame: Some(frame), .. }
        | Kind::Closing { way, frame, .. }
            if *way == wanted =>
        {
            Some((frame.opcode, frame.fin, u64::from(frame.len)))
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_has_the_records_tshark_sees() {
    let Some(openssl) = peer("openssl") else { return };
    for option in ["-tls1_3", "-tls1_2"] {
        let lab = Lab::default();
        let (_, address) = lab.listen("tls://:0", Settings::default()).await;
        let port = address.port();
        let Some(capture) = Capture::start(port).await else { return };
        let mut client = Peer::start(&openssl, &["s_client", "-connect", &address.to_string(), option]);
        client.write(b"in the clear\n").await;
        client.says("\nin the clear\n").await;
        client.ends().await.ok();
        let socket = lab.nth(1).await;
        let row = lab.closed(socket).await;
        let decode = format!("tcp.port=={port},tls");
        let fields = ["tcp.dstport", "tls.record.content_type", "tls.record.opaque_type", "tls.record.length"];
        let rows = capture.read("tls", &fields, &[&decode]).await;
        let groups = lab.hub.details(socket.into()).unwrap().1;
        let shaken = lab.hub.handshake(socket.into()).unwrap();
        let detail = |name: &str| {
            let rows = groups.iter().flat_map(|group| &group.rows);
            rows.clone().find(|row| row.0 == name).map(|row| row.1.clone()).unwrap()
        };
        for (is_in, name, wire) in
            [(true, "records in", row.count.received.wire), (false, "records out", row.count.sent.wire)]
        {
            let rows: Vec<_> = rows.iter().filter(|row| (row[0] == port.to_string()) == is_in).collect();
            let numbers =
                |at: usize| rows.iter().flat_map(move |row| row[at].split(',')).filter_map(|n| n.parse().ok());
            let told = &shaken.records[usize::from(!is_in)];
            assert!(told.len() < handshake::RECORDS, "{told:?}");
            let told: Vec<u64> = told.iter().map(|record| record.len.into()).collect();
            assert_eq!(numbers(3).collect::<Vec<u64>>(), told, "{option} {name} {}", lab.report());
            let types: Vec<u64> = numbers(1).chain(numbers(2)).collect();
            let lengths: Vec<u64> = numbers(3).collect();
            assert_eq!(types.len(), lengths.len(), "{rows:?}");
            let names = [(20, "change_cipher_spec"), (21, "alert"), (22, "handshake"), (23, "application_data")];
            let count = |kind: u64| types.iter().filter(|seen| **seen == kind).count();
            let parts = names.iter().filter(|(kind, _)| count(*kind) > 0);
            let seen: Vec<String> = parts.map(|(kind, name)| format!("{name} {}", count(*kind))).collect();
            assert_eq!(detail(name), seen.join(", "), "{option} {}", lab.report());
            // Each record is its body and five bytes before it.
            assert_eq!(lengths.iter().sum::<u64>() + 5 * lengths.len() as u64, wire, "{option} {name} {rows:?}");
        }
        // The handshake's messages in the clear, by number, in order; in TLS 1.3 the two hellos are all there is.
        let rows = capture.read("tls.handshake.type", &["tls.handshake.type"], &[&decode]).await;
        let seen: Vec<u8> = rows.iter().flat_map(|row| row[0].split(',')).map(|n| n.parse().unwrap()).collect();
        let told: Vec<u8> = lab.events(socket).iter().flat_map(|event| clear(event, option == "-tls1_2")).collect();
        assert_eq!(seen, told, "{option} {}", lab.report());
        capture.stop().await;
    }
}

/// The handshake messages an event tells of that crossed unencrypted, by number (RFC 5246 section 7.4).
fn clear(event: &Event, is_tls12: bool) -> Vec<u8> {
    let number = |name: &str| match name {
        "certificate" => Some(11),
        "server_key_exchange" => Some(12),
        "server_hello_done" => Some(14),
        "client_key_exchange" => Some(16),
        _ => None,
    };
    match &event.kind {
        Kind::ClientHello(_) => vec![1],
        Kind::ServerHello(_) => vec![2],
        // TLS 1.2 sends its ticket before it changes ciphers.
        Kind::SessionTicket { .. } if is_tls12 => vec![4],
        Kind::Handshake(flight) if is_tls12 => flight.steps.iter().filter_map(|step| number(step.name)).collect(),
        _ => Vec::new(),
    }
}
