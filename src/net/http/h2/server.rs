//! One accepted connection that began with the preface: hyper behind a [`Line`].

use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;

use super::crew::{Crew, Work};
use super::idle::Idle;
use super::leave::{self, Left};
use super::ledger::Ledger;
use super::line::Line;
use super::streams::Streams;
use crate::hub::Recorder;
use crate::model::end::{End, Fault};
use crate::model::event::{Kind, Way};
use crate::model::exchange::Why;
use crate::model::rule::Cut;
use crate::model::url::Role;
use crate::net::http::compose::ANSWERS;
use crate::net::http::desk::Desk;
use crate::net::http::exchanges::Heads;
use crate::net::http::rules::Book;
use crate::net::http::server::Service;
use crate::net::kernel::Handle;
use crate::net::probe::Probe;
use crate::net::stream::Stream;
use crate::net::tune::Tune;
use crate::net::{Command, Context, Inbox, Payload};

/// Requests a client may have open at once: more than a browser has, and what one connection costs is bounded.
const STREAMS: u32 = 256;
/// How long what is being answered may go on when the endpoint is stopped.
const GRACE: Duration = Duration::from_millis(200);

/// The HTTP/1 side's service, with the heads in order: what hyper refuses never gets here.
struct Aligned {
    service: Service,
    heads: Arc<Heads>,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Aligned {
    type Response = <Service as hyper::service::Service<hyper::Request<Incoming>>>::Response;
    type Error = <Service as hyper::service::Service<hyper::Request<Incoming>>>::Error;
    type Future = <Service as hyper::service::Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let line = |name: &str, value: &str| format!("{name}: {value}\r\n").into_bytes();
        let method = line(":method", request.method().as_str());
        let path = request.uri().path_and_query().map(|path| line(":path", path.as_str()));
        self.heads.align(|head| has(head, &method) && path.as_ref().is_none_or(|path| has(head, path)));
        self.service.call(request)
    }
}

/// Whether a head has a line.
fn has(head: &[u8], line: &[u8]) -> bool {
    head.split_inclusive(|byte| *byte == b'\n').take_while(|has| has.first() == Some(&b':')).any(|has| has == line)
}

/// What is left of a connection when the preface was recognised.
pub struct Begun {
    pub cx: Context,
    pub peer: std::net::SocketAddr,
    pub stream: Stream,
    /// Read so far, the preface first; counted already.
    pub held: Bytes,
    pub record: Recorder,
    pub inbox: Inbox,
    pub kernel: Handle,
    pub tune: Tune,
    pub book: Arc<Book>,
}

/// Serves one connection to its end.
pub async fn talk(begun: Begun) -> End {
    let Begun { cx, peer, stream, held, record, mut inbox, kernel, mut tune, book } = begun;
    let limit = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    let heads = Arc::new(Heads::default());
    let ledger = Arc::new(Ledger::new());
    record.explain(ledger.clone());
    let mut watch = Streams::new(Role::Listen, record.clone(), limit, ledger.clone()).keeping(Arc::clone(&heads));
    watch.replay(&held);
    let (line, slot) = Line::new(Probe::new(stream, watch), held, Some(cx.limits.http_head_time));
    let line = line.informing(Arc::clone(&heads));
    let says = line.says();
    let desk = Arc::new(Desk {
        cx: cx.clone(),
        peer,
        heads: Arc::clone(&heads),
        gone: line.gone(),
        record: record.clone(),
        book,
        shelf: OnceLock::new(),
        cut: OnceLock::new(),
        // Its streams end by themselves, and its FIN ends them all.
        half_open: false.into(),
    });
    let crew = Crew::default();
    let mut work = Work::new(crew.clone());
    let service = Aligned { service: Service(Arc::clone(&desk)), heads };
    let mut conn = http2::Builder::new(crew)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limit).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(line), service);
    let http = &cx.spec.settings.http;
    let mut idle = Idle::new(http.keep);
    let mut full = false;
    let mut open = true;
    let mut ending = false;
    let left = loop {
        tokio::select! {
            left = poll_fn(|wakes| {
                if let Poll::Ready(done) = work.drive(&mut conn, wakes) {
                    let done = done.map_err(|error| error.to_string().into());
                    return Poll::Ready(if ending { Left::Ended } else { Left::Done(done) });
                }
                let (streams, ever) = ledger.now();
                // What is open is answered, and a GOAWAY says that nothing more is (RFC 9113 section 6.8).
                if http.requests > 0 && ever >= http.requests && !std::mem::replace(&mut full, true) {
                    Pin::new(&mut conn).graceful_shutdown();
                    wakes.waker().wake_by_ref();
                }
                match desk.cut.get() {
                    // A rule cuts the connection.
                    Some(Cut::Rst) => Poll::Ready(Left::Reset),
                    Some(Cut::Fin) => Poll::Ready(Left::Closed),
                    None if idle.is_over(streams, ever, wakes) => {
                        record.event(Kind::Last { way: Way::Out, exchange: ever, why: Why::Idle });
                        Poll::Ready(Left::Idle)
                    }
                    None => Poll::Pending,
                }
            }) => break left,
            () = cx.cancel.cancelled() => {
                desk.leave();
                Pin::new(&mut conn).graceful_shutdown();
                let rest = poll_fn(|wakes| work.drive(&mut conn, wakes));
                let _ = tokio::time::timeout(GRACE, rest).await;
                break Left::Stopped;
            }
            letter = inbox.recv(), if open => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Ping(payload))) => {
                    if !says.ping(&payload) {
                        let text = "too many pings wait already: the peer does not read".into();
                        record.error(Fault::Http { status: None, text });
                    }
                }
                Some(Command::Send(Payload::Bytes(_) | Payload::Request(_))) => {
                    record.error(Fault::Http { status: None, text: ANSWERS.into() });
                }
                Some(Command::Set(row, text)) => tune.set(row, &text),
                // What is open is answered, and nothing new is taken.
                Some(Command::End) => {
                    ending = true;
                    Pin::new(&mut conn).graceful_shutdown();
                }
                Some(Command::Close) => break Left::Closed,
                Some(Command::Reset) => break Left::Reset,
                Some(_) => {}
                None => open = false,
            },
        }
    };
    // What is held until here the watch tells of.
    desk.leave();
    drop(conn);
    drop(work);
    leave::end(&cx, &slot, left, &mut inbox, &kernel).await
}
