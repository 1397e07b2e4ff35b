//! All that a version must pass before it takes over: [`Workshop::try_out`] reads as the list of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::capability::{AllowList, Guest, Outgoing};
use crate::contract::{self, plugin};
use crate::error::excerpt;
use crate::instantiate::{Instance, Mould, linker};
use crate::limits::{self, Ticker, engine};
use crate::load::{Binary, Cache, Digest, Loaded, load};
use crate::publish::{Collection, Shelf, Shelves};
use crate::settings::{Capability, PluginSettings, is_name};
use crate::{PluginError, call};

/// What all plugins share: the engine, the contract's host functions, the cache.
pub(crate) struct Workshop {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Guest>,
    pub(crate) ticker: Arc<Ticker>,
    cache: Option<Cache>,
    /// One compilation at a time: it takes all cores, and the gateway wants some.
    compiling: Arc<Semaphore>,
}

/// A version of a plugin, ready to make instances.
pub(crate) struct Version {
    pub(crate) settings: Arc<PluginSettings>,
    /// What the plugin calls itself.
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) digest: Digest,
    pub(crate) mould: Mould,
}

/// A version that passed.
pub(crate) struct Candidate {
    pub(crate) version: Arc<Version>,
    pub(crate) instance: Option<Instance>,
    /// What the trial collected; the error of one that said itself that it could not.
    pub(crate) collected: Result<Collection, PluginError>,
    pub(crate) collecting: Duration,
    /// From reading the file to the end of the trial.
    pub(crate) took: Duration,
}

/// How a trial ended.
pub(crate) enum Trial {
    /// The file is one that needs no trial.
    Known,
    Passed(Box<Candidate>),
    Refused {
        digest: Option<Digest>,
        error: PluginError,
    },
}

impl Workshop {
    /// Makes the engine, and opens the cache folder.
    pub(crate) fn new(cache: Option<&Path>) -> Result<Self, PluginError> {
        let failed = |reason: String| PluginError::Engine { reason };
        let engine = engine()?;
        Ok(Self {
            linker: linker(&engine).map_err(|error| failed(format!("{error:#}")))?,
            ticker: Ticker::start(&engine).map_err(|error| failed(error.to_string()))?,
            cache: cache.map(Cache::open).transpose()?,
            compiling: Arc::new(Semaphore::new(1)),
            engine,
        })
    }

    /// Puts the file that the settings name to the test. `known` are files that need none.
    ///
    /// Cancelling it leaves nothing behind but, perhaps, a compiled component in the cache.
    pub(crate) async fn try_out(
        self: Arc<Self>,
        settings: Arc<PluginSettings>,
        shelf: Arc<Shelf>,
        shelves: Arc<Shelves>,
        known: Vec<Digest>,
    ) -> Trial {
        let begun = Instant::now();
        let path = settings.file.clone();
        let binary = match blocking(move || Binary::read(&path)).await {
            Ok(binary) => binary,
            Err(error) => return Trial::Refused { digest: None, error },
        };
        let digest = binary.digest;
        if known.contains(&digest) {
            return Trial::Known;
        }
        match self.examine(settings, &shelf, &shelves, binary).await {
            Ok(mut candidate) => {
                candidate.took = begun.elapsed();
                Trial::Passed(Box::new(candidate))
            }
            Err(error) => Trial::Refused { digest: Some(digest), error },
        }
    }

    async fn examine(
        self: Arc<Self>,
        settings: Arc<PluginSettings>,
        shelf: &Shelf,
        shelves: &Shelves,
        binary: Binary,
    ) -> Result<Candidate, PluginError> {
        binary.expect(settings.sha256.as_deref())?;
        let digest = binary.digest;
        let loaded = Arc::clone(&self).compile(binary).await?;
        for &capability in &loaded.imports {
            granted(&settings, capability)?;
        }
        let outgoing = match settings.grants(Capability::OutgoingHttp) {
            true => Some(outgoing(&settings).await?),
            false => None,
        };
        let dropped = Arc::clone(&shelf.lines_dropped);
        let mould = Mould::new(&self.linker, &self.ticker, &loaded, &settings, outgoing, dropped)?;

        let instance = started(&mould).await?;
        let (description, instance) = intact(instance.describe().await)?;
        check_description(&description, &loaded)?;
        for capability in Capability::ALL {
            if contract::asks_for(description.capabilities, capability) {
                granted(&settings, capability)?;
            }
        }
        let ((), instance) = intact(instance.self_test(settings.timeout).await)?;

        let begun = Instant::now();
        let (families, instance) = instance.collect(settings.timeout).await;
        let collecting = begun.elapsed();
        let collected = match families {
            Ok(families) => Ok(Collection::new(&settings.name, families, settings.series)?),
            // The plugin works, its source does not: whether that matters depends on what runs now.
            Err(error @ PluginError::Collect { .. }) => Err(error),
            Err(error) => return Err(error),
        };
        if let Ok(collection) = &collected {
            clash(collection, &settings.name, shelves)?;
        }
        let (kind, version) = (description.name, description.version);
        let version = Arc::new(Version { settings, kind, version, digest, mould });
        Ok(Candidate { version, instance, collected, collecting, took: Duration::ZERO })
    }

