//! Every service over a store, in this process: for the volume that races need. Password hashes cost next to nothing here.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::keyring::KeyRing;
use countersign::crypto::password::HashParams;
use countersign::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket};
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::ServerKeys;
use countersign::model::clock::{Clock as _, ManualClock, Timestamp};
use countersign::model::ids::{StoreId, UserId};
use countersign::model::name::{Email, Name};
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::model::session::Face;
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::traffic::Traffic;
use countersign::model::user::{Roles, User};
use countersign::oidc::OidcClient;
use countersign::service::client::{Client, SignedIn, by_system};
use countersign::service::login::LoginRequest;
use countersign::service::policy::Policy;
use countersign::service::refresh::RefreshSource;
use countersign::service::services::{Parts, Services};
use countersign::service::tokens::{SignIn, TokenSet};
use countersign::service::{Error, Result};
use countersign::store::sled::{self, Options};
use countersign::store::verbs::{CreateUser, Created};
use countersign::store::{Revocations, Store, memory};

use super::PASSWORD;

/// Neither staff nor superuser.
pub(crate) const PLAIN: Roles = Roles { staff: false, superuser: false };
/// Superuser.
pub(crate) const SUPERUSER: Roles = Roles { staff: false, superuser: true };

/// The services and what the tests look at behind them.
pub(crate) struct House {
    pub(crate) services: Services,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pool: Arc<HashPool>,
    pub(crate) ring: Arc<KeyRing>,
}

impl House {
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
        let pool = PoolConfig { threads: 2, nice: 0, params, ..PoolConfig::default() };
        let pool = Arc::new(HashPool::start(pool, Arc::clone(&random), &Traffic::default()).unwrap());
        let policy = Arc::new(Policy::new("https://auth.example.org"));
        let services = Services::new(Parts {
            store: Arc::clone(&store),
            revocations,
            clock: Arc::clone(&clock) as Arc<_>,
            random,
            sealer,
            server_keys,
            ring: Arc::clone(&ring),
            pool: Arc::clone(&pool),
            policy,
            epoch: 1,
            identity: Arc::new(OidcClient::new(Arc::clone(&clock) as Arc<_>)),
        });
        Arc::new(Self { services, store, clock, pool, ring })
    }

    /// An account with [`PASSWORD`] and the e-mail address `NAME@example.org`.
    pub(crate) async fn user(&self, name: &str, roles: Roles) -> UserId {
        let ticket = Ticket {
            name: Name::parse(name).unwrap().folded(),
            source: client().source,
            lane: Lane::Known,
            deadline: Duration::from_secs(30),
        };
        let user = User::new(
            UserId::random(&SystemRandom as &dyn Random),
            Name::parse(name).unwrap(),
            Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            Some(self.pool.hash(ticket, Secret::new(PASSWORD)).await.unwrap()),
            roles,
            self.clock.now(),
        );
        let id = user.id();
        let created = self.store.create_user(CreateUser { user, by: by_system(self.clock.now()) }).await.unwrap();
        assert_eq!(created, Created::Created);
        id
    }

    /// Lets a minute pass: what was refused in one round of a race does not slow down the next.
    pub(crate) fn forget_failures(&self) {
        self.clock.advance(Duration::from_mins(1));
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

    /// Rotates.
    pub(crate) async fn refresh(&self, refresh_token: &Secret) -> Result<TokenSet> {
        self.services.refresh.refresh(&client(), RefreshSource::Token(refresh_token.clone()), None).await
    }

    /// Renews by access token.
    pub(crate) async fn renew(&self, access_token: &Secret) -> Result<TokenSet> {
        self.services.refresh.refresh(&client(), RefreshSource::Access(access_token.clone()), None).await
    }

    /// True where VerifyToken says that it is active.
    pub(crate) async fn active(&self, access_token: &Secret, dataset: &str) -> bool {
        self.services.verifier.verify(access_token.expose(), 0, dataset).await.unwrap().is_some()
    }

    /// Nothing of `tokens` verifies, speaks for its caller, or renews either way.
    pub(crate) async fn assert_dead(&self, tokens: &TokenSet, dataset: &str, what: &str) {
        assert!(!self.active(&tokens.access_token, dataset).await, "{what}: an access token verifies");
        assert!(matches!(self.caller(tokens), Err(Error::TokenInvalid)), "{what}: an access token speaks for its caller");
        if let Some(refresh) = &tokens.refresh_token {
            // No other refusal will do: one because of reuse would hide a session that lived until then.
            let refused = self.refresh(refresh).await;
            assert!(matches!(refused, Err(Error::SessionRevoked)), "{what}: a session was alive: {refused:?}");
        }
        assert!(matches!(self.renew(&tokens.access_token).await, Err(Error::TokenInvalid)), "{what}: an access token renews");
    }
}

/// Where calls come from.
pub(crate) fn client() -> Client {
    client_at(1)
}

/// A source of its own for each number, in 127.0.0.0/8.
pub(crate) fn client_at(number: u16) -> Client {
    let [high, low] = number.to_be_bytes();
    Client { source: IpAddr::V4(Ipv4Addr::new(127, 0, high, low)), face: Face::Grpc }
}

/// The token in a link.
pub(crate) fn token_of(url: &Secret) -> Secret {
    Secret::new(url.expose().split_once("?sst=").unwrap().1)
}
