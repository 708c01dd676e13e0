//! npm's `ws`: compression on every term, in both directions, and every way to close.

use sockscope::model::end::End;
use sockscope::model::event::{Event, Form, Framing, Kind, Way};
use sockscope::model::id::SocketId;
use sockscope::model::setting::{text::Text, ws::Bits, ws::Ws};
use sockscope::model::spec::Settings;
use sockscope::model::url::Role;
use sockscope::net::{Command, Payload};

use crate::peers::{node_with_ws, run_node};
use crate::support::{Lab, assert_one_life};
use crate::{faults, first_fin, named};

fn deflating(ws: Ws) -> Settings {
    Settings { ws: Ws { deflate: true, ..ws }, ..Settings::default() }
}

fn bits(n: u8) -> Bits {
    Bits::read(&n.to_string()).unwrap()
}

/// The messages of one way: their frames, sizes and how they were framed.
fn messages(lab: &Lab, socket: SocketId, way: Way) -> Vec<(u32, u64, Framing)> {
    let message = |event: Event| match event.kind {
        Kind::Message { way: its, frames, framing, .. } if its == way => Some((frames, event.size, framing)),
        _ => None,
    };
    named(lab, socket, "message").into_iter().filter_map(message).collect()
}

#[tokio::test]
async fn npm_ws_compresses_to_us_on_every_term() {
    let Some(node) = node_with_ws() else { return };
    let plain = Ws::default();
    let narrow = Ws { server_window_bits: bits(10), client_window_bits: bits(9), ..Ws::default() };
    for (ours, theirs, agreed) in [
        (plain.clone(), "{}", "permessage-deflate"),
        (
            Ws { server_takeover: false, client_takeover: false, ..plain.clone() },
            "{}",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            plain,
            r#"{"serverNoContextTakeover":true,"clientNoContextTakeover":true,"serverMaxWindowBits":9,"clientMaxWindowBits":10}"#,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=10",
        ),
        (narrow, "{}", "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9"),
    ] {
        let lab = Lab::default();
        let (_, address) = lab.listen("ws://:0", deflating(ours.clone())).await;
        let said = run_node(&node, "ws-deflate-client.mjs", &[&format!("ws://{address}/"), theirs]).ends().await.ok();
        let echoes: Vec<_> = said.lines().skip(1).collect();
        assert_eq!(echoes.len(), 5, "{said}");
        assert!(echoes.iter().all(|line| line.contains("same=true")), "{said}");
        let socket = lab.nth(1).await;
        let row = lab.closed(socket).await;
        assert_one_life(&lab.events(socket));
        let open = named(&lab, socket, "open").remove(0);
        let Kind::Open(opened) = &open.kind else { panic!("{open:?}") };
        assert_eq!(*opened.extensions, [agreed.into()], "{said}");
        for way in [Way::In, Way::Out] {
            let all = messages(&lab, socket, way);
            let sizes: Vec<_> = all.iter().map(|message| message.1).collect();
            assert_eq!(sizes, [24_000, 24_000, 24_000, 100_000, 5], "{}", lab.report());
            assert!(all[..3].iter().all(|message| message.2.deflated && message.2.payload < 3_000), "{all:?}");
            assert!(all.iter().all(|message| message.2.masked == (way == Way::In)), "{all:?}");
            let takeover = !agreed.contains(if way == Way::In { "client_no" } else { "server_no" });
            assert_eq!(all[1].2.payload < all[0].2.payload, takeover, "{agreed}: {all:?}");
        }
        let received = messages(&lab, socket, Way::In);
        // Its threshold counts where no context is kept.
        let short = !agreed.contains("client_no");
        assert_eq!((received[2].0, received[4].2.deflated), (3, short), "{received:?}");
        assert!(row.count.received.wire < row.count.received.bytes, "{:?}", row.count);
        assert_eq!(faults(&lab, socket), []);
    }
}

