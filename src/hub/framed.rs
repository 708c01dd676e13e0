//! A timeline's framed view: the slicing of each log that is looked at, brought up to date when it is
//! looked at. It costs the events that came since, and what is shown.

use std::sync::Arc;

use super::Hub;
use super::log::Log;
use crate::model::event::Event;
use crate::model::framer::{Framed, Framing, Message, Slices, Standing};
use crate::model::id::SocketId;

/// Events copied at once: a recording waits no longer than that takes.
const BATCH: usize = 512;
/// Events before and behind the inspected one in which the rest of its messages is looked for.
const REACH: u64 = 512;

impl Hub {
    /// The framing of a socket, as it is set now.
    pub fn framing(&self, id: SocketId) -> Option<Framing> {
        self.registry.lock().framing(id.into())
    }

    /// The messages that have a part in at most `most` events from `from` on, in the order they begin, each
    /// with the parts of it that are there. `framing`: another one than is set.
    pub fn messages(
        &self,
        id: SocketId,
        framing: Option<Framing>,
        from: u64,
        most: usize,
    ) -> Option<(Framing, Vec<Message>)> {
        let framing = match framing {
            Some(framing) => framing,
            None => self.framing(id)?,
        };
        let log = Arc::clone(&self.registry.lock().sockets.get(&id)?.log);
        let mut slices = Slices::new(framing.clone());
        catch_up(&log, &mut slices);
        let mark = slices.mark(from);
        let until = from.max(log.ring.lock().range().start).saturating_add(most as u64);
        let (events, later) = read(&log, mark, until);
        let mut messages = slices.messages(&events);
        messages.retain(|message| message.parts.iter().any(|part| part.seq >= from));
        go_on(&mut messages, later);
        Some((framing, messages))
    }
}

/// The framed view of a window; `None` where no framing is set.
pub(super) fn look(log: &Log, framing: Framing, events: &[Event], inspected: Option<&Event>) -> Option<Framed> {
    let mut slot = log.slices.lock();
    if framing.is_none() {
        *slot = None;
        return None;
    }
    if slot.as_ref().is_none_or(|slices| *slices.framing() != framing) {
        *slot = Some(Box::new(Slices::new(framing.clone())));
    }
    let slices = slot.as_mut()?;
    catch_up(log, slices);
    let rows = events.first().map_or_else(Vec::new, |first| {
        let (mut all, _) = read(log, slices.mark(first.seq), first.seq);
        all.extend_from_slice(events);
        slices.slice(&all, first.seq)
    });
    let messages = inspected.map_or_else(Vec::new, |event| around(log, slices, event));
    Some(Framed { framing, slices: rows, messages })
}

/// Takes in what was recorded since the last look. What comes meanwhile is the next look's.
fn catch_up(log: &Log, slices: &mut Slices) {
    let range = log.ring.lock().range();
    slices.forget(range.start);
    while slices.next() < range.end {
        let events = log.ring.lock().read(slices.next(), BATCH);
        if events.is_empty() {
            return;
        }
        slices.take(&events);
    }
}

/// The events from one to before another, as far as they are kept; and whether there are later ones.
fn read(log: &Log, from: u64, until: u64) -> (Vec<Event>, bool) {
    let mut ring = log.ring.lock();
    let range = ring.range();
    let from = from.max(range.start);
    let most = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
    (ring.read(from, most), until < range.end)
}

/// The messages that a chunk has a part in, with their other parts nearby.
fn around(log: &Log, slices: &Slices, event: &Event) -> Vec<Message> {
    let (mut near, _) = read(log, slices.mark(event.seq), event.seq);
    near.push(event.clone());
    let row = slices.slice(&near, event.seq).pop().unwrap_or_default();
    let (Some(first), Some(last)) = (row.pieces.first(), row.last) else { return Vec::new() };
    let from = if first.at > 0 { event.seq.saturating_sub(REACH) } else { event.seq };
    let until = if last.ends { event.seq + 1 } else { event.seq + REACH };
    let (events, later) = read(log, slices.mark(from), until);
    let mut messages = slices.messages(&events);
    messages.retain(|message| message.parts.iter().any(|part| part.seq == event.seq));
    go_on(&mut messages, later);
    messages
}

/// Says of the messages without an end that it may be among the events that are later.
fn go_on(messages: &mut [Message], later: bool) {
    for message in messages {
        message.beyond = later && matches!(message.standing, Standing::Open { .. });
    }
}
