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
mod stretch;
mod strings;
#[cfg(test)]
mod tests;

use crate::detect::{Finder, is_card_number};
use crate::error::RedactError;
use crate::kind::{Counts, Kind};
use crate::passage::Passage;
use number::{integer_digits, is_number, is_part};
use shape::Shape;
use stretch::Stretch;

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
