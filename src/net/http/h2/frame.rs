//! One direction of an HTTP/2 connection as frames (RFC 9113 section 4), while it passes. Any split of the
//! stream gives the same. It never waits, never fails, and holds at most one control frame.

use super::flaw::Flaw;
use crate::hub::HEAD;

/// What a client begins with (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A frame's head: length, type, flags, stream.
pub const HEAD_LEN: usize = 9;
/// A frame that is no DATA is held until it is whole, up to this: hyper takes no frame above 16 KiB and
/// nobody has a reason to send us more. What is larger is passed over, and said to be.
const HELD: usize = 64 << 10;

pub const DATA: u8 = 0x0;
pub const HEADERS: u8 = 0x1;
pub const PRIORITY: u8 = 0x2;
pub const RST_STREAM: u8 = 0x3;
pub const SETTINGS: u8 = 0x4;
pub const PUSH_PROMISE: u8 = 0x5;
pub const PING: u8 = 0x6;
pub const GOAWAY: u8 = 0x7;
pub const WINDOW_UPDATE: u8 = 0x8;
pub const CONTINUATION: u8 = 0x9;

/// On DATA and HEADERS.
pub const END_STREAM: u8 = 0x1;
/// On SETTINGS and PING.
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const PRIORITISED: u8 = 0x20;

/// Section 4.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub len: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Head {
    fn read(bytes: &[u8; HEAD_LEN]) -> Self {
        let [l0, l1, l2, kind, flags, stream @ ..] = *bytes;
        let len = u32::from_be_bytes([0, l0, l1, l2]);
        // The highest bit is reserved, and to be ignored.
        Self { len, kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff }
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The bytes of a frame of ours.
    pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        // A frame of ours is a few bytes.
        let len = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }
}

/// What is told of the frames of one direction, in order.
pub trait Sink {
    /// A frame begins. Why it may not, if so: it is then passed over.
    fn head(&mut self, head: &Head) -> Result<(), Flaw>;
    /// A DATA frame, without its padding: its size and the first bytes of it, at most [`HEAD`].
    fn data(&mut self, head: &Head, size: u32, kept: &[u8]);
    /// Any other known frame, whole.
    fn frame(&mut self, head: &Head, payload: &[u8]);
    /// Something is not as it should be.
    fn flaw(&mut self, flaw: Flaw);
}

#[derive(Debug)]
enum State {
    /// So much of the preface has been seen.
    Preface(usize),
    /// So much of a head.
    Head(usize),
    Data(Data),
    Frame(Vec<u8>),
    /// So much is passed over.
    Skip(u32),
    /// What has begun with something else than the preface is nobody's.
    Lost,
}

#[derive(Debug)]
struct Data {
    /// Payload seen so far, padding included.
    at: u32,
    pad: u32,
    kept: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub struct Frames {
    state: State,
    bytes: [u8; HEAD_LEN],
    head: Head,
}

impl Frames {
    /// `preface`: whether the direction is a client's.
    pub fn new(preface: bool) -> Self {
        Self {
            state: if preface { State::Preface(0) } else { State::Head(0) },
            bytes: [0; HEAD_LEN],
            head: Head { len: 0, kind: 0, flags: 0, stream: 0 },
        }
    }

    /// Whether what comes next is the head of a frame.
    pub fn between_frames(&self) -> bool {
        matches!(self.state, State::Head(0))
    }

    /// How much of the frame at hand is still to come, as far as one knows yet.
    pub fn left(&self) -> usize {
        match &self.state {
            State::Preface(_) | State::Head(0) | State::Lost => 0,
            State::Head(seen) => HEAD_LEN - seen,
            State::Data(data) => (self.head.len - data.at) as usize,
            State::Frame(held) => self.head.len as usize - held.len(),
            State::Skip(left) => *left as usize,
        }
    }

    /// Whether a frame of headers has begun that is not whole.
    pub fn within_headers(&self) -> bool {
        matches!(self.state, State::Frame(_)) && matches!(self.head.kind, HEADERS | CONTINUATION)
    }

    /// The next bytes of the stream.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl Sink) {
        while !bytes.is_empty() {
            let taken = self.step(bytes, sink);
            bytes = &bytes[taken..];
        }
    }

