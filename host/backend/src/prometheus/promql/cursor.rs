//! The tokens of PromQL that hold no selector, read exactly where they begin and end.
//!
//! Boundaries are what matters: where this reader and Prometheus disagreed about the end of a string, a
//! comment or a number, a selector could hide. So a form that versions of Prometheus read differently is refused.

use super::NotUnderstood;
use super::words::Keyword;

/// A position in the query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'q> {
    text: &'q str,
    pub(super) at: usize,
}

pub(super) fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

fn continues_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit()
}

fn continues_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

impl<'q> Cursor<'q> {
    pub(super) fn new(text: &'q str) -> Self {
        Cursor { text, at: 0 }
    }

    pub(super) fn end(&self) -> usize {
        self.text.len()
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &'q str {
        self.text.get(from..to).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), NotUnderstood> {
        if self.take(byte) { Ok(()) } else { Err(self.error(otherwise)) }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> NotUnderstood {
        let read = self.text.as_bytes().get(..self.at).unwrap_or(self.text.as_bytes());
        let character = 1 + read.iter().filter(|byte| (**byte as i8) >= -0x40).count();
        NotUnderstood { character, reason: reason.into() }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// White space and comments. A comment ends at `\n` or `\r`, whichever comes first.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            self.skip_space();
            if self.peek() != Some(b'#') {
                return;
            }
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        }
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'q str {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        self.slice(start, self.at)
    }

