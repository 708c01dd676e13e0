//! A TLS stream whose peer may go without a `close_notify` (RFC 8446 section 6.1): common, and told apart
//! from an orderly end by a line, but an end of the stream all the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use super::records::Records;
use crate::hub::Recorder;
use crate::model::end::Fault;
use crate::model::event::Kind;
use crate::net::probe::Probe;

/// A stream over TLS whose records are watched.
pub trait Below {
    fn records(&mut self) -> &mut Records;
}

impl<S> Below for client::TlsStream<Probe<S, Records>> {
    fn records(&mut self) -> &mut Records {
        self.get_mut().0.watch()
    }
}

impl<S> Below for server::TlsStream<Probe<S, Records>> {
    fn records(&mut self) -> &mut Records {
        self.get_mut().0.watch()
    }
}

fn fault() -> Fault {
    let text = "FIN came without a close_notify before it: what was received may be cut short";
    Fault::Tls { alert: None, text: text.into() }
}

/// What was wrong with the end of a connection that broke off in this way.
pub fn cut(record: &Recorder) -> Option<Fault> {
    record.is_truncated().then(fault)
}

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

impl<S: AsyncRead + Below + Unpin> AsyncRead for Truncation<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let is_over = outcome.is_err() || (room > 0 && buf.filled().len() == before);
        if is_over {
            self.stream.records().deliver();
        }
        Poll::Ready(match outcome {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                if !self.shut && !self.said {
                    self.said = true;
                    self.record.truncated();
                    self.record.event(Kind::TlsError(Box::new(fault())));
                }
                Ok(())
            }
            Ok(()) if is_over => {
                self.record.notified();
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
