//! RFC 6455 section 5.2, byte by byte if need be: frame heads and payloads out of chunks cut anywhere.
//! Never fails, never stops; what is wrong with a head is said beside it, and nothing else is allocated.

use std::fmt;

use crate::model::event::FrameHead;

/// A head is at most 2 + 8 bytes of length + 4 of mask.
const HEAD: usize = 14;

/// One frame's head.
#[derive(Clone, Copy)]
pub struct Frame {
    head: FrameHead,
    mask: [u8; 4],
    /// Payload bytes in all, and those still to come.
    len: u64,
    left: u64,
    /// How far the mask is turned for the piece at hand.
    turned: u64,
}

impl Frame {
    pub fn opcode(&self) -> u8 {
        self.head.opcode
    }

    pub fn head(&self) -> FrameHead {
        self.head
    }

    /// Bytes of the head.
    pub fn size(&self) -> u32 {
        self.head.size.into()
    }

    /// Payload bytes in all.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Takes the mask off a part of the piece at hand that begins `from` bytes into it (section 5.3).
    pub fn unmask(&self, bytes: &mut [u8], from: usize) {
        if self.head.masked {
            xor(self.mask, self.turned.wrapping_add(from as u64), bytes);
        }
    }
}

/// Puts a mask on bytes, or takes it off, that begin so many bytes into the payload (section 5.3).
pub fn xor(mut mask: [u8; 4], turned: u64, bytes: &mut [u8]) {
    mask.rotate_left((turned % 4) as usize);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Eight at a time, which the compiler makes more of.
    let (words, rest) = bytes.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= mask;
    }
}

/// What the next bytes are.
pub enum Next<'a> {
    /// All are taken; the rest is in a later chunk.
    More,
    /// A frame begins, with what is wrong with its head.
    Head(Frame, Option<Box<str>>),
    /// A piece of its payload, masked as it was.
    Payload(Frame, &'a [u8]),
    /// It is whole.
    Done(Frame),
}

/// A frame that is not whole.
#[derive(Clone, Copy)]
pub enum Part {
    /// So many bytes of its head.
    Head(usize),
    /// Its head, and so many bytes of its payload.
    Payload(FrameHead, u64),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(have) => write!(f, "within a frame's head, {have} B of it came"),
            Self::Payload(head, have) => {
                let came = have + u64::from(head.size);
                write!(f, "within a {} frame, {came} of its {} B came", head.name(), head.wire())
            }
        }
    }
}

/// Frames of one direction.
pub struct Decoder {
    /// Whether frames of this direction are masked (section 5.1: the client's are, the server's are not).
    masked: bool,
    /// Whether RSV1 means something: permessage-deflate was agreed on (RFC 7692 section 6).
    rsv1: bool,
    part: [u8; HEAD],
    have: usize,
    frame: Option<Frame>,
}

impl Decoder {
    pub fn new(masked: bool) -> Self {
        Self { masked, rsv1: false, part: [0; HEAD], have: 0, frame: None }
    }

    /// From here on RSV1 marks a compressed message.
    pub fn allow_rsv1(&mut self) {
        self.rsv1 = true;
    }

    /// Whether it does.
    pub fn allows_rsv1(&self) -> bool {
        self.rsv1
    }

    /// How much there is of the frame that has begun and is not whole.
    pub fn part(&self) -> Option<Part> {
        match (&self.frame, self.have) {
            (Some(frame), _) => Some(Part::Payload(frame.head, frame.len - frame.left)),
            (None, 0) => None,
            (None, have) => Some(Part::Head(have)),
        }
    }

