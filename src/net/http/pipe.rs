//! A stream that is read and written at once by one task: what waits to be written leaves piece by piece
//! while what comes is read. What is read the watch has seen; it is kept only for who asked for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one read takes.
const READ: usize = 16 << 10;

/// See the module.
pub struct Pipe<S> {
    stream: S,
    out: VecDeque<Bytes>,
    buffer: Box<[u8]>,
    /// Written, and not yet pushed through the layers below.
    held: bool,
    /// The first error of a write: from then on nothing more is.
    broken: bool,
    ended: bool,
    keeps: bool,
    read: BytesMut,
}

/// What came of a wait.
#[derive(PartialEq, Eq, Debug)]
pub enum Moved {
    /// All that waited has left.
    Wrote,
    Read,
    /// The peer is done sending, or cannot be read any more.
    Ended,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub fn new(stream: S) -> Self {
        let buffer = vec![0; READ].into();
        let (out, read) = (VecDeque::new(), BytesMut::new());
        Self { stream, out, buffer, held: false, broken: false, ended: false, keeps: false, read }
    }

    /// Keeps what is read, for [`Pipe::take`].
    pub fn keeping(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// What was read since the last time.
    pub fn take(&mut self) -> Bytes {
        self.read.split().freeze()
    }

    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    pub fn push(&mut self, piece: Bytes) {
        if !self.broken && !piece.is_empty() {
            self.out.push_back(piece);
        }
    }

    /// Pieces that have not left.
    pub fn waiting(&self) -> usize {
        self.out.len() + usize::from(self.held)
    }

    /// Waits for something to happen. Nothing is lost if the wait is given up.
    pub async fn moved(&mut self) -> Moved {
        self.moved_below(usize::MAX).await
    }

    /// The same, but reads only while fewer pieces than `most` wait to be written.
    pub async fn moved_below(&mut self, most: usize) -> Moved {
        poll_fn(|cx| self.poll(cx, most)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Moved> {
        if self.waiting() > 0
            && let Poll::Ready(outcome) = self.poll_write(cx)
        {
            if outcome.is_err() {
                // What the peer said before it may still come, and tells more.
                self.broken = true;
                self.held = false;
                self.out.clear();
            }
            return Poll::Ready(Moved::Wrote);
        }
        if self.ended || self.out.len() >= most {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(&mut self.buffer);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                if self.keeps {
                    self.read.extend_from_slice(buffer.filled());
                }
                Poll::Ready(Moved::Read)
            }
            Poll::Ready(_) => {
                self.ended = true;
                Poll::Ready(Moved::Ended)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// All that waits, each piece by itself.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(piece) = self.out.front_mut() {
            match Pin::new(&mut self.stream).poll_write(cx, piece) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(taken)) => piece.advance(taken),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            self.held = true;
            if self.out.front().is_some_and(Bytes::is_empty) {
                self.out.pop_front();
            }
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.held = false;
        }
        flushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn both_ways_move_though_neither_side_waits_for_the_other() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut pipe = Pipe::new(near);
        pipe.push(vec![b'x'; 100].into());
        // The peer writes before it reads: who only wrote would wait for ever.
        let peer = async {
            far.write_all(&[b'y'; 100]).await.unwrap();
            let mut got = [0; 100];
            far.read_exact(&mut got).await.unwrap();
            drop(far);
            got
        };
        let ours = async {
            let mut seen = Vec::new();
            loop {
                match pipe.moved().await {
                    Moved::Ended => return seen,
                    moved => seen.push(moved),
                }
            }
        };
        let (seen, got) = tokio::join!(ours, peer);
        assert_eq!(got, [b'x'; 100]);
        assert!(seen.contains(&Moved::Wrote) && seen.contains(&Moved::Read));
        assert_eq!(pipe.waiting(), 0);
    }

    #[tokio::test]
    async fn a_write_that_fails_leaves_the_reading() {
        let stream = tokio_test::io::Builder::new()
            .write_error(io::ErrorKind::BrokenPipe.into())
            .read(b"its last words")
            .build();
        let mut pipe = Pipe::new(stream);
        pipe.push("x".into());
        assert_eq!(pipe.moved().await, Moved::Wrote);
        assert_eq!(pipe.moved().await, Moved::Read);
        assert_eq!(pipe.moved().await, Moved::Ended);
    }
}
