//! Durations and sizes as people write them: a whole number and a unit, `500ms`, `15s`, `5m`, `64MiB`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Units of time and their milliseconds.
const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size and their bytes.
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text, &DURATIONS).map(Duration::from_millis).ok_or_else(|| {
        de::Error::custom(format!("`{text}` is not a duration; write 500ms, 15s, 5m, 1h or 1d"))
    })
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text, &SIZES)
        .ok_or_else(|| de::Error::custom(format!("`{text}` is not a size; write 512KiB, 64MiB or 1GiB")))
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}
