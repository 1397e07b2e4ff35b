//! From a document to one family.

use bartizan_plugin_sdk::Family;
use serde_json::Value;

use crate::path::{Key, Place};
use crate::settings::{Kind, Label, Metric};

/// Makes the family that `metric` describes. The error names the metric, the place and what was found there.
pub(crate) fn measure(metric: &Metric, document: &Value) -> Result<Family, String> {
    let mut family = match metric.kind {
        Kind::Gauge => Family::gauge(&metric.name, &metric.help),
        Kind::Counter => Family::counter(&metric.name, &metric.help),
        Kind::Info => Family::info(&metric.name, &metric.help),
        Kind::Unknown => Family::unknown(&metric.name, &metric.help),
    };
    if let Some(unit) = &metric.unit {
        family = family.unit(unit);
    }
    for place in metric.items.places(document) {
        let Some(value) = number(metric, place)? else { continue };
        let labels: Vec<_> =
            metric.labels.iter().map(|(name, label)| (name.as_str(), text(label, place))).collect();
        family.add(labels.iter().map(|(name, value)| (*name, value.as_str())), value);
    }
    if metric.required && family.is_empty() {
        return Err(format!("metric `{}`: the document has none of its items", metric.name));
    }
    Ok(family)
}

/// The value of one item, none where it is absent.
fn number(metric: &Metric, place: Place<'_>) -> Result<Option<f64>, String> {
    if metric.kind == Kind::Info {
        return Ok(Some(1.0));
    }
    let found = metric.value.place(place.value).filter(|value| !value.is_null());
    let Some(found) = found else {
        return match metric.required {
            true => Err(format!("metric `{}`: an item has no value", metric.name)),
            false => Ok(None),
        };
    };
    let mapped = |text: &str| metric.values.get(text).copied();
    let number = match found {
        Value::Number(number) => number.as_f64(),
        Value::Bool(truth) => mapped(&truth.to_string()).or(Some(f64::from(u8::from(*truth)))),
        Value::String(text) => mapped(text).or_else(|| text.trim().parse().ok()),
        _ => None,
    };
    match number {
        Some(number) => Ok(Some(number * metric.scale.unwrap_or(1.0))),
        None => Err(format!(
            "metric `{}`: {} is not a number; map it with `values`, or mend the path",
            metric.name,
            excerpt(found)
        )),
    }
}

/// The value of one label, empty where it is absent.
fn text(label: &Label, place: Place<'_>) -> String {
    let path = match label {
        Label::Text { text } => return text.clone(),
        Label::Path(path) => path,
    };
    if path.is_key() {
        return match place.key {
            Some(Key::Name(name)) => name.to_owned(),
            Some(Key::Index(index)) => index.to_string(),
            None => String::new(),
        };
    }
    match path.place(place.value) {
        None | Some(Value::Null) => String::new(),
        // The contract knows no NUL, and a document of others may well.
        Some(Value::String(text)) => text.replace('\0', "\u{fffd}"),
        Some(other) => other.to_string(),
    }
}

/// What was found, short enough for a log line.
fn excerpt(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "an array".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
