//! Wrapping between words.

use super::*;
use crate::screen::theme::Depth;

fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let theme = Theme::new(Depth::Mono);
    let mut page = Page::new(width, 100);
    page.hang(indent);
    page.words(text.as_bytes(), theme.plain, &theme);
    page.finish().iter().map(|line| line.to_string().trim_end().to_owned()).collect()
}

#[test]
fn lines_break_between_words_and_hang() {
    assert_eq!(wrapped("the peer does not read", 10, 0), ["the peer", "does not", "read"]);
    assert_eq!(wrapped("the peer does not read", 10, 2), ["the peer", "  does not", "  read"]);
    assert_eq!(
        wrapped("a name_longer_than_the_line here", 10, 2),
        ["a name_lon", "  ger_than", "  _the_lin", "  e here"]
    );
    assert_eq!(wrapped("fits exact ly", 10, 0), ["fits exact", "ly"]);
    assert_eq!(wrapped("你好 吗吗 x", 5, 0), ["你好", "吗吗", "x"]);
    assert!(wrapped("", 10, 0).is_empty());
}
