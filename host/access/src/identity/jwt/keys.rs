//! Keys of an issuer, and what each may verify.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::identity::failure::SetupError;
use crate::identity::file;
use crate::identity::settings::TokenAlgorithm;

use super::json;

/// Providers keep two to ten.
const MOST_KEYS: usize = 100;
/// RFC 7518, 3.2: as long as the output of HS256's hash.
const SHORTEST_SECRET_BYTES: usize = 32;
/// RFC 7518, 3.3; and what the verifier takes at most.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// More keys with one `kid`, or without any, are not tried for one token.
const MOST_TRIED: usize = 8;

/// The keys of one issuer. Keys that cannot verify are left out.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    algorithms: Vec<TokenAlgorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517) from a file.
    pub(super) fn read(path: &Path) -> Result<Self, SetupError> {
        KeySet::parse(&file::read(path)?).map_err(|reason| SetupError::Keys { path: path.to_owned(), reason })
    }

    /// Reads a shared secret from a file.
    pub(super) fn read_secret(path: &Path) -> Result<Self, SetupError> {
        let content = file::read(path)?;
        let secret = content.strip_suffix(b"\n").unwrap_or(&content);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        if secret.len() < SHORTEST_SECRET_BYTES {
            let reason = format!(
                "holds a secret of {} bytes; at least {SHORTEST_SECRET_BYTES} are asked for",
                secret.len()
            );
            return Err(SetupError::Keys { path: path.to_owned(), reason });
        }
        use TokenAlgorithm::{HS256, HS384, HS512};
        let key = DecodingKey::from_secret(secret);
        Ok(KeySet(vec![Key { kid: None, algorithms: vec![HS256, HS384, HS512], key }]))
    }

    /// Reads a JWK set. It has to hold a key that can verify.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let set = json::object(text).ok_or("is not a JSON object, or a member of it stands there twice")?;
        let Some(Value::Array(keys)) = set.get("keys") else {
            return Err("has no list `keys`: a JWK set is asked for (RFC 7517, section 5)".to_owned());
        };
        if keys.len() > MOST_KEYS {
            return Err(format!("holds {} keys; {MOST_KEYS} at most are taken", keys.len()));
        }
        let mut reasons = Vec::new();
        let mut usable = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            match key.as_object().ok_or("not an object").and_then(Key::of) {
                Ok(key) => usable.push(key),
                Err(reason) => reasons.push(format!("keys[{at}] is {reason}")),
            }
        }
        if usable.is_empty() {
            return Err(format!("holds no key that could verify a token: {}", reasons.join(", ")));
        }
        if !reasons.is_empty() {
            tracing::debug!(left_out = reasons.join(", "), "a key set has keys that verify no tokens");
        }
        Ok(KeySet(usable))
    }

    /// Whether some key may verify tokens of this header.
    pub(super) fn fits(&self, kid: Option<&str>, algorithm: TokenAlgorithm) -> bool {
        self.fitting(kid, algorithm).next().is_some()
    }

    /// Whether one of the fitting keys verifies the signature (base64url) of `signed`.
    pub(super) fn verify(
        &self,
        kid: Option<&str>,
        algorithm: TokenAlgorithm,
        signed: &[u8],
        signature: &str,
    ) -> bool {
        let verifies = |key: &Key| verify(signature, signed, &key.key, algorithm.into()).unwrap_or(false);
        self.fitting(kid, algorithm).take(MOST_TRIED).any(verifies)
    }

    /// A key without `kid` fits all, and all fit a token without: then the signature decides.
    fn fitting(&self, kid: Option<&str>, algorithm: TokenAlgorithm) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| {
            let named = kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid));
            named && key.algorithms.contains(&algorithm)
        })
    }
}

