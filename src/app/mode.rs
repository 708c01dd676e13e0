//! What the keys are for at the moment. One at a time, by type.

use super::composer::HistorySearch;
use super::editor::Editor;
use super::effect::Effect;
use super::form::Form;
use super::palette::Palette;
use crate::model::id::{EndpointId, SocketId};

#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// The dashboard has the keys.
    #[default]
    Browse,
    /// The send panel has them: [`super::App::composer`].
    Compose,
    /// The filter line has them: [`super::App::filter`].
    Filter,
    Form(Box<Form>),
    Palette(Box<Palette>),
    Help {
        /// Lines above the screen. The screen stops at its last page.
        scroll: usize,
        /// It was asked for on the certificates' screen, and goes back there.
        certificates: bool,
    },
    /// The TLS handshake of the selected socket.
    Handshake {
        /// Lines above the screen.
        scroll: usize,
    },
    /// The list of exchanges that wait for an answer; the selected one by its socket and number.
    Waiting(Option<(SocketId, u32)>),
    /// The certificates' screen: [`super::App::workbench`].
    Workbench,
    /// The search over the send panel.
    History(Box<HistorySearch>),
    Confirm(Question),
    /// A UDP endpoint asks whom to send to.
    Address(Box<Address>),
}

/// A question, and what Yes does.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    pub text: String,
    pub yes: Effect,
}

/// The line for `host:port`.
#[derive(Clone, Debug)]
pub struct Address {
    pub endpoint: EndpointId,
    pub editor: Editor,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Address {
    pub fn new(endpoint: EndpointId) -> Self {
        Self { endpoint, editor: Editor::single(), error: None }
    }

    /// The address, if it can be one: the name is resolved where it is sent.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn read(&self) -> Result<String, String> {
        let text = self.editor.text().trim().to_owned();
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && bracketed(host));
        match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
            Some(0) => Err("nobody listens on port 0".into()),
            Some(_) if !text.contains(char::is_whitespace) => Ok(text),
            _ => Err(format!("\"{text}\" is no address: write host:port, such as 127.0.0.1:41234 or [::1]:41234")),
        }
    }
}

fn bracketed(host: &str) -> bool {
    !host.contains(':') || (host.starts_with('[') && host.ends_with(']'))
}
