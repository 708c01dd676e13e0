//! Chunks as messages: the brace that joins the chunks of one message, its number in the preview, and the
//! whole message with the borders of its chunks.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::Line;

use super::bytes::{self, Page};
use super::cells::{self, span};
use super::theme::Theme;
use crate::model::event::{Event, Way};
use crate::model::framer::{Framed, Framing, Message, Piece, Slice, Standing, Trust};
use crate::model::size;

/// Messages of one chunk that the page shows: a chunk of the smallest has thousands.
const MESSAGES: usize = 100;
/// Columns that a message's bytes are worth beside its number.
const WORTH: usize = 4;

/// What joins the chunks of a message: incoming ones in the column before the glyph, ours in the one behind it.
pub fn braces(event: &Event, slice: &Slice) -> [&'static str; 2] {
    let open = |is_open| if is_open { "┊" } else { " " };
    let [before, behind] = slice.open.map(open);
    match event.kind.way() {
        Some(Way::In) if slice.count > 0 => [brace(slice, ["╶", "┌", "└", "│", "├"]), behind],
        Some(Way::Out) if slice.count > 0 => [before, brace(slice, ["╴", "┐", "┘", "│", "┤"])],
        _ => [before, behind],
    }
}

/// One of: whole, begins, ends, goes on, ends and begins.
fn brace(slice: &Slice, [whole, begins, ends, on, both]: [&'static str; 5]) -> &'static str {
    let (Some(first), Some(last)) = (slice.pieces.first(), slice.last) else { return " " };
    if first.number == 0 || last.number == 0 {
        return "?";
    }
    match (first.at > 0, last.ends) {
        (false, true) => whole,
        (false, false) => begins,
        (true, true) => ends,
        (true, false) if slice.count == 1 => on,
        (true, false) => both,
    }
}

/// `m3`, `~m3` where the number only counts what could be seen, `?` where borders are unknown.
fn name(number: u64, trust: Trust) -> String {
    match (number, trust) {
        (0, _) => "?".into(),
        (number, Trust::Sure) => format!("m{number}"),
        (number, Trust::Counted | Trust::Assumed) => format!("~m{number}"),
    }
}

/// The chunk on one line: each message it has a part in by its number, and what it brought of it.
pub fn line(event: &Event, slice: &Slice, framing: &Framing, width: usize, theme: &Theme) -> Line<'static> {
    let mut line = Line::default();
    let mut used = 0;
    let mut shown = 0;
    // Where not all of them have room, the last one's number says how many there are.
    let tail = slice.last.map_or_else(String::new, |last| format!("  … {}", name(last.number, last.trust)));
    for piece in &slice.pieces {
        let before = if piece.at > 0 { "…" } else { "" };
        let gap = if used > 0 { "  " } else { "" };
        let tag = format!("{gap}{before}{} ", name(piece.number, piece.trust));
        let tag_width = cells::width(&tag);
        let behind = if shown + 1 < slice.count { cells::width(&tail) } else { 0 };
        if used > 0 && used + tag_width + WORTH + behind > width {
            break;
        }
        line.push_span(span(tag, theme.accent));
        used += tag_width;
        shown += 1;
        let note = wanted(piece);
        let room = width.saturating_sub(used + cells::width(&note));
        let room = if room >= behind + WORTH { room - behind } else { room };
        let (bytes, more) = part(event, piece, framing);
        for piece in bytes::excerpt(bytes, more, room, theme.plain, theme).spans {
            used += cells::width(&piece.content);
            line.push_span(piece);
        }
        used += cells::width(&note);
        line.push_span(span(note, theme.waiting));
    }
    if shown < slice.count {
        line.push_span(span(tail, theme.accent));
    }
    cells::cut(line, width, theme)
}

/// What the message still wants behind its last piece.
fn wanted(piece: &Piece) -> String {
    match (piece.ends, piece.missing) {
        (false, Some(missing)) => format!(" +{}", size::bytes(missing)),
        _ => String::new(),
    }
}

/// The bytes of a piece that were kept, without those of the length before the message; and whether there are more.
fn part<'a>(event: &'a Event, piece: &Piece, framing: &Framing) -> (&'a [u8], bool) {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(event.head.len());
    let length = match framing {
        Framing::Prefix(prefix) if piece.number > 0 => (prefix.width() as u64).saturating_sub(piece.at).min(piece.len),
        _ => 0,
    };
    let end = piece.from + piece.len;
    (&event.head[at(piece.from + length)..at(end)], end > event.head.len() as u64)
}

