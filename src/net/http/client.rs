//! One dialled connection: what a person sends, one request after another, each when the response
//! before it is whole.

use std::collections::VecDeque;
use std::future::poll_fn;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::Request;
use super::exchanges::Exchanges;
use super::h2;
use super::leave;
use crate::model::end::{End, Fault, Party};
use crate::model::setting::http::Version;
use crate::model::url::{Role, Scheme, Url};
use crate::net::probe::Probe;
use crate::net::stream::{self, Flow};
use crate::net::wire::Chunks;
use crate::net::{BoxFuture, Command, MAILBOX, Payload};

type Sender = SendRequest<Full<Bytes>>;
/// What hyper may buffer of a connection: its own usual bound, and at least two of our heads.
const BUFFER: usize = 400 << 10;
const AGENT: &str = concat!("sockscope/", env!("CARGO_PKG_VERSION"));

/// Why the connection is left.
enum Left {
    Over(hyper::Result<()>),
    Ended,
    Closed,
    Reset,
    Stopped,
}

/// Runs one connection to its end.
pub async fn talk(flow: Flow) -> End {
    let two = match flow.cx.spec.settings.http.version {
        Version::Auto => flow.alpn.as_deref() == Some(b"h2"),
        Version::One => false,
        Version::Two => true,
    };
    if two {
        // On the heap: the task of every HTTP/1 connection would be larger by it.
        return Box::pin(h2::client::talk(flow)).await;
    }
    let Flow { cx, stream, record, mut inbox, kernel, mut tune, .. } = flow;
    let url = &cx.spec.url;
    let limit = usize::try_from(cx.limits.http_head).unwrap_or(usize::MAX);
    // After a 101 there is no protocol of ours to speak: its bytes are shown as they come.
    let watch = Exchanges::new(Role::Connect, record.clone(), limit, Chunks::new(record.clone()));
    let io = TokioIo::new(Probe::new(stream, watch));
    let handshake = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(BUFFER.max(limit.saturating_mul(2)))
        .handshake::<_, Full<Bytes>>(io)
        .await;
    // This sends nothing: it cannot fail but by a bug.
    let (sender, mut conn) = match handshake {
        Ok(pair) => pair,
        Err(error) => return End::Broken(Fault::Http { status: None, text: error.to_string().into() }),
    };
    let mut sender = Some(sender);
    let mut queue = VecDeque::new();
    if !url.path.is_empty() {
        queue.push_back(Request { method: "GET".into(), target: url.path.to_string(), ..Request::default() });
    }
    let mut exchange: Option<BoxFuture<(Sender, hyper::Result<()>)>> = None;
    let mut ending = false;
    let mut open = true;
    let left = loop {
        if exchange.is_none()
            && let Some(request) = queue.pop_front()
            && let Some(request) = build(url, request)
            && let Some(free) = sender.take()
        {
            exchange = Some(Box::pin(run(free, request)));
        }
        if ending && exchange.is_none() && queue.is_empty() {
            break Left::Ended;
        }
        tokio::select! {
            over = poll_fn(|wakes| conn.poll_without_shutdown(wakes)) => break Left::Over(over),
            (free, outcome) = next(&mut exchange) => {
                exchange = None;
                sender = Some(free);
                if let Err(error) = outcome && error.is_user() {
                    record.error(Fault::Http { status: None, text: error.to_string().into() });
                }
            }
            () = cx.cancel.cancelled() => break Left::Stopped,
            letter = inbox.recv(), if open && queue.len() < MAILBOX => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Request(request))) if !ending => queue.push_back(*request),
                Some(Command::Set(row, text)) => tune.set(row, &text),
                Some(Command::End) => ending = true,
                Some(Command::Close) => break Left::Closed,
                Some(Command::Reset) => break Left::Reset,
                Some(_) => {}
                None => open = false,
            },
        }
    };
    let mut stream = conn.into_parts().io.into_inner();
    let outcome = match left {
        Left::Over(outcome) => outcome,
        Left::Ended => return leave::half(&cx, &mut stream, &mut inbox, &kernel).await,
        Left::Closed => return stream::shut(&mut stream).await,
        Left::Reset => {
            kernel.reset_on_close();
            return End::Reset { by: Party::Us };
        }
        Left::Stopped => return stream::farewell(&mut stream).await,
    };
    if !queue.is_empty() {
        let text = format!("the connection ended before {} more were sent", queue.len());
        record.error(Fault::Http { status: None, text: text.into() });
    }
    if let Some(end) = stream.watch().failure() {
        return end;
    }
    if let Some(reason) = stream.watch().refused().cloned() {
        leave::politely(&cx, &mut stream).await;
        return End::Broken(reason.fault(false));
    }
    if stream.watch().tunnelled() {
        let end = leave::tunnel(&cx, &mut stream, &mut inbox, &kernel).await;
        let first = if stream.watch().peer_ended() { Party::Peer } else { Party::Us };
        return if matches!(end, End::Finished { .. }) { End::Finished { first } } else { end };
    }
    if let Err(error) = &outcome
        && !stream.watch().peer_ended()
    {
        let fault = Fault::Http { status: None, text: error.to_string().into() };
        record.error(fault.clone());
        leave::politely(&cx, &mut stream).await;
        return End::Broken(fault);
    }
    // A server that says it closes is to do it.
    let peer = stream.watch().peer_ended() || leave::awaited(&cx, &mut stream).await;
    stream::shut(&mut stream).await;
    End::Finished { first: if peer { Party::Peer } else { Party::Us } }
}

/// The running exchange, if there is one.
async fn next(exchange: &mut Option<BoxFuture<(Sender, hyper::Result<()>)>>) -> (Sender, hyper::Result<()>) {
    match exchange {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

/// One exchange; the sender comes back for the next.
async fn run(mut sender: Sender, request: http::Request<Full<Bytes>>) -> (Sender, hyper::Result<()>) {
    let outcome = async {
        sender.ready().await?;
        let mut response = sender.send_request(request).await?;
        // The timeline has it; here it only has to be read.
        while let Some(frame) = response.body_mut().frame().await {
            frame?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    (sender, outcome)
}

/// What a person composed, with what HTTP wants and they left out. `None` for what is none, which
/// composing has refused already.
pub fn build(url: &Url, request: Request) -> Option<http::Request<Full<Bytes>>> {
    let empty = request.body.is_empty();
    let mut out = http::Request::new(Full::new(request.body));
    *out.method_mut() = Method::from_bytes(request.method.as_bytes()).ok()?;
    *out.uri_mut() = request.target.parse::<Uri>().ok()?;
    let headers = out.headers_mut();
    let has = |name: HeaderName| request.headers.iter().any(|(given, _)| name.as_str().eq_ignore_ascii_case(given));
    if !has(header::HOST) {
        headers.insert(header::HOST, HeaderValue::try_from(host(url)).ok()?);
    }
    for (name, value) in &request.headers {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    if !has(header::USER_AGENT) {
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    }
    let expects = matches!(out.method().as_str(), "POST" | "PUT" | "PATCH");
    if empty && expects && !has(header::CONTENT_LENGTH) {
        out.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Some(out)
}

/// RFC 9110 section 7.2: without the port where it is the scheme's own.
fn host(url: &Url) -> String {
    match (url.scheme, url.port) {
        (Scheme::Http, 80) | (Scheme::Https, 443) => url.host.to_string(),
        _ => url.authority(),
    }
}
