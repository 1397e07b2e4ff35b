//! Walks JSON as it streams and searches the strings in it.
//!
//! The walk checks the grammar of RFC 8259 and nothing is built: bytes between two values that were found leave in
//! one copy. A string that lies in one piece and has no escapes is searched where it lies; any other goes through a
//! [`Passage`], decoded. What is not JSON is refused: nothing from the offending token on leaves.
//!
//! Escapes of half a surrogate pair are allowed, as RFC 8259 section 8.2 does, and stay; they separate like a
//! replacement character. White space between documents and tokens is the four characters of section 2; a byte order
//! mark is refused.
//!
//! # Numbers
//! An integer of 13 to 19 digits that is a card number becomes a string; others stay. Numbers have at most
//! [`MAX_NUMBER_BYTES`].
//!
//! # Samples of the Prometheus HTTP API
//! Its sample values are numbers in strings, and a counter can look like a card. So a string is left alone if it is a
//! number as Prometheus writes one **and** stands where a sample value does (see [`shape`]). Anything else in such a
//! place is searched, and numbers elsewhere are: `/api/v1/label/*/values` answers strings under `data`.

mod escape;
mod number;
mod shape;
#[cfg(test)]
mod tests;

use crate::detect::{Finder, is_card_number, trigger};
use crate::error::RedactError;
use crate::kind::{Counts, Kind};
use crate::passage::Passage;
use escape::Escape;
use number::{integer_digits, is_number, is_part};
use shape::{Shape, is_sample_value};

/// Bytes of a number: one must be held back until its end is known, and no number means more with more.
const MAX_NUMBER_BYTES: usize = 1024;

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Outside of a document; `Break` wants white space first, for the last one was a bare word.
    Document,
    Break,
    Value,
    ElementOrEnd,
    NameOrEnd,
    Name,
    Colon,
    CommaOrEnd,
}

/// What became of a token.
enum Token {
    /// It ends before this offset.
    Done(usize),
    /// It goes on behind the bytes at hand; they are needed again from this offset on.
    More(usize),
}

#[derive(Debug)]
pub(crate) struct Walker {
    expect: Expect,
    shape: Shape,
    /// The string that is under way, if it did not lie in one piece.
    passage: Passage,
    in_passage: bool,
    /// Bytes that are held back because their token goes on.
    held: Vec<u8>,
    /// Bytes of the body before `held`, or before the next piece.
    offset: u64,
}

impl Default for Walker {
    fn default() -> Self {
        Self {
            expect: Expect::Document,
            shape: Shape::default(),
            passage: Passage::escaped(),
            in_passage: false,
            held: Vec::new(),
            offset: 0,
        }
    }
}

impl Walker {
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        finder: &Finder,
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Result<(), RedactError> {
        if self.held.is_empty() {
            let used = self.walk(piece, false, finder, counts, out)?;
            self.held.extend_from_slice(&piece[used..]);
        } else {
            let mut bytes = std::mem::take(&mut self.held);
            bytes.extend_from_slice(piece);
            let used = self.walk(&bytes, false, finder, counts, out)?;
            bytes.drain(..used);
            self.held = bytes;
        }
        Ok(())
    }

