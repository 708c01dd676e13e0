//! The real binary, headless: its events as they are written, and commands to it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::peers::Peer;

pub struct Scope(Peer);

impl Scope {
    pub fn start(args: &[&str]) -> Self {
        let args: Vec<&str> = ["--headless"].into_iter().chain(args.iter().copied()).collect();
        Self(Peer::start(Path::new(env!("CARGO_BIN_EXE_sockscope")), &args))
    }

    pub fn events(&self) -> Vec<Value> {
        let out = self.0.out();
        let whole = out.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The names on one socket's timeline.
    pub fn names(&self, socket: u32) -> Vec<String> {
        let events = self.events().into_iter().filter(|event| event["socket"] == socket);
        events.map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for an event.
    pub async fn event(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        self.0.until(what, |_| self.events().into_iter().find(|event| good(event))).await
    }

    /// Waits until an endpoint listens; where.
    pub async fn listening(&self, endpoint: u32) -> SocketAddr {
        let good = |event: &Value| event["event"] == "listening" && event["endpoint"] == endpoint;
        let event = self.event(&format!("endpoint {endpoint} listens"), good).await;
        event["local"].as_str().unwrap().parse().unwrap()
    }

    /// Writes a command.
    pub async fn command(&mut self, command: Value) {
        self.0.write(format!("{command}\n").as_bytes()).await;
    }

    /// Ends it in order.
    pub async fn quit(mut self) {
        self.command(json!({"command": "quit"})).await;
        self.0.ends().await.ok();
    }
}
