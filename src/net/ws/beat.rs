//! Pings at an interval (`ping_every`): a timer, and payloads that can be told apart.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Wakes, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

/// See the module.
#[derive(Default)]
pub struct Beat {
    every: Option<Duration>,
    /// There while it beats.
    timer: Option<Pin<Box<Sleep>>>,
    count: u64,
}

impl Beat {
    pub fn new(every: Option<Duration>) -> Self {
        let mut beat = Self::default();
        beat.set(every);
        beat
    }

    /// Another interval from here on, or none.
    pub fn set(&mut self, every: Option<Duration>) {
        if every != self.every {
            self.every = every;
            self.timer = every.map(|every| Box::pin(tokio::time::sleep(every)));
        }
    }

    /// Ready with the payload of a ping that is due: `beat 1`, `beat 2`. The next is due an interval later, and
    /// never sooner: after a pause no pings are made up for.
    pub fn poll(&mut self, wakes: &mut Wakes<'_>) -> Poll<Bytes> {
        let (Some(every), Some(timer)) = (self.every, &mut self.timer) else { return Poll::Pending };
        if timer.as_mut().poll(wakes).is_pending() {
            return Poll::Pending;
        }
        timer.as_mut().reset(Instant::now() + every);
        // Polled, so that it wakes the task.
        if timer.as_mut().poll(wakes).is_ready() {
            wakes.waker().wake_by_ref();
        }
        self.count += 1;
        Poll::Ready(format!("beat {}", self.count).into())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_beats_at_its_interval_and_can_be_changed() {
        let mut beat = Beat::new(Some(Duration::from_secs(3)));
        let start = Instant::now();
        assert_eq!(poll_fn(|wakes| beat.poll(wakes)).await, "beat 1");
        assert_eq!(poll_fn(|wakes| beat.poll(wakes)).await, "beat 2");
        assert_eq!(start.elapsed().as_secs(), 6);
        beat.set(Some(Duration::from_secs(10)));
        assert_eq!(poll_fn(|wakes| beat.poll(wakes)).await, "beat 3");
        assert_eq!(start.elapsed().as_secs(), 16);
        beat.set(None);
        let day = tokio::time::timeout(Duration::from_secs(86_400), poll_fn(|wakes| beat.poll(wakes)));
        assert!(day.await.is_err());
    }
}
