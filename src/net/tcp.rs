//! TCP, and TLS, which is TCP over a secure stream: echo, fixed answers, and what a person sends.
//!
//! One loop reads and writes at once: an echo that writes before it reads again would deadlock against
//! a peer that does the same. What waits to be written is bounded; above the bound the loop reads no
//! more until the peer does.

pub(super) mod dialogue;
mod plain;
mod upgrade;

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Wakes, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Sleep;

use self::plain::{Came, Plain};
use super::kernel::Handle;
use super::probe::{Probe, Watch};
use super::stream::{self, Flow, Stream};
use super::wire::Chunks;
use super::{BoxFuture, Command, Context, Inbox, Info, Payload, Protocol, errno};
use crate::hub::{HEAD, Recorder};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::size;
use crate::model::spec::{Reply, Spec};
use crate::model::url::{Role, Scheme};

pub struct Tcp;

impl Protocol for Tcp {
    fn info(&self) -> &'static Info {
        &Info {
            plain: Scheme::Tcp,
            secure: Some(Scheme::Tls),
            help: "a stream of bytes: echo, a fixed answer, or what you type",
        }
    }

    fn compose(&self, draft: &Draft) -> Result<Payload, Rejection> {
        let bytes = draft.encode()?;
        if bytes.is_empty() {
            return Err(Rejection("nothing to send: TCP has no empty message".into()));
        }
        Ok(Payload::Bytes(bytes.into()))
    }

    fn serve(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(stream::serve(cx, 0, &[], talk))
    }

    fn connect(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(stream::connect(cx, 0, &[], talk))
    }
}

/// What one read takes at the most. It lies on the stack: an idle connection has no buffer, and those that are busy
/// share one that is warm.
const BUFFER: usize = 64 << 10;
/// Echoes in a row before it is looked again who else wants something: a peer that floods does not keep a close away.
const ECHOES: usize = 16;
/// Bytes that may wait to be written before we stop reading; the kernel's buffers lie beyond it.
const HIGH: usize = 128 << 10;

/// How often the kernel is asked about half of a connection: one system call.
const PULSE: Duration = Duration::from_millis(500);

/// What one turn of the loop brought.
enum Turn {
    Letter(Option<Command>),
    Read(usize),
    /// Read, and sent back.
    Echoed,
    Wrote,
    Shut,
    /// Nothing plain waits any more: TLS may begin.
    Secure,
    /// A client's server did not come to TLS in time.
    Late,
    Failed(Op, io::Error),
    Cancelled,
}

struct Talk {
    record: Recorder,
    stream: Probe<Stream, Chunks>,
    /// As long as it is not TLS.
    plain: Option<Box<Plain>>,
    /// What came of the plain text that was read last.
    came: Came,
    inbox: Inbox,
    inbox_open: bool,
    waiting: BytesMut,
    dirty: bool,
    reading: bool,
    writing: bool,
    /// We will send FIN as soon as nothing waits.
    ending: bool,
    /// A listener's spec as it is now: what it answers.
    listens: Option<watch::Receiver<Arc<Spec>>>,
    kernel: Handle,
    /// Half-open: when the kernel is asked next.
    pulse: Option<Pin<Box<Sleep>>>,
    /// What was read last, where the endpoint is asked to show it.
    shown: Option<Bytes>,
}

