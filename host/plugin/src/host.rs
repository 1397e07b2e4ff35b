//! All plugins together: starts and stops them as the settings say, and renders what they show.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::keeper::Keeper;
use crate::publish::{Format, Shelf, Shelves, render};
use crate::settings::PluginSettings;
use crate::status::PluginStatus;
use crate::trial::Workshop;
use crate::{PluginError, limits};

/// What is said once, when the gateway starts.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// A folder for compiled components, the gateway's own. None: they are compiled at each start.
    pub cache: Option<PathBuf>,
    /// Threads that plugins run on.
    pub threads: usize,
}

impl Default for HostSettings {
    /// No cache, two threads: one plugin that computes leaves the other to the rest.
    fn default() -> Self {
        Self { cache: None, threads: 2 }
    }
}

/// Runs all plugins, on threads of its own. Nothing of it blocks or needs an async runtime, but for
/// [`PluginHost::shutdown`].
pub struct PluginHost {
    settings: HostSettings,
    /// Made when there is a first plugin: a gateway without plugins has no engine.
    workshop: Mutex<Option<Arc<Workshop>>>,
    wanted: watch::Sender<Wanted>,
    shelves: Arc<Shelves>,
    stop: CancellationToken,
    /// Ends when all threads have ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

/// The plugins that there shall be.
#[derive(Clone, Default)]
struct Wanted {
    plugins: Vec<Arc<PluginSettings>>,
    workshop: Option<Arc<Workshop>>,
}

/// What the supervisor holds of one plugin.
struct Kept {
    settings: watch::Sender<Arc<PluginSettings>>,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
}

impl PluginHost {
    /// Starts the threads and the plugins. The plugins load while this returns.
    pub fn start(plugins: Vec<PluginSettings>, settings: HostSettings) -> Result<Self, PluginError> {
        let failed = |error: std::io::Error| PluginError::Engine { reason: error.to_string() };
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            // Looking up a name blocks a thread, for as long as the resolver likes: enough for all plugins at once.
            .max_blocking_threads(2 * limits::PLUGINS)
            .thread_name("plugin")
            .enable_all()
            .build()
            .map_err(failed)?;
        let (wanted, receiver) = watch::channel(Wanted::default());
        let shelves = Arc::new(Shelves::default());
        let stop = CancellationToken::new();
        let (end, ended) = mpsc::channel();
        let supervisor = supervise(receiver, Arc::clone(&shelves), stop.clone());
        thread::Builder::new()
            .name("plugin-host".to_owned())
            .spawn(move || run(runtime, supervisor, end))
            .map_err(failed)?;
        let host =
            Self { settings, workshop: Mutex::new(None), wanted, shelves, stop, ended: Mutex::new(ended) };
        host.apply(plugins)?;
        Ok(host)
    }

    /// Takes a new list of plugins: new ones start, missing ones end, those whose settings changed are tried with
    /// the new ones and go on with the old until those pass. An error changes nothing.
    pub fn apply(&self, plugins: Vec<PluginSettings>) -> Result<(), PluginError> {
        if let Some(fault) = PluginSettings::faults(&plugins).into_iter().next() {
            return Err(fault);
        }
        let mut workshop = self.workshop.lock().unwrap_or_else(PoisonError::into_inner);
        if workshop.is_none() && !plugins.is_empty() {
            *workshop = Some(Arc::new(Workshop::new(self.settings.cache.as_deref())?));
        }
        let plugins = plugins.into_iter().map(Arc::new).collect();
        self.wanted.send_replace(Wanted { plugins, workshop: workshop.clone() });
        Ok(())
    }

    /// How each plugin is doing, by name.
    pub fn status(&self) -> Vec<PluginStatus> {
        let now = Instant::now();
        self.shelves.load().iter().map(|shelf| shelf.status(now)).collect()
    }

    /// One scrape of all plugins: the `Content-Type` and the body, in the format that `Accept` asks for. It reads
    /// what was collected before; it never waits for a plugin.
    pub fn render(&self, accept: Option<&str>) -> (&'static str, String) {
        let format = Format::negotiate(accept);
        (format.content_type(), render(&self.shelves.load(), format, Instant::now()))
    }

    /// Ends all plugins; what they are doing is cancelled. Blocks until their threads have ended, or until the
    /// deadline. Returns whether they have.
    pub fn shutdown(&self, deadline: Duration) -> bool {
        self.stop.cancel();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(ended.recv_timeout(deadline), Err(mpsc::RecvTimeoutError::Disconnected) | Ok(()))
    }
}

impl Drop for PluginHost {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn run(runtime: Runtime, supervisor: impl Future<Output = ()>, end: mpsc::Sender<()>) {
    runtime.block_on(supervisor);
    // A compilation cannot be cancelled; it ends by itself, and nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(end);
}

/// Makes what there is equal to what there shall be, until `stop`.
async fn supervise(mut wanted: watch::Receiver<Wanted>, shelves: Arc<Shelves>, stop: CancellationToken) {
    let keepers = TaskTracker::new();
    let mut kept: HashMap<String, Kept> = HashMap::new();
    loop {
        let current = wanted.borrow_and_update().clone();
        kept.retain(|name, kept| {
            let stays = current.plugins.iter().any(|plugin| plugin.name == *name);
            if !stays {
                kept.stop.cancel();
            }
            stays
        });
        for plugin in &current.plugins {
            let Some(workshop) = &current.workshop else { break };
            match kept.get(&plugin.name) {
                Some(kept) => {
                    kept.settings.send_if_modified(|settings| {
                        let differs = **settings != **plugin;
                        settings.clone_from(plugin);
                        differs
                    });
                }
                None => {
                    let new = keep(plugin, workshop, &shelves, &stop, &keepers);
                    kept.insert(plugin.name.clone(), new);
                }
            }
        }
        let mut list: Vec<_> = kept.values().map(|kept| Arc::clone(&kept.shelf)).collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        shelves.store(Arc::new(list));

        tokio::select! {
            () = stop.cancelled() => break,
            changed = wanted.changed() => if changed.is_err() { break },
        }
    }
    stop.cancel();
    keepers.close();
    keepers.wait().await;
}

fn keep(
    plugin: &Arc<PluginSettings>,
    workshop: &Arc<Workshop>,
    shelves: &Arc<Shelves>,
    stop: &CancellationToken,
    keepers: &TaskTracker,
) -> Kept {
    let (settings, receiver) = watch::channel(Arc::clone(plugin));
    let shelf = Arc::new(Shelf::new(plugin));
    let stop = stop.child_token();
    let keeper =
        Keeper::new(Arc::clone(workshop), Arc::clone(&shelf), Arc::clone(shelves), Arc::clone(plugin));
    keepers.spawn(keeper.keep(receiver, stop.clone()));
    Kept { settings, shelf, stop }
}
