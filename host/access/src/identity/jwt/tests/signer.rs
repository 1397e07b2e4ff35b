//! An issuer's side: keys made for one test, and tokens signed with them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

pub(crate) struct Signer {
    kid: String,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn rsa(kid: &str) -> Self {
        Signer { kid: kid.to_owned(), key: Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")) }
    }

    pub(crate) fn ec(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Signer { kid: kid.to_owned(), key: Key::Ec(key) }
    }

    pub(crate) fn ed(kid: &str) -> Self {
        Signer { kid: kid.to_owned(), key: Key::Ed(Ed25519KeyPair::generate().expect("a key")) }
    }

    pub(crate) fn header(&self) -> Value {
        let alg = match self.key {
            Key::Rsa(_) => "RS256",
            Key::Ec(_) => "ES256",
            Key::Ed(_) => "EdDSA",
        };
        json!({"alg": alg, "typ": "JWT", "kid": self.kid})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("signed");
                signature
            }
            Key::Ec(key) => key.sign(&random, signed.as_bytes()).expect("signed").as_ref().to_vec(),
            Key::Ed(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.key {
            Key::Rsa(key) => {
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": encode(modulus(key)), "e": "AQAB"})
            }
            Key::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..65]));
                json!({"kty": "EC", "kid": self.kid, "crv": "P-256", "x": x, "y": y})
            }
            Key::Ed(key) => {
                json!({"kty": "OKP", "kid": self.kid, "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
        }
    }

    /// An RSA public key in the forms that careless verifiers have taken for an HMAC secret.
    pub(crate) fn spellings(&self) -> Vec<Vec<u8>> {
        let Key::Rsa(key) = &self.key else { return Vec::new() };
        let info: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().expect("a key");
        let body = STANDARD.encode(info.as_ref());
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
        vec![
            format!("{pem}\n").into_bytes(),
            pem.into_bytes(),
            info.as_ref().to_vec(),
            key.public_key().as_ref().to_vec(),
            modulus(key).to_vec(),
            URL_SAFE_NO_PAD.encode(modulus(key)).into_bytes(),
            self.jwk().to_string().into_bytes(),
        ]
    }
}

/// A token with HS256.
pub(crate) fn hmac_token(secret: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": "HS256"});
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// RSAPublicKey (RFC 8017, A.1.1) of 2048 bits: nine bytes of DER before the modulus.
fn modulus(key: &RsaKeyPair) -> &[u8] {
    &key.public_key().as_ref()[9..265]
}
