//! One scrape of all plugins, in the format that the scraper asks for.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use super::write::{escape, number};
use super::{Family, Shelf, Shown};
use crate::contract::metrics::Kind;

/// An exposition format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// By the `Accept` header (RFC 9110, section 12.5.1): OpenMetrics where the scraper likes it at least as much
    /// as plain text, plain text where it says nothing that is known.
    pub(crate) fn negotiate(accept: Option<&str>) -> Self {
        let (mut openmetrics, mut text) = (0, 0);
        for range in accept.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1_000, None);
            for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
                match name.trim() {
                    "q" => quality = self::quality(value),
                    "version" => version = Some(value.trim_matches('"')),
                    _ => {}
                }
            }
            match (kind.to_ascii_lowercase().as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => {
                    openmetrics = openmetrics.max(quality)
                }
                ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => text = text.max(quality),
                _ => {}
            }
        }
        match openmetrics > 0 && openmetrics >= text {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    /// For the `Content-Type` header.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A quality value in thousandths.
fn quality(text: &str) -> u32 {
    let value: f64 = text.trim().parse().unwrap_or(0.0);
    (value.clamp(0.0, 1.0) * 1_000.0).round() as u32
}

/// Writes everything that is fresh, family by family: plugins that share one stand under one header.
pub(crate) fn render(shelves: &[Arc<Shelf>], format: Format, now: Instant) -> String {
    let shown: Vec<(&Shelf, Option<Arc<Shown>>)> =
        shelves.iter().map(|shelf| (&**shelf, shelf.shown(now))).collect();

    // Clashes are refused when a collection comes in; of two that came in at the same moment, the first by name
    // is shown and the other left out.
    let mut groups: BTreeMap<&str, Vec<&Family>> = BTreeMap::new();
    let mut claimed: HashMap<String, &str> = HashMap::new();
    let mut left_out: BTreeMap<&str, u64> = BTreeMap::new();
    for (shelf, shown) in &shown {
        let families = shown.iter().flat_map(|shown| &shown.collection.families);
        for family in families {
            let fits = match groups.get(family.name.as_str()) {
                Some(group) => group[0].is_like(family),
                None => !family.claims().any(|claim| claimed.contains_key(&claim)),
            };
            if !fits {
                *left_out.entry(&shelf.name).or_default() += 1;
                continue;
            }
            claimed.extend(family.claims().map(|claim| (claim, family.name.as_str())));
            groups.entry(&family.name).or_default().push(family);
        }
    }

    let size =
        groups.values().flatten().map(|family| family.text.len() + family.help.len() + 128).sum::<usize>();
    let mut output = String::with_capacity(size + shelves.len() * 2_048 + 4_096);
    for group in groups.values().filter(|group| group.iter().any(|family| !family.text.is_empty())) {
        let first = group[0];
        header(&mut output, format, &first.name, first.kind, &first.unit, &first.help);
        for family in group {
            output.push_str(match format {
                Format::Text => &family.text,
                Format::OpenMetrics => &family.openmetrics,
            });
        }
    }
    own_series(&mut output, format, &shown, &left_out);
    if format == Format::OpenMetrics {
        output.push_str("# EOF\n");
    }
    output
}

fn header(output: &mut String, format: Format, name: &str, kind: Kind, unit: &str, help: &str) {
    let (name, kind) = match (format, kind) {
        (Format::Text, Kind::Counter) => (format!("{name}_total"), "counter"),
        (Format::Text, Kind::Info) => (format!("{name}_info"), "gauge"),
        (Format::Text, Kind::Unknown) => (name.to_owned(), "untyped"),
        (Format::OpenMetrics, Kind::Unknown) => (name.to_owned(), "unknown"),
        (_, Kind::Counter) => (name.to_owned(), "counter"),
        (_, Kind::Info) => (name.to_owned(), "info"),
        (_, Kind::Gauge) => (name.to_owned(), "gauge"),
        (_, Kind::Histogram) => (name.to_owned(), "histogram"),
        (_, Kind::Summary) => (name.to_owned(), "summary"),
    };
    let _ = write!(output, "# HELP {name} ");
    escape(output, help, format == Format::OpenMetrics);
    let _ = write!(output, "\n# TYPE {name} {kind}\n");
    if format == Format::OpenMetrics && !unit.is_empty() {
        let _ = writeln!(output, "# UNIT {name} {unit}");
    }
}

/// The host's own series: what an operator alerts on.
fn own_series(
    output: &mut String,
    format: Format,
    shown: &[(&Shelf, Option<Arc<Shown>>)],
    left_out: &BTreeMap<&str, u64>,
) {
    if shown.is_empty() {
        return;
    }
    let mut up = Own::new("up", Kind::Gauge, "", "Whether fresh metrics of the plugin are served.");
    let mut duration =
        Own::new("collect_duration_seconds", Kind::Gauge, "seconds", "How long the last collection took.");
    let mut collections = Own::new("collections", Kind::Counter, "", "Scheduled collections.");
    let mut errors = Own::new(
        "collect_errors",
        Kind::Counter,
        "",
        "Scheduled collections that failed, by kind of failure.",
    );
    let mut success = Own::new(
        "last_success_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "When the plugin last collected, in seconds since 1970.",
    );
    let mut series = Own::new("series", Kind::Gauge, "", "Series of the plugin that are served.");
    let mut memory = Own::new("memory_bytes", Kind::Gauge, "bytes", "Memory of the plugin's instance.");
    let mut reloads = Own::new("reloads", Kind::Counter, "", "Versions that took over.");
    let mut refusals =
        Own::new("refusals", Kind::Counter, "", "Versions that were refused, by kind of reason.");
    let mut rollbacks =
        Own::new("rollbacks", Kind::Counter, "", "Versions that took over and were taken back.");
    let mut dropped = Own::new("log_lines_dropped", Kind::Counter, "", "Log lines beyond a call's limit.");
    let mut clashes =
        Own::new("families_left_out", Kind::Gauge, "", "Families that clash with another plugin's.");

    for (shelf, shown) in shown {
        let plugin = [("plugin", &*shelf.name)];
        let ledger = shelf.ledger();
        let version = ledger.version.as_deref().unwrap_or_default();
        up.add(&[("plugin", &shelf.name), ("version", version)], f64::from(u8::from(shown.is_some())));
        if let Some(last) = ledger.last_duration {
            duration.add(&plugin, last.as_secs_f64());
        }
        collections.add(&plugin, ledger.collections as f64);
        for (kind, count) in &ledger.errors {
            errors.add(&[("plugin", &shelf.name), ("kind", kind)], *count as f64);
        }
        if let Some(last) = ledger.last_success {
            let since = last.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            success.add(&plugin, since.as_millis() as f64 / 1_000.0);
        }
        series.add(&plugin, shown.as_ref().map_or(0, |shown| shown.collection.series) as f64);
        memory.add(&plugin, ledger.memory_bytes as f64);
        reloads.add(&plugin, ledger.reloads as f64);
        for (kind, count) in &ledger.refusals {
            refusals.add(&[("plugin", &shelf.name), ("kind", kind)], *count as f64);
        }
        rollbacks.add(&plugin, ledger.rollbacks as f64);
        dropped.add(&plugin, shelf.lines_dropped.load(Ordering::Relaxed) as f64);
        clashes.add(&plugin, left_out.get(&*shelf.name).copied().unwrap_or(0) as f64);
    }
    for own in [
        up,
        duration,
        collections,
        errors,
        success,
        series,
        memory,
        reloads,
        refusals,
        rollbacks,
        dropped,
        clashes,
    ] {
        own.write(output, format);
    }
}

/// One of the host's own families.
struct Own {
    name: String,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    lines: String,
}

impl Own {
    fn new(name: &str, kind: Kind, unit: &'static str, help: &'static str) -> Self {
        Self { name: format!("bartizan_plugin_{name}"), kind, unit, help, lines: String::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        let _ = write!(self.lines, "{}{suffix}{{", self.name);
        for (position, (name, value)) in labels.iter().enumerate() {
            let _ = write!(self.lines, "{}{name}=\"", if position > 0 { "," } else { "" });
            escape(&mut self.lines, value, true);
            self.lines.push('"');
        }
        let _ = writeln!(self.lines, "}} {}", number(value));
    }

    fn write(self, output: &mut String, format: Format) {
        if !self.lines.is_empty() {
            header(output, format, &self.name, self.kind, self.unit, self.help);
            output.push_str(&self.lines);
        }
    }
}
