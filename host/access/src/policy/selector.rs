//! Label selectors of the policy: `{team="payments",service=~"pay.*"}`.
//!
//! The syntax is that of a Prometheus series selector without a metric name (Prometheus
//! documentation, "Querying basics"). A matcher that also matches the empty value would show items
//! that lack the label, so a selector in which some label has only such matchers is refused.

use std::fmt;
use std::sync::Arc;

use super::pattern::{Pattern, PatternError};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends
    Matches,
    /// `!~`, anchored at both ends
    NotMatches,
}

impl Operator {
    /// As PromQL writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Matches => "=~",
            Operator::NotMatches => "!~",
        }
    }
}

/// One comparison of a label with a value or a pattern.
#[derive(Clone)]
pub struct Matcher {
    label: String,
    operator: Operator,
    value: String,
    pattern: Option<Pattern>,
}

impl Matcher {
    /// A matcher; for `=~` and `!~` the value is an RE2 pattern.
    pub fn new(label: &str, operator: Operator, value: &str) -> Result<Self, PatternError> {
        let pattern = match operator {
            Operator::Matches | Operator::NotMatches => Some(Pattern::new(value)?),
            Operator::Equal | Operator::NotEqual => None,
        };
        Ok(Matcher { label: label.to_owned(), operator, value: value.to_owned(), pattern })
    }

    /// The label's name.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How it compares.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The value, or the text of the pattern.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The compiled pattern of `=~` and `!~`.
    pub fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Whether a label with this value is matched; an absent label has the empty value.
    pub fn matches(&self, value: &str) -> bool {
        match (self.operator, &self.pattern) {
            (Operator::Equal, _) => value == self.value,
            (Operator::NotEqual, _) => value != self.value,
            (Operator::Matches, Some(pattern)) => pattern.is_match(value),
            (Operator::NotMatches, Some(pattern)) => !pattern.is_match(value),
            (Operator::Matches | Operator::NotMatches, None) => false,
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label && self.operator == other.operator && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (operator, value) = (self.operator.symbol(), quoted(&self.value));
        // Prometheus 3 writes any other name in quotes.
        if self.label.chars().all(plain) && !self.label.starts_with(|c: char| c.is_ascii_digit()) {
            write!(f, "{}{operator}{value}", self.label)
        } else {
            write!(f, "{}{operator}{value}", quoted(&self.label))
        }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A conjunction of matchers. The empty one, `{}`, matches everything and has to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    matchers: Arc<[Matcher]>,
}

impl Selector {
    /// Reads `{label="value",…}`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let selector = Selector { matchers: Reader { rest: text.trim(), text }.matchers()?.into() };
        for matcher in selector.matchers.iter() {
            let guarded =
                selector.matchers.iter().any(|other| other.label == matcher.label && !other.matches(""));
            if !guarded {
                return Err(SelectorError::MatchesAbsent {
                    matcher: matcher.to_string(),
                    label: matcher.label.clone(),
                });
            }
        }
        Ok(selector)
    }

    /// The matchers, all of which have to match.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether it is `{}`.
    pub fn matches_everything(&self) -> bool {
        self.matchers.is_empty()
    }

    /// Whether an item is matched whose labels `value_of` looks up.
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(value_of(&matcher.label).unwrap_or("")))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, matcher) in self.matchers.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{matcher}")?;
        }
        f.write_str("}")
    }
}

/// A string as PromQL's double-quoted literal.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Why a selector of the policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The text is not a selector.
    #[error(
        "expected {expected} at `{at}` in selector `{text}`; a selector reads {{team=\"payments\",service=~\"pay.*\"}}"
    )]
    Syntax {
        /// What should have stood there.
        expected: &'static str,
        /// What stands there.
        at: String,
        /// The whole selector.
        text: String,
    },
    /// A pattern cannot be used.
    #[error("in matcher of `{label}`: {cause}")]
    Pattern {
        /// The label of the matcher.
        label: String,
        /// Why.
        cause: PatternError,
    },
    /// An item without the label would be shown.
    #[error(
        "`{matcher}` also matches items that have no `{label}` label; add `{label}!=\"\"`, or say which values are meant"
    )]
    MatchesAbsent {
        /// The matcher.
        matcher: String,
        /// Its label.
        label: String,
    },
}

struct Reader<'a> {
    rest: &'a str,
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn matchers(mut self) -> Result<Vec<Matcher>, SelectorError> {
        let mut matchers = Vec::new();
        self.token("{", "`{`")?;
        while !self.take("}") {
            let label = self.label()?;
            let operator = self.operator()?;
            let value = self.string()?;
            let matcher = Matcher::new(&label, operator, &value)
                .map_err(|cause| SelectorError::Pattern { label: label.clone(), cause })?;
            matchers.push(matcher);
            if !self.take(",") {
                self.token("}", "`,` or `}`")?;
                break;
            }
        }
        if self.rest.is_empty() { Ok(matchers) } else { Err(self.error("nothing after `}`")) }
    }

    fn label(&mut self) -> Result<String, SelectorError> {
        if self.rest.starts_with(['"', '\'', '`']) {
            let name = self.string()?;
            return if name.is_empty() { Err(self.error("a label name")) } else { Ok(name) };
        }
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.error("a label name"));
        }
        self.advance(rest);
        Ok(name.to_owned())
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        for operator in [Operator::Matches, Operator::NotMatches, Operator::NotEqual, Operator::Equal] {
            if self.take(operator.symbol()) {
                return Ok(operator);
            }
        }
        Err(self.error("one of = != =~ !~"))
    }

    /// A Go string literal, limited to the escapes that values of labels need.
    fn string(&mut self) -> Result<String, SelectorError> {
        let mut chars = self.rest.char_indices();
        let quote = match chars.next() {
            Some((_, quote @ ('"' | '\'' | '`'))) => quote,
            _ => return Err(self.error("a quoted string")),
        };
        let mut value = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.advance(&self.rest[at + c.len_utf8()..]);
                    return Ok(value);
                }
                '\\' if quote != '`' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, c @ ('\\' | '"' | '\''))) => value.push(c),
                    _ => return Err(self.error("one of the escapes \\\\ \\\" \\' \\n \\t")),
                },
                '\n' if quote != '`' => break,
                c => value.push(c),
            }
        }
        Err(self.error("the string's closing quote"))
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.advance(rest);
                true
            }
            None => false,
        }
    }

    fn token(&mut self, token: &str, expected: &'static str) -> Result<(), SelectorError> {
        if self.take(token) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn advance(&mut self, rest: &'a str) {
        self.rest = rest.trim_start();
    }

    fn error(&self, expected: &'static str) -> SelectorError {
        let at =
            if self.rest.is_empty() { "the end".to_owned() } else { self.rest.chars().take(24).collect() };
        SelectorError::Syntax { expected, at, text: self.text.to_owned() }
    }
}
