//! A draft as a WebSocket message, a ping or a close frame; or the sentence that says why not.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::side::is_close_code;
use crate::model::draft::{CONTROL, Coding, Draft, FRAGMENTS, Rejection, Shape, encode};
use crate::model::event::Form;
use crate::model::socketio::Emit;
use crate::net::Payload;

pub fn compose(draft: &Draft) -> Result<Payload, Rejection> {
    let payload = whole(draft)?;
    if draft.fragments <= 1 {
        return Ok(payload);
    }
    if draft.fragments > FRAGMENTS {
        let asked = draft.fragments;
        return Err(Rejection(format!("a message goes in 1 to {FRAGMENTS} frames, and {asked} were asked for")));
    }
    let (form, bytes) = match payload {
        Payload::Text(text) => (Form::Text, text.into()),
        Payload::Binary(bytes) => (Form::Binary, bytes),
        _ => return Err(Rejection("a control frame is whole (RFC 6455 section 5.5): only messages are split".into())),
    };
    Ok(Payload::Split { form, bytes, frames: draft.fragments })
}

fn whole(draft: &Draft) -> Result<Payload, Rejection> {
    match draft.shape {
        Shape::Bytes => Ok(match String::from_utf8(draft.encode()?) {
            Ok(text) => Payload::Text(text),
            Err(error) => Payload::Binary(error.into_bytes().into()),
        }),
        Shape::Text => String::from_utf8(draft.encode()?).map(Payload::Text).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Rejection(format!(
                "a text message must be UTF-8, and byte {at} is not (RFC 6455 section 5.6): send it as a binary message"
            ))
        }),
        Shape::Binary => Ok(Payload::Binary(draft.encode()?.into())),
        Shape::Ping | Shape::Pong => {
            let bytes = draft.encode()?;
            if bytes.len() > CONTROL {
                return Err(Rejection(format!(
                    "a {} carries at most {CONTROL} bytes (RFC 6455 section 5.5), and these are {}",
                    draft.shape.name(),
                    bytes.len()
                )));
            }
            Ok(if draft.shape == Shape::Ping { Payload::Ping(bytes.into()) } else { Payload::Pong(bytes.into()) })
        }
        Shape::Close => close(&draft.text, draft.coding),
        Shape::Event => event(draft),
        _ => Err(Rejection("a WebSocket takes messages, pings and close frames, no HTTP".into())),
    }
}

/// A Socket.IO event as the text message that carries it. Those that ask for an acknowledgement are numbered.
fn event(draft: &Draft) -> Result<Payload, Rejection> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let text = String::from_utf8(encode(&draft.text, draft.coding)?)
        .map_err(|_| Rejection("an event is text, and these bytes are not UTF-8".into()))?;
    let emit = Emit::read(&text)?;
    let id = emit.ack.then(|| LAST.fetch_add(1, Relaxed));
    Ok(Payload::Text(emit.write(id)))
}

