//! The conversation, the same for both sides: answers, what a person sends, and the end in its many ways.
//!
//! One loop reads and writes at once. What the peer does not read waits in a bounded queue; above the
//! bound the loop reads no more. Small answers are gathered and flushed when there is nothing left to read.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context as Wakes, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::broken::Broken;
use super::{Desk, Socket, finish, frames};
use crate::model::end::{End, Fault, Op, Party};
use crate::model::spec::Reply;
use crate::model::url::Role;
use crate::net::{Command, Payload, errno, stream};

/// Bytes that may wait to be written before we stop reading; the kernel's buffers lie beyond it.
pub const HIGH: usize = 1 << 20;
/// What a message costs beside its bytes while it waits.
const EACH: usize = 64;
/// How long a peer may take to answer our close frame when the socket is to be closed.
const CLOSING: Duration = Duration::from_secs(1);
/// The same when the endpoint is stopped: within the time that has.
const LEAVING: Duration = Duration::from_millis(150);

/// What one turn of the loop brought.
enum Turn {
    Letter(Option<Command>),
    /// Both close frames are through, or the stream is.
    Over,
    Failed(Op, Error),
    Late,
    Cancelled,
}

/// What a listener answers.
enum Answer {
    Echo,
    Nothing,
    Fixed(Message),
}

/// See the module.
pub struct Talk {
    desk: Desk,
    socket: Socket,
    answer: Answer,
    queue: VecDeque<Message>,
    /// Bytes in the queue, and of pongs that tungstenite may not have been able to write.
    waiting: usize,
    dirty: bool,
    inbox_open: bool,
    /// Our close frame is queued or sent, or the peer's is here: nothing goes out behind it.
    closing: bool,
    /// Whose close frame was first.
    first: Option<Party>,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// A fixed answer or a greeting: text if it is UTF-8.
fn message(bytes: &Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes.clone()),
    }
}

fn answer(desk: &Desk) -> Answer {
    match (desk.role, &desk.cx.now.borrow().settings.reply) {
        (Role::Listen, Reply::Echo) => Answer::Echo,
        (Role::Listen, Reply::Fixed(fixed)) => Answer::Fixed(message(&fixed.text.0)),
        (Role::Listen, Reply::None | Reply::Hold) | (Role::Connect, _) => Answer::Nothing,
    }
}

fn close(code: u16, reason: &str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}

impl Talk {
    /// A conversation that is about to begin: with the greeting, and what was sent too early.
    pub fn new(mut desk: Desk, socket: Socket) -> Self {
        let early = std::mem::take(&mut desk.early);
        let mut talk = Self {
            answer: answer(&desk),
            desk,
            socket,
            queue: VecDeque::new(),
            waiting: 0,
            dirty: false,
            inbox_open: true,
            closing: false,
            first: None,
            deadline: None,
        };
        let greet = talk.desk.cx.spec.settings.greet.clone();
        if let (Role::Listen, Some(greet)) = (talk.desk.role, greet) {
            talk.push(message(&greet.0));
        }
        for command in early {
            talk.obey(command);
        }
        talk
    }

    pub async fn run(&mut self) -> End {
        let cancel = self.desk.cx.cancel.clone();
        let mut cancelled = Box::pin(cancel.cancelled());
        loop {
            let turn = poll_fn(|wakes| self.turn(wakes, cancelled.as_mut())).await;
            match turn {
                Turn::Letter(None) => self.inbox_open = false,
                Turn::Letter(Some(Command::Reset)) => {
                    self.desk.kernel.reset_on_close();
                    return End::Reset { by: Party::Us };
                }
                Turn::Letter(Some(command)) => self.obey(command),
                Turn::Over | Turn::Late => return self.over().await,
                Turn::Failed(op, error) => return self.failed(op, error).await,
                Turn::Cancelled => return self.leave().await,
            }
        }
    }