async fn talk(flow: Flow) -> End {
    let Flow { cx, role, peer, stream, record, inbox, kernel, mut tune, .. } = flow;
    let settings = &cx.spec.settings;
    let is_plain = !cx.spec.scheme().is_secure();
    let watch = if is_plain { Chunks::plain(record.clone(), role) } else { Chunks::new(record.clone()) };
    let mut waiting = BytesMut::new();
    let plain = is_plain.then(|| Box::new(Plain::new(&cx, role, &mut waiting)));
    let mut talk = Talk {
        record: record.clone(),
        stream: Probe::new(stream, watch),
        plain,
        came: Came::Nothing,
        inbox,
        inbox_open: true,
        waiting,
        dirty: false,
        reading: true,
        writing: true,
        ending: false,
        listens: (role == Role::Listen).then(|| cx.now.clone()),
        kernel: kernel.clone(),
        pulse: None,
        shown: settings.show.is_some().then(Bytes::new),
    };
    if let (Role::Listen, Some(greet), false) = (role, &settings.greet, talk.leads()) {
        talk.waiting.extend_from_slice(&greet.0);
    }
    let mut first = None;
    let mut cancelled = Box::pin(cx.cancel.cancelled());
    let end = loop {
        match poll_fn(|wakes| talk.turn(wakes, cancelled.as_mut())).await {
            Turn::Read(0) if role == Role::Connect && talk.leads() => {
                return fail(&record, Fault::Starttls { text: "the server ended before TLS began".into() });
            }
            Turn::Read(0) => {
                talk.reading = false;
                first.get_or_insert(Party::Peer);
                // Node's `allowHalfOpen: false`: our side ends when the peer's has.
                talk.ending |= !tune.settings().half_open;
            }
            Turn::Read(_) => {
                if let Some(shown) = &mut talk.shown {
                    cx.show(peer, &std::mem::take(shown));
                }
                match std::mem::replace(&mut talk.came, Came::Nothing) {
                    Came::Nothing => talk.answer(),
                    Came::Over => talk.ending = true,
                    Came::Wrong(fault) if role == Role::Connect => return fail(&record, fault),
                    Came::Wrong(fault) => {
                        record.error(fault);
                        talk.ending = true;
                    }
                }
            }
            Turn::Secure => {
                // On the heap, and only while it lasts: the task of every plain connection would be larger by it.
                if let Err(end) = Box::pin(talk.secure(&cx, role, &mut tune)).await {
                    return end;
                }
            }
            Turn::Late => {
                let after = cx.limits.handshake_time;
                return fail(&record, Fault::Late { what: "the server did not come to TLS", after });
            }
            Turn::Echoed | Turn::Wrote => {}
            Turn::Shut => {
                talk.writing = false;
                first.get_or_insert(Party::Us);
            }
            Turn::Letter(Some(Command::Send(Payload::Bytes(_)))) if talk.outgoing().len() >= HIGH => {
                record.error(Fault::Limit { what: "bytes that wait to be written (not sent)", limit: HIGH as u64 });
            }
            Turn::Letter(Some(Command::Send(Payload::Bytes(bytes)))) if talk.writing && !talk.ending => {
                match tune.settings().tcp.framing.encode(&bytes) {
                    Ok(message) => talk.outgoing().extend_from_slice(&message),
                    // It was checked where it was typed; the framing has changed since.
                    Err(_) => record.error(Fault::Limit {
                        what: "bytes that the length before a message can say (not sent)",
                        limit: tune.settings().tcp.framing.most(),
                    }),
                }
            }
            Turn::Letter(Some(Command::End)) if talk.leads() => {
                record.error(Fault::Starttls { text: "TLS is about to begin: end it then".into() });
            }
            Turn::Letter(Some(Command::End)) => talk.ending = true,
            Turn::Letter(Some(Command::Starttls)) => talk.begin_tls(),
            Turn::Letter(Some(Command::Close)) => {
                if let Some(left) = kernel.closes() {
                    // What waits with us goes first.
                    let sent = tokio::time::timeout(left, poll_fn(|wakes| talk.drained(wakes, cancelled.as_mut())));
                    if let Ok(Some((op, error))) = sent.await {
                        return errno::end(op, &error);
                    }
                }
                break End::Finished { first: first.unwrap_or(Party::Us) };
            }
            Turn::Letter(Some(Command::Reset)) => {
                kernel.reset_on_close();
                break End::Reset { by: Party::Us };
            }
            Turn::Letter(Some(Command::Set(row, text))) => {
                tune.set(row, &text);
                talk.ending |= !talk.reading && !tune.settings().half_open;
            }
            Turn::Letter(Some(Command::Send(_) | Command::SendTo(..))) => {}
            Turn::Letter(None) => talk.inbox_open = false,
            Turn::Failed(op, error) => return errno::end(op, &error),
            Turn::Cancelled => break End::Stopped,
        }
        if !talk.reading && !talk.writing {
            return End::Finished { first: first.unwrap_or(Party::Us) };
        }
    };
    // On the heap, and only while it lasts.
    Box::pin(talk.leave(end)).await
}

