//! What has been said of one answer, and what may still be said: the three steps of a response, with the
//! promises that its head makes. No sockets and no time here: steps in, bytes or a refusal out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::net::http::interim::{Interim, OF_HTTP_1};

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
    /// Instead of all that is still to come: the stream is reset with this error code (RFC 9113 section 6.4).
    Reset(u32),
    /// The end, with its trailers.
    End(Vec<(HeaderName, HeaderValue)>),
}

/// How the end of the body is told (RFC 9112 section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
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
    /// HTTP/2: the exchange is a stream.
    pub two: bool,
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
    /// Its Date was taken away.
    pub dateless: bool,
    pub left: bool,
    pub framing: Framing,
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
    pub reset: Option<u32>,
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
            dateless: false,
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
            Step::Reset(_) if !self.asked.two => {
                Err("HTTP/1 has no streams that could be reset: reset the socket".into())
            }
            Step::Reset(code) => {
                given.reset = Some(*code);
                self.ended = true;
                Ok(())
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
        for (name, value) in patch.headers.iter().filter(|_| self.asked.two) {
            if value.is_some() && OF_HTTP_1.contains(&name.as_str()) {
                return Err(format!("HTTP/2 has no {name} header: leave it out (RFC 9113 section 8.2.2)"));
            }
            if value.is_none() && *name == header::DATE {
                return Err("over HTTP/2 the Date stays: give it another value, or answer over HTTP/1.1".into());
            }
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
            if *name == header::DATE {
                self.dateless = value.is_none();
            }
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
        if let Some(Step::Reset(code)) = steps.last() {
            words.push(format!("RST_STREAM {}", crate::model::h2::code(*code)));
        } else if self.ended && !before.ended {
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
