//! Whether two answers say the same.

use std::fmt;

use serde_json::Value;

use crate::questions::Question;

/// A status and a body: JSON, or text as a string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.to_string();
        write!(f, "{} {}", self.status, body.chars().take(500).collect::<String>())
    }
}

/// How the gateway's answer differs from that of the store of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// Equal, with something in it.
    EqualAnswers,
    /// Equal and empty.
    BothEmpty,
    /// Neither answers.
    BothRefuse,
    /// `topk` and its like choose among equals, and any choice is right; the values are equal.
    Tie,
    /// The gateway or what stands behind it refuses what the store answers.
    OnlyRefusedHere,
    /// The gateway answers what the store refuses.
    OnlyAnsweredHere,
    Unequal,
}

pub(crate) fn difference(question: &Question, here: &Answer, there: &Answer) -> Difference {
    match (here.status == 200, there.status == 200) {
        (false, false) => return Difference::BothRefuse,
        (false, true) => return Difference::OnlyRefusedHere,
        (true, false) => return Difference::OnlyAnsweredHere,
        (true, true) => {}
    }
    let (ours, theirs) = (canonical(&here.body), canonical(&there.body));
    if ours == theirs {
        return if is_empty(&theirs) { Difference::BothEmpty } else { Difference::EqualAnswers };
    }
    let chooses =
        ["topk", "bottomk", "limitk", "limit_ratio"].iter().any(|word| question.expression().contains(word));
    if chooses && values(&ours) == values(&theirs) { Difference::Tie } else { Difference::Unequal }
}

fn is_empty(answer: &Value) -> bool {
    let data = &answer["data"];
    let list = if data.is_array() { data } else { &data["result"] };
    list.as_array().is_some_and(Vec::is_empty)
}

/// Lists in a fixed order, and numbers without the digits that depend on the order of an addition, which differs
/// between two runs of one Prometheus.
fn canonical(body: &Value) -> Value {
    let mut body = body.clone();
    if let Value::String(text) = &body {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        return Value::String(lines.join("\n"));
    }
    if let Some(series) = body.pointer_mut("/data/result").and_then(Value::as_array_mut) {
        series.iter_mut().for_each(round);
    }
    for list in ["/warnings", "/infos"] {
        for text in body.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            *text = Value::from(without_place(text.as_str().unwrap_or_default()));
        }
    }
    for list in ["/data", "/data/result", "/warnings", "/infos"] {
        if let Some(Value::Array(items)) = body.pointer_mut(list) {
            items.sort_by_key(|item| item.to_string());
        }
    }
    body
}

/// A remark without its line and column, which count in the narrowed query.
fn without_place(remark: &str) -> &str {
    let text = remark.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '(' | ')' | ':'));
    if remark.ends_with(')') { text.trim_end() } else { remark }
}

/// Rounds what stands behind a time, and what `count_values` made of such numbers.
fn round(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
                // Differences of nearly equal numbers are noise.
                let number = if number.abs() < 1e-9 { 0.0 } else { number };
                *text = format!("{number:.8e}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => {
            for (name, value) in fields {
                if matches!(name.as_str(), "value" | "values" | "metric" | "v") {
                    round(value);
                }
            }
        }
        _ => {}
    }
}

/// The samples without their labels.
fn values(answer: &Value) -> Vec<String> {
    let series = answer["data"]["result"].as_array().into_iter().flatten();
    let mut values: Vec<String> = Vec::new();
    for series in series {
        match series["values"].as_array() {
            Some(samples) => values.extend(samples.iter().map(Value::to_string)),
            None => values.push(series["value"].to_string()),
        }
    }
    values.sort();
    values
}
