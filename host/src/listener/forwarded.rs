//! Who the client is when proxies stand in front of us.
//!
//! `X-Forwarded-For` can be written by anyone; only as many of its last entries are facts as there are proxies of our
//! own that append to it. That number is a setting: with 0 the header is not looked at; with N the client is the
//! N-th entry from the right. Whatever is missing or no address there leaves the address of the connection.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

/// The client's address: `connection`, or what the `depth`-th trusted proxy said.
pub(super) fn client(headers: &HeaderMap, depth: usize, connection: IpAddr) -> IpAddr {
    let Some(skipped) = depth.checked_sub(1) else { return connection };
    headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .nth(skipped)
        .and_then(|entry| address(std::str::from_utf8(entry).ok()?.trim()))
        .unwrap_or(connection)
}

/// An address, with or without a port or brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests;
