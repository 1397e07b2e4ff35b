use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

use super::{SESSION_COOKIE, find, remove_evidence, set};

fn cookies(lines: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_static(line));
    }
    headers
}

fn found(lines: &[&'static str]) -> Option<String> {
    let headers = cookies(lines);
    let value = find(&headers, SESSION_COOKIE).expect("not twice")?;
    Some(String::from_utf8_lossy(value).into_owned())
}

#[test]
fn the_session_is_found_among_other_cookies() {
    assert_eq!(found(&["a=b; __Host-bartizan=xyz; c=d"]).as_deref(), Some("xyz"));
    assert_eq!(found(&["a=b", "__Host-bartizan=xyz"]).as_deref(), Some("xyz"));
    assert_eq!(found(&["__Host-bartizan=xyz "]).as_deref(), Some("xyz"));
    assert_eq!(found(&["__Host-bartizan="]).as_deref(), Some(""));
}

#[test]
fn similar_names_are_other_cookies() {
    for line in [
        "__host-bartizan=x",
        "__Host-bartizan-login=x",
        "x__Host-bartizan=x",
        "__Host-bartizan",
        "bartizan=x",
        "",
    ] {
        assert_eq!(found(&[line]), None, "{line}");
    }
}

#[test]
fn a_session_sent_twice_is_refused() {
    for lines in [&["__Host-bartizan=a; __Host-bartizan=a"][..], &["__Host-bartizan=a", "__Host-bartizan=b"]]
    {
        assert!(find(&cookies(lines), SESSION_COOKIE).is_err());
    }
}

#[test]
fn a_cookie_is_set_for_this_host_over_tls_and_out_of_the_reach_of_scripts() {
    let header = set(SESSION_COOKIE, "xyz", 60).expect("a header");
    assert_eq!(header, "__Host-bartizan=xyz; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
    assert!(header.is_sensitive());
    assert!(set(SESSION_COOKIE, "x\r\ny", 60).is_none());
}

#[test]
fn backends_get_the_other_cookies_alone() {
    let mut headers = cookies(&["a=b; __Host-bartizan=x;c=d", "__Host-bartizan-login=y", "e=f"]);
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    remove_evidence(&mut headers);
    let left: Vec<&str> = headers.get_all(COOKIE).iter().map(|value| value.to_str().expect("text")).collect();
    assert_eq!(left, ["a=b; c=d", "e=f"]);
    assert!(!headers.contains_key(AUTHORIZATION));

    let mut untouched = cookies(&["a=b;c=d; e=\"f;g\""]);
    let before = untouched.clone();
    remove_evidence(&mut untouched);
    assert_eq!(untouched, before);
}
