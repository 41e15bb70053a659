//! Bringing a data directory of an earlier format to the present one, where it lies.
//!
//! The steps, in their order: (1) what an earlier try left of `sled.format-3` is removed; (2) a new database is built there, beside the
//! old one, which is only read: each record as it was becomes the record it is today, and the event that tells of the upgrade is the last
//! one; (3) the old one's checksums are compared, and the new one is made durable, whole; (4) the identity file is replaced, which is
//! atomic: until then the directory is of the earlier format, from then on of the present one; (5) the old database is removed, and (6)
//! the new one is renamed to `sled`. A crash or a power cut before (4) leaves the old store as it was, and the next start begins
//! anew; one after it leaves a directory of the present format with `sled.format-3` in it, and the next start goes on with (5), which can
//! be done any number of times. The name of the new database says for which format it is, so that a version which does not know that
//! format leaves it alone.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::barrier::Barrier;
use super::database::{Database, IDENTITY_KEY, OTHERS, TIP_KEY, config, guarded, make_private, wait_for_release};
use super::directory::Directory;
use super::error::OpenError;
use super::identity::Identity;
use super::rows;
use super::tip::{Tally, Tip};
use super::trouble;
use super::{FORMAT, Options};
use crate::store::kv::format2::{self, Stood, Translation};
use crate::store::kv::tx::Changes;

/// So many records are written at once.
const RECORDS_AT_ONCE: usize = 1000;
/// How often a long upgrade says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Brings a directory to the present format, or finishes that; answers its identity then. Where that cannot be done before the
/// new format counts, the old store is as it was.
pub(super) fn to_present(directory: &Directory, identity: Identity, options: &Options) -> Result<Identity, OpenError> {
    if identity.format == FORMAT {
        directory.finish_upgrade()?;
        return Ok(identity);
    }
    let from = identity.format;
    tracing::info!(
        from,
        to = FORMAT,
        "upgrading the data directory, where it lies; the old one stays until the new one is whole"
    );
    directory.expect_database()?;
    directory.prepare()?;
    let new = directory.begin_upgrade()?;
    let tip = build(&directory.database(), &new, &identity, options).inspect_err(|_| directory.abandon_upgrade())?;

    let identity = Identity { format: FORMAT, ..identity }.at(&tip);
    directory.record(&identity)?;
    directory.finish_upgrade()?;
    tracing::info!(from, to = FORMAT, "the data directory is upgraded");
    Ok(identity)
}

/// Builds the database `new` from the one in `old`; durable and closed when this returns.
fn build(old: &Path, new: &Path, identity: &Identity, options: &Options) -> Result<Tip, OpenError> {
    let copy = Copy { old, new, identity, options };
    let built = guarded(old, |panic| copy.failed(&panic), |_| copy.run());
    wait_for_release(old);
    wait_for_release(new);
    built
}

/// One upgrade.
struct Copy<'a> {
    old: &'a Path,
    new: &'a Path,
    identity: &'a Identity,
    options: &'a Options,
}

impl Copy<'_> {
    fn run(&self) -> Result<Tip, OpenError> {
        let old = ManuallyDrop::new(self.open(self.old).map_err(|error| self.unreadable(&error))?);
        let built = self.build(&old);
        // sled flushes when it is dropped, and panics where it cannot.
        drop(catch_unwind(AssertUnwindSafe(|| drop(ManuallyDrop::into_inner(old)))));
        built
    }

    fn build(&self, old: &::sled::Db) -> Result<Tip, OpenError> {
        if !old.was_recovered() {
            return Err(self.damaged("it opened empty"));
        }
        let stood = self.stood(old)?;
        // On the way out of an error it is left alone: what could be written of it is removed.
        let new = ManuallyDrop::new(self.open(self.new).map_err(|error| self.failed(&error))?);
        let tip = self.copy(old, &Database::over((*new).clone()), &stood)?;
        make_private(self.new)?;
        // Passes the whole barrier.
        drop(Barrier::first(self.new, (*new).clone()).map_err(|error| self.failed(&error))?);
        drop(ManuallyDrop::into_inner(new));
        Ok(tip)
    }

    fn open(&self, path: &Path) -> ::sled::Result<::sled::Db> {
        config(path, self.options.cache_capacity).open()
    }

    /// Where the old database stands: it must be the one that the identity file knows.
    fn stood(&self, old: &::sled::Db) -> Result<Stood, OpenError> {
        let read = |key| old.get(key).map_err(|error| self.unreadable(&error));
        let store = read(IDENTITY_KEY)?.and_then(|row| format2::store_id(&row));
        let store = store.ok_or_else(|| self.damaged("its first record is missing"))?;
        if store != self.identity.store {
            return Err(OpenError::OtherStore { path: self.old.to_owned(), expected: self.identity.store, found: store });
        }
        let stood = read(TIP_KEY)?.and_then(|row| format2::stood(&row));
        let stood = stood.ok_or_else(|| self.damaged("its last record is missing"))?;
        if stood.commits < self.identity.commits {
            let (path, expected) = (self.old.to_owned(), self.identity.commits);
            return Err(OpenError::Behind { path, expected, found: stood.commits });
        }
        Ok(stood)
    }

    /// Writes every record of `old` into `new`, in its form of today; answers where `new` then stands.
    fn copy(&self, old: &::sled::Db, new: &Database, stood: &Stood) -> Result<Tip, OpenError> {
        let mut translation = Translation::default();
        let mut tally = Tally::default();
        let mut tip = Tip { commits: stood.commits, ..Tip::default() };
        let mut changes = Changes::from([(IDENTITY_KEY.to_vec(), Some(rows::identity(self.identity.store)))]);
        let (mut copied, mut said) = (0_u64, Instant::now());
        for pair in old.iter() {
            let (key, value) = pair.map_err(|error| self.unreadable(&error))?;
            if *key == *TIP_KEY {
                continue;
            }
            tally.change(&key, None, Some(&value));
            if *key == *IDENTITY_KEY {
                continue;
            }
            let (key, value) = translation.record(&key, &value).map_err(|error| self.damaged(&error.to_string()))?;
            changes.insert(key, Some(value));
            copied += 1;
            if changes.len() >= RECORDS_AT_ONCE {
                new.apply(&changes, &mut tip, None).map_err(|error| self.failed(&error))?;
                changes.clear();
            }
            if said.elapsed() >= PROGRESS_INTERVAL {
                said = Instant::now();
                tracing::info!(records = copied, "upgrading the data directory");
            }
        }
        if tally.few.wrapping_add(tally.many) != stood.tally {
            return Err(self.damaged(OTHERS));
        }

        let (head, key, page) =
            translation.finish(&stood.head, self.options.now, FORMAT).map_err(|error| self.damaged(&error.to_string()))?;
        changes.insert(key, Some(page));
        tip.head = head;
        new.apply(&changes, &mut tip, None).map_err(|error| self.failed(&error))?;
        tracing::info!(records = copied, "every record is copied");
        Ok(tip)
    }

    fn damaged(&self, detail: &str) -> OpenError {
        OpenError::Damaged { path: self.old.to_owned(), detail: detail.to_owned() }
    }

    /// The old database cannot be read, which has nothing to do with the upgrade.
    fn unreadable(&self, error: &::sled::Error) -> OpenError {
        trouble::opening(self.old, &error.to_string())
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> OpenError {
        let detail = trouble::using(self.new, &error.to_string());
        OpenError::Upgrade { path: self.old.to_owned(), from: self.identity.format, to: FORMAT, detail }
    }
}
