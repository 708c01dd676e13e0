//! The real binary in a pseudo-terminal, under a shell as at home: what is on the glass, what the line
//! discipline is set to, and what is left when the program has gone.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its part of this")]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use tempfile::TempDir;

use super::support::patience;

/// The shell writes down who becomes the program, and afterwards how it ended; then it waits, so that
/// the terminal stays as the program left it.
const SHELL: &str = r#"sh -c 'echo $$ > "$STATE/pid"; exec "$@"' sh "$@"; echo "<ended $?>"; read -r line"#;

/// A program in a terminal.
pub struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    // While it is held open, the terminal's settings outlive the program.
    _slave: Box<dyn SlavePty + Send>,
    writer: Box<dyn Write + Send>,
    shell: Box<dyn portable_pty::Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    state: TempDir,
    /// Everything it wrote.
    pub output: Vec<u8>,
    began: Instant,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Pty {
    /// sockscope with these arguments.
    pub fn sockscope(columns: u16, rows: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::run(env!("CARGO_BIN_EXE_sockscope").into(), columns, rows, args, env)
    }

    /// Another program.
    pub fn run(program: PathBuf, columns: u16, rows: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let state = TempDir::new().unwrap();
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", SHELL, "sh"]);
        command.arg(program);
        command.args(args.iter().map(OsString::from));
        for unwanted in ["NO_COLOR", "COLORTERM", "COLORFGBG"] {
            command.env_remove(unwanted);
        }
        command.env("TERM", "xterm-256color");
        command.env("STATE", state.path());
        command.env("SOCKSCOPE_STATE", state.path());
        for (name, value) in env {
            command.env(name, value);
        }
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        // A test that does not look holds the program up, as a terminal does whose connection hangs.
        let (tx, bytes) = sync_channel(1);
        std::thread::spawn(move || {
            let mut buffer = [0; 4 << 10];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if tx.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let shell = pair.slave.spawn_command(command).unwrap();
        Self {
            master: Some(pair.master),
            _slave: pair.slave,
            writer,
            shell,
            bytes,
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            state,
            output: Vec::new(),
            began,
        }
    }

    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// One row as it stands, blanks included.
    pub fn row(&self, y: u16) -> String {
        let (_, columns) = self.parser.screen().size();
        self.parser.screen().rows(0, columns.get()).nth(usize::from(y)).unwrap_or_default()
    }

    /// The character in a cell.
    pub fn cell(&self, x: u16, y: u16) -> String {
        self.parser.screen().cell(y, x).map(|cell| cell.contents().to_owned()).unwrap_or_default()
    }

    /// Alternate screen, hidden cursor, bracketed paste: whether the terminal is taken.
    pub fn modes(&self) -> (bool, bool, bool) {
        let screen = self.parser.screen();
        (screen.alternate_screen(), screen.hide_cursor(), screen.bracketed_paste())
    }

    /// The line discipline's settings, in words that can be compared.
    pub fn settings(&self) -> String {
        format!("{:?}", self.master.as_ref().unwrap().get_termios().unwrap())
    }

    pub fn since_start(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.set_size(cells(rows), cells(columns));
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// Takes in what was written, or lets a little time pass.
    fn pump(&mut self) {
        match self.bytes.recv_timeout(Duration::from_millis(20)) {
            Ok(bytes) => {
                self.parser.process(&bytes);
                self.output.extend(bytes);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }

    pub fn until(&mut self, what: &str, mut good: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + patience();
        while !good(self) {
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.screen());
            self.pump();
        }
    }

    pub fn wait_for(&mut self, text: &str) {
        self.until(&format!("\"{text}\" on the screen"), |pty| pty.screen().contains(text));
    }

    /// Waits until the program is gone; its exit code as the shell saw it.
    pub fn ended(&mut self) -> u8 {
        self.wait_for("<ended ");
        self.until("the exit code", |pty| pty.code().is_some());
        self.code().unwrap()
    }

    fn code(&self) -> Option<u8> {
        let screen = self.screen();
        screen.split_once("<ended ")?.1.split_once('>')?.0.parse().ok()
    }

    /// The program's process.
    pub fn pid(&mut self) -> u32 {
        let path = self.state.path().join("pid");
        let mut pid = None;
        self.until("the program's pid", |_| {
            pid = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            pid.is_some()
        });
        pid.unwrap()
    }

    pub fn signal(&mut self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap().success());
    }

    /// The process's state as ps(1) writes it: `S`, `T`; none when it is gone.
    pub fn process(&mut self) -> Option<String> {
        let pid = self.pid().to_string();
        let out = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().unwrap();
        let state = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        (!state.is_empty() && !state.starts_with('Z')).then_some(state)
    }

    /// As when somebody closes the window.
    pub fn close(&mut self) {
        // The reader has the terminal open too: it goes when it has something to pass on and cannot.
        self.bytes = channel().1;
        self.press("?");
        self.writer = Box::new(std::io::sink());
        self.master = None;
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The shell waits for a line; whatever still runs below it must not outlive the test.
        if let Ok(pid) = std::fs::read_to_string(self.state.path().join("pid")) {
            let _ = Command::new("sh").args(["-c", "kill -9 \"$0\" 2>/dev/null", pid.trim()]).status();
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
