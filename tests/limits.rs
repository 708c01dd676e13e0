//! What a person can run out of: descriptors. The real binary, with few of them.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use support::headless::Headless;
use support::patience;

const TCP: &[&str] = &["-l", "tcp://127.0.0.1:0"];

#[test]
fn without_descriptors_an_accept_is_an_error_that_passes() {
    let mut scope = Headless::behind("ulimit -n 40; exec", TCP);
    let listening = scope.event("listening");
    let address = listening["local"].as_str().unwrap().to_owned();
    let mut peers: Vec<TcpStream> = Vec::new();
    for _ in 0..50 {
        peers.push(TcpStream::connect(&address).unwrap());
    }
    let error = scope.event("error");
    assert_eq!(error["error"]["name"], "EMFILE", "{error}");
    // Those that were accepted are served while the others wait.
    let mut first = peers.remove(0);
    let mut back = [0; 5];
    first.write_all(b"still").unwrap();
    first.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"still");
    let mut last = peers.pop().unwrap();
    drop(peers);
    last.set_read_timeout(Some(patience())).unwrap();
    last.write_all(b"later").unwrap();
    last.read_exact(&mut back).expect("accepted once there was room");
    assert_eq!(&back, b"later");
    // A spin would have written thousands of these.
    let errors = scope.seen.iter().filter(|line| line["error"]["name"] == "EMFILE").count();
    assert!(errors < 40, "{errors} errors");
    scope.quit();
}

#[test]
fn a_reader_that_goes_away_ends_it_in_order() {
    let mut scope = Headless::start(TCP);
    scope.event("hello");
    let listening = scope.event("listening");
    let address = listening["local"].as_str().unwrap().to_owned();
    scope.stop_reading();
    // The reading thread stops at the next line, and closes the pipe.
    let deadline = std::time::Instant::now() + patience();
    let code = loop {
        let _ = TcpStream::connect(&address);
        if let Some(status) = scope.child.try_wait().unwrap() {
            break status.code();
        }
        assert!(std::time::Instant::now() < deadline, "it goes on without a reader");
        let (_keep, wait) = mpsc::channel::<()>();
        let _ = wait.recv_timeout(Duration::from_millis(20));
    };
    assert_eq!(code, Some(0));
}

#[test]
fn a_signal_ends_it_in_the_middle_of_a_flood() {
    let mut scope = Headless::start(TCP);
    let listening = scope.event("listening");
    let address = listening["local"].as_str().unwrap().to_owned();
    let flood = std::thread::spawn(move || {
        let peer = TcpStream::connect(address).unwrap();
        let mut back = peer.try_clone().unwrap();
        let reader = std::thread::spawn(move || std::io::copy(&mut back, &mut std::io::sink()));
        let mut peer = peer;
        while peer.write_all(&[b'x'; 100]).is_ok() {}
        let _ = reader.join();
    });
    for _ in 0..2_000 {
        scope.event("data");
    }
    scope.signal("TERM");
    assert_eq!(scope.code(), Some(0), "it does not hear the signal");
    flood.join().unwrap();
}

#[test]
fn a_signal_ends_it_though_nobody_reads_what_it_writes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockscope"))
        .args(["--headless", "-l", "tcp://127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"listening\"") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it listened");
    }
    let listening: Value = serde_json::from_str(&line).unwrap();
    // From here on `out` is not read: more events than a pipe and a buffer hold make the next write hang.
    let mut peer = TcpStream::connect(listening["local"].as_str().unwrap()).unwrap();
    let mut back = [0; 1000];
    for _ in 0..500 {
        peer.write_all(&[b'x'; 1000]).unwrap();
        peer.read_exact(&mut back).unwrap();
    }
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let deadline = std::time::Instant::now() + patience();
    let (_keep, wait) = mpsc::channel::<()>();
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if std::time::Instant::now() >= deadline {
            child.kill().unwrap();
            panic!("it waits for a reader for ever");
        }
        let _ = wait.recv_timeout(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
    drop(out);
}
