//! What a pool is told: its replicas, its deadlines and its limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};

use super::tls::TlsClient;

/// Everything that a pool needs to know, shared by all workers.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The servers that can answer the same requests. At least one.
    pub replicas: Vec<Replica>,
    /// Which of the usable replicas is asked first.
    pub balance: Balance,
    /// What backends see as `Host`.
    pub host_header: HostHeader,
    /// How long a connection may take to be made: name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long a replica may take from the end of the request to the first byte of its answer.
    pub first_byte_timeout: Duration,
    /// How long a body may pause between two pieces, in either direction.
    pub body_idle_timeout: Duration,
    /// The same for an event stream (`text/event-stream`), which is mostly silent by its nature.
    pub stream_idle_timeout: Duration,
    /// How long a connection is kept for the next request. Below what the servers keep theirs.
    pub idle_timeout: Duration,
    /// How many connections each worker keeps for each replica.
    pub max_idle_per_replica: usize,
    /// How replicas are watched.
    pub health: HealthSettings,
    /// How replicas with an `https` address are met; the system's authorities where there is nothing.
    pub tls: Option<TlsClient>,
}

impl PoolSettings {
    /// The settings for these replicas with every default: 2 s to connect, 60 s to the first byte and
    /// between pieces, 1 h for event streams, 30 s of keeping, 128 connections.
    pub fn new(replicas: Vec<Replica>) -> Self {
        PoolSettings {
            replicas,
            balance: Balance::First,
            host_header: HostHeader::Replica,
            connect_timeout: Duration::from_secs(2),
            first_byte_timeout: Duration::from_secs(60),
            body_idle_timeout: Duration::from_secs(60),
            stream_idle_timeout: Duration::from_secs(3600),
            // Go's servers keep idle connections for minutes, nginx for 75 s, Node's for 5 s only, which
            // the look at a connection before its use deals with.
            idle_timeout: Duration::from_secs(30),
            max_idle_per_replica: 128,
            health: HealthSettings::default(),
            tls: None,
        }
    }
}

/// Which of the usable replicas is asked first. The others follow where it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// The first in the list, as long as it is usable. The members of an active-active pair scrape at
    /// different moments, so a graph that is drawn from both in turn flickers.
    #[default]
    First,
    /// Each in turn.
    RoundRobin,
}

/// What a backend sees as `Host`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The replica's own address.
    #[default]
    Replica,
    /// What the client's `host` header says; the replica's own address where there is none.
    Client,
    /// Always this.
    Fixed(HeaderValue),
}

/// How replicas are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSettings {
    /// A path below the replica's address that answers with a 2xx or 3xx status when all is well.
    /// Without one, being able to connect is health enough.
    pub path: Option<String>,
    /// The time between two checks of one replica.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// After so many failures in a row (of checks, or of requests) a replica is no longer asked.
    pub unhealthy_after: u32,
    /// After so many good checks in a row it is asked again.
    pub healthy_after: u32,
}

impl Default for HealthSettings {
    fn default() -> Self {
        HealthSettings {
            path: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            unhealthy_after: 2,
            healthy_after: 2,
        }
    }
}

/// One server, by its base address: scheme, host, port and the path in front of every request's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    url: Arc<str>,
    tls: bool,
    host: String,
    port: u16,
    authority: HeaderValue,
    prefix: String,
}

/// Why an address is not one of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    /// Not a URL with scheme and host.
    #[error("not an address; write one like http://prometheus-0:9090/prometheus")]
    NotAnAddress,
    /// Neither `http` nor `https`.
    #[error("the scheme must be http or https")]
    Scheme,
    /// A user name or password, which would stand in logs.
    #[error("an address must not hold a user name or password")]
    UserInfo,
    /// A query or fragment.
    #[error("an address must not hold a query")]
    Query,
}

impl Replica {
    /// Reads a base address such as `http://127.0.0.1:9090/prometheus`. A final `/` is dropped.
    pub fn parse(url: &str) -> Result<Replica, ReplicaError> {
        if url.contains('#') {
            return Err(ReplicaError::Query);
        }
        let uri: Uri = url.parse().map_err(|_| ReplicaError::NotAnAddress)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(ReplicaError::Scheme),
            None => return Err(ReplicaError::NotAnAddress),
        };
        let authority = uri.authority().ok_or(ReplicaError::NotAnAddress)?;
        if authority.as_str().contains('@') {
            return Err(ReplicaError::UserInfo);
        }
        if uri.query().is_some() {
            return Err(ReplicaError::Query);
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(ReplicaError::NotAnAddress);
        }
        Ok(Replica {
            url: url.trim_end_matches('/').into(),
            tls,
            // An IPv6 address stands in brackets in a URL, but not in a lookup.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| ReplicaError::NotAnAddress)?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The address as it was written, without a final `/`.
    pub fn url(&self) -> &Arc<str> {
        &self.url
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they stand in a `Host` header.
    pub(super) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// What comes before every path: empty, or beginning with `/` and not ending with it.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}
