//! What a group writes in pages: its audit events, and what it lets expire. Many small records in few larger ones.

use super::expiry::Expiring;
use super::key;
use super::record::{AuditPage, ExpiryPage, encode};
use super::tx::Changes;
use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::store::{Lane, Result};

/// A page takes no more events once they fill so many bytes.
const AUDIT_PAGE_BYTES: usize = 800;

/// So many expiries are on a page at the most: about a kilobyte.
const EXPIRIES_PER_PAGE: usize = 50;

/// The audit events of a group, in pages under the number of their last event.
pub(super) fn of_events(lane: Lane, events: Vec<AuditEvent>) -> Result<Changes> {
    let mut pages = Changes::new();
    let mut events = events.into_iter();
    while let Some(first) = events.next() {
        let (mut page, mut last, mut size) = (AuditPage::after(&first), first.sequence, 0);
        for event in std::iter::once(first).chain(events.by_ref()) {
            last = event.sequence;
            size += page.push(event);
            if size >= AUDIT_PAGE_BYTES {
                break;
            }
        }
        pages.insert(key::audit(lane, last), Some(encode(&page)?));
    }
    Ok(pages)
}

/// What a group lets expire: what expires within one second lies on one page, under the time of the last of them.
pub(super) fn of_expiries(lane: Lane, mut expiring: Vec<(Timestamp, Expiring)>) -> Result<Changes> {
    let mut pages = Changes::new();
    expiring.sort_by_key(|(at, _)| *at);
    for second in expiring.chunk_by(|(one, _), (other, _)| one.secs() == other.secs()) {
        for page in second.chunks(EXPIRIES_PER_PAGE) {
            let (Some((_, first)), Some((at, _))) = (page.first(), page.last()) else { continue };
            let whats = page.iter().map(|(_, what)| *what).collect();
            pages.insert(key::expiry(lane, *at, &first.key(lane.lanes())), Some(encode(&ExpiryPage(whats))?));
        }
    }
    Ok(pages)
}
