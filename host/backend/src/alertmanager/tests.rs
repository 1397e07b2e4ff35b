//! What can be said without a server. `tests/alertmanager` asks two real ones.

use std::sync::Arc;

use bartizan_access::identity::Subject;
use bartizan_access::policy::{Permit, PolicyFile, Scope, Selector, Vocabulary};
use http::Method;
use serde_json::{Value, json};

use super::alerts::{self, Own};
use super::endpoints::{self, Treatment, classify};
use super::query::AlertQuery;
use super::silences;
use crate::BackendError;

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| Selector::parse(text).unwrap()).collect()
}

fn payments() -> Vec<Selector> {
    selectors(&["{team=\"payments\"}"])
}

fn scope() -> Scope {
    Scope::Only(payments().into())
}

fn permit(grants: &str) -> Permit {
    let policy =
        format!("roles: {{payments: {{grants: [{grants}]}}}}\nbindings: [{{role: payments, users: [bo]}}]\n");
    let backend: Arc<str> = "alertmanager".into();
    let vocabulary = Vocabulary { backends: vec![(backend.clone(), super::ACTIONS)], redactions: vec![] };
    let policy = PolicyFile::compile("policy.yaml", &policy, &vocabulary).unwrap();
    policy.decide(&Arc::new(Subject::hypothetical("bo", &[])), &backend).unwrap()
}

#[test]
fn every_endpoint_is_classed() {
    let golden = include_str!("tests/endpoints.txt");
    assert_eq!(endpoints::table(), golden, "if the change is meant, write it to tests/endpoints.txt");
}

#[test]
fn each_treatment_asks_for_an_action_that_exists() {
    for line in endpoints::table().lines() {
        let action = line
            .split_whitespace()
            .rev()
            .find(|word| super::ACTIONS.iter().any(|action| action.name == *word));
        assert!(action.is_some(), "{line}");
    }
    let narrowable =
        |name: &str| super::ACTIONS.iter().any(|action| action.name == name && action.narrowable);
    assert!(narrowable("read") && narrowable("silence"));
    assert!(!["status", "post-alerts", "lifecycle", "debug", "unknown"].into_iter().any(narrowable));
}

#[test]
fn other_spellings_and_methods_are_unknown() {
    for (method, path) in [
        (Method::GET, "/api/v2/alerts/"),
        (Method::GET, "/api/v2//alerts"),
        (Method::GET, "/api/v2/Alerts"),
        (Method::GET, "/api/v2/alerts;x"),
        (Method::GET, "/api/v2/silence/"),
        (Method::GET, "/api/v2/silence/a/b"),
        (Method::HEAD, "/api/v2/alerts"),
        (Method::OPTIONS, "/api/v2/alerts"),
        (Method::PUT, "/api/v2/silences"),
        (Method::DELETE, "/api/v2/silences"),
        (Method::GET, "/api/v1/alerts"),
        (Method::GET, "/api/v3/alerts"),
        (Method::GET, "/-/reload"),
        (Method::GET, "/lib/"),
        (Method::GET, "/lib/..%2F..%2Fapi%2Fv2%2Falerts"),
        (Method::GET, "/assets/../api/v2/alerts"),
        (Method::GET, "/swagger.json"),
        (Method::GET, "alerts"),
    ] {
        assert_eq!(classify(&method, path), Treatment::Unknown, "{method} {path}");
    }
}

#[test]
fn only_a_uuid_is_a_silences_id() {
    let id = "/api/v2/silence/0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1";
    assert_eq!(endpoints::silence_id(id), Some("0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1"));
    for other in
        ["x", "0f5fbfd26c234f449d462f1a7a1fd9f1", "..%2Falerts", "0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f?"]
    {
        assert_eq!(endpoints::silence_id(&format!("/api/v2/silence/{other}")), None, "{other}");
    }
}

