//! What is true of a WebSocket: a passive decoder of RFC 6455 frames over the bytes that crossed the clear
//! stream, one for each direction. It counts frames, assembles messages, times pings, and says once for
//! each direction where the peer broke the protocol; then it goes on as well as it can.
//!
//! It knows nothing of the library that speaks: what that hides (fragments, masks, control frames) is here.

use std::collections::VecDeque;
use std::io;

use super::decoder::{Decoder, Frame, Next};
use crate::hub::{HEAD, Recorder};
use crate::model::draft::CONTROL;
use crate::model::end::{Fault, Op};
use crate::model::event::{Form, FrameHead, Kind, Way};
use crate::model::time::{Clock, Stamp, nanos};
use crate::model::url::Role;
use crate::net::probe::Watch;
use crate::net::wire;

/// Pings of ours that may still be answered; older ones are forgotten.
const PINGS: usize = 16;
/// A message head's buffer above this is given back: 10,000 idle sockets would hold 80 MB.
const KEPT: usize = 512;

/// See the module.
pub struct Frames {
    record: Record,
    received: Side,
    sent: Side,
    /// What came behind the handshake before [`Frames::open`]: its events belong behind that one. Bounded by
    /// the one read that brought the head's end: nobody reads on before `open`.
    early: Option<Vec<u8>>,
}

/// Where events go, and what both directions share.
struct Record {
    to: Recorder,
    clock: Clock,
    pings: VecDeque<(Vec<u8>, Stamp)>,
}

/// One direction.
struct Side {
    way: Way,
    decoder: Decoder,
    /// The message that is being assembled.
    form: Option<Form>,
    frames: u32,
    size: u64,
    head: Vec<u8>,
    /// The payload of the control frame that is being read.
    control: Vec<u8>,
    fault: Option<Fault>,
}

impl Frames {
    pub fn new(to: Recorder, clock: Clock, role: Role) -> Self {
        Self {
            record: Record { to, clock, pings: VecDeque::new() },
            received: Side::new(Way::In, role == Role::Listen),
            sent: Side::new(Way::Out, role == Role::Connect),
            early: Some(Vec::new()),
        }
    }

    /// The handshake is done: records it, and what came early after it.
    pub fn open(&mut self, subprotocol: Option<Box<str>>) {
        self.record.to.event(Kind::Open { subprotocol });
        if let Some(early) = self.early.take() {
            self.received.feed(&mut self.record, &early);
        }
    }

    /// What the peer broke first, if anything; recorded already.
    pub fn fault(&self) -> Option<&Fault> {
        self.received.fault.as_ref()
    }
}

impl Watch for Frames {
    fn read(&mut self, bytes: &[u8]) {
        match &mut self.early {
            None => self.received.feed(&mut self.record, bytes),
            Some(early) => early.extend_from_slice(bytes),
        }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.sent.feed(&mut self.record, bytes);
    }

    fn ended(&mut self) {
        self.record.to.event(Kind::End { way: Way::In });
    }

    fn shut(&mut self) {
        self.record.to.event(Kind::End { way: Way::Out });
    }

    fn failed(&mut self, op: Op, error: &io::Error) {
        wire::failed(&self.record.to, op, error);
    }
}

impl Record {
    /// Remembers a ping of ours, to time its pong.
    fn ping(&mut self, payload: &[u8]) {
        if self.pings.len() == PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((payload.to_vec(), self.clock.now()));
    }

    /// The round trip of the ping that a pong answers; those before it will not be answered any more
    /// (RFC 6455 section 5.5.3).
    fn pong(&mut self, payload: &[u8]) -> Option<u64> {
        let at = self.pings.iter().rposition(|(sent, _)| sent == payload)?;
        let (_, since) = self.pings.drain(..=at).next_back()?;
        Some(nanos(self.clock.now().since(since)))
    }
}

impl Side {
    fn new(way: Way, masked: bool) -> Self {
        Self {
            way,
            decoder: Decoder::new(masked),
            form: None,
            frames: 0,
            size: 0,
            head: Vec::new(),
            control: Vec::new(),
            fault: None,
        }
    }

