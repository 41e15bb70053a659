//! The callbacks of this process, one at a time for each attempt: a second one waits for the first and then finds what became of
//! it. An attempt whose code is being exchanged, and that has no callback here, can no longer finish: the process that had it is
//! gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use super::waits::Waits;
use crate::model::ids::AttemptId;

/// How many callbacks of an attempt are here, and whose turn it is.
type UnderWay = (usize, Arc<Turns<()>>);

/// Who exchanges.
pub(super) struct Exchanges {
    under_way: Mutex<HashMap<AttemptId, UnderWay>>,
    waits: Arc<Waits>,
}

/// The turn of one callback. When it ends, whoever waits for the attempt is woken.
pub(super) struct Turn {
    /// Given back first.
    _alone: OwnedMutexGuard<()>,
    _place: Place,
}

struct Place {
    exchanges: Arc<Exchanges>,
    attempt: AttemptId,
}

impl Exchanges {
    pub(super) fn new(waits: Arc<Waits>) -> Self {
        Self { under_way: Mutex::default(), waits }
    }

    /// Waits until no other callback of this attempt is under way.
    pub(super) async fn turn(self: &Arc<Self>, attempt: AttemptId) -> Turn {
        let (place, turns) = self.enter(attempt);
        Turn { _alone: turns.lock_owned().await, _place: place }
    }

    /// Whether a callback of this attempt is under way.
    pub(super) fn has(&self, attempt: AttemptId) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&attempt)
    }

    fn enter(self: &Arc<Self>, attempt: AttemptId) -> (Place, Arc<Turns<()>>) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, turns) = under_way.entry(attempt).or_default();
        *count += 1;
        (Place { exchanges: Arc::clone(self), attempt }, Arc::clone(turns))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.exchanges.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = under_way.get_mut(&self.attempt) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.attempt);
            }
        }
        drop(under_way);
        self.exchanges.waits.wake(self.attempt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn callbacks_of_one_attempt_take_turns_and_leave_nothing() {
        let exchanges = Arc::new(Exchanges::new(Arc::default()));
        let (one, other) = (AttemptId::from_bytes([1; 16]), AttemptId::from_bytes([2; 16]));
        let first = exchanges.turn(one).await;
        let _elsewhere = exchanges.turn(other).await;
        let mut second = Box::pin(exchanges.turn(one));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(exchanges.has(one), "the second one is here");
        drop(second.await);
        assert!(!exchanges.has(one) && exchanges.has(other));
        let waiting = exchanges.turn(other);
        drop(waiting);
        assert_eq!(exchanges.under_way.lock().unwrap().len(), 1);
    }
}
