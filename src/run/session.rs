//! What runs behind any face: the hub, the endpoints, and the one place that performs effects.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::{Effect, Target};
use crate::hub::Hub;
use crate::model::draft::{Coding, Draft, Rejection, Shape, escape, has_status};
use crate::model::end::Fault;
use crate::model::event::{Kind, Way};
use crate::model::framer::Framing;
use crate::model::id::{EndpointId, SocketId};
use crate::model::size;
use crate::model::spec::{Limits, Spec};
use crate::model::time::Clock;
use crate::net::http::curl::{self, Curl, is_curl};
use crate::net::http::{NO_PING, Step, split_body};
use crate::net::{Command, Endpoints, Payload, protocol, tls};

/// Events read at a time.
const EVENTS: usize = 1000;
/// The largest file that is sent as one message: more is a transfer, not a message.
const LARGEST_FILE: u64 = 16 << 20;

/// See the module.
pub struct Session {
    pub hub: Arc<Hub>,
    pub endpoints: Endpoints,
    /// Where keys and certificates are kept.
    store: PathBuf,
}

impl Session {
    /// # Errors
    /// The certificates could not be made.
    pub fn new(limits: Limits) -> Result<Self, Fault> {
        Ok(Self::with_identity(limits, Arc::new(tls::Identity::new()?)))
    }

    /// The same with a CA that is shared: the demo's clients trust the listeners' CA.
    pub fn with_identity(limits: Limits, identity: Arc<tls::Identity>) -> Self {
        let hub = Hub::new(Clock::start(local_offset()), &limits);
        let endpoints = Endpoints::new(Arc::clone(&hub), limits, identity);
        Self { endpoints, hub, store: super::cert::folder() }
    }

    /// With another store of keys and certificates.
    #[must_use]
    pub fn with_store(self, store: impl Into<PathBuf>) -> Self {
        Self { store: store.into(), ..self }
    }

    pub fn store(&self) -> &Path {
        &self.store
    }

    pub fn open(&self, spec: Spec) -> EndpointId {
        self.endpoints.open(spec)
    }

