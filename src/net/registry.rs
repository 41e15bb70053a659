//! The open connections: counts them per source, and finds the one to close when there is no room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use crate::model::source::Source;

/// Every open connection.
#[derive(Debug)]
pub(super) struct Registry {
    per_source: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    connections: HashMap<u64, (Arc<Activity>, CancellationToken)>,
    sources: HashMap<IpAddr, usize>,
}

impl Registry {
    pub(super) fn new(per_source: usize) -> Self {
        Self { per_source, inner: Mutex::default() }
    }

    /// Enters a connection from `peer`; `None` if its source has too many. Loopback has no limit: it is where this machine's
    /// own proxies are, and an attacker on this machine needs no connections to do harm.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Registered> {
        let source = Source::new(peer);
        let network = source.network();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inner.sources.entry(network).or_default();
        if *count >= self.per_source && !source.address().is_loopback() {
            return None;
        }
        *count += 1;
        let id = inner.next;
        inner.next += 1;
        let (activity, close) = (Arc::new(Activity::new()), CancellationToken::new());
        inner.connections.insert(id, (Arc::clone(&activity), close.clone()));
        Some(Registered { registry: Arc::clone(self), id, network, activity, close })
    }

    /// Asks the connection that has been idle longest to close, if that is at least `spared`. Answers whether there was one.
    pub(super) fn close_idlest(&self, spared: Duration) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let idlest = inner
            .connections
            .values()
            .filter(|(_, close)| !close.is_cancelled())
            .filter_map(|(activity, close)| Some((activity.idle_since()?, close)))
            .min_by_key(|(since, _)| *since);
        match idlest {
            Some((since, close)) if since.elapsed() >= spared => {
                close.cancel();
                true
            }
            _ => false,
        }
    }
}

/// An open connection; dropping it takes it out of the registry.
#[derive(Debug)]
pub(super) struct Registered {
    registry: Arc<Registry>,
    id: u64,
    network: IpAddr,
    /// What the connection is doing.
    pub(super) activity: Arc<Activity>,
    /// Cancelled when the connection should close because others need its place.
    pub(super) close: CancellationToken,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut inner = self.registry.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.connections.remove(&self.id);
        if let Some(count) = inner.sources.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                inner.sources.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Arc<Registry> {
        Arc::new(Registry::new(2))
    }

    #[tokio::test]
    async fn a_source_has_a_limit_and_gets_its_place_back() {
        let registry = registry();
        let peer: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff".parse().unwrap();
        let stranger: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        let first = registry.admit(peer).unwrap();
        let _second = registry.admit(neighbour).unwrap();
        assert!(registry.admit(peer).is_none());
        assert!(registry.admit(stranger).is_some());
        drop(first);
        assert!(registry.admit(neighbour).is_some());
    }

    #[tokio::test]
    async fn loopback_has_none() {
        let registry = registry();
        let held: Vec<_> = (0..5).map(|_| registry.admit("127.0.0.1".parse().unwrap())).collect();
        assert!(held.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn the_longest_idle_makes_room() {
        let registry = registry();
        let busy = registry.admit("192.0.2.1".parse().unwrap()).unwrap();
        let _call = busy.activity.begin();
        let old = registry.admit("192.0.2.2".parse().unwrap()).unwrap();
        let young = registry.admit("192.0.2.3".parse().unwrap()).unwrap();
        assert!(!registry.close_idlest(Duration::from_mins(1)));
        assert!(registry.close_idlest(Duration::ZERO));
        assert!(old.close.is_cancelled() && !young.close.is_cancelled() && !busy.close.is_cancelled());
        assert!(registry.close_idlest(Duration::ZERO));
        assert!(!registry.close_idlest(Duration::ZERO));
    }
}
