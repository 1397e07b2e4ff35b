//! The trait that an author implements, and the three calls that the gateway makes of it.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use crate::bindings::exports::bartizan::plugin::{metrics, plugin};
use crate::{Capabilities, Error, Family, host};

/// What every plugin that is made with this crate asks for.
pub const BASIC: Capabilities = Capabilities::LOG.union(Capabilities::SETTINGS);

/// Something that makes metrics. One value serves all collections of an instance, so it can remember things.
pub trait Exporter: Sized {
    /// What the plugin is, in lower case: `json-exporter`.
    const NAME: &'static str;
    /// The version that people see: `1.4.0`.
    const VERSION: &'static str;
    /// What it does, in a sentence or two.
    const HELP: &'static str;
    /// The host interfaces that it uses; it is refused when it uses one that does not stand here. Reading the
    /// settings and logging what a panic says are this crate's own doing, so at least [`BASIC`].
    const CAPABILITIES: Capabilities = BASIC;
    /// A JSON Schema of [`Exporter::Settings`], as text.
    const SETTINGS_SCHEMA: &'static str = "";
    /// What the operator writes under `settings:`. `()` for a plugin that takes none.
    type Settings: DeserializeOwned;

    /// Makes the exporter, once for each instance. The error is shown to the operator: say what would be right.
    fn new(settings: Self::Settings) -> Result<Self, String>;

    /// Looks at whatever can be wrong without asking other machines. Called before the version takes over.
    fn self_test(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Collects all metrics.
    fn collect(&mut self) -> Result<Vec<Family>, Error>;
}

/// `plugin.describe` for the exporter `E`.
pub fn describe<E: Exporter>() -> plugin::Description {
    plugin::Description {
        name: E::NAME.to_owned(),
        version: E::VERSION.to_owned(),
        help: E::HELP.to_owned(),
        capabilities: E::CAPABILITIES,
        settings_schema: E::SETTINGS_SCHEMA.to_owned(),
    }
}

/// `plugin.self-test` for the exporter `E`.
pub fn self_test<E: Exporter>(instance: &RefCell<Option<E>>) -> Result<(), String> {
    with(instance, E::self_test)?
}

/// `metrics.collect` for the exporter `E`.
pub fn collect<E: Exporter>(instance: &RefCell<Option<E>>) -> Result<Vec<metrics::Family>, Error> {
    let families = with(instance, E::collect).map_err(Error::Settings)??;
    Ok(families.into_iter().map(Family::into_wit).collect())
}

/// Makes the exporter on first use.
fn with<E: Exporter, R>(instance: &RefCell<Option<E>>, call: impl FnOnce(&mut E) -> R) -> Result<R, String> {
    let mut instance = instance.borrow_mut();
    let exporter = match instance.as_mut() {
        Some(exporter) => exporter,
        None => {
            // A trap tells the operator nothing; what the panic said, and where, does.
            std::panic::set_hook(Box::new(|panic| host::log(host::Level::Error, panic.to_string())));
            let settings =
                serde_json::from_str(&host::settings()).map_err(|error| format!("settings: {error}"))?;
            instance.insert(E::new(settings)?)
        }
    };
    Ok(call(exporter))
}
