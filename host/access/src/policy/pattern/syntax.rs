//! RE2 syntax as Go's `regexp` reads it, made into a syntax tree that has the same language.
//!
//! Prometheus and Alertmanager compile patterns with Go's `regexp`. The syntax that Rust's regex
//! crates read looks the same and is not: in a class, `[`, `&&`, `--` and `~~` are plain characters
//! in Go; `\d`, `\s`, `\w` and `\b` are ASCII there; `a{,2}` is text; `(?x)` does not exist. A
//! pattern that is read as narrower than the backend reads it would be a hole, so it is read here
//! by Go's rules (package `regexp/syntax`, the flags of `regexp.Compile`) and by no others.
//!
//! Refused, though Go accepts it: `\p{…}` and `\P{…}` (their tables differ between Unicode
//! versions), characters beyond ASCII under `(?i)` (so do their cases), a `\Q` without `\E` (it would
//! swallow what anchors the pattern), code points that no string holds, more than
//! [`DEEPEST_GROUP`] groups in one another.

mod classes;

use regex_syntax::hir::{Class, Hir, Look, Repetition};

use classes::class;

/// Groups within groups; Go's own limit is 1,000. It bounds the work of everything that walks the tree.
const DEEPEST_GROUP: usize = 64;

/// The largest count in `{n,m}`, and the largest product of such counts in one another (Go's limit).
const MOST_REPEATS: u32 = 1000;

/// Reads a pattern. The error is a sentence.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    let mut parser =
        Parser { rest: pattern, flags: Flags::default(), groups: Vec::new(), open: Group::default() };
    let mut after_repeat = false;
    while !parser.rest.is_empty() {
        after_repeat = parser.token(after_repeat)?;
    }
    if parser.groups.is_empty() { Ok(parser.open.close().0) } else { Err("a `(` is not closed".to_owned()) }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
}

/// A group while it is read: complete alternatives, and the one under way. Each part goes with the
/// product of the repeat counts inside it.
#[derive(Default)]
struct Group {
    alternatives: Vec<Hir>,
    parts: Vec<(Hir, u32)>,
    repeats: u32,
}

impl Group {
    fn end_alternative(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        self.repeats = parts.iter().fold(self.repeats, |most, (_, repeats)| most.max(*repeats));
        self.alternatives.push(Hir::concat(parts.into_iter().map(|(part, _)| part).collect()));
    }

    fn close(mut self) -> (Hir, u32) {
        self.end_alternative();
        (Hir::alternation(self.alternatives), self.repeats.max(1))
    }
}

struct Parser<'a> {
    rest: &'a str,
    flags: Flags,
    groups: Vec<(Group, Flags)>,
    open: Group,
}

impl<'a> Parser<'a> {
    /// Reads one token; whether it was a repetition, which no other may follow.
    fn token(&mut self, after_repeat: bool) -> Result<bool, String> {
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        match first {
            '(' => self.open_group()?,
            ')' => self.close_group()?,
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => {
                self.skip(1);
                let (min, max) = match first {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                return self.repeat(min, max, after_repeat);
            }
            '{' => match self.counts()? {
                Some((min, max)) => return self.repeat(min, max, after_repeat),
                None => self.literal('{', 1)?,
            },
            '|' => {
                self.skip(1);
                self.open.end_alternative();
            }
            '^' => self.look(1, if self.flags.multi_line { Look::StartLF } else { Look::Start }),
            '$' => self.look(1, if self.flags.multi_line { Look::EndLF } else { Look::End }),
            '.' => {
                self.skip(1);
                let mut any = class([('\0', char::MAX)]);
                if !self.flags.dot_newline {
                    any.difference(&class([('\n', '\n')]));
                }
                self.push(Hir::class(Class::Unicode(any)));
            }
            other => self.literal(other, other.len_utf8())?,
        }
        Ok(false)
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn push(&mut self, part: Hir) {
        self.open.parts.push((part, 1));
    }

    fn look(&mut self, bytes: usize, look: Look) {
        self.skip(bytes);
        self.push(Hir::look(look));
    }

    fn literal(&mut self, c: char, bytes: usize) -> Result<(), String> {
        self.skip(bytes);
        let part = if self.flags.fold_case {
            Hir::class(Class::Unicode(self.folded(class([(c, c)]), &[c])?))
        } else {
            Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes().to_vec())
        };
        self.push(part);
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), String> {
        self.skip(1);
        let outer = self.flags;
        if self.take("?") && !self.group_prefix()? {
            return Ok(());
        }
        if self.groups.len() == DEEPEST_GROUP {
            return Err(format!("more than {DEEPEST_GROUP} groups stand in one another"));
        }
        self.groups.push((std::mem::take(&mut self.open), outer));
        Ok(())
    }

    /// After `(?`: a name or flags. Whether a group begins; `(?i)` only sets flags up to the end of the group around it.
    fn group_prefix(&mut self) -> Result<bool, String> {
        if self.take("P<") || self.take("<") {
            let (name, rest) = self.rest.split_once('>').ok_or("a group's name is not closed by `>`")?;
            if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
                return Err(format!("`{name}` cannot be a group's name"));
            }
            self.rest = rest;
            return Ok(true);
        }
        let mut flags = self.flags;
        let (mut set, mut dangling) = (true, false);
        loop {
            let c = self.rest.chars().next().ok_or("a `(?` is not finished")?;
            self.skip(c.len_utf8());
            match c {
                'i' => flags.fold_case = set,
                'm' => flags.multi_line = set,
                's' => flags.dot_newline = set,
                'U' => {}
                '-' if set => set = false,
                ':' | ')' if !dangling => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                _ => return Err("after `(?` stand flags (i, m, s, U), a name, or `:`".to_owned()),
            }
            dangling = c == '-';
        }
    }

