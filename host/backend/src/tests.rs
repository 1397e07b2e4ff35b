//! What a reply tells of what was asked, and what is sent, by way of a server that keeps the requests it gets.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::SystemTime;

use bartizan_access::identity::Subject;
use bartizan_access::policy::{PolicyFile, Vocabulary};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";
const WHOLE: &str = "{backend: it, actions: ['*'], selectors: ['{}']}";
const WHOLE_REDACTED: &str = "{backend: it, actions: ['*'], selectors: ['{}'], redact: [email]}";
const SILENCER: &str = "{backend: it, actions: [silence], selectors: ['{team=\"a\"}']}";
const PART: &str = "{backend: it, actions: [read], selectors: ['{team=\"a\"}']}";
const PART_REDACTED: &str = "{backend: it, actions: [read], selectors: ['{team=\"a\"}'], redact: [email]}";

fn permit(kind: Kind, grant: &str) -> Permit {
    let policy = format!("roles: {{r: {{grants: [{grant}]}}}}\nbindings: [{{role: r, users: [bo]}}]\n");
    let backend: Arc<str> = "it".into();
    let vocabulary =
        Vocabulary { backends: vec![(backend.clone(), kind.actions())], redactions: vec!["email"] };
    let policy = PolicyFile::compile("policy.yaml", &policy, &vocabulary).unwrap();
    policy.decide(&Arc::new(Subject::hypothetical("bo", &[])), &backend).unwrap()
}

/// Answers one request with an empty object and hands it out.
fn server() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
        let head = String::from_utf8(read).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
        head + &String::from_utf8(body).unwrap()
    });
    (url, heard)
}

struct Sent {
    parts: ReplyParts,
    /// The request as the backend got it.
    request: String,
}

fn request(method: Method, target: &str, content_type: &str, body: &str) -> Request {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
    }
    let body = if body.is_empty() { RequestBody::Empty } else { RequestBody::Full(body.to_owned().into()) };
    Request {
        method,
        path: path.to_owned(),
        query,
        headers,
        body,
        body_limit_bytes: 1500,
        replayable: false,
        upgrade: None,
    }
}

