//! The `Authorization` header: which scheme, and what stands behind it (RFC 9110, 11.6.2).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::failure::{Evidence, IdentityError};
use super::password::LONGEST_PASSWORD;
use super::users::LONGEST_NAME;

/// Some scripts leave the padding out; stray bits at the end are refused all the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Name, colon and password in base64.
const LONGEST_BASIC: usize = (LONGEST_NAME + 1 + LONGEST_PASSWORD).div_ceil(3) * 4;

/// What the header carries; nothing of it is verified yet.
pub(super) enum Authorization<'a> {
    /// RFC 7617: base64 of `name:password`.
    Basic(&'a str),
    /// RFC 6750.
    Bearer(&'a str),
}

/// A name and a password, as given.
pub(super) struct NameAndPassword {
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
}

impl<'a> Authorization<'a> {
    /// Reads the header, where there is one; two are refused.
    pub(super) fn of(headers: &'a HeaderMap) -> Result<Option<Self>, IdentityError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            let count = headers.get_all(AUTHORIZATION).iter().count();
            return Err(IdentityError::SeveralAuthorizations { count });
        }
        // Neither base64 nor a token has anything but visible ASCII.
        let text = value.to_str().map_err(|_| IdentityError::UnknownScheme)?.trim_ascii();
        let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
        let credentials = credentials.trim_ascii_start();
        let evidence = if scheme.eq_ignore_ascii_case("basic") {
            Evidence::Basic
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Evidence::Bearer
        } else {
            return Err(IdentityError::UnknownScheme);
        };
        if credentials.is_empty() {
            return Err(IdentityError::Malformed { evidence, reason: "nothing follows the scheme" });
        }
        if credentials.contains([' ', '\t', ',']) {
            return Err(IdentityError::Malformed {
                evidence,
                reason: "more than one thing follows the scheme",
            });
        }
        match evidence {
            Evidence::Basic => Ok(Some(Authorization::Basic(credentials))),
            Evidence::Bearer | Evidence::Session => Ok(Some(Authorization::Bearer(credentials))),
        }
    }
}

impl NameAndPassword {
    /// Decodes what stands behind `Basic`.
    pub(super) fn decode(credentials: &str) -> Result<Self, IdentityError> {
        let malformed = |reason| IdentityError::Malformed { evidence: Evidence::Basic, reason };
        if credentials.len() > LONGEST_BASIC {
            return Err(malformed("it is too long"));
        }
        let bytes =
            BASE64.decode(credentials).map(Zeroizing::new).map_err(|_| malformed("it is not base64"))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (name, password) = text.split_once(':').ok_or_else(|| malformed("it has no colon"))?;
        if text.contains(char::is_control) {
            return Err(malformed("it has control characters"));
        }
        Ok(NameAndPassword { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }
}

#[cfg(test)]
mod tests;
