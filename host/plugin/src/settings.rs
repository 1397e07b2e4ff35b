//! What an operator says about a plugin.

mod quantity;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::PluginError;
use crate::limits;

/// One plugin. Durations and sizes are written `5s`, `64MiB`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginSettings {
    /// Its name here: `a-z`, `0-9` and `-`, at most 64 bytes, unique. It becomes the label `plugin`.
    pub name: String,
    /// The component. When the file changes, the new version is tried and takes over.
    pub file: PathBuf,
    /// What the plugin itself is told; anything that JSON can say.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// From one collection to the next; 1 s to 1 day, 15 s unless set.
    #[serde(default = "default_interval", deserialize_with = "quantity::duration")]
    pub interval: Duration,
    /// How long one call may take, host calls included; 10 ms to 5 min, 10 s unless set.
    #[serde(default = "default_timeout", deserialize_with = "quantity::duration")]
    pub timeout: Duration,
    /// How much memory an instance may have, in bytes; 1 MiB to 1 GiB, 64 MiB unless set.
    #[serde(rename = "memory", default = "default_memory", deserialize_with = "quantity::bytes")]
    pub memory_bytes: u64,
    /// How many series a collection may have; 10,000 unless set.
    #[serde(default = "default_series")]
    pub series: usize,
    /// Which host interfaces it may use: `log`, `clock` and `settings` unless set. HTTP is granted by `http`.
    #[serde(default = "default_grants")]
    pub grant: Vec<Capability>,
    /// Where it may send HTTP requests: none unless set.
    #[serde(default)]
    pub http: Vec<HttpGrant>,
    /// The file's SHA-256 in hexadecimal: when set, no other file is taken.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl fmt::Debug for PluginSettings {
    /// Without the plugin's own settings: passwords may stand in them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginSettings")
            .field("name", &self.name)
            .field("file", &self.file)
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .field("memory_bytes", &self.memory_bytes)
            .field("series", &self.series)
            .field("grant", &self.grant)
            .field("http", &self.http)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

/// A host interface of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Lines in the gateway's log.
    Log,
    /// The time.
    Clock,
    /// Its own settings.
    Settings,
    /// HTTP requests to listed hosts.
    OutgoingHttp,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Log, Self::Clock, Self::Settings, Self::OutgoingHttp];

    /// As it stands in `wit/` and in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Settings => "settings",
            Self::OutgoingHttp => "outgoing-http",
        }
    }

    pub(crate) fn how_to_grant(self) -> String {
        match self {
            Self::OutgoingHttp => "list the hosts that it may reach under the plugin's `http`".to_owned(),
            other => format!("add `{other}` to the plugin's `grant`"),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One place that a plugin may send requests to: a text `https://api.example.com`, or a map with `origin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenGrant")]
pub struct HttpGrant {
    /// Scheme, host and port: `https://api.example.com`, `http://10.0.0.3:9100`. A host written as an address
    /// allows that very address, wherever it lies.
    pub origin: String,
    /// Whether the host's name may lead to a loopback, private or link-local address. `false` unless set.
    pub private: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenGrant {
    Origin(String),
    Full(FullGrant),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullGrant {
    origin: String,
    #[serde(default)]
    private: bool,
}

impl From<WrittenGrant> for HttpGrant {
    fn from(written: WrittenGrant) -> Self {
        match written {
            WrittenGrant::Origin(origin) => Self { origin, private: false },
            WrittenGrant::Full(FullGrant { origin, private }) => Self { origin, private },
        }
    }
}

fn default_interval() -> Duration {
    Duration::from_secs(15)
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

fn default_memory() -> u64 {
    64 << 20
}

fn default_series() -> usize {
    10_000
}

fn default_grants() -> Vec<Capability> {
    vec![Capability::Log, Capability::Clock, Capability::Settings]
}

impl PluginSettings {
    /// Settings with nothing but what must be there; the rest as if it were not written.
    pub fn new(name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            file: file.into(),
            settings: serde_json::Value::Null,
            interval: default_interval(),
            timeout: default_timeout(),
            memory_bytes: default_memory(),
            series: default_series(),
            grant: default_grants(),
            http: Vec::new(),
            sha256: None,
        }
    }

    /// All that is wrong with a list of plugins, each with its name: one at a time, and names given twice.
    pub fn faults(list: &[Self]) -> Vec<PluginError> {
        let mut faults = Vec::new();
        for (position, plugin) in list.iter().enumerate() {
            let mut fault = |fault: String| {
                faults.push(PluginError::Settings { plugin: crate::error::excerpt(&plugin.name), fault });
            };
            plugin.look_for_faults(&mut fault);
            if list[..position].iter().any(|other| other.name == plugin.name) {
                fault("the name is given twice; give each plugin its own".to_owned());
            }
        }
        if list.len() > limits::PLUGINS {
            faults.push(PluginError::Settings {
                plugin: "*".to_owned(),
                fault: format!("{} plugins are too many; there may be {}", list.len(), limits::PLUGINS),
            });
        }
        faults
    }

    fn look_for_faults(&self, fault: &mut impl FnMut(String)) {
        if !is_name(&self.name) {
            fault("a name has 1 to 64 of `a-z`, `0-9` and `-`".to_owned());
        }
        if !limits::INTERVAL.contains(&self.interval) {
            fault("interval: must be from 1s to 1d".to_owned());
        }
        if !limits::TIMEOUT.contains(&self.timeout) {
            fault("timeout: must be from 10ms to 5m".to_owned());
        }
        if !limits::MEMORY_BYTES.contains(&self.memory_bytes) {
            fault("memory: must be from 1MiB to 1GiB".to_owned());
        }
        if !(1..=limits::SERIES).contains(&self.series) {
            fault(format!("series: must be from 1 to {}", limits::SERIES));
        }
        if self.grant.contains(&Capability::OutgoingHttp) && self.http.is_empty() {
            fault("grant: `outgoing-http` needs a list of hosts under `http`".to_owned());
        }
        if let Some(digest) = &self.sha256
            && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            fault("sha256: must be 64 hexadecimal digits, as sha256sum prints them".to_owned());
        }
        if let Err(reason) = crate::capability::AllowList::new(&self.http) {
            fault(format!("http: {reason}"));
        }
    }

    /// Whether the operator allows this.
    pub(crate) fn grants(&self, capability: Capability) -> bool {
        match capability {
            Capability::OutgoingHttp => !self.http.is_empty(),
            other => self.grant.contains(&other),
        }
    }
}

/// Whether this can be the name of a plugin.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;
