//! What can be done here and now, and why not: the footer shows only what can, and a key that cannot
//! says its reason.

use super::action::{Action, Row};
use super::composer::{splits, takes_ending};
use super::{App, Follow, Lead, Lens, Mode};
use crate::model::id::Subject;
use crate::model::life::Life;
use crate::model::url::{Role, Scheme};
use crate::model::view::State;

impl App {
    /// Whether an action does something now.
    pub fn can(&self, action: Action) -> bool {
        !self.is_text(action) && self.refusal(action).is_none()
    }

    /// The word for an action now: `stop` or `start`.
    pub fn label(&self, row: &Row) -> &'static str {
        let state = self.endpoint().map(|endpoint| &endpoint.state);
        match (row.action, state) {
            (Action::Toggle, Some(State::Stopped | State::Failed(_))) => "start",
            (Action::Restart, Some(State::Failed(_))) => "retry",
            (Action::Restart, Some(State::Stopped)) => "start",
            (Action::Pause, _) if self.is_paused() => "resume",
            (Action::Lens, _) if self.lens == Lens::Hex && self.is_framed() => "message",
            (Action::Lens, _) if matches!(self.lens, Lens::Hex | Lens::Message) => "details",
            (Action::Lens, _) if self.lens == Lens::Details => "text",
            (Action::Narrow, _) if self.lists.only.is_some() && self.lists.only == self.lists.endpoint => "all",
            (Action::Audience, _) if self.aims_at_all() => "one",
            _ => row.label,
        }
    }

    /// Whether the key belongs to the text under the cursor although an action has it.
    pub(super) fn is_text(&self, action: Action) -> bool {
        match (&self.mode, action) {
            (Mode::Compose, Action::Older) => !self.composer.on_first_line(),
            (Mode::Compose, Action::Newer) => !self.composer.on_last_line(),
            (Mode::Form(form), Action::Change) => form.is_text(),
            _ => false,
        }
    }

    /// Why an action cannot be done now; empty where there is nothing to say.
    pub(super) fn refusal(&self, action: Action) -> Option<&'static str> {
        match action {
            Action::End | Action::Close | Action::Reset | Action::Compose if self.is_folded() => {
                Some("these peers made room: nobody is behind the row any more")
            }
            Action::End => self.no_end(),
            Action::Close => self.no_close(),
            Action::Reset => self.no_reset(),
            Action::Compose => self.no_compose(),
            Action::Toggle | Action::Restart | Action::Edit | Action::Remove => {
                no(self.endpoint().is_some(), "no endpoint is selected")
            }
            Action::Options => self.no_options(),
            Action::Narrow => no(self.lists.endpoint.is_some(), "no endpoint is selected").or(self.no_list_change()),
            Action::Filter => self.no_list_change(),
            Action::ClearClosed => {
                no(self.seen.sockets.all > self.seen.open + self.seen.older, "no closed socket is listed")
            }
            Action::Inspect | Action::EventBefore | Action::EventAfter => {
                no(self.cursor().is_some(), "the timeline is empty")
            }
            Action::Handshake => no(self.seen.handshake.is_some(), "no TLS handshake has begun on what is selected"),
            Action::Waiting | Action::Answer => {
                no(!self.seen.waiting.is_empty(), "no exchange waits for an answer: with reply = \"hold\" they do")
            }
            Action::Curl => no(self.exchange().is_some(), "no event of an HTTP exchange is selected"),
            Action::Follow => no(self.follow() != Follow::Following, ""),
            Action::Leave if matches!(self.mode, Mode::Browse) => no(self.is_special(), ""),
            Action::Ending => no(takes_ending(self.composer.shape), "this has its own line ends"),
            Action::Shape => no(self.composer.shapes().len() > 1, "this protocol sends one kind of thing"),
            Action::Fragments => no(splits(self.composer.shape), "only a WebSocket message goes in several frames"),
            Action::Coding | Action::NewLine | Action::Send => None,
            Action::Audience => {
                let aim = self.composer.aim.as_ref();
                let filter = self.filter.text();
                no(
                    aim.is_some_and(|aim| aim.toggled(&filter).is_some()),
                    "it began with the endpoint: it goes to all, or with a filter to those it shows",
                )
            }
            Action::Older | Action::Search => no(!self.history.drafts().is_empty(), "nothing was sent yet"),
            _ => None,
        }
    }

    /// What Esc would leave on the dashboard.
    pub(super) fn is_special(&self) -> bool {
        let listed = !self.filter.is_empty() || self.lists.only.is_some();
        self.zoomed || (listed && !self.is_paused())
    }

    /// Whether the row of older peers is selected.
    fn is_folded(&self) -> bool {
        matches!(self.subject(), Some(Subject::Socket(_))) && self.socket().is_some_and(|socket| socket.folded > 0)
    }

    fn aims_at_all(&self) -> bool {
        let aim = self.composer.aim.as_ref();
        aim.is_some_and(|aim| matches!(aim.target, super::Target::All(_)))
    }

    fn no_list_change(&self) -> Option<&'static str> {
        no(!self.is_paused(), "the lists are frozen: p resumes")
    }

    fn no_end(&self) -> Option<&'static str> {
        let Some(socket) = self.socket() else { return Some("no socket is selected") };
        match socket.life {
            _ if socket.scheme == Scheme::Udp => Some("UDP has no FIN: a peer cannot be half-closed"),
            Life::Open | Life::PeerEnded => None,
            Life::Opening(_) => Some("the socket is not open yet"),
            Life::WeEnded | Life::Closing => Some("you half-closed it already"),
            Life::Closed => Some("the socket is closed"),
        }
    }

    fn no_close(&self) -> Option<&'static str> {
        let Some(socket) = self.socket() else { return Some("no socket is selected") };
        no(!socket.life.is_closed(), "the socket is closed")
    }

    fn no_reset(&self) -> Option<&'static str> {
        let udp = self.socket().is_some_and(|socket| socket.scheme == Scheme::Udp);
        self.no_close().or(no(!udp, "UDP has no RST: a peer cannot be reset"))
    }

    fn no_options(&self) -> Option<&'static str> {
        match self.subject() {
            Some(Subject::Socket(_)) => match self.socket() {
                Some(socket) if socket.scheme == Scheme::Udp => {
                    Some("a UDP peer has no options of its own: S-Tab to its endpoint")
                }
                socket => no(socket.is_some_and(|socket| !socket.life.is_closed()), "the socket is closed"),
            },
            _ => no(self.endpoint().is_some(), "nothing is selected"),
        }
    }

    fn no_compose(&self) -> Option<&'static str> {
        match self.subject() {
            Some(Subject::Socket(_)) => {
                let (Some(socket), Some(endpoint)) = (self.socket(), self.endpoint()) else {
                    return Some("no socket is selected");
                };
                let replies = endpoint.spec.role == Role::Listen && socket.scheme.is_http();
                match socket.life {
                    _ if replies => None,
                    Life::Closed if endpoint.spec.role == Role::Connect => None,
                    Life::WeEnded | Life::Closing => Some("you half-closed it: nothing more can be sent"),
                    Life::Closed => Some("the socket is closed"),
                    Life::Opening(_) | Life::Open | Life::PeerEnded => None,
                }
            }
            _ => {
                let Some(endpoint) = self.endpoint().filter(|_| self.lists.lead == Lead::Endpoints) else {
                    return Some("no socket is selected: S-Tab to an endpoint, and i types to its sockets");
                };
                let asks = endpoint.spec.role == Role::Listen
                    && (endpoint.spec.scheme() == Scheme::Udp || endpoint.spec.scheme().is_http());
                let dials = endpoint.spec.role == Role::Connect;
                no(
                    (asks && endpoint.state == State::Up) || dials || endpoint.open > 0,
                    "the endpoint has no open socket",
                )
            }
        }
    }
}

fn no(fine: bool, reason: &'static str) -> Option<&'static str> {
    (!fine).then_some(reason)
}
