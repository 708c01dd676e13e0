//! A rich snapshot for tests: five listeners, a failed one, clients, ten sockets, and timelines of each protocol.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::{
    Answer, Event, Flight, Form, FrameHead, Framing, Hello, Kind, Logged, Opened, Secured, Upgrade, Way,
};
use crate::model::exchange::{Part, Turn};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::life::Life;
use crate::model::socketio::{Head, Type};
use crate::model::spec::Spec;
use crate::model::starttls::Starttls;
use crate::model::tally::{Count, Flow};
use crate::model::time::{Stamp, Wall};
use crate::model::tls::{Certificate, Step};
use crate::model::url::{Role, Scheme, Url};
use crate::model::view::{EndpointRow, Kernel, Rate, SPARK, Snapshot, SocketList, SocketRow, State, Timeline};

const SECOND: u64 = 1_000_000_000;
/// 12:01:03.123456 on some day.
const WALL: Wall = Wall { epoch: 1_700_053_263_123_456_000 - 9 * SECOND, offset: -3600 };

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn endpoint(id: u32, role: Role, url: &str, state: State, open: usize) -> EndpointRow {
    let spec = Spec::new(role, Url::parse(url, role).unwrap());
    let local = (state == State::Up && role == Role::Listen)
        .then(|| at(&spec.url.authority().replace("localhost", "127.0.0.1")));
    let mut spark = [0; SPARK];
    if state == State::Up {
        for (i, cell) in spark.iter_mut().enumerate() {
            *cell = (i as u32 * 7 * (id + 1) + id * 3) % 11;
        }
    }
    EndpointRow {
        id: EndpointId(id),
        spec: Arc::new(spec),
        state,
        local,
        open,
        ever: open as u64 * 3,
        count: count(120, 44, 8_100 * u64::from(id)),
        rate: Rate { received: 12, sent: 9 },
        spark,
    }
}

fn count(packets: u64, messages: u64, bytes: u64) -> Count {
    let flow = |n: u64| Flow { packets: packets * n, messages: messages * n, bytes: bytes * n, wire: bytes * n + 140 };
    Count { received: flow(1), sent: flow(2), errors: 0 }
}

pub(crate) fn socket(id: u32, scheme: Scheme, peer: &str, life: Life, packets: u64) -> SocketRow {
    let age = [0, 205, 201, 12, 48, 60, 75, 130, 150, 190, 199, 3_700, 90, 31][id as usize];
    let now = now();
    SocketRow {
        id: SocketId(id),
        endpoint: EndpointId(1),
        scheme,
        accepted: true,
        peer: at(peer),
        local: Some(at("127.0.0.1:8124")),
        life,
        end: None,
        opened: Stamp(now.0 - age.min(now.0 / SECOND) * SECOND),
        closed: life.is_closed().then_some(now),
        count: count(packets, packets, packets * 212),
        rate: Rate { received: packets % 40, sent: packets % 7 },
        kernel: None,
        packets_known: true,
        blocked: false,
        seen: None,
        folded: 0,
    }
}

fn now() -> Stamp {
    Stamp(201 * SECOND)
}