    /// Performs what needs no waiting. `Ok(text)` is worth telling the person, if it is not empty.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn perform(&self, effect: Effect) -> Result<String, Rejection> {
        match effect {
            Effect::Open(spec) => {
                let text = format!("started {}", spec.url);
                self.endpoints.open(*spec);
                return Ok(text);
            }
            Effect::Edit(id, spec) => {
                self.known(id)?;
                self.endpoints.edit(id, *spec);
            }
            Effect::Start(id) => {
                self.known(id)?;
                self.endpoints.start(id);
            }
            Effect::Stop(id) => {
                self.known(id)?;
                self.endpoints.stop(id);
            }
            Effect::Remove(id) => {
                self.known(id)?;
                self.endpoints.remove(id);
            }
            Effect::End(id) => self.endpoints.command(id, Command::End)?,
            Effect::Close(id) => self.endpoints.command(id, Command::Close)?,
            Effect::Reset(id) => self.endpoints.command(id, Command::Reset)?,
            Effect::Starttls(id) => self.endpoints.command(id, Command::Starttls)?,
            Effect::Set { subject, changes } => {
                self.endpoints.set_all(subject, &changes)?;
                let done: Vec<_> = changes.iter().map(|(row, value)| format!("{} = {value}", row.name)).collect();
                return Ok(done.join(", "));
            }
            Effect::Curl(id, exchange) => return self.curl(id, exchange),
            Effect::ClearClosed => self.hub.clear_closed(),
            Effect::Send { to, draft, .. } => return self.send(&to, &draft),
            // The face's own business.
            Effect::Remember(_) | Effect::Suspend | Effect::Quit | Effect::Workbench { .. } => {}
        }
        Ok(String::new())
    }

    fn known(&self, id: EndpointId) -> Result<(), Rejection> {
        self.endpoints.spec(id).map(drop).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))
    }

    /// Composes a draft for whom it is meant, and posts it.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn send(&self, to: &Target, draft: &Draft) -> Result<String, Rejection> {
        let payload = match to {
            Target::Socket(id) | Target::Exchange(id, _) => self.compose(*id, draft)?,
            Target::These(ids) => self.compose_for(ids, draft)?,
            Target::All(id) | Target::Matching(id, _) | Target::Address(id, _) => self.endpoints.compose(*id, draft)?,
        };
        if let Payload::Steps(steps) = &payload {
            return self.answer(to, steps);
        }
        let what = self.framed(to, &payload)?;
        match to {
            Target::Socket(id) | Target::Exchange(id, _) => {
                if let Payload::Reply(_) = &payload {
                    let endpoint = self.hub.endpoint_of(*id).ok_or_else(|| Rejection(format!("{id} is gone")))?;
                    self.endpoints.broadcast(endpoint, &payload)?;
                    return Ok(format!("{endpoint} answers this from now on"));
                }
                self.endpoints.command(*id, Command::Send(payload))?;
                Ok(format!("sent {what} to {id}"))
            }
            Target::All(id) => {
                let reply = matches!(payload, Payload::Reply(_));
                let sent = self.endpoints.broadcast(*id, &payload)?;
                Ok(match (reply, sent) {
                    (true, _) => format!("{id} answers this from now on"),
                    (false, 0) => format!("{id} connects anew and sends {what}"),
                    (false, 1) => format!("sent {what} to the one socket of {id}"),
                    (false, sent) => format!("sent {what} to {sent} sockets of {id}"),
                })
            }
            Target::Matching(id, filter) => {
                let sockets = self.hub.matching(*id, filter);
                if sockets.is_empty() {
                    return Err(Rejection(format!("no open socket of {id} has \"{filter}\" in its row")));
                }
                let sent = self.endpoints.spread(&sockets, &payload)?;
                Ok(format!("sent {what} to {sent} of the sockets of {id}"))
            }
            Target::These(ids) => {
                let sent = self.endpoints.spread(ids, &payload)?;
                Ok(format!("sent {what} to {sent} sockets"))
            }
            Target::Address(id, address) => {
                self.endpoints.send_to(*id, address, payload)?;
                Ok(format!("sent {what} to {address}"))
            }
        }
    }

    /// Does steps of an answer by hand: to one exchange, or to one on each socket of an endpoint.
    ///
    /// # Errors
    /// There is no such exchange, or a step cannot be done: then none of them was.
    pub fn answer(&self, to: &Target, steps: &[Step]) -> Result<String, Rejection> {
        match to {
            Target::Socket(id) => self.endpoints.answer(*id, None, steps),
            Target::Exchange(id, number) => self.endpoints.answer(*id, Some(*number), steps),
            Target::Address(id, _) => Err(Rejection(format!("{id} has no exchanges: that is for http and https"))),
            Target::All(_) | Target::Matching(..) | Target::These(_) => {
                let (whose, sockets) = match to {
                    Target::Matching(id, filter) => (id.to_string(), self.hub.matching(*id, filter)),
                    Target::All(id) => (id.to_string(), self.hub.open_sockets(*id)),
                    Target::These(ids) => ("these sockets".into(), ids.clone()),
                    Target::Socket(id) | Target::Exchange(id, _) => (id.to_string(), vec![*id]),
                    Target::Address(id, _) => (id.to_string(), Vec::new()),
                };
                let mut waiting = self.hub.waiting();
                // One on each connection: HTTP/1.1 answers in order.
                let mut met = HashSet::new();
                waiting.retain(|row| {
                    sockets.contains(&row.socket) && row.exchange.phase.is_answerable() && met.insert(row.socket)
                });
                if waiting.is_empty() {
                    return Err(Rejection(format!("no exchange of {whose} waits for an answer")));
                }
                let done =
                    waiting.iter().map(|row| self.endpoints.answer(row.socket, Some(row.exchange.number), steps));
                let (done, refused): (Vec<_>, Vec<_>) = done.partition(Result::is_ok);
                match refused.into_iter().find_map(Result::err) {
                    Some(rejection) if done.is_empty() => Err(rejection),
                    Some(rejection) => Ok(format!("{} exchanges took it; others not: {rejection}", done.len())),
                    None => Ok(format!("{} exchanges took it", done.len())),
                }
            }
        }
    }

    /// What is sent, in words; bytes as the message that a framing makes of them.
    ///
    /// # Errors
    /// They are too long for the framing of a socket they are for.
    fn framed(&self, to: &Target, payload: &Payload) -> Result<String, Rejection> {
        let what = describe(payload);
        let Payload::Bytes(bytes) = payload else { return Ok(what) };
        let sockets = match to {
            Target::Socket(id) | Target::Exchange(id, _) => vec![*id],
            Target::All(id) => self.hub.open_sockets(*id),
            Target::Matching(id, filter) => self.hub.matching(*id, filter),
            Target::These(ids) => ids.clone(),
            Target::Address(..) => Vec::new(),
        };
        let mut framings: Vec<Framing> = sockets.into_iter().filter_map(|id| self.hub.framing(id)).collect();
        if let (Target::All(id), true) = (to, framings.is_empty()) {
            // It connects anew.
            framings.extend(self.endpoints.spec(*id).map(|spec| spec.settings.tcp.framing.clone()));
        }
        framings.dedup();
        framings.iter().try_for_each(|framing| framing.check(bytes.len()))?;
        match framings.as_slice() {
            [framing] if !framing.is_none() => Ok(format!("a message of {what} ({framing})")),
            _ => Ok(what),
        }
    }

    /// One payload for several sockets: they have to speak the same.
    fn compose_for(&self, ids: &[SocketId], draft: &Draft) -> Result<Payload, Rejection> {
        if let Some(missing) = ids.iter().find(|id| self.hub.state_of(**id).is_none()) {
            return Err(Rejection(format!("there is no socket {missing}")));
        }
        let plain = |id: &SocketId| self.hub.state_of(*id).map(|(scheme, _)| protocol(scheme).info().plain);
        let (Some(first), all) = (ids.first(), ids.iter().map(plain)) else {
            return Err(Rejection("no socket is named".into()));
        };
        let speaks = plain(first);
        if all.into_iter().any(|its| its != speaks) {
            return Err(Rejection("they do not all speak the same protocol: send to each kind apart".into()));
        }
        self.compose(*first, draft)
    }

    /// An exchange's request as a curl command, of what its timeline kept.
    ///
    /// # Errors
    /// There is no such exchange, not all of it was kept, or no command can say it.
    pub fn curl(&self, id: SocketId, exchange: u32) -> Result<String, Rejection> {
        let gone = || Rejection(format!("there is no socket {id}"));
        let birth = self.hub.birth(id).ok_or_else(gone)?;
        let spec = self.hub.spec(birth.endpoint).ok_or_else(gone)?;
        let way = if birth.accepted { Way::In } else { Way::Out };
        let authority = match (birth.accepted, birth.local) {
            (true, Some(local)) => local.to_string(),
            (true, None) => spec.url.authority(),
            (false, _) => spec.url.authority(),
        };
        let (mut head, mut body) = (None, Vec::new());
        let mut from = 0;
        loop {
            let page = self.hub.events(id.into(), from, EVENTS).ok_or_else(gone)?;
            let Some(last) = page.events.last().map(|event| event.seq) else { break };
            for event in page.events.iter().filter(|event| event.kind.exchange() == Some(exchange)) {
                let ours = event.kind.way() == Some(way);
                match event.kind {
                    Kind::Request { .. } if ours => head = Some(event.clone()),
                    Kind::Body { .. } if ours && (event.head.len() as u64) < event.size => {
                        let (size, kept) = (size::bytes(event.size), size::bytes(event.head.len() as u64));
                        return Err(Rejection(format!("of a piece of the body of {size} only {kept} were kept")));
                    }
                    Kind::Body { .. } if ours => body.extend_from_slice(&event.head),
                    _ => {}
                }
            }
            from = last + 1;
        }
        let missing = || Rejection(format!("{id} has no exchange {exchange}, or not any more"));
        let head = head.ok_or_else(missing)?;
        if (head.head.len() as u64) < head.size {
            return Err(Rejection("the head is longer than what was kept of it".into()));
        }
        curl::write(birth.scheme.name(), &authority, &head.head, &body)
    }

    fn compose(&self, id: SocketId, draft: &Draft) -> Result<Payload, Rejection> {
        let (scheme, _) = self.hub.state_of(id).ok_or_else(|| Rejection(format!("{id} is gone")))?;
        let payload = protocol(scheme).compose(draft)?;
        if matches!(payload, Payload::Ping(_)) && scheme.is_http() && !self.hub.is_h2(id) {
            return Err(Rejection(NO_PING.into()));
        }
        Ok(payload)
    }
}