/// A client whose server does not come to TLS says no more.
fn fail(record: &Recorder, fault: Fault) -> End {
    record.error(fault.clone());
    End::Failed(fault)
}

/// Tells what a close throws away: the peer sees an orderly end, and not that something is missing before it.
/// A RST takes what the kernel holds with it.
fn record_unsent(record: &Recorder, waiting: usize, kernel: &Handle) {
    let (waiting, held) = (waiting as u64, u64::from(kernel.resets().unwrap_or(0)));
    if waiting + held > 0 {
        let mut text = format!("{} B waited to be written when it was closed", size::exact(waiting + held));
        if held > 0 {
            text += &format!(", {} of them in the kernel's send queue, not acknowledged", size::exact(held));
        }
        record.error(Fault::Io { op: Op::Write, name: "unsent", text: text.into() });
    }
}

impl Talk {
    /// Goodbye: our FIN, unless the kernel is to make the close a RST whatever we do.
    async fn leave(&mut self, end: End) -> End {
        record_unsent(&self.record, self.unsent(), &self.kernel);
        if self.kernel.resets().is_some() || end == (End::Reset { by: Party::Us }) {
            return End::Reset { by: Party::Us };
        }
        stream::shut(&mut self.stream).await;
        end
    }

    /// What a listener answers to what was read: queued; an echo has queued itself.
    fn answer(&mut self) {
        let answers = self.writing && !self.ending && !self.leads();
        if let Some(now) = self.listens.as_ref().filter(|_| answers)
            && let Reply::Fixed(fixed) = &now.borrow().settings.reply
        {
            self.waiting.extend_from_slice(&fixed.text.0);
        }
    }

    fn turn(&mut self, wakes: &mut Wakes<'_>, cancelled: Pin<&mut impl Future>) -> Poll<Turn> {
        if cancelled.poll(wakes).is_ready() {
            return Poll::Ready(Turn::Cancelled);
        }
        // Read whatever waits: a close must reach a socket whose peer does not read.
        if self.inbox_open
            && let Poll::Ready(letter) = self.inbox.poll_recv(wakes)
        {
            return Poll::Ready(Turn::Letter(letter.map(|letter| letter.command)));
        }
        for _ in 0..ECHOES {
            match self.cross(wakes) {
                Poll::Ready(Turn::Echoed) => {}
                turn => return turn,
            }
        }
        Poll::Ready(Turn::Echoed)
    }

