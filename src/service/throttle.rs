//! Slowing down who guesses, without locking the owner out.
//!
//! Failures are counted per presented name and source, and per name over all sources. A count decays by one each 30 s and is
//! never reset by a new connection. An attempt takes its place *before* it is evaluated, so that no number of parallel attempts
//! gets more evaluated than the count allows; one that cannot have a place while others are still being evaluated waits for
//! them, so that many right passwords at once are all let in. Success clears the count of that name and source only; a source
//! that signed in lately keeps that allowance even while strangers exhaust the name's. Kept in memory: a restart forgets.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::time::Steady;
use super::{Error, Result};
use crate::model::clock::Timestamp;
use crate::model::name::Folded;
use crate::model::source::Source;

/// Failures at once, per name and source.
const MAX_FAILURES_PER_SOURCE: f64 = 10.0;
/// Failures at once, per name over all sources.
const MAX_FAILURES_PER_NAME: f64 = 20.0;
/// How long it takes for one failure to be forgotten.
const FAILURE_DECAY: Duration = Duration::from_secs(30);
/// How long a source that signed in counts as known.
const KNOWN_SOURCE_LIFETIME: Duration = Duration::from_hours(24);
/// How many counts are kept, of about 150 bytes each. The least recently used leave first.
const MAX_TRACKED_COUNTS: usize = 65_536;

/// Counts failures.
pub struct Throttle {
    clock: Steady,
    hasher: RandomState,
    counts: Mutex<HashMap<u64, Count>>,
}

struct Count {
    level: f64,
    touched: Timestamp,
    evaluating: u32,
    succeeded: Option<Timestamp>,
    freed: Arc<Notify>,
}

/// An attempt that has its place. Dropped without an outcome it counts as not made.
#[must_use]
pub struct Attempt {
    throttle: Arc<Throttle>,
    held: Vec<u64>,
    own: u64,
    known: bool,
}

enum Place {
    Taken,
    Wait(OwnedNotified),
    Refused(Duration),
}

impl Throttle {
    /// One that counts by `clock`.
    #[must_use]
    pub fn new(clock: Steady) -> Self {
        Self { clock, hasher: RandomState::new(), counts: Mutex::default() }
    }

    /// Takes a place for an attempt at `name` from `source`; waits while earlier ones are evaluated. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Throttled`], with the time after which there is a place.
    pub async fn attempt(self: &Arc<Self>, name: &Folded, source: IpAddr) -> Result<Attempt> {
        let own = self.hasher.hash_one((name.as_str(), Some(Source::new(source).network())));
        let shared = self.hasher.hash_one((name.as_str(), None::<IpAddr>));
        let known = self.known(own);
        let mut attempt = Attempt { throttle: Arc::clone(self), held: Vec::new(), own, known };
        self.take(own, MAX_FAILURES_PER_SOURCE).await?;
        attempt.held.push(own);
        if !known {
            self.take(shared, MAX_FAILURES_PER_NAME).await?;
            attempt.held.push(shared);
        }
        Ok(attempt)
    }

    async fn take(&self, key: u64, most: f64) -> Result<()> {
        loop {
            let freed = match self.place(key, most) {
                Place::Taken => return Ok(()),
                Place::Refused(after) => return Err(Error::Throttled(after)),
                Place::Wait(freed) => freed,
            };
            freed.await;
        }
    }

    fn place(&self, key: u64, most: f64) -> Place {
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_TRACKED_COUNTS && !counts.contains_key(&key) {
            evict(&mut counts, now);
        }
        let count = counts.entry(key).or_insert_with(|| Count::new(now));
        count.decay(now);
        if count.level + 1.0 > most {
            return Place::Refused(FAILURE_DECAY.mul_f64(count.level + 1.0 - most));
        }
        if count.level + f64::from(count.evaluating) + 1.0 > most {
            // Made under the lock: whoever fails from here on wakes it, although nobody has awaited it yet.
            return Place::Wait(Arc::clone(&count.freed).notified_owned());
        }
        count.evaluating += 1;
        Place::Taken
    }

    fn known(&self, key: u64) -> bool {
        let now = self.clock.now();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&key).and_then(|count| count.succeeded).is_some_and(|at| now.since(at) < KNOWN_SOURCE_LIFETIME)
    }

    fn finish(&self, key: u64, change: impl FnOnce(&mut Count, Timestamp)) {
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            count.decay(now);
            count.evaluating = count.evaluating.saturating_sub(1);
            let before = count.level;
            change(count, now);
            // A failure may leave no place for any who waits; each place that was freed is for one.
            if count.level > before {
                count.freed.notify_waiters();
            }
            count.freed.notify_one();
        }
    }
}

impl Attempt {
    /// True where this source signed in under this name lately.
    #[must_use]
    pub const fn known(&self) -> bool {
        self.known
    }

    /// The credential was right: clears the count of this name and source.
    pub fn succeeded(mut self) {
        let own = self.own;
        for key in std::mem::take(&mut self.held) {
            self.throttle.finish(key, |count, now| {
                if key == own {
                    count.level = 0.0;
                    count.succeeded = Some(now);
                }
            });
        }
    }

    /// The credential was wrong.
    pub fn failed(mut self) {
        for key in std::mem::take(&mut self.held) {
            self.throttle.finish(key, |count, _| count.level += 1.0);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        for key in std::mem::take(&mut self.held) {
            self.throttle.finish(key, |_, _| {});
        }
    }
}

impl Count {
    fn new(now: Timestamp) -> Self {
        Self { level: 0.0, touched: now, evaluating: 0, succeeded: None, freed: Arc::new(Notify::new()) }
    }

    fn decay(&mut self, now: Timestamp) {
        let passed = now.since(self.touched).as_secs_f64() / FAILURE_DECAY.as_secs_f64();
        self.level = (self.level - passed).max(0.0);
        self.touched = now.max(self.touched);
    }
}

/// Makes room: first what has decayed and says nothing, then the quarter that was touched longest ago.
fn evict(counts: &mut HashMap<u64, Count>, now: Timestamp) {
    counts.retain(|_, count| {
        count.decay(now);
        count.evaluating > 0 || count.level > 0.0 || count.succeeded.is_some_and(|at| now.since(at) < KNOWN_SOURCE_LIFETIME)
    });
    if counts.len() < MAX_TRACKED_COUNTS {
        return;
    }
    let mut touched: Vec<Timestamp> =
        counts.values().map(|count| count.succeeded.unwrap_or_default().max(count.touched)).collect();
    touched.sort_unstable();
    let cut = touched.get(MAX_TRACKED_COUNTS / 4).copied().unwrap_or_default();
    counts.retain(|_, count| count.evaluating > 0 || count.succeeded.unwrap_or_default().max(count.touched) > cut);
}

#[cfg(test)]
mod tests;
