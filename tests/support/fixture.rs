//! A made-up session whose every number and time is fixed: what whole screens are drawn from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sockscope::model::end::{End, Fault, Op, Party};
use sockscope::model::event::{Event, Form, Framing, Kind, Way};
use sockscope::model::handshake::{Handshake, Outcome};
use sockscope::model::id::{EndpointId, SocketId, Subject};
use sockscope::model::life::Life;
use sockscope::model::spec::Spec;
use sockscope::model::tally::{Count, Flow};
use sockscope::model::time::{Stamp, Wall};
use sockscope::model::tls::Hello;
use sockscope::model::url::{Role, Scheme, Url};
use sockscope::model::view::{
    EndpointRow, Kernel, Query, Rate, SPARK, Snapshot, SocketList, SocketRow, State, Timeline,
};
use sockscope::model::waiting::{Exchange, Phase, Waiting};
use sockscope::model::workbench::{Entry, Line, Shelf, Standing};

const SECOND: u64 = 1_000_000_000;
const NOW: Stamp = Stamp(201 * SECOND);
/// The session began at 11:57:42.123456.
const WALL: Wall = Wall { epoch: 1_700_053_062_123_456_000, offset: -3600 };

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn count(received: (u64, u64), sent: (u64, u64)) -> Count {
    let flow = |(messages, bytes)| Flow { packets: messages + 2, messages, bytes, wire: bytes };
    Count { received: flow(received), sent: flow(sent), errors: 0 }
}

fn endpoint(id: u32, role: Role, url: &str, open: usize, rate: (u64, u64), spark: &[u32]) -> EndpointRow {
    let url = Url::parse(url, role).unwrap();
    let local = SocketAddr::from(([127, 0, 0, 1], url.port));
    let mut cells = [0; SPARK];
    cells[SPARK - spark.len()..].copy_from_slice(spark);
    EndpointRow {
        id: EndpointId(id),
        spec: Arc::new(Spec::new(role, url)),
        state: State::Up,
        local: (role == Role::Listen).then_some(local),
        open,
        ever: open as u64 + 1,
        count: count((120, 8_124), (118, 8_100)),
        rate: Rate { received: rate.0, sent: rate.1 },
        spark: cells,
    }
}

fn socket(id: u32, endpoint: u32, scheme: Scheme, life: Life, age: u64, count: Count) -> SocketRow {
    SocketRow {
        id: SocketId(id),
        endpoint: EndpointId(endpoint),
        scheme,
        accepted: true,
        peer: SocketAddr::from(([127, 0, 0, 1], 53_310 + u16::try_from(id).unwrap())),
        local: Some(SocketAddr::from(([127, 0, 0, 1], scheme.listen_port()))),
        life,
        end: None,
        opened: Stamp(NOW.0 - age * SECOND),
        closed: None,
        count,
        rate: Rate { received: u64::from(id) % 3, sent: u64::from(id) % 2 },
        kernel: Some(Kernel { segments_in: 14, segments_out: 13, rtt: Duration::from_micros(42), retransmits: 0 }),
        packets_known: true,
        blocked: false,
        seen: None,
        folded: 0,
    }
}

/// Nothing runs.
pub fn empty() -> Snapshot {
    Snapshot { now: Stamp(3 * SECOND), wall: WALL, ..Snapshot::default() }
}

