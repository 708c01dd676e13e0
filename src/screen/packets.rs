//! Socket.IO and Engine.IO packets in words: on a line of the timeline, and as a table.

use std::time::Duration;

use ratatui::text::Span;

use super::bytes::clean;
use super::cells::span;
use super::theme::Theme;
use crate::model::size;
use crate::model::socketio::{Head, Type};

/// What stands before the arguments: `event chat  /admin  ack 7?  `.
pub fn words(packet: &Head, theme: &Theme) -> Vec<Span<'static>> {
    let weight = if packet.what == Type::Malformed { theme.bad } else { theme.plain };
    let mut words = vec![span(packet.what.name(), weight)];
    if let Some(name) = &packet.name {
        words.push(span(format!(" {}", clean(name)), theme.bright));
    }
    if packet.what == Type::Attachment {
        words.push(span(format!(" {} of {}", packet.index, packet.attachments), theme.plain));
    }
    let mut facts = Vec::new();
    if !matches!(&*packet.namespace, "" | "/") {
        facts.push(clean(&packet.namespace).into_owned());
    }
    match (packet.id, packet.what) {
        (Some(id), Type::Event | Type::BinaryEvent) => facts.push(format!("ack {id}?")),
        (Some(id), _) => facts.push(id.to_string()),
        (None, _) => {}
    }
    if packet.attachments > 0 && packet.what != Type::Attachment {
        facts.push(format!("+{} binary", packet.attachments));
    }
    facts.extend(packet.rtt.map(|ns| format!("rtt {}", size::span(Duration::from_nanos(ns)))));
    words.extend(facts.into_iter().map(|fact| span(format!("  {fact}"), theme.dim)));
    words.push(span("  ", theme.plain));
    words
}

/// Every field.
pub fn rows(packet: &Head) -> Vec<(&'static str, String)> {
    let mut rows = vec![("packet", format!("{} ({})", packet.what.name(), packet.what.layer()))];
    if !packet.namespace.is_empty() {
        rows.push(("namespace", clean(&packet.namespace).into_owned()));
    }
    rows.extend(packet.name.as_ref().map(|name| ("event", clean(name).into_owned())));
    rows.extend(packet.id.map(|id| ("ack id", id.to_string())));
    match packet.what {
        Type::Attachment => rows.push(("attachment", format!("{} of {}", packet.index, packet.attachments))),
        _ if packet.attachments > 0 => rows.push(("attachments", packet.attachments.to_string())),
        _ => {}
    }
    rows.extend(packet.rtt.map(|ns| ("round trip", size::span(Duration::from_nanos(ns)))));
    rows
}
