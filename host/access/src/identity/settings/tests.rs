use super::IdentitySettings;
use crate::document::{Document, Faults};

fn read(text: &str) -> (IdentitySettings, Vec<String>) {
    let mut faults = Faults::default();
    let settings: IdentitySettings =
        Document::parse("identity.yaml", text).expect("parses").read(&mut faults);
    let mut found: Vec<String> = faults.iter().map(|fault| fault.key.clone()).collect();
    found.extend(settings.faults().into_iter().map(|fault| fault.key));
    (settings, found)
}

#[test]
fn nothing_said_is_sound() {
    let (settings, faults) = read("");
    assert_eq!(faults, [""; 0]);
    assert_eq!(settings.session.idle.as_secs(), 8 * 3600);
    assert_eq!(settings.session.absolute.as_secs(), 24 * 3600);
}

#[test]
fn a_complete_section_is_read() {
    let (settings, faults) = read(
        "users: users.yaml\nsession: {keys: session.keys, idle: 30m, absolute: 10h}\nthrottle:\n  client: {burst: 10, interval: 1s}\nissuers:\n  - issuer: https://id.example\n    audiences: [bartizan]\n    jwks_url: https://id.example/keys\n    groups_claim: realm_access.roles\n    algorithms: [RS256]\n  - {issuer: ci, audiences: [bartizan], secret: ci.secret, algorithms: [HS256]}\n",
    );
    assert_eq!(faults, [""; 0]);
    assert_eq!(settings.session.idle.as_secs(), 1800);
    assert_eq!(settings.throttle.client.burst, 10);
    assert_eq!(settings.throttle.name.burst, 100);
    assert_eq!(settings.issuers[0].leeway.as_secs(), 60);
}

#[test]
fn what_cannot_be_meant_is_named() {
    for (text, key) in [
        ("session: {idle: 25h}", "session.idle"),
        ("session: {idle: 0s}", "session.idle"),
        ("session: {idle: 30}", "session.idle"),
        ("session: {absolute: 400d}", "session.absolute"),
        ("throttle: {name: {burst: 0, interval: 1s}}", "throttle.name.burst"),
        ("throttle: {name: {burst: 1, interval: 0s}}", "throttle.name.interval"),
        ("bogus: 1", "bogus"),
        ("issuers: [{issuer: a, audiences: [], jwks_file: f}]", "issuers[0].audiences"),
        ("issuers: [{issuer: a, audiences: [b]}]", "issuers[0].issuer"),
        ("issuers: [{issuer: a, audiences: [b], jwks_file: f, jwks_url: 'https://x/'}]", "issuers[0].issuer"),
        ("issuers: [{issuer: a, audiences: [b], jwks_url: 'http://id.example/keys'}]", "issuers[0].jwks_url"),
        ("issuers: [{issuer: a, audiences: [b], jwks_url: 'http://127.0.0.1.evil/'}]", "issuers[0].jwks_url"),
        ("issuers: [{issuer: a, audiences: [b], jwks_url: 'file:///etc/passwd'}]", "issuers[0].jwks_url"),
        (
            "issuers: [{issuer: a, audiences: [b], jwks_file: f, algorithms: [HS256]}]",
            "issuers[0].algorithms",
        ),
        ("issuers: [{issuer: a, audiences: [b], secret: f, algorithms: [RS256]}]", "issuers[0].algorithms"),
        (
            "issuers: [{issuer: a, audiences: [b], jwks_file: f, algorithms: [none]}]",
            "issuers[0].algorithms[0]",
        ),
        ("issuers: [{issuer: a, audiences: [b], jwks_file: f, leeway: 1h}]", "issuers[0].leeway"),
        (
            "issuers: [{issuer: a, audiences: [b], jwks_file: f, groups_claim: a..b}]",
            "issuers[0].groups_claim",
        ),
        (
            "issuers: [{issuer: a, audiences: [b], jwks_file: f}, {issuer: a, audiences: [c], jwks_file: g}]",
            "issuers[1].issuer",
        ),
    ] {
        assert_eq!(read(text).1, [key], "{text}");
    }
    let loopback = "issuers: [{issuer: a, audiences: [b], jwks_url: 'http://127.0.0.1:8180/keys'}]";
    assert_eq!(read(loopback).1, [""; 0]);
}
