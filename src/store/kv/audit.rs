//! The audit log: recording events, and reading them.
//!
//! The events of one group lie in pages of up to about a kilobyte, each under the number of its last event. Of the chain a page
//! holds the link to the page before it; within it the links are computed again by whoever reads.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::commit::Held;
use super::engine::View;
use super::key;
use super::record::{AuditPage, scan_from};
use super::store::KvStore;
use super::tx::Tx;
use crate::model::audit::{Action, AuditEvent, Origin};
use crate::model::clock::Timestamp;
use crate::store::verbs::{AuditStore, By, Commit};
use crate::store::{Lane, Result, StoreError};

/// So many pages are read at once.
const PAGES_AT_ONCE: usize = 64;

#[async_trait]
impl AuditStore for KvStore {
    async fn audit_events(&self, lane: Lane, from: u64, most: u32) -> Result<Vec<AuditEvent>> {
        self.read(|view| audit_events(view, lane, from, most)).await
    }

    async fn record(&self, refusal: Action, by: By) -> Result<Commit<()>> {
        self.change_unfenced(by, move |tx, by| audit(tx, by, refusal.clone()).map(Held::here)).await
    }
}

/// Records what happens in this commit, as done by its caller.
pub(super) fn audit(tx: &mut Tx<'_>, by: &By, action: Action) -> Result<()> {
    audit_as(tx, by.now, by.origin.clone(), action)
}

/// Records what happens in this commit, as done by `origin`.
pub(super) fn audit_as(tx: &mut Tx<'_>, now: Timestamp, origin: Origin, action: Action) -> Result<()> {
    let sequence = tx.head.audit_sequence.checked_add(1);
    let sequence = sequence.ok_or_else(|| StoreError::Corrupt("Audit: its last number is taken".to_owned()))?;
    let event = AuditEvent { sequence, at: now, origin, action, previous: tx.head.audit_hash };
    tx.head.audit_sequence = sequence;
    tx.head.audit_hash = audit_digest(&event);
    tx.record(event);
    Ok(())
}

/// At most `most` events of a lane from number `from` on.
fn audit_events(view: &dyn View, lane: Lane, from: u64, most: u32) -> Result<Vec<AuditEvent>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut at = from;
    while found.len() < most {
        let pages = scan_from::<AuditPage>(view, &key::audit_of(lane), &key::audit(lane, at), PAGES_AT_ONCE)?;
        let last_pages = pages.len() < PAGES_AT_ONCE;
        for (_, page) in pages {
            at = page.append_to(&mut found, from);
        }
        if last_pages {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

/// SHA-256 of the [canonical bytes](AuditEvent::canonical) of an audit event: what the one after it holds as `previous`.
#[must_use]
pub fn audit_digest(event: &AuditEvent) -> [u8; 32] {
    Sha256::digest(event.canonical()).into()
}
