//! Vector selectors: where the matchers go, and whether Prometheus would take the selector without them.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::cursor::begins_word;
use super::{Emptiness, NotUnderstood, Splicer};

impl Splicer<'_> {
    /// Behind a metric name: its matchers, or nothing.
    pub(super) fn metric(&mut self, name: &str) -> Result<(), NotUnderstood> {
        let behind_name = self.cursor.at;
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(b'{') {
            return self.braces(Some(name));
        }
        let injection = self.injection;
        let matchers = injection.for_metric(name);
        if matchers.is_empty() {
            return self.inject(behind_name, &[]);
        }
        self.inject(behind_name, &["{", matchers, "}"])
    }

    /// `{…}`, with the metric's name that stands before it.
    pub(super) fn braces(&mut self, name: Option<&str>) -> Result<(), NotUnderstood> {
        let before = self.cursor;
        self.cursor.advance();
        let inside = self.cursor.at;
        self.cursor.skip_blanks();
        let empty = self.cursor.peek() == Some(b'}');
        // Without any matcher nothing is selected, whatever Prometheus is asked; with ours, something would be.
        let mut refuses_absence = name.is_some() || self.emptiness == Emptiness::Allowed && !empty;
        if !empty {
            self.matchers(&mut refuses_absence)?;
        }
        self.cursor.expect(b'}', "`,` or `}` was expected behind a matcher")?;
        if !refuses_absence {
            return Err(before.error(
                "the selector needs a metric name, or a matcher that does not match the empty value",
            ));
        }
        let injection = self.injection;
        let matchers = match name {
            Some(name) => injection.for_metric(name),
            None => injection.for_any(),
        };
        self.inject(inside, &[matchers, if empty || matchers.is_empty() { "" } else { "," }])
    }

    fn matchers(&mut self, refuses_absence: &mut bool) -> Result<(), NotUnderstood> {
        loop {
            self.matcher(refuses_absence)?;
            self.cursor.skip_blanks();
            if !self.cursor.take(b',') {
                return Ok(());
            }
            self.cursor.skip_blanks();
            if self.cursor.peek() == Some(b'}') {
                return Ok(());
            }
        }
    }

    /// `label="value"`, `"my.label"="value"` or `"my.metric"`.
    fn matcher(&mut self, refuses_absence: &mut bool) -> Result<(), NotUnderstood> {
        let quoted = match self.cursor.peek() {
            Some(b'"' | b'\'' | b'`') => Some(self.cursor.string()?),
            Some(byte) if begins_word(byte) && byte != b':' => {
                if self.cursor.word().contains(':') {
                    return Err(self.cursor.error("a label has no colon"));
                }
                None
            }
            _ => return Err(self.cursor.error("a label was expected")),
        };
        self.cursor.skip_blanks();
        if let (Some(metric), Some(b',' | b'}')) = (quoted, self.cursor.peek()) {
            *refuses_absence |= metric.len() > "\"\"".len();
            return Ok(());
        }
        let negative = self.cursor.take(b'!');
        if !negative && !self.cursor.take(b'=') {
            return Err(self.cursor.error("one of = != =~ !~ was expected behind the label"));
        }
        let pattern = self.cursor.take(b'~');
        if negative && !pattern {
            self.cursor.expect(b'=', "one of = != =~ !~ was expected behind the label")?;
        }
        self.cursor.skip_blanks();
        if !matches!(self.cursor.peek(), Some(b'"' | b'\'' | b'`')) {
            return Err(self.cursor.error("a quoted value was expected"));
        }
        let before = self.cursor;
        let value = self.cursor.string()?;
        if !*refuses_absence {
            let matches_empty = if pattern {
                pattern_matches_empty(value).ok_or_else(|| before.error("the pattern is not understood"))?
            } else {
                value.len() == "\"\"".len()
            };
            *refuses_absence = matches_empty == negative;
        }
        Ok(())
    }

    fn inject(&mut self, at: usize, pieces: &[&str]) -> Result<(), NotUnderstood> {
        self.out.push_str(self.cursor.slice(self.copied, at));
        for piece in pieces {
            self.out.push_str(piece);
        }
        self.copied = at;
        self.selectors += 1;
        match self.out.len() <= self.limits.narrowed_bytes {
            true => Ok(()),
            false => Err(self.cursor.error("it has too many selectors")),
        }
    }
}

/// Whether a pattern, given as a string literal, matches the empty value.
fn pattern_matches_empty(literal: &str) -> Option<bool> {
    let pattern = unquoted(literal)?;
    let hir = regex_syntax::ParserBuilder::new().nest_limit(100).build().parse(&pattern).ok()?;
    Some(matches_empty(&hir))
}

/// On the empty text every position is its beginning and its end. The depth is bounded by the parser's nest limit.
fn matches_empty(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Look(look) => matches!(
            look,
            Look::Start
                | Look::End
                | Look::StartLF
                | Look::EndLF
                | Look::StartCRLF
                | Look::EndCRLF
                | Look::WordAsciiNegate
                | Look::WordUnicodeNegate
        ),
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_empty(&repetition.sub),
        HirKind::Capture(capture) => matches_empty(&capture.sub),
        HirKind::Concat(all) => all.iter().all(matches_empty),
        HirKind::Alternation(any) => any.iter().any(matches_empty),
    }
}

/// The value of a string literal whose escapes were checked; none if it is not UTF-8.
fn unquoted(literal: &str) -> Option<String> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.starts_with('`') || !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let mut value: Vec<u8> = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        value.extend_from_slice(rest.get(..at)?.as_bytes());
        rest = rest.get(at + 1..)?;
        let kind = *rest.as_bytes().first()?;
        let (length, code) = match kind {
            b'x' => (3, u32::from_str_radix(rest.get(1..3)?, 16).ok()?),
            b'u' => (5, u32::from_str_radix(rest.get(1..5)?, 16).ok()?),
            b'U' => (9, u32::from_str_radix(rest.get(1..9)?, 16).ok()?),
            b'0'..=b'7' => (3, u32::from_str_radix(rest.get(..3)?, 8).ok()?),
            b'a' => (1, 0x07),
            b'b' => (1, 0x08),
            b'f' => (1, 0x0c),
            b'n' => (1, 0x0a),
            b'r' => (1, 0x0d),
            b't' => (1, 0x09),
            b'v' => (1, 0x0b),
            other => (1, u32::from(other)),
        };
        if matches!(kind, b'u' | b'U') {
            value.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            value.push(u8::try_from(code).ok()?);
        }
        rest = rest.get(length..)?;
    }
    value.extend_from_slice(rest.as_bytes());
    String::from_utf8(value).ok()
}
