//! What was sent in earlier runs: drafts as JSON lines in the user's state directory.
//!
//! A convenience: every trouble is a sentence for the status bar, never an end. Two programs may write
//! at once: each append is one whole line in one write at the file's end (`O_APPEND`, open(2)).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use serde::{Deserialize, Serialize};

use crate::model::draft::{Coding, Draft, Ending, Shape};

/// Drafts that are read back: more than anyone scrolls through, and read in a few milliseconds.
const KEEP: usize = 1_000;
/// Lines at which the file is written anew with the newest [`KEEP`].
const MOST_LINES: usize = 2 * KEEP;
/// A longer draft is a document, not a line of history.
const MOST_LINE: usize = 64 << 10;
/// What is read of a file at the most: its end. Only drafts of documents' length come near it.
const MOST_FILE: u64 = 16 << 20;

/// Environment variable that names the directory instead of the user's state directory.
pub const ENV: &str = "SOCKSCOPE_STATE";

#[derive(Serialize, Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    coding: Coding,
    #[serde(default)]
    ending: Ending,
    #[serde(default)]
    shape: Shape,
    #[serde(default)]
    fragments: u32,
}

/// Where the history is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    file: PathBuf,
}

/// What was there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// Oldest first, the newest thousand at the most.
    pub drafts: Vec<Draft>,
    /// Lines that were not drafts.
    pub skipped: usize,
}

impl History {
    /// The history in a directory, which need not exist yet.
    pub fn within(directory: &Path) -> Self {
        Self { file: directory.join("history") }
    }

    /// `$SOCKSCOPE_STATE/history`, or `$XDG_STATE_HOME/sockscope/history`. `None` where there is no home.
    pub fn locate() -> Option<Self> {
        if let Some(directory) = std::env::var_os(ENV).filter(|directory| !directory.is_empty()) {
            return Some(Self::within(Path::new(&directory)));
        }
        let state = Xdg::new().ok()?.state_dir()?;
        Some(Self::within(&state.join("sockscope")))
    }

    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Reads what earlier runs sent, and shortens the file where it has grown long.
    ///
    /// # Errors
    /// A sentence with the file's name; no file at all is an empty history.
    pub fn load(&self) -> Result<Loaded, String> {
        let (text, whole) = match self.read() {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::default()),
            Err(error) => return Err(self.trouble("read", &error)),
        };
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let total = lines.clone().count();
        let mut loaded = Loaded::default();
        for line in lines.skip(total.saturating_sub(MOST_LINES)) {
            match serde_json::from_slice(line) {
                Ok(Line { text, coding, ending, shape, fragments }) => {
                    loaded.drafts.push(Draft { text, coding, ending, shape, fragments });
                }
                Err(_) => loaded.skipped += 1,
            }
        }
        loaded.drafts.drain(..loaded.drafts.len().saturating_sub(KEEP));
        if total > MOST_LINES || text.len() as u64 != whole {
            self.shorten(&loaded.drafts, whole).map_err(|error| self.trouble("shortened", &error))?;
        }
        Ok(loaded)
    }

    /// Adds a draft at the end. One that is too long is left out.
    ///
    /// # Errors
    /// A sentence with the file's name.
    pub fn append(&self, draft: &Draft) -> Result<(), String> {
        let line = line(draft);
        if line.len() > MOST_LINE {
            return Ok(());
        }
        self.add(line).map_err(|error| self.trouble("written", &error))
    }

    fn trouble(&self, done: &str, error: &io::Error) -> String {
        format!("the send history {} cannot be {done}: {error}", self.file.display())
    }

    /// The file's end, and the size of the whole.
    fn read(&self) -> io::Result<(Vec<u8>, u64)> {
        let mut file = File::open(&self.file)?;
        let whole = file.metadata()?.len();
        file.seek(SeekFrom::Start(whole.saturating_sub(MOST_FILE)))?;
        let mut text = Vec::new();
        file.take(MOST_FILE).read_to_end(&mut text)?;
        Ok((text, whole))
    }

    fn add(&self, mut line: Vec<u8>) -> io::Result<()> {
        if let Some(directory) = self.file.parent() {
            private_directory(directory)?;
        }
        let mut file = private(OpenOptions::new().read(true).append(true).create(true)).open(&self.file)?;
        // A disk that was full may have left half a line: it must not swallow this one.
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        file.write_all(&line)
    }

    /// Writes the drafts beside the file and puts them in its place. If another program has added to the
    /// file since it was read, it is left as it is: the next start shortens it.
    fn shorten(&self, drafts: &[Draft], read: u64) -> io::Result<()> {
        let name = format!("history.{}.tmp", std::process::id());
        let temporary = self.file.with_file_name(name);
        let lines: Vec<u8> = drafts.iter().flat_map(line).collect();
        let done = private(OpenOptions::new().write(true).create(true).truncate(true))
            .open(&temporary)
            .and_then(|mut file| file.write_all(&lines))
            .and_then(|()| {
                if fs::metadata(&self.file)?.len() == read {
                    fs::rename(&temporary, &self.file)
                } else {
                    fs::remove_file(&temporary)
                }
            });
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done
    }
}

