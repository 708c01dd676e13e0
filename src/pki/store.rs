//! The folder where keys, requests, certificates and CAs are kept: plain PEM files under a name, which
//! anyone can read with openssl. A private key is never readable by others, not for a moment, and nothing
//! half-written is ever under its name: files are written beside it and renamed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Cause, Error, Result, error};

/// What is kept under a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The private key, mode 0600.
    Key,
    Public,
    Request,
    /// The certificate, and behind it those between it and its root.
    Certificate,
    /// What this CA has taken back.
    Crl,
    /// Key and chain in one file behind a passphrase, mode 0600.
    Pkcs12,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::Key, Self::Public, Self::Request, Self::Certificate, Self::Crl, Self::Pkcs12];

    pub fn extension(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Public => "pub",
            Self::Request => "csr",
            Self::Certificate => "crt",
            Self::Crl => "crl",
            Self::Pkcs12 => "p12",
        }
    }

    fn mode(self) -> u32 {
        if matches!(self, Self::Key | Self::Pkcs12) { 0o600 } else { 0o644 }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Bytes of one file: a chain of hundreds of certificates; more is no PEM file of ours.
const LARGEST: u64 = 4 << 20;

impl Store {
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a thing of a name is, or would be.
    ///
    /// # Errors
    /// The name could not be a file's.
    pub fn path(&self, name: &str, kind: Kind) -> Result<PathBuf> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '@' | ':');
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(fine) {
            return Err(error(format!(
                "\"{name}\" is no name for the store: letters, digits, - _ . * @ and : make one, and it begins with no dot"
            )));
        }
        // A colon is no character of a file everywhere, a star is a pattern: both have a stand-in.
        let file = name.replace([':', '*'], "_");
        Ok(self.root.join(format!("{file}.{}", kind.extension())))
    }

    /// # Errors
    /// There is none, or it cannot be read: the file and why.
    pub fn read(&self, name: &str, kind: Kind) -> Result<Vec<u8>> {
        read(&self.path(name, kind)?)
    }

    /// The bytes of a name, or of the file that has this path, with what to call it.
    ///
    /// # Errors
    /// There is neither: then the names there are; or it cannot be read.
    pub fn find(&self, name: &str, kind: Kind) -> Result<(Vec<u8>, String)> {
        let kept = self.path(name, kind).ok().filter(|path| !name.contains(std::path::MAIN_SEPARATOR) && path.exists());
        let path = match kept {
            Some(kept) => kept,
            None if Path::new(name).exists() => name.into(),
            None => {
                let all = self.list()?.into_iter().filter(|(_, kinds)| kinds.contains(&kind));
                let names: Vec<_> = all.map(|(name, _)| name).collect();
                let has = if names.is_empty() { "nothing".into() } else { names.join(", ") };
                let (root, extension) = (self.root.display(), kind.extension());
                return Err(error(format!(
                    "\"{name}\" is neither a file nor a name with a .{extension} in the store {root}, which has {has}"
                )));
            }
        };
        Ok((read(&path)?, path.display().to_string()))
    }

    pub fn has(&self, name: &str, kind: Kind) -> bool {
        self.path(name, kind).is_ok_and(|path| path.exists())
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// There is one already and `replace` was not said, or the file and why it could not be written.
    pub fn write(&self, name: &str, kind: Kind, bytes: &[u8], replace: bool) -> Result<PathBuf> {
        self.path(name, kind)?;
        self.hold()?.write(name, kind, bytes, replace)
    }

    /// Holds the store: nobody else writes to it, in no other program either, until this is dropped.
    ///
    /// # Errors
    /// The folder cannot be made, or somebody else holds it for too long.
    pub fn hold(&self) -> Result<Held> {
        self.create()?;
        Ok(Held { store: self.clone(), _lock: self.lock()? })
    }

    /// Before anything is made: nothing of these is there.
    ///
    /// # Errors
    /// There is one: the cause is [`Cause::Taken`].
    pub fn free(&self, name: &str, kinds: &[Kind]) -> Result<()> {
        for kind in kinds {
            let path = self.path(name, *kind)?;
            if path.exists() {
                let text = format!("{} is there already: take another name, or replace it", path.display());
                return Err(Error(text, Cause::Taken));
            }
        }
        Ok(())
    }

    /// Names with what is kept under each, in order.
    ///
    /// # Errors
    /// The folder cannot be read. One that is not there is empty.
    pub fn list(&self) -> Result<Vec<(String, Vec<Kind>)>> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(failed("cannot read the store", &self.root, &cause)),
        };
        let mut found = std::collections::BTreeMap::<String, Vec<Kind>>::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else { continue };
            let kind = Kind::ALL.into_iter().find(|kind| extension == kind.extension());
            if let (Some(stem), Some(kind)) = (stem.to_str(), kind) {
                found.entry(stem.to_owned()).or_default().push(kind);
            }
        }
        for kinds in found.values_mut() {
            kinds.sort_unstable();
        }
        Ok(found.into_iter().collect())
    }

    fn create(&self) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.root).map_err(|cause| match self.root.is_file() {
            true => failed("cannot make the store", &self.root, &io::ErrorKind::NotADirectory.into()),
            false => failed("cannot make the store", &self.root, &cause),
        })
    }

    /// One writer at a time, whatever the number of programs; given back when it is dropped, by the kernel
    /// if need be.
    fn lock(&self) -> Result<File> {
        let path = self.root.join(".lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|cause| failed("cannot lock the store", &path, &cause))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => pause(),
                Err(TryLockError::Error(cause)) => return Err(failed("cannot lock the store", &path, &cause)),
            }
        }
        Err(error(format!("another program holds {} for {} seconds now: try again", path.display(), TRIES / 20)))
    }
}

