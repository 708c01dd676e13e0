//! Mixed load on the real binary for as long as one likes: what it counts is what the load generator sent,
//! to the byte, and neither memory nor descriptors grow.
//!
//! `SOCKSCOPE_SOAK` is the number of seconds (some by default, a minute in CI, half an hour by `tests/soak/run`).
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod load;

use std::time::{Duration, Instant};

use load::{Load, Sum};
use support::headless::{Gauge, Headless};
use support::patience;

/// One round of load; after each everything is closed, and counted.
const ROUND: Duration = Duration::from_secs(2);
/// Small, so that the timelines are full after the first rounds.
const MEMORY: u64 = 16 << 20;
/// What an allocator may take more in the second half: its pieces fit together differently in every round, and a
/// round's largest buffers have some megabytes. Over half an hour that is 18 KiB a second.
const BREATH: u64 = 16 << 20;

fn seconds() -> u64 {
    std::env::var("SOCKSCOPE_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_and_every_byte_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let memory = MEMORY.to_string();
    let mut args = vec!["--memory", &memory, "--ca-file", ca.to_str().unwrap()];
    for url in ["tcp://:0", "udp://:0", "http://:0", "ws://:0", "tls://:0"] {
        args.extend(["-l", url]);
    }
    let mut scope = Headless::start(&args);
    let at = scope.listening(5);
    let roots = std::fs::read(&ca).unwrap();
    let loads = Load::all(&at, &roots);
    let mut sums = vec![Sum::default(); at.len()];
    let mut gauges: Vec<Gauge> = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds());
    while Instant::now() < end {
        let round = Load::round(&loads, ROUND);
        tokio::pin!(round);
        // Its lines are read all the while, as a person's pipe would be.
        let done = loop {
            tokio::select! {
                done = &mut round => break done,
                () = tokio::time::sleep(Duration::from_millis(20)) => scope.skip(),
            }
        };
        for (endpoint, sum) in done {
            sums[endpoint] += sum;
        }
        agree(&mut scope, &sums);
        gauges.push(scope.gauge());
    }
    level(&gauges);
    let total = sums.iter().fold(Sum::default(), |all, sum| all + *sum);
    let last = gauges.last().unwrap();
    println!(
        "{} rounds: {} connections, {} messages, {} bytes there and {} back; {} MiB resident, {} descriptors",
        gauges.len(),
        total.connections,
        total.messages,
        total.sent,
        total.received,
        last.resident >> 20,
        last.descriptors
    );
    scope.quit();
}

/// Waits until the counters are the generator's: the last bytes of a round are told a moment after they came.
fn agree(scope: &mut Headless, sums: &[Sum]) {
    for (endpoint, sum) in sums.iter().enumerate() {
        let deadline = Instant::now() + patience();
        loop {
            let count = scope.count(endpoint + 1);
            let (received, sent) = (&count["received"]["bytes"], &count["sent"]["bytes"]);
            let open = count["open"].as_u64();
            // A datagram's peer stays listed.
            let over = endpoint == load::UDP || open == Some(0);
            if (received, sent, over) == (&sum.sent.into(), &sum.received.into(), true) {
                break;
            }
            assert!(Instant::now() < deadline, "endpoint {}: {count}, and the load was {sum:?}", endpoint + 1);
        }
    }
}

/// Memory and descriptors are after the second half what they were after the first.
fn level(gauges: &[Gauge]) {
    let (first, second) = gauges.split_at(gauges.len() / 2);
    let most = |gauges: &[Gauge]| gauges.iter().map(|gauge| gauge.resident).max().unwrap();
    let (before, after) = (most(first), most(second));
    assert!(after <= before + BREATH, "memory grew from {before} to {after}: {gauges:?}");
    let most = |gauges: &[Gauge]| gauges.iter().map(|gauge| gauge.descriptors).max().unwrap();
    let (before, after) = (most(first), most(second));
    assert!(after <= before + 4, "descriptors went from {before} to {after}: {gauges:?}");
}
