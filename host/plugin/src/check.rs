//! Looks at a component without running it for anybody: `bartizan plugin check`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::PluginError;
use crate::contract;
use crate::instantiate::Mould;
use crate::load::{Binary, load};
use crate::settings::{Capability, PluginSettings};
use crate::trial::{Workshop, check_description, started};

/// What a component says about itself, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// What it calls itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub help: String,
    /// The host interfaces that it asks for, as written in `grant`.
    pub capabilities: Vec<&'static str>,
    /// A JSON Schema of its settings as text, empty where it takes none.
    pub settings_schema: String,
    /// The file's SHA-256 in hexadecimal, as `sha256` in the settings wants it.
    pub digest: String,
    /// The file's size in bytes.
    pub size_bytes: u64,
}

/// Loads the component and asks it to describe itself; nothing is granted to it. Blocks, for seconds where the
/// component is large. The error is the one that the gateway would refuse it with.
pub fn check(path: &Path) -> Result<Description, PluginError> {
    let path = path.to_owned();
    // On a thread of its own: the caller may be inside a runtime.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.map_err(|error| PluginError::Engine { reason: error.to_string() })?.block_on(describe(&path))
    });
    thread.join().unwrap_or_else(|_| Err(PluginError::Engine { reason: "the check panicked".to_owned() }))
}

async fn describe(path: &Path) -> Result<Description, PluginError> {
    let workshop = Workshop::new(None)?;
    let binary = Binary::read(path)?;
    let loaded = load(&workshop.engine, None, &binary)?;
    let settings = PluginSettings::new("check", path);
    let mould = Mould::new(&workshop.linker, &workshop.ticker, &loaded, &settings, None, Arc::default())?;
    let (description, _) = started(&mould).await?.describe().await;
    let description = description?;
    check_description(&description, &loaded)?;
    let asked = |capability: &Capability| contract::asks_for(description.capabilities, *capability);
    Ok(Description {
        capabilities: Capability::ALL.into_iter().filter(asked).map(Capability::name).collect(),
        name: description.name,
        version: description.version,
        help: description.help,
        settings_schema: description.settings_schema,
        digest: binary.digest.to_string(),
        size_bytes: binary.len() as u64,
    })
}
