//! One accepted connection: hyper behind the [`Gate`], and the answers to what the gate refused.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::task::{Context as Wakes, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::compose::{ANSWERS, NO_PING};
use super::decode::Preface;
use super::desk::{Desk, GaveUp, Response};
use super::exchanges::Exchanges;
use super::exchanges::Heads;
use super::gate::{Gate, Patience};
use super::h2;
use super::leave;
use super::reason::Reason;
use super::rules::Book;
use super::tunnel;
use crate::model::end::{End, Fault, Party};
use crate::model::event::Kind;
use crate::model::rule::Cut;
use crate::model::setting::http::Version;
use crate::model::url::Role;
use crate::net::probe::{Probe, Watch};
use crate::net::stream::{self, Flow, Stream};
use crate::net::wire::Chunks;
use crate::net::{BoxFuture, Command, Context, Payload};

/// What hyper may buffer of a connection: its own usual bound, and at least two of our heads.
const BUFFER: usize = 400 << 10;
/// How long what is being answered may go on when the endpoint is stopped.
const GRACE: Duration = Duration::from_millis(200);
/// How long our answer to a refused request may take to leave.
const LAST_WORD: Duration = Duration::from_secs(1);

/// An answer that is there at once costs no allocation.
pub enum Answer {
    Now(Ready<Result<Response, GaveUp>>),
    Later(BoxFuture<Result<Response, GaveUp>>),
}

impl Future for Answer {
    type Output = Result<Response, GaveUp>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Wakes<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(answer) => Pin::new(answer).poll(cx),
            Self::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}

/// hyper's side of the [`Desk`].
pub struct Service(pub Arc<Desk>);

impl hyper::service::Service<hyper::Request<Incoming>> for Service {
    type Response = Response;
    type Error = GaveUp;
    type Future = Answer;

    fn call(&self, request: hyper::Request<Incoming>) -> Answer {
        match self.0.at_once(request) {
            Ok(response) => Answer::Now(ready(Ok(response))),
            Err(asked) => Answer::Later(Box::pin(Arc::clone(&self.0).later(asked))),
        }
    }
}

/// Why the connection is left.
enum Left {
    Done(hyper::Result<()>),
    Closed,
    Reset,
    Stopped,
}

