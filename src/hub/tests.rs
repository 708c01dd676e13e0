use std::sync::Arc;

use super::*;
use crate::model::end::{End, Party};
use crate::model::event::{Kind, Way};
use crate::model::url::{Role, Url};
use crate::model::view::{Gauge, ListQuery, Query, Window};

fn hub(memory: u64, closed: u32) -> Arc<Hub> {
    Hub::new(Clock::start(0), &Limits { memory, closed, ..Limits::default() })
}

fn endpoint(hub: &Arc<Hub>) -> (EndpointId, Recorder) {
    let url = Url::parse("tcp://:0", Role::Listen).unwrap();
    hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)))
}

fn socket(hub: &Arc<Hub>, endpoint: EndpointId) -> (SocketId, Recorder) {
    let peer = "127.0.0.1:5000".parse().unwrap();
    let (id, recorder) =
        hub.open(Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 });
    recorder.event(Kind::Connection { peer: Box::new(peer), socket: None });
    (id, recorder)
}

#[test]
fn a_dropped_event_never_changes_the_tally() {
    let hub = hub(16 << 10, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    for _ in 0..10_000 {
        recorder.payload(Kind::Data, b"0123456789");
    }
    let snapshot = hub.snapshot(&Query {
        subject: Some(socket_id.into()),
        window: Some(Window::Last { rows: 5 }),
        ..Query::default()
    });
    assert_eq!(snapshot.count.received.bytes, 100_000);
    assert_eq!(snapshot.endpoints[0].count.received.messages, 10_000);
    assert_eq!(snapshot.socket.unwrap().count.received.bytes, 100_000);
    let timeline = snapshot.timeline.unwrap();
    assert_eq!(timeline.range.end, 10_001);
    assert_eq!(timeline.events.last().unwrap().seq, 10_000);
    assert!(timeline.dropped > 0 && timeline.dropped == snapshot.dropped);
}

/// A kernel that counts on by itself.
struct Kernel(std::sync::atomic::AtomicU64);

impl Gauge for Kernel {
    fn read(&self) -> Option<crate::model::view::Kernel> {
        let segments_in = self.0.fetch_add(1, Relaxed);
        Some(crate::model::view::Kernel { segments_in, ..Default::default() })
    }
}

#[test]
fn what_the_kernel_says_in_a_row_is_in_the_sums_of_the_same_picture() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let (_, recorder) = socket(&hub, id);
    recorder.gauge(Box::new(Kernel(10.into())));
    for _ in 0..3 {
        let snapshot = hub.snapshot(&Query { list: ListQuery { rows: 9, ..ListQuery::default() }, ..Query::default() });
        let row = snapshot.sockets.rows[0].count.received.packets;
        assert!(row >= 10);
        assert_eq!((snapshot.endpoints[0].count.received.packets, snapshot.count.received.packets), (row, row));
    }
}

#[tokio::test]
async fn a_million_events_are_one_wake_up() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let (_, recorder) = socket(&hub, id);
    hub.collect();
    tokio::time::timeout(std::time::Duration::ZERO, hub.changed()).await.ok();
    for _ in 0..1_000_000 {
        recorder.payload(Kind::Data, b"x");
    }
    tokio::time::timeout(std::time::Duration::from_secs(1), hub.changed()).await.expect("the bell rang");
    let again = tokio::time::timeout(std::time::Duration::from_millis(1), hub.changed()).await;
    assert!(again.is_err(), "the bell rang twice for what nobody has looked at");
    assert_eq!(hub.collect().len(), 1);
}

#[test]
fn a_recorder_dropped_without_a_word_is_abandoned() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    drop(recorder.clone());
    assert!(!hub.socket(socket_id).unwrap().life.is_closed());
    drop(recorder);
    assert_eq!(hub.socket(socket_id).unwrap().end.as_deref(), Some(&End::Abandoned));
}

#[test]
fn the_first_end_wins_and_nothing_follows_it() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    recorder.closed(End::Reset { by: Party::Peer });
    recorder.closed(End::Stopped);
    recorder.payload(Kind::Data, b"late");
    recorder.event(Kind::fin(Way::In));
    let events = hub.events(socket_id.into(), 0, 100).unwrap().events;
    assert_eq!(events.last().unwrap().kind, Kind::Close(Box::new(End::Reset { by: Party::Peer })));
    assert_eq!(events.iter().filter(|event| matches!(event.kind, Kind::Close(_))).count(), 1);
    assert_eq!(hub.socket(socket_id).unwrap().count.received.bytes, 0);
}

