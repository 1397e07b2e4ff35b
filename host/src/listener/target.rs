//! Which host and which path a request is for, when all the places that say so agree.
//!
//! A request names its host in up to three places (absolute-form target, `:authority`, `Host`). Servers differ in
//! which one wins, so here they must be the same, or the request is refused. The result is what routes, policy and
//! backends use; the raw target is not looked at again.
//! Specifications: RFC 9110 section 7.2, RFC 9112 section 3, RFC 9113 section 8.3.1.

use http::header::HOST;
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, Method, Uri, Version};
use thiserror::Error;

use super::path::{CanonicalPath, PathError};

/// The validated target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The path in canonical spelling.
    pub(crate) path: CanonicalPath,
    /// The host that the client asked for.
    pub(crate) host: Host,
}

/// A host name or address in lower case, with the port as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Name, IPv4 address, or IPv6 address in brackets.
    pub(crate) name: Box<str>,
    /// The port, if one was given.
    pub(crate) port: Option<u16>,
}

/// Why a target is refused; the message is fit for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum TargetError {
    /// CONNECT, TRACE or TRACK.
    #[error("the method is not accepted here")]
    Method,
    /// `OPTIONS *` and authority-form.
    #[error("the request target must be a path")]
    Form,
    /// An absolute-form target or `:scheme` other than https.
    #[error("the request target must be for https")]
    Scheme,
    /// No Host header and no `:authority`.
    #[error("the request names no host")]
    HostMissing,
    /// Two Host headers.
    #[error("the request has more than one Host header")]
    HostTwice,
    /// A Host that is no `name[:port]`.
    #[error("the Host header is malformed")]
    HostMalformed,
    /// Host, `:authority` and absolute-form target differ.
    #[error("the request names two different hosts")]
    HostMismatch,
    /// A query with control or non-ASCII bytes.
    #[error("the query holds a character that must be percent-encoded")]
    Query,
    /// A path that is refused.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Target {
    /// Validates the target of a request that came over TLS, and rewrites `parts.uri` to the canonical
    /// origin-form, so that a raw spelling cannot travel on by mistake.
    pub(crate) fn take(parts: &mut Parts) -> Result<Self, TargetError> {
        check_method(&parts.method)?;
        if parts.uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTPS) {
            return Err(TargetError::Scheme);
        }
        let host = agreed_host(&parts.uri, &parts.headers, parts.version)?;
        let Some(target) = parts.uri.path_and_query() else { return Err(TargetError::Form) };
        if target.path() == "*" {
            return Err(TargetError::Form);
        }
        if !target.query().unwrap_or_default().bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return Err(TargetError::Query);
        }
        let path = CanonicalPath::parse(target.path())?;
        parts.uri = origin_form(target, &path)?;
        Ok(Self { path, host })
    }
}

impl Host {
    /// Reads `name`, `name:port`, `a.b.c.d:port` or `[v6]:port`; no user information, no encodings.
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        let malformed = TargetError::HostMalformed;
        let end = match text.strip_prefix('[') {
            Some(rest) => rest.find(']').ok_or(malformed)? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (name, port) = text.split_at(end);
        if !is_host_name(name) {
            return Err(malformed);
        }
        let port = match port.strip_prefix(':') {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| malformed)?)
            }
            Some(_) => return Err(malformed),
            None if port.is_empty() => None,
            None => return Err(malformed),
        };
        Ok(Self { name: name.to_ascii_lowercase().into_boxed_str(), port })
    }

    /// Whether both name the same place on https, where 443 goes without saying.
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.port.unwrap_or(443) == other.port.unwrap_or(443)
    }
}

/// CONNECT would make a tunnel, TRACE echoes credentials; neither has a use here.
fn check_method(method: &Method) -> Result<(), TargetError> {
    match *method {
        Method::CONNECT | Method::TRACE => Err(TargetError::Method),
        _ if method.as_str() == "TRACK" => Err(TargetError::Method),
        _ => Ok(()),
    }
}

fn agreed_host(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Host, TargetError> {
    let mut hosts = headers.get_all(HOST).iter();
    let header = match hosts.next() {
        Some(value) => Some(Host::parse(value.to_str().map_err(|_| TargetError::HostMalformed)?)?),
        None => None,
    };
    if hosts.next().is_some() {
        return Err(TargetError::HostTwice);
    }
    let authority = match uri.authority() {
        Some(authority) => Some(Host::parse(authority.as_str())?),
        None => None,
    };
    match (authority, header) {
        (Some(authority), Some(header)) if authority.is_same(&header) => Ok(header),
        (Some(_), Some(_)) => Err(TargetError::HostMismatch),
        (None, Some(host)) => Ok(host),
        (Some(host), None) if version == Version::HTTP_2 => Ok(host),
        _ => Err(TargetError::HostMissing),
    }
}

fn is_host_name(name: &str) -> bool {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            (1..=253).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_letter)
        }
    }
}

fn origin_form(target: &PathAndQuery, path: &CanonicalPath) -> Result<Uri, TargetError> {
    let canonical = if target.path() == path.as_str() {
        target.clone()
    } else {
        let text = match target.query() {
            Some(query) => format!("{}?{query}", path.as_str()),
            None => path.as_str().to_owned(),
        };
        PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).map_err(|_| TargetError::Form)?
    };
    Ok(Uri::from(canonical))
}

#[cfg(test)]
mod tests;
