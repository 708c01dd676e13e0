//! What a person can set and send, on real sockets: compression and its terms, fragments, pings.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::deflate::Deflater;
use super::offer::Half;
use super::tests::{Rig, UPGRADE, fault, names, next, peer};
use crate::model::end::{End, Fault};
use crate::model::event::{Event, Form, Kind, Way};
use crate::model::life::Life;
use crate::model::setting::{self, text::Text, ws::Bits, ws::Ws};
use crate::model::spec::{Reply, Settings};
use crate::model::view::{Snapshot, SocketRow};
use crate::net::{Command, Payload};

fn ws(ws: Ws) -> Settings {
    Settings { ws, ..Settings::default() }
}

fn bits(n: u8) -> Bits {
    Bits::read(&n.to_string()).unwrap()
}

impl Rig {
    /// A listener and a client of ours, connected: the client's socket and the listener's.
    async fn pair(&self, listener: Settings, client: Settings) -> (SocketRow, SocketRow) {
        let (_, to) = self.listen_at("ws://127.0.0.1:0/", listener).await;
        let id = self.dial(to, client);
        let open = |shot: &Snapshot| {
            let open: Vec<_> = shot.sockets.rows.iter().filter(|row| row.life == Life::Open).cloned().collect();
            let ours = open.iter().find(|row| row.endpoint == id)?.clone();
            Some((ours, open.into_iter().find(|row| row.endpoint != id)?))
        };
        self.until(open).await
    }

    async fn messages(&self, row: &SocketRow, way: Way, count: usize) -> Vec<Event> {
        let is = |event: &Event| matches!(event.kind, Kind::Message { way: its, .. } if its == way);
        self.until(|_| {
            let all: Vec<_> = self.events(row).into_iter().filter(is).collect();
            (all.len() >= count).then_some(all)
        })
        .await
    }

    fn details(&self, row: &SocketRow) -> String {
        let (_, groups) = self.hub.details(row.id.into()).unwrap();
        let rows = groups.into_iter().flat_map(|group| group.rows);
        rows.map(|(name, value)| format!("{name}: {value}\n")).collect()
    }
}

#[tokio::test]
async fn what_was_compressed_is_told_with_both_sizes() {
    let rig = Rig::new();
    let deflate = ws(Ws { deflate: true, subprotocols: vec!["chat".into()], ..Ws::default() });
    let (ours, theirs) = rig.pair(deflate.clone(), deflate).await;
    let text = "the same again and ".repeat(1000);
    let bytes = text.clone().into_bytes();
    let send = Payload::Split { form: Form::Text, bytes: bytes.clone().into(), frames: 3 };
    rig.send(&ours, Command::Send(send));
    let echo = rig.messages(&ours, Way::In, 1).await.remove(0);
    assert_eq!((echo.size, &echo.head[..]), (19_000, &bytes[..crate::hub::HEAD]));
    for (row, out, masked) in [(&ours, true, true), (&theirs, false, true)] {
        let way = if out { Way::Out } else { Way::In };
        let message = rig.messages(row, way, 1).await.remove(0);
        let Kind::Message { form: Form::Text, frames: 3, framing, .. } = message.kind else { panic!("{message:?}") };
        assert!(framing.deflated && framing.payload < 400 && framing.masked == masked, "{framing:?}");
        assert_eq!((message.size, framing.heads, &message.head[..20]), (19_000, 18, &bytes[..20]));
        let frames: Vec<_> = rig.events(row).into_iter().filter(|event| event.kind.name() == "frame").collect();
        let told = |event: &Event| match event.kind {
            Kind::Frame { frame, .. } => (frame.opcode, frame.fin, frame.rsv),
            _ => unreachable!(),
        };
        assert_eq!(frames.iter().map(told).collect::<Vec<_>>(), [(1, false, 4), (0, false, 0), (0, true, 0)]);
    }
    for row in [&ours, &theirs] {
        let events = rig.events(row);
        let Kind::Open(opened) = &events.iter().find(|event| event.kind.name() == "open").unwrap().kind else {
            panic!()
        };
        assert_eq!(*opened.offered, ["permessage-deflate; client_max_window_bits".into()]);
        assert_eq!(*opened.extensions, ["permessage-deflate".into()]);
        let details = rig.details(row);
        assert!(details.contains("subprotocol: chat\nextensions: permessage-deflate\n"), "{details}");
        assert!(details.contains("server: window 2^15, context kept"), "{details}");
        assert!(details.contains("received: 1 messages, ") && details.contains(" B for 19,000 B, "), "{details}");
    }
    let count = rig.hub.socket(ours.id).unwrap().count;
    assert_eq!((count.sent.bytes, count.received.bytes), (19_000, 19_000));
    assert!(count.sent.wire < 1000, "{:?}", count.sent);
}