fn line(draft: &Draft) -> Vec<u8> {
    let Draft { text, coding, ending, shape, fragments } = draft.clone();
    // A struct of strings and unit enums: there is nothing that JSON could refuse.
    let mut line = serde_json::to_vec(&Line { text, coding, ending, shape, fragments }).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Readable for its owner alone: what is sent may be secret.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft(text: &str) -> Draft {
        Draft { text: text.into(), coding: Coding::Escapes, ending: Ending::CrLf, shape: Shape::Ping, fragments: 3 }
    }

    #[test]
    fn what_was_sent_is_there_in_the_next_run() {
        let home = tempfile::tempdir().unwrap();
        let history = History::within(&home.path().join("not/there/yet"));
        assert_eq!(history.load(), Ok(Loaded::default()));
        let drafts = [draft("one\nline"), Draft { text: "你好".into(), ..Draft::default() }];
        for draft in &drafts {
            history.append(draft).unwrap();
        }
        assert_eq!(history.load().unwrap(), Loaded { drafts: drafts.into(), skipped: 0 });
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let history = History::within(&home.path().join("state"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for i in 0..=MOST_LINES {
            history.append(&draft(&i.to_string())).unwrap();
        }
        assert_eq!((mode(history.path()), mode(&home.path().join("state"))), (0o600, 0o700));
        history.load().unwrap();
        assert_eq!(mode(history.path()), 0o600);
    }

    #[test]
    fn a_long_history_is_shortened_to_its_newest_part() {
        let home = tempfile::tempdir().unwrap();
        let history = History::within(home.path());
        for i in 0..MOST_LINES + 5 {
            history.append(&draft(&i.to_string())).unwrap();
        }
        let loaded = history.load().unwrap();
        assert_eq!(loaded.drafts.len(), KEEP);
        assert_eq!(loaded.drafts[KEEP - 1].text, (MOST_LINES + 4).to_string());
        assert_eq!(fs::read_to_string(history.path()).unwrap().lines().count(), KEEP);
        assert_eq!(history.load().unwrap(), loaded);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "a temporary file was left");
    }

    #[test]
    fn lines_that_are_no_drafts_are_skipped_and_counted() {
        let home = tempfile::tempdir().unwrap();
        let history = History::within(home.path());
        fs::write(history.path(), b"{\"text\":\"a\"}\n\xff\xfe\n\n{\"text\":7}\n{\"text\":\"half").unwrap();
        history.append(&draft("b")).unwrap();
        let loaded = history.load().unwrap();
        assert_eq!(loaded.drafts.iter().map(|draft| draft.text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(loaded.skipped, 3);
    }

    #[test]
    fn two_programs_at_once_lose_and_mix_nothing() {
        let home = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let history = History::within(home.path());
                scope.spawn(move || {
                    for i in 0..200 {
                        history.append(&draft(&format!("{name}{i}{}", name.repeat(300)))).unwrap();
                    }
                });
            }
        });
        let loaded = History::within(home.path()).load().unwrap();
        assert_eq!((loaded.drafts.len(), loaded.skipped), (800, 0));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_a_sentence() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let history = History::within(&file);
        assert!(history.append(&draft("a")).unwrap_err().contains("cannot be written"));
        assert!(history.load().unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_document_is_no_line_of_history() {
        let home = tempfile::tempdir().unwrap();
        let history = History::within(home.path());
        history.append(&draft(&"x".repeat(MOST_LINE))).unwrap();
        assert_eq!(history.load(), Ok(Loaded::default()));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_no_file_panics(text in ".{0,40}", noise in prop::collection::vec(any::<u8>(), 0..80)) {
            let home = tempfile::tempdir().unwrap();
            let history = History::within(home.path());
            fs::write(history.path(), &noise).unwrap();
            history.append(&draft(&text)).unwrap();
            prop_assert_eq!(&history.load().unwrap().drafts.pop().unwrap().text, &text);
        }
    }
}
