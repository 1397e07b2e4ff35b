//! Where an issuer's keys come from: a file, or an address that is asked again and again.
//!
//! Fetching happens in a task of its own. A request that needs a key which is not there asks that task to
//! fetch, and waits a second at most. However many such requests come, the address is asked once in [`REST`];
//! in between, an unknown `kid` is refused at once. What was fetched last goes on while the address does not
//! answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::identity::failure::SetupError;
use crate::identity::file;
use crate::identity::reread::Reread;
use crate::identity::settings::IssuerSettings;

use super::keys::KeySet;

/// After an answer, good or bad, the address is left alone for so long, whatever tokens come.
const REST: Duration = Duration::from_secs(10);
/// The same where there are no keys yet, for each failure.
const FIRST_REST: Duration = Duration::from_secs(1);
/// A request waits so long for a key.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Connect, answer and body.
const FETCH_DEADLINE: Duration = Duration::from_secs(5);
/// A set of a hundred RSA keys with certificates has 300 KB.
const LONGEST_SET: usize = 512 * 1024;

/// The keys of one issuer, as fresh as its source.
#[derive(Debug)]
pub(super) enum KeySource {
    File(Reread<KeySet>),
    Url(Fetched),
}

/// Keys from an address.
#[derive(Debug)]
pub(super) struct Fetched {
    url: String,
    client: Client,
    refresh: Duration,
    keys: ArcSwapOption<KeySet>,
    wanted: Notify,
    /// Answers so far, good or bad.
    answers: watch::Sender<u64>,
    is_resting: AtomicBool,
}

/// Why a key set was not had.
#[derive(Debug, thiserror::Error)]
enum FetchFault {
    #[error("no answer in {} s", FETCH_DEADLINE.as_secs())]
    Deadline,
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("the answer has more than {LONGEST_SET} bytes")]
    TooLong,
    #[error("the answer {0}")]
    KeySet(String),
}

impl KeySource {
    pub(super) fn new(settings: &IssuerSettings) -> Result<Self, SetupError> {
        match (&settings.jwks_file, &settings.secret, &settings.jwks_url) {
            (Some(path), None, None) => Ok(KeySource::File(Reread::of(path.clone(), KeySet::read)?)),
            (None, Some(path), None) => Ok(KeySource::File(Reread::of(path.clone(), KeySet::read_secret)?)),
            (None, None, Some(url)) => Ok(KeySource::Url(Fetched::new(url, settings)?)),
            _ => Err(SetupError::System("an issuer has one source of keys".to_owned())),
        }
    }

    /// The keys at hand; none where they were never fetched.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        match self {
            KeySource::File(file) => Some(file.load_full()),
            KeySource::Url(fetched) => fetched.keys.load_full(),
        }
    }

    /// The keys after a fetch, where there can be one soon; else those at hand.
    pub(super) async fn fetched_soon(&self) -> Option<Arc<KeySet>> {
        if let KeySource::Url(fetched) = self {
            let mut answers = fetched.answers.subscribe();
            fetched.wanted.notify_one();
            if !fetched.is_resting.load(Ordering::Acquire) {
                // In time or not: what is there then counts.
                let _ = timeout(LONGEST_WAIT, answers.changed()).await;
            }
        }
        self.keys()
    }

    /// Takes over what another fetched from the same address.
    pub(super) fn begin_with(&self, other: &KeySource) {
        if let (KeySource::Url(fetched), KeySource::Url(other)) = (self, other) {
            fetched.keys.store(other.keys.load_full());
        }
    }

    pub(super) fn is_fetched(&self) -> bool {
        matches!(self, KeySource::Url(_))
    }

    /// Fetches for ever; adds one to `generation` when the keys are others.
    pub(super) async fn keep_fetching(&self, generation: &AtomicU64) -> Infallible {
        match self {
            KeySource::Url(fetched) => fetched.keep_fetching(generation).await,
            KeySource::File(_) => std::future::pending().await,
        }
    }

    pub(super) fn read_if_changed(&self) -> bool {
        match self {
            KeySource::File(file) => file.read_if_changed(),
            KeySource::Url(_) => false,
        }
    }

    pub(super) fn read_again(&self) -> Result<(), SetupError> {
        match self {
            KeySource::File(file) => file.read_again(),
            KeySource::Url(fetched) => {
                fetched.wanted.notify_one();
                Ok(())
            }
        }
    }
}

impl Fetched {
    fn new(url: &str, settings: &IssuerSettings) -> Result<Self, SetupError> {
        let mut builder = Client::builder()
            .timeout(FETCH_DEADLINE)
            .connect_timeout(FETCH_DEADLINE)
            .redirect(Policy::none())
            .https_only(url.starts_with("https://"))
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("http://") {
            // Loopback only, says the check of the settings: nothing of it leaves the machine.
            builder = builder.no_proxy();
        }
        if let Some(path) = &settings.jwks_ca {
            let wrong = |reason: String| SetupError::Keys { path: path.clone(), reason };
            let authorities = Certificate::from_pem_bundle(&file::read(path)?)
                .map_err(|_| wrong("holds no certificates in PEM".to_owned()))?;
            builder = builder.tls_certs_only(authorities);
        }
        let client = builder
            .build()
            .map_err(|cause| SetupError::System(format!("{url} cannot be fetched: {cause}")))?;
        Ok(Fetched {
            url: url.to_owned(),
            client,
            refresh: settings.jwks_refresh,
            keys: ArcSwapOption::empty(),
            wanted: Notify::new(),
            answers: watch::Sender::new(0),
            is_resting: AtomicBool::new(false),
        })
    }

    async fn keep_fetching(&self, generation: &AtomicU64) -> Infallible {
        let mut last = Vec::new();
        let mut failures = 0;
        loop {
            failures = match self.fetch(&last).await {
                Ok(fresh) => {
                    if let Some((keys, body)) = fresh {
                        self.keys.store(Some(Arc::new(keys)));
                        generation.fetch_add(1, Ordering::AcqRel);
                        last = body;
                        tracing::info!(url = self.url, "fetched the issuer's keys");
                    }
                    0
                }
                Err(cause) => {
                    tracing::warn!(url = self.url, %cause, "the issuer's keys could not be fetched; those at hand go on");
                    failures + 1
                }
            };
            self.is_resting.store(true, Ordering::Release);
            self.answers.send_modify(|answers| *answers += 1);
            // Without any keys nobody gets in: ask again sooner.
            let rest =
                if self.keys.load().is_none() { FIRST_REST.saturating_mul(failures).min(REST) } else { REST };
            tokio::time::sleep(rest).await;
            self.is_resting.store(false, Ordering::Release);
            if failures == 0 {
                // Until its time, or until a token names an unknown key.
                let _ = timeout(self.refresh.saturating_sub(rest), self.wanted.notified()).await;
            }
        }
    }

    /// The keys with the body they were read from; none where that is the same as `last`.
    async fn fetch(&self, last: &[u8]) -> Result<Option<(KeySet, Vec<u8>)>, FetchFault> {
        let body = timeout(FETCH_DEADLINE, self.body()).await.map_err(|_| FetchFault::Deadline)??;
        if body == last {
            return Ok(None);
        }
        let keys = KeySet::parse(&body).map_err(FetchFault::KeySet)?;
        Ok(Some((keys, body)))
    }

    async fn body(&self) -> Result<Vec<u8>, FetchFault> {
        let mut response = self
            .client
            .get(&self.url)
            .header("accept", "application/jwk-set+json, application/json")
            .send()
            .await?;
        if response.status() != StatusCode::OK {
            return Err(FetchFault::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_SET {
                return Err(FetchFault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
