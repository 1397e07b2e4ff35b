//! What a guest can touch: [`Guest`] lists all of it.

mod allow;
mod clock;
mod http;
mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub(crate) use allow::AllowList;
pub(crate) use http::Outgoing;

use crate::contract;
use crate::limits::{self, Memory};

/// The host's side of one instance.
pub(crate) struct Guest {
    /// The operator's name for the plugin.
    pub(crate) name: Arc<str>,
    /// What the instance may use of memory.
    pub(crate) memory: Memory,
    /// The settings as JSON.
    settings: Arc<str>,
    /// HTTP, where it was granted.
    outgoing: Option<Arc<Outgoing>>,
    /// The beginning of the guest's monotonic clock.
    origin: Instant,
    /// What the current call may still do; nothing while it is describing itself.
    budget: Option<Budget>,
    /// Log lines that were not kept, of all instances of the plugin.
    lines_dropped: Arc<AtomicU64>,
}

/// What one call may still do.
#[derive(Debug)]
pub(crate) struct Budget {
    log_lines: u32,
    log_bytes: usize,
    http_requests: u32,
    http_bytes: u64,
    deadline: Instant,
    lines_dropped: u64,
    last_words: Option<String>,
}

impl Budget {
    /// A whole one, for a call that must end by then.
    pub(crate) fn until(deadline: Instant) -> Self {
        Self {
            log_lines: limits::LOG_LINES,
            log_bytes: limits::LOG_BYTES,
            http_requests: limits::HTTP_REQUESTS,
            http_bytes: limits::HTTP_BYTES,
            deadline,
            lines_dropped: 0,
            last_words: None,
        }
    }
}

impl Guest {
    pub(crate) fn new(
        name: Arc<str>,
        memory: Memory,
        settings: Arc<str>,
        outgoing: Option<Arc<Outgoing>>,
        lines_dropped: Arc<AtomicU64>,
    ) -> Self {
        Self { name, memory, settings, outgoing, origin: Instant::now(), budget: None, lines_dropped }
    }

    /// Begins a call. Without a budget, every host function traps.
    pub(crate) fn begin(&mut self, budget: Option<Budget>) {
        self.budget = budget;
        self.memory.begin();
    }

    /// Ends a call, and tells the log once about lines that it did not get. Returns the last line of level error:
    /// what a panic said before it trapped.
    pub(crate) fn end(&mut self) -> Option<String> {
        let budget = self.budget.take()?;
        let dropped = budget.lines_dropped;
        if dropped > 0 {
            self.lines_dropped.fetch_add(dropped, Ordering::Relaxed);
            tracing::warn!(plugin = &*self.name, dropped, "the plugin logs too much; lines were dropped");
        }
        budget.last_words
    }

    /// The call's budget; an error traps the guest.
    fn budget(&mut self) -> wasmtime::Result<&mut Budget> {
        self.budget
            .as_mut()
            .ok_or_else(|| wasmtime::Error::msg("host functions cannot be called in `describe`"))
    }
}

impl contract::settings::Host for Guest {
    fn get(&mut self) -> wasmtime::Result<String> {
        self.budget()?;
        Ok(String::from(&*self.settings))
    }
}
