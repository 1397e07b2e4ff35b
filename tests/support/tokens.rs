//! RS256 bearer tokens and the key set (RFC 7517) by which a gateway knows them.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::process::{Folder, output};

/// A key that signs tokens.
pub struct Signer {
    key: KeyPair,
    id: String,
}

impl Signer {
    /// A new RSA key of 2048 bits, known by `id` in its key set.
    pub fn new(id: &str) -> Result<Signer> {
        let folder = Folder::new()?;
        let file = folder.path().join("key.pem");
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]);
        output("openssl", openssl.arg(&file))?;
        let key = KeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_file(&file)?.secret_pkcs8_der())
            .map_err(|error| anyhow!("ring does not take the key: {error}"))?;
        Ok(Signer { key, id: id.to_owned() })
    }

    /// The public key as a member of a key set.
    pub fn jwk(&self) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// A key set with this key alone.
    pub fn key_set(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    /// A token with exactly these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        self.sign_with_header(&json!({ "alg": "RS256", "typ": "JWT", "kid": self.id }), claims)
    }

    /// A token with exactly this header and these claims, signed RS256 whatever the header says.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> Result<String> {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("the token could not be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Claims of a token that is good for ten minutes.
pub fn claims(issuer: &str, audience: &str, name: &str, groups: &[&str]) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "iss": issuer, "aud": audience, "sub": name, "name": name, "groups": groups,
        "iat": now, "nbf": now.saturating_sub(5), "exp": now + 600,
    })
}
