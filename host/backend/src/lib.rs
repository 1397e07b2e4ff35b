//! What stands behind the gateway: each kind of backend understands its operations, narrows a
//! request to the [`Permit`](bartizan_access::policy::Permit), sends it, and narrows the answer.
//!
//! [`Backends::send`] is the only way to a backend and the only source of a [`Reply`]. An operation
//! that a backend's module does not know is not sent.

mod alertmanager;
mod failure;
mod plain;
mod prometheus;
mod reply;
mod request;
pub mod upstream;

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_access::policy::{Action, Permit};

pub use failure::BackendError;
pub use prometheus::promql;
pub use reply::{Reply, ReplyBody, ReplyParts, Sensitivity};
pub use request::{Request, RequestBody, StreamedBody};

/// What kind of server a backend is: it decides which operations are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Prometheus 2.42 to 3.x.
    Prometheus,
    /// Alertmanager with its v2 API.
    Alertmanager,
    /// Any HTTP server: everything or nothing, by method.
    Plain,
}

impl Kind {
    /// All kinds, by the word in the settings.
    pub const ALL: [(&'static str, Kind); 3] =
        [("prometheus", Kind::Prometheus), ("alertmanager", Kind::Alertmanager), ("plain", Kind::Plain)];

    /// The word in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Prometheus => "prometheus",
            Kind::Alertmanager => "alertmanager",
            Kind::Plain => "plain",
        }
    }

    /// What a grant can allow on such a backend.
    pub fn actions(self) -> &'static [Action] {
        match self {
            Kind::Prometheus => prometheus::ACTIONS,
            Kind::Alertmanager => alertmanager::ACTIONS,
            Kind::Plain => plain::ACTIONS,
        }
    }
}

/// The backends as one worker sees them: its own connections, everybody's health.
pub struct Backends {
    by_name: HashMap<Arc<str>, Backend>,
}

struct Backend {
    kind: Kind,
    pool: upstream::Pool,
}

impl Backends {
    /// The backends of one worker, from `(name, kind, pool)`.
    pub fn new(backends: impl IntoIterator<Item = (Arc<str>, Kind, upstream::Pool)>) -> Self {
        let by_name = backends.into_iter().map(|(name, kind, pool)| (name, Backend { kind, pool })).collect();
        Backends { by_name }
    }

    /// Closes connections that nobody has used for too long. To be called every few seconds by the worker.
    pub fn sweep(&self) {
        self.by_name.values().for_each(|backend| backend.pool.sweep());
    }

    /// Sends a request to the backend that the permit is for, narrowed to what it permits.
    pub async fn send(&self, permit: &Permit, mut request: Request) -> Result<Reply, BackendError> {
        let backend = self.by_name.get(permit.backend()).ok_or(BackendError::Gone)?;
        if permit.may_redact() {
            request.ask_for_whole_plain_answers();
        }
        match backend.kind {
            Kind::Prometheus => prometheus::send(&backend.pool, permit, request).await,
            Kind::Alertmanager => alertmanager::send(&backend.pool, permit, request).await,
            Kind::Plain => plain::send(&backend.pool, permit, request).await,
        }
    }
}

#[cfg(test)]
mod tests;
