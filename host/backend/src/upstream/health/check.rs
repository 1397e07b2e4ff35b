//! The task that asks every replica how it is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Method};
use http_body_util::Empty;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Health;
use crate::upstream::connection::Connection;
use crate::upstream::exchange::{Terms, exchange};
use crate::upstream::failure::{Phase, UpstreamError};
use crate::upstream::head::{self, Announced, Target};
use crate::upstream::outgoing::Outgoing;
use crate::upstream::settings::{PoolSettings, Replica};

/// The shortest time between two checks, whatever the settings say.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Why a replica is not well.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the health check was answered with {status}")]
    Status { status: u16 },
}

/// Checks all replicas of a pool for ever: at once, then at the interval of the settings. One for the whole
/// program; dropping the future stops it at any moment.
pub async fn watch(settings: Arc<PoolSettings>, health: Arc<Health>) {
    let replicas = settings.replicas.iter().enumerate();
    join_all(replicas.map(|(index, replica)| watch_one(&settings, &health, index, replica))).await;
}

async fn watch_one(settings: &PoolSettings, health: &Health, index: usize, replica: &Replica) {
    let mut ticks = interval(settings.health.interval.max(SHORTEST_INTERVAL));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut good, mut bad) = (0u32, 0u32);
    loop {
        ticks.tick().await;
        match check(settings, replica).await {
            Ok(()) => {
                (good, bad) = (good.saturating_add(1), 0);
                health.check_succeeded(index, good >= settings.health.healthy_after, SystemTime::now());
            }
            Err(error) => {
                (good, bad) = (0, bad.saturating_add(1));
                let eject = bad >= settings.health.unhealthy_after;
                health.check_failed(index, &error, eject, SystemTime::now());
            }
        }
    }
}

async fn check(settings: &PoolSettings, replica: &Replica) -> Result<(), CheckError> {
    match timeout(settings.health.timeout, check_at_leisure(settings, replica)).await {
        Ok(checked) => checked,
        Err(_) => {
            Err(UpstreamError::Timeout { replica: replica.url().clone(), phase: Phase::FirstByte }.into())
        }
    }
}

/// On a connection of its own, since to be connected to is part of being well.
async fn check_at_leisure(settings: &PoolSettings, replica: &Replica) -> Result<(), CheckError> {
    let mut connection = Connection::connect(settings, replica).await?;
    let Some(path) = &settings.health.path else { return Ok(()) };
    let headers = HeaderMap::new();
    let target = Target { method: &Method::GET, path, query: None, headers: &headers, upgrade: false };
    head::write(&mut connection.output, &target, replica, &settings.host_header, Announced::Nothing)?;
    let terms = Terms {
        first_byte_timeout: settings.health.timeout,
        body_idle_timeout: settings.health.timeout,
        give_up: None,
        bodiless: false,
        upgrade: false,
    };
    let mut outgoing = Outgoing::<Empty<Bytes>>::Head;
    let answer = exchange(&mut connection, &mut outgoing, terms).await.map_err(|failed| failed.error)?;
    if answer.status.is_success() || answer.status.is_redirection() {
        Ok(())
    } else {
        Err(CheckError::Status { status: answer.status.as_u16() })
    }
}
