use std::time::{Duration, Instant};

use super::*;
use crate::PluginError;
use crate::contract::metrics::{self, Bucket, Histogram, Kind, Label, Quantile, Sample, Summary, Value};
use crate::settings::PluginSettings;

fn sample(labels: &[(&str, &str)], value: Value) -> Sample {
    let labels =
        labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect();
    Sample { labels, value, timestamp_milliseconds: None }
}

fn family(name: &str, kind: Kind, samples: Vec<Sample>) -> metrics::Family {
    metrics::Family { name: name.to_owned(), help: "Help.".to_owned(), unit: None, kind, samples }
}

fn gauge(name: &str, labels: &[(&str, &str)]) -> metrics::Family {
    family(name, Kind::Gauge, vec![sample(labels, Value::Number(1.0))])
}

fn fault(families: Vec<metrics::Family>) -> Option<Fault> {
    match Collection::new("p", families, 10) {
        Ok(_) => None,
        Err(PluginError::Invalid { fault, .. }) => Some(fault),
        Err(other) => panic!("{other}"),
    }
}

fn histogram(buckets: &[(f64, u64)], count: u64, sum: f64) -> Value {
    let buckets = buckets
        .iter()
        .map(|&(upper_bound, cumulative_count)| Bucket { upper_bound, cumulative_count })
        .collect();
    Value::Histogram(Histogram { buckets, count, sum })
}

fn summary(quantiles: &[f64], sum: f64) -> Value {
    let quantiles = quantiles.iter().map(|&quantile| Quantile { quantile, value: 1.0 }).collect();
    Value::Summary(Summary { quantiles, count: 1, sum })
}

#[test]
fn names_that_are_none_or_reserved_are_refused() {
    for name in ["", "1a", "a-b", "a b", "é", "a\n", "_total", &"a".repeat(257)] {
        assert_eq!(fault(vec![family(name, Kind::Counter, vec![])]), Some(Fault::Name), "{name}");
    }
    for name in ["__meta", "bartizan_plugin_up"] {
        assert_eq!(fault(vec![gauge(name, &[])]), Some(Fault::ReservedName), "{name}");
    }
    assert_eq!(fault(vec![gauge("a:b_c9", &[])]), None);
}

