//! One direction of a WebSocket: frames become messages (RFC 6455 section 5), unmasked, inflated (RFC 7692) and
//! held against every rule. What comes in is kept whole, up to the limit, to be heard; of what goes out only the
//! head that a timeline shows.

use std::collections::VecDeque;

use bytes::Bytes;

use super::decoder::{Decoder, Frame, Next};
use super::deflate::{Bad, Inflater};
use super::frames::{Broken, Heard, Note, Record};
use super::sums::NO_CODE;
use crate::hub::HEAD;
use crate::model::draft::CONTROL;
use crate::model::event::{Form, Framing, Kind, Way};

/// A message that says how long it will be gets room for that much at once; a longer one when it comes, so
/// that an announcement alone costs nothing.
const AT_ONCE: u64 = 256 << 10;
/// Unmasked at a time: it stays in the nearest cache between its copy and its mask.
const BLOCK: usize = 4 << 10;
/// A head's buffer above this is given back: 10,000 idle sockets would hold 80 MB.
const KEPT: usize = 512;

/// See the module.
pub(super) struct Side {
    way: Way,
    decoder: Decoder,
    /// Bytes of a message that is heard; `None`: nobody listens to this side.
    limit: Option<u64>,
    message: Message,
    /// The payload of the control frame that is being read.
    control: Vec<u8>,
    inflater: Option<Inflater>,
    /// Compressed messages that are on their way: as many as are encoded and not yet written.
    notes: VecDeque<Note>,
    broken: Option<Broken>,
    /// A close frame went through: nothing behind it is heard.
    closed: bool,
    /// What came behind it was complained of.
    late: bool,
}

/// The message that is being assembled.
#[derive(Default)]
struct Message {
    form: Option<Form>,
    frames: u32,
    framing: Framing,
    /// Bytes of the message so far, inflated.
    size: u64,
    /// All of it, or the head.
    bytes: Vec<u8>,
    /// How far it is known to be UTF-8.
    valid: usize,
}

impl Side {
    pub fn new(way: Way, masked: bool, limit: Option<u64>) -> Self {
        Self {
            way,
            decoder: Decoder::new(masked),
            limit,
            message: Message::default(),
            control: Vec::new(),
            inflater: None,
            notes: VecDeque::new(),
            broken: None,
            closed: false,
            late: false,
        }
    }

    /// permessage-deflate was agreed on.
    pub fn deflate(&mut self, inflater: Option<Inflater>) {
        self.decoder.allow_rsv1();
        self.inflater = inflater;
    }

    pub fn note(&mut self, note: Note) {
        self.notes.push_back(note);
    }

    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Whether a close frame went through.
    pub fn closed(&self) -> bool {
        self.closed
    }

    pub fn feed(&mut self, record: &mut Record, mut bytes: &[u8]) {
        loop {
            match self.decoder.next(&mut bytes) {
                Next::More => return,
                Next::Head(frame, wrong) => self.begin(record, frame, wrong),
                Next::Payload(frame, piece) => self.take(record, frame, piece),
                Next::Done(frame) => self.finish(record, frame),
            }
        }
    }

    /// Whether what comes is kept whole.
    fn heard(&self) -> Option<u64> {
        self.limit.filter(|_| self.broken.is_none() && !self.closed)
    }

    /// The protocol was broken: said once, the rest follows from the first.
    fn broke(&mut self, record: &Record, broken: Broken) {
        if self.closed {
            // Said already, by what it is: something behind the close frame.
            return;
        }
        if self.broken.is_none() {
            record.to.error(broken.fault.clone());
            self.broken = Some(broken);
        }
    }

