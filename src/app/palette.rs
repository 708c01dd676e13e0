//! The command list: everything that can be done here and now, found by a few letters of its name.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

use super::action::{Motion, Row};
use super::editor::Editor;
use super::list::step;
use crate::model::setting;

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
    /// What could be done when the list was opened.
    all: Vec<Found>,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Found {
    pub row: &'static Row,
    pub label: &'static str,
    pub help: &'static str,
    /// What the endpoint's certificate becomes, where that is what the line does.
    pub certificate: Option<String>,
    /// The setting whose field in the options it leads to, where it does that.
    pub setting: Option<&'static setting::Row>,
    /// Positions of the letters that match, in characters of the label.
    pub label_hits: Vec<usize>,
    /// The same for the help.
    pub help_hits: Vec<usize>,
}

impl Found {
    /// An action, with the label it has now.
    pub fn action(row: &'static Row, label: &'static str) -> Self {
        let hits = (Vec::new(), Vec::new());
        Self { row, label, help: row.help, certificate: None, setting: None, label_hits: hits.0, help_hits: hits.1 }
    }
}

impl Palette {
    pub fn new(all: Vec<Found>) -> Self {
        let mut palette = Self { query: Editor::single(), found: Vec::new(), at: 0, all };
        palette.find();
        palette
    }

    /// Searches anew.
    pub fn find(&mut self) {
        self.at = 0;
        let query: String = self.query.text().trim().chars().take(LONGEST).collect();
        if query.is_empty() {
            self.found.clone_from(&self.all);
            return;
        }
        let matcher = SkimMatcherV2::default();
        let mut found: Vec<(i64, Found)> = Vec::new();
        for line in &self.all {
            // The label comes first, where a match weighs most. Settings are many: they are found by their names.
            let help = if line.setting.is_some() { "" } else { line.help };
            let text = format!("{} {help}", line.label);
            let Some((score, hits)) = matcher.fuzzy_indices(&text, &query) else { continue };
            let behind = line.label.chars().count();
            let (label_hits, rest): (Vec<_>, Vec<_>) = hits.into_iter().partition(|at| *at < behind);
            let help_hits = rest.into_iter().filter_map(|at| at.checked_sub(behind + 1)).collect();
            found.push((score, Found { label_hits, help_hits, ..line.clone() }));
        }
        // Stable: what scores alike keeps the table's order.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = found.into_iter().map(|(_, found)| found).collect();
    }

    pub fn step(&mut self, motion: Motion) {
        self.at = step(motion, self.at, self.found.len(), 1);
    }

    pub fn chosen(&self) -> Option<&Found> {
        self.found.get(self.at)
    }
}
