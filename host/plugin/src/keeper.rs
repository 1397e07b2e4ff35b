//! One plugin's life: its schedule, its file, the swap, the way back.
//!
//! A single task owns everything; trials and collections run beside it and report to it, at most one of each. So
//! a candidate that loops takes nothing from the version that serves, and no two versions are ever mixed up.

mod pace;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use pace::Pace;

use crate::instantiate::Instance;
use crate::load::Digest;
use crate::publish::{Collection, Shelf, Shelves, Shown};
use crate::settings::PluginSettings;
use crate::status::PluginState;
use crate::trial::{self, Candidate, Trial, Version, Workshop};
use crate::watch::Watch;
use crate::{PluginError, limits};

/// One plugin's keeper.
pub(crate) struct Keeper {
    workshop: Arc<Workshop>,
    shelf: Arc<Shelf>,
    shelves: Arc<Shelves>,
    settings: Arc<PluginSettings>,
    watch: Watch,
    running: Option<Running>,
    /// What to go back to while the running version has not yet proved itself.
    previous: Option<Arc<Version>>,
    /// The file that was refused last: it is not tried again until it, or the settings, change.
    refused: Option<Digest>,
    /// When to try a version again that may not have been to blame, and how long to wait the next time.
    retry: Option<(Instant, Duration)>,
    trials: JoinSet<Trial>,
    collections: JoinSet<Collected>,
}

/// The version that serves.
struct Running {
    version: Arc<Version>,
    /// Kept from call to call; none after a crash, and while a collection has it.
    instance: Option<Instance>,
    pace: Pace,
    /// Collections that failed in a row.
    failures: u32,
    /// Whether one scheduled collection worked since it took over.
    proven: bool,
}

/// What a scheduled collection brought.
struct Collected {
    version: Arc<Version>,
    result: Result<Collection, PluginError>,
    instance: Option<Instance>,
    took: Duration,
}

impl Keeper {
    pub(crate) fn new(
        workshop: Arc<Workshop>,
        shelf: Arc<Shelf>,
        shelves: Arc<Shelves>,
        settings: Arc<PluginSettings>,
    ) -> Self {
        Self {
            workshop,
            shelf,
            shelves,
            watch: Watch::new(settings.file.clone()),
            settings,
            running: None,
            previous: None,
            refused: None,
            retry: None,
            trials: JoinSet::new(),
            collections: JoinSet::new(),
        }
    }

    /// Keeps the plugin until `stop`. Whatever runs then is cancelled with its instance.
    pub(crate) async fn keep(
        mut self,
        mut settings: watch::Receiver<Arc<PluginSettings>>,
        stop: CancellationToken,
    ) {
        let mut look = interval(limits::LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.watch.know().await;
        self.try_out();
        loop {
            let due = self.running.as_ref().map_or_else(Instant::now, |running| running.pace.due());
            let idle = self.running.is_some() && self.collections.is_empty();
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = settings.changed() => {
                    let settings = Arc::clone(&settings.borrow_and_update());
                    self.take_settings(settings).await;
                }
                _ = look.tick() => self.look().await,
                Some(Ok(trial)) = self.trials.join_next() => self.judge(trial),
                Some(Ok(collected)) = self.collections.join_next() => self.record(collected),
                () = sleep_until(due.into()), if idle => self.collect(),
            }
        }
    }

    /// New settings are tried like a new file; the old ones go on until they pass.
    async fn take_settings(&mut self, settings: Arc<PluginSettings>) {
        self.watch = Watch::new(settings.file.clone());
        self.watch.know().await;
        self.shelf.ledger().file.clone_from(&settings.file);
        self.settings = settings;
        self.refused = None;
        self.try_out();
    }

    async fn look(&mut self) {
        let again = self.retry.is_some_and(|(at, _)| Instant::now() >= at);
        if again {
            self.refused = None;
        }
        if self.watch.changed().await || (again && self.trials.is_empty()) {
            self.try_out();
        }
    }

    /// Begins a trial; one that is under way is given up.
    fn try_out(&mut self) {
        let same_settings = |running: &&Running| *running.version.settings == *self.settings;
        let running = self.running.as_ref().filter(same_settings).map(|running| running.version.digest);
        let known = self.refused.into_iter().chain(running).collect();
        self.trials.abort_all();
        self.trials = JoinSet::new();
        self.trials.spawn(Arc::clone(&self.workshop).try_out(
            Arc::clone(&self.settings),
            Arc::clone(&self.shelf),
            Arc::clone(&self.shelves),
            known,
        ));
    }

    fn judge(&mut self, trial: Trial) {
        match trial {
            Trial::Known => {}
            Trial::Passed(candidate) => match candidate.collected {
                // A source that is away is no reason to keep a version that finds it away too.
                Err(error) if self.is_healthy() => self.refuse(Some(candidate.version.digest), error),
                _ => self.take_over(*candidate),
            },
            Trial::Refused { digest, error } => self.refuse(digest, error),
        }
    }

