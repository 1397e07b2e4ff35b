//! Nothing is waited for without end.

use std::time::Instant;

use super::*;

const SHORT: Duration = Duration::from_millis(60);

/// Says this to each request and then nothing for long.
async fn stalling(said: &'static str) -> Server {
    Server::following(move |mut peer| async move {
        peer.request().await;
        peer.say(said).await;
        tokio::time::sleep(PATIENCE * 2).await;
    })
    .await
}

fn hurried(urls: &[String]) -> PoolSettings {
    PoolSettings { first_byte_timeout: SHORT, body_idle_timeout: SHORT, ..settings(urls) }
}

#[tokio::test]
async fn a_replica_that_does_not_answer_in_time_is_given_up() {
    for said in ["", "HTTP/1.1 200 OK\r\nConte"] {
        let server = stalling(said).await;
        let begun = Instant::now();
        let error = pool_with(hurried(&[server.url()])).0.send(get("/")).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Timeout { phase: Phase::FirstByte, .. }), "{error}");
        assert!(begun.elapsed() < PATIENCE / 2);
    }
}

#[tokio::test]
async fn a_safe_request_goes_to_another_replica_in_time() {
    let (one, two) =
        (stalling("").await, Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await);
    let (pool, health) = pool_with(hurried(&[one.url(), two.url()]));
    for _ in 0..3 {
        assert_eq!(pool.send(get("/")).await.unwrap().status, 200);
    }
    assert_eq!(health.snapshot()[0].state, HealthState::Unhealthy);
    assert_eq!(one.connections(), 2, "after that it is not asked any more");
    let post = request(Method::POST, "/", RequestBody::Full(Bytes::from_static(b"x")));
    let error = pool_with(hurried(&[one.url(), two.url()])).0.send(post).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::FirstByte, .. }), "{error}");
}

#[tokio::test]
async fn many_silent_replicas_take_no_longer_than_two() {
    let mut servers = Vec::new();
    for _ in 0..6 {
        servers.push(stalling("").await);
    }
    let urls: Vec<String> = servers.iter().map(Server::url).collect();
    pool_with(hurried(&urls)).0.send(get("/")).await.unwrap_err();
    assert!(servers.iter().filter(|server| server.connections() > 0).count() <= 3);
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ];
    for answer in answers {
        let server = stalling(answer).await;
        let response = pool_with(hurried(&[server.url()])).0.send(get("/")).await.unwrap();
        let error = body_of(response).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Body, .. }), "{answer}: {error}");
    }
}

#[tokio::test]
async fn an_event_stream_may_be_silent_for_longer() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        tokio::time::sleep(SHORT * 4).await;
        peer.say("5\r\nhello\r\n0\r\n\r\n").await;
    })
    .await;
    let response = pool_with(hurried(&[server.url()])).0.send(get("/")).await.unwrap();
    assert_eq!(body_of(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_body_that_keeps_coming_may_take_longer_than_any_deadline() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n").await;
        for _ in 0..20 {
            tokio::time::sleep(SHORT / 4).await;
            peer.say("x").await;
        }
    })
    .await;
    let timeout = SHORT * 4;
    let settings =
        PoolSettings { body_idle_timeout: timeout, first_byte_timeout: timeout, ..settings(&[server.url()]) };
    let response = pool_with(settings).0.send(get("/")).await.unwrap();
    assert_eq!(body_of(response).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_client_that_stalls_in_its_body_is_not_waited_for() {
    let server = stalling("").await;
    let (sender, body) = requests::streamed();
    sender.send(requests::piece("hello")).await.unwrap();
    let error = pool_with(hurried(&[server.url()]))
        .0
        .send(request(Method::POST, "/", RequestBody::Stream(body)))
        .await
        .unwrap_err();
    assert!(matches!(error, UpstreamError::RequestBody), "{error}");
    drop(sender);
}

#[tokio::test]
async fn a_replica_that_does_not_take_the_body_is_given_up() {
    let server = Server::following(|peer| async move {
        tokio::time::sleep(PATIENCE * 2).await;
        drop(peer);
    })
    .await;
    let large = RequestBody::Full(Bytes::from(vec![b'x'; 50_000_000]));
    let error =
        pool_with(hurried(&[server.url()])).0.send(request(Method::POST, "/", large)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Request, .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up() {
    // A full backlog answers no further connection.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    for _ in 0..4 {
        filling.push(tokio::time::timeout(SHORT, TcpStream::connect(address)).await);
    }
    let settings = PoolSettings { connect_timeout: SHORT, ..settings(&[format!("http://{address}")]) };
    let error = pool_with(settings).0.send(get("/")).await.unwrap_err();
    let UpstreamError::NoReplica { tried: 1, last } = error else { panic!("{error}") };
    assert!(matches!(*last, UpstreamError::Timeout { phase: Phase::Connect, .. }), "{last}");
}

#[tokio::test]
async fn an_upload_may_take_longer_than_any_deadline_while_it_moves() {
    for early in ["", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"] {
        let server = Server::following(move |mut peer| async move {
            peer.request().await;
            peer.say(early).await;
            let mut read = Vec::new();
            while !read.ends_with(b"0\r\n\r\n") {
                if peer.stream.read_buf(&mut read).await.unwrap() == 0 {
                    return;
                }
            }
            peer.say(if early.is_empty() { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" } else { "ok" })
                .await;
        })
        .await;
        let timeout = SHORT * 4;
        let settings = PoolSettings {
            body_idle_timeout: timeout,
            first_byte_timeout: timeout,
            ..settings(&[server.url()])
        };
        let (pool, _) = pool_with(settings);
        let (sender, body) = requests::streamed();
        let sending = async {
            let response = pool.send(request(Method::POST, "/", RequestBody::Stream(body))).await.unwrap();
            body_of(response).await.unwrap()
        };
        let feeding = async move {
            for _ in 0..20 {
                tokio::time::sleep(SHORT / 2).await;
                sender.send(requests::piece("x")).await.unwrap();
            }
        };
        let (content, ()) = tokio::join!(sending, feeding);
        assert_eq!(content, "ok", "{early}");
    }
}
