//! A TLS handshake whole, as `details` tells it.

use serde_json::{Value, json};

use super::event::{Error, micros};
use super::tls::{certificate, list};
use crate::model::event::{Kind, Way};
use crate::model::handshake::{Crossed, Handshake, Outcome, Topic, against};
use crate::model::time::{Stamp, nanos};
use crate::model::tls::{Certificate, Record};
use crate::model::url::Role;

/// `now` is in seconds since 1970.
pub fn handshake(handshake: &Handshake, now: i64) -> Value {
    let since = |at: Stamp| micros(nanos(at.since(handshake.began.unwrap_or(at))));
    let (outcome, at, error) = match &handshake.outcome {
        Outcome::Pending => ("pending", None, None),
        Outcome::Done { at, .. } => ("done", Some(*at), None),
        Outcome::Failed { at, fault, .. } => ("failed", Some(*at), Some(json!(Error(fault)))),
    };
    let step = |Crossed { at, sealed, kind }: &Crossed| {
        let way = kind.way().map(|way| if way == Way::In { "in" } else { "out" });
        let mut step = json!({ "since_us": since(*at), "way": way, "event": kind.name(), "encrypted": sealed });
        match kind {
            Kind::Handshake(flight) => {
                step["steps"] = flight.steps.iter().map(|step| json!(step.name)).collect();
            }
            Kind::Alert { name, .. } => step["alert"] = (*name).into(),
            _ => {}
        }
        step
    };
    let mut line = json!({
        "we_are": if handshake.role == Role::Listen { "server" } else { "client" },
        "outcome": outcome,
        "steps": handshake.steps.iter().map(step).collect::<Vec<_>>(),
        "topics": handshake.topics().iter().map(topic).collect::<Vec<_>>(),
        "chain": chain(handshake.peers_chain(), handshake.asked(), now),
        "records": { "in": records(&handshake.records[0]), "out": records(&handshake.records[1]) },
    });
    if let Some(at) = at {
        line["took_us"] = json!(since(at));
    }
    if let Some(error) = error {
        line["error"] = error;
    }
    if let Some(secured) = handshake.secured() {
        line["resumed"] = secured.resumed.into();
        line["verified"] = secured.verified.into();
        line["objection"] = secured.objection.as_deref().into();
    }
    let ours = &handshake.chains[Way::Out as usize];
    if !ours.is_empty() {
        line["our_chain"] = chain(ours, None, now).into();
    }
    line
}

fn records(records: &[Record]) -> Vec<Value> {
    records.iter().map(|record| json!({ "type": record.name(), "bytes": record.len })).collect()
}

fn topic(topic: &Topic) -> Value {
    let mut line = json!({ "name": topic.name, "offered": list(&topic.offered), "chosen": list(&topic.chosen) });
    if let Some(taken) = &topic.taken {
        line["taken"] = list(taken).into();
    }
    line
}

fn chain(chain: &[Certificate], asked: Option<&str>, now: i64) -> Vec<Value> {
    let each = |(nth, this): (usize, &Certificate)| {
        let mut line = certificate(this);
        line["validity"] = this.validity(now).0.into();
        line["against"] = against(chain, nth, asked, now).into();
        line
    };
    chain.iter().enumerate().map(each).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::end::{Fault, Party};
    use crate::model::handshake::Terms;
    use crate::model::tls::Hello;

    #[test]
    fn a_refusal_tells_what_was_offered_what_would_have_been_taken_and_why() {
        let mut it = Handshake { began: Some(Stamp(1_000)), ..Handshake::default() };
        let hello = Hello { groups: vec!["secp521r1".into()], ..Hello::default() };
        it.keep(Stamp(1_000), false, Kind::ClientHello(Arc::new(hello)));
        it.keep(Stamp(441_000), false, Kind::Alert { way: Way::Out, name: "handshake_failure" });
        it.records[0].push(Record { kind: 22, len: 517 });
        it.chains[1] = Arc::from([Certificate {
            valid: ("2026-01-01T00:00:00Z".into(), "2026-01-31T00:00:00Z".into()),
            ..Certificate::default()
        }]);
        let fault = Arc::new(Fault::Tls { alert: Some((Party::Us, "handshake_failure")), text: "no group".into() });
        let terms = Some(Arc::new(Terms { groups: vec!["X25519".into()], ..Terms::default() }));
        it.outcome = Outcome::Failed { at: Stamp(451_000), fault, terms };
        let line = handshake(&it, 1_767_225_600);
        assert_eq!(
            (&line["we_are"], &line["outcome"], &line["took_us"]),
            (&json!("server"), &json!("failed"), &json!(450))
        );
        assert_eq!(line["error"]["name"], "handshake_failure");
        assert_eq!(line["steps"][0], json!({ "since_us": 0, "way": "in", "event": "clientHello", "encrypted": false }));
        assert_eq!(
            line["steps"][1],
            json!({ "since_us": 440, "way": "out", "event": "alert", "encrypted": false, "alert": "handshake_failure" })
        );
        let groups = json!({ "name": "groups", "offered": ["secp521r1"], "chosen": [], "taken": ["X25519"] });
        assert!(line["topics"].as_array().unwrap().contains(&groups), "{line}");
        assert_eq!(line["records"]["in"], json!([{ "type": "handshake", "bytes": 517 }]));
        assert_eq!(line["our_chain"][0]["validity"], "good for 30 days more");
        assert_eq!(line["chain"], json!([]));
    }
}
