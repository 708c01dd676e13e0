//! Where one is on a timeline: at its newest event, or on one that stands still by its sequence number
//! while others come and the ring drops.

use std::ops::Range;

use super::action::Motion;
use super::list::{reveal, step};
use crate::model::view::Window;

/// See the module. Sequence numbers, as [`crate::model::event::Event::seq`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scroll {
    #[default]
    Following,
    Anchored {
        cursor: u64,
        /// The first event in sight.
        top: u64,
    },
}

impl Scroll {
    /// The event under the cursor, of those that are kept.
    pub fn cursor(self, range: &Range<u64>) -> Option<u64> {
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start)?;
        match self {
            Self::Following => Some(last),
            Self::Anchored { cursor, .. } => Some(cursor.clamp(range.start, last)),
        }
    }

    /// The same place, standing still from now on.
    pub fn anchored(self, range: &Range<u64>, rows: usize) -> Self {
        match self.cursor(range) {
            Some(cursor) => self.at(cursor, range, rows),
            None => self,
        }
    }

    /// Down from the newest stays there; only `Bottom` follows again.
    pub fn moved(self, motion: Motion, range: &Range<u64>, rows: usize) -> Self {
        if motion == Motion::Bottom {
            return Self::Following;
        }
        let Some(cursor) = self.cursor(range) else { return self };
        let to = step(motion, offset(cursor, range), offset(range.end, range), rows);
        self.at(range.start + to as u64, range, rows)
    }

    /// What to ask for when `rows` are in sight.
    pub fn window(self, rows: usize) -> Window {
        match self {
            Self::Following => Window::Last { rows },
            Self::Anchored { top, .. } => Window::From { seq: top, rows },
        }
    }

    /// What to ask for whole; clamped to what is kept by the one who answers.
    pub fn inspect(self) -> u64 {
        match self {
            Self::Following => u64::MAX,
            Self::Anchored { cursor, .. } => cursor,
        }
    }

    fn at(self, cursor: u64, range: &Range<u64>, rows: usize) -> Self {
        let top = match self {
            Self::Following => range.end.saturating_sub(rows as u64),
            Self::Anchored { top, .. } => top,
        };
        let top = reveal(offset(top, range), offset(cursor, range), offset(range.end, range), rows);
        Self::Anchored { cursor, top: range.start + top as u64 }
    }
}

fn offset(seq: u64, range: &Range<u64>) -> usize {
    usize::try_from(seq.saturating_sub(range.start)).unwrap_or(usize::MAX)
}
