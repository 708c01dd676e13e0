//! What was sent before, and the search through it.

use super::super::action::Motion;
use super::super::editor::Editor;
use super::super::list::step;
use crate::model::draft::Draft;

/// Drafts that are kept: more than a person types in a week, little enough to search at every key.
pub const MOST: usize = 1000;

/// Drafts that were sent, the newest last; no two neighbours are the same.
#[derive(Clone, Debug, Default)]
pub struct History {
    drafts: Vec<Draft>,
}

impl History {
    /// Keeps the newest [`MOST`].
    pub fn new(drafts: Vec<Draft>) -> Self {
        let mut history = Self::default();
        drafts.into_iter().for_each(|draft| {
            history.push(draft);
        });
        history
    }

    /// Whether it was news.
    pub fn push(&mut self, draft: Draft) -> bool {
        if draft.text.is_empty() || self.drafts.last() == Some(&draft) {
            return false;
        }
        if self.drafts.len() >= MOST {
            self.drafts.remove(0);
        }
        self.drafts.push(draft);
        true
    }

    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }
}

/// The search: a word, what holds it, and which of that is chosen.
#[derive(Clone, Debug)]
pub struct HistorySearch {
    pub query: Editor,
    /// What holds the query, the newest first.
    pub found: Vec<Draft>,
    /// Position in `found`.
    pub at: usize,
}

impl HistorySearch {
    pub fn new(history: &History) -> Self {
        let mut search = Self { query: Editor::single(), found: Vec::new(), at: 0 };
        search.find(history);
        search
    }

    /// Searches anew, without regard to case; each text once.
    pub fn find(&mut self, history: &History) {
        let word = self.query.text().to_lowercase();
        let mut seen = std::collections::HashSet::new();
        let newest_first = history.drafts().iter().rev();
        self.found = newest_first
            .filter(|draft| draft.text.to_lowercase().contains(&word) && seen.insert(draft.text.as_str()))
            .cloned()
            .collect();
        self.at = 0;
    }

    pub fn step(&mut self, motion: Motion) {
        self.at = step(motion, self.at, self.found.len(), 1);
    }

    pub fn chosen(&self) -> Option<&Draft> {
        self.found.get(self.at)
    }
}
