//! A whole set of services over the memory store, with a clock that tests move and password hashes that cost next to nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::accounts::Accounts;
use super::client::{Client, SignedIn};
use super::guesses::Guesses;
use super::identities::Identities;
use super::keys::Keys;
use super::login::{Login, LoginRequest};
use super::logout::Logout;
use super::organizations::Organizations;
use super::paging::Pages;
use super::passwords::Passwords;
use super::personal_key::PersonalKeys;
use super::policy::Policy;
use super::providers::Providers;
use super::refresh::Refresh;
use super::refusals::Refusals;
use super::second_factor::SecondFactors;
use super::single_use::SingleUse;
use super::throttle::Throttle;
use super::time::Time;
use super::tokens::{SignIn, TokenSet, Tokens};
use super::users::Users;
use super::verify::Verifier;
use super::{Error, Result};
use crate::crypto::keyring::KeyRing;
use crate::crypto::password::HashParams;
use crate::crypto::password::pool::{HashPool, PoolConfig};
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::model::clock::{Clock as _, ManualClock, Timestamp};
use crate::model::ids::UserId;
use crate::model::name::{Email, Name};
use crate::model::random::{Random, SystemRandom};
use crate::model::secret::Secret;
use crate::model::session::Face;
use crate::model::signing_key::{Algorithm, KeyState};
use crate::model::traffic::Traffic;
use crate::model::user::{Roles, User};
use crate::store::verbs::{By, UserCreated};
use crate::store::{Revocations, Store, memory};

/// The password of every account that [`House::user`] makes.
pub(crate) const PASSWORD: &str = "seven otters play violin";
/// Neither staff nor superuser.
pub(crate) const PLAIN: Roles = Roles { staff: false, superuser: false };
/// Staff.
pub(crate) const STAFF: Roles = Roles { staff: true, superuser: false };
/// Superuser.
pub(crate) const SUPERUSER: Roles = Roles { staff: false, superuser: true };

/// The services and what they share.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server_keys: Arc<ServerKeys>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) pool: Arc<HashPool>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) tokens: Tokens,
    pub(crate) time: Time,
    pub(crate) policy: Arc<Policy>,
    pub(crate) login: Login,
    pub(crate) refresh: Refresh,
    pub(crate) personal_keys: Arc<PersonalKeys>,
    pub(crate) single_use: SingleUse,
    pub(crate) logout: Logout,
    pub(crate) accounts: Accounts,
    pub(crate) keys: Keys,
    pub(crate) users: Users,
    pub(crate) organizations: Organizations,
    pub(crate) identities: Identities,
    pub(crate) providers: Providers,
}

impl House {
    /// An empty one with the default policy.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// An empty one with a policy of its own.
    pub(crate) fn with(change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::new("https://auth.example.org");
        change(&mut policy);
        let policy = Arc::new(policy);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_900_000_000)));
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let sealer = Arc::new(Sealer::new(None));
        let server_keys = Arc::new(ServerKeys::generate(&*random).unwrap());
        let signing = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &sealer, &*random, clock.now()).unwrap();
        let ring = Arc::new(KeyRing::load(&[signing], &sealer).unwrap());
        let params = HashParams::new(8, 1, 1).unwrap();
        let config = PoolConfig { threads: 1, nice: 0, params, capacity: 64 };
        let pool = Arc::new(HashPool::start(config, Arc::clone(&random), &Traffic::default()).unwrap());

        let revocations = Arc::new(Revocations::default());
        let store = memory(Arc::clone(&revocations));
        let time = Time::new(Arc::clone(&clock) as Arc<_>, store.clone());
        let throttle = Arc::new(Throttle::new(Arc::clone(&clock) as Arc<_>));
        let guesses = Arc::new(Guesses::new(Arc::clone(&clock) as Arc<_>));
        let passwords = Passwords::new(Arc::clone(&pool), throttle);
        let second_factors = SecondFactors::new(Arc::clone(&sealer), Arc::clone(&server_keys));
        let tokens = Tokens::new(Arc::clone(&ring), Arc::clone(&server_keys), Arc::clone(&random), Arc::clone(&policy), 1);
        let verifier = Arc::new(Verifier::new(ring, revocations, &policy, time.clone(), 64));
        let (s, k, r) = (|| Arc::clone(&store), || Arc::clone(&server_keys), || Arc::clone(&random));
        let pages = Pages::new(k(), r());
        let personal_keys = Arc::new(PersonalKeys::new(&store, k(), r(), tokens.clone(), Arc::clone(&guesses), time.clone()));
        Self {
            login: Login::new(
                &store,
                passwords.clone(),
                second_factors.clone(),
                Arc::new(Refusals::new(s(), time.clone())),
                tokens.clone(),
                time.clone(),
            ),
            refresh: Refresh::new(
                s(),
                k(),
                tokens.clone(),
                Arc::clone(&verifier),
                Arc::clone(&personal_keys),
                Arc::clone(&guesses),
                time.clone(),
            ),
            single_use: SingleUse::new(s(), tokens.clone(), k(), r(), guesses, time.clone(), Arc::clone(&policy)),
            logout: Logout::new(s(), time.clone()),
            accounts: Accounts::new(&store, passwords.clone(), second_factors, tokens.clone(), r(), time.clone(), &policy),
            keys: Keys::new(&store, k(), r(), time.clone(), &policy, pages.clone()),
            users: Users::new(&store, passwords, r(), time.clone(), &policy, pages.clone()),
            organizations: Organizations::new(s(), r(), time.clone(), &policy, pages.clone()),
            identities: Identities::new(&store, time.clone(), pages.clone()),
            providers: Providers::new(&store, Arc::clone(&sealer), r(), time.clone(), &policy, pages),
            tokens,
            time,
            policy,
            clock,
            server_keys,
            sealer,
            pool,
            verifier,
            personal_keys,
            store,
        }
    }

    /// An account with [`PASSWORD`] and the e-mail address `NAME@example.org`.
    pub(crate) async fn user(&self, name: &str, roles: Roles) -> UserId {
        let ticket = crate::crypto::password::pool::Ticket {
            name: Name::parse(name).unwrap().folded(),
            source: client().source,
            lane: crate::crypto::password::pool::Lane::Known,
            deadline: std::time::Duration::from_secs(10),
        };
        let password = self.pool.hash(ticket, Secret::new(PASSWORD)).await.unwrap();
        let user = User::new(
            UserId::random(&SystemRandom as &dyn Random),
            Name::parse(name).unwrap(),
            Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            Some(password),
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
        let request = LoginRequest {
            username: name.to_owned(),
            password: Secret::new(password),
            otp: Secret::new(otp),
            organization: String::new(),
            mode: None,
        };
        self.login.login(&client(), request).await
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

/// True where the field was refused as not of its form.
pub(crate) fn refused<T>(outcome: &Result<T>, field: &str) -> bool {
    matches!(outcome, Err(Error::Invalid { field: said, .. }) if *said == field)
}
