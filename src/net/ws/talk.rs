//! The conversation, the same for both sides: answers, what a person sends, and the end in its many ways.
//!
//! One loop reads and writes at once. What the peer does not read waits in a bounded queue; above the
//! bound the loop reads no more. Small answers are gathered and written when there is nothing left to read.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context as Wakes, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::beat::Beat;
use super::frames::{Broken, Heard};
use super::socketio::{Say, Session};
use super::sums::ABNORMAL;
use super::writer::{Closing, Item, Writer};
use super::{Clear, Desk, finish, frames};
use crate::model::draft::CONTROL;
use crate::model::end::{End, Fault, Op, Party};
use crate::model::event::Form;
use crate::model::setting::ws::Dialect;
use crate::model::spec::Reply;
use crate::model::url::Role;
use crate::net::{Command, Payload, errno, stream};

/// Bytes that may wait to be written before we stop reading; the kernel's buffers lie beyond it.
const HIGH: usize = 1 << 20;
/// So much waiting is written before more is read: what is read next will only add to it.
const ENOUGH: usize = 64 << 10;
/// One read takes so much at the most. The buffer is on the stack: the decoder keeps what it needs, so an idle
/// socket has none. With TLS a quarter of it, for a record is no larger, and with deflate too: what it makes
/// of one read is in memory at once.
const CHUNK: usize = 64 << 10;
/// How long a peer may take to answer our close frame when the socket is to be closed. One that a person sends as a
/// message waits for as long as a handshake may take, from the last that was heard: the peer may finish what it says.
const CLOSING: Duration = Duration::from_secs(1);
/// The same when the endpoint is stopped: within the time that has.
const LEAVING: Duration = Duration::from_millis(150);

/// Where the number 1006 is given to an end that no close frame told.
const ABNORMAL_IN: &str = "RFC 6455 section 7.1.5";

/// What one turn of the loop brought.
enum Turn {
    Letter(Option<Command>),
    /// Both close frames are through.
    Over,
    /// The peer's FIN.
    Ended,
    Broken(Broken),
    Failed(Op, io::Error),
    Late,
    Cancelled,
}

/// What a listener answers.
enum Answer {
    Echo,
    Nothing,
    Fixed(Item),
}

/// See the module.
pub struct Talk {
    desk: Desk,
    socket: Clear,
    writer: Writer,
    answer: Answer,
    beat: Beat,
    /// Speaks by itself, where a dialect is set.
    session: Option<Box<Session>>,
    /// See [`CHUNK`].
    chunk: usize,
    inbox_open: bool,
    /// The peer's close frame is here.
    heard_close: bool,
    deadline: Option<Deadline>,
}

/// When a closing handshake has taken too long.
struct Deadline {
    after: Duration,
    /// What is heard puts it off.
    patient: bool,
    timer: Pin<Box<Sleep>>,
}

/// A fixed answer or a greeting: text if it is UTF-8.
fn message(bytes: &Bytes) -> Item {
    let form = if std::str::from_utf8(bytes).is_ok() { Form::Text } else { Form::Binary };
    Item::message(form, bytes.clone())
}

/// The interval of WebSocket's own pings: a dialect has its own in their place.
fn pulse(desk: &Desk) -> Option<Duration> {
    let settings = &desk.tune.settings().ws;
    settings.ping_every.filter(|_| settings.dialect == Dialect::None)
}

/// What speaks by itself, if a dialect is set; it tells of itself from here on.
fn session(desk: &Desk) -> Option<Box<Session>> {
    let settings = desk.tune.settings();
    if settings.ws.dialect == Dialect::None {
        return None;
    }
    let greet = settings.greet.as_ref().map(|greet| &greet.0);
    let session = Session::new(desk.role, settings.ws.ping_every, desk.cx.limits.ws_message, greet);
    desk.record.explain(session.facts());
    Some(Box::new(session))
}

