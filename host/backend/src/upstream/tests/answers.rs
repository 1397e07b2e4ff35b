//! Answers of every shape.

use http::{StatusCode, header};
use http_body::Body as _;

use super::*;

const ANSWERS: &[(&str, &str)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag: \"x\"\r\n\r\nhello, world", "hello, world"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
        "hello, world",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ("HTTP/1.1 204 No Content\r\n\r\n", ""),
    ("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", ""),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "hi",
    ),
    ("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", "hi"),
    ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "hi"),
];

#[tokio::test]
async fn every_framing_is_understood_and_the_connection_used_again() {
    for (answer, content) in ANSWERS {
        let server = Server::saying(*answer).await;
        let pool = pool(&[server.url()]);
        for _ in 0..3 {
            let response = pool.send(get("/")).await.unwrap();
            assert_eq!(body_of(response).await.unwrap(), content, "{answer}");
        }
        assert_eq!(server.connections(), 1, "{answer}");
    }
}

#[tokio::test]
async fn answers_are_understood_whatever_bytes_arrive_together() {
    for (answer, content) in ANSWERS {
        let server = Server::following(move |mut peer| async move {
            let mut split = 1;
            while peer.request().await.is_some() {
                let (early, late) = answer.as_bytes().split_at(split % answer.len());
                peer.say(early).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                peer.say(late).await;
                split += 1;
            }
        })
        .await;
        let pool = pool(&[server.url()]);
        for split in 1..answer.len() {
            let response = pool.send(get("/")).await.unwrap();
            assert_eq!(body_of(response).await.unwrap(), content, "{answer} at {split}");
        }
        assert_eq!(server.connections(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_body_until_close_is_whole_and_its_connection_gone() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        let server = Server::following(move |mut peer| async move {
            peer.request().await;
            peer.say(head).await;
            peer.say("hello").await;
        })
        .await;
        let pool = pool(&[server.url()]);
        for _ in 0..2 {
            assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "hello");
        }
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn a_body_that_is_cut_is_an_error() {
    let cut = [
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for answer in cut {
        let server = Server::following(move |mut peer| async move {
            peer.request().await;
            peer.say(answer).await;
        })
        .await;
        let response = pool(&[server.url()]).send(get("/")).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        let error = body_of(response).await.unwrap_err();
        assert!(matches!(error, UpstreamError::BodyCut { .. }), "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_reset_does_not_pass_for_the_end_of_a_body() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\n\r\nhello").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        peer.reset();
    })
    .await;
    let response = pool(&[server.url()]).send(get("/")).await.unwrap();
    assert!(matches!(body_of(response).await, Err(UpstreamError::BodyCut { .. })));
}

#[tokio::test]
async fn a_chunk_that_breaks_the_protocol_is_an_error() {
    let server =
        Server::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n").await;
    // With the head already, or later.
    let error = match pool(&[server.url()]).send(get("/")).await {
        Ok(response) => body_of(response).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, UpstreamError::Protocol { reason: ProtocolError::Chunk, .. }), "{error}");
}

#[tokio::test]
async fn a_malformed_head_is_an_error_and_nothing_is_asked_again() {
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 abc\r\n\r\n"] {
        let server = Server::saying(answer).await;
        let other = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let error = pool(&[server.url(), other.url()]).send(get("/")).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Protocol { .. }), "{answer}: {error}");
        assert_eq!(other.connections(), 0);
    }
}