/// The messages that the inspected chunk has a part in, whole, with a rule where each chunk begins.
pub fn page(framed: &Framed, inspected: u64, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for message in framed.messages.iter().take(MESSAGES) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(cells::cut(title(message, theme), width, theme));
        lines.extend(
            doubts(message, &framed.framing)
                .map(|text| cells::cut(Line::from(span(text, theme.waiting)), width, theme)),
        );
        body(&mut lines, message, &framed.framing, inspected, width, theme);
    }
    if framed.messages.len() > MESSAGES {
        let more = size::exact((framed.messages.len() - MESSAGES) as u64);
        lines.push(Line::default());
        lines.push(Line::from(span(format!("… and {more} messages more in this chunk"), theme.dim)));
    }
    if lines.is_empty() {
        lines.push(Line::from(span("this event is no chunk of a message", theme.dim)));
    }
    lines
}

fn title(message: &Message, theme: &Theme) -> Line<'static> {
    let chunks = message.parts.len() as u64 + message.more;
    let who = if message.way == Way::In { "from peer" } else { "from us" };
    let mut words = vec![
        span(format!("message {}", name(message.number, message.trust)), theme.bright),
        span(format!("  {who}  {}", size::bytes(message.size)), theme.dim),
        span(format!(" in {} chunk{}", size::exact(chunks), if chunks == 1 { "" } else { "s" }), theme.dim),
    ];
    let wants =
        |missing: Option<u64>| missing.map(|bytes| format!(", {} missing", size::bytes(bytes))).unwrap_or_default();
    words.extend(match message.standing {
        Standing::Whole => None,
        Standing::Open { .. } if message.beyond => Some(span("  goes on", theme.dim)),
        Standing::Open { missing } => Some(span(format!("  not whole yet{}", wants(missing)), theme.waiting)),
        Standing::Broken { missing } => Some(span(format!("  the stream ended in it{}", wants(missing)), theme.bad)),
    });
    Line::from(words)
}

/// What keeps the page from being the whole truth.
fn doubts(message: &Message, framing: &Framing) -> impl Iterator<Item = String> {
    let lost = (message.number == 0)
        .then(|| "a length was among bytes that were not kept: what belongs to what is unknown here".to_owned());
    let assumed = (message.trust == Trust::Assumed && message.number > 0).then(|| match framing {
        Framing::Prefix(_) => "bytes before it were not kept: that it begins here is assumed".to_owned(),
        _ => "what came before it was dropped: its beginning may be missing".to_owned(),
    });
    let counted = (message.trust == Trust::Counted)
        .then(|| "bytes before it were not kept: its number counts what could be seen".to_owned());
    let hidden = (message.hidden() > 0).then(|| format!("{} of it were not kept", size::bytes(message.hidden())));
    [lost, assumed, counted, hidden].into_iter().flatten()
}

fn body(
    lines: &mut Vec<Line<'static>>,
    message: &Message,
    framing: &Framing,
    inspected: u64,
    width: usize,
    theme: &Theme,
) {
    let start = message.parts.first().map_or_else(Default::default, |part| part.time);
    let mut prefix = match framing {
        Framing::Prefix(prefix) if !message.torn => prefix.width(),
        _ => 0,
    };
    for part in &message.parts {
        let here = part.seq == inspected;
        let style = if here { theme.accent } else { theme.faint };
        let since = match part.time.since(start) {
            Duration::ZERO => String::new(),
            since => format!("  +{}", size::span(since)),
        };
        let from = if part.from > 0 { format!(", from byte {}", size::exact(part.from)) } else { String::new() };
        let name = format!("event {}{since}  {}{from} ", part.seq, size::bytes(part.len));
        lines.push(rule(&name, width, style, if here { theme.plain } else { theme.dim }, theme));
        let split = prefix.min(part.bytes.len());
        prefix -= split;
        let mut page = Page::new(width, usize::MAX);
        if split > 0 {
            page.inline(hex::encode(&part.bytes[..split]).as_bytes(), theme.dim, theme);
            page.inline(b" ", theme.dim, theme);
        }
        page.text(&part.bytes[split..], theme.plain, theme);
        lines.extend(page.finish());
        let missing = part.len - part.bytes.len() as u64;
        if missing > 0 {
            lines.push(Line::from(span(format!("… {} not kept", size::bytes(missing)), theme.waiting)));
        }
    }
    if message.more > 0 {
        lines.push(Line::from(span(format!("… and {} chunks more", size::exact(message.more)), theme.dim)));
    }
}

