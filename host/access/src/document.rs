//! YAML documents with positions, read so that *every* fault is reported at once.
//!
//! serde stops at the first fault. A document is therefore read again and again: each time the part
//! at fault is reported with its line, cut out, and what is left is read once more. What remains can
//! be checked further by its owner, who reports with [`Document::fault`].
//!
//! Refused: duplicate keys, more than one YAML document, aliases that multiply, keys that are no strings.

use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// More faults than this in one file are not worth a person's time.
const MOST_FAULTS: usize = 50;

/// A parsed file, and where each of its parts stands.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    lines: Vec<String>,
    root: Node,
}

#[derive(Debug, Clone)]
struct Node {
    line: usize,
    column: usize,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Scalar(serde_json::Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file's name, as given.
    pub file: String,
    /// Line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
    /// The key's path, such as `roles.payments.grants[0].backend`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// The line's text.
    pub text: String,
}

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, fault: Fault) {
        if self.0.len() < MOST_FAULTS && !self.0.contains(&fault) {
            let at = self.0.partition_point(|known| known.line <= fault.line);
            self.0.insert(at, fault);
        }
    }

    /// Adds those of another file or pass.
    pub fn append(&mut self, other: Faults) {
        self.0.extend(other.0);
    }

    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Faults(vec![fault])
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        if self.line == 0 {
            return writeln!(f, "  --> {}", self.file);
        }
        let key = if self.key.is_empty() { String::new() } else { format!(" ({})", self.key) };
        let gutter = self.line.to_string().len();
        writeln!(f, "{:gutter$}--> {}:{}:{}{key}", "", self.file, self.line, self.column)?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, self.text)?;
        writeln!(f, "{:gutter$} | {:>column$}", "", "^", column = self.column)
    }
}

impl Document {
    /// Parses a YAML text. An empty file is an empty mapping.
    pub fn parse(name: &str, text: &str) -> Result<Self, Faults> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let whole = |line: usize, column: usize, message: String| Fault {
            file: name.to_owned(),
            line,
            column,
            key: String::new(),
            message,
            text: lines.get(line.wrapping_sub(1)).cloned().unwrap_or_default(),
        };
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            whole(
                error.marker().line(),
                error.marker().col() + 1,
                format!("this is not YAML: {}", error.info()),
            )
        })?;
        let root = match documents.as_slice() {
            [] => Node { line: 0, column: 0, value: Value::Map(Vec::new()) },
            [only] => {
                Node::from_yaml(only).map_err(|(line, column, message)| whole(line, column, message))?
            }
            [_, second, ..] => {
                let line = second.span.start.line();
                return Err(
                    whole(line, 1, "one file holds one YAML document; remove the second".into()).into()
                );
            }
        };
        Ok(Document { name: name.to_owned(), lines, root })
    }

    /// Reads the document into `T`, reporting what does not fit. Parts at fault are left out of the result (and of the document).
    pub fn read<T: DeserializeOwned + Default>(&mut self, faults: &mut Faults) -> T {
        let mut cut: Vec<String> = Vec::new();
        for _ in 0..MOST_FAULTS {
            match serde_path_to_error::deserialize(self.root.to_json()) {
                Ok(value) => return value,
                Err(error) => {
                    let message = error.inner().to_string();
                    let mut path = keys(error.path());
                    if let Some(field) = quoted_after(&message, "unknown field ") {
                        if path.last().map(String::as_str) != Some(field) {
                            path.push(field.to_owned());
                        }
                    } else if let Some(field) = quoted_after(&message, "missing field ") {
                        let missing = joined(&path, Some(field));
                        if !cut.contains(&missing) {
                            faults
                                .push(self.fault(&joined(&path, None), format!("`{field}` is missing here")));
                        }
                        cut.push(joined(&path, None));
                        if !self.root.cut(&path) {
                            return T::default();
                        }
                        continue;
                    }
                    let key = joined(&path, None);
                    faults.push(self.fault(&key, readable(&message)));
                    cut.push(key);
                    if !self.root.cut(&path) {
                        return T::default();
                    }
                }
            }
        }
        T::default()
    }

    /// A fault at a key of this document, or at the nearest part of it that exists.
    pub fn fault(&self, key: &str, message: String) -> Fault {
        let node = self.root.find(key);
        Fault {
            file: self.name.clone(),
            line: node.line,
            column: node.column,
            key: key.to_owned(),
            message,
            text: self.lines.get(node.line.wrapping_sub(1)).cloned().unwrap_or_default(),
        }
    }
}

