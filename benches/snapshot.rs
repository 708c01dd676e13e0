//! What a frame costs: the answer it is drawn from, and the drawing. Neither may grow with history.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use sockscope::app::{App, Msg};
use sockscope::hub::{Birth, Hub, Recorder};
use sockscope::model::event::Kind;
use sockscope::model::id::SocketId;
use sockscope::model::spec::{Limits, Spec};
use sockscope::model::time::Clock;
use sockscope::model::url::{Role, Scheme, Url};
use sockscope::model::view::{ListQuery, Query, Window};
use sockscope::screen::theme::{Depth, Ground, Theme};
use sockscope::screen::{draw, viewport};

/// A hub with open sockets. The recorders keep them open.
struct World {
    hub: Arc<Hub>,
    records: Vec<Recorder>,
}

impl World {
    /// `events` on the timeline of the socket in the middle, two on each of the others.
    fn new(sockets: u16, events: usize) -> Self {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let url = Url::parse("tcp://:8124", Role::Listen).expect("a URL");
        let (endpoint, log) = hub.add_endpoint(Spec::new(Role::Listen, url).into());
        let mut records = vec![log];
        for n in 0..sockets {
            let peer = ([127, 0, 0, 1], 10_000 + n).into();
            let birth = Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 };
            let (_, record) = hub.open(birth);
            record.event(Kind::Connection { peer: Box::new(peer), socket: None });
            record.payload(Kind::Data, b"{\"op\":\"sub\",\"ch\":[\"ticker\",\"depth\"]}");
            records.push(record);
        }
        let middle = &records[1 + usize::from(sockets) / 2];
        for _ in 2..events {
            middle.payload(Kind::Data, &[b'x'; 64]);
        }
        hub.collect();
        Self { hub, records }
    }

    fn middle(&self) -> SocketId {
        SocketId(u32::try_from((self.records.len() - 1) / 2).unwrap_or(0) + 1)
    }

    /// What a screen of 40 rows asks for.
    fn query(&self, filter: &str) -> Query {
        let id = self.middle();
        Query {
            details: false,
            list: ListQuery { filter: filter.into(), endpoint: None, around: Some(id), rows: 40 },
            subject: Some(id.into()),
            window: Some(Window::Last { rows: 40 }),
            inspect: Some(u64::MAX),
            until: None,
        }
    }
}

fn snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot");
    for sockets in [1, 100, 10_000] {
        for events in [2, 1_000_000] {
            let world = World::new(sockets, events);
            let query = world.query("");
            let name = format!("{sockets} sockets, {events} events");
            group.bench_function(BenchmarkId::new("whole", name), |b| b.iter(|| world.hub.snapshot(&query)));
        }
    }
    let world = World::new(10_000, 2);
    let query = world.query("tcp open");
    group.bench_function("filtered/10000 sockets", |b| b.iter(|| world.hub.snapshot(&query)));
    // Each of 10,000 sockets has something new: the most that can have changed between two frames.
    let query = world.query("");
    group.bench_function("all changed/10000 sockets", |b| {
        b.iter_batched(
            || world.records[1..].iter().for_each(|record| record.payload(Kind::Data, b"hello")),
            |()| world.hub.snapshot(&query),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn frame(c: &mut Criterion) {
    let world = World::new(100, 1_000);
    let theme = Theme::on(Depth::True, Ground::Dark);
    let mut group = c.benchmark_group("frame");
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut app = App::new(Vec::new());
        // Twice: the first picture is where the app finds a socket to select.
        for _ in 0..2 {
            app.update(Msg::Viewport(viewport(&app, Rect::new(0, 0, width, height))));
            app.update(Msg::Saw(Arc::new(world.hub.snapshot(&app.query()))));
        }
        let picture = world.hub.snapshot(&app.query());
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        group.bench_function(format!("{width}x{height}"), |b| {
            b.iter(|| terminal.draw(|frame| draw(&app, &picture, &theme, frame)).map(drop));
        });
    }
    group.finish();
}

criterion_group!(benches, snapshot, frame);
criterion_main!(benches);