fn alert(team: &str, silenced_by: &[&str], inhibited_by: &[&str]) -> Value {
    let state = if silenced_by.is_empty() && inhibited_by.is_empty() { "active" } else { "suppressed" };
    json!({
        "labels": {"alertname": "Down", "team": team},
        "annotations": {"summary": "x"},
        "fingerprint": format!("f-{team}"),
        "receivers": [{"name": format!("{team}-pager")}],
        "status": {"state": state, "silencedBy": silenced_by, "inhibitedBy": inhibited_by, "mutedBy": []},
        "aFieldOfTheFuture": 1,
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

#[test]
fn foreign_alerts_are_dropped_and_own_ones_stay_as_they_are() {
    let own = alert("payments", &[], &[]);
    let without_labels = json!({"fingerprint": "x"});
    let odd_labels = json!({"labels": {"team": ["payments"]}});
    let list =
        json!([alert("walks", &[], &[]), own, without_labels, odd_labels, {"labels": {"alertname": "x"}}]);
    assert_eq!(alerts::own_alerts(&bytes(&list), &payments()).unwrap(), vec![own.clone()]);
    assert_eq!(alerts::receivers(&[own]).into_iter().collect::<Vec<_>>(), ["payments-pager"]);
}

#[test]
fn an_answer_that_is_no_list_shows_nothing() {
    for body in ["", "{}", "null", "[{}", "[] []", "\"x\""] {
        let result = alerts::own_alerts(body.as_bytes(), &payments());
        assert!(matches!(result, Err(BackendError::AnswerNotUnderstood { .. })), "{body}");
    }
}

#[test]
fn foreign_ids_leave_the_status_and_the_state_follows() {
    let own = Own {
        silences: ["mine".to_owned()].into_iter().collect(),
        alerts: ["f-payments".to_owned()].into_iter().collect(),
    };
    let rewritten = |silenced: &[&str], inhibited: &[&str]| {
        let mut alert = alert("payments", silenced, inhibited);
        own.rewrite_status(&mut alert);
        alert["status"].clone()
    };
    assert_eq!(rewritten(&["theirs"], &["f-walks"]), alert("payments", &[], &[])["status"]);
    assert_eq!(rewritten(&["mine", "theirs"], &[]), alert("payments", &["mine"], &[])["status"]);
    assert_eq!(rewritten(&["theirs"], &["f-payments"]), alert("payments", &[], &["f-payments"])["status"]);
    let mut muted = alert("payments", &["theirs"], &[]);
    muted["status"]["mutedBy"] = json!(["weekend"]);
    own.rewrite_status(&mut muted);
    assert_eq!(
        muted["status"]["state"], "suppressed",
        "a time interval of the configuration mutes for everybody"
    );
}

#[test]
fn groups_without_own_alerts_are_dropped() {
    let list = json!([
        {"labels": {"alertname": "Down"}, "receiver": {"name": "all"}, "alerts": [alert("walks", &[], &[]), alert("payments", &[], &[])]},
        {"labels": {"alertname": "Down", "team": "walks"}, "receiver": {"name": "walks"}, "alerts": [alert("walks", &[], &[])]},
        {"labels": {"team": "walks"}, "receiver": {"name": "odd"}, "alerts": [alert("payments", &[], &[])]},
        {"labels": {}, "receiver": {"name": "none"}},
    ]);
    let mut groups = alerts::own_groups(&bytes(&list), &payments()).unwrap();
    groups.retain_mut(|group| alerts::narrow_group(group, &Own::default(), &AlertQuery::default()));
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0]["alerts"], json!([alert("payments", &[], &[])]));
    assert_eq!(groups[0]["labels"], json!({"alertname": "Down"}));
    assert_eq!(groups[1]["labels"], json!({}), "a label that no own alert carries");
}

#[test]
fn what_asks_for_states_is_answered_from_the_own_status() {
    let query =
        AlertQuery::parse(Some("active=false&receiver=pay.*&silenced=TRUE&inhibited=0&filter=a%3D%22b%22"));
    assert!(!query.asks_for_all());
    assert_eq!(
        query.narrowed(&payments()),
        "receiver=pay.*&filter=a%3D%22b%22&filter=team%3D%22payments%22",
        "states are not asked of the server"
    );
    assert!(!query.wants(&alert("payments", &[], &[])));
    assert!(query.wants(&alert("payments", &["s"], &[])));
    assert!(!query.wants(&alert("payments", &["s"], &["f"])));
    let defaults = AlertQuery::parse(Some("active=&silenced=false&silenced=1"));
    assert!(defaults.asks_for_all());
    assert!(defaults.wants(&alert("payments", &["s"], &[])) && defaults.wants(&alert("payments", &[], &[])));
}

#[test]
fn only_what_all_selectors_share_is_asked_of_the_server() {
    let narrowed = |texts: &[&str]| AlertQuery::default().narrowed(&selectors(texts));
    assert_eq!(narrowed(&["{team=\"a\"}", "{team=\"b\"}"]), "");
    assert_eq!(narrowed(&["{env=\"x\",team=\"a\"}", "{team=\"b\",env=\"x\"}"]), "filter=env%3D%22x%22");
    assert_eq!(narrowed(&["{team=~\"a.*\"}"]), "");
    assert_eq!(narrowed(&["{team=\"a\\\\b\"}"]), "", "versions read escapes differently");
}

fn silence(matchers: Value) -> Value {
    json!({
        "id": "0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1", "status": {"state": "active"}, "updatedAt": "2026-01-01T00:00:00Z",
        "comment": "c", "createdBy": "x", "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2027-01-01T00:00:00Z",
        "matchers": matchers,
    })
}

#[test]
fn silences_that_reach_further_are_hidden() {
    let own = silence(json!([{"name": "team", "value": "payments", "isRegex": false, "isEqual": true}]));
    let foreign = [
        silence(json!([{"name": "team", "value": ".*", "isRegex": true, "isEqual": true}])),
        silence(json!([{"name": "team", "value": "payments", "isRegex": false, "isEqual": false}])),
        silence(json!([{"name": "team", "value": "(?x)payments", "isRegex": true}])),
        silence(json!([{"name": "alertname", "value": "Down", "isRegex": false}])),
        silence(json!([])),
        silence(json!([{"name": "team", "value": "payments", "isRegex": false, "orElse": []}])),
        json!({"id": "x"}),
    ];
    let mut of_the_future = own.clone();
    of_the_future["matcherSets"] = json!([[], []]);
    let mut list = vec![own.clone(), of_the_future];
    list.extend(foreign);
    assert_eq!(silences::own_silences(&bytes(&Value::Array(list)), &scope()).unwrap(), vec![own]);
}

/// A list is decided on the thread that serves requests, so it has to be quick.
#[test]
fn a_thousand_silences_are_decided_quickly() {
    let of = |number: usize| match number % 4 {
        0 => json!([{"name": "team", "value": "payments", "isRegex": false}]),
        1 => json!([{"name": "team", "value": format!("payments|walks{number}"), "isRegex": true}]),
        2 => json!([{"name": "team", "value": format!("pay.*{number}"), "isRegex": true}]),
        _ => json!([{"name": "instance", "value": format!("i{number}.*"), "isRegex": true}]),
    };
    let list = bytes(&(0..1000).map(|number| silence(of(number))).collect());
    let began = std::time::Instant::now();
    assert_eq!(silences::own_silences(&list, &scope()).unwrap().len(), 250);
    let took = began.elapsed();
    println!("{took:?}");
    assert!(took.as_millis() < 1000, "{took:?}");
}

fn posted(text: &str) -> Result<Value, BackendError> {
    silences::narrow_posted(text.as_bytes(), &permit(READ_AND_SILENCE), &scope())
        .map(|silence| serde_json::to_value(&silence).unwrap())
}

const READ_AND_SILENCE: &str =
    "{backend: alertmanager, actions: [read, silence], selectors: ['{team=\"payments\"}']}";

#[test]
fn a_silence_bears_the_callers_name() {
    let text = r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}],"createdBy":"ada","comment":"c","startsAt":"a","endsAt":"b"}"#;
    let sent = posted(text).unwrap();
    assert_eq!(
        sent,
        json!({
            "matchers": [{"name": "team", "value": "payments", "isRegex": false}],
            "createdBy": "bo", "comment": "c", "startsAt": "a", "endsAt": "b",
        })
    );
    let everything = silences::narrow_posted(
        br#"{"matchers":[],"createdBy":"ada","new":1}"#,
        &permit("{backend: alertmanager, actions: [silence], selectors: ['{}']}"),
        &Scope::Everything,
    );
    assert_eq!(
        serde_json::to_value(everything.unwrap()).unwrap(),
        json!({"matchers": [], "createdBy": "bo", "new": 1}),
        "also for people who see everything"
    );
}

