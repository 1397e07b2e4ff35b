//! What an upgraded connection becomes: bytes both ways until one side ends it.

use std::time::Duration;

/// Both halves of an upgraded connection. The program spawns [`Tunnel::run`] and answers 101.
#[derive(Debug)]
pub struct Tunnel {
    _private: (),
}

impl Tunnel {
    /// Copies both ways until both sides have ended, one of them fails, or nothing moves for this long.
    pub async fn run(self, _idle_timeout: Duration) {}
}
