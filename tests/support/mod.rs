//! What the integration tests share: a session without a screen, and waiting for conditions.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its part of this")]

pub mod fixture;
pub mod headless;
pub mod runner;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sockscope::hub::Hub;
use sockscope::model::event::{Event, Kind};
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::spec::{Limits, Settings, Spec};
use sockscope::model::time::Clock;
use sockscope::model::url::{Role, Url};
use sockscope::model::view::{EndpointRow, ListQuery, Query, SocketRow, State};
use sockscope::net::{Endpoints, tls};

/// How long a condition may take: generous, because machines are slow and a pass costs nothing.
pub fn patience() -> Duration {
    let seconds = std::env::var("SOCKSCOPE_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// A hub and its endpoints, on loopback.
pub struct Lab {
    pub hub: Arc<Hub>,
    pub endpoints: Endpoints,
}

/// One CA for all tests of a binary: making keys is the slow part.
pub fn identity() -> Arc<tls::Identity> {
    static IDENTITY: OnceLock<Arc<tls::Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(|| Arc::new(tls::Identity::new().unwrap())))
}

impl Default for Lab {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Lab {
    pub fn new(limits: Limits) -> Self {
        let hub = Hub::new(Clock::start(0), &limits);
        Self { endpoints: Endpoints::new(Arc::clone(&hub), limits, identity()), hub }
    }

    pub fn open(&self, role: Role, url: &str, settings: Settings) -> EndpointId {
        let url = Url::parse(url, role).unwrap();
        self.endpoints.open(Spec { role, url, settings })
    }

    /// Opens a listener and waits until it is up; its address.
    pub async fn listen(&self, url: &str, settings: Settings) -> (EndpointId, SocketAddr) {
        let id = self.open(Role::Listen, url, settings);
        let row = self.endpoint(id, "up", |row| matches!(row.state, State::Up)).await;
        (id, row.local.unwrap())
    }

    /// Waits for an endpoint to be in a state.
    pub async fn endpoint(&self, id: EndpointId, what: &str, good: impl Fn(&EndpointRow) -> bool) -> EndpointRow {
        let find = || self.hub.snapshot(&Query::default()).endpoint(id).cloned().filter(|row| good(row));
        self.until(&format!("endpoint {id} {what}"), find).await
    }

    /// Waits for a socket to be in a state.
    pub async fn socket(&self, id: SocketId, what: &str, good: impl Fn(&SocketRow) -> bool) -> SocketRow {
        self.until(&format!("socket {id} {what}"), || self.hub.socket(id).filter(|row| good(row))).await
    }

    pub async fn closed(&self, id: SocketId) -> SocketRow {
        self.socket(id, "closed", |row| row.life.is_closed()).await
    }

    /// Waits for the nth socket of the session (ids count from 1).
    pub async fn nth(&self, n: u32) -> SocketId {
        let id = SocketId(n);
        self.socket(id, "opened", |_| true).await;
        id
    }

    pub fn events(&self, id: SocketId) -> Vec<Event> {
        self.hub.events(id.into(), 0, 10_000).map(|timeline| timeline.events).unwrap_or_default()
    }

    /// The names on a timeline. The steps of dialling, which `tests/dial.rs` is about, are left out.
    pub fn names(&self, id: SocketId) -> Vec<&'static str> {
        let dials = |kind: &Kind| matches!(kind, Kind::Lookup(_) | Kind::Attempt(_));
        self.events(id).iter().filter(|event| !dials(&event.kind)).map(|event| event.kind.name()).collect()
    }

    /// Waits for an event on a socket's timeline.
    pub async fn event(&self, id: SocketId, what: &str, good: impl Fn(&Event) -> bool) -> Event {
        self.until(&format!("event {what} on {id}"), || self.events(id).into_iter().find(|event| good(event))).await
    }

    pub fn rows(&self) -> Vec<SocketRow> {
        let list = ListQuery { rows: 10_000, ..ListQuery::default() };
        self.hub.snapshot(&Query { list, ..Query::default() }).sockets.rows
    }

    /// Waits for a condition; on failure prints every timeline.
    pub async fn until<T>(&self, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + patience();
        loop {
            if let Some(found) = find() {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not in time: {what}\n{}", self.report());
            // Some conditions lie outside the hub (a file, a peer): look again now and then anyway.
            let _ = tokio::time::timeout(left.min(Duration::from_millis(50)), self.hub.changed()).await;
        }
    }

    pub fn report(&self) -> String {
        let mut out = String::new();
        for row in self.hub.snapshot(&Query::default()).endpoints {
            out += &format!("{} {} {:?} {:?}\n", row.id, row.spec.url, row.state, row.local);
        }
        for row in self.rows() {
            out += &format!("{} {} {} {:?} {:?}\n", row.id, row.scheme, row.peer, row.life, row.count);
            for event in self.events(row.id) {
                out += &format!("    {:?} {} {:?}\n", event.kind, event.size, String::from_utf8_lossy(&event.head));
            }
        }
        out
    }
}

/// Exactly one opening and one closing event, and nothing after it.
pub fn assert_one_life(events: &[Event]) {
    let opening = |event: &&Event| matches!(event.kind, Kind::Connection { .. } | Kind::Connect { .. });
    assert_eq!(events.iter().filter(opening).count(), 1, "{events:#?}");
    let closing = |event: &&Event| matches!(event.kind, Kind::Close(_));
    assert_eq!(events.iter().filter(closing).count(), 1, "{events:#?}");
    assert!(matches!(events.last().unwrap().kind, Kind::Close(_)), "{events:#?}");
}
