//! Single sign-on: a person proves to an OpenID provider who they are, and whoever asked for that collects the session.
//!
//! # How an attempt goes
//!
//! 1. [`Sso::start`] writes nothing. What it must remember travels in sealed values: one for the caller, who collects with it,
//!    and a different one in the URL that the person opens, which collects nothing.
//! 2. [`Sso::begin`] binds the attempt to that person's browser and names the provider's page.
//! 3. [`Sso::callback`] first commits that the attempt is being exchanged (a second callback finds that out, also after a
//!    crash, so the code is sent once), then asks the provider who it was, and says who asks for the session. The same browser
//!    gets the same question again, however often it comes back.
//! 4. [`Sso::answer`]: the person agrees, or does not. Only a yes from the same browser makes the session collectable.
//! 5. [`Sso::collect`] waits for that, and opens the session.
//!
//! Owns the sealed values, the waits and who may go on with an attempt; the store decides every race. An account is found by
//! issuer and subject, never by e-mail. Depends on an [`IdentityClient`] for everything that is said to a provider.

mod browser;
mod callback;
mod exchanges;
mod identity;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod ticket;
mod waits;

use std::sync::Arc;
use std::time::Duration;

pub use self::browser::{Answered, Begun, Callback, Confirmation, Refusal};
use self::exchanges::Exchanges;
pub use self::identity::{IdentityClient, IdentityError, ProvenIdentity, Registration, SignInRequest};
use self::ticket::{Asked, Begin, Collector, Ticket};
use self::waits::Waits;
use super::client::Client;
use super::guesses::Guesses;
use super::policy::Policy;
use super::time::Time;
use super::tokens::{Account, SignIn, Tokens};
use super::{Error, Result, limits};
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::{DerivePurpose, ServerKeys};
use crate::crypto::state::{StateKind, open_state, seal_state};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, ProviderId, SessionId};
use crate::model::name::{Folded, MAX_NAME};
use crate::model::provider::IdentityProvider;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::session::{Method, Mode};
use crate::model::sso::{Attempt, AttemptState};
use crate::store::Store;
use crate::store::verbs::{AccountStore, CollectAttempt, Collected, Commit, Granted, OrganizationStore, SignOnStore};

/// The longest a collection waits: 30 s.
pub const MAX_WAIT: Duration = Duration::from_secs(30);

/// Refused callbacks of one source at once: a company behind one address, whose provider has a bad minute, stays below it.
const MAX_REFUSED_CALLBACKS: f64 = 200.0;
/// How many of them are forgotten in a second.
const REFUSED_FORGOTTEN_PER_SECOND: f64 = 1.0;

/// Signs people on through identity providers. Cheap to clone.
#[derive(Clone)]
pub struct Sso(Arc<Inner>);

struct Inner {
    sign_on: Arc<dyn SignOnStore>,
    accounts: Arc<dyn AccountStore>,
    organizations: Arc<dyn OrganizationStore>,
    tokens: Tokens,
    keys: Arc<ServerKeys>,
    sealer: Arc<Sealer>,
    random: Arc<dyn Random>,
    time: Time,
    policy: Arc<Policy>,
    identity: Arc<dyn IdentityClient>,
    guesses: Arc<Guesses>,
    waits: Arc<Waits>,
    exchanges: Arc<Exchanges>,
    /// Callbacks that were refused, by source: each leaves a record until its attempt is over.
    refused: Guesses,
}

/// What [`Sso`] is made of.
pub struct Parts {
    /// Where attempts, providers and accounts are.
    pub store: Arc<dyn Store>,
    /// Makes the session's tokens.
    pub tokens: Tokens,
    /// Seals the values of an attempt.
    pub keys: Arc<ServerKeys>,
    /// Opens the client secrets of providers.
    pub sealer: Arc<Sealer>,
    /// Makes attempt ids.
    pub random: Arc<dyn Random>,
    /// The service's time.
    pub time: Time,
    /// Lifetimes and addresses.
    pub policy: Arc<Policy>,
    /// Speaks to providers.
    pub identity: Arc<dyn IdentityClient>,
    /// Slows down who presents states that are none.
    pub guesses: Arc<Guesses>,
}

/// An attempt that was started.
#[derive(Clone, Debug)]
pub struct SsoStarted {
    /// What [`Sso::collect`] takes: `cso_` and URL-safe characters. Never goes to a browser.
    pub state: Secret,
    /// The page that the person opens.
    pub auth_url: String,
    /// What that page will show too: `XXXX-XXXX`, letters and digits that are not mistaken for one another.
    pub user_code: String,
    /// From when on (inclusive) the attempt is over.
    pub expire_time: Timestamp,
}

/// How far an attempt is.
#[derive(Clone, Debug)]
pub enum SsoCollected {
    /// The person has not finished, or not confirmed.
    Pending,
    /// The session is open.
    Complete(Box<SignIn>),
}

