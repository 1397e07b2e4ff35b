//! Patterns of `=~` and `!~`: RE2 syntax, anchored at both ends, as Prometheus and Alertmanager read them.

use regex_automata::meta::Regex;

/// A compiled, anchored pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
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
        Regex::new(&format!("^(?:{pattern})$"))
            .map(|regex| Pattern { regex })
            .map_err(|error| PatternError { pattern: pattern.to_owned(), reason: error.to_string() })
    }

    /// Whether the whole value matches.
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}
