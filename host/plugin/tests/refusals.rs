//! Every way in which a version can be unfit: it is refused with the reason, and the one before goes on.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::time::{Duration, Instant};

use bartizan_plugin::{Capability, PluginState};
use serde_json::json;
use support::{Bench, deploy, guest, hostile};

/// Replaces a good version by one that does this, and gives the reason for which it is refused.
fn refusal(settings: serde_json::Value) -> String {
    let bench = Bench::new(|folder| {
        let file = folder.join("plugin.wasm");
        deploy(&guest("hostile.wasm"), &file);
        let mut plugin = hostile("p", &file, settings);
        plugin.timeout = Duration::from_millis(500);
        plugin.memory_bytes = 16 << 20;
        vec![plugin]
    });
    bench.wait("p", "running", |status| status.state == PluginState::Running);
    deploy(&guest("next/hostile.wasm"), &bench.folder.path().join("plugin.wasm"));
    let status = bench.wait("p", "refused once", |status| status.refusals == 1);
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert_eq!(status.reloads, 1);
    assert!(status.up);
    assert!(bench.series("hostile_calls_total{plugin=\"p\"}").is_some());
    let collections = status.collections;
    bench.wait("p", "still collecting", |status| status.collections > collections && status.errors == 0);
    status.last_refusal.unwrap()
}

macro_rules! refused {
    ($($name:ident: $behaviour:literal => $reason:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let reason = refusal(json!({"0.1.0": "nothing", "0.2.0": $behaviour}));
                assert!(reason.contains($reason), "{reason}");
            }
        )*
    };
}

refused! {
    a_version_whose_self_test_fails_is_refused: "fail-self-test" => "self-test failed: this never works";
    a_version_that_traps_in_its_self_test_is_refused: "trap-in-self-test" => "`self-test` trapped";
    a_version_that_loops_in_its_self_test_is_refused: "loop-in-self-test" => "`self-test` did not end within 0.5 s";
    a_version_that_traps_is_refused: "trap" => "panicked at hostile/src/lib.rs:";
    a_version_that_loops_is_refused: "loop" => "`collect` did not end within 0.5 s";
    a_version_that_recurses_without_end_is_refused: "recurse" => "`collect` trapped";
    a_version_that_eats_memory_is_refused: "eat-memory" => "`collect` wanted more than its 16777216 bytes";
    a_version_whose_source_is_away_does_not_replace_one_that_works: "fail" => "the source is away";
    a_version_with_an_invalid_metric_name_is_refused: "invalid-name" => "family `not a name`: a metric name is";
    a_version_with_a_reserved_label_is_refused: "invalid-label" => "the label `__secret` is reserved";
    a_version_that_sets_the_plugin_label_is_refused: "plugin-label" => "the label `plugin` is reserved";
    a_version_that_repeats_a_series_is_refused: "duplicate" => "two samples have the same labels";
    a_version_that_repeats_a_family_is_refused: "same-family" => "another family of the same collection";
    a_version_that_forges_the_gateways_metrics_is_refused: "reserved-name" => "are reserved";
    a_version_with_a_negative_counter_is_refused: "negative-counter" => "a counter is not negative";
    a_version_with_a_nan_histogram_is_refused: "nan-histogram" => "buckets must rise";
    a_version_with_too_many_series_is_refused: "many-series" => "more than 10000 series";
}

#[test]
fn a_version_that_returns_too_much_is_refused() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "huge-help"}));
        plugin.memory_bytes = 256 << 20;
        plugin.timeout = Duration::from_secs(20);
        vec![plugin]
    });
    let status = bench.wait("p", "refused", |status| status.state == PluginState::Refused);
    let reason = status.last_refusal.unwrap();
    assert!(reason.contains("`collect` returned more than 16777216 bytes"), "{reason}");
}

