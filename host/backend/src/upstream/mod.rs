//! The way to a backend's servers: pools of replicas, connections that are used again, health, TLS, tunnels.
//!
//! The HTTP/1.1 client is our own. It is polled inside the task of the request that it serves, on connections
//! that belong to the worker's thread: nothing is handed between tasks, and what a replica sends in small
//! pieces leaves in large ones.
//!
//! It promises that an answer passes unchanged or ends with an error, never cut short in silence; that a
//! request is sent a second time only where nobody can notice; and that each wait has a deadline. It refuses
//! answers whose framing two readers could understand differently (RFC 9112 section 6.3).
//!
//! It speaks HTTP/1.1 to replicas, also for clients that speak HTTP/2. Trailers are dropped in both directions;
//! gRPC, which needs them, needs HTTP/2 to the replicas as well, which is not here yet.

mod body;
mod connection;
mod exchange;
mod failure;
mod framing;
mod head;
mod health;
mod outgoing;
mod pool;
mod response;
mod settings;
mod shelf;
mod socket;
mod timer;
mod tls;
mod tunnel;

pub use body::Body;
pub use failure::{Phase, ProtocolError, UpstreamError};
pub use health::{Health, HealthState, ReplicaStatus, watch};
pub use pool::Pool;
pub use response::Response;
pub use settings::{Balance, HealthSettings, HostHeader, PoolSettings, Replica, ReplicaError};
pub use tls::{TlsClient, TlsFiles, TlsSetupError};
pub use tunnel::Tunnel;

#[cfg(test)]
mod tests;
