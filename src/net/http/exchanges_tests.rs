//! The watch by itself: what it records, counts and hands on, for both sides.

use super::exchanges::Exchanges;
use super::stage::{Stage, told};
use crate::hub::{Birth, Recorder};
use crate::model::event::Way;
use crate::model::id::SocketId;
use crate::model::spec::Limits;
use crate::model::url::{Role, Scheme};
use crate::net::probe::Watch;

#[derive(Default)]
struct Follower {
    read: Vec<u8>,
    wrote: Vec<u8>,
    ended: bool,
}

impl Watch for Follower {
    fn read(&mut self, bytes: &[u8]) {
        self.read.extend(bytes);
    }
    fn wrote(&mut self, bytes: &[u8]) {
        self.wrote.extend(bytes);
    }
    fn ended(&mut self) {
        self.ended = true;
    }
}

fn socket(stage: &Stage) -> (SocketId, Recorder) {
    use crate::model::spec::Spec;
    use crate::model::url::Url;
    let spec = Spec::new(Role::Listen, Url::parse("http://", Role::Listen).unwrap());
    let (endpoint, _) = stage.hub.add_endpoint(spec.into());
    let peer = ([127, 0, 0, 1], 1).into();
    stage.hub.open(Birth { endpoint, scheme: Scheme::Http, accepted: true, peer, local: None, handshakes: 1 })
}

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
const YES: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
const NO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn what_is_behind_a_switch_is_the_followers_on_both_sides() {
    for role in [Role::Listen, Role::Connect] {
        let stage = Stage::new(Limits::default());
        let (id, record) = socket(&stage);
        let mut watch = Exchanges::new(role, record.clone(), 1000, Follower::default()).upgrading();
        let (mut asks, mut answers): (Vec<&[u8]>, Vec<&[u8]>) = (vec![ASK, b"early"], vec![b"behind"]);
        let first = [YES, b"frame"].concat();
        answers.insert(0, &first);
        let mut say = |way: Way, bytes: &[u8]| match way {
            Way::In => watch.read(bytes),
            Way::Out => watch.wrote(bytes),
        };
        let (there, back) = if role == Role::Listen { (Way::In, Way::Out) } else { (Way::Out, Way::In) };
        asks.drain(..).for_each(|bytes| say(there, bytes));
        answers.drain(..).for_each(|bytes| say(back, bytes));
        say(there, b"late");
        assert!(watch.tunnelled());
        watch.ended();
        let follower = watch.follower();
        let (asked, answered) = match role {
            Role::Listen => (&follower.read, &follower.wrote),
            Role::Connect => (&follower.wrote, &follower.read),
        };
        assert_eq!((&asked[..], &answered[..]), (&b"earlylate"[..], &b"framebehind"[..]));
        assert!(follower.ended);
        let count = record.count();
        let (asked, answered) = match role {
            Role::Listen => (count.received, count.sent),
            Role::Connect => (count.sent, count.received),
        };
        assert_eq!((asked.bytes, answered.bytes), (ASK.len() as u64, YES.len() as u64));
        let events = stage.hub.events(id.into(), 0, 100).unwrap().events;
        let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
        assert_eq!(names, ["request", "head", "upgrade"]);
    }
}

#[test]
fn a_switch_that_is_refused_leaves_requests() {
    let stage = Stage::new(Limits::default());
    let (id, record) = socket(&stage);
    let mut watch = Exchanges::new(Role::Listen, record.clone(), 1000, Follower::default()).upgrading();
    watch.read(&[ASK, ASK, b"early"].concat());
    assert_eq!(record.count().received.bytes, ASK.len() as u64);
    watch.wrote(NO);
    assert_eq!(record.count().received.bytes, 2 * ASK.len() as u64);
    watch.wrote(YES);
    assert_eq!(watch.follower().read, b"early");
    assert_eq!(record.count().received.bytes, 2 * ASK.len() as u64);
    let events = stage.hub.events(id.into(), 0, 100).unwrap().events;
    let want = ["in request 1", "out head 1", "finish 1", "in request 2", "out head 2", "upgrade 2"];
    assert_eq!(told(&events), want);
}
