//! `sockscope cert`: the workbench's steps as commands over one store. Each says what it made and where,
//! as lines or as one JSON object.

mod answer;
mod args;
mod checks;
mod shelf;
mod steps;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};

pub use self::answer::answer;
pub use self::args::Cert;
use self::args::What;
use super::cli::exit;
use crate::pki::store::{Held, Kind};
use crate::pki::{Authority, Cause, Error, Key, Now, Request, Result, Store, error, pem, store};

/// What was made or found: for people, and for programs.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    fields: Map<String, Value>,
    /// The names of the files that were written.
    wrote: Vec<String>,
}

impl Report {
    /// One line: what stands in it may come from anywhere, and makes no other.
    fn line(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(harmless(text.as_ref()));
        self
    }

    /// Text of our own that has several.
    fn text(self, text: &str) -> Self {
        text.lines().fold(self, Self::line)
    }

    fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// What one did not ask for and should know.
    fn remark(mut self, text: String) -> Self {
        self.fields.insert("remark".into(), text.clone().into());
        self.line(&text)
    }

    /// A file that was written.
    fn wrote(self, what: &str, path: &Path) -> Self {
        let shown = path.display().to_string();
        let name = path.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        let mut report = self.line(format!("{what:<12} {shown}"));
        report.wrote.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        let files = report.fields.entry("files").or_insert_with(|| json!({}));
        if let Value::Object(files) = files {
            files.insert(name, shown.into());
        }
        report
    }
}

/// The store, and what time it is.
struct Bench {
    store: Store,
    now: Now,
    /// Where the passphrase stands.
    passphrase: Option<PathBuf>,
    /// The store is held from the first thing that is written, or read to be written anew.
    held: OnceCell<Held>,
}

/// Where a passphrase is looked for when no file is named.
const PASSPHRASE: &str = "SOCKSCOPE_PASSPHRASE";

/// Reads what follows `sockscope cert`.
///
/// # Errors
/// What clap wants printed.
pub fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> std::result::Result<Cert, clap::Error> {
    let name = std::iter::once(std::ffi::OsString::from("sockscope cert"));
    Cert::try_parse_from(name.chain(args))
}

/// Runs `sockscope cert ...`; `args` begins behind `cert`.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let args: Vec<_> = args.into_iter().collect();
    let wants_json = args.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    let cert = match read(args) {
        Ok(cert) => cert,
        Err(error) if wants_json && error.use_stderr() => {
            let _ = say(&json!({ "error": answer::misread(&error).text }).to_string());
            return exit::USAGE;
        }
        Err(error) => {
            // Nobody to tell if neither stdout nor stderr is there.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
        }
    };
    match Bench::new(&cert, &folder()).run(&cert.what) {
        Ok(report) if cert.json => say(&Value::Object(report.fields).to_string()),
        Ok(report) => say(&report.lines.join("\n")),
        Err(Error(reason, cause)) => {
            let looked = matches!(cert.what, What::Verify { .. });
            if cert.json {
                let is_bad = looked && cause == Cause::Verdict;
                let own = if is_bad { json!({ "good": false, "reason": reason }) } else { json!({ "error": reason }) };
                say(&own.to_string());
            } else {
                let way = if cause == Cause::Taken { " (--replace)" } else { "" };
                // Names in it may come from a file.
                let _ = writeln!(io::stderr(), "sockscope: {}{way}", harmless(&reason));
            }
            // A chain that is bad is an answer, one that could not be looked at is none.
            if looked && cause != Cause::Verdict { exit::USAGE } else { exit::BROKEN }
        }
    }
}

/// What came from a file is made harmless for the terminal it may be printed on.
fn harmless(text: &str) -> String {
    crate::screen::bytes::clean(text).into_owned()
}

fn say(text: &str) -> u8 {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => exit::DONE,
        // A pipe that was closed early has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
        Err(_) => exit::BROKEN,
    }
}

/// Where the store is unless another was named.
pub fn folder() -> PathBuf {
    use etcetera::BaseStrategy;
    let data = etcetera::choose_base_strategy().map(|strategy| strategy.data_dir());
    data.unwrap_or_else(|_| PathBuf::from(".")).join("sockscope").join("certs")
}

impl Bench {
    fn new(cert: &Cert, folder: &Path) -> Self {
        Self {
            store: Store::at(cert.store.as_deref().unwrap_or(folder)),
            now: time::OffsetDateTime::now_utc(),
            passphrase: cert.passphrase_file.clone(),
            held: OnceCell::new(),
        }
    }

    /// The store for oneself, until the step is done.
    fn alone(&self) -> Result<&Held> {
        if let Some(held) = self.held.get() {
            return Ok(held);
        }
        let held = self.store.hold()?;
        Ok(self.held.get_or_init(|| held))
    }

    fn put(&self, name: &str, kind: Kind, bytes: &[u8], replace: bool) -> Result<PathBuf> {
        self.store.path(name, kind)?;
        self.alone()?.write(name, kind, bytes, replace)
    }

