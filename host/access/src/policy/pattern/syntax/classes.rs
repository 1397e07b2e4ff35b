//! Sets of characters: `[…]`, `\d` and its kin, `[:alpha:]`, and what `(?i)` does to them.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::Parser;

impl Parser<'_> {
    pub(super) fn class(&mut self) -> Result<(), String> {
        self.skip(1);
        let negated = self.take("^");
        let mut members = class([]);
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(named) = self.posix_class()? {
                members.union(&named);
            } else if let Some(perl) = self.perl_class()? {
                members.union(&perl);
            } else {
                let low = self.class_char()?;
                let is_range =
                    self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]");
                let high = if is_range {
                    self.skip(1);
                    self.class_char()?
                } else {
                    low
                };
                if high < low {
                    return Err(format!("`{low}-{high}` runs backwards"));
                }
                members.union(&self.folded(class([(low, high)]), &[low, high])?);
            }
        }
        self.skip(1);
        if negated {
            members.negate();
        }
        self.push(Hir::class(Class::Unicode(members)));
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, String> {
        let c = self.rest.chars().next().ok_or("a `[` is not closed")?;
        if c == '\\' {
            return self.escaped_char();
        }
        self.skip(c.len_utf8());
        Ok(c)
    }

    /// `[:alpha:]` and its kin, inside of a class.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, String> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|inside| inside.split_once(":]"))
        else {
            return Ok(None);
        };
        let (negated, word) = name.strip_prefix('^').map_or((false, name), |word| (true, word));
        let members = match word {
            "alnum" => class([('0', '9'), ('A', 'Z'), ('a', 'z')]),
            "alpha" => class([('A', 'Z'), ('a', 'z')]),
            "ascii" => class([('\0', '\x7f')]),
            "blank" => class([('\t', '\t'), (' ', ' ')]),
            "cntrl" => class([('\0', '\x1f'), ('\x7f', '\x7f')]),
            "digit" => class([('0', '9')]),
            "graph" => class([('!', '~')]),
            "lower" => class([('a', 'z')]),
            "print" => class([(' ', '~')]),
            "punct" => class([('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
            "space" => class([('\t', '\r'), (' ', ' ')]),
            "upper" => class([('A', 'Z')]),
            "word" => class([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            "xdigit" => class([('0', '9'), ('A', 'F'), ('a', 'f')]),
            _ => return Err(format!("`[:{name}:]` is no class")),
        };
        self.rest = rest;
        let mut members = self.folded(members, &[])?;
        if negated {
            members.negate();
        }
        Ok(Some(members))
    }

    /// `\d`, `\D`, `\s`, `\S`, `\w`, `\W`, each of them ASCII.
    pub(super) fn perl_class(&mut self) -> Result<Option<ClassUnicode>, String> {
        let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            return Ok(None);
        };
        let members = match letter.to_ascii_lowercase() {
            'd' => class([('0', '9')]),
            's' => class([('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
            'w' => class([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            _ => return Ok(None),
        };
        self.skip(2);
        let mut members = self.folded(members, &[])?;
        if letter.is_ascii_uppercase() {
            members.negate();
        }
        Ok(Some(members))
    }

    /// The class with both cases of each letter, under `(?i)`.
    pub(super) fn folded(&self, mut class: ClassUnicode, written: &[char]) -> Result<ClassUnicode, String> {
        if self.flags.fold_case {
            if let Some(c) = written.iter().find(|c| !c.is_ascii()) {
                return Err(format!("`{c}` stands under `(?i)`, where only ASCII is understood"));
            }
            class.try_case_fold_simple().map_err(|error| error.to_string())?;
        }
        Ok(class)
    }
}

/// The set of these ranges.
pub(super) fn class<const N: usize>(ranges: [(char, char); N]) -> ClassUnicode {
    ClassUnicode::new(ranges.map(|(low, high)| ClassUnicodeRange::new(low, high)))
}