impl Node {
    fn from_yaml(yaml: &MarkedYaml<'_>) -> Result<Self, (usize, usize, String)> {
        let (line, column) = (yaml.span.start.line(), yaml.span.start.col() + 1);
        let value = match &yaml.data {
            YamlData::Value(Scalar::Null) => Value::Scalar(serde_json::Value::Null),
            YamlData::Value(Scalar::Boolean(value)) => Value::Scalar((*value).into()),
            YamlData::Value(Scalar::Integer(value)) => Value::Scalar((*value).into()),
            YamlData::Value(Scalar::FloatingPoint(value)) => Value::Scalar(value.into_inner().into()),
            YamlData::Value(Scalar::String(value)) => Value::Scalar(value.as_ref().into()),
            YamlData::Sequence(items) => {
                Value::List(items.iter().map(Node::from_yaml).collect::<Result<_, _>>()?)
            }
            YamlData::Mapping(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let (line, column) = (key.span.start.line(), key.span.start.col() + 1);
                    let name = match &key.data {
                        YamlData::Value(Scalar::String(name)) => name.to_string(),
                        YamlData::Value(Scalar::Integer(number)) => number.to_string(),
                        YamlData::Value(Scalar::Boolean(flag)) => flag.to_string(),
                        _ => return Err((line, column, "a key has to be a string".into())),
                    };
                    let mut node = Node::from_yaml(value)?;
                    // A person looks for the key, not for what follows it.
                    (node.line, node.column) = (line, column);
                    map.push((name, node));
                }
                Value::Map(map)
            }
            YamlData::Tagged(..) => {
                return Err((line, column, "YAML tags are not used here; remove it".into()));
            }
            _ => return Err((line, column, "this value is not understood".into())),
        };
        Ok(Node { line, column, value })
    }

    fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(value) => value.clone(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), node.to_json())).collect(),
        }
    }

    /// Removes what stands at the path; false where that is the whole document.
    fn cut(&mut self, path: &[String]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        match &mut self.value {
            Value::Scalar(_) => false,
            Value::List(items) => {
                let Some(at) = index(first).filter(|at| *at < items.len()) else { return false };
                if rest.is_empty() || !items[at].cut(rest) {
                    items.remove(at);
                }
                true
            }
            Value::Map(entries) => {
                let Some(at) = entries.iter().position(|(key, _)| key == first) else { return false };
                if rest.is_empty() || !entries[at].1.cut(rest) {
                    entries.remove(at);
                }
                true
            }
        }
    }

    /// The part at a key's path, or the last one on the way that exists.
    fn find(&self, mut path: &str) -> &Node {
        path = path.trim_start_matches('.');
        match &self.value {
            Value::List(items) => path
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
                .and_then(|(number, rest)| Some(items.get(number.parse::<usize>().ok()?)?.find(rest)))
                .unwrap_or(self),
            // Keys may hold dots: the longest one that fits is meant.
            Value::Map(entries) => entries
                .iter()
                .filter_map(|(key, node)| {
                    let rest = path.strip_prefix(key.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key.len(), node, rest))
                })
                .max_by_key(|(length, ..)| *length)
                .map_or(self, |(_, node, rest)| node.find(rest)),
            Value::Scalar(_) => self,
        }
    }
}

fn keys(path: &Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("[{index}]")),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn index(key: &str) -> Option<usize> {
    key.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn joined(path: &[String], last: Option<&str>) -> String {
    let mut out = String::new();
    for key in path.iter().map(String::as_str).chain(last) {
        if !out.is_empty() && !key.starts_with('[') {
            out.push('.');
        }
        out.push_str(key);
    }
    out
}

fn quoted_after<'a>(message: &'a str, phrase: &str) -> Option<&'a str> {
    message.strip_prefix(phrase)?.strip_prefix('`')?.split('`').next()
}

/// serde's words, in those of somebody who writes YAML.
fn readable(message: &str) -> String {
    message
        .replace("unknown field", "unknown key")
        .replace("sequence", "list")
        .replace("invalid type: map", "invalid type: mapping")
}

#[cfg(test)]
mod tests;
