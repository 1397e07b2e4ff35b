//! Patterns of `=~` and `!~`: RE2 syntax, anchored at both ends, as Prometheus and Alertmanager read them.
//!
//! A pattern matches here exactly what Go's `regexp` matches with `^(?:…)$` around it; what cannot
//! be promised to be equal is refused ([`syntax`]). `.` does not match a line break, as in Prometheus 2
//! and Alertmanager; Prometheus 3 lets it, so write `(?s)` where a value may hold one.
//!
//! Beyond matching, one can ask whether one pattern's language lies within another's. That is
//! decided on automata of bounded size; where the bound is reached the answer is `None`, and who asks denies.

mod language;
mod syntax;

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::meta::{self, Regex};
use regex_syntax::hir::{Hir, Look};

/// The longest pattern, in bytes. Lists of names that dashboards write stay below.
const LONGEST_PATTERN_BYTES: usize = 64 << 10;

/// What a compiled pattern may take, in bytes.
const COMPILED_LIMIT_BYTES: usize = 4 << 20;

/// A compiled, anchored pattern. A clone shares what was compiled.
#[derive(Clone)]
pub struct Pattern {
    regex: Regex,
    language: Arc<Language>,
}

/// The automaton is made when it is first asked for: most patterns only ever match.
struct Language {
    anchored: Hir,
    automaton: OnceLock<Option<language::Dfa>>,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}` is not understood: {reason}")]
pub struct PatternError {
    /// The pattern's text.
    pub pattern: String,
    /// What is wrong with it, in a sentence.
    pub reason: String,
}

impl Pattern {
    /// Compiles an RE2 pattern.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let refused = |reason: String| PatternError { pattern: pattern.chars().take(200).collect(), reason };
        if pattern.len() > LONGEST_PATTERN_BYTES {
            return Err(refused(format!("it is longer than {LONGEST_PATTERN_BYTES} bytes")));
        }
        let tree = syntax::parse(pattern).map_err(refused)?;
        Self::compile(tree).map_err(refused)
    }

    /// The pattern that matches this value and no other.
    pub fn literal(value: &str) -> Result<Self, PatternError> {
        Self::compile(Hir::literal(value.as_bytes().to_vec()))
            .map_err(|reason| PatternError { pattern: value.chars().take(200).collect(), reason })
    }

    fn compile(tree: Hir) -> Result<Self, String> {
        let anchored = Hir::concat(vec![Hir::look(Look::Start), tree, Hir::look(Look::End)]);
        let limits = meta::Config::new()
            .nfa_size_limit(Some(COMPILED_LIMIT_BYTES))
            .onepass_size_limit(Some(COMPILED_LIMIT_BYTES));
        let regex = meta::Builder::new()
            .configure(limits)
            .build_from_hir(&anchored)
            .map_err(|_| format!("it takes more than {COMPILED_LIMIT_BYTES} bytes when compiled"))?;
        Ok(Pattern { regex, language: Arc::new(Language { anchored, automaton: OnceLock::new() }) })
    }

    /// Whether the whole value matches.
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// Whether the empty value matches, which is also that of a label that is not there.
    pub fn matches_empty(&self) -> bool {
        self.is_match("")
    }

    /// Whether the other pattern matches everything that this one matches. `None`: too large to decide.
    pub fn is_subset_of(&self, other: &Pattern) -> Option<bool> {
        Self::admit_nothing(&[(self, true), (other, false)])
    }

    /// Whether no value is matched by every pattern that goes with `true` and by none that goes with
    /// `false`. `None`: too large to decide.
    pub fn admit_nothing(parts: &[(&Pattern, bool)]) -> Option<bool> {
        let mut automata = Vec::with_capacity(parts.len() + 1);
        for (pattern, sign) in parts {
            automata.push((pattern.automaton()?, *sign));
        }
        let everything;
        if !parts.iter().any(|(_, sign)| *sign) {
            everything = Pattern::new("(?s:.*)").ok()?;
            automata.push((everything.automaton()?, true));
            return language::is_empty(&automata);
        }
        language::is_empty(&automata)
    }

    fn automaton(&self) -> Option<&language::Dfa> {
        self.language.automaton.get_or_init(|| language::automaton(&self.language.anchored)).as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.language.anchored)
    }
}

#[cfg(test)]
mod tests;
