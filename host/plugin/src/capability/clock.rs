//! The capability `clock`.

use std::time::SystemTime;

use super::Guest;
use crate::contract::clock;

impl clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.budget()?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        self.budget()?;
        Ok(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
