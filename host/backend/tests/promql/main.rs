//! The narrowing of PromQL, judged by Prometheus' own parser.
//!
//! `tests/promql_oracle` is a small Go program around that parser. It says of each query that we let
//! through whether every selector in it begins with the policy's matchers, and whether nothing else changed.
//! The queries: all expressions of Prometheus' own tests, and mutations of them.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

mod judge;
mod mutation;

use std::time::Instant;

use bartizan_access::policy::Selector;
use bartizan_backend::promql::{Injection, Limits, narrow};

use judge::{Case, Judge, Verdict};
use mutation::Mutator;

/// Fixed, so that a failure can be repeated. `BARTIZAN_SEED` takes another.
const SEED: u64 = 20_261_121;
/// `BARTIZAN_MUTATIONS` takes another number.
const MUTATIONS: usize = 200_000;

const POLICIES: &[&[&str]] = &[
    &[r#"{team="payments"}"#],
    &[r#"{team="pay\"me\\nts|.*",service!="",service!~"intern.*"}"#],
    &[r#"{instance="0",job=~"a|b"}"#, r#"{instance=~"1.*",job=~"a|b"}"#],
];

fn injections() -> Vec<Injection> {
    let selectors =
        |policy: &&[&str]| policy.iter().map(|text| Selector::parse(text).unwrap()).collect::<Vec<_>>();
    POLICIES.iter().map(|policy| Injection::new(&selectors(policy)).unwrap()).collect()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What became of a set of queries.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    valid: usize,
    narrowed: usize,
    refused: Vec<String>,
    invalid_but_sent: usize,
    selectors: usize,
}

impl Tally {
    /// Panics on anything that the promise of the module excludes.
    fn count(&mut self, case: &Case<'_>, verdict: &Verdict) {
        self.cases += 1;
        self.valid += usize::from(verdict.original_valid);
        let Some(narrowed) = &case.narrowed else {
            if verdict.original_valid {
                self.refused.push(case.original.to_owned());
            }
            return;
        };
        let told = format!("{:?}\n became {narrowed:?}\n {verdict:?}", case.original);
        assert_eq!(verdict.open, 0, "a selector without the matchers: {told}");
        assert!(verdict.original_valid || !verdict.narrowed_valid, "only the matchers make it valid: {told}");
        if verdict.original_valid {
            assert!(verdict.narrowed_valid, "no longer valid: {told}");
            assert!(verdict.same, "another meaning: {told}");
            self.narrowed += 1;
            self.selectors += verdict.selectors;
        } else {
            self.invalid_but_sent += 1;
        }
    }

    fn tell(&self, what: &str) {
        println!(
            "{what}: {} queries, {} valid: {} narrowed ({} selectors), {} refused; {} invalid ones left to Prometheus to refuse",
            self.cases,
            self.valid,
            self.narrowed,
            self.selectors,
            self.refused.len(),
            self.invalid_but_sent
        );
    }
}

fn judged(judge: &Judge, queries: &[String]) -> Tally {
    let mut tally = Tally::default();
    let injections = injections();
    for (position, injection) in injections.iter().enumerate() {
        // Each mutation meets one policy; the corpus is small enough to meet them all.
        let spread = queries.len() > 50_000;
        let queries =
            queries.iter().enumerate().filter(|(at, _)| !spread || at % injections.len() == position);
        let cases: Vec<Case<'_>> = queries
            .map(|(_, query)| Case {
                original: query,
                injected: injection.for_any(),
                narrowed: narrow(query, injection, &Limits::default()).ok().map(|narrowed| narrowed.query),
            })
            .collect();
        for (case, verdict) in cases.iter().zip(judge.verdicts(&cases)) {
            tally.count(case, &verdict);
        }
    }
    tally
}

#[test]
fn every_expression_of_prometheus_own_tests_is_narrowed_or_refused() {
    let judge = Judge::build();
    let tally = judged(&judge, &judge.corpus());
    tally.tell("Prometheus' own tests");
    // `info()` reads series that its arguments do not name; everything else that is valid has to work.
    let surprising: Vec<&String> = tally.refused.iter().filter(|query| !query.contains("info(")).collect();
    assert!(surprising.is_empty(), "valid, but refused: {surprising:#?}");
    assert!(tally.narrowed > 3000, "only {} were valid", tally.narrowed);
}

#[test]
fn no_mutation_hides_a_selector() {
    let judge = Judge::build();
    let corpus = judge.corpus();
    let mut mutator = Mutator::new(number("BARTIZAN_SEED", SEED), &corpus);
    let wanted = number("BARTIZAN_MUTATIONS", MUTATIONS as u64);
    let mutations: Vec<String> = (0..wanted).map(|_| mutator.query()).collect();
    let tally = judged(&judge, &mutations);
    tally.tell("mutations");
    assert!(tally.narrowed > mutations.len() / 50, "mutations hit nothing");
}

#[test]
fn narrowing_costs_microseconds() {
    let injections = injections();
    let injection = &injections[0];
    let dashboard = r#"sum by (service, code) (rate(http_server_requests_seconds_count{namespace="dogwalking", service=~"booking|tracking", code!~"5.."}[5m])) / on (service) group_left sum(rate(http_server_requests_seconds_count{namespace="dogwalking"}[5m])) > 0.05"#;
    for query in ["up", dashboard] {
        let rounds = 100_000u32;
        let began = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(narrow(std::hint::black_box(query), injection, &Limits::default()).unwrap());
        }
        let each = began.elapsed() / rounds;
        println!("{} bytes: {} ns", query.len(), each.as_nanos());
        assert!(each.as_micros() < 50, "{} bytes took {each:?}", query.len());
    }
}

#[test]
fn hostile_queries_take_linear_time() {
    let injections = injections();
    let limits = Limits { query_bytes: 4 << 20, narrowed_bytes: 256 << 20, depth: 1 << 20 };
    for piece in [
        "(",
        "a or ",
        "-",
        "a[1m]",
        "{",
        "{a=\"",
        "sum by (a,",
        "fill (",
        "a offset (((",
        "#",
        "\"\\",
        "a+fill(1)",
        "x{a=~\"((((\"}+",
        "{a=~\"(((\"}+",
        "1e",
        "a @ ",
    ] {
        let time = |bytes: usize| {
            let query = piece.repeat(bytes / piece.len());
            let began = Instant::now();
            let _ = std::hint::black_box(narrow(&query, &injections[0], &limits));
            began.elapsed()
        };
        time(100_000);
        assert!(time(1 << 20).as_millis() < 2_000, "{piece}");
    }
}
