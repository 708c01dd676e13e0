//! The TLS events' own fields.

use serde::ser::SerializeMap;
use serde_json::{Value, json};

use super::event::{entry, micros};
use crate::model::starttls::Upgrade;
use crate::model::tls::{Answer, Certificate, Flight, Hello, Logged, Secured, Shown, Step};
use crate::model::url::Role;

pub fn list(names: &[Box<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

pub fn client_hello<M: SerializeMap>(map: &mut M, hello: &Hello) -> Result<(), M::Error> {
    entry(map, "server_name", hello.server_name.as_deref())?;
    let lists = [
        ("alpn", &hello.alpn),
        ("versions", &hello.versions),
        ("ciphers", &hello.ciphers),
        ("groups", &hello.groups),
        ("shares", &hello.shares),
        ("signatures", &hello.schemes),
        ("extensions", &hello.extensions),
    ];
    for (name, values) in lists {
        map.serialize_entry(name, &list(values))?;
    }
    map.serialize_entry("session_id", &hello.session)?;
    entry(map, "ticket", (hello.ticket > 0).then_some(hello.ticket))?;
    entry(map, "psk", (hello.keys > 0).then_some(hello.keys))?;
    for (name, is) in [("early_data", hello.early), ("again", hello.again), ("astray", hello.astray)] {
        entry(map, name, is.then_some(true))?;
    }
    Ok(())
}

pub fn server_hello<M: SerializeMap>(map: &mut M, answer: &Answer) -> Result<(), M::Error> {
    map.serialize_entry("version", &*answer.version)?;
    map.serialize_entry("cipher", &*answer.cipher)?;
    entry(map, "group", answer.group.as_deref())?;
    entry(map, "alpn", answer.alpn.as_deref())?;
    map.serialize_entry("extensions", &list(&answer.extensions))?;
    map.serialize_entry("retry", &answer.retry)?;
    map.serialize_entry("resumes", &answer.resumes)
}

pub fn handshake<M: SerializeMap>(map: &mut M, flight: &Flight) -> Result<(), M::Error> {
    map.serialize_entry("encrypted", &flight.sealed)?;
    map.serialize_entry("since_us", &micros(flight.since))?;
    let steps: Vec<Value> = flight.steps.iter().map(step).collect();
    map.serialize_entry("steps", &steps)
}

fn step(step: &Step) -> Value {
    json!({"name": step.name, "bytes": step.len, "encrypted": step.sealed})
}

pub fn starttls<M: SerializeMap>(map: &mut M, upgrade: &Upgrade) -> Result<(), M::Error> {
    map.serialize_entry("by", if upgrade.by.is_on() { upgrade.by.name() } else { "hand" })?;
    map.serialize_entry("server", if upgrade.role == Role::Listen { "us" } else { "peer" })?;
    map.serialize_entry("received", &upgrade.received)?;
    map.serialize_entry("sent", &upgrade.sent)
}

pub fn keylog<M: SerializeMap>(map: &mut M, logged: &Logged) -> Result<(), M::Error> {
    map.serialize_entry("file", &*logged.file)?;
    map.serialize_entry("labels", &list(&logged.labels))
}

pub fn secured<M: SerializeMap>(map: &mut M, secured: &Secured) -> Result<(), M::Error> {
    map.serialize_entry("version", secured.version)?;
    map.serialize_entry("cipher", &*secured.cipher)?;
    entry(map, "group", secured.group.as_deref())?;
    entry(map, "alpn", secured.alpn.as_deref())?;
    map.serialize_entry("resumed", &secured.resumed)?;
    map.serialize_entry("took_us", &micros(secured.took))?;
    entry(map, "verified", secured.verified)?;
    entry(map, "objection", secured.objection.as_deref())?;
    let chain: Vec<Value> = secured.chain.iter().map(certificate).collect();
    entry(map, "chain", (!chain.is_empty()).then_some(chain))
}

pub fn shown<M: SerializeMap>(map: &mut M, shown: &Shown) -> Result<(), M::Error> {
    map.serialize_entry("source", &*shown.source)?;
    map.serialize_entry("bad", &shown.is_bad)?;
    entry(map, "asked", shown.asked.as_deref())?;
    map.serialize_entry("behind", &shown.behind)?;
    map.serialize_entry("certificate", &certificate(&shown.certificate))
}

pub fn certificate(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(&certificate.names),
        "not_before": certificate.valid.0,
        "not_after": certificate.valid.1,
        "key": certificate.key,
        "serial": certificate.serial,
        "ca": certificate.is_ca,
        "sha256": certificate.fingerprint,
    })
}
