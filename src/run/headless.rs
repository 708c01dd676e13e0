//! `--headless`: the same session without a screen. Events leave as JSON lines on stdout, commands come
//! as JSON lines on stdin; `docs/headless.md` is the contract.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cli::exit;
use super::jsonl::{self, About, Asked, Command, Follower};
use super::session::{Session, load_file};
use crate::app::{Effect, Target};
use crate::model::draft::Rejection;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::setting::{self, Live};
use crate::model::url::Scheme;
use crate::model::view::{Query, State};
use crate::net::Command as Order;

/// Commands that wait: whoever writes faster is held back by the pipe.
const COMMANDS: usize = 32;

/// Why it ended.
enum Done {
    Asked,
    /// Nobody reads stdout any more.
    Deaf,
    NothingStarted,
}

/// Runs until `quit`, a signal, or the reader of stdout goes. Returns the exit code.
pub async fn run(session: Arc<Session>, shutdown: CancellationToken, mut out: impl Write) -> u8 {
    let mut commands = listen_to(io::BufReader::new(io::stdin()));
    let mut follower = Follower::default();
    let done = match writeln!(out, "{}", jsonl::hello_line()) {
        Ok(()) => talk(&session, &shutdown, &mut commands, &mut follower, &mut out).await,
        Err(_) => Done::Deaf,
    };
    session.endpoints.shutdown().await;
    // The last words of every socket; a reader that is gone does not want them.
    let _ = follower.drain(&session.hub, &mut out).and_then(|_| out.flush());
    match done {
        Done::Asked | Done::Deaf => exit::DONE,
        Done::NothingStarted => exit::NOTHING_STARTED,
    }
}

