//! TLS in place of plain text, on the connection that there is.

use bytes::BytesMut;

use super::plain::{Begun, Plain};
use super::{HIGH, Talk, record_unsent};
use crate::model::end::{End, Fault, Party};
use crate::model::event::{Kind, Upgrade};
use crate::model::starttls::Starttls;
use crate::model::url::Role;
use crate::net::probe::Probe;
use crate::net::stream::{self, Stream};
use crate::net::tune::Tune;
use crate::net::wire::Chunks;
use crate::net::{Command, Context, Payload};

impl Talk {
    /// A person wants TLS from here on.
    pub(super) fn begin_tls(&mut self) {
        let refusal = match &self.plain {
            None => "TLS stands on it already",
            Some(plain) if plain.leads() => "TLS is about to begin",
            Some(_) if !self.reading || !self.writing || self.ending => {
                "one side is done sending, and a handshake needs both"
            }
            Some(_) => "",
        };
        match &mut self.plain {
            Some(plain) if refusal.is_empty() => plain.due = Some(Starttls::Off),
            _ => self.record.error(Fault::Starttls { text: refusal.into() }),
        }
    }

    /// Whether plain text leads to TLS, or is about to end.
    pub(super) fn leads(&self) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.leads())
    }

    /// Where what is sent now goes: behind the handshake, if plain text leads to one.
    pub(super) fn outgoing(&mut self) -> &mut BytesMut {
        match &mut self.plain {
            Some(plain) if plain.leads() => &mut plain.later,
            _ => &mut self.waiting,
        }
    }

    /// Bytes that were taken to be sent, and are not.
    pub(super) fn unsent(&self) -> usize {
        self.waiting.len() + self.plain.as_ref().map_or(0, |plain| plain.later.len())
    }

    /// Everything plain is written: the handshake, and the stream over TLS in the place of the one below it.
    ///
    /// # Errors
    /// How the socket ends.
    pub(super) async fn secure(&mut self, cx: &Context, role: Role, tune: &mut Tune) -> Result<(), End> {
        let Some(mut plain) = self.plain.take() else { return Ok(()) };
        let by = plain.due.unwrap_or_default();
        let count = self.record.count();
        let upgrade = Upgrade { by, role, received: count.received.bytes, sent: count.sent.bytes };
        self.record.event(Kind::Starttls(Box::new(upgrade)));
        let nothing: Stream = Box::new(tokio::io::empty());
        let below = std::mem::replace(&mut self.stream, Probe::new(nothing, Chunks::new(self.record.clone())));
        let below = Begun { before: std::mem::take(&mut plain.hello).into(), stream: below.into_parts().0 };
        // Its settings as they are by now: a plain connection may be old.
        let cx = cx.fresh();
        let record = self.record.clone();
        let handshake = stream::upgrade(&cx, role, below, &record);
        tokio::pin!(handshake);
        let stream = loop {
            tokio::select! {
                done = &mut handshake => break done.map_err(|end| over(by, end))?,
                letter = self.inbox.recv(), if self.inbox_open => match letter {
                    Some(letter) => self.meanwhile(letter.command, &mut plain, tune)?,
                    None => self.inbox_open = false,
                },
            }
        };
        self.stream = Probe::new(stream, Chunks::new(record.clone()));
        if let (Role::Listen, true, Some(greet)) = (role, by.is_on(), &cx.spec.settings.greet) {
            self.waiting.extend_from_slice(&greet.0);
        }
        self.waiting.extend_from_slice(&plain.later);
        Ok(())
    }

    /// What a person wants while the handshake lasts.
    fn meanwhile(&mut self, command: Command, plain: &mut Plain, tune: &mut Tune) -> Result<(), End> {
        match command {
            Command::Send(Payload::Bytes(bytes)) => match tune.settings().tcp.framing.encode(&bytes) {
                Ok(message) if plain.later.len() < HIGH => plain.later.extend_from_slice(&message),
                _ => {
                    let what = "bytes that wait to be written (not sent)";
                    self.record.error(Fault::Limit { what, limit: HIGH as u64 });
                }
            },
            Command::Set(row, text) => tune.set(row, &text),
            Command::Reset => {
                self.kernel.reset_on_close();
                record_unsent(&self.record, plain.later.len(), &self.kernel);
                return Err(End::Reset { by: Party::Us });
            }
            Command::Close => {
                record_unsent(&self.record, plain.later.len(), &self.kernel);
                return Err(End::Finished { first: Party::Us });
            }
            Command::End | Command::Starttls => {
                self.record.error(Fault::Starttls { text: "the TLS handshake is not done".into() });
            }
            Command::Send(_) | Command::SendTo(..) => {}
        }
        Ok(())
    }
}

/// A connection that was open before a person wanted TLS has not failed to open.
fn over(by: Starttls, end: End) -> End {
    match end {
        End::Unsecured { fault, tcp, .. } if !by.is_on() => End::Unsecured { fault, open: true, tcp },
        end => end,
    }
}
