//! The TLS block of a socket's details page: what was agreed on, what has crossed, and who the peer is.

use std::borrow::Cow;
use std::time::Duration;

use super::records::Seen;
use crate::model::event::Way;
use crate::model::handshake::Handshake;
use crate::model::size;
use crate::model::tls::{Certificate, Secured};
use crate::model::view::{Facts, Group};

type Row = (Cow<'static, str>, String);

impl Facts for Seen {
    fn read(&self) -> Vec<Group> {
        let story = self.story();
        let mut rows: Vec<Row> = Vec::new();
        match story.handshake.secured() {
            Some(secured) => rows.extend(agreed(secured)),
            None => rows.push(("handshake".into(), "not done".into())),
        }
        rows.push((
            "SNI".into(),
            story.handshake.hello().and_then(|hello| hello.server_name.as_deref()).unwrap_or("none").to_owned(),
        ));
        rows.push(("session tickets".into(), story.tickets.to_string()));
        rows.push(("records in".into(), records(self, Way::In)));
        rows.push(("records out".into(), records(self, Way::Out)));
        for (name, alert) in ["alert in", "alert out"].into_iter().zip(story.alerts) {
            rows.extend(alert.map(|alert| (name.into(), alert.to_owned())));
        }
        if story.lost {
            rows.push(("encrypted steps".into(), "could not be followed".into()));
        }
        let mut groups = vec![Group { title: "TLS".into(), rows }];
        groups.extend(
            story.handshake.peers_chain().iter().enumerate().map(|(nth, certificate)| certified(nth, certificate)),
        );
        groups
    }

    fn handshake(&self) -> Option<Handshake> {
        Some(self.story().handshake.clone()).filter(|handshake| handshake.began.is_some())
    }
}

fn agreed(secured: &Secured) -> Vec<Row> {
    let name = |name: &Option<Box<str>>| name.as_deref().unwrap_or("none").to_owned();
    let kind = if secured.resumed { "resumed" } else { "full" };
    let peer = match (secured.verified, &secured.objection) {
        (Some(true), _) => "certificate good".into(),
        (Some(false), Some(why)) => format!("certificate not good, let pass: {why}"),
        (Some(false), None) => "certificate not checked".into(),
        (None, _) => "no certificate".into(),
    };
    vec![
        ("version".into(), secured.version.into()),
        ("cipher".into(), secured.cipher.clone().into()),
        ("group".into(), name(&secured.group)),
        ("ALPN".into(), name(&secured.alpn)),
        ("handshake".into(), format!("{kind}, {}", size::span(Duration::from_nanos(secured.took)))),
        ("peer".into(), peer),
    ]
}

/// `handshake 3, application_data 12`.
fn records(seen: &Seen, way: Way) -> String {
    let some = seen.by_type(way).filter(|(_, n)| *n > 0);
    let text = some.map(|(name, n)| format!("{name} {}", size::exact(n))).collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".into() } else { text }
}

fn certified(nth: usize, certificate: &Certificate) -> Group {
    let title = if nth == 0 { "certificate".into() } else { format!("certificate {}", nth + 1).into() };
    let (from, until) = &certificate.valid;
    let mut rows: Vec<Row> = vec![("subject".into(), certificate.subject.clone().into())];
    if !certificate.names.is_empty() {
        rows.push(("names".into(), certificate.names.join(" ")));
    }
    rows.push(("issuer".into(), certificate.issuer.clone().into()));
    rows.push(("valid".into(), format!("{from} to {until}")));
    rows.push(("key".into(), certificate.key.clone().into()));
    rows.push(("serial".into(), certificate.serial.clone().into()));
    rows.push(("SHA-256".into(), certificate.fingerprint.clone().into()));
    Group { title, rows }
}
