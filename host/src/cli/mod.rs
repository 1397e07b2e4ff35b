//! What a person types.

mod audit;
mod check;
mod plugin;
mod policy;
mod quickstart;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Where the settings are looked for unless said otherwise.
const DEFAULT_CONFIG: &str = "bartizan.yaml";

/// One TLS entry point in front of your monitoring: single sign-on, one policy, redaction, audit, plugins.
#[derive(Parser)]
#[command(name = "bartizan", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Try it: bartizan serve --backend http://localhost:9090")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Serve),
    /// Check the settings and the policy without running anything.
    Check(Config),
    /// Manage built-in users.
    #[command(subcommand)]
    User(user::User),
    /// Ask the policy.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Check the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
}

/// Which settings.
#[derive(Args)]
struct Config {
    /// The settings file.
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<ExitCode> {
    // Both halves of the program that speak TLS by default use the same cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Check(config) => check::run(&config.config),
        Command::User(user) => user.run(),
        Command::Policy(policy) => policy.run(),
        Command::Audit(audit) => audit.run(),
        Command::Plugin(plugin) => plugin.run(),
    }
}

/// An error as the terminal shows it: faults with their lines as they are, others with their causes.
pub(crate) fn worded(error: &anyhow::Error) -> String {
    let text = error.to_string();
    if text.starts_with("error:") {
        return text;
    }
    let causes: String = error.chain().skip(1).map(|cause| format!("\n  because: {cause}")).collect();
    format!("error: {text}{causes}")
}
