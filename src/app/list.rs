//! Which endpoint and which socket are selected: by id, for rows come and go under the cursor. And the
//! arithmetic of scrolling, for every list there is.

use super::action::Motion;
use crate::model::id::{EndpointId, SocketId};
use crate::model::view::{Snapshot, SocketRow};

/// The row a motion leads to, of `len` rows, `page` of which are in sight.
pub fn step(motion: Motion, at: usize, len: usize, page: usize) -> usize {
    let last = len.saturating_sub(1);
    // A line of the page before stays in sight.
    let page = page.saturating_sub(1).max(1);
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1),
        Motion::PageUp => at.saturating_sub(page),
        Motion::PageDown => at.saturating_add(page),
        Motion::Top => 0,
        Motion::Bottom => last,
    }
    .min(last)
}

/// The first row in sight: moved as little as shows row `at`, and no further than the list is long. A
/// list that is hidden (behind a zoomed pane) stays where it was.
pub fn reveal(top: usize, at: usize, len: usize, height: usize) -> usize {
    if height == 0 {
        return top.min(len.saturating_sub(1));
    }
    top.min(at).max((at + 1).saturating_sub(height)).min(len.saturating_sub(height))
}

/// The list whose selection the timeline tells of: the one that had the focus last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lead {
    Endpoints,
    #[default]
    Sockets,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists {
    pub endpoint: Option<EndpointId>,
    /// Position of the first endpoint in sight.
    pub endpoint_top: usize,
    pub socket: Option<SocketId>,
    /// Position of the first socket in sight, among [`crate::model::view::SocketList::total`].
    pub socket_top: usize,
    /// Only this endpoint's sockets are listed.
    pub only: Option<EndpointId>,
    pub lead: Lead,
}

impl Lists {
    /// Keeps the selections where they were; what vanished is replaced by what took its place. `same`: the old list
    /// was the answer to the same question.
    pub fn reconcile(&mut self, old: &Snapshot, new: &Snapshot, same: bool) {
        if self.only.is_some_and(|id| new.endpoint(id).is_none()) {
            self.only = None;
        }
        if self.endpoint.is_none_or(|id| new.endpoint(id).is_none()) {
            let at = self.endpoint.and_then(|id| old.endpoints.iter().position(|row| row.id == id)).unwrap_or(0);
            let last = new.endpoints.len().saturating_sub(1);
            self.endpoint = new.endpoints.get(at.min(last)).map(|row| row.id);
        }
        let rows = &new.sockets.rows;
        if self.socket.is_none_or(|id| !has(rows, id)) {
            // A list longer than its window may hold the neighbour elsewhere: the next window shows it.
            let partial = same && new.sockets.total > rows.len();
            self.socket = self
                .socket
                .and_then(|id| neighbour(&old.sockets.rows, id, rows, partial))
                .or(rows.first().map(|row| row.id));
        }
    }

    /// Scrolls as little as shows what is selected.
    pub fn reveal(&mut self, seen: &Snapshot, endpoints: usize, sockets: usize) {
        if let Some(at) = seen.endpoints.iter().position(|row| Some(row.id) == self.endpoint) {
            self.endpoint_top = reveal(self.endpoint_top, at, seen.endpoints.len(), endpoints);
        }
        let list = &seen.sockets;
        if let Some(at) = list.rows.iter().position(|row| Some(row.id) == self.socket) {
            self.socket_top = reveal(self.socket_top, list.first + at, list.total, sockets);
        }
    }

    pub fn move_endpoint(&mut self, motion: Motion, seen: &Snapshot, page: usize) {
        let at = seen.endpoints.iter().position(|row| Some(row.id) == self.endpoint).unwrap_or(0);
        let to = step(motion, at, seen.endpoints.len(), page);
        self.endpoint = seen.endpoints.get(to).map(|row| row.id).or(self.endpoint);
    }

    /// `whole`: the rows at hand are all there are, so the ends of the list are among them.
    pub fn move_socket(&mut self, motion: Motion, seen: &Snapshot, page: usize, whole: bool) {
        let list = &seen.sockets;
        let at = list.rows.iter().position(|row| Some(row.id) == self.socket).unwrap_or(0);
        let to = list.rows.get(step(motion, at, list.rows.len(), page)).map(|row| row.id);
        let to = match motion {
            Motion::Top if !whole => list.top.or(to),
            Motion::Bottom if !whole => list.bottom.or(to),
            _ => to,
        };
        self.socket = to.or(self.socket);
    }
}

fn has(rows: &[SocketRow], id: SocketId) -> bool {
    rows.iter().any(|row| row.id == id)
}

/// The nearest row of `old` below `id`, else above it, that is still there.
fn neighbour(old: &[SocketRow], id: SocketId, new: &[SocketRow], partial: bool) -> Option<SocketId> {
    let at = old.iter().position(|row| row.id == id)?;
    let below = old[at + 1..].iter();
    let above = old[..at].iter().rev();
    let mut near = below.chain(above).map(|row| row.id);
    match near.clone().find(|id| has(new, *id)) {
        None if partial => near.next(),
        found => found,
    }
}
