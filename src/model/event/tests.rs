//! The size of an event, and its name.

use super::*;
use crate::model::starttls::Starttls;
use crate::model::url::Role;

#[test]
fn an_event_kind_is_three_words() {
    assert!(size_of::<Kind>() <= 24, "{}", size_of::<Kind>());
}

#[test]
fn every_name_is_in_the_vocabulary_once() {
    let kinds = [
        Kind::Data,
        Kind::Write,
        Kind::Log,
        Kind::fin(Way::In),
        Kind::Ping { way: Way::In, frame: None },
        Kind::Pong { way: Way::In, rtt: None, frame: None },
        Kind::Closing {
            way: Way::In,
            code: None,
            frame: FrameHead { opcode: 8, fin: true, rsv: 0, masked: true, len: 0, size: 6 },
        },
        Kind::Open(Box::default()),
        Kind::Finish { exchange: 1, first: None, took: 1 },
        Kind::Last { way: Way::In, exchange: 1, why: Why::Idle },
        Kind::Chunk { way: Way::In, exchange: 1, size: 0 },
        Kind::Information { way: Way::In, exchange: 1, status: 103 },
        Kind::GoAway { way: Way::In, last: 1, code: 0 },
        Kind::StreamReset { way: Way::In, exchange: 1, stream: 1, code: 8 },
        Kind::WindowUpdate { way: Way::In, exchange: 1, by: 1, blocked: 1 },
        Kind::Settings(Box::new(h2::Settings { way: Way::In, ack: true, values: Vec::new() })),
        Kind::Upgrade { exchange: 1 },
        Kind::Blocked { waiting: 1 },
        Kind::Drain { blocked: 1, waited: 1 },
        Kind::Timeout { idle: 1 },
        Kind::Message { way: Way::In, form: Form::Text, frames: 1, framing: Framing::default() },
        Kind::KeyLog(Box::new(Logged { file: "keys".into(), labels: Vec::new() })),
        Kind::Starttls(Box::new(Upgrade { by: Starttls::Smtp, role: Role::Listen, received: 1, sent: 1 })),
        Kind::Alert { way: Way::In, name: "close_notify" },
    ];
    for kind in kinds {
        assert_eq!(VOCABULARY.iter().filter(|word| word.name == kind.name()).count(), 1, "{}", kind.name());
    }
    let mut names: Vec<_> = VOCABULARY.iter().map(|word| word.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VOCABULARY.len());
}
