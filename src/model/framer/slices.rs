//! The messages of a timeline: where each direction stands at every so many events, so that any window
//! is sliced from a mark nearby and a frame costs what it shows.

use std::collections::VecDeque;

use super::cursor::{Cursor, Piece};
use super::message::{BYTES, Message, PARTS, Part, Standing};
use super::{Framing, Trust};
use crate::model::event::{Event, Kind, Way};

/// Events between two marks: a window replays at most so many before it begins.
pub const EVERY: u64 = 32;
/// Pieces of one chunk that are told; a chunk of one-byte messages has thousands.
const PIECES: usize = 16;

/// How a framing cuts one event of a timeline: not at all what is no chunk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Slice {
    /// The first pieces of the chunk, in order.
    pub pieces: Vec<Piece>,
    /// The last one; with `count` 1 it is the first.
    pub last: Option<Piece>,
    pub count: u64,
    /// Whether a message is open behind this event: in, out.
    pub open: [bool; 2],
}

/// Both directions, in and out.
type Both = [Cursor; 2];

/// Where the slicing of one timeline stands. Its marks are bounded by the ring they are about, one for
/// each [`EVERY`] events.
#[derive(Debug)]
pub struct Slices {
    framing: Framing,
    now: Both,
    /// The first event that was not taken yet.
    next: u64,
    /// The state before an event.
    marks: VecDeque<(u64, Both)>,
}

/// The direction whose stream an event belongs to.
fn side(way: Way) -> usize {
    match way {
        Way::In => 0,
        Way::Out => 1,
    }
}

fn chunk(kind: &Kind) -> Option<Way> {
    match kind {
        Kind::Data => Some(Way::In),
        Kind::Write => Some(Way::Out),
        _ => None,
    }
}

/// The directions that end with an event.
fn ends(kind: &Kind) -> &'static [Way] {
    match kind {
        Kind::End { way: Way::In, .. } => &[Way::In],
        Kind::End { way: Way::Out, .. } => &[Way::Out],
        Kind::Close(_) => &[Way::In, Way::Out],
        _ => &[],
    }
}

impl Slices {
    pub fn new(framing: Framing) -> Self {
        Self { framing, now: Both::default(), next: 0, marks: VecDeque::new() }
    }

    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The event to take next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes in events from [`Slices::next`] on; a gap before them is what was dropped unseen.
    pub fn take(&mut self, events: &[Event]) {
        let from = self.next;
        for event in events.iter().skip_while(|event| event.seq < from) {
            let is_gap = event.seq > self.next;
            if is_gap {
                self.now.iter_mut().for_each(|cursor| cursor.lose(&self.framing));
            }
            if is_gap || event.seq.is_multiple_of(EVERY) {
                self.marks.push_back((event.seq, self.now.clone()));
            }
            self.next = event.seq + 1;
            step(&mut self.now, &self.framing, event);
        }
    }

    /// Forgets the marks of events that were dropped.
    pub fn forget(&mut self, first: u64) {
        while self.marks.front().is_some_and(|(seq, _)| *seq < first) {
            self.marks.pop_front();
        }
    }

    /// The event to read from, so that the messages at `seq` are known.
    pub fn mark(&self, seq: u64) -> u64 {
        let behind = self.marks.partition_point(|(at, _)| *at <= seq);
        behind.checked_sub(1).and_then(|at| self.marks.get(at)).map_or(0, |(at, _)| *at)
    }

    /// Replays events that begin at a mark, or where the ring begins.
    fn replay<'a>(&'a self, events: &'a [Event]) -> impl Iterator<Item = Step<'a>> {
        let first = events.first().map_or(0, |event| event.seq);
        let mut marks = self.marks.iter().skip(self.marks.partition_point(|(at, _)| *at < first)).peekable();
        let mut now = Both::default();
        if first > 0 {
            now.iter_mut().for_each(|cursor| cursor.lose(&self.framing));
        }
        events.iter().map(move |event| {
            if let Some((_, state)) = marks.next_if(|(at, _)| *at == event.seq) {
                now.clone_from(state);
            }
            let pieces = step(&mut now, &self.framing, event);
            Step { event, pieces, open: [now[0].is_open(), now[1].is_open()] }
        })
    }

    /// How each of the events is cut, `from` on. The events begin at [`Slices::mark`] of it.
    pub fn slice(&self, events: &[Event], from: u64) -> Vec<Slice> {
        let shown = self.replay(events).filter(|step| step.event.seq >= from);
        shown
            .map(|Step { mut pieces, open, .. }| {
                let (last, count) = (pieces.last().copied(), pieces.len() as u64);
                pieces.truncate(PIECES);
                Slice { pieces, last, count, open }
            })
            .collect()
    }

    /// The messages that have a part in the events, each with all its parts that are among them, in the
    /// order they begin. The events begin at [`Slices::mark`].
    pub fn messages(&self, events: &[Event]) -> Vec<Message> {
        let mut found: Vec<Message> = Vec::new();
        let mut open = [None, None];
        for Step { event, pieces, .. } in self.replay(events) {
            if let Some(way) = chunk(&event.kind) {
                for piece in pieces {
                    self.add(&mut found, &mut open[side(way)], event, way, piece);
                }
            }
            for way in ends(&event.kind) {
                if let Some(at) = open[side(*way)].take()
                    && let Standing::Open { missing } = found[at].standing
                {
                    found[at].standing = Standing::Broken { missing };
                }
            }
        }
        found
    }

