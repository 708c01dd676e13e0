//! Where one direction of a stream stands: bytes in, pieces of messages out. Incremental, a few words
//! large whatever comes, and honest about bytes that were not kept.

use super::Framing;

/// How much is known of a message's number and of where it begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Trust {
    #[default]
    Sure,
    /// Its borders are; its number counts only what could be seen.
    Counted,
    /// Something before it was not kept: that it begins here is assumed.
    Assumed,
}

/// A part of one chunk that belongs to one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Of its message, from 1, in its direction; 0 where nobody can tell any more what belongs to what.
    pub number: u64,
    pub trust: Trust,
    /// Offset in the chunk, and length.
    pub from: u64,
    pub len: u64,
    /// Offset in the message: 0 where it begins.
    pub at: u64,
    /// The message ends with this piece.
    pub ends: bool,
    /// Bytes that the message still wants, where its prefix is here.
    pub missing: Option<u64>,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// Messages begun so far.
    number: u64,
    trust: Trust,
    /// Trust of those that begin from here on.
    next: Trust,
    open: bool,
    /// Bytes of the open message that have passed.
    at: u64,
    /// Bytes of it that could not be seen.
    hidden: u64,
    /// Bytes of a delimiter that stand at the end of what passed.
    matched: u8,
    /// Bytes of the prefix that are here, its number so far, and with all of it the body's bytes to come.
    got: u8,
    length: u32,
    rest: u64,
    /// A prefix was among bytes that were not kept: the next chunk is taken for a beginning.
    lost: bool,
}

impl Cursor {
    /// Takes a chunk of `size` bytes, the first of which are `head`; tells its pieces in order. They cover it.
    pub fn chunk(&mut self, framing: &Framing, head: &[u8], size: u64, mut tell: impl FnMut(Piece)) {
        let mut from = 0;
        while from < size {
            if !self.open {
                self.begin();
            }
            let at = self.at;
            let mut len = 0;
            let mut ends = false;
            while !ends && from + len < size {
                // A head is at most as long as a slice can be.
                let seen = usize::try_from(from + len).ok().and_then(|offset| head.get(offset..)).unwrap_or_default();
                let taken;
                (taken, ends) = match seen {
                    [] => self.hide(framing, size - from - len),
                    bytes => self.see(framing, bytes),
                };
                len += taken;
            }
            self.at += len;
            let number = if self.lost { 0 } else { self.number };
            let missing = (self.is_announced(framing) && !ends).then_some(self.rest);
            tell(Piece { number, trust: self.trust, from, len, at, ends, missing });
            if ends {
                self.finish(framing);
            }
            from += len;
        }
        if std::mem::take(&mut self.lost) {
            self.open = false;
            self.next = Trust::Assumed;
        }
    }

    /// Chunks were dropped before they could be seen.
    pub fn lose(&mut self, framing: &Framing) {
        self.open = false;
        // The next delimiter is a border for sure; behind a prefix that is gone nothing ever is.
        self.next = Trust::Assumed;
        if !matches!(framing, Framing::Prefix(_)) {
            self.matched = 0;
        }
    }

    /// The stream ended.
    pub fn end(&mut self) {
        self.open = false;
    }

