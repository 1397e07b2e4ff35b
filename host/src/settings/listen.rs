//! The `listen` section: the TLS edge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bartizan_access::quantity;
use serde::Deserialize;

use super::Check;
use crate::listener::target::Host;
use crate::listener::{CertificateFiles, Limits, ListenerSettings, Network, TlsSettings, TlsVersion};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenSection {
    address: Option<SocketAddr>,
    certificates: Vec<CertificateSection>,
    oldest_tls: Option<String>,
    redirect_from: Option<SocketAddr>,
    public_host: Option<String>,
    proxy_protocol_from: Vec<String>,
    forwarded_for_depth: usize,
    limits: LimitsSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateSection {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    connections: Option<usize>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    handshake_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    head_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    idle_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    body_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    write_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    drain_timeout: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_bytes")]
    head: Option<u64>,
    head_count: Option<usize>,
    #[serde(deserialize_with = "quantity::optional_bytes")]
    body: Option<u64>,
    streams: Option<u32>,
}

impl ListenSection {
    pub(super) fn build(self, check: &mut Check<'_>) -> Option<ListenerSettings> {
        if self.address.is_none() {
            check.fault("listen", "`address` is missing: where TLS is served, such as 0.0.0.0:8443");
        }
        if self.certificates.is_empty() {
            check.fault(
                "listen",
                "`certificates` is missing: a list of PEM files, each with `certificate` and `key`",
            );
        }
        let certificates = self
            .certificates
            .iter()
            .enumerate()
            .map(|(position, section)| CertificateFiles {
                certificate: check
                    .existing(&format!("listen.certificates[{position}].certificate"), &section.certificate),
                key: check.existing(&format!("listen.certificates[{position}].key"), &section.key),
            })
            .collect();
        let oldest_version = match self.oldest_tls.as_deref() {
            None | Some("1.2") => TlsVersion::Tls12,
            Some("1.3") => TlsVersion::Tls13,
            Some(_) => {
                check.fault("listen.oldest_tls", "has to be \"1.2\" or \"1.3\"");
                TlsVersion::Tls13
            }
        };
        let public_host = self.public_host.as_deref().and_then(|text| match Host::parse(text) {
            Ok(host) => Some(host),
            Err(_) => {
                check.fault(
                    "listen.public_host",
                    "has to be a host name, with a port or without, such as monitoring.example.com",
                );
                None
            }
        });
        let mut proxy_protocol_from = Vec::new();
        for (position, text) in self.proxy_protocol_from.iter().enumerate() {
            match text.parse::<Network>() {
                Ok(network) => proxy_protocol_from.push(network),
                Err(error) => {
                    check.fault(&format!("listen.proxy_protocol_from[{position}]"), error.to_string())
                }
            }
        }
        Some(ListenerSettings {
            address: self.address?,
            tls: TlsSettings { certificates, oldest_version },
            redirect_from: self.redirect_from,
            public_host,
            proxy_protocol_from,
            forwarded_for_depth: self.forwarded_for_depth,
            limits: self.limits.build(check),
        })
    }
}

impl LimitsSection {
    fn build(self, check: &mut Check<'_>) -> Limits {
        let defaults = Limits::default();
        let mut positive = |key: &str, written: Option<Duration>, default: Duration| match written {
            Some(Duration::ZERO) => {
                check.fault(&format!("listen.limits.{key}"), "has to be more than 0s");
                default
            }
            Some(duration) => duration,
            None => default,
        };
        let limits = Limits {
            connections: self.connections.unwrap_or(defaults.connections),
            handshake_timeout: positive(
                "handshake_timeout",
                self.handshake_timeout,
                defaults.handshake_timeout,
            ),
            head_timeout: positive("head_timeout", self.head_timeout, defaults.head_timeout),
            idle_timeout: positive("idle_timeout", self.idle_timeout, defaults.idle_timeout),
            body_timeout: positive("body_timeout", self.body_timeout, defaults.body_timeout),
            write_timeout: positive("write_timeout", self.write_timeout, defaults.write_timeout),
            drain_timeout: positive("drain_timeout", self.drain_timeout, defaults.drain_timeout),
            head_bytes: self
                .head
                .map_or(defaults.head_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            head_count: self.head_count.unwrap_or(defaults.head_count),
            body_bytes: self.body.unwrap_or(defaults.body_bytes),
            streams: self.streams.unwrap_or(defaults.streams),
            ..defaults
        };
        if !(8 << 10..=1 << 20).contains(&limits.head_bytes) {
            check.fault("listen.limits.head", "has to lie between 8KiB and 1MiB");
        }
        if limits.connections == 0 || limits.head_count == 0 || limits.streams == 0 {
            check.fault("listen.limits", "`connections`, `head_count` and `streams` have to be more than 0");
        }
        limits
    }
}