/// How often the lock is tried: longer than an RSA key of 4096 bits takes to be made.
const TRIES: u32 = 600;

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel tells nobody when a lock becomes free; the tries are counted"
)]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}

/// The store, held: what is read and written meanwhile belongs together.
#[derive(Debug)]
pub struct Held {
    store: Store,
    _lock: File,
}

impl Held {
    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write(&self, name: &str, kind: Kind, bytes: &[u8], replace: bool) -> Result<PathBuf> {
        if !replace {
            self.store.free(name, &[kind])?;
        }
        let path = self.store.path(name, kind)?;
        write(&path, bytes, kind.mode())?;
        Ok(path)
    }
}

/// # Errors
/// The file and why it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let meta = fs::metadata(path).map_err(|cause| failed("cannot read", path, &cause))?;
    if !meta.is_file() {
        return Err(error(format!("{} is no regular file", path.display())));
    }
    if meta.len() > LARGEST {
        return Err(error(format!(
            "{} has {} bytes: a file of keys and certificates has {LARGEST} at the most",
            path.display(),
            meta.len()
        )));
    }
    fs::read(path).map_err(|cause| failed("cannot read", path, &cause))
}

/// Writes beside the file, with its mode from the first moment, and renames.
///
/// # Errors
/// The file and why it could not be written; then nothing is left of it.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let beside = path.with_extension(format!(
        "{}.{}.tmp",
        path.extension().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let outcome = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    outcome.map_err(|cause| {
        // Nothing half-written stays; if it was never made there is nothing to take away.
        let _ = fs::remove_file(&beside);
        failed("cannot write", path, &cause)
    })
}

fn failed(what: &str, path: &Path, cause: &io::Error) -> Error {
    let why = match cause.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotADirectory => "it, or a part of its path, is a file, and a folder is expected there".into(),
        _ => cause.to_string(),
    };
    error(format!("{what} {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_listed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("certs"));
        assert_eq!(store.list().unwrap(), []);
        let path = store.write("a.test", Kind::Key, b"secret", false).unwrap();
        store.write("a.test", Kind::Certificate, b"public", false).unwrap();
        assert_eq!(store.read("a.test", Kind::Key).unwrap(), b"secret");
        assert_eq!(store.list().unwrap(), [("a.test".to_owned(), vec![Kind::Key, Kind::Certificate])]);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        let again = store.write("a.test", Kind::Key, b"other", false).unwrap_err().0;
        assert!(again.contains("is there already"), "{again}");
        store.write("a.test", Kind::Key, b"other", true).unwrap();
        let left: Vec<_> = fs::read_dir(store.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = Store::at(file.path().join("certs"));
        for name in ["", "../x", "a/b", ".hidden", "a\0b", "a b"] {
            assert!(store.path(name, Kind::Key).is_err(), "{name:?}");
        }
        let said = store.write("a", Kind::Key, b"", false).unwrap_err().0;
        assert!(said.starts_with("cannot make the store") && said.contains("certs"), "{said}");
    }

    #[test]
    fn many_writers_leave_one_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let store = &store;
                scope.spawn(move || store.write("x", Kind::Crl, &vec![n; 10_000], true).unwrap());
            }
        });
        let bytes = store.read("x", Kind::Crl).unwrap();
        assert!(bytes.len() == 10_000 && bytes.iter().all(|byte| *byte == bytes[0]));
    }
}
