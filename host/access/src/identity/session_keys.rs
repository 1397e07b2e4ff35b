//! The keys that seal session cookies, and the sealed form.
//!
//! A key file has one key on each line (32 random bytes, base64url): the first seals, all of them open. It is
//! made at the first start, readable by its owner alone. To rotate, a new key is put on top
//! ([`rotate_session_keys`]): nobody is logged out, and a key that has left the file opens nothing any more.
//! Several gateways share sessions by sharing the file.
//!
//! A sealed session is base64url (no padding) of: version 1 · key id (4 bytes) · nonce (12) · AES-256-GCM of
//! the content · tag (16). Version, key id and the cookie's name are authenticated too. Nonces are random
//! (NIST SP 800-38D, 8.2.2): rotate before 2³² cookies.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use zeroize::Zeroizing;

use super::cookie::SESSION_COOKIE;
use super::failure::{SessionFault, SetupError};
use super::{file, random};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;
const PREFIX_BYTES: usize = 1 + ID_BYTES;
const HEADER_BYTES: usize = PREFIX_BYTES + NONCE_LEN;
/// Browsers keep 4096 bytes for a cookie with its name and attributes; ours has some 200.
pub(super) const LONGEST_COOKIE: usize = 1024;
/// More keys than this mean that nobody takes the old ones out.
const MOST_KEYS: usize = 16;
/// Rotation keeps these, new one included: enough for two rotations within the life of a session.
const KEPT_KEYS: usize = 3;

/// The keys of one file; the first seals.
pub(super) struct SessionKeys {
    keys: Vec<SealingKey>,
}

struct SealingKey {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
}

impl SessionKeys {
    /// One fresh key that nobody else has.
    pub(super) fn fresh() -> Result<Self, SetupError> {
        let bytes = Zeroizing::new(random::<KEY_BYTES>()?);
        Ok(SessionKeys { keys: vec![SealingKey::new(&bytes)?] })
    }

    /// Reads the file; makes it, with one fresh key, where there is none.
    pub(super) fn read_or_create(path: &Path) -> Result<Self, SetupError> {
        if !path.exists() && file::create(path, fresh_file()?.as_bytes())? {
            tracing::info!(path = %path.display(), "made a key for session cookies");
        }
        if file::is_readable_by_all(path) {
            tracing::warn!(path = %path.display(), "the session keys are readable by everybody on this machine; `chmod 600` them");
        }
        Self::parse(path, &file::read_text(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SetupError> {
        let wrong = |reason: String| SetupError::Keys { path: path.to_owned(), reason };
        let mut keys: Vec<SealingKey> = Vec::new();
        for (line, encoded) in key_lines(text) {
            let bytes = URL_SAFE_NO_PAD.decode(encoded).map(Zeroizing::new).ok();
            let bytes = bytes.as_ref().and_then(|bytes| <&[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
            let Some(bytes) = bytes else {
                return Err(wrong(format!(
                    "line {line} is not a session key: 32 random bytes in base64url, 43 characters"
                )));
            };
            let key = SealingKey::new(bytes)?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(wrong(format!("line {line} repeats a session key; remove it")));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => {
                Err(wrong("holds no session key; delete it, and a new one is made at the next start".into()))
            }
            1..=MOST_KEYS => Ok(SessionKeys { keys }),
            count => {
                Err(wrong(format!("holds {count} session keys; {MOST_KEYS} at most, take out the last ones")))
            }
        }
    }

    /// Seals a session's content with the first key.
    pub(super) fn seal(&self, content: &[u8]) -> Option<String> {
        let key = self.keys.first()?;
        let nonce = random::<NONCE_LEN>().ok()?;
        let mut out = Vec::with_capacity(HEADER_BYTES + content.len() + AES_256_GCM.tag_len());
        out.push(VERSION);
        out.extend_from_slice(&key.id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(content);
        let aad = Aad::from(authenticated(key.id));
        let tag = key
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut out[HEADER_BYTES..])
            .ok()?;
        out.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(out))
    }

    /// Opens what one of the keys sealed.
    pub(super) fn open(&self, cookie: &[u8]) -> Result<Vec<u8>, SessionFault> {
        if cookie.len() > LONGEST_COOKIE {
            return Err(SessionFault::Unreadable);
        }
        // The decoder takes one spelling only: no padding, no stray bits at the end.
        let mut bytes = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| SessionFault::Unreadable)?;
        let Some((header, sealed)) = bytes.split_at_mut_checked(HEADER_BYTES) else {
            return Err(SessionFault::Unreadable);
        };
        let (Some((&VERSION, rest)), true) = (header.split_first(), sealed.len() >= AES_256_GCM.tag_len())
        else {
            return Err(SessionFault::Unreadable);
        };
        let Some((id, nonce)) = rest.split_first_chunk::<ID_BYTES>() else {
            return Err(SessionFault::Unreadable);
        };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SessionFault::Unreadable)?;
        let key = self.keys.iter().find(|key| key.id == *id).ok_or(SessionFault::UnknownKey)?;
        let aad = Aad::from(authenticated(*id));
        let content = key.key.open_in_place(nonce, aad, sealed).map_err(|_| SessionFault::Forged)?;
        Ok(content.to_vec())
    }
}

impl SealingKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Result<Self, SetupError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| SetupError::System("AES-256-GCM refuses its key".into()))?;
        let mut id = [0; ID_BYTES];
        // With a purpose in front: the id tells nothing about the key, nor about other uses of it.
        let mut naming = digest::Context::new(&digest::SHA256);
        naming.update(b"bartizan session key id 1");
        naming.update(bytes);
        id.copy_from_slice(&naming.finish().as_ref()[..ID_BYTES]);
        Ok(SealingKey { id, key: LessSafeKey::new(key) })
    }
}

/// Puts a new session key on top of the file and keeps the two before it. Gateways that run read it within
/// seconds; sessions go on.
pub fn rotate_session_keys(path: &Path) -> Result<(), SetupError> {
    let text = file::read_text(path)?;
    SessionKeys::parse(path, &text)?;
    let mut rotated = fresh_file()?;
    for (_, key) in key_lines(&text).take(KEPT_KEYS - 1) {
        rotated.push_str(key);
        rotated.push('\n');
    }
    file::replace(path, rotated.as_bytes())
}

fn fresh_file() -> Result<Zeroizing<String>, SetupError> {
    let bytes = Zeroizing::new(random::<KEY_BYTES>()?);
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str("# Keys of session cookies, one a line. The first seals, all of them open. Whoever has one can log in as anybody.\n");
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    text.push('\n');
    Ok(text)
}

/// Keys with their line numbers; comments and empty lines left out.
fn key_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What the seal covers besides the content: a session is no other cookie, and of no other version.
fn authenticated(id: [u8; ID_BYTES]) -> [u8; PREFIX_BYTES + SESSION_COOKIE.len()] {
    let mut out = [0; PREFIX_BYTES + SESSION_COOKIE.len()];
    out[0] = VERSION;
    out[1..PREFIX_BYTES].copy_from_slice(&id);
    out[PREFIX_BYTES..].copy_from_slice(SESSION_COOKIE.as_bytes());
    out
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKeys({} of them)", self.keys.len())
    }
}

#[cfg(test)]
mod tests;
