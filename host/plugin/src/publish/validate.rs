//! What makes a family unfit to be served, by OpenMetrics 1.0 and Prometheus' own rules.

use std::collections::HashSet;

use crate::contract::metrics::{self, Kind, Value};
use crate::limits;

/// What is wrong with a family.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The name is none.
    #[error("a metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*` with at most {} bytes", limits::NAME_BYTES)]
    Name,
    /// The name belongs to the gateway or to Prometheus.
    #[error("names that begin with `__` or `bartizan_` are reserved")]
    ReservedName,
    /// Another family of the collection has the name, or makes series of that name.
    #[error("another family of the same collection makes series of that name")]
    SameName,
    /// The help is too long.
    #[error("the help has more than {} bytes", limits::HELP_BYTES)]
    Help,
    /// A text holds what parsers of the formats take for their end.
    #[error("a help or label value holds a NUL character")]
    Nul,
    /// Name and unit do not fit.
    #[error("the name must end in `_{unit}`, its unit")]
    Unit {
        /// The unit.
        unit: String,
    },
    /// A label's name is none.
    #[error(
        "`{label}` is no label name; it is `[a-zA-Z_][a-zA-Z0-9_]*` with at most {} bytes",
        limits::NAME_BYTES
    )]
    Label {
        /// As given.
        label: String,
    },
    /// A label's name belongs to somebody else.
    #[error("the label `{label}` is reserved")]
    ReservedLabel {
        /// The label.
        label: String,
    },
    /// A label stands twice in a sample.
    #[error("the label `{label}` is given twice in one sample")]
    SameLabel {
        /// The label.
        label: String,
    },
    /// A label's value is too long.
    #[error("the value of label `{label}` has more than {} bytes", limits::LABEL_VALUE_BYTES)]
    LabelValue {
        /// The label.
        label: String,
    },
    /// A sample has too many labels.
    #[error("a sample has more than {} labels", limits::LABELS)]
    Labels,
    /// Two samples have the same labels.
    #[error("two samples have the same labels")]
    SameSample,
    /// The value is not of the family's kind.
    #[error("a sample's value is not of the family's kind")]
    Kind,
    /// A counter's value cannot be one.
    #[error("a counter is not negative and not NaN")]
    Counter,
    /// A histogram that is none.
    #[error("buckets must rise, in bounds and in counts, up to the count of all; no bound and no sum is NaN")]
    Histogram,
    /// A summary that is none.
    #[error("quantiles must rise from 0 to 1; the sum is not NaN")]
    Summary,
    /// Too many buckets or quantiles.
    #[error("a sample has more than {} buckets or quantiles", limits::BUCKETS)]
    Buckets,
    /// More series than the operator allows.
    #[error("the collection has more than {limit} series; raise the plugin's `series`, or collect less")]
    Series {
        /// The limit.
        limit: usize,
    },
}

/// The suffixes of the series that a family of this kind makes, `""` for its own name.
pub(super) fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Unknown | Kind::Gauge => &[""],
        Kind::Counter => &["_total"],
        Kind::Info => &["_info"],
        Kind::Histogram => &["_bucket", "_count", "_sum"],
        Kind::Summary => &["", "_count", "_sum"],
    }
}

/// The family's name without the suffix that its kind adds.
pub(super) fn base_name(name: &str, kind: Kind) -> &str {
    let suffix = match kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        _ => return name,
    };
    name.strip_suffix(suffix).unwrap_or(name)
}

/// Checks everything but what concerns other families. Returns how many series it has.
pub(super) fn family(family: &metrics::Family) -> Result<usize, Fault> {
    let name = base_name(&family.name, family.kind);
    if !is_name(&family.name, true) || name.is_empty() {
        return Err(Fault::Name);
    }
    if name.starts_with("__") || name.starts_with("bartizan_") {
        return Err(Fault::ReservedName);
    }
    if family.help.len() > limits::HELP_BYTES {
        return Err(Fault::Help);
    }
    if family.help.contains('\0') {
        return Err(Fault::Nul);
    }
    if let Some(unit) = family.unit.as_deref().filter(|unit| !unit.is_empty()) {
        let ends = name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'));
        // OpenMetrics: an info has no unit.
        if !ends || !is_name(unit, true) || family.kind == Kind::Info {
            return Err(Fault::Unit { unit: crate::error::excerpt(unit) });
        }
    }
    let mut seen = HashSet::with_capacity(family.samples.len());
    let mut series = 0;
    for sample in &family.samples {
        let mut labels: Vec<_> = sample
            .labels
            .iter()
            .filter(|label| !label.value.is_empty())
            .map(|label| (label.name.as_str(), label.value.as_str()))
            .collect();
        check_labels(&sample.labels, family.kind)?;
        labels.sort_unstable();
        if !seen.insert(labels) {
            return Err(Fault::SameSample);
        }
        series += value(family.kind, &sample.value)?;
    }
    Ok(series)
}

