//! Sample lines, in the Prometheus text format 0.0.4 and in OpenMetrics 1.0.
//!
//! The two differ in little, and in places that matter: timestamps (milliseconds, seconds), bounds (`1`, `1.0`).

use std::fmt::Write;

use crate::contract::metrics::{Kind, Label, Sample, Value};

/// Writes the samples of one family in both formats at once.
pub(super) struct Writer<'a> {
    name: &'a str,
    plugin: &'a str,
    text: String,
    openmetrics: String,
}

/// A label that the kind of the metric adds: its name, and its value in either format.
struct Extra {
    name: &'static str,
    text: String,
    openmetrics: String,
}

impl Extra {
    fn new(name: &'static str, value: f64) -> Self {
        Self { name, text: number(value), openmetrics: bound(value) }
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(name: &'a str, plugin: &'a str) -> Self {
        Self { name, plugin, text: String::new(), openmetrics: String::new() }
    }

    pub(super) fn finish(self) -> (String, String) {
        (self.text, self.openmetrics)
    }

    pub(super) fn sample(&mut self, kind: Kind, sample: &Sample) {
        match (&sample.value, kind) {
            (Value::Number(value), Kind::Counter) => self.line("_total", sample, None, &number(*value)),
            (Value::Number(value), Kind::Info) => self.line("_info", sample, None, &number(*value)),
            (Value::Number(value), _) => self.line("", sample, None, &number(*value)),
            (Value::Histogram(histogram), _) => {
                for bucket in histogram.buckets.iter().filter(|bucket| bucket.upper_bound != f64::INFINITY) {
                    let bound = Extra::new("le", bucket.upper_bound);
                    self.line("_bucket", sample, Some(&bound), &bucket.cumulative_count.to_string());
                }
                let count = histogram.count.to_string();
                self.line("_bucket", sample, Some(&Extra::new("le", f64::INFINITY)), &count);
                // OpenMetrics: with negative bounds there is no sum, for it would not be a counter.
                if histogram.buckets.first().is_none_or(|bucket| bucket.upper_bound >= 0.0) {
                    self.line("_sum", sample, None, &number(histogram.sum));
                }
                self.line("_count", sample, None, &count);
            }
            (Value::Summary(summary), _) => {
                for quantile in &summary.quantiles {
                    let share = Extra::new("quantile", quantile.quantile);
                    self.line("", sample, Some(&share), &number(quantile.value));
                }
                self.line("_sum", sample, None, &number(summary.sum));
                self.line("_count", sample, None, &summary.count.to_string());
            }
        }
    }

    fn line(&mut self, suffix: &str, sample: &Sample, extra: Option<&Extra>, value: &str) {
        let before = self.text.len();
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        self.text.push_str("{plugin=\"");
        escape(&mut self.text, self.plugin, true);
        self.text.push('"');
        for Label { name, value } in sample.labels.iter().filter(|label| !label.value.is_empty()) {
            self.text.push(',');
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(&mut self.text, value, true);
            self.text.push('"');
        }
        self.openmetrics.push_str(&self.text[before..]);
        for (target, openmetrics) in [(&mut self.text, false), (&mut self.openmetrics, true)] {
            if let Some(extra) = extra {
                let value = if openmetrics { &extra.openmetrics } else { &extra.text };
                let _ = write!(target, ",{}=\"{value}\"", extra.name);
            }
            target.push_str("} ");
            target.push_str(value);
            match sample.timestamp_milliseconds {
                Some(milliseconds) if openmetrics => {
                    target.push(' ');
                    target.push_str(&seconds(milliseconds));
                }
                Some(milliseconds) => {
                    let _ = write!(target, " {milliseconds}");
                }
                None => {}
            }
            target.push('\n');
        }
    }
}

/// A value: shortest form that reads back as the same number, in Go's and OpenMetrics' spelling.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    // Integers without a point; all else as Rust's debug form, which turns to an exponent where zeros would pile up.
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => format!("{value}"),
        false => format!("{value:?}"),
    }
}

/// A bound or quantile in OpenMetrics: the canonical form has a point or an exponent.
fn bound(value: f64) -> String {
    let plain = number(value);
    match plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        true => plain + ".0",
        false => plain,
    }
}

/// Milliseconds as seconds, without going through a float.
fn seconds(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let magnitude = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}", magnitude / 1_000, magnitude % 1_000)
}

/// Appends a label value or a help text. `quotes`: whether a `"` must be escaped too.
pub(super) fn escape(target: &mut String, text: &str, quotes: bool) {
    let special = |byte: u8| byte == b'\\' || byte == b'\n' || (quotes && byte == b'"');
    if !text.bytes().any(special) {
        target.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '\\' => target.push_str("\\\\"),
            '\n' => target.push_str("\\n"),
            '"' if quotes => target.push_str("\\\""),
            other => target.push(other),
        }
    }
}
