use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::client;

const CONNECTION: &str = "192.0.2.1";

fn seen(lines: &[&'static str], depth: usize) -> String {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_static(line));
    }
    client(&headers, depth, CONNECTION.parse::<IpAddr>().unwrap()).to_string()
}

#[test]
fn without_trusted_proxies_the_header_is_not_believed() {
    assert_eq!(seen(&["203.0.113.9"], 0), CONNECTION);
}

#[test]
fn entries_are_counted_from_the_right_over_all_lines() {
    assert_eq!(seen(&["10.9.9.9, 203.0.113.9"], 1), "203.0.113.9");
    assert_eq!(seen(&["10.9.9.9, 203.0.113.9"], 2), "10.9.9.9");
    assert_eq!(seen(&["10.9.9.9", "203.0.113.9,198.51.100.7"], 2), "203.0.113.9");
    assert_eq!(seen(&["10.9.9.9", "203.0.113.9,198.51.100.7"], 3), "10.9.9.9");
}

#[test]
fn what_is_missing_or_no_address_leaves_the_connection() {
    assert_eq!(seen(&[], 1), CONNECTION);
    assert_eq!(seen(&["203.0.113.9"], 2), CONNECTION);
    assert_eq!(seen(&["unknown"], 1), CONNECTION);
    assert_eq!(seen(&["203.0.113.9, "], 1), CONNECTION);
    assert_eq!(seen(&["203.0.113.9.evil"], 1), CONNECTION);
}

#[test]
fn ports_brackets_and_mapped_addresses_are_understood() {
    assert_eq!(seen(&["203.0.113.9:4711"], 1), "203.0.113.9");
    assert_eq!(seen(&["[2001:db8::1]:4711"], 1), "2001:db8::1");
    assert_eq!(seen(&["[2001:db8::1]"], 1), "2001:db8::1");
    assert_eq!(seen(&["2001:db8::1"], 1), "2001:db8::1");
    assert_eq!(seen(&["::ffff:203.0.113.9"], 1), "203.0.113.9");
}
