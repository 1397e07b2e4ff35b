use http::StatusCode;

use super::{Door, Page, failure_page, login_address};
use crate::failure::{Failure, wants_page};
use bartizan_backend::BackendError;
use http::{HeaderMap, HeaderValue, Method};

#[test]
fn doors_and_pages_have_their_addresses() {
    assert_eq!(Door::find("/-/login"), Some(Door::Login));
    assert!(matches!(Door::find("/-/assets/portal.css"), Some(Door::Asset("text/css; charset=utf-8", _))));
    assert_eq!(Page::find("/"), Some(Page::Home));
    assert_eq!(Page::find("/-/unknown"), None);
}

#[test]
fn the_way_back_is_encoded() {
    assert_eq!(login_address("/"), "/-/login");
    assert_eq!(
        login_address("/prometheus/graph?a=b&c=d"),
        "/-/login?return_to=%2Fprometheus%2Fgraph%3Fa%3Db%26c%3Dd"
    );
}

#[test]
fn browsers_are_redirected_and_programs_get_json() {
    let failure = Failure::Identity(bartizan_access::identity::IdentityError::Anonymous);
    assert_eq!(failure.answer(true, "/prometheus/", "r").status(), StatusCode::SEE_OTHER);
    assert_eq!(failure.answer(false, "/prometheus/", "r").status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_navigation_wants_a_page_and_a_script_does_not() {
    let headers = |name: &'static str, value: &'static str| {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    };
    assert!(wants_page(&Method::GET, &headers("accept", "text/html,application/xhtml+xml")));
    assert!(wants_page(&Method::GET, &headers("sec-fetch-mode", "navigate")));
    assert!(!wants_page(&Method::GET, &headers("sec-fetch-mode", "cors")));
    assert!(!wants_page(&Method::GET, &headers("accept", "application/json")));
    assert!(!wants_page(&Method::POST, &headers("accept", "text/html")));
}

/// Internal text must not reach clients: whatever an error carries for the log stays out of the sentence.
#[test]
fn no_sentence_carries_internal_text() {
    const MARKER: &str = "internal-marker-10.0.0.7";
    let failures = [
        Failure::Backend(BackendError::AnswerNotUnderstood { reason: MARKER.into() }),
        Failure::Backend(BackendError::UnknownOperation { method: "GET".into(), path: MARKER.into() }),
        Failure::Backend(BackendError::Upstream(bartizan_backend::upstream::UpstreamError::Connect {
            replica: MARKER.into(),
            kind: std::io::ErrorKind::ConnectionRefused,
        })),
        Failure::Denied(bartizan_access::policy::Denied::NoRole { subject: MARKER.into() }),
    ];
    for failure in failures {
        assert!(!failure.sentence().contains(MARKER), "{failure:?}");
        assert!(failure.to_string().contains(MARKER), "the log has it: {failure:?}");
    }
}

#[test]
fn a_failure_page_escapes_and_carries_its_policy() {
    let page = failure_page(StatusCode::FORBIDDEN, "<script>", "r1");
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
}
