//! Reads the numbers and vectors TLS is made of (RFC 8446 section 3); what is not there is `None`.

#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A vector with a length of one byte.
    pub fn short(&mut self) -> Option<Reader<'a>> {
        let len = self.u8()?;
        self.take(len.into()).map(Reader)
    }

    /// A vector with a length of two bytes.
    pub fn long(&mut self) -> Option<Reader<'a>> {
        let len = self.u16()?;
        self.take(len.into()).map(Reader)
    }

    /// A vector with a length of three bytes.
    pub fn wide(&mut self) -> Option<Reader<'a>> {
        let (high, low) = (self.u8()?, self.u16()?);
        self.take((usize::from(high) << 16) | usize::from(low)).map(Reader)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers of two bytes that are left, named.
    pub fn names(mut self, name: fn(u16) -> Box<str>) -> Vec<Box<str>> {
        std::iter::from_fn(|| self.u16()).take(MOST).map(name).collect()
    }
}

/// Of one list no more is kept: a peer may offer 32,767 ciphers.
const MOST: usize = 256;
