//! What expires, in the order of time.

use super::key::{self, Kind};
use super::record::{ExpiryPage, scan_from};
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, LinkId, SessionId};
use crate::store::{Lane, Lanes, Result};

/// What expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiring {
    Session(SessionId),
    Link(LinkId),
    Attempt(AttemptId),
    Revocation(i64),
}

impl Expiring {
    /// The key of the record that is to go.
    pub(super) fn key(self, lanes: Lanes) -> Vec<u8> {
        match self {
            Self::Session(id) => key::session(id),
            Self::Link(id) => key::link(id),
            Self::Attempt(id) => key::attempt(id),
            Self::Revocation(revision) => key::revocation(lanes, revision),
        }
    }
}

/// Has the sweep remove `what` some time after `at`.
pub(super) fn expires(tx: &mut Tx<'_>, at: Timestamp, what: Expiring) {
    tx.let_expire(at, what);
}

/// Takes out what expired before `until`: whole pages, lane by lane and the oldest first, until `most` are together.
pub(super) fn take_due(tx: &mut Tx<'_>, until: Timestamp, most: usize) -> Result<Vec<Expiring>> {
    let mut due = Vec::new();
    if tx.lane() == Lane::Only {
        take_due_of(tx, Lane::Only, until, most, &mut due)?;
        return Ok(due);
    }
    let all = key::all(Kind::Expiry);
    let mut from = Some(all.clone());
    while let Some(start) = from.filter(|_| due.len() < most) {
        let Some((first, _)) = scan_from::<ExpiryPage>(tx, &all, &start, 1)?.into_iter().next() else { break };
        let number = key::lane_number(&first);
        take_due_of(tx, Lane::Numbered(number), until, most, &mut due)?;
        from = key::after_lane(Kind::Expiry, number);
    }
    Ok(due)
}

fn take_due_of(tx: &mut Tx<'_>, lane: Lane, until: Timestamp, most: usize, due: &mut Vec<Expiring>) -> Result<()> {
    let (all, until) = (key::expiries_of(lane), key::expiry_until(lane, until));
    for (key, page) in scan_from::<ExpiryPage>(tx, &all, &all, most.saturating_sub(due.len()))? {
        if key >= until || due.len() >= most {
            break;
        }
        tx.remove(key);
        due.extend(page.0);
    }
    Ok(())
}