#[test]
fn a_silence_that_can_be_read_in_two_ways_is_refused() {
    for text in [
        r#"{"matchers":[],"matchers":[{"name":"team","value":"payments","isRegex":false}]}"#,
        r#"{"matchers":[{"name":"team","value":"payments","name":"x","isRegex":false}]}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}],"Matchers":[]}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}],"comment":"a","comment":"b"}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}],"createdby":"ada"}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}],"matcherSets":[]}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false,"IsRegex":true}]}"#,
        r#"{"matchers":[{"name":"team","value":"payments","isRegex":false}]} {}"#,
        r#"{"matchers":{}}"#,
        r#"{}"#,
        "[]",
        "",
    ] {
        assert!(matches!(posted(text), Err(BackendError::NotUnderstood { .. })), "{text}");
    }
    let large = format!(r#"{{"matchers":[],"comment":"{}"}}"#, "x".repeat(70_000));
    assert!(matches!(posted(&large), Err(BackendError::BodyTooLarge { .. })));
}

#[test]
fn a_silence_that_reaches_further_is_refused_and_told_what_is_missing() {
    for matchers in [
        r#"[{"name":"team","value":".*","isRegex":true}]"#,
        r#"[{"name":"alertname","value":"","isRegex":false,"isEqual":false}]"#,
        r#"[{"name":"team","value":"walks","isRegex":false,"isEqual":false}]"#,
        r#"[{"name":"team","value":"","isRegex":false}]"#,
        "[]",
    ] {
        let error = posted(&format!(r#"{{"matchers":{matchers}}}"#)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this silence would also reach alerts that your roles do not cover; add team=\"payments\"",
            "{matchers}"
        );
    }
}
