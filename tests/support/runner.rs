//! The whole dashboard without a terminal: keys in, screen text out, real loopback below.
//!
//! The dashboard runs as a task beside the test and draws on a [`Glass`], which shows each whole frame
//! to the test. Keys are answered by a frame before the next word is pressed, as they are for a person.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::layout::{Position, Size};
use sockscope::app::{App, Key};
use sockscope::model::draft::Draft;
use sockscope::model::spec::{Limits, Settings, Spec};
use sockscope::model::url::{Role, Url};
use sockscope::model::view::{Query, State};
use sockscope::run::dashboard::{Dashboard, Fatal};
use sockscope::run::session::Session;
use sockscope::run::terminal::{Canvas, Input};
use sockscope::screen::Theme;
use sockscope::screen::theme::Depth;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{identity, patience};

/// Keys that wait for the dashboard: a word at a time is pressed.
const KEYS: usize = 256;

/// A whole frame, as it stands on the glass.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub buffer: Buffer,
    pub cursor: Option<Position>,
    /// Frames so far.
    pub frames: u64,
    /// Keys that had been read when it was drawn.
    pub keys: u64,
}

impl Shown {
    /// The rows as a terminal shows them: what lies under the second half of a wide character is not text.
    pub fn rows(&self) -> Vec<String> {
        let width = usize::from(self.buffer.area.width).max(1);
        self.buffer.content.chunks(width).map(row).collect()
    }

    pub fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// The style of the first cell of the first place where `text` stands.
    pub fn style_of(&self, text: &str) -> Option<ratatui::style::Style> {
        let rows = self.rows();
        let (y, at) = rows.iter().enumerate().find_map(|(y, row)| Some((y, row.find(text)?)))?;
        let x = rows[y][..at].cell_width();
        self.buffer.cell((x, u16::try_from(y).ok()?)).map(Cell::style)
    }
}

fn row(cells: &[Cell]) -> String {
    let mut text = String::new();
    let mut covered = 0;
    for cell in cells {
        if covered > 0 {
            covered -= 1;
            continue;
        }
        text.push_str(cell.symbol());
        covered = cell.symbol().cell_width().saturating_sub(1);
    }
    text
}

/// A terminal that shows whole frames to whoever watches.
pub struct Glass {
    inner: TestBackend,
    shown: watch::Sender<Shown>,
    keys: Arc<AtomicU64>,
}

impl Glass {
    /// `keys` counts what the dashboard has read.
    pub fn new(columns: u16, rows: u16, keys: Arc<AtomicU64>) -> (Self, watch::Receiver<Shown>) {
        let (shown, watching) = watch::channel(Shown::default());
        (Self { inner: TestBackend::new(columns, rows), shown, keys }, watching)
    }
}

impl Backend for Glass {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Infallible> {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.inner.clear()
    }

    fn clear_region(&mut self, what: ClearType) -> Result<(), Infallible> {
        self.inner.clear_region(what)
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.inner.flush()
    }
}

impl Canvas for Glass {
    fn end(&mut self) {
        let buffer = self.inner.buffer().clone();
        let cursor = self.inner.cursor_visible().then(|| self.inner.cursor_position());
        let keys = self.keys.load(Relaxed);
        self.shown.send_modify(|shown| *shown = Shown { buffer, cursor, frames: shown.frames + 1, keys });
    }
}

/// What is to be run, before it runs.
pub struct Stage {
    size: (u16, u16),
    limits: Limits,
    specs: Vec<Spec>,
    history: Vec<Draft>,
}

/// A person at a running dashboard.
pub struct Runner {
    pub session: Arc<Session>,
    /// Keys and certificates of this run alone.
    pub store: tempfile::TempDir,
    input: mpsc::Sender<Input>,
    /// Keys sent so far.
    sent: u64,
    shown: watch::Receiver<Shown>,
    tasks: JoinSet<Result<Dashboard<Glass>, Fatal>>,
}

