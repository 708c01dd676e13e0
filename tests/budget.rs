//! What the screen may cost, counted and not timed: idle is no frame at all, a flood is at most thirty
//! a second in bounded memory, and ten thousand sockets do not take the keys away.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockscope::hub::{Birth, Hub, Recorder};
use sockscope::model::event::Kind;
use sockscope::model::id::{EndpointId, SocketId};
use sockscope::model::spec::{Limits, Spec};
use sockscope::model::url::{Role, Scheme, Url};
use sockscope::model::view::State;
use support::patience;
use support::runner::Runner;

/// An endpoint of the hub without a task behind it.
fn endpoint(hub: &Arc<Hub>) -> (EndpointId, Recorder) {
    let url = Url::parse("tcp://:0", Role::Listen).unwrap();
    let (id, recorder) = hub.add_endpoint(Arc::new(Spec::new(Role::Listen, url)));
    hub.set_state(id, State::Up, None);
    (id, recorder)
}

fn socket(hub: &Arc<Hub>, endpoint: EndpointId, port: u16) -> (SocketId, Recorder) {
    let peer = SocketAddr::from(([127, 0, 0, 1], port));
    let birth = Birth { endpoint, scheme: Scheme::Tcp, accepted: true, peer, local: None, handshakes: 1 };
    let (id, recorder) = hub.open(birth);
    recorder.event(Kind::Connection { peer: Box::new(peer), socket: None });
    (id, recorder)
}

#[tokio::test]
async fn an_idle_screen_draws_no_frame() {
    let stage = Runner::new(120, 40).listen("tcp://:0").listen("udp://:0").listen("tls://:0");
    let mut runner = stage.start().await;
    // What the start left to draw.
    let mut before = runner.frames();
    let deadline = Instant::now() + patience();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if runner.frames() == before {
            break;
        }
        before = runner.frames();
        assert!(Instant::now() < deadline, "it never came to rest");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(runner.frames(), before, "an idle screen was drawn\n{}", runner.screen());
    // And it was not because it was dead.
    runner.keys("?").await.wait_for("Help").await;
    runner.quit().await;
}

#[tokio::test]
async fn a_quiet_open_socket_moves_its_age_and_nothing_more() {
    let mut runner = Runner::new(120, 40).listen("tcp://:0").start().await;
    let _peer = tokio::net::TcpStream::connect(runner.address(0)).await.unwrap();
    runner.wait_for("1 socket ").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, began) = (runner.frames(), Instant::now());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seconds = began.elapsed().as_secs() + 1;
    let frames = runner.frames() - before;
    assert!(frames >= 1, "the age stands still");
    // The age's second, and the second in which a rate goes back to nothing.
    assert!(frames <= 2 * seconds + 2, "{frames} frames in {seconds} s\n{}", runner.screen());
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_a_million_events_is_thirty_frames_a_second_in_bounded_memory() {
    let budget: u64 = 8 << 20;
    let limits = Limits { memory: budget, ..Limits::default() };
    let mut runner = Runner::new(120, 40).limits(limits).start().await;
    let hub = Arc::clone(&runner.session.hub);
    let (id, _listener) = endpoint(&hub);
    let (_, recorder) = socket(&hub, id, 5000);
    runner.wait_for("#1 tcp").await;

    let (before, began) = (runner.frames(), Instant::now());
    let flood = tokio::task::spawn_blocking(move || {
        let payload = [b'x'; 100];
        let mut events = 0_u64;
        let mut most = 0;
        // A million, and at least as long as a rate takes to be one.
        while events < 1_000_000 || began.elapsed() < Duration::from_millis(1_200) {
            for _ in 0..10_000 {
                recorder.payload(Kind::Data, &payload);
            }
            events += 10_000;
            most = most.max(hub.memory_held() as u64);
        }
        (events, most, recorder)
    });
    let (events, most, _recorder) = flood.await.unwrap();
    let elapsed = began.elapsed();
    let frames = runner.frames() - before;
    let allowed = 31.0 * elapsed.as_secs_f64() + 1.0;
    assert!(f64::from(u32::try_from(frames).unwrap()) <= allowed, "{frames} frames in {elapsed:?}");
    assert!(frames >= 2, "the picture stood still: {frames} frames in {elapsed:?}");
    assert!(most <= budget + budget / 10, "{most} bytes were held of {budget}");

    runner.wait_for("dropped").await;
    let snapshot = runner.session.hub.snapshot(&Default::default());
    assert_eq!((snapshot.count.received.messages, snapshot.count.received.bytes), (events, events * 100));
    // At the oldest event that is kept stands how many are gone.
    runner.keys("Tab Home").await.wait_for("older events were dropped").await;
    runner.quit().await;
}

#[tokio::test]
async fn ten_thousand_sockets_leave_the_keys_alone() {
    let mut runner = Runner::new(120, 40).start().await;
    let hub = Arc::clone(&runner.session.hub);
    let (id, _listener) = endpoint(&hub);
    let recorders: Vec<_> = (0..10_000).map(|n| socket(&hub, id, 10_000 + n)).collect();
    runner.wait_for("10k sockets").await.wait_for("Sockets  10,000").await;
    runner.keys("End").await.wait_for("#10000 tcp").await.wait_for(":19999").await;
    runner.keys("PageUp Up Home").await.wait_for("#1 tcp").await;
    runner.keys("/ :15432").await.wait_for("Sockets  1 of 10,000").await;
    runner.keys("Enter").await.wait_for("#5433 tcp").await;
    recorders[5432].1.payload(Kind::Data, b"found");
    runner.wait_row(&["data", "found"]).await;
    let frames = runner.frames();
    for _ in 0..10 {
        runner.keys("t").await;
    }
    assert!(runner.frames() >= frames + 10, "every key was followed by its frame");
    runner.quit().await;
}
