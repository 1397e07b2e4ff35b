use http::{Method, Request, Version};

use super::super::path::PathError;
use super::{Host, Target, TargetError};

fn take(
    version: Version,
    method: &str,
    target: &str,
    hosts: &[&str],
) -> Result<(String, String), TargetError> {
    let mut request = Request::builder().version(version).method(method).uri(target);
    for host in hosts {
        request = request.header("host", *host);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let target = Target::take(&mut parts)?;
    assert_eq!(parts.uri.path(), target.path.as_str());
    assert!(parts.uri.authority().is_none() && parts.uri.scheme().is_none());
    Ok((parts.uri.to_string(), target.host.name.into()))
}

#[test]
fn targets_in_every_accepted_form_become_origin_form() {
    let (h1, h2) = (Version::HTTP_11, Version::HTTP_2);
    for (version, method, target, hosts, expected) in [
        (h1, "GET", "/a?b=c%20d", &["gate.example"][..], "/a?b=c%20d"),
        (h1, "GET", "/%61?%62", &["gate.example:8443"], "/a?%62"),
        (h1, "GET", "https://gate.example/a", &["gate.example:443"], "/a"),
        (h1, "GET", "https://GATE.example:443/a", &["gate.example"], "/a"),
        (h2, "GET", "https://gate.example/a", &[], "/a"),
        (h2, "GET", "https://gate.example/a", &["gate.example"], "/a"),
        (h2, "POST", "/a", &["gate.example"], "/a"),
    ] {
        let (uri, host) = take(version, method, target, hosts).unwrap();
        assert_eq!((uri.as_str(), host.as_str()), (expected, "gate.example"), "{target}");
    }
}

#[test]
fn targets_that_servers_read_differently_are_refused() {
    use TargetError::*;
    let (h1, h2, h10) = (Version::HTTP_11, Version::HTTP_2, Version::HTTP_10);
    for (version, method, target, hosts, expected) in [
        (h1, "GET", "/", &[][..], HostMissing),
        (h10, "GET", "/", &[], HostMissing),
        (h1, "GET", "https://a.example/", &[], HostMissing),
        (h2, "GET", "/", &[], HostMissing),
        (h1, "GET", "/", &["a.example", "a.example"], HostTwice),
        (h1, "GET", "/", &["a.example", "b.example"], HostTwice),
        (h1, "GET", "/", &["a.example, b.example"], HostMalformed),
        (h1, "GET", "/", &[""], HostMalformed),
        (h1, "GET", "https://a.example/", &["b.example"], HostMismatch),
        (h1, "GET", "https://a.example:8443/", &["a.example"], HostMismatch),
        (h2, "GET", "https://a.example/", &["b.example"], HostMismatch),
        (h1, "GET", "https://user@a.example/", &["a.example"], HostMalformed),
        (h1, "GET", "http://a.example/", &["a.example"], Scheme),
        (h2, "GET", "http://a.example/", &[], Scheme),
        (h1, "OPTIONS", "*", &["a.example"], Form),
        (h1, "TRACE", "/", &["a.example"], Method),
        (h1, "TRACK", "/", &["a.example"], Method),
        (h1, "CONNECT", "a.example:443", &["a.example:443"], Method),
        (h1, "GET", "/a/../b", &["a.example"], Path(PathError::DotSegment)),
        (h1, "GET", "/a;b", &["a.example"], Path(PathError::Parameter)),
    ] {
        assert_eq!(take(version, method, target, hosts), Err(expected), "{method} {target} {hosts:?}");
    }
}

#[test]
fn ordinary_methods_pass() {
    for method in
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
    {
        assert!(take(Version::HTTP_11, method.as_str(), "/", &["a"]).is_ok());
    }
}

#[test]
fn hosts_are_read_strictly() {
    for (text, name, port) in [
        ("Gate.Example", "gate.example", None),
        ("gate.example:1", "gate.example", Some(1)),
        ("127.0.0.1:8443", "127.0.0.1", Some(8443)),
        ("[::1]", "[::1]", None),
        ("[2001:DB8::1]:443", "[2001:db8::1]", Some(443)),
        ("my_host", "my_host", None),
    ] {
        let host = Host::parse(text).unwrap();
        assert_eq!((&*host.name, host.port), (name, port));
    }
    for text in [
        "", ":443", "a:", "a:b", "a:+1", "a:65536", "a:1:2", "a b", "a/b", "a@b", "a%41", "[::1", "[::1]x",
        "[x]", "::1", "a,b", ".a", "a\\b", "a?b", "a#b",
    ] {
        assert_eq!(Host::parse(text), Err(TargetError::HostMalformed), "{text}");
    }
}
