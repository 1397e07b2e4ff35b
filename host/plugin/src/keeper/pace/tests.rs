use super::*;

const INTERVAL: Duration = Duration::from_secs(15);

fn settings() -> PluginSettings {
    PluginSettings::new("stock", "a.wasm")
}

#[test]
fn the_first_collection_comes_within_an_interval_and_the_next_an_interval_later() {
    let now = Instant::now();
    let mut pace = Pace::new(&settings(), now);
    let first = pace.due();
    assert!(first >= now + INTERVAL / 2 && first <= now + INTERVAL);
    pace.begin(first);
    assert_eq!(pace.due(), first + INTERVAL);
}

#[test]
fn missed_collections_are_not_made_up_for() {
    let now = Instant::now();
    let mut pace = Pace::at_once(&settings(), now);
    pace.begin(now + INTERVAL * 10);
    assert_eq!(pace.due(), now + INTERVAL * 11);
}

#[test]
fn crashes_in_a_row_make_longer_and_longer_pauses_up_to_a_limit() {
    let mut now = Instant::now();
    let mut pace = Pace::at_once(&settings(), now);
    let mut pauses = Vec::new();
    for _ in 0..40 {
        pace.begin(now);
        pace.crashed(now);
        pauses.push(pace.due() - now);
        now = pace.due();
    }
    assert_eq!(pauses[..4], [INTERVAL, INTERVAL * 2, INTERVAL * 4, INTERVAL * 8]);
    assert_eq!(pauses[39], limits::LONGEST_PAUSE);

    pace.worked();
    pace.begin(now);
    assert_eq!(pace.due() - now, INTERVAL);
}
