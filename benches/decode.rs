//! What reading along costs: an HTTP exchange and a WebSocket frame, decoded and recorded as they pass.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sockscope::model::url::Role;
use sockscope::net::noise::{self, Watch};

/// A watch of [`noise::WATCHES`] on a socket of its own.
fn watch(name: &str, role: Role) -> Option<Box<dyn Watch>> {
    let (_, scheme, make) = noise::WATCHES.iter().find(|(known, ..)| *known == name)?;
    let (hub, _, record) = noise::socket(*scheme, role)?;
    Some(make(record, hub.clock(), role))
}

const REQUEST: &[u8] = b"GET /path HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: load\r\naccept: */*\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\
    Date: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\nhello\n";

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    let mut http = watch("http", Role::Listen).expect("a watch");
    group.bench_function("an HTTP exchange", |b| {
        b.iter(|| {
            http.read(REQUEST);
            http.wrote(RESPONSE);
        });
    });
    // As a client sends it: masked. What is sent is not kept for a conversation.
    let mut frame = vec![0x81, 0x80 | 64, 1, 2, 3, 4];
    frame.extend((0..64).map(|at| b'x' ^ [1, 2, 3, 4][at % 4]));
    let mut websocket = watch("websocket", Role::Connect).expect("a watch");
    group.bench_function("a WebSocket frame of 64 bytes", |b| b.iter(|| websocket.wrote(&frame)));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
