//! The key log: the secrets of TLS connections appended to a file, from which Wireshark and tshark read what
//! they belong to (draft-ietf-tls-keylogfile; NSS's `SSLKEYLOGFILE`).

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::hub::Recorder;
use crate::model::end::{Fault, Op};
use crate::model::event::{Kind, Logged};
use crate::model::id::EndpointId;
use crate::model::spec::Settings;
use crate::net::errno;

/// Labels of one connection that are remembered for its timeline; TLS 1.3 has seven, and one more for each new key.
const LABELS: usize = 16;

/// The files of a session.
#[derive(Default)]
pub struct KeyLogs {
    /// For endpoints that have none of their own.
    all: OnceLock<PathBuf>,
    /// Endpoints whose file did not take the last line: that is told once, until it takes one again.
    failing: Mutex<BTreeSet<EndpointId>>,
}

impl KeyLogs {
    /// The file of all endpoints that have none of their own. The first one wins.
    pub fn for_all(&self, file: PathBuf) {
        let _ = self.all.set(file);
    }

    /// Where the secrets of a new connection go; `log` is its endpoint's timeline.
    pub fn sink(self: &Arc<Self>, endpoint: EndpointId, log: &Recorder, settings: &Settings) -> Option<Arc<Sink>> {
        let file = settings.tls.keylog.as_ref().or(self.all.get())?.clone();
        let written = Mutex::default();
        Some(Arc::new(Sink { logs: Arc::clone(self), endpoint, log: log.clone(), file, written }))
    }

    pub fn forget(&self, endpoint: EndpointId) {
        self.failing.lock().remove(&endpoint);
    }
}

/// Where one connection's secrets go, and which have gone there.
pub struct Sink {
    logs: Arc<KeyLogs>,
    endpoint: EndpointId,
    log: Recorder,
    file: PathBuf,
    written: Mutex<Vec<Box<str>>>,
}

impl Sink {
    /// Appends one secret. What goes wrong is told on the endpoint's timeline and ends nothing.
    pub fn write(&self, label: &str, random: &[u8], secret: &[u8]) {
        let was_failing = self.logs.failing.lock().contains(&self.endpoint);
        // Behind a line that may have been cut short (a full disk) a new one begins.
        let gap = if was_failing { "\n" } else { "" };
        let line = format!("{gap}{label} {} {}\n", hex::encode(random), hex::encode(secret));
        match append(&self.file, line.as_bytes()) {
            Ok(()) => {
                let mut written = self.written.lock();
                if written.len() < LABELS {
                    written.push(label.into());
                }
                if was_failing {
                    self.logs.failing.lock().remove(&self.endpoint);
                }
            }
            Err(error) if self.logs.failing.lock().insert(self.endpoint) => {
                let name = match errno::fault(Op::Write, &error) {
                    Fault::Io { name, .. } => name,
                    _ => "EIO",
                };
                let text = format!("the key log {}: {error}; its connections go on", self.file.display());
                self.log.error(Fault::Io { op: Op::Write, name, text: text.into() });
            }
            Err(_) => {}
        }
    }

    /// Tells on the connection's timeline what was written since it was last asked.
    pub fn tell(&self, record: &Recorder) {
        let labels = std::mem::take(&mut *self.written.lock());
        if !labels.is_empty() {
            let file = self.file.display().to_string().into();
            record.event(Kind::KeyLog(Box::new(Logged { file, labels })));
        }
    }
}

/// In one write, so that lines of several connections, and programs, never mix. Opened for each line: one that was
/// moved away is begun anew, and 10,000 connections hold no descriptor.
fn append(file: &Path, line: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe that nobody reads is an error, never a wait.
        options.mode(0o600).custom_flags(libc::O_NONBLOCK);
    }
    options.open(file)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
    use crate::model::id::Subject;
    use crate::model::spec::{Limits, Spec};
    use crate::model::time::Clock;
    use crate::model::url::{Role, Url};

    fn endpoint() -> (Arc<Hub>, EndpointId, Recorder) {
        let hub = Hub::new(Clock::start(0), &Limits::default());
        let spec = Spec::new(Role::Listen, Url::parse("tls://:0", Role::Listen).unwrap());
        let (id, log) = hub.add_endpoint(Arc::new(spec));
        (hub, id, log)
    }

    fn told(hub: &Hub, id: EndpointId) -> Vec<Kind> {
        let events = hub.events(Subject::Endpoint(id), 0, 100).unwrap().events;
        events.into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn lines_are_appended_to_a_file_only_its_owner_reads() {
        let (hub, id, log) = endpoint();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        let logs = Arc::new(KeyLogs::default());
        assert!(logs.sink(id, &log, &Settings::default()).is_none());
        logs.for_all(file.clone());
        let sink = logs.sink(id, &log, &Settings::default()).unwrap();
        sink.write("CLIENT_RANDOM", &[0xab; 2], &[1, 2, 3]);
        sink.write("OTHER", &[0xab; 2], &[4]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "CLIENT_RANDOM abab 010203\nOTHER abab 04\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        sink.tell(&log);
        sink.tell(&log);
        let labels = vec!["CLIENT_RANDOM".into(), "OTHER".into()];
        assert_eq!(
            told(&hub, id),
            [Kind::KeyLog(Box::new(Logged { file: file.display().to_string().into(), labels }))]
        );
    }

    #[test]
    fn a_file_that_takes_nothing_is_told_once_until_it_takes_something_again() {
        let (hub, id, log) = endpoint();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("later/keys");
        let mut settings = Settings::default();
        settings.tls.keylog = Some(file.clone());
        let logs = Arc::new(KeyLogs::default());
        let errors = || told(&hub, id).len();
        for _ in 0..2 {
            let sink = logs.sink(id, &log, &settings).unwrap();
            sink.write("A", &[1], &[2]);
            sink.tell(&log);
        }
        let [Kind::Error(fault)] = &told(&hub, id)[..] else { panic!("{:?}", told(&hub, id)) };
        assert!(fault.to_string().contains("the key log ") && fault.to_string().contains("later/keys"), "{fault}");
        std::fs::create_dir(dir.path().join("later")).unwrap();
        let sink = logs.sink(id, &log, &settings).unwrap();
        sink.write("A", &[1], &[2]);
        sink.write("B", &[1], &[2]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "\nA 01 02\nB 01 02\n");
        std::fs::remove_dir_all(dir.path().join("later")).unwrap();
        sink.write("C", &[1], &[2]);
        assert_eq!(errors(), 2, "it failed anew");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_line() {
        let (hub, id, log) = endpoint();
        let mut settings = Settings::default();
        settings.tls.keylog = Some("/dev/full".into());
        Arc::new(KeyLogs::default()).sink(id, &log, &settings).unwrap().write("A", &[1], &[2]);
        let [Kind::Error(fault)] = &told(&hub, id)[..] else { panic!("{:?}", told(&hub, id)) };
        assert!(fault.to_string().contains("No space left"), "{fault}");
    }
}
