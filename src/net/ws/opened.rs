//! What both heads of a handshake say: offered and taken, in the words of the wire.

use super::offer::split;
use crate::model::event::Opened;

/// Fields of a head that are looked at: more than any client sends.
const FIELDS: usize = 128;

/// Reads the two heads. A field that is missing or no text says nothing.
pub fn opened(request: &[u8], response: &[u8]) -> Opened {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut asked = httparse::Request::new(&mut fields);
    let _ = asked.parse(request);
    let subprotocols = list(asked.headers, "sec-websocket-protocol");
    let offered = list(asked.headers, "sec-websocket-extensions");
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answered = httparse::Response::new(&mut fields);
    let _ = answered.parse(response);
    Opened {
        subprotocols,
        subprotocol: list(answered.headers, "sec-websocket-protocol").into_iter().next(),
        offered,
        extensions: list(answered.headers, "sec-websocket-extensions"),
    }
}

fn list(fields: &[httparse::Header<'_>], name: &str) -> Vec<Box<str>> {
    let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    let texts = lines.filter_map(|field| std::str::from_utf8(field.value).ok());
    texts.flat_map(|text| split(text, ',')).filter(|part| !part.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_and_taken_is_read_from_the_heads() {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: v2, v1\r\nSEC-WEBSOCKET-PROTOCOL: v0\r\n\
            Sec-WebSocket-Extensions: x; a=\"1,2\", permessage-deflate; client_max_window_bits\r\n\r\n";
        let response = b"HTTP/1.1 101 S\r\nSec-WebSocket-Protocol: v1\r\n\
            Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let opened = opened(request, response);
        assert_eq!(opened.subprotocols, ["v2", "v1", "v0"].map(Into::into));
        assert_eq!(opened.subprotocol.as_deref(), Some("v1"));
        assert_eq!(opened.offered, ["x; a=\"1,2\"", "permessage-deflate; client_max_window_bits"].map(Into::into));
        assert_eq!(opened.extensions, ["permessage-deflate".into()]);
    }

    #[test]
    fn heads_that_are_none_say_nothing() {
        assert_eq!(opened(b"", b"\xff\xff"), Opened::default());
    }
}
