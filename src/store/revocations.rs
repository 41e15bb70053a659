//! The revocation set in memory: filled when a store opens, extended by it after each barrier and before the answers.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;

use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::revocation::{Claim, Revocation, RevocationSet};
use crate::model::session::Credential;
use crate::store::{Lane, Lanes};

/// The live revocation set. Shared: the store writes, verification reads.
#[derive(Debug)]
pub struct Revocations {
    set: RwLock<RevocationSet>,
    lanes: Lanes,
    frontier: watch::Sender<Frontier>,
}

/// How far each lane was followed.
#[derive(Debug, Default)]
struct Frontier {
    newest: i64,
    /// By lane, where there are several.
    by_lane: BTreeMap<Lane, i64>,
}

impl Frontier {
    fn reached(&self, lane: Lane) -> i64 {
        match lane {
            Lane::Only => self.newest,
            Lane::Numbered(_) => self.by_lane.get(&lane).copied().unwrap_or_default(),
        }
    }

    /// True where that rises.
    fn reach(&mut self, lane: Lane, revision: i64) -> bool {
        let rises = revision > self.reached(lane);
        if rises && lane != Lane::Only {
            self.by_lane.insert(lane, revision);
        }
        self.newest = self.newest.max(revision);
        rises
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::of(Lanes::One)
    }
}

impl Revocations {
    /// Those of a store with so many lanes.
    #[must_use]
    pub fn of(lanes: Lanes) -> Self {
        Self { set: RwLock::default(), lanes, frontier: watch::channel(Frontier::default()).0 }
    }

    /// Takes revocations of a lane in that are durable, then lets those go who wait for its `revision`.
    pub fn extend(&self, lane: Lane, revocations: &[Revocation], revision: i64) {
        if !revocations.is_empty() {
            let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
            for revocation in revocations {
                set.insert(revocation);
            }
        }
        self.frontier.send_if_modified(|frontier| frontier.reach(lane, revision));
    }

    /// True where a token with these claims is dead.
    #[must_use]
    pub fn revokes(&self, token: &Claim<'_>) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).revokes(token)
    }

    /// True where the session, or the credential that it came from, was ended by itself.
    #[must_use]
    pub fn buried(&self, session: SessionId, credential: Option<Credential>) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).buried(session, credential)
    }

    /// The last revision that was reached, of whichever lane.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.frontier.borrow().newest
    }

    /// True where the lane of `revision` was followed so far.
    #[must_use]
    pub fn has_reached(&self, revision: i64) -> bool {
        self.frontier.borrow().reached(self.lanes.of(revision)) >= revision
    }

    /// Waits until the lane of `revision` was followed so far; for ever, if it never is. Cancel safe.
    pub async fn reached(&self, revision: i64) {
        let lane = self.lanes.of(revision);
        let mut seen = self.frontier.subscribe();
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = seen.wait_for(|frontier| frontier.reached(lane) >= revision).await;
    }

    /// Forgets what no unexpired token can concern at `now`.
    pub fn forget(&self, now: Timestamp) {
        self.set.write().unwrap_or_else(PoisonError::into_inner).forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_revision_waits_for_its_lane() {
        let revocations = Revocations::of(Lanes::Many);
        let (one, other) = (Lane::Numbered(1), Lane::Numbered(2));
        let (first, second) = (one.revision_from(1000), other.revision_from(2000));
        revocations.extend(other, &[], second);
        assert_eq!(revocations.revision(), second);
        assert!(revocations.has_reached(second) && !revocations.has_reached(first), "another lane says nothing of this one");
        let waiting = revocations.reached(first);
        let following = async { revocations.extend(one, &[], first) };
        tokio::join!(waiting, following);
        assert!(revocations.has_reached(first));
    }
}
