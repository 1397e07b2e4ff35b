//! How many connections there are, over all workers, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counts since the process began; for metrics.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounts {
    /// Connections held now.
    pub(crate) open: AtomicUsize,
    /// Connections taken.
    pub(crate) accepted: AtomicU64,
    /// Connections closed at once because the limit was reached.
    pub(crate) over_limit: AtomicU64,
    /// Connections that ended before their handshake did: no TLS, no common version, a bad PROXY header, too slow.
    pub(crate) handshakes_failed: AtomicU64,
    /// Connections closed because a deadline passed after the handshake.
    pub(crate) timed_out: AtomicU64,
    /// Times that accepting failed for want of descriptors or memory.
    pub(crate) accept_errors: AtomicU64,
    /// Requests refused by the edge.
    pub(crate) refused: AtomicU64,
}

/// One of the limited number of connections; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place(Arc<ListenerCounts>);

impl Place {
    /// Takes a place unless `most` are taken.
    pub(super) fn take(counts: &Arc<ListenerCounts>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(counts));
        if counts.open.fetch_add(1, Relaxed) >= most {
            counts.over_limit.fetch_add(1, Relaxed);
            return None;
        }
        counts.accepted.fetch_add(1, Relaxed);
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
