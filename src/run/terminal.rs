//! The terminal: taken over, given back after every way to end, and its keys as the app knows them.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use futures_util::{Stream, StreamExt};
use ratatui::backend::{Backend, CrosstermBackend, TestBackend};

use crate::app::Key;
use crate::model::base64;

/// What comes from the person's side.
#[derive(Clone, Debug)]
pub enum Input {
    Key(Key),
    Paste(String),
    /// The terminal has another size, or may show anything (after `fg`): draw it whole.
    Redraw,
    /// The terminal is gone, or its events cannot be read.
    Gone,
}

/// A backend that can also do what a whole program needs of a terminal.
pub trait Canvas: Backend {
    /// Around one frame, so that a terminal that can shows it at once.
    fn begin(&mut self) {}
    fn end(&mut self) {}
    /// Hands the terminal to the shell and stops; returns when it is ours again.
    fn suspend(&mut self) {}
    /// Puts a text on the terminal's clipboard, if it has one and lets us.
    fn copy(&mut self, _text: &str) {}
}

/// What terminals take in one sequence: hterm's and tmux's bound for the text, before base64.
const CLIPBOARD: usize = 74_994;

/// Whether a text can be put on a clipboard.
pub fn fits_clipboard(text: &str) -> bool {
    text.len() <= CLIPBOARD
}

/// OSC 52 (xterm's control sequences): base64, so that nothing in it acts on the terminal.
fn clipboard(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", base64::encode(text.as_bytes()))
}

impl Canvas for TestBackend {}

/// Standard output that lets a frame go in one piece: a terminal that reads while it is being written
/// would show half of it. What was not flushed is never written, least of all over a shell.
#[derive(Default)]
pub struct Page(Vec<u8>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let written = out.write_all(&self.0).and_then(|()| out.flush());
        self.0.clear();
        written
    }
}

impl Canvas for CrosstermBackend<Page> {
    // A terminal that is gone is noticed by the draw itself.
    fn begin(&mut self) {
        let _ = queue!(self, BeginSynchronizedUpdate);
    }

    fn end(&mut self) {
        let _ = execute!(self, EndSynchronizedUpdate);
    }

    fn copy(&mut self, text: &str) {
        if fits_clipboard(text) {
            let _ = write!(self, "{}", clipboard(text)).and_then(|()| Write::flush(self));
        }
    }

    fn suspend(&mut self) {
        restore();
        #[cfg(unix)]
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
        let _ = take();
    }
}

/// Whether the screen is ours now: `restore` is called from a panic hook, a drop and a signal, and
/// undoes things once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal is ours while this lives.
pub struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal over. Also arranges that a panic gives it back before it speaks, and that a panic
/// of a worker, which is a line on a timeline, does not write over the screen.
///
/// # Errors
/// Standard output is no terminal, or it cannot be set up; a sentence.
pub fn hold() -> Result<Held, String> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err("standard input and output are not a terminal: use --headless for events as JSON lines".into());
    }
    let speak = std::panic::take_hook();
    let main = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main {
            restore();
            speak(info);
        }
    }));
    take().map_err(|error| format!("cannot set up the terminal: {error}"))?;
    Ok(Held)
}

fn take() -> io::Result<()> {
    TAKEN.store(true, SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back as it was. Does nothing the second time.
pub fn restore() {
    if TAKEN.swap(false, SeqCst) {
        // Nothing can be done about a terminal that is gone.
        let _ =
            execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// The terminal's events as input.
pub fn input() -> impl Stream<Item = Input> + Unpin {
    EventStream::new().filter_map(|event| {
        std::future::ready(match event {
            Ok(Event::Key(key)) => translate(key).map(Input::Key),
            Ok(Event::Paste(text)) => Some(Input::Paste(text)),
            Ok(Event::Resize(..)) => Some(Input::Redraw),
            Ok(_) => None,
            Err(_) => Some(Input::Gone),
        })
    })
}

/// A key press as the app knows it; releases and keys we have no name for are nothing.
fn translate(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    Some(match event.code {
        KeyCode::Char(c) if ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt => Key::Alt(c),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter if alt || shift => Key::AltEnter,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if shift => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left if ctrl => Key::CtrlLeft,
        KeyCode::Left => Key::Left,
        KeyCode::Right if ctrl => Key::CtrlRight,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_one_sequence_of_letters() {
        assert_eq!(clipboard("a\x1b]b"), "\x1b]52;c;YRtdYg==\x07");
        assert!(fits_clipboard(&"x".repeat(CLIPBOARD)) && !fits_clipboard(&"x".repeat(CLIPBOARD + 1)));
    }

    #[test]
    fn keys_arrive_under_their_names() {
        let press = |code, modifiers| translate(KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('X'), KeyModifiers::SHIFT), Some(Key::Char('X')));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Ctrl('c')));
        assert_eq!(press(KeyCode::Enter, KeyModifiers::ALT), Some(Key::AltEnter));
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Key::BackTab));
        let release = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE) };
        assert_eq!(translate(release), None);
    }
}
