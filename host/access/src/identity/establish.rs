//! From a request's headers to a subject; from a password to a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use ring::hmac;
use tokio::task::JoinSet;

use super::authorization::{Authorization, NameAndPassword};
use super::cookie::{self, SESSION_COOKIE};
use super::failure::{Evidence, IdentityError, LoginError, SetupError};
use super::jwt::Issuers;
use super::password_checks::{Claim, Digest, PasswordChecks};
use super::random;
use super::reread::Reread;
use super::session::Session;
use super::session_keys::SessionKeys;
use super::settings::IdentitySettings;
use super::subject::{Login, Subject};
use super::ticket::seconds;
use super::users::Users;
use super::verified::{Finding, Span, Verified};

/// A right password need not be checked again for so long; a changed user file ends it at once.
const BASIC_SECONDS: u64 = 60;
/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Establishes who sends requests; one for the whole program, shared by its threads.
#[derive(Debug)]
pub struct Identity {
    pub(super) settings: IdentitySettings,
    pub(super) users: Option<Reread<Users>>,
    pub(super) keys: Reread<SessionKeys>,
    issuers: Issuers,
    /// Counts changes of whatever evidence is verified against.
    pub(super) generation: Arc<AtomicU64>,
    pub(super) verified: Verified,
    pub(super) checks: Arc<PasswordChecks>,
    /// Under which names and passwords of HTTP Basic are remembered: they themselves are not.
    digest_key: hmac::Key,
}

/// Somebody whose evidence was verified, and the session they are in.
#[derive(Debug, Clone)]
pub struct Established {
    /// Who it is.
    pub subject: Arc<Subject>,
    /// Their session, where the evidence was its cookie.
    pub session: Option<Session>,
}

impl Identity {
    /// Reads users, session keys (made where the file is not there yet) and key files of issuers.
    /// Key sets by URL are fetched by [`maintain`](Identity::maintain). Where there is one, a rustls
    /// `CryptoProvider` has to be installed before.
    pub fn new(settings: IdentitySettings) -> Result<Identity, SetupError> {
        Identity::build(settings, None)
    }

    /// The same with new settings; counted failures, fetched keys, and session keys without a file stay.
    /// `self` goes on with the old settings; its [`maintain`](Identity::maintain) has to be replaced by that
    /// of the new one.
    pub fn with_settings(&self, settings: IdentitySettings) -> Result<Identity, SetupError> {
        Identity::build(settings, Some(self))
    }

    fn build(settings: IdentitySettings, before: Option<&Identity>) -> Result<Identity, SetupError> {
        let faults = settings.faults();
        if !faults.is_empty() {
            return Err(SetupError::Settings(faults));
        }
        let users = settings.users.clone().map(|path| Reread::of(path, Users::read)).transpose()?;
        let keys = match (settings.session.keys.clone(), before) {
            (Some(path), _) => Reread::of(path, SessionKeys::read_or_create)?,
            (None, Some(before)) if before.settings.session.keys.is_none() => {
                Reread::fixed(before.keys.load_full())
            }
            (None, _) => Reread::fixed(Arc::new(SessionKeys::fresh()?)),
        };
        let issuers = Issuers::new(&settings.issuers, before.map(|before| &before.issuers))?;
        let checks =
            before.map_or_else(|| Arc::new(PasswordChecks::new()), |before| Arc::clone(&before.checks));
        let digest_key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
        let (generation, verified) = (Arc::default(), Verified::new());
        Ok(Identity { settings, users, keys, issuers, generation, verified, checks, digest_key })
    }

