//! `--demo`: clients of our own talk to the session's listeners, by a script that repeats.
//!
//! They are a second session of the same kind that nobody looks at, so what one sees on the screen is
//! real traffic through real sockets.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::session::Session;
use crate::app::Target;
use crate::model::draft::{Coding, Draft, Ending, Shape};
use crate::model::id::{EndpointId, SocketId};
use crate::model::spec::{Settings, Spec};
use crate::model::url::{Host, Role, Scheme, Url};
use crate::model::view::{ListQuery, Query, State};

/// One of the script's clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Chat,
    Caller,
    Sensor,
    Probe,
    Browser,
    Ticker,
    Vault,
}

const CAST: &[(Who, Scheme)] = &[
    (Who::Chat, Scheme::Tcp),
    (Who::Sensor, Scheme::Udp),
    (Who::Browser, Scheme::Http),
    (Who::Ticker, Scheme::Ws),
    (Who::Vault, Scheme::Tls),
    (Who::Caller, Scheme::Tcp),
    (Who::Probe, Scheme::Udp),
];

enum Does {
    Dials,
    Says(Shape, &'static str),
    Ends,
}
use Does::{Dials, Ends, Says};

const SUBSCRIBE: &str = r#"{"op":"sub","ch":["ticker","depth"],"id":7731,"note":"订阅成功"}"#;
const ORDER: &str = "POST /orders HTTP/1.1\nContent-Type: application/json\n\n{\"item\":\"socket\",\"count\":3}";

/// The first lines bring everybody on stage; the rest repeats. Milliseconds are waited before each.
const OPENING: &[(u64, Who, Does)] = &[
    (0, Who::Chat, Dials),
    (80, Who::Sensor, Dials),
    (80, Who::Browser, Dials),
    (80, Who::Ticker, Dials),
    (80, Who::Vault, Dials),
    (80, Who::Probe, Dials),
    (120, Who::Chat, Says(Shape::Bytes, "你好, sockscope\\n")),
    (90, Who::Sensor, Says(Shape::Bytes, "temp=21.5")),
    (90, Who::Browser, Says(Shape::Request, "GET /hello?lang=zh HTTP/1.1\nAccept: text/html")),
    (90, Who::Ticker, Says(Shape::Text, SUBSCRIBE)),
    (90, Who::Vault, Says(Shape::Bytes, "the secret of the day\\n")),
];

const ROUND: &[(u64, Who, Does)] = &[
    (500, Who::Chat, Says(Shape::Bytes, "how are you?\\r\\n")),
    (250, Who::Ticker, Says(Shape::Text, r#"{"tick":1,"bid":101.25,"ask":101.31}"#)),
    (250, Who::Sensor, Says(Shape::Bytes, "temp=21.7")),
    (250, Who::Caller, Dials),
    (250, Who::Caller, Says(Shape::Bytes, "one last question\\n")),
    (200, Who::Ticker, Says(Shape::Ping, "are you there?")),
    (200, Who::Browser, Says(Shape::Request, ORDER)),
    (300, Who::Caller, Ends),
    (400, Who::Probe, Says(Shape::Bytes, "\\x00\\x01\\x02\\xff")),
    (250, Who::Vault, Says(Shape::Bytes, "open sesame\\n")),
    (250, Who::Ticker, Says(Shape::Text, r#"{"tick":2,"bid":101.27,"ask":101.33}"#)),
    (250, Who::Chat, Says(Shape::Bytes, SUBSCRIBE)),
    (300, Who::Browser, Says(Shape::Request, "GET /orders/42 HTTP/1.1\nAccept: application/json")),
    (250, Who::Sensor, Says(Shape::Bytes, "temp=21.6")),
    (250, Who::Ticker, Says(Shape::Binary, "\\x08\\x96\\x01 binary too")),
];

/// How long the listeners may take to come up before the clients begin with those that have.
const PATIENCE: Duration = Duration::from_secs(2);

/// Plays until `shutdown`.
pub async fn play(stage: Arc<Session>, identity: Arc<crate::net::tls::Identity>, shutdown: CancellationToken) {
    let clients = Session::with_identity(crate::model::spec::Limits::default(), identity);
    let script = async {
        wait_for_listeners(&stage).await;
        let mut cast: Vec<(Who, EndpointId)> = Vec::new();
        for (pause, who, does) in OPENING.iter().chain(ROUND.iter().cycle()) {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            perform(&stage, &clients, &mut cast, *who, does);
            // Nobody looks at the clients' side: what it keeps is let go as it comes.
            clients.hub.clear_closed();
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = script => {}
    }
    clients.endpoints.shutdown().await;
}

async fn wait_for_listeners(stage: &Session) {
    let settled = async {
        while stage.hub.snapshot(&Query::default()).endpoints.iter().any(|row| row.state == State::Starting) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, settled).await;
}

/// One line of the script. A client whose listener is down, or whose socket a person has closed, dials
/// again when it wants to speak.
fn perform(stage: &Session, clients: &Session, cast: &mut Vec<(Who, EndpointId)>, who: Who, does: &Does) {
    let known = cast.iter().find(|(name, _)| *name == who).map(|(_, id)| *id);
    match (does, known) {
        (Dials, Some(id)) => clients.endpoints.start(id),
        (Dials, None) => cast.extend(dial(stage, clients, who).map(|id| (who, id))),
        (Says(shape, text), Some(id)) => {
            let coding = match shape {
                Shape::Request => Coding::Text,
                _ => Coding::Escapes,
            };
            let draft = Draft { text: (*text).into(), coding, ending: Ending::None, shape: *shape, fragments: 0 };
            if clients.send(&Target::All(id), &draft).is_err() {
                clients.endpoints.start(id);
            }
        }
        (Ends, Some(id)) => {
            for socket in open_sockets(clients, id) {
                // It may have been closed from the other side meanwhile.
                let _ = clients.endpoints.command(socket, crate::net::Command::End);
            }
        }
        (Says(..) | Ends, None) => {}
    }
}

fn open_sockets(clients: &Session, id: EndpointId) -> Vec<SocketId> {
    let list = ListQuery { endpoint: Some(id), rows: 8, ..ListQuery::default() };
    let rows = clients.hub.snapshot(&Query { list, ..Query::default() }).sockets.rows;
    rows.into_iter().filter(|row| !row.life.is_closed()).map(|row| row.id).collect()
}

/// Dials the first listener of the client's scheme that is up.
fn dial(stage: &Session, clients: &Session, who: Who) -> Option<EndpointId> {
    let scheme = CAST.iter().find(|(name, _)| *name == who)?.1;
    let rows = stage.hub.snapshot(&Query::default()).endpoints;
    let row = rows.iter().find(|row| row.spec.scheme() == scheme && row.spec.role == Role::Listen)?;
    let local = row.local?;
    let url = Url { scheme, host: Host::Ip(local.ip()), port: local.port(), path: "".into() };
    // The chat goes on talking when we have half-closed it: so a half-closed socket is there to be seen.
    let settings = Settings { half_open: who == Who::Chat, ..Settings::default() };
    Some(clients.open(Spec { role: Role::Connect, url, settings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_speaks_has_dialled() {
        let mut on_stage = Vec::new();
        for (_, who, does) in OPENING.iter().chain(ROUND) {
            match does {
                Dials => on_stage.push(*who),
                Says(..) | Ends => assert!(on_stage.contains(who), "{who:?} speaks before it dials"),
            }
            assert!(CAST.iter().any(|(name, _)| name == who));
        }
    }

    #[test]
    fn every_plain_protocol_is_on_stage() {
        for protocol in crate::net::PROTOCOLS {
            assert!(CAST.iter().any(|(_, scheme)| *scheme == protocol.info().plain));
        }
    }
}