/// Five listeners and a client that failed, seven sockets, the third one's timeline.
pub fn busy() -> Snapshot {
    let refused = Fault::Io { op: Op::Connect, name: "ECONNREFUSED", text: "Connection refused".into() };
    let mut failed = endpoint(6, Role::Connect, "tcp://127.0.0.1:9000", 0, (0, 0), &[]);
    failed.state = State::Failed(refused);
    let endpoints = vec![
        endpoint(1, Role::Listen, "tcp://:8124", 2, (12, 12), &[0, 3, 9, 4, 1, 0, 2, 7]),
        endpoint(2, Role::Listen, "udp://:41234", 1, (2, 2), &[1, 0, 0, 1, 0, 0, 1, 2]),
        endpoint(3, Role::Listen, "http://:8180", 1, (1, 1), &[0, 0, 5, 0, 0, 5, 0, 0]),
        endpoint(4, Role::Listen, "ws://:8181", 1, (30, 31), &[4, 5, 6, 7, 8, 9, 8, 7]),
        endpoint(5, Role::Listen, "tls://:8443", 1, (0, 0), &[0, 0, 0, 0, 0, 0, 0, 1]),
        failed,
    ];
    let mut rows = vec![
        socket(3, 1, Scheme::Tcp, Life::PeerEnded, 48, count((4, 217), (4, 229))),
        socket(4, 4, Scheme::Ws, Life::Open, 60, count((301, 12_345), (300, 12_300))),
        socket(5, 3, Scheme::Http, Life::Open, 12, count((42, 9_876), (42, 65_432))),
        socket(6, 2, Scheme::Udp, Life::Open, 75, count((1_234, 11_106), (1_234, 11_106))),
        socket(7, 5, Scheme::Tls, Life::Open, 31, count((18, 1_048_576), (18, 1_048_576))),
        socket(8, 1, Scheme::Tcp, Life::Open, 5, count((1, 65_536), (0, 0))),
        socket(2, 1, Scheme::Tcp, Life::Closed, 150, count((9, 99), (9, 99))),
    ];
    rows[5].blocked = true;
    rows[6].end = Some(Arc::new(End::Reset { by: Party::Peer }));
    rows[6].closed = Some(Stamp(NOW.0 - 40 * SECOND));
    let snapshot = Snapshot {
        settings: None,
        details: Vec::new(),
        waiting: Vec::new(),
        series: Vec::new(),
        handshake: None,
        now: NOW,
        wall: WALL,
        endpoints,
        socket: None,
        open: 6,
        older: 0,
        count: count((1_605, 1_147_755), (1_603, 1_137_742)),
        rate: Rate { received: 45, sent: 46 },
        dropped: 0,
        timeline: None,
        sockets: SocketList {
            total: rows.len(),
            all: rows.len(),
            first: 0,
            top: rows.first().map(|row| row.id),
            bottom: rows.last().map(|row| row.id),
            rows,
        },
    };
    told(&snapshot, Some(SocketId(3).into()))
}

/// The same with three exchanges that wait for an answer, two of them on the HTTP socket.
pub fn waiting() -> Snapshot {
    let mut snapshot = busy();
    let peer = snapshot.row(SocketId(5)).unwrap().peer;
    let exchange = |number, method: &str, target: &str, phase, age: u64, body| Exchange {
        number,
        method: method.into(),
        target: target.into(),
        phase,
        since: Stamp(NOW.0 - age * SECOND),
        over: None,
        body,
    };
    let row = |socket, exchange| Waiting {
        socket: SocketId(socket),
        endpoint: EndpointId(3),
        scheme: Scheme::Http,
        peer,
        exchange,
    };
    snapshot.waiting = vec![
        row(9, exchange(1, "GET", "/events?from=\u{1b}[31m", Phase::HeadSent(200), 190, 4_321)),
        row(5, exchange(43, "POST", "/upload", Phase::Waiting, 12, 0)),
        row(5, exchange(44, "GET", "/favicon.ico", Phase::Queued, 12, 0)),
    ];
    snapshot
}

/// The same with the timeline of `subject`.
pub fn told(snapshot: &Snapshot, subject: Option<Subject>) -> Snapshot {
    let socket = match subject {
        Some(Subject::Socket(id)) => snapshot.row(id).cloned(),
        _ => None,
    };
    let timeline = subject.map(|subject| match subject {
        Subject::Socket(_) => timeline(subject, socket_story()),
        Subject::Endpoint(_) => timeline(subject, listener_story()),
    });
    let handshake = socket.as_ref().filter(|row: &&SocketRow| row.scheme.is_secure()).map(|_| handshake());
    Snapshot { socket, timeline, handshake, ..snapshot.clone() }
}

