//! The store on sled, the embedded default.
//!
//! Owns the data directory, the writer thread and the write barrier; the verbs are those of the key-value store (`kv`). What it keeps
//! true: an answer is given only when what it tells is on the medium (`writer`, `barrier`); a directory that is not what it
//! was is refused, with a sentence that says what to do, and never opened empty (`directory`, `identity`, `database`);
//! after a barrier that failed nothing is answered any more ([`Failure`]).
//!
//! Linux only: the barrier needs `syncfs`.

mod barrier;
mod crowd;
mod database;
mod directory;
mod error;
mod flush;
mod identity;
mod pace;
mod recount;
mod rows;
#[cfg(test)]
mod tests;
mod tip;
mod trouble;
mod upgrade;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::barrier::Barrier;
use self::database::{Database, Reopened};
pub use self::directory::is_store;
use self::directory::{Directory, Found};
pub use self::error::OpenError;
use self::error::Trying;
use self::identity::Identity;
use self::pace::Pace;
use self::recount::Recount;
use self::tip::Tip;
use self::writer::Writer;
use super::kv::engine::{Engine, Job, Pair, Reads, View};
use super::kv::head::Head;
use super::kv::{self, KvStore};
use super::verbs::StoreStatus;
use super::{Lane, Result, Revocations, Store, StoreError};
use crate::model::clock::Timestamp;
use crate::model::ids::StoreId;
use crate::model::revocation::Revocation;

/// The format of everything in a data directory. Rises when an older version could no longer read it.
const FORMAT: u32 = 3;

/// A disk that reads less in a second is not waited for.
const SLOWEST_BYTES_PER_SECOND: u64 = 1 << 20;

/// How often an opening that takes long says so.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Where a store is, and its limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory; made where it is absent.
    pub directory: PathBuf,
    /// The id that the store gets if this start makes it.
    pub fresh_id: StoreId,
    /// Bytes of records kept in memory at the most.
    pub cache_capacity: u64,
    /// Verbs that may wait for the writer; past it they are `Overloaded`.
    pub queue: usize,
    /// Verbs that are committed together at the most.
    pub group: usize,
    /// How long a commit may take before the store counts as unhealthy.
    pub watchdog: Duration,
    /// How long opening may count what can be counted later.
    pub moment: Duration,
    /// How long opening may take beside a second for each mebibyte of its databases.
    pub patience: Duration,
    /// The service's time: when a directory of an earlier format is upgraded. The last committed time where that is later.
    pub now: Timestamp,
}

impl Options {
    /// The usual limits: 64 MiB of cache, 4,096 waiting verbs, groups of 1,024, a watchdog of 10 s, a count of 200 ms,
    /// two minutes to open.
    #[must_use]
    pub fn new(directory: PathBuf, fresh_id: StoreId) -> Self {
        Self {
            directory,
            fresh_id,
            cache_capacity: 64 << 20,
            queue: 4096,
            group: 1024,
            watchdog: Duration::from_secs(10),
            moment: Duration::from_millis(200),
            patience: Duration::from_mins(2),
            now: Timestamp::default(),
        }
    }
}

/// Opens the store of a data directory, or makes it where there is nothing.
///
/// Reads every record, of sessions and audit events as many as a moment allows; the rest is read while the store is in use,
/// and a store that turns out to be damaged then fails. A directory of an earlier format is first brought to the present one,
/// where it lies; until that is done it takes room for a second database, and a crash meanwhile costs nothing. When this returns,
/// everything in the store is durable, `revocations` knows what is revoked and the durable revision, and no other process can
/// open the directory until the store is closed or this process ends. The [`Failure`] tells when the store has failed while it
/// was open: the process should then end, and a restart is what is needed.
///
/// Dropping the future leaves the opening to the end of the process, which does no harm: a kill at any moment leaves a store that
/// opens.
///
/// # Errors
/// [`OpenError`]: its text is one sentence that says what to do. Nothing that was there is ever replaced by an empty store.
pub async fn open(options: Options, revocations: Arc<Revocations>) -> std::result::Result<(Arc<dyn Store>, Failure), OpenError> {
    let (store, failure) = open_kv(options, revocations).await?;
    Ok((store, failure))
}

