//! All deadlines of a worker's connections, kept by one look at each of them per tick.
//!
//! A timer for each connection and each thing that it may wait for costs memory while it idles and work with every
//! request. Instead each connection keeps a [`Pulse`]: what it is doing and since when, by a coarse clock. Once a tick
//! the [`Ward`] looks at every pulse and, where time is up, leaves a verdict and wakes the connection's task, which
//! carries it out. A request pays a few plain stores.
//!
//! Promised: a deadline is met within one tick; whoever waits during a drain is closed after a short grace.
//! Pulses are atomics only because the HTTP library wants upgraded connections to be `Send`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use super::settings::Limits;

/// While draining, a connection without a request is left this long, so that one that is on its way is still answered.
const DRAIN_GRACE: Duration = Duration::from_millis(500);
/// The coarsest tick; shorter deadlines make it finer.
const LONGEST_TICK: Duration = Duration::from_secs(1);
const SHORTEST_TICK: Duration = Duration::from_millis(20);
/// How long a connection keeps its HTTP state (some 20 KiB) after a request before it is put to rest.
const REST_AFTER: Duration = Duration::from_secs(2);

/// What a connection is doing, apart from requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Doing {
    /// PROXY header and TLS handshake.
    Handshake,
    /// Nothing: a request may come.
    Waiting,
    /// Part of a request head has come.
    ReadingHead,
    /// A request body is due, whether or not anyone wants it.
    ReadingBody,
    /// Another protocol has taken over; only the end of a drain ends it.
    Upgraded,
}

/// What the connection's task shall do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Verdict {
    /// Go on.
    GoOn,
    /// Give up what an idle connection does not need; stands until the next request.
    Rest,
    /// A drain has begun: answer what is in flight or comes within the grace, then close.
    Finish,
    /// Close now.
    Close,
}

/// What one connection is doing, and what has been decided about it.
#[derive(Debug)]
pub(super) struct Pulse {
    clock: Arc<Clock>,
    doing: AtomicU8,
    /// When that began, or the last request ended, whichever came later.
    since: AtomicU64,
    in_flight: AtomicU32,
    /// When a write began to wait for the client; 0 when none does.
    blocked_since: AtomicU64,
    verdict: AtomicU8,
    ended: AtomicBool,
    waker: AtomicWaker,
}

/// Milliseconds since the worker began, as of the last tick, counted from 1.
#[derive(Debug)]
struct Clock(AtomicU64);

impl Pulse {
    /// Notes what the connection does from now on.
    pub(super) fn now_doing(&self, doing: Doing) {
        if self.doing.load(Relaxed) != doing as u8 {
            self.doing.store(doing as u8, Relaxed);
            self.since.store(self.clock.0.load(Relaxed), Relaxed);
        }
    }

    /// Notes that a request has been taken up.
    pub(super) fn request_began(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// Notes that its answer has been handed over whole, or given up.
    pub(super) fn request_ended(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.since.store(self.clock.0.load(Relaxed), Relaxed);
    }

    /// Notes whether a write waits for the client.
    pub(super) fn write_blocked(&self, blocked: bool) {
        let waiting = self.blocked_since.load(Relaxed) != 0;
        if blocked != waiting {
            let since = if blocked { self.clock.0.load(Relaxed) } else { 0 };
            self.blocked_since.store(since, Relaxed);
        }
    }

    /// Whether nothing is in flight, half-read or half-written.
    pub(super) fn is_at_rest(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
            && self.blocked_since.load(Relaxed) == 0
            && self.doing.load(Relaxed) == Doing::Waiting as u8
    }

    /// Whether another protocol has taken over.
    pub(super) fn is_upgraded(&self) -> bool {
        self.doing.load(Relaxed) == Doing::Upgraded as u8
    }

    /// What has been decided; asked each time the connection's task runs.
    pub(super) fn verdict(&self) -> Verdict {
        match self.verdict.load(Relaxed) {
            0 => Verdict::GoOn,
            1 => Verdict::Rest,
            2 => Verdict::Finish,
            _ => Verdict::Close,
        }
    }

    /// Takes back `Rest`, because bytes have come.
    pub(super) fn stir(&self) {
        let _ = self.verdict.compare_exchange(Verdict::Rest as u8, Verdict::GoOn as u8, Relaxed, Relaxed);
    }

    /// Has the task woken when there is a verdict.
    pub(super) fn wake_by(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The connection is gone.
    pub(super) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    fn decide(&self, verdict: Verdict) {
        if self.verdict.fetch_max(verdict as u8, Relaxed) < verdict as u8 {
            self.waker.wake();
        }
    }
}

/// Watches over the connections of one worker.
pub(super) struct Ward {
    began: Instant,
    clock: Arc<Clock>,
    pulses: RefCell<Vec<Arc<Pulse>>>,
    draining: Cell<bool>,
    limits: Limits,
}

impl Ward {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            began: now,
            clock: Arc::new(Clock(AtomicU64::new(1))),
            pulses: RefCell::default(),
            draining: Cell::new(false),
            limits: limits.clone(),
        }
    }

