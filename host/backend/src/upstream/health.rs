//! Which replicas can be asked: one record for the whole program, written by checks and by requests that fail.
//!
//! A replica is ejected when it fails several times in a row, whoever notices: one task that checks all
//! replicas of a pool ([`watch`]), or the workers' own requests. Only checks bring it back. What the workers
//! read is one atomic load for each request.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::settings::PoolSettings;

mod check;

pub use check::watch;

/// The health of a pool's replicas.
#[derive(Debug)]
pub struct Health {
    replicas: Box<[Record]>,
    unhealthy_after: u32,
}

#[derive(Debug)]
struct Record {
    url: Arc<str>,
    ejected: AtomicBool,
    checked: AtomicBool,
    /// Requests that failed in a row.
    failures: AtomicU32,
    /// When the state began, in milliseconds since 1970.
    since_millis: AtomicU64,
    last_error: Mutex<Option<Arc<str>>>,
}

/// Whether a replica is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// Not checked yet; it is asked.
    Unknown,
    /// It is asked.
    Healthy,
    /// Ejected: it is asked only when all others are ejected or fail.
    Unhealthy,
}

impl HealthState {
    /// The word for it in metrics and pages.
    pub fn name(self) -> &'static str {
        match self {
            HealthState::Unknown => "unknown",
            HealthState::Healthy => "healthy",
            HealthState::Unhealthy => "unhealthy",
        }
    }
}

/// What is known of one replica at one moment.
#[derive(Debug, Clone)]
pub struct ReplicaStatus {
    /// Its address in the settings. For admins, not for everybody.
    pub url: Arc<str>,
    /// Whether it is asked.
    pub state: HealthState,
    /// Since when.
    pub since: SystemTime,
    /// The last failure, also where it has recovered. For admins, not for everybody.
    pub last_error: Option<Arc<str>>,
}

impl Health {
    /// The record for the replicas of these settings, all unknown.
    pub fn new(settings: &PoolSettings, now: SystemTime) -> Arc<Self> {
        let record = |url: &Arc<str>| Record {
            url: url.clone(),
            ejected: AtomicBool::new(false),
            checked: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            since_millis: AtomicU64::new(millis(now)),
            last_error: Mutex::new(None),
        };
        Arc::new(Health {
            replicas: settings.replicas.iter().map(|replica| record(replica.url())).collect(),
            unhealthy_after: settings.health.unhealthy_after.max(1),
        })
    }

    /// What is known of all replicas, in the order of the settings.
    pub fn snapshot(&self) -> Vec<ReplicaStatus> {
        self.replicas.iter().map(Record::status).collect()
    }

    /// Whether at least one replica is asked.
    pub fn any_usable(&self) -> bool {
        (0..self.replicas.len()).any(|index| self.is_usable(index))
    }

    pub(super) fn is_usable(&self, index: usize) -> bool {
        self.replicas.get(index).is_some_and(|record| !record.ejected.load(Ordering::Relaxed))
    }

    /// A request was answered.
    pub(super) fn request_succeeded(&self, index: usize) {
        // Workers share the line: it is written only after a failure.
        if let Some(record) = self.replicas.get(index)
            && record.failures.load(Ordering::Relaxed) != 0
        {
            record.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A request got no answer through the replica's fault.
    pub(super) fn request_failed(&self, index: usize, error: &dyn std::fmt::Display, now: SystemTime) {
        let Some(record) = self.replicas.get(index) else { return };
        let failures = record.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        record.remember(error);
        if failures >= self.unhealthy_after {
            record.eject(now);
        }
    }

    fn check_failed(&self, index: usize, error: &dyn std::fmt::Display, eject: bool, now: SystemTime) {
        let Some(record) = self.replicas.get(index) else { return };
        record.remember(error);
        if eject {
            record.eject(now);
        }
    }

    pub(super) fn check_succeeded(&self, index: usize, restore: bool, now: SystemTime) {
        let Some(record) = self.replicas.get(index) else { return };
        if restore {
            record.restore(now);
        }
    }
}

impl Record {
    fn status(&self) -> ReplicaStatus {
        let state = match (self.ejected.load(Ordering::Relaxed), self.checked.load(Ordering::Relaxed)) {
            (true, _) => HealthState::Unhealthy,
            (false, true) => HealthState::Healthy,
            (false, false) => HealthState::Unknown,
        };
        ReplicaStatus {
            url: self.url.clone(),
            state,
            since: UNIX_EPOCH + Duration::from_millis(self.since_millis.load(Ordering::Relaxed)),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn remember(&self, error: &dyn std::fmt::Display) {
        let text: Arc<str> = error.to_string().into();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn eject(&self, now: SystemTime) {
        if !self.ejected.swap(true, Ordering::Relaxed) {
            self.since_millis.store(millis(now), Ordering::Relaxed);
            tracing::warn!(replica = %self.url, "replica is ejected");
        }
    }

    fn restore(&self, now: SystemTime) {
        let first = !self.checked.swap(true, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        let returned = self.ejected.swap(false, Ordering::Relaxed);
        if first || returned {
            self.since_millis.store(millis(now), Ordering::Relaxed);
        }
        if returned {
            tracing::info!(replica = %self.url, "replica has returned");
        }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
