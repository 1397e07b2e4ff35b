use bartizan_access::policy::Selector;
use serde_json::{Value, json};

use super::{alerts, rules};

fn payments() -> Vec<Selector> {
    vec![Selector::parse(r#"{team="payments"}"#).unwrap()]
}

fn alert(team: &str, state: &str) -> Value {
    json!({"labels": {"alertname": "Down", "team": team}, "annotations": {"to": team}, "state": state, "activeAt": "2026-01-01T00:00:00Z", "value": "1e+00"})
}

fn alerting(labels: Value, alerts: &[Value]) -> Value {
    json!({"state": "firing", "name": "Down", "query": "up == 0", "duration": 60.5, "labels": labels, "annotations": {}, "alerts": alerts,
        "health": "ok", "lastError": "of others", "evaluationTime": 0.000123, "lastEvaluation": "2026-01-01T00:00:00Z", "type": "alerting", "novel": 1})
}

fn answer(rules: &[(&str, Vec<Value>)]) -> Vec<u8> {
    let groups: Vec<Value> = rules.iter().map(|(name, rules)| json!({"name": name, "file": "/etc/rules.yml", "rules": rules, "interval": 15, "novel": 1})).collect();
    json!({"status": "success", "data": {"groups": groups, "groupNextToken": "abc"}, "warnings": ["of others"]}).to_string().into_bytes()
}

fn filtered(answer: &[u8]) -> Value {
    serde_json::from_slice(&rules(answer, &payments(), false).unwrap()).unwrap()
}

#[test]
fn a_rule_with_labels_of_ones_own_is_shown() {
    let shown = filtered(&answer(&[(
        "g",
        vec![alerting(json!({"team": "payments"}), &[alert("payments", "firing")])],
    )]));
    let rule = &shown["data"]["groups"][0]["rules"][0];
    assert_eq!(rule["name"], "Down");
    assert_eq!(rule["alerts"][0]["labels"]["team"], "payments");
    assert_eq!(rule["duration"], 60.5);
    assert_eq!(shown["data"]["groups"][0]["file"], "g", "no path of the server");
    assert!(!shown.to_string().contains("/etc/rules.yml"));
    for gone in ["lastError", "novel"] {
        assert!(rule.get(gone).is_none());
    }
}

#[test]
fn rules_and_groups_of_others_are_not_shown() {
    let shown = filtered(&answer(&[
        ("walks", vec![alerting(json!({"team": "walks"}), &[alert("walks", "firing")])]),
        ("common", vec![alerting(json!({}), &[]), alerting(json!({}), &[alert("walks", "firing")])]),
        ("recorded", vec![json!({"name": "a:b", "query": "sum(x)", "health": "ok", "type": "recording"})]),
    ]));
    assert_eq!(shown, json!({"status": "success", "data": {"groups": []}}));
}

#[test]
fn a_rule_for_all_is_shown_with_ones_own_alerts_and_their_state() {
    let rule =
        alerting(json!({"severity": "page"}), &[alert("walks", "firing"), alert("payments", "pending")]);
    let shown = filtered(&answer(&[("common", vec![rule])]));
    let rule = &shown["data"]["groups"][0]["rules"][0];
    assert_eq!(rule["state"], "pending");
    assert_eq!(rule["alerts"], json!([alert("payments", "pending")]));
    assert!(!shown.to_string().contains("walks"));
}

#[test]
fn alerts_can_be_left_out() {
    let rule = alerting(json!({}), &[alert("walks", "firing"), alert("payments", "pending")]);
    let shown = rules(&answer(&[("common", vec![rule])]), &payments(), true).unwrap();
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["data"]["groups"][0]["rules"][0]["alerts"], Value::Null);
    assert_eq!(shown["data"]["groups"][0]["rules"][0]["state"], "pending");
}

#[test]
fn alerts_of_others_are_not_shown() {
    let answer = json!({"status": "success", "data": {"alerts": [alert("walks", "firing"), alert("payments", "firing")]}}).to_string();
    let shown: Value = serde_json::from_slice(&alerts(answer.as_bytes(), &payments()).unwrap()).unwrap();
    assert_eq!(shown["data"]["alerts"], json!([alert("payments", "firing")]));
}

#[test]
fn numbers_stay_as_they_were_written() {
    let answer = br#"{"status":"success","data":{"groups":[{"name":"g","file":"g","rules":[{"labels":{"team":"pay\u006dents"},"evaluationTime":1.50e-7,"type":"recording"}],"interval":1e1}]}}"#;
    let shown = rules(answer, &payments(), false).unwrap();
    assert_eq!(String::from_utf8(shown).unwrap(), String::from_utf8_lossy(answer));
}

#[test]
fn an_answer_of_another_shape_is_not_shown() {
    for answer in [
        "",
        "[]",
        "{}",
        r#"{"status":"success"}"#,
        r#"{"data":{}}"#,
        r#"{"data":{"groups":[{}]}}"#,
        r#"{"data":{"groups":[{"rules":[{"labels":[]}]}]}}"#,
        r#"{"data":{"groups":[{"rules":[{"labels":{"team":"walks","team":"payments"},"labels":{"team":"payments"}}]}]}}"#,
        r#"{"data":{"groups":[]},"data":{"groups":[]}}"#,
    ] {
        assert!(rules(answer.as_bytes(), &payments(), false).is_err(), "{answer}");
    }
    assert!(alerts(br#"{"data":{"alerts":[{"labels":{"team":"payments"}}]}}"#, &payments()).is_err());
}
