//! Key sets by URL, from a server on loopback that does as it is told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Signer, claims, no_key, now, settings};
use crate::identity::failure::IdentityError;
use crate::identity::jwt::Issuers;

/// Answers each connection once.
struct Server {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let (says, counts) = (Arc::clone(&answer), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::Relaxed);
                let _ = socket.read(&mut [0; 4096]).await;
                let text = says.lock().expect("sound").clone();
                let _ = socket.write_all(text.as_bytes()).await;
            }
        });
        Server { url, answer, asked, _tasks: tasks }
    }

    fn answer(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        *self.answer.lock().expect("sound") = text;
    }

    fn serve(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.answer("200 OK", "", &json!({"keys": keys}).to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

struct Fetching {
    issuers: Issuers,
    generation: Arc<AtomicU64>,
    _tasks: JoinSet<std::convert::Infallible>,
}

/// An issuer at this address, and the task that fetches its keys.
fn fetching(url: &str) -> Fetching {
    // Twice is once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let issuers = Issuers::new(&[settings(json!({"jwks_url": url}))], None).expect("issuers");
    let generation = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    issuers.maintain(&generation, &mut tasks);
    Fetching { issuers, generation, _tasks: tasks }
}

impl Fetching {
    async fn verify(&self, signer: &Signer) -> Result<(), IdentityError> {
        self.issuers.verify(&signer.token(&claims()), now()).await.map(|_| ())
    }
}

#[tokio::test]
async fn the_first_request_waits_for_the_keys() {
    let server = Server::start().await;
    let signer = Signer::ec("k1");
    server.serve(&[&signer]);
    let fetching = fetching(&server.url);
    assert_eq!(fetching.verify(&signer).await, Ok(()));
    assert_eq!(fetching.generation.load(Ordering::Relaxed), 1);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn unknown_keys_do_not_flood_the_address_nor_wait() {
    let server = Server::start().await;
    let signer = Signer::ec("k1");
    server.serve(&[&signer]);
    let fetching = fetching(&server.url);
    fetching.verify(&signer).await.expect("verified");
    let begun = Instant::now();
    for i in 0..100 {
        assert_eq!(fetching.verify(&Signer::ec(&format!("unknown {i}"))).await, Err(no_key().into()));
    }
    assert!(begun.elapsed() < Duration::from_millis(900), "none of them waited");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_address_that_fails_changes_nothing() {
    let server = Server::start().await;
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    server.serve(&[&old]);
    let fetching = fetching(&server.url);
    fetching.verify(&old).await.expect("verified");
    server.serve(&[&old, &new]);
    let begun = Instant::now();
    while fetching.verify(&new).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "the rest is over after 10 s");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(server.asked() <= 3);
    server.answer("500 Internal Server Error", "", "");
    let _ = fetching.verify(&Signer::ec("unknown")).await;
    assert_eq!(fetching.verify(&old).await, Ok(()));
}

#[tokio::test]
async fn changed_settings_keep_the_keys_of_an_address_that_went_away() {
    let server = Server::start().await;
    let signer = Signer::ec("k1");
    server.serve(&[&signer]);
    let fetching = fetching(&server.url);
    fetching.verify(&signer).await.expect("verified");
    server.answer("503 Service Unavailable", "", "");
    let same = settings(json!({"jwks_url": server.url, "leeway": "10s"}));
    let issuers = Issuers::new(&[same], Some(&fetching.issuers)).expect("issuers");
    assert!(issuers.verify(&signer.token(&claims()), now()).await.is_ok());
    let other = settings(json!({"jwks_url": format!("{}?other", server.url)}));
    let issuers = Issuers::new(&[other], Some(&fetching.issuers)).expect("issuers");
    assert!(issuers.verify(&signer.token(&claims()), now()).await.is_err());
}

#[tokio::test]
async fn answers_that_are_no_key_set_are_not_taken() {
    let signer = Signer::ec("k1");
    let set = json!({"keys": [signer.jwk()]}).to_string();
    let elsewhere = Server::start().await;
    elsewhere.serve(&[&signer]);
    let huge = format!("{}{set}", " ".repeat(600 * 1024));
    let redirect = format!("location: {}\r\n", elsewhere.url);
    for (status, headers, body) in [
        ("500 Internal Server Error", "", set.as_str()),
        ("302 Found", redirect.as_str(), set.as_str()),
        ("200 OK", "", "<html>log in first</html>"),
        ("200 OK", "", r#"{"keys":[]}"#),
        ("200 OK", "", huge.as_str()),
    ] {
        let server = Server::start().await;
        server.answer(status, headers, body);
        let fetching = fetching(&server.url);
        let unavailable = IdentityError::KeysUnavailable { issuer: "https://id.example".to_owned() };
        assert_eq!(fetching.verify(&signer).await, Err(unavailable), "{status} {headers}");
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
}

#[tokio::test]
async fn a_silent_address_holds_a_request_for_a_second_at_most() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let fetching = fetching(&url);
    let begun = Instant::now();
    assert!(matches!(fetching.verify(&Signer::ec("k")).await, Err(IdentityError::KeysUnavailable { .. })));
    assert!(begun.elapsed() < Duration::from_secs(3));
    drop(listener);
}
