//! Runs other people's WebAssembly next to the gateway, and stays in charge.
//!
//! **Why.** An exporter that somebody wrote this morning should be visible in Prometheus by noon, without a
//! restart, and without anybody having to trust it.
//!
//! **Promises.** A plugin sees what its operator granted and nothing else. It cannot stall another one, a scrape,
//! or a request: calls run on threads of their own under a deadline, and a scrape only reads what was collected
//! before. A new version takes over when it has shown that it works; a bad one is refused or rolled back, with
//! the reason in [`PluginStatus`], in the log and in the metrics. What is rendered is always valid.
//!
//! **Refuses.** Components that import anything beyond the contract in `wit/`, or more than was granted; results
//! in which one thing is wrong; compiled code that this gateway did not make itself (decision 0003).
//!
//! A plugin's way through the files:
//! [`load`] file → component · [`instantiate`] component → instance · [`call`] one call under its [`limits`], with
//! the [`capability`]s it may use · [`trial`] all that a version must pass · [`keeper`] schedule, swap, roll back ·
//! [`publish`] what a scrape sees · [`host`] all of them together.

mod call;
mod capability;
mod check;
mod contract;
mod error;
mod host;
mod instantiate;
mod keeper;
mod limits;
mod load;
mod publish;
mod settings;
mod status;
mod trial;
mod watch;

pub use check::{Description, check};
pub use error::PluginError;
pub use host::{HostSettings, PluginHost};
pub use publish::Fault;
pub use settings::{Capability, HttpGrant, PluginSettings};
pub use status::{PluginState, PluginStatus};
