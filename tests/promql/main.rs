//! What a restricted person gets equals what anybody would get from a store that holds only what they may see.
//!
//! Two real Prometheus answer the same questions: one holds everything and stands behind the gateway, one holds
//! what the person may see. The questions are the expressions of Prometheus' own tests, on the series of those
//! tests, dealt out to teams, and random ones. The Prometheus is the first one in PATH, whatever its version.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

mod answers;
mod endpoints;
mod live;
mod oracle;
mod questions;
mod samples;
mod stores;

use std::collections::BTreeMap;

use answers::Difference;
use questions::{Question, Random};
use stores::{Stores, Viewer};

/// Fixed, so that a failure can be repeated. `BARTIZAN_SEED` takes another.
const SEED: u64 = 20_261_121;
const RANDOM_QUESTIONS: usize = 2_000;

/// Asks each question twice and compares.
async fn compare(
    stores: &Stores,
    viewer: Viewer,
    questions: &[Question],
) -> BTreeMap<Difference, Vec<String>> {
    let mut differences: BTreeMap<Difference, Vec<String>> = BTreeMap::new();
    for (question, (here, there)) in questions.iter().zip(stores.ask_all(viewer, questions).await) {
        let difference = answers::difference(question, &here, &there);
        let example = format!("{question:?}\n  gateway: {here}\n  oracle:  {there}");
        differences.entry(difference).or_default().push(example.chars().take(1500).collect());
    }
    differences
}

/// Fails on the differences that are a leak or a lie, and prints how many there were of each kind.
fn verdict(what: &str, differences: &BTreeMap<Difference, Vec<String>>) {
    let counts: Vec<String> =
        differences.iter().map(|(kind, examples)| format!("{} {kind:?}", examples.len())).collect();
    println!("{what}: {}", counts.join(", "));
    for kind in [Difference::Unequal, Difference::OnlyRefusedHere, Difference::OnlyAnsweredHere] {
        if let Some(examples) = differences.get(&kind) {
            let shown: Vec<&String> = examples.iter().take(10).collect();
            panic!(
                "{what}: {} are {kind:?}, such as\n{}",
                examples.len(),
                shown.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_of_prometheus_own_tests_answer_as_from_a_store_of_ones_own() {
    let stores = Stores::start().await.unwrap();
    for viewer in Viewer::ALL {
        let mut questions = Vec::new();
        for expression in oracle::evaluations() {
            questions.push(Question::instant(&expression, stores.base + 600));
            questions.push(Question::instant(&expression, stores.base + 3000));
            questions.push(Question::range(&expression, stores.base, 3600, 300));
        }
        let differences = compare(&stores, viewer, &questions).await;
        verdict(&format!("{viewer:?}, Prometheus' own tests"), &differences);
        let equal = differences.get(&Difference::EqualAnswers).map_or(0, Vec::len);
        assert!(equal > 1_200, "only {equal} had an answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_expressions_answer_as_from_a_store_of_ones_own() {
    let stores = Stores::start().await.unwrap();
    let seed = std::env::var("BARTIZAN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    for viewer in Viewer::ALL {
        let mut random = Random::new(seed, &stores.series);
        let questions: Vec<Question> = (0..RANDOM_QUESTIONS).map(|_| random.question(stores.base)).collect();
        let differences = compare(&stores, viewer, &questions).await;
        verdict(&format!("{viewer:?}, random"), &differences);
        let equal = differences.get(&Difference::EqualAnswers).map_or(0, Vec::len);
        assert!(equal > RANDOM_QUESTIONS / 4, "only {equal} had an answer");
    }
}
