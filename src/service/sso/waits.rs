//! Those who wait for a person to confirm: woken inside this process, so that nobody asks the store again and again. Owns how
//! many may wait; past that a caller does not wait, it is told at once how far the attempt is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::model::ids::AttemptId;
use crate::model::source::Source;

/// How many may wait in all.
const MAX_WAITS: usize = 1000;
/// How many may wait from one network.
const MAX_WAITS_PER_NETWORK: usize = 32;
/// How many may wait for one attempt.
const MAX_WAITS_PER_ATTEMPT: usize = 2;

/// Who waits.
#[derive(Default)]
pub(super) struct Waits(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    in_all: usize,
    networks: HashMap<IpAddr, usize>,
    attempts: HashMap<AttemptId, (usize, Arc<Notify>)>,
}

/// A place among those who wait; given back when dropped.
pub(super) struct Place {
    waits: Arc<Waits>,
    network: IpAddr,
    attempt: AttemptId,
    notify: Arc<Notify>,
}

impl Waits {
    /// A place, where there is one.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr, attempt: AttemptId) -> Option<Place> {
        let network = Source::new(source).network();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = waiting.networks.get(&network).copied().unwrap_or_default();
        let of_attempt = waiting.attempts.get(&attempt).map_or(0, |(count, _)| *count);
        if waiting.in_all >= MAX_WAITS || of_network >= MAX_WAITS_PER_NETWORK || of_attempt >= MAX_WAITS_PER_ATTEMPT {
            return None;
        }
        waiting.in_all += 1;
        waiting.networks.insert(network, of_network + 1);
        let (count, notify) = waiting.attempts.entry(attempt).or_default();
        *count += 1;
        let notify = Arc::clone(notify);
        drop(waiting);
        Some(Place { waits: Arc::clone(self), network, attempt, notify })
    }

    /// Wakes who waits for that attempt.
    pub(super) fn wake(&self, attempt: AttemptId) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, notify)) = waiting.attempts.get(&attempt) {
            notify.notify_waiters();
        }
    }
}

impl Place {
    /// Ends at the first wake after this call, whether or not it was polled before.
    pub(super) fn woken(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.in_all = waiting.in_all.saturating_sub(1);
        if let Some(count) = waiting.networks.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                waiting.networks.remove(&self.network);
            }
        }
        if let Some((count, _)) = waiting.attempts.get_mut(&self.attempt) {
            *count -= 1;
            if *count == 0 {
                waiting.attempts.remove(&self.attempt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn source(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    fn attempt(n: u8) -> AttemptId {
        AttemptId::from_bytes([n; 16])
    }

    #[test]
    fn places_are_bounded_per_attempt_and_come_back() {
        let waits = Arc::new(Waits::default());
        let first = waits.enter(source(1), attempt(1));
        let second = waits.enter(source(2), attempt(1));
        assert!(first.is_some() && second.is_some());
        assert!(waits.enter(source(3), attempt(1)).is_none());
        drop(first);
        assert!(waits.enter(source(3), attempt(1)).is_some());
        drop(second);
        let left = waits.0.lock().unwrap();
        assert_eq!((left.in_all, left.networks.len(), left.attempts.len()), (0, 0, 0));
    }

    #[test]
    fn places_are_bounded_per_network_and_in_all() {
        let waits = Arc::new(Waits::default());
        let one: Vec<_> = (0..=32).map(|n| waits.enter(source(1), attempt(n))).collect();
        assert_eq!(one.iter().flatten().count(), MAX_WAITS_PER_NETWORK);
        drop(one);
        let all: Vec<_> =
            (0..1200_u32).map(|n| waits.enter(source(n), AttemptId::from_bytes(u128::from(n).to_be_bytes()))).collect();
        assert_eq!(all.iter().flatten().count(), MAX_WAITS);
    }

    #[tokio::test]
    async fn a_wake_before_the_first_poll_is_not_lost() {
        let waits = Arc::new(Waits::default());
        let place = waits.enter(source(1), attempt(1)).unwrap();
        let woken = place.woken();
        waits.wake(attempt(2));
        waits.wake(attempt(1));
        woken.await;
    }
}