fn describe(payload: &Payload) -> String {
    match payload {
        Payload::Bytes(bytes) => size::bytes(bytes.len() as u64),
        Payload::Text(text) => format!("a text message of {}", size::bytes(text.len() as u64)),
        Payload::Binary(bytes) => format!("a binary message of {}", size::bytes(bytes.len() as u64)),
        Payload::Split { bytes, frames, .. } => format!("{} in {frames} frames", size::bytes(bytes.len() as u64)),
        Payload::Ping(_) => "a ping".into(),
        Payload::Pong(_) => "a pong".into(),
        Payload::Close { .. } => "a close frame".into(),
        Payload::Request(request) => format!("{} {}", request.method, request.target),
        Payload::Reply(_) => "the reply".into(),
        Payload::Steps(_) => "steps of an answer".into(),
    }
}

/// Puts a file's bytes where its path stands, as escapes: from here on it is a draft like any other.
///
/// # Errors
/// The file, what was wrong with it, and what would be right.
pub async fn load_file(draft: Draft) -> Result<Draft, Rejection> {
    if draft.shape == Shape::Request && is_curl(&draft.text) {
        return load_curl(draft).await;
    }
    if draft.coding != Coding::File {
        return Ok(draft);
    }
    let (head, path) = match draft.shape {
        Shape::Request | Shape::Reply => split_body(&draft.text),
        Shape::Answer if has_status(&draft.text) => split_body(&draft.text),
        _ => ("", draft.text.as_str()),
    };
    let bytes = read(path.trim()).await?;
    let text = if head.is_empty() { escape(&bytes) } else { format!("{head}\n\n{}", escape(&bytes)) };
    Ok(Draft { text, coding: Coding::Escapes, ..draft })
}

