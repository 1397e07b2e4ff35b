//! From a request's headers to a subject; from a password to a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use ring::hmac;
use tokio::task::JoinSet;

use super::authorization::{Authorization, NameAndPassword};
use super::cookie::{self, LOGIN_COOKIE, SESSION_COOKIE};
use super::failure::{Evidence, IdentityError, LoginError, SessionFault, SetupError};
use super::jwt::Issuers;
use super::password_checks::{Digest, PasswordChecks};
use super::reread::Reread;
use super::session_keys::SessionKeys;
use super::settings::IdentitySettings;
use super::subject::{Login, Subject};
use super::ticket::{Ticket, seconds};
use super::users::Users;
use super::verified::{Finding, SessionFinding, Span, Verified};
use super::{csrf, random};

/// A right password need not be checked again for so long; a changed user file ends it at once.
const BASIC_SECONDS: u64 = 60;
/// Somebody who leaves the login page open over lunch logs in all the same.
const LOGIN_FORM_SECONDS: u64 = 4 * 3600;
/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Establishes who sends requests; one for the whole program, shared by its threads.
#[derive(Debug)]
pub struct Identity {
    settings: IdentitySettings,
    users: Option<Reread<Users>>,
    keys: Reread<SessionKeys>,
    issuers: Issuers,
    /// Counts changes of whatever evidence is verified against.
    generation: Arc<AtomicU64>,
    verified: Verified,
    checks: Arc<PasswordChecks>,
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

/// A browser's session, as far as those who answer the request need it.
#[derive(Clone)]
pub struct Session {
    id: [u8; 16],
    renewal: Option<HeaderValue>,
}

/// What a login by form gives.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who it is.
    pub subject: Arc<Subject>,
    /// The `Set-Cookie` value that begins the session.
    pub cookie: HeaderValue,
}

/// What the login page puts into its form, so that nobody logs a browser in from elsewhere.
#[derive(Debug, Clone)]
pub struct LoginForm {
    /// The value of the hidden field.
    pub token: String,
    /// A `Set-Cookie` value to send with the page, unless the browser has it.
    pub cookie: Option<HeaderValue>,
}

impl Identity {
    /// Reads users, session keys (made where the file is not there yet) and key sets of issuers.
    /// Key sets by URL are fetched by [`maintain`](Identity::maintain).
    pub fn new(settings: IdentitySettings) -> Result<Identity, SetupError> {
        Identity::build(settings, Arc::new(PasswordChecks::new()))
    }

    /// The same with new settings; counted failures stay. `self` goes on with the old ones, its
    /// [`maintain`](Identity::maintain) has to be replaced by that of the new one.
    pub fn with_settings(&self, settings: IdentitySettings) -> Result<Identity, SetupError> {
        Identity::build(settings, Arc::clone(&self.checks))
    }

