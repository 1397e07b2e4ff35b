//! What was verified a moment ago and need not be verified again.
//!
//! Verifying an RS256 token costs as much as forwarding a request, an argon2 hash a thousand times that. What
//! was found true is kept under a keyed hash of the evidence, together with the evidence itself, which is
//! compared whole and in constant time: a collision of hashes never makes somebody somebody else. An entry
//! ends with its evidence, and all of them end when users, keys or issuers change (the generation is part of
//! what has to match).
//!
//! Bounded; when full, entries leave at random, and their evidence is simply verified again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::failure::Evidence;
use super::subject::Subject;

/// Threads rarely meet in one of these.
const SHARDS: usize = 16;
/// 8,192 entries in all.
const MOST_IN_SHARD: usize = 512;
/// Evidence of 16 MiB in all, however long each piece is.
const MOST_BYTES_IN_SHARD: usize = 1 << 20;

/// The memory of verified evidence.
pub(super) struct Verified {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    entries: HashMap<u64, Entry>,
    /// Of the entries' evidence.
    bytes: usize,
}

/// What was found out about a piece of evidence.
#[derive(Clone)]
pub(super) struct Finding {
    pub(super) subject: Arc<Subject>,
    /// For a session cookie.
    pub(super) session: Option<SessionFinding>,
}

#[derive(Clone, Copy)]
pub(super) struct SessionFinding {
    pub(super) id: [u8; 16],
    pub(super) renewal_seconds: u64,
}

/// From when to when a finding holds, in seconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_seconds: u64,
    pub(super) until_seconds: u64,
}

struct Entry {
    evidence: Evidence,
    credential: Zeroizing<Box<[u8]>>,
    generation: u64,
    span: Span,
    finding: Finding,
}

impl Verified {
    pub(super) fn new() -> Self {
        Verified { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// The finding about this evidence, where it was made in this generation and holds now.
    pub(super) fn find(
        &self,
        evidence: Evidence,
        credential: &[u8],
        generation: u64,
        now_seconds: u64,
    ) -> Option<Finding> {
        let hash = self.hash(evidence, credential);
        let shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.entries.get(&hash)?;
        let fits = entry.evidence == evidence
            && entry.holds(generation, now_seconds)
            && are_equal(&entry.credential, credential);
        fits.then(|| entry.finding.clone())
    }

    /// Remembers a finding. `generation` is that of before the verification began.
    pub(super) fn remember(
        &self,
        evidence: Evidence,
        credential: &[u8],
        generation: u64,
        span: Span,
        finding: Finding,
    ) {
        let hash = self.hash(evidence, credential);
        let entry =
            Entry { evidence, credential: Zeroizing::new(credential.into()), generation, span, finding };
        let mut shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        shard.insert(hash, entry);
    }

    fn hash(&self, evidence: Evidence, credential: &[u8]) -> u64 {
        self.hasher.hash_one((evidence, credential))
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[hash as usize % SHARDS]
    }
}

impl Shard {
    fn insert(&mut self, hash: u64, entry: Entry) {
        self.remove(hash);
        if !self.has_room_for(&entry) {
            let (generation, now_seconds) = (entry.generation, entry.span.from_seconds);
            self.entries.retain(|_, entry| entry.holds(generation, now_seconds));
            self.bytes = self.entries.values().map(|entry| entry.credential.len()).sum();
        }
        while !self.has_room_for(&entry) {
            // The map's order is that of a keyed hash: nobody chooses who leaves.
            let Some(any) = self.entries.keys().next().copied() else { return };
            self.remove(any);
        }
        self.bytes += entry.credential.len();
        self.entries.insert(hash, entry);
    }

    fn remove(&mut self, hash: u64) {
        if let Some(entry) = self.entries.remove(&hash) {
            self.bytes -= entry.credential.len();
        }
    }

    fn has_room_for(&self, entry: &Entry) -> bool {
        self.entries.len() < MOST_IN_SHARD && self.bytes + entry.credential.len() <= MOST_BYTES_IN_SHARD
    }
}

impl Entry {
    fn holds(&self, generation: u64, now_seconds: u64) -> bool {
        self.generation == generation
            && (self.span.from_seconds..self.span.until_seconds).contains(&now_seconds)
    }
}

/// Compares without stopping at the first difference.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && black_box(a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verified(…)")
    }
}

#[cfg(test)]
mod tests;