    /// Puts a piece into the message it continues, or into a new one.
    fn add(&self, found: &mut Vec<Message>, open: &mut Option<usize>, event: &Event, way: Way, piece: Piece) {
        let same = open.filter(|at| piece.at > 0 && found[*at].number == piece.number);
        let at = same.unwrap_or_else(|| {
            let tail = piece.trust == Trust::Assumed && !matches!(self.framing, Framing::Prefix(_));
            found.push(Message {
                way,
                number: piece.number,
                trust: piece.trust,
                size: piece.at,
                standing: Standing::Open { missing: None },
                parts: Vec::new(),
                more: 0,
                torn: piece.at > 0 || tail,
                beyond: false,
                kept: 0,
            });
            found.len() - 1
        });
        let message = &mut found[at];
        message.size += piece.len;
        message.standing = if piece.ends { Standing::Whole } else { Standing::Open { missing: piece.missing } };
        *open = (!piece.ends).then_some(at);
        if message.parts.len() == PARTS {
            message.more += 1;
            return;
        }
        let offset = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(event.head.len());
        let bytes = &event.head[offset(piece.from)..offset(piece.from + piece.len)];
        let bytes = &bytes[..bytes.len().min(BYTES - message.kept)];
        message.kept += bytes.len();
        let (seq, time) = (event.seq, event.at);
        message.parts.push(Part { seq, time, from: piece.from, len: piece.len, bytes: bytes.to_vec() });
    }
}

/// One event of a replay.
struct Step<'a> {
    event: &'a Event,
    pieces: Vec<Piece>,
    /// Whether a message is open behind it: in, out.
    open: [bool; 2],
}

/// Takes one event into the state of both directions; the pieces it is cut into.
fn step(now: &mut Both, framing: &Framing, event: &Event) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if let Some(way) = chunk(&event.kind) {
        now[side(way)].chunk(framing, &event.head, event.size, |piece| pieces.push(piece));
    }
    for way in ends(&event.kind) {
        now[side(*way)].end();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Stamp;
    use proptest::prelude::*;

    fn event(seq: u64, kind: Kind, head: &[u8]) -> Event {
        Event { seq, at: Stamp(seq * 1000), kind, size: head.len() as u64, head: head.to_vec() }
    }

    fn slices(form: &str, events: &[Event]) -> Slices {
        let mut slices = Slices::new(form.parse().unwrap());
        slices.take(events);
        slices
    }

    #[test]
    fn messages_are_put_together_from_chunks_and_each_direction_counts_for_itself() {
        let events = [
            event(0, Kind::Connection { peer: Box::new(([127, 0, 0, 1], 9).into()), socket: None }, b""),
            event(1, Kind::Data, b"\x05hel"),
            event(2, Kind::Write, b"\x02ok\x01"),
            event(3, Kind::Data, b"lo\x01a\x09tail"),
            event(4, Kind::fin(Way::In), b""),
        ];
        let slices = slices("u8", &events);
        let messages = slices.messages(&events);
        let told: Vec<_> = messages
            .iter()
            .map(|message| {
                let body = String::from_utf8(message.body(slices.framing())).unwrap();
                (message.way, message.number, message.size, body, message.standing, message.parts.len())
            })
            .collect();
        assert_eq!(
            told,
            [
                (Way::In, 1, 6, "hello".into(), Standing::Whole, 2),
                (Way::Out, 1, 3, "ok".into(), Standing::Whole, 1),
                (Way::Out, 2, 1, String::new(), Standing::Open { missing: Some(1) }, 1),
                (Way::In, 2, 2, "a".into(), Standing::Whole, 1),
                (Way::In, 3, 5, "tail".into(), Standing::Broken { missing: Some(5) }, 1),
            ]
        );
        let rows = slices.slice(&events, 1);
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [1, 2, 3, 0]);
        assert_eq!(rows[1].open, [true, true]);
        assert_eq!(rows[3].open, [false, true]);
    }

    #[test]
    fn what_the_ring_dropped_before_the_first_look_is_a_message_torn() {
        let events = [event(40, Kind::Data, b"tail\n"), event(41, Kind::Data, b"whole\n")];
        let slices = slices("line", &events);
        let messages = slices.messages(&events);
        assert!(messages[0].torn && !messages[1].torn);
        assert_eq!((messages[0].trust, messages[1].trust), (Trust::Assumed, Trust::Counted));
        assert_eq!(messages[1].body(slices.framing()), b"whole");
    }

    #[test]
    fn what_was_seen_before_it_was_dropped_stays_known() {
        let events: Vec<Event> = (0..200).map(|seq| event(seq, Kind::Data, b"\x02ab")).collect();
        let mut slices = slices("u8", &events);
        slices.forget(100);
        assert_eq!(slices.mark(150), 128);
        let window = &events[128..];
        let rows = slices.slice(window, 150);
        assert_eq!((rows[0].pieces[0].number, rows[0].pieces[0].trust), (151, Trust::Sure));
    }

    proptest! {
        /// A window that begins at a mark says what a look at everything says.
        #[test]
        fn any_window_says_the_same(
            heads in prop::collection::vec(prop::collection::vec(0u8..6, 0..8), 1..150),
            from in 0u64..150,
            form in prop::sample::select(&["line", "u8", "u16be", r"delimiter:\x01\x02"][..]),
        ) {
            let events: Vec<Event> = heads
                .iter()
                .zip(0..)
                .map(|(head, seq)| event(seq, if head.len() % 3 == 0 { Kind::Write } else { Kind::Data }, head))
                .collect();
            let from = from.min(events.len() as u64 - 1);
            let slices = slices(form, &events);
            let mark = slices.mark(from);
            prop_assert!(from - mark < EVERY);
            let all = slices.slice(&events, from);
            let near = slices.slice(&events[usize::try_from(mark).unwrap()..], from);
            prop_assert_eq!(near, all);
            let size: u64 = slices.messages(&events).iter().map(|message| message.size).sum();
            prop_assert_eq!(size, events.iter().map(|event| event.size).sum::<u64>());
        }
    }
}
