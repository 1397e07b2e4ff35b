use ::http::Request;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Gate;
use super::clients::{PATIENCE, get, last_get, read_until, secure};

#[tokio::test]
async fn http1_and_http2_are_both_served_with_canonical_targets() {
    let gate = Gate::plain();
    assert!(gate.exchange(last_get("/%61?b=%2f")).await.ends_with("GET gate.example /a?b=%2f"));
    let mut client = gate.http2().await;
    let request = Request::get("https://gate.example/%61?b").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let mut response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.body_mut().data().await.unwrap().unwrap(), "GET gate.example /a?b");
}

#[tokio::test]
async fn a_refused_request_is_answered_and_the_connection_goes_on() {
    let gate = Gate::plain();
    let mut tls = gate.http1().await;
    tls.write_all(get("/a/../b").as_bytes()).await.unwrap();
    let refused = read_until(&mut tls, "segment").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    tls.write_all(get("/b").as_bytes()).await.unwrap();
    assert!(read_until(&mut tls, "/b").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let gate = Gate::plain();
    let answers = gate.exchange([get("/1"), get("/2"), last_get("/3")].concat()).await;
    let at = |path: &str| answers.find(&format!("gate.example {path}")).unwrap();
    assert!(at("/1") < at("/2") && at("/2") < at("/3"));
}

#[tokio::test]
async fn a_connection_at_rest_wakes_up_with_the_next_request() {
    let gate = Gate::plain();
    let mut tls = gate.http1().await;
    for path in ["/1", "/2", "/3"] {
        tls.write_all(get(path).as_bytes()).await.unwrap();
        read_until(&mut tls, path).await;
        tokio::time::sleep(std::time::Duration::from_millis(3500)).await;
    }
    // Half a head before the rest begins and half after it: never at rest with half a head.
    let (head, tail) = ("GET /4 HTTP/1.1\r\nHost: gate", ".example\r\n\r\n");
    tls.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(3500)).await;
    tls.write_all(tail.as_bytes()).await.unwrap();
    read_until(&mut tls, "GET gate.example /4").await;
}

#[tokio::test]
async fn bodies_are_counted_however_they_come() {
    let gate = Gate::with_limits(|limits| limits.body_bytes = 1000);
    let post = |headers: &str, body: &str| {
        format!("POST /count HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n{headers}\r\n\r\n{body}")
    };
    let exact = "x".repeat(1000);
    let over = "x".repeat(1001);
    let fits = gate.exchange(post("Content-Length: 1000", &exact)).await;
    assert!(fits.starts_with("HTTP/1.1 200 ") && fits.ends_with("1000"), "{fits}");
    let declared = gate.exchange(post("Content-Length: 1001", "")).await;
    assert!(declared.starts_with("HTTP/1.1 413 "), "{declared}");
    let chunked = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let fits = gate.exchange(post("Transfer-Encoding: chunked", &chunked(&exact))).await;
    assert!(fits.starts_with("HTTP/1.1 200 ") && fits.ends_with("1000"), "{fits}");
    let streamed = gate.exchange(post("Transfer-Encoding: chunked", &chunked(&over))).await;
    assert!(streamed.starts_with("HTTP/1.1 413 "), "{streamed}");

    let mut client = gate.http2().await;
    let request = Request::post("https://gate.example/count").body(()).unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    body.send_data(Bytes::from(over), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 413);
}

#[tokio::test]
async fn large_answers_flow_over_both_protocols() {
    let gate = Gate::plain();
    assert!(gate.exchange(last_get("/large")).await.len() > 32 << 20);
    let mut client = gate.http2().await;
    let request = Request::get("https://gate.example/large").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut received = 0;
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        received += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(received, 32 << 20);
}

#[tokio::test]
async fn a_websocket_goes_through_and_its_bytes_are_not_taken_for_http() {
    let gate = Gate::with_limits(|limits| limits.idle_timeout = std::time::Duration::from_millis(300));
    let mut tls = gate.http1().await;
    let upgrade =
        "GET /echo HTTP/1.1\r\nHost: gate.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    tls.write_all(upgrade.as_bytes()).await.unwrap();
    let head = read_until(&mut tls, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for _ in 0..3 {
        let frame = b"\x81\x05#\n\n\0\n";
        tls.write_all(frame).await.unwrap();
        let mut echoed = [0; 7];
        timeout(PATIENCE, tls.read_exact(&mut echoed)).await.unwrap().unwrap();
        assert_eq!(&echoed, frame);
        // Longer than an idle HTTP connection would live.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    gate.stop.cancel();
    drop(tls);
}

#[tokio::test]
async fn sessions_are_resumed_and_old_versions_refused() {
    let gate = Gate::open(|settings| settings.tls.oldest_version = super::TlsVersion::Tls13);
    let config = gate.client("http/1.1");
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut tls = secure(config.clone(), gate.tcp().await, "gate.example").await.unwrap();
        tls.write_all(last_get("/").as_bytes()).await.unwrap();
        read_until(&mut tls, "gate.example /").await;
        kinds.push(tls.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);

    let mut old = gate.client("http/1.1");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    old = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
        .clone_alpn(&old);
    assert!(secure(old, gate.tcp().await, "gate.example").await.is_err());
}

trait CloneAlpn {
    fn clone_alpn(self, other: &Self) -> Self;
}

impl CloneAlpn for rustls::ClientConfig {
    fn clone_alpn(mut self, other: &Self) -> Self {
        self.alpn_protocols.clone_from(&other.alpn_protocols);
        self
    }
}

/// A frame of RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn a_client_that_resets_what_it_opens_is_sent_away() {
    const ENHANCE_YOUR_CALM: u8 = 0xb;
    let gate = Gate::with_limits(|limits| limits.pending_resets = 5);
    let mut tls = secure(gate.client("h2"), gate.tcp().await, "gate.example").await.unwrap();
    let mut flood = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    let get_stuck = [&[0x82, 0x87, 0x04, 6], &b"/stuck"[..], &[0x41, 12], b"gate.example"].concat();
    for stream in (1..200).step_by(2) {
        flood.extend(frame(1, 0x5, stream, &get_stuck));
        flood.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    tls.write_all(&flood).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, tls.read_to_end(&mut answer)).await.expect("the flood is taken");
    let goaway = answer.windows(17).any(|at| at[..4] == [0, 0, at[2], 7] && at[16] == ENHANCE_YOUR_CALM);
    assert!(goaway, "{answer:?}");
}
