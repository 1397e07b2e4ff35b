//! A plugin's life: swap, roll back, going stale, new settings, the end.

mod support;

use std::time::{Duration, Instant};

use bartizan_plugin::{PluginState, check};
use serde_json::json;
use support::{Bench, answer, deploy, guest, hostile, server};

#[test]
fn a_new_version_takes_over_without_a_scrape_that_lacks_the_series() {
    let bench = Bench::new(|folder| {
        let file = folder.join("plugin.wasm");
        deploy(&guest("hostile.wasm"), &file);
        vec![hostile("p", &file, json!({}))]
    });
    let file = bench.folder.path().join("plugin.wasm");
    bench.wait("p", "up", |status| status.up);
    for version in ["0.2.0", "0.1.0", "0.2.0"] {
        deploy(&guest(if version == "0.2.0" { "next/hostile.wasm" } else { "hostile.wasm" }), &file);
        let end = Instant::now() + Duration::from_secs(30);
        while bench.status("p").version.as_deref() != Some(version) {
            let scrape = bench.scrape();
            assert!(scrape.contains("\nhostile_calls_total{plugin=\"p\"} "), "{scrape}");
            assert!(scrape.contains("\nbartizan_plugin_up{plugin=\"p\",version=\""), "{scrape}");
            assert!(Instant::now() < end, "{version} did not take over");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    assert_eq!(bench.status("p").reloads, 4);
    assert_eq!(bench.series("bartizan_plugin_up{plugin=\"p\",version=\"0.2.0\"}"), Some(1.0));
}

#[test]
fn a_version_that_fails_right_after_the_swap_is_rolled_back() {
    let bench = Bench::new(|folder| {
        let file = folder.join("plugin.wasm");
        deploy(&guest("hostile.wasm"), &file);
        // The next version passes its trial and fails ever after.
        vec![hostile("p", &file, json!({"0.1.0": "nothing", "0.2.0": "fail", "after": 1}))]
    });
    let file = bench.folder.path().join("plugin.wasm");
    bench.wait("p", "proven", |status| status.collections > 0);
    deploy(&guest("next/hostile.wasm"), &file);
    bench.wait("p", "0.2.0", |status| status.version.as_deref() == Some("0.2.0"));
    let status = bench.wait("p", "rolled back", |status| status.rollbacks == 1);
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    let reason = status.last_refusal.unwrap();
    assert!(reason.contains("version 0.2.0 failed its first 3 collections"), "{reason}");
    assert!(reason.contains("the source is away"), "{reason}");
    bench.wait("p", "running again", |status| status.state == PluginState::Running && status.up);
    assert_eq!(bench.series("bartizan_plugin_rollbacks_total{plugin=\"p\"}"), Some(1.0));

    // The file that was rolled back is not tried again as long as it stays the same.
    std::fs::File::open(&file).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    let status = bench.status("p");
    assert_eq!((status.reloads, status.refusals, status.version.as_deref()), (2, 0, Some("0.1.0")));
}

#[test]
fn a_trap_costs_the_instance_and_nothing_else() {
    let bench = Bench::new(|_| vec![hostile("p", &guest("hostile.wasm"), json!({"do": "trap", "after": 2}))]);
    // The instance of the trial works once more, the next ones twice each.
    let status = bench.wait("p", "failed and recovered", |status| {
        status.errors >= 2 && status.state == PluginState::Running
    });
    assert!(status.last_error.unwrap().contains("trapped"));
    assert_eq!(status.rollbacks, 0);
    let errors = bench.series("bartizan_plugin_collect_errors_total{plugin=\"p\",kind=\"trap\"}");
    assert!(errors >= Some(2.0), "{errors:?}");
}

#[test]
fn memory_that_grows_ends_the_instance_and_not_the_host() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "grow-slowly"}));
        plugin.memory_bytes = 4 << 20;
        vec![plugin]
    });
    let status = bench.wait("p", "out of memory", |status| status.errors >= 1);
    assert!(status.last_error.unwrap().contains("4194304 bytes of memory"));
    bench.wait("p", "running again", |status| status.state == PluginState::Running);
}

#[test]
fn values_go_stale_when_the_source_stays_away() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "fail", "after": 1}));
        plugin.timeout = Duration::from_millis(100);
        vec![plugin]
    });
    bench.wait("p", "up", |status| status.up);
    bench.wait("p", "failing", |status| status.state == PluginState::Failing);
    assert!(bench.series("hostile_calls_total{plugin=\"p\"}").is_some(), "one failure is no reason to go");
    bench.wait("p", "stale", |status| !status.up);
    assert_eq!(bench.series("hostile_calls_total{plugin=\"p\"}"), None);
    assert_eq!(bench.series("bartizan_plugin_up{plugin=\"p\""), Some(0.0));
    assert!(
        bench.series("bartizan_plugin_collect_errors_total{plugin=\"p\",kind=\"source\"}").unwrap() >= 1.0
    );
}

