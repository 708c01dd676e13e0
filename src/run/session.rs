//! What runs behind any face: the hub, the endpoints, and the one place that performs effects.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use crate::app::{Effect, Target};
use crate::hub::Hub;
use crate::model::draft::{Coding, Draft, Rejection, Shape, escape, has_status};
use crate::model::end::Fault;
use crate::model::id::{EndpointId, SocketId};
use crate::model::size;
use crate::model::spec::{Limits, Spec};
use crate::model::time::Clock;
use crate::net::http::{Step, split_body};
use crate::net::{Command, Endpoints, Payload, protocol, tls};

/// The largest file that is sent as one message: more is a transfer, not a message.
const LARGEST_FILE: u64 = 16 << 20;

/// See the module.
pub struct Session {
    pub hub: Arc<Hub>,
    pub endpoints: Endpoints,
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
        Self { endpoints: Endpoints::new(Arc::clone(&hub), limits, identity), hub }
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
            Effect::Set { subject, row, value } => {
                self.endpoints.set(subject, row, &value)?;
                return Ok(format!("{} = {value}", row.name));
            }
            Effect::ClearClosed => self.hub.clear_closed(),
            Effect::Send { to, draft, .. } => return self.send(&to, &draft),
            // The face's own business.
            Effect::Remember(_) | Effect::Suspend | Effect::Quit => {}
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
            Target::All(id) | Target::Address(id, _) => self.endpoints.compose(*id, draft)?,
        };
        if let Payload::Steps(steps) = &payload {
            return self.answer(to, steps);
        }
        let what = describe(&payload);
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
            Target::All(id) => {
                let mut waiting = self.hub.waiting();
                // One on each connection: HTTP/1.1 answers in order.
                let mut met = HashSet::new();
                waiting
                    .retain(|row| row.endpoint == *id && row.exchange.phase.is_answerable() && met.insert(row.socket));
                if waiting.is_empty() {
                    return Err(Rejection(format!("no exchange of {id} waits for an answer")));
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

    fn compose(&self, id: SocketId, draft: &Draft) -> Result<Payload, Rejection> {
        let (scheme, _) = self.hub.state_of(id).ok_or_else(|| Rejection(format!("{id} is gone")))?;
        protocol(scheme).compose(draft)
    }
}

fn describe(payload: &Payload) -> String {
    match payload {
        Payload::Bytes(bytes) => size::bytes(bytes.len() as u64),
        Payload::Text(text) => format!("a text message of {}", size::bytes(text.len() as u64)),
        Payload::Binary(bytes) => format!("a binary message of {}", size::bytes(bytes.len() as u64)),
        Payload::Ping(_) => "a ping".into(),
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
        let (has, most) = (size::bytes(meta.len()), size::bytes(LARGEST_FILE));
        return Err(Rejection(format!("{path} has {has}: one message takes {most} at most")));
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
