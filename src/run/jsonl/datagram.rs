//! What there is to tell of a UDP socket besides its datagrams, as fields of a JSON object.

use serde::ser::SerializeMap;
use serde_json::{Value, json};

use super::event::{entry, flow, micros};
use crate::model::datagram::{Membership, Note};
use crate::model::dns::{self, Dns, Message};

pub(super) fn detail<M: SerializeMap>(map: &mut M, note: &Note) -> Result<(), M::Error> {
    match note {
        Note::Addressed { peer, socket } => {
            map.serialize_entry("peer", peer)?;
            entry(map, "accepted", socket.map(|id| id.0))
        }
        Note::Local { local, interface } => {
            map.serialize_entry("local", local)?;
            entry(map, "interface", interface.as_deref())
        }
        Note::Truncated { whole, kept } => {
            map.serialize_entry("whole", whole)?;
            map.serialize_entry("taken", kept)
        }
        Note::Overflow { lost, total } => {
            map.serialize_entry("lost", lost)?;
            map.serialize_entry("total", total)
        }
        Note::Joined(Membership { group, interface }) | Note::Left(Membership { group, interface }) => {
            map.serialize_entry("group", group)?;
            entry(map, "interface", interface.as_deref())
        }
        Note::Folded { peer, socket, count } => {
            map.serialize_entry("peer", peer)?;
            map.serialize_entry("folded", &socket.0)?;
            map.serialize_entry("received", &flow(count.received, true))?;
            map.serialize_entry("sent", &flow(count.sent, true))?;
            map.serialize_entry("errors", &count.errors)
        }
        Note::Dns(dns) => of_dns(map, dns),
    }
}

fn of_dns<M: SerializeMap>(map: &mut M, dns: &Dns) -> Result<(), M::Error> {
    let message = &dns.message;
    map.serialize_entry("id", &message.id)?;
    map.serialize_entry("answer", &message.is_answer)?;
    map.serialize_entry("opcode", message.opcode_name())?;
    entry(map, "code", message.is_answer.then(|| dns::code_name(message.code)))?;
    map.serialize_entry("flags", &message.flag_names().collect::<Vec<_>>())?;
    let [questions, answers, authority, additional] = message.counts;
    let counts =
        json!({ "questions": questions, "answers": answers, "authority": authority, "additional": additional });
    map.serialize_entry("counts", &counts)?;
    map.serialize_entry("questions", &questions_of(message))?;
    map.serialize_entry("records", &records_of(message))?;
    if let Some(edns) = message.edns {
        let edns = json!({ "version": edns.version, "size": edns.size, "dnssec_ok": edns.dnssec_ok });
        map.serialize_entry("edns", &edns)?;
    }
    entry(map, "tries", (!message.is_answer).then_some(dns.tries))?;
    entry(map, "took_us", dns.took.map(micros))
}

fn questions_of(message: &Message) -> Vec<Value> {
    let object = |question: &dns::Question| {
        let class = dns::class_name(question.class);
        json!({ "name": question.name, "type": dns::kind_name(question.kind), "class": class })
    };
    message.questions.iter().map(object).collect()
}

fn records_of(message: &Message) -> Vec<Value> {
    let object = |record: &dns::Record| {
        json!({
            "section": record.section.name(),
            "name": record.name,
            "type": dns::kind_name(record.kind),
            "class": dns::class_name(record.class),
            "ttl": record.ttl,
            "value": record.value,
        })
    };
    message.records.iter().map(object).collect()
}

/// One of each, and the fields it adds.
#[cfg(test)]
pub(super) fn samples() -> Vec<(crate::model::event::Kind, Value)> {
    use crate::model::event::{Kind, Way};
    use crate::model::id::SocketId;
    use crate::model::tally::{Count, Flow};
    let at = "127.0.0.2:5000".parse().unwrap();
    let member = || Membership { group: "239.1.2.3".parse().unwrap(), interface: Some("lo".into()) };
    let received = Flow { packets: 3, messages: 3, bytes: 9, wire: 9 };
    let message = Message {
        id: 7,
        is_answer: true,
        opcode: 0,
        code: 3,
        flags: 0x8183,
        counts: [1, 1, 0, 1],
        questions: vec![dns::Question { name: "a.test".into(), kind: 1, class: 1 }],
        records: vec![dns::Record {
            section: dns::Section::Answer,
            name: "a.test".into(),
            kind: 28,
            class: 1,
            ttl: 60,
            value: "::1".into(),
        }],
        edns: Some(dns::Edns { version: 0, size: 1232, dnssec_ok: false }),
    };
    let notes = [
        (Note::Addressed { peer: at, socket: Some(SocketId(9)) }, json!({"peer": "127.0.0.2:5000", "accepted": 9})),
        (
            Note::Local { local: at, interface: Some("lo".into()) },
            json!({"local": "127.0.0.2:5000", "interface": "lo"}),
        ),
        (Note::Truncated { whole: 1000, kept: 100 }, json!({"whole": 1000, "taken": 100})),
        (Note::Overflow { lost: 2, total: 5 }, json!({"lost": 2, "total": 5})),
        (Note::Joined(member()), json!({"group": "239.1.2.3", "interface": "lo"})),
        (Note::Left(member()), json!({"group": "239.1.2.3", "interface": "lo"})),
        (
            Note::Folded { peer: at, socket: SocketId(9), count: Count { received, errors: 1, ..Count::default() } },
            json!({"peer": "127.0.0.2:5000", "folded": 9, "errors": 1,
                "received": {"packets": 3, "messages": 3, "bytes": 9, "wire": 9},
                "sent": {"packets": 0, "messages": 0, "bytes": 0, "wire": 0}}),
        ),
        (
            Note::Dns(Dns { way: Way::Out, message, took: Some(1_999), tries: 1 }),
            json!({"way": "out", "id": 7, "answer": true, "opcode": "QUERY", "code": "NXDOMAIN", "flags": ["rd", "ra"],
                "counts": {"questions": 1, "answers": 1, "authority": 0, "additional": 1},
                "questions": [{"name": "a.test", "type": "A", "class": "IN"}],
                "records": [{"section": "answer", "name": "a.test", "type": "AAAA", "class": "IN", "ttl": 60, "value": "::1"}],
                "edns": {"version": 0, "size": 1232, "dnssec_ok": false}, "took_us": 1}),
        ),
    ];
    notes.into_iter().map(|(note, fields)| (Kind::Datagram(Box::new(note)), fields)).collect()
}
