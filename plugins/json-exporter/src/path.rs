//! Paths into a JSON document: the part of JSONPath (RFC 9535) that names children, elements and all of them.
//!
//! `regions[*].walks.active`, `$.services.*`, `list[0]`, `['odd name']`, and `@key`, which is not a place but the
//! key or index under which the item was found. Filters, slices and descent are refused, not ignored.

use serde::Deserialize;
use serde_json::Value;

/// A parsed path. The default one is empty: the document or item itself.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The member of an object.
    Name(String),
    /// The element of an array, from 0.
    Index(usize),
    /// All members or elements.
    All,
    /// The item's own key.
    Key,
}

/// A place that a path led to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) value: &'a Value,
    /// The key or index of the innermost wildcard on the way.
    pub(crate) key: Option<Key<'a>>,
}

/// Under what a value stands in its parent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key<'a> {
    Name(&'a str),
    Index(usize),
}

impl Path {
    /// Whether it can lead to several places.
    pub(crate) fn is_many(&self) -> bool {
        self.0.contains(&Step::All)
    }

    /// Whether it is `@key`.
    pub(crate) fn is_key(&self) -> bool {
        self.0 == [Step::Key]
    }

    /// All places that it leads to from `root`, in the document's order.
    pub(crate) fn places<'a>(&self, root: &'a Value) -> Vec<Place<'a>> {
        let mut places = vec![Place { value: root, key: None }];
        for step in &self.0 {
            places = places.into_iter().flat_map(|place| follow(place, step)).collect();
        }
        places
    }

    /// The one place that it leads to.
    pub(crate) fn place<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.places(root).first().map(|place| place.value)
    }
}

fn follow<'a>(place: Place<'a>, step: &Step) -> Vec<Place<'a>> {
    let one = |value: Option<&'a Value>| value.map(|value| Place { value, ..place }).into_iter().collect();
    match (step, place.value) {
        (Step::Name(name), Value::Object(members)) => one(members.get(name)),
        (Step::Index(index), Value::Array(elements)) => one(elements.get(*index)),
        (Step::All, Value::Array(elements)) => elements
            .iter()
            .enumerate()
            .map(|(index, value)| Place { value, key: Some(Key::Index(index)) })
            .collect(),
        (Step::All, Value::Object(members)) => {
            members.iter().map(|(name, value)| Place { value, key: Some(Key::Name(name)) }).collect()
        }
        _ => Vec::new(),
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "@key" {
            return Ok(Self(vec![Step::Key]));
        }
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('$').unwrap_or(&text);
        let mut first = rest.len() == text.len();
        while !rest.is_empty() {
            let (step, remaining) = match rest.strip_prefix('[') {
                Some(inner) => bracket(inner),
                None => match rest.strip_prefix('.') {
                    Some(dotted) if !first => name(dotted),
                    None if first => name(rest),
                    _ => None,
                },
            }
            .ok_or_else(|| {
                format!("path `{text}`: cannot read `{rest}`; write a.b, a[0], a[*], a.* or a['odd name']")
            })?;
            steps.push(step);
            rest = remaining;
            first = false;
        }
        Ok(Self(steps))
    }
}

/// A dotted name or `*`, up to the next `.` or `[`.
fn name(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "" => None,
        "*" => Some((Step::All, rest)),
        _ if name.contains([']', '?', '@', '\'', '"', '*', '(']) => None,
        _ => Some((Step::Name(name.to_owned()), rest)),
    }
}

/// What stands in brackets, after the opening one.
fn bracket(text: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            return Some((Step::Name(name.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (inner, rest) = text.split_once(']')?;
    match inner {
        "*" => Some((Step::All, rest)),
        _ if !inner.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => Some((Step::Index(inner.parse().ok()?), rest)),
    }
}

#[cfg(test)]
mod tests;
