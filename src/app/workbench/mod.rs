//! The certificates' screen: which name of the store is selected, the form of a step, and what the last step said.
//!
//! Does nothing itself: a step is an [`Effect::Workbench`], and its answer is a [`Told`] with the store as it is then.

mod sheet;

pub use sheet::Sheet;

use super::action::{Action, Motion};
use super::list::step as moved;
use super::{App, Effect, Key, Mode, Place, Question, keymap};
use crate::model::id::Subject;
use crate::model::setting::{self, Row};
use crate::model::workbench::{Deed, Entry, Outcome, Shelf, Told, Wish};

/// Rows of a page of the list: about what its pane has at the usual sizes.
const PAGE: usize = 10;

/// What a step said: it stays until another name is selected or the next step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub title: String,
    pub lines: Vec<String>,
    pub good: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Workbench {
    pub shelf: Shelf,
    /// The store was read at least once.
    pub is_known: bool,
    /// The selected name.
    pub at: Option<String>,
    /// Lines of the text beside the list above its first one in sight.
    pub scroll: usize,
    pub sheet: Option<Sheet>,
    /// The form that was left with something in it: its step shows it again.
    left: Option<Sheet>,
    pub question: Option<Question>,
    pub said: Option<Said>,
    /// The step that is being done, with its ticket.
    pub doing: Option<(u64, Wish)>,
    tickets: u64,
}

impl Workbench {
    /// The selected row of the list.
    pub fn row(&self) -> usize {
        let at = self.at.as_deref();
        self.shelf.entries.iter().position(|entry| Some(entry.name.as_str()) == at).unwrap_or(0)
    }

    pub fn selected(&self) -> Option<&Entry> {
        self.shelf.entries.get(self.row())
    }

    fn name(&self) -> &str {
        self.selected().map_or("", |entry| &entry.name)
    }

    /// Asks for a step to be done.
    fn ask(&mut self, wish: Option<Wish>) -> Vec<Effect> {
        self.tickets += 1;
        if let Some(wish) = wish.clone() {
            self.doing = Some((self.tickets, wish));
        }
        vec![Effect::Workbench { ticket: self.tickets, wish }]
    }

    fn answered(&mut self, told: Told) -> Option<(String, bool)> {
        let gone = self.row();
        self.shelf = told.shelf;
        self.is_known = true;
        if self.at.is_none() || !self.shelf.entries.iter().any(|entry| Some(&entry.name) == self.at.as_ref()) {
            let last = self.shelf.entries.len().saturating_sub(1);
            self.at = self.shelf.entries.get(gone.min(last)).map(|entry| entry.name.clone());
        }
        let (_, wish) = self.doing.take_if(|(ticket, _)| *ticket == told.ticket)?;
        let step = wish.deed.step()?;
        match told.outcome {
            Outcome::Looked => None,
            Outcome::Done { lines, name } => {
                self.sheet = None;
                self.scroll = 0;
                if let Some(name) = name.filter(|name| self.shelf.entries.iter().any(|entry| entry.name == *name)) {
                    self.at = Some(name);
                }
                let first = lines.first().cloned().unwrap_or_default();
                self.said = step.tells.then(|| Said { title: step.title.into(), lines, good: true });
                (!step.tells).then_some((first, true))
            }
            Outcome::Refused(refusal) => {
                if refusal.is_taken {
                    let text = format!("{} Replace it?", sentence(&refusal.text));
                    let yes = Effect::Workbench { ticket: 0, wish: Some(wish.and("--replace")) };
                    self.question = Some(Question { text, yes });
                    return None;
                }
                match &mut self.sheet {
                    // A verdict is an answer, not a mistake of the form's.
                    Some(sheet) if wish.deed != Deed::Verify || refusal.option.is_some() => sheet.refuse(refusal),
                    _ => {
                        self.sheet = None;
                        self.scroll = 0;
                        self.said = Some(Said { title: step.title.into(), lines: vec![refusal.text], good: false });
                    }
                }
                None
            }
        }
    }
}

/// A sentence with its full stop.
fn sentence(text: &str) -> String {
    format!("{}.", text.split(": take another name").next().unwrap_or(text).trim_end_matches('.'))
}

impl App {
    /// Opens the screen, and has the store read anew.
    pub(super) fn open_workbench(&mut self) -> Vec<Effect> {
        self.mode = Mode::Workbench;
        self.workbench.ask(None)
    }

    pub(super) fn told(&mut self, told: Told) {
        if let Some((text, good)) = self.workbench.answered(told) {
            self.say(text, good);
        }
        if !matches!(self.mode, Mode::Workbench) {
            // It came too late to be looked at, and it may be a private key.
            self.workbench.leave_said();
        }
    }

    /// Its own keys, while no form is open and no question is asked.
    pub(super) fn in_workbench(&mut self, action: Action, key: Key) -> Vec<Effect> {
        self.mode = Mode::Workbench;
        if self.workbench.question.is_some() {
            return self.in_question(action);
        }
        if self.workbench.sheet.is_some() {
            return self.in_sheet(action, key);
        }
        let bench = &mut self.workbench;
        match action {
            Action::Leave if bench.said.is_some() => bench.leave_said(),
            Action::Leave => self.mode = Mode::Browse,
            Action::Help => {
                // A heading and an empty line beside the rows of each place before this one.
                let before = Place::ALL.iter().take_while(|place| **place != Place::Workbench);
                let scroll = before.map(|place| keymap::rows(*place).count() + 2).sum();
                self.mode = Mode::Help { scroll, certificates: true };
            }
            Action::Reload => return bench.ask(None),
            Action::Use => return self.use_here().into_iter().collect(),
            Action::Move(motion) => bench.motion(motion, self.viewport.workbench, self.viewport.workbench_lines),
            Action::Step(deed) => return self.begin(deed),
            _ => {}
        }
        Vec::new()
    }

