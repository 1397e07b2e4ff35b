//! `componentize MODULE COMPONENT`: makes a component of a core module that the SDK's bindings were built into.
//!
//! The module carries its world in a custom section. What it imports beyond that world is an error here, before
//! a gateway would refuse it.

use std::path::Path;

use anyhow::{Context, bail};
use wit_component::ComponentEncoder;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, component] = arguments.as_slice() else {
        bail!("usage: componentize MODULE COMPONENT");
    };
    let (module, component) = (Path::new(module), Path::new(component));

    let bytes = std::fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let encoded = ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .with_context(|| format!("making a component of {}", module.display()))?;

    // A gateway may be watching the file: it sees the old one or the new one.
    let fresh = component.with_extension("wasm.new");
    std::fs::write(&fresh, &encoded).with_context(|| format!("writing {}", fresh.display()))?;
    std::fs::rename(&fresh, component).with_context(|| format!("writing {}", component.display()))?;
    println!("{} ({} KiB)", component.display(), encoded.len().div_ceil(1024));
    Ok(())
}
