//! Slowing down a source that presents keys, links, refresh tokens or states that are none. They have 128 random bits, so that
//! guessing one is hopeless; what is bounded is the work. Counted per source only: per key or link a stranger who knows its id
//! could stop its owner.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::client::Client;
use super::time::Steady;
use super::{Error, Result};
use crate::model::clock::Timestamp;
use crate::model::source::Source;

/// Failures at once. Each costs little more than a MAC, and many honest clients may share an address, so a high bound is
/// enough.
const MAX_FAILURES_PER_SOURCE: f64 = 20_000.0;
/// Failures that are forgotten in a second.
const FAILURES_FORGOTTEN_PER_SECOND: f64 = 200.0;
/// How many sources are counted. Further sources are not counted, which costs only the work of their calls.
const MAX_TRACKED_SOURCES: usize = 16_384;

/// Counts failures by source.
pub struct Guesses {
    clock: Steady,
    most: f64,
    forgotten_per_second: f64,
    /// False while no source is counted, so that the usual call does not take the lock.
    any: AtomicBool,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

/// A call that presents a credential.
#[must_use]
pub struct Presenting<'a> {
    guesses: &'a Guesses,
    source: IpAddr,
    counted_if_left: bool,
}

struct Count {
    level: f64,
    touched: Timestamp,
}

impl Guesses {
    /// One that counts by `clock`.
    #[must_use]
    pub fn new(clock: Steady) -> Self {
        Self::with(clock, MAX_FAILURES_PER_SOURCE, FAILURES_FORGOTTEN_PER_SECOND)
    }

    /// One for something else by the same clock, which lets `most` failures through at once.
    #[must_use]
    pub(super) fn beside(&self, most: f64, forgotten_per_second: f64) -> Self {
        Self::with(self.clock.clone(), most, forgotten_per_second)
    }

    fn with(clock: Steady, most: f64, forgotten_per_second: f64) -> Self {
        Self { clock, most, forgotten_per_second, any: AtomicBool::new(false), counts: Mutex::default() }
    }

    /// Counts a failure of that source before it happens, so that many at once are counted too.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub(super) fn expect(&self, source: IpAddr) -> Result<()> {
        self.check(source)?;
        self.count(source);
        Ok(())
    }

    /// What was expected did not happen.
    pub(super) fn forgive(&self, source: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&Source::new(source).network()) {
            count.level = (count.level - 1.0).max(0.0);
        }
    }

    /// Lets a call begin that presents a credential, unless its source has failed too often of late.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub fn begin(&self, client: &Client) -> Result<Presenting<'_>> {
        self.check(client.source)?;
        Ok(Presenting { guesses: self, source: client.source, counted_if_left: false })
    }

    fn check(&self, source: IpAddr) -> Result<()> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get_mut(&Source::new(source).network()) else { return Ok(()) };
        let over = count.decayed(now, self.forgotten_per_second) + 1.0 - self.most;
        if over > 0.0 { Err(Error::Throttled(Duration::from_secs_f64(over / self.forgotten_per_second))) } else { Ok(()) }
    }

    fn count(&self, source: IpAddr) {
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_TRACKED_SOURCES {
            counts.retain(|_, count| count.decayed(now, self.forgotten_per_second) > 0.0);
        }
        let network = Source::new(source).network();
        if counts.len() < MAX_TRACKED_SOURCES || counts.contains_key(&network) {
            let count = counts.entry(network).or_insert(Count { level: 0.0, touched: now });
            count.level = count.decayed(now, self.forgotten_per_second) + 1.0;
            self.any.store(true, Ordering::Relaxed);
        }
    }
}

impl Presenting<'_> {
    /// For a call that changes something although its caller left: dropped before its end it counts as one that presents no
    /// credential of ours, or leaving early would go uncounted.
    pub fn counted_if_left(mut self) -> Self {
        self.counted_if_left = true;
        self
    }

    /// Counts the call where its outcome is that it presents no credential of ours.
    ///
    /// # Errors
    /// The call's own.
    pub fn ended<T>(mut self, outcome: Result<T>) -> Result<T> {
        self.counted_if_left = false;
        if let Err(Error::InvalidCredentials | Error::RefreshInvalid | Error::LinkInvalid | Error::SsoStateInvalid) = &outcome {
            self.guesses.count(self.source);
        }
        outcome
    }
}

impl Drop for Presenting<'_> {
    fn drop(&mut self) {
        if self.counted_if_left {
            self.guesses.count(self.source);
        }
    }
}

impl Count {
    fn decayed(&mut self, now: Timestamp, per_second: f64) -> f64 {
        self.level = (self.level - now.since(self.touched).as_secs_f64() * per_second).max(0.0);
        self.touched = now.max(self.touched);
        self.level
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::clock::ManualClock;
    use crate::model::session::Face;

    fn from(last: u8) -> Client {
        Client { source: [127, 0, 0, last].into(), face: Face::Grpc }
    }

    fn present(guesses: &Guesses, last: u8, outcome: Result<()>) -> Result<()> {
        guesses.begin(&from(last))?.ended(outcome)
    }

    #[test]
    fn a_source_that_presents_junk_waits_and_no_other_does() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(Steady::new(Arc::clone(&clock) as Arc<_>));
        for _ in 0..20_000 {
            assert!(matches!(present(&guesses, 1, Err(Error::LinkInvalid)), Err(Error::LinkInvalid)));
        }
        assert!(matches!(present(&guesses, 1, Ok(())), Err(Error::Throttled(_))));
        assert!(present(&guesses, 2, Ok(())).is_ok());
        clock.advance(Duration::from_secs(1));
        assert!(present(&guesses, 1, Ok(())).is_ok());
    }

    #[test]
    fn leaving_early_is_no_way_around_the_count() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(Steady::new(clock));
        for _ in 0..20_000 {
            drop(guesses.begin(&from(1)).unwrap().counted_if_left());
        }
        assert!(matches!(present(&guesses, 1, Ok(())), Err(Error::Throttled(_))));
        assert!(present(&guesses, 2, Ok(())).is_ok());
    }

    #[test]
    fn what_was_answered_is_counted_by_its_answer() {
        let guesses = Guesses::new(Steady::new(Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)))));
        for _ in 0..30_000 {
            guesses.begin(&from(1)).unwrap().counted_if_left().ended(Ok(())).unwrap();
        }
        let junk = guesses.begin(&from(1)).unwrap().counted_if_left().ended(Err::<(), _>(Error::RefreshInvalid));
        assert!(junk.is_err());
        assert_eq!(guesses.counts.lock().unwrap().values().map(|count| count.level).collect::<Vec<_>>(), [1.0]);
    }

    #[test]
    fn other_refusals_are_not_guesses() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(Steady::new(clock));
        for _ in 0..30_000 {
            assert!(matches!(present(&guesses, 1, Err(Error::RefreshReused)), Err(Error::RefreshReused)));
        }
    }
}
