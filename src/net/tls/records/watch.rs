//! What the stream tells of itself, and when what waited is told.

use std::task::Context;

use super::Records;
use crate::model::event::Way;
use crate::net::probe::Watch;

impl Records {
    /// The clear side has delivered what came before.
    pub fn deliver(&mut self) {
        self.data = false;
        if let Some(alert) = self.behind.take() {
            self.record.event(alert);
        }
    }

    /// Nothing more crosses for now: what waited for a key that is there, and what waits to be told.
    pub fn settle(&mut self) {
        self.open_waiting();
        self.tell();
    }
}

impl Watch for Records {
    fn read(&mut self, bytes: &[u8]) {
        self.take(Way::In, bytes);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.take(Way::Out, bytes);
    }

    fn idle(&mut self, _: &mut Context<'_>) {
        self.settle();
        self.deliver();
    }
}

impl Drop for Records {
    /// A handshake that failed leaves its stream behind with records that waited.
    fn drop(&mut self) {
        self.settle();
        self.deliver();
    }
}
