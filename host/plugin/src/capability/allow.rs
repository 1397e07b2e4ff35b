//! Where a plugin may send requests: origins by name, addresses by what they are.
//!
//! A name on the list is not enough: whoever owns the name decides where it leads, and can change that between
//! two look-ups. So the *resolved* addresses are judged, and only those that pass are connected to. An address
//! that is not on the public internet is reached in two ways only: the list names that very address, or says
//! `private: true` for the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::settings::HttpGrant;

/// How long looking up a name may take; the call's deadline may be sooner.
const LOOKUP: Duration = Duration::from_secs(5);

/// The operator's list.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowList(Arc<[Entry]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    https: bool,
    host: String,
    port: u16,
    private: bool,
}

impl AllowList {
    /// Reads the list. The error says which entry is wrong, and what would be right.
    pub(crate) fn new(grants: &[HttpGrant]) -> Result<Self, String> {
        let mut entries: Vec<Entry> = Vec::with_capacity(grants.len());
        for grant in grants {
            let entry = entry(grant)?;
            if let Some(other) =
                entries.iter().find(|other| other.host == entry.host && other.private != entry.private)
            {
                return Err(format!(
                    "`{}` is private in one entry and not in another; decide once",
                    other.host
                ));
            }
            entries.push(entry);
        }
        Ok(Self(entries.into()))
    }

    /// Whether a request for this URL may be sent. The error says why not.
    pub(crate) fn admits(&self, url: &Url) -> Result<(), String> {
        let wanted =
            (url.scheme() == "https", url.host_str().unwrap_or_default(), url.port_or_known_default());
        let named = |entry: &&Entry| (entry.https, entry.host.as_str(), Some(entry.port)) == wanted;
        match self.0.iter().find(named) {
            Some(_) => Ok(()),
            None => {
                Err(format!("`{}` is not in the plugin's `http` list", url.origin().ascii_serialization()))
            }
        }
    }

    /// Whether the name may lead to addresses that are not public.
    fn is_private(&self, host: &str) -> bool {
        self.0.iter().any(|entry| entry.host == host && entry.private)
    }
}

fn entry(grant: &HttpGrant) -> Result<Entry, String> {
    let wrong = |what: &str| {
        format!("`{}` {what}; write `https://api.example.com`", crate::error::excerpt(&grant.origin))
    };
    let url = Url::parse(&grant.origin).map_err(|_| wrong("is not an origin"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("is neither http nor https"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(wrong("has more than scheme, host and port"));
    }
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) if !host.contains('*') => {
            Ok(Entry { https: url.scheme() == "https", host: host.to_owned(), port, private: grant.private })
        }
        _ => Err(wrong("names no single host")),
    }
}

/// Looks names up, and gives only addresses that the list allows for them. Literal addresses in a URL do not come
/// here: they are on the list themselves.
#[derive(Debug)]
pub(crate) struct Resolver(pub(crate) AllowList);

/// No address of the name may be connected to.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{host}` leads to {address}, which is not public; list that address, or set `private: true` for the name"
)]
pub(crate) struct NotPublic {
    host: String,
    address: IpAddr,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let list = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let private = list.is_private(host);
            let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((host, 0))).await??;
            let (admitted, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| private || is_public(address.ip()));
            match (admitted.is_empty(), refused.first()) {
                (true, Some(refused)) => {
                    Err(NotPublic { host: host.to_owned(), address: refused.ip() }.into())
                }
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address is on the public internet, by the IANA special-purpose registries (RFC 6890 and updates).
/// Everything there is not, cloud metadata services included; nor are IPv6 addresses that carry an IPv4 one.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 0, 2)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a, b, c) == (198, 51, 100)
        || (a, b, c) == (203, 0, 113)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Only 2000::/3 is handed out; in it, protocol assignments, documentation, and 6to4 are not for us.
    (segments[0] & 0xe000) == 0x2000
        && !(segments[0] == 0x2001 && segments[1] < 0x0200)
        && !(segments[0] == 0x2001 && segments[1] == 0x0db8)
        && segments[0] != 0x2002
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

#[cfg(test)]
mod tests;
