use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Initiator, initiator, token, verifies};

fn by(headers: &[(&'static str, &'static str)]) -> Initiator {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    initiator(&map, "watch.example:8443")
}

#[test]
fn only_our_own_pages_are_of_the_same_origin() {
    for ours in ["https://watch.example:8443", "https://WATCH.example:8443"] {
        assert_eq!(by(&[("origin", ours)]), Initiator::SameOrigin, "{ours}");
    }
    for foreign in [
        "null",
        "",
        "http://watch.example:8443",
        "https://watch.example",
        "https://watch.example:8443.evil",
        "https://evil/watch.example:8443",
        "https://x.watch.example:8443",
        "https://user@watch.example:8443",
    ] {
        assert_eq!(by(&[("origin", foreign)]), Initiator::CrossSite, "{foreign}");
    }
}

#[test]
fn the_fetch_metadata_of_the_browser_count_first() {
    assert_eq!(by(&[("sec-fetch-site", "same-origin")]), Initiator::SameOrigin);
    assert_eq!(by(&[("sec-fetch-site", "none")]), Initiator::SameOrigin);
    for foreign in ["cross-site", "same-site", "Same-Origin", "whatever", ""] {
        let headers = [("sec-fetch-site", foreign), ("origin", "https://watch.example:8443")];
        assert_eq!(by(&headers), Initiator::CrossSite, "{foreign}");
    }
}

#[test]
fn what_is_said_twice_is_foreign_and_what_is_not_said_is_unknown() {
    let ours = ("origin", "https://watch.example:8443");
    assert_eq!(by(&[ours, ours]), Initiator::CrossSite);
    let ours = ("sec-fetch-site", "same-origin");
    assert_eq!(by(&[ours, ours]), Initiator::CrossSite);
    assert_eq!(by(&[]), Initiator::Unknown);
}

#[test]
fn the_default_port_may_be_left_out_on_either_side() {
    let mut headers = HeaderMap::new();
    headers.insert("origin", HeaderValue::from_static("https://watch.example"));
    assert_eq!(initiator(&headers, "watch.example:443"), Initiator::SameOrigin);
    assert_eq!(initiator(&headers, ""), Initiator::CrossSite);
}

#[test]
fn a_token_belongs_to_one_session() {
    let (mine, other) = ([1; 16], [2; 16]);
    assert!(verifies(&mine, &token(&mine)));
    assert!(!verifies(&other, &token(&mine)));
    assert!(!verifies(&mine, ""));
    assert!(!verifies(&mine, &token(&mine)[1..]));
    assert!(!verifies(&mine, &format!("{}A", token(&mine))));
    assert!(!verifies(&mine, &"A".repeat(10_000)));
}
