//! What HTTP/2's own events say: settings, ends of streams and of connections by name, and the start line of a
//! head whose method and path are headers.

use std::borrow::Cow;
use std::time::Duration;

use super::detail::by;
use crate::model::event::Kind;
use crate::model::h2::{self, NO_ERROR, Settings};
use crate::model::size;

type Row = (&'static str, String);

/// Every setting of a frame, one a row.
pub fn settings(settings: &Settings) -> Vec<Row> {
    let mut rows = vec![("who", by(settings.way.party()).to_string())];
    if settings.ack {
        rows.push(("ACK", "the other side's settings are applied".into()));
    }
    let names = std::iter::once("settings").chain(std::iter::repeat(""));
    let values =
        settings.values.iter().map(|(id, value)| format!("{} {}", h2::setting(*id), size::exact((*value).into())));
    rows.extend(names.zip(values));
    rows
}

/// The fields of the other events.
pub fn rows(kind: &Kind) -> Vec<Row> {
    let code = |code: &u32| ("code", h2::code(*code).into_owned());
    let mut rows = match kind {
        Kind::GoAway { last, code: why, .. } => vec![code(why), ("last", format!("stream {last}"))],
        Kind::StreamReset { exchange, stream, code: why, .. } => {
            vec![code(why), ("exchange", exchange.to_string()), ("stream", stream.to_string())]
        }
        Kind::WindowUpdate { exchange, by, blocked, .. } => vec![
            ("window", if *exchange == 0 { "the connection's".into() } else { format!("of exchange {exchange}") }),
            ("by", format!("{} B", size::exact((*by).into()))),
            ("blocked for", size::span(Duration::from_nanos(*blocked))),
        ],
        Kind::Request { exchange, stream, .. } => {
            return vec![("exchange", exchange.to_string()), ("stream", stream.to_string())];
        }
        _ => Vec::new(),
    };
    rows.extend(kind.way().map(|way| ("who", by(way.party()).to_string())));
    rows
}

/// The same in a line, and whether it is anything but orderly.
pub fn words(kind: &Kind) -> (String, bool) {
    match kind {
        Kind::Settings(settings) if settings.ack => ("ACK".into(), false),
        Kind::Settings(settings) if settings.values.is_empty() => ("the usual ones".into(), false),
        Kind::Settings(settings) => {
            let one = |(id, value): &(u16, u32)| format!("{} {value}", h2::setting(*id));
            (settings.values.iter().map(one).collect::<Vec<_>>().join(", "), false)
        }
        Kind::GoAway { last, code, .. } => (format!("{}, last stream {last}  ", h2::code(*code)), *code != NO_ERROR),
        Kind::StreamReset { stream, code, .. } => (format!("{}, stream {stream}", h2::code(*code)), *code != NO_ERROR),
        Kind::WindowUpdate { by, blocked, .. } => {
            let blocked = size::span(Duration::from_nanos(*blocked));
            (format!("{} more, after {blocked} without", size::bytes((*by).into())), false)
        }
        _ => (String::new(), false),
    }
}

/// `GET /path HTTP/2`, or the status: what stands in the pseudo-headers of a head. `None` in HTTP/1.
pub fn start(head: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if let Some(status) = head.strip_prefix(b":status: ") {
        return Some(Cow::Borrowed(&status[..status.iter().position(|byte| *byte == b'\r').unwrap_or(status.len())]));
    }
    if head.first() != Some(&b':') {
        return None;
    }
    let [mut method, mut path] = [&b""[..]; 2];
    for line in lines.by_ref().take_while(|line| line.first() == Some(&b':')) {
        if let Some(value) = line.strip_prefix(b":method: ") {
            method = value;
        } else if let Some(value) = line.strip_prefix(b":path: ") {
            path = value;
        }
    }
    Some(Cow::Owned([method, b" ", path, b" HTTP/2"].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_begins_with_what_its_pseudo_headers_say() {
        let line = |head: &'static [u8]| start(head).map(|line| String::from_utf8(line.into_owned()).unwrap());
        let request = b":method: PUT\r\n:scheme: https\r\n:authority: a\r\n:path: /b?c\r\nhost: x\r\n";
        assert_eq!(line(request).as_deref(), Some("PUT /b?c HTTP/2"));
        assert_eq!(line(b":status: 404\r\na: b\r\n").as_deref(), Some("404"));
        assert_eq!(line(b":status: 4").as_deref(), Some("4"), "cut where it was kept");
        assert_eq!(line(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(line(b""), None);
    }
}
