//! The content of a file that is read again when the file changes.
//!
//! What cannot be read is refused with a line in the log, and what was read before goes on, however long: a
//! file that disappears or breaks logs nobody out and lets nobody in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::failure::SetupError;
use super::file::Stamp;

/// Reads a file into what it means.
pub(super) type Reader<T> = fn(&Path) -> Result<T, SetupError>;

/// What a file said when it was last sound.
#[derive(Debug)]
pub(super) struct Reread<T> {
    file: Option<(PathBuf, Reader<T>)>,
    stamp: Mutex<Option<Stamp>>,
    content: ArcSwap<T>,
}

impl<T> Reread<T> {
    /// Reads a file for the first time.
    pub(super) fn of(path: PathBuf, reader: Reader<T>) -> Result<Self, SetupError> {
        // Before the reading: what changes meanwhile is read again.
        let stamp = Stamp::of(&path);
        let content = ArcSwap::from_pointee(reader(&path)?);
        Ok(Reread { file: Some((path, reader)), stamp: Mutex::new(stamp), content })
    }

    /// What comes from no file and stays.
    pub(super) fn fixed(content: Arc<T>) -> Self {
        Reread { file: None, stamp: Mutex::new(None), content: ArcSwap::from(content) }
    }

    /// What the file says.
    pub(super) fn load(&self) -> Guard<Arc<T>> {
        self.content.load()
    }

    /// What the file says, to be kept for longer.
    pub(super) fn load_full(&self) -> Arc<T> {
        self.content.load_full()
    }

    /// Reads the file again, changed or not.
    pub(super) fn read_again(&self) -> Result<(), SetupError> {
        let Some((path, reader)) = &self.file else { return Ok(()) };
        self.note(Stamp::of(path));
        self.content.store(Arc::new(reader(path)?));
        Ok(())
    }

    /// Reads the file again where it changed; true where there is something new.
    pub(super) fn read_if_changed(&self) -> bool {
        let Some((path, reader)) = &self.file else { return false };
        let stamp = Stamp::of(path);
        if !self.note(stamp) {
            return false;
        }
        if stamp.is_none() {
            tracing::warn!(path = %path.display(), "the file is gone; what it said goes on");
            return false;
        }
        match reader(path) {
            Ok(content) => {
                self.content.store(Arc::new(content));
                tracing::info!(path = %path.display(), "read the changed file");
                true
            }
            Err(cause) => {
                tracing::error!(path = %path.display(), %cause, "the changed file is refused; what it said before goes on");
                false
            }
        }
    }

    /// Remembers the stamp; true where it is another.
    fn note(&self, stamp: Option<Stamp>) -> bool {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, stamp) != stamp
    }
}

#[cfg(test)]
mod tests;
