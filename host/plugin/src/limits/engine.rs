//! The engine: one for all plugins, with slots for their instances reserved once, and a heartbeat for their calls.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::{io, thread};

use wasmtime::{Config, Engine, EngineWeak, PoolingAllocationConfig};

use super::{INSTANCES_PER_PLUGIN, MEMORY_BYTES, PLUGINS, TABLE_ELEMENTS, TICK};
use crate::PluginError;

/// Makes the engine. Its settings are part of the key of compiled components.
pub(crate) fn engine() -> Result<Engine, PluginError> {
    let instances = (PLUGINS * INSTANCES_PER_PLUGIN) as u32;
    // A component made by common tools has an adapter or two next to its main module.
    let core_instances = instances * 4;

    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(core_instances)
        .total_memories(instances * 2)
        .total_tables(core_instances)
        .total_stacks(instances)
        .max_memories_per_component(2)
        .max_core_instances_per_component(8)
        .max_tables_per_component(8)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(*MEMORY_BYTES.end() as usize)
        // Few slots stay warm: plugins are few and long-lived, and what is kept resident is the gateway's own.
        .max_unused_warm_slots(4)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10);

    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .memory_reservation(*MEMORY_BYTES.end())
        .memory_guard_size(32 << 20)
        .allocation_strategy(pool);
    Engine::new(&config).map_err(|error| PluginError::Engine { reason: format!("{error:#}") })
}

/// Moves the engine's epoch on while at least one call runs, and sleeps otherwise.
///
/// Guests give way at each tick, so that a looping one neither holds its thread nor escapes its deadline.
#[derive(Debug)]
pub(crate) struct Ticker {
    calls: Mutex<usize>,
    wake: Condvar,
}

/// A call that runs: the ticker ticks until all of them are dropped.
#[derive(Debug)]
pub(crate) struct Beat(Arc<Ticker>);

impl Ticker {
    /// Starts the thread. It ends when the ticker or the engine is dropped.
    pub(crate) fn start(engine: &Engine) -> io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { calls: Mutex::new(0), wake: Condvar::new() });
        let (weak, engine) = (Arc::downgrade(&ticker), engine.weak());
        thread::Builder::new().name("plugin-tick".to_owned()).spawn(move || tick(&weak, &engine))?;
        Ok(ticker)
    }

    pub(crate) fn beat(self: &Arc<Self>) -> Beat {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.wake.notify_one();
        Beat(Arc::clone(self))
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

fn tick(ticker: &Weak<Ticker>, engine: &EngineWeak) {
    loop {
        thread::sleep(TICK);
        let (Some(ticker), Some(engine)) = (ticker.upgrade(), engine.upgrade()) else { return };
        engine.increment_epoch();
        let calls = ticker.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if *calls == 0 {
            // Woken by the next call; once a second to see whether there is still anybody to tick for.
            let _ = ticker.wake.wait_timeout(calls, std::time::Duration::from_secs(1));
        }
    }
}