pub(crate) fn snapshot() -> Snapshot {
    let taken = Fault::Io { op: Op::Bind, name: "EADDRINUSE", text: "Address already in use".into() };
    let mut insecure = endpoint(8, Role::Connect, "wss://echo.example.org/chat", State::Up, 1);
    Arc::make_mut(&mut insecure.spec).settings.tls.insecure = true;
    let endpoints = vec![
        endpoint(1, Role::Listen, "tcp://:8124", State::Up, 2),
        endpoint(2, Role::Listen, "udp://:41234", State::Up, 3),
        endpoint(3, Role::Listen, "http://:8180", State::Up, 2),
        endpoint(4, Role::Listen, "ws://0.0.0.0:8181", State::Up, 1),
        endpoint(5, Role::Listen, "tls://:8443", State::Up, 1),
        endpoint(6, Role::Listen, "tcp://:22", State::Failed(taken), 0),
        endpoint(7, Role::Connect, "https://example.org", State::Starting, 0),
        insecure,
    ];
    let mut rows = vec![
        socket(3, Scheme::Tcp, "127.0.0.1:53312", Life::PeerEnded, 12),
        socket(4, Scheme::Ws, "127.0.0.1:53318", Life::Open, 301),
        socket(5, Scheme::Http, "127.0.0.1:53320", Life::Open, 42),
        socket(6, Scheme::Https, "192.168.100.20:53322", Life::Open, 1_234),
        socket(7, Scheme::Tls, "127.0.0.1:53330", Life::Opening(1), 18),
        socket(8, Scheme::Udp, "127.0.0.1:40112", Life::Open, 7),
        socket(9, Scheme::Wss, "[2001:db8:85a3::8a2e:370:7334]:443", Life::Open, 71_002),
        socket(10, Scheme::Tcp, "127.0.0.1:53340", Life::Open, 65_000),
        socket(12, Scheme::Tcp, "127.0.0.1:53302", Life::Closed, 9),
        socket(2, Scheme::Tcp, "127.0.0.1:53300", Life::Closed, 4),
    ];
    rows[6].accepted = false;
    rows[6].packets_known = false;
    rows[7].blocked = true;
    rows[8].end = Some(Arc::new(End::Reset { by: Party::Peer }));
    rows[9].end = Some(Arc::new(End::Finished { first: Party::Peer }));
    let mut subject = rows[0].clone();
    subject.kernel = Some(Kernel { segments_in: 14, segments_out: 13, rtt: Duration::from_micros(42), retransmits: 2 });
    Snapshot {
        older: 0,
        waiting: Vec::new(),
        settings: None,
        details: Vec::new(),
        series: Vec::new(),
        handshake: None,
        now: now(),
        wall: WALL,
        endpoints,
        sockets: SocketList {
            total: rows.len(),
            all: rows.len(),
            first: 0,
            top: rows.first().map(|row| row.id),
            bottom: rows.last().map(|row| row.id),
            rows,
        },
        socket: Some(subject),
        open: 9,
        count: count(3_000, 1_200, 1_700_000),
        rate: Rate { received: 1_234, sent: 980 },
        dropped: 0,
        timeline: Some(timeline(SocketId(3).into(), tcp())),
    }
}

pub(crate) const JSON: &str = r#"{"op":"sub","ch":["ticker","depth"],"id":7731,"live":true,"limits":{"rate":12.5,"burst":null},"note":"订阅成功"}"#;

/// A timeline of kinds with their payload, each some time after the one before.
pub(crate) fn timeline(subject: Subject, kinds: Vec<(u64, Kind, Vec<u8>)>) -> Timeline {
    let mut time = 9 * SECOND;
    let events: Vec<Event> = kinds
        .into_iter()
        .zip(0..)
        .map(|((after, kind, head), seq)| {
            time += after;
            Event { seq, at: Stamp(time), size: head.len() as u64, kind, head }
        })
        .collect();
    let inspected = events.iter().find(|event| event.head.len() > 60).or(events.last()).cloned();
    Timeline { subject, range: 0..events.len() as u64, dropped: 0, events, before: None, inspected, framed: None }
}

fn none(after: u64, kind: Kind) -> (u64, Kind, Vec<u8>) {
    (after, kind, Vec::new())
}

fn some(after: u64, kind: Kind, bytes: impl AsRef<[u8]>) -> (u64, Kind, Vec<u8>) {
    (after, kind, bytes.as_ref().to_vec())
}

pub(crate) fn tcp() -> Vec<(u64, Kind, Vec<u8>)> {
    vec![
        none(0, Kind::Connection { peer: Box::new(at("127.0.0.1:53312")), socket: None }),
        some(14_000, Kind::Write, "你好, sockscope\n"),
        some(1_880_000_000, Kind::Data, "world!\r\n"),
        some(38_000, Kind::Write, "world!\r\n"),
        some(2_410_000_000, Kind::Data, JSON),
        some(78_000, Kind::Write, JSON),
        none(570_000_000, Kind::Blocked { waiting: 65_536 }),
        none(254_000_000, Kind::Drain { blocked: 254_000_000, waited: 65_536 }),
        some(3_000_000, Kind::Data, b"\x1b[31mred\x1b]52;c;aGk=\x07 \xff\xfe\x00\xc2\x9b caf\xc3\xa9 \xf0\x9f\x91\x8d"),
        none(30_000_000_000, Kind::Timeout { idle: 30_000_000_000 }),
        none(6_890_000_000, Kind::fin(Way::In)),
        none(1_000, Kind::Error(Box::new(Fault::Io { op: Op::Write, name: "EPIPE", text: "Broken pipe".into() }))),
        none(90_000, Kind::Close(Box::new(End::Reset { by: Party::Peer }))),
    ]
}

