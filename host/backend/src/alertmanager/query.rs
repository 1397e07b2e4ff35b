//! The query of `alerts` and `alerts/groups`.
//!
//! The server decides by an alert's whole status whether it is `active`, `silenced` or `inhibited`.
//! People who see a part have a status of their own making, from own silences and alerts; so these
//! three are taken out of the query and applied to the answer. The rest passes: what it filters by
//! (labels, receivers) is equal for both.

use bartizan_access::policy::{Matcher, Operator, Selector};
use form_urlencoded::Serializer;
use serde_json::Value;

use super::alerts;

/// A query for alerts, taken apart.
#[derive(Debug)]
pub(super) struct AlertQuery {
    active: bool,
    silenced: bool,
    inhibited: bool,
    others: Vec<(String, String)>,
}

impl Default for AlertQuery {
    /// The query that asks for all alerts.
    fn default() -> Self {
        AlertQuery { active: true, silenced: true, inhibited: true, others: Vec::new() }
    }
}

impl AlertQuery {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let mut parsed = AlertQuery::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let flag = match &*name {
                "active" => &mut parsed.active,
                "silenced" => &mut parsed.silenced,
                "inhibited" => &mut parsed.inhibited,
                _ => {
                    parsed.others.push((name.into_owned(), value.into_owned()));
                    continue;
                }
            };
            // The last one counts, and the empty value stands for the default.
            *flag = value.is_empty() || is_true(&value);
        }
        parsed
    }

    /// The query to send: without the three, and with what every selector has in common.
    pub(super) fn narrowed(&self, selectors: &[Selector]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.others);
        for matcher in shared(selectors) {
            query.append_pair("filter", &matcher.to_string());
        }
        query.finish()
    }

    /// Whether nothing but the scope limits the answer.
    pub(super) fn asks_for_all(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether an alert with its rewritten status was asked for.
    pub(super) fn wants(&self, alert: &Value) -> bool {
        let silenced = alerts::names_ids(alert, "silencedBy");
        let inhibited = alerts::names_ids(alert, "inhibitedBy");
        (self.active || silenced || inhibited)
            && (self.silenced || !silenced)
            && (self.inhibited || !inhibited)
    }
}

/// What Alertmanager takes for true (`swag.ConvertBool`); all else is false.
fn is_true(value: &str) -> bool {
    ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// The comparisons with a value that all selectors hold. They only save work, the answer is filtered
/// anyway; so those that versions of the server would read differently are left out.
fn shared(selectors: &[Selector]) -> Vec<&Matcher> {
    let Some((first, others)) = selectors.split_first() else { return Vec::new() };
    first
        .matchers()
        .iter()
        .filter(|matcher| matcher.operator() == Operator::Equal && !matcher.value().is_empty())
        .filter(|matcher| matcher.label().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .filter(|matcher| !matcher.value().contains(|c: char| c == '"' || c == '\\' || c.is_control()))
        .filter(|matcher| others.iter().all(|other| other.matchers().contains(matcher)))
        .collect()
}
