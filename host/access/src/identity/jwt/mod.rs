//! Bearer tokens: JSON Web Tokens (RFC 7519) of configured issuers, checked as RFC 8725 advises.
//!
//! The token says who it claims to be from (`iss`); the settings say what that issuer may use: algorithms,
//! keys, audiences. Nothing in the token's header widens that: `alg` has to be on the list and fit the key,
//! `kid` only looks a key up, `jwk`, `jku`, `x5u` and `x5c` are not read, `crit` is refused. Issuers share no
//! keys. `exp`, `iss`, `aud` and the user's name have to be there; a member that stands there twice makes the
//! token unreadable, so that no two readers can disagree.

mod claims;
mod json;
mod keys;
mod source;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::failure::{IdentityError, SetupError, TokenFault};
use super::settings::{IssuerSettings, TokenAlgorithm};
use super::subject::Subject;
use super::ticket::seconds;
use super::verified::Span;

use keys::KeySet;
use source::KeySource;

/// Servers refuse headers beyond 8 to 32 KiB; a token of more has another purpose.
const LONGEST_TOKEN: usize = 16 * 1024;
/// A verified token is verified again after this, whatever its expiry.
const REMEMBERED_SECONDS: u64 = 300;
/// What goes by these names is an access token or says nothing of it (RFC 9068, RFC 7519); an id token of a
/// logout, say, is not.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// The configured issuers.
#[derive(Debug)]
pub(super) struct Issuers(Vec<Issuer>);

#[derive(Debug)]
struct Issuer {
    settings: IssuerSettings,
    algorithms: Vec<TokenAlgorithm>,
    source: Arc<KeySource>,
}

/// The parts of a token that can be read; nothing of it is verified yet.
struct Parts<'a> {
    signed: &'a str,
    signature: &'a str,
    algorithm: TokenAlgorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
}

impl Issuers {
    /// Reads key files; key sets by URL are fetched by [`maintain`](Issuers::maintain), until when those
    /// fetched `before` from the same address go on.
    pub(super) fn new(settings: &[IssuerSettings], before: Option<&Issuers>) -> Result<Self, SetupError> {
        let issuer = |settings: &IssuerSettings| {
            Ok(Issuer {
                algorithms: algorithms(settings),
                source: Arc::new(KeySource::new(settings)?),
                settings: settings.clone(),
            })
        };
        let issuers = settings.iter().map(issuer).collect::<Result<Vec<_>, SetupError>>()?;
        for issuer in &issuers {
            let same = before.into_iter().flat_map(|before| &before.0).find(|other| {
                other.settings.issuer == issuer.settings.issuer
                    && other.settings.jwks_url == issuer.settings.jwks_url
                    && other.settings.jwks_ca == issuer.settings.jwks_ca
            });
            if let Some(same) = same {
                issuer.source.begin_with(&same.source);
            }
        }
        Ok(Issuers(issuers))
    }

    /// Whether nobody's tokens are believed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fetches key sets by URL, for ever; adds one to `generation` when one changed.
    pub(super) fn maintain(
        &self,
        generation: &Arc<AtomicU64>,
        tasks: &mut JoinSet<std::convert::Infallible>,
    ) {
        for issuer in &self.0 {
            let (source, generation) = (Arc::clone(&issuer.source), Arc::clone(generation));
            if source.is_fetched() {
                tasks.spawn(async move { source.keep_fetching(&generation).await });
            }
        }
    }

    /// Reads key files that changed; true where there is something new.
    pub(super) fn read_if_changed(&self) -> bool {
        self.0.iter().fold(false, |changed, issuer| changed | issuer.source.read_if_changed())
    }

    /// Reads key files again, and has key sets by URL fetched again.
    pub(super) fn read_again(&self) -> Result<(), SetupError> {
        let mut result = Ok(());
        for issuer in &self.0 {
            // One that fails keeps none of the others from being read.
            result = result.and(issuer.source.read_again());
        }
        result
    }

    /// Verifies a token; also how long that holds. Waits a second at most, where a key has to be fetched.
    pub(super) async fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<(Subject, Span), IdentityError> {
        let parts = Parts::of(token)?;
        let named = parts.claims.get("iss").and_then(Value::as_str);
        let issuer = self.0.iter().find(|issuer| Some(issuer.settings.issuer.as_str()) == named);
        let issuer = issuer.ok_or(TokenFault::Issuer)?;
        if !issuer.algorithms.contains(&parts.algorithm) {
            return Err(TokenFault::Algorithm.into());
        }
        issuer.verify_signature(&parts).await?;
        let now_seconds = seconds(now);
        let (subject, ends_seconds) = claims::subject(&issuer.settings, &parts.claims, now_seconds)?;
        let until_seconds = ends_seconds.min(now_seconds.saturating_add(REMEMBERED_SECONDS));
        Ok((subject, Span { from_seconds: now_seconds, until_seconds }))
    }
}

impl Issuer {
    async fn verify_signature(&self, parts: &Parts<'_>) -> Result<(), IdentityError> {
        let name = || self.settings.issuer.clone();
        let kid = parts.kid.as_deref();
        let fits = |keys: &KeySet| keys.fits(kid, parts.algorithm);
        let keys = match self.source.keys() {
            Some(keys) if fits(&keys) => keys,
            _ => self
                .source
                .fetched_soon()
                .await
                .ok_or_else(|| IdentityError::KeysUnavailable { issuer: name() })?,
        };
        if !fits(&keys) {
            return Err(TokenFault::Key { issuer: name() }.into());
        }
        match keys.verify(kid, parts.algorithm, parts.signed.as_bytes(), parts.signature) {
            true => Ok(()),
            false => Err(TokenFault::Signature.into()),
        }
    }
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::TooLong { bytes: token.len() });
        }
        let unreadable = |part| TokenFault::Unreadable { part };
        let (signed, signature) = token.rsplit_once('.').ok_or(unreadable("token"))?;
        let (header, payload) = signed.split_once('.').ok_or(unreadable("token"))?;
        // One spelling only: a second dot is no base64url, nor are padding and stray bits.
        let header = decoded(header).ok_or(unreadable("header"))?;
        let claims = decoded(payload).ok_or(unreadable("payload"))?;
        if signature.is_empty() || URL_SAFE_NO_PAD.decode(signature).is_err() {
            return Err(unreadable("signature"));
        }
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(TokenFault::CriticalHeader);
        }
        let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
        if typ.is_some_and(|typ| !TYPES.contains(&typ.as_str())) {
            return Err(TokenFault::Type);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(TokenAlgorithm::named);
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(unreadable("header")),
        };
        Ok(Parts { signed, signature, algorithm: algorithm.ok_or(TokenFault::Algorithm)?, kid, claims })
    }
}

fn decoded(part: &str) -> Option<Map<String, Value>> {
    json::object(&URL_SAFE_NO_PAD.decode(part).ok()?)
}

/// Those configured, or the sound ones for the kind of key.
fn algorithms(settings: &IssuerSettings) -> Vec<TokenAlgorithm> {
    use TokenAlgorithm::{ES256, ES384, EdDSA, HS256, PS256, RS256};
    match (settings.algorithms.is_empty(), &settings.secret) {
        (false, _) => settings.algorithms.clone(),
        (true, Some(_)) => vec![HS256],
        (true, None) => vec![RS256, PS256, ES256, ES384, EdDSA],
    }
}

#[cfg(test)]
pub(super) mod tests;
