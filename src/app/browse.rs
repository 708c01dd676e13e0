//! The dashboard's own keys: panes, selections, and what is done to sockets and endpoints.

use super::action::{ACTIONS, Action, Motion};
use super::composer::{Aim, name};
use super::form::Field;
use super::keymap::rows;
use super::list::step;
use super::mode::{Address, Question};
use super::palette::Found;
use super::{App, Effect, Form, Lead, Lens, Mode, Palette, Pane, Pause, Place, Scroll};
use crate::model::draft::Shape;
use crate::model::id::{SocketId, Subject};
use crate::model::life::Life;
use crate::model::setting;
use crate::model::setting::ws::Dialect;
use crate::model::url::{Role, Scheme};
use crate::model::view::State;

impl App {
    /// What an action does on the dashboard; it was checked that it can be done.
    pub(super) fn browse(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::End | Action::Close | Action::Reset | Action::Starttls => {
                return self.on_socket(action).into_iter().collect();
            }
            Action::Toggle | Action::Restart | Action::Edit | Action::Remove => {
                return self.on_endpoint(action).into_iter().collect();
            }
            Action::Curl => {
                return self.exchange().map(|(id, exchange)| Effect::Curl(id, exchange)).into_iter().collect();
            }
            Action::ClearClosed => return vec![Effect::ClearClosed],
            Action::Workbench => return self.open_workbench(),
            Action::Help => self.mode = Mode::Help { scroll: 0, certificates: false },
            Action::Handshake => self.mode = Mode::Handshake { scroll: 0 },
            Action::Palette => self.mode = Mode::Palette(Box::new(Palette::new(self.commands()))),
            Action::Gallery => self.mode = Mode::Palette(Box::new(Palette::new(self.gallery()))),
            Action::Options => self.options(),
            Action::Add => self.mode = Mode::Form(Box::new(Form::add())),
            Action::Filter => {
                self.mode = Mode::Filter;
                self.focus_on(Pane::Sockets);
            }
            Action::Compose => self.compose(),
            Action::Waiting => self.mode = Mode::Waiting(self.held()),
            Action::Answer => self.answer(self.held(), Some(Shape::Answer)),
            Action::NextPane => self.focus_on(self.pane(1)),
            Action::PreviousPane => self.focus_on(self.pane(Pane::ALL.len() - 1)),
            Action::PaneLeft => self.focus_on(match self.lists.lead {
                Lead::Endpoints => Pane::Endpoints,
                Lead::Sockets => Pane::Sockets,
            }),
            Action::PaneRight => self.focus_on(match self.focus {
                Pane::Endpoints | Pane::Sockets => Pane::Timeline,
                right => right,
            }),
            Action::Move(motion) => self.motion(motion),
            Action::Narrow => self.narrow(),
            Action::Inspect => {
                self.anchor();
                self.focus_on(Pane::Inspector);
            }
            Action::EventBefore => self.move_cursor(Motion::Up),
            Action::EventAfter => self.move_cursor(Motion::Down),
            Action::Pause => {
                self.pause = match self.pause {
                    Pause::Live => Pause::Asked,
                    Pause::Asked | Pause::Frozen(_) => Pause::Live,
                }
            }
            Action::Follow => {
                self.pause = Pause::Live;
                self.scroll = Scroll::Following;
                self.inspector_top = 0;
            }
            Action::Lens => {
                self.inspector_top = 0;
                self.lens = match self.lens {
                    Lens::Text => Lens::Hex,
                    Lens::Hex if self.is_framed() => Lens::Message,
                    Lens::Hex | Lens::Message => Lens::Details,
                    Lens::Details => Lens::Text,
                };
            }
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Leave => self.leave_special(),
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        match pane {
            Pane::Endpoints => self.lists.lead = Lead::Endpoints,
            Pane::Sockets => self.lists.lead = Lead::Sockets,
            Pane::Timeline | Pane::Inspector => {}
        }
    }

    fn pane(&self, by: usize) -> Pane {
        let at = Pane::ALL.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        Pane::ALL[(at + by) % Pane::ALL.len()]
    }

    pub(super) fn motion(&mut self, motion: Motion) {
        match self.focus {
            Pane::Endpoints => self.lists.move_endpoint(motion, &self.seen, self.viewport.endpoints),
            Pane::Sockets => self.lists.move_socket(motion, &self.seen, self.viewport.sockets, self.is_paused()),
            Pane::Timeline => self.move_cursor(motion),
            Pane::Inspector => self.scroll_inspector(motion),
        }
    }

    fn move_cursor(&mut self, motion: Motion) {
        let subject = self.subject();
        if let Some(timeline) = self.seen.timeline.as_ref().filter(|timeline| Some(timeline.subject) == subject) {
            self.scroll = self.scroll.moved(motion, &timeline.range, self.viewport.timeline);
            self.inspector_top = 0;
        }
    }

    /// From here on the cursor stays on its event.
    fn anchor(&mut self) {
        let subject = self.subject();
        if let Some(timeline) = self.seen.timeline.as_ref().filter(|timeline| Some(timeline.subject) == subject) {
            self.scroll = self.scroll.anchored(&timeline.range, self.viewport.timeline);
        }
    }

    /// One reads an event that stays: following would pull it away.
    fn scroll_inspector(&mut self, motion: Motion) {
        self.anchor();
        let height = self.viewport.inspector;
        let len = self.viewport.inspector_lines.saturating_sub(height) + 1;
        self.inspector_top = step(motion, self.inspector_top, len, height);
    }

    fn narrow(&mut self) {
        self.lists.only = if self.lists.only == self.lists.endpoint { None } else { self.lists.endpoint };
        if self.lists.only.is_some() {
            self.focus_on(Pane::Sockets);
        }
    }