impl Runner {
    #[expect(clippy::new_ret_no_self, reason = "a runner begins as the stage it is set on")]
    pub fn new(columns: u16, rows: u16) -> Stage {
        Stage { size: (columns, rows), limits: Limits::default(), specs: Vec::new(), history: Vec::new() }
    }
}

impl Stage {
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    #[must_use]
    pub fn history(self, history: Vec<Draft>) -> Self {
        Self { history, ..self }
    }

    #[must_use]
    pub fn listen(self, url: &str) -> Self {
        self.listen_with(url, Settings::default())
    }

    #[must_use]
    pub fn listen_with(self, url: &str, settings: Settings) -> Self {
        self.spec(Role::Listen, url, settings)
    }

    #[must_use]
    pub fn connect(self, url: &str) -> Self {
        self.spec(Role::Connect, url, Settings::default())
    }

    fn spec(mut self, role: Role, url: &str, settings: Settings) -> Self {
        self.specs.push(Spec { role, url: Url::parse(url, role).unwrap(), settings });
        self
    }

    /// Opens the endpoints, and waits until none is starting any more and the first frame is there.
    pub async fn start(self) -> Runner {
        let store = tempfile::tempdir().unwrap();
        let session = Arc::new(Session::with_identity(self.limits, identity()).with_store(store.path()));
        for spec in self.specs {
            session.open(spec);
        }
        let read = Arc::new(AtomicU64::new(0));
        let (glass, shown) = Glass::new(self.size.0, self.size.1, Arc::clone(&read));
        let (input, mut keys) = mpsc::channel(KEYS);
        let next = futures_util::stream::poll_fn(move |cx| {
            let next = keys.poll_recv(cx);
            read.fetch_add(u64::from(matches!(next, Poll::Ready(Some(_)))), Relaxed);
            next
        });
        let dashboard = Dashboard {
            terminal: Terminal::new(glass).unwrap(),
            session: Arc::clone(&session),
            app: App::new(self.history),
            theme: Theme::new(Depth::Ansi16),
            history: None,
            shutdown: CancellationToken::new(),
            frames: 0,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(dashboard.run(next));
        let mut runner = Runner { session, store, input, sent: 0, shown, tasks };
        let session = Arc::clone(&runner.session);
        let settled = move |_: &Shown| session.hub.states().iter().all(|state| *state != State::Starting);
        runner.until("the endpoints have started", settled).await;
        // A frame that was drawn after that.
        runner.redraw().await;
        runner
    }
}

impl Runner {
    /// Words separated by spaces, a frame after each: names of keys (`Enter`, `^r`, `Up`), else typed.
    pub async fn keys(&mut self, words: &str) -> &mut Self {
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            for key in named(word) {
                self.send(Input::Key(key)).await;
            }
            self.settle().await;
        }
        self
    }

    pub async fn key(&mut self, key: Key) -> &mut Self {
        self.send(Input::Key(key)).await;
        self.settle().await;
        self
    }

