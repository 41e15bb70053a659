//! Every capability of the service, put together from its parts.

use std::sync::Arc;

use super::accounts::Accounts;
use super::guesses::Guesses;
use super::identities::Identities;
use super::keys::Keys;
use super::login::Login;
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
use super::sso::{self, IdentityClient, Sso};
use super::throttle::Throttle;
use super::time::Time;
use super::tokens::Tokens;
use super::users::Users;
use super::verify::Verifier;
use crate::crypto::keyring::KeyRing;
use crate::crypto::password::pool::HashPool;
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::model::random::Random;
use crate::store::{Revocations, Store};

/// How many verified signatures are remembered.
const SIGNATURE_CACHE_CAPACITY: usize = 10_000;

/// What the services are made of.
pub struct Parts {
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// What the store revokes into.
    pub revocations: Arc<Revocations>,
    /// The gate of time, over the same store.
    pub time: Time,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Opens and seals what rests.
    pub sealer: Arc<Sealer>,
    /// The server's own keys.
    pub server_keys: Arc<ServerKeys>,
    /// The signing keys.
    pub ring: Arc<KeyRing>,
    /// The threads that hash passwords.
    pub pool: Arc<HashPool>,
    /// The settings that decide.
    pub policy: Arc<Policy>,
    /// The epoch of the store.
    pub epoch: u32,
    /// Speaks to identity providers.
    pub identity: Arc<dyn IdentityClient>,
}

/// The services, one of each.
pub struct Services {
    /// Login.
    pub login: Login,
    /// Refresh.
    pub refresh: Refresh,
    /// PkeyJwt.
    pub personal_keys: Arc<PersonalKeys>,
    /// VerifyToken, and who a bearer token stands for.
    pub verifier: Arc<Verifier>,
    /// Single sign-on.
    pub sso: Sso,
    /// Single-use links.
    pub single_use: SingleUse,
    /// Logout and LogoutUser.
    pub logout: Logout,
    /// One's own account.
    pub accounts: Accounts,
    /// One's own personal keys.
    pub keys: Keys,
    /// Accounts, for operators.
    pub users: Users,
    /// Organizations, for operators.
    pub organizations: Organizations,
    /// Identities at providers, for operators.
    pub identities: Identities,
    /// Identity providers, for operators.
    pub providers: Providers,
    /// The time they decide by.
    pub time: Time,
}

impl Services {
    /// Puts the services together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, revocations, time, random, sealer, server_keys, ring, pool, policy, epoch, identity } = parts;
        let tokens = Tokens::new(Arc::clone(&ring), Arc::clone(&server_keys), Arc::clone(&random), Arc::clone(&policy), epoch);
        let passwords = Passwords::new(pool, Arc::new(Throttle::new(time.steady())));
        let guesses = Arc::new(Guesses::new(time.steady()));
        let factors = SecondFactors::new(Arc::clone(&sealer), Arc::clone(&server_keys));
        let refusals = Arc::new(Refusals::new(store.clone(), time.clone()));
        let pages = Pages::new(Arc::clone(&server_keys), Arc::clone(&random));
        let verifier = Arc::new(Verifier::new(ring, revocations, &policy, time.clone(), SIGNATURE_CACHE_CAPACITY));
        let personal_keys = Arc::new(PersonalKeys::new(
            &store,
            Arc::clone(&server_keys),
            Arc::clone(&random),
            tokens.clone(),
            Arc::clone(&guesses),
            time.clone(),
        ));
        Self {
            login: Login::new(&store, passwords.clone(), factors.clone(), refusals, tokens.clone(), time.clone()),
            refresh: Refresh::new(
                store.clone(),
                Arc::clone(&server_keys),
                tokens.clone(),
                Arc::clone(&verifier),
                Arc::clone(&personal_keys),
                Arc::clone(&guesses),
                time.clone(),
            ),
            sso: Sso::new(sso::Parts {
                store: Arc::clone(&store),
                tokens: tokens.clone(),
                keys: Arc::clone(&server_keys),
                sealer: Arc::clone(&sealer),
                random: Arc::clone(&random),
                time: time.clone(),
                policy: Arc::clone(&policy),
                identity,
                guesses: Arc::clone(&guesses),
            }),
            single_use: SingleUse::new(
                store.clone(),
                tokens.clone(),
                Arc::clone(&server_keys),
                Arc::clone(&random),
                guesses,
                time.clone(),
                Arc::clone(&policy),
            ),
            logout: Logout::new(store.clone(), time.clone()),
            accounts: Accounts::new(&store, passwords.clone(), factors, tokens, Arc::clone(&random), time.clone(), &policy),
            keys: Keys::new(&store, server_keys, Arc::clone(&random), time.clone(), &policy, pages.clone()),
            users: Users::new(&store, passwords, Arc::clone(&random), time.clone(), &policy, pages.clone()),
            organizations: Organizations::new(store.clone(), Arc::clone(&random), time.clone(), &policy, pages.clone()),
            identities: Identities::new(&store, time.clone(), pages.clone()),
            providers: Providers::new(&store, sealer, random, time.clone(), &policy, pages),
            personal_keys,
            verifier,
            time,
        }
    }
}
