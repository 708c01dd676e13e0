//! One event of each kind, and what its line says beside the place and the time.

use std::num::NonZeroU64;

use serde_json::{Value, json};

use super::*;

/// One of each kind with everything in it, and the fields each adds.
pub fn kinds() -> Vec<(Kind, Value)> {
    let at: std::net::SocketAddr = "127.0.0.1:5000".parse().unwrap();
    let fault = || Fault::Io { op: Op::Read, name: "ECONNRESET", text: "Connection reset by peer".into() };
    let error = json!({"name": "ECONNRESET", "text": "ECONNRESET while reading: Connection reset by peer"});
    let secured = || Secured {
        version: "TLSv1.3",
        cipher: "TLS13_AES_256_GCM_SHA384".into(),
        group: Some("X25519MLKEM768".into()),
        alpn: Some("http/1.1".into()),
        resumed: false,
        took: 2_000_500,
        verified: Some(true),
        objection: None,
        chain: vec![Certificate {
            subject: "CN=a.test".into(),
            names: vec!["a.test".into()],
            ..Certificate::default()
        }],
    };
    let secure = json!({"version": "TLSv1.3", "cipher": "TLS13_AES_256_GCM_SHA384", "group": "X25519MLKEM768",
        "alpn": "http/1.1", "resumed": false, "took_us": 2000, "verified": true, "chain": [{"subject": "CN=a.test", "issuer": "", "names": ["a.test"],
        "not_before": "", "not_after": "", "key": "", "serial": "", "ca": false, "sha256": ""}]});
    let hello = Hello {
        server_name: Some("a.test".into()),
        alpn: vec!["h2".into()],
        keys: 1,
        astray: true,
        ..Hello::default()
    };
    let answer = Answer {
        way: Way::Out,
        version: "TLS 1.3".into(),
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        group: Some("X25519".into()),
        alpn: None,
        extensions: vec!["key_share".into()],
        retry: false,
        resumes: true,
    };
    let steps = vec![tls::Step { name: "finished", len: 32 }];
    let flight = Flight { way: Way::Out, sealed: true, since: 5_999, steps };
    let frame = FrameHead { opcode: 1, fin: false, rsv: 4, masked: true, len: 7, size: 6 };
    let framing = Framing { payload: 3, heads: 12, masked: true, deflated: true, rsv: 4 };
    let opened = Opened {
        subprotocols: vec!["v2".into(), "chat".into()],
        subprotocol: Some("chat".into()),
        offered: vec!["permessage-deflate".into()],
        extensions: Vec::new(),
    };
    let (way, exchange) = (Way::In, 2);
    let tried = |step| Kind::Attempt(Attempt { peer: at, step }.into());
    let packet = Box::new(Head {
        what: Type::Event,
        namespace: "/admin".into(),
        name: Some("chat".into()),
        id: Some(7),
        attachments: 2,
        ..Head::default()
    });
    vec![
        (Kind::Listening { local: at.into() }, json!({"local": "127.0.0.1:5000"})),
        (
            Kind::Connection { peer: at.into(), socket: Some(SocketId(9)) },
            json!({"peer": "127.0.0.1:5000", "accepted": 9}),
        ),
        (Kind::Connect { peer: at.into(), took: 1_999 }, json!({"peer": "127.0.0.1:5000", "took_us": 1})),
        (Kind::Drop { peer: at.into(), most: 3 }, json!({"peer": "127.0.0.1:5000", "most": 3})),
        (Kind::Clock { by: -7_200_000_000_000 }, json!({"by_us": -7_200_000_000_i64})),
        (
            Kind::Lookup(Lookup { name: "a.test".into(), addresses: [at].into(), took: 2_000 }.into()),
            json!({"name": "a.test", "addresses": ["127.0.0.1:5000"], "took_us": 2}),
        ),
        (tried(Step::Began { nth: 1, of: 2 }), json!({"peer": "127.0.0.1:5000", "nth": 1, "of": 2})),
        (
            tried(Step::Failed { fault: fault(), took: 3_000 }),
            json!({"peer": "127.0.0.1:5000", "took_us": 3, "error": error}),
        ),
        (tried(Step::Late { after: 4_000 }), json!({"peer": "127.0.0.1:5000", "after_us": 4})),
        (tried(Step::Cancelled { after: 5_000 }), json!({"peer": "127.0.0.1:5000", "after_us": 5})),
        (Kind::Data, json!({"way": "in"})),
        (Kind::Write, json!({"way": "out"})),
        (
            Kind::Message { way, form: Form::Text, frames: 2, framing },
            json!({"way": "in", "form": "text", "frames": 2, "opcode": "text", "fin": false, "rsv": 4, "masked": true,
                "wire": 15, "compressed": 3}),
        ),
        (Kind::Blocked { waiting: 5 }, json!({"way": "out", "waiting": 5})),
        (Kind::Drain { blocked: 5_000, waited: 9 }, json!({"way": "out", "blocked_us": 5, "waited": 9})),
        (Kind::Timeout { idle: 5_000 }, json!({"idle_us": 5})),
        (Kind::fin(way), json!({"way": "in"})),
        (Kind::End { way, sign: Sign::CloseNotify }, json!({"way": "in", "by": "close_notify"})),
        (Kind::End { way: Way::Out, sign: Sign::Queued(5) }, json!({"way": "out", "behind": 5})),
        (Kind::Error(fault().into()), json!({"error": error})),
        (
            Kind::Close(End::Broken(fault()).into()),
            json!({"had_error": true, "end": {"how": "broken", "error": error}}),
        ),
        (Kind::Log, json!({})),
        (Kind::Set(Change { name: "nodelay", value: "no".into() }.into()), json!({"name": "nodelay", "value": "no"})),
        (
            Kind::Certificate(
                tls::Shown {
                    source: "bad:expired".into(),
                    is_bad: true,
                    behind: 1,
                    certificate: secured().chain.remove(0),
                    ..tls::Shown::default()
                }
                .into(),
            ),
            json!({"source": "bad:expired", "bad": true, "behind": 1, "certificate": secure["chain"][0]}),
        ),
        (
            Kind::ClientHello(hello.into()),
            json!({"way": "in", "server_name": "a.test", "alpn": ["h2"], "versions": [], "ciphers": [], "groups": [],
                "shares": [], "signatures": [], "extensions": [], "session_id": 0, "psk": 1, "astray": true}),
        ),
        (
            Kind::ServerHello(answer.into()),
            json!({"way": "out", "version": "TLS 1.3", "cipher": "TLS_AES_128_GCM_SHA256", "group": "X25519",
                "extensions": ["key_share"], "retry": false, "resumes": true}),
        ),
        (
            Kind::Handshake(flight.into()),
            json!({"way": "out", "encrypted": true, "since_us": 5, "steps": [{"name": "finished", "bytes": 32}]}),
        ),
        (
            Kind::SessionTicket { way, count: 2, lifetime: 7200, bytes: 400 },
            json!({"way": "in", "tickets": 2, "lifetime_s": 7200, "bytes": 400}),
        ),
        (
            Kind::Starttls(Upgrade { by: Starttls::Smtp, role: Role::Listen, received: 30, sent: 60 }.into()),
            json!({"by": "smtp", "server": "us", "received": 30, "sent": 60}),
        ),
        (
            Kind::Starttls(Upgrade { by: Starttls::Off, role: Role::Connect, received: 0, sent: 0 }.into()),
            json!({"by": "hand", "server": "peer", "received": 0, "sent": 0}),
        ),
        (
            Kind::KeyLog(Logged { file: "keys".into(), labels: vec!["CLIENT_RANDOM".into()] }.into()),
            json!({"file": "keys", "labels": ["CLIENT_RANDOM"]}),
        ),
        (Kind::SecureConnection(secured().into()), secure.clone()),
        (Kind::SecureConnect(secured().into()), secure),
        (Kind::Alert { way, name: "bad_certificate" }, json!({"way": "in", "alert": "bad_certificate"})),
        (
            Kind::TlsError(Fault::Tls { alert: Some((Party::Peer, "unknown_ca")), text: "no".into() }.into()),
            json!({"error": {"name": "unknown_ca", "by": "peer", "text": "the peer sent the alert unknown_ca: no"}}),
        ),
        (
            Kind::Request { way, exchange, stream: 0, turn: Turn::Pipelined(3) },
            json!({"way": "in", "exchange": 2, "pipelined": 3}),
        ),
        (
            Kind::Request { way, exchange, stream: 3, turn: Turn::First },
            json!({"way": "in", "exchange": 2, "stream": 3}),
        ),
        (Kind::Information { way, exchange, status: 103 }, json!({"way": "in", "exchange": 2, "status": 103})),
        (Kind::Chunk { way, exchange, size: 7 }, json!({"way": "in", "exchange": 2, "chunk": 7})),
        (Kind::Last { way, exchange, why: Why::Close }, json!({"way": "in", "exchange": 2, "why": "close"})),
        (Kind::Continue { way, exchange }, json!({"way": "in", "exchange": 2})),
        (
            Kind::Head { way, exchange, status: 404, took: 3_000 },
            json!({"way": "in", "exchange": 2, "status": 404, "took_us": 3}),
        ),
        (Kind::Body { way, exchange, part: Part::Chunk(9) }, json!({"way": "in", "exchange": 2, "chunk": 9})),
        (Kind::Trailers { way, exchange }, json!({"way": "in", "exchange": 2})),
        (
            Kind::Finish { exchange, first: std::num::NonZeroU64::new(5_000), took: 7_000 },
            json!({"exchange": 2, "first_us": 5, "took_us": 7}),
        ),
        (Kind::Upgrade { exchange }, json!({"exchange": 2})),
        (Kind::Rule { exchange }, json!({"exchange": 2})),
        (Kind::Held { exchange }, json!({"exchange": 2})),
        (Kind::Aborted { exchange, waited: 7_000, by: Party::Us }, json!({"exchange": 2, "waited_us": 7, "by": "us"})),
        (
            Kind::ClientError(Fault::Http { status: Some(400), text: "no".into() }.into(), 2),
            json!({"exchange": 2, "error": {"name": "http", "status": 400, "text": "no; its answer is 400"}}),
        ),
        (
            Kind::Settings(h2::Settings { way, ack: false, values: vec![(3, 100), (0x4d44, 7)] }.into()),
            json!({"way": "in", "ack": false, "settings": {"MAX_CONCURRENT_STREAMS": 100, "0x4d44": 7}}),
        ),
        (Kind::GoAway { way, last: 5, code: 2 }, json!({"way": "in", "last": 5, "code": "INTERNAL_ERROR"})),
        (
            Kind::StreamReset { way, exchange, stream: 3, code: 8 },
            json!({"way": "in", "exchange": 2, "stream": 3, "code": "CANCEL"}),
        ),
        (
            Kind::WindowUpdate { way, exchange, by: 65_535, blocked: 9_000 },
            json!({"way": "in", "exchange": 2, "by": 65_535, "blocked_us": 9}),
        ),
        (
            Kind::Open(opened.into()),
            json!({"subprotocols": ["v2", "chat"], "subprotocol": "chat", "offered": ["permessage-deflate"],
                "extensions": []}),
        ),
        (
            Kind::Packet { way, packet },
            json!({"way": "in", "layer": "socket.io", "packet": "event", "namespace": "/admin", "name": "chat",
                "ack": 7, "attachments": 2}),
        ),
        (
            Kind::Frame { way, frame },
            json!({"way": "in", "opcode": "text", "fin": false, "rsv": 4, "masked": true, "length": 7, "wire": 13}),
        ),
        (Kind::Ping { way, frame: None }, json!({"way": "in"})),
        (
            Kind::Ping { way, frame: Some(FrameHead { opcode: 9, fin: true, rsv: 0, ..frame }) },
            json!({"way": "in", "opcode": "ping", "fin": true, "rsv": 0, "masked": true, "length": 7, "wire": 13}),
        ),
        (
            Kind::Pong {
                way,
                rtt: NonZeroU64::new(3_000),
                frame: Some(FrameHead { opcode: 10, fin: true, rsv: 0, ..frame }),
            },
            json!({"way": "in", "rtt_us": 3, "opcode": "pong", "fin": true, "rsv": 0, "masked": true, "length": 7,
                "wire": 13}),
        ),
        (
            Kind::Closing { way, code: Some(1000), frame: FrameHead { opcode: 8, fin: true, ..frame } },
            json!({"way": "in", "code": 1000, "name": "normal", "opcode": "close", "fin": true, "rsv": 4,
                "masked": true, "length": 7, "wire": 13}),
        ),
    ]
}