async fn talk(
    session: &Arc<Session>,
    shutdown: &CancellationToken,
    commands: &mut mpsc::Receiver<String>,
    follower: &mut Follower,
    out: &mut impl Write,
) -> Done {
    let mut started = false;
    let mut asking = true;
    loop {
        // A flood rings the bell without end: whoever else is on this thread gets a turn.
        tokio::task::yield_now().await;
        session.endpoints.heed_clock();
        // What a command did is on the timelines before the next one is read.
        if follower.drain(&session.hub, out).and_then(|_| out.flush()).is_err() {
            return Done::Deaf;
        }
        if !started {
            match outcome(session) {
                Some(true) => started = true,
                Some(false) => return Done::NothingStarted,
                None => {}
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Done::Asked,
            line = commands.recv(), if asking => {
                let Some(line) = line else {
                    // The end of stdin is no wish to stop: a service has none to begin with.
                    asking = false;
                    continue;
                };
                match answer(session, follower, &line, out).await {
                    Ok(false) => {}
                    Ok(true) => return Done::Asked,
                    Err(_) => return Done::Deaf,
                }
            }
            () = session.hub.changed() => {}
        }
    }
}

/// Whether any endpoint has started, once all have tried.
fn outcome(session: &Session) -> Option<bool> {
    let states = session.hub.states();
    if states.contains(&State::Up) || states.is_empty() {
        return Some(true);
    }
    states.iter().all(|state| *state != State::Starting).then_some(false)
}

/// Carries out one line, and answers it. Whether it was the wish to quit.
async fn answer(session: &Arc<Session>, follower: &mut Follower, line: &str, out: &mut impl Write) -> io::Result<bool> {
    if line.trim().is_empty() {
        return Ok(false);
    }
    let Asked { id, command } = jsonl::read(line);
    let id = id.as_ref();
    let command = match command {
        Ok(command) => command,
        Err(reason) => {
            writeln!(out, "{}", jsonl::error_line(id, &reason, line))?;
            return Ok(false);
        }
    };
    let quit = command == Command::Quit;
    let restarted = restarts(session, &command);
    let outcome = match command {
        Command::Count(subject) => {
            let counted = count(session, subject);
            // Counting has taken in what changed: it is written from here.
            follower.sweep(&session.hub, out)?;
            counted
                .and_then(|line| writeln!(out, "{line}").map(|()| None).map_err(|error| Rejection(error.to_string())))
        }
        Command::Curl { socket, exchange } => {
            session.curl(socket, exchange).and_then(|command| tell(out, &jsonl::curl_line(socket, exchange, &command)))
        }
        Command::Details(subject) => details(session, subject)
            .and_then(|line| writeln!(out, "{line}").map(|()| None).map_err(|error| Rejection(error.to_string()))),
        Command::Messages(look) => messages(session, &look).and_then(|lines| {
            let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
            written.map(|()| None).map_err(|error| Rejection(error.to_string()))
        }),
        command => {
            if let Command::Remove(_) = command {
                // What is removed cannot be read any more.
                follower.drain(&session.hub, out)?;
            }
            perform(session, command).await
        }
    };
    match outcome {
        Ok(made) => writeln!(out, "{}", jsonl::done_line(id, made, restarted))?,
        Err(rejection) => writeln!(out, "{}", jsonl::refused_line(id, &rejection.0))?,
    }
    Ok(quit)
}

/// Whether a command starts an endpoint again that runs, besides what it was given for.
fn restarts(session: &Session, command: &Command) -> bool {
    let Command::Set { subject: Subject::Endpoint(id), name, .. } = command else { return false };
    setting::find(name).is_some_and(|row| row.live == Live::Restart) && session.hub.is_running(*id)
}

async fn perform(session: &Arc<Session>, command: Command) -> Result<Option<EndpointId>, Rejection> {
    let effect = match command {
        Command::Send { to, draft } => {
            // First what it is: a file's bytes are a binary message, whatever is in it.
            let draft = load_file(jsonl::suit(draft, scheme_of(session, &to)?)?).await?;
            return session.send(&to, &draft).map(|_| None);
        }
        Command::Answer { to, steps } => return session.answer(&to, &steps).map(|_| None),
        Command::Open(spec) => return Ok(Some(session.open(*spec))),
        Command::End(subject) => return each(session, subject, || Order::End),
        Command::Close(subject) => return each(session, subject, || Order::Close),
        Command::Reset(subject) => return each(session, subject, || Order::Reset),
        Command::Starttls(subject) => return each(session, subject, || Order::Starttls),
        Command::Start(id) => Effect::Start(id),
        Command::Stop(id) => Effect::Stop(id),
        Command::Remove(id) => Effect::Remove(id),
        Command::Set { subject, name, value } => {
            let id = match subject {
                Subject::Endpoint(id) => id,
                Subject::Socket(id) => session.hub.endpoint_of(id).ok_or_else(|| no_socket(id))?,
            };
            let spec = session.endpoints.spec(id).ok_or_else(|| no_endpoint(id))?;
            let row = setting::look_up(&name, spec.role, spec.scheme()).map_err(Rejection)?;
            Effect::Set { subject, changes: vec![(row, value)] }
        }
        Command::Count(_) | Command::Details(_) | Command::Messages(_) | Command::Curl { .. } | Command::Quit => {
            return Ok(None);
        }
    };
    session.perform(effect).map(|_| None)
}

fn scheme_of(session: &Session, to: &Target) -> Result<Scheme, Rejection> {
    match to {
        Target::Socket(id) | Target::Exchange(id, _) => {
            session.hub.state_of(*id).map(|(scheme, _)| scheme).ok_or_else(|| no_socket(*id))
        }
        Target::These(ids) => match ids.as_slice() {
            [] => Err(Rejection("\"sockets\" is empty: give some, such as [3,5]".into())),
            [first, ..] => scheme_of(session, &Target::Socket(*first)),
        },
        Target::All(id) | Target::Matching(id, _) | Target::Address(id, _) => {
            session.endpoints.spec(*id).map(|spec| spec.scheme()).ok_or_else(|| no_endpoint(*id))
        }
    }
}

fn no_socket(id: SocketId) -> Rejection {
    Rejection(format!("there is no socket {id}"))
}

fn no_endpoint(id: EndpointId) -> Rejection {
    Rejection(format!("there is no endpoint {id}"))
}

/// An order for one socket, or for all open ones of an endpoint.
fn each(session: &Session, subject: Subject, order: impl Fn() -> Order) -> Result<Option<EndpointId>, Rejection> {
    let sockets = match subject {
        Subject::Socket(id) => vec![id],
        Subject::Endpoint(id) => session.hub.open_sockets(id),
    };
    if sockets.is_empty() {
        return Err(Rejection("it has no open socket".into()));
    }
    sockets.into_iter().try_for_each(|id| session.endpoints.command(id, order())).map(|()| None)
}

/// A line that is the answer itself.
fn tell(out: &mut impl Write, line: &str) -> Result<Option<EndpointId>, Rejection> {
    writeln!(out, "{line}").map(|()| None).map_err(|error| Rejection(error.to_string()))
}

/// The line of a subject's settings and state.
fn details(session: &Session, subject: Subject) -> Result<String, Rejection> {
    let (spec, found) = match subject {
        Subject::Endpoint(id) => (session.hub.spec(id), no_endpoint(id)),
        Subject::Socket(id) => {
            (session.hub.endpoint_of(id).and_then(|endpoint| session.hub.spec(endpoint)), no_socket(id))
        }
    };
    let (spec, (settings, groups)) = spec.zip(session.hub.details(subject)).ok_or(found)?;
    let own = matches!(subject, Subject::Socket(_));
    let rows = setting::fitting(spec.role, spec.scheme()).filter(|row| !own || row.is_a_sockets(spec.scheme()));
    let settings: Vec<_> = rows.map(|row| (row.name, (row.get)(&settings))).collect();
    let clock = session.hub.clock();
    let now = i64::try_from(clock.wall().unix(clock.now()) / 1_000_000_000).unwrap_or(i64::MAX);
    let handshake = session.hub.handshake(subject).map(|handshake| jsonl::handshake(&handshake, now));
    Ok(jsonl::details_line(subject, &settings, &groups, &session.hub.series(subject), handshake))
}

/// A line for each message of a socket.
fn messages(session: &Session, look: &jsonl::Look) -> Result<Vec<String>, Rejection> {
    let found = session.hub.messages(look.socket, look.framing.clone(), look.from, look.events);
    let (framing, messages) = found.ok_or_else(|| no_socket(look.socket))?;
    if framing.is_none() {
        return Err(Rejection("no framing is set on it: set one, or give \"framing\", such as \"line\"".into()));
    }
    let wanted = messages.iter().filter(|message| look.way.is_none_or(|way| way == message.way));
    Ok(wanted.map(|message| jsonl::message_line(look.socket, &framing, message)).collect())
}

/// The counters' line.
fn count(session: &Session, subject: Option<Subject>) -> Result<String, Rejection> {
    let snapshot = session.hub.snapshot(&Query { subject, ..Query::default() });
    match subject {
        None => Ok(jsonl::count_line(About::All, &snapshot.count, Some(snapshot.open), true)),
        Some(Subject::Endpoint(id)) => {
            let row = snapshot.endpoint(id).ok_or_else(|| no_endpoint(id))?;
            Ok(jsonl::count_line(About::Subject(id.into()), &row.count, Some(row.open), true))
        }
        Some(Subject::Socket(id)) => {
            let row = snapshot.socket.as_ref().ok_or_else(|| no_socket(id))?;
            Ok(jsonl::count_line(About::Subject(id.into()), &row.count, None, row.packets_known))
        }
    }
}

/// Lines of stdin, read by a thread of its own: a read that waits cannot be cancelled, and the runtime
/// must not wait for it at the end.
fn listen_to(mut source: impl BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel(COMMANDS);
    std::thread::spawn(move || {
        loop {
            let mut line = Vec::new();
            // A little more than a command may have: the rest of a longer line is read as a line of its
            // own, and refused like it.
            let limit = jsonl::MOST_LINE as u64 + 2;
            match (&mut source).take(limit).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if tx.blocking_send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    rx
}
