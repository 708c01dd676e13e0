//! Programs nobody here wrote, as processes: found on PATH, given a deadline, killed when dropped, and
//! shown with all they said when a test fails.
//!
//! A program that is missing skips its test with a visible line; with `SOCKSCOPE_REQUIRE_PEERS=1` it fails it.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its part of this")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::support::patience;

/// Finds a program on PATH. `None` means: skip this test, it has been said.
pub fn peer(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file());
    found.or_else(|| missing(&format!("{program} not found")))
}

/// Node, with npm's `ws` beside the programs.
pub fn node_with_ws() -> Option<PathBuf> {
    let node = peer("node")?;
    if programs().join("node_modules/ws/package.json").is_file() {
        return Some(node);
    }
    missing("npm ws not found (npm ci --prefix tests/peers)")
}

fn missing<T>(what: &str) -> Option<T> {
    assert!(std::env::var_os("SOCKSCOPE_REQUIRE_PEERS").is_none_or(|value| value != "1"), "required: {what}");
    // Not through print!, which the test harness would keep to itself; in one piece, for tests run side by side.
    let _ = std::io::stderr().write_all(format!("skipped: {what}\n").as_bytes());
    None
}

/// Where the Node programs are.
pub fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// A Node program of ours, running.
pub fn run_node(node: &Path, program: &str, args: &[&str]) -> Peer {
    let file = programs().join("node").join(program);
    let args: Vec<&str> = std::iter::once(file.to_str().unwrap()).chain(args.iter().copied()).collect();
    Peer::start(node, &args)
}

/// A port that was free a moment ago, for programs that cannot say which one they took.
pub fn free_tcp_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn free_udp_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a process said so far.
#[derive(Default)]
struct Said {
    out: Mutex<Vec<u8>>,
    err: Mutex<Vec<u8>>,
    more: Notify,
}

/// A running program.
pub struct Peer {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Said>,
    readers: JoinSet<()>,
}

/// A program that has ended.
pub struct Done {
    pub name: String,
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
}

impl Done {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// It ended with success; what it said.
    #[track_caller]
    pub fn ok(self) -> String {
        let text = self.text();
        assert_eq!(self.code, Some(0), "{}\n--- out\n{text}\n--- err\n{}", self.name, self.err);
        text
    }
}

impl Peer {
    pub fn start(program: &Path, args: &[&str]) -> Self {
        let name = format!("{} {}", program.display(), args.join(" "));
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let said = Arc::new(Said::default());
        let mut readers = JoinSet::new();
        readers.spawn(keep(child.stdout.take().unwrap(), Arc::clone(&said), |said| &said.out));
        readers.spawn(keep(child.stderr.take().unwrap(), Arc::clone(&said), |said| &said.err));
        Self { name, input: child.stdin.take(), child, said, readers }
    }

    /// Its process, as long as it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.said.out.lock()).into_owned()
    }

    /// What it wrote to stdout and stderr so far.
    pub fn all(&self) -> String {
        format!("{}{}", self.out(), String::from_utf8_lossy(&self.said.err.lock()))
    }

    /// Waits for something in what it says.
    pub async fn until<T>(&self, what: &str, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        let wait = async {
            loop {
                let more = self.said.more.notified();
                if let Some(found) = find(self) {
                    return found;
                }
                more.await;
            }
        };
        let found = tokio::time::timeout(patience(), wait).await;
        found.unwrap_or_else(|_| panic!("not in time: {what}\n{}\n{}", self.name, self.all()))
    }

    /// Waits until it says this on stdout or stderr.
    pub async fn says(&self, text: &str) {
        self.until(&format!("{text:?}"), |peer| peer.all().contains(text).then_some(())).await;
    }

    /// Waits for a line that begins so; the rest of it.
    pub async fn line(&self, start: &str) -> String {
        let find = |peer: &Self| {
            let all = peer.all();
            let whole = all.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            whole.map(str::trim_end).find_map(|line| line.strip_prefix(start).map(str::to_owned))
        };
        self.until(&format!("a line that begins with {start:?}"), find).await
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).await.unwrap();
        input.flush().await.unwrap();
    }

    /// Ends its stdin.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Ends its stdin, and waits for it to end.
    pub async fn ends(mut self) -> Done {
        self.end_input();
        let both = async {
            let status = self.child.wait().await.unwrap();
            while self.readers.join_next().await.is_some() {}
            status
        };
        let status = tokio::time::timeout(patience(), both).await;
        let status = status.unwrap_or_else(|_| panic!("does not end: {}\n{}", self.name, self.all()));
        let out = std::mem::take(&mut *self.said.out.lock());
        let err = String::from_utf8_lossy(&self.said.err.lock()).into_owned();
        Done { name: self.name.clone(), code: status.code(), out, err }
    }
}

/// Runs a program to its end.
pub async fn run(program: &Path, args: &[&str], input: &[u8]) -> Done {
    let mut peer = Peer::start(program, args);
    if !input.is_empty() {
        peer.write(input).await;
    }
    peer.ends().await
}

async fn keep(mut from: impl AsyncRead + Unpin, said: Arc<Said>, whose: fn(&Said) -> &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        whose(&said).lock().extend_from_slice(&buffer[..n]);
        said.more.notify_waiters();
    }
}
