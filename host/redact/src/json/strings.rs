//! The strings of a document: names and values, in one piece or through the passage.

use super::escape::{self, Escape};
use super::shape::is_sample_value;
use super::stretch::Stretch;
use super::{Expect, Token, Walker};
use crate::detect::trigger;
use crate::error::RedactError;

impl Walker {
    /// The string at `at`: searched where it lies, if it ends there and has no escapes.
    pub(super) fn string(&mut self, step: &mut Stretch<'_>, at: usize) -> Result<Token, RedactError> {
        let start = at + 1;
        let (end, seen) = plain_end(step.bytes, start);
        if step.bytes.get(end) != Some(&b'"') {
            step.leave(start);
            self.in_passage = true;
            return Ok(Token::Done(start));
        }
        let text = &step.bytes[start..end];
        if seen & NOT_ASCII != 0 && std::str::from_utf8(text).is_err() {
            return Err(RedactError::NotUtf8 { offset: step.base + start as u64 });
        }
        if step.finder.is_worth(seen, text.len()) && !self.is_exempt(text) {
            step.replace(start, end);
        }
        self.after_string(Some(text));
        Ok(Token::Done(end + 1))
    }

    /// The rest of a string from `at` on, through the passage.
    pub(super) fn passage_on(&mut self, step: &mut Stretch<'_>, mut at: usize) -> Result<Token, RedactError> {
        loop {
            let (end, _) = plain_end(step.bytes, at);
            let plain = &step.bytes[at..end];
            let valid = valid_utf8(plain, end == step.bytes.len() && !step.last)
                .ok_or(RedactError::NotUtf8 { offset: step.base + at as u64 })?;
            self.passage.push(&plain[..valid]);
            at += valid;
            // Its bytes leave through the passage.
            step.left = at;
            match step.bytes.get(at) {
                Some(b'"') => {
                    self.end_passage(step);
                    return Ok(Token::Done(at + 1));
                }
                Some(b'\\') => match escape::read(&step.bytes[at..]) {
                    Escape::Character(character, length) => {
                        self.passage.push_escape(character, &step.bytes[at..at + length]);
                        at += length;
                        step.left = at;
                    }
                    Escape::Incomplete if !step.last => break,
                    _ => return Err(step.not_json(at, "an escape sequence")),
                },
                Some(byte) if *byte < 0x20 => return Err(step.not_json(at, "an escaped control character")),
                _ => break,
            }
        }
        self.passage.settle(step.finder, step.counts, step.out);
        Ok(Token::More(at))
    }

    fn end_passage(&mut self, step: &mut Stretch<'_>) {
        let whole = self.passage.whole();
        let exempt = whole.is_some_and(|text| self.is_exempt(text));
        let expect = self.expect;
        match whole {
            // Names are short where they matter; an escaped one is as good.
            Some(text) if matches!(expect, Expect::Name | Expect::NameOrEnd) => self.shape.name(text),
            _ => {}
        }
        if exempt {
            self.passage.end_unsearched(step.out);
        } else {
            self.passage.end(step.finder, step.counts, step.out);
        }
        self.in_passage = false;
        self.after_string(None);
    }

    /// A string is complete; `name` is its text if it may be a name that tells a shape.
    fn after_string(&mut self, name: Option<&[u8]>) {
        if matches!(self.expect, Expect::Name | Expect::NameOrEnd) {
            if let Some(name) = name {
                self.shape.name(name);
            }
            self.expect = Expect::Colon;
        } else {
            self.after_value(false);
        }
    }

    fn is_exempt(&self, text: &[u8]) -> bool {
        let is_value = !matches!(self.expect, Expect::Name | Expect::NameOrEnd);
        is_value && self.shape.is_sample_place() && is_sample_value(text)
    }
}

/// A byte that ends a stretch of plain string content: a quote, a backslash, a control character.
const ENDS: u8 = 0x80;
/// A byte of a character outside ASCII.
const NOT_ASCII: u8 = 0x40;

/// For each byte of a string what it is, with the triggers of the search.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = trigger(byte as u8)
            | match byte as u8 {
                0..0x20 | b'"' | b'\\' => ENDS,
                0x80.. => NOT_ASCII,
                _ => 0,
            };
        byte += 1;
    }
    table
};

/// Where plain string content from `start` on ends, and the union of the classes of its bytes.
fn plain_end(bytes: &[u8], start: usize) -> (usize, u8) {
    let mut seen = 0;
    for (index, byte) in bytes[start..].iter().enumerate() {
        let class = CLASSES[usize::from(*byte)];
        if class & ENDS != 0 {
            return (start + index, seen);
        }
        seen |= class;
    }
    (bytes.len(), seen)
}

/// How many of `bytes` are complete UTF-8; a character may only be cut at the end if `more` follows.
fn valid_utf8(bytes: &[u8], more: bool) -> Option<usize> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(bytes.len()),
        Err(error) if more && error.error_len().is_none() => Some(error.valid_up_to()),
        Err(_) => None,
    }
}
