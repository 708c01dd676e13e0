//! Everything a key can do, as one table: the keymap, the footer, the help screen, the palette and the
//! README's key list are all read from it.
//!
//! Says what there is, not how it is done, nor whether it can be done now (see `able`).

use super::Pane;
use super::key::Key;
use crate::model::workbench::Deed;

/// A step in a list, a timeline or a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    Quit,
    Suspend,
    Help,
    Palette,
    NextPane,
    PreviousPane,
    PaneLeft,
    PaneRight,
    Move(Motion),
    /// Show only the selected endpoint's sockets, or all again.
    Narrow,
    /// Type to the selected socket or endpoint.
    Compose,
    /// Look at the event under the cursor.
    Inspect,
    EventBefore,
    EventAfter,
    End,
    Close,
    Reset,
    /// Plain TCP goes on over TLS.
    Starttls,
    Add,
    Edit,
    /// Change settings of what runs.
    Options,
    /// Show a certificate of the gallery, or the good one again.
    Gallery,
    /// Start or stop.
    Toggle,
    Restart,
    Remove,
    /// Copy the event's request as a curl command.
    Curl,
    /// The certificates' screen.
    Workbench,
    /// One of its steps.
    Step(Deed),
    /// Give the selected certificate to the selected endpoint.
    Use,
    /// Read the store anew.
    Reload,
    Pause,
    Follow,
    ClearClosed,
    /// The TLS handshake of the selected socket, whole.
    Handshake,
    /// The list of exchanges that wait for an answer.
    Waiting,
    /// Answer one of them in one go.
    Answer,
    Filter,
    Lens,
    Zoom,
    /// Out of this: a mode, a filter, a zoom.
    Leave,
    Send,
    NewLine,
    Coding,
    Ending,
    Shape,
    /// In how many frames a WebSocket message goes.
    Fragments,
    Audience,
    Older,
    Newer,
    Search,
    /// Take what is chosen: a filter, a line of the palette or the history, an address, a form.
    Take,
    NextField,
    PreviousField,
    /// Another choice of the form's field.
    Change,
    Yes,
}

/// Where a row of the table applies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    Anywhere,
    /// Every pane of the dashboard.
    Browse,
    Pane(Pane),
    Compose,
    History,
    Address,
    Filter,
    Form,
    Palette,
    Confirm,
    Help,
    Waiting,
    Handshake,
    Workbench,
}

impl Place {
    /// Every place, in the order help shows them.
    pub const ALL: [Self; 17] = [
        Self::Anywhere,
        Self::Browse,
        Self::Pane(Pane::Endpoints),
        Self::Pane(Pane::Sockets),
        Self::Pane(Pane::Timeline),
        Self::Pane(Pane::Inspector),
        Self::Compose,
        Self::History,
        Self::Address,
        Self::Filter,
        Self::Form,
        Self::Palette,
        Self::Confirm,
        Self::Help,
        Self::Waiting,
        Self::Handshake,
        Self::Workbench,
    ];

    /// A heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anywhere => "Anywhere",
            Self::Browse => "Dashboard",
            Self::Pane(Pane::Endpoints) => "Endpoints",
            Self::Pane(Pane::Sockets) => "Sockets",
            Self::Pane(Pane::Timeline) => "Timeline",
            Self::Pane(Pane::Inspector) => "Inspector",
            Self::Compose => "Send panel",
            Self::History => "History search",
            Self::Address => "Address line",
            Self::Filter => "Filter",
            Self::Form => "Form",
            Self::Palette => "Commands",
            Self::Confirm => "Question",
            Self::Help => "Help",
            Self::Waiting => "Waiting exchanges",
            Self::Handshake => "Handshake",
            Self::Workbench => "Certificates",
        }
    }

    /// The places whose rows apply here, the nearest first.
    pub fn reach(self) -> impl Iterator<Item = Self> {
        let browse = matches!(self, Self::Pane(_)).then_some(Self::Browse);
        let anywhere = (self != Self::Anywhere).then_some(Self::Anywhere);
        [Some(self), browse, anywhere].into_iter().flatten()
    }
}