/// A line across the page with a name in it.
fn rule(name: &str, width: usize, line: Style, text: Style, theme: &Theme) -> Line<'static> {
    let rest = width.saturating_sub(3 + cells::width(name));
    let words = vec![span("── ", line), span(name.to_owned(), text), span("─".repeat(rest), line)];
    cells::cut(Line::from(words), width, theme)
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::app::Lens;
    use crate::model::event::Kind;
    use crate::model::framer::Slices;
    use crate::model::id::{SocketId, Subject};
    use crate::screen::theme::Depth;
    use crate::screen::{inspector, sample, timeline};

    /// A conversation, framed; the event of that number inspected.
    fn framed(form: &str, story: Vec<(u64, Kind, Vec<u8>)>, inspect: usize) -> crate::model::view::Snapshot {
        let mut snapshot = sample::snapshot();
        let mut timeline = sample::timeline(Subject::Socket(SocketId(3)), story);
        let mut slices = Slices::new(form.parse().unwrap());
        slices.take(&timeline.events);
        let inspected = timeline.events[inspect].clone();
        let mut messages = slices.messages(&timeline.events);
        messages.retain(|message| message.parts.iter().any(|part| part.seq == inspected.seq));
        let framing = slices.framing().clone();
        timeline.framed = Some(Framed { framing, slices: slices.slice(&timeline.events, 0), messages });
        timeline.inspected = Some(inspected);
        snapshot.timeline = Some(timeline);
        snapshot
    }

    fn chunk(kind: Kind, bytes: &[u8]) -> (u64, Kind, Vec<u8>) {
        (250_000, kind, bytes.to_vec())
    }

    fn picture(width: u16, height: u16, draw: impl FnOnce(&mut Buffer, Rect)) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        draw(&mut buf, area);
        let rows = (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>());
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn a_narrow_row_says_that_there_are_more_messages() {
        let theme = Theme::new(Depth::Mono);
        let snapshot = framed("line", vec![chunk(Kind::Data, b"two\nthree\nfour\n")], 0);
        let timeline = snapshot.timeline.unwrap();
        let framed = timeline.framed.unwrap();
        let row = |width| {
            let line = line(&timeline.events[0], &framed.slices[0], &framed.framing, width, &theme);
            line.spans.iter().map(|span| &*span.content).collect::<String>()
        };
        assert_eq!(row(40), r"m1 two\n  m2 three\n  m3 four\n");
        assert_eq!(row(28), r"m1 two\n  m2 three\n  … m3");
        assert_eq!(row(17), r"m1 two\n  … m3");
    }

    #[test]
    fn chunks_of_one_message_are_joined_and_numbered() {
        let theme = Theme::new(Depth::True);
        let peer = Box::new(sample::at("127.0.0.1:53312"));
        let story = vec![
            chunk(Kind::Connection { peer, socket: None }, b""),
            chunk(Kind::Data, b"\x00\x05hello"),
            chunk(Kind::Data, b"\x00\x0din thr"),
            chunk(Kind::Write, b"\x00\x02ok\x00\x02no"),
            chunk(Kind::Data, b"ee"),
            chunk(Kind::Data, b" bits\x00\x01x\x00"),
            chunk(Kind::Data, b"\x09fin"),
        ];
        let snapshot = framed("u16be", story, 5);
        let view = timeline::View { selected: Some(5), focused: true };
        let mut out = String::new();
        for width in [73, 42] {
            out += &picture(width, 11, |buf, area| timeline::draw(buf, area, &snapshot, view, &theme));
        }
        let view = inspector::View { lens: Lens::Message, ..inspector::View::default() };
        for width in [73, 42] {
            out += &picture(width, 19, |buf, area| inspector::draw(buf, area, &snapshot, view, &theme));
        }
        insta::assert_snapshot!("framed", out);
    }

    #[test]
    fn a_peer_cannot_act_through_a_message() {
        let theme = Theme::new(Depth::True);
        let hostile = "a\x1b]52;c;aGk=\x07\u{202e}\u{9b}31m\nb".as_bytes();
        let snapshot = framed(r"delimiter:\n\u{202e}", vec![chunk(Kind::Data, hostile), chunk(Kind::Data, hostile)], 0);
        for lens in [Lens::Message, Lens::Details] {
            let view = inspector::View { lens, ..inspector::View::default() };
            let seen = picture(60, 20, |buf, area| inspector::draw(buf, area, &snapshot, view, &theme));
            assert!(!seen.contains(['\x1b', '\u{202e}', '\u{9b}', '\x07']), "{seen}");
        }
        let view = timeline::View::default();
        let seen = picture(60, 20, |buf, area| timeline::draw(buf, area, &snapshot, view, &theme));
        assert!(!seen.contains(['\x1b', '\u{202e}', '\u{9b}', '\x07']), "{seen}");
    }

    #[test]
    fn a_chunk_of_very_many_messages_ends_with_the_last() {
        let theme = Theme::new(Depth::True);
        let snapshot = framed("line", vec![chunk(Kind::Data, &b"a\n".repeat(1000))], 0);
        let timeline = snapshot.timeline.as_ref().unwrap();
        let framed = timeline.framed.as_ref().unwrap();
        let line = line(&timeline.events[0], &framed.slices[0], &framed.framing, 500, &theme).to_string();
        assert!(line.starts_with("m1 a\\n  m2 a\\n") && line.ends_with("… m1000"), "{line}");
        let page = page(framed, 0, 60, &theme);
        assert!(page.last().unwrap().to_string().contains("900 messages more"));
    }
}
