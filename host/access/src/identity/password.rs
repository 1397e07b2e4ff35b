//! Password hashes: argon2id (RFC 9106) in PHC strings, no weaker than OWASP asks for.

use std::fmt;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::failure::SetupError;
use super::random;

/// OWASP's password storage sheet: 19 MiB with 2 passes, 12 with 3, 9 with 4, 7 with 5. All of them do at
/// least this much work.
const LEAST_WORK_KIB: u64 = 7_168 * 5;
const LEAST_MEMORY_KIB: u32 = 7_168;
/// A hash that asks for more would let a login exhaust the machine.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 8;

/// Longer passwords are refused unread; nobody types them.
pub(super) const LONGEST_PASSWORD: usize = 1024;
/// NIST SP 800-63B, 5.1.1.2.
const SHORTEST_PASSWORD: usize = 8;

/// A hash that was checked to be argon2id of sufficient strength. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PasswordHash {
    text: String,
    params: Params,
}

impl PasswordHash {
    /// Reads a PHC string such as `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "this is no argon2id hash; make one with `bartizan user add`, it looks like `$argon2id$v=19$m=19456,t=2,p=1$…`";
        let hash = password_hash::PasswordHash::new(text).map_err(|_| MALFORMED)?;
        if hash.algorithm != argon2::ARGON2ID_IDENT {
            return Err("only argon2id is accepted; set the password anew with `bartizan user add`");
        }
        if hash.version != Some(Version::V0x13.into()) {
            return Err("only argon2 version 19 is accepted; set the password anew with `bartizan user add`");
        }
        let params = Params::try_from(&hash).map_err(|_| MALFORMED)?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if params.m_cost() < LEAST_MEMORY_KIB || work < LEAST_WORK_KIB {
            return Err("the hash is too cheap to guess against; at least m=19456,t=2,p=1 is asked for");
        }
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES
        {
            return Err("the hash is too costly to check; at most m=262144,t=16,p=8 is accepted");
        }
        if hash.salt.is_none_or(|salt| salt.len() < 11) || hash.hash.is_none_or(|hash| hash.len() < 16) {
            return Err(
                "the hash has no salt of 8 bytes or no output of 16; set it anew with `bartizan user add`",
            );
        }
        Ok(PasswordHash { text: text.to_owned(), params })
    }

    /// Hashes a new password, with the default cost: m=19456 (19 MiB), t=2, p=1. Takes some 20 ms.
    pub(super) fn of(password: &str) -> Result<Self, SetupError> {
        Self::with(password, Params::DEFAULT)
    }

    /// A hash of a password that nobody knows, as costly to check as `self`: unknown names have to take as
    /// long as known ones.
    pub(super) fn decoy(&self) -> Result<Self, SetupError> {
        let nobody_knows: String = random::<32>()?.iter().map(|byte| char::from(byte % 64 + 48)).collect();
        Self::with(&nobody_knows, self.params.clone())
    }

    fn with(password: &str, params: Params) -> Result<Self, SetupError> {
        let failed = |cause: password_hash::Error| {
            SetupError::System(format!("the password cannot be hashed: {cause}"))
        };
        let salt = SaltString::encode_b64(&random::<16>()?).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let text = argon2.hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string();
        Ok(PasswordHash { text, params })
    }

    /// Whether `password` is the one. Takes some 20 ms of CPU and the memory that the hash asks for.
    pub(super) fn verifies(&self, password: &str) -> bool {
        let Ok(hash) = password_hash::PasswordHash::new(&self.text) else { return false };
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        argon2.verify_password(password.as_bytes(), &hash).is_ok()
    }

    /// The PHC string.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// What is wrong with a new password.
pub(super) fn fault(password: &str) -> Option<&'static str> {
    if password.chars().count() < SHORTEST_PASSWORD {
        return Some("a password has 8 characters or more");
    }
    if password.len() > LONGEST_PASSWORD {
        return Some("a password has 1024 bytes or less");
    }
    password.contains(char::is_control).then_some("a password has no control characters")
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests;
