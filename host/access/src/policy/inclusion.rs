//! Whether everything that somebody's matchers reach lies within what they may see.
//!
//! A silence mutes every alert that its matchers match, also alerts that nobody has seen yet. So its
//! text says nothing: `team=~".*"` names a label and reaches everybody. What decides is the set of all
//! label sets that the matchers match, and whether the selectors of a scope cover it. An absent label
//! counts as the empty value. Several selectors may cover it together: `team=~"a|b"` lies within
//! `{team="a"}` and `{team="b"}`, though within neither.
//!
//! The decision is exact, by automata of bounded size; what would exceed the bound is not decided,
//! and who asks denies. It rests on each label being free of the others, which is so for labels.

use std::collections::BTreeMap;

use super::{Matcher, Operator, Pattern, Scope, Selector};

/// Questions about the values of one label that a single decision may ask.
const MOST_QUESTIONS: usize = 4096;

/// How many of them automata may answer; comparisons with plain values need none.
const MOST_WALKS: usize = 128;

/// How many ways to stay within the scope are named to somebody who did not.
const MOST_HINTS: usize = 3;

/// What was found out about matchers and a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confinement {
    /// Whatever the matchers match, the scope shows.
    Confined,
    /// They also match what the scope does not show.
    Outside {
        /// Matchers that would confine them, such as `team="payments"`: one of these lists has to be added.
        missing: Vec<String>,
    },
    /// No value of some label satisfies all matchers of that label, so nothing is ever matched.
    MatchesNothing,
    /// Patterns too large to reason about.
    Undecided,
}

/// Decides whether the matchers, all of which have to match, stay within the scope.
pub fn confined(matchers: &[Matcher], scope: &Scope) -> Confinement {
    let Scope::Only(selectors) = scope else { return Confinement::Confined };
    let mut decision = Decision { questions: 0, walks: 0 };
    decision.decide(matchers, selectors).unwrap_or(Confinement::Undecided)
}

/// Some question was too large, or there were too many.
struct Exhausted;

/// What one label's value has to satisfy: each matcher, or its opposite where `false`.
type Conditions<'a> = Vec<(&'a Matcher, bool)>;

/// A set of label sets: a condition for each label, none for those that are not listed.
type Region<'a> = BTreeMap<&'a str, Conditions<'a>>;

struct Decision {
    questions: usize,
    walks: usize,
}

impl Decision {
    fn decide(&mut self, matchers: &[Matcher], selectors: &[Selector]) -> Result<Confinement, Exhausted> {
        let mut region = Region::new();
        for matcher in matchers {
            region.entry(matcher.label()).or_default().push((matcher, true));
        }
        // Labels that no selector speaks of cannot decide anything.
        region.retain(|label, _| {
            selectors.iter().flat_map(Selector::matchers).any(|matcher| matcher.label() == *label)
        });
        for conditions in region.values() {
            if self.is_empty(conditions)? {
                return Ok(Confinement::MatchesNothing);
            }
        }
        let mut hints = Vec::new();
        for selector in selectors {
            let missing = self.not_implied(&region, selector)?;
            if missing.is_empty() {
                return Ok(Confinement::Confined);
            }
            hints.push(missing);
        }
        if selectors.len() > 1 && self.covered(&region, selectors)? {
            return Ok(Confinement::Confined);
        }
        hints.sort_by_key(Vec::len);
        hints.truncate(MOST_HINTS);
        Ok(Confinement::Outside { missing: hints.iter().map(|missing| missing.join(", ")).collect() })
    }

    /// The selector's matchers that some label set of the region does not satisfy.
    fn not_implied(&mut self, region: &Region<'_>, selector: &Selector) -> Result<Vec<String>, Exhausted> {
        let mut missing = Vec::new();
        for matcher in selector.matchers() {
            if !self.is_empty(&with_opposite(region, matcher))? {
                missing.push(matcher.to_string());
            }
        }
        Ok(missing)
    }

    /// Whether every label set of the region (which is not empty) is matched by some selector.
    ///
    /// What the first selector leaves over is the union, over its matchers, of the region with that
    /// matcher's opposite; each of those has to be covered by the other selectors.
    fn covered<'a>(&mut self, region: &Region<'a>, selectors: &'a [Selector]) -> Result<bool, Exhausted> {
        let Some((first, others)) = selectors.split_first() else { return Ok(false) };
        for matcher in first.matchers() {
            let conditions = with_opposite(region, matcher);
            if self.is_empty(&conditions)? {
                continue;
            }
            let mut left_over = region.clone();
            left_over.insert(matcher.label(), conditions);
            if !self.covered(&left_over, others)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no value satisfies all conditions of one label.
    fn is_empty(&mut self, conditions: &Conditions<'_>) -> Result<bool, Exhausted> {
        self.questions += 1;
        if self.questions > MOST_QUESTIONS {
            return Err(Exhausted);
        }
        let admits = |value: &str| conditions.iter().all(|(matcher, sign)| matcher.matches(value) == *sign);
        let single = conditions.iter().find(|(matcher, sign)| match matcher.operator() {
            Operator::Equal => *sign,
            Operator::NotEqual => !sign,
            Operator::Matches | Operator::NotMatches => false,
        });
        if let Some((matcher, _)) = single {
            return Ok(!admits(matcher.value()));
        }
        self.walks += 1;
        if self.walks > MOST_WALKS {
            return Err(Exhausted);
        }
        let patterns: Vec<(Pattern, bool)> =
            conditions.iter().map(|(matcher, sign)| as_pattern(matcher, *sign)).collect::<Result<_, _>>()?;
        let parts: Vec<(&Pattern, bool)> = patterns.iter().map(|(pattern, sign)| (pattern, *sign)).collect();
        Pattern::admit_nothing(&parts).ok_or(Exhausted)
    }
}

fn with_opposite<'a>(region: &Region<'a>, matcher: &'a Matcher) -> Conditions<'a> {
    let mut conditions = region.get(matcher.label()).cloned().unwrap_or_default();
    conditions.push((matcher, false));
    conditions
}

/// A condition as a pattern, and whether the value has to match it.
fn as_pattern(matcher: &Matcher, sign: bool) -> Result<(Pattern, bool), Exhausted> {
    let positive = matches!(matcher.operator(), Operator::Equal | Operator::Matches);
    let pattern = match matcher.pattern() {
        Some(pattern) => pattern.clone(),
        None => Pattern::literal(matcher.value()).map_err(|_| Exhausted)?,
    };
    Ok((pattern, positive == sign))
}

#[cfg(test)]
mod tests;