    /// Does what a person wants; the reset is the caller's.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Send(_) if self.waiting >= HIGH => {
                let what = "bytes waiting for a peer that does not read; the message was dropped";
                self.desk.record.error(Fault::Limit { what, limit: HIGH as u64 });
            }
            Command::Send(Payload::Text(text)) => self.push(Message::Text(text.into())),
            Command::Send(Payload::Binary(bytes) | Payload::Bytes(bytes)) => self.push(Message::Binary(bytes)),
            Command::Send(Payload::Ping(bytes)) => self.push(Message::Ping(bytes)),
            Command::Send(Payload::Close { code: Some(code), reason }) => self.close(close(code, &reason)),
            Command::Send(Payload::Close { code: None, .. }) => self.close(Message::Close(None)),
            // WebSocket's half-close: our close frame, and the peer may finish what it says (RFC 6455 section 5.5.1).
            Command::End => self.close(close(1000, "")),
            Command::Close => {
                self.close(close(1000, ""));
                self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSING)));
            }
            Command::Set(row, text) => self.desk.tune.set(row, &text),
            Command::Send(Payload::Request(_) | Payload::Reply(_) | Payload::Steps(_))
            | Command::SendTo(..)
            | Command::Reset => {}
        }
    }

    fn push(&mut self, message: Message) {
        let limit = self.desk.cx.limits.ws_message;
        if message.len() as u64 > limit {
            // tungstenite's buffer has room for the largest message and no more.
            self.desk.record.error(Fault::Limit { what: "bytes of a WebSocket message; it was not sent", limit });
        } else if !self.closing {
            self.waiting += message.len() + EACH;
            self.queue.push_back(message);
        }
    }

    fn close(&mut self, frame: Message) {
        self.push(frame);
        self.closing = true;
    }

    fn turn(&mut self, wakes: &mut Wakes<'_>, cancelled: Pin<&mut impl Future>) -> Poll<Turn> {
        if cancelled.poll(wakes).is_ready() {
            return Poll::Ready(Turn::Cancelled);
        }
        if self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(wakes).is_ready()) {
            return Poll::Ready(Turn::Late);
        }
        // Read however much waits: a socket whose peer does not read is the one to reset.
        if self.inbox_open
            && let Poll::Ready(letter) = self.desk.inbox.poll_recv(wakes)
        {
            return Poll::Ready(Turn::Letter(letter.map(|letter| letter.command)));
        }
        // The runtime's budget ends this loop: a peer that always has more does not starve the others.
        loop {
            if let Err(error) = self.write(wakes) {
                return Poll::Ready(Turn::Failed(Op::Write, error));
            }
            if self.waiting >= HIGH {
                match self.flush(wakes) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(error)) => return Poll::Ready(Turn::Failed(Op::Write, error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            match Pin::new(&mut self.socket).poll_next(wakes) {
                Poll::Ready(Some(Ok(message))) => self.heard(message),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Turn::Failed(Op::Read, error)),
                Poll::Ready(None) => return Poll::Ready(Turn::Over),
                Poll::Pending => break,
            }
        }
        match self.flush(wakes) {
            Poll::Ready(Err(error)) => Poll::Ready(Turn::Failed(Op::Write, error)),
            _ => Poll::Pending,
        }
    }

    /// Hands the queue to tungstenite, as far as the stream takes it.
    fn write(&mut self, wakes: &mut Wakes<'_>) -> Result<(), Error> {
        while !self.queue.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(wakes) {
                Poll::Ready(outcome) => outcome?,
                Poll::Pending => break,
            }
            let Some(message) = self.queue.pop_front() else { break };
            self.waiting = self.waiting.saturating_sub(message.len() + EACH);
            if message.is_close() {
                self.first.get_or_insert(Party::Us);
            }
            self.dirty = true;
            Pin::new(&mut self.socket).start_send(message)?;
        }
        Ok(())
    }

    fn flush(&mut self, wakes: &mut Wakes<'_>) -> Poll<Result<(), Error>> {
        if !self.dirty {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.socket).poll_flush(wakes);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.dirty = false;
            // The pongs are through as well; what is queued still waits.
            self.waiting = self.queue.iter().map(|message| message.len() + EACH).sum();
        }
        flushed
    }

    fn heard(&mut self, message: Message) {
        match &message {
            Message::Text(text) => self.desk.cx.show(self.desk.peer, text.as_bytes()),
            Message::Binary(bytes) => self.desk.cx.show(self.desk.peer, bytes),
            Message::Ping(bytes) => {
                // tungstenite owes a pong; one that it cannot write counts like any answer.
                self.waiting += bytes.len() + EACH;
                self.dirty = true;
                return;
            }
            Message::Close(_) => {
                self.first.get_or_insert(Party::Peer);
                self.closing = true;
                self.queue.clear();
                self.waiting = 0;
                // A client waits for the server's FIN (RFC 6455 section 7.1.1), but not for ever.
                self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSING)));
                return;
            }
            Message::Pong(_) | Message::Frame(_) => return,
        }
        if self.desk.cx.now.has_changed().unwrap_or(false) {
            self.desk.cx.now.mark_unchanged();
            self.answer = answer(&self.desk);
        }
        match &self.answer {
            Answer::Echo => self.push(message),
            Answer::Fixed(fixed) => self.push(fixed.clone()),
            Answer::Nothing => {}
        }
    }

    /// The conversation is over, or has been given the time it had.
    async fn over(&mut self) -> End {
        let fault = frames(&mut self.socket).fault().cloned();
        finish(&self.desk, self.socket.get_mut()).await;
        match fault {
            Some(fault) => End::Broken(fault),
            None => End::Finished { first: self.first.unwrap_or(Party::Us) },
        }
    }

    /// The stream failed, or what the peer sent is no WebSocket: said to the peer where it can be.
    async fn failed(&mut self, op: Op, error: Error) -> End {
        let error = match error {
            Error::ConnectionClosed | Error::AlreadyClosed => return self.over().await,
            Error::Io(error) => return self.cut(op, &error),
            error => error,
        };
        let answered = self.first.is_none();
        let Broken { fault, code } = Broken::new(&error, answered);
        let fault = match (frames(&mut self.socket).fault(), code) {
            (Some(seen), Some(_)) => seen.clone(),
            _ => {
                self.desk.record.error(fault.clone());
                fault
            }
        };
        if let (Some((code, reason)), None) = (code, self.first) {
            let told = self.socket.send(close(code, reason));
            let _ = tokio::time::timeout(CLOSING, told).await;
        }
        finish(&self.desk, self.socket.get_mut()).await;
        End::Broken(fault)
    }

    /// An error of the stream below. A TLS peer that just goes after the close frames is no error: it owes
    /// us nothing any more.
    fn cut(&self, op: Op, error: &io::Error) -> End {
        match (error.kind(), self.first) {
            (io::ErrorKind::UnexpectedEof, Some(first)) => End::Finished { first },
            _ => errno::end(op, error),
        }
    }

    /// The endpoint is stopped: 1001 is "going away" (RFC 6455 section 7.4.1).
    async fn leave(&mut self) -> End {
        let said = async {
            if self.first.is_none() {
                self.socket.send(close(1001, "")).await.ok()?;
            }
            while let Some(Ok(_)) = self.socket.next().await {}
            Some(())
        };
        let _ = tokio::time::timeout(LEAVING, said).await;
        stream::farewell(self.socket.get_mut()).await
    }
}
