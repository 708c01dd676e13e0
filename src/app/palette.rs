//! The command list: everything that can be done here and now, found by a few letters of its name.

use frizbee::{Config, Matcher};

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
        // The label comes first, where a match weighs most.
        let lines: Vec<String> = self.all.iter().map(|(row, label)| format!("{label} {}", row.help)).collect();
        let matches = Matcher::new(query.as_str(), &Config::default()).match_list_indices(&lines);
        let found = matches.iter().filter_map(|found| {
            let &(row, label) = self.all.get(found.index as usize)?;
            let mut hits: Vec<usize> = found.indices.iter().map(|at| *at as usize).collect();
            hits.sort_unstable();
            let (label_hits, rest): (Vec<_>, Vec<_>) = hits.into_iter().partition(|at| *at < label.len());
            let help_hits = rest.into_iter().filter_map(|at| at.checked_sub(label.len() + 1)).collect();
            Some(Found { row, label, label_hits, help_hits })
        });
        self.found = found.collect();
    }

    pub fn step(&mut self, motion: Motion) {
        self.at = step(motion, self.at, self.found.len(), 1);
    }

    pub fn chosen(&self) -> Option<&'static Row> {
        self.found.get(self.at).map(|found| found.row)
    }
}
