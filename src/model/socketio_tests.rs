//! Packets of the documents' own examples, and any text.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn told(text: &str) -> (Type, &str, Option<u64>, u32, &str) {
    let Packet { what, namespace, id, attachments, data } = Packet::read(text);
    (what, namespace, id, attachments, data)
}

#[test]
fn the_documents_examples_are_read() {
    assert_eq!(told("2"), (Type::Ping, "", None, 0, ""));
    assert_eq!(told("3probe"), (Type::Pong, "", None, 0, "probe"));
    assert_eq!(told("1"), (Type::Close, "", None, 0, ""));
    assert_eq!(told("5"), (Type::Upgrade, "", None, 0, ""));
    assert_eq!(told("6"), (Type::Noop, "", None, 0, ""));
    assert_eq!(told(r#"0{"sid":"x"}"#), (Type::Open, "", None, 0, r#"{"sid":"x"}"#));
    assert_eq!(told("40"), (Type::Connect, "/", None, 0, ""));
    assert_eq!(told(r#"40/admin,{"token":"123"}"#), (Type::Connect, "/admin", None, 0, r#"{"token":"123"}"#));
    assert_eq!(told(r#"44/admin,{"message":"no"}"#), (Type::ConnectError, "/admin", None, 0, r#"{"message":"no"}"#));
    assert_eq!(told(r#"42["foo"]"#), (Type::Event, "/", None, 0, r#"["foo"]"#));
    assert_eq!(told(r#"42/admin,12["bar"]"#), (Type::Event, "/admin", Some(12), 0, r#"["bar"]"#));
    assert_eq!(told("43/admin,13[]"), (Type::Ack, "/admin", Some(13), 0, "[]"));
    assert_eq!(told("41/admin,"), (Type::Disconnect, "/admin", None, 0, ""));
    assert_eq!(told("41"), (Type::Disconnect, "/", None, 0, ""));
    let binary = r#"452-/admin,7["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(told(binary).0, Type::BinaryEvent);
    assert_eq!((told(binary).1, told(binary).2, told(binary).3), ("/admin", Some(7), 2));
    assert_eq!(told(r#"461-15[{"_placeholder":true,"num":0}]"#).0, Type::BinaryAck);
}

#[test]
fn what_is_no_packet_says_so() {
    for text in ["", "x", "7", "9{}", "1x", "5x", "你好"] {
        assert_eq!(Packet::read(text).what, Type::Malformed, "{text}");
    }
    // Engine.IO carries any message; these are no Socket.IO packets.
    for text in ["4", "4hello", "42foo", "43[1]", "45[1]", "459999999-[1]", "452", "49", "42999999999999999999999[1]"] {
        assert_eq!(Packet::read(text).what, Type::Message, "{text}");
    }
}

#[test]
fn an_event_has_a_name_and_arguments() {
    let packet = Packet::read(r#"42["say \"hi\"", 1, {"a":[2]}]"#);
    assert_eq!((packet.event().as_deref(), packet.arguments()), (Some("say \"hi\""), r#"1, {"a":[2]}"#));
    let packet = Packet::read(r#"42["bare"]"#);
    assert_eq!((packet.event().as_deref(), packet.arguments()), (Some("bare"), ""));
    let packet = Packet::read("42[7,8]");
    assert_eq!((packet.event().as_deref(), packet.arguments()), (Some("7"), "8"));
    let cut = Packet::read(r#"42["chat","a long te"#);
    assert_eq!((cut.event().as_deref(), cut.arguments()), (Some("chat"), r#""a long te"#));
    assert_eq!(Packet::read(r#"42["cha"#).event(), None);
    let ack = Packet::read("433[1,2]");
    assert_eq!((ack.event(), ack.arguments()), (None, "1,2"));
}

#[test]
fn only_the_query_makes_it_certain() {
    assert!(is_engine("/socket.io/?EIO=4&transport=websocket"));
    assert!(is_engine("/elsewhere?t=1&transport=websocket&EIO=4"));
    assert!(!is_engine("/socket.io/?EIO=4&transport=polling"));
    assert!(!is_engine("/socket.io/?EIO=3&transport=websocket"));
    assert!(!is_engine("/socket.io/"));
}

#[test]
fn what_a_person_writes_becomes_an_event() {
    let write = |text: &str, id| Emit::read(text).unwrap().write(id);
    assert_eq!(write("chat", None), r#"42["chat"]"#);
    assert_eq!(write(r#"chat ["hello", 1]"#, None), r#"42["chat","hello",1]"#);
    assert_eq!(write(r#"chat "hello" 1 {"a":2}"#, None), r#"42["chat","hello",1,{"a":2}]"#);
    assert_eq!(write(r#"chat "hello", 1"#, None), r#"42["chat","hello",1]"#);
    assert_eq!(write("chat [[1]]", None), r#"42["chat",[1]]"#);
    assert_eq!(write("/admin add? 2 3", Some(5)), r#"42/admin,5["add",2,3]"#);
    assert_eq!(write(r#""what?" []"#, None), r#"42["what?"]"#);
    assert!(Emit::read("add? 2").unwrap().ack);
    assert!(Emit::read("").unwrap_err().0.contains("has a name"));
    assert!(Emit::read("/admin").unwrap_err().0.contains("has a name"));
    assert!(Emit::read("chat hello").unwrap_err().0.contains("no JSON"));
    assert!(Emit::read("/a,b chat").unwrap_err().0.contains("comma"));
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        for text in [name.to_owned(), format!("/admin \"{name}\"? [1]")] {
            assert!(Emit::read(&text).unwrap_err().0.contains("is an event of Socket.IO's own"), "{text}");
        }
    }
    assert!(Emit::read("connected").is_ok());
    assert!(Emit::read("\"chat").unwrap_err().0.contains("closing quote"));
}

#[test]
fn an_emit_reads_what_it_writes() {
    let emit = Emit {
        namespace: "/a".into(),
        name: "x \"y\"?".into(),
        arguments: vec![json!([1]), json!("two"), json!(null)],
        ack: true,
    };
    assert_eq!(Emit::read(&emit.text()).unwrap(), emit);
    let one = Emit { namespace: "/".into(), arguments: vec![json!(["only"])], ..emit };
    assert_eq!(Emit::read(&one.text()).unwrap(), one);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[0-9]{0,3}[-/,a-z0-9]{0,6}.{0,20}", event in ".{0,20}") {
        let packet = Packet::read(&text);
        let _ = (packet.event(), packet.arguments(), packet.write());
        let _ = Emit::read(&event);
        for end in 0..text.len() {
            if let Some(cut) = text.get(..end) {
                let packet = Packet::read(cut);
                let _ = (packet.event(), packet.arguments());
            }
        }
    }

    /// A packet that was written is read as it was.
    #[test]
    fn packets_read_what_they_write(
        kind in prop::sample::select(&[Type::Event, Type::Ack, Type::BinaryEvent, Type::BinaryAck][..]),
        namespace in prop::sample::select(&["/", "/admin", "/a/b?c=d"][..]),
        id in any::<u64>(),
        attachments in 0..ATTACHMENTS,
        name in "[a-z\"\\\\ ]{0,8}",
    ) {
        let data = json!([name, 1]).to_string();
        let attachments = if matches!(kind, Type::BinaryEvent | Type::BinaryAck) { attachments } else { 0 };
        let packet = Packet { what: kind, namespace, id: Some(id), attachments, data: &data };
        let text = packet.write();
        prop_assert_eq!(Packet::read(&text), packet.clone());
        if matches!(kind, Type::Event | Type::BinaryEvent) {
            let event = packet.event();
            prop_assert_eq!(event.as_deref(), Some(&*name));
            prop_assert_eq!(packet.arguments(), "1");
        }
    }
}
