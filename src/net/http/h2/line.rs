//! What stands between hyper and the watched stream: replays what was read before HTTP/2 was recognised,
//! times heads, keeps the FIN for us, and gives the stream back when hyper lets go of it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::flaw::Flaw;
use super::says::Says;
use super::streams::Streams;
use crate::net::http::exchanges::Heads;
use crate::net::probe::Probe;

/// Where the stream is found again.
pub type Slot<S> = Arc<Mutex<Option<Probe<S, Streams>>>>;

/// See the module.
pub struct Line<S> {
    /// `None` once it has been given back.
    stream: Option<Probe<S, Streams>>,
    slot: Slot<S>,
    /// Read already, and told to the watch.
    held: Bytes,
    limit: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Behind which stream the head at hand began, while it is timed.
    timing: Option<u32>,
    /// Told when the peer has ended.
    gone: CancellationToken,
    /// What is said before answers, by somebody else than hyper; and the frame of it that is being written.
    interims: Option<Arc<Heads>>,
    says: Says,
    ours: Bytes,
}

impl<S> Line<S> {
    /// A head of the peer that takes longer than `limit` ends the stream for hyper.
    pub fn new(stream: Probe<S, Streams>, held: Bytes, limit: Option<Duration>) -> (Self, Slot<S>) {
        let slot = Slot::default();
        let gone = CancellationToken::new();
        let line = Self {
            stream: Some(stream),
            slot: Arc::clone(&slot),
            held,
            limit,
            timer: None,
            timing: None,
            gone,
            interims: None,
            says: Says::default(),
            ours: Bytes::new(),
        };
        (line, slot)
    }

    /// Also writes what is said before answers.
    pub fn informing(mut self, heads: Arc<Heads>) -> Self {
        self.interims = Some(heads);
        self
    }

    /// Where to put frames beside hyper's.
    pub fn says(&self) -> Says {
        self.says.clone()
    }

    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    fn stream(&mut self) -> io::Result<&mut Probe<S, Streams>> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// By how much the head at hand is late, if it is.
    fn is_late(&mut self, cx: &mut Context<'_>) -> Option<Duration> {
        let (limit, stream) = (self.limit?, self.stream.as_mut()?);
        if !stream.watch().within_head() {
            self.timing = None;
            return None;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        let behind = stream.watch().last();
        if self.timing.replace(behind) != Some(behind) {
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(cx).is_ready().then_some(limit)
    }
}

impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        *self.slot.lock() = self.stream.take();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.held.is_empty() {
            let now = this.held.len().min(buf.remaining());
            buf.put_slice(&this.held[..now]);
            this.held.advance(now);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let Poll::Ready(outcome) = Pin::new(this.stream()?).poll_read(cx, buf) else {
            if let Some(limit) = this.is_late(cx) {
                this.stream()?.watch().blame(Flaw::slow(limit));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.says.wait(cx);
            return Poll::Pending;
        };
        if outcome.is_err() {
            this.gone.cancel();
        }
        outcome?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            this.gone.cancel();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Line<S> {
    /// Writes what is to be said before answers, where a frame may stand.
    fn interpose(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.ours.is_empty() {
                let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
                let taken = ready!(Pin::new(stream).poll_write(cx, &self.ours))?;
                self.ours.advance(taken);
            }
            let waits = self.waits();
            let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            if !waits || !stream.watch().writable() {
                return Poll::Ready(Ok(()));
            }
            let interim = self.interims.as_ref().and_then(|heads| heads.interims.take());
            self.ours = match interim {
                // A stream that is over by now needs no word before its answer.
                Some((exchange, interim)) => {
                    stream.watch().stream(exchange).map(|stream| interim.frame(stream)).unwrap_or_default()
                }
                None => self.says.take().unwrap_or_default(),
            };
        }
    }

    /// Whether there is something to say beside what hyper does.
    fn waits(&self) -> bool {
        !self.says.is_empty() || self.interims.as_ref().is_some_and(|heads| !heads.interims.is_empty())
    }

    /// How much may be written at once, so that what waits gets its place before what follows.
    fn room(&mut self) -> usize {
        let waits = self.waits();
        self.stream.as_mut().filter(|_| waits).map_or(usize::MAX, |stream| stream.watch().until_writable())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.interpose(cx))?;
        let room = self.room().min(buf.len());
        Pin::new(self.stream()?).poll_write(cx, &buf[..room])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.interpose(cx))?;
        match bufs.iter().find(|buf| !buf.is_empty()) {
            Some(first) if self.room() < usize::MAX => self.poll_write(cx, first),
            _ => Pin::new(self.stream()?).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.interpose(cx))?;
        Pin::new(self.stream()?).poll_flush(cx)
    }

    /// The FIN is not hyper's to send: a person may want to read on, or to reset.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(self.stream()?).poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }
}