    fn begin(&mut self, record: &Record, frame: Frame, wrong: Option<&'static str>) {
        if self.closed && self.broken.is_none() && !std::mem::replace(&mut self.late, true) {
            let text = "a frame behind the close frame; it is not heard (RFC 6455 section 5.5.1)";
            record.to.error(Broken::protocol(text).fault);
        }
        if let Some(text) = wrong {
            self.broke(record, Broken::protocol(text));
        }
        let head = frame.head();
        match (head.opcode, self.message.form) {
            (0, None) => self.broke(record, Broken::protocol("a continuation of no message (RFC 6455 section 5.4)")),
            (1 | 2, Some(_)) => {
                let text = "a new message before the one in fragments has ended (RFC 6455 section 5.4)";
                self.broke(record, Broken::protocol(text));
                self.forget();
            }
            _ => {}
        }
        let message = &mut self.message;
        match head.opcode {
            1 => message.form = Some(Form::Text),
            2 => message.form = Some(Form::Binary),
            _ => {}
        }
        if head.opcode > 2 {
            return;
        }
        if message.frames == 0 {
            message.framing.masked = head.masked;
            message.framing.deflated = head.rsv & 4 != 0;
        }
        let Some(limit) = self.heard().filter(|_| !self.message.framing.deflated) else { return };
        if self.message.size.saturating_add(frame.len()) > limit {
            self.broke(record, Broken::too_big(limit));
        } else if self.message.frames == 0 {
            self.message.bytes.reserve_exact(frame.len().min(AT_ONCE) as usize);
        }
    }

    fn take(&mut self, record: &Record, frame: Frame, piece: &[u8]) {
        match frame.opcode() {
            0..=2 => self.message.framing.payload += piece.len() as u64,
            8..=10 => return keep(&mut self.control, CONTROL, frame, piece),
            _ => return,
        }
        let deflated = self.message.framing.deflated;
        match self.heard() {
            None if deflated => {}
            None => {
                self.message.size += piece.len() as u64;
                keep(&mut self.message.bytes, HEAD, frame, piece);
            }
            Some(limit) if deflated => self.inflate(record, frame, piece, limit),
            Some(_) => {
                self.message.size += piece.len() as u64;
                keep(&mut self.message.bytes, usize::MAX, frame, piece);
                self.check(record);
            }
        }
    }

    fn inflate(&mut self, record: &Record, frame: Frame, piece: &[u8], limit: u64) {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut scratch = [0; BLOCK];
        for (at, block) in piece.chunks(BLOCK).enumerate() {
            let Some(inflater) = &mut self.inflater else { return };
            let block = match scratch.get_mut(..block.len()) {
                Some(clear) => {
                    clear.copy_from_slice(block);
                    frame.unmask(clear, at * BLOCK);
                    &*clear
                }
                None => return,
            };
            let outcome = inflater.piece(block, &mut self.message.bytes, most);
            if !self.inflated(record, outcome, limit) {
                return;
            }
        }
        self.check(record);
    }

    /// Whether it went well; says what did not.
    fn inflated(&mut self, record: &Record, outcome: Result<(), Bad>, limit: u64) -> bool {
        self.message.size = self.message.bytes.len() as u64;
        match outcome {
            Ok(()) => return true,
            Err(Bad::TooBig) => self.broke(record, Broken::too_big(limit)),
            Err(Bad::Data) => {
                let text = "a compressed message is no deflate stream (1007, RFC 7692 section 7.2.2)";
                self.broke(record, Broken::data(text));
            }
        }
        false
    }

    /// A text is UTF-8 as far as it goes; a character may be cut where it ends for now (RFC 6455 section 8.1).
    fn check(&mut self, record: &Record) {
        let message = &mut self.message;
        if message.form != Some(Form::Text) {
            return;
        }
        match std::str::from_utf8(message.bytes.get(message.valid..).unwrap_or_default()) {
            Ok(_) => message.valid = message.bytes.len(),
            Err(error) if error.error_len().is_none() => message.valid += error.valid_up_to(),
            Err(error) => {
                let at = message.valid + error.valid_up_to();
                let text = format!("a text message is not UTF-8: byte {at} of it (1007, RFC 6455 section 8.1)");
                self.broke(record, Broken::data(text));
            }
        }
    }

