//! What has been said of one answer, and what may still be said: the three steps of a response, with the
//! promises that its head makes. No sockets and no time here: steps in, bytes or a refusal out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::net::http::interim::Interim;

/// A head, or a change to the head that is to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    pub status: Option<StatusCode>,
    /// The words behind the status, where they are not the usual ones.
    pub reason: Option<String>,
    /// Names that are given replace those that were set; `None` takes one away.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// The names as they were typed.
    pub names: Vec<String>,
}

/// One step of an answer by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Changes the head that is to leave.
    Set(Patch),
    /// The same, and it leaves. With a status of 1xx it is one of its own, and the head is still to come.
    Head(Patch),
    /// A chunk. Without a head before it, the head leaves first as it was set.
    Body(Bytes),
    /// A server-sent event, framed already (HTML Standard section 9.2.5).
    Event(Bytes),
    /// The end, with its trailers.
    End(Vec<(HeaderName, HeaderValue)>),
}

/// How the end of the body is told (RFC 9112 section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    /// In pieces: trailers can follow.
    Chunked,
    Length(u64),
    /// HTTP/1.0: by the end of the connection.
    UntilEnd,
    /// HEAD, 204, 304: the head is all.
    Nothing,
}

/// What of the request matters to the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// It was HEAD: the answer has no body.
    pub head: bool,
    /// HTTP/1.0.
    pub old: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Ledger {
    asked: Asked,
    pub status: StatusCode,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    /// The names of the headers as they were typed: so they leave.
    pub names: Vec<String>,
    pub left: bool,
    framing: Framing,
    /// Bytes of body that were given.
    pub sent: u64,
    pub ended: bool,
}

/// What some steps give to the connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Given {
    pub chunks: Vec<Bytes>,
    pub trailers: Vec<(HeaderName, HeaderValue)>,
    pub interims: Vec<Interim>,
}

/// Fields that decide about the message itself, which is over when trailers come (RFC 9110 section 6.5.1).
const NO_TRAILERS: &[HeaderName] = &[
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::HOST,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    header::AUTHORIZATION,
    header::SET_COOKIE,
    header::CACHE_CONTROL,
    header::TE,
];

