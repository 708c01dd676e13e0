//! The send panel: a text, what it means as bytes, and whom it is for.
//!
//! A draft leaves the editor only when it was sent; whatever stands against that is said and the text
//! stays. Knows no socket: it encodes, and the effect does the rest.

mod history;
mod preview;
mod target;

pub use history::{History, HistorySearch, MOST};
pub use preview::{Preview, splits, takes_ending};
pub use target::{Aim, Audience, Note, name, standing};

use super::editor::Editor;
use super::effect::{Effect, Target};
use super::key::Key;
use crate::model::draft::{Coding, Draft, Ending, Rejection, STEPS, Shape, escape, has_status};
use crate::model::framer::Framing;
use crate::model::view::Snapshot;

/// Targets whose unsent drafts are kept: more than a person juggles.
const KEPT: usize = 32;

/// A paste that is larger belongs in a file: the editor keeps every line in memory, twice with undo.
pub const PASTE: usize = 1 << 20;

/// What the key goes through; a JSON line can ask for any number.
const SPLITS: [u32; 6] = [1, 2, 3, 5, 10, 100];

/// See the module.
#[derive(Clone, Debug)]
pub struct Composer {
    pub editor: Editor,
    pub coding: Coding,
    pub ending: Ending,
    pub shape: Shape,
    /// In how many frames a WebSocket message goes.
    pub fragments: u32,
    pub aim: Option<Aim>,
    /// Why the last attempt did not go off; until the text changes.
    pub refused: Option<String>,
    /// What is on its way.
    pending: Option<(u64, Draft)>,
    /// Position in the history while one walks it, and the text one came from.
    walk: Option<(usize, Draft)>,
    tickets: u64,
    /// What waits for targets one typed to before, the latest last.
    kept: Vec<(Target, Draft)>,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            editor: Editor::multi(),
            coding: Coding::default(),
            ending: Ending::default(),
            shape: Shape::default(),
            fragments: 1,
            aim: None,
            refused: None,
            pending: None,
            walk: None,
            tickets: 0,
            kept: Vec::new(),
        }
    }
}

impl Composer {
    /// Aims anew. What was typed to another target stays with it, and is there again for it.
    pub fn start(&mut self, aim: Aim) {
        let left = self.aim.as_ref().map(|aim| aim.home().clone()).filter(|home| home != aim.home());
        if let Some(home) = left {
            if !self.editor.is_empty() {
                self.kept.push((home, self.draft()));
                self.kept.drain(..self.kept.len().saturating_sub(KEPT));
            }
            self.editor.clear();
        }
        let shapes = aim.shapes();
        self.shape =
            shapes.iter().copied().find(|shape| *shape == self.shape).or(shapes.first().copied()).unwrap_or_default();
        let mine = self.kept.iter().position(|(home, _)| home == aim.home());
        self.aim = Some(aim);
        self.refused = None;
        self.pending = None;
        if let Some((_, draft)) = mine.map(|at| self.kept.remove(at)) {
            self.recall(&draft);
        }
        self.walk = None;
    }

    /// The next step of an answer by hand, with what is usual in it.
    pub fn step(&mut self, shape: Shape) {
        self.shape = shape;
        self.refused = None;
        if self.editor.is_empty() || STEPS.iter().any(|step| self.editor.text() == usual(*step)) {
            self.editor.set(usual(shape));
        }
    }

    pub fn draft(&self) -> Draft {
        let fragments = if self.is_split() { self.fragments } else { 0 };
        Draft { text: self.editor.text(), coding: self.coding, ending: self.ending, shape: self.shape, fragments }
    }