fn answer(desk: &Desk) -> Answer {
    match (desk.role, &desk.cx.now.borrow().settings.reply) {
        (Role::Listen, Reply::Echo) => Answer::Echo,
        (Role::Listen, Reply::Fixed(fixed)) => Answer::Fixed(message(&fixed.text.0)),
        (Role::Listen, Reply::None | Reply::Hold) | (Role::Connect, _) => Answer::Nothing,
    }
}

/// A close frame; its reason is cut where the frame would be too long (RFC 6455 section 5.5).
fn close(code: u16, reason: &str) -> Item {
    let mut payload = BytesMut::with_capacity(2 + reason.len());
    payload.put_u16(code);
    payload.put_slice(crate::model::socketio::head(reason, CONTROL - 2).as_bytes());
    Item::Close(payload.freeze())
}

impl Talk {
    /// A conversation that is about to begin: with the greeting, and what was sent too early.
    pub fn new(mut desk: Desk, socket: Clear, writer: Writer, deflated: bool) -> Self {
        let early = std::mem::take(&mut desk.early);
        let chunk = if deflated || desk.cx.spec.scheme().is_secure() { CHUNK / 4 } else { CHUNK };
        let mut talk = Self {
            answer: answer(&desk),
            beat: Beat::new(pulse(&desk)),
            session: session(&desk),
            chunk,
            desk,
            socket,
            writer,
            inbox_open: true,
            heard_close: false,
            deadline: None,
        };
        let greet = talk.desk.cx.spec.settings.greet.clone();
        match (&mut talk.session, talk.desk.role, greet) {
            (Some(session), ..) => {
                let first = session.open();
                first.into_iter().for_each(|say| talk.say(say));
            }
            (None, Role::Listen, Some(greet)) => talk.push(message(&greet.0)),
            _ => {}
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
                Turn::Over => return self.over().await,
                Turn::Late => return self.late().await,
                Turn::Ended => return self.ended().await,
                Turn::Broken(broken) => return self.broken(broken).await,
                Turn::Failed(op, error) => return self.cut(op, &error),
                Turn::Cancelled => return self.leave().await,
            }
        }
    }

    /// Says on the details page how it ended, where the peer's close frame did not.
    pub fn done(&mut self) {
        frames(&mut self.socket).torn();
        if !self.heard_close {
            frames(&mut self.socket).sums().closed(ABNORMAL);
        }
    }

    /// Does what a person wants; the reset is the caller's.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Send(_) if self.writer.waiting() >= HIGH => {
                let what = "bytes waiting for a peer that does not read; the message was dropped";
                self.desk.record.error(Fault::Limit { what, limit: HIGH as u64 });
            }
            Command::Send(Payload::Text(text)) => self.push(Item::message(Form::Text, text.into())),
            Command::Send(Payload::Binary(bytes) | Payload::Bytes(bytes)) => {
                self.push(Item::message(Form::Binary, bytes));
            }
            Command::Send(Payload::Split { form, bytes, frames }) => self.push(Item::Message { form, bytes, frames }),
            Command::Send(Payload::Ping(bytes)) => self.push(Item::Ping(bytes)),
            Command::Send(Payload::Pong(bytes)) => self.push(Item::Pong(bytes)),
            Command::Send(Payload::Close { code: Some(code), reason }) => self.close(close(code, &reason), true),
            Command::Send(Payload::Close { code: None, .. }) => self.close(Item::Close(Bytes::new()), true),
            // WebSocket's half-close: our close frame, and the peer may finish what it says (RFC 6455 section 5.5.1).
            Command::End => self.close(close(1000, ""), true),
            Command::Close => self.close(close(1000, ""), false),
            Command::Set(row, text) => {
                self.desk.tune.set(row, &text);
                self.beat.set(pulse(&self.desk));
            }
            Command::Send(Payload::Request(_) | Payload::Reply(_) | Payload::Steps(_))
            | Command::SendTo(..)
            | Command::Starttls
            | Command::Reset => {}
        }
    }

    /// Our close frame, and how its answer is waited for.
    fn close(&mut self, frame: Item, patient: bool) {
        self.push(frame);
        if self.deadline.as_ref().is_none_or(|deadline| deadline.patient && !patient) {
            let after = if patient { self.desk.cx.limits.handshake_time } else { CLOSING };
            self.deadline = Some(Deadline { after, patient, timer: Box::pin(tokio::time::sleep(after)) });
        }
    }

    fn push(&mut self, item: Item) {
        let limit = self.desk.cx.limits.ws_message;
        if item.len() as u64 > limit {
            self.desk.record.error(Fault::Limit { what: "bytes of a WebSocket message; it was not sent", limit });
        } else {
            self.writer.push(item);
        }
    }

    /// What the dialect has to say.
    fn say(&mut self, say: Say) {
        match say {
            Say::Text(text) => self.push(Item::message(Form::Text, text.into())),
            Say::Binary(bytes) => self.push(Item::message(Form::Binary, bytes)),
            Say::Close(why) => {
                if let Some(why) = why {
                    self.desk.record.error(Fault::WebSocket { text: format!("Socket.IO: {why}").into() });
                }
                self.session = None;
                self.obey(Command::Close);
            }
        }
    }

    fn turn(&mut self, wakes: &mut Wakes<'_>, cancelled: Pin<&mut impl Future>) -> Poll<Turn> {
        if cancelled.poll(wakes).is_ready() {
            return Poll::Ready(Turn::Cancelled);
        }
        if self.deadline.as_mut().is_some_and(|deadline| deadline.timer.as_mut().poll(wakes).is_ready()) {
            return Poll::Ready(Turn::Late);
        }
        // Read however much waits: a socket whose peer does not read is the one to reset.
        if self.inbox_open
            && let Poll::Ready(letter) = self.desk.inbox.poll_recv(wakes)
        {
            return Poll::Ready(Turn::Letter(letter.map(|letter| letter.command)));
        }
        // One that the peer does not read is enough.
        if let Poll::Ready(payload) = self.beat.poll(wakes)
            && self.writer.waiting() < HIGH
        {
            self.writer.push(Item::Ping(payload));
        }
        if let Some(session) = &mut self.session
            && let Poll::Ready(say) = session.poll(wakes)
        {
            self.say(say);
        }
        self.pass(wakes)
    }

    /// Reads and writes as far as it goes. The runtime's budget ends the loop: a peer that always has more does
    /// not starve the others.
    fn pass(&mut self, wakes: &mut Wakes<'_>) -> Poll<Turn> {
        let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
        loop {
            while let Some(heard) = frames(&mut self.socket).next() {
                self.heard(heard);
            }
            if let Some(broken) = frames(&mut self.socket).broken() {
                return Poll::Ready(Turn::Broken(broken.clone()));
            }
            if self.writer.waiting() >= ENOUGH {
                match self.writer.poll(&mut self.socket, wakes) {
                    Poll::Ready(Err(error)) => return Poll::Ready(Turn::Failed(Op::Write, error)),
                    Poll::Pending if self.writer.waiting() >= HIGH => return Poll::Pending,
                    _ => {}
                }
            }
            let mut buffer = ReadBuf::uninit(&mut chunk[..self.chunk]);
            match Pin::new(&mut self.socket).poll_read(wakes, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Turn::Ended),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::Failed(Op::Read, error)),
                Poll::Pending => break,
            }
        }
        match self.writer.poll(&mut self.socket, wakes) {
            Poll::Ready(Err(error)) => Poll::Ready(Turn::Failed(Op::Write, error)),
            // The server ends the connection, the client waits for that (RFC 6455 section 7.1.1).
            Poll::Ready(Ok(())) if self.heard_close && self.desk.role == Role::Listen => Poll::Ready(Turn::Over),
            _ => Poll::Pending,
        }
    }

    fn heard(&mut self, heard: Heard) {
        let (form, bytes) = match heard {
            Heard::Message(form, bytes) => (form, bytes),
            Heard::Ping(bytes) => {
                if self.desk.tune.settings().ws.answer_pings {
                    self.writer.push(Item::Pong(bytes));
                }
                return;
            }
            Heard::Close(payload) => {
                self.heard_close = true;
                // The same back, behind what is still to be said (section 5.5.1).
                // A client waits for the server's FIN (section 7.1.1), but not for ever.
                self.close(Item::Close(payload), false);
                return;
            }
        };
        if let Some(Deadline { after, patient: true, timer }) = &mut self.deadline {
            timer.as_mut().reset(Instant::now() + *after);
        }
        self.desk.cx.show(self.desk.peer, &bytes);
        if let Some(session) = &mut self.session {
            let said = self.desk.cx.reply(|reply| session.heard(form, &bytes, reply));
            return said.into_iter().for_each(|say| self.say(say));
        }
        if self.desk.cx.now.has_changed().unwrap_or(false) {
            self.desk.cx.now.mark_unchanged();
            self.answer = answer(&self.desk);
        }
        match &self.answer {
            Answer::Echo => self.push(Item::message(form, bytes)),
            Answer::Fixed(fixed) => self.push(fixed.clone()),
            Answer::Nothing => {}
        }
    }

    /// The conversation is over, or has been given the time it had.
    async fn over(&mut self) -> End {
        finish(&self.desk, &mut self.socket).await;
        End::Finished { first: frames(&mut self.socket).first().unwrap_or(Party::Us) }
    }

    /// The time to close is over. Without the peer's close frame that is an abnormal end, see [`Talk::ended`].
    async fn late(&mut self) -> End {
        match &self.deadline {
            Some(Deadline { after, .. }) if !self.heard_close => {
                let text = format!("1006: our close frame was not answered within {after:?} ({ABNORMAL_IN})");
                self.abnormal(text.into()).await
            }
            _ => self.over().await,
        }
    }

    async fn abnormal(&mut self, text: Box<str>) -> End {
        let fault = Fault::WebSocket { text };
        self.desk.record.error(fault.clone());
        finish(&self.desk, &mut self.socket).await;
        End::Broken(fault)
    }

    /// Writes what waits, in the time a close may take.
    async fn settle(&mut self) {
        let all = poll_fn(|wakes| self.writer.poll(&mut self.socket, wakes));
        let _ = tokio::time::timeout(CLOSING, all).await;
    }

    /// The peer's FIN: in order behind its close frame, else the end that has the number 1006 because no frame
    /// said one (RFC 6455 section 7.1.5).
    async fn ended(&mut self) -> End {
        if self.heard_close {
            self.settle().await;
            return self.over().await;
        }
        let without = if self.writer.closing() >= Closing::Begun { "answering our" } else { "a" };
        let part = frames(&mut self.socket).part();
        self.abnormal(format!("1006: the peer ended without {without} close frame{part} ({ABNORMAL_IN})").into()).await
    }

    /// What the peer sent is no WebSocket, which was recorded: said to it behind what it is still owed.
    async fn broken(&mut self, Broken { fault, code, reason }: Broken) -> End {
        frames(&mut self.socket).torn();
        self.push(close(code, reason));
        self.settle().await;
        finish(&self.desk, &mut self.socket).await;
        End::Broken(fault)
    }

    /// An error of the stream below. A TLS peer that just goes after the close frames is no error: it owes
    /// us nothing any more.
    fn cut(&mut self, op: Op, error: &io::Error) -> End {
        let frames = frames(&mut self.socket);
        match error.kind() {
            // Its FIN is here, if not in the way TLS has it.
            io::ErrorKind::UnexpectedEof if self.heard_close => {
                End::Finished { first: frames.first().unwrap_or(Party::Peer) }
            }
            _ if errno::is_reset(error) => End::Reset { by: Party::Peer },
            _ => End::Broken(frames.fault(op, error)),
        }
    }

    /// The endpoint is stopped: 1001 is "going away" (RFC 6455 section 7.4.1).
    async fn leave(&mut self) -> End {
        self.push(close(1001, ""));
        // Whatever the next turn is, it is the last: both close frames are through, or the stream is.
        let said = poll_fn(|wakes| self.pass(wakes));
        let _ = tokio::time::timeout(LEAVING, said).await;
        stream::farewell(&mut self.socket).await
    }
}