/// [`open`], before it is hidden which store it is.
pub(super) async fn open_kv(
    options: Options,
    revocations: Arc<Revocations>,
) -> std::result::Result<(Arc<KvStore>, Failure), OpenError> {
    let path = options.directory.join("sled");
    let place = options.directory.clone();
    let bytes = tokio::task::spawn_blocking(move || directory::bytes_of_databases(&place)).await.unwrap_or_default();
    let within = options.patience + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
    let broken_off = OpenError::BrokenOff(options.directory.clone());
    let mut opening = tokio::task::spawn_blocking(move || SledEngine::open(&options, revocations, kv::revocations));
    let begun = Instant::now();
    let (engine, failure) = loop {
        let left = within.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left.min(TELL_INTERVAL), &mut opening).await {
            Ok(opened) => break opened.map_err(|_| broken_off)??,
            Err(_) if begun.elapsed() >= within => return Err(OpenError::TooSlow { path, within }),
            Err(_) => tracing::info!(seconds = begun.elapsed().as_secs(), bytes, "still opening the store"),
        }
    };
    Ok((Arc::new(KvStore::new(Arc::new(engine))), failure))
}

/// Tells when the store has failed for good: a commit could not be made durable, and the process should end.
#[derive(Clone, Debug)]
pub struct Failure(watch::Receiver<Option<String>>);

impl Failure {
    /// Waits for the failure and answers why, as a sentence without a full stop; for ever where there is none. Cancel safe.
    pub async fn failed(&self) -> String {
        let mut reason = self.0.clone();
        let failed = reason.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match failed {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }
}

/// The engine: a database, its writer thread, and what others may ask about them.
#[derive(Debug)]
pub(crate) struct SledEngine {
    id: StoreId,
    queue: RwLock<Option<SyncSender<Box<dyn Job>>>>,
    watchdog: Duration,
    shared: Arc<Shared>,
}

/// What the writer tells the engine.
#[derive(Debug)]
struct Shared {
    view: SharedView,
    durable: Mutex<Head>,
    busy: Busy,
    failure: watch::Sender<Option<String>>,
    closed: watch::Sender<bool>,
}

impl SledEngine {
    /// Opens or makes the store of a data directory. Blocks.
    ///
    /// `revoked` reads the revocations that are kept; `revocations` knows them, and the durable revision, when this returns.
    pub(crate) fn open(
        options: &Options,
        revocations: Arc<Revocations>,
        revoked: impl FnOnce(&dyn View) -> Result<Vec<Revocation>>,
    ) -> std::result::Result<(Self, Failure), OpenError> {
        let (directory, found) = Directory::enter(&options.directory)?;
        let opened = match found {
            Found::Store(identity) => reopen(&directory, &upgrade::to_present(&directory, identity, options)?, options)?,
            Found::Nothing | Found::Unfinished => create(&directory, options)?,
        };
        let Opened { database, barrier, identity, id, tip, recount } = opened;
        let kept =
            revoked(&database).map_err(|error| OpenError::Damaged { path: directory.database(), detail: error.to_string() })?;
        revocations.extend(Lane::Only, &kept, tip.head.revision);

        let (queue, jobs) = mpsc::sync_channel(options.queue);
        let (failure, failed) = watch::channel(None);
        let shared = Arc::new(Shared {
            view: SharedView(RwLock::new(Some(database.clone()))),
            durable: Mutex::new(tip.head.clone()),
            busy: Busy::new(),
            failure,
            closed: watch::channel(false).0,
        });
        let writer = Writer {
            database,
            directory,
            identity,
            barrier,
            changed: 0,
            tip,
            recount,
            pace: Pace::new(Instant::now()),
            cache: options.cache_capacity,
            group: options.group,
            revocations,
            shared: Arc::clone(&shared),
            runtime: Handle::try_current().ok(),
        };
        thread::Builder::new()
            .name(database::WRITER.to_owned())
            .spawn(move || writer.run(&jobs))
            .trying("start a thread for", &options.directory)?;
        let engine = Self { id, queue: RwLock::new(Some(queue)), watchdog: options.watchdog, shared };
        Ok((engine, Failure(failed)))
    }

