//! What a frame needs, and what it shows: all fresh, or a frozen picture whose timelines can be read on.

use super::{App, Lens, Pause};
use crate::model::id::Subject;
use crate::model::view::{ListQuery, Query, Snapshot};

/// Rows around the selection when the picture is frozen: what one can scroll through while it is.
const FROZEN_ROWS: usize = 500;
/// Pages around the selection otherwise: as many as a hand presses between two frames.
const PAGES: usize = 2;
/// The least rows to ask for, before a screen told its height.
const ROWS: usize = 16;

impl App {
    /// What the next picture needs.
    pub fn query(&self) -> Query {
        let rows = (self.viewport.sockets * PAGES).max(ROWS);
        let list = ListQuery {
            filter: self.filter.text(),
            endpoint: self.lists.only,
            around: self.lists.socket,
            rows: if matches!(self.pause, Pause::Asked) { rows.max(FROZEN_ROWS) } else { rows },
        };
        let subject = self.subject();
        let query = Query {
            list,
            subject,
            window: subject.map(|_| self.scroll.window(self.viewport.timeline)),
            inspect: subject.map(|_| self.scroll.inspect()),
            details: self.lens == Lens::Details,
            until: None,
        };
        match &self.pause {
            // Its lists stand; only the timeline is read.
            Pause::Frozen(frozen) => Query { list: ListQuery::default(), until: Some(frozen.now), ..query },
            Pause::Live | Pause::Asked => query,
        }
    }

    /// The picture to show (and to tell back with [`super::Msg::Saw`]), made of the answer to
    /// [`App::query`].
    pub fn picture(&self, fresh: Snapshot) -> Snapshot {
        let Pause::Frozen(frozen) = &self.pause else { return fresh };
        let socket = match self.subject() {
            Some(Subject::Socket(id)) => frozen.row(id).cloned(),
            _ => None,
        };
        Snapshot {
            socket,
            timeline: fresh.timeline,
            settings: fresh.settings,
            details: fresh.details,
            series: fresh.series,
            handshake: fresh.handshake,
            ..Snapshot::clone(frozen)
        }
    }

    /// Whether the whole picture stands still.
    pub fn is_paused(&self) -> bool {
        !matches!(self.pause, Pause::Live)
    }
}
