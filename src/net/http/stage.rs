//! For tests: an endpoint on loopback, and its timelines as lines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hub::Hub;
use crate::model::event::{Event, Kind, Way};
use crate::model::id::EndpointId;
use crate::model::spec::{Limits, Reply, Spec};
use crate::model::time::Clock;
use crate::model::url::{Role, Url};
use crate::model::view::{ListQuery, Query, Snapshot, SocketRow};
use crate::net::{Endpoints, tls};

pub struct Stage {
    pub endpoints: Endpoints,
    pub hub: Arc<Hub>,
}

impl Stage {
    pub fn new(limits: Limits) -> Self {
        let hub = Hub::new(Clock::start(0), &limits);
        let identity = Arc::new(tls::Identity::new().unwrap());
        Self { endpoints: Endpoints::new(Arc::clone(&hub), limits, identity), hub }
    }

    /// A listener that answers `reply`, and where it is.
    pub async fn listen(&self, reply: Reply) -> (EndpointId, SocketAddr) {
        let mut spec = Spec::new(Role::Listen, Url::parse("http://127.0.0.1:0", Role::Listen).unwrap());
        spec.settings.reply = reply;
        let id = self.endpoints.open(spec);
        (id, self.until(|seen| seen.endpoint(id)?.local).await)
    }

    pub fn dial(&self, at: SocketAddr, path: &str) -> EndpointId {
        let url = Url::parse(&format!("http://{at}{path}"), Role::Connect).unwrap();
        self.endpoints.open(Spec::new(Role::Connect, url))
    }

    /// Waits until `find` finds it.
    pub async fn until<T>(&self, find: impl Fn(&Snapshot) -> Option<T>) -> T {
        let query = Query { list: ListQuery { rows: 100, ..ListQuery::default() }, ..Query::default() };
        let found = async {
            loop {
                if let Some(found) = find(&self.hub.snapshot(&query)) {
                    return found;
                }
                self.hub.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("nothing came of it")
    }

    /// The endpoint's socket, whether it is over or not.
    pub async fn socket(&self, id: EndpointId) -> SocketRow {
        self.until(|seen| seen.sockets.rows.iter().find(|row| row.endpoint == id).cloned()).await
    }

    /// The endpoint's socket once it is over, with its timeline.
    pub async fn closed(&self, id: EndpointId) -> (SocketRow, Vec<Event>) {
        let over = |row: &&SocketRow| row.endpoint == id && row.end.is_some();
        let row = self.until(|seen| seen.sockets.rows.iter().find(over).cloned()).await;
        let events = self.hub.events(row.id.into(), 0, 1000).unwrap().events.into_iter();
        // The steps of dialling are told elsewhere.
        let steps = |event: &Event| matches!(event.kind, Kind::Lookup(_) | Kind::Attempt(_));
        (row, events.filter(|event| !steps(event)).collect())
    }

    /// Waits for an event of the endpoint's socket.
    pub async fn event(&self, id: EndpointId, name: &str) -> Event {
        let socket = self.socket(id).await.id;
        self.until(|_| {
            self.hub.events(socket.into(), 0, 1000)?.events.into_iter().rev().find(|event| event.kind.name() == name)
        })
        .await
    }
}

/// Says `text` to a server, ends, and hears everything it answers.
pub async fn ask(at: SocketAddr, text: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(text).await.unwrap();
    stream.shutdown().await.unwrap();
    hear(&mut stream).await
}

/// Everything until the peer ends.
pub async fn hear(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let done = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await;
    done.expect("the peer does not end").expect("the peer ends with FIN");
    String::from_utf8_lossy(&heard).into_owned()
}

/// Reads until `end` has come.
pub async fn hear_until(stream: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(end) {
        let byte = tokio::time::timeout(Duration::from_secs(20), stream.read_u8()).await;
        heard.push(byte.expect("nothing comes").expect("the peer ended"));
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// `in request 1`, `finish 1`: a timeline without its times; the pieces of one body are one.
pub fn told(events: &[Event]) -> Vec<String> {
    let mut told: Vec<String> = events
        .iter()
        .filter(|event| !matches!(event.kind, Kind::Connect { .. } | Kind::Connection { .. }))
        .map(|event| {
            let way = match event.kind.way() {
                Some(Way::In) => "in ",
                Some(Way::Out) => "out ",
                None => "",
            };
            let number = event.kind.exchange().map(|number| format!(" {number}")).unwrap_or_default();
            format!("{way}{}{number}", event.kind.name())
        })
        .collect();
    told.dedup_by(|a, b| a == b && a.contains("body"));
    told
}

/// The bodies one way, joined.
pub fn bodies(events: &[Event], way: Way) -> Vec<u8> {
    let is = |event: &&Event| matches!(event.kind, Kind::Body { way: of, .. } if of == way);
    events.iter().filter(is).flat_map(|event| event.head.clone()).collect()
}
