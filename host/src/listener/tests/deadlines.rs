use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::Gate;
use super::clients::{PATIENCE, eventually, get, last_get, read_to_end, read_until};

/// A deadline for tests, and what it may take until it is acted on.
const SHORT: Duration = Duration::from_millis(400);
const SLACK: Duration = Duration::from_millis(1200);

fn assert_took(began: Instant) {
    let took = began.elapsed();
    assert!(took >= SHORT - Duration::from_millis(150) && took < SHORT + SLACK, "{took:?}");
}

#[tokio::test]
async fn a_client_that_is_silent_at_the_handshake_is_closed_and_disturbs_nobody() {
    let gate = Gate::with_limits(|limits| limits.handshake_timeout = SHORT);
    let began = Instant::now();
    let mut silent = gate.tcp().await;
    assert!(gate.exchange(last_get("/")).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(read_to_end(&mut silent).await, "");
    assert_took(began);
    eventually(|| gate.edge.counts.handshakes_failed.load(Relaxed) == 1).await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let gate = Gate::with_limits(|limits| limits.head_timeout = SHORT);
    let mut tls = gate.http1().await;
    let began = Instant::now();
    let dripping = async {
        for byte in get("/").bytes().cycle() {
            if tls.write_all(&[if byte == b'\n' { b'x' } else { byte }]).await.is_err() {
                break;
            }
            let _ = tls.flush().await;
            if timeout(Duration::from_millis(20), tls.read_u8()).await.is_ok() {
                break;
            }
        }
    };
    timeout(PATIENCE, dripping).await.unwrap();
    assert_took(began);
}

#[tokio::test]
async fn idle_connections_are_closed_on_both_protocols() {
    let gate = Gate::with_limits(|limits| limits.idle_timeout = SHORT);
    let mut unused = gate.http1().await;
    let began = Instant::now();
    assert_eq!(read_to_end(&mut unused).await, "");
    assert_took(began);
    let mut used = gate.http1().await;
    used.write_all(get("/x").as_bytes()).await.unwrap();
    read_until(&mut used, "/x").await;
    let began = Instant::now();
    assert_eq!(read_to_end(&mut used).await, "");
    assert_took(began);
    let client = gate.http2().await;
    sleep(SHORT + SLACK).await;
    let refused = match client.ready().await {
        Ok(mut client) => client.send_request(::http::Request::new(()), true).is_err(),
        Err(_) => true,
    };
    assert!(refused);
    eventually(|| gate.edge.counts.timed_out.load(Relaxed) >= 3).await;
}

#[tokio::test]
async fn a_slow_answer_is_not_idleness() {
    let gate = Gate::with_limits(|limits| {
        limits.idle_timeout = SHORT;
        limits.head_timeout = SHORT;
        limits.handshake_timeout = SHORT;
    });
    assert!(gate.exchange(last_get("/slow")).await.ends_with("slow but sure"));
}

#[tokio::test]
async fn a_body_that_stalls_fails() {
    let gate = Gate::with_limits(|limits| limits.body_timeout = SHORT);
    let mut tls = gate.http1().await;
    let began = Instant::now();
    tls.write_all(b"POST /count HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 10\r\n\r\nabc")
        .await
        .unwrap();
    let answer = read_until(&mut tls, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_took(began);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let gate = Gate::with_limits(|limits| limits.write_timeout = SHORT);
    let mut tls = gate.http1().await;
    tls.write_all(last_get("/large").as_bytes()).await.unwrap();
    eventually(|| gate.edge.counts.timed_out.load(Relaxed) == 1).await;
    assert_eq!(gate.edge.counts.open.load(Relaxed), 0);
}

#[tokio::test]
async fn heads_that_are_too_large_get_431() {
    let gate = Gate::with_limits(|limits| limits.head_bytes = 8 * 1024);
    let with =
        |header: String| format!("GET / HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n{header}\r\n");
    let large = gate.exchange(with(format!("X-Large: {}\r\n", "x".repeat(9 * 1024)))).await;
    assert!(large.starts_with("HTTP/1.1 431 "), "{large}");
    let many = gate.exchange(with((0..120).map(|number| format!("X-{number}: 1\r\n")).collect())).await;
    assert!(many.starts_with("HTTP/1.1 431 "), "{many}");
    let long = gate.exchange(last_get(&format!("/{}", "x".repeat(9 * 1024)))).await;
    assert!(long.starts_with("HTTP/1.1 431 "), "{long}");
    let fits = gate.exchange(with(format!("X-Large: {}\r\n", "x".repeat(7 * 1024)))).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_places_come_back() {
    let gate = Gate::with_limits(|limits| limits.connections = 2);
    let (first, _second) = (gate.http1().await, gate.http1().await);
    let mut third = gate.tcp().await;
    assert_eq!(read_to_end(&mut third).await, "");
    assert_eq!(gate.edge.counts.over_limit.load(Relaxed), 1);
    drop(first);
    eventually(|| gate.edge.counts.open.load(Relaxed) == 1).await;
    assert!(gate.exchange(last_get("/")).await.starts_with("HTTP/1.1 200 "));
}

/// Runs in a process of its own, because the limit on descriptors is the process's.
#[test]
fn without_descriptors_accepting_pauses_and_then_goes_on() {
    const ROLE: &str = "BARTIZAN_TEST_WITHOUT_DESCRIPTORS";
    if std::env::var_os(ROLE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(run_out_of_descriptors());
    }
    let name = "without_descriptors_accepting_pauses_and_then_goes_on";
    let test = std::thread::current().name().map(str::to_owned).filter(|test| test.ends_with(name));
    let script = "ulimit -n 64; exec \"$0\" --exact \"$1\" --nocapture";
    let output = std::process::Command::new("sh")
        .args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap(), &test.unwrap()])
        .env(ROLE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn run_out_of_descriptors() {
    let gate = Gate::plain();
    let config = gate.client("http/1.1");
    assert!(gate.exchange(last_get("/")).await.starts_with("HTTP/1.1 200 "));
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        held.push(file);
    }
    // One descriptor for our end; none is left for theirs.
    held.pop();
    let tcp = gate.tcp().await;
    eventually(|| gate.edge.counts.accept_errors.load(Relaxed) >= 3).await;
    sleep(Duration::from_secs(1)).await;
    let errors = gate.edge.counts.accept_errors.load(Relaxed);
    assert!(errors < 20, "{errors} attempts in a second: no pause");
    held.clear();
    let mut tls = super::clients::secure(config, tcp, "gate.example").await.unwrap();
    tls.write_all(last_get("/").as_bytes()).await.unwrap();
    assert!(read_to_end(&mut tls).await.starts_with("HTTP/1.1 200 "));
}
