//! The bytes that a walk has at hand, and the output that they leave to.

use crate::detect::{Finder, Search, Step};
use crate::error::RedactError;
use crate::kind::Counts;

/// The bytes at hand, and where what is done with goes.
pub(super) struct Stretch<'s> {
    pub(super) bytes: &'s [u8],
    /// Whether nothing comes behind them.
    pub(super) last: bool,
    pub(super) finder: &'s Finder,
    pub(super) counts: &'s mut Counts,
    pub(super) out: &'s mut Vec<u8>,
    /// The first of the bytes that has not left.
    pub(super) left: usize,
    /// Bytes of the body before them.
    pub(super) base: u64,
}

impl Stretch<'_> {
    /// Lets go what has not left before `end`.
    pub(super) fn leave(&mut self, end: usize) {
        if end > self.left {
            self.out.extend_from_slice(&self.bytes[self.left..end]);
            self.left = end;
        }
    }

    /// Replaces the values in the text from `start` to `end`.
    pub(super) fn replace(&mut self, start: usize, end: usize) {
        let text = &self.bytes[start..end];
        let mut search = Search::default();
        while let Step::Found(found) = self.finder.step(text, &mut search, true) {
            self.leave(start + found.start);
            self.out.extend_from_slice(found.kind.mask());
            self.counts.add(found.kind);
            self.left = start + found.end;
        }
    }

    pub(super) fn not_json(&self, at: usize, expected: &'static str) -> RedactError {
        RedactError::NotJson { offset: self.base + at as u64, expected }
    }
}
