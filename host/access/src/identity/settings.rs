//! What an operator says about logins: the `identity` section of the settings.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::quantity;

/// The `identity` section. With neither users nor issuers nobody can get in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentitySettings {
    /// The file of built-in users; see [`Users`](super::Users). Without it there is no login page and no HTTP
    /// Basic.
    pub users: Option<PathBuf>,
    /// Session cookies.
    pub session: SessionSettings,
    /// How many wrong passwords are answered before waiting is asked for.
    pub throttle: ThrottleSettings,
    /// Whose bearer tokens are believed.
    pub issuers: Vec<IssuerSettings>,
}

/// Session cookies: how long they live and what seals them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// The file of sealing keys, made at first start; without it the keys live and die with the process.
    pub keys: Option<PathBuf>,
    /// A session unused for this long ends. Default `8h`.
    #[serde(deserialize_with = "quantity::duration")]
    pub idle: Duration,
    /// A session ends at this age, however busy. Default `24h`.
    #[serde(deserialize_with = "quantity::duration")]
    pub absolute: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings {
            keys: None,
            idle: Duration::from_secs(8 * 3600),
            absolute: Duration::from_secs(24 * 3600),
        }
    }
}

/// Failed logins, by form or HTTP Basic. Each limit lets a burst of failures through at once, then one for
/// each interval.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleSettings {
    /// Of one name from one client (address, or /64 network of IPv6). Default 5, then one each 30 s.
    pub name_and_client: Limit,
    /// Of one client, whatever the names. Default 30, then one each 5 s.
    pub client: Limit,
    /// Of one name from anywhere, but for clients from which that name logged in before. Default 100, then
    /// one each 10 s.
    pub name: Limit,
}

/// A burst, and how fast it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Failures answered at once; 1 to 10,000.
    pub burst: u32,
    /// One more after each of these; 10 ms to 1 h.
    #[serde(deserialize_with = "quantity::duration")]
    pub interval: Duration,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        ThrottleSettings {
            name_and_client: Limit { burst: 5, interval: Duration::from_secs(30) },
            client: Limit { burst: 30, interval: Duration::from_secs(5) },
            name: Limit { burst: 100, interval: Duration::from_secs(10) },
        }
    }
}

/// One issuer of JSON Web Tokens (RFC 7519) and what is asked of its tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The `iss` claim, compared byte by byte.
    pub issuer: String,
    /// Accepted `aud` values; one of them has to be in the token. At least one.
    pub audiences: Vec<String>,
    /// Accepted signature algorithms. Default: `RS256`, `PS256`, `ES256`, `ES384`, `EdDSA`; for a `secret`,
    /// `HS256`.
    #[serde(default)]
    pub algorithms: Vec<TokenAlgorithm>,
    /// A file with a JWK set (RFC 7517), read again when it changes.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// The `https` address of a JWK set; `http` for loopback alone.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// PEM file of certificate authorities to trust for `jwks_url`, in place of the system's.
    #[serde(default)]
    pub jwks_ca: Option<PathBuf>,
    /// How often `jwks_url` is asked again. Default `5m`, at least `10s`.
    #[serde(default = "five_minutes", deserialize_with = "quantity::duration")]
    pub jwks_refresh: Duration,
    /// A file whose content (32 bytes at least, one trailing newline ignored) is the shared secret of HMAC
    /// algorithms.
    #[serde(default)]
    pub secret: Option<PathBuf>,
    /// The claim that names the user, as a path with dots into nested objects. Default `sub`.
    #[serde(default = "sub")]
    pub user_claim: String,
    /// The claim that lists groups: a path with dots, such as `realm_access.roles`. Default `groups`.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Put before each user name, so that this issuer cannot speak of built-in users. Default: nothing.
    #[serde(default)]
    pub user_prefix: String,
    /// Put before each group. Default: nothing.
    #[serde(default)]
    pub groups_prefix: String,
    /// How far clocks may differ. Default `60s`, at most `5m`.
    #[serde(default = "one_minute", deserialize_with = "quantity::duration")]
    pub leeway: Duration,
    /// Tokens that are valid for longer from now are refused. Default `400d`, at most `3650d`.
    #[serde(default = "four_hundred_days", deserialize_with = "quantity::duration")]
    pub longest_validity: Duration,
}

/// A signature algorithm of RFC 7518 or RFC 8037. `none` is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum TokenAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
    HS256,
    HS384,
    HS512,
}

