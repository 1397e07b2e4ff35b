//! Which request headers may travel on.
//!
//! Two rules. Headers about this one connection end here (RFC 9110 section 7.6.1). And headers by which backends let
//! themselves be told who is asking are ours alone: a client's copy never travels on, in whatever spelling.
//! Whoever sends upstream first calls [`strip_hop_by_hop`] and [`strip_trusted`], then sets its own: so a client cannot
//! have ours removed by naming them in `Connection` either.

use http::header::{self, HeaderMap, HeaderName};
use thiserror::Error;

/// Names that never travel on from a client, in lower case with `-`.
const TRUSTED_NAMES: &[&str] = &[
    // Identity and tenancy that backends believe.
    "x-prom-label-policy",
    "x-scope-orgid",
    "es-security-runas-user",
    "remote-user",
    "remote-groups",
    "remote-name",
    "remote-email",
    "x-remote-user",
    "x-remote-group",
    "x-proxy-user",
    "x-user",
    "x-email",
    "x-groups",
    "x-id-token",
    "x-jwt-assertion",
    "x-auth-user",
    "x-auth-username",
    "x-authenticated-user",
    "x-username",
    "x-consumer-username",
    "x-ds-authorization",
    // Where the client is.
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "x-original-forwarded-for",
    "x-originating-ip",
    // Another path, host or method than the one that the policy saw.
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    // Becomes HTTP_PROXY in CGI programs.
    "proxy",
];

/// Beginnings of names that never travel on from a client.
const TRUSTED_PREFIXES: &[&str] = &[
    "x-forwarded-",
    "x-webauth-",
    "x-auth-request-",
    "x-authentik-",
    "x-vouch-",
    "impersonate-",
    "x-remote-extra-",
    "x-ssl-client-",
    "ssl-client-",
    "x-client-cert",
    "x-amzn-oidc-",
    "x-goog-authenticated-user-",
    "x-bartizan-",
    "x-envoy-",
];

/// Names that belong to one connection whether or not `Connection` lists them.
static HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Why the headers of a request are refused; the message is fit for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum HeaderError {
    /// `Connection` names a header that frames or routes the message.
    #[error("the Connection header names a header that is not about the connection")]
    ConnectionNames,
    /// `Expect` with something other than `100-continue`.
    #[error("the expectation cannot be met")]
    Expectation,
    /// More than one Content-Length, or one that is no number.
    #[error("the Content-Length header is malformed")]
    ContentLength,
}

/// Refuses what cannot be carried out as asked.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), HeaderError> {
    if let Some(expectation) = headers.get(header::EXPECT)
        && !expectation.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        return Err(HeaderError::Expectation);
    }
    let frames = |token: &str| {
        ["host", "content-length", "content-type", "content-encoding", "authorization", "cookie"]
            .iter()
            .any(|name| token.eq_ignore_ascii_case(name))
    };
    if connection_tokens(headers).any(frames) {
        return Err(HeaderError::ConnectionNames);
    }
    Ok(())
}

/// The length that the client declares for the body, in bytes.
pub(crate) fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, HeaderError> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| HeaderError::ContentLength)?;
    if values.next().is_some() || text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HeaderError::ContentLength);
    }
    text.parse().map(Some).map_err(|_| HeaderError::ContentLength)
}

/// Removes the headers that are about this connection: the fixed ones and those that `Connection` names
/// (RFC 9110 section 7.6.1).
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_tokens(headers).filter_map(|token| token.parse().ok()).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Removes every header by which a backend could be told who is asking, from where, or for what else.
///
/// `_` counts as `-`, because CGI-like servers cannot tell them apart.
pub(crate) fn strip_trusted(headers: &mut HeaderMap) {
    let foreign: Vec<HeaderName> = headers.keys().filter(|name| is_trusted(name.as_str())).cloned().collect();
    for name in &foreign {
        headers.remove(name);
    }
}

/// Whether a client asks for a WebSocket: the only upgrade that is passed on.
///
/// `h2c` in particular is not: a backend that takes it up would read requests that nobody judged.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let only_websocket =
        upgrades.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
            && upgrades.next().is_none();
    only_websocket && connection_tokens(headers).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// Whether a header of this name (in lower case) is ours alone.
pub(crate) fn is_trusted(name: &str) -> bool {
    // Header names are mostly short standard ones: look at the first letter before comparing with the lists.
    if !matches!(name.as_bytes().first(), Some(b'c' | b'e' | b'f' | b'i' | b'p' | b'r' | b's' | b't' | b'x'))
    {
        return false;
    }
    let same = |ours: &str, theirs: &str| {
        ours.len() == theirs.len()
            && ours.bytes().zip(theirs.bytes()).all(|(our, their)| our == dashed(their))
    };
    TRUSTED_NAMES.iter().any(|ours| same(ours, name))
        || TRUSTED_PREFIXES.iter().any(|ours| name.get(..ours.len()).is_some_and(|start| same(ours, start)))
}

const fn dashed(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests;
