//! A deadline that is moved for every request and almost never reached.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// One deadline of one connection.
///
/// Moving it to later only writes a number: the runtime's timer stays where it is, fires too early once, and is
/// then set again. So a connection that serves thousands of requests a minute touches the timer wheel once a
/// minute.
pub(super) struct Timer {
    at: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(super) fn new() -> Self {
        Timer { at: Instant::now(), sleep: None }
    }

    /// Sets the deadline to so long from now.
    pub(super) fn set(&mut self, after: Duration) {
        self.set_at(Instant::now() + after);
    }

    pub(super) fn set_at(&mut self, at: Instant) {
        self.at = at;
    }

    /// Ready once the deadline has passed. To be called whenever one is about to wait.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if at < sleep.deadline() {
            sleep.as_mut().reset(at);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}
