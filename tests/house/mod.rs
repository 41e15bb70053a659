//! The services over a store, without a server, with a clock that tests move and password hashes that cost next to nothing. The unit
//! tests, the stories and the benchmarks stand on it.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use countersign::crypto::keyring::KeyRing;
use countersign::crypto::password::HashParams;
use countersign::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket};
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::ServerKeys;
use countersign::model::clock::{Clock as _, ManualClock, SETTLED_AFTER, Timestamp};
use countersign::model::ids::UserId;
use countersign::model::name::{Email, Name};
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::model::session::Face;
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::traffic::Traffic;
use countersign::model::user::{Roles, User};
use countersign::service::client::{Client, SignedIn};
use countersign::service::login::LoginRequest;
use countersign::service::policy::Policy;
use countersign::service::services::{Parts, Services};
use countersign::service::sso::{IdentityClient, IdentityError, ProvenIdentity, Registration, SignInRequest};
use countersign::service::time::Time;
use countersign::service::tokens::{SignIn, TokenSet, Tokens};
use countersign::service::{Error, Result};
use countersign::store::verbs::{By, UserCreated};
use countersign::store::{Revocations, Store, memory};

/// The password of every account that [`House::user`] makes.
pub(crate) const PASSWORD: &str = "tangerine submarine waltz 1871";
/// Neither staff nor superuser.
pub(crate) const PLAIN: Roles = Roles { staff: false, superuser: false };
/// Staff.
pub(crate) const STAFF: Roles = Roles { staff: true, superuser: false };
/// Superuser.
pub(crate) const SUPERUSER: Roles = Roles { staff: false, superuser: true };

/// What a house stands on.
pub(crate) struct Ground {
    pub(crate) store: Arc<dyn Store>,
    /// What the store revokes into.
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<dyn Random>,
    /// Speaks to identity providers, made with the house's gate of time.
    pub(crate) identity: Box<dyn FnOnce(Time) -> Arc<dyn IdentityClient>>,
    pub(crate) policy: Policy,
    /// How many threads hash.
    pub(crate) threads: usize,
}

/// The services and what they share.
pub(crate) struct House {
    pub(crate) services: Arc<Services>,
    pub(crate) tokens: Tokens,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) server_keys: Arc<ServerKeys>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) pool: Arc<HashPool>,
    pub(crate) policy: Arc<Policy>,
    random: Arc<dyn Random>,
}

impl Ground {
    /// An empty store in memory, the default policy, and no identity provider.
    pub(crate) fn in_memory() -> Self {
        let revocations = Arc::new(Revocations::default());
        Self {
            store: memory(Arc::clone(&revocations)),
            revocations,
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_900_000_000))),
            random: Arc::new(SystemRandom),
            identity: Box::new(|_| Arc::new(NoProvider)),
            policy: Policy::new("https://auth.example.org"),
            threads: 1,
        }
    }
}

impl Deref for House {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl House {
    /// An empty one with the default policy.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// An empty one with a policy of its own.
    pub(crate) fn with(change: impl FnOnce(&mut Policy)) -> Self {
        let mut ground = Ground::in_memory();
        change(&mut ground.policy);
        Self::on(ground)
    }

    /// One on this ground, with keys of its own.
    pub(crate) fn on(ground: Ground) -> Self {
        let Ground { store, revocations, clock, random, identity, policy, threads } = ground;
        let policy = Arc::new(policy);
        let sealer = Arc::new(Sealer::new(None));
        let server_keys = Arc::new(ServerKeys::generate(&*random).unwrap());
        let signing = KeyRing::generate(Algorithm::default(), KeyState::Signing, &sealer, &*random, clock.now()).unwrap();
        let ring = Arc::new(KeyRing::load(&[signing], &sealer).unwrap());
        let params = HashParams::new(8, 1, 1).unwrap();
        let config = PoolConfig { threads, nice: 0, params, ..PoolConfig::default() };
        let pool = Arc::new(HashPool::start(config, Arc::clone(&random), &Traffic::default()).unwrap());
        let time = Time::new(Arc::clone(&clock) as Arc<_>, store.clone(), SETTLED_AFTER);
        let services = Arc::new(Services::new(Parts {
            store: Arc::clone(&store),
            revocations,
            time: time.clone(),
            random: Arc::clone(&random),
            sealer: Arc::clone(&sealer),
            server_keys: Arc::clone(&server_keys),
            ring: Arc::clone(&ring),
            pool: Arc::clone(&pool),
            policy: Arc::clone(&policy),
            epoch: 1,
            identity: identity(time),
        }));
        let tokens = Tokens::new(Arc::clone(&ring), Arc::clone(&server_keys), Arc::clone(&random), Arc::clone(&policy), 1);
        Self { services, tokens, clock, store, ring, server_keys, sealer, pool, policy, random }
    }