#[tokio::test]
async fn every_term_of_compression_carries_messages() {
    for (server_takeover, client_takeover, server, client) in
        [(true, true, 15, 15), (false, true, 9, 12), (true, false, 12, 9), (false, false, 8, 8), (true, true, 8, 15)]
    {
        let rig = Rig::new();
        let terms = Ws {
            deflate: true,
            server_takeover,
            client_takeover,
            server_window_bits: bits(server),
            client_window_bits: bits(client),
            ..Ws::default()
        };
        let (ours, _) = rig.pair(ws(Ws { deflate: true, ..Ws::default() }), ws(terms)).await;
        let texts = ["Hello", "Hello", "", "你好, Hello"].map(|text| text.repeat(700));
        for text in &texts {
            rig.send(&ours, Command::Send(Payload::Text(text.clone())));
        }
        let echoes = rig.messages(&ours, Way::In, 4).await;
        for (echo, text) in echoes.iter().zip(&texts) {
            assert_eq!((echo.size, &echo.head[..]), (text.len() as u64, &text.as_bytes()[..text.len().min(4096)]));
        }
        let packed = |event: &Event| match event.kind {
            Kind::Message { framing, .. } => framing.deflated.then_some(framing.payload),
            _ => unreachable!(),
        };
        // A window of 2^8 is agreed on and never used; nothing is not made smaller.
        assert_eq!(packed(&echoes[0]).is_some(), server > 8);
        assert_eq!(packed(&echoes[2]), None);
        if server > 8 {
            // What is known from the message before is not sent again.
            assert_eq!(packed(&echoes[1]) < packed(&echoes[0]), server_takeover, "{echoes:?}");
        }
        assert!(rig.details(&ours).contains(&format!("server: window 2^{server}, ")));
    }
}

#[tokio::test]
async fn where_one_side_does_not_want_it_nothing_is_compressed() {
    for (listener, client, offered) in [(false, true, 1), (true, false, 0)] {
        let rig = Rig::new();
        let wants = |deflate| ws(Ws { deflate, ..Ws::default() });
        let (ours, _) = rig.pair(wants(listener), wants(client)).await;
        rig.send(&ours, Command::Send(Payload::Text("x".repeat(1000))));
        let echo = rig.messages(&ours, Way::In, 1).await.remove(0);
        assert!(matches!(echo.kind, Kind::Message { framing, .. } if !framing.deflated && framing.payload == 1000));
        let events = rig.events(&ours);
        let Some(Kind::Open(opened)) = events.iter().map(|event| &event.kind).find(|kind| kind.name() == "open") else {
            panic!("{events:?}");
        };
        assert_eq!((opened.offered.len(), opened.extensions.len()), (offered, 0));
    }
}

#[tokio::test]
async fn a_decompression_bomb_ends_with_1009_and_broken_data_with_1007() {
    let bomb = Deflater::new(Half::default()).unwrap().message(&vec![0; 32 << 20]).unwrap();
    assert!(bomb.len() < 0x1_0000);
    let head = |len: usize| [&[0xc2, 0xfe][..], &(len as u16).to_be_bytes(), &[0; 4]].concat();
    for (payload, code, says) in [(bomb, 1009, "2MiB"), (vec![0xff; 200], 1007, "RFC 7692 section 7.2.2")] {
        let rig = Rig::new();
        let (_, to) = rig.listen_at("ws://127.0.0.1:0/", ws(Ws { deflate: true, ..Ws::default() })).await;
        let mut stream = TcpStream::connect(to).await.unwrap();
        let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        stream.write_all(UPGRADE.replace("==\r\n\r\n", &format!("==\r\n{offer}")).as_bytes()).await.unwrap();
        stream.write_all(&[head(payload.len()), payload].concat()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!((answer[at], u16::from_be_bytes([answer[at + 2], answer[at + 3]])), (0x88, code));
        let (_, end, events) = rig.story().await;
        assert!(fault(&events).contains(says), "{}", fault(&events));
        assert!(matches!(end, End::Broken(_)));
    }
}

#[tokio::test]
async fn an_extension_nobody_offered_fails_the_handshake() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.dial(listener.local_addr().unwrap(), Settings::default());
    let mut stream = listener.accept().await.unwrap().0;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.to_lowercase().find("sec-websocket-key: ").map(|at| &head[at + 19..at + 43]).unwrap();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).contains("was not offered"), "{}", fault(&events));
    assert!(matches!(end, End::Failed(Fault::WebSocket { .. })), "{end:?}");
}

