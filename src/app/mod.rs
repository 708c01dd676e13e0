//! What the person is doing. Synchronous and total: a [`Msg`] in, [`Effect`]s out.
//!
//! Knows the model; no hub, no net, no tokio, no ratatui. It keeps the last picture that was shown
//! ([`Msg::Saw`]): a key means what it meant on the screen the person saw.

mod able;
mod browse;
mod change;
mod gallery;
mod input;
mod picture;
mod waiting;
mod workbench;

pub mod action;
pub mod composer;
pub mod editor;
pub mod effect;
pub mod form;
pub mod key;
pub mod keymap;
pub mod list;
pub mod mode;
pub mod palette;
pub mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use action::{ACTIONS, Action, Motion, Place, Row};
pub use composer::{Audience, Composer, History, HistorySearch, Note, Preview};
pub use editor::Editor;
pub use effect::{Effect, Msg, Target, Viewport};
pub use form::Form;
pub use key::Key;
pub use list::{Lead, Lists};
pub use mode::{Address, Mode, Question};
pub use palette::Palette;
pub use timeline::Scroll;
pub use workbench::{Said, Sheet, Workbench};

use crate::model::draft::{Draft, Shape};
use crate::model::id::{EndpointId, Subject};
use crate::model::view::{EndpointRow, Snapshot, SocketRow};

/// The panes of the dashboard, in the order Tab visits them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Pane {
    Endpoints,
    Sockets,
    Timeline,
    Inspector,
}

impl Pane {
    pub const ALL: [Self; 4] = [Self::Endpoints, Self::Sockets, Self::Timeline, Self::Inspector];
}

/// How the inspector shows an event's payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Lens {
    /// JSON where it is JSON, else text.
    #[default]
    Text,
    Hex,
    /// The messages the chunk has a part in, where a framing is set.
    Message,
    /// The exact counters of what is selected, its state and its settings, instead of an event.
    Details,
}

/// What the picture does while events come in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Follow {
    /// The newest event is always in sight.
    Following,
    /// Scrolled up: the timeline stands still, everything else moves.
    Anchored,
    /// Frozen whole; counting goes on behind it.
    Paused,
}

/// How far a pause has come.
#[derive(Clone, Debug, Default)]
enum Pause {
    #[default]
    Live,
    /// The next picture is the one to freeze.
    Asked,
    Frozen(Arc<Snapshot>),
}

/// A line for the footer, until the next key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub text: String,
    pub good: bool,
}

/// See the module. Fields are for reading; they change in [`App::update`] alone.
#[derive(Clone, Debug)]
pub struct App {
    pub focus: Pane,
    pub mode: Mode,
    /// The selections, and how far the lists are scrolled.
    pub lists: Lists,
    /// Words that listed sockets hold.
    pub filter: Editor,
    pub scroll: Scroll,
    pub lens: Lens,
    /// Lines of the inspector above its first one in sight. The screen stops at the last page.
    pub inspector_top: usize,
    /// The focused pane has the whole screen.
    pub zoomed: bool,
    pub composer: Composer,
    pub history: History,
    pub workbench: Workbench,
    pub notice: Option<Notice>,
    pub viewport: Viewport,
    pause: Pause,
    seen: Arc<Snapshot>,
    /// Whose timeline `scroll` is about.
    told: Option<Subject>,
    /// The filter and the endpoint that the last list was asked for.
    asked: (String, Option<EndpointId>),
    /// What listeners showed before the gallery, to go back to.
    good: BTreeMap<EndpointId, String>,
    /// The options that were asked for last, until it is known what came of it.
    submitted: Option<Box<Form>>,
    /// What is said behind the answer to what was asked for, should it be done.
    caution: Option<&'static str>,
}

impl App {
    /// `history`: what was sent in earlier runs, the newest last.
    pub fn new(history: Vec<Draft>) -> Self {
        Self {
            focus: Pane::Sockets,
            mode: Mode::Browse,
            lists: Lists::default(),
            filter: Editor::single(),
            scroll: Scroll::default(),
            lens: Lens::default(),
            inspector_top: 0,
            zoomed: false,
            composer: Composer::default(),
            history: History::new(history),
            workbench: Workbench::default(),
            notice: None,
            viewport: Viewport::default(),
            pause: Pause::default(),
            seen: Arc::default(),
            told: None,
            asked: (String::new(), None),
            good: BTreeMap::new(),
            submitted: None,
            caution: None,
        }
    }

