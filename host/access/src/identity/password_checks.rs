//! Checking passwords without letting that be used against anybody.
//!
//! A check costs 20 ms of CPU and 19 MiB: few run at once, on blocking threads, and few wait. The same name
//! and password from one client, given many times at once (a dashboard's forty queries), are checked once.
//! Failures are throttled.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

use super::failure::LoginError;
use super::password::LONGEST_PASSWORD;
use super::settings::ThrottleSettings;
use super::throttle::Throttle;
use super::users::{LONGEST_NAME, Users};

/// At 20 ms each, four keep up with 200 logins a second; each takes 19 MiB.
const MOST_AT_ONCE: usize = 4;
/// Those who wait longer are told to come again.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// More waiting than this would wait for longer than that.
const MOST_WAITING: usize = 128;

/// A keyed digest of a name and password.
pub(super) type Digest = [u8; 32];

type Outcome = Result<(), LoginError>;
/// Who asks, in which generation of users, for what.
type FlightKey = (IpAddr, u64, Digest);
type Flights = Mutex<HashMap<FlightKey, Arc<OnceCell<Outcome>>>>;

/// Somebody at `client` says that `name` has this password.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) client: IpAddr,
    pub(super) name: &'a str,
    pub(super) password: &'a str,
    pub(super) now: SystemTime,
}

/// Checks passwords; survives changed settings.
pub(super) struct PasswordChecks {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    throttle: Throttle,
    flights: Flights,
}

impl PasswordChecks {
    pub(super) fn new() -> Self {
        let running = available_parallelism().map_or(1, NonZero::get).min(MOST_AT_ONCE);
        PasswordChecks {
            running: Arc::new(Semaphore::new(running)),
            waiting: Semaphore::new(MOST_WAITING),
            throttle: Throttle::new(),
            flights: Mutex::default(),
        }
    }

    /// Checks one password. Cancelled half way, it leaves the attempt counted as a failure.
    pub(super) async fn check(
        &self,
        throttle: &ThrottleSettings,
        users: Arc<Users>,
        claim: Claim<'_>,
    ) -> Outcome {
        let Claim { client, name, password, now } = claim;
        if name.len() > LONGEST_NAME || password.len() > LONGEST_PASSWORD {
            return Err(LoginError::Refused);
        }
        let attempt = self
            .throttle
            .count(throttle, client, name, now)
            // Whole seconds, for that is what `Retry-After` can say.
            .map_err(|wait| Duration::from_secs(wait.as_millis().div_ceil(1000) as u64))
            .map_err(|retry_after| LoginError::Throttled { retry_after })?;
        match self.verify(users, name, password).await {
            Some(true) => {
                self.throttle.succeeded(throttle, attempt);
                Ok(())
            }
            Some(false) => Err(LoginError::Refused),
            None => {
                self.throttle.give_back(throttle, &attempt);
                Err(LoginError::Busy)
            }
        }
    }

    /// The same, where `digest` is that of name and password: those who ask at the same time get one answer.
    /// None gets one that was found with the users of another generation.
    pub(super) async fn check_once(
        &self,
        (generation, digest): (u64, Digest),
        throttle: &ThrottleSettings,
        users: Arc<Users>,
        claim: Claim<'_>,
    ) -> Outcome {
        let flight = Flight::join(&self.flights, (claim.client, generation, digest));
        flight.outcome.get_or_init(|| self.check(throttle, users, claim)).await.clone()
    }

    /// Whether the password is right; none where there was no turn in time.
    async fn verify(&self, users: Arc<Users>, name: &str, password: &str) -> Option<bool> {
        let place = self.waiting.try_acquire().ok()?;
        let turn =
            tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.running).acquire_owned()).await.ok()?.ok()?;
        drop(place);
        let (name, password) = (name.to_owned(), Zeroizing::new(password.to_owned()));
        let checked = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also when nobody waits for it any more.
            let _turn = turn;
            users.verify(&name, &password)
        });
        checked.await.ok()
    }
}

/// A check that several requests wait for; the last to leave takes it off the list, cancelled or not.
struct Flight<'a> {
    flights: &'a Flights,
    key: FlightKey,
    outcome: Arc<OnceCell<Outcome>>,
}

impl<'a> Flight<'a> {
    fn join(flights: &'a Flights, key: FlightKey) -> Self {
        let mut map = flights.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = Arc::clone(map.entry(key).or_default());
        Flight { flights, key, outcome }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut map = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and ours.
        if Arc::strong_count(&self.outcome) <= 2 {
            map.remove(&self.key);
        }
    }
}

impl std::fmt::Debug for PasswordChecks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordChecks(…)")
    }
}
