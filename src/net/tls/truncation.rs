//! A TLS stream whose peer may go without a `close_notify` (RFC 8446 section 6.1): common, and told apart
//! from an orderly end by a line, but an end of the stream all the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::Kind;

pub struct Truncation<S> {
    stream: S,
    record: Recorder,
    /// We have said goodbye: the peer owes us nothing any more.
    shut: bool,
    said: bool,
}

impl<S> Truncation<S> {
    pub fn new(stream: S, record: Recorder) -> Self {
        Self { stream, record, shut: false, said: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Truncation<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        Poll::Ready(match outcome {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                if !self.shut && !self.said {
                    self.said = true;
                    let text = "FIN came without a close_notify before it: what was received may be cut short";
                    self.record.event(Kind::TlsError(Box::new(Fault::Tls { alert: None, text: text.into() })));
                }
                Ok(())
            }
            outcome => outcome,
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Truncation<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut = true;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
