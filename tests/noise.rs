//! Bytes and texts of any kind at everything that reads what others wrote. `fuzz` does the same for hours, guided
//! by what was reached; here are a moment of noise, and the inputs that were worth keeping.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sockscope::run::noise;

/// What formats begin with, so that noise comes behind the first byte.
const WORDS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\0\0\0\u{4}\0\0\0\0\0",
    "\u{16}\u{3}\u{1}\0",
    "\u{1}\u{5}hello",
    "curl -X POST -d 'a' -H 'B: c' http://a.test/",
    "{\"command\":\"send\",\"socket\":1,\"text\":\"a\"}",
    "[[endpoint]]\nlisten = \"tcp://:0\"\n",
    "tcp://127.0.0.1:80",
    "\\x00\\u{4f60}",
    "GET /a/* 200 text='x'",
    "keepalive 60s",
    "42/admin,7[\"a\",{\"_placeholder\":true,\"num\":0}]",
];

fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        "[ -~\\r\\n]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(prop::sample::select(&[0u8, 1, 2, 3, 8, 22, 23, 0x80, 0xff][..]), 0..12),
    ];
    let head = prop::collection::vec(any::<u8>(), 0..3);
    (head, prop::collection::vec(piece, 0..6)).prop_map(|(head, pieces)| [head, pieces.concat()].concat())
}

#[test]
fn nothing_that_others_wrote_panics() {
    for name in noise::names() {
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&input(), |bytes| {
            assert!(noise::run(name, &bytes), "there is no {name}");
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The inputs kept in `fuzz/corpus/NAME` and `fuzz/found/NAME`.
#[test]
fn what_was_kept_is_survived() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut inputs = 0;
    for name in noise::names() {
        for kind in ["corpus", "found"] {
            let Ok(files) = fs::read_dir(root.join(kind).join(name)) else { continue };
            for file in files {
                let bytes = fs::read(file.unwrap().path()).unwrap();
                assert!(noise::run(name, &bytes));
                inputs += 1;
            }
        }
    }
    assert!(inputs >= noise::names().count(), "{inputs} inputs: where is the corpus?");
}

#[test]
fn every_target_is_one_of_the_fuzzers() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for name in noise::names() {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks a [[bin]] named {name}");
    }
    assert!(!noise::run("nobody", b""));
}
