//! What has to be known of one direction to read it: header blocks in the making, what its receiver asks of
//! it, and how much its sender may still send.

use std::time::Duration;

use tokio::time::Instant;

use super::flaw::Flaw;
use super::frame::{CONTINUATION, DATA, GOAWAY, Head, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use super::hpack::Decoder;

/// Section 6.9.2, and 4.2.
pub const WINDOW: i64 = 65_535;
const FRAME: u32 = 16_384;
/// A header block in all its frames: four times the largest head one can reasonably send. hyper gives up
/// long before.
const BLOCK: usize = 256 << 10;
/// Section 6.9.1.
const MOST: i64 = (1 << 31) - 1;
/// A sender that waits so long for its window is worth a line: shorter waits are how a bulk transfer breathes.
const WORTH_A_LINE: Duration = Duration::from_millis(50);

/// A header block whose last frame has not come.
pub struct Block {
    pub head: Head,
    pub bytes: Vec<u8>,
}

/// How much may still be sent, on a stream or a connection.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub left: i64,
    /// Since when nothing is left.
    since: Option<Instant>,
}

impl Window {
    pub fn new(left: i64) -> Self {
        Self { left, since: None }
    }

    /// Whether the sender kept to it.
    pub fn spend(&mut self, size: u32) -> bool {
        let keeps = i64::from(size) <= self.left.max(0);
        self.left -= i64::from(size);
        if self.left <= 0 && self.since.is_none() {
            self.since = Some(Instant::now());
        }
        keeps
    }

    /// How long the sender had to wait for this, if it is worth a line.
    pub fn open(&mut self, by: i64) -> Result<Option<Duration>, Flaw> {
        self.left = self.left.saturating_add(by);
        if self.left > MOST {
            self.left = MOST;
            return Err(Flaw::OVERFLOW);
        }
        if self.left <= 0 {
            return Ok(None);
        }
        Ok(self.since.take().map(|since| since.elapsed()).filter(|waited| *waited >= WORTH_A_LINE))
    }
}

/// See the module.
pub struct Half {
    pub hpack: Decoder,
    pub block: Option<Block>,
    /// No header can be read any more.
    pub lost: bool,
    /// The connection's window.
    pub window: Window,
    /// What a new stream's window is.
    pub initial: i64,
    /// The largest frame that its receiver takes.
    frame: u32,
    /// The first SETTINGS have passed.
    begun: bool,
    /// What is wrong with it, the first thing.
    pub flaw: Option<Flaw>,
}

impl Half {
    pub fn new() -> Self {
        Self {
            hpack: Decoder::new(),
            block: None,
            lost: false,
            window: Window::new(WINDOW),
            initial: WINDOW,
            frame: FRAME,
            begun: false,
            flaw: None,
        }
    }

    /// Whether its first frame was one of HTTP/2.
    pub fn is_under_way(&self) -> bool {
        self.begun && self.flaw.as_ref().is_none_or(|flaw| ![Flaw::TEXT, Flaw::FIRST].contains(flaw))
    }

    /// Whether a frame may come here and as it is, as far as its head tells (sections 4 and 6).
    pub fn admits(&mut self, head: &Head) -> Result<(), Flaw> {
        if !std::mem::replace(&mut self.begun, true) && head.kind != SETTINGS {
            // What a server of HTTP/1 answers, read as a frame's head.
            let text = (head.len, head.kind, head.flags) == (0x0048_5454, b'P', b'/');
            self.flaw.get_or_insert(if text { Flaw::TEXT } else { Flaw::FIRST });
        }
        match (&self.block, head.kind) {
            (Some(block), CONTINUATION) if block.head.stream == head.stream => {}
            (Some(_), _) => return Err(Flaw::WITHIN),
            (None, CONTINUATION) => return Err(Flaw::LONE),
            (None, _) => {}
        }
        if head.len > self.frame {
            return Err(Flaw::SIZE);
        }
        let wrong = match head.kind {
            PRIORITY => head.len != 5,
            RST_STREAM | WINDOW_UPDATE => head.len != 4,
            SETTINGS => !head.len.is_multiple_of(6),
            PING => head.len != 8,
            GOAWAY => head.len < 8,
            _ => false,
        };
        match head.kind {
            _ if wrong => Err(Flaw::SIZE),
            SETTINGS | PING | GOAWAY if head.stream != 0 => Err(Flaw::A_STREAM),
            SETTINGS | PING | GOAWAY | WINDOW_UPDATE => Ok(()),
            DATA..=CONTINUATION if head.stream == 0 => Err(Flaw::NO_STREAM),
            _ => Ok(()),
        }
    }

    /// Adds a fragment of a block.
    pub fn extend(&mut self, fragment: &[u8]) {
        let Some(block) = &mut self.block else { return };
        if block.bytes.len() + fragment.len() > BLOCK {
            block.bytes.clear();
            self.lost = true;
            self.flaw.get_or_insert(Flaw::BLOCK);
        } else {
            block.bytes.extend_from_slice(fragment);
        }
    }

    /// What its receiver asks for. The answer is by how much the windows of its streams change.
    pub fn ask(&mut self, id: u16, value: u32) -> Result<i64, Flaw> {
        match id {
            1 => self.hpack.allow(value),
            2 if value > 1 => return Err(Flaw::PUSH),
            4 if i64::from(value) > MOST => return Err(Flaw::WINDOW),
            4 => {
                let change = i64::from(value) - self.initial;
                self.initial = i64::from(value);
                return Ok(change);
            }
            5 if !(FRAME..=0x00ff_ffff).contains(&value) => return Err(Flaw::FRAME),
            // It never becomes smaller: when that comes into force nobody but the two can know.
            5 => self.frame = self.frame.max(value),
            _ => {}
        }
        Ok(0)
    }
}
