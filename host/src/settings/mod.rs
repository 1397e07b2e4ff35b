//! The settings file: what an operator writes becomes [`Settings`] in one step that reports every fault at once.
//!
//! Each section stands in a file of its own. Paths are relative to the settings file's folder. Durations and
//! sizes carry their unit (`5s`, `64MiB`). Unknown keys are refused. Secrets stand in files of their own.

mod backends;
mod listen;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_access::document::{Document, Fault, Faults};
use bartizan_access::identity::IdentitySettings;
use bartizan_access::policy::{Action, Policy, PolicyFile, Vocabulary};
use bartizan_access::quantity;
use bartizan_plugin::PluginSettings;
use serde::Deserialize;

use crate::audit::AuditSettings;
use crate::listener::ListenerSettings;
use crate::{portal, respond};

pub(crate) use backends::BackendSettings;

/// The admin listener's address where none is set: this machine alone.
const ADMIN_ADDRESS: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8444));

/// Everything the program is told, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The TLS edge.
    pub(crate) listener: ListenerSettings,
    /// Where `/metrics`, `/-/healthy`, `/-/ready` and the plugins' scrape address are served, in plain HTTP.
    pub(crate) admin: SocketAddr,
    /// Threads that serve requests.
    pub(crate) workers: usize,
    /// The folder for what the program keeps: session keys, compiled plugins.
    pub(crate) state: PathBuf,
    /// Who may sign in.
    pub(crate) identity: IdentitySettings,
    /// The compiled policy.
    pub(crate) policy: Arc<Policy>,
    /// What stands behind the gateway.
    pub(crate) backends: Vec<BackendSettings>,
    /// Plugins.
    pub(crate) plugins: Vec<PluginSettings>,
    /// The audit log.
    pub(crate) audit: AuditSettings,
    /// Files whose change means a reload.
    pub(crate) files: Vec<PathBuf>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettingsFile {
    listen: listen::ListenSection,
    admin: Option<SocketAddr>,
    workers: Option<usize>,
    state: Option<PathBuf>,
    identity: IdentitySettings,
    policy: Option<PathBuf>,
    backends: BTreeMap<String, backends::BackendSection>,
    plugins: Vec<PluginSettings>,
    audit: AuditSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuditSection {
    file: Option<PathBuf>,
    #[serde(deserialize_with = "quantity::optional_bytes")]
    rotate: Option<u64>,
}

/// What a settings file is checked with: its document, its folder, and the faults so far.
pub(crate) struct Check<'a> {
    document: &'a Document,
    folder: &'a Path,
    faults: Faults,
}

impl Check<'_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.faults.push(self.document.fault(key, message.into()));
    }

    fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }

    /// A file that must be there now.
    fn existing(&mut self, key: &str, written: &Path) -> PathBuf {
        let path = self.path(written);
        if !path.is_file() {
            self.fault(key, format!("there is no file {}", path.display()));
        }
        path
    }
}

impl Settings {
    /// Reads, checks and compiles the settings file and the policy that it names.
    pub(crate) fn load(file: &Path) -> Result<Settings, Faults> {
        let text = read(file)?;
        let name = file.display().to_string();
        let mut document = Document::parse(&name, &text)?;
        let mut faults = Faults::default();
        let raw: SettingsFile = document.read(&mut faults);
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut check = Check { document: &document, folder, faults };
        let settings = assemble(raw, file, &mut check);
        match settings {
            Some(settings) if check.faults.is_empty() => Ok(settings),
            _ => Err(check.faults),
        }
    }
}

impl Settings {
    /// Whether something differs from the running program's that is taken up at start alone.
    pub(crate) fn needs_restart(&self, running: &Settings) -> bool {
        self.listener != running.listener
            || self.admin != running.admin
            || self.workers != running.workers
            || self.state != running.state
            || self.audit != running.audit
    }
}