    fn finish(&mut self, record: &mut Record, frame: Frame) {
        record.to.packet(self.way);
        if frame.opcode() <= 2 {
            return self.finish_data(record, frame);
        }
        let (way, payload) = (self.way, std::mem::take(&mut self.control));
        let heard = match frame.opcode() {
            8 => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                record.to.payload(Kind::Closing { way, code }, payload.get(2..).unwrap_or_default());
                if way == Way::In {
                    record.sums.closed(code.unwrap_or(NO_CODE));
                }
                if let Some(broken) = wrong_close(&payload) {
                    self.broke(record, broken);
                }
                Some(Heard::Close as fn(Bytes) -> Heard)
            }
            9 => {
                if way == Way::Out {
                    record.ping(&payload);
                }
                record.to.payload(Kind::Ping { way }, &payload);
                Some(Heard::Ping as fn(Bytes) -> Heard)
            }
            10 => {
                let rtt = if way == Way::In { record.pong(&payload) } else { None };
                record.to.payload(Kind::Pong { way, rtt }, &payload);
                None
            }
            _ => {
                record.to.event(Kind::Frame { way, frame: frame.head() });
                None
            }
        };
        if let (Some(heard), Some(_)) = (heard, self.heard()) {
            record.heard.push_back(heard(Bytes::copy_from_slice(&payload)));
        }
        self.closed |= frame.opcode() == 8;
        // Its room serves the next one.
        self.control = payload;
        self.control.clear();
    }

    fn finish_data(&mut self, record: &mut Record, frame: Frame) {
        let (way, head) = (self.way, frame.head());
        self.message.frames = self.message.frames.saturating_add(1);
        let framing = &mut self.message.framing;
        framing.heads = framing.heads.saturating_add(frame.size());
        let Some(form) = self.message.form else {
            record.to.event(Kind::Frame { way, frame: head });
            return self.forget();
        };
        if self.message.frames > 1 || !head.fin {
            record.to.event(Kind::Frame { way, frame: head });
        }
        if head.fin {
            self.whole(record, form);
            self.forget();
        }
    }

    /// The message's last frame is through.
    fn whole(&mut self, record: &mut Record, form: Form) {
        if let Some(limit) = self.heard() {
            if let Some(inflater) = self.inflater.as_mut().filter(|_| self.message.framing.deflated) {
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                let outcome = inflater.finish(&mut self.message.bytes, most);
                if self.inflated(record, outcome, limit) {
                    self.check(record);
                }
            }
            if form == Form::Text && self.broken.is_none() && self.message.valid < self.message.bytes.len() {
                let text = "a text message ends within a character (1007, RFC 6455 section 8.1)";
                self.broke(record, Broken::data(text));
            }
        }
        let Message { frames, framing, size, ref bytes, .. } = self.message;
        let kind = Kind::Message { way: self.way, form, frames, framing };
        let note = if framing.deflated { self.notes.pop_front() } else { None };
        if framing.deflated {
            let bytes = note.as_ref().map_or(size, |note| note.size);
            record.sums.deflated(self.way, bytes, framing.payload);
        }
        match &note {
            Some(note) => record.to.payload_head(kind, note.size, &note.head),
            None => record.to.payload_head(kind, size, bytes.get(..HEAD).unwrap_or(bytes)),
        }
        if let Some(packets) = &mut record.packets {
            let (size, head) = note.as_ref().map_or((size, &**bytes), |note| (note.size, &*note.head));
            packets.message(&record.to, self.way, form, size, head.get(..HEAD).unwrap_or(head));
        }
        if self.heard().is_some() {
            let bytes = std::mem::take(&mut self.message.bytes);
            record.heard.push_back(Heard::Message(form, bytes.into()));
        }
    }

    fn forget(&mut self) {
        let mut bytes = std::mem::take(&mut self.message.bytes);
        bytes.clear();
        if bytes.capacity() > KEPT {
            bytes = Vec::new();
        }
        self.message = Message { bytes, ..Message::default() };
    }
}

/// Appends a piece without its mask, up to `most` bytes in `to`.
fn keep(to: &mut Vec<u8>, most: usize, frame: Frame, piece: &[u8]) {
    let room = most.saturating_sub(to.len()).min(piece.len());
    for (at, block) in piece[..room].chunks(BLOCK).enumerate() {
        let from = to.len();
        to.extend_from_slice(block);
        frame.unmask(&mut to[from..], at * BLOCK);
    }
}

/// What is wrong with a close frame's payload (RFC 6455 sections 5.5.1 and 7.4).
pub(super) fn wrong_close(payload: &[u8]) -> Option<Broken> {
    match payload {
        [] => None,
        [_] => Some(Broken::protocol("a close frame with half a code (RFC 6455 section 5.5.1)")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !is_close_code(code) {
                return Some(Broken::protocol(format!("{code} is no close code to send (RFC 6455 section 7.4)")));
            }
            std::str::from_utf8(reason)
                .is_err()
                .then(|| Broken::data("the reason of a close frame is not UTF-8 (RFC 6455 section 5.5.1)"))
        }
    }
}

/// Whether a close frame may carry this code: RFC 6455 section 7.4 and the IANA registry.
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
