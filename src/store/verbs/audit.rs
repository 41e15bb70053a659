//! The audit log.

use async_trait::async_trait;

use super::{By, Commit};
use crate::model::audit::{Action, AuditEvent};
use crate::store::{Lane, Result};

/// The audit log. See the [store](crate::store) for what every verb promises.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// The audit events of a lane from number `from` on, at most `most`, in order. Each lane has a chain of its own.
    ///
    /// Cases: `audit::chains_what_it_records`, `audit::reads_from_any_event_on`.
    async fn audit_events(&self, lane: Lane, from: u64, most: u32) -> Result<Vec<AuditEvent>>;

    /// Records a refusal that concerns an existing account ([`Action::LoginRefused`]).
    ///
    /// Case: `audit::records_each_change_in_order`.
    async fn record(&self, refusal: Action, by: By) -> Result<Commit<()>>;
}
