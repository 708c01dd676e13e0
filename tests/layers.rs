//! The rules of the house, held against the files: who may know whom, how long a file may be, where the
//! clock is read, and that the demo types no key that does nothing.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sockscope::app::{App, Effect, Key, Msg, Place, Viewport, keymap};
use support::fixture;

/// A file of `src` with its path, as `screen/mod.rs`.
struct File {
    path: String,
    text: String,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![root.clone()];
    while let Some(at) = todo.pop() {
        if at.is_dir() {
            todo.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
        } else if at.extension().is_some_and(|extension| extension == "rs") {
            let path = at.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path, text: fs::read_to_string(&at).unwrap() });
        }
    }
    assert!(found.len() > 50, "only {} files: is this the right place?", found.len());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Without the files that only tests compile: those may write a picture to disk, or drive a clock.
fn shipped() -> Vec<File> {
    let files = files();
    let mut tests = Vec::new();
    for file in &files {
        let folder = file.path.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
        let lines: Vec<_> = file.text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]") {
            let name = pair[1].split_once("mod ").and_then(|(_, name)| name.trim().strip_suffix(';'));
            tests.extend(name.map(|name| format!("{folder}/{name}")));
        }
    }
    let is_test =
        |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    files.into_iter().filter(|file| !is_test(&file.path)).collect()
}

impl File {
    fn layer(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Lines of code with their numbers: comments may speak of anything.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = |line: &str| !line.trim_start().starts_with("//");
        self.text.lines().enumerate().filter(move |(_, line)| code(line)).map(|(n, line)| (n + 1, line))
    }
}

/// A layer, what it must not name, and why.
const RULES: &[(&str, &[&str], &str)] = &[
    (
        "model",
        &["tokio", "ratatui", "crossterm", "crate::hub", "crate::net", "crate::app", "crate::screen", "crate::run"],
        "the model is plain data and knows nobody",
    ),
    (
        "hub",
        &["ratatui", "crossterm", "crate::net", "crate::app", "crate::screen", "crate::run"],
        "the hub knows the model and one Notify",
    ),
    (
        "net",
        &["ratatui", "crossterm", "crate::app", "crate::screen", "crate::run"],
        "the net knows the model and the hub",
    ),
    (
        "pki",
        &[
            "tokio",
            "ratatui",
            "crossterm",
            "crate::hub",
            "crate::net",
            "crate::app",
            "crate::screen",
            "crate::run",
            "SystemTime",
            "now_utc",
        ],
        "the workbench knows files and certificates; what time it is, it is told",
    ),
    (
        "app",
        &["tokio", "ratatui", "crossterm", "crate::hub", "crate::net", "crate::screen", "crate::run", "std::fs"],
        "the app is synchronous and knows the model alone",
    ),
    (
        "screen",
        &[
            "tokio",
            "crossterm",
            "crate::hub",
            "crate::net",
            "crate::run",
            "std::fs",
            "std::io",
            "Instant",
            "SystemTime",
        ],
        "the screen draws snapshots: no sockets, no clock, no I/O",
    ),
];

/// Exceptions: file, word, and the reason.
const ALLOWED: &[(&str, &str, &str)] =
    &[("app/editor.rs", "ratatui_textarea", "the one file that names the editing library")];

