//! Address ranges, as settings name the peers that are trusted.

use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// All addresses that share the first bits of one: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

/// The text is no address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected an address or a range such as 10.0.0.0/8, with no bits set behind the prefix")]
pub(crate) struct NetworkError;

impl Network {
    /// Whether the address lies within; an IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(32 - self.prefix_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(128 - self.prefix_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(most), str::parse).map_err(|_| NetworkError)?;
        if prefix_bits > most {
            return Err(NetworkError);
        }
        let behind_prefix = match address {
            IpAddr::V4(address) => u128::from(address.to_bits().checked_shl(prefix_bits).unwrap_or(0)),
            IpAddr::V6(address) => address.to_bits().checked_shl(prefix_bits).unwrap_or(0),
        };
        if behind_prefix != 0 {
            return Err(NetworkError);
        }
        Ok(Self { address, prefix_bits })
    }
}

#[cfg(test)]
mod tests;
