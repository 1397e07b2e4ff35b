//! What a guest may touch, and where it meets a limit.

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use bartizan_plugin::HttpGrant;
use serde_json::json;
use support::{Bench, answer, guest, hostile, server};

/// What a fetch of `url` gives a guest that is granted `origins`: one text for each of `times` requests.
fn outcomes(origins: &[(&str, bool)], url: &str, times: u64) -> Vec<String> {
    let bench = Bench::new(|_| {
        let mut plugin =
            hostile("p", &guest("hostile.wasm"), json!({"do": "fetch", "url": url, "times": times}));
        plugin.timeout = Duration::from_secs(5);
        plugin.http = origins
            .iter()
            .map(|(origin, private)| HttpGrant { origin: (*origin).to_owned(), private: *private })
            .collect();
        vec![plugin]
    });
    bench.wait("p", "up", |status| status.up);
    let scrape = bench.scrape();
    let outcome = |line: &str| {
        Some(line.strip_prefix("fetch{")?.split("outcome=\"").nth(1)?.split("\"}").next()?.to_owned())
    };
    scrape.lines().filter_map(outcome).collect()
}

fn outcome(origins: &[(&str, bool)], url: &str) -> String {
    outcomes(origins, url, 1).remove(0)
}

#[test]
fn only_listed_origins_are_reached() {
    let port = server(|_| answer("200 OK", "", b"hello"));
    let here = format!("http://127.0.0.1:{port}");
    assert_eq!(outcome(&[(&here, false)], &format!("{here}/x")), "5 bytes");
    let other = outcome(&[("https://api.example.com", false)], &format!("{here}/x"));
    assert!(other.contains("not allowed") && other.contains("not in the plugin's `http` list"), "{other}");
    for url in
        ["http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/", "file:///etc/passwd"]
    {
        let denied = outcome(&[(&here, false)], url);
        assert!(denied.contains("not allowed"), "{url}: {denied}");
    }
    let user = outcome(&[(&here, false)], &format!("http://me:pw@127.0.0.1:{port}/"));
    assert!(user.contains("user information"), "{user}");
}

#[test]
fn a_name_that_leads_to_loopback_is_denied_unless_private_is_allowed() {
    let port = server(|_| answer("200 OK", "", b"hello"));
    let here = format!("http://localhost:{port}");
    let denied = outcome(&[(&here, false)], &here);
    assert!(denied.contains("not allowed: `localhost` leads to"), "{denied}");
    assert_eq!(outcome(&[(&here, true)], &here), "5 bytes");
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let port = server(|path| match path {
        "/from" => answer("302 Found", "location: http://169.254.169.254/\r\n", b"moved"),
        _ => answer("200 OK", "", b"followed"),
    });
    let here = format!("http://127.0.0.1:{port}");
    assert_eq!(outcome(&[(&here, false)], &format!("{here}/from")), "5 bytes");
}

#[test]
fn answers_are_bounded_one_by_one_and_together() {
    let large = vec![b'x'; 9 << 20];
    let medium = vec![b'x'; 7 << 20];
    let port = server(move |path| match path {
        "/large" => answer("200 OK", "", &large),
        "/endless" => [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &large].concat(),
        _ => answer("200 OK", "", &medium),
    });
    let here = format!("http://127.0.0.1:{port}");
    for path in ["/large", "/endless"] {
        let found = outcome(&[(&here, false)], &format!("{here}{path}"));
        assert_eq!(found, "answered with more than 8388608 bytes", "{path}");
    }
    let many = outcomes(&[(&here, false)], &format!("{here}/medium"), 6);
    assert_eq!(many[..4], ["7340032 bytes"; 4]);
    assert!(many[4].contains("used up"), "{many:?}");
}

#[test]
fn requests_of_a_call_are_counted() {
    let port = server(|_| answer("200 OK", "", b"hello"));
    let here = format!("http://127.0.0.1:{port}");
    let many = outcomes(&[(&here, false)], &here, 20);
    assert_eq!(many[..16], ["5 bytes"; 16]);
    assert!(many[16..].iter().all(|outcome| outcome.contains("16 requests were made")), "{many:?}");
}

#[test]
fn a_server_that_never_answers_costs_the_call_its_deadline_and_not_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let held: Vec<_> = listener
            .incoming()
            .map(|stream| {
                let mut stream = stream.unwrap();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
                stream
            })
            .collect();
        drop(held);
    });
    let here = format!("http://127.0.0.1:{port}");
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "fetch", "url": here}));
        plugin.timeout = Duration::from_millis(300);
        plugin.http = vec![HttpGrant { origin: here.clone(), private: false }];
        vec![plugin]
    });
    // Both end at the same moment; either the guest still reports the timeout, or its call is over.
    let status = bench.wait("p", "over", |status| status.up || status.refusals > 0);
    assert!(status.last_duration.is_none_or(|took| took < Duration::from_secs(2)));
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let bench = Bench::new(|_| {
        let mut plugin = hostile("p", &guest("hostile.wasm"), json!({"do": "flood-log", "lines": 10_000}));
        plugin.timeout = Duration::from_secs(5);
        vec![plugin]
    });
    let status = bench.wait("p", "up", |status| status.up);
    assert!(status.log_lines_dropped >= 9_900, "{status:?}");
    assert!(bench.series("bartizan_plugin_log_lines_dropped_total{plugin=\"p\"}").unwrap() >= 9_900.0);
}

#[test]
fn text_from_a_guest_cannot_forge_a_line() {
    let bench = Bench::new(|_| vec![hostile("p", &guest("hostile.wasm"), json!({"do": "newline-in-value"}))]);
    bench.wait("p", "up", |status| status.up);
    let scrape = bench.scrape();
    assert!(!scrape.lines().any(|line| line.starts_with("forged") || line.starts_with('}')), "{scrape}");
    assert!(scrape.contains("# HELP fine a\\nb\n"), "{scrape}");
}
