//! A plugin's new version takes over, and a broken one is refused, while both real Prometheus go on scraping.

use std::time::{Duration, Instant};

use serde_json::Value;
use support::repository::root;

use crate::stack::Stack;
use crate::{backend, get};

/// A collection, a scrape, and what a busy machine adds.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn a_plugin_is_swapped_while_prometheus_scrapes(stack: &Stack, file: &Value) {
    let plugin = stack.path("plugins/json-exporter.wasm");
    seen_by_both(file, "bartizan_plugin_up{plugin=\"company\",version=\"0.1.0\"} == 1").await;
    let began = Instant::now();

    std::fs::copy(root().join("target/guests/next/json-exporter.wasm"), &plugin).unwrap();
    seen_by_both(file, "bartizan_plugin_up{plugin=\"company\",version=\"0.2.0\"} == 1").await;

    std::fs::write(&plugin, "this is no component").unwrap();
    seen_by_both(file, "bartizan_plugin_refusals_total{plugin=\"company\",kind=\"not_a_component\"} == 1")
        .await;
    seen_by_both(file, "bartizan_plugin_up{plugin=\"company\",version=\"0.2.0\"} == 1").await;

    let during = format!("[{}s]", began.elapsed().as_secs());
    seen_by_both(file, &format!("min_over_time(up{{job=\"bartizan-exporters\"}}{during}) == 1")).await;
    seen_by_both(file, &format!("min_over_time(company_walks_active{during}) > 0")).await;
    let log = std::fs::read_to_string(stack.path("log/gateway.log")).unwrap();
    assert!(log.contains("not WebAssembly"), "the log does not say why the broken one was refused:\n{log}");
}

/// Waits until both Prometheus answer this expression with something.
async fn seen_by_both(file: &Value, expression: &str) {
    let deadline = Instant::now() + SEEN_WITHIN;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("query", expression).finish();
    for replica in 0..2 {
        let url = format!("{}/api/v1/query?{query}", backend(file, "prometheus", replica));
        while get(&url).await["data"]["result"].as_array().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "Prometheus {replica} does not see {expression}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
