//! New settings while the program runs: on SIGHUP, or when a file has changed.
//!
//! Either all of a new file is taken or nothing of it: an invalid one is refused with all its faults in the log,
//! and the old goes on. What is bound to sockets (addresses, certificates' list, workers) needs a restart, and says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use bartizan_backend::upstream;

use crate::audit::{Decision, Record};
use crate::gateway::{Plan, Shared};
use crate::settings::Settings;

/// How often files are looked at. Polling sees what notifications miss: symlinks that are swapped, network file systems.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes new settings, and runs what belongs to the current ones: health checks, and the upkeep of identity.
pub(super) struct Reloader {
    config: PathBuf,
    settings: Settings,
    shared: Arc<Shared>,
    seen: Vec<Option<Stamp>>,
    upkeep: JoinSet<()>,
}

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Reloader {
    pub(super) fn new(config: PathBuf, settings: Settings, shared: Arc<Shared>) -> Self {
        let seen = stamps(&settings.files);
        Reloader { config, settings, shared, seen, upkeep: JoinSet::new() }
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut hang_up = match signal(SignalKind::hangup()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::error!(%error, "SIGHUP cannot be received; settings are not reloaded");
                return;
            }
        };
        self.begin_upkeep();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = hang_up.recv() => true,
                _ = looks.tick() => false,
            };
            let now = stamps(&self.settings.files);
            if asked || now != self.seen {
                self.seen = now;
                self.reload(asked).await;
            }
        }
    }

    async fn reload(&mut self, asked: bool) {
        let config = self.config.clone();
        let loaded = tokio::task::spawn_blocking(move || Settings::load(&config)).await;
        let reason = match loaded {
            Ok(Ok(settings)) => self.take(settings).err().map(|error| error.to_string()),
            Ok(Err(faults)) => Some(faults.to_string()),
            Err(_) => Some("the settings could not be read".to_owned()),
        };
        self.shared.metrics.reloaded(reason.is_none());
        match &reason {
            None => tracing::info!(asked, "new settings are taken"),
            Some(faults) => tracing::error!(asked, faults, "new settings are refused; the old ones go on"),
        }
        let mut record = Record::of_event("reload", SystemTime::now());
        record.decision = if reason.is_none() { Decision::Allowed } else { Decision::Failed };
        record.reason = reason;
        self.shared.audit.keep(&record);
    }

    fn take(&mut self, settings: Settings) -> anyhow::Result<()> {
        // What can fail comes first and changes nothing where it does; from then on nothing fails.
        let identity = self.shared.identity.load().with_settings(settings.identity.clone())?;
        let plan = Plan::new(&settings, Some(&self.shared.plan.load()), SystemTime::now());
        self.shared.plugins.apply(settings.plugins.clone())?;
        self.shared.identity.store(Arc::new(identity));
        self.shared.plan.store(Arc::new(plan));
        if settings.needs_restart(&self.settings) {
            tracing::warn!(
                "`listen`, `admin`, `workers`, `state` or `audit` changed: restart the gateway to take that up"
            );
        }
        if settings.files != self.settings.files {
            // Other files than those looked at before they were read: forget, so that they are read once more.
            self.seen.clear();
        }
        self.settings = settings;
        self.begin_upkeep();
        Ok(())
    }

    fn begin_upkeep(&mut self) {
        self.upkeep.abort_all();
        let identity = self.shared.identity.load_full();
        self.upkeep.spawn(async move { identity.maintain().await });
        for backend in &self.shared.plan.load().backends {
            self.upkeep.spawn(upstream::watch(backend.pool.clone(), backend.health.clone()));
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    use std::os::unix::fs::MetadataExt;
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Stamp { modified: metadata.modified().ok(), length: metadata.len(), inode: metadata.ino() })
    };
    files.iter().map(stamp).collect()
}