    fn leave_special(&mut self) {
        if self.zoomed {
            self.zoomed = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
        } else {
            self.lists.only = None;
        }
    }

    fn on_socket(&self, action: Action) -> Option<Effect> {
        let id = self.socket()?.id;
        match action {
            Action::End => Some(Effect::End(id)),
            Action::Close => Some(Effect::Close(id)),
            Action::Reset => Some(Effect::Reset(id)),
            Action::Starttls => Some(Effect::Starttls(id)),
            _ => None,
        }
    }

    fn on_endpoint(&mut self, action: Action) -> Option<Effect> {
        let row = self.endpoint()?;
        let id = row.id;
        match action {
            Action::Toggle => match row.state {
                State::Stopped | State::Failed(_) => Some(Effect::Start(id)),
                State::Starting | State::Up => Some(Effect::Stop(id)),
            },
            Action::Restart => Some(Effect::Start(id)),
            Action::Edit => {
                self.mode = Mode::Form(Box::new(Form::edit(id, &row.spec)));
                None
            }
            Action::Remove if row.open > 0 => {
                let sockets =
                    if row.open == 1 { "its open socket".into() } else { format!("its {} open sockets", row.open) };
                let text = format!("Remove {} and close {sockets}?", name(row));
                self.mode = Mode::Confirm(Question { text, yes: Effect::Remove(id) });
                None
            }
            Action::Remove => Some(Effect::Remove(id)),
            _ => None,
        }
    }

    /// Whether the timeline is shown as messages.
    pub(super) fn is_framed(&self) -> bool {
        self.seen.timeline.as_ref().is_some_and(|timeline| timeline.framed.is_some())
    }

    /// The settings that can be changed while it runs.
    fn options(&mut self) {
        if let Some(form) = self.options_form() {
            self.mode = Mode::Form(Box::new(form));
        }
    }

    /// The same, at one of them.
    pub(super) fn option(&mut self, row: &'static setting::Row) -> Vec<Effect> {
        if let Some(mut form) = self.options_form() {
            form.at = Field::Row(row);
            self.mode = Mode::Form(Box::new(form));
        }
        Vec::new()
    }

    fn options_form(&self) -> Option<Form> {
        let (row, subject) = self.endpoint().zip(self.subject())?;
        let settings = match subject {
            Subject::Socket(_) => self.seen.settings.as_deref().unwrap_or(&row.spec.settings),
            Subject::Endpoint(_) => &row.spec.settings,
        };
        Some(Form::options(subject, &row.spec, settings))
    }

    /// Those settings as lines of the command list.
    fn settings(&self) -> Vec<Found> {
        let Some(options) = ACTIONS.iter().find(|row| row.action == Action::Options) else { return Vec::new() };
        let fields =
            self.options_form().filter(|_| self.can(Action::Options)).map_or_else(Vec::new, |form| form.fields());
        let line = |field| match field {
            Field::Row(row) => Some(Found { help: row.help, setting: Some(row), ..Found::action(options, row.name) }),
            Field::Role | Field::Url => None,
        };
        fields.into_iter().filter_map(line).collect()
    }

    /// The exchange of the event under the cursor.
    pub(super) fn exchange(&self) -> Option<(SocketId, u32)> {
        let Some(Subject::Socket(id)) = self.subject() else { return None };
        let cursor = self.cursor()?;
        let events = &self.seen.timeline.as_ref()?.events;
        let event = events.iter().find(|event| event.seq == cursor)?;
        event.kind.exchange().map(|exchange| (id, exchange))
    }

    /// Begins to type; whom to is fixed from here.
    fn compose(&mut self) {
        if let Some(waits) = self.near_exchange() {
            return self.answer(Some(waits), None);
        }
        let aim = match self.subject() {
            Some(Subject::Socket(_)) => {
                // A client's connection that is over: what is sent goes through a new one.
                self.socket().zip(self.endpoint()).map(|(socket, endpoint)| match socket.life {
                    Life::Closed if endpoint.spec.role == Role::Connect => Aim::all(endpoint),
                    _ => {
                        let settings = self.seen.settings.as_deref().unwrap_or(&endpoint.spec.settings);
                        Aim { framing: settings.tcp.framing.clone(), ..Aim::socket(socket, endpoint) }
                    }
                })
            }
            _ => match self.endpoint() {
                Some(row) if row.spec.scheme() == Scheme::Udp && row.spec.role == Role::Listen => {
                    self.mode = Mode::Address(Box::new(Address::new(row.id)));
                    return;
                }
                endpoint => endpoint.map(Aim::all),
            },
        };
        if let Some(aim) = aim {
            self.composer.start(aim);
            let speaks = self.endpoint().is_some_and(|row| row.spec.settings.ws.dialect == Dialect::SocketIo);
            if speaks && self.composer.editor.is_empty() && self.composer.shape == Shape::Text {
                // What its peers listen for.
                self.composer.shape = Shape::Event;
            }
            self.mode = Mode::Compose;
        }
    }

    /// What the palette offers: everything that does something here and now but moving about.
    fn commands(&self) -> Vec<Found> {
        let mut found: Vec<&'static super::Row> = Vec::new();
        for row in Place::Pane(self.focus).reach().flat_map(rows) {
            let moves = matches!(
                row.action,
                Action::Move(_) | Action::Palette | Action::Leave | Action::PaneLeft | Action::PaneRight
            );
            if !moves && self.can(row.action) && !found.iter().any(|other| other.action == row.action) {
                found.push(row);
            }
        }
        let actions = found.into_iter().map(|row| Found::action(row, self.label(row)));
        let gallery = if self.can(Action::Gallery) { self.gallery() } else { Vec::new() };
        actions.chain(gallery).chain(self.settings()).collect()
    }
}
