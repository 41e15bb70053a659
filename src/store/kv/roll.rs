//! The roll of a subject: its sessions that were not ended by themselves, in pages of a few, so that a hundred sessions are
//! a few records and not a hundred. It is what LogoutUser counts, and what shows the oldest when there are too many.

use std::time::Duration;

use super::engine::View;
use super::key;
use super::record::{RollPage, put, scan};
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

    /// Its sessions, the oldest first.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.pages.iter().flat_map(|page| &page.entries).copied().collect();
        entries.sort_by_key(|entry| (entry.auth_time, entry.id));
        entries
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
