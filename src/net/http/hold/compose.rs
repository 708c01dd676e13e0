//! What a person typed, as steps of an answer.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Patch, Step};
use crate::model::draft::{Coding, Draft, Rejection, Shape, encode, has_status};
use crate::model::h2;
use crate::net::http::split_body;

/// The steps that a draft means.
///
/// # Errors
/// What is wrong with the text, and what would be right.
pub fn compose(draft: &Draft) -> Result<Vec<Step>, Rejection> {
    let text = draft.text.as_str();
    if draft.coding == Coding::File && matches!(draft.shape, Shape::Head | Shape::End) {
        return Err(Rejection(format!("the {} is typed: only a body comes from a file", draft.shape.name())));
    }
    match draft.shape {
        Shape::Head => {
            let (head, body) = split_body(text);
            let patch = patch(head)?;
            let mut steps = vec![if has_status(text) { Step::Head(patch) } else { Step::Set(patch) }];
            if !body.trim().is_empty() {
                if let [Step::Head(Patch { status: Some(status), .. })] = &steps[..]
                    && status.is_informational()
                {
                    return Err(Rejection(format!("a {} has no body: it comes before the head", status.as_str())));
                }
                steps.push(Step::Body(encode(body, draft.coding)?.into()));
            }
            Ok(steps)
        }
        Shape::Push => Ok(vec![Step::Event(event(&encode(text, draft.coding)?))]),
        Shape::End if text.trim_start().starts_with("reset ") => reset(text).map(|code| vec![Step::Reset(code)]),
        Shape::End => trailers(text).map(|trailers| vec![Step::End(trailers)]),
        Shape::Answer => {
            let (head, body) = if has_status(text) { split_body(text) } else { ("", text) };
            let mut steps = Vec::new();
            if !head.is_empty() {
                let patch = patch(head)?;
                if let Some(status) = patch.status.filter(StatusCode::is_informational) {
                    return Err(Rejection(format!(
                        "{} comes before an answer: send it as a head, then the answer",
                        status.as_str()
                    )));
                }
                steps.push(Step::Head(patch));
            }
            let text = if draft.coding == Coding::File { body.trim() } else { body };
            let body = Bytes::from(encode(text, draft.coding)?);
            if !body.is_empty() {
                steps.push(Step::Body(body));
            }
            steps.push(Step::End(Vec::new()));
            Ok(steps)
        }
        _ => Ok(vec![Step::Body(draft.encode()?.into())]),
    }
}

/// `200 OK` and header lines, or header lines alone; a name without a value takes the header away.
///
/// # Errors
/// The line that is none.
pub fn patch(text: &str) -> Result<Patch, Rejection> {
    let mut patch = Patch::default();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    if has_status(text)
        && let Some(line) = lines.next()
    {
        let (code, reason) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        patch.status = Some(status(code)?);
        let usual = patch.status.and_then(|status| status.canonical_reason()).unwrap_or_default();
        patch.reason = Some(reason.trim()).filter(|reason| !reason.is_empty() && *reason != usual).map(str::to_owned);
    }
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| Rejection(format!("\"{line}\" is no header: write Name: value, or a status first: 200")))?;
        let value = value.trim();
        patch.names.push(name.trim().to_owned());
        patch.headers.push((field_name(name)?, if value.is_empty() { None } else { Some(field_value(name, value)?) }));
    }
    if patch == Patch::default() {
        return Err(Rejection("a head begins with its status: 200 OK".into()));
    }
    Ok(patch)
}

/// # Errors
/// It is none that a response can have.
pub fn status(code: &str) -> Result<StatusCode, Rejection> {
    if code == "101" {
        let text = "101 hands the connection over to another protocol: that is the setting upgrade";
        return Err(Rejection(text.into()));
    }
    let known = code.parse().ok().filter(|code: &u16| (100..=599).contains(code));
    known.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(|| {
        Rejection(format!("{code} is no status of an answer: write one from 200 to 599, or 1xx for a word before it"))
    })
}

/// `reset CANCEL`: the error code of a stream.
fn reset(text: &str) -> Result<u32, Rejection> {
    let name = text.trim().strip_prefix("reset").unwrap_or_default();
    code(name.trim())
}

/// # Errors
/// It is none.
pub fn code(name: &str) -> Result<u32, Rejection> {
    let none = || Rejection(format!("\"{name}\" is no error code of HTTP/2: write one such as CANCEL, or a number"));
    h2::code_of(name).ok_or_else(none)
}

/// Header lines, each `Name: value`.
///
/// # Errors
/// The line that is none.
pub fn trailers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, Rejection> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Rejection(format!("\"{line}\" is no trailer: write Name: value, or nothing")))?;
            Ok((field_name(name)?, field_value(name, value.trim())?))
        })
        .collect()
}

