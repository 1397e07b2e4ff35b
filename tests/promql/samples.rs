//! The series of promqltest, dealt out to teams, as OpenMetrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::oracle;

/// How much of a series is loaded.
const SPAN_SECONDS: f64 = 7200.0;

/// A series of a team, or of none.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    samples: Vec<(f64, String)>,
}

impl Series {
    pub(crate) fn team(&self) -> &str {
        self.labels.get("team").map_or("", String::as_str)
    }

    fn name(&self) -> &str {
        self.labels.get("__name__").map_or("", String::as_str)
    }
}

/// Each series of promqltest once for some of the teams, with other values for each; and series for federation, which only looks at the last minutes.
pub(crate) fn dealt(base: u64, now: u64) -> Vec<Series> {
    let mut dealt: BTreeMap<String, Series> = BTreeMap::new();
    for (position, series) in oracle::series().into_iter().enumerate() {
        if !plain(&series.labels) {
            continue;
        }
        for (team, every) in [("payments", 2), ("walks", 3), ("", 5)] {
            // Every series has an owner; many have several.
            if position % every != 0 && !(team == "payments" && position % 3 != 0) {
                continue;
            }
            let mut labels = series.labels.clone();
            if !team.is_empty() {
                labels.insert("team".into(), team.into());
            }
            let times = (0..series.values.len()).map(|at| at as f64 * series.gap_seconds);
            let samples = times
                .zip(&series.values)
                .take_while(|(time, _)| *time <= SPAN_SECONDS)
                .filter_map(|(time, value)| Some((base as f64 + time, altered(value.as_deref()?, team))))
                .collect();
            dealt.entry(format!("{labels:?}")).or_insert(Series { labels, samples });
        }
    }
    for (position, team) in ["payments", "walks", ""].into_iter().enumerate() {
        let mut labels =
            BTreeMap::from([("__name__".into(), "recent".into()), ("instance".into(), position.to_string())]);
        if !team.is_empty() {
            labels.insert("team".into(), team.into());
        }
        let samples = vec![(now as f64 - 5.0, position.to_string())];
        dealt.insert(format!("{labels:?}"), Series { labels, samples });
    }
    dealt.into_values().filter(|series| !series.samples.is_empty()).collect()
}

/// Another team's values are other values, so that an answer cannot be equal by chance.
fn altered(value: &str, team: &str) -> String {
    match (team, value.parse::<f64>()) {
        ("walks", Ok(number)) if number.is_finite() => (number + 1000.0).to_string(),
        _ => value.to_owned(),
    }
}

/// Names that also Prometheus 2 has.
fn plain(labels: &BTreeMap<String, String>) -> bool {
    let letters = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    labels.keys().all(letters) && labels.get("__name__").is_some_and(letters) && !labels.contains_key("team")
}

pub(crate) fn openmetrics<'a>(series: impl IntoIterator<Item = &'a Series>) -> String {
    let mut text = String::new();
    for series in series {
        let labels: Vec<String> = series
            .labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(name, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{name}=\"{value}\"")
            })
            .collect();
        for (time, value) in &series.samples {
            let _ = writeln!(text, "{}{{{}}} {value} {time:.3}", series.name(), labels.join(","));
        }
    }
    text
}
