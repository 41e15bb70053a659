//! What expires, in the order of time: what one group lets expire within one second lies on one page.

use super::key::{self, Kind};
use super::record::{ExpiryPage, encode, scan_from};
use super::tx::{Changes, Tx};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, LinkId, SessionId};
use crate::store::Result;

/// So many are on a page at the most: about a kilobyte.
const MOST: usize = 50;

/// What expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiring {
    Session(SessionId),
    Link(LinkId),
    Attempt(AttemptId),
    Revocation(i64),
}

/// Has the sweep remove `what` some time after `at`.
pub(super) fn expires(tx: &mut Tx<'_>, at: Timestamp, what: Expiring) {
    tx.let_expire(at, what);
}

/// Puts what a group lets expire into its changes.
pub(super) fn write(mut expiring: Vec<(Timestamp, Expiring)>, changes: &mut Changes) -> Result<()> {
    expiring.sort_by_key(|(at, _)| *at);
    for second in expiring.chunk_by(|(one, _), (other, _)| one.secs() == other.secs()) {
        for page in second.chunks(MOST) {
            let (Some((_, first)), Some((at, _))) = (page.first(), page.last()) else { continue };
            let whats = page.iter().map(|(_, what)| *what).collect();
            changes.insert(key::expiry(*at, first), Some(encode(&ExpiryPage(whats))?));
        }
    }
    Ok(())
}

/// Takes out what expired before `until`: whole pages, the oldest first, until `most` are together.
pub(super) fn take_due(tx: &mut Tx<'_>, until: Timestamp, most: usize) -> Result<Vec<Expiring>> {
    let (all, until) = (key::all(Kind::Expiry), key::expiry_until(until));
    let mut due = Vec::new();
    for (key, page) in scan_from::<ExpiryPage>(tx, &all, &all, most)? {
        if key >= until || due.len() >= most {
            break;
        }
        tx.remove(key);
        due.extend(page.0);
    }
    Ok(due)
}
