//! What being watched costs a flow: one event with its payload, one count of wire bytes.
//!
//! The timeline is full from the start, as it is after a while in real life: each push drops one.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sockscope::hub::{Birth, Hub, Recorder};
use sockscope::model::event::{Kind, Way};
use sockscope::model::spec::{Limits, Spec};
use sockscope::model::time::Clock;
use sockscope::model::url::{Role, Scheme, Url};

/// An endpoint's first socket, and the recorder that must outlive it.
fn socket() -> (Recorder, Recorder) {
    let hub = Hub::new(Clock::start(0), &Limits { memory: 1 << 20, ..Limits::default() });
    let url = Url::parse("tcp://:8124", Role::Listen).expect("a URL");
    let (endpoint, log) = hub.add_endpoint(Spec::new(Role::Listen, url).into());
    let peer = ([127, 0, 0, 1], 50_000).into();
    let birth = Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 };
    let (_, record) = hub.open(birth);
    record.event(Kind::Connection { peer: Box::new(peer), socket: None });
    for _ in 0..10_000 {
        record.payload(Kind::Data, &[b'x'; 64]);
    }
    (record, log)
}

fn record(c: &mut Criterion) {
    let (record, _log) = socket();
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    for size in [64, 4096, 65_536] {
        let payload = vec![b'x'; size];
        group.bench_function(format!("payload of {size} bytes"), |b| b.iter(|| record.payload(Kind::Data, &payload)));
    }
    group.bench_function("wire bytes", |b| b.iter(|| record.wire(Way::In, 64)));
    group.bench_function("packet", |b| b.iter(|| record.packet(Way::In)));
    group.bench_function("event without payload", |b| {
        b.iter_batched(|| Kind::Blocked { waiting: 1 }, |kind| record.event(kind), BatchSize::SmallInput);
    });
    group.finish();
    crowd(c);
}

/// Many sockets in turn, each with a long timeline: more memory than any cache has.
fn crowd(c: &mut Criterion) {
    let hub = Hub::new(Clock::start(0), &Limits::default());
    let url = Url::parse("tcp://:8124", Role::Listen).expect("a URL");
    let (endpoint, _log) = hub.add_endpoint(Spec::new(Role::Listen, url).into());
    let peer = ([127, 0, 0, 1], 50_000).into();
    let birth = Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 };
    let records: Vec<_> = (0..32).map(|_| hub.open(birth.clone()).1).collect();
    let payload = [b'x'; 64];
    // Until every timeline is full.
    for record in &records {
        (0..100_000).for_each(|_| record.payload(Kind::Data, &payload));
    }
    let mut turn = records.iter().cycle();
    c.bench_function("record/one of 32 sockets, 64 bytes", |b| {
        b.iter(|| turn.next().map(|record| record.payload(Kind::Data, &payload)));
    });
}

criterion_group!(benches, record);
criterion_main!(benches);
