//! A byte stream cut into TLS records (RFC 8446 section 5.1), of which only those that are wanted are kept.

/// A record's five bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub kind: u8,
    pub version: [u8; 2],
    pub len: u16,
}

impl Head {
    pub fn bytes(self) -> [u8; 5] {
        let len = self.len.to_be_bytes();
        [self.kind, self.version[0], self.version[1], len[0], len[1]]
    }

    /// What a TLS record can be: RFC 5246 section 6.2.3 has the longest body.
    fn is_tls(self) -> bool {
        matches!(self.kind, 20..=24) && self.version[0] == 3 && self.len <= (1 << 14) + 2048
    }
}

/// What the next bytes were.
#[derive(PartialEq, Eq, Debug)]
pub enum Cut {
    /// A record is whole; its body if it was wanted.
    Record(Head, Option<Vec<u8>>),
    /// All bytes are used up.
    More,
    /// This is no TLS; said once, and nothing more is looked at.
    Alien,
}

/// One direction of a stream. Holds one record's body at the most.
#[derive(Default)]
pub struct Cutter {
    head: [u8; 5],
    /// Bytes of the head that are there.
    have: usize,
    /// Bytes of the body that are not.
    left: usize,
    body: Option<Vec<u8>>,
    alien: bool,
}

impl Cutter {
    /// Takes bytes from the front of `bytes`, up to the end of a record. `want` is asked once for each.
    pub fn next(&mut self, bytes: &mut &[u8], want: impl FnOnce(Head) -> bool) -> Cut {
        if self.alien {
            *bytes = &[];
            return Cut::More;
        }
        if self.have < 5 {
            let taken = bytes.len().min(5 - self.have);
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            *bytes = &bytes[taken..];
            let head = self.head();
            if self.have == 5 {
                if !head.is_tls() {
                    self.alien = true;
                    *bytes = &[];
                    return Cut::Alien;
                }
                self.left = head.len.into();
                self.body = want(head).then(Vec::new);
            } else {
                return Cut::More;
            }
        }
        let taken = bytes.len().min(self.left);
        if let Some(body) = &mut self.body {
            body.extend_from_slice(&bytes[..taken]);
        }
        *bytes = &bytes[taken..];
        self.left -= taken;
        if self.left > 0 {
            return Cut::More;
        }
        self.have = 0;
        Cut::Record(self.head(), self.body.take())
    }

    fn head(&self) -> Head {
        let [kind, major, minor, high, low] = self.head;
        Head { kind, version: [major, minor], len: u16::from_be_bytes([high, low]) }
    }
}

/// Handshake messages out of records: one may span several, and several may share one (RFC 8446 section 5.1).
#[derive(Default)]
pub struct Joiner {
    held: Vec<u8>,
    /// Where the next message begins.
    at: usize,
}

/// The longest handshake message that is put together; rustls refuses longer ones itself.
const MESSAGE: usize = 0x10000;

impl Joiner {
    /// Adds a record's content; `false` if what is held now can be no message.
    pub fn push(&mut self, content: &[u8]) -> bool {
        self.held.drain(..std::mem::take(&mut self.at));
        self.held.extend_from_slice(content);
        self.len().is_none_or(|len| len <= MESSAGE)
    }

    /// The length of the next message, once it is known.
    fn len(&self) -> Option<usize> {
        let [_, a, b, c] = *self.held[self.at..].first_chunk()?;
        Some(u32::from_be_bytes([0, a, b, c]) as usize)
    }

    /// The next whole message: its type and its body.
    pub fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let len = self.len()?;
        let body = self.held.get(self.at + 4..self.at + 4 + len)?.to_vec();
        let kind = self.held[self.at];
        self.at += 4 + len;
        if self.at == self.held.len() {
            *self = Self::default();
        }
        Some((kind, body))
    }
}