#[test]
fn closed_sockets_are_crowded_out_and_their_counts_stay() {
    let hub = hub(1 << 20, 3);
    let (id, _listener) = endpoint(&hub);
    for _ in 0..10 {
        let (_, recorder) = socket(&hub, id);
        recorder.payload(Kind::Data, b"12345");
        recorder.closed(End::Finished { first: Party::Peer });
    }
    let snapshot = hub.snapshot(&Query { list: ListQuery { rows: 50, ..ListQuery::default() }, ..Query::default() });
    assert_eq!(snapshot.sockets.total, 3);
    assert_eq!(snapshot.open, 0);
    assert_eq!(snapshot.endpoints[0].count.received.bytes, 50);
    assert_eq!(snapshot.endpoints[0].ever, 10);
    hub.clear_closed();
    assert_eq!(hub.snapshot(&Query::default()).sockets.all, 0);
    assert_eq!(hub.snapshot(&Query::default()).count.received.bytes, 50);
}

#[test]
fn memory_stays_within_its_budget_whatever_the_mix() {
    let budget = 4 << 20;
    let hub = hub(budget, 10);
    let (id, _listener) = endpoint(&hub);
    let (_, flood) = socket(&hub, id);
    let big = vec![7; 100_000];
    for _ in 0..5_000 {
        flood.payload(Kind::Data, &big);
    }
    let mut many = Vec::new();
    for _ in 0..1_000 {
        let (_, recorder) = socket(&hub, id);
        for _ in 0..20 {
            recorder.payload(Kind::Data, &big[..1000]);
        }
        many.push(recorder);
        let held = hub.memory_held() as u64;
        assert!(held <= budget + budget / 10, "{held} of {budget}");
    }
}

#[test]
fn the_window_follows_the_selected_socket() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let recorders: Vec<_> = (0..100).map(|_| socket(&hub, id)).collect();
    recorders[10].1.closed(End::Stopped);
    let list = |around, filter: &str| {
        let list = ListQuery { filter: filter.into(), around, rows: 5, endpoint: None };
        hub.snapshot(&Query { list, ..Query::default() }).sockets
    };
    let window = list(Some(SocketId(51)), "");
    assert_eq!((window.total, window.first, window.rows.len()), (100, 44, 15));
    assert_eq!(window.rows[5].id, SocketId(51));
    assert_eq!((window.top, window.bottom), (Some(SocketId(1)), Some(SocketId(11))));
    let closed = list(None, "closed");
    assert_eq!((closed.total, closed.rows[0].id), (1, SocketId(11)));
    assert_eq!(list(None, "#50 tcp").total, 1);
    assert_eq!(list(None, "nothing").total, 0);
    // Where it came in: a listener's own address.
    assert_eq!(list(None, "192.0.2.7:8125").total, 0);
    let peer = "127.0.0.1:5000".parse().unwrap();
    let local = Some("192.0.2.7:8125".parse().unwrap());
    let _at = hub.open(Birth { endpoint: id, scheme: Scheme::Tcp, accepted: true, peer, local, handshakes: 0 });
    assert_eq!(list(None, ":8125").total, 1);
}

#[test]
fn a_frozen_picture_leaves_out_what_came_later() {
    let hub = hub(1 << 20, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    recorder.payload(Kind::Data, b"before");
    let until = hub.clock().now();
    std::hint::black_box(&until);
    while hub.clock().now() == until {}
    recorder.payload(Kind::Data, b"after");
    let query = Query {
        subject: Some(socket_id.into()),
        window: Some(Window::Last { rows: 10 }),
        inspect: Some(1),
        until: Some(until),
        ..Query::default()
    };
    let timeline = hub.snapshot(&query).timeline.unwrap();
    assert_eq!(timeline.range, 0..2);
    assert_eq!(timeline.inspected.unwrap().head, b"before");
}

#[test]
fn the_event_asked_for_whole_is_the_nearest_that_is_kept() {
    let hub = hub(16 << 10, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    for _ in 0..10_000 {
        recorder.payload(Kind::Data, b"0123456789");
    }
    let inspect = |seq: u64| {
        let query = Query { subject: Some(socket_id.into()), inspect: Some(seq), ..Query::default() };
        let timeline = hub.snapshot(&query).timeline.unwrap();
        (timeline.inspected.unwrap().seq, timeline.range)
    };
    let (newest, range) = inspect(u64::MAX);
    assert_eq!(newest, 10_000);
    assert_eq!(inspect(0).0, range.start);
    assert_eq!(inspect(9_999).0, 9_999);
}

#[test]
fn a_moment_that_was_looked_at_before_is_no_earlier_than_what_came_since() {
    let hub = hub(16 << 10, 10);
    let (id, _listener) = endpoint(&hub);
    let (socket_id, recorder) = socket(&hub, id);
    let early = hub.clock().now();
    recorder.payload(Kind::Data, b"since");
    recorder.at(early).payload(Kind::Write, b"of before");
    let query = Query { subject: Some(socket_id.into()), window: Some(Window::Last { rows: 3 }), ..Query::default() };
    let events = hub.snapshot(&query).timeline.unwrap().events;
    assert!(events.is_sorted_by_key(|event| event.at), "{events:?}");
    assert_eq!((events[2].head.as_slice(), hub.snapshot(&query).count.sent.bytes), (&b"of before"[..], 9));
}