#[test]
fn broken_files_are_refused_and_the_old_version_goes_on() {
    let bench = Bench::new(|folder| {
        let file = folder.join("plugin.wasm");
        deploy(&guest("hostile.wasm"), &file);
        vec![hostile("p", &file, json!({}))]
    });
    let file = bench.folder.path().join("plugin.wasm");
    bench.wait("p", "running", |status| status.state == PluginState::Running);

    let whole = std::fs::read(guest("hostile.wasm")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2..][..64].fill(0xff);
    let files: [(&[u8], &str); 4] = [
        (b"<html>404</html>", "not WebAssembly"),
        (&whole[..whole.len() / 2], "not valid"),
        (&flipped, "not valid"),
        (b"\0asm\x01\0\0\0", "core module"),
    ];
    for (position, (content, reason)) in files.into_iter().enumerate() {
        std::fs::write(&file, content).unwrap();
        let refusals = position as u64 + 1;
        let status = bench.wait("p", "refused", |status| status.refusals == refusals);
        assert!(status.last_refusal.as_ref().unwrap().contains(reason), "{reason}: {status:?}");
        assert!(status.up);
    }
    std::fs::remove_file(&file).unwrap();
    let status = bench.wait("p", "refused", |status| status.refusals == 5);
    assert!(status.last_refusal.unwrap().contains("cannot read"));

    // A good one takes over all the same.
    deploy(&guest("next/hostile.wasm"), &file);
    let status = bench.wait("p", "0.2.0", |status| status.version.as_deref() == Some("0.2.0"));
    assert_eq!((status.reloads, status.last_refusal), (2, None));
}

#[test]
fn what_is_not_granted_is_refused_and_named() {
    for (grant, http, reason) in [
        (vec![Capability::Clock, Capability::Settings], true, "add `log` to the plugin's `grant`"),
        (vec![Capability::Log, Capability::Settings], true, "add `clock` to the plugin's `grant`"),
        (vec![Capability::Log, Capability::Clock], true, "add `settings` to the plugin's `grant`"),
        (vec![Capability::Log, Capability::Clock, Capability::Settings], false, "under the plugin's `http`"),
    ] {
        let bench = Bench::new(|_| {
            let mut plugin = hostile("p", &guest("hostile.wasm"), json!({}));
            plugin.grant = grant;
            if !http {
                plugin.http.clear();
            }
            vec![plugin]
        });
        let status = bench.wait("p", "refused", |status| status.state == PluginState::Refused);
        let refusal = status.last_refusal.unwrap();
        assert!(refusal.contains(reason), "{refusal}");
        assert_eq!(bench.series("bartizan_plugin_up{plugin=\"p\""), Some(0.0));
        assert_eq!(
            bench.series("bartizan_plugin_refusals_total{plugin=\"p\",kind=\"capability\"}"),
            Some(1.0)
        );
    }
}

#[test]
fn a_file_other_than_the_pinned_one_is_refused() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({}));
        plugin.sha256 = Some("0".repeat(64));
        vec![plugin]
    });
    let status = bench.wait("p", "refused", |status| status.state == PluginState::Refused);
    assert!(status.last_refusal.unwrap().contains("settings pin 000"));
}

#[test]
fn families_that_clash_with_another_plugins_are_refused() {
    let bench = Bench::new(|_| vec![hostile("one", &guest("hostile.wasm"), json!({}))]);
    bench.wait("one", "up", |status| status.up);
    let clashing = hostile("two", &guest("hostile.wasm"), json!({"do": "clash"}));
    bench.host.apply(vec![hostile("one", &guest("hostile.wasm"), json!({})), clashing]).unwrap();
    let status = bench.wait("two", "refused", |status| status.state == PluginState::Refused);
    let refusal = status.last_refusal.unwrap();
    assert!(refusal.contains("`hostile_calls` is already served by the plugin `one`"), "{refusal}");
}

#[test]
fn a_hostile_plugin_takes_nothing_from_another() {
    let bench = Bench::new(|_| {
        let mut plugins = vec![hostile("good", &guest("hostile.wasm"), json!({}))];
        // More loops than there are threads, each at work nearly all the time.
        for number in 0..4 {
            let settings = json!({"do": "loop", "after": 1});
            let mut plugin = hostile(&format!("loop-{number}"), &guest("hostile.wasm"), settings);
            plugin.timeout = Duration::from_millis(900);
            plugins.push(plugin);
        }
        plugins
    });
    bench.wait("loop-3", "failing", |status| status.errors > 0);
    let before = bench.wait("good", "running", |status| status.collections > 0);
    let begun = Instant::now();
    let after = bench.wait("good", "five more", |status| status.collections >= before.collections + 5);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(after.errors, 0);
    assert!(after.last_duration.unwrap() < Duration::from_millis(500), "{after:?}");
    let begun = Instant::now();
    bench.scrape();
    assert!(begun.elapsed() < Duration::from_millis(50));
}
