use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    HeaderError, check, declared_length, is_trusted, strip_hop_by_hop, strip_trusted, wants_websocket,
};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
        .collect()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(HeaderName::as_str).collect()
}

#[test]
fn headers_about_the_connection_end_here() {
    let mut map = headers(&[
        ("host", "a"),
        ("connection", "keep-alive, X-Private"),
        ("connection", "upgrade"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("te", "trailers"),
        ("trailer", "x-sum"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("x-private", "1"),
        ("accept", "*/*"),
    ]);
    strip_hop_by_hop(&mut map);
    assert_eq!(names(&map), ["host", "accept"]);
}

#[test]
fn a_trusted_header_set_after_stripping_cannot_be_named_away() {
    let mut map = headers(&[("connection", "x-scope-orgid, X-WEBAUTH-USER"), ("x-webauth-user", "root")]);
    strip_hop_by_hop(&mut map);
    strip_trusted(&mut map);
    map.insert("x-scope-orgid", HeaderValue::from_static("payments"));
    map.insert("x-webauth-user", HeaderValue::from_static("bo"));
    strip_hop_by_hop(&mut map);
    assert_eq!(map["x-scope-orgid"], "payments");
    assert_eq!(map["x-webauth-user"], "bo");
}

#[test]
fn clients_copies_of_trusted_headers_are_removed_in_every_spelling() {
    for name in [
        "X-Prom-Label-Policy",
        "x-scope-orgid",
        "X_SCOPE_ORGID",
        "X-WEBAUTH-USER",
        "X-WebAuth-Anything",
        "x_webauth-user",
        "es-security-runas-user",
        "ES_Security_RunAs_User",
        "Forwarded",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Prefix",
        "X-Real-IP",
        "X-Original-URL",
        "X-HTTP-Method-Override",
        "Remote-User",
        "Proxy",
        "X-Bartizan-Subject",
    ] {
        let mut map = headers(&[(name, "evil"), (name, "twice"), ("accept", "*/*")]);
        strip_trusted(&mut map);
        assert_eq!(names(&map), ["accept"], "{name}");
    }
}

#[test]
fn ordinary_headers_stay() {
    for name in [
        "accept",
        "authorization",
        "cookie",
        "content-type",
        "x-request-id",
        "x-grafana-org-id",
        "kbn-xsrf",
        "traceparent",
        "x-prometheus-remote-write-version",
        "x-query-tags",
        "forwarded-x",
        "user-agent",
        "expect",
    ] {
        assert!(!is_trusted(name), "{name}");
    }
}

#[test]
fn connection_may_not_name_what_frames_or_authorizes_the_request() {
    for token in ["Host", "content-length", "Content-Type", "authorization", "close, cookie"] {
        assert_eq!(check(&headers(&[("connection", token)])), Err(HeaderError::ConnectionNames), "{token}");
    }
    assert_eq!(check(&headers(&[("connection", "keep-alive, upgrade, x-y")])), Ok(()));
}

#[test]
fn only_the_continue_expectation_is_known() {
    assert_eq!(check(&headers(&[("expect", "100-Continue")])), Ok(()));
    assert_eq!(check(&headers(&[("expect", "200-ok")])), Err(HeaderError::Expectation));
}

#[test]
fn only_websocket_is_an_upgrade() {
    let asks = |connection: &str, upgrade: &str| {
        wants_websocket(&headers(&[("connection", connection), ("upgrade", upgrade)]))
    };
    assert!(asks("Upgrade", "websocket"));
    assert!(asks("keep-alive, upgrade", "WebSocket"));
    assert!(!asks("keep-alive", "websocket"));
    assert!(!asks("Upgrade, HTTP2-Settings", "h2c"));
    assert!(!asks("Upgrade", "websocket, h2c"));
    assert!(!wants_websocket(&headers(&[
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("upgrade", "h2c")
    ])));
}

#[test]
fn declared_lengths_are_plain_numbers_said_once() {
    assert_eq!(declared_length(&headers(&[])), Ok(None));
    assert_eq!(declared_length(&headers(&[("content-length", "17")])), Ok(Some(17)));
    for value in ["", "+1", "-1", "1,1", "0x10", "1 ", "18446744073709551616"] {
        let result = declared_length(&headers(&[("content-length", value)]));
        assert_eq!(result, Err(HeaderError::ContentLength), "{value:?}");
    }
    let twice = headers(&[("content-length", "5"), ("content-length", "5")]);
    assert_eq!(declared_length(&twice), Err(HeaderError::ContentLength));
}
