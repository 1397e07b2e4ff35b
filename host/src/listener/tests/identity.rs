//! Who is who: certificates towards clients, addresses of clients, and the way from plain HTTP to the right door.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::clients::{get, last_get, read_to_end, read_until, secure};
use super::{Gate, Network, bind, serve_redirect, write_pair};
use crate::listener::target::Host;

fn presented(tls: &super::clients::Tls) -> CertificateDer<'static> {
    tls.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::open(|settings| {
        settings.tls.certificates.push(write_pair(folder.path(), "wild", "*.apps.example"));
    });
    std::fs::copy(folder.path().join("wild.pem"), gate.folder.path().join("wild.pem")).unwrap();
    let first = secure(gate.client("http/1.1"), gate.tcp().await, "gate.example").await.unwrap();
    let wild = secure(gate.client("http/1.1"), gate.tcp().await, "grafana.apps.example").await.unwrap();
    assert_ne!(presented(&first), presented(&wild));
    let error = secure(gate.client("http/1.1"), gate.tcp().await, "a.b.apps.example").await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn a_new_certificate_takes_over_under_a_running_connection() {
    let gate = Gate::plain();
    let mut old = gate.http1().await;
    old.write_all(get("/1").as_bytes()).await.unwrap();
    read_until(&mut old, "/1").await;
    write_pair(gate.folder.path(), "gate", "gate.example");
    assert!(gate.edge.tls.reload().unwrap());
    let new = gate.http1().await;
    assert_ne!(presented(&old), presented(&new));
    old.write_all(last_get("/2").as_bytes()).await.unwrap();
    assert!(read_to_end(&mut old).await.ends_with("/2"));
}

async fn peer_behind(gate: &Gate, preface: &[u8], headers: &str) -> io::Result<String> {
    let mut tcp = gate.tcp().await;
    tcp.write_all(preface).await?;
    let mut tls = secure(gate.client("http/1.1"), tcp, "gate.example").await?;
    let request = format!("GET /peer HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n{headers}\r\n");
    tls.write_all(request.as_bytes()).await?;
    Ok(read_to_end(&mut tls).await.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

/// A version 2 header for 203.0.113.9:4711, with a field behind the addresses.
fn v2(command: u8) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, 0x11, 0, 12 + 5, 203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb]);
    header.extend([0x04, 0, 2, 0, 0]);
    header
}

#[tokio::test]
async fn a_trusted_balancer_says_whose_connection_it_is() {
    let gate =
        Gate::open(|settings| settings.proxy_protocol_from = vec!["127.0.0.0/8".parse::<Network>().unwrap()]);
    let v1 = b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n";
    assert_eq!(peer_behind(&gate, v1, "").await.unwrap(), "203.0.113.9");
    let v1 = b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n";
    assert_eq!(peer_behind(&gate, v1, "").await.unwrap(), "2001:db8::9");
    assert_eq!(peer_behind(&gate, &v2(0x21), "").await.unwrap(), "203.0.113.9");
    // The balancer's own health checks.
    assert_eq!(peer_behind(&gate, b"PROXY UNKNOWN\r\n", "").await.unwrap(), "127.0.0.1");
    assert_eq!(peer_behind(&gate, &v2(0x20), "").await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn a_balancer_that_does_not_say_it_properly_is_not_served() {
    let gate =
        Gate::open(|settings| settings.proxy_protocol_from = vec!["127.0.0.1".parse::<Network>().unwrap()]);
    let datagram = {
        let mut header = v2(0x21);
        header[13] = 0x12;
        header
    };
    let endless = {
        let mut header = v2(0x21);
        header[14] = 0xff;
        header
    };
    for preface in [
        &b""[..],
        b"PROXY TCP4 203.0.113.9\r\n",
        b"PROXY TCP4 999.0.113.9 10.0.0.1 4711 443\r\n",
        &[b'P'; 200],
        b"GET / HTTP/1.1\r\n\r\n",
        &datagram,
        &endless,
    ] {
        assert!(peer_behind(&gate, preface, "").await.is_err(), "{preface:?}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_choose_an_address() {
    let gate =
        Gate::open(|settings| settings.proxy_protocol_from = vec!["10.0.0.0/8".parse::<Network>().unwrap()]);
    assert!(peer_behind(&gate, b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", "").await.is_err());
    let claimed =
        peer_behind(&gate, b"", "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n").await;
    assert_eq!(claimed.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn trusted_proxies_are_counted_from_the_right() {
    let gate = Gate::open(|settings| settings.forwarded_for_depth = 2);
    let claimed = "X-Forwarded-For: 10.9.9.9, 203.0.113.9\r\nX-Forwarded-For: 198.51.100.7\r\n";
    assert_eq!(peer_behind(&gate, b"", claimed).await.unwrap(), "203.0.113.9");
    assert_eq!(peer_behind(&gate, b"", "").await.unwrap(), "127.0.0.1");
}

async fn redirected(public_host: Option<Host>, request: &str) -> String {
    let gate = Gate::open(|settings| settings.public_host = public_host);
    let bound = bind("127.0.0.1:0".parse().unwrap(), NonZeroUsize::MIN).unwrap().pop().unwrap();
    let (address, https) = (bound.address().unwrap(), "127.0.0.1:8443".parse().unwrap());
    let serving = tokio::spawn(serve_redirect(bound, Arc::clone(&gate.edge), https, gate.stop.clone()));
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut tcp).await;
    gate.stop.cancel();
    serving.await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn plain_http_is_sent_to_https_at_a_host_that_a_stranger_cannot_choose() {
    let get = |host: &str, target: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = redirected(None, &get("gate.example:8080", "/a/%62?c=d")).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("location: https://gate.example:8443/a/b?c=d\r\n"), "{answer}");
    let public = || Some(Host::parse("door.example").unwrap());
    let answer = redirected(public(), &get("evil.example", "/a")).await;
    assert!(answer.contains("location: https://door.example/a\r\n"), "{answer}");
    for request in [
        get("a@evil.example", "/"),
        get("evil.example/x", "/"),
        get("gate.example", "//evil.example/"),
        get("gate.example", "/\\evil.example/"),
        get("gate.example", "http://evil.example/"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01".to_owned(),
    ] {
        let answer = redirected(None, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("location"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_for_one_worker_and_for_many() {
    let gate = Gate::plain();
    for workers in [1, 3] {
        let error = bind(gate.address, NonZeroUsize::new(workers).unwrap()).unwrap_err();
        assert!(error.to_string().contains("stop the other program"), "{error}");
    }
    let many = bind("127.0.0.1:0".parse().unwrap(), NonZeroUsize::new(3).unwrap()).unwrap();
    let ports: Vec<_> = many.iter().map(|bound| bound.address().unwrap().port()).collect();
    assert_eq!(ports, [ports[0]; 3]);
}