/// Whether `line` names `word` as a whole: `tokio::spawn`, not `tokio_like`.
fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn every_layer_knows_only_whom_it_may() {
    let mut broken = Vec::new();
    for file in shipped() {
        for (layer, banned, why) in RULES.iter().filter(|(layer, ..)| *layer == file.layer()) {
            for (n, line) in file.code() {
                // What an exception allows is not there for the rule.
                let line = ALLOWED
                    .iter()
                    .filter(|(path, ..)| *path == file.path)
                    .fold(line.to_owned(), |line, allowed| line.replace(allowed.1, ""));
                let words = banned.iter().filter(|word| names(&line, word) || starts(&line, word));
                broken.extend(words.map(|word| format!("{layer}: src/{}:{n} mentions {word}: {why}", file.path)));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// `ratatui_core`, `tokio_util`: the families of a banned crate.
fn starts(line: &str, word: &str) -> bool {
    let family = format!("{word}_");
    !word.contains("::")
        && line
            .match_indices(&family)
            .any(|(at, _)| !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long: Vec<_> = files()
        .iter()
        .map(|file| (file.text.lines().count(), file.path.clone()))
        .filter(|(lines, _)| *lines > 500)
        .map(|(lines, path)| format!("src/{path} has {lines} lines: it is two things"))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = shipped()
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| format!("src/{} begins without a //! line", file.path))
        .collect();
    assert!(silent.is_empty(), "\n{}", silent.join("\n"));
}

#[test]
fn the_clock_is_read_in_one_place() {
    let mut broken = Vec::new();
    for file in shipped() {
        // Timers are tokio's, so that a test can stop them; what is shown and recorded is a Stamp.
        let has_timers =
            file.text.lines().any(|line| line.trim_start().starts_with("use tokio::time::") && names(line, "Instant"));
        for (n, line) in file.code() {
            let reads = names(line, "SystemTime::now")
                || (names(line, "Instant::now") && !line.contains("tokio::time::Instant::now") && !has_timers);
            if reads && file.path != "model/time.rs" {
                broken.push(format!("src/{}:{n} reads a clock: model::time::Clock is the one", file.path));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// A key as the tape names it, with how often it is pressed.
#[derive(Debug)]
enum Beat {
    Text(String),
    Key(Key, usize),
}

/// What a tape presses, line by line; settings, waits and captions press nothing.
fn beats(tape: &str) -> Vec<(usize, Beat)> {
    let mut beats = Vec::new();
    let mut typing = false;
    for (n, line) in (1..).zip(tape.lines()) {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (word, _speed) = word.split_once('@').unwrap_or((word, ""));
        // What is typed behind the curtain starts the program: it is the shell's.
        match word {
            "Show" => typing = true,
            "Hide" => typing = false,
            _ => {}
        }
        if !typing {
            continue;
        }
        let times = rest.trim().parse().unwrap_or(1);
        let key = match word {
            "Type" => {
                let quote = rest.chars().next().unwrap_or('"');
                let text = rest.trim_matches(quote).to_owned();
                beats.push((n, Beat::Text(text)));
                continue;
            }
            "Enter" => Key::Enter,
            "Escape" => Key::Esc,
            "Tab" => Key::Tab,
            "Shift+Tab" => Key::BackTab,
            "Backspace" => Key::Backspace,
            "Delete" => Key::Delete,
            "Space" => Key::Char(' '),
            "Up" => Key::Up,
            "Down" => Key::Down,
            "Left" => Key::Left,
            "Right" => Key::Right,
            "PageUp" => Key::PageUp,
            "PageDown" => Key::PageDown,
            "Home" => Key::Home,
            "End" => Key::End,
            word => match word.strip_prefix("Ctrl+") {
                Some(letter) => Key::Ctrl(letter.chars().next().unwrap().to_ascii_lowercase()),
                None => continue,
            },
        };
        beats.push((n, Beat::Key(key, times)));
    }
    beats
}

/// Whether a key does something here: it is bound and can be done, or it changes what one types.
fn does_something(app: &App, key: Key) -> bool {
    let place = app.place();
    if keymap::find(place, key).is_some_and(|row| app.can(row.action)) {
        return true;
    }
    let types = [Place::Compose, Place::Filter, Place::Form, Place::Palette, Place::History, Place::Address];
    let mut after = app.clone();
    after.update(Msg::Key(key));
    types.contains(&place) && format!("{after:?}") != format!("{app:?}")
}

#[test]
fn the_demo_presses_no_key_that_does_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.tape");
    let tape = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let world = fixture::dialled();
    let mut app = App::new(Vec::new());
    app.update(Msg::Viewport(Viewport {
        endpoints: 6,
        sockets: 10,
        timeline: 15,
        inspector: 10,
        ..Viewport::default()
    }));
    let mut pressed = 0;
    for (n, beat) in beats(&tape) {
        let keys: Vec<Key> = match beat {
            Beat::Text(text) => text.chars().map(Key::Char).collect(),
            Beat::Key(key, times) => vec![key; times],
        };
        for key in keys {
            // A frame: until the answer is to what is asked now.
            for _ in 0..3 {
                let picture = app.picture(fixture::answer(&world, &app.query()));
                app.update(Msg::Saw(Arc::new(picture)));
            }
            assert!(does_something(&app, key), "demo.tape:{n} presses {key}, which does nothing in {:?}", app.place());
            for effect in app.update(Msg::Key(key)) {
                if let Effect::Send { ticket, .. } = effect {
                    app.update(Msg::Sent { ticket, text: "sent".into() });
                }
            }
            pressed += 1;
        }
    }
    assert!(pressed > 10, "the tape presses {pressed} keys: is it read right?");
}

#[test]
fn the_demo_waits_for_what_it_shows_and_stays_short() {
    let tape = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.tape")).unwrap();
    let waits = tape.lines().filter(|line| line.starts_with("Wait")).count();
    assert!(waits >= 5, "{waits} waits: a tape that only sleeps breaks on a slow machine");
    // Sleeps are for whoever watches: together well under the minute of the whole.
    let seconds: f64 = tape.lines().filter_map(|line| line.strip_prefix("Sleep ")).map(span).sum();
    assert!(seconds < 30.0, "{seconds} s of sleep");
}

fn span(text: &str) -> f64 {
    let text = text.trim();
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => number.parse::<f64>().unwrap() / 1000.0,
        (None, Some(number)) => number.parse().unwrap(),
        (None, None) => text.parse().unwrap(),
    }
}