/// A curl command with the bytes of its files in it: a request like any other.
async fn load_curl(draft: Draft) -> Result<Draft, Rejection> {
    let curl = Curl::read(&draft.text)?;
    let mut files = Vec::new();
    for path in curl.files() {
        files.push(read(path).await?);
    }
    if files.is_empty() {
        return Ok(draft);
    }
    let request = curl.request(&files);
    let mut text = format!("{} {}\n", request.method, request.target);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    text.push_str(&escape(&request.body));
    Ok(Draft { text, coding: Coding::Escapes, shape: Shape::Request, ..Draft::default() })
}

/// Whether a draft names files that are to be read first.
pub fn has_files(draft: &Draft) -> bool {
    let curl = draft.shape == Shape::Request && is_curl(&draft.text);
    match draft.coding {
        Coding::File => true,
        _ => curl && Curl::read(&draft.text).is_ok_and(|curl| curl.files().next().is_some()),
    }
}

async fn read(path: &str) -> Result<Vec<u8>, Rejection> {
    if path.is_empty() {
        return Err(Rejection("no file is named: type its path".into()));
    }
    let expanded = match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    };
    let failed = |error: io::Error| Rejection(format!("cannot read {path}: {}", reason(&error)));
    let meta = tokio::fs::metadata(&expanded).await.map_err(failed)?;
    if !meta.is_file() {
        return Err(Rejection(format!("{path} is no regular file")));
    }
    if meta.len() > LARGEST_FILE {
        let (has, most) = (size::exact(meta.len()), size::bound(LARGEST_FILE));
        return Err(Rejection(format!("{path} has {has} bytes: one message takes {most} at most")));
    }
    tokio::fs::read(&expanded).await.map_err(failed)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Seconds east of UTC, here and now.
fn local_offset() -> i32 {
    jiff::Zoned::now().offset().seconds()
}
