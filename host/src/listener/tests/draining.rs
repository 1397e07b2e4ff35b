use std::time::{Duration, Instant};

use ::http::Request;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::Gate;
use super::clients::{eventually, get, read_to_end, read_until};

async fn closed(gate: &Gate) {
    eventually(|| gate.is_closed()).await;
}

#[tokio::test]
async fn what_is_in_flight_is_answered_and_the_rest_is_closed() {
    let gate = Gate::plain();
    let (mut busy, mut idle) = (gate.http1().await, gate.http1().await);
    let mut multiplexed = gate.http2().await;
    busy.write_all(get("/slow").as_bytes()).await.unwrap();
    let slow = Request::get("https://gate.example/slow").body(()).unwrap();
    let (response, _) = multiplexed.send_request(slow, true).unwrap();
    sleep(Duration::from_millis(200)).await;
    gate.stop.cancel();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.ends_with("slow but sure") && answer.contains("connection: close"), "{answer}");
    assert_eq!(response.await.unwrap().status(), 200);
    assert_eq!(read_to_end(&mut idle).await, "");
    closed(&gate).await;
    assert!(tokio::net::TcpStream::connect(gate.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_comes_within_the_grace_is_still_answered() {
    let gate = Gate::plain();
    let (mut fresh, mut used) = (gate.http1().await, gate.http1().await);
    used.write_all(get("/1").as_bytes()).await.unwrap();
    read_until(&mut used, "/1").await;
    gate.stop.cancel();
    sleep(Duration::from_millis(100)).await;
    for tls in [&mut fresh, &mut used] {
        tls.write_all(get("/2").as_bytes()).await.unwrap();
        let answer = read_to_end(tls).await;
        assert!(answer.ends_with("/2") && answer.contains("connection: close"), "{answer}");
    }
    closed(&gate).await;
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let gate = Gate::with_limits(|limits| limits.drain_timeout = Duration::from_millis(600));
    let mut stuck = gate.http1().await;
    stuck.write_all(get("/stuck").as_bytes()).await.unwrap();
    let upgrade =
        "GET /echo HTTP/1.1\r\nHost: gate.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut socket = gate.http1().await;
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    read_until(&mut socket, "\r\n\r\n").await;
    let began = Instant::now();
    gate.stop.cancel();
    assert_eq!(read_to_end(&mut stuck).await, "");
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
    closed(&gate).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn without_connections_a_drain_is_over_at_once() {
    let gate = Gate::plain();
    sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    gate.stop.cancel();
    closed(&gate).await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}
