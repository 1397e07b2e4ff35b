//! `bartizan plugin`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Config;

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// List the plugins of the settings, and whether each could be loaded. Exits with 1 if one could not.
    List(Config),
    /// Load one component and say what it is and asks for, without running it in a gateway.
    Check {
        /// The component.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl PluginCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            PluginCommand::List(config) => list(&config),
            PluginCommand::Check { file } => {
                let description = bartizan_plugin::check(&file)?;
                println!("{} {}: {}", description.name, description.version, description.help);
                println!(
                    "  asks for  {}",
                    if description.capabilities.is_empty() {
                        "nothing".to_owned()
                    } else {
                        description.capabilities.join(", ")
                    }
                );
                println!("  sha256    {}", description.digest);
                println!("  size      {} bytes", description.size_bytes);
                if !description.settings_schema.is_empty() {
                    println!("  settings  {}", description.settings_schema);
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn list(config: &Config) -> Result<ExitCode> {
    let settings = super::check::load(&config.config)?;
    if settings.plugins.is_empty() {
        println!("No plugins are set; add one under `plugins:` in {}.", config.config.display());
    }
    let mut code = ExitCode::SUCCESS;
    for plugin in &settings.plugins {
        match bartizan_plugin::check(&plugin.file) {
            Ok(description) => {
                println!(
                    "{}\t{} {}\t{}",
                    plugin.name,
                    description.name,
                    description.version,
                    plugin.file.display()
                );
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                println!("{}\tcannot be loaded: {error}\t{}", plugin.name, plugin.file.display());
            }
        }
    }
    if !settings.plugins.is_empty() {
        println!(
            "What a running gateway makes of them: /-/plugins on the portal, or /exporters/metrics on {}.",
            settings.admin
        );
    }
    Ok(code)
}
