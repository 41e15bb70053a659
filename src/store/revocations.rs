//! The revocation set in memory: filled when a store opens, extended by it after each barrier and before the answers.

use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;

use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::revocation::{Revocation, RevocationSet};
use crate::model::session::Credential;
use crate::model::user::{Generation, Subject};

/// The live revocation set. Shared: the store writes, verification reads.
#[derive(Debug)]
pub struct Revocations {
    set: RwLock<RevocationSet>,
    revision: watch::Sender<i64>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { set: RwLock::default(), revision: watch::channel(0).0 }
    }
}

impl Revocations {
    /// Takes revocations in that are durable, then lets waiters for `revision` go.
    pub fn extend(&self, revocations: &[Revocation], revision: i64) {
        {
            let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
            for revocation in revocations {
                set.insert(revocation);
            }
            set.reach(revision);
        }
        self.revision.send_if_modified(|seen| {
            let rises = revision > *seen;
            *seen = revision.max(*seen);
            rises
        });
    }

    /// True where a token with these claims is dead.
    #[must_use]
    pub fn revokes(&self, subject: &Subject, generation: Generation, session: SessionId, credential: Option<Credential>) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).revokes(subject, generation, session, credential)
    }

    /// The revision that was reached.
    #[must_use]
    pub fn revision(&self) -> i64 {
        *self.revision.borrow()
    }

    /// Waits until `revision` was reached; for ever, if it never is. Cancel safe.
    pub async fn reached(&self, revision: i64) {
        let mut seen = self.revision.subscribe();
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = seen.wait_for(|now| *now >= revision).await;
    }

    /// Forgets what no unexpired token can concern at `now`.
    pub fn forget(&self, now: Timestamp) {
        self.set.write().unwrap_or_else(PoisonError::into_inner).forget(now);
    }
}