impl Key {
    /// Reads one JWK (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).
    fn of(jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if jwk.contains_key("use") && text("use") != Some("sig") {
            return Err("not for signatures (`use`)");
        }
        if let Some(operations) = jwk.get("key_ops") {
            let may_verify = operations.as_array().is_some_and(|list| list.iter().any(|one| one == "verify"));
            if !may_verify {
                return Err("not for verifying (`key_ops`)");
            }
        }
        if jwk.contains_key("d") {
            return Err("a private key, which everybody can read now: replace it");
        }
        let (key, mut algorithms) = material(jwk)?;
        if jwk.contains_key("alg") {
            let only =
                text("alg").and_then(TokenAlgorithm::named).ok_or("of an algorithm that is not used here")?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        if algorithms.is_empty() {
            return Err("of an `alg` that does not go with its `kty` and `crv`");
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err("named by a `kid` that is no string"),
        };
        Ok(Key { kid, algorithms, key })
    }
}

fn material(jwk: &Map<String, Value>) -> Result<(DecodingKey, Vec<TokenAlgorithm>), &'static str> {
    use TokenAlgorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    const MALFORMED: &str = "malformed";
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok()).ok_or(MALFORMED);
    match (text("kty"), text("crv")) {
        (Some("RSA"), None) => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
            if !RSA_BYTES.contains(&significant) {
                return Err("an RSA key of fewer than 2048 or more than 8192 bits");
            }
            let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            Ok((key, vec![RS256, RS384, RS512, PS256, PS384, PS512]))
        }
        (Some("EC"), Some(curve)) => {
            let (length, algorithm) = match curve {
                "P-256" => (32, ES256),
                "P-384" => (48, ES384),
                _ => return Err("of a curve that is not used here"),
            };
            if bytes("x")?.len() != length || bytes("y")?.len() != length {
                return Err(MALFORMED);
            }
            let (x, y) = (text("x").unwrap_or_default(), text("y").unwrap_or_default());
            let key = DecodingKey::from_ec_components(x, y).map_err(|_| MALFORMED)?;
            Ok((key, vec![algorithm]))
        }
        (Some("OKP"), Some("Ed25519")) => {
            if bytes("x")?.len() != 32 {
                return Err(MALFORMED);
            }
            let key =
                DecodingKey::from_ed_components(text("x").unwrap_or_default()).map_err(|_| MALFORMED)?;
            Ok((key, vec![EdDSA]))
        }
        (Some("oct"), _) => Err("a shared secret; it belongs into a file of its own (`secret`)"),
        _ => Err("of a type that is not used here"),
    }
}

impl TokenAlgorithm {
    /// By the name of RFC 7518 or RFC 8037; `none` has none.
    pub(super) fn named(name: &str) -> Option<Self> {
        use TokenAlgorithm::*;
        let all = [
            ("RS256", RS256),
            ("RS384", RS384),
            ("RS512", RS512),
            ("PS256", PS256),
            ("PS384", PS384),
            ("PS512", PS512),
            ("ES256", ES256),
            ("ES384", ES384),
            ("EdDSA", EdDSA),
            ("HS256", HS256),
            ("HS384", HS384),
            ("HS512", HS512),
        ];
        all.into_iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm)
    }
}

impl From<TokenAlgorithm> for Algorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::RS256 => Algorithm::RS256,
            TokenAlgorithm::RS384 => Algorithm::RS384,
            TokenAlgorithm::RS512 => Algorithm::RS512,
            TokenAlgorithm::PS256 => Algorithm::PS256,
            TokenAlgorithm::PS384 => Algorithm::PS384,
            TokenAlgorithm::PS512 => Algorithm::PS512,
            TokenAlgorithm::ES256 => Algorithm::ES256,
            TokenAlgorithm::ES384 => Algorithm::ES384,
            TokenAlgorithm::EdDSA => Algorithm::EdDSA,
            TokenAlgorithm::HS256 => Algorithm::HS256,
            TokenAlgorithm::HS384 => Algorithm::HS384,
            TokenAlgorithm::HS512 => Algorithm::HS512,
        }
    }
}
