//! Loopback: our endpoints against a tungstenite that nobody watches, and against raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::hub::Hub;
use crate::model::end::{End, Party};
use crate::model::event::{Event, Form, Framing, Kind, Way};
use crate::model::id::EndpointId;
use crate::model::life::Life;
use crate::model::spec::{Escaped, Fixed, Limits, Reply, Settings, Spec};
use crate::model::time::Clock;
use crate::model::url::{Role, Url};
use crate::model::view::{ListQuery, Query, Snapshot, SocketRow, State};
use crate::net::{Command, Endpoints, Payload, tls};

type Peer = WebSocketStream<TcpStream>;

pub(super) struct Rig {
    pub(super) hub: Arc<Hub>,
    pub(super) endpoints: Endpoints,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(Limits { ws_message: 2 << 20, handshake_time: Duration::from_secs(5), ..Limits::default() })
    }

    pub(super) fn with(limits: Limits) -> Self {
        let hub = Hub::new(Clock::start(0), &limits);
        let identity = Arc::new(tls::Identity::new().unwrap());
        Self { endpoints: Endpoints::new(Arc::clone(&hub), limits, identity), hub }
    }

    /// Waits until the hub shows what is looked for.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&Snapshot) -> Option<T>) -> T {
        let list = ListQuery { rows: 10, ..ListQuery::default() };
        let wait = async {
            loop {
                if let Some(found) = look(&self.hub.snapshot(&Query { list: list.clone(), ..Query::default() })) {
                    return found;
                }
                self.hub.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens")
    }

    pub(super) async fn listen(&self, settings: Settings) -> (EndpointId, SocketAddr) {
        self.listen_at("ws://127.0.0.1:0/", settings).await
    }

    pub(super) async fn listen_at(&self, url: &str, settings: Settings) -> (EndpointId, SocketAddr) {
        let url = Url::parse(url, Role::Listen).unwrap();
        let id = self.endpoints.open(Spec { settings, ..Spec::new(Role::Listen, url) });
        let up = |shot: &Snapshot| shot.endpoint(id).filter(|row| row.state == State::Up)?.local;
        (id, self.until(up).await)
    }

    pub(super) fn dial(&self, to: SocketAddr, settings: Settings) -> EndpointId {
        self.dial_at(&format!("ws://{to}/chat?a=b"), settings)
    }

    pub(super) fn dial_at(&self, url: &str, settings: Settings) -> EndpointId {
        let url = Url::parse(url, Role::Connect).unwrap();
        self.endpoints.open(Spec { settings, ..Spec::new(Role::Connect, url) })
    }

    /// The one socket, once it is open.
    pub(super) async fn open(&self) -> SocketRow {
        self.until(|shot| shot.sockets.rows.iter().find(|row| row.life == Life::Open).cloned()).await
    }

    /// The one socket's story, once it is over; checks what holds for every story.
    pub(super) async fn story(&self) -> (SocketRow, End, Vec<Event>) {
        let row = self.until(|shot| shot.sockets.rows.iter().find(|row| row.life == Life::Closed).cloned()).await;
        // The steps of dialling are told elsewhere.
        let steps = |event: &Event| matches!(event.kind, Kind::Lookup(_) | Kind::Attempt(_));
        let events: Vec<Event> = self.events(&row).into_iter().filter(|event| !steps(event)).collect();
        assert!(matches!(events[0].kind, Kind::Connection { .. } | Kind::Connect { .. }));
        assert!(
            events.iter().skip(1).all(|event| !matches!(event.kind, Kind::Connection { .. } | Kind::Connect { .. }))
        );
        let closes = events.iter().filter(|event| matches!(event.kind, Kind::Close(_))).count();
        assert!(
            closes == 1 && matches!(events.last().unwrap().kind, Kind::Close(_)),
            "one close, the last: {events:?}"
        );
        let messages = |way| {
            let mut all = (0, 0);
            for event in &events {
                if matches!(event.kind, Kind::Message { way: its, .. } if its == way) {
                    all = (all.0 + 1, all.1 + event.size);
                }
            }
            all
        };
        for (flow, way) in [(row.count.received, Way::In), (row.count.sent, Way::Out)] {
            assert_eq!((flow.messages, flow.bytes), messages(way), "{way:?} {events:?}");
            let wire = |event: &Event| match event.kind {
                Kind::Message { way: its, framing, .. } if its == way => framing.wire(),
                _ => 0,
            };
            assert!(flow.wire >= events.iter().map(wire).sum::<u64>());
        }
        let end = row.end.as_deref().unwrap().clone();
        if let End::Finished { first } = end {
            let fin = events.iter().find(|event| matches!(event.kind, Kind::End { .. })).and_then(|fin| fin.kind.way());
            // A handshake that is given up has none: its stream is dropped.
            assert_eq!(fin.map_or(first, Way::party), first, "the end says what the rows say: {events:?}");
        }
        (row, end, events)
    }

    pub(super) fn events(&self, row: &SocketRow) -> Vec<Event> {
        self.hub.events(row.id.into(), 0, 10_000).unwrap().events
    }

    pub(super) fn send(&self, row: &SocketRow, command: Command) {
        self.endpoints.command(row.id, command).unwrap();
    }

    /// Waits for one kind of event on a socket.
    pub(super) async fn event(&self, row: &SocketRow, is: impl Fn(&Kind) -> bool) -> Event {
        self.until(|_| self.events(row).into_iter().find(|event| is(&event.kind))).await
    }
}

