mod samples;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::app::effect::Target;
use crate::model::dial::{Attempt, Lookup, Step};
use crate::model::draft::{Coding, Draft, Ending, Shape};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::{
    Answer, Change, Event, Flight, Form, FrameHead, Framing, Hello, Kind, Logged, Opened, Secured, Sign, VOCABULARY,
    Way,
};
use crate::model::exchange::{Part, Turn, Why};
use crate::model::h2;
use crate::model::socketio::{Head, Type};
use crate::model::starttls::{Starttls, Upgrade};
use crate::model::tally::{Count, Flow};
use crate::model::time::{Stamp, Wall};
use crate::model::tls::{self, Certificate};
use crate::model::url::{Role, Scheme};

const DOCS: &str = include_str!("../../../docs/headless.md");

fn line_of(kind: Kind, size: u64, head: &[u8]) -> Value {
    let event = Event { seq: 4, at: Stamp(1_234_567), kind, size, head: head.into() };
    let wall = Wall { epoch: 1_700_000_000_000_000_000, offset: 7200 };
    let (endpoint, socket) = (Some(EndpointId(1)), Some(SocketId(3)));
    let line = event_line(&EventRef { endpoint, socket, scheme: Some(Scheme::Tcp), event: &event, wall });
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).unwrap()
}

#[test]
fn every_event_says_where_when_and_what() {
    let mut kinds = samples::kinds();
    kinds.extend(super::datagram::samples());
    let names: BTreeSet<_> = kinds.iter().map(|(kind, _)| kind.name()).collect();
    assert_eq!(names.len(), VOCABULARY.len());
    for (kind, fields) in kinds {
        let mut want = json!({"v": 1, "time": "2023-11-14T22:13:20.001234Z", "seq": 4, "endpoint": 1, "socket": 3,
            "protocol": "tcp", "event": kind.name(), "size": 5, "text": "hello"});
        for (key, value) in fields.as_object().unwrap() {
            want[key] = value.clone();
        }
        assert_eq!(line_of(kind, 5, b"hello"), want);
    }
}

#[test]
fn a_payload_is_text_or_hex_and_says_when_it_was_cut() {
    let payload = |size, head: &[u8]| {
        let line = line_of(Kind::Data, size, head);
        ["size", "text", "hex", "kept"].map(|key| line.get(key).cloned().unwrap_or_default())
    };
    let null = Value::Null;
    assert_eq!(payload(0, b""), [json!(0), json!(""), null.clone(), null.clone()]);
    assert_eq!(payload(2, b"\xff\x00"), [json!(2), null.clone(), json!("ff00"), null.clone()]);
    assert_eq!(payload(9, "你好".as_bytes()), [json!(9), json!("你好"), null.clone(), json!(6)]);
    assert_eq!(payload(9, &"你好".as_bytes()[..5]), [json!(9), json!("你"), null.clone(), json!(3)]);
    assert_eq!(payload(5, &"你好".as_bytes()[..5]), [json!(5), null.clone(), json!("e4bda0e5a5"), null]);
    let bare = line_of(Kind::fin(Way::In), 0, b"");
    assert!(bare.get("size").is_none() && bare.get("text").is_none(), "{bare}");
}

#[test]
fn the_fields_come_in_a_readable_order() {
    let event = Event { seq: 0, at: Stamp(0), kind: Kind::Data, size: 2, head: b"hi".to_vec() };
    let line = event_line(&EventRef {
        endpoint: Some(EndpointId(1)),
        socket: Some(SocketId(3)),
        scheme: Some(Scheme::Tls),
        event: &event,
        wall: Wall::default(),
    });
    let want = r#"{"v":1,"time":"1970-01-01T00:00:00.000000Z","seq":0,"endpoint":1,"socket":3,"protocol":"tls","event":"data","way":"in","size":2,"text":"hi"}"#;
    assert_eq!(line, want);
}

