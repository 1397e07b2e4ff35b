//! What flows for long: event streams and upgraded connections.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::*;

#[tokio::test]
async fn each_event_arrives_as_soon_as_it_is_sent() {
    let (permit, permits) = mpsc::channel::<()>(1);
    let permits = Arc::new(tokio::sync::Mutex::new(permits));
    let server = Server::following(move |mut peer| {
        let permits = permits.clone();
        async move {
            peer.request().await;
            peer.say(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            )
            .await;
            // The next event is sent only when the one before has arrived.
            while permits.lock().await.recv().await.is_some() {
                peer.say("9\r\ndata: x\n\n\r\n").await;
            }
            peer.say("0\r\n\r\n").await;
        }
    })
    .await;
    // Two replicas: a read is then held back for a moment in case it is cut, but never an event.
    let pool = pool(&[server.url(), server.url()]);
    let mut response = pool.send(get("/events")).await.unwrap();
    for _ in 0..20 {
        permit.send(()).await.unwrap();
        let event = response.body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(event, "data: x\n\n");
    }
    drop(permit);
    assert!(response.body.frame().await.is_none());
}

#[tokio::test]
async fn a_slow_answer_is_not_held_back_for_long() {
    let (permit, permits) = mpsc::channel::<()>(1);
    let permits = Arc::new(tokio::sync::Mutex::new(permits));
    let server = Server::following(move |mut peer| {
        let permits = permits.clone();
        async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            while permits.lock().await.recv().await.is_some() {
                peer.say("1\r\nx\r\n").await;
            }
            peer.say("0\r\n\r\n").await;
        }
    })
    .await;
    let pool = pool(&[server.url(), server.url()]);
    let mut response = pool.send(get("/log")).await.unwrap();
    for _ in 0..20 {
        permit.send(()).await.unwrap();
        assert_eq!(response.body.frame().await.unwrap().unwrap().into_data().unwrap(), "x");
    }
    drop(permit);
    assert!(response.body.frame().await.is_none());
}

/// A client whose requests reach a pool through a real server, as in the program.
async fn client_of(pool: Pool, idle_timeout: Duration) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let pool = Rc::new(RefCell::new(Some(pool)));
    tokio::task::spawn_local(async move {
        let service = service_fn(move |mut incoming: http::Request<hyper::body::Incoming>| {
            let pool = pool.borrow_mut().take();
            async move {
                let upgrade = Request { upgrade: Some(hyper::upgrade::on(&mut incoming)), ..get("/live") };
                let response = pool.unwrap().send(upgrade).await.unwrap();
                if let Some(tunnel) = response.tunnel {
                    tokio::task::spawn_local(tunnel.run(idle_timeout));
                }
                let mut answer = http::Response::new(Empty::<Bytes>::new());
                *answer.status_mut() = response.status;
                *answer.headers_mut() = response.headers;
                Ok::<_, Infallible>(answer)
            }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(accepted), service);
        let _ = connection.with_upgrades().await;
    });
    client
}

const ASK: &str = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

async fn head(client: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") && client.read(&mut byte).await.unwrap() > 0 {
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn an_upgraded_connection_carries_bytes_both_ways_until_both_have_ended() {
    let server = Server::following(|mut peer| async move {
        let request = peer.request().await.unwrap();
        assert!(request.contains("upgrade: websocket\r\nconnection: upgrade\r\n"));
        // The first message comes together with the 101.
        peer.say(format!("{SWITCH}welcome")).await;
        let (mut reading, mut writing) = peer.stream.split();
        let _ = tokio::io::copy(&mut reading, &mut writing).await;
        let _ = writing.write_all(b"bye").await;
    })
    .await;
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut client = client_of(pool(&[server.url()]), PATIENCE).await;
            client.write_all(ASK.as_bytes()).await.unwrap();
            let answer = head(&mut client).await;
            assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("upgrade: websocket"), "{answer}");
            let mut read = [0; 7];
            client.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"welcome");
            for round in 0..10 {
                let message = vec![round; 20_000];
                client.write_all(&message).await.unwrap();
                let mut echo = vec![0; 20_000];
                client.read_exact(&mut echo).await.unwrap();
                assert_eq!(echo, message);
            }
            client.shutdown().await.unwrap();
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "bye", "half-closed: the other half still arrives");
        })
        .await;
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let server = Server::following(|mut peer| async move {
        peer.request().await;
        peer.say(SWITCH).await;
        tokio::time::sleep(PATIENCE * 2).await;
    })
    .await;
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut client = client_of(pool(&[server.url()]), Duration::from_millis(100)).await;
            client.write_all(ASK.as_bytes()).await.unwrap();
            assert!(head(&mut client).await.starts_with("HTTP/1.1 101 "));
            let mut rest = Vec::new();
            tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await.unwrap().unwrap();
            assert!(rest.is_empty());
        })
        .await;
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_like_any_other() {
    let server = Server::saying("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n").await;
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut client = client_of(pool(&[server.url()]), PATIENCE).await;
            client.write_all(ASK.as_bytes()).await.unwrap();
            assert!(head(&mut client).await.starts_with("HTTP/1.1 426 "));
        })
        .await;
}