fn send(kind: Kind, grant: &str, request: Request) -> Result<Sent, BackendError> {
    let (url, heard) = server();
    let settings = upstream::PoolSettings::new(vec![upstream::Replica::parse(&url).unwrap()]);
    let health = upstream::Health::new(&settings, SystemTime::now());
    let pool = upstream::Pool::new(Arc::new(settings), health);
    let backends = Backends::new([("it".into(), kind, pool)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(backends.send(&permit(kind, grant), request))?;
    Ok(Sent { parts: reply.into_parts(), request: heard.join().unwrap() })
}

fn post(grant: &str, target: &str, body: &str) -> Result<Sent, BackendError> {
    send(Kind::Prometheus, grant, request(Method::POST, target, FORM, body))
}

#[test]
fn the_query_of_a_posted_form_is_told_and_sent_on_as_it_came() {
    let body = "time=1&query=up%7ba%3d%22b%22%7D+%2B+1&query=other";
    let sent = post(WHOLE, "/api/v1/query?query=url", body).unwrap();
    assert_eq!(sent.parts.asked.as_deref(), Some(r#"up{a="b"} + 1"#));
    assert!(sent.request.starts_with("POST /api/v1/query?query=url HTTP/1.1\r\n"), "{}", sent.request);
    assert!(sent.request.contains(&format!("\r\ncontent-type: {FORM}\r\n")), "{}", sent.request);
    assert!(sent.request.ends_with(&format!("\r\n\r\n{body}")), "{}", sent.request);
    for (path, body, asked) in [
        ("/api/v1/query_range", "query=a&step=1", "a"),
        ("/api/v1/query_exemplars", "query=a", "a"),
        ("/api/v1/series", "match[]=a&start=1&match[]=b", "a or b"),
        ("/api/v1/labels", "match%5B%5D=a", "a"),
        ("/api/v1/admin/tsdb/delete_series", "match[]=a", "a"),
    ] {
        let sent = post(WHOLE, path, body).unwrap();
        assert_eq!(sent.parts.asked.as_deref(), Some(asked), "{path}");
        assert!(sent.request.ends_with(body), "{path}");
    }
}

#[test]
fn a_body_that_is_no_form_is_told_as_it_stands() {
    let body = "--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nup\r\n--x--\r\n";
    for method in [Method::POST, Method::GET] {
        let multipart = request(method, "/api/v1/query", "multipart/form-data; boundary=x", body);
        let sent = send(Kind::Prometheus, WHOLE, multipart).unwrap();
        assert_eq!(sent.parts.asked.as_deref(), Some(body));
        assert!(sent.request.ends_with(body));
    }
}

#[test]
fn what_the_url_tells_is_not_told_twice() {
    for grant in [WHOLE, WHOLE_REDACTED, PART] {
        let sent =
            send(Kind::Prometheus, grant, request(Method::GET, "/api/v1/query?query=up", "", "")).unwrap();
        assert_eq!(sent.parts.asked, None, "{grant}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_not_read() {
    let mut large = request(Method::POST, "/api/v1/query", FORM, "");
    let body = http_body_util::Full::new(bytes::Bytes::from("x".repeat(2000)));
    large.body =
        RequestBody::Stream(Box::pin(http_body_util::BodyExt::map_err(body, |never| match never {})));
    let error = send(Kind::Prometheus, WHOLE, large).map(|_| ()).unwrap_err();
    assert!(matches!(error, BackendError::BodyTooLarge { limit_bytes: 1500 }), "{error}");
}

#[test]
fn a_narrowed_form_is_told_in_both_forms() {
    let sent = post(PART, "/api/v1/query", "query=up").unwrap();
    assert_eq!(sent.parts.asked.as_deref(), Some("up"));
    assert_eq!(sent.parts.narrowed_query.as_deref(), Some(r#"up{team=~"a"}"#));
    let sent = post(PART, "/api/v1/series", "match[]=up&match[]=down").unwrap();
    assert_eq!(sent.parts.asked.as_deref(), Some("up or down"));
}

#[test]
fn values_are_not_taken_apart_where_they_are_redacted() {
    let cutting = "label_replace%28up%2C'a'%2C'$1'%2C'b'%2C'(.).*'%29";
    let joining = "1+-+sum(label_join+%23+x%0A+(up,'a','','b'))";
    for query in [cutting, joining] {
        let parameter = format!("query={query}");
        for path in ["/api/v1/query", "/api/v1/query_range", "/api/v1/query_exemplars"] {
            for grant in [WHOLE_REDACTED, PART_REDACTED] {
                let get = request(Method::GET, &format!("{path}?{parameter}"), "", "");
                let got = send(Kind::Prometheus, grant, get).map(|_| ()).unwrap_err();
                let posted = post(grant, path, &parameter).map(|_| ()).unwrap_err();
                for error in [got, posted] {
                    assert!(matches!(error, BackendError::NotNarrowable { .. }), "{grant}: {error}");
                    assert!(error.to_string().starts_with("label_replace and label_join can"), "{error}");
                }
            }
            for grant in [WHOLE, PART] {
                assert!(post(grant, path, &parameter).is_ok(), "{grant}");
            }
        }
    }
}

#[test]
fn where_values_are_redacted_only_queries_that_are_understood_are_sent() {
    for body in ["query=up{", "query=info(up)", "query=", "time=1", "query=up;query=down", "query=%zz"] {
        let error = post(WHOLE_REDACTED, "/api/v1/query", body).map(|_| ()).unwrap_err();
        assert!(matches!(error, BackendError::NotUnderstood { .. }), "{body}: {error}");
    }
    let multipart = request(Method::POST, "/api/v1/query", "multipart/form-data; boundary=x", "x");
    assert!(send(Kind::Prometheus, WHOLE_REDACTED, multipart).is_err());
    let sent = post(WHOLE_REDACTED, "/api/v1/query?query=url", "query=up%20&new=1").unwrap();
    assert_eq!(sent.parts.asked.as_deref(), Some("up "));
    assert!(sent.request.ends_with("\r\n\r\nquery=up+&new=1&query=url"), "{}", sent.request);
    assert!(post(WHOLE_REDACTED, "/api/v1/series", "match[]=up").is_ok());
}

const SILENCE: &str = r#"{"matchers":[{"name":"team","value":"a","isRegex":false},{"name":"a b","value":"x\".*","isRegex":true,"isEqual":false}],"createdBy":"x","comment":"why\nnot","startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-02T00:00:00Z""#;

#[test]
fn what_is_silenced_is_told() {
    let told = r#" startsAt="2026-01-01T00:00:00Z" endsAt="2026-01-02T00:00:00Z" matchers={team="a","a b"!~"x\".*"} comment="why\nnot""#;
    for grant in [WHOLE, SILENCER] {
        let made = request(Method::POST, "/api/v2/silences", "application/json", &format!("{SILENCE}}}"));
        let sent = send(Kind::Alertmanager, grant, made).unwrap();
        assert_eq!(sent.parts.asked, Some(format!("make silence{told}")), "{grant}");
    }
    let changed = format!(r#"{SILENCE},"id":"0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1"}}"#);
    let changed = request(Method::POST, "/api/v2/silences", "application/json", &changed);
    let sent = send(Kind::Alertmanager, WHOLE, changed).unwrap();
    let told = format!(r#"change silence "0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1"{told}"#);
    assert_eq!(sent.parts.asked, Some(told));
}

#[test]
fn the_end_of_a_silence_is_told() {
    let path = "/api/v2/silence/0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1";
    // For somebody who sees a part, the empty object that the server answers is no silence of theirs.
    for grant in [WHOLE, SILENCER] {
        let sent = send(Kind::Alertmanager, grant, request(Method::DELETE, path, "", "")).unwrap();
        let told = "end silence 0f5fbfd2-6c23-4f44-9d46-2f1a7a1fd9f1";
        assert_eq!(sent.parts.asked.as_deref(), Some(told), "{grant}");
    }
}
