//! The pool against small servers on loopback that follow a script, byte by byte where that matters.

mod answers;
mod deadlines;
mod failover;
mod requests;
mod streams;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::{Request, RequestBody};

/// Long enough for anything that should happen at all, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that follows a script on each connection. It ends when it is dropped.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

/// One connection as the script sees it.
struct Peer {
    stream: TcpStream,
    /// Which connection of the server this is, from 0.
    number: usize,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn following<F>(script: impl Fn(Peer) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server::on(listener, script)
    }

    fn on<F>(listener: TcpListener, script: impl Fn(Peer) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut accepting = JoinSet::new();
        let (counter, heard) = (connections.clone(), requests.clone());
        accepting.spawn(async move {
            let mut peers = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                peers.spawn(script(Peer { stream, number, requests: heard.clone() }));
            }
        });
        Server { address, connections, requests, _accepting: accepting }
    }

    /// Answers every request with the same bytes.
    async fn saying(answer: impl Into<Vec<u8>>) -> Server {
        let answer: Arc<[u8]> = answer.into().into();
        Server::following(move |mut peer| {
            let answer = answer.clone();
            async move {
                while peer.request().await.is_some() {
                    peer.say(&answer).await;
                }
            }
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Peer {
    /// The next request with its body, or nothing when the client has hung up.
    async fn request(&mut self) -> Option<String> {
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut byte).await.unwrap_or(0) == 0 {
                return None;
            }
            read.push(byte[0]);
        }
        let head = String::from_utf8(read).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.ok()?;
        let request = head + &String::from_utf8_lossy(&body);
        self.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Ends the connection with a reset.
    fn reset(self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

fn settings(urls: &[String]) -> PoolSettings {
    let replicas = urls.iter().map(|url| Replica::parse(url).unwrap()).collect();
    PoolSettings { first_byte_timeout: PATIENCE, body_idle_timeout: PATIENCE, ..PoolSettings::new(replicas) }
}

fn pool(urls: &[String]) -> Pool {
    pool_with(settings(urls)).0
}

fn pool_with(settings: PoolSettings) -> (Pool, Arc<Health>) {
    let health = Health::new(&settings, SystemTime::now());
    (Pool::new(Arc::new(settings), health.clone()), health)
}

fn get(path: &str) -> Request {
    request(Method::GET, path, RequestBody::Empty)
}

fn request(method: Method, path: &str, body: RequestBody) -> Request {
    Request {
        replayable: Request::is_safe(&method),
        method,
        path: path.to_owned(),
        query: None,
        headers: HeaderMap::new(),
        body,
        body_limit_bytes: 1 << 20,
        upgrade: None,
    }
}

async fn body_of(response: Response) -> Result<Bytes, UpstreamError> {
    response.read(64 << 20).await.map(|(_, _, body)| body)
}

/// An address on which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn addresses_of_replicas() {
    let replica = Replica::parse("https://[::1]:9443/prometheus/").unwrap();
    assert_eq!((replica.host(), replica.port(), replica.prefix()), ("::1", 9443, "/prometheus"));
    assert_eq!(replica.authority(), "[::1]:9443");
    assert!(replica.is_tls());
    assert_eq!(Replica::parse("http://a").unwrap().port(), 80);
    assert_eq!(Replica::parse("https://a/").unwrap().port(), 443);
    assert_eq!(Replica::parse("http://a/").unwrap().prefix(), "");
    for (url, error) in [
        ("prometheus:9090", ReplicaError::NotAnAddress),
        ("/a", ReplicaError::NotAnAddress),
        ("ftp://a", ReplicaError::Scheme),
        ("http://me:secret@a", ReplicaError::UserInfo),
        ("http://a/?b", ReplicaError::Query),
        ("http://a/#b", ReplicaError::Query),
        ("", ReplicaError::NotAnAddress),
        ("http://", ReplicaError::NotAnAddress),
    ] {
        assert_eq!(Replica::parse(url), Err(error), "{url}");
    }
}