    fn build(settings: IdentitySettings, checks: Arc<PasswordChecks>) -> Result<Identity, SetupError> {
        let faults = settings.faults();
        if !faults.is_empty() {
            return Err(SetupError::Settings(faults));
        }
        let users = settings.users.clone().map(|path| Reread::of(path, Users::read)).transpose()?;
        let keys = match settings.session.keys.clone() {
            Some(path) => Reread::of(path, SessionKeys::read_or_create)?,
            None => Reread::fixed(SessionKeys::fresh()?),
        };
        let issuers = Issuers::new(&settings.issuers)?;
        let digest_key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
        Ok(Identity {
            settings,
            users,
            keys,
            issuers,
            generation: Arc::new(AtomicU64::new(0)),
            verified: Verified::new(),
            checks,
            digest_key,
        })
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

    /// Reads the user file, the session keys and key set files again, now. What is invalid is refused and the old goes on.
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

    fn by_session(&self, cookie: &[u8], now: SystemTime) -> Result<Established, IdentityError> {
        let now_seconds = seconds(now);
        let generation = self.generation.load(Ordering::Acquire);
        let finding = match self.verified.find(Evidence::Session, cookie, generation, now_seconds) {
            Some(finding) => finding,
            None => {
                let (finding, until_seconds) = self.open_session(cookie, now_seconds)?;
                let span = Span { from_seconds: now_seconds, until_seconds };
                self.verified.remember(Evidence::Session, cookie, generation, span, finding.clone());
                finding
            }
        };
        let session = finding.session.map(|session| Session {
            id: session.id,
            renewal: (now_seconds >= session.renewal_seconds)
                .then(|| self.renewed(cookie, now_seconds))
                .flatten(),
        });
        Ok(Established { subject: finding.subject, session })
    }

    /// Opens the cookie and checks that its user is still the one who logged in; also when it ends.
    fn open_session(&self, cookie: &[u8], now_seconds: u64) -> Result<(Finding, u64), IdentityError> {
        let users = self.users.as_ref().ok_or(IdentityError::NotOffered { evidence: Evidence::Session })?;
        let content = self.keys.load().open(cookie)?;
        let ticket = Ticket::decode(&content).ok_or(SessionFault::Unreadable)?;
        ticket.check(&self.settings.session, now_seconds)?;
        let users = users.load();
        let user = users.get(&ticket.user).ok_or(SessionFault::UserGone)?;
        if user.stamp() != ticket.stamp {
            return Err(SessionFault::PasswordChanged.into());
        }
        let session =
            SessionFinding { id: ticket.id, renewal_seconds: ticket.renewal_seconds(&self.settings.session) };
        let ends = ticket.ends_seconds(&self.settings.session);
        let subject = Subject::new(ticket.user, user.groups.clone(), Login::Session);
        Ok((Finding { subject: Arc::new(subject), session: Some(session) }, ends))
    }

    /// The session's cookie with the idle time begun anew.
    fn renewed(&self, cookie: &[u8], now_seconds: u64) -> Option<HeaderValue> {
        let content = self.keys.load().open(cookie).ok()?;
        let ticket = Ticket::decode(&content)?;
        self.sealed(&Ticket { seen_seconds: now_seconds.max(ticket.seen_seconds), ..ticket }, now_seconds)
    }

    fn sealed(&self, ticket: &Ticket, now_seconds: u64) -> Option<HeaderValue> {
        let value = self.keys.load().seal(&ticket.encode())?;
        let left = ticket.ends_seconds(&self.settings.session).saturating_sub(now_seconds);
        cookie::set(SESSION_COOKIE, &value, left)
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
        let checked = self.checks.check_once(
            digest,
            &self.settings.throttle,
            Arc::clone(&users),
            client,
            &name,
            &password,
            now,
        );
        checked.await?;
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

    /// Checks a password given to the login page and begins a session.
    /// The page's form has to be [ours](Identity::is_own_login_form) first.
    pub async fn login(
        &self,
        client: IpAddr,
        user: &str,
        password: &str,
        now: SystemTime,
    ) -> Result<LoggedIn, LoginError> {
        let users = self.users.as_ref().ok_or(LoginError::NotOffered)?.load_full();
        self.checks.check(&self.settings.throttle, Arc::clone(&users), client, user, password, now).await?;
        let entry = users.get(user).ok_or(LoginError::Refused)?;
        let now_seconds = seconds(now);
        let ticket = Ticket {
            user: user.to_owned(),
            id: random().map_err(|_| LoginError::Busy)?,
            stamp: entry.stamp(),
            issued_seconds: now_seconds,
            seen_seconds: now_seconds,
        };
        let cookie = self.sealed(&ticket, now_seconds).ok_or(LoginError::Busy)?;
        let subject = Arc::new(Subject::new(user.to_owned(), entry.groups.clone(), Login::Session));
        Ok(LoggedIn { subject, cookie })
    }

    /// The `Set-Cookie` value that ends the session in this browser.
    pub fn logout(&self) -> HeaderValue {
        HeaderValue::from_static("__Host-bartizan=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    /// What goes into the login page that answers this request. Tabs of one browser share the cookie, so that none spoils another's form.
    pub fn login_form(&self, headers: &HeaderMap) -> LoginForm {
        if let Some(nonce) = login_nonce(headers) {
            return LoginForm { token: csrf::token(&nonce), cookie: None };
        }
        match random::<16>() {
            Ok(nonce) => LoginForm {
                token: csrf::token(&nonce),
                cookie: cookie::set(LOGIN_COOKIE, &URL_SAFE_NO_PAD.encode(nonce), LOGIN_FORM_SECONDS),
            },
            // Without randomness there is no login: an empty token is never right.
            Err(_) => LoginForm { token: String::new(), cookie: None },
        }
    }

    /// Whether the form comes from a login page that this browser got from us.
    pub fn is_own_login_form(&self, headers: &HeaderMap, token: &str) -> bool {
        login_nonce(headers).is_some_and(|nonce| csrf::verifies(&nonce, token))
    }

    fn digest(&self, credentials: &str) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.digest_key, credentials.as_bytes()).as_ref());
        digest
    }
}

impl Session {
    /// The token that this session's forms carry in a hidden field.
    pub fn csrf_token(&self) -> String {
        csrf::token(&self.id)
    }

    /// Whether a form's token is this session's; in constant time.
    pub fn is_own_form(&self, token: &str) -> bool {
        csrf::verifies(&self.id, token)
    }

    /// A `Set-Cookie` value to send with the answer, where the cookie has to be renewed.
    pub fn renewal(&self) -> Option<&HeaderValue> {
        self.renewal.as_ref()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("renewal", &self.renewal.is_some()).finish_non_exhaustive()
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

fn login_nonce(headers: &HeaderMap) -> Option<[u8; 16]> {
    let value = cookie::find(headers, LOGIN_COOKIE).ok()??;
    URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