fn field_name(name: &str) -> Result<HeaderName, Rejection> {
    let name = name.trim();
    HeaderName::try_from(name)
        .map_err(|_| Rejection(format!("\"{name}\" is no header name: write letters, digits and -")))
}

fn field_value(name: &str, value: &str) -> Result<HeaderValue, Rejection> {
    HeaderValue::try_from(value)
        .map_err(|_| Rejection(format!("the value of {name} has a control character: leave it out")))
}

/// A server-sent event (HTML Standard section 9.2.6). Text that has fields of its own (`event: tick`) is
/// taken line by line; any other is the event's data.
pub fn event(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + 16);
    let lines = || text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let field =
        |line: &[u8]| [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|name| line.starts_with(name));
    let fields = lines().all(|line| line.is_empty() || field(line)) && lines().any(field);
    let mut lines: Vec<&[u8]> = lines().collect();
    // Blank lines at the end are the event's own end.
    while fields && lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    for line in lines {
        if !fields {
            out.extend_from_slice(b"data: ");
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::draft::Ending;
    use proptest::prelude::*;

    fn steps(shape: Shape, text: &str) -> Result<Vec<Step>, String> {
        compose(&Draft { text: text.into(), shape, ..Draft::default() }).map_err(|rejection| rejection.0)
    }

    #[test]
    fn a_head_leaves_and_header_lines_alone_are_set() {
        let steps_of_head = steps(Shape::Head, "404 Nope\nX-A: b\nX-C:\n").unwrap();
        let [Step::Head(head)] = &steps_of_head[..] else { panic!("no head") };
        assert_eq!((head.status, head.reason.as_deref()), (Some(StatusCode::NOT_FOUND), Some("Nope")));
        assert_eq!(head.headers.len(), 2);
        assert!(head.headers[1].1.is_none());
        assert!(matches!(&steps(Shape::Head, "x-a: b").unwrap()[..], [Step::Set(_)]));
        assert!(matches!(&steps(Shape::Head, "200\n\nhi").unwrap()[..], [Step::Head(_), Step::Body(_)]));
    }

    #[test]
    fn a_whole_answer_may_be_a_text_alone() {
        assert!(matches!(&steps(Shape::Answer, "hello").unwrap()[..], [Step::Body(_), Step::End(_)]));
        assert!(matches!(&steps(Shape::Answer, "204").unwrap()[..], [Step::Head(_), Step::End(_)]));
        assert!(matches!(&steps(Shape::Answer, "").unwrap()[..], [Step::End(_)]));
        let whole = steps(Shape::Answer, "200 OK\na: b\n\nhello").unwrap();
        assert!(matches!(&whole[..], [Step::Head(_), Step::Body(body), Step::End(_)] if body == "hello"));
    }

    #[test]
    fn only_bodies_are_coded_and_ended() {
        let draft = Draft {
            text: "a\\x0a".into(),
            shape: Shape::Body,
            coding: Coding::Escapes,
            ending: Ending::Lf,
            fragments: 0,
        };
        assert_eq!(compose(&draft).unwrap(), [Step::Body("a\n\n".into())]);
        let draft =
            Draft { text: "x".into(), shape: Shape::Head, coding: Coding::File, ending: Ending::None, fragments: 0 };
        assert!(compose(&draft).unwrap_err().0.contains("only a body comes from a file"));
    }

    #[test]
    fn events_are_framed_or_taken_as_they_are() {
        assert_eq!(event(b"hello"), "data: hello\n\n");
        assert_eq!(event("a\r\nb".as_bytes()), "data: a\ndata: b\n\n");
        assert_eq!(event(b"event: tick\nid: 7\ndata: x\n\n"), "event: tick\nid: 7\ndata: x\n\n");
        assert_eq!(event(b": keep-alive"), ": keep-alive\n\n");
        assert_eq!(event(b"event: x\nnot a field"), "data: event: x\ndata: not a field\n\n");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (shape, text, want) in [
            (Shape::Head, "", "begins with its status"),
            (Shape::Head, "099", "no status"),
            (Shape::Head, "101 Switching", "the setting upgrade"),
            (Shape::Head, "103\n\nbody", "a 103 has no body"),
            (Shape::Answer, "103\nLink: </a>\n\nbody", "103 comes before an answer"),
            (Shape::Head, "nothing", "no header"),
            (Shape::Head, "200\na b: c", "no header name"),
            (Shape::Head, "200\na: \x01", "control character"),
            (Shape::End, "nothing", "no trailer"),
            (Shape::End, "reset NOTHING", "\"NOTHING\" is no error code"),
        ] {
            let error = steps(shape, text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(200 |event: |)(.|\n|: ){0,40}") {
            for shape in [Shape::Head, Shape::Body, Shape::Push, Shape::End, Shape::Answer] {
                let _ = steps(shape, &text);
            }
        }
    }
}
