//! What stands between the wire and hyper's server: only what is HTTP passes. A head is delivered when
//! it is whole and good; what is not ends the stream for hyper at the message before it, so that hyper
//! finishes what it owes and the refusal is ours to answer.
//!
//! It also gathers the responses to pipelined requests into few writes. hyper's own `pipeline_flush`
//! forgets what it holds back when a connection ends with requests unread.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::exchanges::{Exchanges, Heads};
use super::reason::Reason;
use crate::net::probe::{Probe, Watch};

/// Responses gathered into one write at the most: what a socket's buffer takes at once.
const GATHERED: usize = 64 << 10;

/// What is copied to leave as one piece: above it the copy costs more than it saves.
const JOINED: usize = 4 << 10;

/// What one read takes of what nobody wants.
const SCRAP: usize = 1 << 10;

/// RFC 9112 section 7.1: what ends a chunked body, and its trailer section before the last line.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How long is waited for a head since its first byte, and for a body since its last.
#[derive(Clone, Copy)]
pub struct Patience {
    pub head: Duration,
    pub body: Duration,
}

/// An answer without the Date of its head.
fn without_date(mut whole: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        let len = line.len();
        if line == b"\r\n" {
            break;
        }
        if line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:")) {
            whole.drain(at..at + len);
            break;
        }
        at += len;
    }
    whole
}

