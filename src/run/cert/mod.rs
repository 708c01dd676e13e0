//! `sockscope cert`: the workbench's steps as commands over one store. Each says what it made and where,
//! as lines or as one JSON object.

mod args;
mod checks;
mod steps;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};

pub use self::args::Cert;
use self::args::What;
use super::cli::exit;
use crate::pki::store::Kind;
use crate::pki::{Authority, Error, Key, Now, Request, Result, Store, pem, store};

/// What was made or found: for people, and for programs.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    fields: Map<String, Value>,
}

impl Report {
    fn line(mut self, text: impl Into<String>) -> Self {
        self.lines.push(text.into());
        self
    }

    fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// A file that was written.
    fn wrote(self, what: &str, path: &Path) -> Self {
        let shown = path.display().to_string();
        let name = path.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        let mut report = self.line(format!("{what:<12} {shown}"));
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
}

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
    let cert = match read(args) {
        Ok(cert) => cert,
        Err(error) => {
            // Nobody to tell if neither stdout nor stderr is there.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
        }
    };
    let bench =
        Bench { store: Store::at(cert.store.clone().unwrap_or_else(folder)), now: time::OffsetDateTime::now_utc() };
    match bench.run(&cert.what) {
        Ok(report) if cert.json => say(&Value::Object(report.fields).to_string()),
        Ok(report) => say(&report.lines.join("\n")),
        Err(Error(reason)) if cert.json => {
            say(&json!({ "error": reason }).to_string());
            exit::BROKEN
        }
        Err(Error(reason)) => {
            let _ = writeln!(io::stderr(), "sockscope: {reason}");
            exit::BROKEN
        }
    }
}

/// What came from a file is made harmless for the terminal it may be printed on.
fn say(text: &str) -> u8 {
    let harmless = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    let text: String = text.chars().map(harmless).collect();
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
    fn run(&self, what: &What) -> Result<Report> {
        match what {
            What::Key { name, kind, over } => self.key(name, kind.kind, over.replace),
            What::Public { name } => self.public(name),
            What::Ca { name, subject, under, days, path_length, kind, over } => {
                let wish =
                    steps::Ca { subject: subject.as_deref(), under: under.as_deref(), days: *days, path: *path_length };
                self.ca(name, &wish, kind.kind, over.replace)
            }
            What::Request { name, subject, names, usage, kind, over } => {
                self.request(name, subject.as_deref(), names, *usage, kind.kind, over.replace)
            }
            What::Sign { name, ca, days, usage, over } => self.sign(name, ca, *days, *usage, over.replace),
            What::Verify { name, roots, between, crl, host, usage } => {
                let against = checks::Against { roots, between, crls: crl, host: host.as_deref(), usage: *usage };
                self.verify(name, &against)
            }
            What::Show { name } => self.show(name),
            What::List => self.list(),
            What::Import { name, certificate, key, over } => {
                self.import(name, certificate, key.as_deref(), over.replace)
            }
            What::Revoke { name } => self.revoke(name),
            What::For { names, ca, days, usage, kind } => self.all(names, ca, *days, *usage, kind.kind),
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
        Ok((store::read(&path)?, path.display().to_string()))
    }

    fn fetch_key(&self, name: &str) -> Result<Key> {
        let (bytes, what) = self.fetch(name, Kind::Key)?;
        Key::read(&bytes, &what)
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
        Authority::load(own, self.fetch_key(name)?, &what).map(|ca| (ca, chain))
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
