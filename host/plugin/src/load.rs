//! From a file to a component that may be instantiated.
//!
//! Reading and compiling happen on threads that may block. Compiled code is kept on disk ([`cache`]), so that a
//! restart or a swap back costs milliseconds. Nothing of the component has run when this stage is done.

mod cache;

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ring::digest;
use wasmtime::Engine;
use wasmtime::component::Component;

pub(crate) use cache::Cache;

use crate::settings::Capability;
use crate::{PluginError, contract, limits};

/// The SHA-256 of a component file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    fn of(bytes: &[u8]) -> Self {
        let mut result = [0; 32];
        result.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(result)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A file's bytes and their digest.
#[derive(Clone)]
pub(crate) struct Binary {
    bytes: Arc<[u8]>,
    pub(crate) digest: Digest,
}

impl Binary {
    /// Reads the whole file, unless it is too large. Blocks.
    pub(crate) fn read(path: &Path) -> Result<Self, PluginError> {
        let failed = |source| PluginError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        // The size that the file claims may be gone by the time it is read: what counts is what comes.
        file.take(limits::COMPONENT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limits::COMPONENT_BYTES {
            let bytes = std::fs::metadata(path).map_or(bytes.len() as u64, |metadata| metadata.len());
            return Err(PluginError::FileTooLarge { bytes, limit: limits::COMPONENT_BYTES });
        }
        Ok(Self { digest: Digest::of(&bytes), bytes: bytes.into() })
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is the file that the settings pin.
    pub(crate) fn expect(&self, pinned: Option<&str>) -> Result<(), PluginError> {
        let found = self.digest.to_string();
        match pinned {
            Some(pinned) if !pinned.eq_ignore_ascii_case(&found) => {
                Err(PluginError::OtherDigest { pinned: pinned.to_owned(), found })
            }
            _ => Ok(()),
        }
    }
}

/// A compiled component whose imports are all of the contract.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) component: Component,
    /// What it imports, each once.
    pub(crate) imports: Vec<Capability>,
}

/// Compiles the component, or takes it from the cache. Blocks, for a second and more for large ones.
pub(crate) fn load(engine: &Engine, cache: Option<&Cache>, binary: &Binary) -> Result<Loaded, PluginError> {
    look_at(&binary.bytes)?;
    let component = match cache.and_then(|cache| cache.get(engine, binary.digest)) {
        Some(component) => component,
        None => {
            let component = Component::from_binary(engine, &binary.bytes).map_err(|error| {
                PluginError::NotValid { reason: crate::error::excerpt(&format!("{error:#}")) }
            })?;
            if let Some(cache) = cache {
                cache.put(engine, binary.digest, &component);
            }
            component
        }
    };
    let imports = check(engine, &component)?;
    Ok(Loaded { component, imports })
}

/// Tells the common mistakes apart before the compiler meets them: the preamble is `\0asm`, a version, a layer.
fn look_at(bytes: &[u8]) -> Result<(), PluginError> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(PluginError::CoreModule),
        _ => Err(PluginError::NotWebAssembly),
    }
}

fn check(engine: &Engine, component: &Component) -> Result<Vec<Capability>, PluginError> {
    let ty = component.component_type();
    let imports = ty
        .imports(engine)
        .map(|(name, _)| {
            contract::capability(name)
                .ok_or_else(|| PluginError::UnknownImport { import: crate::error::excerpt(name) })
        })
        .collect::<Result<Vec<_>, _>>()?;
    for export in contract::EXPORTS {
        if !ty.exports(engine).any(|(name, _)| name == export) {
            return Err(PluginError::MissingExport { export });
        }
    }
    Ok(imports)
}

#[cfg(test)]
mod tests;
