//! Fills a data directory through the store: sessions of real users, each opened by the verb that a login ends with, but all of
//! them with one password hash.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::child;
use super::error::{BenchError, Result, Trying as _};
use super::options::Options;
use super::stage::{Stage, fresh_password, progress};
use crate::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket};
use crate::crypto::refresh::RefreshToken;
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::model::audit::{Actor, Origin};
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::ids::{SessionId, StoreId, UserId};
use crate::model::name::{Email, Folded, Name};
use crate::model::random::{Random, SystemRandom};
use crate::model::secret::Secret;
use crate::model::session::{Face, Method, Mode};
use crate::model::traffic::Traffic;
use crate::model::user::{Generation, Roles, User};
use crate::store::sled::{Options as StoreOptions, open as open_store};
use crate::store::verbs::{By, CreateUser, Created, NewSession, OpenSession, Opened};
use crate::store::{Revocations, Store};

/// Verbs on their way at once.
const AT_ONCE: usize = 1024;
/// The least users that many sessions are spread over.
const SPREAD: u32 = 10_000;
const LIFETIME: Duration = Duration::from_hours(24);

/// The users of a directory, and a way to open more sessions of them.
pub(super) struct Bulk {
    users: Vec<(UserId, Generation)>,
    hash: String,
    /// The password of every user.
    password: Secret,
    /// What the users' names begin with; a number follows.
    names: String,
    opened: usize,
}

/// Makes the directory that `--data-dir` names, fills it, and says on standard output how to sign in.
///
/// # Errors
/// [`BenchError::Exists`]; those of a start and of the store.
pub(super) fn fill_only(options: &Options, admin_password: Option<Secret>, stop: &AtomicBool) -> Result<()> {
    let Some(directory) = options.data_dir.as_deref() else {
        return Err(BenchError::Usage("--fill-only needs --data-dir".to_owned()));
    };
    if directory.exists() {
        return Err(BenchError::Exists(directory.to_owned()));
    }
    let users = options.users.unwrap_or(SPREAD);
    let sessions = options.sessions.unwrap_or(users.saturating_mul(10));
    let mut options = options.clone();
    if !options.setting.iter().any(|(name, _)| name == "COUNTERSIGN_PUBLIC_URL") {
        // The issuer is kept for good: what `serve` without settings would have.
        options.setting.push(("COUNTERSIGN_PUBLIC_URL".to_owned(), "http://127.0.0.1:50051".to_owned()));
    }
    let given = admin_password.is_some();
    let admin_password = admin_password.unwrap_or_else(fresh_password);
    let stage = Stage::new(&options, None, stop)?;
    let filled = found(&stage, directory, &admin_password).and_then(|()| fill(directory, users, sessions, stop));
    let bulk = filled.inspect_err(|_| {
        // Half a directory is of no use to anyone; the error says more than a failure to remove it.
        let _ = std::fs::remove_dir_all(directory);
    })?;
    println!("{}: {sessions} sessions of {users} users, {} to {}", directory.display(), bulk.name(0), bulk.name(users - 1));
    println!("their password: {}", bulk.password.expose());
    if !given {
        println!("the password of admin: {}", admin_password.expose());
    }
    Ok(())
}

fn fill(directory: &Path, users: u32, sessions: u32, stop: &AtomicBool) -> Result<Bulk> {
    runtime()?.block_on(async {
        let (keys, epoch, store) = open(directory).await?;
        let bulk = async {
            let mut bulk = Bulk::users(&*store, users, stop).await?;
            bulk.sessions(&*store, &keys, epoch, sessions, false, stop).await?;
            Ok(bulk)
        };
        let bulk = bulk.await;
        store.close().await;
        bulk
    })
}

/// Lets `serve` make the store of a new directory.
///
/// # Errors
/// Those of a start.
pub(super) fn found(stage: &Stage<'_>, directory: &Path, admin_password: &Secret) -> Result<()> {
    stage.start("serve", directory, None, admin_password)?.stop()
}

/// A runtime for the store's verbs.
///
/// # Errors
/// [`BenchError::Io`].
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build().trying("start a runtime")
}

/// Opens the store of a directory that no server has open, with its server keys and its epoch.
///
/// # Errors
/// [`BenchError::Store`].
pub(super) async fn open(directory: &Path) -> Result<(ServerKeys, u32, Arc<dyn Store>)> {
    let random: &dyn Random = &SystemRandom;
    let options = StoreOptions::new(directory.to_owned(), StoreId::random(random));
    let (store, _) = open_store(options, Arc::new(Revocations::default())).await.map_err(store_error)?;
    let foundation = store.foundation().await.map_err(store_error)?;
    let foundation = foundation.ok_or_else(|| BenchError::Store("it was not founded".to_owned()))?;
    let keys = ServerKeys::from_sealed(&foundation.server_keys, &Sealer::new(None)).map_err(store_error)?;
    Ok((keys, foundation.epoch, store))
}

