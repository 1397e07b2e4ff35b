//! What a session cookie says inside: whose it is and since when.
//!
//! Only the name of the user travels; groups are looked up in the user file each time it changes, so that the
//! cookie stays small, and a group taken away is away at once. It also holds a stamp of the password's hash:
//! whoever changes the password ends the sessions made before.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::SessionFault;
use super::settings::SessionSettings;

/// Clocks of two gateways may differ by this much; what is newer was made by a wrong clock or with a stolen
/// key.
const SKEW_SECONDS: u64 = 300;
/// The cookie is renewed when this fraction of the idle time has passed since the last time.
const RENEWALS_PER_IDLE: u64 = 16;
const FIXED_BYTES: usize = 1 + 8 + 8 + 16 + 8;
/// The only kind so far: a built-in user who gave their password.
const BY_PASSWORD: u8 = 1;

/// The content of a session cookie.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) user: String,
    /// Random; form tokens are derived from it.
    pub(super) id: [u8; 16],
    /// Of the user's password hash at login.
    pub(super) stamp: [u8; 8],
    pub(super) issued_seconds: u64,
    pub(super) seen_seconds: u64,
}

impl Ticket {
    /// Its bytes, to be sealed.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES + self.user.len());
        out.push(BY_PASSWORD);
        out.extend_from_slice(&self.issued_seconds.to_be_bytes());
        out.extend_from_slice(&self.seen_seconds.to_be_bytes());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.stamp);
        out.extend_from_slice(self.user.as_bytes());
        out
    }

    /// Reads what was sealed.
    pub(super) fn decode(bytes: &[u8]) -> Option<Ticket> {
        let (kind, rest) = bytes.split_first()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let (seen, rest) = rest.split_first_chunk::<8>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (stamp, user) = rest.split_first_chunk::<8>()?;
        (*kind == BY_PASSWORD).then_some(())?;
        Some(Ticket {
            user: std::str::from_utf8(user).ok()?.to_owned(),
            id: *id,
            stamp: *stamp,
            issued_seconds: u64::from_be_bytes(*issued),
            seen_seconds: u64::from_be_bytes(*seen),
        })
    }

    /// Checks the times. A clock that went back a little is forgiven: the age is then zero.
    pub(super) fn check(&self, settings: &SessionSettings, now_seconds: u64) -> Result<(), SessionFault> {
        if self.issued_seconds.max(self.seen_seconds) > now_seconds.saturating_add(SKEW_SECONDS) {
            return Err(SessionFault::FromTheFuture);
        }
        if now_seconds.saturating_sub(self.issued_seconds) >= settings.absolute.as_secs() {
            return Err(SessionFault::TooOld);
        }
        if now_seconds.saturating_sub(self.seen_seconds) >= settings.idle.as_secs() {
            return Err(SessionFault::Idle);
        }
        Ok(())
    }

    /// The second at which it ends, unless renewed.
    pub(super) fn ends_seconds(&self, settings: &SessionSettings) -> u64 {
        let absolute = self.issued_seconds.saturating_add(settings.absolute.as_secs());
        absolute.min(self.seen_seconds.saturating_add(settings.idle.as_secs()))
    }

    /// The second from which a request gets a renewed cookie.
    pub(super) fn renewal_seconds(&self, settings: &SessionSettings) -> u64 {
        self.seen_seconds.saturating_add((settings.idle.as_secs() / RENEWALS_PER_IDLE).max(1))
    }
}

/// Seconds since 1970; zero before.
pub(super) fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests;
