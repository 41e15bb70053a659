//! The roll of a subject: its sessions that were not ended by themselves, in pages of a few, so that a hundred sessions are
//! a few records and not a hundred. It is what LogoutUser counts, and what shows the least recently refreshed when there are too many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::engine::View;
use super::key;
use super::record::{RollPage, put, scan};
use super::session_row::session;
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::session::Session;
use crate::model::user::{Generation, Standing, Subject};
use crate::store::Result;

/// So many sessions are on a page at the most: each login writes one page, a quarter of a kilobyte.
const MOST: usize = 8;

/// A session on the roll: enough to tell whether it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: SessionId,
    pub(super) auth_time: Timestamp,
    pub(super) lifetime: Duration,
    pub(super) generation: Generation,
    /// The last refresh that the roll knows of. A Refresh writes its session's row and not the roll, so there may have been a later one.
    pub(super) refresh_time: Timestamp,
}

impl Entry {
    /// Whether its session lives among those of a subject that stands so.
    pub(super) fn lives(&self, own: Standing, now: Timestamp) -> bool {
        now < self.auth_time.plus(self.lifetime) && own.session_lives(self.generation)
    }
}

/// A roll, whole.
pub(super) struct Roll<'a> {
    subject: &'a Subject,
    pages: Vec<Page>,
}

struct Page {
    number: u32,
    entries: Vec<Entry>,
    changed: bool,
}

impl<'a> Roll<'a> {
    pub(super) fn of(view: &dyn View, subject: &'a Subject) -> Result<Self> {
        let found = scan::<RollPage>(view, &key::roll(subject))?;
        let pages =
            found.into_iter().map(|(key, page)| Ok(Page { number: key::page_number(&key)?, entries: page.0, changed: false }));
        Ok(Self { subject, pages: pages.collect::<Result<_>>()? })
    }

    /// Its sessions.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pages.iter().flat_map(|page| &page.entries)
    }

    /// Its `count` least recently refreshed sessions, that one first.
    ///
    /// What the roll knows is never later than what a row says. So the entry with the earliest time is the right one if its row agrees;
    /// if not, the roll learns the row's time, and the next one is looked at. A row is read in vain only if its session was refreshed
    /// since the roll last learned of it, so that all of these reads together are fewer than the refreshes.
    pub(super) fn least_recently_refreshed(&mut self, view: &dyn View, count: usize) -> Result<Vec<Session>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let places = self.pages.iter().enumerate().flat_map(|(page, Page { entries, .. })| {
            entries.iter().enumerate().map(move |(place, entry)| Reverse((entry.refresh_time, entry.id, page, place)))
        });
        let mut known: BinaryHeap<_> = places.collect();
        let mut found = Vec::new();
        while found.len() < count {
            let Some(Reverse((refresh_time, id, page, place))) = known.pop() else { break };
            let Some(session) = session(view, id)? else { continue };
            if session.refresh_time() <= refresh_time {
                found.push(session);
                continue;
            }
            if let Some(page) = self.pages.get_mut(page)
                && let Some(entry) = page.entries.get_mut(place)
            {
                (entry.refresh_time, page.changed) = (session.refresh_time(), true);
            }
            known.push(Reverse((session.refresh_time(), id, page, place)));
        }
        Ok(found)
    }

    /// Strikes out what `stays` does not say yes to.
    pub(super) fn retain(&mut self, stays: impl Fn(&Entry) -> bool) {
        for page in &mut self.pages {
            let before = page.entries.len();
            page.entries.retain(&stays);
            page.changed |= page.entries.len() < before;
        }
    }

    /// Puts a live session on the first page that has room.
    pub(super) fn add(&mut self, session: &Session) {
        let entry = Entry {
            id: session.id(),
            auth_time: session.auth_time(),
            lifetime: session.expire_time().since(session.auth_time()),
            generation: session.generation(),
            refresh_time: session.refresh_time(),
        };
        if let Some(page) = self.pages.iter_mut().find(|page| page.entries.len() < MOST) {
            page.entries.push(entry);
            page.changed = true;
        } else {
            let number = self.pages.last().map_or(0, |page| page.number.saturating_add(1));
            self.pages.push(Page { number, entries: vec![entry], changed: true });
        }
    }

    /// Writes the pages that changed.
    pub(super) fn write(self, tx: &mut Tx<'_>) -> Result<()> {
        for Page { number, entries, .. } in self.pages.into_iter().filter(|page| page.changed) {
            let key = key::roll_page(self.subject, number);
            if entries.is_empty() {
                tx.remove(key);
            } else {
                put(tx, key, &RollPage(entries))?;
            }
        }
        Ok(())
    }
}

/// Puts a live session on the roll of its subject.
pub(super) fn enrol(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let mut roll = Roll::of(tx, session.subject())?;
    roll.add(session);
    roll.write(tx)
}

/// Strikes a session off the roll of its subject, if it is there.
pub(super) fn strike(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let mut roll = Roll::of(tx, session.subject())?;
    roll.retain(|entry| entry.id != session.id());
    roll.write(tx)
}

/// Takes all sessions of a subject off its roll. Their rows stay until they expire: reuse and replay have to find them.
pub(super) fn clear(tx: &mut Tx<'_>, subject: &Subject) -> Result<()> {
    let mut roll = Roll::of(tx, subject)?;
    roll.retain(|_| false);
    roll.write(tx)
}
