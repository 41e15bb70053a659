//! Slowing down a source that presents keys, links, refresh tokens or states that are none. They have 128 random bits, so that
//! guessing one is hopeless; what is bounded is the work. Counted per source only: per key or link a stranger who knows its id
//! could stop its owner.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::Client;
use super::throttle::network;
use super::{Error, Result};
use crate::model::clock::{Clock, Timestamp};

/// Failures at once. Each costs little more than a MAC, and many honest clients share an address: a high bound is enough.
const AT_ONCE: f64 = 20_000.0;
/// Failures that are forgotten in a second.
const PER_SECOND: f64 = 200.0;
/// How many sources are counted; newcomers past it are not, which costs nothing but their work.
const MOST: usize = 16_384;

/// Counts failures by source.
pub struct Guesses {
    clock: Arc<dyn Clock>,
    /// False while no source is counted, so that the usual call does not take the lock.
    any: AtomicBool,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

struct Count {
    level: f64,
    touched: Timestamp,
}

impl Guesses {
    /// One that counts by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, any: AtomicBool::new(false), counts: Mutex::default() }
    }

    /// Runs `call`, unless its source has failed too often of late; counts it where it presents no credential of ours.
    ///
    /// # Errors
    /// [`Error::Throttled`] in place of the call, otherwise the call's own.
    pub async fn guard<T>(&self, client: &Client, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.check(client.source)?;
        let outcome = call.await;
        if let Err(Error::InvalidCredentials | Error::RefreshInvalid | Error::LinkInvalid | Error::SsoStateInvalid) = &outcome {
            self.count(client.source);
        }
        outcome
    }

    /// [`guard`](Self::guard), for a call that changes something although its caller left: one that is dropped before its outcome
    /// counts as one that presents no credential of ours, or leaving early would go uncounted.
    ///
    /// # Errors
    /// As [`guard`](Self::guard).
    pub async fn guard_leaving<T>(&self, client: &Client, call: impl Future<Output = Result<T>>) -> Result<T> {
        let mut leaving = Leaving(Some((self, client.source)));
        let outcome = self.guard(client, call).await;
        leaving.0 = None;
        outcome
    }

    fn check(&self, source: IpAddr) -> Result<()> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get_mut(&network(source)) else { return Ok(()) };
        let over = count.decayed(now) + 1.0 - AT_ONCE;
        if over > 0.0 { Err(Error::Throttled(Duration::from_secs_f64(over / PER_SECOND))) } else { Ok(()) }
    }

    fn count(&self, source: IpAddr) {
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST {
            counts.retain(|_, count| count.decayed(now) > 0.0);
        }
        if counts.len() < MOST || counts.contains_key(&network(source)) {
            let count = counts.entry(network(source)).or_insert(Count { level: 0.0, touched: now });
            count.level = count.decayed(now) + 1.0;
            self.any.store(true, Ordering::Relaxed);
        }
    }
}

/// Counts its source when it is dropped with one.
struct Leaving<'a>(Option<(&'a Guesses, IpAddr)>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some((guesses, source)) = self.0 {
            guesses.count(source);
        }
    }
}

impl Count {
    fn decayed(&mut self, now: Timestamp) -> f64 {
        self.level = (self.level - now.since(self.touched).as_secs_f64() * PER_SECOND).max(0.0);
        self.touched = now.max(self.touched);
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::ManualClock;
    use crate::model::session::Face;

    async fn present(guesses: &Guesses, last: u8, outcome: Result<()>) -> Result<()> {
        let client = Client { source: [127, 0, 0, last].into(), face: Face::Grpc };
        guesses.guard(&client, async { outcome }).await
    }

    #[tokio::test]
    async fn a_source_that_presents_junk_waits_and_no_other_does() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(Arc::clone(&clock) as Arc<_>);
        for _ in 0..20_000 {
            assert!(matches!(present(&guesses, 1, Err(Error::LinkInvalid)).await, Err(Error::LinkInvalid)));
        }
        assert!(matches!(present(&guesses, 1, Ok(())).await, Err(Error::Throttled(_))));
        assert!(present(&guesses, 2, Ok(())).await.is_ok());
        clock.advance(Duration::from_secs(1));
        assert!(present(&guesses, 1, Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn leaving_early_is_no_way_around_the_count() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(clock);
        let client = Client { source: [127, 0, 0, 1].into(), face: Face::Grpc };
        for _ in 0..20_000 {
            let mut call = Box::pin(guesses.guard_leaving(&client, std::future::pending::<Result<()>>()));
            assert!(futures_util::poll!(&mut call).is_pending());
        }
        let stays = guesses.guard_leaving(&client, async { Ok(()) });
        assert!(matches!(stays.await, Err(Error::Throttled(_))));
        assert!(present(&guesses, 2, Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn what_was_answered_is_counted_by_its_answer() {
        let guesses = Guesses::new(Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000))));
        let client = Client { source: [127, 0, 0, 1].into(), face: Face::Grpc };
        for _ in 0..30_000 {
            guesses.guard_leaving(&client, async { Ok(()) }).await.unwrap();
        }
        assert!(guesses.guard_leaving(&client, async { Err::<(), _>(Error::RefreshInvalid) }).await.is_err());
        assert_eq!(guesses.counts.lock().unwrap().values().map(|count| count.level).collect::<Vec<_>>(), [1.0]);
    }

    #[tokio::test]
    async fn other_refusals_are_not_guesses() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        let guesses = Guesses::new(clock);
        for _ in 0..30_000 {
            assert!(matches!(present(&guesses, 1, Err(Error::RefreshReused)).await, Err(Error::RefreshReused)));
        }
    }
}
