//! Compiled components on disk.
//!
//! A compiled component is native code: whoever can put one here runs as the gateway. So the folder belongs to
//! the gateway alone (0700), and every file carries a keyed MAC (HMAC-SHA-256, RFC 2104) over its place and its
//! content, made with a key that lies beside it (0600) and never leaves the machine. What does not verify is not
//! loaded: it is removed and compiled anew. Decision 0003 tells the whole story.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Digest;
use crate::{PluginError, limits};

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// A folder of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// Opens the folder, making it and its key where they are absent. Refused: a folder of somebody else, or one
    /// that others may write to.
    pub(crate) fn open(folder: &Path) -> Result<Self, PluginError> {
        let failed = |reason: String| PluginError::Cache { path: folder.to_owned(), reason };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed(error.to_string()))?;
        let metadata = fs::symlink_metadata(folder).map_err(|error| failed(error.to_string()))?;
        if !metadata.is_dir() {
            return Err(failed("it is a link or a file; name a folder of the gateway's own".to_owned()));
        }
        let me = own_user(folder).map_err(|error| failed(error.to_string()))?;
        if metadata.uid() != me {
            return Err(failed("it belongs to another user; name a folder of the gateway's own".to_owned()));
        }
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(folder, Permissions::from_mode(0o700))
                .map_err(|error| failed(error.to_string()))?;
        }
        let key_path = folder.join("key");
        let key = key(&key_path).map_err(|error| failed(format!("its key: {error}")))?;
        let owner = fs::symlink_metadata(&key_path).map_err(|error| failed(error.to_string()))?;
        if owner.uid() != me || owner.mode() & 0o077 != 0 {
            return Err(failed("its key is not the gateway's own; remove the folder".to_owned()));
        }
        Ok(Self { folder: folder.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The compiled component, if it is there and ours.
    pub(crate) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = name(engine, digest);
        let path = self.folder.join(&name);
        let content = fs::read(&path).ok()?;
        let compiled = content.split_at_checked(TAG_BYTES).and_then(|(tag, compiled)| {
            hmac::verify(&self.key, &signed(&name, compiled), tag).ok().map(|()| compiled)
        });
        let Some(compiled) = compiled else {
            tracing::warn!(file = %path.display(), "a compiled component does not carry this gateway's mark; compiling anew");
            let _ = fs::remove_file(&path);
            return None;
        };
        match deserialize(engine, compiled) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::info!(file = %path.display(), "a compiled component is of another engine: {error:#}");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the compiled component. A failure costs only the time to compile it again, and is logged.
    pub(crate) fn put(&self, engine: &Engine, digest: Digest, component: &Component) {
        let stored = component.serialize().map_err(io::Error::other).and_then(|compiled| {
            let name = name(engine, digest);
            let tag = hmac::sign(&self.key, &signed(&name, &compiled));
            write(&self.folder.join(name), &[tag.as_ref(), &compiled])?;
            self.prune()
        });
        if let Err(error) = stored {
            tracing::warn!(folder = %self.folder.display(), "a compiled component could not be kept: {error}");
        }
    }

    /// Removes the oldest beyond the limit.
    fn prune(&self) -> io::Result<()> {
        let mut files = fs::read_dir(&self.folder)?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_ours = path.extension().is_some_and(|extension| extension == "compiled");
                is_ours.then(|| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))?
            })
            .collect::<Vec<_>>();
        files.sort();
        let surplus = files.len().saturating_sub(limits::CACHED_COMPONENTS);
        files.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The file's name: which component, and for which engine with which settings.
fn name(engine: &Engine, digest: Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{digest}-{:016x}.compiled", hasher.finish())
}

/// What the mark is made over: the name too, so that a file cannot be passed off as another component's.
fn signed(name: &str, compiled: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\0", compiled].concat()
}

#[expect(unsafe_code, reason = "decision 0003: the bytes were made by this gateway, which their mark proves")]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `compiled` came out of `Component::serialize` in this gateway: the caller verified its HMAC under a
    // key that only the gateway's own user can read, and the engine checks its version and settings itself.
    unsafe { Component::deserialize(engine, compiled) }
}

/// The user that this process writes files as.
fn own_user(folder: &Path) -> io::Result<u32> {
    let probe = folder.join(format!("probe-{}", std::process::id()));
    // It must be made here and now: one that lay there already would be somebody else's.
    let _ = fs::remove_file(&probe);
    let user = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?.metadata()?.uid();
    fs::remove_file(&probe)?;
    Ok(user)
}

/// Reads the key, or makes one.
fn key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    match File::open(path) {
        Ok(mut file) => {
            if file.metadata()?.len() == KEY_BYTES as u64 {
                file.read_exact(&mut key)?;
                return Ok(key);
            }
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("no randomness"))?;
    write(path, &[&key])?;
    Ok(key)
}

/// Writes a file in one step: readers see all of it or nothing.
fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    fs::rename(&fresh, path)
}
