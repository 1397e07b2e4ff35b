//! A browser's session: begun by the login page, carried by a sealed cookie, renewed while it is used.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};

use super::cookie::{self, LOGIN_COOKIE, SESSION_COOKIE};
use super::establish::{Established, Identity};
use super::failure::{Evidence, IdentityError, LoginError, SessionFault};
use super::password_checks::Claim;
use super::subject::{Login, Subject};
use super::ticket::{Ticket, seconds};
use super::verified::{Finding, SessionFinding, Span};
use super::{csrf, random};

/// Somebody who leaves the login page open over lunch logs in all the same.
const LOGIN_FORM_SECONDS: u64 = 4 * 3600;

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
        let claim = Claim { client, name: user, password, now };
        self.checks.check(&self.settings.throttle, Arc::clone(&users), claim).await?;
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

    /// What goes into the login page that answers this request. Tabs of one browser share the cookie, so that
    /// none spoils another's form.
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

    /// Establishes who sends a request by its session cookie.
    pub(super) fn by_session(&self, cookie: &[u8], now: SystemTime) -> Result<Established, IdentityError> {
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

fn login_nonce(headers: &HeaderMap) -> Option<[u8; 16]> {
    let value = cookie::find(headers, LOGIN_COOKIE).ok()??;
    URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()
}
