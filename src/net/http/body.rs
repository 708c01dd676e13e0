//! The body of a response: whole, as a person gives it, or from a file.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

use super::desk::GaveUp;
use super::hold::Ticket;

/// What is read of a file at once.
const PIECE: usize = 64 << 10;

pub enum Body {
    Full(Full<Bytes>),
    Held(Box<Ticket>),
    File(Box<File>),
}

/// A file on its way out.
pub struct File {
    file: tokio::fs::File,
    /// Bytes that were promised and have not left.
    left: u64,
}

impl Body {
    pub fn file(file: tokio::fs::File, size: u64) -> Self {
        Self::File(Box::new(File { file, left: size }))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Full(Full::new(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Full(Full::from(text))
    }
}

impl File {
    /// A file that became shorter breaks the promise of its length, and with it the connection.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GaveUp>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = BytesMut::zeroed(most);
        let mut buf = ReadBuf::new(&mut piece);
        let read = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buf));
        let taken = buf.filled().len();
        if read.is_err() || taken == 0 {
            return Poll::Ready(Some(Err(GaveUp::Gone)));
        }
        self.left -= taken as u64;
        piece.truncate(taken);
        Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = GaveUp;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GaveUp>>> {
        match &mut *self {
            Self::Full(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Held(ticket) => ticket.poll(cx),
            Self::File(file) => file.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(full) => full.is_end_stream(),
            // The end is to come by itself, where trailers can be put before it.
            Self::Held(_) => false,
            Self::File(file) => file.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(full) => full.size_hint(),
            Self::Held(_) => SizeHint::default(),
            Self::File(file) => SizeHint::with_exact(file.left),
        }
    }
}
