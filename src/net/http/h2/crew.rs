//! What hyper would spawn, run by the flow itself: it ends with the flow, whichever way that ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;

use crate::net::BoxFuture;

/// Takes what is to be run. As many as there are streams, which hyper bounds.
#[derive(Clone, Default)]
pub struct Crew(Arc<Mutex<Vec<BoxFuture<()>>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Crew {
    fn execute(&self, work: F) {
        self.0.lock().push(Box::pin(work));
    }
}

/// Runs it.
pub struct Work {
    crew: Crew,
    running: FuturesUnordered<BoxFuture<()>>,
}

impl Work {
    pub fn new(crew: Crew) -> Self {
        Self { crew, running: FuturesUnordered::new() }
    }

    /// Ready when there is nothing left to do. New work comes from what is polled in the same turn: from the
    /// connection, which is polled before this, or from the work itself.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.running.extend(self.crew.0.lock().drain(..));
            match self.running.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if self.crew.0.lock().is_empty() => return Poll::Ready(()),
                Poll::Pending if self.crew.0.lock().is_empty() => return Poll::Pending,
                _ => {}
            }
        }
    }

    /// The connection, with everything that it gives to do.
    pub fn drive<F: Future + Unpin>(&mut self, conn: &mut F, cx: &mut Context<'_>) -> Poll<F::Output> {
        let done = Pin::new(conn).poll(cx);
        let _ = self.poll(cx);
        done
    }
}
