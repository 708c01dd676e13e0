//! What most endpoints have: what a listener answers, what is shown, when silence is told.

use super::text::{Text, put};
use super::{Live, Look, Row, always, stream};
use crate::model::spec::{Fixed, Reply};
use crate::model::url::{Role, Scheme};

fn listens(role: Role, _: Scheme) -> bool {
    role == Role::Listen
}

pub const ROWS: &[Row] = &[
    Row {
        name: "reply",
        look: Look::Choice(Reply::NAMES),
        live: Live::Endpoint,
        fits: listens,
        elsewhere: "reply is what a listener answers; a client sends only what you send",
        when: always,
        help: "the same back, nothing, always a text, or (http) held for your hand",
        get: |settings| settings.reply.name().into(),
        set: |settings, text| settings.reply.choose(text),
    },
    Row {
        name: "reply.text",
        look: Look::Line(""),
        live: Live::Endpoint,
        fits: listens,
        elsewhere: "reply.text is what a listener answers; a client sends only what you send",
        when: |settings| matches!(settings.reply, Reply::Fixed(_)),
        help: "sent as it is, with escapes: \\r \\n \\t \\0 \\xNN \\u{...}; no framing is added",
        get: |settings| match &settings.reply {
            Reply::Fixed(fixed) => fixed.text.write(),
            _ => String::new(),
        },
        set: |settings, text| {
            let text = Text::read(text)?;
            match &mut settings.reply {
                Reply::Fixed(fixed) => fixed.text = text,
                // Nothing to set, nothing to change: a form hands back what it read.
                _ if text.0.is_empty() => {}
                reply => *reply = Reply::Fixed(Fixed { text, ..Fixed::default() }),
            }
            Ok(())
        },
    },
    Row {
        name: "greet",
        look: Look::Line(""),
        live: Live::Next,
        fits: |role, scheme| role == Role::Listen && !scheme.is_http() && scheme != Scheme::Udp,
        elsewhere: "greet is for tcp, tls, ws and wss listeners: there a peer connects and the server can speak first",
        when: always,
        help: "sent as it is to each peer that connects, with escapes; no framing is added",
        get: |settings| settings.greet.write(),
        // Blanks at its ends belong to it.
        set: |settings, text| Text::read(text).map(|greet| settings.greet = greet),
    },
    Row {
        name: "show",
        look: Look::Line("{message} from {address}:{port}"),
        live: Live::Next,
        fits: |_, _| true,
        elsewhere: "show",
        when: always,
        help: "a line on the endpoint's timeline for each message; {message} {address} {port}",
        get: |settings| settings.show.write(),
        set: |settings, text| put(&mut settings.show, text),
    },
    Row {
        name: "timeout",
        look: Look::Line("30s"),
        live: Live::Now,
        fits: stream,
        elsewhere: "timeout is for connections: udp has none",
        when: always,
        help: "tell when a connection was silent for so long; the socket stays open",
        get: |settings| settings.timeout.write(),
        set: |settings, text| put(&mut settings.timeout, text),
    },
];