/// `1000 reason`; nothing is a frame without a code (RFC 6455 section 7.1.5: 1005 to the peer). A line ending has no place behind a reason.
fn close(text: &str, coding: Coding) -> Result<Payload, Rejection> {
    let not_utf8 = |_| Rejection("the reason of a close frame must be UTF-8 (RFC 6455 section 5.5.1)".into());
    let text = String::from_utf8(encode(text, coding)?).map_err(not_utf8)?;
    let text = text.trim();
    let (code, reason) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let code = match code {
        "" => return Ok(Payload::Close { code: None, reason: String::new() }),
        digits => digits.parse().ok().filter(|code| is_close_code(*code)).ok_or_else(|| {
            Rejection(format!(
                "\"{digits}\" is no close code to send: write 1000 (normal), 1001 (going away), 1002 (protocol \
                 error), 1003, 1007 to 1014, or 3000 to 4999, and a reason behind it if you like, or \
                 nothing for a frame without a code"
            ))
        })?,
    };
    let reason = reason.trim_start();
    // The code takes two of the frame's bytes.
    if reason.len() > CONTROL - 2 {
        return Err(Rejection(format!(
            "the reason of a close frame is at most {} bytes (RFC 6455 section 5.5), and this one is {}",
            CONTROL - 2,
            reason.len()
        )));
    }
    Ok(Payload::Close { code: Some(code), reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(shape: Shape, coding: Coding, text: &str) -> Result<Payload, String> {
        compose(&Draft { text: text.into(), coding, shape, ..Draft::default() }).map_err(|rejection| rejection.0)
    }

    #[test]
    fn each_shape_becomes_what_it_says() {
        assert_eq!(draft(Shape::Text, Coding::Text, "你好"), Ok(Payload::Text("你好".into())));
        assert_eq!(draft(Shape::Text, Coding::Text, ""), Ok(Payload::Text(String::new())));
        assert_eq!(draft(Shape::Binary, Coding::Hex, "00 ff"), Ok(Payload::Binary(vec![0, 255].into())));
        assert_eq!(draft(Shape::Ping, Coding::Text, "hi"), Ok(Payload::Ping("hi".into())));
        assert_eq!(draft(Shape::Bytes, Coding::Hex, "6869"), Ok(Payload::Text("hi".into())));
        assert_eq!(draft(Shape::Bytes, Coding::Hex, "ff"), Ok(Payload::Binary(vec![255].into())));
    }

    #[test]
    fn a_message_goes_in_as_many_frames_as_were_asked_for() {
        let split = |shape, fragments| {
            compose(&Draft { text: "abc".into(), shape, fragments, ..Draft::default() })
                .map_err(|rejection| rejection.0)
        };
        let three = |form| Ok(Payload::Split { form, bytes: "abc".into(), frames: 3 });
        assert_eq!(split(Shape::Text, 3), three(Form::Text));
        assert_eq!(split(Shape::Binary, 3), three(Form::Binary));
        assert_eq!(split(Shape::Text, 1), Ok(Payload::Text("abc".into())));
        assert!(split(Shape::Ping, 2).unwrap_err().contains("section 5.5"));
        assert!(split(Shape::Text, 100).is_ok());
        assert_eq!(split(Shape::Text, 101), Err("a message goes in 1 to 100 frames, and 101 were asked for".into()));
        assert_eq!(split(Shape::Pong, 0), Ok(Payload::Pong("abc".into())));
    }

    #[test]
    fn a_close_frame_is_a_code_and_a_reason() {
        let close = |code, reason: &str| Ok(Payload::Close { code: Some(code), reason: reason.into() });
        assert_eq!(draft(Shape::Close, Coding::Text, "1000"), close(1000, ""));
        assert_eq!(draft(Shape::Close, Coding::Text, " "), Ok(Payload::Close { code: None, reason: String::new() }));
        assert_eq!(draft(Shape::Close, Coding::Text, " 4001  see you \n"), close(4001, "see you"));
        for bad in ["999", "1004", "1005", "1006", "1015", "5000", "bye", "-1", "70000"] {
            assert!(draft(Shape::Close, Coding::Text, bad).unwrap_err().contains("no close code"), "{bad}");
        }
        assert!(draft(Shape::Close, Coding::Text, &format!("1000 {}", "x".repeat(123))).is_ok());
        assert!(draft(Shape::Close, Coding::Text, &format!("1000 {}", "x".repeat(124))).unwrap_err().contains("124"));
    }

    #[test]
    fn what_cannot_be_sent_says_why_and_what_to_do() {
        assert!(draft(Shape::Text, Coding::Hex, "68ff").unwrap_err().contains("byte 1"));
        assert!(draft(Shape::Text, Coding::Hex, "68ff").unwrap_err().contains("binary message"));
        assert!(draft(Shape::Ping, Coding::Text, &"x".repeat(126)).unwrap_err().contains("125"));
        assert!(draft(Shape::Request, Coding::Text, "GET /").is_err());
    }
}
