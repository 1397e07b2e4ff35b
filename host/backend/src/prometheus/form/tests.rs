use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};

use super::Form;
use crate::Request;
use crate::request::RequestBody;

fn request(method: Method, query: &str, content_type: &str, body: &str) -> Request {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
    }
    Request {
        method,
        path: "/api/v1/query".into(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        headers,
        body: if body.is_empty() {
            RequestBody::Empty
        } else {
            RequestBody::Full(Bytes::copy_from_slice(body.as_bytes()))
        },
        body_limit_bytes: 1000,
        replayable: false,
        upgrade: None,
    }
}

fn taken(mut request: Request) -> Option<Vec<(String, String)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Form::take(&mut request)).ok().map(|form| form.parameters)
}

fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_body_comes_before_the_url() {
    let request = request(Method::POST, "query=url&time=1", FORM, "query=body&query=twice");
    assert_eq!(
        taken(request),
        pairs(&[("query", "body"), ("query", "twice"), ("query", "url"), ("time", "1")])
    );
}

#[test]
fn the_body_of_a_get_is_dropped() {
    assert_eq!(taken(request(Method::GET, "query=url", FORM, "query=body")), pairs(&[("query", "url")]));
}

#[test]
fn names_and_values_are_decoded() {
    let request = request(Method::GET, "match%5B%5D=%7Ba%3D%22b%22%7D&match[]=x+y%2B&&a", "", "");
    assert_eq!(taken(request), pairs(&[("match[]", r#"{a="b"}"#), ("match[]", "x y+"), ("a", "")]));
}

#[test]
fn what_others_read_differently_is_refused() {
    for query in ["query=a;query=b", "query=%zz", "query=%4", "query=%", "query=%ff", "%ff=a"] {
        assert_eq!(taken(request(Method::GET, query, "", "")), None, "{query}");
        assert_eq!(taken(request(Method::POST, "", FORM, query)), None, "{query}");
    }
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    for kind in [
        "",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=utf-8; x=y",
        "application/x-www-form-urlencoded, text/plain",
    ] {
        assert_eq!(taken(request(Method::POST, "", kind, "query=a")), None, "{kind}");
    }
    for kind in [
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=\"utf-8\"",
    ] {
        assert_eq!(taken(request(Method::POST, "", kind, "query=a")), pairs(&[("query", "a")]), "{kind}");
    }
    let mut coded = request(Method::POST, "", FORM, "query=a");
    coded.headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(taken(coded), None);
    let mut twice = request(Method::POST, "", FORM, "query=a");
    twice.headers.append(CONTENT_TYPE, FORM.parse().unwrap());
    assert_eq!(taken(twice), None);
}

#[test]
fn parameters_are_written_in_one_place() {
    let mut form = Form::default();
    form.push("match[]", r#"{a="b&c"}"#);
    let mut post = request(Method::POST, "query=url", "text/plain", "x");
    form.put(&mut post);
    assert_eq!(post.query, None);
    assert!(matches!(post.body, RequestBody::Full(body) if body == "match%5B%5D=%7Ba%3D%22b%26c%22%7D"));
    let mut get = request(Method::GET, "query=url", FORM, "x");
    form.put(&mut get);
    assert_eq!(get.query.as_deref(), Some("match%5B%5D=%7Ba%3D%22b%26c%22%7D"));
    assert!(matches!(get.body, RequestBody::Empty) && get.headers.is_empty());
}
