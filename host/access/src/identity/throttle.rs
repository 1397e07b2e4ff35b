//! How many wrong passwords are answered.
//!
//! Three limits, each a burst and a rate: one name from one client, one client, one name. The first is the
//! strict one: a guesser is stopped without the person noticing, who comes from elsewhere. The last is wide,
//! and does not count for clients from which that name logged in before: whoever guesses from a thousand
//! addresses cannot lock the person out of their own desk, only out of new places,
//! and there while the guessing lasts.
//!
//! Counted in tables of fixed size by a keyed hash, with nothing ever evicted: a flood of made-up names and
//! addresses cannot push a count out. Where two share a cell they share a count, which is only ever stricter;
//! each count stands in two cells, and the lower one is believed. Filling the tables takes more password
//! checks than there is CPU for, since each count costs one.
//!
//! An attempt is counted before its password is checked, so that a hundred at once do not all pass, and taken
//! back when the password is right.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::settings::{Limit, ThrottleSettings};

/// Cells in each row; with two rows in each of four tables, 1 MiB.
const CELLS: usize = 16 * 1024;
const ROWS: usize = 2;
/// So long a client is known as one from which a name logged in.
const KNOWN_MILLISECONDS: u64 = 30 * 86_400_000;

/// Counts of failed logins; survives changed settings.
pub(super) struct Throttle {
    name_and_client: Counts,
    client: Counts,
    name: Counts,
    /// When a name last logged in from a client.
    known: Cells,
}

/// An attempt that was counted. Unless taken back it stays a failure: so does one that was given up half way.
pub(super) struct Attempt {
    places: [Option<Place>; 3],
    known: Place,
    now: u64,
}

/// One cell in each row.
type Place = [usize; ROWS];

struct Counts(Cells);

struct Cells {
    hasher: RandomState,
    rows: [Box<[AtomicU64]>; ROWS],
}

impl Throttle {
    pub(super) fn new() -> Self {
        Throttle {
            name_and_client: Counts(Cells::new()),
            client: Counts(Cells::new()),
            name: Counts(Cells::new()),
            known: Cells::new(),
        }
    }

    /// Counts an attempt, or says how long to wait. An attempt that has to wait is not counted.
    pub(super) fn count(
        &self,
        settings: &ThrottleSettings,
        client: IpAddr,
        name: &str,
        now: SystemTime,
    ) -> Result<Attempt, Duration> {
        let now = milliseconds(now);
        let client = network(client);
        let known = self.known.place(&(client, name));
        let logged_in = self.known.least(known);
        let is_known = logged_in > 0 && now.saturating_sub(logged_in) < KNOWN_MILLISECONDS;
        let tables = [
            (
                &self.name_and_client,
                self.name_and_client.0.place(&(client, name)),
                settings.name_and_client,
                true,
            ),
            (&self.client, self.client.0.place(&client), settings.client, true),
            (&self.name, self.name.0.place(&name), settings.name, !is_known),
        ];
        let mut places = [None; 3];
        for (at, (counts, place, limit, applies)) in tables.into_iter().enumerate() {
            if !applies {
                continue;
            }
            if let Err(wait) = counts.take(place, limit, now) {
                let counted = Attempt { places, known, now };
                self.give_back(settings, &counted);
                return Err(wait);
            }
            places[at] = Some(place);
        }
        Ok(Attempt { places, known, now })
    }

    /// Takes an attempt back whose password was right, and knows the client from now on.
    pub(super) fn succeeded(&self, settings: &ThrottleSettings, attempt: Attempt) {
        self.give_back(settings, &attempt);
        self.known.raise(attempt.known, attempt.now);
    }

    /// Takes an attempt back whose password was not looked at.
    pub(super) fn give_back(&self, settings: &ThrottleSettings, attempt: &Attempt) {
        let tables = [
            (&self.name_and_client, settings.name_and_client),
            (&self.client, settings.client),
            (&self.name, settings.name),
        ];
        for ((counts, limit), place) in tables.into_iter().zip(attempt.places) {
            if let Some(place) = place {
                counts.give_back(place, limit);
            }
        }
    }
}

/// A cell holds the moment at which its count is back at nothing (the generic cell rate algorithm, ITU-T
/// I.371): one number, no timer.
impl Counts {
    fn take(&self, place: Place, limit: Limit, now: u64) -> Result<(), Duration> {
        let interval = interval(limit);
        let full = interval.saturating_mul(u64::from(limit.burst));
        // Further away than that only if the clock went back or the settings got stricter.
        let debt = self.0.least(place).saturating_sub(now).min(full);
        if debt + interval > full {
            return Err(Duration::from_millis((debt + interval - full).max(1)));
        }
        self.0.change(place, |cell| cell.clamp(now, now + full).saturating_add(interval));
        Ok(())
    }

    fn give_back(&self, place: Place, limit: Limit) {
        self.0.change(place, |cell| cell.saturating_sub(interval(limit)));
    }
}

impl Cells {
    fn new() -> Self {
        let row = || std::iter::repeat_with(AtomicU64::default).take(CELLS).collect();
        Cells { hasher: RandomState::new(), rows: [row(), row()] }
    }

    fn place<K: std::hash::Hash>(&self, key: &K) -> Place {
        let hash = self.hasher.hash_one(key);
        [hash as usize % CELLS, (hash >> 32) as usize % CELLS]
    }

    fn least(&self, place: Place) -> u64 {
        self.cells(place).map(|cell| cell.load(Ordering::Relaxed)).min().unwrap_or(0)
    }

    fn raise(&self, place: Place, to: u64) {
        self.cells(place).for_each(|cell| {
            cell.fetch_max(to, Ordering::Relaxed);
        });
    }

    fn change(&self, place: Place, by: impl Fn(u64) -> u64) {
        self.cells(place).for_each(|cell| {
            // The closure always gives a value: this cannot fail.
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| Some(by(value)));
        });
    }

    fn cells(&self, place: Place) -> impl Iterator<Item = &AtomicU64> {
        self.rows.iter().zip(place).map(|(row, at)| &row[at])
    }
}

fn interval(limit: Limit) -> u64 {
    limit.interval.as_millis().try_into().unwrap_or(u64::MAX)
}

fn milliseconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(u64::MAX)
}

/// Who has one IPv6 address has the 2⁶⁴ beside it.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle(…)")
    }
}

#[cfg(test)]
mod tests;