    fn feed(&mut self, record: &mut Record, mut bytes: &[u8]) {
        loop {
            match self.decoder.next(&mut bytes) {
                Next::More => return,
                Next::Head(frame, wrong) => {
                    if let Some(text) = wrong {
                        self.broke(record, text);
                    }
                    self.begin(record, frame);
                }
                Next::Payload(frame, bytes) => self.keep(frame, bytes),
                Next::Done(frame) => self.finish(record, frame),
            }
        }
    }

    /// The protocol was broken: said once, the rest follows from the first.
    fn broke(&mut self, record: &Record, text: &str) {
        if self.fault.is_none() {
            let fault = Fault::WebSocket { text: text.into() };
            record.to.error(fault.clone());
            self.fault = Some(fault);
        }
    }

    fn begin(&mut self, record: &Record, frame: Frame) {
        match (frame.opcode(), self.form) {
            (0, None) => self.broke(record, "a continuation of no message (RFC 6455 section 5.4)"),
            (1 | 2, Some(_)) => {
                self.broke(record, "a new message before the one in fragments has ended (RFC 6455 section 5.4)");
                self.forget();
            }
            _ => {}
        }
        match frame.opcode() {
            1 => self.form = Some(Form::Text),
            2 => self.form = Some(Form::Binary),
            _ => {}
        }
    }

    fn keep(&mut self, frame: Frame, bytes: &[u8]) {
        let (kept, most) = match frame.opcode() {
            0..=2 => {
                self.size += bytes.len() as u64;
                (&mut self.head, HEAD)
            }
            8..=10 => (&mut self.control, CONTROL),
            _ => return,
        };
        let room = most.saturating_sub(kept.len()).min(bytes.len());
        let from = kept.len();
        kept.extend_from_slice(&bytes[..room]);
        frame.unmask(&mut kept[from..]);
    }

    fn finish(&mut self, record: &mut Record, frame: Frame) {
        record.to.packet(self.way);
        let way = self.way;
        match frame.opcode() {
            0..=2 => self.finish_data(record, frame.head()),
            8 => {
                let code = self.control.first_chunk().map(|code| u16::from_be_bytes(*code));
                let reason = self.control.get(2..).unwrap_or_default();
                record.to.payload(Kind::Closing { way, code }, reason);
                if let Some(text) = wrong_close(&self.control) {
                    self.broke(record, &text);
                }
            }
            9 => {
                if way == Way::Out {
                    record.ping(&self.control);
                }
                record.to.payload(Kind::Ping { way }, &self.control);
            }
            10 => {
                let rtt = if way == Way::In { record.pong(&self.control) } else { None };
                record.to.payload(Kind::Pong { way, rtt }, &self.control);
            }
            _ => record.to.event(Kind::Frame { way, frame: frame.head() }),
        }
        self.control.clear();
    }

    fn finish_data(&mut self, record: &Record, frame: FrameHead) {
        let way = self.way;
        self.frames = self.frames.saturating_add(1);
        let Some(form) = self.form else {
            record.to.event(Kind::Frame { way, frame });
            return self.forget();
        };
        if self.frames > 1 || !frame.fin {
            record.to.event(Kind::Frame { way, frame });
        }
        if frame.fin {
            let kind = Kind::Message { way, form, frames: self.frames };
            record.to.payload_head(kind, self.size, &self.head);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.form = None;
        self.frames = 0;
        self.size = 0;
        self.head.clear();
        if self.head.capacity() > KEPT {
            self.head = Vec::new();
        }
    }
}

/// What is wrong with a close frame's payload (RFC 6455 sections 5.5.1 and 7.4).
fn wrong_close(payload: &[u8]) -> Option<String> {
    match payload {
        [] => None,
        [_] => Some("a close frame with half a code (RFC 6455 section 5.5.1)".into()),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !is_close_code(code) {
                return Some(format!("{code} is no close code to send (RFC 6455 section 7.4)"));
            }
            std::str::from_utf8(reason)
                .is_err()
                .then(|| "the reason of a close frame is not UTF-8 (RFC 6455 section 5.5.1)".into())
        }
    }
}

/// Whether a close frame may carry this code: RFC 6455 section 7.4 and the IANA registry.
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
