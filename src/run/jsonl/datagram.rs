//! What there is to tell of a UDP socket besides its datagrams, as fields of a JSON object.

use serde::ser::SerializeMap;
use serde_json::{Value, json};

use super::event::{entry, flow, micros};
use crate::model::datagram::{Membership, Note};
use crate::model::dns::{self, Dns, Message};

pub(super) fn detail<M: SerializeMap>(map: &mut M, note: &Note) -> Result<(), M::Error> {
    match note {
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