#[tokio::test]
async fn a_masked_frame_of_a_server_is_told() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.dial(listener.local_addr().unwrap(), Settings::default());
    let mut peer = accept_async(listener.accept().await.unwrap().0).await.unwrap();
    peer.get_mut().write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let (_, end, events) = rig.story().await;
    assert!(fault(&events).contains("a frame of the server is masked (RFC 6455 section 5.1)"));
    assert!(matches!(end, End::Broken(_)), "{end:?}");
    // Our close frame says what is wrong; it is masked, as a client's is.
    let closing = events.iter().find(|event| event.kind.name() == "closing").unwrap();
    assert!(matches!(closing.kind, Kind::Closing { way: Way::Out, code: Some(1002), frame } if frame.masked));
    assert_eq!(closing.head, b"protocol error");
}

#[tokio::test]
async fn a_message_goes_in_the_frames_that_were_asked_for() {
    let rig = Rig::new();
    let settings = Settings { reply: Reply::None, ..Settings::default() };
    let (_, to) = rig.listen_at("ws://127.0.0.1:0/", settings).await;
    let mut peer = peer(to).await;
    let row = rig.open().await;
    for (text, frames) in [("abcdefg", 3), ("ab", 4), ("", 2)] {
        rig.send(&row, Command::Send(Payload::Split { form: Form::Text, bytes: text.into(), frames }));
        assert_eq!(next(&mut peer).await, Message::text(text));
    }
    rig.send(&row, Command::Send(Payload::Pong("unasked".into())));
    assert_eq!(next(&mut peer).await, Message::Pong("unasked".into()));
    let sent = rig.messages(&row, Way::Out, 3).await;
    let frames: Vec<_> = sent.iter().map(|event| event.kind.clone()).collect();
    let told = |kind: &Kind| match kind {
        Kind::Message { frames, framing, .. } => (*frames, framing.payload, framing.heads),
        _ => unreachable!(),
    };
    assert_eq!(frames.iter().map(told).collect::<Vec<_>>(), [(3, 7, 6), (4, 2, 8), (2, 0, 4)]);
    let pong = rig.event(&row, |kind| matches!(kind, Kind::Pong { way: Way::Out, .. })).await;
    assert_eq!(pong.head, b"unasked");
}

#[tokio::test]
async fn pings_go_out_at_their_interval_until_told_otherwise() {
    let rig = Rig::new();
    let every = Some(Duration::from_millis(20));
    let (_, to) = rig.listen_at("ws://127.0.0.1:0/", ws(Ws { ping_every: every, ..Ws::default() })).await;
    let mut peer = peer(to).await;
    for beat in ["beat 1", "beat 2", "beat 3"] {
        assert_eq!(next(&mut peer).await, Message::Ping(beat.into()));
    }
    let row = rig.open().await;
    let pong = rig.event(&row, |kind| matches!(kind, Kind::Pong { way: Way::In, rtt: Some(_), .. })).await;
    assert_eq!(pong.head, b"beat 1");
    rig.send(&row, Command::Set(setting::find("ping_every").unwrap(), "off".into()));
    rig.event(&row, |kind| matches!(kind, Kind::Set(_))).await;
    let before = names(&rig.events(&row)).iter().filter(|name| **name == "ping").count();
    rig.send(&row, Command::Send(Payload::Text("done".into())));
    while next(&mut peer).await != Message::text("done") {}
    assert_eq!(names(&rig.events(&row)).iter().filter(|name| **name == "ping").count(), before);
    assert!(rig.details(&row).contains(" answered, the last in "), "{}", rig.details(&row));
}

#[tokio::test]
async fn pings_can_be_left_unanswered() {
    let rig = Rig::new();
    let (_, to) = rig.listen_at("ws://127.0.0.1:0/", ws(Ws { answer_pings: false, ..Ws::default() })).await;
    let mut peer = peer(to).await;
    use futures_util::SinkExt;
    peer.send(Message::Ping("one".into())).await.unwrap();
    peer.send(Message::text("echo")).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::text("echo"));
    let row = rig.open().await;
    rig.send(&row, Command::Set(setting::find("answer_pings").unwrap(), "yes".into()));
    rig.event(&row, |kind| matches!(kind, Kind::Set(_))).await;
    peer.send(Message::Ping("two".into())).await.unwrap();
    assert_eq!(next(&mut peer).await, Message::Pong("two".into()));
}

#[tokio::test]
async fn the_details_say_with_which_code_it_was_closed() {
    for (code, says) in [(Some(4001), "closed: 4001, said"), (None, "closed: 1006, abnormal")] {
        let rig = Rig::new();
        let (ours, theirs) = rig.pair(Settings::default(), Settings::default()).await;
        assert!(rig.details(&theirs).contains("closed: no\n"));
        let command = code
            .map_or(Command::Reset, |code| Command::Send(Payload::Close { code: Some(code), reason: "bye".into() }));
        rig.send(&ours, command);
        rig.until(|shot| (shot.open == 0).then_some(())).await;
        assert!(rig.details(&theirs).contains(says), "{}", rig.details(&theirs));
    }
}
