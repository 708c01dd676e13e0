//! What happens around a program: its terminal hangs, it is stopped, a disk is full, the network goes away.
//! The real binary goes on, says what it met, and counts on.
#![cfg(target_os = "linux")]

mod support;
#[path = "support/pty.rs"]
mod terminal;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::headless::Headless;
use support::patience;
use terminal::Pty;

fn connect(at: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(at).unwrap();
    peer.set_read_timeout(Some(patience())).unwrap();
    peer
}

fn trip(peer: &mut TcpStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    peer.write_all(bytes).unwrap();
    peer.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
}

/// The address behind an endpoint's name on the screen.
fn address(screen: &str, scheme: &str) -> SocketAddr {
    let row = screen.split(&format!("● {scheme}")).nth(1).unwrap();
    row.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_terminal_that_hangs_is_not_noticed_by_the_endpoints() {
    let mut pty = Pty::sockscope(120, 40, &["-l", "tcp://127.0.0.1:0"], &[]);
    pty.wait_for("● tcp");
    let mut peer = connect(address(&pty.screen(), "tcp"));
    pty.wait_for("1 socket");
    // Nobody takes what the terminal is sent: some frames, and the next write of the screen hangs.
    let seen = pty.output.len();
    let (began, mut trips) = (Instant::now(), 0_usize);
    while began.elapsed() < Duration::from_secs(3) {
        trip(&mut peer, b"are you still there?");
        trips += 1;
    }
    assert!(trips > 500, "{trips} round trips in 3 s");
    // It comes back: the next whole frame is of now.
    peer.write_all(b"the very last words").unwrap();
    pty.wait_for("the very last words");
    let caught_up = pty.output.len() - seen;
    assert!(caught_up < 200 << 10, "{caught_up} bytes were kept for a terminal that hung");
    pty.press("q");
    assert_eq!(pty.ended(), 0);
}

#[test]
fn a_program_that_is_stopped_goes_on_where_it_was() {
    let mut scope = Headless::start(&["-l", "tcp://127.0.0.1:0"]);
    let at = scope.listening(1)[0];
    let mut peer = connect(at);
    trip(&mut peer, b"before");
    scope.signal("STOP");
    peer.write_all(b"meanwhile").unwrap();
    // The kernel takes the connection, nobody accepts it yet.
    let mut second = connect(at);
    second.write_all(b"second").unwrap();
    scope.signal("CONT");
    let mut back = [0; 9];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"meanwhile");
    second.read_exact(&mut back[..6]).unwrap();
    drop((peer, second));
    scope.event("close");
    scope.event("close");
    let count = scope.count(1);
    assert_eq!((&count["received"]["bytes"], &count["errors"]), (&21.into(), &0.into()), "{count}");
    scope.quit();
}

#[test]
fn a_full_disk_is_a_line_and_the_message_is_sent_all_the_same() {
    if !can_isolate() {
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let env = [("SOCKSCOPE_STATE", state.path().to_str().unwrap())];
    // A disk of its own, of 16 KiB, and full.
    let fill = "mount -t tmpfs -o size=16k none \"$SOCKSCOPE_STATE\" && \
        head -c 64k /dev/zero 2>&- > \"$SOCKSCOPE_STATE/fill\"; exec \"$0\" \"$@\"";
    let scope = env!("CARGO_BIN_EXE_sockscope");
    let args = ["-rm", "sh", "-c", fill, scope, "-l", "tcp://127.0.0.1:0"];
    let mut pty = Pty::run("unshare".into(), 120, 40, &args, &env);
    pty.wait_for("● tcp");
    let mut peer = connect(address(&pty.screen(), "tcp"));
    pty.wait_for("#1 tcp");
    pty.press("i");
    pty.wait_for("Send → #1 tcp");
    pty.press("to a full disk\r");
    let mut got = [0; 14];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"to a full disk");
    pty.wait_for("cannot be written: No space left");
    pty.press("\x03");
    assert_eq!(pty.ended(), 0);
}

/// Runs a command in the network of a process.
fn within(pid: u32, command: &[&str]) {
    let pid = pid.to_string();
    let status =
        Command::new("nsenter").args(["-U", "-n", "--preserve-credentials", "-t", &pid]).args(command).status();
    assert!(status.unwrap().success(), "{command:?}");
}

