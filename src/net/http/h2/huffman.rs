//! The Huffman code of HPACK (RFC 7541 appendix B), four bits at a time.
//!
//! The code is canonical, so the lengths are all there is to write down: codes of one length follow each
//! other in the order of their symbols.

use std::sync::LazyLock;

/// The length of each byte's code, in bits; the last is the end of string, which no text contains.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];
/// The end of string.
const END: u16 = 256;

/// What four bits do to a node of the tree: where one is then, and the byte that was completed. Codes have
/// five bits or more, so there is at most one.
#[derive(Clone, Copy, Default)]
struct Step {
    /// `None` past the end of string, which is an error.
    next: Option<u8>,
    byte: Option<u8>,
}

struct Tree {
    steps: Vec<[Step; 16]>,
    /// Whether a text may end at a node: behind less than a byte of ones (section 5.2).
    ends: Vec<bool>,
}

static TREE: LazyLock<Tree> = LazyLock::new(Tree::grow);

/// A child of a node: another node, a symbol, or nothing yet.
#[derive(Clone, Copy)]
enum Child {
    None,
    Node(usize),
    Leaf(u16),
}

impl Tree {
    fn grow() -> Self {
        let mut nodes = vec![[Child::None; 2]];
        let mut ends = vec![true];
        let mut code = 0u32;
        for length in 1..=30u8 {
            code <<= 1;
            for symbol in (0..=END).filter(|symbol| LENGTHS[usize::from(*symbol)] == length) {
                let mut at = 0;
                for bit in (0..length).rev() {
                    let way = (code >> bit) as usize & 1;
                    if bit == 0 {
                        nodes[at][way] = Child::Leaf(symbol);
                    } else if let Child::Node(next) = nodes[at][way] {
                        at = next;
                    } else {
                        let depth = length - bit;
                        ends.push(way == 1 && ends[at] && depth < 8);
                        nodes.push([Child::None; 2]);
                        nodes[at][way] = Child::Node(nodes.len() - 1);
                        at = nodes.len() - 1;
                    }
                }
                code += 1;
            }
        }
        let steps = (0..nodes.len()).map(|node| std::array::from_fn(|bits| walk(&nodes, node, bits))).collect();
        Self { steps, ends }
    }
}

fn walk(nodes: &[[Child; 2]], mut at: usize, bits: usize) -> Step {
    let mut byte = None;
    for bit in (0..4).rev() {
        match nodes[at][bits >> bit & 1] {
            Child::Node(next) => at = next,
            Child::Leaf(symbol) => match u8::try_from(symbol) {
                Ok(symbol) => (byte, at) = (Some(symbol), 0),
                Err(_) => return Step::default(),
            },
            Child::None => return Step::default(),
        }
    }
    Step { next: u8::try_from(at).ok(), byte }
}

/// Appends what `coded` means. A text is at most 8/5 of its code.
///
/// # Errors
/// It contains the end of string, or ends in something else than its beginning.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), ()> {
    let tree = &*TREE;
    let mut at = 0u8;
    for bits in coded.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        let step = tree.steps[usize::from(at)][usize::from(bits)];
        at = step.next.ok_or(())?;
        out.extend(step.byte);
    }
    if tree.ends[usize::from(at)] { Ok(()) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str) -> Result<String, ()> {
        let mut out = Vec::new();
        decode(&hex::decode(code).unwrap(), &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_tree_is_whole() {
        // Every inner node of a complete code has two children: one node less than there are leaves.
        assert_eq!(TREE.steps.len(), 256);
        let complete: f64 = LENGTHS.iter().map(|length| 0.5f64.powi(i32::from(*length))).sum();
        assert_eq!(complete, 1.0);
    }

    /// RFC 7541 appendices C.4 and C.6.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let examples = [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("25a849e95bb8e8b4bf", "custom-value"),
            ("6402", "302"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
            (
                "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
                "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ),
        ];
        for (code, want) in examples {
            assert_eq!(text(code).as_deref(), Ok(want), "{code}");
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        assert_eq!(text("1f").as_deref(), Ok("a"));
        assert_eq!(text("18"), Err(()), "zeroes");
        assert_eq!(text("1fff"), Err(()), "a byte too many");
        assert_eq!(text("fffffffc"), Err(()), "the end of string");
    }
}
