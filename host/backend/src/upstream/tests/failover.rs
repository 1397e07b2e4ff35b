//! Several replicas, some of which are not well.

use std::time::Instant;

use super::*;

fn named(name: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())
}

async fn asked(pool: &Pool) -> Bytes {
    body_of(pool.send(get("/")).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_first_replica_is_asked_as_long_as_it_answers() {
    let (one, two) = (Server::saying(named("one")).await, Server::saying(named("two")).await);
    let pool = pool(&[one.url(), two.url()]);
    for _ in 0..4 {
        assert_eq!(asked(&pool).await, "one");
    }
    assert_eq!(two.connections(), 0);
}

#[tokio::test]
async fn replicas_are_asked_in_turn_where_that_is_set() {
    let (one, two) = (Server::saying(named("one")).await, Server::saying(named("two")).await);
    let balance = Balance::RoundRobin;
    let (pool, _) = pool_with(PoolSettings { balance, ..settings(&[one.url(), two.url()]) });
    for expected in ["one", "two", "one", "two"] {
        assert_eq!(asked(&pool).await, expected);
    }
}

#[tokio::test]
async fn a_replica_that_cannot_be_reached_is_passed_over_and_then_ejected() {
    let two = Server::saying(named("two")).await;
    let (pool, health) = pool_with(settings(&[nobody().await, two.url()]));
    assert_eq!(health.snapshot()[0].state, HealthState::Unknown);
    // A stream too: it was not touched when the connection failed.
    let (sender, body) = requests::streamed();
    drop(sender);
    let response = pool.send(request(Method::POST, "/", RequestBody::Stream(body))).await.unwrap();
    assert_eq!(body_of(response).await.unwrap(), "two");
    assert_eq!(asked(&pool).await, "two");
    let status = &health.snapshot()[0];
    assert_eq!(status.state, HealthState::Unhealthy);
    assert!(status.last_error.as_ref().unwrap().contains("refused"));
    assert!(health.any_usable());
}

#[tokio::test]
async fn a_reset_or_a_gateway_s_error_sends_a_safe_request_elsewhere() {
    let resetting = Server::following(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    let two = Server::saying(named("two")).await;
    assert_eq!(asked(&pool(&[resetting.url(), two.url()])).await, "two");
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let one = Server::saying(format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nsick")).await;
        let pool = pool(&[one.url(), two.url()]);
        assert_eq!(asked(&pool).await, "two");
        let post = request(Method::POST, "/", RequestBody::Full(Bytes::from_static(b"x")));
        assert_eq!(body_of(pool.send(post).await.unwrap()).await.unwrap(), "sick");
    }
    let broken = Server::saying("HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nsick").await;
    assert_eq!(asked(&pool(&[broken.url(), two.url()])).await, "sick");
}

#[tokio::test]
async fn a_gateway_s_error_passes_where_nobody_does_better() {
    let sick = Server::saying("HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nsick").await;
    for urls in [vec![sick.url()], vec![sick.url(), nobody().await], vec![sick.url(), sick.url()]] {
        let response = pool(&urls).send(get("/")).await.unwrap();
        assert_eq!(response.status, 503);
        assert_eq!(body_of(response).await.unwrap(), "sick");
    }
}

#[tokio::test]
async fn ejected_replicas_are_the_last_resort() {
    let server = Server::saying(named("one")).await;
    let (pool, health) = pool_with(settings(&[server.url()]));
    for _ in 0..3 {
        health.request_failed(0, &"test", SystemTime::now());
    }
    assert!(!health.any_usable());
    assert_eq!(asked(&pool).await, "one");
    assert_eq!(health.snapshot()[0].state, HealthState::Unhealthy, "only checks bring it back");
}

#[tokio::test]
async fn when_nobody_can_be_reached_it_says_so() {
    let error = pool(&[nobody().await, nobody().await]).send(get("/")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NoReplica { tried: 2, .. }), "{error}");
    let error = pool(&[]).send(get("/")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Empty), "{error}");
}

async fn until(health: &Health, index: usize, state: HealthState) {
    let begun = Instant::now();
    while health.snapshot()[index].state != state {
        assert!(begun.elapsed() < PATIENCE, "{:?}", health.snapshot());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn checks_eject_a_replica_and_bring_it_back() {
    let sick = Arc::new(AtomicUsize::new(0));
    let switch = sick.clone();
    let one = Server::following(move |mut peer| {
        let switch = switch.clone();
        async move {
            while let Some(request) = peer.request().await {
                let well = !request.starts_with("GET /-/ready") || switch.load(Ordering::SeqCst) == 0;
                peer.say(if well { named("one") } else { "HTTP/1.1 503 No\r\n\r\n".to_owned() }).await;
                if !well {
                    return;
                }
            }
        }
    })
    .await;
    let two = Server::saying(named("two")).await;
    let health_settings = HealthSettings {
        path: Some("/-/ready".to_owned()),
        interval: Duration::from_millis(10),
        timeout: PATIENCE,
        unhealthy_after: 2,
        healthy_after: 3,
    };
    let settings = PoolSettings { health: health_settings, ..settings(&[one.url(), two.url()]) };
    let (pool, health) = pool_with(settings.clone());
    let mut watching = JoinSet::new();
    watching.spawn(watch(Arc::new(settings), health.clone()));
    until(&health, 0, HealthState::Healthy).await;
    assert_eq!(asked(&pool).await, "one");
    sick.store(1, Ordering::SeqCst);
    until(&health, 0, HealthState::Unhealthy).await;
    assert_eq!(asked(&pool).await, "two");
    assert!(health.snapshot()[0].last_error.as_ref().unwrap().contains("503"));
    sick.store(0, Ordering::SeqCst);
    until(&health, 0, HealthState::Healthy).await;
    assert_eq!(asked(&pool).await, "one");
}

#[tokio::test]
async fn without_a_path_a_check_is_a_connection() {
    let server = Server::saying(named("one")).await;
    let interval = Duration::from_millis(10);
    let health_settings = HealthSettings { interval, ..HealthSettings::default() };
    let settings = PoolSettings { health: health_settings, ..settings(&[server.url(), nobody().await]) };
    let (_, health) = pool_with(settings.clone());
    let mut watching = JoinSet::new();
    watching.spawn(watch(Arc::new(settings), health.clone()));
    until(&health, 0, HealthState::Healthy).await;
    until(&health, 1, HealthState::Unhealthy).await;
    assert!(server.requests().is_empty());
}

/// A replica with answers of several kinds, cut wherever it happens to be when it is dropped.
async fn workload(listener: Option<tokio::net::TcpListener>) -> Server {
    let script = |mut peer: Peer| async move {
        while let Some(request) = peer.request().await {
            let size = if request.starts_with("GET /large") { 60_000 } else { 1_300 };
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let chunk = format!("{:x}\r\n{}\r\n", size / 10, "x".repeat(size / 10));
            for _ in 0..10 {
                peer.say(&chunk).await;
                tokio::task::yield_now().await;
            }
            peer.say("0\r\n\r\n").await;
        }
    };
    match listener {
        Some(listener) => Server::on(listener, script),
        None => Server::following(script).await,
    }
}

#[tokio::test]
async fn no_read_fails_when_a_replica_is_killed_under_load() {
    let (one, two) = (workload(None).await, workload(None).await);
    let address = one.address;
    let (pool, health) = pool_with(settings(&[one.url(), two.url()]));
    let (one, done) = (std::cell::RefCell::new(Some(one)), std::cell::Cell::new(0));
    let reader = |path: &'static str| {
        let (pool, done) = (&pool, &done);
        async move {
            for _ in 0..200 {
                let read = body_of(pool.send(get(path)).await.unwrap()).await.unwrap();
                assert_eq!(read.len(), if path == "/large" { 60_000 } else { 1_300 });
                done.set(done.get() + 1);
            }
        }
    };
    let killer = async {
        for round in 1..8 {
            while done.get() < round * 200 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if round % 2 == 1 {
                one.borrow_mut().take();
            } else if let Ok(listener) = tokio::net::TcpListener::bind(address).await {
                *one.borrow_mut() = Some(workload(Some(listener)).await);
                health.check_succeeded(0, true, SystemTime::now());
            }
        }
    };
    let readers = (0..16).map(|number| reader(if number % 2 == 0 { "/large" } else { "/small" }));
    tokio::join!(futures_util::future::join_all(readers), killer);
    assert_eq!(done.get(), 3200);
    assert!(!two.requests().is_empty());
}