/// A client of ours said hello and was refused.
fn handshake() -> Handshake {
    let mut it = Handshake { began: Some(Stamp(170 * SECOND)), ..Handshake::default() };
    let hello = Hello {
        server_name: Some("localhost".into()),
        versions: vec!["TLS 1.1".into()],
        ciphers: (0..40).map(|n| format!("TLS_CIPHER_{n}").into()).collect(),
        ..Hello::default()
    };
    it.keep(Stamp(170 * SECOND), false, Kind::ClientHello(Arc::new(hello)));
    it.keep(Stamp(170 * SECOND + 440_000), false, Kind::Alert { way: Way::Out, name: "protocol_version" });
    let fault = Fault::Tls { alert: Some((Party::Us, "protocol_version")), text: "no version in common".into() };
    it.outcome = Outcome::Failed { at: Stamp(170 * SECOND + 450_000), fault: Arc::new(fault), terms: None };
    it
}

/// What the hub would answer, had it these endpoints and sockets.
pub fn answer(snapshot: &Snapshot, query: &Query) -> Snapshot {
    let mut answer = told(snapshot, query.subject);
    if let Some(only) = query.list.endpoint {
        let list = &mut answer.sockets;
        list.rows.retain(|row| row.endpoint == only);
        list.total = list.rows.len();
        (list.top, list.bottom) = (list.rows.first().map(|row| row.id), list.rows.last().map(|row| row.id));
    }
    answer
}

/// What the demo's tape meets: a client that connected, the sockets in the demo's order, an exchange that waits.
pub fn dialled() -> Snapshot {
    let mut snapshot = waiting();
    snapshot.waiting.retain(|row| row.exchange.number == 43);
    snapshot.sockets.rows.sort_by_key(|row| [3, 5, 4, 7].iter().position(|id| row.id.0 == *id).unwrap_or(9));
    snapshot.endpoints[5].state = State::Up;
    snapshot.endpoints[5].open = 1;
    snapshot.sockets.rows.push(socket(9, 6, Scheme::Tcp, Life::Open, 1, count((1, 5), (1, 5))));
    snapshot
}

/// The same with another event under the cursor.
pub fn inspecting(snapshot: &Snapshot, seq: usize) -> Snapshot {
    let mut snapshot = snapshot.clone();
    if let Some(timeline) = &mut snapshot.timeline {
        timeline.inspected = timeline.events.get(seq).cloned();
    }
    snapshot
}

const JSON: &str = r#"{"op":"sub","ch":["ticker","depth"],"id":7731,"note":"订阅成功"}"#;

type Story = Vec<(u64, Kind, Vec<u8>)>;

/// Every row: nanoseconds after the one before, what, payload.
fn socket_story() -> Story {
    let said = |after, kind, text: &str| (after, kind, text.as_bytes().to_vec());
    vec![
        said(0, Kind::Connection { peer: Box::new(at("127.0.0.1:53313")), socket: None }, ""),
        said(14_000, Kind::Write, "你好, sockscope\n"),
        said(1_880_000_000, Kind::Data, "world!\r\n"),
        said(38_000, Kind::Write, "world!\r\n"),
        said(2_410_000_000, Kind::Data, JSON),
        said(78_000, Kind::Write, JSON),
        said(570_000_000, Kind::Blocked { waiting: 65_536 }, ""),
        said(254_000_000, Kind::Drain { blocked: 254_000_000, waited: 65_536 }, ""),
        said(
            3_000_000,
            Kind::Message { way: Way::In, form: Form::Text, frames: 2, framing: Framing::default() },
            "fragments, whole again",
        ),
        (9_000_000, Kind::Data, b"\x1b[31mred\x1b]52;c;aGk=\x07 \xff\xfe\x00 caf\xc3\xa9".to_vec()),
        said(6_890_000_000, Kind::fin(Way::In), ""),
    ]
}