pub(super) fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.name()).collect()
}

pub(super) fn fault(events: &[Event]) -> String {
    let faults: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Error(fault) | Kind::ClientError(fault, _) => Some(fault.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(faults.len(), 1, "one fault: {events:?}");
    faults[0].clone()
}

pub(super) async fn peer(to: SocketAddr) -> Peer {
    let stream = TcpStream::connect(to).await.unwrap();
    client_async(format!("ws://{to}/"), stream).await.unwrap().0
}

pub(super) async fn next<S: AsyncRead + AsyncWrite + Unpin>(peer: &mut WebSocketStream<S>) -> Message {
    tokio::time::timeout(Duration::from_secs(10), peer.next()).await.unwrap().unwrap().unwrap()
}

/// Reads to the end, and goes.
pub(super) async fn over(mut peer: Peer) {
    while peer.next().await.is_some() {}
}

pub(super) fn closing(code: u16, reason: &str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}

/// Sends raw bytes behind an upgrade, and returns all that comes back behind the 101.
pub(super) async fn raw(to: SocketAddr, frames: &[u8]) -> Vec<u8> {
    let answer = ask(to, &[UPGRADE.as_bytes(), frames].concat()).await;
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    answer[at..].to_vec()
}

pub(super) async fn ask(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    answer
}

pub(super) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn every_message_comes_back_and_is_counted() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    let messages = [
        Message::text("hello"),
        Message::binary(vec![0, 255]),
        Message::text(""),
        Message::binary(vec![7; 1 << 20]),
        Message::text("你好"),
    ];
    for message in &messages {
        peer.send(message.clone()).await.unwrap();
        assert_eq!(&next(&mut peer).await, message);
    }
    peer.close(None).await.unwrap();
    over(peer).await;
    let (row, end, events) = rig.story().await;
    // The peer's close frame came first; the server's FIN does (RFC 6455 section 7.1.1).
    assert_eq!(end, End::Finished { first: Party::Us });
    let size = 5 + 2 + (1 << 20) + 6;
    assert_eq!((row.count.received.messages, row.count.received.bytes, row.count.received.packets), (5, size, 6));
    assert_eq!((row.count.sent.messages, row.count.sent.bytes, row.count.sent.packets), (5, size, 6));
    assert_eq!(row.count.errors, 0);
    assert_eq!(
        names(&events)[..8],
        ["connection", "request", "head", "upgrade", "open", "message", "message", "message"]
    );
    assert_eq!(events[5].head, b"hello");
    let big = events.iter().find(|event| event.size == 1 << 20).unwrap();
    assert_eq!(big.head, vec![7; crate::hub::HEAD]);
    let ends = ["closing", "closing", "end", "end", "close"];
    assert_eq!(names(&events)[events.len() - 5..], ends);
}

