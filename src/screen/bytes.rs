//! The one place where bytes from a network, a file or a peer's name become visible text.
//!
//! What leaves here holds no control, format, private or unassigned character, and each piece knows
//! how many columns it takes. Escapes are written as the send panel reads them: `\n`, `\x1b`, `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use ratatui::buffer::CellWidth;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use super::cells;
use super::theme::Theme;

/// Combining marks on one character; more is no script but an attack on the lines above.
const MARKS: usize = 4;

/// How a piece came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As it came.
    Plain,
    /// Written in place of what must not reach a terminal.
    Escape,
    /// The escape of a line feed.
    Break,
}

/// Shows `bytes` piece by piece: text, columns, form. A piece is a character with its marks, or one escape.
pub fn walk(bytes: &[u8], mut each: impl FnMut(&str, usize, Form) -> ControlFlow<()>) {
    let mut escape = String::new();
    for chunk in bytes.utf8_chunks() {
        for cluster in chunk.valid().graphemes(true) {
            if show(cluster, &mut escape, &mut each).is_break() {
                return;
            }
        }
        for byte in chunk.invalid() {
            escape.clear();
            // Writing to a String cannot fail.
            let _ = write!(escape, "\\x{byte:02x}");
            if each(&escape, escape.len(), Form::Escape).is_break() {
                return;
            }
        }
    }
}

fn show(
    cluster: &str,
    escape: &mut String,
    each: &mut impl FnMut(&str, usize, Form) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut rest = cluster;
    while let Some(first) = rest.chars().next() {
        let end = plain(rest);
        if end > 0 {
            let width = usize::from(rest[..end].cell_width());
            each(&rest[..end], width, Form::Plain)?;
            rest = &rest[end..];
            continue;
        }
        escape.clear();
        let form = write_escape(first, escape);
        each(escape, escape.len(), form)?;
        rest = &rest[first.len_utf8()..];
    }
    ControlFlow::Continue(())
}

/// How many bytes of a cluster may be shown as they are: a character that takes columns and its marks.
fn plain(cluster: &str) -> usize {
    let mut end = 0;
    for (count, (at, c)) in cluster.char_indices().enumerate() {
        if !is_visible(c) || count > MARKS {
            break;
        }
        end = at + c.len_utf8();
    }
    if cluster[..end].chars().next().is_some_and(stands_alone) { end } else { 0 }
}

/// Whether the character takes columns of its own. A mark without anything to stand on would fall onto the
/// cell before it.
fn stands_alone(c: char) -> bool {
    if c.is_ascii() {
        return true;
    }
    let text = behind_a(c);
    text.graphemes(true).count() == 2 && text[1..].cell_width() > 0
}

fn behind_a(c: char) -> String {
    let mut text = String::with_capacity(5);
    text.push('a');
    text.push(c);
    text
}

/// Whether a terminal shows the character and does nothing else with it.
fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c if c.is_control() => false,
        // The ideographic space belongs to Chinese and Japanese text as much as a space does to this line.
        '\u{3000}' => true,
        // Zero width or blank by definition (Unicode: Default_Ignorable_Code_Point), though letters or marks.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' => false,
        '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => false,
        // Skin tones join the emoji before them in some terminals and stand alone in others.
        '\u{1f3fb}'..='\u{1f3ff}' => false,
        // For the rest, the standard library's table: unassigned, private, format and separators are escaped.
        // Behind another character, because a mark alone is escaped for another reason.
        c => behind_a(c).escape_debug().nth(1) == Some(c),
    }
}

fn write_escape(c: char, out: &mut String) -> Form {
    let short = match c {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => {
            let code = u32::from(c);
            // Writing to a String cannot fail. Above ASCII it is a character, not the byte of that number.
            let _ = if code < 0x80 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
            return Form::Escape;
        }
    };
    out.push_str(short);
    if c == '\n' { Form::Break } else { Form::Escape }
}

