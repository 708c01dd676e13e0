//! Reads the hub as it fills, and writes every event once, in the order of time.

use std::collections::HashMap;
use std::io;

use super::{EventRef, dropped_line, event_line, removed_line};
use crate::hub::Hub;
use crate::model::event::{Event, Kind};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::url::Scheme;
use crate::model::view::{ListQuery, Query};

/// Events taken from one timeline at a time: a flood on one socket holds back the others by this many,
/// and a batch stays far below what the timelines themselves may take.
const BATCH: usize = 4096;

/// Where it stands on each timeline.
#[derive(Debug, Default)]
pub struct Follower {
    seen: HashMap<Subject, Place>,
    /// Size of `seen` when it was last cleared of what the hub has forgotten.
    cleared_at: usize,
    /// The newest socket that was met: an older one that is unknown was read to its end.
    newest: Option<SocketId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    next: u64,
    closed: bool,
    endpoint: Option<EndpointId>,
    scheme: Option<Scheme>,
}

/// An event with where it was read.
struct Read {
    subject: Subject,
    place: Place,
    event: Event,
}

impl Follower {
    /// Writes what is new on the timelines that have changed. Returns how many lines that was.
    ///
    /// # Errors
    /// Whatever the writer says; what was read by then is not read again.
    pub fn drain(&mut self, hub: &Hub, out: &mut impl io::Write) -> io::Result<usize> {
        self.follow(hub, hub.collect(), out)
    }

    /// The same for every timeline that is listed: for use behind a call that collects by itself
    /// ([`Hub::snapshot`], [`Hub::socket`]) and so takes the list of what has changed away.
    ///
    /// # Errors
    /// See [`Follower::drain`].
    pub fn sweep(&mut self, hub: &Hub, out: &mut impl io::Write) -> io::Result<usize> {
        let mut all = hub.collect();
        // A third of the largest, for the hub asks for three windows of rows.
        let list = ListQuery { rows: usize::MAX / 4, ..ListQuery::default() };
        let snapshot = hub.snapshot(&Query { list, ..Query::default() });
        all.extend(snapshot.endpoints.iter().map(|row| Subject::from(row.id)));
        all.extend(snapshot.sockets.rows.iter().map(|row| Subject::from(row.id)));
        all.extend(self.seen.keys());
        self.follow(hub, all, out)
    }

    fn follow(&mut self, hub: &Hub, mut changed: Vec<Subject>, out: &mut impl io::Write) -> io::Result<usize> {
        changed.sort_unstable();
        changed.dedup();
        // Each is read up to where it ended when it was first looked at: what comes later rings again,
        // and a flood cannot keep this loop for itself.
        let mut todo: Vec<_> = changed.into_iter().map(|subject| (subject, None)).collect();
        let mut lines = 0;
        while !todo.is_empty() {
            let mut more = Vec::new();
            let mut batch = Vec::new();
            for (subject, goal) in todo {
                let Some((next, end)) = self.read(hub, subject, &mut batch, out, &mut lines)? else { continue };
                let goal = goal.unwrap_or(end);
                if next < goal {
                    more.push((subject, Some(goal)));
                }
            }
            batch.sort_by_key(|read| read.event.at);
            lines += batch.len();
            let wall = hub.clock().wall();
            for Read { subject, place: Place { endpoint, scheme, .. }, event } in &batch {
                let socket = match subject {
                    Subject::Socket(id) => Some(*id),
                    Subject::Endpoint(_) => None,
                };
                let line = event_line(&EventRef { endpoint: *endpoint, socket, scheme: *scheme, event, wall });
                writeln!(out, "{line}")?;
            }
            todo = more;
        }
        self.forget(hub);
        Ok(lines)
    }

    /// Takes one subject's next events: the sequence number to go on from, and the timeline's end.
    fn read(
        &mut self,
        hub: &Hub,
        subject: Subject,
        batch: &mut Vec<Read>,
        out: &mut impl io::Write,
        lines: &mut usize,
    ) -> io::Result<Option<(u64, u64)>> {
        let known = self.seen.get(&subject).copied();
        let mut place = known.unwrap_or_else(|| meet(hub, subject));
        let Some(timeline) = hub.events(subject, place.next, BATCH) else {
            if let Some(line) = self.lost(subject, known) {
                writeln!(out, "{line}")?;
                *lines += 1;
            }
            return Ok(None);
        };
        if let Subject::Socket(id) = subject {
            self.newest = self.newest.max(Some(id));
        }
        let first = timeline.events.first().map_or(timeline.range.end, |event| event.seq);
        if first > place.next {
            writeln!(out, "{}", dropped_line(subject, Some(first - place.next)))?;
            *lines += 1;
        }
        place.next = first + timeline.events.len() as u64;
        place.closed |= timeline.events.iter().any(|event| matches!(event.kind, Kind::Close(_)));
        batch.extend(timeline.events.into_iter().map(|event| Read { subject, place, event }));
        self.seen.insert(subject, place);
        Ok(Some((place.next, timeline.range.end)))
    }

    /// A subject that the hub has forgotten: what to say of it.
    fn lost(&mut self, subject: Subject, known: Option<Place>) -> Option<String> {
        self.seen.remove(&subject);
        match (subject, known) {
            (Subject::Endpoint(id), Some(_)) => Some(removed_line(id)),
            (Subject::Endpoint(_), None) => None,
            // Its close was read: nothing is missing.
            (Subject::Socket(_), Some(place)) if place.closed => None,
            (Subject::Socket(id), None) if self.newest >= Some(id) => None,
            (Subject::Socket(id), _) => {
                self.newest = self.newest.max(Some(id));
                Some(dropped_line(subject, None))
            }
        }
    }

    /// Closed sockets are remembered as long as the hub remembers them, since a late count may still
    /// name them. Looked at when their number has doubled: a constant cost for each.
    fn forget(&mut self, hub: &Hub) {
        if self.seen.len() > 2 * self.cleared_at + 64 {
            self.seen.retain(|subject, place| match subject {
                Subject::Socket(id) => !place.closed || hub.endpoint_of(*id).is_some(),
                Subject::Endpoint(_) => true,
            });
            self.cleared_at = self.seen.len();
        }
    }
}

fn meet(hub: &Hub, subject: Subject) -> Place {
    let (endpoint, scheme) = match subject {
        Subject::Endpoint(id) => (Some(id), hub.spec(id).map(|spec| spec.scheme())),
        Subject::Socket(id) => hub.birth(id).map_or((None, None), |birth| (Some(birth.endpoint), Some(birth.scheme))),
    };
    Place { endpoint, scheme, ..Place::default() }
}
