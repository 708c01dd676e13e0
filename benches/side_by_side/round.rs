//! Rounds: server up, load, server down, the two sides in turn.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::bare::BODY;
use crate::choice::Choice;
use crate::load::Outcome;
use crate::loads::{IDLE, LOADS, Load};
use crate::{Res, machine, table};

/// Who serves.
#[derive(Clone, Copy)]
enum Side<'a> {
    Bare,
    Watched,
    Screen,
    /// A shell command.
    Peer(&'a str),
}

/// A server that runs.
enum Server {
    Process(Child),
    /// With its terminal, which is there as long as it runs.
    Screen(Box<dyn portable_pty::Child + Send + Sync>, #[allow(dead_code)] Box<dyn MasterPty + Send>),
}

impl Server {
    fn id(&self) -> i32 {
        let id = match self {
            Self::Process(child) => Some(child.id()),
            Self::Screen(child, _) => child.process_id(),
        };
        id.and_then(|id| i32::try_from(id).ok()).unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self {
            Self::Process(child) => {
                // Its group: a tool with a process for each connection leaves none behind.
                let group = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
                let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
                let _ = child.wait();
            }
            Self::Screen(child, _) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

pub fn all(choice: &Choice) -> Res<()> {
    let meets = |load: &Load, word: &str| if choice.exact { load.name == word } else { load.name.contains(word) };
    let wanted = |load: &&Load| choice.only.is_empty() || choice.only.iter().any(|word| meets(load, word));
    let (name, side) = match (&choice.peer, choice.screen) {
        (Some(peer), _) => {
            let (name, command) = peer.split_once('=').ok_or("a peer is NAME=COMMAND")?;
            (name, Side::Peer(command))
        }
        (None, true) => ("sockscope, drawing", Side::Screen),
        (None, false) => ("sockscope", Side::Watched),
    };
    if !choice.rows {
        println!(
            "{}, {} s x {} pairs, load average {}\n",
            machine::name(),
            choice.seconds,
            choice.rounds,
            machine::busy()
        );
    }
    let loads: Vec<_> = LOADS.iter().filter(wanted).collect();
    if !loads.is_empty() && !choice.rows {
        println!("{}", table::HEAD);
    }
    for load in loads {
        let mut pairs = Vec::new();
        for _ in 0..choice.rounds {
            pairs.push((once(load, Side::Bare, choice.seconds)?, once(load, side, choice.seconds)?));
        }
        println!("{}", table::row(load, name, &pairs));
    }
    let idle: Vec<_> = IDLE.iter().filter(wanted).collect();
    if !idle.is_empty() && !choice.rows {
        println!("\n{}", table::IDLE_HEAD);
    }
    for load in idle {
        println!("{}", table::idle_row(load, name, once(load, Side::Bare, 0.0)?, once(load, side, 0.0)?));
    }
    Ok(())
}

/// One measurement, with processes of its own.
fn once(load: &Load, side: Side<'_>, seconds: f64) -> Res<Outcome> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let server = machine::pinned(true, || start(load, side, port))?;
    let output = machine::pinned(false, || {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["load", load.name, &port.to_string(), &server.id().to_string(), &seconds.to_string()]);
        Ok(command.stderr(Stdio::inherit()).output()?)
    })?;
    if !output.status.success() {
        return Err(format!("the load {} failed: {}", load.name, output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn start(load: &Load, side: Side<'_>, port: u16) -> Res<Server> {
    use std::os::unix::process::CommandExt;

    let mut command = match side {
        Side::Screen => return screen(load, port),
        Side::Bare => ourselves("bare", load.bare, port)?,
        Side::Watched => ourselves("watched", load.scheme, port)?,
        Side::Peer(line) => {
            let mut command = Command::new("sh");
            command.args(["-c", &line.replace("{port}", &port.to_string())]);
            command
        }
    };
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Ok(Server::Process(command.spawn()?))
}

fn ourselves(side: &str, server: &str, port: u16) -> Res<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", side, server, &port.to_string()]);
    Ok(command)
}

/// The program as a person runs it, at 120 x 40, looking at its first socket.
fn screen(load: &Load, port: u16) -> Res<Server> {
    let pair = native_pty_system().openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 })?;
    let config = std::env::temp_dir().join(format!("side_by_side-{}.toml", std::process::id()));
    let reply =
        if load.scheme.starts_with("http") { format!("reply = {{ text = {BODY:?} }}\n") } else { String::new() };
    let url = format!("{}://127.0.0.1:{port}", load.scheme);
    std::fs::write(&config, format!("[[endpoint]]\nlisten = {url:?}\n{reply}"))?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args([std::ffi::OsStr::new("--config"), config.as_os_str()]);
    command.env("TERM", "xterm-256color");
    let child = pair.slave.spawn_command(command)?;
    let mut output = pair.master.try_clone_reader()?;
    // A terminal that never reads would hold up the frames.
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while output.read(&mut buffer).is_ok_and(|size| size > 0) {}
    });
    Ok(Server::Screen(child, pair.master))
}