/// One line of at most `width` columns; what does not fit ends in `…`.
pub fn preview(bytes: &[u8], width: usize, theme: &Theme) -> Line<'static> {
    excerpt(bytes, false, width, theme.plain, theme)
}

/// One line of at most `width` columns in a style; ends in `…` if it is cut, or if `more` follows what is here.
pub fn excerpt(bytes: &[u8], more: bool, width: usize, style: Style, theme: &Theme) -> Line<'static> {
    let mut pieces: Vec<(String, usize, Form)> = Vec::new();
    let mut used = 0;
    walk(bytes, |text, columns, form| {
        used += columns;
        pieces.push((text.to_string(), columns, form));
        if used > width { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let cut = used > width || more;
    if cut {
        while used + 1 > width {
            let Some((_, columns, _)) = pieces.pop() else { break };
            used -= columns;
        }
    }
    let mut run = Run::default();
    for (text, columns, form) in &pieces {
        run.push(text, *columns, if *form == Form::Plain { style } else { theme.dim });
    }
    if cut && width > 0 {
        run.push("…", 1, theme.dim);
    }
    run.take()
}

/// A foreign name, address or sentence made harmless; as it is where nothing had to be.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    walk(text.as_bytes(), |piece, _, _| {
        out.push_str(piece);
        ControlFlow::Continue(())
    });
    Cow::Owned(out)
}

/// The text wrapped into lines of at most `width` columns; a line feed shows its escape and breaks the line.
pub fn text(bytes: &[u8], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut page = Page::new(width, usize::MAX);
    page.text(bytes, theme.plain, theme);
    page.finish()
}

/// A line under construction: neighbours of one style become one span.
#[derive(Default)]
struct Run {
    spans: Vec<Span<'static>>,
    text: String,
    style: Style,
    columns: usize,
}

impl Run {
    fn push(&mut self, text: &str, columns: usize, style: Style) {
        if style != self.style {
            self.flush();
            self.style = style;
        }
        self.text.push_str(text);
        self.columns += columns;
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.spans.push(Span::styled(std::mem::take(&mut self.text), self.style));
        }
    }

    fn take(&mut self) -> Line<'static> {
        self.flush();
        self.columns = 0;
        Line::from(std::mem::take(&mut self.spans))
    }
}

/// Lines of one width under construction. What does not fit goes on in the next line, under its indent.
pub struct Page {
    width: usize,
    /// Lines at the most: whatever comes later is left out.
    most: usize,
    indent: usize,
    hang: usize,
    run: Run,
    lines: Vec<Line<'static>>,
}

impl Page {
    pub fn new(width: usize, most: usize) -> Self {
        Self { width: width.max(1), most, indent: 0, hang: 0, run: Run::default(), lines: Vec::new() }
    }