    /// Takes some of `bytes`, which are not empty; how many.
    fn step(&mut self, bytes: &[u8], sink: &mut impl Sink) -> usize {
        match &mut self.state {
            State::Preface(seen) => {
                let now = bytes.len().min(PREFACE.len() - *seen);
                if bytes[..now] != PREFACE[*seen..*seen + now] {
                    sink.flaw(Flaw::PREFACE);
                    self.state = State::Lost;
                    return bytes.len();
                }
                *seen += now;
                if *seen == PREFACE.len() {
                    self.state = State::Head(0);
                }
                now
            }
            State::Head(seen) => {
                let now = bytes.len().min(HEAD_LEN - *seen);
                self.bytes[*seen..*seen + now].copy_from_slice(&bytes[..now]);
                *seen += now;
                if *seen == HEAD_LEN {
                    self.head = Head::read(&self.bytes);
                    self.begin(sink);
                }
                now
            }
            State::Data(data) => {
                let left = self.head.len - data.at;
                let now = shorter(bytes.len(), left);
                let whole = data.at == 0 && now as u32 == self.head.len;
                data.take(&self.head, &bytes[..now], whole);
                if data.at == self.head.len {
                    let kept = std::mem::take(&mut data.kept);
                    let (start, end) = data.body(&self.head);
                    self.state = State::Head(0);
                    if start > end {
                        sink.flaw(Flaw::PADDING);
                        sink.data(&self.head, 0, b"");
                    } else if whole {
                        let body = &bytes[start as usize..end as usize];
                        sink.data(&self.head, end - start, &body[..body.len().min(HEAD)]);
                    } else {
                        sink.data(&self.head, end - start, &kept);
                    }
                }
                now
            }
            State::Frame(held) => {
                let len = self.head.len as usize;
                let now = bytes.len().min(len - held.len());
                if now == len {
                    self.state = State::Head(0);
                    sink.frame(&self.head, &bytes[..now]);
                    return now;
                }
                held.extend_from_slice(&bytes[..now]);
                if held.len() == len {
                    let held = std::mem::take(held);
                    self.state = State::Head(0);
                    sink.frame(&self.head, &held);
                }
                now
            }
            State::Skip(left) => {
                let now = shorter(bytes.len(), *left);
                *left -= now as u32;
                if *left == 0 {
                    self.state = State::Head(0);
                }
                now
            }
            State::Lost => bytes.len(),
        }
    }

    /// The head is whole.
    fn begin(&mut self, sink: &mut impl Sink) {
        let head = self.head;
        let refused = sink.head(&head).err();
        let large = head.kind != DATA && head.len as usize > HELD;
        let known = head.kind <= CONTINUATION;
        if let Some(flaw) = refused.or((large && known).then_some(Flaw::SIZE)) {
            sink.flaw(flaw);
            self.state = if head.len == 0 { State::Head(0) } else { State::Skip(head.len) };
        } else if head.len == 0 {
            self.state = State::Head(0);
            match head.kind {
                DATA if head.has(PADDED) => {
                    sink.flaw(Flaw::PADDING);
                    sink.data(&head, 0, b"");
                }
                DATA => sink.data(&head, 0, b""),
                _ if known => sink.frame(&head, b""),
                _ => {}
            }
        } else {
            self.state = match head.kind {
                DATA => State::Data(Data { at: 0, pad: 0, kept: Vec::new() }),
                _ if known => State::Frame(Vec::new()),
                // Section 5.5: what is unknown is ignored.
                _ => State::Skip(head.len),
            };
        }
    }
}

impl Data {
    /// Where the body lies in the payload. Behind its end, if the padding is longer than the frame.
    fn body(&self, head: &Head) -> (u32, u32) {
        (u32::from(head.has(PADDED)), head.len.saturating_sub(self.pad))
    }

    fn take(&mut self, head: &Head, piece: &[u8], whole: bool) {
        if self.at == 0 && head.has(PADDED) {
            self.pad = u32::from(piece[0]);
        }
        let (start, end) = self.body(head);
        let at = self.at;
        self.at += piece.len() as u32;
        if whole {
            return;
        }
        let from = start.saturating_sub(at) as usize;
        let to = (end.saturating_sub(at) as usize).min(piece.len());
        if from < to {
            let room = HEAD - self.kept.len();
            self.kept.extend_from_slice(&piece[from..to.min(from + room)]);
        }
    }
}

fn shorter(here: usize, left: u32) -> usize {
    here.min(left as usize)
}

/// Takes the padding off a frame of headers, and the priority fields (sections 6.2 and 6.6).
pub fn fragment<'a>(head: &Head, payload: &'a [u8]) -> Result<&'a [u8], Flaw> {
    let (pad, mut rest) = match (head.has(PADDED), payload) {
        (false, _) => (0, payload),
        (true, [pad, rest @ ..]) => (usize::from(*pad), rest),
        (true, []) => return Err(Flaw::PADDING),
    };
    let fields = match head.kind {
        HEADERS if head.has(PRIORITISED) => 5,
        PUSH_PROMISE => 4,
        _ => 0,
    };
    rest = rest.get(fields..).ok_or(Flaw::SIZE)?;
    let end = rest.len().checked_sub(pad).ok_or(Flaw::PADDING)?;
    Ok(&rest[..end])
}

/// Reads four bytes at a place, as all numbers of the protocol are.
pub fn number(payload: &[u8], at: usize) -> Option<u32> {
    let bytes = payload.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
