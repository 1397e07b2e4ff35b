//! The tests' own ground: what they stand on does what it says.

use std::time::Duration;

use serde_json::{Value, json};
use support::alertmanager::Alertmanagers;
use support::client;
use support::gateway::{Options, PASSWORD};
use support::process::{Folder, Process};
use support::prometheus::Prometheus;
use support::tokens::{Signer, claims};

async fn get(url: &str) -> Value {
    let response =
        client::plain().get(url).send().await.expect("an answer").error_for_status().expect("a good one");
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
}

#[tokio::test]
async fn a_prometheus_holds_exactly_the_samples_it_was_given() {
    let samples = "# TYPE up gauge\nup{team=\"walks\"} 1 1700000000\nup{team=\"payments\"} 0 1700000000\n";
    let mut server = Prometheus::holding(samples).await.unwrap();
    let url = format!("{}/api/v1/query?query=up&time=1700000010", server.url());
    let before = get(&url).await;
    assert_eq!(before["data"]["result"].as_array().unwrap().len(), 2, "{before}");

    server.process().kill();
    assert!(client::plain().get(&url).send().await.is_err());
    server.process().start_again().unwrap();
    server.ready().await.unwrap();
    assert_eq!(get(&url).await["data"], before["data"]);
}

#[tokio::test]
async fn both_alertmanagers_have_the_alerts() {
    let cluster = Alertmanagers::start().await.unwrap();
    cluster.post(&json!([{ "labels": { "alertname": "A", "team": "walks" } }])).await.unwrap();
    for url in cluster.urls() {
        let alerts = get(&format!("{url}/api/v2/alerts")).await;
        assert_eq!(alerts[0]["labels"]["team"], "walks", "{alerts}");
    }
}

const POLICY: &str = r#"
roles:
  walks:
    grants: [{ backend: prometheus, actions: [read], selectors: ['{team="walks"}'] }]
bindings:
  - { role: walks, groups: [walkers] }
"#;

#[tokio::test]
async fn a_gateway_serves_users_and_tokens_and_keeps_an_audit_log() {
    let samples = "up{team=\"walks\"} 1 1700000000\nup{team=\"payments\"} 0 1700000000\n";
    let prometheus = Prometheus::holding(samples).await.unwrap();
    let options = Options::new().unwrap().backend("prometheus", "prometheus", [prometheus.url()]);
    let mut gateway = options.policy(POLICY).user("cy", "walkers").start().await.unwrap();

    let path = "/prometheus/api/v1/query?query=up&time=1700000010";
    let by_token = gateway.json("cy", path).await.unwrap();
    assert_eq!(by_token["data"]["result"].as_array().unwrap().len(), 1, "{by_token}");
    let by_password =
        gateway.client().get(format!("{}{path}", gateway.url())).basic_auth("cy", Some(PASSWORD));
    assert_eq!(by_password.send().await.unwrap().status(), 200);
    assert_eq!(gateway.get("stranger", path).await.unwrap().status(), 403);

    gateway.process().signal("TERM").unwrap();
    assert!(gateway.process().wait(Duration::from_secs(30)).await.unwrap().success());
    let users: Vec<Value> = gateway.audit().unwrap().iter().map(|record| record["user"].clone()).collect();
    assert_eq!(users, [json!("cy"), json!("cy"), json!("stranger")]);
}

#[tokio::test]
async fn a_program_that_is_missing_is_named_with_its_package() {
    let folder = Folder::new().unwrap();
    let error =
        Process::start("x", "no-such-program", "the package nosuch", [""], folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "no-such-program is missing; install the package nosuch");
}

#[tokio::test]
async fn a_program_that_ends_early_shows_its_last_words() {
    let folder = Folder::new().unwrap();
    let mut process =
        Process::start("x", "sh", "dash", ["-c", "echo oh dear; exit 3"], folder.path()).unwrap();
    let error = process.answers(&client::plain(), "http://127.0.0.1:9/").await.unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && error.contains("oh dear"), "{error}");
    assert_eq!(process.wait(Duration::from_secs(1)).await.unwrap().code(), Some(3));
}

#[test]
fn a_token_has_three_parts_and_a_key() {
    let signer = Signer::new("k1").unwrap();
    let token = signer.sign(&claims("https://issuer.example.com", "bartizan", "bo", &["payments"])).unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(signer.key_set()["keys"][0]["kid"], "k1");
}
