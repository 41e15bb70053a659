//! Reading the audit log, and recording refusals.

use super::commit::audit;
use super::engine::View;
use super::key::{self, Kind};
use super::record::scan_from;
use super::tx::Tx;
use crate::model::audit::{Action, AuditEvent};
use crate::store::Result;
use crate::store::verbs::By;

pub(super) fn audit_events(view: &dyn View, from: u64, most: u32) -> Result<Vec<AuditEvent>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = scan_from(view, &key::all(Kind::Audit), &key::audit(from), most)?;
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

pub(super) fn record(tx: &mut Tx<'_>, by: &By, action: Action) -> Result<()> {
    audit(tx, by, action)
}
