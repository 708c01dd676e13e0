//! The fields of the endpoint form: which apply, what they are called, what they hold.

use super::Form;
use crate::app::editor::Editor;
use crate::model::url::{Role, Scheme};

/// The fields, in the order they are shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Field {
    Role,
    Url,
    Reply,
    Text,
    Greet,
    HalfOpen,
    Verify,
}

impl Field {
    pub const ALL: [Self; 7] =
        [Self::Role, Self::Url, Self::Reply, Self::Text, Self::Greet, Self::HalfOpen, Self::Verify];

    pub fn label(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Url => "url",
            Self::Reply => "reply",
            Self::Text => "text",
            Self::Greet => "greet",
            Self::HalfOpen => "half-open",
            Self::Verify => "verify",
        }
    }

    /// What could stand in an empty field.
    pub fn example(self) -> &'static str {
        match self {
            Self::Url => "tcp://127.0.0.1:9000",
            _ => "",
        }
    }

    /// A line for the foot of the form.
    pub fn help(self) -> &'static str {
        match self {
            Self::Role => "wait for peers, or dial one",
            Self::Url => "scheme://host:port: tcp udp http https ws wss tls; no host is loopback, port 0 picks one",
            Self::Reply => "what it answers: the same back, nothing, or always the same text",
            Self::Text => "with escapes: \\r \\n \\t \\0 \\xNN \\u{...}",
            Self::Greet => "sent to each peer when it connects, with escapes; empty for none",
            Self::HalfOpen => "after the peer's FIN keep our side open",
            Self::Verify => "check the server's certificate",
        }
    }

    pub(super) fn applies(self, role: Role, scheme: Option<Scheme>, fixed: bool) -> bool {
        let listens = role == Role::Listen;
        let among = |schemes: &[Scheme]| scheme.is_none_or(|scheme| schemes.contains(&scheme));
        match self {
            Self::Role | Self::Url => true,
            Self::Reply => listens,
            Self::Text => listens && fixed,
            Self::Greet => listens && among(&[Scheme::Tcp, Scheme::Tls, Scheme::Ws, Scheme::Wss]),
            Self::HalfOpen => among(&[Scheme::Tcp, Scheme::Tls]),
            Self::Verify => !listens && among(&[Scheme::Tls, Scheme::Https, Scheme::Wss]),
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
    pub field: Field,
    pub value: Value<'a>,
    pub focused: bool,
    /// What is wrong with it, as a sentence.
    pub error: Option<&'a str>,
}

impl Form {
    pub(super) fn value(&self, field: Field) -> Value<'_> {
        let choice = |options, chosen| Value::Choice { options, chosen };
        match field {
            Field::Role => choice(&["listen", "connect"], usize::from(self.role == Role::Connect)),
            Field::Url => Value::Text(&self.url),
            Field::Reply => choice(&["echo", "none", "text"], self.reply as usize),
            Field::Text => Value::Text(&self.text),
            Field::Greet => Value::Text(&self.greet),
            Field::HalfOpen => choice(&["no", "yes"], usize::from(self.half_open)),
            Field::Verify => choice(&["yes", "no"], usize::from(!self.verify)),
        }
    }
}