    fn is_healthy(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.failures == 0)
    }

    fn refuse(&mut self, digest: Option<Digest>, error: PluginError) {
        tracing::warn!(plugin = &*self.shelf.name, file = %self.settings.file.display(), "refused: {error}");
        self.refused = digest;
        // Who is to blame for these, time will tell.
        let transient = matches!(error, PluginError::Collect { .. } | PluginError::TimedOut { .. });
        self.retry = transient.then(|| {
            let pause =
                self.retry.map_or(self.settings.interval, |(_, pause)| pause * 2).min(limits::LONGEST_PAUSE);
            (Instant::now() + pause, pause)
        });
        let mut ledger = self.shelf.ledger();
        ledger.refused(&error);
        if self.running.is_none() {
            ledger.enter(PluginState::Refused);
        }
    }

    /// The swap: from here on, scrapes see the new version.
    fn take_over(&mut self, candidate: Candidate) {
        let Candidate { version, instance, collected, collecting, took } = candidate;
        tracing::info!(
            plugin = &*self.shelf.name,
            version = version.version,
            digest = %version.digest,
            milliseconds = took.as_millis() as u64,
            "a version takes over"
        );
        self.previous = self.running.take().filter(|old| old.failures == 0).map(|old| old.version);
        self.collections.abort_all();
        self.collections = JoinSet::new();
        self.refused = None;
        self.retry = None;
        let memory_bytes = instance.as_ref().map_or(0, Instance::memory_bytes);
        let pace = Pace::new(&version.settings, Instant::now());
        self.place(&version);
        {
            let mut ledger = self.shelf.ledger();
            ledger.reloads += 1;
            ledger.last_refusal = None;
            ledger.last_duration = Some(collecting);
            ledger.memory_bytes = memory_bytes;
            if let Err(error) = &collected {
                ledger.last_error = Some(error.to_string());
                ledger.enter(PluginState::Failing);
            }
        }
        let failures = u32::from(collected.is_err());
        if let Ok(collection) = collected {
            self.show(collection, &version);
        }
        self.running = Some(Running { version, instance, pace, failures, proven: false });
    }

    /// Writes into the ledger which version is in place.
    fn place(&self, version: &Version) {
        let mut ledger = self.shelf.ledger();
        ledger.kind = Some(version.kind.clone());
        ledger.version = Some(version.version.clone());
        ledger.digest = Some(version.digest.to_string());
    }

    fn show(&self, collection: Collection, version: &Version) {
        let fresh = version.settings.interval * limits::STALE_INTERVALS + version.settings.timeout;
        self.shelf.show(Shown { collection, stale_at: Instant::now() + fresh });
        let mut ledger = self.shelf.ledger();
        ledger.last_success = Some(SystemTime::now());
        ledger.enter(PluginState::Running);
    }

    /// Begins a scheduled collection.
    fn collect(&mut self) {
        let Some(running) = &mut self.running else { return };
        running.pace.begin(Instant::now());
        let (version, instance) = (Arc::clone(&running.version), running.instance.take());
        self.collections.spawn(collect(version, instance, Arc::clone(&self.shelves)));
    }

    fn record(&mut self, collected: Collected) {
        let Some(running) = &mut self.running else { return };
        if !Arc::ptr_eq(&running.version, &collected.version) {
            return;
        }
        running.instance = collected.instance;
        {
            let mut ledger = self.shelf.ledger();
            ledger.collections += 1;
            ledger.last_duration = Some(collected.took);
            ledger.memory_bytes = running.instance.as_ref().map_or(0, Instance::memory_bytes);
        }
        match collected.result {
            Ok(collection) => {
                running.failures = 0;
                running.proven = true;
                running.pace.worked();
                self.previous = None;
                self.show(collection, &collected.version);
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: PluginError) {
        let Some(running) = &mut self.running else { return };
        running.failures = running.failures.saturating_add(1);
        {
            let mut ledger = self.shelf.ledger();
            ledger.failed(&error);
            ledger.enter(PluginState::Failing);
        }
        if running.failures.is_power_of_two() {
            let (plugin, failures) = (&*self.shelf.name, running.failures);
            tracing::warn!(plugin, failures, version = running.version.version, "collection failed: {error}");
        }
        let unproven = self.previous.is_some() && !running.proven;
        if unproven && running.failures >= limits::FAILURES_BEFORE_ROLLBACK {
            self.roll_back(error);
        } else if error.is_crash() && !unproven {
            running.pace.crashed(Instant::now());
        }
    }

    /// Puts the previous version back in place. It is asked at once, so that its series do not run dry.
    fn roll_back(&mut self, last: PluginError) {
        let (Some(bad), Some(version)) = (self.running.take(), self.previous.take()) else { return };
        let error = PluginError::RolledBack {
            version: bad.version.version.clone(),
            failures: bad.failures,
            last: Box::new(last),
        };
        tracing::warn!(plugin = &*self.shelf.name, version = version.version, "rolled back: {error}");
        self.refused = Some(bad.version.digest);
        self.place(&version);
        {
            let mut ledger = self.shelf.ledger();
            ledger.rollbacks += 1;
            ledger.last_refusal = Some(error.to_string());
        }
        let pace = Pace::at_once(&version.settings, Instant::now());
        // Proven: it worked before the swap, and there is nothing left to go back to.
        self.running = Some(Running { version, instance: None, pace, failures: 0, proven: true });
    }
}

/// One scheduled collection, in the instance that is there or in a fresh one.
async fn collect(version: Arc<Version>, instance: Option<Instance>, shelves: Arc<Shelves>) -> Collected {
    let begun = Instant::now();
    let settings = &version.settings;
    let instance = match instance {
        Some(instance) => Ok(instance),
        None => trial::started(&version.mould).await,
    };
    let (result, instance) = match instance {
        Ok(instance) => instance.collect(settings.timeout).await,
        Err(error) => (Err(error), None),
    };
    let result = result.and_then(|families| {
        let collection = Collection::new(&settings.name, families, settings.series)?;
        trial::clash(&collection, &settings.name, &shelves)?;
        Ok(collection)
    });
    Collected { took: begun.elapsed(), result, instance, version }
}
