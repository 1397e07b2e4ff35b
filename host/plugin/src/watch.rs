//! Notices that a plugin's file changed, and waits until it stands still.
//!
//! Polling: it sees through links that are swapped, works on every file system, and costs one `stat` a look.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What a file looked like: another file, or another content, looks different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// One file.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    /// As it was when it was last read, none inside where it was not there.
    known: Option<Option<Stamp>>,
    /// As it was at the last look, where that differed.
    moving: Option<Option<Stamp>>,
}

impl Watch {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, known: None, moving: None }
    }

    /// Takes the file as it is now for known.
    pub(crate) async fn know(&mut self) {
        self.known = Some(self.stamp().await);
        self.moving = None;
    }

    /// Whether the file changed and has stood still since the last look. It is known then.
    pub(crate) async fn changed(&mut self) -> bool {
        let seen = self.stamp().await;
        self.settled(seen)
    }

    fn settled(&mut self, seen: Option<Stamp>) -> bool {
        if self.known == Some(seen) {
            self.moving = None;
            return false;
        }
        if self.moving != Some(seen) {
            self.moving = Some(seen);
            return false;
        }
        self.known = self.moving.take();
        true
    }

    async fn stamp(&self) -> Option<Stamp> {
        let metadata = tokio::fs::metadata(&self.path).await.ok()?;
        Some(Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests;