    /// How often to [look](Self::look): often enough for the shortest deadline.
    pub(super) fn tick(&self) -> Duration {
        let limits = &self.limits;
        let shortest =
            [limits.handshake_timeout, limits.head_timeout, limits.idle_timeout, limits.write_timeout]
                .into_iter()
                .min()
                .unwrap_or(LONGEST_TICK);
        (shortest / 4).clamp(SHORTEST_TICK, LONGEST_TICK)
    }

    /// Takes a new connection into its care.
    pub(super) fn admit(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            clock: Arc::clone(&self.clock),
            doing: AtomicU8::new(Doing::Handshake as u8),
            since: AtomicU64::new(self.clock.0.load(Relaxed)),
            in_flight: AtomicU32::new(0),
            blocked_since: AtomicU64::new(0),
            verdict: AtomicU8::new(Verdict::GoOn as u8),
            ended: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        self.pulses.borrow_mut().push(Arc::clone(&pulse));
        pulse
    }

    /// Sets the clock and leaves a verdict wherever time is up.
    pub(super) fn look(&self, now: Instant) {
        let millis = 1 + u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX / 2);
        self.clock.0.store(millis, Relaxed);
        let draining = self.draining.get();
        self.pulses.borrow_mut().retain(|pulse| {
            let verdict = judge(pulse, millis, draining, &self.limits);
            pulse.decide(verdict);
            !pulse.ended.load(Relaxed)
        });
    }

    /// From now on every connection finishes what it has in flight and closes.
    pub(super) fn drain(&self, now: Instant) {
        self.draining.set(true);
        self.look(now);
    }

    /// Closes every connection, whatever it has in flight.
    pub(super) fn close_all(&self) {
        self.pulses.borrow().iter().for_each(|pulse| pulse.decide(Verdict::Close));
    }
}

/// What time has brought for one connection.
fn judge(pulse: &Pulse, now_millis: u64, draining: bool, limits: &Limits) -> Verdict {
    let for_longer_than =
        |since: u64, limit: Duration| u128::from(now_millis.saturating_sub(since)) >= limit.as_millis();
    let since = pulse.since.load(Relaxed);
    let blocked_since = pulse.blocked_since.load(Relaxed);
    if blocked_since != 0 && for_longer_than(blocked_since, limits.write_timeout) {
        return Verdict::Close;
    }
    let in_flight = pulse.in_flight.load(Relaxed) > 0;
    let doing = pulse.doing.load(Relaxed);
    let limit = match doing {
        _ if doing == Doing::Upgraded as u8 => return Verdict::GoOn,
        _ if in_flight => return if draining { Verdict::Finish } else { Verdict::GoOn },
        _ if doing == Doing::Handshake as u8 => limits.handshake_timeout,
        _ if doing == Doing::ReadingHead as u8 => limits.head_timeout,
        _ if draining => limits.idle_timeout.min(DRAIN_GRACE),
        _ => limits.idle_timeout,
    };
    match doing == Doing::Waiting as u8 {
        _ if for_longer_than(since, limit) => Verdict::Close,
        true if draining => Verdict::Finish,
        true if for_longer_than(since, REST_AFTER) => Verdict::Rest,
        _ => Verdict::GoOn,
    }
}

#[cfg(test)]
mod tests;
