//! Who saw what: a file of JSON lines in which every line seals the one before it.
//!
//! A request waits for nobody: it appends its record to a buffer, which a thread of its own takes every few
//! milliseconds, chains and writes. What cannot be written is never forgotten silently: while the
//! file cannot be written, or the buffer is full, [`Audit::ready`] refuses and the gateway answers nothing.
//!
//! The chain: each line holds `seq` (from 1, without gaps), `prev` (the hash of the line before)
//! and, as its last member, `hash`: SHA-256 over the line up to that member. A sidecar file
//! `<file>.head` holds the last `seq` and `hash`, so that a cut tail shows; the same pair goes to
//! the program's log now and then, which is an anchor that the file's owner cannot rewrite.

mod chain;
mod record;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub(crate) use record::{Decision, Record, rfc3339};
pub(crate) use verify::{Verdict, verify};

use chain::Chain;

/// How long records may lie in the buffer.
const WRITE_EVERY: Duration = Duration::from_millis(25);
/// Beyond this, requests are refused until the file has caught up.
const BUFFER_BYTES: usize = 8 << 20;
/// How often the head of the chain goes to the program's log.
const ANCHOR_EVERY: Duration = Duration::from_secs(300);

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditSettings {
    /// The file; its folder must exist.
    pub(crate) file: PathBuf,
    /// Past this size the file is renamed to `<file>.<first seq>` and a new one goes on with the chain.
    pub(crate) rotate_bytes: u64,
}

/// The audit log, shared by all workers.
#[derive(Clone)]
pub(crate) struct Audit {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Vec<u8>>,
    broken: AtomicBool,
    full: AtomicBool,
    stop: AtomicBool,
    records: AtomicU64,
    dropped: AtomicU64,
}

/// Ends the writing thread when dropped, after it wrote what was left.
pub(crate) struct AuditThread {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Audit {
    /// Opens the file, checks that the chain can be continued, and starts the thread that writes.
    pub(crate) fn open(settings: AuditSettings) -> io::Result<(Audit, AuditThread)> {
        let mut chain = Chain::open(settings)?;
        let shared = Arc::new(Shared::default());
        let writer = shared.clone();
        let thread = thread::Builder::new()
            .name("audit".into())
            .spawn(move || write_until_stopped(&writer, &mut chain))?;
        Ok((Audit { shared: shared.clone() }, AuditThread { shared, thread: Some(thread) }))
    }

    /// Whether records can be kept now. Where not, nothing may be shown.
    pub(crate) fn ready(&self) -> bool {
        !self.shared.broken.load(Ordering::Relaxed) && !self.shared.full.load(Ordering::Relaxed)
    }

    /// Keeps a record. It is in the file some milliseconds later.
    ///
    /// While records cannot be written, those of refused requests are only counted: whoever asks without being let in
    /// must not be able to fill the memory. What was shown is kept up to twice the bound.
    pub(crate) fn keep(&self, record: &Record) {
        let mut buffer = self.shared.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = record.decision != Decision::Allowed && !self.ready();
        if refused || buffer.len() > 2 * BUFFER_BYTES {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        record.write(&mut buffer);
        buffer.push(b'\n');
        if buffer.len() > BUFFER_BYTES {
            self.shared.full.store(true, Ordering::Relaxed);
        }
        self.shared.records.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that could not be kept since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Records kept since the start.
    pub(crate) fn records(&self) -> u64 {
        self.shared.records.load(Ordering::Relaxed)
    }
}

impl Drop for AuditThread {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the audit thread ended badly; the last records may be missing");
            }
        }
    }
}

fn write_until_stopped(shared: &Shared, chain: &mut Chain) {
    let mut taken: Vec<u8> = Vec::new();
    let mut anchored = std::time::Instant::now();
    loop {
        let stopping = shared.stop.load(Ordering::Acquire);
        if taken.is_empty() {
            std::mem::swap(&mut taken, &mut shared.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match chain.append(&mut taken) {
            Ok(()) => {
                if shared.broken.swap(false, Ordering::Relaxed) {
                    tracing::info!("the audit file can be written again");
                }
                let waiting = shared.buffer.lock().unwrap_or_else(PoisonError::into_inner).len();
                shared.full.store(waiting > BUFFER_BYTES, Ordering::Relaxed);
            }
            Err(error) => {
                if !shared.broken.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        file = %chain.path().display(), %error,
                        "the audit file cannot be written: requests are refused until it can; free space or mend its rights"
                    );
                }
            }
        }
        if stopping {
            chain.close();
            return;
        }
        if anchored.elapsed() > ANCHOR_EVERY {
            anchored = std::time::Instant::now();
            tracing::info!(seq = chain.seq(), hash = chain.hash(), "audit head");
        }
        thread::park_timeout(if shared.broken.load(Ordering::Relaxed) {
            20 * WRITE_EVERY
        } else {
            WRITE_EVERY
        });
    }
}

/// The sidecar that holds the last `seq` and `hash`.
fn head_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".head");
    name.into()
}

#[cfg(test)]
mod tests;