fn assemble(raw: SettingsFile, file: &Path, check: &mut Check<'_>) -> Option<Settings> {
    let state = check.path(raw.state.as_deref().unwrap_or(Path::new("state")));
    let listener = raw.listen.build(check);
    let identity = identity(raw.identity, &state, check);
    let backends = backends::build(raw.backends, check);
    let policy = policy(raw.policy.as_deref(), &backends, check);
    let plugins = plugins(raw.plugins, check);
    let audit_file = raw.audit.file.map_or_else(|| state.join("audit.jsonl"), |file| check.path(&file));
    let audit = AuditSettings { file: audit_file, rotate_bytes: raw.audit.rotate.unwrap_or(256 << 20) };
    if audit.rotate_bytes < 1 << 20 {
        check.fault("audit.rotate", "files of less than 1MiB are too small for a chain that is read again");
    }
    let workers = raw.workers.unwrap_or_else(available_cores);
    if !(1..=256).contains(&workers) {
        check.fault("workers", "has to lie between 1 and 256; leave it out for one on each core");
    }
    let mut files = vec![file.to_owned()];
    files.extend(raw.policy.as_deref().map(|policy| check.path(policy)));
    Some(Settings {
        listener: listener?,
        admin: raw.admin.unwrap_or(ADMIN_ADDRESS),
        workers,
        state,
        identity,
        policy: Arc::new(policy?),
        backends,
        plugins,
        audit,
        files,
    })
}

fn identity(mut identity: IdentitySettings, state: &Path, check: &mut Check<'_>) -> IdentitySettings {
    for fault in identity.faults() {
        check.fault(&format!("identity.{}", fault.key), fault.message);
    }
    if identity.users.is_none() && identity.issuers.is_empty() {
        check.fault("identity", "nobody could sign in; name a file of `users` (made by `bartizan user add`), or `issuers` of tokens");
    }
    if let Some(users) = &identity.users {
        identity.users = Some(check.existing("identity.users", users));
    }
    let keys =
        identity.session.keys.take().map_or_else(|| state.join("session.keys"), |keys| check.path(&keys));
    identity.session.keys = Some(keys);
    for (position, issuer) in identity.issuers.iter_mut().enumerate() {
        for (key, path) in [
            ("jwks_file", &mut issuer.jwks_file),
            ("jwks_ca", &mut issuer.jwks_ca),
            ("secret", &mut issuer.secret),
        ] {
            if let Some(written) = path.take() {
                *path = Some(check.existing(&format!("identity.issuers[{position}].{key}"), &written));
            }
        }
    }
    identity
}

fn policy(written: Option<&Path>, backends: &[BackendSettings], check: &mut Check<'_>) -> Option<Policy> {
    let Some(written) = written else {
        check.fault("policy", "`policy` is missing: name the file that says who may see what");
        return None;
    };
    let path = check.path(written);
    let compiled = read(&path)
        .and_then(|text| PolicyFile::compile(&path.display().to_string(), &text, &vocabulary(backends)));
    match compiled {
        Ok(policy) => Some(policy),
        Err(faults) => {
            check.faults.append(faults);
            None
        }
    }
}

/// The words of the policy: the backends that are set, and the gateway itself.
pub(crate) fn vocabulary(backends: &[BackendSettings]) -> Vocabulary {
    let own = [(portal::BACKEND.into(), portal::ACTIONS)];
    let others = backends.iter().map(|backend| (backend.name.clone(), backend.kind.actions()));
    let backends: Vec<(Arc<str>, &'static [Action])> = own.into_iter().chain(others).collect();
    Vocabulary { backends, redactions: respond::vocabulary() }
}

fn plugins(mut plugins: Vec<PluginSettings>, check: &mut Check<'_>) -> Vec<PluginSettings> {
    for plugin in &mut plugins {
        // A missing component is a plugin that waits for its file, not a reason to refuse the settings.
        plugin.file = check.path(&plugin.file);
    }
    for fault in PluginSettings::faults(&plugins) {
        check.fault("plugins", fault.to_string());
    }
    plugins
}

/// Reads a file of settings, or says why it cannot.
pub(crate) fn read(path: &Path) -> Result<String, Faults> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("it cannot be read: {error}"),
        };
        Fault {
            file: path.display().to_string(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            text: String::new(),
        }
        .into()
    })
}

fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(256)
}

#[cfg(test)]
mod tests;
