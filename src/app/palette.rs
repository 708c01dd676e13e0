//! The command list: everything that can be done here and now, found by a few letters of its name.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

use super::action::{Motion, Row};
use super::editor::Editor;
use super::list::step;

/// Letters that are searched for: more than any name has.
const LONGEST: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub struct Palette {
    pub query: Editor,
    /// What the query finds, the best first.
    pub found: Vec<Found>,
    /// Position in `found`.
    pub at: usize,
    /// What could be done when the list was opened, each with its label then.
    all: Vec<(&'static Row, &'static str)>,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Found {
    pub row: &'static Row,
    pub label: &'static str,
    /// Positions of the letters that match, in characters of the label.
    pub label_hits: Vec<usize>,
    /// The same for `row.help`.
    pub help_hits: Vec<usize>,
}

impl Palette {
    /// `all`: rows with the label they have now.
    pub fn new(all: Vec<(&'static Row, &'static str)>) -> Self {
        let mut palette = Self { query: Editor::single(), found: Vec::new(), at: 0, all };
        palette.find();
        palette
    }

    /// Searches anew.
    pub fn find(&mut self) {
        self.at = 0;
        let query: String = self.query.text().trim().chars().take(LONGEST).collect();
        if query.is_empty() {
            let line = |&(row, label)| Found { row, label, label_hits: Vec::new(), help_hits: Vec::new() };
            self.found = self.all.iter().map(line).collect();
            return;
        }
        let matcher = SkimMatcherV2::default();
        let mut found: Vec<(i64, Found)> = Vec::new();
        for &(row, label) in &self.all {
            // The label comes first, where a match weighs most.
            let line = format!("{label} {}", row.help);
            let Some((score, hits)) = matcher.fuzzy_indices(&line, &query) else { continue };
            let behind = label.chars().count();
            let (label_hits, rest): (Vec<_>, Vec<_>) = hits.into_iter().partition(|at| *at < behind);
            let help_hits = rest.into_iter().filter_map(|at| at.checked_sub(behind + 1)).collect();
            found.push((score, Found { row, label, label_hits, help_hits }));
        }
        // Stable: what scores alike keeps the table's order.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = found.into_iter().map(|(_, found)| found).collect();
    }

    pub fn step(&mut self, motion: Motion) {
        self.at = step(motion, self.at, self.found.len(), 1);
    }

    pub fn chosen(&self) -> Option<&'static Row> {
        self.found.get(self.at).map(|found| found.row)
    }
}
