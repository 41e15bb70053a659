//! The database within a data directory: opening it without trusting it, reading it, and applying a group to it.
//!
//! sled checks a CRC with every page it reads, but its recovery takes a damaged piece of its log for the end of a segment and
//! goes on behind it, so that a record can silently fall back to what it was before. So every commit carries a [`Tally`] over
//! all records along, which a [`Recount`] after opening compares with the records that are there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sled::{Batch, Db};

use super::FORMAT;
use super::directory::Directory;
use super::error::{OpenError, Trying};
use super::recount::{Counted, Records, Recount};
use super::rows;
use super::tip::{Tally, Tip};
use super::trouble;
use crate::model::ids::StoreId;
use crate::store::kv::engine::{Pair, View};
use crate::store::kv::record::Unreadable;
use crate::store::kv::tx::Changes;
use crate::store::{Result, StoreError};

/// The prefix of the engine's own keys; the verbs have none that begins so.
pub(super) const IDENTITY_KEY: &[u8] = b"\0identity";
pub(super) const TIP_KEY: &[u8] = b"\0tip";

/// Threads of this name panic in silence: the panic becomes a sentence.
const OPENER: &str = "store-open";
pub(super) const WRITER: &str = "store-writer";

/// The database of one store.
#[derive(Clone, Debug)]
pub(super) struct Database(Db);

/// A database that was opened again.
pub(super) struct Reopened {
    pub(super) database: Database,
    pub(super) store: StoreId,
    pub(super) tip: Tip,
    /// The count of its records, where that is not complete and right already.
    pub(super) recount: Option<Recount>,
}

/// What is said of records that do not come to the tally.
pub(super) const OTHERS: &str = "its records are not the ones that were written";

impl Database {
    /// A database that sled has opened.
    pub(super) fn over(db: Db) -> Self {
        Self(db)
    }

    /// Makes a database for the store `id` in a fresh directory. Applied, not durable yet.
    pub(super) fn create(directory: &Path, cache: u64, id: StoreId) -> std::result::Result<(Self, Tip), OpenError> {
        let identity = rows::identity(id);
        let created = guarded(directory, broken(directory), move |path| {
            let database = Self(config(path, cache).open().map_err(|error| damage(path, &error))?);
            let mut tip = Tip::default();
            let changes = Changes::from([(IDENTITY_KEY.to_vec(), Some(identity))]);
            database.apply(&changes, &mut tip, None).map_err(|error| damage(path, &error))?;
            Ok((database, tip))
        })?;
        make_private(directory)?;
        Ok(created)
    }

    /// Opens the database in `directory`, begins to count its records, and answers whose it is and where it stands.
    pub(super) fn open(directory: &Path, cache: u64, moment: Duration) -> std::result::Result<Reopened, OpenError> {
        let opened = guarded(directory, broken(directory), move |path| {
            let damaged = |detail: &str| OpenError::Damaged { path: path.to_owned(), detail: detail.to_owned() };
            let database = Self(config(path, cache).open().map_err(|error| damage(path, &error))?);
            if !database.0.was_recovered() {
                return Err(damaged("it opened empty"));
            }
            let read = |key| database.read(key).map_err(|error| damage(path, &error));
            let first = read(IDENTITY_KEY)?.ok_or_else(|| damaged("its first record is missing"))?;
            let (format, store) =
                rows::read_identity(&first).map_err(|Unreadable(what)| damaged(&format!("its first record {what}")))?;
            if format > FORMAT {
                let path = path.parent().unwrap_or(path).to_owned();
                return Err(OpenError::LaterFormat { path, found: format, known: FORMAT });
            }
            let last = read(TIP_KEY)?.ok_or_else(|| damaged("its last record is missing"))?;
            let tip = rows::read_tip(&last).map_err(|Unreadable(what)| damaged(&format!("its last record {what}")))?;
            let recount = match Recount::begin(&database, tip.tally, moment).map_err(|error| damage(path, &error))? {
                (recount, Counted::Partly) => Some(recount),
                (_, Counted::Right) => None,
                (_, Counted::Wrong) => return Err(damaged(OTHERS)),
            };
            Ok(Reopened { database, store, tip, recount })
        })?;
        make_private(directory)?;
        Ok(opened)
    }

