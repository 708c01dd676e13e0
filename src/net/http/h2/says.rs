//! Frames that a person wants sent and hyper knows nothing of: they go between its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use super::frame::{Head, PING};

/// Frames that wait to be written: more than a person sends before a connection moves.
const MOST: usize = 16;

/// See the module. Clones are one.
#[derive(Clone, Default)]
pub struct Says(Arc<Queue>);

#[derive(Default)]
struct Queue {
    frames: Mutex<VecDeque<Bytes>>,
    /// There are some: what every write looks at.
    some: AtomicBool,
    /// Whoever writes them, while there is nothing to write.
    waker: Mutex<Option<Waker>>,
}

impl Says {
    /// Asks whether the peer is there (RFC 9113 section 6.7). Whether there was room.
    pub fn ping(&self, payload: &[u8]) -> bool {
        let mut frames = self.0.frames.lock();
        if frames.len() == MOST {
            return false;
        }
        frames.push_back(Head::frame(PING, 0, 0, payload).into());
        self.0.some.store(true, Relaxed);
        drop(frames);
        if let Some(waker) = self.0.waker.lock().take() {
            waker.wake();
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        !self.0.some.load(Relaxed)
    }

    pub fn take(&self) -> Option<Bytes> {
        let mut frames = self.0.frames.lock();
        let next = frames.pop_front();
        self.0.some.store(!frames.is_empty(), Relaxed);
        next
    }

    /// Wakes the task at hand when there is something to write.
    pub fn wait(&self, cx: &Context<'_>) {
        let mut waker = self.0.waker.lock();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}
