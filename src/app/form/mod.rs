//! The form that adds or edits an endpoint. What it does not show of an endpoint's settings it keeps;
//! what is wrong is said at the field, and nothing typed is lost.

mod field;

pub use field::{Field, Shown, Value};

use super::editor::Editor;
use super::effect::Effect;
use super::key::Key;
use crate::model::draft::{escape, unescape};
use crate::model::id::EndpointId;
use crate::model::spec::{Escaped, Fixed, Reply, Settings, Spec};
use crate::model::url::{Role, Scheme, Url};

/// What a listener answers, without the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Echo,
    None,
    Text,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Form {
    /// The endpoint that is edited; `None` adds one.
    pub id: Option<EndpointId>,
    pub role: Role,
    pub url: Editor,
    pub reply: Answer,
    /// The fixed answer, with escapes.
    pub text: Editor,
    pub greet: Editor,
    pub half_open: bool,
    pub verify: bool,
    /// The field with the cursor.
    pub at: Field,
    /// What is wrong, and where.
    pub error: Option<(Field, String)>,
    /// The settings it began with: what is not shown stays.
    base: Settings,
}

impl Form {
    pub fn add() -> Self {
        let settings = Settings::default();
        Self::of(None, Role::Listen, settings)
    }

    pub fn edit(id: EndpointId, spec: &Spec) -> Self {
        let url = Editor::single().with(&spec.url.to_string());
        Self { url, ..Self::of(Some(id), spec.role, spec.settings.clone()) }
    }

    fn of(id: Option<EndpointId>, role: Role, base: Settings) -> Self {
        let (reply, text) = match &base.reply {
            Reply::Echo => (Answer::Echo, String::new()),
            Reply::None | Reply::Hold => (Answer::None, String::new()),
            Reply::Fixed(fixed) => (Answer::Text, fixed.text.to_string()),
        };
        let greet = base.greet.as_ref().map_or_else(String::new, Escaped::to_string);
        Self {
            id,
            role,
            url: Editor::single(),
            reply,
            text: Editor::single().with(&text),
            greet: Editor::single().with(&greet),
            half_open: base.half_open,
            verify: !base.insecure,
            at: Field::Url,
            error: None,
            base,
        }
    }

    /// The scheme as far as it is typed.
    pub fn scheme(&self) -> Option<Scheme> {
        self.url.text().trim().split_once("://")?.0.parse().ok()
    }

    /// The fields that apply, in order.
    pub fn fields(&self) -> Vec<Field> {
        let scheme = self.scheme();
        let fixed = self.reply == Answer::Text;
        Field::ALL.into_iter().filter(|field| field.applies(self.role, scheme, fixed)).collect()
    }

    /// The fields as they are drawn.
    pub fn shown(&self) -> Vec<Shown<'_>> {
        let error = |field| self.error.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| text.as_str());
        let shown = |field| Shown { field, value: self.value(field), focused: field == self.at, error: error(field) };
        self.fields().into_iter().map(shown).collect()
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
        match self.at {
            Field::Role => {
                self.role = if self.role == Role::Listen { Role::Connect } else { Role::Listen };
            }
            Field::Reply => {
                self.reply = match (self.reply, key == Key::Left) {
                    (Answer::Echo, false) | (Answer::Text, true) => Answer::None,
                    (Answer::None, false) | (Answer::Echo, true) => Answer::Text,
                    (Answer::Text, false) | (Answer::None, true) => Answer::Echo,
                };
            }
            Field::HalfOpen => self.half_open = !self.half_open,
            Field::Verify => self.verify = !self.verify,
            Field::Url | Field::Text | Field::Greet => {}
        }
    }

    pub fn typed(&mut self, key: Key) {
        if let Some(editor) = self.editor() {
            editor.input(key);
            self.error = None;
        }
    }

    /// A field that takes escapes gets them; a URL keeps what a line can hold.
    pub fn paste(&mut self, text: &str) {
        let escapes = matches!(self.at, Field::Text | Field::Greet);
        let controls = text.chars().any(char::is_control);
        if let Some(editor) = self.editor() {
            match escapes && controls {
                true => editor.insert(&escape(text.as_bytes())),
                false => editor.insert(text.trim_end_matches(['\r', '\n'])),
            }
            self.error = None;
        }
    }

    fn editor(&mut self) -> Option<&mut Editor> {
        match self.at {
            Field::Url => Some(&mut self.url),
            Field::Text => Some(&mut self.text),
            Field::Greet => Some(&mut self.greet),
            _ => None,
        }
    }

    /// The effect, or the error is set and the cursor is at it.
    pub fn submit(&mut self) -> Option<Effect> {
        match self.spec() {
            Ok(spec) => Some(match self.id {
                Some(id) => Effect::Edit(id, Box::new(spec)),
                None => Effect::Open(Box::new(spec)),
            }),
            Err((field, text)) => {
                self.at = field;
                self.error = Some((field, text));
                None
            }
        }
    }

    fn spec(&self) -> Result<Spec, (Field, String)> {
        let url = Url::parse(&self.url.text(), self.role).map_err(|text| (Field::Url, text))?;
        let fields = self.fields();
        let mut settings = self.base.clone();
        // A field that is not shown does not apply: what it was stays.
        for field in fields {
            match field {
                Field::Role | Field::Url | Field::Text => {}
                Field::Reply => settings.reply = self.answer()?,
                Field::Greet => {
                    let bytes = read(&self.greet, Field::Greet)?;
                    settings.greet = (!bytes.0.is_empty()).then_some(bytes);
                }
                Field::HalfOpen => settings.half_open = self.half_open,
                Field::Verify => settings.insecure = !self.verify,
            }
        }
        Ok(Spec { role: self.role, url, settings })
    }

    fn answer(&self) -> Result<Reply, (Field, String)> {
        Ok(match self.reply {
            Answer::Echo => Reply::Echo,
            Answer::None => Reply::None,
            Answer::Text => {
                let text = read(&self.text, Field::Text)?;
                let base = match &self.base.reply {
                    Reply::Fixed(fixed) => fixed.clone(),
                    Reply::Echo | Reply::None | Reply::Hold => Fixed::default(),
                };
                Reply::Fixed(Fixed { text, ..base })
            }
        })
    }
}

fn read(editor: &Editor, field: Field) -> Result<Escaped, (Field, String)> {
    unescape(&editor.text()).map(|bytes| Escaped(bytes.into())).map_err(|rejection| (field, rejection.0))
}