    /// Applies changes and the tip after them in one atomic batch, and moves `tip` there, and a count that is under way. Not
    /// durable yet.
    pub(super) fn apply(
        &self,
        changes: &Changes,
        tip: &mut Tip,
        mut recount: Option<&mut Recount>,
    ) -> std::result::Result<(), sled::Error> {
        let mut next = tip.clone();
        next.commits += 1;
        let mut batch = Batch::default();
        for (key, value) in changes {
            let old = self.0.get(key)?;
            next.tally.change(key, old.as_deref(), value.as_deref());
            if let Some(recount) = &mut recount {
                recount.follow(key, old.as_deref(), value.as_deref());
            }
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch.insert(TIP_KEY, rows::tip(&next));
        self.0.apply_batch(batch)?;
        *tip = next;
        Ok(())
    }

    /// For the barrier.
    pub(super) fn sled(&self) -> &Db {
        &self.0
    }
}

impl Records for Database {
    fn count(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        most: usize,
        tally: &mut Tally,
    ) -> std::result::Result<(Option<Vec<u8>>, usize), sled::Error> {
        let (mut last, mut counted) = (None, 0);
        for pair in self.0.range(from..).take(most) {
            let (key, value) = pair?;
            if to.is_some_and(|to| *key >= *to) {
                break;
            }
            if key != TIP_KEY {
                tally.change(&key, None, Some(&value));
            }
            last = Some(key);
            counted += 1;
        }
        Ok((last.map(|key| key.to_vec()), counted))
    }
}

impl View for Database {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).map_err(|error| failure(&error))?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for pair in self.0.range(from.max(prefix)..).take(most) {
            let (key, value) = pair.map_err(|error| failure(&error))?;
            if !key.starts_with(prefix) {
                break;
            }
            pairs.push((key.to_vec(), value.to_vec()));
        }
        Ok(pairs)
    }
}

/// How often sled's own thread tidies its file, in milliseconds (sled's default): it moves what still counts out of one segment
/// (half a mebibyte, of which half or less counts) so that the segment can be used again, and syncs the file. Barriers are the
/// writer's; but without this thread sled moves one page for ten that change, which is too few to keep up, and the
/// file becomes larger and larger. Not more often, because each time writes to the disk, where nothing else happens too.
const TIDY_INTERVAL_MS: u64 = 500;
/// The same for a large file, in which more happens.
const TIDY_INTERVAL_LARGE_MS: u64 = 100;
/// A file of so many bytes is large.
const LARGE_FILE_BYTES: u64 = 64 << 20;

pub(super) fn config(path: &Path, cache: u64) -> sled::Config {
    let large = fs::metadata(path.join("db")).is_ok_and(|file| file.len() >= LARGE_FILE_BYTES);
    let tidy = if large { TIDY_INTERVAL_LARGE_MS } else { TIDY_INTERVAL_MS };
    sled::Config::new().path(path).cache_capacity(cache).flush_every_ms(Some(tidy))
}

/// Runs `open` on a thread of its own, because sled panics on some kinds of damage; `broken` says what came of such a panic.
pub(super) fn guarded<T: Send>(
    path: &Path,
    broken: impl FnOnce(String) -> OpenError,
    open: impl FnOnce(&Path) -> std::result::Result<T, OpenError> + Send,
) -> std::result::Result<T, OpenError> {
    silence_panics();
    let joined = thread::scope(|scope| {
        let opener = thread::Builder::new().name(OPENER.to_owned()).spawn_scoped(scope, || open(path)).trying("open", path)?;
        opener.join().map_err(|panic| broken(panic_text(panic.as_ref())))
    });
    joined.flatten()
}

/// What a panic over a database in use says of it.
fn broken(path: &Path) -> impl FnOnce(String) -> OpenError {
    let path = path.to_owned();
    move |text| trouble::opening(&path, &text)
}

/// Opens and closes a database that is closed. sled remembers where its pages lie as of the last opening, and reads again
/// whatever was written since: after much of that, the next start would be the one to wait for it. A file that cannot be read is left
/// to that start.
pub(super) fn shorten_next_opening(directory: &Directory, cache: u64) {
    let path = directory.database();
    let opened = directory.prepare().and_then(|()| {
        guarded(&path, broken(&path), move |path| config(path, cache).open().map(drop).map_err(|error| damage(path, &error)))
    });
    if let Err(error) = opened {
        tracing::warn!(%error, "the next start will take longer");
    }
    wait_for_release(&path);
}

/// Waits until sled has let go of its file, which its own threads hold for a moment after the last handle is dropped, so that
/// the database can be opened again at once. Gives up after a second: the next opening then says that it is in use.
pub(super) fn wait_for_release(directory: &Path) {
    let Ok(data) = File::open(directory.join("db")) else { return };
    for _ in 0..1000 {
        if flock(&data, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a panic said, on one line.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Keeps the panics of this module's threads out of standard error: they are caught and told in one sentence.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if !matches!(thread::current().name(), Some(OPENER | WRITER)) {
                others(info);
            }
        }));
    });
}

fn damage(path: &Path, error: &dyn std::fmt::Display) -> OpenError {
    trouble::opening(path, &error.to_string())
}

fn failure(error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt(trouble::in_words(&error.to_string())),
        // The number of the system's error stays in the words.
        _ => StoreError::Unavailable(trouble::in_words(&error.to_string())),
    }
}

/// sled makes its files with the process's umask.
pub(super) fn make_private(directory: &Path) -> std::result::Result<(), OpenError> {
    for entry in fs::read_dir(directory).trying("read", directory)? {
        let path = entry.trying("read", directory)?.path();
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&path, Permissions::from_mode(mode)).trying("protect", &path)?;
    }
    Ok(())
}
