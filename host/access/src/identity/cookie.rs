//! Our cookies among those that a browser sends (RFC 6265, with the `__Host-` prefix of its successor).

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::failure::{Evidence, IdentityError};

/// The session. `__Host-`: over TLS only, for this host only, and no neighbouring host can set it.
pub(super) const SESSION_COOKIE: &str = "__Host-bartizan";
/// The nonce of the login page's form.
pub(super) const LOGIN_COOKIE: &str = "__Host-bartizan-login";

/// The value of one of our cookies. A browser holds each of them once; twice is somebody's trick.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, IdentityError> {
    let mut found = None;
    // HTTP/2 may split the header (RFC 9113, 8.2.3).
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let Some(value) = value_of(pair, name) else { continue };
            if found.replace(value).is_some() {
                return Err(IdentityError::Malformed {
                    evidence: Evidence::Session,
                    reason: "the cookie is sent twice",
                });
            }
        }
    }
    Ok(found)
}

/// A `Set-Cookie` value for one of ours; none where the value could not stand in a header.
///
/// `SameSite=Lax`: a link from a chat or a ticket opens the dashboard, a form elsewhere does not carry the
/// session.
pub(super) fn set(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Takes our cookies and `Authorization` out of a request's headers: no backend is to see what opens the
/// gateway. Other cookies stay as they are.
pub fn remove_evidence(headers: &mut HeaderMap) {
    headers.remove(http::header::AUTHORIZATION);
    let is_ours =
        |pair: &[u8]| value_of(pair, SESSION_COOKIE).or_else(|| value_of(pair, LOGIN_COOKIE)).is_some();
    let semicolon = |byte: &u8| *byte == b';';
    if !headers.get_all(COOKIE).iter().any(|header| header.as_bytes().split(semicolon).any(is_ours)) {
        return;
    }
    let sent: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for header in sent {
        let others: Vec<&[u8]> = header
            .as_bytes()
            .split(semicolon)
            .map(<[u8]>::trim_ascii)
            .filter(|pair| !is_ours(pair))
            .collect();
        if let Ok(kept) = HeaderValue::from_bytes(&others.join(b"; ".as_slice()))
            && !kept.is_empty()
        {
            headers.append(COOKIE, kept);
        }
    }
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii_start();
    let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    Some(value.trim_ascii_end())
}

#[cfg(test)]
mod tests;
