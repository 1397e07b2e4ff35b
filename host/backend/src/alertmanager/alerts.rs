//! Alerts and groups of alerts in an answer.
//!
//! Foreign alerts are dropped as they are read, so that memory holds own ones alone. Fields that are not
//! known stay as they are. Ids in an alert's status that belong to others' silences and alerts are
//! removed, and its state is what is left: an alert that only somebody else's silence mutes is
//! `active` in the eyes of people who cannot see that silence.

use std::collections::HashSet;
use std::fmt;

use bartizan_access::policy::Selector;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::exchange::not_understood;
use super::query::AlertQuery;
use crate::BackendError;

/// The lists of ids in an alert's status. Alertmanager 0.28 has `mutedBy` too, which names time
/// intervals of the configuration: those are everybody's.
const ID_LISTS: [&str; 2] = ["silencedBy", "inhibitedBy"];

/// The ids that may stand in the status of own alerts.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Of silences that reach own alerts alone.
    pub(super) silences: HashSet<String>,
    /// Fingerprints of own alerts.
    pub(super) alerts: HashSet<String>,
}

impl Own {
    /// Removes foreign ids from an alert's status, and what they did to its state.
    pub(super) fn rewrite_status(&self, alert: &mut Value) {
        let status = &mut alert["status"];
        for list in ID_LISTS {
            let own = if list == "silencedBy" { &self.silences } else { &self.alerts };
            if let Some(ids) = status.get_mut(list).and_then(Value::as_array_mut) {
                ids.retain(|id| id.as_str().is_some_and(|id| own.contains(id)));
            }
        }
        let suppressed = [ID_LISTS[0], ID_LISTS[1], "mutedBy"].iter().any(|list| has_elements(status, list));
        if !suppressed && status["state"] == "suppressed" {
            status["state"] = "active".into();
        }
    }
}

/// The alerts of a list that some selector shows.
pub(super) fn own_alerts(body: &[u8], selectors: &[Selector]) -> Result<Vec<Value>, BackendError> {
    elements(body, |alert| is_own(alert, selectors))
}

/// The groups of a list with own alerts in them, and only those.
pub(super) fn own_groups(body: &[u8], selectors: &[Selector]) -> Result<Vec<Value>, BackendError> {
    let mut groups = elements(body, |_| true)?;
    groups.retain_mut(|group| {
        let Some(alerts) = group["alerts"].as_array_mut() else { return false };
        alerts.retain(|alert| is_own(alert, selectors));
        !alerts.is_empty()
    });
    Ok(groups)
}

/// Brings a group down to what the query asks for; whether any alert is left.
///
/// A group's labels are those by which it is grouped, so all its alerts carry them; one that an own
/// alert does not carry is removed.
pub(super) fn narrow_group(group: &mut Value, own: &Own, query: &AlertQuery) -> bool {
    let Some(alerts) = group["alerts"].as_array_mut() else { return false };
    alerts.retain_mut(|alert| {
        own.rewrite_status(alert);
        query.wants(alert)
    });
    let carried: Vec<Value> = alerts.iter().map(|alert| alert["labels"].clone()).collect();
    if let Some(labels) = group["labels"].as_object_mut() {
        labels.retain(|name, value| carried.iter().all(|alert| alert.get(name) == Some(value)));
    }
    !carried.is_empty()
}

/// The alerts of a group.
pub(super) fn alerts_of(group: &Value) -> impl Iterator<Item = &Value> + Clone {
    group["alerts"].as_array().into_iter().flatten()
}

fn is_own(alert: &Value, selectors: &[Selector]) -> bool {
    let Some(labels) = alert["labels"].as_object() else { return false };
    labels.values().all(Value::is_string)
        && selectors
            .iter()
            .any(|selector| selector.matches(|label| labels.get(label).and_then(Value::as_str)))
}

/// Whether a list of ids in the alert's status has any.
pub(super) fn names_ids(alert: &Value, list: &str) -> bool {
    has_elements(&alert["status"], list)
}

fn has_elements(status: &Value, list: &str) -> bool {
    status[list].as_array().is_some_and(|ids| !ids.is_empty())
}

/// An alert's id.
pub(super) fn fingerprint(alert: &Value) -> Option<String> {
    alert["fingerprint"].as_str().map(str::to_owned)
}

/// A silence's id.
pub(super) fn id(silence: &Value) -> Option<String> {
    silence["id"].as_str().map(str::to_owned)
}

/// The names of the receivers to which these alerts go.
pub(super) fn receivers(alerts: &[Value]) -> HashSet<String> {
    let receivers = alerts.iter().filter_map(|alert| alert["receivers"].as_array()).flatten();
    receivers.filter_map(|receiver| receiver["name"].as_str()).map(str::to_owned).collect()
}

/// The elements of a JSON list that are to be kept; the others never gather in memory.
pub(super) fn elements(body: &[u8], keep: impl Fn(&Value) -> bool) -> Result<Vec<Value>, BackendError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let list = Kept(keep).deserialize(&mut reader).and_then(|list| reader.end().map(|()| list));
    list.map_err(|error| not_understood(format!("not a JSON list: {error}")))
}

struct Kept<F>(F);

impl<'de, F: Fn(&Value) -> bool> DeserializeSeed<'de> for Kept<F> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: Fn(&Value) -> bool> Visitor<'de> for Kept<F> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Value>, A::Error> {
        let mut kept = Vec::new();
        while let Some(element) = list.next_element::<Value>()? {
            if (self.0)(&element) {
                kept.push(element);
            }
        }
        Ok(kept)
    }
}