/// See the module.
pub struct Gate<S, N> {
    stream: Probe<S, Exchanges<N>>,
    /// Read, but not known to be good: what the decoder is [behind](super::decode::Decoder::behind).
    /// At most a head.
    held: BytesMut,
    /// Good, and not yet taken by hyper.
    passed: BytesMut,
    /// Responses that wait for the next, which follows at once.
    out: BytesMut,
    heads: Arc<Heads>,
    limits: Patience,
    timer: Option<Pin<Box<Sleep>>>,
    timing: bool,
    /// How long a connection without a request is kept; and the clock of that.
    keep: Option<Duration>,
    idle: Option<Pin<Box<Sleep>>>,
    /// A 103 for before each answer, and the exchange that has had its.
    hints: Option<Bytes>,
    hinted: u32,
    ended: bool,
    /// We end it, and read no more of it.
    over: bool,
    /// Told when the peer has ended, or cannot be read any more.
    gone: CancellationToken,
    /// hyper's, while an end is kept from it.
    waker: Option<Waker>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, N: Watch> Gate<S, N> {
    /// What takes longer than `limits` is refused.
    pub fn new(stream: Probe<S, Exchanges<N>>, heads: Arc<Heads>, limits: Patience) -> Self {
        Self {
            stream,
            held: BytesMut::new(),
            passed: BytesMut::new(),
            out: BytesMut::new(),
            heads,
            limits,
            timer: None,
            timing: false,
            keep: None,
            idle: None,
            hints: None,
            hinted: 0,
            ended: false,
            over: false,
            gone: CancellationToken::new(),
            waker: None,
        }
    }

    /// Ends a connection on which nothing was asked for so long.
    pub fn keeping(mut self, keep: Option<Duration>) -> Self {
        self.keep = keep;
        self
    }

    /// Says 103 Early Hints with this `Link` before each answer (RFC 8297).
    pub fn hinting(mut self, link: Option<&str>) -> Self {
        self.hints = link.map(|link| format!("HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n").into());
        self
    }

    /// What was read and hyper has not taken: what came behind the request for an upgrade.
    pub fn rest(&self) -> Vec<u8> {
        [&self.passed[..], &self.held].concat()
    }

    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Whether the peer has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the peer began to speak HTTP/2.
    pub fn is_other(&self) -> bool {
        self.stream.watch_ref().refused() == Some(&Reason::Preface)
    }

    /// The stream, and what was read of it that is another protocol's.
    pub fn into_parts(self) -> (Probe<S, Exchanges<N>>, bytes::Bytes) {
        (self.stream, self.held.freeze())
    }

    /// The stream itself, no longer guarded, once what waits is written; for as long as `limit`.
    pub async fn into_inner(mut self, limit: Duration) -> Probe<S, Exchanges<N>> {
        let _ = tokio::time::timeout(limit, poll_fn(|cx| self.push(cx))).await;
        self.stream
    }

    /// hyper takes an end of the stream for the peer giving up, and drops what it is answering. So it
    /// learns of one only when everything is answered, or when it is a body that was cut.
    fn keeps_end(&mut self, cx: &Context<'_>) -> bool {
        let exchanges = self.stream.watch();
        let keeps = exchanges.incoming().between_messages() && !exchanges.settled();
        if keeps {
            self.waker = Some(cx.waker().clone());
        }
        keeps
    }

    /// Refuses what is late, where we wait for it: nobody is blamed for what we do not read. Whether it did.
    fn runs_late(&mut self, cx: &mut Context<'_>) -> bool {
        let decoder = self.stream.watch().incoming();
        let (limit, late): (_, fn(_) -> _) = match (decoder.within_head(), decoder.within_body()) {
            (true, _) => (self.limits.head, Reason::Slow),
            (_, true) => (self.limits.body, Reason::Stalled),
            (false, false) => {
                self.timing = false;
                return false;
            }
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.timing {
            timer.as_mut().reset(Instant::now() + limit);
            self.timing = true;
        }
        let late = timer.as_mut().poll(cx).map(|()| late(limit));
        if let Poll::Ready(reason) = late {
            self.stream.watch().refuse(reason);
            return true;
        }
        false
    }

    /// Reads and forgets what comes behind what was refused: all that still matters is whether the peer ends.
    fn overhear(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scrap = [0; SCRAP];
        loop {
            let mut buf = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                self.ended = true;
                self.gone.cancel();
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Whether nothing was asked for as long as the connection is kept.
    fn idled_out(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(keep) = self.keep else { return false };
        let watch = self.stream.watch();
        let Some(free) = watch.idle_since() else {
            // Looked at again when what is owed is written.
            self.waker = Some(cx.waker().clone());
            return false;
        };
        let due = free + keep;
        let timer = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.stream.watch().idle_out();
        self.over = true;
        true
    }

    /// Sorts what was read behind `before`: the good part stays in `buf`, or goes before what is to come.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let new = &buf.filled()[before..];
        let behind = self.stream.watch().incoming().behind();
        let good = (self.held.len() + new.len()).saturating_sub(behind);
        if good > 0 {
            // What may be held now is a new head, with its own time.
            self.timing = false;
        }
        if self.held.is_empty() {
            self.held.extend_from_slice(&new[good..]);
            buf.set_filled(before + good);
        } else {
            self.held.extend_from_slice(new);
            buf.set_filled(before);
            self.passed = self.held.split_to(good);
        }
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, N: Watch> AsyncRead for Gate<S, N> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        loop {
            if !this.passed.is_empty() {
                let now = this.passed.len().min(buf.remaining());
                buf.put_slice(&this.passed[..now]);
                this.passed.advance(now);
                return Poll::Ready(Ok(()));
            }
            if this.over {
                return Poll::Ready(Ok(()));
            }
            if this.ended || this.stream.watch().refused().is_some() {
                if !this.keeps_end(cx) {
                    return Poll::Ready(Ok(()));
                }
                if this.ended {
                    return Poll::Pending;
                }
                ready!(this.overhear(cx))?;
                continue;
            }
            let Poll::Ready(outcome) = Pin::new(&mut this.stream).poll_read(cx, buf) else {
                if this.runs_late(cx) {
                    continue;
                }
                // An end for hyper, and our own to make.
                return if this.idled_out(cx) { Poll::Ready(Ok(())) } else { Poll::Pending };
            };
            if outcome.is_err() {
                this.gone.cancel();
            }
            outcome?;
            if buf.filled().len() > before {
                this.sort(buf, before);
                if buf.filled().len() > before {
                    return Poll::Ready(Ok(()));
                }
            } else if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            } else {
                this.ended = true;
                this.gone.cancel();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, N: Watch> Gate<S, N> {
    /// hyper may now learn of the end that was kept from it.
    fn wrote(&mut self) {
        if self.waker.is_some()
            && self.stream.watch().settled()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// Puts the hints before an answer that begins with `start`. HTTP/1.0 knows none (RFC 9110 section 15.2).
    fn hint(&mut self, start: &[u8]) {
        let Some(hints) = self.hints.as_ref().filter(|_| self.out.is_empty()) else { return };
        let watch = self.stream.watch();
        let exchange = watch.answered().wrapping_add(1);
        if self.hinted != exchange && watch.answers_begin() && !start.starts_with(b"HTTP/1.1 1") {
            self.hinted = exchange;
            self.out.extend_from_slice(hints);
        }
    }

    /// Puts a person's words before the answer at hand, of which nothing has left: hyper has written what was
    /// before it.
    fn interpose(&mut self) {
        while let Some((_, interim)) = self.heads.interims.take() {
            self.out.extend_from_slice(&interim.head());
        }
    }

    /// Writes what was gathered.
    fn push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(taken);
            self.wrote();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, N: Watch> AsyncWrite for Gate<S, N> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let size: usize = bufs.iter().map(|buf| buf.len()).sum();
        this.interpose();
        if let Some(trailers) = this.heads.take_trailers() {
            let mut whole = Vec::with_capacity(size + trailers.len());
            bufs.iter().for_each(|buf| whole.extend_from_slice(buf));
            // They are set when the body ends, and hyper writes all it has at once: the last chunk is its end.
            if whole.ends_with(LAST_CHUNK) {
                let end = whole.len() - 2;
                whole.splice(end..end, trailers);
            }
            this.out.extend_from_slice(&whole);
            return Poll::Ready(Ok(size));
        }
        if let Some(start) = bufs.first() {
            this.hint(start);
        }
        if this.heads.takes_date() {
            let whole: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
            this.out.extend_from_slice(&without_date(whole));
            return Poll::Ready(Ok(size));
        }
        let gathers = this.hints.is_none() && size < GATHERED && (!this.out.is_empty() || this.heads.more());
        if !gathers || this.out.len() >= GATHERED {
            ready!(this.push(cx))?;
        }
        // A head and its short body leave as one piece: one simple write, and one pass of the decoder.
        let joins = bufs.len() > 1 && size <= JOINED;
        if gathers || joins {
            for buf in bufs {
                this.out.extend_from_slice(buf);
            }
            if joins && !gathers {
                // What does not leave now leaves with the flush.
                let _ = this.push(cx)?;
            }
            return Poll::Ready(Ok(size));
        }
        let taken = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bufs))?;
        this.wrote();
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.interpose();
        if !self.out.is_empty() && self.heads.more() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.push(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Writes what waits. The FIN is not hyper's to send: there may be a refusal to answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.push(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}
