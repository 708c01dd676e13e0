//! The form that adds or edits an endpoint, or changes the options of what runs. Its fields are the rows of
//! the settings' table that fit; what is wrong is said at the field, and nothing typed is lost.

mod field;

pub use field::{Field, Shown, Value};

use super::editor::Editor;
use super::effect::Effect;
use super::key::Key;
use crate::model::draft::escape;
use crate::model::id::{EndpointId, Subject};
use crate::model::setting::{self, Live, Row};
use crate::model::spec::{Settings, Spec};
use crate::model::url::{Role, Scheme, Url};

/// What a form is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// An endpoint that is to be.
    New,
    /// An endpoint that starts again when the form is done.
    Endpoint(EndpointId),
    /// What can be changed while it runs.
    Options(Subject),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Form {
    pub of: Of,
    pub role: Role,
    pub url: Editor,
    /// The settings with the choices made so far; the lines are read at the end.
    pub settings: Settings,
    /// The settings it began with.
    base: Settings,
    lines: Vec<(&'static Row, Editor)>,
    /// The field with the cursor.
    pub at: Field,
    /// What is wrong, and where.
    pub error: Option<(Field, String)>,
}

impl Form {
    pub fn add() -> Self {
        Self::about(Of::New, Role::Listen, Settings::default())
    }

    pub fn edit(id: EndpointId, spec: &Spec) -> Self {
        let url = Editor::single().with(&spec.url.to_string());
        Self { url, ..Self::about(Of::Endpoint(id), spec.role, spec.settings.clone()) }
    }

    /// The options of an endpoint or a socket, with the settings it has now.
    pub fn options(subject: Subject, spec: &Spec, settings: &Settings) -> Self {
        let url = Editor::single().with(&spec.url.to_string());
        let mut form = Self { url, ..Self::about(Of::Options(subject), spec.role, settings.clone()) };
        form.at = form.fields().first().copied().unwrap_or(Field::Url);
        form
    }

    fn about(of: Of, role: Role, base: Settings) -> Self {
        let lines = setting::rows().filter(|row| row.look.options().is_none());
        let lines = lines.map(|row| (row, Editor::single().with(&(row.get)(&base)))).collect();
        let settings = base.clone();
        Self { of, role, url: Editor::single(), settings, base, lines, at: Field::Url, error: None }
    }

    /// The scheme as far as it is typed.
    pub fn scheme(&self) -> Option<Scheme> {
        self.url.text().trim().split_once("://")?.0.parse().ok()
    }

    /// The fields that apply, in order.
    pub fn fields(&self) -> Vec<Field> {
        let (head, live): (&[Field], _) = match self.of {
            Of::New | Of::Endpoint(_) => (&[Field::Role, Field::Url], Live::Restart),
            Of::Options(Subject::Endpoint(_)) => (&[], Live::Next),
            Of::Options(Subject::Socket(_)) => (&[], Live::Now),
        };
        let rows = setting::mattering(self.role, self.scheme().unwrap_or(Scheme::Tcp), &self.settings);
        let rows = rows.filter(|row| row.live >= live);
        head.iter().copied().chain(rows.map(Field::Row)).collect()
    }

    /// The fields as they are drawn.
    pub fn shown(&self) -> Vec<Shown<'_>> {
        let error = |field| self.error.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| text.as_str());
        let shown = |field: Field| Shown {
            label: field.label(),
            example: field.example(),
            help: field.help(),
            value: self.value(field),
            focused: field == self.at,
            error: error(field),
        };
        self.fields().into_iter().map(shown).collect()
    }

    /// The line of a setting that has one.
    pub fn line(&self, row: &Row) -> Option<&Editor> {
        self.lines.iter().find(|(other, _)| *other == row).map(|(_, editor)| editor)
    }

    /// Whether the field under the cursor is a text: then Space and arrows belong to it.
    pub fn is_text(&self) -> bool {
        matches!(self.value(self.at), Value::Text(_))
    }

    pub fn next_field(&mut self) {
        self.turn(1);
    }

    pub fn previous_field(&mut self) {
        let fields = self.fields().len();
        self.turn(fields.saturating_sub(1));
    }

    fn turn(&mut self, by: usize) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.at).unwrap_or(0);
        self.at = fields.get((at + by) % fields.len().max(1)).copied().unwrap_or(Field::Url);
    }

    /// Another choice, to the left or to the right.
    pub fn change(&mut self, key: Key) {
        self.error = None;
        let Value::Choice { options, chosen } = self.value(self.at) else { return };
        let by = if key == Key::Left { options.len().saturating_sub(1) } else { 1 };
        let Some(word) = options.get((chosen + by) % options.len().max(1)) else { return };
        match self.at {
            Field::Role => self.role = if *word == "listen" { Role::Listen } else { Role::Connect },
            Field::Url => {}
            Field::Row(row) => {
                if let Err(text) = (row.set)(&mut self.settings, word) {
                    self.error = Some((self.at, text));
                }
            }
        }
    }

    pub fn typed(&mut self, key: Key) {
        if let Some(editor) = self.editor() {
            editor.input(key);
            self.error = None;
        }
    }

    /// A line takes what it can hold: line ends and other controls become escapes, but in the URL.
    pub fn paste(&mut self, text: &str) {
        let escapes = self.at != Field::Url && text.trim_end_matches(['\r', '\n']).chars().any(char::is_control);
        if let Some(editor) = self.editor() {
            match escapes {
                true => editor.insert(&escape(text.as_bytes())),
                false => editor.insert(text.trim_end_matches(['\r', '\n'])),
            }
            self.error = None;
        }
    }

    fn editor(&mut self) -> Option<&mut Editor> {
        match self.at {
            Field::Role => None,
            Field::Url => Some(&mut self.url),
            Field::Row(row) => self.lines.iter_mut().find(|(other, _)| *other == row).map(|(_, editor)| editor),
        }
    }

    /// What is to be done, or the error is set and the cursor is at it.
    pub fn submit(&mut self) -> Option<Vec<Effect>> {
        match self.effects() {
            Ok(effects) => Some(effects),
            Err((field, text)) => {
                self.at = field;
                self.error = Some((field, text));
                None
            }
        }
    }

    /// What was asked for was refused: the sentence stands at the field it begins with, else where the cursor is.
    pub fn refused(&mut self, reason: String) {
        let name =
            reason.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').next().unwrap_or_default();
        let field = self.fields().into_iter().find(|field| matches!(field, Field::Row(row) if row.name == name));
        self.at = field.unwrap_or(self.at);
        self.error = Some((self.at, reason));
    }

    fn effects(&self) -> Result<Vec<Effect>, (Field, String)> {
        let settings = self.read()?;
        let url = Url::parse(&self.url.text(), self.role).map_err(|text| (Field::Url, text))?;
        let spec = Box::new(Spec { role: self.role, url, settings: settings.clone() });
        if let Err((name, text)) = spec.check() {
            return Err((setting::find(name).map_or(Field::Url, Field::Row), text));
        }
        if let Of::Options(subject) = self.of {
            let rows = self.fields().into_iter().filter_map(|field| match field {
                Field::Row(row) => Some(row),
                Field::Role | Field::Url => None,
            });
            let changed = rows.map(|row| (row, (row.get)(&settings), (row.get)(&self.base)));
            let changed = changed.filter(|(_, new, old)| new != old);
            let changes: Vec<_> = changed.map(|(row, value, _)| (row, value)).collect();
            return Ok(if changes.is_empty() { Vec::new() } else { vec![Effect::Set { subject, changes }] });
        }
        Ok(vec![match self.of {
            Of::Endpoint(id) => Effect::Edit(id, spec),
            Of::New | Of::Options(_) => Effect::Open(spec),
        }])
    }

    /// The settings with the lines that were changed. A field that is not shown does not apply: what it was stays.
    fn read(&self) -> Result<Settings, (Field, String)> {
        let mut settings = self.settings.clone();
        for field in self.fields() {
            let Field::Row(row) = field else { continue };
            let Some(editor) = self.line(row) else { continue };
            let text = editor.text();
            if text != (row.get)(&self.base) {
                (row.set)(&mut settings, &text).map_err(|text| (field, text))?;
            }
        }
        Ok(settings)
    }
}
