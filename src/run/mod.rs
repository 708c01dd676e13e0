//! The only place where layers meet: the command line, configuration, the faces, and the way to the end.

pub mod cert;
pub mod cli;
pub mod config;
pub mod dashboard;
pub mod demo;
pub mod headless;
pub mod history;
pub mod jsonl;
#[doc(hidden)]
pub mod noise;
pub mod session;
pub mod terminal;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio_util::sync::CancellationToken;

use self::cli::{Cli, Mode, Plan, exit};
use self::dashboard::Dashboard;
use self::history::History;
use self::session::Session;
use crate::app::{App, Msg};
use crate::net::tls;
use crate::pki::Store;
use crate::screen::theme::{Depth, Ground, Theme};

/// How long a signal waits for an orderly end: well above what endpoints are given.
const LAST_CALL: Duration = Duration::from_secs(3);

/// The whole program, from arguments to exit code.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let args: Vec<_> = args.into_iter().collect();
    if args.get(1).is_some_and(|word| word == "cert") {
        return cert::main(args.into_iter().skip(2));
    }
    let cli = match Cli::read(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout, mistakes to stderr; nobody to tell if neither is there.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
        }
    };
    let plan = match cli.plan(|path| std::fs::read_to_string(path)) {
        Ok(plan) => plan,
        Err(reason) => return complain(&reason, exit::USAGE),
    };
    if plan.mode == Mode::PrintConfig {
        // A pipe that was closed early has what it wanted.
        let _ = io::stdout().write_all(config::DEFAULT.as_bytes());
        return exit::DONE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the runtime: {error}"), exit::BROKEN),
    };
    let code = runtime.block_on(start(plan));
    // A name that is being resolved cannot be cancelled; it is not waited for.
    runtime.shutdown_background();
    code
}

fn complain(reason: &str, code: u8) -> u8 {
    let _ = writeln!(io::stderr(), "sockscope: {reason}");
    code
}

async fn start(plan: Plan) -> u8 {
    let Plan { mode, endpoints, mut limits, demo, ca_file, keylog, store } = plan;
    // Before the terminal is taken: from there on no signal may end the program without giving it back.
    let asked = asked_to_end();
    // Taken first: without a terminal nothing should listen.
    let held = match mode {
        Mode::Screen => match terminal::hold() {
            Ok(held) => Some(held),
            Err(reason) => return complain(&reason, exit::BROKEN),
        },
        Mode::Headless | Mode::PrintConfig => None,
    };
    if mode == Mode::Headless {
        // Sockets that come and go between two looks are written whole before they are forgotten.
        limits.closed = limits.closed.max(10_000);
    }
    let store = store.unwrap_or_else(cert::folder);
    let identity = match tls::Identity::over(Store::at(&store)) {
        Ok(identity) => Arc::new(identity),
        Err(fault) => {
            drop(held);
            return complain(&format!("cannot make a certificate: {fault}"), exit::BROKEN);
        }
    };
    if let Some(path) = &ca_file
        && let Err(error) = std::fs::write(path, identity.ca_pem())
    {
        drop(held);
        return complain(&format!("cannot write the CA's certificate to {}: {error}", path.display()), exit::USAGE);
    }
    let session = Session::with_identity(limits, Arc::clone(&identity));
    let session = Arc::new(session.with_store(store));
    let environment = || std::env::var_os("SSLKEYLOGFILE").filter(|file| !file.is_empty()).map(Into::into);
    if let Some(file) = keylog.or_else(environment) {
        session.endpoints.log_keys(file);
    }
    for spec in endpoints {
        session.open(spec);
    }
    let shutdown = CancellationToken::new();
    // On the workers: a face that is busy, or waits for a slow reader, must not hold them up.
    session.endpoints.spawn(pass_on(asked, shutdown.clone()));
    if demo {
        session.endpoints.spawn(demo::play(Arc::clone(&session), identity, shutdown.clone()));
    }
    let (code, last_words) = face(mode, Arc::clone(&session), shutdown).await;
    session.endpoints.shutdown().await;
    drop(held);
    match last_words {
        Some(reason) => complain(&reason, code),
        None => code,
    }
}

/// What a person or a script has before them. The exit code, and what is to be said once the terminal is
/// back.
async fn face(mode: Mode, session: Arc<Session>, shutdown: CancellationToken) -> (u8, Option<String>) {
    match mode {
        Mode::Headless => (headless::run(session, shutdown, io::BufWriter::new(io::stdout())).await, None),
        Mode::Screen | Mode::PrintConfig => screen(session, shutdown).await,
    }
}

async fn screen(session: Arc<Session>, shutdown: CancellationToken) -> (u8, Option<String>) {
    let terminal = match Terminal::new(CrosstermBackend::new(terminal::Page::default())) {
        Ok(terminal) => terminal,
        Err(error) => return (exit::BROKEN, Some(format!("cannot draw on the terminal: {error}"))),
    };
    let (app, history) = remembered();
    let var = |name: &str| std::env::var(name).ok();
    let theme = Theme::on(Depth::detect(var), Ground::detect(var));
    let dashboard = Dashboard { terminal, session, app, theme, history, shutdown, frames: 0 };
    match dashboard.run(terminal::input()).await {
        Ok(dashboard) => {
            dashboard.leave();
            (exit::DONE, None)
        }
        Err(fatal) => (exit::BROKEN, Some(fatal.to_string())),
    }
}

/// The app with what earlier runs sent. A history that cannot be read is a notice, not an end.
fn remembered() -> (App, Option<History>) {
    let history = History::locate();
    let loaded = history.as_ref().map_or_else(|| Ok(history::Loaded::default()), History::load);
    let (drafts, trouble) = match loaded {
        Ok(loaded) => (loaded.drafts, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    let mut app = App::new(drafts);
    if let Some(text) = trouble {
        app.update(Msg::Notice { text, good: false });
    }
    (app, history)
}

/// The face ends in order.
async fn pass_on(asked: impl Future<Output = ()>, shutdown: CancellationToken) {
    asked.await;
    shutdown.cancel();
    tokio::time::sleep(LAST_CALL).await;
    // The face hangs in a write that nobody reads: there is nothing left to wait for.
    std::process::exit(i32::from(exit::DONE));
}

/// Catches the signals that end a program from now on; the future waits for one of them.
#[cfg(unix)]
fn asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal);
    async move {
        let [Ok(mut term), Ok(mut hangup), Ok(mut interrupt)] = kinds else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