    /// What would be sent.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn preview(&self) -> Result<Preview, Rejection> {
        let none = Framing::None;
        let framing = self.aim.as_ref().map_or(&none, |aim| &aim.framing);
        Preview::of(&self.draft(), self.aim.as_ref().map(|aim| aim.scheme), framing)
    }

    /// Whom it is for, in words.
    pub fn audience(&self, seen: &Snapshot) -> Option<Audience> {
        self.aim.as_ref().map(|aim| aim.audience(self.shape, seen))
    }

    /// What the protocol lets one send; empty before anyone was aimed at.
    pub fn shapes(&self) -> &'static [Shape] {
        self.aim.as_ref().map_or(&[], Aim::shapes)
    }

    /// Whether a draft is on its way.
    pub fn is_sending(&self) -> bool {
        self.pending.is_some()
    }

    pub fn next_coding(&mut self) {
        self.coding = next(&Coding::ALL, self.coding);
        self.refused = None;
    }

    pub fn next_ending(&mut self) {
        self.ending = next(&Ending::ALL, self.ending);
        self.refused = None;
    }

    pub fn next_shape(&mut self) {
        let shape = next(self.shapes(), self.shape);
        if self.aim.as_ref().is_some_and(|aim| aim.held().is_some()) {
            return self.step(shape);
        }
        self.shape = shape;
        self.refused = None;
    }

    /// Whether it goes in more than one frame.
    pub fn is_split(&self) -> bool {
        self.fragments > 1 && splits(self.shape)
    }

    pub fn next_fragments(&mut self) {
        self.fragments = next(&SPLITS, self.fragments);
        self.refused = None;
    }

    /// `filter`: the words of the list, where there are some.
    pub fn toggle_audience(&mut self, filter: &str) {
        if let Some(aim) = &mut self.aim
            && let Some(target) = aim.toggled(filter)
        {
            aim.target = target;
            self.refused = None;
        }
    }

    /// Sends, or says why not.
    pub fn send(&mut self, seen: &Snapshot) -> Option<Effect> {
        let checked = self.check(seen);
        match checked {
            Ok(to) => {
                self.tickets += 1;
                let (ticket, draft) = (self.tickets, self.draft());
                self.refused = None;
                self.pending = Some((ticket, draft.clone()));
                Some(Effect::Send { ticket, to, draft })
            }
            Err(Rejection(reason)) => {
                self.refused = Some(reason);
                None
            }
        }
    }

    fn check(&self, seen: &Snapshot) -> Result<Target, Rejection> {
        let aim = self.aim.as_ref().ok_or_else(|| Rejection("select a socket or an endpoint first".into()))?;
        if self.pending.is_some() {
            return Err(Rejection("the last one is still on its way".into()));
        }
        if let Some(note) = aim.audience(self.shape, seen).note.filter(|note| note.stop) {
            return Err(Rejection(note.text));
        }
        self.preview()?;
        Ok(aim.target.clone())
    }

    /// The draft that went off. The editor is cleared unless its text has changed since.
    pub fn sent(&mut self, ticket: u64) -> Option<Draft> {
        let (_, draft) = self.pending.take_if(|(pending, _)| *pending == ticket)?;
        self.refused = None;
        if self.draft() == draft {
            self.walk = None;
            self.editor.clear();
        }
        match draft.shape {
            Shape::Head if is_interim(&draft.text) && self.editor.is_empty() => self.editor.set(usual(Shape::Head)),
            Shape::Head if is_interim(&draft.text) => {}
            Shape::Head if has_status(&draft.text) => self.step(Shape::Body),
            // What was set goes with it: the usual fields would replace it.
            Shape::Head if self.editor.is_empty() => self.editor.set("200 OK"),
            _ => {}
        }
        Some(draft)
    }

    /// The text stays. Whether the ticket was ours.
    pub fn refuse(&mut self, ticket: u64, reason: String) -> bool {
        let ours = self.pending.take_if(|(pending, _)| *pending == ticket).is_some();
        if ours {
            self.refused = Some(reason);
        }
        ours
    }

    pub fn typed(&mut self, key: Key) {
        if self.editor.input(key) {
            self.refused = None;
        }
    }

    /// Puts a paste at the cursor without losing a byte of it. What was done beyond that.
    pub fn paste(&mut self, text: &str) -> Option<String> {
        self.refused = None;
        // Terminals paste line ends as CR; a CR beside an LF is one that was copied.
        let lines;
        let text = if text.contains('\n') {
            text
        } else {
            lines = text.replace('\r', "\n");
            &lines
        };
        if !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            self.editor.insert(text);
            return None;
        }
        match self.coding {
            Coding::Text => {
                let (before, after) = self.editor.halves();
                let before = escape(before.as_bytes()) + &escape(text.as_bytes());
                self.editor.set_around(&before, &escape(after.as_bytes()));
                self.coding = Coding::Escapes;
                Some("the paste holds control bytes: they are written as escapes".into())
            }
            Coding::Escapes => {
                self.editor.insert(&escape(text.as_bytes()));
                Some("the paste holds control bytes: they are written as escapes".into())
            }
            Coding::Hex => {
                self.editor.insert(&hex::encode(text));
                Some("the paste holds control bytes: they are written as hex".into())
            }
            Coding::File => Some("a path has no control bytes: nothing was pasted".into()),
        }
    }

    /// Whether Up means the history here.
    pub fn on_first_line(&self) -> bool {
        self.editor.cursor().0 == 0
    }

    /// Whether Down means the history here.
    pub fn on_last_line(&self) -> bool {
        self.editor.cursor().0 + 1 >= self.editor.lines().len()
    }

    pub fn older(&mut self, history: &History) {
        let at = self.walk.as_ref().map_or(history.drafts().len(), |(at, _)| *at);
        let Some(to) = at.checked_sub(1) else { return };
        if let Some(draft) = history.drafts().get(to) {
            let from = self.walk.take().map_or_else(|| self.draft(), |(_, from)| from);
            self.recall(draft);
            self.walk = Some((to, from));
        }
    }

    pub fn newer(&mut self, history: &History) {
        let Some((at, from)) = self.walk.take() else { return };
        match history.drafts().get(at + 1) {
            Some(draft) => {
                self.recall(draft);
                self.walk = Some((at + 1, from));
            }
            None => self.recall(&from),
        }
    }

    /// Puts a draft into the editor; its shape only where the protocol has it.
    pub fn recall(&mut self, draft: &Draft) {
        if self.shapes().contains(&draft.shape) {
            self.shape = draft.shape;
        }
        self.coding = draft.coding;
        self.ending = draft.ending;
        self.fragments = draft.fragments.max(1);
        self.refused = None;
        self.walk = None;
        self.editor.set(&draft.text);
    }
}

/// What a step begins with, to be changed or sent as it is. A head has no empty line at its end: what is typed on a
/// new line is its next header.
fn usual(shape: Shape) -> &'static str {
    match shape {
        Shape::Head => "200 OK\ncontent-type: text/plain; charset=utf-8",
        Shape::Answer => "200 OK\ncontent-type: text/plain; charset=utf-8\n\n",
        _ => "",
    }
}

fn next<T: Copy + PartialEq>(all: &[T], now: T) -> T {
    let at = all.iter().position(|one| *one == now).map_or(0, |at| at + 1);
    all.get(at).or(all.first()).copied().unwrap_or(now)
}

/// Whether a head is a 1xx, which comes before the one that is still to come.
fn is_interim(text: &str) -> bool {
    has_status(text) && text.starts_with('1')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_typed_behind_the_usual_head_is_its_next_header() {
        let typed = format!("{}\nX-A: 1", usual(Shape::Head));
        assert!(typed.lines().all(|line| !line.is_empty()), "{typed}");
    }
}