#[tokio::test]
async fn fragments_and_what_comes_between_them_are_seen() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let mut peer = peer(to).await;
    let part = |data, bytes: &'static str, fin| Message::Frame(Frame::message(bytes, OpCode::Data(data), fin));
    peer.send(part(Data::Text, "one ", false)).await.unwrap();
    peer.send(Message::Ping("between".into())).await.unwrap();
    peer.send(part(Data::Continue, "", false)).await.unwrap();
    peer.send(part(Data::Continue, "two", true)).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::Pong("between".into()));
    assert_eq!(next(&mut peer).await, Message::text("one two"));
    peer.close(None).await.unwrap();
    over(peer).await;
    let (row, _, events) = rig.story().await;
    let received: Vec<_> = events[5..].iter().filter(|event| event.kind.way() == Some(Way::In)).collect();
    let seen: Vec<_> = received.iter().map(|event| event.kind.name()).collect();
    assert_eq!(seen, ["frame", "ping", "frame", "frame", "message", "closing", "end"]);
    let framing = Framing { payload: 7, heads: 18, masked: true, deflated: false, rsv: 0 };
    assert_eq!(received[4].kind, Kind::Message { way: Way::In, form: Form::Text, frames: 3, framing });
    assert_eq!(received[4].head, b"one two");
    assert_eq!(row.count.received.packets, 5);
}

#[tokio::test]
async fn our_ping_is_timed_and_our_words_go_out() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings { greet: Some(Escaped("welcome".into())), ..Settings::default() }).await;
    let mut peer = peer(to).await;
    assert_eq!(next(&mut peer).await, Message::text("welcome"));
    let row = rig.open().await;
    rig.send(&row, Command::Send(Payload::Ping("are you there".into())));
    assert_eq!(next(&mut peer).await, Message::Ping("are you there".into()));
    rig.send(&row, Command::Send(Payload::Text("typed".into())));
    assert_eq!(next(&mut peer).await, Message::text("typed"));
    rig.send(&row, Command::Send(Payload::Binary(vec![1].into())));
    assert_eq!(next(&mut peer).await, Message::binary(vec![1]));
    let pong = rig.event(&row, |kind| matches!(kind, Kind::Pong { way: Way::In, .. })).await;
    assert!(matches!(pong.kind, Kind::Pong { rtt: Some(_), .. }), "{pong:?}");
    rig.send(&row, Command::Send(Payload::Close { code: Some(4000), reason: "bye".into() }));
    assert_eq!(next(&mut peer).await, closing(4000, "bye"));
    over(peer).await;
    let (_, end, events) = rig.story().await;
    assert_eq!(end, End::Finished { first: Party::Us });
    let closings: Vec<_> = events.iter().filter(|event| event.kind.name() == "closing").collect();
    assert!(matches!(closings[0].kind, Kind::Closing { way: Way::Out, code: Some(4000), .. }));
    assert_eq!(closings[0].head, b"bye");
    assert!(matches!(closings[1].kind, Kind::Closing { way: Way::In, code: Some(4000), .. }));
}

#[tokio::test]
async fn the_answer_can_be_changed_while_it_runs() {
    let rig = Rig::new();
    let fixed = |text: &'static [u8]| Reply::Fixed(Fixed { text: Escaped(text.into()), ..Fixed::default() });
    let (id, to) = rig.listen(Settings { reply: fixed(b"no"), ..Settings::default() }).await;
    let mut peer = peer(to).await;
    peer.send(Message::text("a")).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::text("no"));
    rig.endpoints.set_reply(id, fixed(b"\xff")).unwrap();
    peer.send(Message::text("b")).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::binary(vec![0xff]));
    rig.endpoints.set_reply(id, Reply::None).unwrap();
    peer.send(Message::text("c")).await.unwrap();
    rig.endpoints.set_reply(id, Reply::Echo).unwrap();
    peer.send(Message::Ping("".into())).await.unwrap();
    loop {
        // Whether "c" met the one answer or the other is a race; the ping's answer comes behind it.
        if next(&mut peer).await == Message::Pong("".into()) {
            break;
        }
    }
    peer.send(Message::text("d")).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::text("d"));
}

