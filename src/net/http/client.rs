//! One dialled connection: what a person sends, one request after another, each when the response
//! before it is whole. The requests are written as they were typed; what comes is decoded by the watch
//! as it passes, and here it only has to be read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Request;
use super::compose::NO_PING;
use super::exchanges::Exchanges;
use super::h2;
use super::hop::Hop;
use super::leave;
use super::pipe::{Moved, Pipe};
use super::write::Written;
use crate::hub::Recorder;
use crate::model::end::{End, Fault, Party};
use crate::model::event::Kind;
use crate::model::exchange::Why;
use crate::model::setting::http::Version;
use crate::model::spec::Spec;
use crate::model::url::Role;
use crate::net::probe::Probe;
use crate::net::stream::{self, Flow, Stream};
use crate::net::wire::Chunks;
use crate::net::{Command, Context, MAILBOX, Payload};

/// How long a body waits for 100 Continue before it is sent all the same, as curl does
/// (RFC 9110 section 10.1.1: not for ever).
const PATIENCE: Duration = Duration::from_secs(1);

type Line = Pipe<Probe<Stream, Exchanges<Chunks>>>;

/// A body that waits for 100 Continue.
struct Held {
    body: VecDeque<Bytes>,
    /// The number of its exchange among those that are answered.
    exchange: u32,
    until: Instant,
}

/// Why the connection is left.
enum Left {
    /// The peer has ended, what it sends is not HTTP, or it said that it ends.
    Over,
    Ended,
    Closed,
    Reset,
    Stopped,
}

/// The request that goes on elsewhere.
pub type Onward = Arc<Mutex<Option<Hop>>>;

/// Dials, talks, and where a redirect is followed to another server, dials that.
///
/// # Errors
/// Nothing could be dialled.
pub async fn connect(mut cx: Context, alpn: &'static [&'static [u8]]) -> Result<(), Fault> {
    let mut first = None;
    let mut hops = 0;
    loop {
        let onward = Onward::default();
        let (begin, next) = (first.take(), Arc::clone(&onward));
        let begin = Arc::new(Mutex::new(begin));
        let talk = move |flow| talk(flow, begin.lock().take(), hops, Arc::clone(&next));
        stream::connect(cx.clone(), 0, alpn, talk).await?;
        let Some(Hop { request, elsewhere: Some(url) }) = onward.lock().take() else { return Ok(()) };
        cx.log.payload(Kind::Log, format!("redirected to {url}").as_bytes());
        let mut spec = Spec::clone(&cx.spec);
        spec.url = url;
        cx.spec = Arc::new(spec);
        first = Some(request);
        hops += 1;
    }
}