    fn close_group(&mut self) -> Result<(), String> {
        self.skip(1);
        let (outer, flags) = self.groups.pop().ok_or("a `)` closes nothing")?;
        self.flags = flags;
        let group = std::mem::replace(&mut self.open, outer);
        self.open.parts.push(group.close());
        Ok(())
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, after_repeat: bool) -> Result<bool, String> {
        let greedy = !self.take("?");
        if after_repeat {
            return Err("a repetition follows a repetition".to_owned());
        }
        let (part, inner) = self.open.parts.pop().ok_or("a repetition has nothing to repeat")?;
        // Go counts what a repetition writes out: `{n,m}` m times, `{n,}` n times; `*`, `+` and `?` are not counted.
        let counted = max.unwrap_or(min).max(1);
        let repeats = inner.saturating_mul(counted);
        if repeats > MOST_REPEATS {
            return Err(format!("more than {MOST_REPEATS} repetitions"));
        }
        let part = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(part) });
        self.open.parts.push((part, repeats));
        Ok(true)
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else that begins with `{` is text.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        let Some((inside, rest)) = self.rest[1..].split_once('}') else { return Ok(None) };
        let (low, high) = match inside.split_once(',') {
            None => (inside, Some(inside)),
            Some((low, "")) => (low, None),
            Some((low, high)) => (low, Some(high)),
        };
        let is_number = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_number(low) || !high.is_none_or(is_number) {
            return Ok(None);
        }
        let number = |text: &str| text.parse().ok().filter(|count| *count <= MOST_REPEATS);
        let too_many = || format!("`{{{inside}}}` is no count up to {MOST_REPEATS}");
        let min = number(low).ok_or_else(too_many)?;
        let max = high.map(|high| number(high).ok_or_else(too_many)).transpose()?;
        if max.is_some_and(|max| max < min) {
            return Err(format!("`{{{inside}}}` counts backwards"));
        }
        self.rest = rest;
        Ok(Some((min, max)))
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.rest.as_bytes().get(1) {
            Some(b'A') => self.look(2, Look::Start),
            Some(b'z') => self.look(2, Look::End),
            Some(b'b') => self.look(2, Look::WordAscii),
            Some(b'B') => self.look(2, Look::WordAsciiNegate),
            Some(b'Q') => {
                let (quoted, rest) = self.rest[2..].split_once("\\E").ok_or("a `\\Q` has no `\\E`")?;
                for c in quoted.chars() {
                    self.literal(c, 0)?;
                }
                self.rest = rest;
            }
            _ => match self.perl_class()? {
                Some(class) => self.push(Hir::class(Class::Unicode(class))),
                None => {
                    let c = self.escaped_char()?;
                    self.literal(c, 0)?;
                }
            },
        }
        Ok(())
    }

    /// An escape that stands for one character.
    fn escaped_char(&mut self) -> Result<char, String> {
        self.skip(1);
        let c = self.rest.chars().next().ok_or("the pattern ends with `\\`")?;
        self.skip(c.len_utf8());
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => self.hexadecimal(),
            '0'..='7' => self.octal(c),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            c => Err(format!("`\\{c}` is not understood")),
        }
    }

    /// `\0`, `\12`, `\123`; a single digit but 0 would be a reference backwards, which RE2 does not have.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let more = self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
        if first != '0' && more == 0 {
            return Err(format!("`\\{first}` refers backwards, which cannot be done"));
        }
        let digits = &self.rest[..more];
        self.rest = &self.rest[more..];
        code_point(&format!("{first}{digits}"), 8)
    }

    fn hexadecimal(&mut self) -> Result<char, String> {
        let digits = match self.rest.strip_prefix('{') {
            Some(braced) => {
                let (digits, rest) = braced.split_once('}').ok_or("a `\\x{` is not closed")?;
                self.rest = rest;
                digits
            }
            None => {
                let digits = self.rest.get(..2).ok_or("after `\\x` stand two digits or `{`")?;
                self.skip(2);
                digits
            }
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("`{digits}` is not hexadecimal"));
        }
        code_point(digits, 16)
    }
}

fn code_point(digits: &str, radix: u32) -> Result<char, String> {
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(|| format!("`{digits}` is no character"))
}