    /// Lets something cross: what waits goes out, what is there comes in.
    fn cross(&mut self, wakes: &mut Wakes<'_>) -> Poll<Turn> {
        if let Poll::Ready(turn) = self.push(wakes) {
            return Poll::Ready(turn);
        }
        if self.plain.as_ref().is_some_and(|plain| plain.due.is_some()) {
            // Not a byte of TLS may be read as plain text.
            let is_written = self.waiting.is_empty() && !self.dirty;
            return if is_written { Poll::Ready(Turn::Secure) } else { Poll::Pending };
        }
        if self.plain.as_mut().is_some_and(|plain| plain.late(wakes)) {
            return Poll::Ready(Turn::Late);
        }
        if !self.reading {
            // Half-open: nothing to read wakes us, but silence is told all the same.
            if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(wakes) {
                return Poll::Ready(Turn::Failed(Op::Write, error));
            }
            return self.pulse(wakes);
        }
        if self.waiting.len() >= HIGH {
            return Poll::Pending;
        }
        // Asked here, not before the wait: a reply that was changed meanwhile holds for what comes now.
        let echo = self.listens.as_ref().is_some_and(|now| now.borrow().settings.reply == Reply::Echo);
        let echo = echo && !self.leads();
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut buf = ReadBuf::uninit(&mut buffer);
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(wakes, &mut buf)) {
            return Poll::Ready(Turn::Failed(Op::Read, error));
        }
        let bytes = buf.filled();
        if let Some(shown) = &mut self.shown {
            *shown = Bytes::copy_from_slice(&bytes[..bytes.len().min(HEAD)]);
        }
        if let Some(plain) = self.plain.as_mut().filter(|_| !bytes.is_empty()) {
            let (came, error) = plain.hear(bytes, &mut self.waiting);
            self.came = came;
            if let Some(error) = error {
                self.record.error(error);
            }
        }
        if echo && !bytes.is_empty() && self.writing && !self.ending {
            // Straight back from the read buffer; only what the kernel does not take is copied.
            let mut taken = 0;
            if self.waiting.is_empty() {
                match Pin::new(&mut self.stream).poll_write(wakes, bytes) {
                    Poll::Ready(Ok(n)) => {
                        taken = n;
                        self.dirty = true;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Turn::Failed(Op::Write, error)),
                    Poll::Pending => {}
                }
            }
            self.waiting.extend_from_slice(&bytes[taken..]);
            if self.shown.is_none() {
                return Poll::Ready(Turn::Echoed);
            }
        }
        Poll::Ready(Turn::Read(bytes.len()))
    }

    /// Who neither reads nor writes hears of a RST from nobody: the kernel is asked now and then.
    fn pulse(&mut self, wakes: &mut Wakes<'_>) -> Poll<Turn> {
        let pulse = self.pulse.get_or_insert_with(|| Box::pin(tokio::time::sleep(PULSE)));
        while pulse.as_mut().poll(wakes).is_ready() {
            if let Some(error) = self.kernel.take_error() {
                self.stream.watch().failed(Op::Read, &error);
                return Poll::Ready(Turn::Failed(Op::Read, error));
            }
            pulse.as_mut().reset(tokio::time::Instant::now() + PULSE);
        }
        Poll::Pending
    }

    /// Ready when nothing waits to be written any more, it cannot be, or the endpoint is stopped.
    fn drained(&mut self, wakes: &mut Wakes<'_>, cancelled: Pin<&mut impl Future>) -> Poll<Option<(Op, io::Error)>> {
        if cancelled.poll(wakes).is_ready() {
            return Poll::Ready(None);
        }
        loop {
            match self.push(wakes) {
                Poll::Ready(Turn::Failed(op, error)) => return Poll::Ready(Some((op, error))),
                Poll::Ready(_) => {}
                // It is pending too when there is nothing to do.
                Poll::Pending if self.waiting.is_empty() && !self.dirty => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what waits, flushes it, and sends our FIN when it is time. Pending when there is nothing to do
    /// or the peer does not read.
    fn push(&mut self, wakes: &mut Wakes<'_>) -> Poll<Turn> {
        if !self.writing {
            return Poll::Pending;
        }
        if !self.waiting.is_empty() {
            let turn = match ready!(Pin::new(&mut self.stream).poll_write(wakes, &self.waiting)) {
                Ok(n) => {
                    self.waiting.advance(n);
                    if self.waiting.is_empty() && self.waiting.capacity() > BUFFER {
                        // What a burst took is given back: 10,000 such sockets would hold 10 GB.
                        self.waiting = BytesMut::new();
                    }
                    self.dirty = true;
                    Turn::Wrote
                }
                Err(error) => Turn::Failed(Op::Write, error),
            };
            return Poll::Ready(turn);
        }
        if self.dirty {
            match ready!(Pin::new(&mut self.stream).poll_flush(wakes)) {
                Ok(()) => self.dirty = false,
                Err(error) => return Poll::Ready(Turn::Failed(Op::Write, error)),
            }
        }
        if self.ending {
            return Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_shutdown(wakes)) {
                Ok(()) => Turn::Shut,
                Err(error) => Turn::Failed(Op::Shutdown, error),
            });
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10,000 connections have such a task each, and it is copied when it is born.
    #[test]
    fn a_connections_task_is_small() {
        let size = stream::weight(talk);
        assert!(size <= 3_500, "{size} bytes");
    }
}