    /// The only way in. Any message is fine at any time.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = match msg {
            Msg::Key(key) => {
                self.notice = None;
                self.key(key)
            }
            Msg::Paste(text) => {
                self.notice = None;
                self.paste(&text);
                Vec::new()
            }
            Msg::Viewport(viewport) => {
                self.viewport = viewport;
                Vec::new()
            }
            Msg::Saw(snapshot) => {
                self.saw(snapshot);
                Vec::new()
            }
            Msg::Sent { ticket, text } => self.sent(ticket, text),
            Msg::Refused { ticket, reason } => {
                if !self.composer.refuse(ticket, reason.clone()) {
                    self.say(reason, false);
                }
                Vec::new()
            }
            Msg::Told(told) => {
                self.told(*told);
                Vec::new()
            }
            Msg::Unset { reason } => {
                self.caution = None;
                match self.submitted.take().filter(|_| matches!(self.mode, Mode::Browse)) {
                    Some(mut form) => {
                        form.refused(reason);
                        self.mode = Mode::Form(form);
                    }
                    None => self.say(reason, false),
                }
                Vec::new()
            }
            Msg::Notice { text, good } => {
                self.submitted = None;
                let caution = self.caution.take().filter(|_| good);
                let text = caution.map_or(text.clone(), |caution| format!("{text}; {caution}"));
                self.say(text, good);
                Vec::new()
            }
        };
        self.settle();
        effects
    }

    /// Where the keys go.
    pub fn place(&self) -> Place {
        match &self.mode {
            Mode::Browse => Place::Pane(self.focus),
            Mode::Compose => Place::Compose,
            Mode::Filter => Place::Filter,
            Mode::Form(_) => Place::Form,
            Mode::Palette(_) => Place::Palette,
            Mode::Help { .. } => Place::Help,
            Mode::Handshake { .. } => Place::Handshake,
            Mode::History(_) => Place::History,
            Mode::Confirm(_) => Place::Confirm,
            Mode::Address(_) => Place::Address,
            Mode::Waiting(_) => Place::Waiting,
            Mode::Workbench if self.workbench.question.is_some() => Place::Confirm,
            Mode::Workbench if self.workbench.sheet.is_some() => Place::Form,
            Mode::Workbench => Place::Workbench,
        }
    }

    /// Whose timeline is shown.
    pub fn subject(&self) -> Option<Subject> {
        match self.lists.lead {
            Lead::Endpoints => self.lists.endpoint.map(Subject::Endpoint),
            Lead::Sockets => self.lists.socket.map(Subject::Socket),
        }
    }

    /// The socket that `e`, `x` and `X` are about: none while an endpoint is the subject.
    pub fn socket(&self) -> Option<&SocketRow> {
        match self.subject()? {
            Subject::Socket(id) => self.seen.row(id),
            Subject::Endpoint(_) => None,
        }
    }

    /// The endpoint that `s`, `r`, `E` and `D` are about: the selected one, or the selected socket's.
    pub fn endpoint(&self) -> Option<&EndpointRow> {
        match self.subject() {
            Some(Subject::Endpoint(id)) => self.seen.endpoint(id),
            Some(Subject::Socket(id)) => self.seen.endpoint(self.seen.row(id)?.endpoint),
            // Without a socket, the endpoint list's own selection serves.
            None => self.seen.endpoint(self.lists.endpoint?),
        }
    }

    pub fn follow(&self) -> Follow {
        match (&self.pause, self.scroll) {
            (Pause::Asked | Pause::Frozen(_), _) => Follow::Paused,
            (Pause::Live, Scroll::Following) => Follow::Following,
            (Pause::Live, Scroll::Anchored { .. }) => Follow::Anchored,
        }
    }

    /// The event under the cursor, by its sequence number.
    pub fn cursor(&self) -> Option<u64> {
        let timeline = self.seen.timeline.as_ref().filter(|timeline| Some(timeline.subject) == self.subject())?;
        self.scroll.cursor(&timeline.range)
    }

    /// Whom the draft is for, in words; `None` before anyone was aimed at.
    pub fn audience(&self) -> Option<Audience> {
        self.composer.audience(&self.seen)
    }

    /// The picture that was shown last.
    pub fn seen(&self) -> &Snapshot {
        &self.seen
    }

    fn say(&mut self, text: impl Into<String>, good: bool) {
        self.notice = Some(Notice { text: text.into(), good });
    }

    fn sent(&mut self, ticket: u64, text: String) -> Vec<Effect> {
        self.say(text, true);
        let sent = self.composer.sent(ticket);
        if let Some(Draft { shape: Shape::End | Shape::Answer, .. }) = sent {
            self.answered();
        }
        match sent {
            Some(draft) if self.history.push(draft.clone()) => vec![Effect::Remember(draft)],
            _ => Vec::new(),
        }
    }

    fn saw(&mut self, new: Arc<Snapshot>) {
        if matches!(self.pause, Pause::Asked) {
            self.pause = Pause::Frozen(Arc::clone(&new));
        }
        let old = std::mem::replace(&mut self.seen, new);
        let asked = (self.filter.text(), self.lists.only);
        self.lists.reconcile(&old, &self.seen, asked == self.asked);
        self.asked = asked;
    }

    /// What must hold after every message: the selection is in sight, and a new subject is followed.
    fn settle(&mut self) {
        self.lists.reveal(&self.seen, self.viewport.endpoints, self.viewport.sockets);
        let subject = self.subject();
        if subject != self.told {
            self.told = subject;
            self.scroll = Scroll::Following;
            self.inspector_top = 0;
        }
        let timeline = self.seen.timeline.as_ref().filter(|timeline| Some(timeline.subject) == subject);
        if let Some(timeline) = timeline
            && matches!(self.scroll, Scroll::Anchored { .. })
        {
            self.scroll = self.scroll.anchored(&timeline.range, self.viewport.timeline);
        }
    }
}

#[cfg(test)]
mod tests;
