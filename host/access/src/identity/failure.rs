//! Why somebody was not let in: facts for the log, never the credential.

use std::path::PathBuf;
use std::time::Duration;

use crate::document::Faults;

use super::settings::SettingFault;

/// The kind of evidence a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The session cookie.
    Session,
    /// `Authorization: Basic` (RFC 7617).
    Basic,
    /// `Authorization: Bearer` (RFC 6750).
    Bearer,
}

impl Evidence {
    /// `session`, `basic` or `bearer`.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Session => "session",
            Evidence::Basic => "basic",
            Evidence::Bearer => "bearer",
        }
    }
}

/// Why a request has no subject. Everything but [`Throttled`](IdentityError::Throttled),
/// [`Busy`](IdentityError::Busy) and [`KeysUnavailable`](IdentityError::KeysUnavailable) is a 401, or the
/// login page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Neither `Authorization` nor a session cookie.
    #[error("the request carries no evidence of who sends it")]
    Anonymous,
    /// `Authorization` stands there more than once.
    #[error("the request has {count} Authorization headers; one is allowed")]
    SeveralAuthorizations {
        /// How many.
        count: usize,
    },
    /// A scheme other than Basic and Bearer.
    #[error("the Authorization scheme is neither Basic nor Bearer")]
    UnknownScheme,
    /// The evidence cannot be read.
    #[error("the {} evidence is malformed: {reason}", evidence.name())]
    Malformed {
        /// Which kind.
        evidence: Evidence,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The session cookie was not sealed by us, or has ended.
    #[error("the session is not valid: {0}")]
    Session(#[from] SessionFault),
    /// No such user, or another password.
    #[error("user name or password is wrong")]
    Password,
    /// No such kind of login is set up here.
    #[error("no {} login is set up", evidence.name())]
    NotOffered {
        /// Which kind.
        evidence: Evidence,
    },
    /// The bearer token was refused.
    #[error("the token is refused: {0}")]
    Token(#[from] TokenFault),
    /// Too many failures: 429.
    #[error("too many failed logins; again in {} s", retry_after.as_secs())]
    Throttled {
        /// Wait this long: whole seconds, at least one.
        retry_after: Duration,
    },
    /// Too many passwords are being checked at this moment: 503.
    #[error("too many passwords are being checked at this moment")]
    Busy,
    /// The issuer's keys have never been fetched: 503.
    #[error("the keys of issuer {issuer} could not be fetched yet")]
    KeysUnavailable {
        /// As configured.
        issuer: String,
    },
}

impl IdentityError {
    /// The kind of evidence that failed, where there was one.
    pub fn evidence(&self) -> Option<Evidence> {
        match self {
            IdentityError::Anonymous
            | IdentityError::SeveralAuthorizations { .. }
            | IdentityError::UnknownScheme => None,
            IdentityError::Malformed { evidence, .. } | IdentityError::NotOffered { evidence } => {
                Some(*evidence)
            }
            IdentityError::Session(_) => Some(Evidence::Session),
            IdentityError::Password | IdentityError::Throttled { .. } | IdentityError::Busy => {
                Some(Evidence::Basic)
            }
            IdentityError::Token(_) | IdentityError::KeysUnavailable { .. } => Some(Evidence::Bearer),
        }
    }
}

/// Why a session cookie opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionFault {
    /// Not base64url, too short or too long, or of an unknown version.
    #[error("it is not one of ours")]
    Unreadable,
    /// The key that sealed it is no longer (or not yet) in the key file.
    #[error("its key is not known here")]
    UnknownKey,
    /// The seal is broken.
    #[error("its seal is broken")]
    Forged,
    /// Unused for longer than the idle limit.
    #[error("it was idle for too long")]
    Idle,
    /// Older than the absolute limit.
    #[error("it is too old")]
    TooOld,
    /// Made in the future, beyond what clocks may differ.
    #[error("it was made in the future; compare the clocks")]
    FromTheFuture,
    /// The user is no longer in the user file.
    #[error("its user no longer exists")]
    UserGone,
    /// The user's password was changed since.
    #[error("the password was changed after it was made")]
    PasswordChanged,
}

/// Why a bearer token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not three base64url parts of JSON objects, or a member stands there twice.
    #[error("its {part} cannot be read")]
    Unreadable {
        /// `header`, `payload`, `signature`, or `token` as a whole.
        part: &'static str,
    },
    /// Longer than any token we take.
    #[error("it has {bytes} bytes")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The `crit` header asks for something; we understand nothing of that kind (RFC 7515, 4.1.11).
    #[error("its header has `crit`")]
    CriticalHeader,
    /// The `typ` header says that it is something else.
    #[error("its `typ` is not that of an access token")]
    Type,
    /// The `alg` header is none of those allowed for the issuer.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// The `iss` claim is none of those configured, or absent.
    #[error("its issuer is not known here")]
    Issuer,
    /// No key of the issuer fits `kid` and `alg`.
    #[error("no key of issuer {issuer} fits it")]
    Key {
        /// As configured.
        issuer: String,
    },
    /// No fitting key verifies the signature.
    #[error("its signature is wrong")]
    Signature,
    /// A claim that has to be there is not, or is of the wrong type.
    #[error("its claim `{claim}` is missing or of the wrong type")]
    Claim {
        /// The claim's name or path, as configured.
        claim: String,
    },
    /// None of our audiences.
    #[error("it was made for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("it expired {seconds_ago} s ago")]
    Expired {
        /// How long ago.
        seconds_ago: u64,
    },
    /// `exp` is further away than any token of this issuer should live.
    #[error("it claims to be valid for too long")]
    ValidTooLong,
    /// `nbf` or `iat` lies in the future.
    #[error("it is valid only in {in_seconds} s")]
    NotYetValid {
        /// How far away.
        in_seconds: u64,
    },
    /// The user's name is empty, too long, or has control characters.
    #[error("its user name cannot be used")]
    UserName,
    /// More or longer groups than we take.
    #[error("its groups are too many or too long")]
    Groups,
}

/// Why a login by form failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// No such user, or another password; nobody is told which.
    #[error("user name or password is wrong")]
    Refused,
    /// Too many failures.
    #[error("too many failed logins; again in {} s", retry_after.as_secs())]
    Throttled {
        /// Wait this long: whole seconds, at least one.
        retry_after: Duration,
    },
    /// Too many passwords are being checked at this moment; try again at once.
    #[error("too many passwords are being checked at this moment")]
    Busy,
    /// There are no built-in users.
    #[error("there are no built-in users to log in as")]
    NotOffered,
}

/// Why logins cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Settings that cannot be meant.
    #[error("the identity settings are wrong: {}", listed(.0))]
    Settings(Vec<SettingFault>),
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The user file has faults.
    #[error("{0}")]
    Users(Faults),
    /// A user cannot be added.
    #[error("user {name:?} cannot be added: {reason}")]
    User {
        /// Their name.
        name: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// A key file holds something else.
    #[error("{}: {reason}", path.display())]
    Keys {
        /// Which.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The system gives no random bytes, or an HTTP client cannot be built.
    #[error("{0}")]
    System(String),
}

fn listed(faults: &[SettingFault]) -> String {
    faults.iter().map(|fault| format!("`{}` {}", fault.key, fault.message)).collect::<Vec<_>>().join("; ")
}