    pub(crate) fn finish(
        &mut self,
        finder: &Finder,
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Result<(), RedactError> {
        let bytes = std::mem::take(&mut self.held);
        let used = self.walk(&bytes, true, finder, counts, out)?;
        let complete = used == bytes.len() && !self.in_passage;
        if complete && matches!(self.expect, Expect::Document | Expect::Break) {
            Ok(())
        } else {
            Err(RedactError::Truncated { offset: self.offset + (bytes.len() - used) as u64 })
        }
    }

    /// Walks as far as `bytes` allow and tells how many of them are done with.
    fn walk(
        &mut self,
        bytes: &[u8],
        last: bool,
        finder: &Finder,
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Result<usize, RedactError> {
        let mut step = Stretch { bytes, last, finder, counts, out, left: 0, base: self.offset };
        let mut at = 0;
        let used = loop {
            let token = match self.token(&mut step, at) {
                Ok(token) => token,
                Err(error) => {
                    step.leave(at);
                    return Err(error);
                }
            };
            match token {
                Token::Done(end) => at = end,
                Token::More(from) => break from,
            }
        };
        step.leave(used);
        self.offset += used as u64;
        Ok(used)
    }

    /// Reads the token at `at`, or the rest of the string that is under way.
    fn token(&mut self, step: &mut Stretch<'_>, at: usize) -> Result<Token, RedactError> {
        if self.in_passage {
            return self.passage_on(step, at);
        }
        let Some(&byte) = step.bytes.get(at) else { return Ok(Token::More(at)) };
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            if self.expect == Expect::Break {
                self.expect = Expect::Document;
            }
            return Ok(Token::Done(at + 1));
        }
        match (self.expect, byte) {
            (Expect::Name | Expect::NameOrEnd, b'"') => self.string(step, at),
            (Expect::Colon, b':') => {
                self.expect = Expect::Value;
                Ok(Token::Done(at + 1))
            }
            (Expect::CommaOrEnd, b',') => {
                self.expect = if self.shape.next_member() { Expect::Name } else { Expect::Value };
                Ok(Token::Done(at + 1))
            }
            (Expect::CommaOrEnd | Expect::NameOrEnd, b'}') if self.shape.in_object() => Ok(self.close(at)),
            (Expect::CommaOrEnd | Expect::ElementOrEnd, b']') if !self.shape.in_object() => {
                Ok(self.close(at))
            }
            (Expect::Document | Expect::Value | Expect::ElementOrEnd, _) => self.value(step, at, byte),
            _ => Err(step.not_json(at, self.expected())),
        }
    }

    fn value(&mut self, step: &mut Stretch<'_>, at: usize, byte: u8) -> Result<Token, RedactError> {
        match byte {
            b'"' => self.string(step, at),
            b'{' | b'[' => {
                if !self.shape.open(byte == b'{') {
                    return Err(RedactError::TooDeep {
                        offset: step.base + at as u64,
                        limit: shape::MAX_DEPTH,
                    });
                }
                self.expect = if byte == b'{' { Expect::NameOrEnd } else { Expect::ElementOrEnd };
                Ok(Token::Done(at + 1))
            }
            b'-' | b'0'..=b'9' => self.number(step, at),
            b't' => self.word(step, at, b"true"),
            b'f' => self.word(step, at, b"false"),
            b'n' => self.word(step, at, b"null"),
            _ => Err(step.not_json(at, self.expected())),
        }
    }

    fn close(&mut self, at: usize) -> Token {
        self.shape.close();
        self.after_value(false);
        Token::Done(at + 1)
    }

    /// A value is complete; `bare` means that only white space can end it at top level.
    fn after_value(&mut self, bare: bool) {
        self.expect = match (self.shape.is_top(), bare) {
            (false, _) => Expect::CommaOrEnd,
            (true, true) => Expect::Break,
            (true, false) => Expect::Document,
        };
    }

    fn word(&mut self, step: &Stretch<'_>, at: usize, word: &[u8]) -> Result<Token, RedactError> {
        let rest = &step.bytes[at..];
        if rest.starts_with(word) {
            self.after_value(true);
            Ok(Token::Done(at + word.len()))
        } else if word.starts_with(rest) && !step.last {
            Ok(Token::More(at))
        } else {
            Err(step.not_json(at, self.expected()))
        }
    }

    fn number(&mut self, step: &mut Stretch<'_>, at: usize) -> Result<Token, RedactError> {
        let rest = &step.bytes[at..];
        let integer = integer_digits(rest);
        let mut length = integer;
        while rest.get(length).copied().is_some_and(is_part) {
            length += 1;
        }
        if length > MAX_NUMBER_BYTES {
            return Err(RedactError::NumberTooLong {
                offset: step.base + at as u64,
                limit: MAX_NUMBER_BYTES,
            });
        }
        if length == rest.len() && !step.last {
            return Ok(Token::More(at));
        }
        let number = &rest[..length];
        if length > integer && !is_number(number) {
            return Err(step.not_json(at, "a number"));
        }
        if length == integer && step.finder.looks_for(Kind::Card) && is_card_number(number) {
            step.leave(at);
            step.out.extend_from_slice(b"\"[card]\"");
            step.counts.add(Kind::Card);
            step.left = at + length;
        }
        self.shape.number();
        self.after_value(true);
        Ok(Token::Done(at + length))
    }

    /// The string at `at`: searched where it lies, if it ends there and has no escapes.
    fn string(&mut self, step: &mut Stretch<'_>, at: usize) -> Result<Token, RedactError> {
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
    fn passage_on(&mut self, step: &mut Stretch<'_>, mut at: usize) -> Result<Token, RedactError> {
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

    fn expected(&self) -> &'static str {
        match self.expect {
            Expect::Document => "a document or the end",
            Expect::Break => "white space or the end",
            Expect::Value => "a value",
            Expect::ElementOrEnd => "a value or `]`",
            Expect::NameOrEnd => "a name or `}`",
            Expect::Name => "a name",
            Expect::Colon => "`:`",
            Expect::CommaOrEnd if self.shape.in_object() => "`,` or `}`",
            Expect::CommaOrEnd => "`,` or `]`",
        }
    }
}

/// The bytes at hand, and where what is done with goes.
struct Stretch<'s> {
    bytes: &'s [u8],
    /// Whether nothing comes behind them.
    last: bool,
    finder: &'s Finder,
    counts: &'s mut Counts,
    out: &'s mut Vec<u8>,
    /// The first of the bytes that has not left.
    left: usize,
    /// Bytes of the body before them.
    base: u64,
}

impl Stretch<'_> {
    /// Lets go what has not left before `end`.
    fn leave(&mut self, end: usize) {
        if end > self.left {
            self.out.extend_from_slice(&self.bytes[self.left..end]);
            self.left = end;
        }
    }

    /// Replaces the values in the text from `start` to `end`.
    fn replace(&mut self, start: usize, end: usize) {
        let text = &self.bytes[start..end];
        let mut search = crate::detect::Search::default();
        while let crate::detect::Step::Found(found) = self.finder.step(text, &mut search, true) {
            self.leave(start + found.start);
            self.out.extend_from_slice(found.kind.mask());
            self.counts.add(found.kind);
            self.left = start + found.end;
        }
    }

    fn not_json(&self, at: usize, expected: &'static str) -> RedactError {
        RedactError::NotJson { offset: self.base + at as u64, expected }
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