/// Runs one connection to its end. `first` is asked at once, the `hops`th of its chain of redirects; what
/// goes on elsewhere is left in `onward`.
async fn talk(flow: Flow, first: Option<Request>, mut hops: u32, onward: Onward) -> End {
    let two = match flow.cx.spec.settings.http.version {
        Version::Auto => flow.alpn.as_deref() == Some(b"h2"),
        Version::One => false,
        Version::Two => true,
    };
    if two {
        // On the heap: the task of every HTTP/1 connection would be larger by it.
        return Box::pin(h2::client::talk(flow, first, hops, onward)).await;
    }
    let Flow { cx, stream, record, mut inbox, kernel, mut tune, .. } = flow;
    let url = &cx.spec.url;
    let limit = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    // After a 101 there is no protocol of ours to speak: its bytes are shown as they come.
    let watch = Exchanges::new(Role::Connect, record.clone(), limit, Chunks::new(record.clone())).upgrading();
    record.explain(watch.table());
    let mut line = Pipe::new(Probe::new(stream, watch));
    let mut queue = VecDeque::new();
    let mut asked = None;
    if let Some(request) = first {
        queue.push_back(request);
    } else if !url.path.is_empty() {
        queue.push_back(Request { method: "GET".into(), target: url.path.to_string(), ..Request::default() });
    }
    let mut held: Option<Held> = None;
    let mut ending = false;
    let mut open = true;
    let left = loop {
        release(&mut line, &mut held);
        let waits = line.waiting() > 0 || held.is_some();
        let watch = line.stream().watch();
        if watch.refused().is_some() {
            break Left::Over;
        }
        if !waits && watch.settled() && !watch.tunnelled() {
            let pointer = watch.take_pointer();
            let hop = asked.take().zip(pointer).filter(|_| hops < tune.settings().http.redirects);
            match hop.map(|(asked, pointer)| Hop::of(url, &asked, &pointer)) {
                Some(Ok(hop)) if hop.elsewhere.is_some() || watch.last().is_some() => {
                    let elsewhere = hop.elsewhere.or_else(|| Some(url.clone()));
                    *onward.lock() = Some(Hop { elsewhere, ..hop });
                    break Left::Closed;
                }
                Some(Ok(hop)) => {
                    hops += 1;
                    queue.push_front(hop.request);
                }
                Some(Err(text)) => record.error(Fault::Http { status: None, text: text.into() }),
                None => hops = 0,
            }
            if watch.last().is_some() {
                break Left::Over;
            }
            if let Some(request) = queue.pop_front() {
                let exchange = watch.answered() + 1;
                let written = Written::of(url, &request);
                asked = Some(request);
                line.push(written.head);
                if written.waits {
                    held = Some(Held { body: written.body, exchange, until: Instant::now() + PATIENCE });
                } else {
                    written.body.into_iter().for_each(|piece| line.push(piece));
                }
                continue;
            }
        }
        if ending && !waits && queue.is_empty() && (watch.settled() || watch.tunnelled()) {
            break Left::Ended;
        }
        if watch.tunnelled() && !queue.is_empty() {
            let text = format!("{} more were not sent: the connection speaks another protocol by now", queue.len());
            record.error(Fault::Http { status: None, text: text.into() });
            queue.clear();
        }
        let until = held.as_ref().map(|held| held.until);
        let room = queue.len() < MAILBOX && line.waiting() < MAILBOX;
        tokio::select! {
            moved = line.moved() => if moved == Moved::Ended { break Left::Over },
            () = late(until) => if let Some(held) = held.take() {
                held.body.into_iter().for_each(|piece| line.push(piece));
            },
            () = cx.cancel.cancelled() => break Left::Stopped,
            letter = inbox.recv(), if open && room => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Request(request))) if !ending => queue.push_back(*request),
                Some(Command::Send(Payload::Bytes(bytes))) if !ending => line.push(bytes),
                Some(Command::Send(Payload::Ping(_))) => record.error(Fault::Http { status: None, text: NO_PING.into() }),
                Some(Command::Set(row, text)) => tune.set(row, &text),
                Some(Command::End) => ending = true,
                Some(Command::Close) => break Left::Closed,
                Some(Command::Reset) => break Left::Reset,
                Some(_) => {}
                None => open = false,
            },
        }
    };
    match left {
        Left::Over => over(&cx, &record, line, queue.len()).await,
        Left::Ended => leave::half(&cx, line.stream(), &mut inbox, &kernel).await,
        Left::Closed => stream::shut(line.stream()).await,
        Left::Reset => {
            kernel.reset_on_close();
            End::Reset { by: Party::Us }
        }
        Left::Stopped => stream::farewell(line.stream()).await,
    }
}

/// Sends a body that is asked for, and drops one that was refused before it was sent.
fn release(line: &mut Line, held: &mut Option<Held>) {
    let watch = line.stream().watch();
    let refused = held.as_ref().is_some_and(|held| watch.answered() >= held.exchange);
    if refused {
        watch.say_unsent();
        *held = None;
    } else if watch.continued()
        && let Some(held) = held.take()
    {
        held.body.into_iter().for_each(|piece| line.push(piece));
    }
}

async fn late(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The end of a connection that nobody here ended.
async fn over(cx: &Context, record: &Recorder, mut line: Line, unsent: usize) -> End {
    if unsent > 0 {
        let text = format!("the connection ended before {unsent} more were sent");
        record.error(Fault::Http { status: None, text: text.into() });
    }
    let stream = line.stream();
    if let Some(end) = stream.watch().failure() {
        return end;
    }
    if let Some(reason) = stream.watch().refused().cloned() {
        leave::politely(cx, stream).await;
        return End::Broken(reason.fault(false));
    }
    // Who says that the connection ends with its response is to end it (RFC 9112 section 9.6).
    let ours = matches!(stream.watch().last(), Some((_, Why::Unsent)));
    let peer = stream.watch().peer_ended() || (!ours && leave::awaited(cx, stream).await);
    stream::shut(stream).await;
    End::Finished { first: if peer { Party::Peer } else { Party::Us } }
}