#[test]
fn answers_and_notices() {
    let id = json!("a\u{202e}");
    let flow = Flow { packets: 1, messages: 2, bytes: 3, wire: 4 };
    let count = Count { received: flow, sent: flow, errors: 5 };
    let lines = [
        dropped_line(SocketId(3).into(), Some(7)),
        dropped_line(SocketId(3).into(), None),
        removed_line(EndpointId(2)),
        done_line(Some(&id), Some(EndpointId(6)), false),
        done_line(None, None, false),
        done_line(None, None, true),
        refused_line(Some(&json!(7)), "no socket #9"),
        error_line(None, "not JSON", &"é".repeat(300)).replace(&"é".repeat(200), "..."),
        count_line(About::All, &count, Some(2), true),
        count_line(About::Subject(SocketId(3).into()), &count, None, false),
    ];
    insta::assert_snapshot!(lines.join("\n"));
    assert!(hello_line().starts_with(r#"{"v":1,"event":"hello","program":"sockscope","version":""#));
}

fn send(line: &str) -> Draft {
    match parse_command(line).unwrap() {
        Command::Send { draft, .. } => draft,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn drafts_come_in_every_coding_and_shape() {
    let draft =
        |text: &str, coding, shape| Draft { text: text.into(), coding, shape, ending: Ending::None, fragments: 0 };
    let cases = [
        (r#""text":"hi\r\n""#, draft("hi\r\n", Coding::Text, Shape::Bytes)),
        (r#""escapes":"\\x00""#, draft("\\x00", Coding::Escapes, Shape::Bytes)),
        (r#""hex":"68 69""#, draft("68 69", Coding::Hex, Shape::Bytes)),
        (r#""file":"a.bin""#, draft("a.bin", Coding::File, Shape::Bytes)),
        (r#""text":"a","ending":"crlf""#, Draft { ending: Ending::CrLf, ..draft("a", Coding::Text, Shape::Bytes) }),
        (r#""hex":"00","shape":"binary""#, draft("00", Coding::Hex, Shape::Binary)),
        (r#""shape":"ping""#, draft("", Coding::Text, Shape::Ping)),
        (r#""shape":"pong","hex":"00""#, draft("00", Coding::Hex, Shape::Pong)),
        (r#""fragments":3,"text":"abc""#, Draft { fragments: 3, ..draft("abc", Coding::Text, Shape::Bytes) }),
        (r#""shape":"close","code":1000,"reason":"bye now""#, draft("1000 bye now", Coding::Text, Shape::Close)),
        (r#""shape":"close""#, draft("", Coding::Text, Shape::Close)),
        (
            r#""request":{"method":"POST","target":"/a?b","headers":{"z":"1","a":"2"},"body":"x\n\ny"}"#,
            draft("POST /a?b\nz: 1\na: 2\n\nx\n\ny", Coding::Text, Shape::Request),
        ),
        (
            r#""request":{"headers":[["a","1"],["a","2"]]}"#,
            draft("GET /\na: 1\na: 2\n\n", Coding::Text, Shape::Request),
        ),
        (r#""reply":{"status":404,"body":"no"}"#, draft("404\n\nno", Coding::Text, Shape::Reply)),
    ];
    for (fields, want) in cases {
        assert_eq!(send(&format!("{{\"command\":\"send\",\"socket\":3,{fields}}}")), want, "{fields}");
    }
}

#[test]
fn commands_name_their_subject() {
    let socket = Subject::Socket(SocketId(3));
    let cases = [
        (r#"{"command":"end","socket":3}"#, Command::End(socket)),
        (r#"{"command":"close","endpoint":1}"#, Command::Close(EndpointId(1).into())),
        (r#"{"command":"reset","socket":3}"#, Command::Reset(socket)),
        (r#"{"command":"starttls","socket":3}"#, Command::Starttls(socket)),
        (r#"{"command":"start","endpoint":1}"#, Command::Start(EndpointId(1))),
        (r#"{"command":"stop","endpoint":1}"#, Command::Stop(EndpointId(1))),
        (r#"{"command":"remove","endpoint":1}"#, Command::Remove(EndpointId(1))),
        (r#"{"command":"count"}"#, Command::Count(None)),
        (r#"{"command":"count","socket":3}"#, Command::Count(Some(socket))),
        (r#" {"command":"quit"} "#, Command::Quit),
    ];
    for (line, want) in cases {
        assert_eq!(parse_command(line), Ok(want), "{line}");
    }
    let Ok(Command::Send { to, .. }) =
        parse_command(r#"{"command":"send","endpoint":2,"address":"[::1]:9","text":"a"}"#)
    else {
        unreachable!()
    };
    assert_eq!(to, Target::Address(EndpointId(2), "[::1]:9".into()));
    let asked = read(r#"{"id":"x","command":"open","listen":"tcp://:0","greet":"hi\\n"}"#);
    assert_eq!(asked.id, Some(json!("x")));
    let Ok(Command::Open(spec)) = asked.command else { unreachable!() };
    assert_eq!((spec.url.port, spec.settings.greet.unwrap().0), (0, "hi\n".into()));
}

#[test]
fn a_wrong_command_says_what_is_wrong_and_what_is_right() {
    let cases = [
        ("", "not JSON: "),
        ("[]", "a command is a JSON object"),
        ("{}", "\"command\" is missing: write one of send, end, close"),
        (r#"{"command":"sned"}"#, "\"sned\" is no command: there are send"),
        (r#"{"command":"quit","now":1}"#, "quit: unknown field `now`"),
        (r#"{"command":"send","socket":3,"txt":"a"}"#, "send: unknown field `txt`, expected one of `socket`"),
        (r#"{"command":"send","socket":3}"#, "send: give what to send: \"text\""),
        (r#"{"command":"send","text":"a"}"#, "send: give \"socket\":ID, or"),
        (r#"{"command":"send","socket":3,"endpoint":1,"text":"a"}"#, "not both"),
        (r#"{"command":"send","socket":3,"text":"a","hex":"00"}"#, "give only one of"),
        (r#"{"command":"send","socket":3,"hex":"0g"}"#, "\"0g\" is not hex"),
        (r#"{"command":"send","socket":3,"escapes":"\\q"}"#, "is no escape"),
        (r#"{"command":"send","socket":3,"address":"a:1","text":"a"}"#, "\"address\" goes with the \"endpoint\""),
        (r#"{"command":"send","socket":3,"text":"a","code":1000}"#, "belong to \"shape\":\"close\""),
        (r#"{"command":"send","socket":3,"shape":"close","reason":"a"}"#, "has a code"),
        (r#"{"command":"send","socket":3,"shape":"huge","text":"a"}"#, "\"shape\": `huge` is none of `text`"),
        (r#"{"command":"send","socket":3,"request":{"method":"G T"}}"#, "\"G T\" is no method"),
        (r#"{"command":"send","socket":3,"request":{"target":"/a b"}}"#, "is no target"),
        (r#"{"command":"send","socket":3,"request":{"headers":{"a":"b\r\nc: d"}}}"#, "the header \"a\" cannot be sent"),
        (r#"{"command":"send","socket":3,"reply":{"status":1}}"#, "1 is no status"),
        (r#"{"command":"send","socket":3,"reply":{},"shape":"text"}"#, "take no \"shape\""),
        (r#"{"command":"end"}"#, "end: give \"socket\":ID"),
        (r#"{"command":"end","socket":-1}"#, "end: \"socket\": integer `-1`, where a number from 0 up belongs"),
        (r#"{"command":"send","socket":1,"curl":"wget x"}"#, "send: \"wget x\" is no curl command"),
        (r#"{"command":"answer","socket":1,"head":{"status":1000}}"#, "answer: 1000 is no status"),
        (
            r#"{"command":"answer","socket":1,"head":{"status":"abc"}}"#,
            "answer: \"head\": string \"abc\", where a number from 0 to 65535 belongs",
        ),
        (
            r#"{"command":"send","socket":1,"emit":{"name":"a","args":"str"}}"#,
            "send: \"emit\": string \"str\", where a list belongs, such as [1,2]",
        ),
        (r#"{"command":"stop"}"#, "stop: missing field `endpoint`"),
        (
            r#"{"command":"send","socket":3,"text":"a","fragments":0}"#,
            "\"fragments\" are 1 to 100, and 0 were asked for",
        ),
        (r#"{"command":"send","socket":3,"text":"a","fragments":101}"#, "1 to 100, and 101 were asked for"),
        (
            r#"{"command":"send","socket":3,"emit":{"name":"disconnect"}}"#,
            "\"disconnect\" is an event of Socket.IO's own",
        ),
        (r#"{"command":"open"}"#, "open: an endpoint wants one of listen and connect"),
        (r#"{"command":"open","listen":"ftp://"}"#, "open: \"ftp\" is no scheme"),
        (r#"{"command":"quit","id":[1]}"#, "\"id\" is a number or a string"),
    ];
    for (line, want) in cases {
        let error = parse_command(line).unwrap_err();
        assert!(error.contains(want), "{line}\n{error}\nwanted {want}");
    }
    assert_eq!(read(r#"{"id":7,"command":"sned"}"#).id, Some(json!(7)));
}

#[test]
fn a_draft_takes_the_shape_its_protocol_wants() {
    let suited = |line: &str, scheme| suit(send(line), scheme).map(|draft| draft.shape).map_err(|error| error.0);
    let text = r#"{"command":"send","socket":3,"text":"a"}"#;
    assert_eq!(suited(text, Scheme::Tcp), Ok(Shape::Bytes));
    assert_eq!(suited(text, Scheme::Wss), Ok(Shape::Text));
    assert_eq!(suited(r#"{"command":"send","socket":3,"hex":"ff"}"#, Scheme::Ws), Ok(Shape::Binary));
    assert_eq!(suited(r#"{"command":"send","socket":3,"file":"a.txt"}"#, Scheme::Ws), Ok(Shape::Binary));
    assert!(suited(text, Scheme::Http).unwrap_err().contains("give \"request\" to a client"));
    assert!(
        suited(r#"{"command":"send","socket":3,"shape":"ping"}"#, Scheme::Tcp).unwrap_err().contains("tcp has no ping")
    );
    assert_eq!(suited(r#"{"command":"send","socket":3,"shape":"ping"}"#, Scheme::Https), Ok(Shape::Ping));
    assert!(suited(r#"{"command":"send","socket":3,"request":{}}"#, Scheme::Udp).unwrap_err().contains("no request"));
    assert!(
        suited(r#"{"command":"send","socket":3,"escapes":"\\xff"}"#, Scheme::Ws).unwrap_err().contains("not UTF-8")
    );
}

/// The fenced JSON lines of the document: what goes out and what comes in.
fn examples() -> impl Iterator<Item = (&'static str, Value)> {
    let mut inside = false;
    DOCS.lines().filter_map(move |line| {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "json";
            return None;
        }
        inside.then(|| (line, serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))))
    })
}

#[test]
fn the_document_knows_every_event_notice_command_and_exit_code() {
    use crate::run::cli::exit;
    let words = VOCABULARY.iter().map(|word| word.name).chain(NOTICES).chain(COMMANDS);
    for word in words {
        assert!(DOCS.contains(&format!("| `{word}` |")), "docs/headless.md has no row for {word}");
    }
    for code in [exit::DONE, exit::BROKEN, exit::USAGE, exit::NOTHING_STARTED] {
        assert!(DOCS.contains(&format!("| {code} |")), "docs/headless.md has no exit code {code}");
    }
}

#[test]
fn every_field_is_in_the_document() {
    for (kind, fields) in samples::kinds() {
        let row = format!("| `{}` |", kind.name());
        let row = DOCS.lines().find(|line| line.starts_with(&row)).unwrap();
        for key in fields.as_object().unwrap().keys().filter(|key| *key != "way") {
            assert!(row.contains(&format!("`{key}`")), "{row} lacks {key}");
        }
    }
}

#[test]
fn the_documents_examples_are_true() {
    let mut commands = Vec::new();
    for (line, value) in examples() {
        if let Some(command) = value["command"].as_str() {
            assert!(parse_command(line).is_ok(), "{line}: {:?}", parse_command(line));
            commands.push(command.to_owned());
        } else {
            assert_eq!(value["v"], VERSION, "{line}");
            let name = value["event"].as_str().unwrap();
            assert!(NOTICES.contains(&name) || VOCABULARY.iter().any(|word| word.name == name), "{line}");
        }
    }
    for command in COMMANDS {
        assert!(commands.iter().any(|name| name == command), "no example of {command}");
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in "(\\{\"command\":\"(send|open|end|count)\",)?.{0,60}\\}?") {
        let asked = read(&line);
        if let Err(reason) = asked.command {
            let back: Value = serde_json::from_str(&error_line(asked.id.as_ref(), &reason, &line)).unwrap();
            prop_assert_eq!(&back["event"], "badCommand");
        }
    }

    #[test]
    fn any_field_may_hold_anything(
        key in "(socket|endpoint|text|hex|escapes|file|ending|shape|code|reason|request|reply|address)",
        value in prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), ".{0,12}".prop_map(Value::from),
            Just(json!({})), Just(json!([[1]]))],
    ) {
        let _ = parse_command(&json!({"command": "send", "socket": 1, key: value}).to_string());
    }

    /// No byte of a peer can act on a terminal, and text comes back as it was.
    #[test]
    fn what_a_peer_sent_cannot_act(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let text = format!("{text}\u{9b}31m\x1b]52;c;aGk=\x07\u{202e}\u{7f}");
        for head in [text.as_bytes(), &bytes] {
            let event = Event { seq: 0, at: Stamp(0), kind: Kind::Data, size: head.len() as u64, head: head.into() };
            let line = event_line(&EventRef { endpoint: None, socket: None, scheme: None, event: &event, wall: Wall::default() });
            prop_assert!(line.chars().all(|c| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c)), "{}", line);
            let back: Value = serde_json::from_str(&line).unwrap();
            match back["text"].as_str() {
                Some(text) => prop_assert_eq!(text.as_bytes(), head),
                None => prop_assert_eq!(hex::decode(back["hex"].as_str().unwrap()).unwrap(), head),
            }
        }
    }
}

#[test]
fn a_series_is_numbers_with_their_unit() {
    use crate::model::view::{Measure, Series};
    let over = std::time::Duration::from_secs(2);
    let series = [Series { name: "rtt", measure: Measure::Micros, over, values: vec![42, 43] }];
    let line: Value = serde_json::from_str(&super::details_line(SocketId(3).into(), &[], &[], &series, None)).unwrap();
    assert_eq!(line["series"], json!([{"name": "rtt", "unit": "us", "seconds": 2, "values": [42, 43]}]));
    let line: Value = serde_json::from_str(&super::details_line(SocketId(3).into(), &[], &[], &[], None)).unwrap();
    assert!(line.get("series").is_none());
}

#[test]
fn an_event_is_emitted_by_name() {
    let emit = |fields: Value| {
        let mut line = json!({"command": "send", "socket": 5});
        line["emit"] = fields;
        match parse_command(&line.to_string()) {
            Ok(Command::Send { draft, .. }) => Ok((draft.shape, draft.text)),
            Ok(other) => panic!("{other:?}"),
            Err(reason) => Err(reason),
        }
    };
    let text = |text: &str| Ok((Shape::Event, text.to_owned()));
    assert_eq!(emit(json!({"name": "chat"})), text("\"chat\" []"));
    let whole = json!({"name": "a?", "args": ["x", 1], "namespace": "/admin", "ack": true});
    assert_eq!(emit(whole), text("/admin \"a?\"? [\"x\",1]"));
    assert!(emit(json!({"name": "chat", "namespace": "admin"})).unwrap_err().contains("no namespace"));
    assert!(emit(json!({"args": []})).unwrap_err().contains("name"));
    let both = r#"{"command":"send","socket":5,"text":"x","emit":{"name":"chat"}}"#;
    assert!(parse_command(both).unwrap_err().contains("only one of"));
}
