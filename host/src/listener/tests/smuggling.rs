//! Requests by which a proxy in front and the gateway, or the gateway and a backend, could be made to disagree.

use tokio::io::AsyncWriteExt;

use super::Gate;
use super::clients::read_to_end;

/// What follows the head of the first request, if the gateway reads a second one there.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn ambiguous_requests_get_400_and_nothing_behind_them_is_read() {
    let gate = Gate::plain();
    for head in [
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 0\r\nContent-Length: 70\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length: +0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length : 0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: gate.example\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
        "POST /count HTTP/1.0\r\nHost: gate.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: gate.example\n\n",
        "GET / HTTP/1.1\r\nHost: gate.example\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gate.example\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gate.example\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: gate.example\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: gate.example\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: gate.example\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: gate.example\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: gate.example\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: gate.example\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: gate.example\r\n\r\n",
        "GET /\r\nHost: gate.example\r\n\r\n",
        "GE(T / HTTP/1.1\r\nHost: gate.example\r\n\r\n",
    ] {
        let answer = gate.exchange(format!("{head}{HIDDEN}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert!(!answer.contains("/hidden"), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn requests_with_ambiguous_targets_are_refused_without_losing_the_connection() {
    let gate = Gate::plain();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: gate.example\r\nHost: gate.example\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET https://other.example/ HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("GET http://gate.example/ HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("GET /a%2e%2e/%2e%2e/b HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("GET /a//b HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("GET /a;b HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("GET /a%2fb HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: gate.example\r\n\r\n", 400),
        ("TRACE / HTTP/1.1\r\nHost: gate.example\r\n\r\n", 405),
        ("TRACK / HTTP/1.1\r\nHost: gate.example\r\n\r\n", 405),
        ("CONNECT gate.example:443 HTTP/1.1\r\nHost: gate.example:443\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: gate.example\r\nConnection: Host\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: gate.example\r\nExpect: the-best\r\n\r\n", 417),
    ] {
        let answer = gate.exchange(format!("{request}{HIDDEN}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_chunked_body_that_breaks_the_rules_fails_for_the_application() {
    let gate = Gate::plain();
    for body in [
        "5;a=b\r\nabcde\r\n0\r\n\r\n",
        "5\nabcde\n0\n\n",
        "5\r\nabcdeX\r\n0\r\n\r\n",
        "zz\r\n",
        "0\r\n a: b\r\n\r\n",
    ] {
        let head = "POST /count HTTP/1.1\r\nHost: gate.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = gate.exchange(format!("{head}{body}{HIDDEN}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer}");
        assert!(!answer.contains("/hidden"), "{body:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_read_is_not_taken_for_a_request_however_late_it_comes() {
    let gate = Gate::plain();
    for (sent_at_once, sent_later) in [(0, HIDDEN.len()), (5, HIDDEN.len()), (HIDDEN.len(), HIDDEN.len())] {
        let mut tls = gate.http1().await;
        let length = HIDDEN.len();
        let head = format!("POST /unread HTTP/1.1\r\nHost: gate.example\r\nContent-Length: {length}\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        tls.write_all(&HIDDEN.as_bytes()[..sent_at_once]).await.unwrap();
        // Longer than it takes a connection to come to rest.
        tokio::time::sleep(std::time::Duration::from_millis(3500)).await;
        let _ = tls.write_all(&HIDDEN.as_bytes()[sent_at_once..sent_later]).await;
        let _ = tls.shutdown().await;
        let answer = read_to_end(&mut tls).await;
        assert!(answer.contains("/unread") && !answer.contains("/hidden"), "{sent_at_once}: {answer}");
    }
}

#[tokio::test]
async fn a_violation_that_comes_in_pieces_is_found_after_the_answers_before_it() {
    let gate = Gate::plain();
    let mut tls = gate.http1().await;
    for piece in
        ["GET /1 HTTP/1.1\r\nHost: gate.example\r\n\r\nGET /2 HT", "TP/1.1\r\nHost: gate.ex", "ample\n\n"]
    {
        tls.write_all(piece.as_bytes()).await.unwrap();
        tls.flush().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let answers = read_to_end(&mut tls).await;
    let (first, rest) = answers.split_once("gate.example /1").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 "), "{answers}");
    assert!(rest.starts_with("HTTP/1.1 400 ") && !rest.contains("/2"), "{answers}");
}

#[tokio::test]
async fn http2_requests_that_would_not_survive_a_translation_are_refused() {
    let gate = Gate::plain();
    for (name, value) in
        [("host", "other.example"), ("connection", "close"), ("transfer-encoding", "chunked")]
    {
        let mut client = gate.http2().await;
        let request = ::http::Request::get("https://gate.example/a").header(name, value).body(()).unwrap();
        let outcome = match client.send_request(request, true) {
            Ok((response, _)) => response.await.map(|response| response.status().as_u16()),
            Err(error) => Err(error),
        };
        assert!(!matches!(outcome, Ok(200)), "{name}: {outcome:?}");
    }
}
