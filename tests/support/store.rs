//! Stores of certificates as `sockscope cert` makes them.

use std::path::Path;

use sockscope::model::spec::Settings;
use sockscope::run::cert;
use tempfile::TempDir;

/// A store in which these commands of `sockscope cert` were run.
pub fn store(commands: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    commands.iter().for_each(|command| run(dir.path(), command));
    dir
}

pub fn run(store: &Path, command: &str) {
    let words = command.split(' ').chain(["--json", "--store", store.to_str().unwrap()]).map(Into::into);
    assert_eq!(cert::main(words), 0, "{command}");
}

pub fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(Settings::default(), |settings, (name, value)| settings.with(name, value).unwrap())
}
