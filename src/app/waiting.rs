//! Answers by hand: which exchange is meant, and what comes after a step.

use super::action::Action;
use super::composer::Aim;
use super::list::step;
use super::{App, Lead, Mode};
use crate::model::draft::Shape;
use crate::model::exchange::{Phase, Waiting};
use crate::model::id::{SocketId, Subject};

/// An exchange of a socket.
type Which = (SocketId, u32);

fn which(row: &Waiting) -> Which {
    (row.socket, row.exchange.number)
}

impl App {
    /// The exchange that waited longest of the selected socket or endpoint.
    pub(super) fn near_exchange(&self) -> Option<Which> {
        let mut answerable = self.seen.waiting.iter().filter(|row| row.exchange.phase.is_answerable());
        match self.subject()? {
            Subject::Socket(id) => answerable.find(|row| row.socket == id).map(which),
            Subject::Endpoint(id) => answerable.find(|row| row.endpoint == id).map(which),
        }
    }

    /// The same, or the one that waited longest anywhere.
    pub(super) fn exchange(&self) -> Option<Which> {
        let oldest = || self.seen.waiting.iter().find(|row| row.exchange.phase.is_answerable()).map(which);
        self.near_exchange().or_else(oldest)
    }

    /// The row of the list that is selected: where it is gone, the first.
    pub fn waiting_at(&self, at: Option<Which>) -> usize {
        at.and_then(|at| self.seen.waiting.iter().position(|row| which(row) == at)).unwrap_or(0)
    }

    /// Opens the send panel for an exchange.
    pub(super) fn answer(&mut self, exchange: Option<Which>, shape: Option<Shape>) {
        let row = exchange.and_then(|exchange| self.seen.waiting.iter().find(|row| which(row) == exchange));
        let Some(row) = row.cloned() else {
            return self.say("it waits no more", false);
        };
        let Some(endpoint) = self.seen.endpoint(row.endpoint) else { return };
        let again = self.composer.aim.as_ref().and_then(Aim::held) == Some(which(&row));
        self.composer.start(Aim::exchange(&row, endpoint));
        // A draft that waits for it is what one was about to send.
        let shape = shape.or_else(|| (!again || self.composer.editor.is_empty()).then(|| first(row.exchange.phase)));
        if let Some(shape) = shape {
            self.composer.step(shape);
        }
        // The timeline tells what one is doing.
        if self.seen.sockets.rows.iter().any(|listed| listed.id == row.socket) {
            self.lists.socket = Some(row.socket);
            self.lists.lead = Lead::Sockets;
        }
        self.mode = Mode::Compose;
    }

    /// An exchange has its whole answer: on to the one behind it on its connection, or back.
    pub(super) fn answered(&mut self) {
        let Some((socket, number)) = self.composer.aim.as_ref().and_then(Aim::held) else { return };
        if !matches!(self.mode, Mode::Compose) {
            return;
        }
        let next = self.seen.waiting_on(socket).map(which).find(|(_, other)| *other > number);
        match next {
            Some(next) => self.answer(Some(next), None),
            None => self.mode = Mode::Browse,
        }
    }

    /// The list's own keys.
    pub(super) fn in_waiting(&mut self, action: Action, at: Option<Which>) {
        let now = self.waiting_at(at);
        let row = self.seen.waiting.get(now).map(which);
        match action {
            Action::Leave => {}
            Action::Take => self.answer(row, None),
            Action::Answer => self.answer(row, Some(Shape::Answer)),
            Action::Move(motion) => {
                let to = self.seen.waiting.get(step(motion, now, self.seen.waiting.len(), PAGE));
                self.mode = Mode::Waiting(to.map(which));
            }
            _ => self.mode = Mode::Waiting(row),
        }
    }
}

/// Rows of a page of the list: about what its box has at the usual sizes.
const PAGE: usize = 10;

/// Where one begins.
fn first(phase: Phase) -> Shape {
    match phase {
        Phase::HeadSent(_) => Shape::Body,
        _ => Shape::Head,
    }
}
