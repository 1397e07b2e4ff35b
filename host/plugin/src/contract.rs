//! The contract of `wit/`, as the engine's bindings see it.

use crate::settings::Capability;

/// What `wasmtime` makes of the world `exporter`.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "exporter",
        imports: {
            "bartizan:plugin/outgoing-http": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

pub(crate) use bindings::bartizan::plugin::{clock, log, outgoing_http, settings};
pub(crate) use bindings::exports::bartizan::plugin::{metrics, plugin};
pub(crate) use bindings::{Exporter, ExporterPre};

/// The interfaces that an exporter must have.
pub(crate) const EXPORTS: [&str; 2] = ["bartizan:plugin/plugin@0.1.0", "bartizan:plugin/metrics@0.1.0"];

/// The capability that an import stands for, none where it is not of this contract.
pub(crate) fn capability(import: &str) -> Option<Capability> {
    let name = import.strip_prefix("bartizan:plugin/")?.strip_suffix("@0.1.0")?;
    Capability::ALL.into_iter().find(|capability| capability.name() == name)
}

/// Whether the description asks for it.
pub(crate) fn asks_for(asked: plugin::Capabilities, capability: Capability) -> bool {
    asked.contains(match capability {
        Capability::Log => plugin::Capabilities::LOG,
        Capability::Clock => plugin::Capabilities::CLOCK,
        Capability::Settings => plugin::Capabilities::SETTINGS,
        Capability::OutgoingHttp => plugin::Capabilities::OUTGOING_HTTP,
    })
}