pub(crate) fn tls() -> Vec<(u64, Kind, Vec<u8>)> {
    let names = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    vec![
        none(0, Kind::Connection { peer: Box::new(at("127.0.0.1:53330")), socket: None }),
        none(
            410_000,
            Kind::ClientHello(Arc::new(Hello {
                server_name: Some("localhost".into()),
                alpn: names(&["h2", "http/1.1"]),
                ciphers: names(&["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]),
                groups: names(&["X25519MLKEM768", "x25519", "secp256r1"]),
                versions: names(&["TLS 1.3", "TLS 1.2"]),
                ..Hello::default()
            })),
        ),
        none(3_100_000, Kind::SecureConnection(Arc::new(secured()))),
        some(700_000, Kind::Data, "hello"),
        none(1_000_000, Kind::Alert { way: Way::In, name: "close_notify" }),
        none(1_000_000, Kind::Alert { way: Way::Out, name: "unknown_ca" }),
        none(
            20_000,
            Kind::TlsError(Box::new(Fault::Tls {
                alert: Some((Party::Peer, "unknown_ca")),
                text: "received fatal alert".into(),
            })),
        ),
        none(20_000, Kind::Close(Box::new(End::Stopped))),
    ]
}

/// What crosses between the hello and the end of a handshake.
pub(crate) fn handshake() -> Vec<(u64, Kind, Vec<u8>)> {
    let names = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    vec![
        none(
            600_000,
            Kind::ServerHello(Arc::new(Answer {
                way: Way::Out,
                version: "TLS 1.3".into(),
                cipher: "TLS_AES_256_GCM_SHA384".into(),
                group: Some("X25519MLKEM768".into()),
                alpn: None,
                extensions: names(&["supported_versions", "key_share"]),
                retry: false,
                resumes: false,
            })),
        ),
        none(
            4_000,
            Kind::Handshake(Arc::new(Flight {
                way: Way::Out,
                sealed: true,
                since: 604_000,
                steps: vec![Step { name: "encrypted_extensions", len: 15 }, Step { name: "certificate", len: 512 }],
            })),
        ),
        none(9_000, Kind::SessionTicket { way: Way::Out, count: 2, lifetime: 43_200, bytes: 464 }),
    ]
}

/// What may stand around a handshake.
fn around() -> Vec<(u64, Kind, Vec<u8>)> {
    let upgrade = Upgrade { by: Starttls::Smtp, role: Role::Listen, received: 30, sent: 60 };
    let logged = Logged { file: "keys.log".into(), labels: vec!["SERVER_TRAFFIC_SECRET_0".into()] };
    vec![none(9_000, Kind::Starttls(Box::new(upgrade))), none(3_000, Kind::KeyLog(Box::new(logged)))]
}

pub(crate) fn secured() -> Secured {
    Secured {
        version: "TLS 1.3",
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        group: Some("X25519MLKEM768".into()),
        alpn: Some("http/1.1".into()),
        resumed: false,
        took: 3_100_000,
        verified: Some(false),
        objection: Some("UnknownIssuer".into()),
        chain: vec![Certificate {
            subject: "CN=localhost".into(),
            issuer: "CN=sockscope session CA".into(),
            names: vec!["localhost".into()],
            valid: ("2026-03-01T00:00:00Z".into(), "2027-03-01T00:00:00Z".into()),
            key: "EC P-256".into(),
            serial: "01".into(),
            is_ca: false,
            fingerprint: "00ff".into(),
        }],
    }
}

pub(crate) const REQUEST: &str = "POST /orders?id=7 HTTP/1.1\r\nHost: localhost:8180\r\nUser-Agent: curl/8.5.0\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n";

pub(crate) fn http() -> Vec<(u64, Kind, Vec<u8>)> {
    let (way, exchange) = (Way::In, 1);
    let out = Way::Out;
    vec![
        none(0, Kind::Connection { peer: Box::new(at("127.0.0.1:53320")), socket: None }),
        some(900_000, Kind::Request { way, exchange, stream: 0, turn: Turn::First }, REQUEST),
        none(5_000, Kind::Continue { way: out, exchange }),
        some(700_000, Kind::Body { way, exchange, part: Part::Plain }, "{\"name\":\"tea\"}"),
        some(120_000, Kind::Trailers { way, exchange }, "X-Sum: 7\r\n"),
        some(
            40_000,
            Kind::Head { way: out, exchange, status: 200, took: 0 },
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n",
        ),
        some(2_000, Kind::Body { way: out, exchange, part: Part::Plain }, "POST /orders?id=7\n"),
        none(9_000, Kind::Finish { exchange, first: None, took: 1_776_000 }),
        some(2_000, Kind::Head { way: out, exchange: 2, status: 404, took: 0 }, "HTTP/1.1 404 Not Found\r\n\r\n"),
        some(2_000, Kind::Head { way: out, exchange: 3, status: 502, took: 0 }, "HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        none(9_000, Kind::Upgrade { exchange: 3 }),
        some(
            4_000,
            Kind::ClientError(Box::new(Fault::Http { status: Some(400), text: "no request line".into() }), 0),
            "hello\r\n",
        ),
    ]
}

fn opened() -> Opened {
    Opened {
        subprotocols: vec!["superchat".into(), "chat".into()],
        subprotocol: Some("chat".into()),
        offered: vec!["permessage-deflate; client_max_window_bits".into()],
        extensions: vec!["permessage-deflate".into()],
    }
}

fn framing(payload: u64, heads: u32, deflated: bool) -> Framing {
    Framing { payload, heads, masked: heads > 4, deflated, rsv: if deflated { 4 } else { 0 } }
}

fn frame(opcode: u8, masked: bool, len: u32, size: u8) -> FrameHead {
    FrameHead { opcode, fin: true, rsv: 0, masked, len, size }
}

pub(crate) fn ws() -> Vec<(u64, Kind, Vec<u8>)> {
    let (way, form) = (Way::In, Form::Text);
    vec![
        none(0, Kind::Connect { peer: Box::new(at("93.184.216.34:443")), took: 42_000 }),
        none(
            2_000,
            Kind::SecureConnect(Arc::new(Secured {
                resumed: true,
                group: None,
                alpn: None,
                verified: Some(true),
                ..secured()
            })),
        ),
        none(2_000, Kind::Open(Box::new(opened()))),
        some(3_000, Kind::Message { way: Way::Out, form, frames: 1, framing: framing(5, 6, false) }, "hello"),
        some(300, Kind::Packet { way, packet: chat() }, "\"hi\",1"),
        none(100_000, Kind::Frame { way, frame: FrameHead { fin: false, rsv: 4, ..frame(1, true, 1024, 8) } }),
        some(3_000, Kind::Message { way, form, frames: 3, framing: framing(9, 6, true) }, "hello, hello"),
        some(
            3_000,
            Kind::Message { way, form: Form::Binary, frames: 1, framing: framing(4, 2, false) },
            [0, 1, 2, 0xfe],
        ),
        none(3_000, Kind::Message { way, form, frames: 1, framing: framing(0, 2, false) }),
        some(10_000_000_000, Kind::Ping { way: Way::Out, frame: Some(frame(9, true, 1, 6)) }, "7"),
        some(500_000, Kind::Pong { way, rtt: NonZeroU64::new(500_000), frame: Some(frame(10, false, 1, 2)) }, "7"),
        some(1_000_000, Kind::Closing { way, code: Some(1000), frame: frame(8, false, 5, 2) }, "bye"),
        none(1_000_000, Kind::Closing { way: Way::Out, code: None, frame: frame(8, true, 0, 6) }),
        none(1_000_000, Kind::Close(Box::new(End::Finished { first: Party::Peer }))),
    ]
}

pub(crate) fn listener() -> Vec<(u64, Kind, Vec<u8>)> {
    vec![
        none(0, Kind::Listening { local: Box::new(at("127.0.0.1:8124")) }),
        none(5_000_000, Kind::Connection { peer: Box::new(at("127.0.0.1:53312")), socket: Some(SocketId(3)) }),
        some(1_000, Kind::Log, "server got: hello from 127.0.0.1:53312"),
        none(1_000, Kind::Error(Box::new(Fault::Limit { what: "open connections", limit: 10_000 }))),
        none(1_000, Kind::Close(Box::new(End::Stopped))),
    ]
}

/// An exchange that waits for a person, and a peer that does not.
fn held() -> Vec<(u64, Kind, Vec<u8>)> {
    vec![
        none(9_000, Kind::Held { exchange: 4 }),
        none(9_000, Kind::Aborted { exchange: 4, waited: 3_100_000_000, by: Party::Peer }),
    ]
}

/// One event of every kind there is, by way of the timelines above.
pub(crate) fn every_event() -> Vec<(u64, Kind, Vec<u8>)> {
    [tcp(), tls(), http(), ws(), listener(), handshake(), around(), held()].concat()
}

fn chat() -> Box<Head> {
    let name = Some("chat".into());
    Box::new(Head { what: Type::Event, namespace: "/admin".into(), name, id: Some(7), ..Head::default() })
}