impl Sso {
    /// One made of `parts`, with room for 1,000 waits.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, tokens, keys, sealer, random, time, policy, identity, guesses } = parts;
        let waits = Arc::new(Waits::default());
        let exchanges = Arc::new(Exchanges::new(Arc::clone(&waits)));
        let refused = guesses.beside(MAX_REFUSED_CALLBACKS, REFUSED_FORGOTTEN_PER_SECOND);
        let (sign_on, accounts, organizations) = (store.clone(), store.clone(), store);
        Self(Arc::new(Inner {
            sign_on,
            accounts,
            organizations,
            tokens,
            keys,
            sealer,
            random,
            time,
            policy,
            identity,
            guesses,
            waits,
            exchanges,
            refused,
        }))
    }

    /// Where a provider sends browsers back to: what is to be registered there.
    #[must_use]
    pub fn redirect_uri(&self, provider: ProviderId) -> String {
        self.0.redirect_uri(provider)
    }

    /// Starts an attempt at the site's provider (both names empty, or the organization's), at an organization's (its name), or
    /// at that one of several. Writes nothing.
    ///
    /// # Errors
    /// - [`Error::Invalid`] - a name past its limit (INVALID_ARGUMENT).
    /// - [`Error::SsoNotConfigured`] - no such organization, or no such provider there: one answer (FAILED_PRECONDITION).
    /// - [`Error::SsoProviderAmbiguous`] - several, and none was named (INVALID_ARGUMENT).
    pub async fn start(&self, client: &Client, org_name: &str, idp_name: &str) -> Result<SsoStarted> {
        let inner = &self.0;
        let organization = limits::organization("org_name", org_name)?;
        let wanted = limits::text("idp_name", idp_name, MAX_NAME)?;
        // An organization that exists and has no provider is read as one that does not: whoever waits cannot tell them apart.
        let providers = match &organization {
            None => inner.sign_on.providers(None, None, u32::MAX).await?,
            Some(name) => inner.sign_on.providers_named(name).await?,
        };
        let provider = one_of(providers, wanted)?;
        let now = inner.time.now()?;
        let ticket = Ticket {
            key_version: inner.keys.current_version(),
            attempt: AttemptId::random(&*inner.random),
            expire_time: now.plus(inner.policy.sso_attempt),
            organization: provider.organization,
            provider: provider.id,
        };
        let asked = Asked { source: client.source, at: now };
        let state = inner.seal(StateKind::Collector, &Collector { ticket: ticket.clone() })?;
        let begin = inner.seal(StateKind::Begin, &Begin { ticket: ticket.clone(), asked })?;
        Ok(SsoStarted {
            state: Secret::new(state),
            auth_url: format!("{}/sso/start?s={begin}", inner.policy.public_url),
            user_code: inner.user_code(&ticket),
            expire_time: ticket.expire_time,
        })
    }

    /// Opens the session of an attempt that its person confirmed; waits up to `wait` (30 s at most) for that. With as many
    /// waits as there may be (in all, from one network, for one attempt) it does not wait. The same session again for 60 s
    /// while its refresh token is unused.
    ///
    /// Cancel safe: what was opened stays open, and asking again finds it. Durable once this returns [`SsoCollected::Complete`].
    ///
    /// # Errors
    /// - [`Error::SsoStateInvalid`] - no state of ours, or the one from a browser's URL (INVALID_ARGUMENT).
    /// - [`Error::SsoExpired`], [`Error::SsoRefused`], [`Error::SsoCollected`] (FAILED_PRECONDITION).
    ///
    /// # Security
    /// `state` alone opens the session: it is a bearer secret of its caller, and nothing that a browser or a provider sees
    /// stands for it.
    pub async fn collect(&self, client: &Client, state: &Secret, wait: Duration) -> Result<SsoCollected> {
        let presenting = self.0.guesses.begin(client)?;
        presenting.ended(self.collect_state(client, state, wait).await)
    }

    async fn collect_state(&self, client: &Client, state: &Secret, wait: Duration) -> Result<SsoCollected> {
        let inner = &self.0;
        let (ticket, _) = inner.open_collector(state)?;
        let until = tokio::time::Instant::now() + wait.min(MAX_WAIT);
        // Registered before the store is read, so that what happens in between is not missed.
        let place = (!wait.is_zero()).then(|| inner.waits.enter(client.source, ticket.attempt)).flatten();
        loop {
            let woken = place.as_ref().map(waits::Place::woken);
            if let Some(sign_in) = inner.try_collect(client, state).await? {
                return Ok(SsoCollected::Complete(Box::new(sign_in)));
            }
            let Some(woken) = woken else { return Ok(SsoCollected::Pending) };
            let left = ticket.expire_time.since(inner.time.now()?);
            let until = until.min(tokio::time::Instant::now() + left);
            if tokio::time::timeout_at(until, woken).await.is_err() {
                // Once more: the attempt may have expired, or been confirmed on another node.
                let sign_in = inner.try_collect(client, state).await?;
                return Ok(sign_in.map_or(SsoCollected::Pending, |sign_in| SsoCollected::Complete(Box::new(sign_in))));
            }
        }
    }
}

impl Inner {
    fn redirect_uri(&self, provider: ProviderId) -> String {
        format!("{}/sso/callback/{provider}", self.policy.public_url)
    }