    /// Whether all lines it may have are written.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= self.most
    }

    /// Columns left in the line.
    pub fn room(&self) -> usize {
        self.width.saturating_sub(self.run.columns)
    }

    /// Shows foreign bytes; line feeds break lines.
    pub fn text(&mut self, bytes: &[u8], style: Style, theme: &Theme) {
        walk(bytes, |piece, columns, form| {
            self.put(piece, columns, if form == Form::Plain { style } else { theme.dim });
            if form == Form::Break {
                self.newline(0);
            }
            if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Shows foreign bytes on the line: line feeds are escapes like others.
    pub fn inline(&mut self, bytes: &[u8], style: Style, theme: &Theme) {
        walk(bytes, |piece, columns, form| {
            self.put(piece, columns, if form == Form::Plain { style } else { theme.dim });
            if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Shows foreign bytes on the line, and breaks it between words: a word that fits a line is never cut.
    pub fn words(&mut self, bytes: &[u8], style: Style, theme: &Theme) {
        for (n, word) in bytes.split(|byte| *byte == b' ').enumerate() {
            if n > 0 && self.room() > 0 && !self.is_full() {
                self.put(" ", 1, style);
            }
            self.word(word, style, theme);
        }
    }

    /// Shows foreign bytes as one word: on the next line, if it fits there and not here.
    pub fn word(&mut self, bytes: &[u8], style: Style, theme: &Theme) {
        let mut columns = 0;
        let most = self.width - self.indent.max(self.hang).min(self.width / 2);
        walk(bytes, |_, piece, _| {
            columns += piece;
            if columns > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if columns > self.room() && columns <= most && self.run.columns > self.indent {
            self.newline(self.indent.max(self.hang));
        }
        self.inline(bytes, style, theme);
    }

    /// What goes on in the next line stands so many columns in.
    pub fn hang(&mut self, columns: usize) {
        self.hang = columns;
    }

    fn put(&mut self, piece: &str, columns: usize, style: Style) {
        if columns > self.room() && self.run.columns > self.indent {
            self.newline(self.indent.max(self.hang));
        }
        if self.is_full() {
            return;
        }
        if columns <= self.room() {
            self.run.push(piece, columns, style);
        } else if piece.is_ascii() {
            // An escape longer than a line is: character by character.
            for at in 0..piece.len() {
                if self.room() == 0 {
                    self.newline(0);
                }
                if !self.is_full() {
                    self.run.push(&piece[at..=at], 1, style);
                }
            }
        } else {
            self.run.push("…", 1, style);
        }
    }

    /// Ends the line and begins the next one `indent` columns in, or half a line where that is too much.
    pub fn newline(&mut self, indent: usize) {
        if self.is_full() {
            self.run.take();
            return;
        }
        self.lines.push(self.run.take());
        self.indent = indent.min(self.width / 2);
        if self.indent > 0 && !self.is_full() {
            let blanks = " ".repeat(self.indent);
            self.run.push(&blanks, self.indent, Style::new());
        }
    }

    pub fn finish(mut self) -> Vec<Line<'static>> {
        if self.run.columns > self.indent {
            self.newline(0);
        }
        self.lines
    }
}

/// Rows of a hex dump: offset, 16, 8 or 4 bytes as the width allows, and their ASCII.
pub fn hex(bytes: &[u8], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let digits = if bytes.len() > 0xffff { 8 } else { 4 };
    // Two blanks between the three parts, or one where that lets a row hold twice as much.
    let fits = |(row, gap): &(usize, usize)| hex_width(digits, *row, *gap) <= width;
    let (row, gap) = [(16, 2), (16, 1), (8, 2), (8, 1), (4, 2)].into_iter().find(fits).unwrap_or((4, 1));
    let between = &"  "[..gap];
    let lines = bytes.chunks(row).enumerate().map(|(i, chunk)| {
        let mut run = Run::default();
        run.push(&format!("{:0digits$x}{between}", i * row), digits + gap, theme.dim);
        for at in 0..row {
            if at > 0 {
                let blank = if at % 8 == 0 { "  " } else { " " };
                run.push(blank, blank.len(), theme.plain);
            }
            match chunk.get(at) {
                Some(0) => run.push("00", 2, theme.dim),
                Some(byte) => run.push(&format!("{byte:02x}"), 2, theme.plain),
                None => run.push("  ", 2, theme.plain),
            }
        }
        run.push(between, gap, theme.plain);
        for byte in chunk {
            match byte {
                b' '..=b'~' => run.push(char::from(*byte).encode_utf8(&mut [0; 4]), 1, theme.bright),
                _ => run.push("·", 1, theme.dim),
            }
        }
        cells::cut(run.take(), width, theme)
    });
    lines.collect()
}

fn hex_width(digits: usize, row: usize, gap: usize) -> usize {
    digits + gap + row * 3 - 1 + (row - 1) / 8 + gap + row
}

#[cfg(test)]
#[path = "bytes_tests.rs"]
mod tests;
