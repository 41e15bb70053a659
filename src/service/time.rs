//! The service's time: the one gate that whatever is committed or signed gets its time through.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Error, Result};
use crate::model::clock::{Clock, Doubt, Timestamp, Trust};
use crate::store::verbs::StoreState;

/// Where services read the time that they decide by.
///
/// No service has a clock: who commits or signs needs a time, and a time comes from here, where the clock is judged first.
#[derive(Clone)]
pub struct Time(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    store: Arc<dyn StoreState>,
    trust: Mutex<Trust>,
}

impl Time {
    /// The later of `clock` and what `store` committed last, while the clock is believed. A clock that was set is believed at its
    /// new place when it has stood there for `settled_after`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, store: Arc<dyn StoreState>, settled_after: Duration) -> Self {
        let trust = Trust::new(clock.read(), store.status().last_commit, clock.earliest(), settled_after);
        Self(Arc::new(Inner { clock, store, trust: Mutex::new(trust) }))
    }

    /// The present moment; never before a committed one.
    ///
    /// # Errors
    /// [`Error::ClockUntrusted`] - the machine's clock is not believed, so that nobody can tell what has expired (UNAVAILABLE).
    pub fn now(&self) -> Result<Timestamp> {
        self.look().map_err(Error::ClockUntrusted)
    }

    /// Why the clock is not believed at present, where it is not.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        self.look().err()
    }

    /// What the wall clock shows, right or wrong, and the last committed time. For messages.
    #[must_use]
    pub fn shown(&self) -> (Timestamp, Timestamp) {
        (self.0.clock.now(), self.0.store.status().last_commit)
    }

    /// For counting what happens within a while.
    #[must_use]
    pub fn steady(&self) -> Steady {
        Steady(Arc::clone(&self.0.clock))
    }

    fn look(&self) -> std::result::Result<Timestamp, Doubt> {
        let Inner { clock, store, trust } = &*self.0;
        let committed = store.status().last_commit;
        // Read under the lock: looks come in the order of their readings.
        let mut trust = trust.lock().unwrap_or_else(PoisonError::into_inner);
        let now = trust.look(clock.read(), committed, || clock.synchronised())?;
        Ok(now.max(committed))
    }
}

/// Time that passes whatever the wall clock is set to, for counts that are kept in memory.
#[derive(Clone)]
pub struct Steady(Arc<dyn Clock>);

impl Steady {
    /// That of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }

    /// The present moment. It compares with others of this clock, and with no other time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::default().plus(self.0.read().uptime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::{ManualClock, SETTLED_AFTER};
    use crate::service::testing::House;

    const DAY: Duration = Duration::from_hours(24);

    #[tokio::test]
    async fn a_time_that_is_not_believed_reaches_nobody_and_moves_nothing() {
        let house = House::new();
        house.user("ada", crate::service::testing::PLAIN).await;
        let before = house.store.status();
        let right = house.time.now().unwrap();
        for wrong in [right.plus(3 * DAY), right.minus(3 * DAY)] {
            house.clock.set(wrong);
            assert!(matches!(house.time.now(), Err(Error::ClockUntrusted(_))));
            assert!(matches!(house.log_in("ada", crate::service::testing::PASSWORD, "").await, Err(Error::ClockUntrusted(_))));
            assert_eq!(house.store.status(), before);
            house.clock.set(right);
            assert_eq!(house.time.now().unwrap(), right);
        }
        assert!(house.log_in("ada", crate::service::testing::PASSWORD, "").await.is_ok());
    }

    #[tokio::test]
    async fn it_is_never_before_a_committed_time() {
        let house = House::new();
        house.user("ada", crate::service::testing::PLAIN).await;
        let committed = house.store.status().last_commit;
        house.clock.set(committed.minus(Duration::from_secs(30)));
        assert_eq!(house.time.now().unwrap(), committed);
    }

    #[test]
    fn counts_do_not_see_that_the_clock_is_set() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_900_000_000)));
        let steady = Steady::new(Arc::clone(&clock) as Arc<_>);
        let before = steady.now();
        clock.set(Timestamp::from_secs(7));
        assert_eq!(steady.now(), before);
        clock.advance(SETTLED_AFTER);
        assert_eq!(steady.now(), before.plus(SETTLED_AFTER));
    }
}
