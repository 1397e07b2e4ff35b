//! Whether a request was made by one of our own pages.
//!
//! A browser sends the session cookie also with requests that somebody else's page starts. `SameSite=Lax`
//! keeps it from most of them; two more checks do not depend on it. Forms of ours carry a token made from the
//! session's random id, which only the sealed cookie holds. Requests of the tools' own pages carry no token
//! of ours: for them the browser's word counts (`Sec-Fetch-Site`, else `Origin`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName};
use ring::hmac;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Binds the tokens to their use; another use of the same id has another text.
const PURPOSE: &[u8] = b"bartizan csrf 1";

/// Whose page started a request, by the browser's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// One of ours, or the person at the address bar.
    SameOrigin,
    /// Somebody else's, also one on a neighbouring name of the same site.
    CrossSite,
    /// Not said: not a browser of this decade.
    Unknown,
}

/// Reads `Sec-Fetch-Site` (W3C Fetch Metadata) or else `Origin` (RFC 6454); `authority` is ours: `host` or
/// `host:port`.
///
/// What a cookie authenticates and is not `GET` or `HEAD`, and every WebSocket upgrade, needs `SameOrigin`;
/// a form with a verified token may also come from `Unknown`, never from `CrossSite`.
pub fn initiator(headers: &HeaderMap, authority: &str) -> Initiator {
    match single(headers, &SEC_FETCH_SITE) {
        Said::Once(b"same-origin" | b"none") => return Initiator::SameOrigin,
        Said::Nothing => {}
        Said::Once(_) | Said::Often => return Initiator::CrossSite,
    }
    match single(headers, &ORIGIN) {
        Said::Once(origin) if is_origin_of(origin, authority) => Initiator::SameOrigin,
        Said::Nothing => Initiator::Unknown,
        Said::Once(_) | Said::Often => Initiator::CrossSite,
    }
}

/// The token of a session, or of a login page's nonce.
pub(super) fn token(id: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(id), PURPOSE))
}

/// Whether `token` is that of `id`; in constant time for whoever knows its length.
pub(super) fn verifies(id: &[u8; 16], token: &str) -> bool {
    let mut tag = [0; 33];
    match URL_SAFE_NO_PAD.decode_slice(token, &mut tag) {
        Ok(length) => hmac::verify(&key(id), PURPOSE, &tag[..length]).is_ok(),
        Err(_) => false,
    }
}

fn key(id: &[u8; 16]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, id)
}

enum Said<'a> {
    Nothing,
    Once(&'a [u8]),
    Often,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Said<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => Said::Once(value.as_bytes()),
        (Some(_), Some(_)) => Said::Often,
    }
}

/// The gateway speaks TLS only, so its origin is `https://` and the authority; host names have no case,
/// `:443` may be left out.
fn is_origin_of(origin: &[u8], authority: &str) -> bool {
    let Some(host) = origin.strip_prefix(b"https://") else { return false };
    let bare = |host: &[u8]| host.strip_suffix(b":443").unwrap_or(host).to_ascii_lowercase();
    !authority.is_empty() && bare(host) == bare(authority.as_bytes())
}

#[cfg(test)]
mod tests;
