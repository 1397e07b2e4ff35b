use super::{BackendRoute, Route, Routes};

fn routes() -> Routes {
    let route = |name: &str, host: Option<&str>, prefix: &str| BackendRoute {
        name: name.into(),
        host: host.map(str::to_owned),
        prefix: prefix.to_owned(),
    };
    Routes::new(vec![
        route("prometheus", None, "/prometheus/"),
        route("long-term", None, "/prometheus/long-term/"),
        route("by-host", Some("metrics.example.com"), "/"),
    ])
}

fn found(host: &str, path: &str) -> Option<(String, String)> {
    match routes().find(host, path)? {
        Route::Backend { name, path } => Some((name.to_string(), path)),
        _ => None,
    }
}

#[test]
fn the_longest_prefix_wins_and_is_taken_off() {
    let below = |path| found("any", path);
    assert_eq!(below("/prometheus/api/v1/query"), Some(("prometheus".into(), "/api/v1/query".into())));
    assert_eq!(below("/prometheus/long-term/x"), Some(("long-term".into(), "/x".into())));
    assert_eq!(below("/prometheus"), Some(("prometheus".into(), "/".into())));
    assert_eq!(below("/prometheus/"), Some(("prometheus".into(), "/".into())));
}

#[test]
fn a_prefix_ends_at_a_segment() {
    assert_eq!(found("any", "/prometheusx/api"), None);
    assert_eq!(found("any", "/"), None);
}

#[test]
fn a_route_with_a_host_comes_first_and_answers_on_that_host_only() {
    assert_eq!(
        found("metrics.example.com", "/prometheus/x"),
        Some(("by-host".into(), "/prometheus/x".into()))
    );
    assert_eq!(found("other.example.com", "/x"), None);
}