    /// Whether a message has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.open
    }

    fn begin(&mut self) {
        self.number += 1;
        self.open = true;
        self.trust = self.next;
        (self.at, self.hidden, self.matched) = (0, 0, 0);
        (self.got, self.length, self.rest) = (0, 0, 0);
    }

    fn finish(&mut self, framing: &Framing) {
        self.open = false;
        if !matches!(framing, Framing::Prefix(_)) {
            // What was hidden may have held borders, which only the numbers tell.
            let unsure = self.hidden > 0 || self.trust > Trust::Sure;
            self.next = if unsure { Trust::Counted } else { Trust::Sure };
        }
    }

    fn is_announced(&self, framing: &Framing) -> bool {
        matches!(framing, Framing::Prefix(prefix) if usize::from(self.got) == prefix.width())
    }

    /// Takes bytes up to the end of the message: how many, and whether it is there.
    fn see(&mut self, framing: &Framing, bytes: &[u8]) -> (u64, bool) {
        let all = bytes.len() as u64;
        match framing {
            Framing::None => (all, true),
            Framing::Line => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at as u64 + 1, true),
                None => (all, false),
            },
            Framing::Delimiter(delimiter) => match delimiter.find(&mut self.matched, bytes) {
                Some(end) => (end as u64, true),
                None => (all, false),
            },
            Framing::Prefix(prefix) => {
                let mut taken = 0;
                for byte in bytes {
                    if usize::from(self.got) == prefix.width() {
                        break;
                    }
                    self.length = prefix.add(self.length, self.got, *byte);
                    self.got += 1;
                    self.rest = u64::from(self.length);
                    taken += 1;
                }
                if usize::from(self.got) < prefix.width() {
                    return (taken, false);
                }
                let body = self.rest.min(all - taken);
                self.rest -= body;
                (taken + body, self.rest == 0)
            }
        }
    }

    /// The same for bytes that nobody kept.
    fn hide(&mut self, framing: &Framing, count: u64) -> (u64, bool) {
        self.hidden += count;
        match framing {
            Framing::None => (count, true),
            Framing::Line | Framing::Delimiter(_) => {
                self.matched = 0;
                (count, false)
            }
            Framing::Prefix(_) if self.is_announced(framing) => {
                let body = self.rest.min(count);
                self.hidden -= count - body;
                self.rest -= body;
                (body, self.rest == 0)
            }
            Framing::Prefix(_) => {
                self.lost = true;
                (count, false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Message lengths, by feeding chunks whose first `kept` bytes are known.
    fn pieces(form: &str, chunks: &[&[u8]], kept: usize) -> Vec<Vec<Piece>> {
        let framing: Framing = form.parse().unwrap();
        let mut cursor = Cursor::default();
        chunks
            .iter()
            .map(|chunk| {
                let mut out = Vec::new();
                let head = &chunk[..chunk.len().min(kept)];
                cursor.chunk(&framing, head, chunk.len() as u64, |piece| out.push(piece));
                out
            })
            .collect()
    }

    /// Offsets in the stream where messages end.
    fn ends(form: &str, chunks: &[&[u8]]) -> Vec<u64> {
        let mut base = 0;
        let mut ends = Vec::new();
        for (chunk, pieces) in chunks.iter().zip(pieces(form, chunks, usize::MAX)) {
            ends.extend(pieces.iter().filter(|piece| piece.ends).map(|piece| base + piece.from + piece.len));
            base += chunk.len() as u64;
        }
        ends
    }

    #[test]
    fn each_framing_finds_the_borders() {
        assert_eq!(ends("line", &[b"a\nb\r\n", b"c"]), [2, 5]);
        assert_eq!(ends("delimiter:\\r\\n\\r\\n", &[b"a\r\n\r", b"\nb\r\n\r\r\n\r\n"]), [5, 14 - 1]);
        assert_eq!(ends("u8", &[b"\x02hi\x00\x01", b"x"]), [3, 4, 6]);
        assert_eq!(ends("u16be", &[b"\x00", b"\x02h", b"i\x00\x00"]), [4, 6]);
        assert_eq!(ends("u16le", &[b"\x02\x00hi"]), [4]);
        assert_eq!(ends("u32be", &[b"\0\0\0\x01x\0\0\0"]), [5]);
        assert_eq!(ends("u32le", &[b"\x01\0\0\0x"]), [5]);
    }

    #[test]
    fn a_chunk_in_the_middle_says_what_is_missing() {
        let pieces = pieces("u8", &[b"\x05he", b"l", b"lo\x01"], usize::MAX);
        assert_eq!(pieces[0][0].missing, Some(3));
        assert_eq!((pieces[1][0].at, pieces[1][0].missing, pieces[1][0].ends), (3, Some(2), false));
        assert_eq!((pieces[2][0].len, pieces[2][0].ends, pieces[2][0].missing), (2, true, None));
        assert_eq!((pieces[2][1].number, pieces[2][1].from, pieces[2][1].missing), (2, 2, Some(1)));
    }

    #[test]
    fn bytes_that_were_not_kept_inside_a_message_with_a_length_cost_nothing() {
        let pieces = pieces("u8", &[b"\x04body\x02", b"hi"], 3);
        assert_eq!(
            pieces[0][0],
            Piece { number: 1, trust: Trust::Sure, from: 0, len: 5, at: 0, ends: true, missing: None }
        );
        // The second prefix was not kept: what belongs to what is unknown to the end of that chunk.
        assert_eq!((pieces[0][1].number, pieces[0][1].len), (0, 1));
        assert_eq!(pieces[1][0].trust, Trust::Assumed);
    }

    #[test]
    fn hidden_bytes_may_hold_delimiters_so_later_numbers_are_only_counted() {
        let pieces = pieces("line", &[b"ab\ncd\nef", b"gh\n", b"ij\n"], 4);
        let flat: Vec<(u64, Trust, bool)> =
            pieces.into_iter().flatten().map(|piece| (piece.number, piece.trust, piece.ends)).collect();
        assert_eq!(
            flat,
            [(1, Trust::Sure, true), (2, Trust::Sure, false), (2, Trust::Sure, true), (3, Trust::Counted, true),]
        );
    }

    #[test]
    fn a_delimiter_resynchronises_after_a_loss_and_a_prefix_only_assumes() {
        for (form, bytes, second) in
            [("line", &b"tail\nnew\n"[..], Trust::Counted), ("u8", b"\x01a\x01b", Trust::Assumed)]
        {
            let framing: Framing = form.parse().unwrap();
            let mut cursor = Cursor::default();
            cursor.lose(&framing);
            let mut trusts = Vec::new();
            cursor.chunk(&framing, bytes, bytes.len() as u64, |piece| trusts.push(piece.trust));
            assert_eq!(trusts, [Trust::Assumed, second], "{form}");
        }
    }

    proptest! {
        /// Any split of a stream gives the same messages, and the pieces cover each chunk.
        #[test]
        fn any_split_gives_the_same_messages(
            bytes in prop::collection::vec(0u8..5, 0..60),
            cuts in prop::collection::vec(0usize..60, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks: Vec<&[u8]> = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&bytes[from..cut]);
                from = cut;
            }
            chunks.push(&bytes[from..]);
            for form in ["line", "u8", "u16be", "u16le", "u32be", "u32le", r"delimiter:\x01", r"delimiter:\x01\x01\x02"] {
                prop_assert_eq!(ends(form, &chunks), ends(form, &[&bytes]), "{}", form);
                for (chunk, pieces) in chunks.iter().zip(pieces(form, &chunks, usize::MAX)) {
                    let mut next = 0;
                    for piece in pieces {
                        prop_assert_eq!(piece.from, next);
                        prop_assert!(piece.len > 0);
                        next += piece.len;
                    }
                    prop_assert_eq!(next, chunk.len() as u64);
                }
            }
        }

        /// Whatever is hidden or lost, a chunk is covered and nothing panics.
        #[test]
        fn pieces_cover_what_was_not_kept(
            chunks in prop::collection::vec((prop::collection::vec(0u8..4, 0..12), 0u64..40, any::<bool>()), 0..8),
        ) {
            for form in Framing::FORMS {
                let framing: Framing = form.parse().unwrap();
                let mut cursor = Cursor::default();
                for (head, hidden, lost) in &chunks {
                    if *lost {
                        cursor.lose(&framing);
                    }
                    let size = head.len() as u64 + hidden;
                    let mut next = 0;
                    cursor.chunk(&framing, head, size, |piece| {
                        assert_eq!(piece.from, next);
                        assert!(piece.len > 0);
                        next += piece.len;
                    });
                    prop_assert_eq!(next, size);
                }
            }
        }

        /// What is sent framed is read as the same messages.
        #[test]
        fn what_is_framed_is_read_back(bodies in prop::collection::vec(prop::collection::vec(5u8..9, 0..20), 0..6)) {
            for form in ["line", "u8", "u16be", "u16le", "u32be", "u32le", r"delimiter:\x01\x02"] {
                let framing: Framing = form.parse().unwrap();
                let stream: Vec<u8> = bodies.iter().flat_map(|body| framing.encode(body).unwrap()).collect();
                let mut from = 0;
                let mut read = Vec::new();
                for end in ends(form, &[&stream]) {
                    let end = usize::try_from(end).unwrap();
                    let whole = &stream[from..end];
                    read.push(whole[framing.body(whole, true)].to_vec());
                    from = end;
                }
                prop_assert_eq!(from, stream.len());
                prop_assert_eq!(&read, &bodies);
            }
        }
    }
}