#[test]
fn a_first_version_whose_source_is_away_waits_for_it() {
    let bench = Bench::new(|_| vec![hostile("p", &guest("hostile.wasm"), json!({"do": "fail"}))]);
    let status = bench.wait("p", "failing", |status| status.state == PluginState::Failing);
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert!(status.last_error.unwrap().contains("the source is away"));
}

#[test]
fn new_settings_are_tried_and_bad_ones_refused() {
    let plugin = |settings| vec![hostile("p", &guest("hostile.wasm"), settings)];
    let bench = Bench::new(|_| plugin(json!({})));
    bench.wait("p", "up", |status| status.up);

    bench.host.apply(plugin(json!({"do": "fail-self-test"}))).unwrap();
    bench.wait("p", "refused", |status| status.refusals == 1 && status.up);
    bench.host.apply(plugin(json!({"do": "all-kinds"}))).unwrap();
    bench.wait("p", "taken over", |status| status.reloads == 2);
    assert!(bench.series("walks_total{plugin=\"p\",team=\"walks\"}").is_some());

    let mut invalid = plugin(json!({}));
    invalid[0].interval = Duration::ZERO;
    assert!(bench.host.apply(invalid).is_err());
    assert!(bench.status("p").up);
    bench.host.apply(Vec::new()).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while !bench.host.status().is_empty() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(bench.scrape(), "");
}

#[test]
fn the_json_exporter_makes_metrics_of_a_document() {
    let document = json!({"regions": [
        {"name": "north", "walks": {"active": 3, "done": 17}, "open": true},
        {"name": "south \"low\"", "walks": {"active": 0, "done": 5}, "open": false},
    ]});
    let body = document.to_string().into_bytes();
    let port = server(move |path| match path {
        "/walks" => answer("200 OK", "content-type: application/json\r\n", &body),
        _ => answer("404 Not Found", "", b"no"),
    });
    let plugin = |path: &str| -> bartizan_plugin::PluginSettings {
        serde_json::from_value(json!({
            "name": "walks", "file": guest("json-exporter.wasm"), "interval": "1s", "timeout": "5s",
            "http": [format!("http://127.0.0.1:{port}")],
            "settings": {
                "url": format!("http://127.0.0.1:{port}{path}"),
                "metrics": [
                    {"name": "walks_active", "help": "Walks under way.", "items": "regions[*]",
                     "value": "walks.active", "labels": {"region": "name"}},
                    {"name": "walks_done_total", "help": "Walks done.", "type": "counter", "items": "regions[*]",
                     "value": "walks.done", "labels": {"region": "name", "number": "@key"}},
                    {"name": "region_open", "help": "Whether it takes walks.", "items": "regions[*]",
                     "value": "open", "labels": {"region": "name", "source": {"text": "api"}}},
                ],
            },
        }))
        .unwrap()
    };
    let bench = Bench::new(|_| vec![plugin("/walks")]);
    let status = bench.wait("walks", "up", |status| status.up);
    assert_eq!(status.kind.as_deref(), Some("json-exporter"));
    assert_eq!(status.series, 6);
    for line in [
        "# TYPE walks_done_total counter",
        "walks_active{plugin=\"walks\",region=\"north\"} 3",
        "walks_done_total{plugin=\"walks\",number=\"1\",region=\"south \\\"low\\\"\"} 5",
        "region_open{plugin=\"walks\",region=\"north\",source=\"api\"} 1",
    ] {
        assert!(bench.scrape().contains(&format!("{line}\n")), "{line}\n{}", bench.scrape());
    }
    // A path that does not exist there: the version with those settings is refused, the old one stays.
    bench.host.apply(vec![plugin("/gone")]).unwrap();
    let status = bench.wait("walks", "refused", |status| status.refusals > 0);
    assert!(status.last_refusal.unwrap().contains("answered with status 404"));
    assert!(status.up);
}

#[test]
fn checking_a_component_tells_what_it_is_and_what_it_wants() {
    let description = check(&guest("next/json-exporter.wasm")).unwrap();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("json-exporter", "0.2.0"));
    assert_eq!(description.capabilities, ["log", "settings", "outgoing-http"]);
    assert!(description.settings_schema.contains("\"url\""));
    assert_eq!(description.digest.len(), 64);
    assert!(check(std::path::Path::new("/does/not/exist")).is_err());
}

#[test]
fn the_host_ends_in_time_even_while_a_plugin_loops() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "loop", "after": 1}));
        plugin.timeout = Duration::from_secs(60);
        vec![plugin]
    });
    bench.wait("p", "up", |status| status.up);
    std::thread::sleep(Duration::from_millis(1_200));
    let begun = Instant::now();
    assert!(bench.host.shutdown(Duration::from_secs(5)));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