#[test]
fn labels_that_are_none_reserved_repeated_or_too_much_are_refused() {
    for label in ["", "a:b", "1", "a b", "ü"] {
        assert!(matches!(fault(vec![gauge("a", &[(label, "x")])]), Some(Fault::Label { .. })), "{label}");
    }
    for label in ["plugin", "__name__"] {
        assert!(
            matches!(fault(vec![gauge("a", &[(label, "x")])]), Some(Fault::ReservedLabel { .. })),
            "{label}"
        );
    }
    assert!(matches!(fault(vec![gauge("a", &[("l", "1"), ("l", "2")])]), Some(Fault::SameLabel { .. })));
    assert!(matches!(fault(vec![gauge("a", &[("l", &"x".repeat(1025))])]), Some(Fault::LabelValue { .. })));
    let many: Vec<String> = (0..33).map(|number| format!("l{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(fault(vec![gauge("a", &many)]), Some(Fault::Labels));
    assert_eq!(fault(vec![gauge("a", &[("le", "1"), ("quantile", "x"), ("empty", "")])]), None);

    let with = |name, kind, value| fault(vec![family("a", kind, vec![sample(&[(name, "1")], value)])]);
    assert!(matches!(with("le", Kind::Histogram, histogram(&[], 0, 0.0)), Some(Fault::ReservedLabel { .. })));
    assert!(matches!(with("quantile", Kind::Summary, summary(&[], 0.0)), Some(Fault::ReservedLabel { .. })));
}

#[test]
fn the_same_series_twice_is_refused_however_it_is_written() {
    let twice = |one: &[(&str, &str)], other: &[(&str, &str)]| {
        let samples = vec![sample(one, Value::Number(1.0)), sample(other, Value::Number(2.0))];
        fault(vec![family("a", Kind::Gauge, samples)])
    };
    assert_eq!(twice(&[], &[]), Some(Fault::SameSample));
    assert_eq!(twice(&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")]), Some(Fault::SameSample));
    assert_eq!(twice(&[("a", "1")], &[("a", "1"), ("empty", "")]), Some(Fault::SameSample));
    assert_eq!(twice(&[("a", "1")], &[("a", "2")]), None);
}

#[test]
fn families_that_make_series_of_one_name_are_refused() {
    let pair = |one: (&str, Kind), other: (&str, Kind)| {
        fault(vec![family(one.0, one.1, vec![]), family(other.0, other.1, vec![])])
    };
    for (one, other) in [
        (("a", Kind::Gauge), ("a", Kind::Gauge)),
        (("a_total", Kind::Counter), ("a", Kind::Counter)),
        (("a", Kind::Counter), ("a_total", Kind::Gauge)),
        (("a", Kind::Histogram), ("a_count", Kind::Gauge)),
        (("a", Kind::Summary), ("a_sum", Kind::Gauge)),
        (("a_info", Kind::Info), ("a", Kind::Gauge)),
    ] {
        assert_eq!(pair(one, other), Some(Fault::SameName), "{one:?} {other:?}");
        assert_eq!(pair(other, one), Some(Fault::SameName), "{other:?} {one:?}");
    }
    assert_eq!(pair(("a", Kind::Gauge), ("a_count", Kind::Gauge)), None);
}

#[test]
fn values_must_be_of_their_kind() {
    let one = |kind, value| fault(vec![family("a", kind, vec![sample(&[], value)])]);
    let nan = f64::NAN;
    for value in [-1.0, nan, f64::NEG_INFINITY] {
        assert_eq!(one(Kind::Counter, Value::Number(value)), Some(Fault::Counter));
        assert_eq!(one(Kind::Gauge, Value::Number(value)), None);
    }
    assert_eq!(one(Kind::Info, Value::Number(2.0)), Some(Fault::Kind));
    assert_eq!(one(Kind::Gauge, summary(&[], 0.0)), Some(Fault::Kind));
    assert_eq!(one(Kind::Histogram, Value::Number(1.0)), Some(Fault::Kind));

    let infinity = f64::INFINITY;
    for (buckets, count, sum) in [
        (vec![(2.0, 1), (1.0, 2)], 2, 1.0),
        (vec![(1.0, 1), (1.0, 2)], 2, 1.0),
        (vec![(1.0, 2), (2.0, 1)], 2, 1.0),
        (vec![(1.0, 3)], 2, 1.0),
        (vec![(infinity, 1)], 2, 1.0),
        (vec![(nan, 1)], 1, 1.0),
        (vec![(1.0, 1), (nan, 1)], 1, 1.0),
        (vec![(1.0, 1)], 1, nan),
    ] {
        assert_eq!(
            one(Kind::Histogram, histogram(&buckets, count, sum)),
            Some(Fault::Histogram),
            "{buckets:?}"
        );
    }
    assert_eq!(one(Kind::Histogram, histogram(&[(1.0, 1), (infinity, 2)], 2, 1.0)), None);
    for quantiles in [&[0.9, 0.5][..], &[1.5], &[-0.1], &[nan], &[0.5, 0.5]] {
        assert_eq!(one(Kind::Summary, summary(quantiles, 1.0)), Some(Fault::Summary), "{quantiles:?}");
    }
    assert_eq!(one(Kind::Summary, summary(&[0.5], nan)), Some(Fault::Summary));
}

#[test]
fn units_help_and_the_number_of_series_are_bounded() {
    let unit = |name: &str, kind, unit: &str| {
        fault(vec![metrics::Family { unit: Some(unit.to_owned()), ..family(name, kind, vec![]) }])
    };
    assert_eq!(unit("a_seconds", Kind::Gauge, "seconds"), None);
    assert_eq!(unit("a_seconds_total", Kind::Counter, "seconds"), None);
    assert_eq!(unit("a", Kind::Gauge, ""), None);
    assert!(matches!(unit("a_seconds", Kind::Gauge, "bytes"), Some(Fault::Unit { .. })));
    assert!(matches!(unit("aseconds", Kind::Gauge, "seconds"), Some(Fault::Unit { .. })));
    assert!(unit("a_s s", Kind::Gauge, "s s").is_some());
    let help = metrics::Family { help: "x".repeat(1025), ..gauge("a", &[]) };
    assert_eq!(fault(vec![help]), Some(Fault::Help));
    assert_eq!(fault(vec![gauge("a", &[("l", "x\0")])]), Some(Fault::Nul));
    let samples = (0..11).map(|number| sample(&[("n", &number.to_string())], Value::Number(0.0))).collect();
    assert_eq!(fault(vec![family("a", Kind::Gauge, samples)]), Some(Fault::Series { limit: 10 }));
}

fn shelf(name: &str, families: Vec<metrics::Family>, stale_at: Instant) -> std::sync::Arc<Shelf> {
    let shelf = Shelf::new(&PluginSettings::new(name, "a.wasm"));
    let collection = Collection::new(name, families, 1_000).unwrap();
    shelf.show(Shown { collection, stale_at });
    shelf.into()
}

fn all_kinds() -> Vec<metrics::Family> {
    let mut dated = gauge("dated", &[("path", "C:\\x \"y\"\nz")]);
    dated.samples[0].timestamp_milliseconds = Some(1_700_000_000_123);
    dated.help = "Quotes \" and\nlines \\".to_owned();
    let mut seconds =
        family("walk_seconds", Kind::Histogram, vec![sample(&[], histogram(&[(0.5, 1), (1.0, 3)], 4, 5.25))]);
    seconds.unit = Some("seconds".to_owned());
    vec![
        dated,
        family("walks_total", Kind::Counter, vec![sample(&[("team", "a")], Value::Number(12.0))]),
        family("build_info", Kind::Info, vec![sample(&[("commit", "abc")], Value::Number(1.0))]),
        seconds,
        family("leash", Kind::Summary, vec![sample(&[], summary(&[0.5, 1.0], 1e-9))]),
        family("odd", Kind::Unknown, vec![sample(&[], Value::Number(f64::NEG_INFINITY))]),
        family("empty", Kind::Gauge, vec![]),
    ]
}

#[test]
fn both_formats_are_written_as_their_specifications_say() {
    let now = Instant::now();
    let shelves = [shelf("p", all_kinds(), now + Duration::from_secs(1))];
    let text = render(&shelves, Format::Text, now);
    let openmetrics = render(&shelves, Format::OpenMetrics, now);
    let plugin_part = |output: &str| {
        let start = output.find("# HELP bartizan_plugin_").unwrap();
        output[..start].to_owned()
    };
    assert_eq!(plugin_part(&text), include_str!("golden/text.prom"));
    assert_eq!(plugin_part(&openmetrics), include_str!("golden/openmetrics.prom"));
    assert!(openmetrics.ends_with("\n# EOF\n"));
    assert!(!text.contains("EOF"));
    assert!(text.contains("\nbartizan_plugin_up{plugin=\"p\",version=\"\"} 1\n"), "{text}");
}

#[test]
fn what_is_stale_disappears_and_up_says_so() {
    let now = Instant::now();
    let output = render(&[shelf("p", vec![gauge("a", &[])], now)], Format::Text, now);
    assert!(!output.contains("\na{"));
    assert!(output.contains("bartizan_plugin_up{plugin=\"p\",version=\"\"} 0\n"));
}

#[test]
fn plugins_with_the_same_family_stand_under_one_header_and_clashing_ones_are_left_out() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let counter = || family("b", Kind::Counter, vec![sample(&[], Value::Number(1.0))]);
    let shelves = [
        shelf("one", vec![gauge("a", &[]), counter()], later),
        shelf("two", vec![gauge("a", &[]), gauge("b_total", &[])], later),
        shelf("three", vec![family("a", Kind::Unknown, vec![sample(&[], Value::Number(1.0))])], later),
    ];
    let output = render(&shelves, Format::OpenMetrics, now);
    assert_eq!(output.matches("# TYPE a ").count(), 1);
    assert_eq!((output.matches("# TYPE b ").count(), output.matches("# TYPE b_total").count()), (1, 0));
    assert!(output.contains("a{plugin=\"one\"} 1\na{plugin=\"two\"} 1\n"));
    assert!(output.contains("bartizan_plugin_families_left_out{plugin=\"two\"} 1\n"));
    assert!(output.contains("bartizan_plugin_families_left_out{plugin=\"three\"} 1\n"));
}

#[test]
fn the_scraper_gets_the_format_that_it_prefers() {
    let text = Format::Text;
    let openmetrics = Format::OpenMetrics;
    for (accept, format) in [
        (None, text),
        (Some(""), text),
        (Some("*/*"), text),
        (Some("text/html"), text),
        (Some("application/openmetrics-text"), openmetrics),
        (Some("application/openmetrics-text;version=0.0.1"), text),
        (Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6"), text),
        (Some("application/openmetrics-text;version=1.0.0;q=0"), text),
        (
            Some(
                "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            openmetrics,
        ),
    ] {
        assert_eq!(Format::negotiate(accept), format, "{accept:?}");
    }
}