    fn in_question(&mut self, action: Action) -> Vec<Effect> {
        match self.workbench.question.take() {
            Some(Question { yes: Effect::Workbench { wish, .. }, .. }) if action == Action::Yes => {
                self.workbench.ask(wish)
            }
            _ => Vec::new(),
        }
    }

    fn in_sheet(&mut self, action: Action, key: Key) -> Vec<Effect> {
        let bench = &mut self.workbench;
        let Some(sheet) = &mut bench.sheet else { return Vec::new() };
        match action {
            Action::Leave => bench.left = bench.sheet.take().filter(Sheet::is_filled),
            Action::NextField => sheet.turn(1),
            Action::PreviousField => sheet.turn(sheet.step.fields.len().saturating_sub(1)),
            Action::Change => sheet.change(key),
            Action::Take => {
                sheet.error = None;
                let wish = sheet.wish();
                return bench.ask(Some(wish));
            }
            _ => {}
        }
        Vec::new()
    }

    /// A step: its form, its question, or at once.
    fn begin(&mut self, deed: Deed) -> Vec<Effect> {
        let Some(step) = deed.step() else { return Vec::new() };
        let bench = &mut self.workbench;
        bench.leave_said();
        if !step.fields.is_empty() {
            let left = bench.left.take_if(|left| left.step == step);
            bench.sheet = Some(left.unwrap_or_else(|| Sheet::new(step, bench.selected())));
            return Vec::new();
        }
        let wish = Wish::of(step, bench.name());
        match step.question {
            Some(text) => {
                let wish = step.sure.map_or(wish.clone(), |sure| wish.and(sure));
                let text = text.replace("{}", bench.name());
                bench.question = Some(Question { text, yes: Effect::Workbench { ticket: 0, wish: Some(wish) } });
                Vec::new()
            }
            None => bench.ask(Some(wish)),
        }
    }

    /// The secure endpoint that is selected on the dashboard, and the setting that names what it shows.
    fn secure(&self) -> Option<(Subject, &'static Row)> {
        let endpoint = self.endpoint()?;
        let row = setting::find("certificate")?;
        let fits = (row.fits)(endpoint.spec.role, endpoint.spec.scheme());
        fits.then_some((Subject::Endpoint(endpoint.id), row))
    }

    fn use_here(&mut self) -> Option<Effect> {
        let (subject, row) = self.secure()?;
        let listens = self.endpoint().is_some_and(|endpoint| endpoint.spec.role == crate::model::url::Role::Listen);
        self.caution = self.workbench.selected().and_then(|entry| match entry.role {
            _ if entry.is_ca => Some("that is a CA's own: whoever is shown it refuses it"),
            "client" if listens => Some("that is for clients only: those of a server refuse it"),
            _ => None,
        });
        Some(Effect::Set { subject, changes: vec![(row, self.workbench.name().to_owned())] })
    }

    /// Why a step cannot be done with what is selected.
    pub(super) fn no_step(&self, action: Action) -> Option<&'static str> {
        let selected = self.workbench.selected();
        let has = |extension: &str| selected.is_some_and(|entry| entry.has(extension));
        let (fine, reason) = match action {
            _ if self.workbench.doing.is_some() => (false, "a step is being done: wait a moment"),
            Action::Step(Deed::For | Deed::Key | Deed::Ca | Deed::Request | Deed::Show | Deed::Import) => (true, ""),
            Action::Step(Deed::Public | Deed::Private) => (has("key"), "nothing with a private key is selected"),
            Action::Step(Deed::Sign) => (true, ""),
            Action::Step(Deed::Verify | Deed::Trust | Deed::Revoke) => {
                (has("crt"), "nothing with a certificate is selected")
            }
            Action::Step(Deed::Pkcs12) => (has("crt") && has("key"), "nothing with key and certificate is selected"),
            Action::Use if selected.is_some_and(|entry| entry.misfit) => {
                (false, "the key under this name is not the certificate's: nothing can be shown with it")
            }
            Action::Use => (
                has("crt") && has("key") && self.secure().is_some(),
                "that wants a certificate with its key here, and a secure endpoint, or one of tcp, selected on the dashboard",
            ),
            _ => (true, ""),
        };
        (!fine).then_some(reason)
    }
}

impl Workbench {
    /// A private key that was asked for is not kept.
    fn leave_said(&mut self) {
        self.said = None;
        self.scroll = 0;
    }

    fn motion(&mut self, motion: Motion, shown: usize, lines: usize) {
        if matches!(motion, Motion::PageUp | Motion::PageDown) {
            let last = lines.saturating_sub(shown);
            self.scroll = moved(motion, self.scroll.min(last), last + 1, shown);
            return;
        }
        let to = moved(motion, self.row(), self.shelf.entries.len(), PAGE);
        self.leave_said();
        self.at = self.shelf.entries.get(to).map(|entry| entry.name.clone());
    }
}
