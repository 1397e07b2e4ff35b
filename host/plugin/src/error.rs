//! Why a plugin was not loaded, not taken over, or did not collect.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::publish::Fault;
use crate::settings::Capability;

/// Everything that can go wrong with a plugin. The text is for the operator and says what would be right; texts
/// that come from a plugin are cut short and escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The settings are wrong.
    #[error("plugin `{plugin}`: {fault}")]
    Settings {
        /// The name in the settings.
        plugin: String,
        /// What is wrong, and what would be right.
        fault: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is larger than a component may be.
    #[error("the file has {bytes} bytes; a component may have {limit}")]
    FileTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The file is not the one that the settings pin.
    #[error(
        "the file's SHA-256 is {found}, but the settings pin {pinned}; deploy that file, or change `sha256`"
    )]
    OtherDigest {
        /// In the settings.
        pinned: String,
        /// Of the file.
        found: String,
    },
    /// The file is a core module.
    #[error(
        "the file is a WebAssembly core module, not a component; make one with plugins/build or wit-component"
    )]
    CoreModule,
    /// The file is no WebAssembly at all.
    #[error("the file is not WebAssembly, or was cut short")]
    NotWebAssembly,
    /// The component cannot be compiled.
    #[error("the component is not valid: {reason}")]
    NotValid {
        /// The compiler's reason.
        reason: String,
    },
    /// The component wants something from outside the contract.
    #[error(
        "the component imports `{import}`, which is not in the world `bartizan:plugin/exporter@0.1.0`{}",
        hint(import)
    )]
    UnknownImport {
        /// The import's name.
        import: String,
    },
    /// The component lacks something that its world has.
    #[error("the component does not export `{export}`; its world is `bartizan:plugin/exporter@0.1.0`")]
    MissingExport {
        /// The export's name.
        export: &'static str,
    },
    /// Imports and exports have the right names, but other types.
    #[error("the component does not fit the world `bartizan:plugin/exporter@0.1.0`: {reason}")]
    OtherContract {
        /// The engine's reason.
        reason: String,
    },
    /// The component imports more than its description says.
    #[error("the component imports `{capability}`, but its description does not ask for it")]
    NotAsked {
        /// The capability.
        capability: Capability,
    },
    /// The description asks for more than the operator granted.
    #[error("the plugin asks for `{capability}`, which is not granted; {}", capability.how_to_grant())]
    NotGranted {
        /// The capability.
        capability: Capability,
    },
    /// The description is not usable.
    #[error("the plugin's description is not usable: {fault}")]
    Description {
        /// What is wrong with it.
        fault: String,
    },
    /// No instance could be made.
    #[error("the component could not be instantiated: {reason}")]
    Instantiation {
        /// The engine's reason.
        reason: String,
    },
    /// A call trapped.
    #[error("`{call}` trapped: {reason}")]
    Trapped {
        /// The exported function.
        call: &'static str,
        /// The engine's reason.
        reason: String,
    },
    /// A call did not end in time.
    #[error("`{call}` did not end within {}", seconds(*limit))]
    TimedOut {
        /// The exported function.
        call: &'static str,
        /// The time that it had.
        limit: Duration,
    },
    /// A call needed more memory than the settings allow.
    #[error("`{call}` wanted more than its {limit_bytes} bytes of memory")]
    OutOfMemory {
        /// The exported function.
        call: &'static str,
        /// The settings' limit.
        limit_bytes: u64,
    },
    /// A call handed over more than is taken.
    #[error("`{call}` returned more than {limit_bytes} bytes")]
    TooMuchOutput {
        /// The exported function.
        call: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// The plugin says itself that it does not work.
    #[error("the self-test failed: {reason}")]
    SelfTest {
        /// The plugin's words.
        reason: String,
    },
    /// The plugin could not collect, and said so.
    #[error("nothing was collected ({kind}): {reason}")]
    Collect {
        /// `settings`, `source` or `internal`.
        kind: &'static str,
        /// The plugin's words.
        reason: String,
    },
    /// What was collected cannot be served.
    #[error("family `{family}`: {fault}")]
    Invalid {
        /// The family's name.
        family: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Another plugin serves the same name with another meaning.
    #[error("family `{family}` is already served by the plugin `{other}` as another kind or unit")]
    Clash {
        /// The family's name.
        family: String,
        /// The other plugin.
        other: String,
    },
    /// A version that took over stopped working at once.
    #[error("version {version} failed its first {failures} collections, the last time because: {last}")]
    RolledBack {
        /// The version that was taken back.
        version: String,
        /// How many.
        failures: u32,
        /// The last error.
        last: Box<PluginError>,
    },
    /// The place for compiled components cannot be used.
    #[error("the cache folder {} cannot be used: {reason}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine or its threads could not be made.
    #[error("the plugin engine cannot start: {reason}")]
    Engine {
        /// The cause.
        reason: String,
    },
}

impl PluginError {
    /// A word for the label `kind` of metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "settings",
            Self::Read { .. } | Self::FileTooLarge { .. } => "file",
            Self::OtherDigest { .. } => "digest",
            Self::CoreModule | Self::NotWebAssembly | Self::NotValid { .. } => "not_a_component",
            Self::UnknownImport { .. } | Self::MissingExport { .. } | Self::OtherContract { .. } => {
                "contract"
            }
            Self::NotAsked { .. } | Self::NotGranted { .. } => "capability",
            Self::Description { .. } => "description",
            Self::Instantiation { .. } | Self::Engine { .. } | Self::Cache { .. } => "engine",
            Self::Trapped { .. } => "trap",
            Self::TimedOut { .. } => "timeout",
            Self::OutOfMemory { .. } => "memory",
            Self::TooMuchOutput { .. } => "output",
            Self::SelfTest { .. } => "self_test",
            Self::Collect { kind, .. } => kind,
            Self::Invalid { .. } | Self::Clash { .. } => "invalid",
            Self::RolledBack { .. } => "rolled_back",
        }
    }

    /// Whether the instance was lost with it: what happens again and again must happen more and more rarely.
    pub(crate) fn is_crash(&self) -> bool {
        matches!(
            self,
            Self::Trapped { .. }
                | Self::TimedOut { .. }
                | Self::OutOfMemory { .. }
                | Self::TooMuchOutput { .. }
                | Self::Instantiation { .. }
        )
    }
}

/// What helps most people who meet this import.
fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:") || import.starts_with("wasi_") {
        "; there is no WASI here: build for wasm32-unknown-unknown, or stub WASI out"
    } else if import.starts_with("bartizan:plugin/") {
        "; it was made for another version of the contract"
    } else {
        ""
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// At most this many bytes of a text that a plugin wrote are repeated in an error.
const EXCERPT_BYTES: usize = 300;

/// A text from a plugin, fit for an error: short, on one line, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    escaped(text, EXCERPT_BYTES)
}

/// At most so many bytes of a text from a plugin, on one line, what could forge another line escaped.
pub(crate) fn escaped(text: &str, limit_bytes: usize) -> String {
    let mut result = String::with_capacity(text.len().min(limit_bytes));
    for (position, character) in text.char_indices() {
        if position + character.len_utf8() > limit_bytes {
            result.push('…');
            break;
        }
        match character.is_control() || is_direction(character) {
            true => result.extend(character.escape_default()),
            false => result.push(character),
        }
    }
    result
}

/// Characters that make a line read other than it is written.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
