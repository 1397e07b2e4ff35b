//! The replicas of one backend, as one worker sees them.

use std::sync::Arc;

use super::failure::UpstreamError;
use super::health::Health;
use super::response::Response;
use super::settings::PoolSettings;
use crate::Request;

/// The replicas of a backend with this worker's connections to them.
#[derive(Debug)]
pub struct Pool {
    settings: Arc<PoolSettings>,
    health: Arc<Health>,
}

impl Pool {
    /// A pool without connections. `health` is shared by all workers.
    pub fn new(settings: Arc<PoolSettings>, health: Arc<Health>) -> Pool {
        Pool { settings, health }
    }

    /// Sends a request to a replica that can be asked, and to another one where that is safe and needed.
    pub(crate) async fn send(&self, _request: Request) -> Result<Response, UpstreamError> {
        let _ = (&self.settings, self.health.is_usable(0));
        Err(UpstreamError::Empty)
    }
}
