//! permessage-deflate's data (RFC 7692 section 7.2) on zlib: a message is a raw deflate stream that ends in
//! a sync flush, without that flush's last four bytes.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::offer::Half;

/// What a sync flush ends with, and what is not sent of it (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The output grows by this at the least.
const STEP: usize = 4 << 10;
/// The smallest window zlib has for a raw stream.
const NARROWEST: u8 = 9;

/// Our side: messages become smaller.
pub struct Deflater {
    half: Half,
    /// Not there before the first message, and between messages where no context is kept: it costs 256 KiB.
    zlib: Option<Compress>,
}

impl Deflater {
    /// `None` where the peer takes windows of 2^8 bytes alone: zlib has none so small, and not to compress is
    /// always allowed (section 6).
    pub fn new(half: Half) -> Option<Self> {
        (half.bits >= NARROWEST).then_some(Self { half, zlib: None })
    }

    /// A message compressed. `None` if zlib fails: then it goes as it is.
    pub fn message(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let new = || Compress::new_with_window_bits(Compression::default(), false, self.half.bits);
        let zlib = self.zlib.get_or_insert_with(new);
        let start = zlib.total_in();
        let mut out = Vec::with_capacity(bytes.len() / 4 + 64);
        loop {
            let done = usize::try_from(zlib.total_in() - start).ok()?;
            let outcome = zlib.compress_vec(bytes.get(done..)?, &mut out, FlushCompress::Sync);
            let all = zlib.total_in() - start == bytes.len() as u64;
            // Room left over is how zlib says that the flush is through.
            if outcome.is_err() || (all && out.len() < out.capacity()) {
                break;
            }
            out.reserve(STEP);
        }
        if !out.ends_with(&TAIL) {
            self.zlib = None;
            return None;
        }
        out.truncate(out.len() - TAIL.len());
        if !self.half.takeover {
            self.zlib = None;
        }
        Some(out)
    }
}

/// Why a message cannot be inflated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// It would be larger than the limit: a decompression bomb, or just too much.
    TooBig,
    /// It is no deflate stream.
    Data,
}

/// The peer's side: messages become what they were.
pub struct Inflater {
    half: Half,
    /// See [`Deflater`]; this one costs up to 48 KiB.
    zlib: Option<Decompress>,
}

impl Inflater {
    pub fn new(half: Half) -> Self {
        Self { half, zlib: None }
    }

