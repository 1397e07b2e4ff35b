//! What is known of each plugin, for scrapes and for people.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::Collection;
use crate::PluginError;
use crate::settings::PluginSettings;
use crate::status::{PluginState, PluginStatus};

/// All plugins, sorted by name.
pub(crate) type Shelves = ArcSwap<Vec<Arc<Shelf>>>;

/// One plugin's place: what a scrape shows of it, and its ledger.
pub(crate) struct Shelf {
    pub(crate) name: Arc<str>,
    shown: ArcSwapOption<Shown>,
    ledger: Mutex<Ledger>,
    /// Log lines that were not kept.
    pub(crate) lines_dropped: Arc<AtomicU64>,
}

/// A collection that is being shown.
pub(crate) struct Shown {
    pub(crate) collection: Collection,
    /// From then on it is too old to be shown.
    pub(crate) stale_at: Instant,
}

/// Counters and the last of each kind of event.
pub(crate) struct Ledger {
    pub(crate) state: PluginState,
    pub(crate) since: SystemTime,
    pub(crate) file: std::path::PathBuf,
    pub(crate) kind: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_refusal: Option<String>,
    pub(crate) last_success: Option<SystemTime>,
    pub(crate) last_duration: Option<Duration>,
    pub(crate) memory_bytes: u64,
    pub(crate) collections: u64,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) reloads: u64,
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    pub(crate) rollbacks: u64,
}

impl Shelf {
    pub(crate) fn new(settings: &PluginSettings) -> Self {
        Self {
            name: settings.name.as_str().into(),
            shown: ArcSwapOption::empty(),
            ledger: Mutex::new(Ledger {
                state: PluginState::Loading,
                since: SystemTime::now(),
                file: settings.file.clone(),
                kind: None,
                version: None,
                digest: None,
                last_error: None,
                last_refusal: None,
                last_success: None,
                last_duration: None,
                memory_bytes: 0,
                collections: 0,
                errors: BTreeMap::new(),
                reloads: 0,
                refusals: BTreeMap::new(),
                rollbacks: 0,
            }),
            lines_dropped: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Shows a new collection from now on.
    pub(crate) fn show(&self, shown: Shown) {
        self.shown.store(Some(Arc::new(shown)));
    }

    /// What is shown, unless it is stale.
    pub(crate) fn shown(&self, now: Instant) -> Option<Arc<Shown>> {
        self.shown.load_full().filter(|shown| now < shown.stale_at)
    }

    /// The ledger. Its lock is held for moments only, never across an await.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a person sees.
    pub(crate) fn status(&self, now: Instant) -> PluginStatus {
        let shown = self.shown(now);
        let ledger = self.ledger();
        PluginStatus {
            name: self.name.to_string(),
            file: ledger.file.clone(),
            kind: ledger.kind.clone(),
            version: ledger.version.clone(),
            digest: ledger.digest.clone(),
            state: ledger.state,
            since: ledger.since,
            last_error: ledger.last_error.clone(),
            last_refusal: ledger.last_refusal.clone(),
            last_success: ledger.last_success,
            last_duration: ledger.last_duration,
            up: shown.is_some(),
            series: shown.map_or(0, |shown| shown.collection.series),
            memory_bytes: ledger.memory_bytes,
            collections: ledger.collections,
            errors: ledger.errors.values().sum(),
            reloads: ledger.reloads,
            refusals: ledger.refusals.values().sum(),
            rollbacks: ledger.rollbacks,
            log_lines_dropped: self.lines_dropped.load(Ordering::Relaxed),
        }
    }
}

impl Ledger {
    /// Enters a state, and notes since when.
    pub(crate) fn enter(&mut self, state: PluginState) {
        if self.state != state {
            self.state = state;
            self.since = SystemTime::now();
        }
    }

    /// A collection failed.
    pub(crate) fn failed(&mut self, error: &PluginError) {
        *self.errors.entry(error.kind()).or_default() += 1;
        self.last_error = Some(error.to_string());
    }

    /// A version was refused.
    pub(crate) fn refused(&mut self, error: &PluginError) {
        *self.refusals.entry(error.kind()).or_default() += 1;
        self.last_refusal = Some(error.to_string());
    }
}
