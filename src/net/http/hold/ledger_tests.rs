//! What may be said, step by step, without a socket.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use proptest::prelude::*;

use super::ledger::*;

fn field(name: &str, value: &str) -> (HeaderName, Option<HeaderValue>) {
    (name.parse().unwrap(), Some(value.parse().unwrap()))
}

fn head(status: u16, headers: &[(&str, &str)]) -> Patch {
    let headers = headers.iter().map(|(name, value)| field(name, value)).collect();
    Patch { status: StatusCode::from_u16(status).ok(), headers, ..Patch::default() }
}

fn body(text: &'static str) -> Step {
    Step::Body(Bytes::from_static(text.as_bytes()))
}

fn trailer(name: &str) -> Step {
    Step::End(vec![(name.parse().unwrap(), HeaderValue::from_static("1"))])
}

#[test]
fn headers_change_until_the_head_leaves_and_then_no_more() {
    let mut ledger = Ledger::new(Asked::default());
    ledger.take(&[Step::Set(head(404, &[("x-a", "1"), ("x-a", "2"), ("x-b", "3")]))]).unwrap();
    let change = Patch { headers: vec![field("x-a", "4"), ("x-b".parse().unwrap(), None)], ..Patch::default() };
    ledger.take(&[Step::Set(change.clone())]).unwrap();
    ledger.take(&[Step::Head(Patch::default())]).unwrap();
    assert_eq!((ledger.status.as_u16(), ledger.headers.len()), (404, 1));
    assert_eq!(ledger.headers["x-a"], "4");
    for step in [Step::Set(change.clone()), Step::Head(change)] {
        assert!(ledger.take(&[step]).unwrap_err().starts_with("headers already sent"), "{ledger:?}");
    }
}

#[test]
fn a_body_without_a_head_lets_the_head_go_first() {
    let mut ledger = Ledger::new(Asked::default());
    assert_eq!(ledger.take(&[body("a")]).unwrap().chunks, ["a"]);
    assert_eq!(ledger.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert!(!ledger.headers.contains_key(header::CONTENT_LENGTH));
    let mut ledger = Ledger::new(Asked::default());
    ledger.take(&[Step::Event("data: x\n\n".into())]).unwrap();
    assert_eq!(ledger.headers[header::CONTENT_TYPE], "text/event-stream");
}

#[test]
fn a_whole_answer_says_its_length() {
    let mut ledger = Ledger::new(Asked::default());
    let given = ledger.take(&[Step::Head(head(200, &[])), body("ab"), body("c"), Step::End(vec![])]).unwrap();
    assert_eq!((given.chunks.len(), &ledger.headers[header::CONTENT_LENGTH]), (2, &HeaderValue::from(3)));
    assert!(ledger.ended);
    // Not where trailers follow.
    let mut ledger = Ledger::new(Asked::default());
    ledger.take(&[body("ab"), trailer("x-sum")]).unwrap();
    assert!(!ledger.headers.contains_key(header::CONTENT_LENGTH));
}

#[test]
fn a_promised_length_is_kept_or_refused() {
    let mut ledger = Ledger::new(Asked::default());
    ledger.take(&[Step::Head(head(200, &[("content-length", "3")])), body("ab")]).unwrap();
    assert_eq!(ledger.take(&[body("cd")]).unwrap_err(), "Content-Length promised 3 bytes and 1 are left: this has 2");
    assert!(ledger.take(&[Step::End(vec![])]).unwrap_err().contains("1 are still missing"));
    assert!(ledger.take(&[body("c"), trailer("x-sum")]).unwrap_err().contains("said Content-Length instead"));
    // What was refused has left nothing behind.
    ledger.take(&[body("c"), Step::End(vec![])]).unwrap();
    assert!(ledger.take(&[body("d")]).unwrap_err().contains("whole answer already"));
}

#[test]
fn heads_that_contradict_themselves_are_refused() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("content-length", "x")], "no Content-Length"),
        (&[("content-length", "1"), ("content-length", "1")], "two Content-Length"),
        (&[("content-length", "1"), ("transfer-encoding", "chunked")], "contradict"),
        (&[("transfer-encoding", "gzip")], "chunked"),
    ];
    for (headers, want) in cases {
        let error = Ledger::new(Asked::default()).take(&[Step::Head(head(200, headers))]).unwrap_err();
        assert!(error.contains(want), "{headers:?}: {error}");
    }
    let error = Ledger::new(Asked::default()).take(&[Step::Head(head(204, &[("content-length", "1")]))]);
    assert!(error.unwrap_err().contains("a 204 has no body"));
}