    /// The first line of the named file, or what the environment has: never an argument, which others can read.
    fn passphrase(&self) -> Result<Option<String>> {
        let Some(path) = &self.passphrase else { return Ok(std::env::var(PASSPHRASE).ok()) };
        let bytes = store::read(path)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = std::str::from_utf8(line).map_err(|_| error(format!("{} is no UTF-8 text", path.display())))?;
        Ok(Some(text.trim_end_matches('\r').to_owned()))
    }

    /// A private key, unlocked if need be.
    fn unlock(&self, bytes: &[u8], what: &str) -> Result<Key> {
        match Key::read(bytes, what) {
            Err(Error(text, Cause::Locked)) => match self.passphrase()? {
                Some(passphrase) => Key::unlock(bytes, what, Some(&passphrase)),
                None => {
                    let how = format!(
                        "{text}: write it into a file and name that with --passphrase-file, or set {PASSPHRASE}"
                    );
                    Err(Error(how, Cause::Locked))
                }
            },
            read => read,
        }
    }

    fn run(&self, what: &What) -> Result<Report> {
        match what {
            What::Key { name, kind, over } => self.key(name, kind.kind.unwrap_or_default(), over.replace),
            What::Public { name, over } => self.public(name, over.replace),
            What::Ca { name, subject, under, days, path_length, kind, over } => {
                let wish =
                    steps::Ca { subject: subject.as_deref(), under: under.as_deref(), days: *days, path: *path_length };
                self.ca(name, &wish, kind.kind, over.replace)
            }
            What::Request { name, subject, names, usage, key_usages, kind, over } => {
                let wish = steps::Asked { subject: subject.as_deref(), names, usage: *usage, key_usages };
                self.request(name, &wish, kind.kind, over.replace)
            }
            What::Sign { name, own: true, days, over, .. } => self.sign_self(name, days.unwrap_or(3650), over.replace),
            What::Sign { name, ca, days, usage, serial, over, .. } => {
                self.sign(name, ca, days.unwrap_or(90), (*usage, serial.as_ref()), over.replace)
            }
            What::Verify { name, roots, between, crl, host, usage } => {
                let against = checks::Against { roots, between, crls: crl, host: host.as_deref(), usage: *usage };
                self.verify(name, &against)
            }
            What::Show { name } => self.show(name),
            What::List => self.list(),
            What::Import { name, certificate, key, over } => {
                self.import(name, certificate.as_deref(), key.as_deref(), over.replace)
            }
            What::Revoke { name } => self.revoke(name),
            What::For { names, ca, days, usage, kind, over } => {
                self.all(names, &steps::Leaf { ca, days: *days, usage: *usage, kind: kind.kind }, over.replace)
            }
            What::Pkcs12 { name, over } => self.pkcs12(name, over.replace),
            What::Trust { ca } => self.trust(ca),
            What::Private { name, yes } => self.private(name, *yes),
        }
    }

    /// The bytes of a name in the store, or of a file; with what to call it.
    fn fetch(&self, name: &str, kind: Kind) -> Result<(Vec<u8>, String)> {
        let path = Path::new(name);
        let path = match self.store.path(name, kind) {
            Ok(kept) if !name.contains(std::path::MAIN_SEPARATOR) && kept.exists() => kept,
            Ok(kept) if !path.exists() => kept,
            _ => path.to_owned(),
        };
        if !path.exists() && Path::new(name).is_relative() && path != Path::new(name) {
            let here = std::env::current_dir().unwrap_or_default().join(name);
            return Err(error(format!(
                "\"{name}\" is neither a name of the store ({}) nor a file ({}): there is no such file",
                path.display(),
                here.display()
            )));
        }
        Ok((store::read(&path)?, path.display().to_string()))
    }

    fn fetch_key(&self, name: &str) -> Result<Key> {
        let (bytes, what) = self.fetch(name, Kind::Key)?;
        self.unlock(&bytes, &what)
    }

    fn fetch_chain(&self, name: &str) -> Result<Vec<CertificateDer<'static>>> {
        let (bytes, what) = self.fetch(name, Kind::Certificate)?;
        pem::certificates(&bytes, &what)
    }

    fn fetch_request(&self, name: &str) -> Result<Request> {
        let (bytes, what) = self.fetch(name, Kind::Request)?;
        Request::read(&bytes, &what)
    }

    /// A CA of the store with its key, and what stands above it.
    fn fetch_ca(&self, name: &str) -> Result<(Authority, Vec<CertificateDer<'static>>)> {
        let (bytes, what) = self.fetch(name, Kind::Certificate)?;
        let mut chain = pem::certificates(&bytes, &what)?;
        let own = chain.remove(0);
        let key = self.fetch_key(name)?;
        Authority::load(own, key, &what).map(|ca| (ca, chain))
    }
}

/// A file name for a name: its last part, without the extension.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    Kind::ALL.iter().find_map(|kind| file.strip_suffix(&format!(".{}", kind.extension()))).unwrap_or(file)
}

/// The certificates of a chain as one PEM text.
fn chain_pem<'a>(chain: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    chain.into_iter().map(|der| pem::write("CERTIFICATE", der)).collect()
}
