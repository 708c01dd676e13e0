//! A TCP connection before TLS begins on it, if it ever does: the lines that lead there, and what waits for it.

use std::io;
use std::pin::Pin;
use std::task::{Context as Wakes, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::dialogue::{Dialogue, Heard};
use crate::model::end::Fault;
use crate::model::starttls::Starttls;
use crate::model::url::Role;
use crate::net::Context;
use crate::net::stream::Stream;

/// A ClientHello that is kept for a person to take: one record (RFC 8446 section 5.1).
const HELLO: usize = 5 + (1 << 14);

pub struct Plain {
    speaks: Starttls,
    role: Role,
    dialogue: Option<Dialogue>,
    /// A client's patience with a server that does not come to TLS.
    late: Option<Pin<Box<Sleep>>>,
    /// It is agreed on, or a person said so: TLS begins when what waits is written.
    pub due: Option<Starttls>,
    /// A ClientHello that came before a person said so: TLS reads it first.
    pub hello: Vec<u8>,
    /// What was to be sent meanwhile: it is for TLS.
    pub later: BytesMut,
}

/// What came of hearing the peer.
pub enum Came {
    Nothing,
    /// The peer said goodbye.
    Over,
    Wrong(Fault),
}

impl Plain {
    /// `say` takes what is said first.
    pub fn new(cx: &Context, role: Role, say: &mut BytesMut) -> Self {
        let speaks = cx.spec.settings.tls.starttls;
        let dialogue = Dialogue::begin(speaks, role, say);
        let limit = (dialogue.is_some() && role == Role::Connect).then_some(cx.limits.handshake_time);
        let late = limit.map(|limit| Box::pin(tokio::time::sleep(limit)));
        Self { speaks, role, dialogue, late, due: None, hello: Vec::new(), later: BytesMut::new() }
    }

    /// Whether plain text is over, or about to be: what is sent now is for TLS.
    pub fn leads(&self) -> bool {
        self.dialogue.is_some() || self.due.is_some()
    }

    /// What came in. An error that `Came::Nothing` stands beside ends nothing.
    pub fn hear(&mut self, bytes: &[u8], say: &mut BytesMut) -> (Came, Option<Fault>) {
        let Some(dialogue) = &mut self.dialogue else {
            self.keep(bytes);
            return (Came::Nothing, None);
        };
        let heard = dialogue.hear(bytes, say);
        if heard != Heard::More {
            (self.dialogue, self.late) = (None, None);
        }
        match heard {
            Heard::More => (Came::Nothing, None),
            Heard::Agreed { behind } => {
                self.due = Some(self.speaks);
                let text = format!(
                    "{behind} B came in plain text behind the last line before TLS, and were thrown away: they are \
                     no part of what TLS protects (RFC 3207 section 4.2)"
                );
                (Came::Nothing, (behind > 0).then(|| Fault::Starttls { text: text.into() }))
            }
            Heard::Bye => (Came::Over, None),
            Heard::Refused(text) => (Came::Wrong(Fault::Starttls { text: text.into() }), None),
        }
    }

    /// Keeps a hello, whole from its first byte to now, for as long as it may be one.
    fn keep(&mut self, bytes: &[u8]) {
        if self.role != Role::Listen || (self.hello.is_empty() && !matches!(bytes, [22] | [22, 3, ..])) {
            return;
        }
        if self.hello.len() + bytes.len() > HELLO {
            self.hello = Vec::new();
        } else {
            self.hello.extend_from_slice(bytes);
        }
    }

    /// Ready when a client's patience is over.
    pub fn late(&mut self, wakes: &mut Wakes<'_>) -> bool {
        self.late.as_mut().is_some_and(|late| late.as_mut().poll(wakes).is_ready())
    }
}

/// A stream with bytes that were read from it already in front of it.
pub struct Begun {
    pub before: Bytes,
    pub stream: Stream,
}

impl AsyncRead for Begun {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Wakes<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let n = self.before.len().min(buf.remaining());
        buf.put_slice(&self.before[..n]);
        self.before.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Wakes<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Wakes<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Wakes<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Wakes<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
