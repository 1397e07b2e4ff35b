//! Filters for the answers of `/api/v1/rules` and `/api/v1/alerts`.
//!
//! - An **alert** is shown if its labels are within the selectors.
//! - A **rule** is shown if the labels that it sets itself are within them: then all that it makes is. A rule
//!   that sets others, or none, makes series and alerts whose labels come from its query and are not known; it is shown while one of
//!   its alerts may be seen, with those alerts alone and the state that follows from them.
//! - A **group** is shown if one of its rules is. In place of its file, a path on the server, it has its name again.
//! - Left out: `lastError` (it quotes series of others), the token for the next page, warnings, and whatever field is not known.
//!
//! What remains: a rule that somebody may see carries its expression and annotations as they were
//! written, and Prometheus fills an alert's annotations from all data. Rules are to be written with that in mind.

use std::borrow::Cow;
use std::collections::HashMap;

use bartizan_access::policy::Selector;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::Object;

/// The answer has another shape than the API's documentation tells.
#[derive(Debug, thiserror::Error)]
#[error("rules or alerts in an unknown shape: {0}")]
pub(super) struct Unreadable(#[from] serde_json::Error);

const ANSWER: &[&str] = &["status", "data"];
const GROUP: &[&str] = &["name", "file", "rules", "interval", "limit", "evaluationTime", "lastEvaluation"];
const RULE: &[&str] = &[
    "state",
    "name",
    "query",
    "duration",
    "keepFiringFor",
    "labels",
    "annotations",
    "alerts",
    "health",
    "evaluationTime",
    "lastEvaluation",
    "type",
];
const ALERT: &[&str] =
    &["labels", "annotations", "state", "activeAt", "keepFiringSince", "value", "partialResponseStrategy"];

#[derive(Deserialize)]
struct Labels<'a>(#[serde(borrow)] HashMap<Cow<'a, str>, Cow<'a, str>>);

/// The answer of `/api/v1/alerts` without alerts of others.
pub(super) fn alerts(answer: &[u8], selectors: &[Selector]) -> Result<Vec<u8>, Unreadable> {
    in_data(answer, "alerts", |alerts| Ok(admitted_alerts(alerts, selectors)?.shown))
}

/// The answer of `/api/v1/rules` without rules and alerts of others.
pub(super) fn rules(
    answer: &[u8],
    selectors: &[Selector],
    without_alerts: bool,
) -> Result<Vec<u8>, Unreadable> {
    in_data(answer, "groups", |groups| {
        let mut shown = Vec::new();
        for group in list(groups)? {
            if let Some(group) = admitted_group(group, selectors, without_alerts)? {
                shown.push(group);
            }
        }
        Ok(shown)
    })
}

/// Replaces one list in `{"status": …, "data": {<name>: […]}}`, and leaves nothing else.
fn in_data(
    answer: &[u8],
    name: &str,
    filter: impl FnOnce(&RawValue) -> Result<Vec<Box<RawValue>>, serde_json::Error>,
) -> Result<Vec<u8>, Unreadable> {
    let mut answer: Object<'_> = serde_json::from_slice(answer)?;
    answer.keep(ANSWER);
    let mut data: Object<'_> = serde_json::from_str(field(&answer, "data")?.get())?;
    data.keep(&[name]);
    let shown = filter(field(&data, name)?)?;
    data.replace(name, &shown)?;
    let data = serde_json::value::to_raw_value(&data)?;
    answer.replace("data", &data)?;
    Ok(serde_json::to_vec(&answer)?)
}

fn field<'a>(object: &'a Object<'_>, name: &str) -> Result<&'a RawValue, serde_json::Error> {
    object.get(name).ok_or_else(|| serde::de::Error::custom(format_args!("`{name}` is missing")))
}

fn list(value: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    let list: Option<Vec<&RawValue>> = serde_json::from_str(value.get())?;
    Ok(list.unwrap_or_default())
}

fn admits(selectors: &[Selector], labels: &RawValue) -> Result<bool, serde_json::Error> {
    let labels: Option<Labels<'_>> = serde_json::from_str(labels.get())?;
    let labels = labels.map(|labels| labels.0).unwrap_or_default();
    Ok(selectors.iter().any(|selector| selector.matches(|name| labels.get(name).map(|value| &**value))))
}

fn admitted_group(
    group: &RawValue,
    selectors: &[Selector],
    without_alerts: bool,
) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let mut group: Object<'_> = serde_json::from_str(group.get())?;
    let mut shown = Vec::new();
    for rule in list(field(&group, "rules")?)? {
        if let Some(rule) = admitted_rule(rule, selectors, without_alerts)? {
            shown.push(rule);
        }
    }
    if shown.is_empty() {
        return Ok(None);
    }
    group.keep(GROUP);
    let name = field(&group, "name")?.to_owned();
    group.replace("file", &name)?;
    group.replace("rules", &shown)?;
    serde_json::value::to_raw_value(&group).map(Some)
}

fn admitted_rule(
    rule: &RawValue,
    selectors: &[Selector],
    without_alerts: bool,
) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let mut rule: Object<'_> = serde_json::from_str(rule.get())?;
    let own = match rule.get("labels") {
        Some(labels) => admits(selectors, labels)?,
        None => false,
    };
    let alerts = match rule.get("alerts") {
        Some(alerts) => admitted_alerts(alerts, selectors)?,
        None => Alerts::default(),
    };
    if !own && alerts.shown.is_empty() {
        return Ok(None);
    }
    rule.keep(RULE);
    if alerts.hidden || !own {
        rule.replace("state", &alerts.state)?;
    }
    if without_alerts {
        rule.replace("alerts", &())?;
    } else if alerts.hidden || !alerts.shown.is_empty() {
        rule.replace("alerts", &alerts.shown)?;
    }
    serde_json::value::to_raw_value(&rule).map(Some)
}

struct Alerts {
    shown: Vec<Box<RawValue>>,
    hidden: bool,
    /// What a rule with the shown alerts alone would be in.
    state: &'static str,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts { shown: Vec::new(), hidden: false, state: "inactive" }
    }
}

fn admitted_alerts(alerts: &RawValue, selectors: &[Selector]) -> Result<Alerts, serde_json::Error> {
    let mut sorted = Alerts::default();
    for alert in list(alerts)? {
        let mut alert: Object<'_> = serde_json::from_str(alert.get())?;
        if !admits(selectors, field(&alert, "labels")?)? {
            sorted.hidden = true;
            continue;
        }
        match (field(&alert, "state")?.get(), sorted.state) {
            ("\"firing\"", _) => sorted.state = "firing",
            ("\"pending\"", "inactive") => sorted.state = "pending",
            _ => {}
        }
        alert.keep(ALERT);
        sorted.shown.push(serde_json::value::to_raw_value(&alert)?);
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests;