/// One row of [`ACTIONS`].
#[derive(Debug)]
pub struct Row {
    pub action: Action,
    /// The first is the one the footer names.
    pub keys: &'static [Key],
    pub place: Place,
    /// One word for the footer.
    pub label: &'static str,
    /// A sentence for help and palette.
    pub help: &'static str,
    /// Order in the footer, the lowest first; 0 stays out of it.
    pub rank: u8,
}

const fn row(
    action: Action,
    keys: &'static [Key],
    place: Place,
    label: &'static str,
    help: &'static str,
    rank: u8,
) -> Row {
    Row { action, keys, place, label, help, rank }
}

use Action as A;
use Key::{AltEnter, BackTab, Char, Ctrl, Down, Enter, Esc, Left, PageDown, PageUp, Right, Tab, Up};
use Motion as M;
use Place as P;

/// The table.
#[rustfmt::skip]
pub const ACTIONS: &[Row] = &[
    row(A::Quit, &[Ctrl('c')], P::Anywhere, "quit", "Quit from wherever you are; the terminal is left as it was.", 0),
    row(A::Suspend, &[Ctrl('z')], P::Anywhere, "suspend", "Hand the terminal to the shell; fg comes back, sockets live on.", 0),

    row(A::Compose, &[Char('i')], P::Browse, "send", "Type to the selected socket, or to all sockets of the endpoint.", 12),
    row(A::Waiting, &[Char('w')], P::Browse, "waiting", "List the HTTP exchanges that wait for your answer.", 11),
    row(A::Handshake, &[Char('H')], P::Browse, "handshake", "The TLS handshake: steps, offers, the chain.", 14),
    row(A::Answer, &[Char('A')], P::Browse, "answer", "Write a whole answer to what waits: head, body and end in one go.", 15),
    row(A::Leave, &[Esc], P::Browse, "back", "Leave the zoom, the filter, the endpoint's own list: one at a time.", 13),
    row(A::Follow, &[Char('f')], P::Browse, "follow", "Follow the newest event again; ends a pause.", 14),
    row(A::End, &[Char('e')], P::Browse, "end", "Half-close: send FIN and keep reading.", 20),
    row(A::Close, &[Char('x')], P::Browse, "close", "Close the socket; a UDP peer is forgotten.", 21),
    row(A::Reset, &[Char('X')], P::Browse, "reset", "Close the socket with RST.", 22),
    row(A::Add, &[Char('a')], P::Browse, "add", "Add an endpoint while the rest run.", 30),
    row(A::Filter, &[Char('/')], P::Browse, "filter", "Show only sockets with these words in their row.", 31),
    row(A::Pause, &[Char('p')], P::Browse, "pause", "Freeze the picture; counting goes on behind it.", 32),
    row(A::NextPane, &[Tab], P::Browse, "pane", "Go to the next pane.", 33),
    row(A::Palette, &[Char(':'), Ctrl('p')], P::Browse, "commands", "List what can be done here, by name.", 34),
    row(A::Help, &[Char('?')], P::Browse, "help", "Every key, every event's meaning.", 35),
    row(A::Quit, &[Char('q')], P::Browse, "quit", "Close every socket, restore the terminal, leave.", 36),
    row(A::Lens, &[Char('t')], P::Browse, "hex", "Show the event as text, as hex, or exact counters and details instead.", 40),
    row(A::Zoom, &[Char('z')], P::Browse, "zoom", "Give the pane the whole screen, or back.", 41),
    row(A::Toggle, &[Char('s')], P::Browse, "stop", "Start or stop the endpoint.", 42),
    row(A::Restart, &[Char('r')], P::Browse, "restart", "Start the endpoint again: retry one that failed.", 43),
    row(A::Options, &[Char('o')], P::Browse, "options", "Change settings of the socket or endpoint while it runs.", 30),
    row(A::Gallery, &[Char('b')], P::Browse, "bad", "Show new peers a bad certificate, chosen from a gallery.", 43),
    row(A::Edit, &[Char('E')], P::Browse, "edit", "Change the endpoint: address and settings; it starts again.", 44),
    row(A::Remove, &[Char('D')], P::Browse, "remove", "Remove the endpoint and its sockets.", 45),
    row(A::ClearClosed, &[Char('c')], P::Browse, "clear", "Take closed sockets off the list; their counts stay in every total.", 46),
    row(A::Curl, &[Char('y')], P::Browse, "curl", "Copy the event's HTTP request as a curl command.", 47),
    row(A::Workbench, &[Char('C')], P::Browse, "certs", "Certificates: make, sign, check and show keys and certificates.", 48),
    row(A::Starttls, &[Char('T')], P::Browse, "TLS", "Upgrade plain TCP to TLS, as STARTTLS does; a listener is TLS's server.", 48),
    row(A::PreviousPane, &[BackTab], P::Browse, "pane back", "Go to the pane before.", 0),
    row(A::PaneLeft, &[Left, Char('h')], P::Browse, "left", "Go to the pane on the left.", 0),
    row(A::PaneRight, &[Right, Char('l')], P::Browse, "right", "Go to the pane on the right.", 0),
    row(A::Move(M::Up), &[Up, Char('k')], P::Browse, "up", "Up a row; on the timeline this stops following.", 0),
    row(A::Move(M::Down), &[Down, Char('j')], P::Browse, "down", "Down a row.", 0),
    row(A::Move(M::PageUp), &[PageUp, Ctrl('u')], P::Browse, "page up", "Up a page.", 0),
    row(A::Move(M::PageDown), &[PageDown, Ctrl('d')], P::Browse, "page down", "Down a page.", 0),
    row(A::Move(M::Top), &[Key::Home, Char('g')], P::Browse, "top", "To the first row: the oldest event that is kept.", 0),
    row(A::Move(M::Bottom), &[Key::End, Char('G')], P::Browse, "bottom", "To the last row; the timeline follows again.", 0),

    row(A::Narrow, &[Enter], P::Pane(Pane::Endpoints), "sockets", "List only this endpoint's sockets; again lists all.", 10),
    row(A::Compose, &[Enter], P::Pane(Pane::Sockets), "send", "Type to this socket.", 10),
    row(A::Inspect, &[Enter], P::Pane(Pane::Timeline), "inspect", "Stay on this event and go to the inspector.", 10),
    row(A::EventBefore, &[Char('[')], P::Pane(Pane::Inspector), "older", "The event before.", 10),
    row(A::EventAfter, &[Char(']')], P::Pane(Pane::Inspector), "newer", "The event after.", 11),

    row(A::Send, &[Enter], P::Compose, "send", "Send; the panel stays open.", 10),
    row(A::Coding, &[Tab], P::Compose, "mode", "How text becomes bytes: text, escapes, hex, file.", 11),
    row(A::Ending, &[BackTab], P::Compose, "ending", "What is put behind the text: nothing, LF, CRLF.", 12),
    row(A::Shape, &[Ctrl('t')], P::Compose, "kind", "What is sent: text or binary message, ping, pong, close frame.", 13),
    row(A::Fragments, &[Ctrl('f')], P::Compose, "frames", "In how many frames a WebSocket message goes: 1 to 100.", 13),
    row(A::Audience, &[Ctrl('b')], P::Compose, "all", "To this socket, all of its endpoint, or those the filter shows.", 14),
    row(A::Older, &[Up], P::Compose, "history", "What was sent before (on the first line).", 15),
    row(A::Newer, &[Down], P::Compose, "newer", "What was sent after that (on the last line).", 0),
    row(A::Search, &[Ctrl('r')], P::Compose, "search", "Search what was sent before.", 16),
    row(A::NewLine, &[AltEnter, Ctrl('j')], P::Compose, "line", "A new line in the text.", 17),
    row(A::Leave, &[Esc], P::Compose, "back", "Back to the dashboard; the text is kept.", 18),

    row(A::Take, &[Enter], P::History, "take", "Put this into the editor.", 10),
    row(A::Move(M::Up), &[Up, Ctrl('p')], P::History, "up", "Up a line.", 0),
    row(A::Move(M::Down), &[Down, Ctrl('n'), Ctrl('r')], P::History, "down", "Down a line: older.", 0),
    row(A::Leave, &[Esc], P::History, "back", "Back to the text as it was.", 11),

    row(A::Take, &[Enter], P::Address, "type", "Type to this address; an empty line means every peer heard from.", 10),
    row(A::Leave, &[Esc], P::Address, "back", "Back to the dashboard.", 11),

    row(A::Take, &[Enter], P::Filter, "keep", "Keep the filter and go to the list.", 10),
    row(A::Move(M::Up), &[Up], P::Filter, "up", "Up a row of the list.", 0),
    row(A::Move(M::Down), &[Down], P::Filter, "down", "Down a row of the list.", 0),
    row(A::Leave, &[Esc], P::Filter, "clear", "Drop the filter.", 11),

    row(A::Take, &[Enter], P::Form, "go", "Do what the form says: open or restart the endpoint, do the step.", 10),
    row(A::NextField, &[Tab, Down], P::Form, "next", "The next field.", 11),
    row(A::PreviousField, &[BackTab, Up], P::Form, "previous", "The field before.", 0),
    row(A::Change, &[Key::Char(' '), Right, Left], P::Form, "change", "Another choice.", 12),
    row(A::Leave, &[Esc], P::Form, "back", "Back without a change.", 13),

    row(A::Take, &[Enter], P::Palette, "do", "Do this.", 10),
    row(A::Move(M::Up), &[Up, Ctrl('p')], P::Palette, "up", "Up a line.", 0),
    row(A::Move(M::Down), &[Down, Ctrl('n')], P::Palette, "down", "Down a line.", 0),
    row(A::Leave, &[Esc], P::Palette, "back", "Back to the dashboard.", 11),

    row(A::Yes, &[Char('y'), Enter], P::Confirm, "yes", "Do it.", 10),
    row(A::Leave, &[Esc, Char('n')], P::Confirm, "no", "Leave it as it is.", 11),

    row(A::Take, &[Enter, Char('i')], P::Waiting, "answer", "Answer this one step by step: head, body, end.", 10),
    row(A::Answer, &[Char('A')], P::Waiting, "at once", "Answer this one in one go.", 11),
    row(A::Move(M::Up), &[Up, Char('k')], P::Waiting, "up", "Up a row.", 0),
    row(A::Move(M::Down), &[Down, Char('j')], P::Waiting, "down", "Down a row.", 0),
    row(A::Move(M::PageUp), &[PageUp], P::Waiting, "page up", "Up a page.", 0),
    row(A::Move(M::PageDown), &[PageDown], P::Waiting, "page down", "Down a page.", 0),
    row(A::Move(M::Top), &[Key::Home, Char('g')], P::Waiting, "top", "To the one that waited longest.", 0),
    row(A::Move(M::Bottom), &[Key::End, Char('G')], P::Waiting, "bottom", "To the newest.", 0),
    row(A::Leave, &[Esc, Char('w')], P::Waiting, "back", "Back to the dashboard.", 12),

    row(A::Move(M::Up), &[Up, Char('k')], P::Handshake, "up", "Up a line.", 0),
    row(A::Move(M::Down), &[Down, Char('j')], P::Handshake, "scroll", "Down a line.", 10),
    row(A::Move(M::PageUp), &[PageUp], P::Handshake, "page up", "Up a page.", 0),
    row(A::Move(M::PageDown), &[PageDown, Char(' ')], P::Handshake, "page", "Down a page.", 11),
    row(A::Move(M::Top), &[Key::Home, Char('g')], P::Handshake, "top", "To the first line.", 0),
    row(A::Move(M::Bottom), &[Key::End, Char('G')], P::Handshake, "bottom", "To the last line.", 0),
    row(A::Leave, &[Esc, Char('H'), Char('q')], P::Handshake, "back", "Back to the dashboard.", 12),

    row(A::Step(Deed::For), &[Char('n'), Enter], P::Workbench, "new", "A certificate for names, all steps in one; a CA if there is none.", 10),
    row(A::Use, &[Char('u')], P::Workbench, "use", "Let the endpoint selected on the dashboard show this certificate.", 11),
    row(A::Step(Deed::Verify), &[Char('v')], P::Workbench, "verify", "Check the chain, and say why it is bad if it is.", 12),
    row(A::Step(Deed::Key), &[Char('K')], P::Workbench, "key", "Make a private key.", 13),
    row(A::Step(Deed::Ca), &[Char('c')], P::Workbench, "CA", "Make a CA: a root, or one under another.", 14),
    row(A::Step(Deed::Request), &[Char('r')], P::Workbench, "request", "Make a signing request; its key is made if there is none.", 15),
    row(A::Step(Deed::Sign), &[Char('s')], P::Workbench, "sign", "Sign a request by a CA.", 16),
    row(A::Step(Deed::Public), &[Char('b')], P::Workbench, "public", "Write the public key of the selected private one.", 17),
    row(A::Step(Deed::Show), &[Char('o')], P::Workbench, "file", "Show what any file holds: certificate, chain, request, key, CRL.", 18),
    row(A::Step(Deed::Import), &[Char('i')], P::Workbench, "import", "Take a certificate with its key, a CA's too, from elsewhere.", 19),
    row(A::Step(Deed::Trust), &[Char('t')], P::Workbench, "trust", "How this system and others come to trust this CA.", 20),
    row(A::Step(Deed::Pkcs12), &[Char('p')], P::Workbench, "PKCS#12", "Write key and chain as one PKCS#12 file.", 21),
    row(A::Step(Deed::Revoke), &[Char('R')], P::Workbench, "revoke", "Take the certificate back: its CA's list says so from now on.", 22),
    row(A::Step(Deed::Private), &[Char('P')], P::Workbench, "private", "Show the private key, after a question.", 23),
    row(A::Reload, &[Char('L')], P::Workbench, "reload", "Read the store anew.", 24),
    row(A::Help, &[Char('?')], P::Workbench, "help", "Every key of this screen, and all others.", 26),
    row(A::Leave, &[Esc, Char('C')], P::Workbench, "back", "Back to the dashboard.", 12),
    row(A::Move(M::Up), &[Up, Char('k')], P::Workbench, "up", "Up a name.", 0),
    row(A::Move(M::Down), &[Down, Char('j')], P::Workbench, "down", "Down a name.", 0),
    row(A::Move(M::PageUp), &[PageUp], P::Workbench, "page up", "Up a page of the text.", 0),
    row(A::Move(M::PageDown), &[PageDown, Char(' ')], P::Workbench, "page down", "Down a page of the text.", 0),
    row(A::Move(M::Top), &[Key::Home, Char('g')], P::Workbench, "top", "To the first name.", 0),
    row(A::Move(M::Bottom), &[Key::End, Char('G')], P::Workbench, "bottom", "To the last name.", 0),

    row(A::Move(M::Up), &[Up, Char('k')], P::Help, "up", "Up a line.", 0),
    row(A::Move(M::Down), &[Down, Char('j')], P::Help, "scroll", "Down a line.", 10),
    row(A::Move(M::PageUp), &[PageUp], P::Help, "page up", "Up a page.", 0),
    row(A::Move(M::PageDown), &[PageDown, Char(' ')], P::Help, "page", "Down a page.", 11),
    row(A::Move(M::Top), &[Key::Home, Char('g')], P::Help, "top", "To the first line.", 0),
    row(A::Move(M::Bottom), &[Key::End, Char('G')], P::Help, "bottom", "To the last line.", 0),
    row(A::Leave, &[Esc, Char('?'), Char('q')], P::Help, "back", "Back to the dashboard.", 12),
];