/// Each breach with the close code that answers it, and what the timeline says.
#[tokio::test]
async fn each_breach_of_the_protocol_has_its_code_and_its_section() {
    let masked = |first: u8, payload: &[u8]| [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat();
    let big = [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0x20, 0, 1, 0, 0, 0, 0];
    for (frame, code, says) in [
        (vec![0x81, 2, b'h', b'i'], 1002, "section 5.1"),
        (masked(0x83, b""), 1002, "the reserved opcode 0x3 (RFC 6455 section 5.2)"),
        (masked(0xc1, b"hi"), 1002, "section 5.2"),
        (masked(0x09, b""), 1002, "section 5.5"),
        (masked(0x80, b"x"), 1002, "section 5.4"),
        ([masked(0x01, b"x"), masked(0x81, b"y")].concat(), 1002, "section 5.4"),
        (masked(0x81, b"\xff\xfe"), 1007, "section 8.1"),
        (masked(0x88, b"\x03"), 1002, "section 5.5.1"),
        (masked(0x88, &999u16.to_be_bytes()), 1002, "section 7.4"),
        (masked(0x88, b"\x03\xe8\xff"), 1007, "section 5.5.1"),
        (masked(0xa1, b"hi"), 1002, "RSV2 is set"),
        (masked(0x91, b"hi"), 1002, "RSV3 is set"),
        (masked(0xb1, b"hi"), 1002, "RSV2 and RSV3 are set"),
        ([&[0x89, 0xfe, 0, 126, 0, 0, 0, 0][..], &[b'x'; 126]].concat(), 1002, "a control frame of 126 bytes"),
        (masked(0x81, b"\xe4\xbd"), 1007, "ends within a character"),
        (vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002, "2^63"),
        (big.to_vec(), 1009, "the limit of 2MiB is reached"),
    ] {
        let rig = Rig::new();
        let (_, to) = rig.listen(Settings::default()).await;
        let answer = raw(to, &frame).await;
        assert_eq!(answer[0], 0x88, "a close frame: {says}");
        assert_eq!(u16::from_be_bytes([answer[2], answer[3]]), code, "{says}");
        let (row, end, events) = rig.story().await;
        assert!(fault(&events).contains(says), "{}", fault(&events));
        let at = names(&events).iter().position(|name| *name == "error").unwrap();
        assert!(
            matches!(names(&events)[at - 1], "message" | "frame" | "ping" | "closing"),
            "its frame first: {events:?}"
        );
        assert!(matches!(end, End::Broken(_)), "{end:?}");
        assert_eq!(row.count.errors, 1);
    }
}

#[tokio::test]
async fn frames_in_one_packet_with_the_request_survive() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let answer = raw(to, &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x88, 0x80, 0, 0, 0, 0]).await;
    assert_eq!(answer, [0x81, 2, b'h', b'i', 0x88, 0]);
    let (_, end, events) = rig.story().await;
    assert_eq!(names(&events)[4..6], ["open", "message"]);
    assert_eq!(end, End::Finished { first: Party::Us });
}

#[tokio::test]
async fn an_echo_does_not_deadlock_against_a_peer_that_only_writes() {
    let rig = Rig::new();
    let (_, to) = rig.listen(Settings::default()).await;
    let (mut write, mut read) = peer(to).await.split();
    // More than every buffer between the two, and nothing is read before the first megabyte is written.
    let message = Message::binary(vec![1; 64 << 10]);
    let writing = async {
        for _ in 0..512 {
            write.send(message.clone()).await.unwrap();
        }
        write.close().await.unwrap();
    };
    let reading = async {
        rig.until(|shot| (shot.count.received.bytes > 1 << 20).then_some(())).await;
        for _ in 0..512 {
            assert_eq!(read.next().await.unwrap().unwrap(), message);
        }
        while read.next().await.is_some() {}
    };
    tokio::join!(writing, reading);
    drop((write, read));
    let (row, end, _) = rig.story().await;
    assert_eq!((row.count.sent.messages, end), (512, End::Finished { first: Party::Us }));
}

#[tokio::test]
async fn a_refused_handshake_is_told_before_its_answer() {
    let rig = Rig::new();
    let (_, at) = rig.listen(Settings::default()).await;
    assert!(ask(at, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with(b"HTTP/1.1 "));
    let (_, _, events) = rig.story().await;
    let at = |name| names(&events).iter().position(|is| *is == name).unwrap();
    assert!(at("request") < at("clientError") && at("clientError") < at("head"), "{:?}", names(&events));
}
