//! `bartizan serve`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::quickstart::{self, Quickstart};

/// Runs the gateway until SIGTERM. SIGHUP, or a changed file, takes up new settings.
#[derive(Args)]
pub(super) struct Serve {
    /// The settings file.
    #[arg(short, long, value_name = "FILE", default_value = super::DEFAULT_CONFIG)]
    config: PathBuf,

    /// Begin without any file: serve this backend with a development certificate and one login.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    backend: Vec<String>,

    /// Where to serve, with --backend.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443", requires = "backend")]
    listen: std::net::SocketAddr,

    /// Where --backend keeps what it makes: settings, policy, users, certificate, audit log.
    #[arg(long, value_name = "FOLDER", default_value = "bartizan", requires = "backend")]
    folder: PathBuf,

    /// How the log on standard error is written; JSON unless it is a terminal.
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Json,
    Text,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        self.start_log();
        let (config, quickstart): (PathBuf, Option<Quickstart>) = if self.backend.is_empty() {
            super::check::load(&self.config)?;
            (self.config, None)
        } else {
            let made = quickstart::prepare(&self.backend, self.listen, &self.folder)?;
            (made.config.clone(), Some(made))
        };
        crate::serve::run(Path::new(&config), |settings| {
            if let Some(made) = &quickstart {
                made.announce(settings);
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// What is logged is set by `BARTIZAN_LOG` (`info` unless set), in the syntax of tracing's filters.
    fn start_log(&self) {
        let filter = EnvFilter::try_from_env("BARTIZAN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let text =
            self.log.map_or_else(|| std::io::stderr().is_terminal(), |format| format == LogFormat::Text);
        if text {
            builder.with_target(false).init();
        } else {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
    }
}
