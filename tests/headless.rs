//! The binary without a terminal: what scripts and services get, by the exit codes the help gives.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use support::headless::Headless;
use support::patience;

fn sockscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A run that ends by itself.
fn output(args: &[&str]) -> Output {
    sockscope(args).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn events_come_as_lines_and_commands_are_answered() {
    let mut session = Headless::start(&["-l", "tcp://:0"]);
    let hello = session.line("first line", |_| true);
    assert_eq!((&hello["event"], &hello["v"], &hello["program"]), (&json!("hello"), &json!(1), &json!("sockscope")));
    let listening = session.event("listening");
    let mut peer = TcpStream::connect(listening["local"].as_str().unwrap()).unwrap();
    peer.set_read_timeout(Some(patience())).unwrap();
    peer.write_all(b"hi\n").unwrap();
    let data = session.event("data");
    assert_eq!((&data["socket"], &data["size"], &data["text"]), (&json!(1), &json!(3), &json!("hi\n")));
    session.event("write");

    session.say(r#"{"id":7,"command":"send","socket":1,"text":"from a script"}"#);
    assert_eq!(session.event("done")["id"], 7);
    let mut got = [0; 16];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hi\nfrom a script");

    session.say(r#"{"id":"a","command":"send","socket":9,"text":"to nobody"}"#);
    let refused = session.event("refused");
    assert_eq!(refused["id"], "a");
    assert!(refused["reason"].as_str().unwrap().contains("#9"), "{refused}");

    session.say(r#"{"command":"sned"}"#);
    let bad = session.event("badCommand");
    assert!(bad["reason"].as_str().unwrap().contains("sned"), "{bad}");
    session.say("not json at all");
    assert!(session.event("badCommand")["input"].as_str().unwrap().contains("not json"));

    session.say(r#"{"id":8,"command":"open","listen":"udp://:0"}"#);
    assert_eq!(session.line("the new endpoint", |line| line["id"] == 8)["endpoint"], 2);

    session.say(r#"{"command":"end","socket":1}"#);
    session.line("our FIN", |line| line["event"] == "end" && line["way"] == "out");
    assert_eq!(peer.read(&mut got).unwrap(), 0);

    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn a_setting_that_restarts_says_so_and_keeps_the_port() {
    let mut session = Headless::start(&["-l", "tcp://:0"]);
    let listening = session.event("listening");
    session.say(r#"{"id":1,"command":"set","endpoint":1,"name":"max_peers","value":"5"}"#);
    assert!(session.event("done").get("restarted").is_none());
    session.say(r#"{"id":2,"command":"set","endpoint":1,"name":"backlog","value":"5"}"#);
    assert_eq!(session.event("done")["restarted"], true);
    assert_eq!(session.event("listening")["local"], listening["local"]);
}

#[test]
fn the_end_of_every_socket_is_written_before_it_quits() {
    let mut session = Headless::start(&["-l", "tcp://:0"]);
    let address = session.event("listening")["local"].as_str().unwrap().to_owned();
    let peers: Vec<_> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for _ in &peers {
        session.line("a socket of its own", |line| line["event"] == "connection" && line["socket"].is_u64());
    }
    session.say(r#"{"command":"quit"}"#);
    for _ in &peers {
        session.line("a socket's end", |line| line["event"] == "close" && line["socket"].is_u64());
    }
    assert_eq!(session.code(), Some(0));
}

#[test]
fn nothing_that_could_start_is_exit_code_three() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let mut session = Headless::start(&["-l", &url]);
    let error = session.event("error");
    assert_eq!(error["error"]["name"], "EADDRINUSE");
    assert_eq!(session.code(), Some(3));
}

#[test]
fn one_that_started_is_enough() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let mut session = Headless::start(&["-l", &url, "-l", "tcp://:0"]);
    session.event("listening");
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn a_wrong_url_is_exit_code_two_and_a_sentence() {
    let ended = output(&["--headless", "-l", "tpc://:0"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(said(&ended).contains("\"tpc\" is no scheme"), "{}", said(&ended));
}

#[test]
fn without_a_terminal_it_names_headless() {
    let ended = output(&["-l", "tcp://:0"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("--headless"), "{}", said(&ended));
    assert!(ended.stdout.is_empty(), "nothing of a screen goes down a pipe");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let mut child = sockscope(&["--headless", "-l", "tcp://:0"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        out.read_line(&mut line).unwrap();
    }
    drop(out);
    let listening: Value = serde_json::from_str(&line).unwrap();
    // The next line it writes finds nobody.
    let _peer = TcpStream::connect(listening["local"].as_str().unwrap()).unwrap();
    let deadline = Instant::now() + patience();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it talks to nobody");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_default_configuration_is_printed_and_read_back() {
    let printed = output(&["--print-config"]);
    assert_eq!(printed.status.code(), Some(0));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), String::from_utf8(printed.stdout).unwrap().replace("41234", "0")).unwrap();
    let mut session = Headless::start(&["--config", file.path().to_str().unwrap()]);
    assert_eq!(session.event("hello")["v"], 1);
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn chunks_are_read_as_messages_and_what_is_sent_is_framed() {
    let mut session = Headless::start(&["-l", "udp://:0"]);
    session.say(r#"{"id":1,"command":"open","listen":"tcp://:0","reply":"none","framing":"line"}"#);
    let listening = session.line("listener", |line| line["event"] == "listening" && line["protocol"] == "tcp");
    let mut peer = TcpStream::connect(listening["local"].as_str().unwrap()).unwrap();
    peer.set_read_timeout(Some(patience())).unwrap();
    peer.write_all(b"one two\nthr").unwrap();
    session.event("data");
    peer.write_all(b"ee\n").unwrap();
    session.event("data");
    session.say(r#"{"id":2,"command":"messages","socket":1,"way":"in"}"#);
    let first = session.event("framed");
    assert_eq!((&first["number"], &first["text"], &first["whole"]), (&json!(1), &json!("one two"), &json!(true)));
    let second = session.event("framed");
    assert_eq!((&second["text"], &second["size"], &second["number_is"]), (&json!("three"), &json!(6), &json!("sure")));
    let chunks = json!([{"seq": 1, "from": 8, "size": 3}, {"seq": 2, "from": 0, "size": 3}]);
    assert_eq!(second["chunks"], chunks);
    assert_eq!(session.event("done")["id"], 2);

    session.say(r#"{"command":"set","socket":1,"name":"framing","value":"u8"}"#);
    assert_eq!(session.event("set")["value"], "u8");
    session.say(r#"{"command":"send","socket":1,"text":"hi"}"#);
    let mut got = [0; 3];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"\x02hi");
    let long = "x".repeat(256);
    session.say(&json!({"id": 3, "command": "send", "socket": 1, "text": long}).to_string());
    let refused = session.event("refused");
    assert!(refused["reason"].as_str().unwrap().contains("at most 255 bytes"), "{refused}");

    session.say(r#"{"id":4,"command":"messages","socket":1,"framing":"delimiter: ","way":"in"}"#);
    assert_eq!(session.event("framed")["text"], "one");
    session.say(r#"{"id":5,"command":"messages","socket":1,"framing":"none"}"#);
    assert!(session.event("refused")["reason"].as_str().unwrap().contains("no framing"));
}

#[test]
fn settings_of_what_runs_are_set_and_shown() {
    let mut session = Headless::start(&["-l", "tcp://:0"]);
    let address = session.event("listening")["local"].as_str().unwrap().to_owned();
    let _peer = TcpStream::connect(&address).unwrap();
    session.line("a socket", |line| line["event"] == "connection" && line["socket"].is_u64());
    session.say(r#"{"command":"set","socket":1,"name":"nodelay","value":false}"#);
    let set = session.event("set");
    assert_eq!((&set["socket"], &set["name"], &set["value"]), (&json!(1), &json!("nodelay"), &json!("no")));
    session.say(r#"{"command":"details","socket":1}"#);
    let details = session.event("details");
    assert_eq!((&details["socket"], &details["settings"]["nodelay"]), (&json!(1), &json!("no")), "{details}");
    session.say(r#"{"command":"details","endpoint":1}"#);
    assert_eq!(session.event("details")["settings"]["nodelay"], "yes", "the endpoint's own is as it was");
    for (line, reason) in [
        (r#"{"command":"set","endpoint":1,"name":"nodelay","value":"maybe"}"#, "neither yes nor no"),
        (r#"{"command":"set","endpoint":1,"name":"nodely","value":"yes"}"#, "`nodely` is no setting here"),
        (r#"{"command":"set","socket":9,"name":"nodelay","value":"yes"}"#, "there is no socket #9"),
        (r#"{"command":"details","endpoint":7}"#, "there is no endpoint @7"),
    ] {
        session.say(line);
        let refused = session.event("refused");
        assert!(refused["reason"].as_str().unwrap().contains(reason), "{refused}");
    }
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn a_group_is_joined_and_left_by_command_and_a_peer_has_no_such_setting() {
    let mut session = Headless::start(&["-l", "udp://0.0.0.0:0"]);
    let address = session.event("listening")["local"].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");
    session.say(r#"{"command":"set","endpoint":1,"name":"join","value":"ff12::1@lo"}"#);
    assert!(session.event("refused")["reason"].as_str().unwrap().contains("wants a socket bound to [::]"));
    session.say(r#"{"command":"send","endpoint":1,"text":"news"}"#);
    assert!(session.event("refused")["reason"].as_str().unwrap().contains("has heard from nobody yet"));
    session.say(r#"{"command":"set","endpoint":1,"name":"join","value":"239.1.2.10@lo"}"#);
    let joined = session.event("joined");
    assert_eq!(
        (&joined["endpoint"], &joined["group"], &joined["interface"]),
        (&json!(1), &json!("239.1.2.10"), &json!("lo"))
    );
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"hello", &address).unwrap();
    session.line("a peer", |line| line["event"] == "message" && line["way"] == "out");
    session.say(r#"{"command":"set","socket":1,"name":"join","value":""}"#);
    assert!(session.event("refused")["reason"].as_str().unwrap().contains("the endpoint's: set it on @1"));
    session.say(r#"{"command":"set","endpoint":1,"name":"join","value":""}"#);
    assert_eq!(session.event("left")["group"], "239.1.2.10");
    session.say(r#"{"command":"details","endpoint":1}"#);
    let details = session.event("details");
    assert_eq!(details["groups"][0]["facts"]["groups"], "none", "{details}");
    session.say(r#"{"command":"details","socket":1}"#);
    let details = session.event("details");
    assert!(details["groups"][0]["facts"]["last seen"].as_str().unwrap().ends_with(" ago"), "{details}");
    assert_eq!(details["settings"], json!({}), "all of them are the endpoint's");
    session.say(r#"{"command":"close","socket":1}"#);
    let close = session.line("its end", |line| line["event"] == "close" && line["socket"] == 1);
    assert_eq!((&close["end"], &close["had_error"]), (&json!({"how": "forgotten", "by": "us"}), &json!(false)));
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn a_script_answers_by_hand_step_by_step() {
    let mut session = Headless::start(&["-l", "tcp://:0"]);
    session.say(
        r#"{"command":"open","listen":"http://127.0.0.1:0","reply":"hold","rules":[{"path":"/fixed","status":404}]}"#,
    );
    let listening = session.line("the listener", |line| line["event"] == "listening" && line["protocol"] == "http");
    let mut peer = TcpStream::connect(listening["local"].as_str().unwrap()).unwrap();
    peer.set_read_timeout(Some(patience())).unwrap();
    let hear = |peer: &mut TcpStream, end: &str| {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).ends_with(end) {
            let mut byte = [0];
            peer.read_exact(&mut byte).unwrap();
            heard.extend(byte);
        }
        String::from_utf8(heard).unwrap()
    };
    peer.write_all(b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(hear(&mut peer, "\r\n\r\n").starts_with("HTTP/1.1 404 "));
    peer.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let held = session.event("held");
    assert_eq!((&held["exchange"], &held["way"]), (&json!(2), &Value::Null));
    session.say(r#"{"id":1,"command":"answer","socket":1,"exchange":2,"set":{"headers":{"x-a":"b"}}}"#);
    session.line("done", |line| line["event"] == "done" && line["id"] == 1);
    session.say(r#"{"id":2,"command":"answer","socket":1,"event":{"event":"tick","data":"one"}}"#);
    let heard = hear(&mut peer, "data: one\n\n\r\n");
    assert!(heard.contains("x-a: b\r\n") && heard.contains("text/event-stream"), "{heard}");
    session.say(r#"{"id":3,"command":"answer","socket":1,"set":{"status":500}}"#);
    let refused = session.line("a refusal", |line| line["id"] == 3);
    assert!(refused.to_string().contains("headers already sent"), "{refused}");
    session.say(r#"{"id":4,"command":"answer","socket":1,"end":true,"trailers":{"x-sum":"7"}}"#);
    hear(&mut peer, "0\r\nx-sum: 7\r\n\r\n");
    session.event("finish");
    // Rules change while it runs.
    session.say(r#"{"command":"set","endpoint":2,"name":"rules","value":[{"path":"/cut","drop":true}]}"#);
    session.event("set");
    peer.write_all(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let close = session.line("its end", |line| line["event"] == "close" && line["socket"] == 1);
    assert_eq!((&close["end"]["how"], &close["end"]["by"]), (&json!("rst"), &json!("us")), "{close}");
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}

#[test]
fn http_2_pings_from_either_side_and_http_1_says_that_it_has_none() {
    let mut session = Headless::start(&["-l", "http://127.0.0.1:0"]);
    let at = session.event("listening")["local"].as_str().unwrap().to_owned();
    for version in ["2", "1.1"] {
        session.say(&format!(r#"{{"command":"open","connect":"http://{at}/","http":"{version}"}}"#));
        let finish = session.event("finish");
        // Both sockets of the connection: the listener's and the client's.
        let other =
            session.line("the other side", |line| line["event"] == "finish" && line["socket"] != finish["socket"]);
        for socket in [&finish["socket"], &other["socket"]] {
            let ping = json!({"id": "p", "command": "send", "socket": socket, "shape": "ping", "text": "abcdefgh"});
            session.say(&ping.to_string());
            let answer = session.line("an answer", |line| line["id"] == "p");
            if version == "2" {
                assert_eq!(answer["event"], "done", "{answer}");
                let pong = session.line("a pong", |line| line["event"] == "pong" && !line["rtt_us"].is_null());
                assert_eq!((&pong["socket"], &pong["text"]), (socket, &json!("abcdefgh")));
            } else {
                assert_eq!(answer["reason"], "HTTP/1 has no ping: that is for HTTP/2");
            }
        }
    }
    session.say(r#"{"id":"s","command":"send","sockets":[1,99],"shape":"ping"}"#);
    let missing = session.line("an answer", |line| line["id"] == "s");
    assert_eq!(missing["reason"], "there is no socket #99");
}

#[test]
fn websockets_are_driven_by_lines() {
    // Without an endpoint of its own it would run the usual ones.
    let mut session = Headless::start(&["-l", "udp://:0"]);
    session.say(r#"{"command":"open","listen":"ws://:0","deflate":true,"ping_every":"off","subprotocols":["chat"]}"#);
    let listening = session.line("the listener", |line| line["event"] == "listening" && line["endpoint"] == 2);
    let url = format!("ws://{}/", listening["local"].as_str().unwrap());
    for _ in 0..2 {
        let open = json!({"command": "open", "connect": url, "deflate": true, "subprotocols": ["chat"]});
        session.say(&open.to_string());
        // Of both sides.
        for _ in 0..2 {
            let open = session.event("open");
            assert_eq!(open["extensions"], json!(["permessage-deflate"]));
            assert_eq!(open["subprotocols"], json!(["chat"]));
            assert!(open["text"].as_str().unwrap().contains("HTTP/1.1 101 "), "{open}");
        }
    }
    let is = |name: &'static str, socket: u32, way: &'static str| {
        move |line: &Value| line["event"] == name && line["socket"] == socket && line["way"] == way
    };
    session
        .say(r#"{"command":"send","endpoint":2,"filter":"open","text":"to all that are open","fragments":2,"id":1}"#);
    assert_eq!(session.event("done")["id"], 1);
    let frame = session.line("a frame", |line| line["event"] == "frame" && line["way"] == "out");
    assert_eq!((&frame["rsv"], &frame["fin"], &frame["opcode"]), (&json!(4), &json!(false), &json!("text")));
    let message = session.line("a message", |line| line["event"] == "message" && line["way"] == "out");
    assert_eq!((&message["frames"], &message["size"]), (&json!(2), &json!(20)));
    assert!(message["compressed"].as_u64().unwrap() + 4 == message["wire"].as_u64().unwrap(), "{message}");
    session.say(r#"{"command":"send","sockets":[1,3],"shape":"pong","text":"unasked","id":2}"#);
    assert_eq!(session.event("done")["id"], 2);
    assert_eq!(session.line("a pong", |line| line["event"] == "pong" && line["way"] == "out")["text"], "unasked");
    session.say(r#"{"command":"send","sockets":[1,99],"shape":"ping","id":3}"#);
    assert_eq!(session.event("refused")["id"], 3);
    session.say(r#"{"command":"details","socket":1,"id":4}"#);
    let details = session.event("details").to_string();
    assert!(details.contains("server: window 2^15, context kept"), "{details}");
    session.say(r#"{"command":"send","socket":1,"shape":"close","code":4000,"reason":"enough"}"#);
    let closing = session.line("a close frame", is("closing", 1, "out"));
    assert_eq!((&closing["code"], &closing["name"]), (&json!(4000), &json!("private")));
    session.say(r#"{"command":"quit"}"#);
    assert_eq!(session.code(), Some(0));
}
