//! Walks the bytes of a message: numbers, and names with their pointers (RFC 1035 section 4.1.4). Every step is
//! checked, and a pointer leads back only, so that each walk ends.

/// Pointers followed for one name: real ones need two or three.
const JUMPS: usize = 16;
/// A name on the wire, lengths and root included (RFC 1035 section 2.3.4).
const NAME: usize = 255;

#[derive(Clone)]
pub(super) struct Reader<'a> {
    all: &'a [u8],
    at: usize,
    end: usize,
    /// Bytes of text that may still be kept.
    room: usize,
}

impl<'a> Reader<'a> {
    pub fn new(all: &'a [u8], room: usize) -> Self {
        Self { all, at: 0, end: all.len(), room }
    }

    pub fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Takes room for so much text, if there is.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(0);
        left.is_some()
    }

    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.end)?;
        let bytes = self.all.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// What is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.all.get(self.at..self.end).unwrap_or_default();
        self.at = self.end;
        rest
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.bytes(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A reader of the next `count` bytes, whose names may point into the whole; this one goes on behind them.
    pub fn limited(&mut self, count: usize) -> Option<Self> {
        let start = self.at;
        self.bytes(count)?;
        Some(Self { at: start, end: self.at, room: 0, ..*self })
    }

    /// A name as text: labels with dots between them, `.` alone for the root.
    pub fn name(&mut self) -> Option<String> {
        let mut text = String::new();
        let (mut at, mut length, mut jumps) = (self.at, 1, 0);
        let mut behind = None;
        loop {
            // Before the first pointer the walk stays within its limit; behind one it may use all that precedes.
            let end = if behind.is_none() { self.end } else { self.all.len() };
            let first = usize::from(*self.all.get(at).filter(|_| at < end)?);
            match first {
                0 => {
                    self.at = behind.unwrap_or(at + 1);
                    return Some(if text.is_empty() { ".".into() } else { text });
                }
                1..=63 => {
                    length += 1 + first;
                    let label = self.all.get(at + 1..at + 1 + first).filter(|_| at + 1 + first <= end)?;
                    if length > NAME {
                        return None;
                    }
                    if !text.is_empty() {
                        text.push('.');
                    }
                    escape(label, b".", &mut text);
                    at += 1 + first;
                }
                0xc0.. => {
                    let low = usize::from(*self.all.get(at + 1).filter(|_| at + 1 < end)?);
                    let target = (first & 0x3f) << 8 | low;
                    behind.get_or_insert(at + 2);
                    jumps += 1;
                    // Into the header points nobody, and forward or to itself only who wants to be walked for ever.
                    if target >= at || target < 12 || jumps > JUMPS {
                        return None;
                    }
                    at = target;
                }
                // Reserved (RFC 6891 section 5).
                _ => return None,
            }
        }
    }
}

/// Appends bytes as visible ASCII; `special` ones and the backslash get one before them (RFC 1035 section 5.1).
pub(super) fn escape(bytes: &[u8], special: &[u8], text: &mut String) {
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            byte if special.contains(&byte) => {
                text.push('\\');
                text.push(byte as char);
            }
            b'!'..=b'~' => text.push(byte as char),
            b' ' if special.contains(&b'"') => text.push(' '),
            byte => text.push_str(&format!("\\{byte:03}")),
        }
    }
}