fn listener_story() -> Story {
    vec![
        (0, Kind::Listening { local: Box::new(at("127.0.0.1:8124")) }, Vec::new()),
        (5_000_000, Kind::Connection { peer: Box::new(at("127.0.0.1:53313")), socket: Some(SocketId(3)) }, Vec::new()),
        (1_000, Kind::Log, b"server got: hello from 127.0.0.1:53313".to_vec()),
        (2_000_000, Kind::Error(Box::new(Fault::Limit { what: "open connections", limit: 10_000 })), Vec::new()),
    ]
}

fn timeline(subject: Subject, story: Story) -> Timeline {
    let mut time = 153 * SECOND;
    let event = |((after, kind, head), seq): ((u64, Kind, Vec<u8>), u64)| {
        time += after;
        Event { seq, at: Stamp(time), size: head.len() as u64, kind, head }
    };
    let events: Vec<Event> = story.into_iter().zip(0..).map(event).collect();
    let inspected = events.last().cloned();
    Timeline { subject, range: 0..events.len() as u64, dropped: 0, events, before: None, inspected, framed: None }
}

/// A store with a name of each kind.
pub fn shelf() -> Shelf {
    let line = |level, name: &str, value: &str| Line { level, name: name.into(), value: value.into() };
    let entry = |name: &str, role, standing, validity: &str, kept: &[&'static str]| Entry {
        name: name.into(),
        role,
        standing,
        validity: validity.into(),
        kept: kept.to_vec(),
        kind: "ECDSA P-256".into(),
        is_ca: role.ends_with("CA"),
        subject: format!("CN={name}"),
        issuer: if standing == Standing::None { String::new() } else { "CN=sockscope local CA".into() },
        names: if role == "server" { vec![name.into(), "127.0.0.1".into()] } else { Vec::new() },
        tree: vec![
            line(0, "certificate", &format!("CN={name}")),
            line(1, "issuer", "CN=sockscope local CA"),
            line(1, "valid", "2026-08-24 12:00:00 UTC to 2026-11-22 12:00:00 UTC"),
            line(1, "serial", "5F:A8:A2:D6:A1:72:60:6E:68:AA:48:CA:C4:0E:F0:08"),
            line(1, "public key", "ECDSA P-256"),
            line(2, "SHA-256", "1B:63:CA:2A:10:92:CA:80:AE:44:63:C8:4E:71:3B:64:31:20:F4:DB:9B:F1:2E:FF:B2:34:91:6D"),
            line(1, "names", "DNS:localhost, IP:127.0.0.1"),
            line(1, "key usage (critical)", "Digital Signature"),
            line(1, "for use as", "server"),
        ],
        ..Entry::default()
    };
    let full = ["key", "csr", "crt"];
    let entries = vec![
        entry("below", "CA", Standing::Good, "2 years left", &["key", "crt"]),
        entry("ca", "root CA", Standing::Good, "9 years left", &["key", "crt", "crl"]),
        entry("localhost", "server", Standing::Good, "74 days left", &full),
        entry("me@a.test", "client", Standing::Soon, "12 days left", &full),
        entry("next.test", "server", Standing::Early, "valid in 2 days", &full),
        entry("old.test", "server", Standing::Expired, "expired 3 days ago", &full),
        entry("spare", "key", Standing::None, "", &["key"]),
        Entry { revoked: true, ..entry("stolen.test", "server", Standing::Good, "80 days left", &full) },
        entry("wanted.test", "request", Standing::None, "", &["key", "csr"]),
    ];
    Shelf { folder: "/home/me/.local/share/sockscope/certs".into(), entries, is_usual: true, ..Shelf::default() }
}
