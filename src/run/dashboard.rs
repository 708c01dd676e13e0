//! The loop that shows a session to a person: input in, frames out, effects performed.
//!
//! ```text
//!   shutdown ---.
//!   frame due --+                        .--> perform(effects) --> results --.
//!   input ------+--> select! --> update -+                                   |
//!   results ----+        ^               '--> a frame is due                 |
//!   changed ----+        '---------------------------------------------------'
//!   heartbeat --'
//! ```
//!
//! A function of (terminal, input, session): a test passes a fake terminal and scripted keys, and gets
//! the app back to look inside.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::cert;
use super::history::History;
use super::session::{Session, has_files, load_file};
use super::terminal::{Canvas, Input, fits_clipboard};
use crate::app::{App, Effect, Msg, Target};
use crate::model::draft::{Draft, Rejection};
use crate::model::view::Snapshot;
use crate::model::workbench::{Outcome, Shelf, Told, Wish};
use crate::screen::{self, Theme};

/// At most 30 frames a second: more is not seen, and costs the endpoints.
const FRAME: Duration = Duration::from_millis(33);
/// Results of slow effects (files) that wait to be told; each waits for a person's key.
const RESULTS: usize = 32;

/// Why the loop could not go on: the terminal is gone.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error("the terminal cannot be written: {0}")]
    Draw(String),
    #[error("the terminal's input ended")]
    Gone,
}

/// What the loop works on.
pub struct Dashboard<B: Canvas> {
    pub terminal: Terminal<B>,
    pub session: Arc<Session>,
    pub app: App,
    pub theme: Theme,
    pub history: Option<History>,
    pub shutdown: CancellationToken,
    /// Frames drawn so far.
    pub frames: u64,
}

