//! One dialled connection: what a person sends, each request a stream of its own as soon as it is composed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::crew::{Crew, Work};
use super::leave::{self, Left};
use super::ledger::Ledger;
use super::line::Line;
use super::request::{self, Body};
use super::streams::Streams;
use crate::model::end::{End, Fault};
use crate::model::url::Role;
use crate::net::http::Request;
use crate::net::http::client::Onward;
use crate::net::http::hop::{Hop, Pointer};
use crate::net::probe::Probe;
use crate::net::stream::Flow;
use crate::net::{BoxFuture, Command, MAILBOX, Payload};

/// How long a connection that is to end may take to say so.
const GRACE: Duration = Duration::from_millis(200);
/// Requests open at once at the most, however many the server allows; the next wait in the mailbox.
const OPEN: usize = 4 * MAILBOX;

/// A request to be sent, the how-manieth of its chain of redirects.
type Asked = (Request, u32);

/// Runs one connection to its end. `first` is asked at once, the `hops`th of its chain of redirects, else what the
/// URL names; what goes on elsewhere is left in `onward`.
pub async fn talk(flow: Flow, first: Option<Request>, hops: u32, onward: Onward) -> End {
    let Flow { cx, stream, record, mut inbox, kernel, mut tune, .. } = flow;
    let url = &cx.spec.url;
    let limit = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    let ledger = Arc::new(Ledger::new());
    record.explain(ledger.clone());
    let watch = Streams::new(Role::Connect, record.clone(), limit, ledger);
    let (line, slot) = Line::new(Probe::new(stream, watch), Bytes::new(), None);
    let says = line.says();
    let crew = Crew::default();
    let mut work = Work::new(crew.clone());
    let handshake = http2::Builder::new(crew)
        .max_header_list_size(u32::try_from(limit).unwrap_or(u32::MAX))
        .handshake::<_, Body>(TokioIo::new(line));
    // This writes the preface and waits for nothing.
    let (sender, mut conn) = match handshake.await {
        Ok(pair) => pair,
        Err(error) => {
            let failure = slot.lock().as_mut().and_then(|stream| stream.watch().failure());
            return failure.unwrap_or_else(|| leave::failed(&error));
        }
    };
    let mut queue = VecDeque::new();
    if let Some(request) = first {
        queue.push_back((request, hops));
    } else if !url.path.is_empty() {
        queue.push_back((Request { method: "GET".into(), target: url.path.to_string(), ..Request::default() }, 0));
    }
    let mut running: FuturesUnordered<BoxFuture<(Asked, hyper::Result<Option<Pointer>>)>> = FuturesUnordered::new();
    let mut ending = false;
    let mut open = true;
    let left = loop {
        let moves = onward.lock().is_some();
        while !moves
            && running.len() < OPEN
            && let Some(asked) = queue.pop_front()
        {
            if let Some(request) = request::build(url, asked.0.clone()) {
                let answer = run(sender.clone(), request);
                running.push(Box::pin(async move { (asked, answer.await) }));
            }
        }
        if moves && running.is_empty() {
            break Left::Closed;
        }
        if ending && running.is_empty() {
            break Left::Ended;
        }
        tokio::select! {
            done = poll_fn(|wakes| work.drive(&mut conn, wakes)) => {
                break Left::Done(done.map_err(|error| error.to_string().into()));
            }
            Some(((asked, hops), outcome)) = running.next(), if !running.is_empty() => match outcome {
                Err(error) if error.is_user() => {
                    record.error(Fault::Http { status: None, text: error.to_string().into() });
                }
                Ok(Some(pointer)) if hops < tune.settings().http.redirects => {
                    match Hop::of(url, &asked, &pointer) {
                        Ok(hop) if hop.elsewhere.is_some() => *onward.lock() = Some(hop),
                        Ok(hop) => queue.push_back((hop.request, hops + 1)),
                        Err(text) => record.error(Fault::Http { status: None, text: text.into() }),
                    }
                }
                Ok(_) | Err(_) => {}
            },
            () = cx.cancel.cancelled() => break Left::Stopped,
            letter = inbox.recv(), if open && running.len() < OPEN => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Request(request))) if !ending => queue.push_back((*request, 0)),
                Some(Command::Send(Payload::Bytes(_))) => {
                    let text = "HTTP/2 has frames: bytes as they are typed are for 1.1".into();
                    record.error(Fault::Http { status: None, text });
                }
                Some(Command::Send(Payload::Ping(payload))) => {
                    if !says.ping(&payload) {
                        let text = "too many pings wait already: the peer does not read".into();
                        record.error(Fault::Http { status: None, text });
                    }
                }
                Some(Command::Set(row, text)) => tune.set(row, &text),
                Some(Command::End) => ending = true,
                Some(Command::Close) => break Left::Closed,
                Some(Command::Reset) => break Left::Reset,
                Some(_) => {}
                None => open = false,
            },
        }
    };
    if !queue.is_empty() {
        let text = format!("the connection ended before {} more were sent", queue.len());
        record.error(Fault::Http { status: None, text: text.into() });
    }
    drop(running);
    drop(sender);
    if !matches!(left, Left::Reset) {
        // Nobody can ask any more: hyper writes what it owes, a GOAWAY at the end, and lets the stream go.
        let rest = async {
            let _ = poll_fn(|wakes| work.drive(&mut conn, wakes)).await;
            poll_fn(|wakes| work.poll(wakes)).await;
        };
        let _ = tokio::time::timeout(GRACE, rest).await;
    }
    drop(conn);
    drop(work);
    leave::end(&cx, &slot, left, &mut inbox, &kernel).await
}

/// One exchange.
async fn run(mut sender: SendRequest<Body>, request: http::Request<Body>) -> hyper::Result<Option<Pointer>> {
    let mut response = sender.send_request(request).await?;
    drop(sender);
    let pointer = Pointer::of_response(&response);
    // The timeline has it; here it only has to be read.
    while let Some(frame) = response.body_mut().frame().await {
        frame?;
    }
    Ok(pointer)
}