    /// Takes what comes next off the front of `bytes`.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Next<'a> {
        let Some(frame) = &mut self.frame else {
            return self.head(bytes);
        };
        if frame.left == 0 {
            let done = *frame;
            self.frame = None;
            return Next::Done(done);
        }
        if bytes.is_empty() {
            return Next::More;
        }
        let take = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
        let (piece, rest) = bytes.split_at(take);
        *bytes = rest;
        frame.turned = frame.len - frame.left;
        frame.left -= take as u64;
        Next::Payload(*frame, piece)
    }

    fn head<'a>(&mut self, bytes: &mut &'a [u8]) -> Next<'a> {
        loop {
            let want = self.want();
            if self.have == want {
                break;
            }
            let take = (want - self.have).min(bytes.len());
            if take == 0 {
                return Next::More;
            }
            let (piece, rest) = bytes.split_at(take);
            self.part[self.have..self.have + take].copy_from_slice(piece);
            self.have += take;
            *bytes = rest;
        }
        self.have = 0;
        let (frame, minimal) = parse(&self.part);
        let wrong = self.wrong(&frame, minimal);
        self.frame = Some(frame);
        Next::Head(frame, wrong)
    }

    /// How long the head is, as far as its first two bytes tell.
    fn want(&self) -> usize {
        match self.have {
            0 | 1 => 2,
            _ => 2 + extended(self.part[1]) + if self.part[1] & 0x80 == 0 { 0 } else { 4 },
        }
    }

    fn wrong(&self, frame: &Frame, minimal: bool) -> Option<Box<str>> {
        let FrameHead { opcode, fin, rsv, masked, .. } = frame.head;
        let rsv1 = rsv & 4 != 0;
        let rules = [
            (rsv & 3 != 3, "RSV2 and RSV3 are set, and no extension uses them (RFC 6455 section 5.2)"),
            (rsv & 2 == 0, "RSV2 is set, and no extension uses it (RFC 6455 section 5.2)"),
            (rsv & 1 == 0, "RSV3 is set, and no extension uses it (RFC 6455 section 5.2)"),
            (!rsv1 || self.rsv1, "RSV1 is set, and no extension was agreed on (RFC 6455 section 5.2)"),
            (!rsv1 || opcode < 8, "RSV1 is set on a control frame (RFC 7692 section 6)"),
            (!rsv1 || opcode != 0, "RSV1 is set behind a message's first frame (RFC 7692 section 6)"),
            (matches!(opcode, 0..=2 | 8..=10), "a frame with the reserved opcode OPCODE (RFC 6455 section 5.2)"),
            (masked || !self.masked, "a frame of the client is not masked (RFC 6455 section 5.1)"),
            (!masked || self.masked, "a frame of the server is masked (RFC 6455 section 5.1)"),
            (opcode < 8 || fin, "a control frame in fragments (RFC 6455 section 5.5)"),
            (
                opcode < 8 || frame.len <= 125,
                "a control frame of LENGTH bytes, and 125 are the most (RFC 6455 section 5.5)",
            ),
            (frame.len >> 63 == 0, "a payload length of 2^63 or more (RFC 6455 section 5.2)"),
            (minimal, "a payload length written longer than it needs (RFC 6455 section 5.2)"),
        ];
        let (_, text) = rules.iter().find(|(holds, _)| !holds)?;
        let text = text.replace("OPCODE", &format!("0x{opcode:x}")).replace("LENGTH", &frame.len.to_string());
        Some(text.into())
    }
}

/// Bytes of the extended length behind the second byte.
fn extended(second: u8) -> usize {
    match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// Reads a whole head; and whether its length is written as short as it can be.
fn parse(part: &[u8; HEAD]) -> (Frame, bool) {
    let [first, second, rest @ ..] = part;
    let wide = extended(*second);
    let number = rest[..wide].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (len, minimal) = match wide {
        0 => (u64::from(second & 0x7f), true),
        2 => (number, number > 125),
        _ => (number, number > 0xffff),
    };
    let masked = second & 0x80 != 0;
    let mut mask = [0; 4];
    if masked {
        mask.copy_from_slice(&rest[wide..wide + 4]);
    }
    let size = 2 + wide as u8 + if masked { 4 } else { 0 };
    let head = FrameHead {
        opcode: first & 0xf,
        fin: first & 0x80 != 0,
        rsv: first >> 4 & 7,
        masked,
        len: u32::try_from(len).unwrap_or(u32::MAX),
        size,
    };
    (Frame { head, mask, len, left: len, turned: 0 }, minimal)
}