/// Serves one connection to its end.
pub async fn talk(flow: Flow, book: Arc<Book>) -> End {
    let Flow { cx, peer, stream, record, mut inbox, kernel, mut tune, alpn, .. } = flow;
    let limit = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    let heads = Arc::new(Heads::default());
    let http = &cx.spec.settings.http;
    let speaks = match (http.version, alpn.as_deref()) {
        (Version::Two, _) | (_, Some(b"h2")) => Preface::Wanted,
        (Version::Auto, _) => Preface::Taken,
        (Version::One, _) => Preface::Refused,
    };
    let mut watch = Exchanges::new(Role::Listen, record.clone(), limit, Chunks::new(record.clone()))
        .keeping(Arc::clone(&heads))
        .limiting(http.most_body.unwrap_or(u64::MAX))
        .opening(speaks);
    if http.upgrade {
        watch = watch.upgrading();
    }
    let table = watch.table();
    record.explain(table.clone());
    let gate = Gate::new(
        Probe::new(stream, watch),
        Arc::clone(&heads),
        Patience { head: cx.limits.http_head_time, body: cx.limits.http_body_time },
    )
    .keeping(http.keep)
    .hinting(http.hints.as_deref());
    let desk = Arc::new(Desk {
        cx: cx.clone(),
        peer,
        heads,
        gone: gate.gone(),
        record: record.clone(),
        book: Arc::clone(&book),
        shelf: OnceLock::new(),
        cut: OnceLock::new(),
        half_open: tune.settings().half_open.into(),
    });
    let mut conn = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(BUFFER.max(limit.saturating_mul(2)))
        .serve_connection(TokioIo::new(gate), Service(Arc::clone(&desk)));
    let mut ending = false;
    let mut open = true;
    let left = loop {
        tokio::select! {
            done = &mut conn => break Left::Done(done),
            () = cx.cancel.cancelled() => {
                desk.leave();
                Pin::new(&mut conn).graceful_shutdown();
                let _ = tokio::time::timeout(GRACE, &mut conn).await;
                break Left::Stopped;
            }
            letter = inbox.recv(), if open => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Ping(_))) => record.error(Fault::Http { status: None, text: NO_PING.into() }),
                Some(Command::Send(Payload::Bytes(_) | Payload::Request(_))) => {
                    record.error(Fault::Http { status: None, text: ANSWERS.into() });
                }
                Some(Command::Set(row, text)) => {
                    tune.set(row, &text);
                    desk.half_open.store(tune.settings().half_open, Relaxed);
                }
                Some(Command::End) => {
                    ending = true;
                    if let Some(exchange) = desk.shelf.get().and_then(|shelf| shelf.first()) {
                        let text = format!("ends when exchange {exchange} has its answer");
                        record.payload(Kind::Log, text.as_bytes());
                    }
                    Pin::new(&mut conn).graceful_shutdown();
                }
                Some(Command::Close) => break Left::Closed,
                Some(Command::Reset) => break Left::Reset,
                Some(_) => {}
                None => open = false,
            },
        }
    };
    if !matches!(left, Left::Done(_)) {
        desk.leave();
    }
    let parts = conn.into_parts();
    let gate = parts.io.into_inner();
    if let (Left::Done(_), true) = (&left, gate.is_other()) {
        table.leave();
        let (stream, held) = gate.into_parts();
        let (stream, _) = stream.into_parts();
        let begun = h2::server::Begun { cx, peer, stream, held, record, inbox, kernel, tune, book };
        // On the heap: the task of every HTTP/1 connection would be larger by it.
        return Box::pin(h2::server::talk(begun)).await;
    }
    let first = if gate.has_ended() { Party::Peer } else { Party::Us };
    let rest = gate.rest();
    let mut stream = gate.into_inner(GRACE).await;
    if stream.watch().tunnelled() && matches!(left, Left::Done(Ok(()))) {
        let early = [&parts.read_buf[..], &rest].concat().into();
        return tunnel::talk(&cx, stream, early, &mut inbox, &kernel, &mut tune).await;
    }
    let theirs = matches!(left, Left::Done(_)) && desk.cut.get().is_none();
    let lost = stream.watch().failure().is_some();
    stream.watch().give_up(if theirs && (lost || first == Party::Peer) { Party::Peer } else { Party::Us });
    let outcome = match left {
        Left::Done(outcome) => outcome,
        Left::Closed => {
            stream::shut(&mut stream).await;
            return End::Finished { first };
        }
        Left::Reset => {
            kernel.reset_on_close();
            return End::Reset { by: Party::Us };
        }
        Left::Stopped => return stream::farewell(&mut stream).await,
    };
    if let Some(end) = stream.watch().failure() {
        return end;
    }
    if desk.cut.get().is_some() {
        stream.watch().drop_out();
    }
    match desk.cut.get() {
        Some(Cut::Rst) => {
            kernel.reset_on_close();
            return End::Reset { by: Party::Us };
        }
        Some(Cut::Fin) => return leave::politely(&cx, &mut stream).await,
        None => {}
    }
    if let (Err(error), Party::Us) = (&outcome, first) {
        // What hyper refuses although the gate did not; all the same it is answered.
        stream.watch().refuse(Reason::Other(error.to_string().into()));
    }
    if let Some(reason) = stream.watch().refused().cloned() {
        return End::Broken(refuse(&cx, &mut stream, &reason).await);
    }
    match first {
        Party::Peer => {
            stream::shut(&mut stream).await;
        }
        Party::Us if ending => return leave::half(&cx, &mut stream, &mut inbox, &kernel).await,
        Party::Us => {
            leave::politely(&cx, &mut stream).await;
        }
    }
    End::Finished { first }
}

/// Answers what is not HTTP, where an answer can still be told from a response, and closes.
pub async fn refuse<N: Watch>(cx: &Context, stream: &mut Probe<Stream, Exchanges<N>>, reason: &Reason) -> Fault {
    let answers = stream.watch().answerable();
    let fault = reason.fault(answers);
    if answers {
        let status = http::StatusCode::from_u16(reason.status()).unwrap_or(http::StatusCode::BAD_REQUEST);
        let text = format!("{reason}\n");
        let answer = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            status.as_str(),
            status.canonical_reason().unwrap_or("Error"),
            text.len(),
        );
        let send = async {
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await
        };
        let _ = tokio::time::timeout(LAST_WORD, send).await;
    }
    leave::politely(cx, stream).await;
    fault
}
