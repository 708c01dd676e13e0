//! HPACK (RFC 7541): the headers of one direction. Every block has to be read in its order, for each may
//! change what the next one means.

use std::collections::VecDeque;

use super::huffman;

/// The largest table a peer can make us keep, whatever was announced: a browser's is 64 KiB.
const TABLE: usize = 1 << 20;
/// What the dynamic table may hold before a setting says otherwise (RFC 9113 section 6.5.2).
pub const USUAL: u32 = 4096;
/// What an entry counts beside its bytes (section 4.1).
const ENTRY: usize = 32;

/// A block that is no HPACK: from here on nothing of this direction can be read (section 2.2 and 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken(pub &'static str);

/// A name and its value, end to end.
struct Field {
    bytes: Box<[u8]>,
    name: usize,
}

impl Field {
    fn size(&self) -> usize {
        self.bytes.len() + ENTRY
    }
}

/// See the module.
pub struct Decoder {
    /// The dynamic table, newest first.
    fields: VecDeque<Field>,
    size: usize,
    /// What the encoder said that it uses.
    limit: usize,
    /// What it may use.
    allowed: usize,
    /// The literal at hand: kept, so that most fields cost no allocation.
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    pub fn new() -> Self {
        Self {
            fields: VecDeque::new(),
            size: 0,
            limit: USUAL as usize,
            allowed: USUAL as usize,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// The receiver of these blocks announced this table size. It never takes back a larger one: when that
    /// comes into force nobody but the two can know.
    pub fn allow(&mut self, size: u32) {
        self.allowed = self.allowed.max(size as usize).min(TABLE);
    }

    /// Reads one block: `each` gets every name and value in order.
    ///
    /// # Errors
    /// The block is malformed; fields before that were given.
    pub fn decode(&mut self, mut block: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Broken> {
        let mut resizes = true;
        while let Some(first) = block.first().copied() {
            if first & 0x80 != 0 {
                let (name, value) = self.field(integer(&mut block, 7)?)?;
                each(name, value);
            } else if first & 0xe0 == 0x20 {
                let size = integer(&mut block, 5)?;
                if !resizes {
                    return Err(Broken("a table size behind a header (RFC 7541 section 4.2)"));
                }
                if size > self.allowed {
                    return Err(Broken("a table larger than was allowed (RFC 7541 section 6.3)"));
                }
                self.limit = size;
                self.evict(0);
                continue;
            } else {
                let keeps = first & 0x40 != 0;
                let index = integer(&mut block, if keeps { 6 } else { 4 })?;
                let mut text = std::mem::take(&mut self.name);
                text.clear();
                if index == 0 {
                    string(&mut block, &mut text)?;
                } else {
                    text.extend_from_slice(self.field(index)?.0);
                }
                self.name = text;
                self.value.clear();
                string(&mut block, &mut self.value)?;
                each(&self.name, &self.value);
                if keeps {
                    self.insert();
                }
            }
            resizes = false;
        }
        Ok(())
    }

    /// Section 2.3.3: the static table, then the dynamic one.
    fn field(&self, index: usize) -> Result<(&[u8], &[u8]), Broken> {
        let none = Broken("an index of no table entry (RFC 7541 section 2.3.3)");
        let at = index.checked_sub(1).ok_or(none)?;
        if let Some((name, value)) = STATIC.get(at) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let field = self.fields.get(at - STATIC.len()).ok_or(none)?;
        Ok(field.bytes.split_at(field.name))
    }

    /// Section 4.4: the oldest make room; what is larger than the table empties it.
    fn insert(&mut self) {
        let size = self.name.len() + self.value.len() + ENTRY;
        self.evict(size);
        if size <= self.limit {
            let bytes = [&self.name[..], &self.value[..]].concat().into_boxed_slice();
            self.fields.push_front(Field { bytes, name: self.name.len() });
            self.size += size;
        }
    }

    fn evict(&mut self, room: usize) {
        while self.size + room > self.limit
            && let Some(field) = self.fields.pop_back()
        {
            self.size -= field.size();
        }
    }
}

/// Section 5.1, in a prefix of so many bits.
fn integer(block: &mut &[u8], prefix: u8) -> Result<usize, Broken> {
    let cut = Broken("a header block is cut (RFC 7541 section 5)");
    let (first, mut rest) = block.split_first().ok_or(cut)?;
    let most = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    let mut shift = 0;
    let mut more = value == most;
    while more {
        let (byte, behind) = rest.split_first().ok_or(cut)?;
        rest = behind;
        // Four bytes of seven bits: far beyond any length or index, and no platform's limit.
        if shift > 21 {
            return Err(Broken("a number is too large (RFC 7541 section 5.1)"));
        }
        value += usize::from(byte & 0x7f) << shift;
        shift += 7;
        more = byte & 0x80 != 0;
    }
    *block = rest;
    Ok(value)
}

/// Section 5.2.
fn string(block: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let cut = Broken("a header block is cut (RFC 7541 section 5)");
    let coded = block.first().ok_or(cut)? & 0x80 != 0;
    let length = integer(block, 7)?;
    let (text, rest) = block.split_at_checked(length).ok_or(cut)?;
    *block = rest;
    if !coded {
        out.extend_from_slice(text);
        return Ok(());
    }
    huffman::decode(text, out).map_err(|()| Broken("a Huffman code is malformed (RFC 7541 section 5.2)"))
}

/// Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(decoder: &mut Decoder, block: &str) -> Result<String, Broken> {
        let mut text = String::new();
        let block = hex::decode(block).unwrap();
        decoder.decode(&block, |name, value| {
            let show = |bytes| String::from_utf8_lossy(bytes).into_owned();
            text += &format!("{}: {}\n", show(name), show(value));
        })?;
        Ok(text)
    }

    /// RFC 7541 appendix C.5: a table of 256 bytes, in which entries are evicted.
    const RESPONSES: [(&str, &str); 3] = [
        (
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n",
        ),
        (
            "4803333037c1c0bf",
            ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n",
        ),
        (
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
            ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\ncontent-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
        ),
    ];

    /// Appendix C.4: requests, in Huffman code.
    const REQUESTS: [(&str, &str); 3] = [
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"),
        (
            "828684be5886a8eb10649cbf",
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache\n",
        ),
        (
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value\n",
        ),
    ];

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let mut decoder = Decoder::new();
        for (block, want) in REQUESTS {
            assert_eq!(read(&mut decoder, block).as_deref(), Ok(want));
        }
        assert_eq!((decoder.size, decoder.fields.len()), (164, 3));
        let mut decoder = Decoder::new();
        decoder.limit = 256;
        for (block, want) in RESPONSES {
            assert_eq!(read(&mut decoder, block).as_deref(), Ok(want));
        }
        assert_eq!((decoder.size, decoder.fields.len()), (215, 3));
    }

