use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::{Authorization, NameAndPassword};
use crate::identity::failure::IdentityError;

fn read(value: &[u8]) -> Result<(&'static str, String), IdentityError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value).expect("a header value"));
    match Authorization::of(&headers)?.expect("a header") {
        Authorization::Basic(rest) => Ok(("basic", rest.to_owned())),
        Authorization::Bearer(rest) => Ok(("bearer", rest.to_owned())),
    }
}

fn decode(text: &[u8]) -> Option<(String, String)> {
    let pair = NameAndPassword::decode(&STANDARD.encode(text)).ok()?;
    Some((pair.name, pair.password.to_string()))
}

#[test]
fn schemes_have_no_case_and_spaces_do_not_matter() {
    for value in ["Bearer abc", "bearer abc", "BEARER   abc", "Bearer abc  "] {
        assert_eq!(read(value.as_bytes()), Ok(("bearer", "abc".to_owned())), "{value}");
    }
    assert_eq!(read(b"bAsIc YTpi"), Ok(("basic", "YTpi".to_owned())));
}

#[test]
fn other_schemes_and_odd_headers_are_refused() {
    for value in [
        "",
        "abc",
        "Digest username=x",
        "Negotiate abc",
        "Bearerabc",
        "Token abc",
        "Bearer\u{a0}abc",
        "Bär abc",
    ] {
        assert_eq!(read(value.as_bytes()), Err(IdentityError::UnknownScheme), "{value}");
    }
    for value in [
        "Bearer",
        "Bearer ",
        "Basic",
        "Bearer a b",
        "Bearer a,Basic YTpi",
        "Basic YTpi, Bearer x",
        "Basic a\tb",
    ] {
        assert!(matches!(read(value.as_bytes()), Err(IdentityError::Malformed { .. })), "{value}");
    }
}

#[test]
fn two_headers_are_one_too_many() {
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
    assert!(matches!(Authorization::of(&headers), Err(IdentityError::SeveralAuthorizations { count: 2 })));
    assert!(matches!(Authorization::of(&HeaderMap::new()), Ok(None)));
}

#[test]
fn a_password_may_hold_colons_and_umlauts() {
    assert_eq!(decode("bo:a:b:ü".as_bytes()), Some(("bo".into(), "a:b:ü".into())));
    assert_eq!(decode(b":"), Some((String::new(), String::new())));
    assert_eq!(
        NameAndPassword::decode("YTpiYg").map(|pair| pair.name).ok().as_deref(),
        Some("a"),
        "no padding"
    );
}

#[test]
fn what_is_no_name_and_password_is_refused() {
    for text in [&b"nocolon"[..], b"", b"a\n:b", b"a:b\0", b"a:\xff"] {
        assert_eq!(decode(text), None, "{text:?}");
    }
    for encoded in ["****", "YTpi=", "YTpi-_", "YTpiY", "YTo9", &"A".repeat(100_000)] {
        let read = NameAndPassword::decode(encoded);
        assert!(encoded == "YTo9" || read.is_err(), "{encoded}");
    }
}