impl Bulk {
    /// Makes users, all with one password.
    ///
    /// # Errors
    /// [`BenchError::Store`], [`BenchError::Stopped`].
    pub(super) async fn users(store: &dyn Store, count: u32, stop: &AtomicBool) -> Result<Self> {
        progress(&format!("making {count} users"));
        let password = fresh_password();
        let hash = hash(&password).await?;
        let random: &dyn Random = &SystemRandom;
        let run = child::hex(&random.bytes::<3>());
        let mut bulk = Self { users: Vec::new(), hash, password, names: format!("bench-{run}-"), opened: 0 };
        let users = (0..count).map(|number| bulk.user(&bulk.name(number))).collect::<Result<Vec<_>>>()?;
        bulk.users = users.iter().map(|user| (user.id(), user.generations().current())).collect();
        let creating = futures_util::stream::iter(users.into_iter().map(|user| async {
            match store.create_user(CreateUser { user, by: by() }).await.map_err(store_error)? {
                Created::Created => going(stop),
                other => Err(BenchError::Store(format!("a user was not made: {other:?}"))),
            }
        }));
        first_error(creating.buffer_unordered(AT_ONCE)).await?;
        Ok(bulk)
    }

    /// Opens `count` sessions, of one user after the other, and answers with their refresh tokens where they
    /// are to be kept.
    ///
    /// # Errors
    /// [`BenchError::Store`], [`BenchError::Stopped`].
    pub(super) async fn sessions(
        &mut self,
        store: &dyn Store,
        keys: &ServerKeys,
        epoch: u32,
        count: u32,
        keep: bool,
        stop: &AtomicBool,
    ) -> Result<Vec<String>> {
        progress(&format!("opening {count} sessions"));
        let random: &dyn Random = &SystemRandom;
        let begin = self.opened;
        self.opened += count as usize;
        let this = &*self;
        let owners = this.users.iter().cycle().skip(begin % this.users.len().max(1)).take(count as usize);
        let opening = owners.map(|(user, generation)| {
            let id = SessionId::random(random);
            let (token, tip) = RefreshToken::first(keys, epoch, id, random.bytes());
            let session = NewSession {
                id,
                tip,
                face: Face::Grpc,
                mode: Mode::Json,
                methods: vec![Method::Password],
                lifetime: LIFETIME,
                most: u32::MAX,
            };
            let open = OpenSession {
                session,
                user: *user,
                generation: *generation,
                password: this.hash.clone(),
                factor: None,
                upgraded: None,
                organization: None,
                by: by(),
            };
            async move {
                match store.open_session(open).await.map_err(store_error)? {
                    Opened::Opened(_) => going(stop).map(|()| keep.then(|| token.expose().to_owned())),
                    other => Err(BenchError::Store(format!("a session was not opened: {other:?}"))),
                }
            }
        });
        let mut opening = futures_util::stream::iter(opening).buffer_unordered(AT_ONCE);
        let mut tokens = Vec::new();
        while let Some(token) = opening.next().await {
            tokens.extend(token?);
        }
        Ok(tokens)
    }

    fn name(&self, number: u32) -> String {
        format!("{}{number}", self.names)
    }

    fn user(&self, name: &str) -> Result<User> {
        let random: &dyn Random = &SystemRandom;
        let bad = |error: crate::model::name::NameError| BenchError::Usage(error.to_string());
        Ok(User::new(
            UserId::random(random),
            Name::parse(name).map_err(bad)?,
            Some(Email::parse(&format!("{name}@bench.invalid")).map_err(bad)?),
            Some(self.hash.clone()),
            Roles::default(),
            SystemClock.now(),
        ))
    }
}

async fn hash(password: &Secret) -> Result<String> {
    let config = PoolConfig { threads: 1, ..PoolConfig::default() };
    let pool = HashPool::start(config, Arc::new(SystemRandom), &Traffic::default()).trying("start a hash thread")?;
    let ticket = Ticket {
        name: Folded::presented("bench"),
        source: IpAddr::from([127, 0, 0, 1]),
        lane: Lane::Known,
        deadline: Duration::from_mins(1),
    };
    let hash = pool.hash(ticket, password.clone()).await.map_err(store_error);
    pool.stop();
    hash
}

/// As whoever signs in and refreshes over loopback.
fn by() -> By {
    By {
        origin: Origin { actor: Actor::Anonymous, source: Some(Ipv4Addr::LOCALHOST.into()) },
        caller: None,
        now: SystemClock.now(),
    }
}

fn going(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(BenchError::Stopped) } else { Ok(()) }
}

async fn first_error(mut outcomes: impl futures_util::Stream<Item = Result<()>> + Unpin) -> Result<()> {
    while let Some(outcome) = outcomes.next().await {
        outcome?;
    }
    Ok(())
}

fn store_error(error: impl std::fmt::Display) -> BenchError {
    BenchError::Store(error.to_string())
}
