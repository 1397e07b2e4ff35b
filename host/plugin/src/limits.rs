//! Every limit by name, each with its reason; the engine that enforces most of them; memory of an instance.

mod engine;

use std::ops::RangeInclusive;
use std::time::Duration;

use wasmtime::ResourceLimiter;

pub(crate) use engine::{Ticker, engine};

/// Plugins at one time: the pool below reserves address space for each.
pub(crate) const PLUGINS: usize = 64;
/// A running instance, one on trial, one that is being thrown away.
pub(crate) const INSTANCES_PER_PLUGIN: usize = 3;
/// A component file. Python interpreters come at 18 MiB; compiling takes a second of CPU for each few of them.
pub(crate) const COMPONENT_BYTES: u64 = 64 << 20;
/// Below a second a collection is a stream, beyond a day nobody would notice that it died.
pub(crate) const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// A call.
pub(crate) const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(300);
/// An instance's memory; at least what a Rust guest starts with.
pub(crate) const MEMORY_BYTES: RangeInclusive<u64> = (1 << 20)..=(1 << 30);
/// Elements in all tables of an instance: functions that are called indirectly.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// What an operator may allow a plugin: beyond that, Prometheus itself suffers.
pub(crate) const SERIES: usize = 1_000_000;
/// What one call may hand over, counted as the host stores it: a list can be far larger than the guest's memory
/// when its elements share their texts.
pub(crate) const OUTPUT_BYTES: usize = 16 << 20;
/// The name of a metric or label.
pub(crate) const NAME_BYTES: usize = 256;
/// The value of a label.
pub(crate) const LABEL_VALUE_BYTES: usize = 1_024;
/// Labels of a sample.
pub(crate) const LABELS: usize = 32;
/// The help of a family.
pub(crate) const HELP_BYTES: usize = 1_024;
/// Buckets or quantiles of a sample.
pub(crate) const BUCKETS: usize = 512;
/// The texts of a description, and the schema in it.
pub(crate) const DESCRIPTION_BYTES: usize = 64 << 10;
/// Log lines of a call that are kept.
pub(crate) const LOG_LINES: u32 = 100;
/// Bytes of log lines of a call that are kept.
pub(crate) const LOG_BYTES: usize = 64 << 10;
/// Bytes of one log line that are kept.
pub(crate) const LOG_LINE_BYTES: usize = 4 << 10;
/// HTTP requests of a call.
pub(crate) const HTTP_REQUESTS: u32 = 16;
/// Bytes of all answers of a call.
pub(crate) const HTTP_BYTES: u64 = 32 << 20;
/// Bytes of one answer.
pub(crate) const HTTP_RESPONSE_BYTES: u64 = 8 << 20;
/// Header bytes of a request; answers are bounded by the HTTP client.
pub(crate) const HTTP_HEADER_BYTES: usize = 32 << 10;
/// How often a running guest gives way to the others on its thread.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Self-test and describe work without other machines; they need not have the time of a collection.
pub(crate) const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(2);
/// A version that took over must not fail this many scheduled collections in a row before its first success.
pub(crate) const FAILURES_BEFORE_ROLLBACK: u32 = 3;
/// Values are shown for this many intervals after they were collected.
pub(crate) const STALE_INTERVALS: u32 = 3;
/// The longest pause between the collections of a plugin that crashes again and again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often a plugin's file is looked at; a change must stand still for one such time.
pub(crate) const LOOK: Duration = Duration::from_millis(500);
/// Compiled components that are kept on disk.
pub(crate) const CACHED_COMPONENTS: usize = 128;

/// Counts an instance's memory, and refuses to let it grow beyond the operator's limit.
#[derive(Debug)]
pub(crate) struct Memory {
    limit_bytes: u64,
    used_bytes: u64,
    table_elements: usize,
    /// Whether it was refused: what the guest does then is a trap that does not say so.
    refused: bool,
}

impl Memory {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, table_elements: 0, refused: false }
    }

    /// The memory that the instance has now. It never gives any back.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Forgets a refusal that the guest lived with, before the next call.
    pub(crate) fn begin(&mut self) {
        self.refused = false;
    }

    pub(crate) fn was_refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current) as u64;
        let wanted = self.used_bytes.saturating_add(growth);
        if wanted > self.limit_bytes {
            self.refused = true;
            return Ok(false);
        }
        self.used_bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > TABLE_ELEMENTS {
            self.refused = true;
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }
}