    #[test]
    fn a_malformed_block_says_what_is_wrong() {
        let cases = [
            ("80", "no table entry"),
            ("be", "no table entry"),
            ("ff", "is cut"),
            ("ffffffffff7f", "too large"),
            ("400161", "is cut"),
            ("4081e40161", "Huffman"),
            ("823f00", "behind a header"),
            ("3fe21f", "larger than was allowed"),
        ];
        for (block, want) in cases {
            let broken = read(&mut Decoder::new(), block).unwrap_err();
            assert!(broken.0.contains(want), "{block}: {}", broken.0);
        }
    }

    #[test]
    fn a_table_grows_as_far_as_the_receiver_allowed() {
        let mut decoder = Decoder::new();
        decoder.allow(8192);
        assert_eq!(read(&mut decoder, "3fe13f82").as_deref(), Ok(":method: GET\n"));
        decoder.allow(u32::MAX);
        assert_eq!(decoder.allowed, TABLE);
    }

    proptest! {
        #[test]
        fn no_block_panics_and_the_table_stays_within_its_limit(
            blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 1..8),
        ) {
            let mut decoder = Decoder::new();
            for block in blocks {
                let _ = decoder.decode(&block, |_, _| {});
                prop_assert!(decoder.size <= decoder.limit && decoder.limit <= decoder.allowed);
                prop_assert_eq!(decoder.size, decoder.fields.iter().map(Field::size).sum::<usize>());
            }
        }
    }
}
