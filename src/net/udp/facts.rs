//! What the details page tells of a UDP socket: where it is bound, what waits in the kernel, what was dropped,
//! and the groups it is in.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::net::UdpSocket;

use super::port::Port;
use super::said;
use crate::hub::Recorder;
use crate::model::size;
use crate::model::view::{Facts, Group};

/// One run's socket.
pub struct Socket {
    /// Gone when the run is over: then there is nothing more to tell.
    socket: Weak<UdpSocket>,
    local: SocketAddr,
    connected: bool,
    lost: AtomicU64,
    groups: Mutex<Vec<String>>,
}

impl Socket {
    pub fn tell(port: &Port, log: &Recorder) -> Arc<Self> {
        let facts = Arc::new(Self {
            socket: Arc::downgrade(&port.socket),
            local: port.local,
            connected: port.connected,
            lost: AtomicU64::new(0),
            groups: Mutex::default(),
        });
        log.explain(Arc::clone(&facts) as Arc<dyn Facts>);
        facts
    }

    pub fn set_lost(&self, total: u64) {
        self.lost.store(total, Relaxed);
    }

    pub fn set_groups(&self, names: impl Iterator<Item = String>) {
        *self.groups.lock() = names.collect();
    }
}

impl Facts for Socket {
    fn read(&self) -> Vec<Group> {
        let Some(socket) = self.socket.upgrade() else { return Vec::new() };
        let memory = said::memory(&socket);
        let unknown = || "n/a".to_string();
        let told = self.lost.load(Relaxed);
        // As it is now: the loop may not have looked since.
        let lost =
            memory.map_or_else(unknown, |memory| size::exact(told + u64::from(memory.drops.wrapping_sub(told as u32))));
        let queue = memory.map_or_else(unknown, |memory| {
            format!("{} of {}", size::bytes(memory.queued.into()), size::bytes(memory.room.into()))
        });
        let groups = self.groups.lock();
        let rows = vec![
            ("bound to".into(), self.local.to_string()),
            ("connected".into(), if self.connected { "yes" } else { "no" }.into()),
            ("dropped".into(), lost),
            ("unread".into(), queue),
            ("groups".into(), if groups.is_empty() { "none".into() } else { groups.join(" ") }),
        ];
        vec![Group { title: "UDP socket".into(), rows }]
    }
}