impl<B: Canvas> Dashboard<B> {
    /// Runs until the person quits or `shutdown` fires.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn run(mut self, input: impl Stream<Item = Input> + Unpin) -> Result<Self, Fatal> {
        match self.turn(input).await {
            Ok(()) => Ok(self),
            Err(fatal) => {
                self.leave();
                Err(fatal)
            }
        }
    }

    /// Lets the terminal go without a last word. Ratatui's own drop shows the cursor, and panics when it
    /// cannot even say that this failed; whoever took the terminal gives it back.
    pub fn leave(self) {
        std::mem::forget(self.terminal);
    }

    async fn turn(&mut self, mut input: impl Stream<Item = Input> + Unpin) -> Result<(), Fatal> {
        let (results_tx, mut results) = mpsc::channel(RESULTS);
        let session = Arc::clone(&self.session);
        let mut last = Instant::now().checked_sub(FRAME).unwrap_or_else(Instant::now);
        // When the next frame is due, if one is.
        let mut due = Some(last);
        let mut heartbeat: Option<Instant> = None;
        loop {
            let soon = || last + FRAME;
            tokio::select! {
                // In this order: stopping beats everything; a frame that is due is not starved by a flood of
                // keys or changes; keys come before what they might change.
                biased;
                () = self.shutdown.cancelled() => return Ok(()),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    heartbeat = self.frame()?.map(|next| Instant::now() + next.max(FRAME));
                    last = Instant::now();
                    due = None;
                }
                next = input.next() => {
                    let Some(next) = next else { return Err(Fatal::Gone) };
                    if self.take(next, &results_tx)? {
                        return Ok(());
                    }
                    due = due.or_else(|| Some(soon()));
                }
                Some(msg) = results.recv() => {
                    if self.update(msg, &results_tx) {
                        return Ok(());
                    }
                    due = due.or_else(|| Some(soon()));
                }
                // While a frame is due there is nothing to learn from more changes.
                () = session.hub.changed(), if due.is_none() => due = Some(soon()),
                () = sleep_until(heartbeat.unwrap_or_else(Instant::now)), if heartbeat.is_some() && due.is_none() => {
                    heartbeat = None;
                    due = Some(soon());
                }
            }
        }
    }

    fn take(&mut self, input: Input, results: &mpsc::Sender<Msg>) -> Result<bool, Fatal> {
        Ok(match input {
            Input::Key(key) => self.update(Msg::Key(key), results),
            Input::Paste(text) => self.update(Msg::Paste(text), results),
            Input::Redraw => {
                self.wipe()?;
                false
            }
            Input::Gone => return Err(Fatal::Gone),
        })
    }

    /// Forgets what is on the screen: the next frame is drawn whole. Not `Terminal::clear`, which asks the
    /// terminal where its cursor is and waits for an answer that comes as input.
    fn wipe(&mut self) -> Result<(), Fatal> {
        let failed = |error: B::Error| Fatal::Draw(error.to_string());
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height)).map_err(failed)
    }

    /// Tells the app, and performs what it wants. Whether it wants to quit.
    fn update(&mut self, msg: Msg, results: &mpsc::Sender<Msg>) -> bool {
        let mut todo = self.app.update(msg);
        while !todo.is_empty() {
            for effect in std::mem::take(&mut todo) {
                let answer = match effect {
                    Effect::Quit => return true,
                    Effect::Suspend => {
                        self.terminal.backend_mut().suspend();
                        // A terminal that is gone is noticed by the next frame.
                        let _ = self.wipe();
                        None
                    }
                    Effect::Remember(draft) => self.remember(&draft),
                    Effect::Send { ticket, to, draft } if has_files(&draft) => {
                        self.send_file(ticket, to, draft, results.clone());
                        None
                    }
                    Effect::Send { ticket, to, draft } => Some(sent(ticket, self.session.send(&to, &draft))),
                    Effect::Workbench { ticket, wish } => {
                        self.workbench(ticket, wish, results.clone());
                        None
                    }
                    Effect::Curl(id, exchange) => Some(self.copy(self.session.curl(id, exchange))),
                    set @ Effect::Set { .. } => Some(match self.session.perform(set) {
                        Ok(text) => Msg::Notice { text, good: true },
                        Err(rejection) => Msg::Unset { reason: rejection.0 },
                    }),
                    other => match self.session.perform(other) {
                        Ok(text) if text.is_empty() => None,
                        Ok(text) => Some(Msg::Notice { text, good: true }),
                        Err(rejection) => Some(Msg::Notice { text: rejection.0, good: false }),
                    },
                };
                if let Some(answer) = answer {
                    todo.extend(self.app.update(answer));
                }
            }
        }
        false
    }

    /// Puts a command on the terminal's clipboard, and in sight.
    fn copy(&mut self, command: Result<String, Rejection>) -> Msg {
        match command {
            Ok(text) if fits_clipboard(&text) => {
                self.terminal.backend_mut().copy(&text);
                Msg::Notice { text: format!("copied: {text}"), good: true }
            }
            Ok(_) => Msg::Notice { text: "the command is too long for a terminal's clipboard".into(), good: false },
            Err(rejection) => Msg::Notice { text: rejection.0, good: false },
        }
    }

    /// Reading a file may take long (a network mount): not here.
    fn send_file(&self, ticket: u64, to: Target, draft: Draft, results: mpsc::Sender<Msg>) {
        let session = Arc::clone(&self.session);
        self.session.endpoints.spawn(async move {
            let outcome = load_file(draft).await.and_then(|draft| session.send(&to, &draft));
            // The loop is gone only when the program ends.
            let _ = results.send(sent(ticket, outcome)).await;
        });
    }

    /// A step at the workbench: files and keys take their time, on a thread that may wait.
    fn workbench(&self, ticket: u64, wish: Option<Wish>, results: mpsc::Sender<Msg>) {
        let store = self.session.store().to_owned();
        self.session.endpoints.spawn(async move {
            let folder = store.display().to_string();
            let told = tokio::task::spawn_blocking(move || cert::answer(&store, ticket, wish.as_ref())).await;
            let told = told.unwrap_or_else(|failed| {
                let trouble = Some(format!("the step broke off: {failed}"));
                let shelf = Shelf { folder, trouble, ..Shelf::default() };
                Told { ticket, outcome: Outcome::Looked, shelf }
            });
            // The loop is gone only when the program ends.
            let _ = results.send(Msg::Told(Box::new(told))).await;
        });
    }

    fn remember(&mut self, draft: &Draft) -> Option<Msg> {
        let failed = |text: String| Msg::Notice { text, good: false };
        self.history.as_mut().and_then(|history| history.append(draft).err()).map(|error| failed(error.to_string()))
    }

    /// Draws one frame. How long until it would look different by itself.
    fn frame(&mut self) -> Result<Option<Duration>, Fatal> {
        self.frames += 1;
        let size = self.terminal.size().map_err(|error| Fatal::Draw(error.to_string()))?;
        let viewport = screen::viewport(&self.app, Rect::new(0, 0, size.width, size.height));
        self.app.update(Msg::Viewport(viewport));
        let mut picture = self.look();
        // What was seen may have moved the selection (a first socket, one that is gone): then the rest of
        // the picture is asked for again, once.
        let before = self.app.query();
        self.app.update(Msg::Saw(Arc::clone(&picture)));
        if self.app.query() != before {
            picture = self.look();
            self.app.update(Msg::Saw(Arc::clone(&picture)));
        }
        let Self { terminal, app, theme, .. } = self;
        terminal.backend_mut().begin();
        let drawn = terminal.draw(|frame| screen::draw(app, &picture, theme, frame)).map(drop);
        terminal.backend_mut().end();
        drawn.map_err(|error| Fatal::Draw(error.to_string()))?;
        Ok(self.app.next_change(&picture))
    }

    fn look(&self) -> Arc<Snapshot> {
        self.session.endpoints.heed_clock();
        Arc::new(self.app.picture(self.session.hub.snapshot(&self.app.query())))
    }
}

fn sent(ticket: u64, outcome: Result<String, crate::model::draft::Rejection>) -> Msg {
    match outcome {
        Ok(text) => Msg::Sent { ticket, text },
        Err(rejection) => Msg::Refused { ticket, reason: rejection.0 },
    }
}