    /// Types a text as it is.
    pub async fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Input::Key(Key::Char(c))).await;
        }
        self.settle().await;
        self
    }

    pub async fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Input::Paste(text.into())).await;
        self.settle().await;
        self
    }

    /// As after a resize: everything is drawn again.
    pub async fn redraw(&mut self) -> &mut Self {
        self.send(Input::Redraw).await;
        self.settle().await;
        self
    }

    /// Waits until the screen says so.
    pub async fn wait_for(&mut self, text: impl Display) -> &mut Self {
        let text = text.to_string();
        self.until(&format!("\"{text}\" on the screen"), |shown| shown.text().contains(&text)).await;
        self
    }

    /// Waits until the screen says it no more.
    pub async fn wait_gone(&mut self, text: impl Display) -> &mut Self {
        let text = text.to_string();
        self.until(&format!("\"{text}\" is gone"), |shown| !shown.text().contains(&text)).await;
        self
    }

    /// Waits for one row that holds all of these, in this order.
    pub async fn wait_row(&mut self, words: &[&str]) -> &mut Self {
        self.until(&format!("a row with {words:?}"), |shown| shown.rows().iter().any(|row| holds(row, words))).await;
        self
    }

    /// Waits for a frame that is as it should be; on failure prints the last one.
    pub async fn until(&mut self, what: &str, good: impl Fn(&Shown) -> bool) {
        let input = self.input.clone();
        let shown = self.shown.wait_for(|shown| shown.frames > 0 && good(shown));
        let failure = tokio::select! {
            biased;
            shown = shown => shown.err().map(|_| "the dashboard is gone before"),
            () = input.closed() => Some("the dashboard ended before"),
            () = tokio::time::sleep(patience()) => Some("not in time"),
        };
        if let Some(failure) = failure {
            panic!("{failure}: {what}\n{}", self.screen());
        }
    }

    /// Waits for something beside the screen.
    pub async fn eventually(&mut self, what: &str, mut good: impl FnMut(&Session) -> bool) {
        let deadline = Instant::now() + patience();
        while !good(&self.session) {
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.screen());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// The last frame as text.
    pub fn screen(&self) -> String {
        self.shown.borrow().text()
    }

    pub fn frames(&self) -> u64 {
        self.shown.borrow().frames
    }

    /// The nth endpoint's address.
    pub fn address(&self, n: usize) -> SocketAddr {
        self.session.hub.snapshot(&Query::default()).endpoints[n].local.unwrap()
    }

    /// Quits from wherever one is, ends the session as the program does, and gives back what ran.
    pub async fn quit(mut self) -> Dashboard<Glass> {
        self.send(Input::Key(Key::Ctrl('c'))).await;
        let session = Arc::clone(&self.session);
        let ended = self.done().await;
        session.endpoints.shutdown().await;
        ended
    }

    /// Waits for the end.
    pub async fn done(mut self) -> Dashboard<Glass> {
        match tokio::time::timeout(patience(), self.tasks.join_next()).await {
            Ok(Some(ended)) => ended.unwrap().unwrap(),
            Ok(None) => unreachable!("it is joined once"),
            Err(_) => panic!("it has not ended\n{}", self.screen()),
        }
    }

    pub async fn send(&mut self, input: Input) {
        self.sent += 1;
        // Who has quit reads no more keys.
        let _ = self.input.send(input).await;
    }

    /// Waits for a frame that was drawn after everything that was sent, or for the end.
    pub async fn settle(&mut self) {
        let sent = self.sent;
        let input = self.input.clone();
        let is_late = tokio::select! {
            _ = self.shown.wait_for(|shown| shown.keys >= sent) => false,
            () = input.closed() => false,
            () = tokio::time::sleep(patience()) => true,
        };
        assert!(!is_late, "no frame after a key\n{}", self.screen());
    }
}

/// Whether the words stand in the row in this order.
fn holds(row: &str, words: &[&str]) -> bool {
    words.iter().try_fold(row, |rest, word| rest.split_once(word).map(|(_, rest)| rest)).is_some()
}

fn named(word: &str) -> Vec<Key> {
    let one = match word {
        "Enter" => Key::Enter,
        "AltEnter" => Key::AltEnter,
        "Esc" => Key::Esc,
        "Tab" => Key::Tab,
        "BackTab" => Key::BackTab,
        "Space" => Key::Char(' '),
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "PageUp" => Key::PageUp,
        "PageDown" => Key::PageDown,
        "Home" => Key::Home,
        "End" => Key::End,
        "Backspace" => Key::Backspace,
        _ => match word.strip_prefix('^') {
            Some(letter) => return letter.chars().map(Key::Ctrl).collect(),
            None => return word.chars().map(Key::Char).collect(),
        },
    };
    vec![one]
}
