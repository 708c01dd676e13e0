//! The probe: a stream wrapped so that a [`Watch`] sees every read, write, shutdown and error.
//!
//! One lies around the TCP stream and feeds the wire's counters; one lies above TLS and feeds what a
//! person reads: chunks, HTTP heads, WebSocket frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::model::end::Op;

/// What is told of a stream. Synchronous; it records and decodes, and cannot fail.
pub trait Watch: Send + Unpin {
    /// Bytes arrived.
    fn read(&mut self, bytes: &[u8]);
    /// The layer below took these bytes.
    fn wrote(&mut self, bytes: &[u8]);
    /// The peer is done sending.
    fn ended(&mut self) {}
    /// We are done sending.
    fn shut(&mut self) {}
    fn failed(&mut self, _op: Op, _error: &io::Error) {}
    /// A write of so many bytes waits; called at each attempt, with the waker's context.
    fn waiting(&mut self, _bytes: usize, _cx: &mut Context<'_>) {}
    /// A read found nothing and waits, or everything is flushed; called at each attempt, with the waker's context.
    fn idle(&mut self, _cx: &mut Context<'_>) {}
}

/// See the module.
pub struct Probe<S, W> {
    stream: S,
    watch: W,
    ended: bool,
    shut: bool,
}

impl<S, W> Probe<S, W> {
    pub fn new(stream: S, watch: W) -> Self {
        Self { stream, watch, ended: false, shut: false }
    }

    pub fn watch(&mut self) -> &mut W {
        &mut self.watch
    }

    pub fn watch_ref(&self) -> &W {
        &self.watch
    }

    pub fn into_parts(self) -> (S, W) {
        (self.stream, self.watch)
    }

    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin, W: Watch> AsyncRead for Probe<S, W> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let room = buf.remaining();
        let Poll::Ready(outcome) = Pin::new(&mut this.stream).poll_read(cx, buf) else {
            this.watch.idle(cx);
            return Poll::Pending;
        };
        match outcome {
            Ok(()) => {
                let bytes = &buf.filled()[before..];
                if !bytes.is_empty() {
                    this.watch.read(bytes);
                } else if room > 0 && !this.ended {
                    this.ended = true;
                    this.watch.ended();
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                this.watch.failed(Op::Read, &error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin, W: Watch> Probe<S, W> {
    /// The outcome of a write of `bufs`, told to the watch.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(taken)) => {
                let mut left = *taken;
                for buf in bufs {
                    let now = left.min(buf.len());
                    if now > 0 {
                        self.watch.wrote(&buf[..now]);
                    }
                    left -= now;
                }
            }
            Poll::Ready(Err(error)) => self.watch.failed(Op::Write, error),
            Poll::Pending => self.watch.waiting(bufs.iter().map(|buf| buf.len()).sum(), cx),
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin, W: Watch> AsyncWrite for Probe<S, W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(cx, &[io::IoSlice::new(buf)], outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(cx, bufs, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_flush(cx);
        match &outcome {
            Poll::Ready(Err(error)) => this.watch.failed(Op::Write, error),
            // Who no longer reads, because the peer has ended, waits by flushing.
            Poll::Ready(Ok(())) => this.watch.idle(cx),
            Poll::Pending => {}
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let outcome = ready!(Pin::new(&mut this.stream).poll_shutdown(cx));
        match &outcome {
            Ok(()) if !this.shut => {
                this.shut = true;
                this.watch.shut();
            }
            Ok(()) => {}
            Err(error) => this.watch.failed(Op::Shutdown, error),
        }
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[derive(Default)]
    struct Seen {
        read: Vec<u8>,
        wrote: Vec<u8>,
        ended: u32,
        shut: u32,
        failed: u32,
        waited: u32,
    }

    impl Watch for Seen {
        fn read(&mut self, bytes: &[u8]) {
            self.read.extend(bytes);
        }
        fn wrote(&mut self, bytes: &[u8]) {
            self.wrote.extend(bytes);
        }
        fn ended(&mut self) {
            self.ended += 1;
        }
        fn shut(&mut self) {
            self.shut += 1;
        }
        fn failed(&mut self, _: Op, _: &io::Error) {
            self.failed += 1;
        }
        fn waiting(&mut self, _: usize, _: &mut Context<'_>) {
            self.waited += 1;
        }
    }

    #[tokio::test]
    async fn what_crosses_is_what_is_seen_short_writes_included() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut probe = Probe::new(near, Seen::default());
        let writer = async {
            probe.write_all(b"0123456789abcdef").await.unwrap();
            probe.shutdown().await.unwrap();
            let mut got = Vec::new();
            probe.read_to_end(&mut got).await.unwrap();
            probe.read_to_end(&mut got).await.unwrap();
            got
        };
        let reader = async {
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            far.write_all(b"back").await.unwrap();
            drop(far);
            got
        };
        let (back, forth) = tokio::join!(writer, reader);
        let seen = probe.watch();
        assert_eq!((seen.wrote.as_slice(), seen.read.as_slice()), (forth.as_slice(), back.as_slice()));
        assert_eq!((seen.ended, seen.shut, seen.failed), (1, 1, 0));
        assert!(seen.waited > 0, "a full pipe is a write that waits");
    }

    #[tokio::test]
    async fn a_vectored_write_is_seen_once() {
        let stream = tokio_test::io::Builder::new().write(b"abcdef").build();
        let mut probe = Probe::new(stream, Seen::default());
        let bufs = [io::IoSlice::new(b"abc"), io::IoSlice::new(b"def")];
        let mut taken = probe.write_vectored(&bufs).await.unwrap();
        while taken < 6 {
            taken += probe.write(&b"abcdef"[taken..]).await.unwrap();
        }
        assert_eq!(probe.watch().wrote, b"abcdef");
    }

    #[tokio::test]
    async fn an_error_is_seen() {
        let error = io::Error::from(io::ErrorKind::ConnectionReset);
        let stream = tokio_test::io::Builder::new().read_error(error).build();
        let mut probe = Probe::new(stream, Seen::default());
        assert!(probe.read_u8().await.is_err());
        assert_eq!(probe.watch().failed, 1);
    }
}
