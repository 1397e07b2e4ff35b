//! What the listener is told: plain values, each with a default that is safe on the open network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::network::Network;
use super::target::Host;

/// Everything that decides how connections are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerSettings {
    /// Where TLS is served.
    pub(crate) address: SocketAddr,
    /// Certificates and versions.
    pub(crate) tls: TlsSettings,
    /// Where plain HTTP is answered with a redirect, if anywhere.
    pub(crate) redirect_from: Option<SocketAddr>,
    /// The host that redirects lead to; without it, the one that the client asked for, with our port.
    pub(crate) public_host: Option<Host>,
    /// Peers that must send a PROXY protocol header; nobody else may. Empty: the protocol is off.
    pub(crate) proxy_protocol_from: Vec<Network>,
    /// How many proxies of our own append to `X-Forwarded-For`. 0: the header is not believed.
    pub(crate) forwarded_for_depth: usize,
    /// What a client may use up.
    pub(crate) limits: Limits,
}

/// Certificates and protocol versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// Served by the names in them; the first is also served to clients that name no host or an unknown one.
    pub(crate) certificates: Vec<CertificateFiles>,
    /// The oldest version that is spoken.
    pub(crate) oldest_version: TlsVersion,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// The chain, leaf first.
    pub(crate) certificate: PathBuf,
    /// The private key: PKCS #8, PKCS #1 or SEC1.
    pub(crate) key: PathBuf,
}

/// Versions of TLS that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    /// RFC 5246, with forward secrecy and authenticated encryption alone.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// What clients may use up. Deadlines are looked at by a tick of at most one second, so they are met that exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections held at once, over all workers; those beyond are closed at once. Default 10,000.
    pub(crate) connections: usize,
    /// From accepting to the end of the TLS handshake, the PROXY header included. Default 10 s.
    pub(crate) handshake_timeout: Duration,
    /// From the first byte of a request head to its end (HTTP/1.1). Default 10 s.
    pub(crate) head_timeout: Duration,
    /// Without a request. Default 75 s.
    pub(crate) idle_timeout: Duration,
    /// For the next bytes of a request body that is being waited for. Default 30 s.
    pub(crate) body_timeout: Duration,
    /// For a client to take bytes that are ready for it. Default 60 s.
    pub(crate) write_timeout: Duration,
    /// For requests in flight when a drain begins. Default 30 s.
    pub(crate) drain_timeout: Duration,
    /// Request line and headers, or the decoded HTTP/2 header list. At least 8 KiB. Default 32 KiB.
    pub(crate) head_bytes: usize,
    /// Number of headers (HTTP/1.1). Default 100.
    pub(crate) head_count: usize,
    /// A request body. Default 16 MiB.
    pub(crate) body_bytes: u64,
    /// HTTP/2 streams in flight on one connection. Default 128.
    pub(crate) streams: u32,
    /// HTTP/2 streams that a client may have reset before they were taken up (CVE-2023-44487). Default 20.
    pub(crate) pending_resets: usize,
    /// HTTP/2 streams that a client may make us reset (CVE-2025-8671). Default 256.
    pub(crate) local_resets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            head_count: 100,
            body_bytes: 16 * 1024 * 1024,
            streams: 128,
            pending_resets: 20,
            local_resets: 256,
        }
    }
}
