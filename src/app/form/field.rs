//! The fields of the form: what they are called and what they hold.

use super::Form;
use crate::app::editor::Editor;
use crate::model::setting::{Look, Row};
use crate::model::url::Role;

/// A field, in the order they are shown: whose endpoint it is, then the rows of the settings' table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    Role,
    Url,
    Row(&'static Row),
}

impl Field {
    pub fn label(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Url => "url",
            Self::Row(row) => row.name,
        }
    }

    /// What could stand in an empty field.
    pub fn example(self) -> &'static str {
        match self {
            Self::Url => "tcp://127.0.0.1:9000",
            Self::Row(Row { look: Look::Line(example), .. }) => example,
            _ => "",
        }
    }

    /// A line for the foot of the form.
    pub fn help(self) -> &'static str {
        match self {
            Self::Role => "wait for peers, or dial one",
            Self::Url => "scheme://host:port: tcp udp http https ws wss tls; no host is loopback, port 0 picks one",
            Self::Row(row) => row.help,
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Text(&'a Editor),
    Choice { options: &'static [&'static str], chosen: usize },
}

/// A field as it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub label: &'static str,
    /// What could stand there while it is empty.
    pub example: &'static str,
    /// A line for the foot of the form.
    pub help: &'static str,
    pub value: Value<'a>,
    pub focused: bool,
    /// What is wrong with it, as a sentence.
    pub error: Option<&'a str>,
}

impl Form {
    pub(super) fn value(&self, field: Field) -> Value<'_> {
        match field {
            Field::Role => {
                Value::Choice { options: &["listen", "connect"], chosen: usize::from(self.role == Role::Connect) }
            }
            Field::Url => Value::Text(&self.url),
            Field::Row(row) => match (row.look.options(), self.line(row)) {
                (None, Some(editor)) => Value::Text(editor),
                (options, _) => {
                    let options = options.unwrap_or(&[]);
                    let now = (row.get)(&self.settings);
                    Value::Choice { options, chosen: options.iter().position(|word| *word == now).unwrap_or(0) }
                }
            },
        }
    }
}