/// Whether a network and mounts of one's own can be made here; a missing one skips the test with a visible line.
fn can_isolate() -> bool {
    let can = Command::new("unshare").args(["-rnm", "ip", "link", "set", "lo", "up"]).output();
    if can.is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(
        std::env::var_os("SOCKSCOPE_REQUIRE_PEERS").is_none_or(|value| value != "1"),
        "required: unshare, nsenter and ip, and the right to make namespaces"
    );
    let _ = std::io::stderr().write_all(b"skipped: namespaces of one's own (unshare, ip) not found\n");
    false
}

#[test]
fn a_network_that_goes_down_and_comes_up_loses_nothing() {
    if !can_isolate() {
        return;
    }
    // One listener and one client of it, in a network that only has a loopback.
    let port = "127.0.0.1:40000";
    let shell = "exec unshare -rn sh -c 'ip link set lo up; exec \"$0\" \"$@\"'";
    let mut scope = Headless::behind(shell, &["-l", &format!("tcp://{port}"), "-c", &format!("tcp://{port}")]);
    let on = |line: &Value, endpoint: u64, event: &str| line["endpoint"] == endpoint && line["event"] == event;
    // Whoever was first: a client that found nobody is started again.
    let met = scope.line("a connection", |line| on(line, 2, "connect") || on(line, 2, "error"));
    if met["event"] == "error" {
        scope.say(r#"{"command":"start","endpoint":2}"#);
        scope.line("a connection", |line| on(line, 2, "connect"));
    }
    let pid = scope.child.id();
    scope.say(r#"{"command":"send","endpoint":2,"text":"before"}"#);
    scope.line("the echo", |line| on(line, 2, "data") && line["text"] == "before");

    within(pid, &["ip", "link", "set", "lo", "down"]);
    scope.say(r#"{"command":"send","endpoint":2,"text":"meanwhile"}"#);
    scope.line("the write", |line| on(line, 2, "write") && line["text"] == "meanwhile");
    // Another one cannot connect now.
    scope.say(&format!(r#"{{"command":"open","connect":"tcp://{port}"}}"#));
    scope.line("the attempt", |line| on(line, 3, "connectionAttempt"));

    within(pid, &["ip", "link", "set", "lo", "up"]);
    // The kernel sends again what got no answer: the bytes of one and the greeting of the other.
    let mut missing = vec!["data", "connect"];
    while !missing.is_empty() {
        let line = scope.line("what the network held up", |line| on(line, 2, "data") || on(line, 3, "connect"));
        missing.retain(|event| line["event"] != **event);
    }
    let count = scope.count(1);
    assert_eq!((&count["received"]["bytes"], &count["sent"]["bytes"]), (&15.into(), &15.into()), "{count}");
    scope.quit();
}

#[test]
fn a_clock_that_is_set_is_told_and_times_go_on() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    if !std::path::Path::new(library).is_file() {
        assert!(std::env::var_os("SOCKSCOPE_REQUIRE_PEERS").is_none_or(|value| value != "1"), "required: libfaketime");
        let _ = std::io::stderr().write_all(b"skipped: libfaketime not found\n");
        return;
    }
    let offset = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(offset.path(), "+0\n").unwrap();
    let shell = format!(
        "exec env LD_PRELOAD={library} DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE={}",
        offset.path().display()
    );
    let mut scope = Headless::behind(&shell, &["-l", "tcp://127.0.0.1:0"]);
    let mut peer = connect(scope.listening(1)[0]);
    trip(&mut peer, b"before");
    let before = scope.line("the echo", |line| line["event"] == "write")["time"].as_str().unwrap().to_owned();
    std::fs::write(offset.path(), "+2h\n").unwrap();
    trip(&mut peer, b"after");
    let told = scope.event("clock");
    let minutes = (told["by_us"].as_i64().unwrap() + 500_000) / 60_000_000;
    assert_eq!((minutes, &told["endpoint"]), (120, &1.into()), "{told}");
    trip(&mut peer, b"and on");
    let after = scope.line("an echo", |line| line["text"] == "and on" && line["event"] == "write");
    let after = after["time"].as_str().unwrap();
    assert!(before.as_str() < after && before[..13] == after[..13], "from {before} to {after}");
    scope.quit();
}
