//! What the operator writes under `settings:`. `settings.schema.json` says the same for machines.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::path::Path;

/// All settings of an instance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the document is. Its origin must stand in the plugin's `http:` list too.
    pub(crate) url: String,
    /// Headers of the request, such as `accept` or `authorization`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// What to make of the document; at least one.
    pub(crate) metrics: Vec<Metric>,
}

/// One metric family.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metric {
    /// The family's name.
    pub(crate) name: String,
    /// A sentence for whoever meets it on a dashboard.
    pub(crate) help: String,
    /// What its values mean.
    #[serde(default, rename = "type")]
    pub(crate) kind: Kind,
    /// The base unit, in which the name must end.
    #[serde(default)]
    pub(crate) unit: Option<String>,
    /// What to make a sample of each: `regions[*]`. The document itself when absent.
    #[serde(default)]
    pub(crate) items: Path,
    /// Where the value stands, seen from the item. The item itself when absent; for an `info` there is none.
    #[serde(default)]
    pub(crate) value: Path,
    /// What texts and truth values mean as numbers: `{"open": 1, "closed": 0}`. `true` and `false` are 1 and 0
    /// unless they stand here.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, f64>,
    /// Labels by name: a path seen from the item, or `{"text": "…"}`, or `"@key"`: the item's own key or index.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, Label>,
    /// Multiplies the value: 0.001 makes seconds of milliseconds.
    #[serde(default)]
    pub(crate) scale: Option<f64>,
    /// Whether an absent value is an error. Else the sample is left out.
    #[serde(default)]
    pub(crate) required: bool,
}

/// What a family's values mean.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Gauge,
    Counter,
    Info,
    Unknown,
}

/// Where a label's value comes from.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Label {
    /// From the document.
    Path(Path),
    /// Always the same.
    Text {
        /// The value.
        text: String,
    },
}

impl Settings {
    /// What can be wrong beyond types.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err(format!("settings: url: `{}` must begin with http:// or https://", self.url));
        }
        if self.metrics.is_empty() {
            return Err("settings: metrics: name at least one".to_owned());
        }
        for metric in &self.metrics {
            if metric.value.is_many() {
                return Err(format!(
                    "settings: metric `{}`: value: a wildcard belongs into `items`; `value` is seen from one item",
                    metric.name
                ));
            }
            let many =
                |label: &&String| matches!(&metric.labels[*label], Label::Path(path) if path.is_many());
            if let Some(label) = metric.labels.keys().find(many) {
                return Err(format!(
                    "settings: metric `{}`: label `{label}`: a wildcard belongs into `items`",
                    metric.name
                ));
            }
            if let Some(unit) = &metric.unit
                && !metric.name.trim_end_matches("_total").ends_with(&format!("_{unit}"))
            {
                return Err(format!("settings: metric `{}` must end in `_{unit}`, its unit", metric.name));
            }
        }
        Ok(())
    }
}
