//! The library as a harness: a listener, a client that talks to it, and everything that happened on
//! both, as the JSON lines of `docs/headless.md`.
//!
//! ```sh
//! cargo run --example headless -- tcp
//! ```

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use sockscope::app::Target;
use sockscope::model::draft::{Coding, Draft, Ending, Shape, shapes};
use sockscope::model::event::{Kind, Way};
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::spec::{Limits, Spec};
use sockscope::model::url::{Role, Scheme, Url};
use sockscope::model::view::{Query, State};
use sockscope::run::jsonl::Follower;
use sockscope::run::session::Session;

/// How long loopback may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let scheme = std::env::args().nth(1).unwrap_or_else(|| "tcp".into());
    match tokio::time::timeout(PATIENCE, tell(&scheme)).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => complain(&reason),
        Err(_) => complain("not in time"),
    }
}

fn complain(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "headless: {reason}");
    ExitCode::FAILURE
}

async fn tell(scheme: &str) -> Result<(), String> {
    let session = Session::new(Limits::default()).map_err(|fault| fault.to_string())?;
    let url = Url::parse(&format!("{scheme}://:0"), Role::Listen)?;
    let listener = session.open(Spec::new(Role::Listen, url));
    let local = loop {
        let state = session.hub.snapshot(&Query::default()).endpoint(listener).cloned();
        match state.map(|row| (row.state, row.local)) {
            Some((State::Up, Some(local))) => break local,
            Some((State::Failed(fault), _)) => return Err(fault.to_string()),
            _ => session.hub.changed().await,
        }
    };

    let url = Url::parse(&format!("{scheme}://{local}"), Role::Connect)?;
    let mut spec = Spec::new(Role::Connect, url);
    // The listener's certificate is signed by a CA that was made a moment ago.
    spec.settings.tls.insecure = true;
    let client = session.open(spec);
    say(&session, client, "hello").await?;

    // Every event once, in the order of time, as it happens; until the answer is here.
    let mut lines = Vec::new();
    let mut follower = Follower::default();
    while !answered(&session, client) {
        follower.drain(&session.hub, &mut lines).map_err(|error| error.to_string())?;
        session.hub.changed().await;
    }
    session.endpoints.shutdown().await;
    follower.sweep(&session.hub, &mut lines).map_err(|error| error.to_string())?;
    io::stdout().write_all(&lines).map_err(|error| error.to_string())
}

/// Sends as soon as the client's socket is open.
async fn say(session: &Session, client: EndpointId, text: &str) -> Result<(), String> {
    loop {
        let scheme = session.endpoints.spec(client).map_or(Scheme::Tcp, |spec| spec.scheme());
        let shape = shapes(scheme, Role::Connect)[0];
        let text = if shape == Shape::Request { format!("POST /hello HTTP/1.1\n\n{text}") } else { text.into() };
        let draft = Draft { text, coding: Coding::Text, ending: Ending::None, shape };
        let open = session.hub.open_sockets(client);
        let up = open.iter().any(|id| session.hub.state_of(*id).is_some_and(|(_, life)| life.name() == "open"));
        if up {
            return session.send(&Target::All(client), &draft).map(drop).map_err(|rejection| rejection.0);
        }
        session.hub.changed().await;
        session.hub.collect();
    }
}

/// Whether anything of the answer has come in.
fn answered(session: &Session, client: EndpointId) -> bool {
    let came = |id: &SocketId| {
        let events = session.hub.events((*id).into(), 0, 100).map(|timeline| timeline.events).unwrap_or_default();
        events.iter().any(|event| {
            let way = event.kind.way() == Some(Way::In);
            way && matches!(event.kind, Kind::Data | Kind::Message { .. } | Kind::Body { .. })
        })
    };
    session.hub.open_sockets(client).iter().any(came)
}
