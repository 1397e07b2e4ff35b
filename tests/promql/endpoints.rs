//! The other reading endpoints, and the ways in which a request can say the same.

use serde_json::{Value, json};

use crate::answers::{Difference, difference};
use crate::questions::Question;
use crate::stores::{Stores, Viewer};
use crate::{compare, verdict};

const SELECTORS: &[&str] = &[
    "http_requests",
    "recent",
    "{team=\"walks\"}",
    "{team=~\".+\"}",
    "{__name__=~\".+\"}",
    "{instance=\"0\"}",
    "http_requests{team!=\"payments\"}",
    "{__name__=~\"h.*\",job!=\"x\"}",
    "nothing",
    "{team=\"\",job=\"api-server\"}",
    "{}",
    "{a=~\".*\"}",
    "a b",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_labels_and_values_are_those_of_ones_own() {
    let stores = Stores::start().await.unwrap();
    let mut questions = Vec::new();
    let (start, end) = (stores.base.to_string(), (stores.base + 7200).to_string());
    let times = [("start", start.as_str()), ("end", end.as_str())];
    for path in [
        "/api/v1/series",
        "/api/v1/labels",
        "/api/v1/label/__name__/values",
        "/api/v1/label/team/values",
        "/api/v1/label/job/values",
        "/federate",
    ] {
        questions.push(Question::new(path, &[]));
        questions.push(Question::new(path, &times));
        for selector in SELECTORS {
            let parameters = [&times[..], &[("match[]", *selector)]].concat();
            questions.push(Question::new(path, &parameters));
            questions.push(Question::new(
                path,
                &[&parameters[..], &[("match[]", "recent{team=\"walks\"}"), ("_", "x")]].concat(),
            ));
        }
    }
    for question in questions.clone() {
        if matches!(question.path.as_str(), "/api/v1/series" | "/api/v1/labels") {
            questions.push(Question { posted: true, ..question });
        }
    }
    // Prometheus answers with nothing where the gateway demands a selector with a matcher.
    questions.retain(|question| {
        let mut selectors = question.parameters.iter().filter(|(name, _)| name == "match[]").peekable();
        question.path != "/federate"
            || selectors.peek().is_some() && selectors.all(|(_, value)| value != "{}")
    });
    for viewer in Viewer::ALL {
        let differences = compare(&stores, viewer, &questions).await;
        verdict(&format!("{viewer:?}, series, labels, values, federate"), &differences);
        assert!(
            differences.get(&Difference::EqualAnswers).is_some_and(|equal| equal.len() > 40),
            "{:?}",
            differences.keys()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_meaning_however_it_is_written() {
    let stores = Stores::start().await.unwrap();
    let gateway = format!("{}/prometheus/api/v1", stores.gateway.url());
    let token = stores.gateway.token("bo").unwrap();
    let client = stores.gateway.client();
    let form = "application/x-www-form-urlencoded";
    let time = stores.base + 600;
    let walks = "query=http_requests%7Bteam%3D%22walks%22%7D";
    let all = format!("query=http_requests&time={time}");

    let posted = |kind: &'static str, url: String, body: String| {
        client.post(url).bearer_auth(&token).header("content-type", kind).body(body)
    };
    let mut answers: Vec<(&str, reqwest::RequestBuilder)> = vec![
        ("two queries", client.get(format!("{gateway}/query?{all}&{walks}")).bearer_auth(&token)),
        ("in URL and body", posted(form, format!("{gateway}/query?{walks}"), all.clone())),
        ("the other way", posted(form, format!("{gateway}/query?{all}"), format!("{walks}&time={time}"))),
        (
            "charset",
            posted(
                "application/x-www-form-urlencoded; charset=UTF-8",
                format!("{gateway}/query"),
                all.clone(),
            ),
        ),
        (
            "GET with a body",
            client
                .get(format!("{gateway}/query?{all}"))
                .bearer_auth(&token)
                .header("content-type", form)
                .body(walks),
        ),
        (
            "a comment",
            client
                .get(format!("{gateway}/query?query=http_requests%23%7B%0Dor%20http_requests&time={time}"))
                .bearer_auth(&token),
        ),
        (
            "multipart",
            posted(
                "multipart/form-data; boundary=x",
                format!("{gateway}/query"),
                "--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nhttp_requests\r\n--x--\r\n"
                    .to_owned(),
            ),
        ),
        (
            "a semicolon",
            client
                .get(format!("{gateway}/query?time={time};query=http_requests&query=http_requests"))
                .bearer_auth(&token),
        ),
        ("broken escape", client.get(format!("{gateway}/query?{all}&x=%zz")).bearer_auth(&token)),
        (
            "match[] with signs",
            client
                .get(format!("{gateway}/series?match[]=http_requests&match%5B%5D=%7Bteam%3D%22walks%22%7D"))
                .bearer_auth(&token),
        ),
        ("an encoded path", client.get(format!("{gateway}/%71uery?{all}")).bearer_auth(&token)),
    ];
    let mut answered = 0;
    for (what, request) in answers.drain(..) {
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(!text.contains("walks"), "{what}: {status} {text}");
        assert!(status == 200 || status == 400 || status == 403 || status == 404, "{what}: {status} {text}");
        answered += usize::from(status == 200 && text.contains("payments"));
    }
    assert!(answered >= 6, "only {answered} were answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_narrowed_is_denied() {
    let stores = Stores::start().await.unwrap();
    for path in [
        "/api/v1/metadata",
        "/api/v1/targets",
        "/api/v1/targets/metadata",
        "/api/v1/scrape_pools",
        "/api/v1/alertmanagers",
        "/api/v1/status/config",
        "/api/v1/status/%63onfig",
        "/api/v1/status/flags",
        "/api/v1/status/tsdb",
        "/api/v1/status/runtimeinfo",
        "/api/v1/notifications",
        "/metrics",
        "/classic/rules",
        "/classic/targets",
        "/consoles/index.html",
        "/user/x",
        "/debug/pprof/heap",
        "/debug/pprof/",
        "/api/v1/unknown",
        "/api/v1/search/metric_names",
        "/api/v1/label/a/b/values",
        "/unknown",
    ] {
        let status = stores.gateway.get("bo", &format!("/prometheus{path}")).await.unwrap().status();
        assert_eq!(status, 403, "{path}");
    }
    let token = stores.gateway.token("bo").unwrap();
    for path in [
        "/api/v1/read",
        "/api/v1/write",
        "/api/v1/otlp/v1/metrics",
        "/api/v1/admin/tsdb/snapshot",
        "/api/v1/admin/tsdb/delete_series",
        "/-/reload",
        "/-/quit",
    ] {
        let url = format!("{}/prometheus{path}", stores.gateway.url());
        let status =
            stores.gateway.client().post(url).bearer_auth(&token).body("x").send().await.unwrap().status();
        assert_eq!(status, 403, "{path}");
    }
    for path in ["/api/v1/status/buildinfo", "/-/ready", "/api/v1/format_query?query=a", "/version"] {
        let status = stores.gateway.get("bo", &format!("/prometheus{path}")).await.unwrap().status();
        assert_eq!(status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_has_the_query_that_was_sent() {
    let stores = Stores::start().await.unwrap();
    let question = Question::instant("absent(http_requests{team=\"walks\",job=\"x\"})", stores.base + 600);
    let answers = stores.ask_all(Viewer::Bo, std::slice::from_ref(&question)).await;
    let (here, there) = &answers[0];
    assert_eq!(difference(&question, here, there), Difference::EqualAnswers, "{here} {there}");
    assert_eq!(here.body["data"]["result"][0]["metric"], json!({"job": "x", "team": "walks"}));
    let narrowed = r#"absent(http_requests{team=~"payments",team="walks",job="x"})"#;
    for _ in 0..50 {
        let text = stores.gateway.audit().unwrap_or_default();
        if text.iter().any(|record: &Value| record.to_string().contains(&narrowed.replace('"', "\\\""))) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the audit log does not have it: {:?}", stores.gateway.audit());
}