#[tokio::test]
async fn we_compress_to_npm_ws_on_every_term() {
    let Some(node) = node_with_ws() else { return };
    let free = Ws { client_takeover: false, server_takeover: false, ..Ws::default() };
    let narrow = Ws { server_window_bits: bits(9), client_window_bits: bits(11), ..Ws::default() };
    for (ours, theirs) in [
        (Ws::default(), "{}"),
        (free, "{}"),
        (narrow, "{}"),
        (Ws::default(), r#"{"serverNoContextTakeover":true,"clientNoContextTakeover":true,"clientMaxWindowBits":9}"#),
    ] {
        let server = run_node(&node, "ws-deflate-server.mjs", &[theirs]);
        let port = server.line("listening ").await;
        let lab = Lab::default();
        lab.open(Role::Connect, &format!("ws://localhost:{port}/"), deflating(ours));
        let socket = lab.nth(1).await;
        let send = |payload| lab.endpoints.command(socket, Command::Send(payload)).unwrap();
        lab.socket(socket, "open", |row| row.life.name() == "open").await;
        let agreed = server.line("extensions ").await;
        assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
        let text = "the same again, 再来一次; ".repeat(500);
        let size = text.len() as u64;
        send(Payload::Text(text.clone()));
        send(Payload::Split { form: Form::Text, bytes: text.clone().into(), frames: 5 });
        send(Payload::Binary(vec![0; 200_000].into()));
        send(Payload::Text(String::new()));
        lab.until("four echoes", || (messages(&lab, socket, Way::In).len() == 4).then_some(())).await;
        for way in [Way::Out, Way::In] {
            let all = messages(&lab, socket, way);
            let sizes: Vec<_> = all.iter().map(|message| message.1).collect();
            assert_eq!(sizes, [size, size, 200_000, 0], "{}", lab.report());
            assert!(all[..3].iter().all(|message| message.2.deflated && message.2.payload < message.1 / 10), "{all:?}");
        }
        assert_eq!(messages(&lab, socket, Way::Out)[1].0, 5);
        send(Payload::Close { code: Some(1000), reason: String::new() });
        server.says("closed 1000\n").await;
        let row = lab.closed(socket).await;
        assert_eq!(row.end.as_deref(), Some(&first_fin(&lab.events(socket))), "{}", lab.report());
        assert_eq!(faults(&lab, socket), []);
    }
}

/// What npm's `ws` lets one close with, as the registry has it (RFC 6455 section 7.4).
/// Whose close frame, and with which code.
fn closing(event: &Event) -> Option<(Way, Option<u16>)> {
    match event.kind {
        Kind::Closing { way, code, .. } => Some((way, code)),
        _ => None,
    }
}

const CODES: &str = "1000,1001,1002,1003,1007,1008,1009,1010,1011,1012,1013,1014,3000,3999,4000,4999,none,terminate";

#[tokio::test]
async fn npm_ws_closes_with_every_code() {
    let Some(node) = node_with_ws() else { return };
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", Settings::default()).await;
    let url = format!("ws://{address}/");
    let said = run_node(&node, "ws-codes-client.mjs", &[&url, CODES]).ends().await.ok();
    for ((code, said), n) in CODES.split(',').zip(said.lines()).zip(1..) {
        let socket = lab.nth(n).await;
        let row = lab.closed(socket).await;
        let closings: Vec<_> =
            named(&lab, socket, "closing").into_iter().map(|event| (closing(&event), event.head)).collect();
        let (heard, told) = match code {
            "terminate" => (None, "closed 1006 ".to_owned()),
            "none" => (Some((None, Vec::new())), "closed 1005 ".to_owned()),
            code => {
                (Some((code.parse().ok(), format!("it is {code}").into_bytes())), format!("closed {code} it is {code}"))
            }
        };
        assert_eq!(said, told);
        let Some((code, reason)) = heard else {
            assert_eq!(closings, []);
            assert!(faults(&lab, socket)[0].1.contains("1006"), "{}", lab.report());
            assert!(matches!(row.end.as_deref(), Some(End::Broken(_))), "{:?}", row.end);
            continue;
        };
        let both = [Way::In, Way::Out].map(|way| (Some((way, code)), reason.clone()));
        assert_eq!(closings, both, "the same back");
        assert_eq!(row.end.as_deref(), Some(&first_fin(&lab.events(socket))));
    }
}

#[tokio::test]
async fn we_close_npm_ws_with_every_code() {
    let Some(node) = node_with_ws() else { return };
    let codes: Vec<u16> = CODES.split(',').filter_map(|code| code.parse().ok()).collect();
    let lab = Lab::default();
    let (_, address) = lab.listen("ws://:0", Settings::default()).await;
    let waits = vec!["wait"; codes.len()].join(",");
    let client = run_node(&node, "ws-codes-client.mjs", &[&format!("ws://{address}/"), &waits]);
    for (code, n) in codes.iter().zip(1..) {
        let socket = lab.nth(n).await;
        lab.socket(socket, "open", |row| row.life.name() == "open").await;
        let close = Payload::Close { code: Some(*code), reason: "ours".into() };
        lab.endpoints.command(socket, Command::Send(close)).unwrap();
        client.says(&format!("closed {code} ours\n")).await;
        let row = lab.closed(socket).await;
        assert_eq!(row.end.as_deref(), Some(&first_fin(&lab.events(socket))), "{}", lab.report());
    }
    client.ends().await.ok();
}
