//! When the next collection is due.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::limits;
use crate::settings::PluginSettings;

/// A version's schedule. The clock is an argument, so that its tests need none.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    due: Instant,
    /// Crashes in a row.
    crashes: u32,
}

impl Pace {
    /// The trial has just collected: the first one comes after half an interval to a whole one, by the plugin's
    /// name, so that plugins that started together do not collect together.
    pub(super) fn new(settings: &PluginSettings, now: Instant) -> Self {
        let mut hasher = DefaultHasher::new();
        settings.name.hash(&mut hasher);
        let share = 0.5 + (hasher.finish() % 1_000) as f64 / 2_000.0;
        Self { interval: settings.interval, due: now + settings.interval.mul_f64(share), crashes: 0 }
    }

    /// The first one comes now.
    pub(super) fn at_once(settings: &PluginSettings, now: Instant) -> Self {
        Self { interval: settings.interval, due: now, crashes: 0 }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// A collection begins. The next is due an interval after this one was; missed ones are not made up for.
    pub(super) fn begin(&mut self, now: Instant) {
        self.due += self.interval;
        if self.due <= now {
            self.due = now + self.interval;
        }
    }

    pub(super) fn worked(&mut self) {
        self.crashes = 0;
    }

    /// The instance was lost: each time in a row, the pause doubles.
    pub(super) fn crashed(&mut self, now: Instant) {
        let pause = self.interval.saturating_mul(1 << self.crashes.min(16));
        self.crashes += 1;
        self.due = self.due.max(now + pause.min(limits::LONGEST_PAUSE.max(self.interval)));
    }
}

#[cfg(test)]
mod tests;
