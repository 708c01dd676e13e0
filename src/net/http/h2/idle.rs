//! How long a connection has had no stream: HTTP/2's kept connection.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// See the module.
pub struct Idle {
    keep: Option<Duration>,
    /// The streams there had been when the clock was set.
    ever: u32,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    /// `keep`: how long that may be; for ever if it is not said.
    pub fn new(keep: Option<Duration>) -> Self {
        Self { keep, ever: 0, timer: None }
    }

    /// Whether it was too long, with so many streams open of so many that there have been.
    pub fn is_over(&mut self, open: u32, ever: u32, cx: &mut Context<'_>) -> bool {
        let Some(keep) = self.keep else { return false };
        if open > 0 || self.ever != ever {
            self.timer = None;
            self.ever = ever;
        }
        if open > 0 {
            return false;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + keep)));
        timer.as_mut().poll(cx).is_ready()
    }
}
