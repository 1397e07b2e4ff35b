//! One text that arrives in pieces: what is settled leaves, what may still become part of a value is held back.
//!
//! A passage is a whole body (text format) or one JSON string that did not lie in one piece or has escapes. Searching
//! is a function of the whole text with bounded reach (see [`crate::detect`]), so a passage only has to keep
//! [`LOOK_AHEAD`](crate::detect::LOOK_AHEAD) bytes after the place where the search stands, and what a value found
//! there could reach back to, plus a little context.

use crate::detect::{CONTEXT, Finder, LOOK_AHEAD, REACH_BACK, Search, Step};
use crate::kind::Counts;

/// Bytes at the front that are done with are dropped when they are this many: fewer moves for small pieces.
const DROP_BYTES: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Passage {
    /// What is searched: the window of the text that is still needed.
    text: Vec<u8>,
    /// What leaves, if it differs from `text`.
    source: Option<Source>,
    /// The first byte of `text` that has not left.
    left: usize,
    search: Search,
    /// Whether bytes have been settled, so that `text` may not be the whole text any more.
    begun: bool,
}

/// The spelling of a text, where characters are escaped.
#[derive(Debug, Default)]
struct Source {
    bytes: Vec<u8>,
    /// For each byte of the text, where in `bytes` the spelling of its character (or itself) starts.
    starts: Vec<u32>,
}

impl Passage {
    /// A passage whose bytes leave as they are searched.
    pub(crate) fn verbatim() -> Self {
        Self::default()
    }

    /// A passage whose characters may be spelled as escapes.
    pub(crate) fn escaped() -> Self {
        Self { source: Some(Source::default()), ..Self::default() }
    }

    /// Appends text that is spelled as it is.
    pub(crate) fn push(&mut self, plain: &[u8]) {
        if let Some(source) = &mut self.source {
            let start = source.bytes.len() as u32;
            source.starts.extend(start..start + plain.len() as u32);
            source.bytes.extend_from_slice(plain);
        }
        self.text.extend_from_slice(plain);
    }

    /// Appends a character that is spelled as `spelling`.
    pub(crate) fn push_escape(&mut self, character: char, spelling: &[u8]) {
        let mut utf8 = [0; 4];
        let decoded = character.encode_utf8(&mut utf8).as_bytes();
        if let Some(source) = &mut self.source {
            let start = source.bytes.len() as u32;
            source.starts.extend(decoded.iter().map(|_| start));
            source.bytes.extend_from_slice(spelling);
        }
        self.text.extend_from_slice(decoded);
    }

    /// The text, if all of it is still here.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (!self.begun).then_some(&self.text)
    }

    /// Searches as far as the text at hand allows and lets go what is settled.
    pub(crate) fn settle(&mut self, finder: &Finder, counts: &mut Counts, out: &mut Vec<u8>) {
        if self.text.len() <= self.search.from + LOOK_AHEAD {
            return;
        }
        self.begun = true;
        self.replace(finder, false, counts, out);
        self.emit(self.search.from.saturating_sub(REACH_BACK), out);
        let drop = self.left.saturating_sub(CONTEXT);
        if drop >= DROP_BYTES {
            self.drop_front(drop);
        }
    }

    /// The text is complete: searches its rest and lets go all of it. The passage is empty again.
    pub(crate) fn end(&mut self, finder: &Finder, counts: &mut Counts, out: &mut Vec<u8>) {
        self.replace(finder, true, counts, out);
        self.end_unsearched(out);
    }

    /// The text is complete and is not to be searched: lets go all of it. The passage is empty again.
    pub(crate) fn end_unsearched(&mut self, out: &mut Vec<u8>) {
        self.emit(self.text.len(), out);
        self.text.clear();
        if let Some(source) = &mut self.source {
            source.bytes.clear();
            source.starts.clear();
        }
        self.left = 0;
        self.search = Search::default();
        self.begun = false;
    }

    fn replace(&mut self, finder: &Finder, complete: bool, counts: &mut Counts, out: &mut Vec<u8>) {
        while let Step::Found(found) = finder.step(&self.text, &mut self.search, complete) {
            self.emit(found.start, out);
            out.extend_from_slice(found.kind.mask());
            counts.add(found.kind);
            self.left = found.end;
        }
    }

    /// Lets go what has not left before `end`.
    fn emit(&mut self, end: usize, out: &mut Vec<u8>) {
        if end <= self.left {
            return;
        }
        match &self.source {
            None => out.extend_from_slice(&self.text[self.left..end]),
            Some(source) => out.extend_from_slice(&source.bytes[source.at(self.left)..source.at(end)]),
        }
        self.left = end;
    }

    fn drop_front(&mut self, bytes: usize) {
        self.text.drain(..bytes);
        if let Some(source) = &mut self.source {
            let spelled = source.at(bytes) as u32;
            source.bytes.drain(..spelled as usize);
            source.starts.drain(..bytes);
            source.starts.iter_mut().for_each(|start| *start -= spelled);
        }
        self.left -= bytes;
        self.search.drop_front(bytes);
    }
}

impl Source {
    fn at(&self, text_offset: usize) -> usize {
        self.starts.get(text_offset).map_or(self.bytes.len(), |start| *start as usize)
    }
}