fn check_labels(labels: &[metrics::Label], kind: Kind) -> Result<(), Fault> {
    if labels.len() > limits::LABELS {
        return Err(Fault::Labels);
    }
    for (position, metrics::Label { name, value }) in labels.iter().enumerate() {
        let label = || crate::error::excerpt(name);
        if !is_name(name, false) {
            return Err(Fault::Label { label: label() });
        }
        let reserved = match name.as_str() {
            "plugin" => true,
            "le" => kind == Kind::Histogram,
            "quantile" => kind == Kind::Summary,
            _ => name.starts_with("__"),
        };
        if reserved {
            return Err(Fault::ReservedLabel { label: label() });
        }
        if labels[..position].iter().any(|other| other.name == *name) {
            return Err(Fault::SameLabel { label: label() });
        }
        if value.contains('\0') {
            return Err(Fault::Nul);
        }
        if value.len() > limits::LABEL_VALUE_BYTES {
            return Err(Fault::LabelValue { label: label() });
        }
    }
    Ok(())
}

/// Checks a value, and counts its series.
fn value(kind: Kind, value: &Value) -> Result<usize, Fault> {
    match (kind, value) {
        (Kind::Gauge | Kind::Unknown, Value::Number(_)) => Ok(1),
        (Kind::Info, Value::Number(number)) if *number == 1.0 => Ok(1),
        (Kind::Counter, Value::Number(number)) => match *number >= 0.0 {
            true => Ok(1),
            false => Err(Fault::Counter),
        },
        (Kind::Histogram, Value::Histogram(histogram)) => self::histogram(histogram),
        (Kind::Summary, Value::Summary(summary)) => self::summary(summary),
        _ => Err(Fault::Kind),
    }
}

fn histogram(histogram: &metrics::Histogram) -> Result<usize, Fault> {
    let buckets = &histogram.buckets;
    if buckets.len() > limits::BUCKETS {
        return Err(Fault::Buckets);
    }
    let rising = buckets.windows(2).all(|pair| {
        pair[0].upper_bound < pair[1].upper_bound && pair[0].cumulative_count <= pair[1].cumulative_count
    });
    let complete = buckets.last().is_none_or(|last| match last.upper_bound == f64::INFINITY {
        true => last.cumulative_count == histogram.count,
        false => last.cumulative_count <= histogram.count,
    });
    let numbers = !histogram.sum.is_nan() && !buckets.iter().any(|bucket| bucket.upper_bound.is_nan());
    match rising && complete && numbers {
        true => Ok(buckets.len() + 3),
        false => Err(Fault::Histogram),
    }
}

fn summary(summary: &metrics::Summary) -> Result<usize, Fault> {
    let quantiles = &summary.quantiles;
    if quantiles.len() > limits::BUCKETS {
        return Err(Fault::Buckets);
    }
    let rising = quantiles.windows(2).all(|pair| pair[0].quantile < pair[1].quantile);
    let within = quantiles.iter().all(|quantile| (0.0..=1.0).contains(&quantile.quantile));
    match rising && within && !summary.sum.is_nan() {
        true => Ok(quantiles.len() + 2),
        false => Err(Fault::Summary),
    }
}

fn is_name(name: &str, colons: bool) -> bool {
    name.len() <= limits::NAME_BYTES
        && name.bytes().enumerate().all(|(position, byte)| match byte {
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => true,
            b'0'..=b'9' => position > 0,
            b':' => colons,
            _ => false,
        })
        && !name.is_empty()
}