/// A setting that reads well but cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The key's path below `identity`, such as `issuers[0].audiences`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn one_minute() -> Duration {
    Duration::from_secs(60)
}

fn four_hundred_days() -> Duration {
    Duration::from_secs(400 * 86_400)
}

fn sub() -> String {
    "sub".to_owned()
}

fn groups() -> String {
    "groups".to_owned()
}

impl IdentitySettings {
    /// Everything in this section that cannot be meant. Files are not opened here.
    pub fn faults(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let mut fault =
            |key: String, message: &str| faults.push(SettingFault { key, message: message.to_owned() });
        if self.session.idle.is_zero() || self.session.idle > self.session.absolute {
            fault("session.idle".into(), "has to be more than 0s and no longer than `absolute`");
        }
        if self.session.absolute > Duration::from_secs(90 * 86_400) {
            fault(
                "session.absolute".into(),
                "sessions of more than 90 days are refused; write `90d` or less",
            );
        }
        let limits = [
            ("name_and_client", self.throttle.name_and_client),
            ("client", self.throttle.client),
            ("name", self.throttle.name),
        ];
        for (name, limit) in limits {
            if !(1..=10_000).contains(&limit.burst) {
                fault(format!("throttle.{name}.burst"), "has to lie between 1 and 10000");
            }
            if !(Duration::from_millis(10)..=Duration::from_secs(3600)).contains(&limit.interval) {
                fault(format!("throttle.{name}.interval"), "has to lie between 10ms and 1h");
            }
        }
        for (i, issuer) in self.issuers.iter().enumerate() {
            if self.issuers[..i].iter().any(|other| other.issuer == issuer.issuer) {
                fault(format!("issuers[{i}].issuer"), "this issuer is listed twice; merge the two");
            }
            for (key, message) in issuer.faults() {
                fault(format!("issuers[{i}].{key}"), message);
            }
        }
        faults
    }
}

impl IssuerSettings {
    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if self.issuer.is_empty() {
            faults.push(("issuer", "has to be the `iss` claim of the issuer's tokens"));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            faults.push((
                "audiences",
                "name at least one accepted `aud`; a token made for somebody else is none for us",
            ));
        }
        match (&self.jwks_file, &self.jwks_url, &self.secret) {
            (Some(_), None, None) | (None, None, Some(_)) => {}
            (None, Some(url), None) if acceptable_url(url) => {}
            (None, Some(_), None) => {
                faults.push((
                    "jwks_url",
                    "has to be an https address (http is for 127.0.0.1, [::1] and localhost)",
                ));
            }
            _ => faults.push(("issuer", "give exactly one of `jwks_file`, `jwks_url` and `secret`")),
        }
        if self.jwks_ca.is_some() && self.jwks_url.is_none() {
            faults.push(("jwks_ca", "only `jwks_url` uses it"));
        }
        if self.algorithms.iter().any(|algorithm| algorithm.is_symmetric() != self.secret.is_some()) {
            faults.push((
                "algorithms",
                "HS256, HS384 and HS512 go with `secret`, the others with a JWK set; never both",
            ));
        }
        if self.jwks_refresh < Duration::from_secs(10) {
            faults.push(("jwks_refresh", "has to be `10s` or more"));
        }
        if self.leeway > Duration::from_secs(300) {
            faults.push(("leeway", "has to be `5m` or less"));
        }
        if self.longest_validity.is_zero() || self.longest_validity > Duration::from_secs(3650 * 86_400) {
            faults.push(("longest_validity", "has to be more than 0s and `3650d` or less"));
        }
        for (key, path) in [("user_claim", &self.user_claim), ("groups_claim", &self.groups_claim)] {
            if path.split('.').any(str::is_empty) {
                faults.push((key, "has to be a claim's name, or names joined by dots"));
            }
        }
        faults
    }
}

impl TokenAlgorithm {
    /// Whether the same secret signs and verifies.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, TokenAlgorithm::HS256 | TokenAlgorithm::HS384 | TokenAlgorithm::HS512)
    }
}

/// Keys fetched without TLS are anybody's keys, but for a sidecar on this machine.
fn acceptable_url(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else { return false };
    match (url.scheme_str(), url.host()) {
        (Some("https"), Some(host)) => !host.is_empty(),
        (Some("http"), Some(host)) => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