    /// An account with [`PASSWORD`] and the e-mail address `NAME@example.org`.
    pub(crate) async fn user(&self, name: &str, roles: Roles) -> UserId {
        let user = User::new(
            UserId::random(&*self.random),
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

    /// Logs in.
    pub(crate) async fn log_in(&self, name: &str, password: &str, otp: &str) -> Result<SignIn> {
        self.log_in_from(client(), name, password, otp).await
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
        self.login.login(&from, request).await
    }

    /// The caller that an access token of `tokens` makes.
    pub(crate) fn caller(&self, tokens: &TokenSet) -> Result<SignedIn> {
        self.verifier.authenticate(&client(), Some(&format!("Bearer {}", tokens.access_token.expose())))
    }

    /// A caller who has logged in with [`PASSWORD`].
    pub(crate) async fn signed_in(&self, name: &str) -> SignedIn {
        self.caller(&self.log_in(name, PASSWORD, "").await.unwrap().tokens).unwrap()
    }

    /// An account and its caller.
    pub(crate) async fn person(&self, name: &str, roles: Roles) -> SignedIn {
        self.user(name, roles).await;
        self.signed_in(name).await
    }

    /// A caller with the token of a personal key of `owner`.
    pub(crate) async fn by_key(&self, owner: &SignedIn) -> SignedIn {
        let key = self.keys.create(owner, "a script", None).await.unwrap();
        let sign_in = self.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap();
        self.caller(&sign_in.tokens).unwrap()
    }
}

/// Where calls come from.
pub(crate) fn client() -> Client {
    Client { source: IpAddr::V4(Ipv4Addr::LOCALHOST), face: Face::Grpc }
}

/// A place among those who wait for a hash.
pub(crate) fn ticket(name: &str) -> Ticket {
    let (name, source) = (Name::parse(name).unwrap().folded(), client().source);
    Ticket { name, source, lane: Lane::Known, deadline: Duration::from_secs(30) }
}

/// True where the field was refused as not of its form.
pub(crate) fn refused<T>(outcome: &Result<T>, field: &str) -> bool {
    matches!(outcome, Err(Error::Invalid { field: said, .. }) if *said == field)
}

/// Nobody signs on.
struct NoProvider;

#[async_trait]
impl IdentityClient for NoProvider {
    async fn authorization_url(&self, _: &Registration, _: &SignInRequest) -> std::result::Result<String, IdentityError> {
        Err(IdentityError::Untrusted("there is no provider".to_owned()))
    }

    async fn exchange(
        &self,
        _: &Registration,
        _: &SignInRequest,
        _: &Secret,
        _: Option<&str>,
    ) -> std::result::Result<ProvenIdentity, IdentityError> {
        Err(IdentityError::Untrusted("there is no provider".to_owned()))
    }
}

/// The one-time code of a secret in base32 at a moment, by an authenticator of another make.
pub(crate) fn one_time_code(secret: &str, at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &from_base32(secret));
    let tag = hmac::sign(&key, &(at.secs() / 30).to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().unwrap() & 15);
    let word = u32::from_be_bytes(*bytes.get(offset..).and_then(<[u8]>::first_chunk).unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// RFC 4648, section 6, without padding.
fn from_base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for symbol in text.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == symbol).unwrap();
        held = held << 5 | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}
