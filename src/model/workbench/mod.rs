//! The certificate workbench as plain data: the steps one can ask for, what the store holds, and what a step
//! came to. Every step is a command of `sockscope cert`, and a [`Wish`] is written as its words: the screen and
//! the command line cannot mean different things.

mod step;

pub use step::{Begins, CA, Deed, Field, How, KINDS, Look, STEPS, Step, USES};

/// A step as it is asked for: the command's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    pub deed: Deed,
    pub words: Vec<String>,
}

impl Wish {
    /// The words of a step whose fields hold these texts.
    pub fn new<'a>(step: &Step, texts: impl IntoIterator<Item = (&'a Field, String)>) -> Self {
        let mut words = vec![step.word.to_owned()];
        let mut places = Vec::new();
        for (field, text) in texts {
            let text = text.trim();
            let parts = || text.split([' ', ',']).filter(|part| !part.is_empty());
            match field.how {
                How::Place if text.is_empty() => {}
                How::Place => places.push(text.to_owned()),
                How::Places => places.extend(parts().map(str::to_owned)),
                How::Option(_) if text.is_empty() || field.says_nothing(text) => {}
                How::Option(name) => words.push(format!("--{name}={text}")),
                How::Options(name) => words.extend(parts().map(|part| format!("--{name}={part}"))),
            }
        }
        // A name that looks like an option is none.
        if places.iter().any(|place| place.starts_with('-')) {
            words.push("--".into());
        }
        words.extend(places);
        Self { deed: step.deed, words }
    }

    /// A step about one name.
    pub fn of(step: &Step, name: &str) -> Self {
        let mut words = vec![step.word.to_owned()];
        if name.starts_with('-') {
            words.push("--".into());
        }
        words.push(name.to_owned());
        Self { deed: step.deed, words }
    }

    /// The same with one more word behind the command's own.
    #[must_use]
    pub fn and(mut self, word: &str) -> Self {
        self.words.insert(1.min(self.words.len()), word.to_owned());
        self
    }

    /// The command as one types it in a shell.
    pub fn command(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        format!("sockscope cert {}", words.join(" "))
    }

    /// The same for the store it is done in, where that is not the usual one.
    pub fn command_in(&self, shelf: &Shelf) -> String {
        if shelf.is_usual || shelf.folder.is_empty() {
            return self.command();
        }
        let own = Self {
            deed: self.deed,
            words: [vec!["--store".into(), shelf.folder.clone()], self.words.clone()].concat(),
        };
        own.command()
    }
}

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=/:@~%+,".contains(c);
    match word.chars().all(plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// How long a certificate is still good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Standing {
    /// Nothing that ends.
    #[default]
    None,
    Good,
    /// A month or less is left.
    Soon,
    /// Not yet.
    Early,
    Expired,
}

/// One line of what a file says: names and values come from elsewhere and are shown escaped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    pub level: u8,
    pub name: String,
    pub value: String,
}

/// A name of the store with what is kept under it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    pub name: String,
    /// The files' extensions: `key`, `crt`.
    pub kept: Vec<&'static str>,
    /// What it is: `root CA`, `server`, `request`, `key`.
    pub role: &'static str,
    /// Of the key: `ECDSA P-256`.
    pub kind: String,
    pub subject: String,
    pub names: Vec<String>,
    pub issuer: String,
    /// `74 days left`.
    pub validity: String,
    pub standing: Standing,
    pub revoked: bool,
    /// The key under this name is not the certificate's.
    pub misfit: bool,
    pub is_ca: bool,
    /// Of the certificate, for programs: its times (RFC 3339), its serial number, its fingerprint.
    pub not_before: String,
    pub not_after: String,
    pub serial: String,
    pub sha256: String,
    pub tree: Vec<Line>,
}

impl Entry {
    pub fn has(&self, extension: &str) -> bool {
        self.kept.contains(&extension)
    }
}

/// The store as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shelf {
    pub folder: String,
    /// It is the one that is taken where none is named.
    pub is_usual: bool,
    pub entries: Vec<Entry>,
    /// Names that were left out: there are too many.
    pub more: usize,
    /// Why it cannot be read.
    pub trouble: Option<String>,
}

/// What a step came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Only the store was asked for.
    Looked,
    Done {
        /// What it says, line by line.
        lines: Vec<String>,
        /// The name of the store it was about.
        name: Option<String>,
    },
    Refused(Refusal),
}

/// Why a step was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub text: String,
    /// The option it is about.
    pub option: Option<String>,
    /// There is something already that would be written over.
    pub is_taken: bool,
}

/// The answer to a wish, with the store as it is then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    pub ticket: u64,
    pub outcome: Outcome,
    pub shelf: Shelf,
}
