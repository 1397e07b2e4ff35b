//! Fetches a JSON document and makes metrics of what its settings point at.
//!
//! One document for each plugin instance; several documents are several plugins with the same file. Whatever is
//! in the document but not in the settings is ignored; what the settings point at but the document lacks is
//! left out, or is an error where `required` says so. It never guesses: text that is no number needs a mapping.

mod measure;
mod path;
mod settings;

use bartizan_plugin_sdk::host::{self, Level};
use bartizan_plugin_sdk::{BASIC, Capabilities, Error, Exporter, Family, exporter};

use settings::Settings;

/// The exporter, with its settings checked.
struct JsonExporter {
    settings: Settings,
    /// Whether the last collection failed, so that a recovery is logged once.
    failing: bool,
}

impl JsonExporter {
    fn fetch(&self) -> Result<serde_json::Value, String> {
        let headers = self.settings.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let shown = self.shown_url();
        let response = host::get(&self.settings.url, headers)
            .map_err(|error| format!("{shown} {}", host::explain(&error)))?;
        if !(200..300).contains(&response.status) {
            return Err(format!("{shown} answered with status {}", response.status));
        }
        serde_json::from_slice(&response.body)
            .map_err(|error| format!("{shown} did not answer with JSON: {error}"))
    }

    /// The URL without its query: keys to APIs stand there, and errors are shown to people.
    fn shown_url(&self) -> &str {
        self.settings.url.split(['?', '#']).next().unwrap_or_default()
    }

    fn measure(&self) -> Result<Vec<Family>, Error> {
        let document = self.fetch().map_err(Error::Source)?;
        self.settings
            .metrics
            .iter()
            .map(|metric| measure::measure(metric, &document).map_err(Error::Source))
            .collect()
    }
}

impl Exporter for JsonExporter {
    const NAME: &'static str = "json-exporter";
    const VERSION: &'static str = match option_env!("BARTIZAN_PLUGIN_VERSION") {
        Some(version) => version,
        None => env!("CARGO_PKG_VERSION"),
    };
    const HELP: &'static str = "Fetches a JSON document and makes metrics of what its settings point at.";
    const CAPABILITIES: Capabilities = BASIC.union(Capabilities::OUTGOING_HTTP);
    const SETTINGS_SCHEMA: &'static str = include_str!("settings.schema.json");
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self { settings, failing: false })
    }

    fn collect(&mut self) -> Result<Vec<Family>, Error> {
        let result = self.measure();
        if self.failing && result.is_ok() {
            host::log(Level::Info, format!("{} answers again", self.shown_url()));
        }
        self.failing = result.is_err();
        result
    }
}

exporter!(JsonExporter);
