//! The real binary without a screen: its lines read by a thread, commands written to it, and what the
//! kernel says of its process.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its part of this")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::patience;

/// Lines that are kept to be shown when a test fails, and lines that wait for the test.
const KEPT: usize = 500;
const WAITING: usize = 10_000;

pub struct Headless {
    pub child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    pub seen: VecDeque<Value>,
}

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// Resident bytes.
    pub resident: u64,
    pub descriptors: usize,
}

impl Headless {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("--headless").args(args);
        Self::run(command)
    }

    /// The same behind a piece of shell, such as `ulimit -n 40; exec`.
    pub fn behind(shell: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell} \"$0\" --headless \"$@\"")]).arg(binary()).args(args);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdin = child.stdin.take();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = sync_channel(WAITING);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if tx.send(value).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, lines, seen: VecDeque::new() }
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line that is meant.
    pub fn line(&mut self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + patience();
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|error| panic!("{error}: no {what} in\n{:#?}", self.seen));
            self.seen.push_back(line.clone());
            if self.seen.len() > KEPT {
                self.seen.pop_front();
            }
            if good(&line) {
                return line;
            }
        }
    }

    pub fn event(&mut self, name: &str) -> Value {
        self.line(name, |line| line["event"] == name)
    }

    /// Where the first so many endpoints listen.
    pub fn listening(&mut self, endpoints: usize) -> Vec<SocketAddr> {
        let mut found = vec![None; endpoints];
        while found.contains(&None) {
            let line = self.event("listening");
            let nth = usize::try_from(line["endpoint"].as_u64().unwrap()).unwrap() - 1;
            found[nth] = Some(line["local"].as_str().unwrap().parse().unwrap());
        }
        found.into_iter().flatten().collect()
    }

    /// The counters of an endpoint.
    pub fn count(&mut self, endpoint: usize) -> Value {
        self.say(&format!(r#"{{"command":"count","endpoint":{endpoint}}}"#));
        self.line("count", |line| line["event"] == "count" && line["endpoint"] == endpoint)
    }

    /// Takes what was written since, and throws it away.
    pub fn skip(&mut self) {
        while self.lines.try_recv().is_ok() {}
    }

    /// From here on nobody reads what it writes: its pipe is closed with the next line.
    pub fn stop_reading(&mut self) {
        (_, self.lines) = channel();
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    #[cfg(target_os = "linux")]
    pub fn gauge(&self) -> Gauge {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        Gauge { resident: kib << 10, descriptors: std::fs::read_dir(format!("{process}/fd")).unwrap().count() }
    }

    /// Waits for its end: the exit code.
    pub fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + patience();
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            let _ = self.lines.recv_timeout(Duration::from_millis(10));
        }
        panic!("it has not ended");
    }

    /// Ends it in order.
    pub fn quit(mut self) {
        self.say(r#"{"command":"quit"}"#);
        assert_eq!(self.code(), Some(0));
    }
}

/// The binary of this build; a soak may take another, built for release.
fn binary() -> String {
    std::env::var("SOCKSCOPE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_sockscope").into())
}

impl Drop for Headless {
    fn drop(&mut self) {
        // Already gone where it was told to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