#[tokio::test]
async fn endless_interim_answers_are_refused() {
    let server = Server::saying("HTTP/1.1 102 Processing\r\n\r\n".repeat(100)).await;
    let error = pool(&[server.url()]).send(get("/")).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Protocol { reason: ProtocolError::TooManyInterim, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_is_refused() {
    let server =
        Server::saying("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n").await;
    let error = pool(&[server.url()]).send(get("/")).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Protocol { reason: ProtocolError::UnaskedUpgrade, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_follows_an_answer_unasked_never_answers_the_next_request() {
    let server = Server::following(|mut peer| async move {
        let first = peer.number == 0;
        while peer.request().await.is_some() {
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await;
            if first {
                peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
            }
        }
    })
    .await;
    let pool = pool(&[server.url()]);
    for _ in 0..3 {
        assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "good");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_body_that_nobody_read_takes_its_connection_along() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let pool = pool(&[server.url()]);
    drop(pool.send(get("/")).await.unwrap());
    drop(pool.send(get("/")).await.unwrap());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_answer_to_head_keeps_its_length_and_has_no_body() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let pool = pool(&[server.url()]);
    for _ in 0..2 {
        let response = pool.send(request(Method::HEAD, "/", RequestBody::Empty)).await.unwrap();
        assert_eq!(response.headers[header::CONTENT_LENGTH], "1234");
        assert!(response.body.is_end_stream());
    }
}

#[tokio::test]
async fn a_body_that_must_not_come_never_answers_the_next_request() {
    for (method, head) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n"),
        (Method::GET, "HTTP/1.1 204 No Content\r\nContent-Length: 42\r\n\r\n"),
    ] {
        let server = Server::following(move |mut peer| async move {
            let first = peer.number == 0;
            if first && peer.request().await.is_some() {
                peer.say(head).await;
            }
            while peer.request().await.is_some() {
                let body = if first { "evil" } else { "good" };
                peer.say(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}")).await;
            }
        })
        .await;
        let pool = pool(&[server.url()]);
        let response = pool.send(request(method, "/", RequestBody::Empty)).await.unwrap();
        assert_eq!(body_of(response).await.unwrap(), "", "{head}");
        assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "good", "{head}");
    }
}

#[tokio::test]
async fn headers_and_content_pass_unchanged() {
    let head = "HTTP/1.1 206 Partial Content\r\nDate: now\r\nContent-Encoding: gzip\r\nContent-Range: bytes 0-3/9\r\n\
                ETag: W/\"a\"\r\nVary: Accept\r\nVary: Cookie\r\nX-Odd: caf\u{e9}  x\r\nX-Empty:\r\nContent-Length: 4\r\n\r\n";
    let mut answer = head.as_bytes().to_vec();
    answer.extend_from_slice(&[0x1f, 0x8b, 0, 0xff]);
    let server = Server::saying(answer).await;
    let response = pool(&[server.url()]).send(get("/")).await.unwrap();
    assert_eq!(response.status, StatusCode::PARTIAL_CONTENT);
    let fields: Vec<(&str, &[u8])> =
        response.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(
        fields,
        [
            ("date", &b"now"[..]),
            ("content-encoding", b"gzip"),
            ("content-range", b"bytes 0-3/9"),
            ("etag", b"W/\"a\""),
            ("vary", b"Accept"),
            ("vary", b"Cookie"),
            ("x-odd", "caf\u{e9}  x".as_bytes()),
            ("x-empty", b""),
            ("content-length", b"4"),
        ]
    );
    assert_eq!(body_of(response).await.unwrap(), &[0x1f, 0x8b, 0, 0xff][..]);
}

#[tokio::test]
async fn large_answers_arrive_whole_in_large_pieces() {
    let content: Vec<u8> = (0..5_000_000u32).map(|index| (index % 251) as u8).collect();
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in content.chunks(4096) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let mut counted = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).into_bytes();
    counted.extend_from_slice(&content);
    for answer in [chunked, counted] {
        let server = Server::saying(answer).await;
        let pool = pool(&[server.url()]);
        for _ in 0..2 {
            assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), content);
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read_into_memory() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world").await;
    let response = pool(&[server.url()]).send(get("/")).await.unwrap();
    let error = response.read(11).await.unwrap_err();
    assert!(matches!(error, UpstreamError::AnswerTooLarge { limit_bytes: 11 }));
}

#[tokio::test]
async fn connections_that_have_waited_for_too_long_are_closed() {
    let closed = Arc::new(AtomicUsize::new(0));
    let counter = closed.clone();
    let server = Server::following(move |mut peer| {
        let counter = counter.clone();
        async move {
            while peer.request().await.is_some() {
                peer.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
            counter.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let idle_timeout = Duration::from_millis(50);
    let (pool, _) = pool_with(PoolSettings { idle_timeout, ..settings(&[server.url()]) });
    pool.send(get("/")).await.unwrap();
    tokio::time::sleep(idle_timeout * 2).await;
    pool.send(get("/")).await.unwrap();
    assert_eq!(server.connections(), 2);
    tokio::time::sleep(idle_timeout * 2).await;
    pool.sweep();
    while closed.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
