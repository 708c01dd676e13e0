//! A close that waits until the peer has acknowledged all that was sent (`SO_LINGER` with a time, socket(7)).
//!
//! The kernel's own wait would hold up the thread that closes, and every other socket on it. So it is ours: when the
//! stream is dropped a second descriptor keeps the connection, our FIN is sent, and the kernel is asked now and then
//! whether it still has something to deliver.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Descriptor, Handle, Shared, sys};
use crate::hub::Recorder;
use crate::model::end::{End, Fault};
use crate::model::time::Stamp;

/// How often the kernel is asked: two system calls.
const PULSE: Duration = Duration::from_millis(10);

/// How a connection is to be closed.
#[derive(Default)]
pub(super) struct Close {
    /// What is to be waited for at the most.
    pub time: Option<Duration>,
    /// Since when it is being closed.
    began: Option<Stamp>,
    /// Whether somebody is there to wait; without one a close is at once.
    attended: bool,
    /// Keeps the connection while it lingers.
    kept: Option<sys::Kept>,
}

impl Close {
    /// The stream is about to be dropped: the descriptor by which the connection goes on, if it is to linger.
    pub fn keep(&mut self, fd: Descriptor) -> Option<Descriptor> {
        if !self.attended || self.time.is_none() {
            return None;
        }
        // Without a free descriptor it is closed at once.
        let kept = sys::keep(fd)?;
        let fd = sys::descriptor_of(&kept);
        self.kept = Some(kept);
        Some(fd)
    }
}

/// Waits beside a flow: whatever becomes of that, what it kept is given back.
struct Attendant(Arc<Shared>);

impl Drop for Attendant {
    fn drop(&mut self) {
        let mut fd = self.0.fd.lock();
        let mut close = self.0.close.lock();
        close.attended = false;
        if let Some(kept) = close.kept.take() {
            if let Some(fd) = *fd {
                self.0.parts(fd);
            }
            *fd = None;
            drop(kept);
        }
    }
}

impl Handle {
    /// How long a close may take.
    pub fn set_linger(&self, time: Option<Duration>) {
        self.0.close.lock().time = time;
    }

    /// The close begins, or began: what is left of the time for it; `None` if it does not wait.
    pub fn closes(&self) -> Option<Duration> {
        let now = self.0.clock.now();
        let mut close = self.0.close.lock();
        let began = *close.began.get_or_insert(now);
        Some(close.time?.saturating_sub(now.since(began)))
    }

    /// Sends our FIN if the flow has not, and waits; whether all was acknowledged.
    async fn linger(&self) -> bool {
        let Some(left) = self.closes().filter(|_| self.0.close.lock().kept.is_some()) else { return true };
        if let Some(fd) = *self.0.fd.lock() {
            self.0.ends(fd);
            sys::shut_down(fd);
        }
        let is_over = async {
            while self.0.fd.lock().and_then(sys::tcp_info).is_some_and(|info| info.is_delivering()) {
                tokio::time::sleep(PULSE).await;
            }
        };
        tokio::time::timeout(left, is_over).await.is_ok()
    }
}

/// Runs a flow, and lingers behind it where that is set.
pub async fn lingering(
    kernel: Handle,
    record: Recorder,
    cancel: CancellationToken,
    flow: impl Future<Output = End>,
) -> End {
    kernel.0.close.lock().attended = true;
    let _attendant = Attendant(Arc::clone(&kernel.0));
    let end = flow.await;
    let in_time = tokio::select! {
        () = cancel.cancelled() => true,
        in_time = kernel.linger() => in_time,
    };
    if let (false, Some(after)) = (in_time, kernel.0.close.lock().time) {
        record.error(Fault::Late { what: "the kernel goes on trying to send what was not acknowledged", after });
    }
    end
}
