//! What only a Prometheus that scrapes and evaluates has: exemplars, rules and alerts.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::client;
use support::gateway::{Gateway, Options};
use support::process::Folder;
use support::prometheus::{self, Prometheus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const RULES: &str = r#"
groups:
  - name: common
    rules:
      - alert: ServiceDown
        expr: up_service == 0
        labels: { severity: page }
        annotations: { summary: "{{ $labels.service }} is down" }
      - alert: NothingToSee
        expr: up_service > 5
      - { record: "service:up:sum", expr: sum(up_service) }
  - name: about-walks
    rules:
      - { alert: WalksDown, expr: 'up_service{team="walks"} == 0', labels: { team: walks } }
  - name: about-payments
    rules:
      - { alert: PaymentsAlways, expr: vector(1), labels: { team: payments } }
      - { record: "payments:requests:sum", expr: 'sum(requests_total{team="payments"})', labels: { team: payments } }
"#;

const POLICY: &str = r#"
roles:
  payments:
    grants:
      - { backend: prometheus, actions: [read], selectors: ['{team="payments"}'] }
bindings:
  - { role: payments, groups: [payments] }
"#;

/// Serves the metrics of these teams below `/all` and `/payments`.
async fn exporter(now: u64) -> u16 {
    let metrics = move |teams: &[&str]| {
        let mut text = "# TYPE up_service gauge\n".to_owned();
        for team in teams {
            text += &format!(
                "up_service{{team=\"{team}\",service=\"{team}-api\"}} 0\nup_service{{team=\"{team}\",service=\"{team}-web\"}} 1\n"
            );
        }
        text += "# TYPE requests counter\n";
        for team in teams {
            text += &format!("requests_total{{team=\"{team}\"}} 7 # {{trace_id=\"of-{team}\"}} 1 {now}\n");
        }
        text + "# EOF\n"
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap_or(0);
            let everything = request[..read].starts_with(b"GET /all");
            let body = if everything { metrics(&["payments", "walks"]) } else { metrics(&["payments"]) };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    port
}

async fn scraping(port: u16, path: &str, rules: &str) -> Prometheus {
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{rules}']\nscrape_configs:\n  \
         - {{ job_name: services, metrics_path: {path}, static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}\n"
    );
    prometheus::Options::default().config(config).start().await.unwrap()
}

struct Live {
    gateway: Gateway,
    own: Prometheus,
    now: u64,
    _everything: Prometheus,
    _rules: Folder,
}

async fn live() -> Live {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let folder = Folder::new().unwrap();
    let rules = folder.write("rules.yml", RULES).unwrap().display().to_string();
    let port = exporter(now).await;
    let everything = scraping(port, "/all", &rules).await;
    let own = scraping(port, "/payments", &rules).await;
    let options = Options::new().unwrap().backend("prometheus", "prometheus", [everything.url()]);
    let gateway = options.policy(POLICY).user("bo", "payments").start().await.unwrap();
    for server in [&everything, &own] {
        let url = format!("{}/api/v1/alerts", server.url());
        for attempt in 0.. {
            let alerts = get(&url).await;
            if alerts["data"]["alerts"].as_array().is_some_and(|alerts| {
                alerts.iter().any(|alert| alert["labels"]["alertname"] == "ServiceDown")
            }) {
                break;
            }
            assert!(attempt < 200, "no alert fires: {alerts}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Live { gateway, own, now, _everything: everything, _rules: folder }
}

async fn get(url: &str) -> Value {
    let answer = client::plain().get(url).send().await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn labels(alerts: &Value) -> BTreeSet<String> {
    alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| format!("{} {} {}", alert["labels"], alert["annotations"], alert["state"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars_rules_and_alerts_are_those_of_ones_own() {
    let live = live().await;
    let range = format!("start={}&end={}", live.now - 100, live.now + 100);
    for query in [
        "requests_total",
        "rate(requests_total[5m])",
        "requests_total%7Bteam%3D%22walks%22%7D",
        "%7B__name__%3D~%22.%2B%22%7D",
    ] {
        let path = format!("/api/v1/query_exemplars?query={query}&{range}");
        let here = live.gateway.json("bo", &format!("/prometheus{path}")).await.unwrap();
        let there = get(&format!("{}{path}", live.own.url())).await;
        assert_eq!(here["data"], there["data"], "{query}");
        assert_eq!(here["data"].as_array().unwrap().is_empty(), query.contains("walks"), "{query}: {here}");
    }

    let here = live.gateway.json("bo", "/prometheus/api/v1/alerts").await.unwrap();
    let there = get(&format!("{}/api/v1/alerts", live.own.url())).await;
    assert_eq!(labels(&here["data"]["alerts"]), labels(&there["data"]["alerts"]));
    assert_eq!(labels(&here["data"]["alerts"]).len(), 2, "{here}");

    for parameters in [
        "",
        "?type=alert",
        "?type=alert&rule_name[]=ServiceDown&exclude_alerts=true",
        "?group_limit=1",
        "?rule_group[]=about-walks",
        "?type=record",
        "?match[]=%7Bteam%3D%22walks%22%7D",
    ] {
        let rules = live.gateway.json("bo", &format!("/prometheus/api/v1/rules{parameters}")).await.unwrap();
        assert!(!rules.to_string().to_lowercase().contains("walks"), "{parameters}: {rules}");
    }
    let rules = live.gateway.json("bo", "/prometheus/api/v1/rules").await.unwrap();
    let groups = rules["data"]["groups"].as_array().unwrap();
    let names: Vec<(&str, Vec<&str>)> = groups
        .iter()
        .map(|group| {
            let rules = group["rules"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap());
            (group["name"].as_str().unwrap(), rules.collect())
        })
        .collect();
    let expected = [
        ("common", vec!["ServiceDown"]),
        ("about-payments", vec!["PaymentsAlways", "payments:requests:sum"]),
    ];
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect::<BTreeSet<_>>());
}