    /// Appends what a piece of a message inflates to, up to `limit` bytes in `out`.
    ///
    /// # Errors
    /// Too big, or no deflate stream; the message is lost, and with it the context.
    pub fn piece(&mut self, mut bytes: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Bad> {
        let new = || Decompress::new_with_window_bits(false, self.half.bits.max(NARROWEST));
        let zlib = self.zlib.get_or_insert_with(new);
        while !bytes.is_empty() {
            if out.len() == out.capacity() {
                // One byte above the limit shows that it is passed.
                let room = limit.saturating_add(1).saturating_sub(out.len());
                out.reserve_exact(STEP.max(bytes.len() * 2).max(out.len() / 2).min(room.max(1)));
            }
            let before = zlib.total_in();
            let status = zlib.decompress_vec(bytes, out, FlushDecompress::Sync).map_err(|_| Bad::Data)?;
            let taken = usize::try_from(zlib.total_in() - before).unwrap_or(bytes.len());
            bytes = bytes.get(taken..).unwrap_or_default();
            if out.len() > limit {
                return Err(Bad::TooBig);
            }
            match status {
                // A block that says it is the last (section 7.2.3.4): the next begins anew.
                Status::StreamEnd => *zlib = new(),
                Status::BufError if taken == 0 && out.len() < out.capacity() => return Err(Bad::Data),
                _ => {}
            }
        }
        // What zlib still holds back for want of room.
        while out.len() == out.capacity() && !out.is_empty() {
            out.reserve_exact(STEP);
            let before = out.len();
            zlib.decompress_vec(&[], out, FlushDecompress::Sync).map_err(|_| Bad::Data)?;
            if out.len() > limit {
                return Err(Bad::TooBig);
            }
            if out.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// The message is whole.
    ///
    /// # Errors
    /// See [`Inflater::piece`].
    pub fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), Bad> {
        self.piece(&TAIL, out, limit)?;
        if !self.half.takeover {
            self.zlib = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLENTY: usize = 1 << 24;

    fn half(takeover: bool, bits: u8) -> Half {
        Half { takeover, bits }
    }

    fn inflated(inflater: &mut Inflater, bytes: &[u8], limit: usize) -> Result<Vec<u8>, Bad> {
        let mut out = Vec::new();
        inflater.piece(bytes, &mut out, limit)?;
        inflater.finish(&mut out, limit)?;
        Ok(out)
    }

    #[test]
    fn the_rfcs_examples_are_read_and_written() {
        // RFC 7692 sections 7.2.3.1 to 7.2.3.6.
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut deflater = Deflater::new(Half::default()).unwrap();
        assert_eq!(deflater.message(b"Hello").unwrap(), hello);
        assert_eq!(deflater.message(b"Hello").unwrap(), [0xf2, 0x00, 0x11, 0x00, 0x00]);
        for (bytes, says) in [
            (&hello[..], &b"Hello"[..]),
            (&[0xf2, 0x00, 0x11, 0x00, 0x00], b"Hello"),
            (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], b"Hello"),
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], b"Hello"),
            (&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], b"Hello"),
            (&[0x00], b""),
        ] {
            let mut inflater = Inflater::new(Half::default());
            assert_eq!(inflated(&mut inflater, &hello, PLENTY).unwrap(), b"Hello");
            assert_eq!(inflated(&mut inflater, bytes, PLENTY).unwrap(), says, "{bytes:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = Deflater::new(Half::default()).unwrap().message(&vec![0; 16 << 20]).unwrap();
        assert!(bomb.len() < 20_000, "{}", bomb.len());
        let mut out = Vec::new();
        let mut inflater = Inflater::new(Half::default());
        assert_eq!(inflater.piece(&bomb, &mut out, 1 << 20), Err(Bad::TooBig));
        assert!(out.capacity() <= 2 << 20, "{}", out.capacity());
        let whole = inflated(&mut Inflater::new(Half::default()), &bomb, 16 << 20).unwrap();
        assert_eq!(whole.len(), 16 << 20);
    }

    #[test]
    fn without_a_context_each_message_stands_alone_and_nothing_is_held() {
        let mut deflater = Deflater::new(half(false, 15)).unwrap();
        let (one, two) = (deflater.message(b"Hello").unwrap(), deflater.message(b"Hello").unwrap());
        assert_eq!(one, two);
        assert!(deflater.zlib.is_none());
        let mut inflater = Inflater::new(half(false, 15));
        assert_eq!(inflated(&mut inflater, &one, PLENTY).unwrap(), b"Hello");
        assert!(inflater.zlib.is_none());
        assert!(Deflater::new(half(true, 8)).is_none());
    }

    #[test]
    fn our_window_is_not_passed() {
        // 600 bytes that do not repeat within themselves, twice: a window of 2^9 bytes does not reach back.
        let mut state = 1u64;
        let mut byte = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..600).map(&mut byte).collect();
        let narrow = Deflater::new(half(true, 9)).and_then(|mut it| Some([it.message(&noise)?, it.message(&noise)?]));
        let wide = Deflater::new(half(true, 15)).and_then(|mut it| Some([it.message(&noise)?, it.message(&noise)?]));
        let ([one, two], [_, back]) = (narrow.unwrap(), wide.unwrap());
        assert!(back.len() < two.len());
        let mut inflater = Inflater::new(half(true, 9));
        assert_eq!(inflated(&mut inflater, &one, PLENTY).unwrap(), noise);
        assert_eq!(inflated(&mut inflater, &two, PLENTY).unwrap(), noise);
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "[a-c ]{0,200}".prop_map(String::into_bytes),
            (any::<u8>(), 0usize..100_000).prop_map(|(byte, n)| vec![byte; n]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_compressed_comes_back_in_any_pieces(
            messages in prop::collection::vec(message(), 1..5),
            takeover in any::<bool>(),
            bits in 9u8..=15,
            step in 1usize..50,
        ) {
            let mut deflater = Deflater::new(half(takeover, bits)).unwrap();
            let mut inflater = Inflater::new(half(takeover, bits));
            for message in &messages {
                let small = deflater.message(message);
                if message.is_empty() {
                    continue;
                }
                let mut out = Vec::new();
                for piece in small.unwrap().chunks(step) {
                    prop_assert_eq!(inflater.piece(piece, &mut out, PLENTY), Ok(()));
                }
                prop_assert_eq!(inflater.finish(&mut out, PLENTY), Ok(()));
                prop_assert_eq!(&out, message);
            }
        }

        #[test]
        fn noise_ends_and_stays_within_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut out = Vec::new();
            let mut inflater = Inflater::new(Half::default());
            let _ = inflater.piece(&bytes, &mut out, 1000).and_then(|()| inflater.finish(&mut out, 1000));
            prop_assert!(out.len() <= 1001 + STEP);
        }
    }
}
