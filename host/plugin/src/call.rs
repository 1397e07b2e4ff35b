//! One call into a guest: its budget, its deadline, and what its failure means.
//!
//! An instance is handed in by value and comes back only when the call ended well: what trapped, timed out or was
//! cancelled in the middle is gone with its store, whatever state it was in.

use std::time::{Duration, Instant};

use wasmtime::Trap;

use crate::capability::Budget;
use crate::contract::{metrics, plugin};
use crate::error::excerpt;
use crate::instantiate::Instance;
use crate::{PluginError, limits};

/// What a call gave back, and the instance where it is still good.
pub(crate) type Outcome<T> = (Result<T, PluginError>, Option<Instance>);

impl Instance {
    /// `plugin.describe`: before anything is granted.
    pub(crate) async fn describe(self) -> Outcome<plugin::Description> {
        self.call("describe", limits::DESCRIBE_TIMEOUT, false, async |instance: &mut Self| {
            instance.exports.bartizan_plugin_plugin().call_describe(&mut instance.store).await
        })
        .await
    }

    /// `plugin.self-test`.
    pub(crate) async fn self_test(self, timeout: Duration) -> Outcome<()> {
        let (result, instance) = self
            .call("self-test", timeout, true, async |instance: &mut Self| {
                instance.exports.bartizan_plugin_plugin().call_self_test(&mut instance.store).await
            })
            .await;
        let result = result
            .and_then(|passed| passed.map_err(|reason| PluginError::SelfTest { reason: excerpt(&reason) }));
        (result, instance)
    }

    /// `metrics.collect`. An error that the plugin returns is no fault of the instance.
    pub(crate) async fn collect(self, timeout: Duration) -> Outcome<Vec<metrics::Family>> {
        let (result, instance) = self
            .call("collect", timeout, true, async |instance: &mut Self| {
                instance.exports.bartizan_plugin_metrics().call_collect(&mut instance.store).await
            })
            .await;
        let result = result.and_then(|collected| {
            collected.map_err(|error| {
                let (kind, reason) = match error {
                    metrics::Error::Settings(reason) => ("settings", reason),
                    metrics::Error::Source(reason) => ("source", reason),
                    metrics::Error::Internal(reason) => ("internal", reason),
                };
                PluginError::Collect { kind, reason: excerpt(&reason) }
            })
        });
        (result, instance)
    }

    async fn call<T>(
        mut self,
        call: &'static str,
        timeout: Duration,
        may_call_host: bool,
        run: impl AsyncFnOnce(&mut Self) -> wasmtime::Result<T>,
    ) -> Outcome<T> {
        let beat = self.ticker.beat();
        let budget = may_call_host.then(|| Budget::until(Instant::now() + timeout));
        self.store.data_mut().begin(budget);
        let result = tokio::time::timeout(timeout, run(&mut self)).await;
        let last_words = self.store.data_mut().end();
        drop(beat);
        match result {
            Ok(Ok(value)) => (Ok(value), Some(self)),
            Ok(Err(error)) => (Err(self.cause(call, &error, last_words)), None),
            Err(_) => (Err(PluginError::TimedOut { call, limit: timeout }), None),
        }
    }

    /// What an error of the engine means. What the guest said last is better than what the engine knows.
    fn cause(&self, call: &'static str, error: &wasmtime::Error, last_words: Option<String>) -> PluginError {
        let memory = &self.store.data().memory;
        if memory.was_refused() {
            return PluginError::OutOfMemory { call, limit_bytes: memory.limit_bytes() };
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => {
                PluginError::Trapped { call, reason: last_words.unwrap_or_else(|| trap.to_string()) }
            }
            // The engine has no public type for it.
            None if error.root_cause().to_string().contains("fuel allocated for hostcalls") => {
                PluginError::TooMuchOutput { call, limit_bytes: limits::OUTPUT_BYTES }
            }
            None => PluginError::Trapped { call, reason: excerpt(&error.root_cause().to_string()) },
        }
    }
}

#[cfg(test)]
mod tests;
