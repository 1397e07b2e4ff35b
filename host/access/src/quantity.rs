//! Durations and sizes as people write them in settings: `500ms`, `5s`, `8h`, `64MiB`.
//!
//! A bare number is refused: whoever reads `timeout: 30` has to guess, and guesses wrong one time in two.
//! Use as `#[serde(deserialize_with = "quantity::duration")]`; the `optional_` ones also accept null, and
//! want `#[serde(default)]` beside them.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

const DURATION_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// What is wrong with a quantity, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The number or the unit is missing or unknown.
    #[error("`{text}` is not a {kind}; write a whole number and a unit, such as {examples}")]
    Malformed {
        /// What was written.
        text: String,
        /// `duration` or `size`.
        kind: &'static str,
        /// Some that are right.
        examples: &'static str,
    },
    /// More than 64 bits of milliseconds or bytes.
    #[error("`{text}` is larger than any {kind} can be")]
    TooLarge {
        /// What was written.
        text: String,
        /// `duration` or `size`.
        kind: &'static str,
    },
}

/// What the reader of one kind of quantity needs to know.
trait Kind {
    const NAME: &'static str;
    const EXAMPLES: &'static str;
    const UNITS: &'static [(&'static str, u64)];
    type Value;
    fn of(count: u64) -> Self::Value;
}

struct OfTime;
struct OfBytes;

impl Kind for OfTime {
    const NAME: &'static str = "duration";
    const EXAMPLES: &'static str = "`500ms`, `5s`, `10m`, `8h` or `7d`";
    const UNITS: &'static [(&'static str, u64)] = DURATION_UNITS;
    type Value = Duration;
    fn of(count: u64) -> Duration {
        Duration::from_millis(count)
    }
}

impl Kind for OfBytes {
    const NAME: &'static str = "size";
    const EXAMPLES: &'static str = "`512B`, `16KiB`, `64MiB` or `1GiB`";
    const UNITS: &'static [(&'static str, u64)] = SIZE_UNITS;
    type Value = u64;
    fn of(count: u64) -> u64 {
        count
    }
}

/// Reads a duration: a whole number and `ms`, `s`, `m`, `h` or `d`.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    parse::<OfTime>(text)
}

/// Reads a size in bytes: a whole number and `B`, `KiB`, `MiB` or `GiB` (powers of 1024, IEC 80000-13).
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    parse::<OfBytes>(text)
}

/// A duration in a settings file; see [`parse_duration`].
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Reader::<OfTime>(PhantomData))
}

/// A duration that may be left out or null.
pub fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_option(OptionalReader::<OfTime>(PhantomData))
}

/// A size in a settings file, in bytes; see [`parse_bytes`].
pub fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Reader::<OfBytes>(PhantomData))
}

/// A size that may be left out or null.
pub fn optional_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_option(OptionalReader::<OfBytes>(PhantomData))
}

fn parse<K: Kind>(text: &str) -> Result<K::Value, QuantityError> {
    let malformed =
        || QuantityError::Malformed { text: text.to_owned(), kind: K::NAME, examples: K::EXAMPLES };
    let too_large = || QuantityError::TooLarge { text: text.to_owned(), kind: K::NAME };
    let trimmed = text.trim();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(malformed());
    }
    let unit = unit.trim_start();
    let (_, factor) = K::UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    // Only digits are left: what fails to parse does so for its size.
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(*factor).map(K::of).ok_or_else(too_large)
}

struct Reader<K>(PhantomData<K>);
struct OptionalReader<K>(PhantomData<K>);

impl<K: Kind> Visitor<'_> for Reader<K> {
    type Value = K::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} such as {}", K::NAME, K::EXAMPLES)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<K::Value, E> {
        parse::<K>(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<K::Value, E> {
        Err(E::custom(format!("`{number}` lacks a unit; write a {} such as {}", K::NAME, K::EXAMPLES)))
    }
}

impl<'de, K: Kind> Visitor<'de> for OptionalReader<K> {
    type Value = Option<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::<K>(PhantomData).expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(Reader::<K>(PhantomData)).map(Some)
    }
}

#[cfg(test)]
mod tests;
