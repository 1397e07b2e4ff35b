//! Requests of every shape, and when they may be sent again.

use futures_util::stream;
use http::{HeaderValue, header};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;

use super::*;
use crate::StreamedBody;

type Piece = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

/// A body that comes piece by piece through a channel.
pub(super) fn streamed() -> (mpsc::Sender<Piece>, StreamedBody) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver| async {
        let piece: Piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    (sender, Box::pin(StreamBody::new(pieces)))
}

pub(super) fn piece(text: &'static str) -> Piece {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn bodies_in_memory_are_sent_with_their_length() {
    let server = Server::saying(OK).await;
    let pool = pool(&[server.url() + "/prefix"]);
    pool.send(request(Method::POST, "/a", RequestBody::Full(Bytes::from_static(b"query=up")))).await.unwrap();
    pool.send(request(Method::POST, "/b", RequestBody::Empty)).await.unwrap();
    pool.send(request(Method::DELETE, "/c", RequestBody::Empty)).await.unwrap();
    let mut with_query = get("/d");
    with_query.query = Some("x=%20".to_owned());
    with_query.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    pool.send(with_query).await.unwrap();
    let host = server.address;
    assert_eq!(
        server.requests(),
        [
            format!("POST /prefix/a HTTP/1.1\r\nhost: {host}\r\ncontent-length: 8\r\n\r\nquery=up"),
            format!("POST /prefix/b HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n"),
            format!("DELETE /prefix/c HTTP/1.1\r\nhost: {host}\r\n\r\n"),
            format!("GET /prefix/d?x=%20 HTTP/1.1\r\nhost: {host}\r\naccept-encoding: gzip\r\n\r\n"),
        ]
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn large_bodies_in_memory_arrive_whole() {
    let content = Bytes::from("x".repeat(3_000_000));
    let server = Server::saying(OK).await;
    let pool = pool(&[server.url()]);
    for _ in 0..2 {
        pool.send(request(Method::PUT, "/", RequestBody::Full(content.clone()))).await.unwrap();
    }
    assert!(
        server.requests().iter().all(|request| request.ends_with("x\u{78}") && request.len() > 3_000_000)
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_without_a_length_is_sent_in_chunks() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let server = Server::following(move |mut peer| {
        let heard = heard.clone();
        async move {
            peer.request().await;
            let mut read = Vec::new();
            while !read.ends_with(b"0\r\n\r\n") {
                if peer.stream.read_buf(&mut read).await.unwrap() == 0 {
                    break;
                }
            }
            heard.send(String::from_utf8(read).unwrap()).unwrap();
            peer.say(OK).await;
        }
    })
    .await;
    let (sender, body) = streamed();
    let pool = pool(&[server.url()]);
    let sending = pool.send(request(Method::POST, "/", RequestBody::Stream(body)));
    let feeding = async move {
        sender.send(piece("hello")).await.unwrap();
        sender.send(piece("")).await.unwrap();
        sender.send(piece(", world, and more")).await.unwrap();
    };
    let (response, ()) = tokio::join!(sending, feeding);
    assert_eq!(body_of(response.unwrap()).await.unwrap(), "ok");
    assert!(server.requests()[0].ends_with("transfer-encoding: chunked\r\n\r\n"));
    assert_eq!(hears.recv().await.unwrap(), "5\r\nhello\r\n11\r\n, world, and more\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_client_s_body_that_breaks_off_is_not_completed() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let server = Server::following(move |mut peer| {
        let heard = heard.clone();
        async move {
            peer.request().await;
            let mut read = Vec::new();
            peer.stream.read_to_end(&mut read).await.unwrap();
            heard.send(String::from_utf8(read).unwrap()).unwrap();
        }
    })
    .await;
    let (sender, body) = streamed();
    let pool = pool(&[server.url()]);
    let sending = pool.send(request(Method::POST, "/", RequestBody::Stream(body)));
    let feeding = async move {
        sender.send(piece("hello")).await.unwrap();
        sender.send(Err("gone".into())).await.unwrap();
    };
    let (response, ()) = tokio::join!(sending, feeding);
    assert!(matches!(response.unwrap_err(), UpstreamError::RequestBody));
    assert_eq!(hears.recv().await.unwrap(), "5\r\nhello\r\n");
}

#[tokio::test]
async fn an_answer_before_the_body_is_sent_is_passed_on() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    let pool = pool(&[server.url()]);
    let (sender, body) = streamed();
    sender.send(piece("hello")).await.unwrap();
    let response = pool.send(request(Method::POST, "/", RequestBody::Stream(body))).await.unwrap();
    assert_eq!(response.status, 413);
    assert_eq!(body_of(response).await.unwrap(), "no!");
    let large = RequestBody::Full(Bytes::from(vec![b'x'; 50_000_000]));
    let response = pool.send(request(Method::POST, "/", large)).await.unwrap();
    assert_eq!(body_of(response).await.unwrap(), "no!");
    assert_eq!(server.connections(), 2, "a connection with half a request on it is not used again");
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        // What comes is already chunked.
        let (mut reading, mut writing) = peer.stream.split();
        let _ = tokio::io::copy(&mut reading, &mut writing).await;
    })
    .await;
    let (sender, body) = streamed();
    let mut response =
        pool(&[server.url()]).send(request(Method::POST, "/", RequestBody::Stream(body))).await.unwrap();
    for text in ["one", "two", "three"] {
        sender.send(piece(text)).await.unwrap();
        let frame = http_body_util::BodyExt::frame(&mut response.body).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
    }
    drop(sender);
    assert!(http_body_util::BodyExt::frame(&mut response.body).await.is_none());
}

