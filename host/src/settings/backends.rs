//! The `backends` section: what stands behind the gateway, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bartizan_access::quantity;
use bartizan_backend::Kind;
use bartizan_backend::upstream::{Balance, HostHeader, PoolSettings, Replica, TlsFiles};
use http::HeaderValue;
use serde::Deserialize;

use super::Check;
use crate::portal;
use crate::routes::BackendRoute;

/// One backend, checked.
#[derive(Debug, Clone)]
pub(crate) struct BackendSettings {
    /// The name that the policy uses.
    pub(crate) name: Arc<str>,
    /// What people read on the portal.
    pub(crate) title: String,
    /// Which operations are understood.
    pub(crate) kind: Kind,
    /// Where it is reached through the gateway.
    pub(crate) route: BackendRoute,
    /// Its replicas.
    pub(crate) pool: Arc<PoolSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackendSection {
    kind: String,
    replicas: Vec<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    route: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    balance: Option<String>,
    #[serde(default)]
    host_header: Option<String>,
    #[serde(default)]
    tls: Option<TlsSection>,
    #[serde(default)]
    health: HealthSection,
    #[serde(default, deserialize_with = "quantity::optional_duration")]
    connect_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "quantity::optional_duration")]
    first_byte_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "quantity::optional_duration")]
    body_timeout: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsSection {
    #[serde(default)]
    ca: Option<PathBuf>,
    #[serde(default)]
    certificate: Option<PathBuf>,
    #[serde(default)]
    key: Option<PathBuf>,
    #[serde(default)]
    server_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HealthSection {
    path: Option<String>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    interval: Option<Duration>,
    #[serde(deserialize_with = "quantity::optional_duration")]
    timeout: Option<Duration>,
    unhealthy_after: Option<u32>,
    healthy_after: Option<u32>,
}

pub(super) fn build(
    sections: BTreeMap<String, BackendSection>,
    check: &mut Check<'_>,
) -> Vec<BackendSettings> {
    if sections.is_empty() {
        check.fault(
            "backends",
            "`backends` is empty: name what stands behind the gateway, each with `kind` and `replicas`",
        );
    }
    let mut backends: Vec<BackendSettings> = Vec::new();
    for (name, section) in sections {
        let key = format!("backends.{name}");
        if name == portal::BACKEND {
            check
                .fault(&key, format!("`{name}` means the gateway itself in the policy; choose another name"));
        }
        if let Some(backend) = section.build(&name, &key, check) {
            if let Some(other) = backends.iter().find(|other| same_place(&other.route, &backend.route)) {
                check.fault(
                    &key,
                    format!(
                        "its route is that of `{}` already; give it another `route` or `host`",
                        other.name
                    ),
                );
            }
            backends.push(backend);
        }
    }
    backends
}

fn same_place(one: &BackendRoute, other: &BackendRoute) -> bool {
    one.prefix == other.prefix && one.host == other.host
}

impl BackendSection {
    fn build(self, name: &str, key: &str, check: &mut Check<'_>) -> Option<BackendSettings> {
        let Some((_, kind)) = Kind::ALL.into_iter().find(|(word, _)| *word == self.kind) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|(word, _)| *word).collect();
            check.fault(
                &format!("{key}.kind"),
                format!("no kind is called `{}`; there are {}", self.kind, known.join(", ")),
            );
            return None;
        };
        let route = self.route(name, key, check);
        let title = self.title.clone().unwrap_or_else(|| capitalised(name));
        let pool = Arc::new(self.pool(kind, key, check));
        Some(BackendSettings { name: name.into(), title, kind, route, pool })
    }

    fn route(&self, name: &str, key: &str, check: &mut Check<'_>) -> BackendRoute {
        let prefix = match (&self.route, &self.host) {
            (Some(route), _) => route.clone(),
            (None, Some(_)) => "/".to_owned(),
            (None, None) => format!("/{name}/"),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        let sound = prefix.starts_with('/') && prefix.ends_with('/') && prefix.bytes().all(plain);
        if !sound
            || prefix.contains("//")
            || prefix.split('/').any(|segment| segment == "." || segment == "..")
        {
            check.fault(
                &format!("{key}.route"),
                "a route begins and ends with `/` and holds plain segments, such as /prometheus/",
            );
        }
        if self.host.is_none() && (prefix == "/" || prefix.starts_with("/-/")) {
            check.fault(
                &format!("{key}.route"),
                "`/` and `/-/` are the portal's; choose another route, or set `host`",
            );
        }
        BackendRoute {
            name: name.into(),
            host: self.host.as_ref().map(|host| host.to_ascii_lowercase()),
            prefix,
        }
    }

    fn pool(self, kind: Kind, key: &str, check: &mut Check<'_>) -> PoolSettings {
        let mut replicas = Vec::new();
        for (position, url) in self.replicas.iter().enumerate() {
            match Replica::parse(url) {
                Ok(replica) => replicas.push(replica),
                Err(error) => check.fault(&format!("{key}.replicas[{position}]"), error.to_string()),
            }
        }
        if self.replicas.is_empty() {
            check.fault(
                &format!("{key}.replicas"),
                "name at least one address, such as http://prometheus-0:9090",
            );
        }
        let mut pool = PoolSettings::new(replicas);
        pool.balance = match self.balance.as_deref() {
            None | Some("first") => Balance::First,
            Some("round-robin") => Balance::RoundRobin,
            Some(_) => {
                check.fault(&format!("{key}.balance"), "has to be `first` or `round-robin`");
                Balance::First
            }
        };
        pool.host_header = match self.host_header.as_deref() {
            None => HostHeader::Replica,
            Some(written) => match HeaderValue::from_str(written) {
                Ok(value) => HostHeader::Fixed(value),
                Err(_) => {
                    check.fault(&format!("{key}.host_header"), "is no value of a header");
                    HostHeader::Replica
                }
            },
        };
        let health = &mut pool.health;
        health.path = self.health.path.or(match kind {
            Kind::Prometheus | Kind::Alertmanager => Some("/-/ready".to_owned()),
            Kind::Plain => None,
        });
        health.interval = self.health.interval.unwrap_or(health.interval);
        health.timeout = self.health.timeout.unwrap_or(health.timeout);
        health.unhealthy_after = self.health.unhealthy_after.unwrap_or(health.unhealthy_after);
        health.healthy_after = self.health.healthy_after.unwrap_or(health.healthy_after);
        if health.interval.is_zero() || health.timeout.is_zero() {
            check.fault(&format!("{key}.health"), "`interval` and `timeout` have to be more than 0s");
        }
        pool.connect_timeout = self.connect_timeout.unwrap_or(pool.connect_timeout);
        pool.first_byte_timeout = self.first_byte_timeout.unwrap_or(pool.first_byte_timeout);
        pool.body_idle_timeout = self.body_timeout.unwrap_or(pool.body_idle_timeout);
        if let Some(section) = self.tls {
            pool.tls = section.load(&format!("{key}.tls"), check);
        }
        pool
    }
}

impl TlsSection {
    fn load(self, key: &str, check: &mut Check<'_>) -> Option<bartizan_backend::upstream::TlsClient> {
        let client = match (self.certificate, self.key) {
            (Some(certificate), Some(secret)) => Some((
                check.existing(&format!("{key}.certificate"), &certificate),
                check.existing(&format!("{key}.key"), &secret),
            )),
            (None, None) => None,
            _ => {
                check.fault(key, "`certificate` and `key` go together");
                None
            }
        };
        let ca = self.ca.map(|ca| check.existing(&format!("{key}.ca"), &ca));
        match (TlsFiles { ca, client, server_name: self.server_name }).load() {
            Ok(client) => Some(client),
            Err(error) => {
                check.fault(key, error.to_string());
                None
            }
        }
    }
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