#[test]
fn an_answer_to_head_ends_with_its_head_and_tells_the_length() {
    let mut ledger = Ledger::new(Asked { head: true, old: false, two: false });
    let given = ledger.take(&[Step::Head(head(200, &[])), body("abc"), Step::End(vec![])]).unwrap();
    assert_eq!((given.chunks.len(), &ledger.headers[header::CONTENT_LENGTH]), (0, &HeaderValue::from(3)));
    let mut ledger = Ledger::new(Asked { head: true, old: false, two: false });
    ledger.take(&[Step::Head(head(200, &[]))]).unwrap();
    assert!(ledger.ended);
    let mut ledger = Ledger::new(Asked::default());
    assert!(ledger.take(&[Step::Head(head(304, &[])), body("abc"), Step::End(vec![])]).is_err());
    ledger.take(&[Step::Head(head(304, &[]))]).unwrap();
    assert!(ledger.ended);
}

#[test]
fn trailers_have_their_bounds() {
    let mut ledger = Ledger::new(Asked { head: false, old: true, two: false });
    assert!(ledger.take(&[body("a"), trailer("x-sum")]).unwrap_err().contains("HTTP/1.0"));
    let mut ledger = Ledger::new(Asked::default());
    assert!(ledger.take(&[body("a"), trailer("content-length")]).unwrap_err().contains("cannot stand"));
    assert_eq!(ledger.take(&[body("a"), trailer("x-sum")]).unwrap().trailers.len(), 1);
}

proptest! {
    #[test]
    fn no_order_of_steps_breaks_a_promise(order in prop::collection::vec(0u8..6, 0..12), length in 0u64..6, bare: bool) {
        let mut ledger = Ledger::new(Asked { head: bare, old: false, two: false });
        let mut sent = 0;
        for n in order {
            let step = match n {
                0 => Step::Set(head(200, &[("content-length", &length.to_string())])),
                1 => Step::Head(Patch::default()),
                2 => body("ab"),
                3 => Step::Event("c".into()),
                4 => Step::End(vec![]),
                _ => trailer("x-a"),
            };
            let before = ledger.clone();
            match ledger.take(&[step]) {
                Ok(given) => sent += given.chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>(),
                Err(_) => prop_assert_eq!(format!("{before:?}"), format!("{ledger:?}")),
            }
            prop_assert_eq!(sent, ledger.sent);
            if let Framing::Length(length) = ledger.framing && ledger.left {
                prop_assert!(sent <= length);
                prop_assert!(!ledger.ended || sent == length);
            }
        }
    }
}

#[test]
fn what_http_2_has_no_place_for_is_refused_and_not_dropped() {
    let mut two = Ledger::new(Asked { two: true, ..Asked::default() });
    for name in ["connection", "keep-alive", "upgrade"] {
        let refused = two.take(&[Step::Set(head(200, &[(name, "close")]))]).unwrap_err();
        assert!(refused.contains(&format!("HTTP/2 has no {name}")), "{refused}");
    }
    let dateless = Step::Set(Patch { headers: vec![(header::DATE, None)], ..Patch::default() });
    assert!(two.take(std::slice::from_ref(&dateless)).unwrap_err().contains("the Date stays"));
    let mut one = Ledger::new(Asked::default());
    one.take(&[dateless]).unwrap();
    assert!(one.dateless);
    one.take(&[Step::Set(head(200, &[("date", "now"), ("connection", "close")]))]).unwrap();
    assert!(!one.dateless);
}
