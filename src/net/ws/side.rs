//! One direction of a WebSocket: frames become messages (RFC 6455 section 5), unmasked, inflated (RFC 7692) and
//! held against every rule. What comes in is kept whole, up to the limit, to be heard; of what goes out only the
//! head that a timeline shows.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use bytes::Bytes;

use super::decoder::{Decoder, Frame, Next, Part};
use super::deflate::{Bad, Inflater};
use super::frames::{Broken, Heard, Note, Record};
use super::sums::NO_CODE;
use crate::hub::HEAD;
use crate::model::end::Fault;
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
    /// The payload of the frame that is being read and is no part of a message: its head.
    control: Vec<u8>,
    inflater: Option<Inflater>,
    /// Compressed messages that are on their way: as many as are encoded and not yet written.
    notes: VecDeque<Note>,
    broken: Option<Broken>,
    /// A close frame went through: nothing behind it is heard.
    closed: bool,
    /// What came behind it was complained of.
    late: bool,
    /// What is wrong with the frame that is being read: told behind that frame.
    complaint: Option<Fault>,
    /// That frame was told of before it was whole.
    told: bool,
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
    /// The head of what is compressed, as it came.
    packed: Vec<u8>,
    /// It cannot be shown as what it was, only as it came.
    raw: bool,
    /// It is larger than the limit.
    cut: bool,
    /// Where in `bytes`, or in `packed`, the frame at hand begins.
    from: usize,
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
            complaint: None,
            told: false,
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
                Next::Head(frame, wrong) => self.begin(frame, wrong),
                Next::Payload(frame, piece) => self.take(frame, piece),
                Next::Done(frame) => self.finish(record, frame),
            }
        }
    }

    /// Whether what comes is kept whole.
    fn heard(&self) -> Option<u64> {
        self.limit.filter(|_| self.broken.is_none() && !self.closed)
    }

    /// The protocol was broken: said once, the rest follows from the first. See [`Side::complain`].
    fn broke(&mut self, broken: Broken) {
        if self.closed {
            // Said already, by what it is: something behind the close frame.
            return;
        }
        if self.broken.is_none() {
            self.complaint = Some(broken.fault.clone());
            self.broken = Some(broken);
        }
    }

    /// What is wrong with the frame that was told of.
    fn complain(&mut self, record: &Record) {
        if let Some(fault) = self.complaint.take() {
            record.to.error(fault);
        }
    }

    /// The frame that has begun and is not whole.
    pub fn part(&self) -> Option<Part> {
        self.decoder.part()
    }

    /// Tells of a frame of which no more is waited for: what came of it, and what is wrong with it.
    pub fn torn(&mut self, record: &Record) {
        if let (Some(Part::Payload(frame, came)), false) = (self.decoder.part(), self.told) {
            self.told = true;
            let message = &self.message;
            let head = match (frame.opcode, message.framing.deflated) {
                (3.., _) => self.control.as_slice(),
                (_, true) => message.packed.get(message.from..).unwrap_or_default(),
                (_, false) => message.bytes.get(message.from..).unwrap_or_default(),
            };
            let head = head.get(..HEAD).unwrap_or(head);
            record.to.payload_head(Kind::Frame { way: self.way, frame }, came, head);
        }
        self.complain(record);
    }

    fn begin(&mut self, frame: Frame, wrong: Option<Box<str>>) {
        if self.closed && self.broken.is_none() && !std::mem::replace(&mut self.late, true) {
            let text = "a frame behind the close frame; it is not heard (RFC 6455 section 5.5.1)";
            self.complaint = Some(Broken::protocol(text).fault);
        }
        if let Some(text) = wrong {
            self.broke(Broken::protocol(text));
        }
        let head = frame.head();
        match (head.opcode, self.message.form) {
            (0, None) => self.broke(Broken::protocol("a continuation of no message (RFC 6455 section 5.4)")),
            (1 | 2, Some(_)) => {
                let text = "a new message before the one in fragments has ended (RFC 6455 section 5.4)";
                self.broke(Broken::protocol(text));
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
            message.framing.rsv = head.rsv;
            message.framing.deflated = head.rsv & 4 != 0 && head.opcode != 0 && self.decoder.allows_rsv1();
        }
        message.from = if message.framing.deflated { message.packed.len() } else { message.bytes.len() };
        let Some(limit) = self.heard().filter(|_| !self.message.framing.deflated) else { return };
        if self.message.size.saturating_add(frame.len()) > limit {
            self.broke(Broken::too_big(limit));
        } else if self.message.frames == 0 {
            self.message.bytes.reserve_exact(frame.len().min(AT_ONCE) as usize);
        }
    }

    fn take(&mut self, frame: Frame, piece: &[u8]) {
        match frame.opcode() {
            0..=2 => self.message.framing.payload += piece.len() as u64,
            _ => return keep(&mut self.control, HEAD, frame, piece),
        }
        let deflated = self.message.framing.deflated;
        if deflated && self.limit.is_some() {
            keep(&mut self.message.packed, HEAD, frame, piece);
        }
        match self.heard() {
            None if deflated => self.message.raw |= self.limit.is_some() && !self.message.cut,
            None => {
                self.message.size += piece.len() as u64;
                keep(&mut self.message.bytes, HEAD, frame, piece);
            }
            Some(limit) if deflated => self.inflate(frame, piece, limit),
            Some(_) => {
                self.message.size += piece.len() as u64;
                keep(&mut self.message.bytes, usize::MAX, frame, piece);
                self.check();
            }
        }
    }

    fn inflate(&mut self, frame: Frame, piece: &[u8], limit: u64) {
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
            if !self.inflated(outcome, limit) {
                return;
            }
        }
        self.check();
    }

    /// Whether it went well; says what did not.
    fn inflated(&mut self, outcome: Result<(), Bad>, limit: u64) -> bool {
        self.message.size = self.message.bytes.len() as u64;
        match outcome {
            Ok(()) => return true,
            Err(Bad::TooBig) => {
                self.message.cut = true;
                self.broke(Broken::too_big(limit));
            }
            Err(Bad::Data) => {
                self.message.raw = true;
                let text = "a compressed message is no deflate stream (1007, RFC 7692 section 7.2.2)";
                self.broke(Broken::data(text));
            }
        }
        false
    }

    /// A text is UTF-8 as far as it goes; a character may be cut where it ends for now (RFC 6455 section 8.1).
    fn check(&mut self) {
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
                self.broke(Broken::data(text));
            }
        }
    }

    fn finish(&mut self, record: &mut Record, frame: Frame) {
        record.to.packet(self.way);
        match (std::mem::take(&mut self.told), frame.opcode()) {
            (true, 0..=2) => self.forget(),
            (true, _) => self.control.clear(),
            (false, 0..=2) => self.finish_data(record, frame),
            (false, _) => self.finish_control(record, frame),
        }
        self.complain(record);
    }

    fn finish_control(&mut self, record: &mut Record, frame: Frame) {
        let (way, head, payload) = (self.way, frame.head(), std::mem::take(&mut self.control));
        let tell = |kind, bytes: &[u8]| {
            // A frame that is too long for its kind is not kept whole.
            let lost = frame.len() - payload.len() as u64;
            record.to.payload_head(kind, bytes.len() as u64 + lost, bytes);
        };
        let heard = match frame.opcode() {
            8 => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                tell(Kind::Closing { way, code, frame: head }, payload.get(2..).unwrap_or_default());
                if way == Way::In {
                    record.sums.closed(code.unwrap_or(NO_CODE));
                }
                if let Some(broken) = wrong_close(&payload) {
                    self.broke(broken);
                }
                Some(Heard::Close as fn(Bytes) -> Heard)
            }
            9 => {
                tell(Kind::Ping { way, frame: Some(head) }, &payload);
                if way == Way::Out {
                    record.ping(&payload);
                }
                Some(Heard::Ping as fn(Bytes) -> Heard)
            }
            10 => {
                let rtt = if way == Way::In { record.pong(&payload).and_then(NonZeroU64::new) } else { None };
                record.to.payload_head(Kind::Pong { way, rtt, frame: Some(head) }, frame.len(), &payload);
                None
            }
            _ => {
                tell(Kind::Frame { way, frame: head }, &payload);
                None
            }
        };
        if let (Some(heard), Some(_)) = (heard, self.heard()) {
            record.heard.push_back(heard(Bytes::copy_from_slice(&payload)));
        }
        self.closed |= frame.opcode() == 8;
        // Its room serves the next one.
        self.control = emptied(payload);
    }

    fn finish_data(&mut self, record: &mut Record, frame: Frame) {
        let (way, head) = (self.way, frame.head());
        self.message.frames = self.message.frames.saturating_add(1);
        let framing = &mut self.message.framing;
        framing.heads = framing.heads.saturating_add(frame.size());
        let Some(form) = self.message.form else {
            let Message { size, bytes, .. } = &self.message;
            record.to.payload_head(Kind::Frame { way, frame: head }, *size, bytes.get(..HEAD).unwrap_or(bytes));
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
                if self.inflated(outcome, limit) {
                    self.check();
                }
            }
            if form == Form::Text && self.broken.is_none() && self.message.valid < self.message.bytes.len() {
                let text = "a text message ends within a character (1007, RFC 6455 section 8.1)";
                self.broke(Broken::data(text));
            }
        }
        let Message { frames, mut framing, mut size, ref bytes, ref packed, raw, .. } = self.message;
        let mut bytes = bytes;
        let note = if framing.deflated { self.notes.pop_front() } else { None };
        if raw {
            (framing.deflated, size, bytes) = (false, framing.payload, packed);
        }
        let kind = Kind::Message { way: self.way, form, frames, framing };
        if framing.deflated {
            let bytes = note.as_ref().map_or(size, |note| note.size);
            record.sums.deflated(self.way, bytes, framing.payload);
        }
        match &note {
            Some(note) => record.to.payload_head(kind, note.size, &note.head),
            None => record.to.payload_head(kind, size, bytes.get(..HEAD).unwrap_or(bytes)),
        }
        if let Some(packets) = record.packets.as_mut().filter(|_| !raw) {
            let (size, head) = note.as_ref().map_or((size, &**bytes), |note| (note.size, &*note.head));
            packets.message(&record.to, self.way, form, size, head.get(..HEAD).unwrap_or(head));
        }
        if self.heard().is_some() {
            let bytes = std::mem::take(&mut self.message.bytes);
            record.heard.push_back(Heard::Message(form, bytes.into()));
        }
    }

    fn forget(&mut self) {
        let Message { bytes, packed, .. } = std::mem::take(&mut self.message);
        let [bytes, packed] = [bytes, packed].map(emptied);
        self.message = Message { bytes, packed, ..Message::default() };
    }
}

/// The room of a head for the next one.
fn emptied(mut room: Vec<u8>) -> Vec<u8> {
    room.clear();
    if room.capacity() > KEPT { Vec::new() } else { room }
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
