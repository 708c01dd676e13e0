//! The two doors: what comes into the app ([`Msg`]) and what it wants done ([`Effect`]).

use std::sync::Arc;

use super::key::Key;
use crate::model::draft::Draft;
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::setting::Change;
use crate::model::spec::Spec;
use crate::model::view::Snapshot;
use crate::model::workbench::{Told, Wish};

/// What the app is told.
#[derive(Clone, Debug)]
pub enum Msg {
    Key(Key),
    /// Text pasted into the terminal (bracketed paste), whole.
    Paste(String),
    /// How much the panes of the coming frame can show.
    Viewport(Viewport),
    /// The picture that is about to be drawn: what the next key refers to.
    Saw(Arc<Snapshot>),
    /// A draft went off: the editor may forget it. `text` says what was sent and to how many.
    Sent {
        ticket: u64,
        text: String,
    },
    /// A draft could not be sent: it stays, and the reason stands beside it.
    Refused {
        ticket: u64,
        reason: String,
    },
    /// What a step at the workbench came to, or what its store holds.
    Told(Box<Told>),
    /// Settings could not be changed: the form that asked for it is there again, with the reason at its field.
    Unset {
        reason: String,
    },
    /// Something that was asked for was done, or could not be: a line for the status bar.
    Notice {
        text: String,
        good: bool,
    },
}

/// What the app wants done. Only `run` does it.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Add an endpoint and start it.
    Open(Box<Spec>),
    /// Replace an endpoint's spec and restart it.
    Edit(EndpointId, Box<Spec>),
    /// Start a stopped or failed endpoint, or restart a running one.
    Start(EndpointId),
    Stop(EndpointId),
    Remove(EndpointId),
    Send {
        ticket: u64,
        to: Target,
        draft: Draft,
    },
    /// Half-close: send FIN, keep reading.
    End(SocketId),
    Close(SocketId),
    /// Close with RST.
    Reset(SocketId),
    /// Go on over TLS where it was plain TCP.
    Starttls(SocketId),
    /// Change settings of what runs, all of them or none.
    Set {
        subject: Subject,
        changes: Vec<Change>,
    },
    /// Copy an exchange's request as a curl command.
    Curl(SocketId, u32),
    ClearClosed,
    /// Do a step at the workbench, or only look at its store; the answer is a [`Msg::Told`].
    Workbench {
        ticket: u64,
        wish: Option<Wish>,
    },
    /// Append to the send history kept across runs.
    Remember(Draft),
    /// Hand the terminal back to the shell (Ctrl-Z).
    Suspend,
    Quit,
}

/// Who a draft is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    Socket(SocketId),
    /// A held HTTP exchange of a socket, by its number.
    Exchange(SocketId, u32),
    /// Every open socket of an endpoint.
    All(EndpointId),
    /// Those of them whose row has all these words, as a list's filter matches them.
    Matching(EndpointId, String),
    /// These, of whatever endpoint.
    These(Vec<SocketId>),
    /// UDP: an address a person typed (`host:port`).
    Address(EndpointId, String),
}

/// How many rows each pane's content has in the coming frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Viewport {
    pub endpoints: usize,
    pub sockets: usize,
    pub timeline: usize,
    pub inspector: usize,
    /// Lines that the inspected event has there: the bound of its scroll.
    pub inspector_lines: usize,
    /// Rows and lines of the page that lies over the dashboard.
    pub overlay: usize,
    pub overlay_lines: usize,
    /// The same for the text of the certificates' screen.
    pub workbench: usize,
    pub workbench_lines: usize,
}
