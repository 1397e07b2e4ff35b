//! Who is asking: evidence in a request becomes a [`Subject`].
//!
//! Three kinds of evidence count: a sealed session cookie made by the login page, HTTP Basic with a
//! built-in user's password, and a bearer JWT of a configured issuer. `Authorization` wins over the cookie, and
//! they never mix: where it is present and fails, the request fails, whatever the cookie says.
//!
//! Promised: what is verified is remembered for a while (keyed hash, bounded, dropped when users or keys
//! change), so that the next request of the same person costs about a microsecond. A removed user, a changed
//! password and a changed group take effect as soon as the file is read again. No credential appears in an
//! error, a log or a `Debug`.
//!
//! Refused: everything else.

mod authorization;
mod cookie;
mod csrf;
mod establish;
mod failure;
mod file;
mod jwt;
mod password;
mod password_checks;
mod reread;
mod return_address;
mod session;
mod session_keys;
mod settings;
mod subject;
mod throttle;
mod ticket;
mod users;
mod verified;

use ring::rand::{SecureRandom, SystemRandom};

pub use cookie::remove_evidence;
pub use csrf::{Initiator, initiator};
pub use establish::{Established, Identity};
pub use failure::{Evidence, IdentityError, LoginError, SessionFault, SetupError, TokenFault};
pub use return_address::safe_return_address;
pub use session::{LoggedIn, LoginForm, Session};
pub use session_keys::rotate_session_keys;
pub use settings::{
    IdentitySettings, IssuerSettings, Limit, SessionSettings, SettingFault, ThrottleSettings, TokenAlgorithm,
};
pub use subject::{Login, Subject};
pub use users::Users;

/// Bytes that nobody can guess, from the system.
fn random<const N: usize>() -> Result<[u8; N], SetupError> {
    let mut bytes = [0; N];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(SetupError::System("the system gives no random bytes".to_owned())),
    }
}