    async fn compile(self: Arc<Self>, binary: Binary) -> Result<Loaded, PluginError> {
        let turn = Arc::clone(&self.compiling).acquire_owned().await;
        let workshop = Arc::clone(&self);
        blocking(move || {
            // Held by the compilation itself: it goes on when its trial is given up.
            let _turn = turn;
            load(&workshop.engine, workshop.cache.as_ref(), &binary)
        })
        .await
    }
}

/// A fresh instance, within the time that describing may take.
pub(crate) async fn started(mould: &Mould) -> Result<Instance, PluginError> {
    let limit = limits::DESCRIBE_TIMEOUT;
    tokio::time::timeout(limit, mould.instance())
        .await
        .unwrap_or(Err(PluginError::TimedOut { call: "instantiate", limit }))
}

/// The value of a call that must have gone well.
fn intact<T>((result, instance): call::Outcome<T>) -> Result<(T, Instance), PluginError> {
    let value = result?;
    instance
        .map(|instance| (value, instance))
        .ok_or_else(|| PluginError::Instantiation { reason: "the instance was lost".to_owned() })
}

fn granted(settings: &PluginSettings, capability: Capability) -> Result<(), PluginError> {
    match settings.grants(capability) {
        true => Ok(()),
        false => Err(PluginError::NotGranted { capability }),
    }
}

/// Whether the description can be shown, and tells the truth about the imports.
pub(crate) fn check_description(
    description: &plugin::Description,
    loaded: &Loaded,
) -> Result<(), PluginError> {
    let unusable = |fault: &str| Err(PluginError::Description { fault: fault.to_owned() });
    if !is_name(&description.name) {
        return unusable("its name must have 1 to 64 of `a-z`, `0-9` and `-`");
    }
    let printable = description.version.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable || !(1..=64).contains(&description.version.len()) {
        return unusable("its version must have 1 to 64 printable ASCII characters");
    }
    let schema = &description.settings_schema;
    if description.help.len() > limits::HELP_BYTES || schema.len() > limits::DESCRIPTION_BYTES {
        return unusable("its help or its schema is too long");
    }
    if !schema.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(schema).is_err() {
        return unusable("its settings schema is not JSON");
    }
    match loaded.imports.iter().find(|&&capability| !contract::asks_for(description.capabilities, capability))
    {
        Some(&capability) => Err(PluginError::NotAsked { capability }),
        None => Ok(()),
    }
}

/// Refuses a collection that cannot stand next to what another plugin shows now.
pub(crate) fn clash(collection: &Collection, plugin: &str, shelves: &Shelves) -> Result<(), PluginError> {
    let now = Instant::now();
    for other in shelves.load().iter().filter(|other| *other.name != *plugin) {
        let Some(shown) = other.shown(now) else { continue };
        if let Some(family) = collection.clash(&shown.collection) {
            return Err(PluginError::Clash { family: excerpt(&family.name), other: other.name.to_string() });
        }
    }
    Ok(())
}

/// The client reads the machine's root certificates, which is not for a thread that other plugins wait for.
async fn outgoing(settings: &PluginSettings) -> Result<Arc<Outgoing>, PluginError> {
    let list = AllowList::new(&settings.http)
        .map_err(|fault| PluginError::Settings { plugin: settings.name.clone(), fault })?;
    let failed = |error: reqwest::Error| PluginError::Engine { reason: format!("HTTP client: {error}") };
    blocking(move || Outgoing::new(list).map(Arc::new).map_err(failed)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
) -> Result<T, PluginError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(PluginError::Engine { reason: format!("a blocking step was lost: {error}") }),
    }
}
