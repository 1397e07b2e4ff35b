use std::fmt::Write as _;

use http::Method;

use super::{ACTIONS, ENDPOINTS, Narrowing, find};

fn action(method: Method, path: &str) -> Option<&'static str> {
    find(&method, path).ok().map(|endpoint| endpoint.action)
}

#[test]
fn the_table_is_as_reviewed() {
    let mut table = String::new();
    for endpoint in ENDPOINTS {
        let methods: Vec<&str> = endpoint.methods.iter().map(Method::as_str).collect();
        let narrowing = match endpoint.narrowing {
            Narrowing::Query(parameters) => format!("query narrowed; passes {}", parameters.join(", ")),
            Narrowing::Selectors => "match[] narrowed, or put in".into(),
            Narrowing::DemandedSelectors => "match[] narrowed, demanded".into(),
            Narrowing::Federation => "match[] narrowed, demanded; may match the empty value".into(),
            Narrowing::Rules => "answer filtered by labels of rules and alerts".into(),
            Narrowing::Alerts => "answer filtered by labels of alerts".into(),
            Narrowing::Harmless => "the same for everybody".into(),
            Narrowing::ProgramFile => "file of the user interface".into(),
            Narrowing::No => "whole or not at all".into(),
        };
        writeln!(table, "| {} | {} | {} | {narrowing} |", methods.join(" "), endpoint.path, endpoint.action)
            .unwrap();
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/prometheus/endpoints/table.md");
    let head = "| methods | path | grant | narrowing |\n|---|---|---|---|\n";
    if std::env::var_os("BARTIZAN_BLESS").is_some() {
        std::fs::write(golden, format!("{head}{table}")).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(golden).unwrap(),
        format!("{head}{table}"),
        "set BARTIZAN_BLESS=1 to accept"
    );
}

#[test]
fn only_what_is_narrowed_is_a_narrowable_action() {
    for endpoint in ENDPOINTS {
        let action = ACTIONS.iter().find(|action| action.name == endpoint.action).unwrap();
        assert_eq!(action.narrowable, endpoint.narrowing != Narrowing::No, "{}", endpoint.path);
    }
}

#[test]
fn a_path_is_looked_up_as_prometheus_decodes_it() {
    assert_eq!(action(Method::GET, "/api/v1/query"), Some("read"));
    assert_eq!(action(Method::GET, "/api/v1/%71uery"), Some("read"));
    assert_eq!(action(Method::GET, "/api/v1/status/%63onfig"), Some("config"));
    assert_eq!(action(Method::GET, "/api/v1/status%2Fconfig"), Some("config"));
    assert_eq!(action(Method::GET, "/api/v1/label/U__my_2e_label/values"), Some("read"));
    assert_eq!(action(Method::GET, "/api/v1/label/%C3%A9/values"), Some("read"));
    assert_eq!(action(Method::GET, "/api/v1/label/a%2Fb/values"), Some("unknown"));
    assert_eq!(action(Method::GET, "/api/v1/label//values"), None);
}

#[test]
fn what_is_not_in_the_table_is_unknown() {
    for path in [
        "/api/v1/Query",
        "/api/v1/query/",
        "/api/v2/query",
        "/api/v1/new",
        "/x",
        "/classicx",
        "/api/v1/label/values",
    ] {
        assert_eq!(action(Method::GET, path), Some("unknown"), "{path}");
    }
}

#[test]
fn an_unclear_path_or_another_method_is_refused() {
    for path in [
        "/static/../api/v1/status/config",
        "/static/%2e%2e/x",
        "/assets/./x",
        "//api/v1/query",
        "/a%00",
        "/%ff",
        "x",
    ] {
        assert_eq!(action(Method::GET, path), None, "{path}");
    }
    assert_eq!(action(Method::DELETE, "/api/v1/query"), None);
    assert_eq!(action(Method::HEAD, "/api/v1/query"), None);
    assert_eq!(action(Method::POST, "/api/v1/rules"), None);
    assert_eq!(action(Method::GET, "/api/v1/admin/tsdb/snapshot"), None);
    assert_eq!(action(Method::OPTIONS, "/api/v1/query"), Some("read"));
    assert_eq!(action(Method::HEAD, "/-/ready"), Some("read"));
}
