//! The race of addresses, against listeners that answer, refuse or say nothing.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::*;
use crate::hub::{Birth, Hub};
use crate::model::event::Event;
use crate::model::id::SocketId;
use crate::model::spec::{Limits, Spec};
use crate::model::url::{Role, Scheme, Url};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn families_take_turns_and_the_preferred_one_begins() {
    let found: Vec<_> = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(at).into();
    let turns = interleave(&found);
    assert_eq!(turns, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(at));
    assert_eq!(interleave(&turns[1..2]), turns[1..2]);
    let found: Vec<_> = ["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"].map(at).into();
    assert_eq!(interleave(&found), ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"].map(at));
    assert!(interleave(&[]).is_empty());
    assert_eq!(interleave(&vec![at("1.1.1.1:1"); 500]).len(), MOST);
}

/// A hub with one socket that is to dial.
struct Stand {
    hub: Arc<Hub>,
    id: SocketId,
    record: Recorder,
}

impl Stand {
    fn new() -> Self {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let url = Url::parse("tcp://localhost:1", Role::Connect).unwrap();
        let (endpoint, _) = hub.add_endpoint(Arc::new(Spec::new(Role::Connect, url)));
        let peer = at("0.0.0.0:1");
        let birth = Birth { endpoint, scheme: Scheme::Tcp, accepted: false, peer, local: None, handshakes: 1 };
        let (id, record) = hub.open(birth);
        Self { hub, id, record }
    }

    async fn race(&self, limit: Duration, addresses: &[SocketAddr]) -> Result<Dialled, Fault> {
        race(self.hub.clock(), &self.record, limit, &setting::Tcp::default(), addresses).await
    }

    fn told(&self) -> Vec<(SocketAddr, &'static str)> {
        let events = self.hub.events(self.id.into(), 0, 100).unwrap().events;
        let told = |event: Event| match event.kind {
            Kind::Attempt(attempt) => (attempt.peer, attempt.step.name()),
            kind => panic!("{kind:?}"),
        };
        events.into_iter().map(told).collect()
    }
}

/// An address that answers nothing: its backlog is full, so the kernel drops what comes.
struct Silent(SocketAddr, Vec<socket2::Socket>);

impl Silent {
    fn new() -> Self {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&at("127.0.0.1:0").into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = std::iter::repeat_with(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        });
        let at = address.as_socket().unwrap();
        Self(at, waiting.take(3).chain([listener]).collect())
    }
}

async fn refused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_first_to_stand_wins_and_the_silent_one_is_given_up() {
    let (silent, refused) = (Silent::new(), refused().await);
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (good, never) = (server.local_addr().unwrap(), at("127.0.0.9:9"));
    let stand = Stand::new();
    let dialled = stand.race(MINUTE, &[silent.0, refused, good, never]).await.unwrap();
    assert_eq!(dialled.peer, good);
    // One that stood is not late, though the race as a whole took a quarter of a second.
    assert!(dialled.took < nanos(STAGGER), "{}", dialled.took);
    assert_eq!(
        stand.told(),
        [
            (silent.0, "connectionAttempt"),
            (silent.0, "connectionAttemptTimeout"),
            (refused, "connectionAttempt"),
            (refused, "connectionAttemptFailed"),
            (good, "connectionAttempt"),
            (silent.0, "connectionAttemptCancelled"),
        ]
    );
    assert!(!silent.1.is_empty());
}

#[tokio::test]
async fn when_nobody_takes_it_the_first_reason_counts() {
    let (one, two) = (refused().await, at("192.0.2.1:0"));
    let stand = Stand::new();
    let Err(Fault::Io { op: Op::Connect, name, text }) = stand.race(MINUTE, &[one, two]).await else { panic!() };
    assert_eq!(name, "ECONNREFUSED");
    assert!(text.starts_with("none of 2 addresses took the connection; the first: "), "{text}");
    let names: Vec<_> = stand.told().iter().map(|told| told.1).collect();
    let failed = ["connectionAttempt", "connectionAttemptFailed"];
    assert_eq!(names[..2], failed);
    assert_eq!(names[2], "connectionAttempt");
    let Err(fault) = Stand::new().race(MINUTE, &[]).await else { panic!() };
    assert_eq!(fault, nowhere());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_under_way_when_time_is_over_is_given_up() {
    let silent = Silent::new();
    let stand = Stand::new();
    let limit = STAGGER + Duration::from_millis(100);
    let Err(fault) = stand.race(limit, &[silent.0, silent.0]).await else { panic!() };
    assert_eq!(fault, Fault::Late { what: "not connected", after: limit });
    let names: Vec<_> = stand.told().iter().map(|told| told.1).collect();
    let begun = ["connectionAttempt", "connectionAttemptTimeout", "connectionAttempt"];
    assert_eq!(names[..3], begun);
    assert_eq!(names[3..], ["connectionAttemptCancelled"; 2]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_late_one_may_still_win() {
    let silent = Silent::new();
    let stand = Stand::new();
    // The second address is refused at once, and the first makes room while it is waited for.
    let (addresses, mut held) = ([silent.0, refused().await], silent.1);
    let room = async {
        tokio::time::sleep(STAGGER * 2).await;
        let listener = held.pop().unwrap();
        listener.set_nonblocking(true).unwrap();
        while listener.accept().is_ok() {}
        // Those that waited go, so that the kernel takes the next SYN.
        held.clear();
        listener
    };
    let (dialled, _listener) = tokio::join!(stand.race(MINUTE, &addresses), room);
    assert_eq!(dialled.unwrap().peer, addresses[0]);
    let names: Vec<_> = stand.told().iter().map(|told| told.1).collect();
    assert_eq!(
        names,
        ["connectionAttempt", "connectionAttemptTimeout", "connectionAttempt", "connectionAttemptFailed"]
    );
}