    /// An identifier, a keyword or a metric name with colons. The caller has seen its first byte.
    pub(super) fn word(&mut self) -> &'q str {
        self.skip_while(continues_word)
    }

    /// The keyword that stands here.
    pub(super) fn keyword(mut self) -> Option<Keyword> {
        if self.peek().is_some_and(begins_word) { Keyword::of(self.word()) } else { None }
    }

    pub(super) fn take_keyword(&mut self, keyword: Keyword) -> bool {
        let mut ahead = *self;
        ahead.skip_blanks();
        let there = ahead.keyword() == Some(keyword);
        if there {
            ahead.word();
            *self = ahead;
        }
        there
    }

    /// `fill(0)` and its like. It is a modifier only if `(` follows, with nothing but white space between; else it is a metric.
    pub(super) fn take_fill(&mut self) -> Result<bool, NotUnderstood> {
        let mut ahead = *self;
        if !ahead.take_keyword(Keyword::Fill) {
            return Ok(false);
        }
        ahead.skip_space();
        if !ahead.take(b'(') {
            return Ok(false);
        }
        ahead.skip_blanks();
        ahead.signed_number()?;
        ahead.skip_blanks();
        ahead.expect(b')', "`)` was expected behind the value to fill in")?;
        *self = ahead;
        Ok(true)
    }

    /// An operator of two operands that is not a word.
    pub(super) fn take_operator(&mut self) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match rest {
            [b'=' | b'!' | b'<' | b'>', b'=', ..] | [b'<' | b'>', b'/', ..] => 2,
            [b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>', ..] => 1,
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    /// A number or a duration.
    pub(super) fn number(&mut self) -> Result<(), NotUnderstood> {
        let before = *self;
        let mut word = self.skip_while(continues_number);
        let decimal = !word.starts_with("0x") && !word.starts_with("0X");
        if decimal && word.ends_with(['e', 'E']) && matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
            self.skip_while(continues_number);
            word = self.slice(before.at, self.at);
        }
        if is_number(word) || is_duration(word) {
            Ok(())
        } else {
            Err(before.error(format!("`{word}` is neither a number nor a duration")))
        }
    }

    fn signed_number(&mut self) -> Result<(), NotUnderstood> {
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
            self.skip_blanks();
        }
        if self.keyword() == Some(Keyword::Number) {
            self.word();
            return Ok(());
        }
        self.number()
    }

    /// A string literal with its quotes. Prometheus ends it where this does, or refuses it.
    pub(super) fn string(&mut self) -> Result<&'q str, NotUnderstood> {
        let before = *self;
        let bytes = self.text.as_bytes();
        let quote = bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let found = match quote {
                b'`' => memchr::memchr(b'`', rest),
                _ => memchr::memchr3(quote, b'\\', b'\n', rest),
            };
            let Some(found) = found else { return Err(before.error("the string does not end")) };
            self.at += found + 1;
            match rest.get(found) {
                Some(b'\\') => self.escape(quote)?,
                Some(b'\n') if quote != b'`' => {
                    return Err(before.error("the string does not end in its line"));
                }
                _ => return Ok(self.slice(before.at, self.at)),
            }
        }
    }

    /// Behind a backslash, as Go has it (Go specification, "String literals").
    fn escape(&mut self, quote: u8) -> Result<(), NotUnderstood> {
        let (length, digits): (usize, fn(&u8) -> bool) = match self.peek() {
            Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\') => (1, |_| true),
            Some(byte) if byte == quote => (1, |_| true),
            Some(b'0'..=b'7') => (3, |byte| (b'0'..=b'7').contains(byte)),
            Some(b'x') => (3, u8::is_ascii_hexdigit),
            Some(b'u') => (5, u8::is_ascii_hexdigit),
            Some(b'U') => (9, u8::is_ascii_hexdigit),
            _ => return Err(self.error("the string holds an unknown escape")),
        };
        let escape = self.text.as_bytes().get(self.at..self.at + length).unwrap_or_default();
        let checked = if matches!(escape, [b'x' | b'u' | b'U', ..]) { escape.get(1..) } else { Some(escape) };
        if escape.is_empty() || !checked.unwrap_or_default().iter().all(digits) {
            return Err(self.error("the string holds a broken escape"));
        }
        self.at += length;
        Ok(())
    }

    /// `[…]`: a range or a subquery. No version has a selector in it.
    pub(super) fn range(&mut self) -> Result<(), NotUnderstood> {
        self.advance();
        self.duration_words(b"]", b"+-*/%^(),:")?;
        self.advance();
        Ok(())
    }

    /// Behind `offset`: a duration, or an expression of durations in parentheses.
    pub(super) fn offset(&mut self) -> Result<(), NotUnderstood> {
        self.skip_blanks();
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
            self.skip_blanks();
        }
        match self.peek() {
            Some(b'(') => self.duration_group(),
            _ if self.keyword() == Some(Keyword::Duration) => {
                self.word();
                self.skip_blanks();
                if self.peek() == Some(b'(') {
                    self.duration_group()
                } else {
                    Err(self.error("`(` was expected"))
                }
            }
            _ => self.number(),
        }
    }

    fn duration_group(&mut self) -> Result<(), NotUnderstood> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.advance();
                return Ok(());
            }
            self.advance();
            self.duration_words(b"()", b"+-*/%^,")?;
        }
    }

    /// Numbers, durations, their operators and the words `step`, `range`, `max_of`, `min_of`, up to a byte that ends them.
    fn duration_words(&mut self, last: &[u8], symbols: &[u8]) -> Result<(), NotUnderstood> {
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err(self.error("the duration does not end")),
                Some(byte) if last.contains(&byte) => return Ok(()),
                Some(b'0'..=b'9' | b'.') => self.number()?,
                Some(byte) if symbols.contains(&byte) => self.advance(),
                Some(byte) if byte.is_ascii_alphabetic() => {
                    let before = *self;
                    let word = self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    self.skip_space();
                    if Keyword::of(word) != Some(Keyword::Duration) || self.peek() != Some(b'(') {
                        return Err(before.error(format!("`{word}` cannot stand in a duration")));
                    }
                }
                Some(_) => return Err(self.error("a duration was expected")),
            }
        }
    }

    /// Behind `@`: a time in seconds, `start()` or `end()`.
    pub(super) fn timestamp(&mut self) -> Result<(), NotUnderstood> {
        self.advance();
        self.skip_blanks();
        if self.take_keyword(Keyword::Boundary) {
            self.skip_blanks();
            self.expect(b'(', "`(` was expected behind `start` or `end`")?;
            self.skip_blanks();
            return self.expect(b')', "`)` was expected behind `start(` or `end(`");
        }
        self.signed_number()
    }
}

/// `1`, `1_000`, `.5`, `1e+5`, `0x1f`: what all versions read as one token, or refuse.
fn is_number(word: &str) -> bool {
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !mantissa.starts_with('_')
        && exponent
            .is_none_or(|exponent| exponent.starts_with(|c: char| c.is_ascii_digit()) && digits(exponent))
}

/// `5m`, `1h30m`, `100ms`.
fn is_duration(word: &str) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if unit.len() == rest.len() {
            return false;
        }
        let behind = unit.strip_prefix("ms").or_else(|| unit.strip_prefix(['s', 'm', 'h', 'd', 'w', 'y']));
        let Some(behind) = behind else { return false };
        rest = behind;
    }
    !word.is_empty()
}
