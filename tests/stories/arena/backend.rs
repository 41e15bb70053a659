//! A [`House`] whose hash threads a test can keep busy, over either store.

use std::future::poll_fn;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

use countersign::crypto::password::pool::Verdict;
use countersign::model::ids::StoreId;
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::oidc::{Network, OidcClient};
use countersign::service::Result;
use countersign::service::tokens::TokenSet;
use countersign::store::Revocations;
use countersign::store::sled::{self, Options};
use tokio::task::JoinSet;

use crate::house::{Ground, House, PASSWORD, ticket};
pub(crate) use crate::house::{PLAIN, SUPERUSER, client};

/// How many threads hash.
const THREADS: u32 = 2;

/// The services and what the tests look at behind them.
pub(crate) struct Backend(House);

impl Deref for Backend {
    type Target = House;

    fn deref(&self) -> &House {
        &self.0
    }
}

impl Backend {
    /// Over the memory store.
    pub(crate) fn in_memory() -> Arc<Self> {
        Self::over(Ground::in_memory())
    }

    /// Over sled in `directory`, every barrier passed.
    pub(crate) async fn on_sled(directory: &Path) -> Arc<Self> {
        let revocations = Arc::new(Revocations::default());
        let id = StoreId::random(&SystemRandom as &dyn Random);
        let (store, _) = sled::open(Options::new(directory.join("data"), id), Arc::clone(&revocations)).await.unwrap();
        Self::over(Ground { store, revocations, ..Ground::in_memory() })
    }

    fn over(ground: Ground) -> Arc<Self> {
        let identity = Box::new(|time| Arc::new(OidcClient::new(time, Network::default())) as Arc<_>);
        Arc::new(Self(House::on(Ground { identity, threads: THREADS as usize, ..ground })))
    }

    /// Logs in with [`PASSWORD`].
    pub(crate) async fn log_in(&self, name: &str) -> Result<TokenSet> {
        self.0.log_in(name, PASSWORD, "").await.map(|sign_in| sign_in.tokens)
    }

    /// Gives every thread that hashes work for some 0.2 s: what asks for a hash meanwhile waits for one.
    pub(crate) async fn keep_pool_busy(self: &Arc<Self>) -> JoinSet<()> {
        let dear = format!("$2b$12${}", "e".repeat(53));
        begun(THREADS, || {
            let (backend, dear) = (Arc::clone(self), dear.clone());
            async move { assert_eq!(backend.pool.verify(ticket("busy"), Secret::new(PASSWORD), Some(dear)).await, Ok(Verdict::Wrong)) }
        })
        .await
    }

    /// How many hashes have been asked for so far.
    pub(crate) fn hashes_asked_for(&self) -> u64 {
        let stats = self.pool.stats();
        stats.done + u64::try_from(stats.running + stats.waiting).unwrap()
    }
}

/// Calls of which each has been polled once, so that what it begins with has been read. Then they run on tasks of their own.
pub(crate) async fn begun<T, F>(callers: u32, call: impl Fn() -> F) -> JoinSet<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let mut call = Box::pin(call());
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Ready(done) => running.spawn(async move { done }),
            Poll::Pending => running.spawn(call),
        };
    }
    running
}

/// The token in a link.
pub(crate) fn token_of(url: &Secret) -> Secret {
    Secret::new(url.expose().split_once("?sst=").unwrap().1)
}
