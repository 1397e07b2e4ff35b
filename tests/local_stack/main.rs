//! `deploy/local/up` brings up what it promises, a second one changes nothing, and `deploy/local/down` leaves nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod stack;
mod swap;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::Stack;
use support::client;
use support::ports::free_row;
use support::process::{Folder, output};
use support::repository::root;

/// Scrape, evaluation, the alert's own patience, Alertmanager's grouping: half a minute, on a busy machine more.
const ALERTS_WITHIN: Duration = Duration::from_secs(120);

#[tokio::test]
async fn the_stack_comes_up_serves_each_login_and_goes_down() {
    let mut stack = Stack::new().unwrap();
    stack.up(&["--detach", "--no-build"]).unwrap();
    let first = stack.file();
    has_the_promised_shape(&first);
    every_backend_answers_directly(&first).await;

    let said = stack.up(&["--detach", "--no-build"]).unwrap();
    assert!(said.contains("nothing has changed"), "{said}");
    assert_eq!(stack.file(), first, "the second up changed something");

    every_team_has_alerts(&first).await;
    everybody_sees_what_is_theirs(&stack).await;
    swap::a_plugin_is_swapped_while_prometheus_scrapes(&stack, &first).await;

    let pid = first["pid"].as_u64().unwrap();
    stack.down().unwrap();
    assert!(!is_alive(pid), "the gateway outlived down");
    assert!(client::plain().get(backend(&first, "prometheus", 0)).send().await.is_err());
    assert!(stack.down().unwrap().contains("nothing was running"));
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let mut stack = Stack::new().unwrap();
    let held = TcpListener::bind(("127.0.0.1", stack.workload_port())).unwrap();
    let error = stack.up(&["--detach", "--no-build"]).unwrap_err().to_string();
    let port = held.local_addr().unwrap().port();
    assert!(error.contains(&format!("port {port}")) && error.contains("BARTIZAN_PORT_BASE="), "{error}");
}

#[test]
fn what_is_typed_wrongly_is_told() {
    for script in ["up", "down"] {
        let ended = Command::new(root().join("deploy/local").join(script)).arg("--detatch").output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("unknown argument '--detatch'") && said.contains("--help"), "{said}");
    }
}

#[test]
fn promtool_accepts_the_rules() {
    let mut promtool = Command::new("promtool");
    output("prometheus", promtool.args(["check", "rules"]).arg(root().join("deploy/local/rules.yml")))
        .unwrap();
}

fn has_the_promised_shape(file: &Value) {
    for login in ["ada", "bo", "cy", "di", "ops"] {
        for secret in ["password", "token"] {
            assert!(!file["logins"][login][secret].as_str().unwrap().is_empty(), "{login} has no {secret}");
        }
    }
    for key in ["ca", "config", "audit"] {
        let path = root().join(file[key].as_str().unwrap());
        assert!(path.is_file(), "{key}: {} is not there", path.display());
    }
    assert!(file["gateway"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    assert!(file["admin"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    for pair in ["prometheus", "alertmanager"] {
        assert_eq!(file["backends"][pair].as_array().unwrap().len(), 2);
    }
}

async fn every_backend_answers_directly(file: &Value) {
    for replica in 0..2 {
        let answer = get(&format!("{}/api/v1/query?query=up", backend(file, "prometheus", replica))).await;
        assert_eq!(answer["status"], "success");
        let answer = get(&format!("{}/api/v2/status", backend(file, "alertmanager", replica))).await;
        assert_eq!(answer["cluster"]["peers"].as_array().unwrap().len(), 2, "{answer}");
    }
}

async fn every_team_has_alerts(file: &Value) {
    let url = format!("{}/api/v2/alerts", backend(file, "alertmanager", 1));
    let deadline = Instant::now() + ALERTS_WITHIN;
    loop {
        let alerts = get(&url).await;
        let teams = values(alerts.as_array().unwrap(), |alert| &alert["labels"]["team"]);
        if teams.len() == 3 {
            return;
        }
        assert!(Instant::now() < deadline, "only these teams have alerts: {teams:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn everybody_sees_what_is_theirs(stack: &Stack) {
    let all = ["payments", "platform", "walks"];
    for (login, expected) in [("ada", &all[..]), ("bo", &all[..1]), ("cy", &all[2..]), ("di", &all[..])] {
        let answer = stack.ask(login, "/prometheus/api/v1/query?query=up").await;
        let teams = values(answer["data"]["result"].as_array().unwrap(), |series| &series["metric"]["team"]);
        assert_eq!(teams, expected.iter().copied().map(str::to_owned).collect(), "metrics of {login}");
    }
    for (login, expected) in
        [("ada", &all[..]), ("bo", &all[..1]), ("cy", &all[2..]), ("di", &all[..]), ("ops", &all[..])]
    {
        let answer = stack.ask(login, "/alertmanager/api/v2/alerts").await;
        let teams = values(answer.as_array().unwrap(), |alert| &alert["labels"]["team"]);
        assert_eq!(teams, expected.iter().copied().map(str::to_owned).collect(), "alerts of {login}");
    }
    let payments =
        stack.ask("bo", "/prometheus/api/v1/query?query=payment_transactions_total").await.to_string();
    for personal in ["@example", "4111111111111111", "192.0.2.17"] {
        assert!(!payments.contains(personal), "bo sees {personal} in {payments}");
    }
    let payments =
        stack.ask("ada", "/prometheus/api/v1/query?query=payment_transactions_total").await.to_string();
    assert!(payments.contains("mara.lindqvist@example.com"), "ada sees less than everything: {payments}");
}

/// A process that has ended may still wait, as a zombie, for the system's first process to notice.
fn is_alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

fn backend(file: &Value, kind: &str, replica: usize) -> String {
    file["backends"][kind][replica].as_str().unwrap().to_owned()
}

fn values(items: &[Value], of: impl Fn(&Value) -> &Value) -> BTreeSet<String> {
    items.iter().map(|item| of(item).as_str().unwrap_or("none").to_owned()).collect()
}

async fn get(url: &str) -> Value {
    let response = client::plain().get(url).send().await.unwrap().error_for_status().unwrap();
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}