    fn unavailable(&self) -> StoreError {
        let failed = self.shared.failure.borrow().clone();
        StoreError::Unavailable(failed.unwrap_or_else(|| "it is closed".to_owned()))
    }
}

#[async_trait]
impl Engine for SledEngine {
    fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(self.unavailable()) };
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => self.unavailable(),
        })
    }

    fn reads(&self) -> Reads<'_> {
        Reads::Near(&self.shared.view)
    }

    fn lanes(&self) -> Vec<Lane> {
        vec![Lane::Only]
    }

    fn status(&self) -> StoreStatus {
        let head = self.shared.durable.lock().unwrap_or_else(PoisonError::into_inner);
        StoreStatus { id: self.id, revision: head.revision, last_commit: head.last_commit }
    }

    fn healthy(&self) -> bool {
        let open = self.queue.read().unwrap_or_else(PoisonError::into_inner).is_some();
        open && self.shared.failure.borrow().is_none() && self.shared.busy.since().is_none_or(|busy| busy < self.watchdog)
    }

    async fn close(&self) {
        let mut closed = self.shared.closed.subscribe();
        // The writer ends when it has committed what is queued and nothing can come any more.
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        // The sender is `self`'s, so that waiting cannot fail.
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

impl Shared {
    /// What is durable from now on.
    fn durable(&self, head: &Head) {
        head.clone_into(&mut self.durable.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fail(&self, reason: &str) {
        self.failure.send_replace(Some(reason.to_owned()));
    }
}

/// A database that is known to be the right one, with everything in it durable.
struct Opened {
    database: Database,
    barrier: Barrier,
    identity: Identity,
    id: StoreId,
    tip: Tip,
    recount: Option<Recount>,
}

fn create(directory: &Directory, options: &Options) -> std::result::Result<Opened, OpenError> {
    let path = directory.database();
    let identity = Identity::fresh(options.fresh_id);
    directory.begin_creation(&identity)?;
    let (database, tip) = Database::create(&path, options.cache_capacity, options.fresh_id)?;
    let barrier = first_barrier(&database, &path)?;
    directory.finish_creation()?;
    Ok(Opened { database, barrier, identity, id: options.fresh_id, tip, recount: None })
}

fn reopen(directory: &Directory, identity: &Identity, options: &Options) -> std::result::Result<Opened, OpenError> {
    directory.expect_database()?;
    directory.prepare()?;
    let path = directory.database();
    let Reopened { database, store: id, tip, recount } = Database::open(&path, options.cache_capacity, options.moment)?;
    if id != identity.store {
        return Err(OpenError::OtherStore { path, expected: identity.store, found: id });
    }
    if tip.commits < identity.commits {
        return Err(OpenError::Behind { path, expected: identity.commits, found: tip.commits });
    }
    let barrier = first_barrier(&database, &path)?;
    // From now on a copy of the database that lacks any of this is refused.
    let identity = identity.at(&tip);
    directory.record(&identity)?;
    Ok(Opened { database, barrier, identity, id, tip, recount })
}

fn first_barrier(database: &Database, path: &Path) -> std::result::Result<Barrier, OpenError> {
    Barrier::first(path, database.sled().clone()).trying("write", path)
}

/// The database for readers outside the writer, until the store is closed.
#[derive(Debug)]
struct SharedView(RwLock<Option<Database>>);

impl SharedView {
    /// Waits for who is reading; every later read is `Unavailable`.
    fn close(&self) {
        drop(self.0.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn with<T>(&self, read: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.0.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().map_or_else(|| Err(StoreError::Unavailable("it is closed".to_owned())), read)
    }
}

impl View for SharedView {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with(|database| database.read(key))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        self.with(|database| database.scan(prefix, from, most))
    }
}

/// Since when the writer has been at one group: microseconds after `start` and one, or zero where it waits for work.
#[derive(Debug)]
struct Busy {
    start: Instant,
    since: AtomicU64,
}

impl Busy {
    fn new() -> Self {
        Self { start: Instant::now(), since: AtomicU64::new(0) }
    }

    fn begin(&self) {
        self.since.store(self.elapsed().saturating_add(1), Ordering::Relaxed);
    }

    fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    fn since(&self) -> Option<Duration> {
        match self.since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Duration::from_micros(self.elapsed().saturating_sub(since - 1))),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
