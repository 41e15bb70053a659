//! Removing what expired, a little at a time.

use std::time::Duration;

use super::audit::audit;
use super::engine::View;
use super::expiry::{Expiring, take_due};
use super::key::{self, Kind};
use super::record::{Tombstone, load, scan_from};
use super::roll::strike;
use super::session_row::session;
use super::tx::Tx;
use crate::model::audit::Action;
use crate::model::clock::Timestamp;
use crate::model::link::Link;
use crate::model::revocation::{Revocation, Revoked};
use crate::model::user::Subject;
use crate::store::Result;
use crate::store::verbs::By;

/// How long past its expiry a record stays: longer than any token that could ask for it lives, and than clocks are wrong.
pub(super) const MARGIN: Duration = Duration::from_hours(24);

/// `now` is the service's time: a store whose last commit is ahead of it sweeps less, not more.
pub(super) fn sweep(tx: &mut Tx<'_>, by: &By, now: Timestamp, most: u32) -> Result<u32> {
    // Before the margin's end there is nothing that could have expired.
    let until = Timestamp::from_micros(now.minus(MARGIN).micros().saturating_add(1));
    let due = take_due(tx, until, usize::try_from(most).unwrap_or(usize::MAX))?;
    let swept = u32::try_from(due.len()).unwrap_or(u32::MAX);
    for what in due {
        sweep_one(tx, by, what)?;
    }
    if swept > 0 {
        audit(tx, by, Action::Swept(swept))?;
    }
    Ok(swept)
}

fn sweep_one(tx: &mut Tx<'_>, by: &By, what: Expiring) -> Result<()> {
    match what {
        Expiring::Session(id) => {
            if let Some(session) = session(tx, id)? {
                if session.n() > 0 {
                    audit(tx, by, Action::SessionSwept(id, session.n()))?;
                }
                strike(tx, &session)?;
                tx.remove(key::session(id));
            }
        }
        Expiring::Link(id) => {
            if let Some(link) = load::<Link>(tx, &key::link(id))? {
                tx.remove(key::link_by_guest(&link.guest_key(), id));
                tx.remove(key::link(id));
            }
        }
        Expiring::Attempt(id) => tx.remove(key::attempt(id)),
        Expiring::Revocation(revision) => {
            let key = key::revocation(tx.lane().lanes(), revision);
            if let Some(revocation) = load::<Revocation>(tx, &key)? {
                sweep_tombstone(tx, &revocation)?;
                tx.remove(key);
            }
        }
    }
    Ok(())
}

/// Removes the tombstone that a revocation left, unless a later one took its place.
fn sweep_tombstone(tx: &mut Tx<'_>, revocation: &Revocation) -> Result<()> {
    let tombstone = match &revocation.what {
        Revoked::BelowIn(Subject::User(id), organization, _) => key::organization_tombstone(*id, organization),
        Revoked::Below(..) | Revoked::BelowIn(Subject::Guest(_), ..) => return Ok(()),
        Revoked::Session(id) => key::session_tombstone(*id),
        Revoked::Credential(credential) => key::credential_tombstone(*credential),
    };
    if load::<Tombstone>(tx, &tombstone)?.is_some_and(|at| at.revision == revocation.revision) {
        tx.remove(tombstone);
    }
    Ok(())
}

/// Every revocation that is kept: what an engine fills the set with when it opens.
pub(crate) fn revocations(view: &dyn View) -> Result<Vec<Revocation>> {
    let all = key::all(Kind::Revocation);
    Ok(scan_from(view, &all, &all, usize::MAX)?.into_iter().map(|(_, revocation)| revocation).collect())
}