/// Answers one request on each connection and then hangs up.
async fn forgetful() -> Server {
    Server::following(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_used() {
    let server = forgetful().await;
    let pool = pool(&[server.url()]);
    for _ in 0..5 {
        let (sender, body) = streamed();
        sender.send(piece("hello")).await.unwrap();
        drop(sender);
        let response = pool.send(request(Method::POST, "/", RequestBody::Stream(body))).await.unwrap();
        assert_eq!(body_of(response).await.unwrap(), "ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 5);
}

/// Answers the first request on a connection, and hangs up when it has read the second.
async fn treacherous() -> Server {
    Server::following(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
        peer.request().await;
    })
    .await
}

#[tokio::test]
async fn a_safe_request_on_a_connection_that_dies_is_sent_again() {
    let server = treacherous().await;
    let pool = pool(&[server.url()]);
    for expected in 1..5 {
        assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "ok");
        assert_eq!(server.connections(), expected);
    }
}

#[tokio::test]
async fn a_posted_query_is_sent_again_and_any_other_post_is_not() {
    let server = treacherous().await;
    let pool = pool(&[server.url()]);
    let post = || request(Method::POST, "/", RequestBody::Full(Bytes::from_static(b"query=up")));
    pool.send(get("/")).await.unwrap();
    let query = Request { replayable: true, ..post() };
    assert_eq!(body_of(pool.send(query).await.unwrap()).await.unwrap(), "ok");
    assert_eq!(server.connections(), 2);
    let error = pool.send(post()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::HungUp { .. }), "{error}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_stream_is_never_sent_twice() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    let other = Server::saying(OK).await;
    let pool = pool(&[server.url(), other.url()]);
    let (sender, body) = streamed();
    sender.send(piece("hello")).await.unwrap();
    let stream = Request { replayable: true, ..request(Method::POST, "/", RequestBody::Stream(body)) };
    let error = pool.send(stream).await.unwrap_err();
    assert!(matches!(error, UpstreamError::HungUp { .. }), "{error}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn what_cannot_be_written_as_a_request_is_not_sent() {
    let server = Server::saying(OK).await;
    let error = pool(&[server.url()]).send(get("/a b")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unsendable { .. }), "{error}");
    assert!(server.requests().is_empty());
}
