//! The capability `log`: a plugin's lines in the gateway's log, bounded for each call.

use super::Guest;
use crate::contract::log::{self, Level};
use crate::error::{escaped, excerpt};
use crate::limits::LOG_LINE_BYTES;

impl log::Host for Guest {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let budget = self.budget()?;
        if level == Level::Error {
            budget.last_words = Some(excerpt(&message));
        }
        let bytes = message.len().min(LOG_LINE_BYTES);
        if budget.log_lines == 0 || budget.log_bytes < bytes {
            budget.lines_dropped += 1;
            return Ok(());
        }
        budget.log_lines -= 1;
        budget.log_bytes -= bytes;

        let plugin = &*self.name;
        let message = escaped(&message, LOG_LINE_BYTES);
        match level {
            Level::Error => tracing::error!(target: "bartizan_plugin::guest", plugin, "{message}"),
            Level::Warn => tracing::warn!(target: "bartizan_plugin::guest", plugin, "{message}"),
            Level::Info => tracing::info!(target: "bartizan_plugin::guest", plugin, "{message}"),
            Level::Debug => tracing::debug!(target: "bartizan_plugin::guest", plugin, "{message}"),
        }
        Ok(())
    }
}
