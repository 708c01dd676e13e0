//! DNS questions that wait for their answers: what tells how long an answer took and how often it was asked.
//!
//! An answer belongs to the question with its id between the same two (RFC 1035 section 4.1.1): two machines,
//! for who asks again does so from another port (RFC 5452 section 9.2). Over multicast
//! ids are zero and anybody may answer: there it belongs to the question for its name (RFC 6762 section 6).

use std::collections::VecDeque;
use std::collections::hash_map::{DefaultHasher, HashMap};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use super::dns;
use crate::model::dns::{Dns, Message};
use crate::model::event::Way;
use crate::model::time::{Stamp, nanos};

/// Questions remembered on one endpoint: as many as a busy resolver has open; the oldest make room.
const OPEN: usize = 1024;
/// RFC 6762 section 3.
const MULTICAST_PORT: u16 = 5353;
/// The type that asks for all (RFC 1035 section 3.2.3).
const ANY: u16 = 255;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Between us and a peer, asked that way.
    Id(IpAddr, Way, u16),
    /// By the hash of name and type.
    Name(u64),
}

struct Asked {
    at: Stamp,
    /// The hash of what was asked: the same id with another question is a new one.
    what: u64,
    tries: u32,
}

#[derive(Default)]
pub struct Dialogue {
    open: HashMap<Key, Asked>,
    /// The keys in the order they came; some are answered by now.
    order: VecDeque<Key>,
}

impl Dialogue {
    /// What a datagram says, if it is DNS; `local` is our own port.
    pub fn hear(&mut self, way: Way, peer: SocketAddr, local: u16, bytes: &[u8], now: Stamp) -> Option<Dns> {
        let message = dns::read(bytes)?;
        let multicast = peer.port() == MULTICAST_PORT || local == MULTICAST_PORT;
        let (took, tries) = match message.is_answer {
            true => (self.answer(way, peer, multicast, &message, now), 1),
            false => self.ask(way, peer, multicast, &message, now),
        };
        Some(Dns { way, message, took, tries })
    }

    fn ask(&mut self, way: Way, peer: SocketAddr, by_name: bool, message: &Message, now: Stamp) -> (Option<u64>, u32) {
        let Some(what) = message.questions.first().map(|question| hash(&question.name, question.kind)) else {
            return (None, 1);
        };
        if by_name {
            // Each of its questions has answers of its own; who asks repeats as long as it wants to know.
            for question in message.questions.iter().skip(1) {
                let what = hash(&question.name, question.kind);
                self.remember(Key::Name(what), what, now);
            }
            return self.remember(Key::Name(what), what, now);
        }
        self.remember(Key::Id(peer.ip(), way, message.id), what, now)
    }

    /// How long ago it was first asked, and how often by now.
    fn remember(&mut self, key: Key, what: u64, now: Stamp) -> (Option<u64>, u32) {
        if let Some(asked) = self.open.get_mut(&key).filter(|asked| asked.what == what) {
            asked.tries = asked.tries.saturating_add(1);
            return (Some(nanos(now.since(asked.at))), asked.tries);
        }
        while self.order.len() >= OPEN {
            if let Some(oldest) = self.order.pop_front() {
                self.open.remove(&oldest);
            }
        }
        self.order.push_back(key);
        self.open.insert(key, Asked { at: now, what, tries: 1 });
        (None, 1)
    }

    fn answer(&mut self, way: Way, peer: SocketAddr, by_name: bool, message: &Message, now: Stamp) -> Option<u64> {
        let since = |asked: &Asked| nanos(now.since(asked.at));
        if by_name {
            let named = message.records.iter().flat_map(|record| [(&record.name, record.kind), (&record.name, ANY)]);
            let keys = named.map(|(name, kind)| Key::Name(hash(name, kind)));
            return keys.filter_map(|key| self.open.get(&key)).map(since).max();
        }
        let asker = if way == Way::In { Way::Out } else { Way::In };
        self.open.remove(&Key::Id(peer.ip(), asker, message.id)).as_ref().map(since)
    }
}

/// Names differ not by case (RFC 4343).
fn hash(name: &str, kind: u16) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.to_ascii_lowercase().hash(&mut hasher);
    kind.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: u8, label: u8) -> Vec<u8> {
        vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, label, 0, 0, 1, 0, 1]
    }

    fn answer(id: u8, label: u8) -> Vec<u8> {
        let mut bytes = vec![0, id, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 1, label, 0, 0, 1, 0, 1];
        bytes.extend([0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        bytes
    }

    fn at(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5000).into()
    }

    #[test]
    fn an_answer_is_timed_from_its_first_question() {
        let mut dialogue = Dialogue::default();
        let mut hear = |way, peer, bytes: &[u8], now| {
            dialogue.hear(way, peer, 9, bytes, Stamp(now)).map(|dns| (dns.took, dns.tries))
        };
        assert_eq!(hear(Way::In, at(1), &question(1, b'a'), 100), Some((None, 1)));
        // Another peer, and another id: other questions.
        assert_eq!(hear(Way::In, at(2), &question(1, b'a'), 110), Some((None, 1)));
        assert_eq!(hear(Way::In, at(1), &question(2, b'a'), 120), Some((None, 1)));
        // dig and others ask again from another port.
        let mut other = at(1);
        other.set_port(6000);
        assert_eq!(hear(Way::In, other, &question(1, b'A'), 150), Some((Some(50), 2)));
        assert_eq!(hear(Way::In, at(1), &answer(1, b'a'), 160), Some((None, 1)));
        assert_eq!(hear(Way::Out, at(1), &answer(1, b'a'), 200), Some((Some(100), 1)));
        assert_eq!(hear(Way::Out, at(1), &answer(1, b'a'), 210), Some((None, 1)));
        assert_eq!(hear(Way::Out, at(2), &answer(1, b'a'), 210), Some((Some(100), 1)));
        // The id again, for something else.
        assert_eq!(hear(Way::In, at(1), &question(2, b'b'), 300), Some((None, 1)));
        assert_eq!(hear(Way::In, at(1), b"not at all", 300), None);
    }

    #[test]
    fn over_multicast_anybody_answers_by_name() {
        let mut dialogue = Dialogue::default();
        let group = SocketAddr::from(([224, 0, 0, 251], MULTICAST_PORT));
        let mut hear = |way, peer, bytes: &[u8], now| dialogue.hear(way, peer, 9, bytes, Stamp(now)).unwrap().took;
        assert_eq!(hear(Way::Out, group, &question(0, b'a'), 100), None);
        let (one, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let at = |ip: [u8; 4]| SocketAddr::from((ip, MULTICAST_PORT));
        assert_eq!(hear(Way::In, at(one), &answer(0, b'b'), 150), None);
        assert_eq!(hear(Way::In, at(one), &answer(0, b'a'), 170), Some(70));
        assert_eq!(hear(Way::In, at(other), &answer(0, b'A'), 180), Some(80));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut dialogue = Dialogue::default();
        for peer in 0..5000u16 {
            let [high, low] = peer.to_be_bytes();
            dialogue.hear(Way::In, ([10, 0, high, low], 9).into(), 9, &question(1, b'a'), Stamp(1));
            assert!(dialogue.open.len() <= OPEN && dialogue.order.len() <= OPEN);
        }
    }
}
