//! `bartizan check`: are the settings and the policy sound?

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::settings::Settings;

pub(super) fn run(config: &Path) -> Result<ExitCode> {
    let settings = load(config)?;
    println!("{} is sound.", config.display());
    println!("  listens on   {} (admin {})", settings.listener.address, settings.admin);
    for backend in &settings.backends {
        let replicas: Vec<&str> = backend.pool.replicas.iter().map(|replica| &**replica.url()).collect();
        println!(
            "  {:<12} {} {} -> {}",
            backend.name,
            backend.kind.name(),
            backend.route.prefix,
            replicas.join(", ")
        );
    }
    for plugin in &settings.plugins {
        println!("  plugin       {} from {}", plugin.name, plugin.file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads settings for a command; where the default file is missing, says how to begin.
pub(super) fn load(config: &Path) -> Result<Settings> {
    if config == Path::new(super::DEFAULT_CONFIG) && !config.exists() {
        anyhow::bail!(
            "there is no {} in this folder\n  Name a settings file: --config FILE\n  Or begin with one:     bartizan serve --backend http://localhost:9090",
            super::DEFAULT_CONFIG
        );
    }
    Ok(Settings::load(config)?)
}
