//! Every service over a store, without a server, and what a test wants to see or hold behind them: the store, the hash pool, the
//! signing key. Password hashes cost next to nothing here. (`House` is the unit tests' own, with each service made by itself.)

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use countersign::crypto::keyring::KeyRing;
use countersign::crypto::password::HashParams;
use countersign::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket, Verdict};
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::ServerKeys;
use countersign::model::clock::{Clock as _, ManualClock, SETTLED_AFTER, Timestamp};
use countersign::model::ids::{StoreId, UserId};
use countersign::model::name::{Email, Name};
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::model::session::Face;
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::traffic::Traffic;
use countersign::model::user::{Roles, User};
use countersign::oidc::{Network, OidcClient};
use countersign::service::Result;
use countersign::service::client::{Client, SignedIn};
use countersign::service::login::LoginRequest;
use countersign::service::policy::Policy;
use countersign::service::services::{Parts, Services};
use countersign::service::time::Time;
use countersign::service::tokens::{SignIn, TokenSet};
use countersign::store::sled::{self, Options};
use countersign::store::verbs::{By, UserCreated};
use countersign::store::{Revocations, Store, memory};

use tokio::task::JoinSet;

use super::PASSWORD;

/// Neither staff nor superuser.
pub(crate) const PLAIN: Roles = Roles { staff: false, superuser: false };
/// Superuser.
pub(crate) const SUPERUSER: Roles = Roles { staff: false, superuser: true };

/// How many threads hash.
const THREADS: u32 = 2;

/// The services and what the tests look at behind them.
pub(crate) struct Backend {
    pub(crate) services: Arc<Services>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pool: Arc<HashPool>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) ring: Arc<KeyRing>,
}

impl Backend {
    /// Over the memory store.
    pub(crate) fn in_memory() -> Arc<Self> {
        let revocations = Arc::new(Revocations::default());
        let store = memory(Arc::clone(&revocations));
        Self::over(store, revocations)
    }

    /// Over sled in `directory`, every barrier passed.
    pub(crate) async fn on_sled(directory: &Path) -> Arc<Self> {
        let revocations = Arc::new(Revocations::default());
        let id = StoreId::random(&SystemRandom as &dyn Random);
        let (store, _) = sled::open(Options::new(directory.join("data"), id), Arc::clone(&revocations)).await.unwrap();
        Self::over(store, revocations)
    }

    fn over(store: Arc<dyn Store>, revocations: Arc<Revocations>) -> Arc<Self> {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_900_000_000)));
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let sealer = Arc::new(Sealer::new(None));
        let server_keys = Arc::new(ServerKeys::generate(&*random).unwrap());
        let signing = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &sealer, &*random, clock.now()).unwrap();
        let ring = Arc::new(KeyRing::load(&[signing], &sealer).unwrap());
        let params = HashParams::new(8, 1, 1).unwrap();
        let pool = PoolConfig { threads: THREADS as usize, nice: 0, params, ..PoolConfig::default() };
        let pool = Arc::new(HashPool::start(pool, Arc::clone(&random), &Traffic::default()).unwrap());
        let policy = Arc::new(Policy::new("https://auth.example.org"));
        let time = Time::new(Arc::clone(&clock) as Arc<_>, store.clone(), SETTLED_AFTER);
        let services = Services::new(Parts {
            store: Arc::clone(&store),
            revocations,
            time: time.clone(),
            random,
            sealer,
            server_keys,
            ring: Arc::clone(&ring),
            pool: Arc::clone(&pool),
            policy: Arc::clone(&policy),
            epoch: 1,
            identity: Arc::new(OidcClient::new(time, Network::default())),
        });
        Arc::new(Self { services: Arc::new(services), store, clock, pool, policy, ring })
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

    /// An account with [`PASSWORD`] and the e-mail address `NAME@example.org`.
    pub(crate) async fn user(&self, name: &str, roles: Roles) -> UserId {
        let user = User::new(
            UserId::random(&SystemRandom as &dyn Random),
            Name::parse(name).unwrap(),
            Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            Some(self.pool.hash(ticket(name), Secret::new(PASSWORD)).await.unwrap()),
            roles,
            self.clock.now(),
        );
        let id = user.id();
        let created = self.store.create_user(user, By::system(self.clock.now())).await.unwrap();
        assert_eq!(created.outcome, UserCreated::Created);
        id
    }

    /// Logs in from `from`.
    pub(crate) async fn log_in_from(&self, from: Client, name: &str, password: &str, otp: &str) -> Result<SignIn> {
        let request = LoginRequest {
            username: name.to_owned(),
            password: Secret::new(password),
            otp: Secret::new(otp),
            organization: String::new(),
            mode: None,
        };
        self.services.login.login(&from, request).await
    }

    /// Logs in with [`PASSWORD`].
    pub(crate) async fn log_in(&self, name: &str) -> Result<TokenSet> {
        self.log_in_from(client(), name, PASSWORD, "").await.map(|sign_in| sign_in.tokens)
    }

    /// The caller that an access token stands for.
    pub(crate) fn caller(&self, tokens: &TokenSet) -> Result<SignedIn> {
        self.services.verifier.authenticate(&client(), Some(&format!("Bearer {}", tokens.access_token.expose())))
    }

    /// A caller who has just logged in.
    pub(crate) async fn signed_in(&self, name: &str) -> SignedIn {
        self.caller(&self.log_in(name).await.unwrap()).unwrap()
    }

    /// An account and its caller.
    pub(crate) async fn person(&self, name: &str, roles: Roles) -> SignedIn {
        self.user(name, roles).await;
        self.signed_in(name).await
    }
}

fn ticket(name: &str) -> Ticket {
    let (name, source) = (Name::parse(name).unwrap().folded(), client().source);
    Ticket { name, source, lane: Lane::Known, deadline: Duration::from_secs(30) }
}

/// Where calls come from.
pub(crate) fn client() -> Client {
    Client { source: IpAddr::V4(Ipv4Addr::LOCALHOST), face: Face::Grpc }
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
