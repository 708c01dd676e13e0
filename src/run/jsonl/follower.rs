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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::hub::{Birth, Recorder};
    use crate::model::end::{End, Party};
    use crate::model::event::Way;
    use crate::model::spec::{Limits, Spec};
    use crate::model::time::Clock;
    use crate::model::url::{Role, Url};

    fn hub(memory: u64, closed: u32) -> (Arc<Hub>, EndpointId, Recorder) {
        let hub = Hub::new(Clock::start(0), &Limits { memory, closed, ..Limits::default() });
        let url = Url::parse("tcp://:0", Role::Listen).unwrap();
        let (id, recorder) = hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)));
        (hub, id, recorder)
    }

    fn socket(hub: &Arc<Hub>, endpoint: EndpointId) -> Recorder {
        let peer = "127.0.0.1:5000".parse().unwrap();
        let (_, recorder) =
            hub.open(Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 });
        recorder.event(Kind::Connection { peer: Box::new(peer), socket: None });
        recorder
    }

    fn drain(follower: &mut Follower, hub: &Hub) -> Vec<Value> {
        lines(|out| follower.drain(hub, out))
    }

    fn lines(write: impl FnOnce(&mut Vec<u8>) -> io::Result<usize>) -> Vec<Value> {
        let mut out = Vec::new();
        let count = write(&mut out).unwrap();
        let lines: Vec<Value> =
            String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), count);
        lines
    }

    #[test]
    fn every_event_is_written_once_in_the_order_of_time() {
        let (hub, id, listener) = hub(1 << 20, 10);
        let mut follower = Follower::default();
        listener.event(Kind::Listening { local: Box::new("127.0.0.1:1".parse().unwrap()) });
        let (a, b) = (socket(&hub, id), socket(&hub, id));
        for i in 0..10 {
            [&a, &b][i % 2].payload(Kind::Data, i.to_string().as_bytes());
        }
        let first = drain(&mut follower, &hub);
        assert_eq!(first.len(), 13);
        let times: Vec<_> = first.iter().map(|line| line["time"].as_str().unwrap()).collect();
        assert!(times.is_sorted());
        let texts: String = first.iter().filter_map(|line| line["text"].as_str()).collect();
        assert_eq!(texts, "0123456789");
        assert_eq!(first[0]["event"], "listening");
        assert!(first[0].get("socket").is_none() && first[1]["endpoint"] == 1 && first[1]["protocol"] == "tcp");
        assert!(drain(&mut follower, &hub).is_empty());
        a.payload(Kind::Write, b"more");
        let more = drain(&mut follower, &hub);
        assert_eq!((more.len(), &more[0]["seq"], &more[0]["text"]), (1, &json!(6), &json!("more")));
    }

    #[test]
    fn what_the_ring_lost_is_counted() {
        let (hub, id, _listener) = hub(16 << 10, 10);
        let mut follower = Follower::default();
        let recorder = socket(&hub, id);
        for _ in 0..1000 {
            recorder.payload(Kind::Data, b"0123456789");
        }
        let lines = drain(&mut follower, &hub);
        assert_eq!(lines[0]["event"], "dropped");
        let dropped = lines[0]["count"].as_u64().unwrap();
        assert_eq!(dropped + lines.len() as u64 - 1, 1001);
        assert_eq!(lines[1]["seq"], dropped);
    }

    #[test]
    fn a_long_timeline_is_read_to_its_end() {
        let (hub, id, _listener) = hub(64 << 20, 10);
        let recorder = socket(&hub, id);
        for _ in 0..10_000 {
            recorder.payload(Kind::Data, b"x");
        }
        assert_eq!(drain(&mut Follower::default(), &hub).len(), 10_001);
    }

    #[test]
    fn a_closed_socket_is_not_told_again() {
        let (hub, id, _listener) = hub(8 << 20, 1000);
        let mut follower = Follower::default();
        for _ in 0..300 {
            let recorder = socket(&hub, id);
            recorder.closed(End::Finished { first: Party::Peer });
            recorder.wire(Way::In, 0);
            let lines = drain(&mut follower, &hub);
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert_eq!(lines[1]["end"], json!({"how": "fin", "by": "peer"}));
            recorder.wire(Way::In, 10);
            assert!(drain(&mut follower, &hub).is_empty());
        }
        hub.clear_closed();
        assert!(drain(&mut follower, &hub).is_empty());
    }

    #[test]
    fn what_the_hub_forgot_unread_is_said() {
        let (hub, id, listener) = hub(1 << 20, 2);
        let mut follower = Follower::default();
        drain(&mut follower, &hub);
        for _ in 0..5 {
            socket(&hub, id).closed(End::Stopped);
        }
        let lines = drain(&mut follower, &hub);
        let lost: Vec<_> = lines.iter().filter(|line| line["event"] == "dropped").collect();
        assert_eq!((lost.len(), lines.len()), (3, 3 + 4));
        assert!(lost.iter().all(|line| line["count"].is_null()));
        listener.event(Kind::Log);
        hub.remove_endpoint(id);
        let lines = drain(&mut follower, &hub);
        assert_eq!(lines, [json!({"v": 1, "event": "removed", "endpoint": 1})]);
    }

    #[test]
    fn a_sweep_finds_what_a_snapshot_took_from_the_list() {
        let (hub, id, _listener) = hub(1 << 20, 10);
        let mut follower = Follower::default();
        let recorder = socket(&hub, id);
        recorder.payload(Kind::Data, b"x");
        recorder.closed(End::Stopped);
        hub.collect();
        assert!(drain(&mut follower, &hub).is_empty());
        assert_eq!(lines(|out| follower.sweep(&hub, out)).len(), 3);
        assert_eq!(lines(|out| follower.sweep(&hub, out)).len(), 0);
    }
}