/// What the head of server-sent events says.
const OF_EVENTS: &[(HeaderName, &str)] =
    &[(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];

/// The status, if it is one that comes before an answer.
fn informs(patch: &Patch) -> Option<StatusCode> {
    patch.status.filter(StatusCode::is_informational)
}

/// The others in their order, which taking one out of a map would not keep.
fn without(headers: &HeaderMap, name: &HeaderName) -> HeaderMap {
    headers.iter().filter(|(other, _)| *other != name).map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Ledger {
    pub fn new(asked: Asked) -> Self {
        Self {
            asked,
            status: StatusCode::OK,
            reason: None,
            headers: HeaderMap::new(),
            names: Vec::new(),
            left: false,
            framing: Framing::Nothing,
            sent: 0,
            ended: false,
        }
    }

    /// Takes the steps in their order; all of them, or on a refusal none.
    ///
    /// # Errors
    /// Why a step cannot be done, as a sentence.
    pub fn take(&mut self, steps: &[Step]) -> Result<Given, String> {
        let mut next = self.clone();
        let mut given = Given::default();
        // A whole answer in one go says its length, as Node's `end(data)` does.
        let whole = !self.left && matches!(steps.last(), Some(Step::End(trailers)) if trailers.is_empty());
        let total = steps.iter().map(|step| match step {
            Step::Body(bytes) | Step::Event(bytes) => bytes.len() as u64,
            _ => 0,
        });
        let total = whole.then(|| total.sum());
        for (at, step) in steps.iter().enumerate() {
            // Whoever gives a head together with its first event need not say what that means.
            if let (Step::Head(patch), [Step::Event(_), ..]) = (step, &steps[at + 1..])
                && informs(patch).is_none()
                && !next.left
            {
                next.patch(patch)?;
                next.dress(OF_EVENTS);
                next.step(&Step::Head(Patch::default()), total, &mut given)?;
                continue;
            }
            next.step(step, total, &mut given)?;
        }
        *self = next;
        Ok(given)
    }

    fn step(&mut self, step: &Step, total: Option<u64>, given: &mut Given) -> Result<(), String> {
        if self.ended {
            return match step {
                // A whole answer to HEAD has ended with its head; its body only told the length.
                Step::Body(_) | Step::Event(_) if total.is_some() && self.framing == Framing::Nothing => Ok(()),
                // The last byte that was promised was the end already.
                Step::End(trailers) if trailers.is_empty() => Ok(()),
                Step::End(trailers) => self.end(trailers, given),
                _ => Err("this exchange has its whole answer already".into()),
            };
        }
        match step {
            Step::Set(patch) => self.patch(patch),
            Step::Head(patch) if informs(patch).is_some() => self.inform(patch, given),
            Step::Head(patch) => {
                self.patch(patch)?;
                self.leave(total)
            }
            Step::Body(bytes) => {
                self.imply(&[(header::CONTENT_TYPE, "text/plain; charset=utf-8")], total)?;
                self.body(bytes, total, given)
            }
            Step::Event(bytes) => {
                self.imply(OF_EVENTS, total)?;
                self.body(bytes, total, given)
            }
            Step::End(trailers) => {
                self.imply(&[], total)?;
                self.end(trailers, given)
            }
        }
    }

    fn patch(&mut self, patch: &Patch) -> Result<(), String> {
        if self.left {
            return Err(format!(
                "headers already sent: the head {} has left and is fixed; send body, then end",
                self.status.as_str()
            ));
        }
        if let Some(status) = patch.status {
            self.status = status;
            self.reason.clone_from(&patch.reason);
        }
        for (name, _) in &patch.headers {
            if self.headers.contains_key(name) {
                self.headers = without(&self.headers, name);
            }
            self.names.retain(|typed| !name.as_str().eq_ignore_ascii_case(typed));
        }
        self.names.extend_from_slice(&patch.names);
        for (name, value) in &patch.headers {
            if let Some(value) = value {
                self.headers.append(name, value.clone());
            }
        }
        Ok(())
    }

    /// The head leaves by itself where nobody has sent it.
    fn imply(&mut self, fields: &[(HeaderName, &'static str)], total: Option<u64>) -> Result<(), String> {
        if self.left {
            return Ok(());
        }
        self.dress(fields);
        self.leave(total)
    }

    /// Fills in what the head does not say.
    fn dress(&mut self, fields: &[(HeaderName, &'static str)]) {
        for (name, value) in fields {
            self.headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
    }

    /// A 1xx, which leaves at once and changes nothing of the head (RFC 9110 section 15.2).
    fn inform(&self, patch: &Patch, given: &mut Given) -> Result<(), String> {
        let status = patch.status.unwrap_or(StatusCode::CONTINUE);
        let code = status.as_str();
        if self.left {
            return Err(format!("headers already sent: a {code} comes before the head {}", self.status.as_str()));
        }
        if self.asked.old {
            return Err(format!("HTTP/1.0 knows no 1xx: leave out the {code} (RFC 9110 section 15.2)"));
        }
        let fields = patch.names.iter().zip(&patch.headers);
        let mut sent = Vec::new();
        for (typed, (name, value)) in fields {
            if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name) {
                return Err(format!("a {code} has no body: leave out {typed} (RFC 9110 section 8.6)"));
            }
            sent.extend(value.clone().map(|value| (typed.clone(), value)));
        }
        given.interims.push(Interim { status, reason: patch.reason.clone(), fields: sent });
        Ok(())
    }

    fn leave(&mut self, total: Option<u64>) -> Result<(), String> {
        let status = self.status.as_u16();
        let bare = matches!(status, 204 | 304);
        let length = self.promised()?;
        if let Some(coding) = self.headers.remove(header::TRANSFER_ENCODING) {
            if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err("the only Transfer-Encoding spoken here is chunked: leave it out, it is the default".into());
            }
            if length.is_some() {
                return Err("Content-Length and Transfer-Encoding contradict each other: give one (RFC 9112 section \
                            6.2)"
                    .into());
            }
        } else if let (Some(total), None, false) = (total, length, bare) {
            self.headers.insert(header::CONTENT_LENGTH, total.into());
        }
        if bare && length.is_some() {
            return Err(format!("a {status} has no body: leave out Content-Length"));
        }
        self.framing = match (length.or(total), bare || self.asked.head) {
            (_, true) => Framing::Nothing,
            (Some(length), false) => Framing::Length(length),
            (None, false) if self.asked.old => Framing::UntilEnd,
            (None, false) => Framing::Chunked,
        };
        self.left = true;
        self.ended = matches!(self.framing, Framing::Nothing | Framing::Length(0));
        if bare && total.is_some_and(|total| total > 0) {
            return Err(format!("a {status} has no body (RFC 9110 section 6.4.1): leave the body out"));
        }
        Ok(())
    }

    /// The Content-Length that was given.
    fn promised(&self) -> Result<Option<u64>, String> {
        let mut lengths = self.headers.get_all(header::CONTENT_LENGTH).iter();
        let Some(first) = lengths.next() else { return Ok(None) };
        if lengths.next().is_some() {
            return Err("there are two Content-Length headers: a message has one".into());
        }
        let text = first.to_str().unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // The two highest values are hyper's marks.
        let length = text.parse().ok().filter(|length| digits && *length < u64::MAX - 1);
        length.map(Some).ok_or_else(|| format!("\"{text}\" is no Content-Length: write the number of bytes"))
    }

    fn body(&mut self, bytes: &Bytes, total: Option<u64>, given: &mut Given) -> Result<(), String> {
        match self.framing {
            Framing::Nothing => {
                return Err(format!("this answer has no body: it ended with its head {}", self.status.as_str()));
            }
            Framing::Length(length) if self.sent + bytes.len() as u64 > length => {
                return Err(format!(
                    "Content-Length promised {length} bytes and {} are left: this has {}",
                    length - self.sent,
                    bytes.len()
                ));
            }
            _ => {}
        }
        if !bytes.is_empty() {
            self.sent += bytes.len() as u64;
            given.chunks.push(bytes.clone());
            // Whoever counts knows the end without being told.
            self.ended = self.framing == Framing::Length(self.sent);
        } else if total.is_none() {
            return Err("there is nothing to send: an empty chunk would mean the end".into());
        }
        Ok(())
    }

    fn end(&mut self, trailers: &[(HeaderName, HeaderValue)], given: &mut Given) -> Result<(), String> {
        match self.framing {
            Framing::Length(length) if self.sent < length => {
                return Err(format!(
                    "Content-Length promised {length} bytes and {} are still missing: send them, or close the socket",
                    length - self.sent
                ));
            }
            Framing::Chunked => {}
            _ if trailers.is_empty() => {}
            Framing::Length(_) => {
                return Err("trailers stand behind chunks: this head said Content-Length instead".into());
            }
            Framing::UntilEnd => return Err("HTTP/1.0 has no trailers".into()),
            Framing::Nothing => return Err("an answer without a body has no trailers".into()),
        }
        if let Some((name, _)) = trailers.iter().find(|(name, _)| NO_TRAILERS.contains(name)) {
            return Err(format!(
                "{name} cannot stand in trailers: it has its meaning before the body (RFC 9110 \
                                section 6.5.1)"
            ));
        }
        self.ended = true;
        given.trailers = trailers.to_vec();
        Ok(())
    }

    /// Whether the last chunk that was given is the end by itself.
    pub fn ends_by_count(&self) -> bool {
        self.ended && matches!(self.framing, Framing::Length(_))
    }

    /// In a few words, for whoever did these steps.
    pub fn told(&self, before: &Self, steps: &[Step]) -> String {
        let mut words = Vec::new();
        for step in steps {
            if let Step::Head(patch) = step {
                words.extend(informs(patch).map(|status| status.as_str().to_owned()));
            }
        }
        if self.left && !before.left {
            words.push(format!("head {}", self.status.as_str()));
        }
        if self.sent > before.sent {
            words.push(crate::model::size::bytes(self.sent - before.sent));
        }
        if self.ended && !before.ended {
            words.push("the end".into());
        }
        match (words.is_empty(), steps) {
            (true, [Step::Set(patch)]) => {
                let names: Vec<_> = patch.headers.iter().map(|(name, _)| name.as_str()).collect();
                let status = patch.status.map(|status| format!("{} ", status.as_str())).unwrap_or_default();
                format!("{status}{} set; the head has not left", names.join(", "))
            }
            _ => format!("{} left", words.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(
            ledger.take(&[body("cd")]).unwrap_err(),
            "Content-Length promised 3 bytes and 1 are left: this has 2"
        );
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
        let mut ledger = Ledger::new(Asked { head: true, old: false });
        let given = ledger.take(&[Step::Head(head(200, &[])), body("abc"), Step::End(vec![])]).unwrap();
        assert_eq!((given.chunks.len(), &ledger.headers[header::CONTENT_LENGTH]), (0, &HeaderValue::from(3)));
        let mut ledger = Ledger::new(Asked { head: true, old: false });
        ledger.take(&[Step::Head(head(200, &[]))]).unwrap();
        assert!(ledger.ended);
        let mut ledger = Ledger::new(Asked::default());
        assert!(ledger.take(&[Step::Head(head(304, &[])), body("abc"), Step::End(vec![])]).is_err());
        ledger.take(&[Step::Head(head(304, &[]))]).unwrap();
        assert!(ledger.ended);
    }

    #[test]
    fn trailers_have_their_bounds() {
        let mut ledger = Ledger::new(Asked { head: false, old: true });
        assert!(ledger.take(&[body("a"), trailer("x-sum")]).unwrap_err().contains("HTTP/1.0"));
        let mut ledger = Ledger::new(Asked::default());
        assert!(ledger.take(&[body("a"), trailer("content-length")]).unwrap_err().contains("cannot stand"));
        assert_eq!(ledger.take(&[body("a"), trailer("x-sum")]).unwrap().trailers.len(), 1);
    }

    proptest! {
        #[test]
        fn no_order_of_steps_breaks_a_promise(order in prop::collection::vec(0u8..6, 0..12), length in 0u64..6, bare: bool) {
            let mut ledger = Ledger::new(Asked { head: bare, old: false });
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
}