    /// The session, where the attempt was confirmed; `None` while it is pending.
    async fn try_collect(&self, client: &Client, state: &Secret) -> Result<Option<SignIn>> {
        let (ticket, key_version) = self.open_collector(state)?;
        let now = self.time.now()?;
        let expired = || if now >= ticket.expire_time { Err(Error::SsoExpired) } else { Ok(None) };
        // The read spares the writer those who only ask; what it finds can only be overtaken towards an end.
        let found = self.sign_on.attempt(ticket.attempt).await?;
        let stands = found.as_ref().map(Attempt::state);
        // Without its provider an attempt can no longer finish.
        if !matches!(stands, Some(AttemptState::Collected { .. })) && self.sign_on.provider(ticket.provider).await?.is_none() {
            return if now >= ticket.expire_time { Err(Error::SsoExpired) } else { Err(Error::SsoRefused) };
        }
        match stands {
            Some(AttemptState::Exchanging { .. }) if self.abandoned(client, &ticket).await? => return Err(Error::SsoRefused),
            None | Some(AttemptState::Exchanging { .. } | AttemptState::Identified { .. }) => return expired(),
            Some(AttemptState::Refused) => return Err(Error::SsoRefused),
            Some(AttemptState::Confirmed { .. } | AttemptState::Collected { .. }) => {}
        }
        let derived = |purpose| self.keys.derive16(purpose, key_version, &[b"sign-on", state.expose().as_bytes()]);
        let id = SessionId::derived(derived(DerivePurpose::SessionId));
        let first = derived(DerivePurpose::FirstRefresh);
        let (session, refresh) = self.tokens.session_from(id, first, client.face, Mode::Json, vec![Method::SignOn]);
        let collect = CollectAttempt { attempt: ticket.attempt, session, organization: ticket.organization };
        let Commit { outcome, decided_at, .. } = self.sign_on.collect_attempt(collect, client.by(now)).await?;
        match outcome {
            Collected::Opened(granted) | Collected::Retried(granted) => {
                self.sign_in(*granted, refresh, decided_at).await.map(Some)
            }
            Collected::Pending => expired(),
            Collected::Refused => Err(Error::SsoRefused),
            Collected::Gone => Err(Error::SsoCollected),
            Collected::Expired => Err(Error::SsoExpired),
        }
    }

    /// Whether an attempt that was found being exchanged can no longer finish: the process that had its callback is gone. It is
    /// refused then.
    async fn abandoned(&self, client: &Client, ticket: &Ticket) -> Result<bool> {
        if self.exchanges.has(ticket.attempt) {
            return Ok(false);
        }
        // Read after that: a callback that ended in between left something else.
        let found = self.sign_on.attempt(ticket.attempt).await?;
        if !matches!(found.as_ref().map(Attempt::state), Some(AttemptState::Exchanging { .. })) {
            return Ok(false);
        }
        self.sign_on.refuse_attempt(browser::refusal(ticket), client.by(self.time.now()?)).await?;
        Ok(true)
    }

    async fn sign_in(&self, granted: Granted, refresh: Secret, granted_at: Timestamp) -> Result<SignIn> {
        let tokens = self.tokens.issue(&granted.grant, Some(refresh), granted_at)?;
        let user = match granted.user {
            Some(user) => Some(Account::read(&*self.organizations, user).await?),
            None => None,
        };
        Ok(SignIn { tokens, user })
    }

    fn open_collector(&self, state: &Secret) -> Result<(Ticket, u8)> {
        limits::required_secret("state", state, limits::MAX_STATE)?;
        let opened = open_state(&self.keys, StateKind::Collector, state.expose()).map_err(|_| Error::SsoStateInvalid)?;
        let Collector { ticket } = ticket::read(self.tokens.epoch(), &opened.payload).ok_or(Error::SsoStateInvalid)?;
        Ok((ticket, opened.key_version))
    }

    fn seal(&self, kind: StateKind, value: &impl serde::Serialize) -> Result<String> {
        let payload = ticket::write(self.tokens.epoch(), value).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(seal_state(&self.keys, kind, &payload, &*self.random))
    }

    fn user_code(&self, ticket: &Ticket) -> String {
        let bytes = self.keys.derive32(DerivePurpose::UserCode, ticket.key_version, &[ticket.attempt.as_bytes()]);
        user_code(&bytes)
    }
}

fn one_of(providers: Vec<IdentityProvider>, wanted: &str) -> Result<IdentityProvider> {
    let wanted = (!wanted.is_empty()).then(|| Folded::presented(wanted));
    let fits = |provider: &IdentityProvider| wanted.as_ref().is_none_or(|wanted| provider.name.folded() == *wanted);
    let mut fitting = providers.into_iter().filter(fits);
    let found = fitting.next().ok_or(Error::SsoNotConfigured)?;
    if fitting.next().is_some() { Err(Error::SsoProviderAmbiguous) } else { Ok(found) }
}

/// `XXXX-XXXX`: 40 bits in Crockford's base 32, which leaves out I, L, O and U.
fn user_code(bytes: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut code: String =
        bytes.iter().take(8).filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).map(|byte| char::from(*byte)).collect();
    code.insert(4, '-');
    code
}
