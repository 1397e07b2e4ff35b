//! Connections to one replica that wait for the next request, of one worker.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

/// The connections that are kept, the one that was used last in front: it is the likeliest to live, and the
/// others may then grow old and go.
pub(super) struct Shelf {
    kept: RefCell<VecDeque<(Instant, Connection)>>,
    most: usize,
    idle_timeout: Duration,
}

impl Shelf {
    pub(super) fn new(most: usize, idle_timeout: Duration) -> Self {
        Shelf { kept: RefCell::new(VecDeque::new()), most, idle_timeout }
    }

    /// A connection on which the replica has neither hung up nor said anything unasked.
    pub(super) fn take(&self, thorough: bool) -> Option<Connection> {
        let mut kept = self.kept.borrow_mut();
        while let Some((since, mut connection)) = kept.pop_front() {
            if since.elapsed() < self.idle_timeout && connection.is_quiet(thorough) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request, unless something speaks against it.
    pub(super) fn put(&self, mut connection: Connection) {
        if connection.broken || !connection.input.is_empty() || self.most == 0 {
            return;
        }
        connection.clear_output();
        let mut kept = self.kept.borrow_mut();
        kept.push_front((Instant::now(), connection));
        if kept.len() > self.most {
            kept.pop_back();
        }
    }

    /// Closes what has grown old.
    pub(super) fn sweep(&self) {
        let mut kept = self.kept.borrow_mut();
        while kept.back().is_some_and(|(since, _)| since.elapsed() >= self.idle_timeout) {
            kept.pop_back();
        }
    }

    /// Closes all: one was found dead, so the others are most likely dead too.
    pub(super) fn clear(&self) {
        self.kept.borrow_mut().clear();
    }
}