    /// Keeps users, session keys and key sets fresh; never returns, and may be dropped at any time.
    /// Run it on a runtime with timers and I/O that serves no requests.
    pub async fn maintain(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        let identity = Arc::clone(&self);
        self.issuers.maintain(&self.generation, &mut tasks);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                identity.look_at_files();
            }
        });
        while let Some(ended) = tasks.join_next().await {
            // They loop; only a panic ends one.
            let Err(cause) = ended;
            tracing::error!(%cause, "a task that keeps logins fresh has ended");
        }
        std::future::pending::<()>().await;
    }

    /// Reads the user file, the session keys and key set files again, now. What is invalid is refused and the
    /// old goes on.
    pub fn reload(&self) -> Result<(), SetupError> {
        let users = self.users.as_ref().map_or(Ok(()), |users| users.read_again());
        let keys = self.keys.read_again();
        let issuers = self.issuers.read_again();
        self.generation.fetch_add(1, Ordering::AcqRel);
        users.and(keys).and(issuers)
    }

    fn look_at_files(&self) {
        let users = self.users.as_ref().is_some_and(Reread::read_if_changed);
        if users | self.keys.read_if_changed() | self.issuers.read_if_changed() {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether there are built-in users, and so a login page.
    pub fn offers_login(&self) -> bool {
        self.users.is_some()
    }

    /// Finds out who sends a request. `client` is the address after trusted proxies were taken off.
    pub async fn establish(
        &self,
        client: IpAddr,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<Established, IdentityError> {
        match Authorization::of(headers)? {
            Some(Authorization::Basic(credentials)) => self.by_password(client, credentials, now).await,
            Some(Authorization::Bearer(token)) => self.by_token(token, now).await,
            None => match cookie::find(headers, SESSION_COOKIE)? {
                Some(cookie) => self.by_session(cookie, now),
                None => Err(IdentityError::Anonymous),
            },
        }
    }

    async fn by_password(
        &self,
        client: IpAddr,
        credentials: &str,
        now: SystemTime,
    ) -> Result<Established, IdentityError> {
        let evidence = Evidence::Basic;
        let users = self.users.as_ref().ok_or(IdentityError::NotOffered { evidence })?;
        let digest = self.digest(credentials);
        let now_seconds = seconds(now);
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(finding) = self.verified.find(evidence, &digest, generation, now_seconds) {
            return Ok(Established { subject: finding.subject, session: None });
        }
        let NameAndPassword { name, password } = NameAndPassword::decode(credentials)?;
        let users = users.load_full();
        let claim = Claim { client, name: &name, password: &password, now };
        self.checks
            .check_once((generation, digest), &self.settings.throttle, Arc::clone(&users), claim)
            .await?;
        let user = users.get(&name).ok_or(IdentityError::Password)?;
        let subject = Arc::new(Subject::new(name, user.groups.clone(), Login::Basic));
        let span =
            Span { from_seconds: now_seconds, until_seconds: now_seconds.saturating_add(BASIC_SECONDS) };
        let finding = Finding { subject: Arc::clone(&subject), session: None };
        self.verified.remember(evidence, &digest, generation, span, finding);
        Ok(Established { subject, session: None })
    }

    async fn by_token(&self, token: &str, now: SystemTime) -> Result<Established, IdentityError> {
        let evidence = Evidence::Bearer;
        if self.issuers.is_empty() {
            return Err(IdentityError::NotOffered { evidence });
        }
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(finding) = self.verified.find(evidence, token.as_bytes(), generation, seconds(now)) {
            return Ok(Established { subject: finding.subject, session: None });
        }
        let (subject, span) = self.issuers.verify(token, now).await?;
        let subject = Arc::new(subject);
        let finding = Finding { subject: Arc::clone(&subject), session: None };
        self.verified.remember(evidence, token.as_bytes(), generation, span, finding);
        Ok(Established { subject, session: None })
    }

    fn digest(&self, credentials: &str) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.digest_key, credentials.as_bytes()).as_ref());
        digest
    }
}

impl From<LoginError> for IdentityError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => IdentityError::Password,
            LoginError::Throttled { retry_after } => IdentityError::Throttled { retry_after },
            LoginError::Busy => IdentityError::Busy,
            LoginError::NotOffered => IdentityError::NotOffered { evidence: Evidence::Basic },
        }
    }
}

#[cfg(test)]
mod tests;
