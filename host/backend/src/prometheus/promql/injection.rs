//! What is put into every selector.

use std::fmt::Write as _;

use bartizan_access::policy::{Matcher, Operator, Selector};

/// The label that holds a metric's name.
const NAME: &str = "__name__";

/// A label that no series has, for selectors that are to match nothing.
const NONE: &str = "__none__";

/// What every value matches, also that of an absent label.
const EVERYTHING: &str = "(?s:.*)";

/// A policy that no single selector can express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "your roles show several sets of series that differ in more than one label; \
     Prometheus cannot be asked for all of them in one query"
)]
pub struct NotOneSelector;

/// The matchers of a policy in the form in which they go into selectors.
///
/// They are always regular expressions, `=~` or `!~`, and stand first: then `absent()` does not see
/// them (the module's documentation tells why). Prometheus recognises patterns that are literals, so that costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// For a selector without a name before its braces.
    any: String,
    /// For a metric whose name the policy admits.
    metric: String,
    /// For a metric whose name the policy does not admit: nothing matches.
    nothing: String,
    /// What a metric's name has to satisfy: in each of these sets, one matcher. An empty set admits none.
    names: Vec<Vec<Matcher>>,
}

/// The label in which alone several selectors differ.
struct Alternatives<'a> {
    label: &'a str,
    /// One pattern for all of them.
    pattern: String,
    each: Vec<Matcher>,
}

impl Injection {
    /// The injection for items that at least one of the selectors matches.
    ///
    /// Selectors that others contain are dropped. Several are merged into one if they differ in the alternatives for one label.
    pub fn new(selectors: &[Selector]) -> Result<Self, NotOneSelector> {
        if let [selector] = selectors {
            return Self::render(selector.matchers(), None);
        }
        let kept = without_contained(selectors);
        match kept.as_slice() {
            [] => Err(NotOneSelector),
            [selector] => Self::render(selector.matchers(), None),
            [first, rest @ ..] => {
                let merged = first.matchers().iter().find_map(|matcher| merged(matcher, first, rest));
                let (common, alternatives) = merged.ok_or(NotOneSelector)?;
                Self::render(&common, Some(alternatives))
            }
        }
    }

    /// For a query that is read and not sent; and if it were, nothing would match.
    pub(super) fn of_nothing() -> Self {
        let mut nothing = String::new();
        push(&mut nothing, NONE, Operator::NotMatches, EVERYTHING);
        Injection { any: nothing.clone(), metric: nothing.clone(), nothing, names: Vec::new() }
    }

    fn render(matchers: &[Matcher], alternatives: Option<Alternatives<'_>>) -> Result<Self, NotOneSelector> {
        let mut names = Vec::new();
        let mut name_text = String::new();
        let mut metric = String::new();
        if let Some(Alternatives { label, pattern, each }) = alternatives {
            if label == NAME {
                push(&mut name_text, label, Operator::Matches, &pattern);
                names.push(each);
            } else {
                push(&mut metric, label, Operator::Matches, &pattern);
            }
        }
        for matcher in matchers {
            let (operator, pattern) = as_pattern(matcher);
            if matcher.label() == NAME {
                push(&mut name_text, NAME, operator, &pattern);
                names.push(vec![matcher.clone()]);
            } else {
                push(&mut metric, matcher.label(), operator, &pattern);
            }
        }
        let mut any = name_text;
        if !any.is_empty() && !metric.is_empty() {
            any.push(',');
        }
        any.push_str(&metric);
        if any.is_empty() {
            // A policy without matchers shows everything, and then nothing has to be narrowed.
            return Err(NotOneSelector);
        }
        let label = matchers.iter().map(Matcher::label).find(|label| *label != NAME).unwrap_or(NONE);
        let mut nothing = String::new();
        push(&mut nothing, label, Operator::NotMatches, EVERYTHING);
        Ok(Injection { any, metric, nothing, names })
    }

    pub(super) fn longest(&self) -> usize {
        self.any.len().max(self.nothing.len())
    }

    /// The matchers for a selector that has no name before its braces; the text is never empty.
    pub fn for_any(&self) -> &str {
        &self.any
    }

    /// The matchers for a selector behind a metric's name, for which Prometheus does not take another matcher on the name.
    ///
    /// The text is empty only where the policy speaks of names alone, and this one was checked and is admitted.
    pub fn for_metric(&self, name: &str) -> &str {
        let unchecked = self.names.is_empty() && self.metric.is_empty();
        let admitted = self.names.iter().all(|one_of| one_of.iter().any(|matcher| matcher.matches(name)));
        if admitted && !unchecked { &self.metric } else { &self.nothing }
    }
}

fn push(text: &mut String, label: &str, operator: Operator, pattern: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    let plain = !label.starts_with(|c: char| c.is_ascii_digit())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain {
        text.push_str(label);
    } else {
        push_quoted(text, label);
    }
    text.push_str(operator.symbol());
    push_quoted(text, pattern);
}

/// A string literal that all versions read as the text, whatever it holds.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // The lexer takes this character for broken UTF-8, unless it is written so.
            char::REPLACEMENT_CHARACTER => out.push_str("\\uFFFD"),
            c if c.is_control() => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn as_pattern(matcher: &Matcher) -> (Operator, String) {
    match matcher.operator() {
        Operator::Equal => (Operator::Matches, literal(matcher.value())),
        Operator::NotEqual => (Operator::NotMatches, literal(matcher.value())),
        operator => (operator, matcher.value().to_owned()),
    }
}

/// A pattern that matches the text alone. RE2 reads a backslash before punctuation as that character.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn contains(all: &[Matcher], some: &[Matcher]) -> bool {
    some.iter().all(|matcher| all.contains(matcher))
}

/// What more matchers describe is contained in what fewer of them describe.
fn without_contained(selectors: &[Selector]) -> Vec<&Selector> {
    let mut kept: Vec<&Selector> = Vec::new();
    for selector in selectors {
        if kept.iter().any(|other| contains(selector.matchers(), other.matchers())) {
            continue;
        }
        kept.retain(|other| !contains(other.matchers(), selector.matchers()));
        kept.push(selector);
    }
    kept
}

/// The matchers that all selectors share, and one pattern for the label in which alone they differ.
fn merged<'a>(
    varying: &'a Matcher,
    first: &Selector,
    rest: &[&Selector],
) -> Option<(Vec<Matcher>, Alternatives<'a>)> {
    let positive = |matcher: &Matcher| matches!(matcher.operator(), Operator::Equal | Operator::Matches);
    if !positive(varying) {
        return None;
    }
    let common: Vec<Matcher> =
        first.matchers().iter().filter(|matcher| *matcher != varying).cloned().collect();
    let mut pattern = alternative(varying);
    let mut each = vec![varying.clone()];
    for selector in rest {
        let mut others = selector.matchers().iter().filter(|matcher| !common.contains(matcher));
        let other = others.next()?;
        let alike = others.next().is_none() && contains(selector.matchers(), &common);
        if !alike || other.label() != varying.label() || !positive(other) {
            return None;
        }
        pattern.push('|');
        pattern.push_str(&alternative(other));
        each.push(other.clone());
    }
    Some((common, Alternatives { label: varying.label(), pattern, each }))
}

fn alternative(matcher: &Matcher) -> String {
    match as_pattern(matcher) {
        (_, pattern) if matcher.operator() == Operator::Equal => pattern,
        (_, pattern) => format!("(?:{pattern})"),
    }
}
