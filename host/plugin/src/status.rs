//! What the portal, the command line and the log say about a plugin.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;

/// How a plugin is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// Its first version is being compiled and tried.
    Loading,
    /// The last collection worked.
    Running,
    /// A version is in place, but its last collection did not work.
    Failing,
    /// There is no version that may run; `last_refusal` says why.
    Refused,
}

impl fmt::Display for PluginState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Loading => "loading",
            Self::Running => "running",
            Self::Failing => "failing",
            Self::Refused => "refused",
        })
    }
}

/// One plugin at one moment. Texts are escaped and short; they may stand in a page or on a terminal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginStatus {
    /// The operator's name for it.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// What it calls itself: `json-exporter`. None until one version was described.
    pub kind: Option<String>,
    /// The version in place.
    pub version: Option<String>,
    /// The SHA-256 of the version in place, in hexadecimal.
    pub digest: Option<String>,
    /// How it is doing.
    pub state: PluginState,
    /// Since when.
    pub since: SystemTime,
    /// Why the last failed collection failed; it stays when later ones work.
    pub last_error: Option<String>,
    /// Why the last version that did not take over, or did not stay, was refused. Gone when a newer one took over.
    pub last_refusal: Option<String>,
    /// When it last collected.
    pub last_success: Option<SystemTime>,
    /// How long the last collection took.
    pub last_duration: Option<Duration>,
    /// Whether fresh metrics are served.
    pub up: bool,
    /// How many series are served.
    pub series: usize,
    /// The memory of its instance in bytes.
    pub memory_bytes: u64,
    /// Scheduled collections so far.
    pub collections: u64,
    /// Of these, failed ones.
    pub errors: u64,
    /// Versions that took over, the first included.
    pub reloads: u64,
    /// Versions that were refused.
    pub refusals: u64,
    /// Versions that took over and were taken back.
    pub rollbacks: u64,
    /// Log lines that were not kept.
    pub log_lines_dropped: u64,
}
