//! The README against the program: what it says of keys, schemes, commands and files is so.

use std::path::Path;

use sockscope::app::action::{Place, Row};
use sockscope::app::keymap;
use sockscope::model::event::VOCABULARY;
use sockscope::model::setting::{self, Live};
use sockscope::model::spec::{Limits, Settings};
use sockscope::model::url::Scheme;
use sockscope::run::cli::Cli;
use sockscope::screen::areas::LEAST;

const README: &str = include_str!("../README.md");

/// The README's line for a row of the key table.
fn line(row: &Row) -> String {
    let keys: Vec<_> = row.keys.iter().map(|key| format!("`{key}`")).collect();
    format!("| {} | {} | {} |", keys.join(" "), row.label, row.help)
}

#[test]
fn every_key_of_the_dashboard_and_the_send_panel_is_in_the_readme() {
    let inner = |place: &Place| matches!(place, Place::Anywhere | Place::Browse | Place::Pane(_) | Place::Compose);
    let rows: Vec<_> = Place::ALL.into_iter().filter(inner).flat_map(keymap::rows).map(line).collect();
    let missing: Vec<_> = rows.iter().filter(|row| !README.lines().any(|line| line == row.as_str())).collect();
    assert!(missing.is_empty(), "the README lacks:\n{missing:#?}");
    let keys = |line: &&str| line.starts_with("| `") && line.ends_with(". |");
    let stale: Vec<_> = README.lines().filter(keys).filter(|line| !rows.iter().any(|row| row == line)).collect();
    assert!(stale.is_empty(), "the README has keys that are none:\n{stale:#?}");
}

#[test]
fn the_page_of_all_keys_is_the_table() {
    let page = include_str!("../docs/keys.md");
    assert!(page.ends_with(&keymap::markdown()), "docs/keys.md should end with:\n{}", keymap::markdown());
}

#[test]
fn every_scheme_is_named_with_events_that_exist() {
    for scheme in Scheme::ALL {
        let row = README.lines().find(|line| line.starts_with("| `") && line.contains(&format!("`{scheme}`")));
        let row = row.unwrap_or_else(|| panic!("{scheme} is not in the table of protocols"));
        let events = row.split('|').nth(2).unwrap();
        for name in events.split('`').skip(1).step_by(2) {
            assert!(VOCABULARY.iter().any(|word| word.name == name), "{name} is no event");
        }
    }
}

#[test]
fn the_readme_is_a_page_and_its_numbers_are_the_programs() {
    assert!(README.lines().count() < 200, "{} lines", README.lines().count());
    assert!(README.contains(&format!("{} x {}", LEAST.0, LEAST.1)));
    assert!(README.contains(&format!("{} MiB for all", Limits::default().memory >> 20)));
    assert!(README.contains(&format!("the first {} KiB of each payload", sockscope::hub::HEAD >> 10)));
    let defaults = sockscope::run::config::builtin().unwrap();
    for spec in defaults.endpoints {
        let said = format!("`{}` {}", spec.url.scheme, spec.url.port);
        assert!(README.contains(&said), "the README does not say {said}");
    }
}

/// Every path that a link names.
#[test]
fn what_the_documents_link_to_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            assert!(path.starts_with("http") || root.join(path).exists(), "{name} links to {path}");
        }
    }
}

/// The words of a shell line, as far as the documents need it: quotes, and an end at `|`, `>` or `#`.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '|' | '>' | '#') => break,
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every `sockscope ...` of a document, in code blocks and in backquotes.
fn commands(text: &str) -> Vec<&str> {
    let blocks = text.split("```").skip(1).step_by(2);
    let outside: String = text.split("```").step_by(2).collect();
    let inline: Vec<String> = outside.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let lines = blocks.flat_map(str::lines).flat_map(|line| line.split(" | "));
    let found = lines.filter(|line| line.starts_with("sockscope "));
    // An inline command is given back as a slice of the text, so that one type serves both.
    let inline = inline.into_iter().filter(|code| code.starts_with("sockscope "));
    found.chain(inline.filter_map(|code| text.find(&code).map(|at| &text[at..at + code.len()]))).collect()
}

#[test]
fn the_documented_commands_are_understood() {
    let headless = include_str!("../docs/headless.md");
    let mut understood = 0;
    let certificates = include_str!("../docs/certificates.md");
    for command in [README, headless, certificates].into_iter().flat_map(commands) {
        if let ["sockscope", "cert", rest @ ..] =
            words(command).iter().map(String::as_str).collect::<Vec<_>>().as_slice()
        {
            sockscope::run::cert::read(rest.iter().map(Into::into))
                .unwrap_or_else(|error| panic!("{command}: {error}"));
            understood += 1;
            continue;
        }
        let cli = Cli::read(words(command).into_iter().map(Into::into)).unwrap_or_else(|error| panic!("{error}"));
        // `my.toml` is what --print-config wrote a line above.
        let read = |path: &Path| match path.to_str() {
            Some("my.toml") => Ok(sockscope::run::config::DEFAULT.to_owned()),
            _ => std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)),
        };
        cli.plan(read).unwrap_or_else(|error| panic!("{command}: {error}"));
        understood += 1;
    }
    assert!(understood >= 10, "only {understood} commands were found");
}

#[test]
fn the_settings_that_restart_are_named() {
    let headless = include_str!("../docs/headless.md");
    let line = headless.lines().find(|line| line.starts_with("| `set` | changes")).unwrap();
    for row in setting::rows() {
        let is_named = line.contains(&format!("`{}`", row.name));
        // Those two are named for something else as well.
        let is_other = row.is_for_new_alone(&Settings::default()) && row.live != Live::Restart;
        assert!(is_other || is_named == (row.live == Live::Restart), "{}", row.name);
    }
}
