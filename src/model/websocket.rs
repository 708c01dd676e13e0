//! What a WebSocket's events carry: the handshake, a message's frames, one frame's head.

/// What a WebSocket message was in its frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Framing {
    /// Payload bytes of its frames: compressed, if it was.
    pub payload: u64,
    /// Bytes of their heads, masks included.
    pub heads: u32,
    pub masked: bool,
    /// It was compressed (permessage-deflate, RFC 7692), and is shown as what it was before.
    pub deflated: bool,
    /// The first frame's reserved bits, as in [`FrameHead`]: RSV1 without `deflated` is a message as it came.
    pub rsv: u8,
}

impl Framing {
    /// Bytes on the wire, above TLS.
    pub fn wire(self) -> u64 {
        self.payload.saturating_add(self.heads.into())
    }
}

/// What the two sides of a WebSocket handshake offered and took, as it was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Offered by the client, in its order.
    pub subprotocols: Vec<Box<str>>,
    /// Chosen by the server.
    pub subprotocol: Option<Box<str>>,
    /// Offered by the client, with their parameters.
    pub offered: Vec<Box<str>>,
    /// Taken by the server, with their parameters.
    pub extensions: Vec<Box<str>>,
}

impl Opened {
    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        let names = self.subprotocols.iter().chain(&self.subprotocol).chain(&self.offered).chain(&self.extensions);
        size_of::<Self>() + names.map(|name| name.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}

/// A close code's name: RFC 6455 section 7.4.1 and the IANA registry after it.
pub fn close_name(code: u16) -> &'static str {
    match code {
        1000 => "normal",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        3000..=3999 => "registered",
        4000..=4999 => "private",
        _ => "reserved",
    }
}

/// The head of a WebSocket frame (RFC 6455 section 5.2), packed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FrameHead {
    pub opcode: u8,
    pub fin: bool,
    /// The reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub rsv: u8,
    pub masked: bool,
    /// Payload length, saturated at 4 GiB.
    pub len: u32,
    /// Bytes of the head itself, as it came: 2 to 14.
    pub size: u8,
}

impl FrameHead {
    /// Bytes on the wire, above TLS.
    pub fn wire(self) -> u64 {
        u64::from(self.len) + u64::from(self.size)
    }

    /// RFC 6455 section 11.8; a reserved one with its number.
    pub fn name(self) -> &'static str {
        match self.opcode {
            0x0 => "continuation",
            0x1 => "text",
            0x2 => "binary",
            0x8 => "close",
            0x9 => "ping",
            0xA => "pong",
            0x3 => "reserved 0x3",
            0x4 => "reserved 0x4",
            0x5 => "reserved 0x5",
            0x6 => "reserved 0x6",
            0x7 => "reserved 0x7",
            0xB => "reserved 0xb",
            0xC => "reserved 0xc",
            0xD => "reserved 0xd",
            0xE => "reserved 0xe",
            _ => "reserved 0xf",
        }
    }
}
