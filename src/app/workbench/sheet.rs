//! The form of one step: its fields are a row of the table of steps, what is wrong stands at its field, and
//! nothing typed is lost.

use crate::app::editor::Editor;
use crate::app::form::{Shown, Value};
use crate::app::key::Key;
use crate::model::workbench::{Begins, CA, Entry, Field, How, Look, Refusal, Step, Wish};

/// See the module.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub step: &'static Step,
    held: Vec<Held>,
    /// The field with the cursor.
    pub at: usize,
    /// The command it began as.
    begun: Wish,
    /// What is wrong: at a field, or with the whole.
    pub error: Option<(Option<usize>, String)>,
}

#[derive(Clone, Debug)]
enum Held {
    Line(Box<Editor>),
    Choice { options: &'static [&'static str], chosen: usize },
}

impl Held {
    fn text(&self) -> String {
        match self {
            Self::Line(editor) => editor.text(),
            Self::Choice { options, chosen } => options.get(*chosen).map_or("", |word| word).to_owned(),
        }
    }
}

impl Sheet {
    /// Begins with what is selected, where a field is about that.
    pub fn new(step: &'static Step, selected: Option<&Entry>) -> Self {
        let held = |field: &Field| {
            let text = match (field.begins, selected) {
                (Begins::With(text), _) => text,
                (Begins::Selected, entry) => entry.map_or("", |entry| &entry.name),
                (Begins::Authority, Some(entry)) if entry.is_ca && entry.has("key") => &entry.name,
                (Begins::Authority, _) => CA,
            };
            match field.look {
                Look::Line(_) => Held::Line(Box::new(Editor::single().with(text))),
                Look::Choice(options) => {
                    Held::Choice { options, chosen: options.iter().position(|word| *word == text).unwrap_or(0) }
                }
            }
        };
        let held: Vec<_> = step.fields.iter().map(held).collect();
        let begun = Wish::new(step, step.fields.iter().zip(held.iter().map(Held::text)));
        Self { step, held, at: 0, begun, error: None }
    }

    /// The fields as they are drawn.
    pub fn shown(&self) -> Vec<Shown<'_>> {
        let mut shown = Vec::new();
        for (n, (field, held)) in self.step.fields.iter().zip(&self.held).enumerate() {
            shown.push(Shown {
                label: field.label,
                help: field.help,
                example: match field.look {
                    Look::Line(example) => example,
                    Look::Choice(_) => "",
                },
                value: match held {
                    Held::Line(editor) => Value::Text(editor),
                    Held::Choice { options, chosen } => Value::Choice { options, chosen: *chosen },
                },
                focused: n == self.at,
                error: self.error.as_ref().filter(|(at, _)| *at == Some(n)).map(|(_, text)| text.as_str()),
            });
        }
        shown
    }

    /// What is wrong with no field of its own.
    pub fn trouble(&self) -> Option<&str> {
        self.error.as_ref().filter(|(at, _)| at.is_none()).map(|(_, text)| text.as_str())
    }

    pub fn is_text(&self) -> bool {
        matches!(self.held.get(self.at), Some(Held::Line(_)))
    }

    pub fn turn(&mut self, by: usize) {
        self.at = (self.at + by) % self.held.len().max(1);
    }

    /// Another choice, to the left or to the right.
    pub fn change(&mut self, key: Key) {
        if let Some(Held::Choice { options, chosen }) = self.held.get_mut(self.at) {
            let by = if key == Key::Left { options.len().saturating_sub(1) } else { 1 };
            *chosen = (*chosen + by) % options.len().max(1);
            self.error = None;
        }
    }

    pub fn typed(&mut self, key: Key) {
        if let Some(Held::Line(editor)) = self.held.get_mut(self.at) {
            editor.input(key);
            self.error = None;
        }
    }

    pub fn paste(&mut self, text: &str) {
        if let Some(Held::Line(editor)) = self.held.get_mut(self.at) {
            editor.insert(text.trim_end_matches(['\r', '\n']));
            self.error = None;
        }
    }

    /// Whether it says something else than in the beginning.
    pub fn is_filled(&self) -> bool {
        self.wish() != self.begun
    }

    /// The command it comes to.
    pub fn wish(&self) -> Wish {
        Wish::new(self.step, self.step.fields.iter().zip(self.held.iter().map(Held::text)))
    }

    /// What is wrong stands at the field it is about, and the cursor goes there.
    pub fn refuse(&mut self, refusal: Refusal) {
        let about = |field: &Field| match (field.how, refusal.option.as_deref()) {
            (How::Option(name) | How::Options(name), Some(option)) => name == option,
            (How::Place | How::Places, Some("")) => true,
            _ => false,
        };
        // A sentence that begins with what was typed is about that.
        let quoted = |held: &Held| {
            let text = held.text();
            let mut parts = std::iter::once(text.trim()).chain(text.split([' ', ',']));
            parts.any(|part| !part.is_empty() && refusal.text.starts_with(&format!("\"{part}\"")))
        };
        let named = self.step.fields.iter().position(about);
        let at = named.or_else(|| self.held.iter().position(quoted));
        self.at = at.unwrap_or(self.at);
        self.error = Some((at, refusal.text));
    }
}
